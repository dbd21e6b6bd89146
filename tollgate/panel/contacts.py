"""Contacts: the people at the customers. Their list is global, and a part of the customer's page; logins are in
contact_logins.py.
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.contacts import (
    create_contact,
    delete_contact,
    update_contact,
    verify_contact_email,
    verify_contact_mobile,
)
from tollgate.actions.erasures import erase_contact
from tollgate.panel.access import by_customer, may, own_account, own_customers, reading, served_rows, writing
from tollgate.panel.cells import link, page_of
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.deleted_records import removed
from tollgate.panel.endpoint_forms import NetworksField
from tollgate.panel.fields import note
from tollgate.panel.frame import crumbs
from tollgate.panel.of_customer import narrowed
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Contact, Customer
from tollgate.store.queries.customers import naming_customers
from tollgate.store.queries.finding import by_columns, by_company, by_title, contacts_with, may_log_in, with_text
from tollgate.store.queries.portal import sessions_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.departments import DEPARTMENT, departments, offer_departments, with_departments
from tollgate.ui.fields import ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.phones import PhoneField, at_home
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, told, worded

BOOLEANS = (("True", "Yes"), ("False", "No"))
NEVER_PASSWORDS = "never write a password here, send a link instead"


def _verified(name: str, title: str) -> Column:
    """Whether the contact has shown that the address or number is theirs."""

    def value(row: Any) -> str:
        return "Verified" if getattr(row, f"{name}_verified_at") else "Not verified"

    return Column(f"{name}_verified", title, value=value, kind=Kind.BADGE, tone={"verified": "green"})


def _menu(row: Any) -> list[tuple[str, str]]:
    """What may be done with a contact; each page asks for its own permission."""
    return [
        (words, page_of(f"panel:contact_{name}", row.pk))
        for name, words in (
            ("password", "Change password"),
            ("portal", "Portal login"),
            ("sessions", "Sessions and failed logins"),
        )
    ] + [("Edit or remove", page_of("panel:contact", row.pk))]


COLUMNS = (
    Column("name", "Name", value=str, sort="last_name", link=link("panel:contact", lambda row: row.pk)),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer", lambda row: row.customer_id),
    ),
    Column("email", "Email", sort="email"),
    _verified("email", "Email verified"),
    Column("phone", "Phone", hidden=True),
    Column("mobile", "Mobile", sort="mobile"),
    _verified("mobile", "Mobile verified"),
    DEPARTMENT,
    Column(
        "login",
        "Login",
        value=lambda row: "Disabled" if not row.login_enabled else "Enabled" if row.has_password else "No password",
        kind=Kind.BADGE,
        tone={"enabled": "green", "no password": "yellow"},
    ),
    Column("menu", "Action", value=_menu, kind=Kind.MENU),
)
GLOBAL = Grid(
    name="contacts",
    columns=COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("kind", "Department", "kind"),
        Filter("login", "May log in", "login_enabled", choices=BOOLEANS),
    ),
    sort="last_name",
    ticks=True,
    empty_text="No contacts yet. A contact is a person at a customer, with a login to the portal.",
    empty_url="/contacts/new/",
    empty_action="Add a contact",
)
PERSON = ("first_name", "last_name", "email", "phone", "mobile", "kind")
LOGIN = ("login_enabled", "marketing", "allowed_networks", "zone", "language")
NOTES = ("public_notes", "private_notes")


class ContactForm(HouseForm):
    """A person at a customer, with the login to the portal."""

    tabs = [("Person", list(PERSON)), ("Login", list(LOGIN)), ("Notes", list(NOTES))]
    widths = {"public_notes": 6, "private_notes": 6, "login_enabled": 6, "marketing": 6}
    first_name = forms.CharField(max_length=100)
    last_name = forms.CharField(max_length=100, required=False)
    email = forms.EmailField(help_text="The login to the portal")
    phone = PhoneField(required=False)
    mobile = PhoneField(required=False, help_text="SMS go here")
    kind = forms.ChoiceField(initial="general", label="Department")
    login_enabled = forms.BooleanField(required=False, initial=True, label="May log in to the portal")
    marketing = forms.BooleanField(required=False, initial=True, label="Gets news and offers too")
    allowed_networks = NetworksField(
        required=False, label="Login only from", help_text="Addresses or networks, one per line; empty = anywhere"
    )
    zone = ZoneField(required=False, label="Time zone", help_text="The portal tells this time beside UTC")
    language = forms.CharField(
        max_length=10, required=False, help_text="Of the messages they get, such as en or de; empty = English"
    )
    public_notes = note(help_text=f"Shown to the customer in the portal; {NEVER_PASSWORDS}")
    private_notes = note(help_text=f"For users of this panel only; {NEVER_PASSWORDS}")

    def __init__(self, *arguments: Any, account_id: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        offer_departments(self.fields["kind"], account_id)


class NewContactForm(ContactForm):
    """The same with the first password: a link to set one, or one typed here."""

    tabs = [("Person", [*PERSON, "invite", "password"]), *ContactForm.tabs[1:]]
    widths = {**ContactForm.widths, "invite": 6, "password": 6}
    invite = forms.BooleanField(
        required=False,
        initial=True,
        label="Send a link to set a password",
        help_text="It works once, for 24 hours. Nobody learns the password",
    )
    password = forms.CharField(
        max_length=128,
        required=False,
        label="Or a password",
        strip=False,
        help_text="At least 10 characters; has to be changed at the first login",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-generate": ""}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        given = super().clean() or {}
        if not given.get("invite") and not given.get("password") and given.get("login_enabled"):
            self.add_error("password", "Type a password, or send a link.")
        return given


class GlobalContactForm(NewContactForm):
    """The same with the company, typed: there may be too many to list."""

    tabs = [("Person", ["customer_id", *NewContactForm.tabs[0][1]]), *NewContactForm.tabs[1:]]
    widths = {**NewContactForm.widths, "customer_id": 12}
    customer_id = CustomerField(label="Company", help_text="The customer's name or account number")

    def __init__(self, *arguments: Any, known: QuerySet[Customer], **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, known)


class ChangedContactForm(ContactForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def contacts(request: HttpRequest) -> HttpResponseBase:
    """Everybody at every customer."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/contacts.html", title="Contacts", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    people = served_rows(request, naming_customers(Contact.objects.all()))
    titles = departments(own_account(request).pk)
    return with_departments(GLOBAL, titles), QuerysetSource(
        queryset=people,
        search=cache(contacts_with),
        meanings={
            **by_company(),
            **by_columns("contact"),
            **by_title("kind", {key: str(told(title)) for key, title in titles.items()}),
            "login_enabled": cache(may_log_in),
        },
        narrow=True,
        walked=by_customer(request),
    )


def at_customer(request: HttpRequest, customer: Customer) -> tuple[Grid, QuerysetSource]:
    """The people at one customer, for its page."""
    return narrowed(
        listed(request, {}),
        customer,
        search=cache(partial(with_text, "contact")),
        prefix="contacts.",
        page_size=25,
        empty_text="No contacts yet. A contact is a person at this customer.",
    )


@writing("create_contact", shown_to_all=False)
def new_contact_of_any(request: HttpRequest) -> HttpResponseBase:
    """A new contact of any customer."""
    form = GlobalContactForm(posted(request), account_id=own_account(request).pk, known=_customers(request))
    page = reverse("panel:contacts")
    return _new(request, form, page, crumbs(("Selling", ""), ("Contacts", page)))


@writing("create_contact", shown_to_all=False)
def new_contact(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new contact of a customer."""
    customer = get_object_or_404(_customers(request), pk=customer_id)
    form = NewContactForm(posted(request), account_id=own_account(request).pk)
    at_home(form, customer.country)
    return _new(request, form, of_customer(customer), way_to(customer), customer_id=customer.pk)


@writing("update_contact")
def edit_contact(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """One contact, with its verifications and its login."""
    contact = contact_of(request, contact_id)
    start = initial(contact, (*PERSON, *LOGIN, *NOTES))
    form = ChangedContactForm(posted(request), initial=start, account_id=own_account(request).pk)
    at_home(form, contact.customer.country)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_contact, contact_id=contact.pk, version=version, **changes(form))
        if done is not None:
            back = of_customer(contact.customer)
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/contact.html",
        title=as_is(str(contact)),
        breadcrumbs=way_to(contact.customer),
        back_url=of_customer(contact.customer),
        contact=contact,
        sessions_count=sessions_of(contact).count(),
        links_count=contact.sign_in_links.count(),
        last_login_at=contact.sessions.filter(user_id=None).aggregate(last=Max("created_at"))["last"],
        read_only=not may(request, "update_contact"),
    )


@writing("verify_contact_email", shown_to_all=False)
def verify_email(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Marks the email verified by hand, or takes that back."""
    contact = contact_of(request, contact_id)
    given = _verification(request)
    words = f"{contact.email} is {'verified' if given['verified'] else 'not verified any more'}."
    press(request, verify_contact_email, words, contact_id=contact.pk, **given)
    return redirect("panel:contact", contact.pk)


@writing("verify_contact_mobile", shown_to_all=False)
def verify_mobile(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Marks the mobile number verified by hand, or takes that back."""
    contact = contact_of(request, contact_id)
    given = _verification(request)
    words = f"{contact.mobile} is {'verified' if given['verified'] else 'not verified any more'}."
    press(request, verify_contact_mobile, words, contact_id=contact.pk, **given)
    return redirect("panel:contact", contact.pk)


@writing("delete_contact", shown_to_all=False)
def remove_contact(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Removes one contact; the audit log keeps who it was."""
    contact = contact_of(request, contact_id)
    if request.POST.get("confirmation") != contact.email:
        messages.error(request, f"Type {contact.email} to remove this contact.")
    elif press(request, delete_contact, removed(request, str(contact)), contact_id=contact.pk):
        return redirect(of_customer(contact.customer))
    return redirect("panel:contact", contact.pk)


class EraseForm(HouseForm):
    """Who it is, typed, and who asked for it."""

    widths = {"confirmation": 6, "reason": 12}
    confirmation = forms.CharField(max_length=254, label="Type the email of the contact", widget=forms.TextInput)
    reason = forms.CharField(max_length=500, help_text="Who asked for it and when; it stands in the audit log")

    def __init__(self, *arguments: Any, email: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.email = email

    def clean_confirmation(self) -> str:
        """The email, as the page shows it."""
        if self.cleaned_data["confirmation"] != self.email:
            raise forms.ValidationError(f"Type {self.email} to erase this person.")
        return self.email


@writing("erase_contact", shown_to_all=False)
def erase(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Erases a person for good, once its email is typed."""
    contact = contact_of(request, contact_id)
    form = EraseForm(posted(request), email=contact.email)
    page = reverse("panel:contact", args=[contact.pk])
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        done = saved(request, form, erase_contact, contact_id=contact.pk, reason=reason)
        if done is not None:
            said = f"Contact {done.contact_id} is erased, with {done.messages_count} messages."
            return after_save(request, said, form_url=page, done_url=of_customer(contact.customer))
    return render_form(
        request,
        form,
        template="panel/contact_erase.html",
        title=worded("Erase {contact}", contact=contact),
        breadcrumbs=[*way_to(contact.customer), *crumbs((as_is(str(contact)), page))],
        back_url=page,
        save_title="Erase for good",
        contact=contact,
    )


def contact_of(request: HttpRequest, contact_id: int) -> Contact:
    """The contact of an address, if the user may see its customer."""
    found = Contact.objects.select_related("customer__account", "customer__domain")
    contact = found.filter(pk=contact_id, customer__in=own_customers(request)).first()
    if contact is None:
        raise Http404("There is no such contact.")
    return contact


def of_customer(customer: Customer) -> str:
    """Where the customer's contacts are listed."""
    return reverse("panel:customer_contacts", args=[customer.pk])


def way_to(customer: Customer) -> list[Any]:
    """The breadcrumbs down to the customer's contacts."""
    step = (as_is(customer.name), of_customer(customer))
    return crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), step)


def _new(
    request: HttpRequest, form: HouseForm, back: str, way: list[Any], *, customer_id: int | None = None
) -> HttpResponseBase:
    if form.is_valid():
        whose = {} if customer_id is None else {"customer_id": customer_id}
        done = saved(request, form, create_contact, **whose, **changes(form))
        if done is not None:
            sent = f" A link is on its way to {done.email}." if form.cleaned_data["invite"] else ""
            return after_save(request, f"{done} is added.{sent}", form_url=request.path, done_url=back)
    return render_form(request, form, template="panel/form.html", title="New contact", breadcrumbs=way, back_url=back)


def _verification(request: HttpRequest) -> dict[str, Any]:
    return {"reason": request.POST.get("reason", ""), "verified": request.POST.get("verified") != "no"}


def _customers(request: HttpRequest) -> QuerySet[Customer]:
    return own_customers(request).filter(deleted_at=None)


urlpatterns = [
    path("contacts/", contacts, name="contacts"),
    path("contacts/new/", new_contact_of_any, name="contact_new_of_any"),
    path("customers/<int:customer_id>/contacts/new/", new_contact, name="contact_new"),
    path("contacts/<int:contact_id>/", edit_contact, name="contact"),
    path("contacts/<int:contact_id>/verify-email/", verify_email, name="contact_verify_email"),
    path("contacts/<int:contact_id>/verify-mobile/", verify_mobile, name="contact_verify_mobile"),
    path("contacts/<int:contact_id>/delete/", remove_contact, name="contact_delete"),
    path("contacts/<int:contact_id>/erase/", erase, name="contact_erase"),
]
