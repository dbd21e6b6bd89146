"""The customer's people, kept by themselves: list, add, change. A login's email is changed by its owner alone."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.contacts import create_contact, update_contact
from tollgate.actions.portal_access import Visit
from tollgate.actions.portal_passwords import send_password_link
from tollgate.portal.access import visiting
from tollgate.portal.saving import posted, press, saved
from tollgate.store.models import Contact
from tollgate.store.queries.portal import contacts_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.departments import DEPARTMENT, departments, offer_departments, with_departments
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.layout import Crumb
from tollgate.ui.phones import PhoneField, at_home
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

FIELDS = ("first_name", "last_name", "phone", "mobile", "kind")


def _login(contact: Any) -> str:
    return "Enabled" if contact.login_enabled else "Disabled"


LIST = Grid(
    name="contacts",
    columns=(
        Column(
            "name",
            "Name",
            value=str,
            sort="last_name",
            link=lambda row: reverse("portal:contact", args=[row.pk]),
        ),
        Column("email", "Email", sort="email"),
        Column("phone", "Phone"),
        Column("mobile", "Mobile"),
        DEPARTMENT,
        Column("login", "Login", value=_login, kind=Kind.BADGE, tone={"enabled": "green"}, sort="login_enabled"),
        Column("public_notes", "Notes", hidden=True),
    ),
    sort="last_name",
    empty_text="Nobody yet.",
)


class ContactForm(HouseForm):
    """A person of the customer, as the customer's own people see one."""

    widths = {"public_notes": 12}
    first_name = forms.CharField(max_length=100)
    last_name = forms.CharField(max_length=100, required=False)
    phone = PhoneField(required=False)
    mobile = PhoneField(required=False, help_text="A new number has to be verified again")
    kind = forms.ChoiceField(label="Department")

    def __init__(self, *arguments: Any, account_id: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        offer_departments(self.fields["kind"], account_id)


class ChangedContactForm(ContactForm):
    """The same with the version that was opened."""

    versioned = True


class NewContactForm(ContactForm):
    """The same with the email, which is the login."""

    field_order = ("first_name", "last_name", "email")
    email = forms.EmailField(help_text="They log in with it: a link to set a password is sent there")


@visiting("contacts")
def contacts(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Everybody at the customer."""
    search = ("first_name__icontains", "last_name__icontains", "email__icontains")
    source = QuerysetSource(queryset=contacts_of(visit.customer), search=search)
    grid = with_departments(LIST, departments(visit.customer.account_id))
    return respond(request, grid, source, template="portal/contacts.html", title="Contacts")


@visiting("contacts")
def new_contact(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """One more person, who gets a link to set a password."""
    form = NewContactForm(posted(request), initial={"kind": "general"}, account_id=visit.customer.account_id)
    at_home(form, visit.customer.country)
    if form.is_valid():
        done = saved(
            request, form, visit, create_contact, customer_id=visit.customer.pk, invite=True, **form.cleaned_data
        )
        if done is not None:
            messages.success(request, f"{done} is added, and a link is on its way to {done.email}.")
            return redirect("portal:contacts")
    return _form(request, form, "New contact")


@visiting("contacts")
def edit_contact(request: HttpRequest, visit: Visit, contact_id: int) -> HttpResponseBase:
    """One person."""
    contact = _contact(visit, contact_id)
    start = {name: getattr(contact, name) for name in (*FIELDS, "version")}
    form = ChangedContactForm(posted(request), initial=start, account_id=visit.customer.account_id)
    at_home(form, visit.customer.country)
    if form.is_valid():
        done = saved(request, form, visit, update_contact, contact_id=contact.pk, **form.cleaned_data)
        if done is not None:
            messages.success(request, f"{done} is saved.")
            return redirect("portal:contacts")
    return _form(request, form, as_is(contact), contact=contact, template="portal/contact.html")


@require_POST
@visiting("contacts")
def send_link(request: HttpRequest, visit: Visit, contact_id: int) -> HttpResponseBase:
    """Sends a link to set a password to somebody who has none yet."""
    contact = _contact(visit, contact_id)
    words = f"A link is on its way to {contact.email}."
    press(request, visit, send_password_link, words, contact_id=contact.pk)
    return redirect("portal:contact", contact.pk)


def _contact(visit: Visit, contact_id: int) -> Contact:
    found = contacts_of(visit.customer).filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found


def _form(
    request: HttpRequest, form: HouseForm, title: str, *, template: str = "portal/form.html", **context: object
) -> HttpResponseBase:
    back = reverse("portal:contacts")
    way = [Crumb("Contacts", back)]
    return render_form(request, form, template=template, title=title, breadcrumbs=way, back_url=back, **context)


urlpatterns = [
    path("contacts/", contacts, name="contacts"),
    path("contacts/new/", new_contact, name="contact_new"),
    path("contacts/<int:contact_id>/", edit_contact, name="contact"),
    path("contacts/<int:contact_id>/send-link/", send_link, name="contact_link"),
]
