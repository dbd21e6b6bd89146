"""Contacts: the people at a customer. Their list is a tab of the customer's page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
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
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import note
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Contact, Customer
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid


def _verified(name: str, title: str) -> Column:
    """Whether the contact has shown that the address or number is theirs."""

    def value(row: Any) -> str:
        return "Verified" if getattr(row, f"{name}_verified_at") else "Not verified"

    return Column(f"{name}_verified", title, value=value, kind=Kind.BADGE, tone={"verified": "green"})


LIST = Grid(
    name="contacts",
    columns=(
        Column("name", "Name", value=str, link=link("panel:contact", lambda row: row.pk)),
        Column("email", "Email", sort="email"),
        _verified("email", "Email"),
        Column("mobile", "Mobile"),
        _verified("mobile", "Mobile"),
        Column("kind", "Kind", sort="kind"),
    ),
    sort="last_name",
    compact=True,
    empty_text="No contacts yet. A contact is a person at this customer.",
)
FIELDS = ("first_name", "last_name", "email", "phone", "mobile", "kind", "public_notes", "private_notes")


class ContactForm(HouseForm):
    """A person at a customer."""

    tabs = [("Person", list(FIELDS[:6])), ("Notes", list(FIELDS[6:]))]
    widths = {"public_notes": 6, "private_notes": 6}
    first_name = forms.CharField(max_length=100, required=False)
    last_name = forms.CharField(max_length=100, required=False)
    email = forms.EmailField(help_text="Belongs to one person of all customers")
    phone = forms.CharField(max_length=30, required=False, help_text="International, such as +37061234567")
    mobile = forms.CharField(max_length=30, required=False, help_text="International, such as +37061234567")
    kind = forms.CharField(max_length=50, initial="general", label="Department")
    public_notes = note(help_text="For the customer's eyes too; never a password")
    private_notes = note(help_text="For users of this panel only; never a password")


class ChangedContactForm(ContactForm):
    """The same with the version that was opened."""

    versioned = True


@writing("create_contact", shown_to_all=False)
def new_contact(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new contact of a customer."""
    customer = get_object_or_404(Customer, pk=customer_id, account=own_account(request), deleted_at=None)
    form = ContactForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_contact, customer_id=customer.pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is added.", form_url=request.path, done_url=_list(customer))
    return render_form(request, form, title="New contact", breadcrumbs=_way(customer), back_url=_list(customer))


@writing("update_contact")
def edit_contact(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """One contact, with its verifications."""
    contact = _contact(request, contact_id)
    form = ChangedContactForm(posted(request), initial=initial(contact, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_contact, contact_id=contact.pk, version=version, **changes(form))
        if done is not None:
            words = f"{done} is saved."
            return after_save(request, words, form_url=request.path, done_url=_list(contact.customer))
    return render_form(
        request,
        form,
        template="panel/contact.html",
        title=str(contact),
        breadcrumbs=_way(contact.customer),
        back_url=_list(contact.customer),
        can_stay=True,
        contact=contact,
        read_only=not may(request, "update_contact"),
    )


@writing("verify_contact_email", shown_to_all=False)
def verify_email(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Marks the email verified by hand."""
    contact = _contact(request, contact_id)
    reason = request.POST.get("reason", "")
    press(request, verify_contact_email, f"{contact.email} is verified.", contact_id=contact.pk, reason=reason)
    return redirect("panel:contact", contact.pk)


@writing("verify_contact_mobile", shown_to_all=False)
def verify_mobile(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Marks the mobile number verified by hand."""
    contact = _contact(request, contact_id)
    reason = request.POST.get("reason", "")
    press(request, verify_contact_mobile, f"{contact.mobile} is verified.", contact_id=contact.pk, reason=reason)
    return redirect("panel:contact", contact.pk)


@writing("delete_contact", shown_to_all=False)
def remove_contact(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    """Removes one contact; the audit log keeps who it was."""
    contact = _contact(request, contact_id)
    if request.POST.get("confirmation") != contact.email:
        messages.error(request, f"Type {contact.email} to remove this contact.")
    elif press(request, delete_contact, f"{contact} is removed.", contact_id=contact.pk):
        return redirect(_list(contact.customer))
    return redirect("panel:contact", contact.pk)


def _contact(request: HttpRequest, contact_id: int) -> Contact:
    return get_object_or_404(
        Contact.objects.select_related("customer"), pk=contact_id, customer__account=own_account(request)
    )


def _list(customer: Customer) -> str:
    return reverse("panel:customer_contacts", args=[customer.pk])


def _way(customer: Customer) -> list[Any]:
    return crumbs(("Customers", reverse("panel:customers")), (customer.name, _list(customer)))


urlpatterns = [
    path("customers/<int:customer_id>/contacts/new/", new_contact, name="contact_new"),
    path("contacts/<int:contact_id>/", edit_contact, name="contact"),
    path("contacts/<int:contact_id>/verify-email/", verify_email, name="contact_verify_email"),
    path("contacts/<int:contact_id>/verify-mobile/", verify_mobile, name="contact_verify_mobile"),
    path("contacts/<int:contact_id>/delete/", remove_contact, name="contact_delete"),
]
