"""The contact's own details, and showing that email and mobile are theirs: a code is sent and typed."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.contacts import update_contact
from tollgate.actions.portal_access import Visit
from tollgate.actions.portal_codes import WHAT, code_under_way, send_contact_code, verify_contact_by_code
from tollgate.actions.taxes import tax_day, taxes_of
from tollgate.core.invoice_document import rate_text
from tollgate.core.taxes import TaxDoubt
from tollgate.portal.access import visiting
from tollgate.portal.contacts import FIELDS, ContactForm
from tollgate.portal.saving import knows_password, posted, press, saved, with_code
from tollgate.store.models import Customer
from tollgate.ui.fields import ZoneField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.layout import Crumb
from tollgate.ui.words import sign

OWN_FIELDS = (*FIELDS, "zone", "language", "marketing")


class DetailsForm(ContactForm):
    """What contacts say of themselves."""

    versioned = True
    widths = {"marketing": 12}
    zone = ZoneField(required=False, label="Time zone", help_text="Calls tell this time beside UTC")
    language = forms.CharField(
        max_length=10,
        required=False,
        help_text="Of these pages and of your messages, such as en, de, es, fr or pt; empty = as your browser asks",
    )
    marketing = forms.BooleanField(required=False, label="Send me news and offers too")


class EmailForm(HouseForm):
    """A new email, with the password: it is the login."""

    widths = {"email": 6, "password": 6}
    email = forms.EmailField(label="New email", help_text="You log in with it from now on; it has to be verified again")
    password = forms.CharField(
        max_length=200,
        strip=False,
        label="Your password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class TypedCodeForm(HouseForm):
    """The six digits."""

    code = forms.CharField(
        max_length=10,
        help_text="Six digits, valid for ten minutes",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


@visiting("details")
def details(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The contact's own record, what is verified, and the customer's facts that only the operator changes."""
    contact = visit.contact
    start: dict[str, Any] = {name: getattr(contact, name) for name in (*OWN_FIELDS, "version")}
    form = DetailsForm(posted(request), initial=start, account_id=visit.customer.account_id)
    if form.is_valid():
        done = saved(request, form, visit, update_contact, contact_id=contact.pk, **form.cleaned_data)
        if done is not None:
            messages.success(request, "Your details are saved.")
            return redirect("portal:details")
    return render_form(
        request,
        form,
        template="portal/details.html",
        title="Your details",
        code_form=TypedCodeForm(),
        sent={what: code_under_way(contact, what) is not None for what in WHAT},
        taxes=_taxes(visit.customer),
        reserve_micros=-visit.customer.debit_limit_micros,
    )


def _taxes(customer: Customer) -> list[tuple[str, int]] | None:
    """What falls due with an invoice of today, as it would say it, with what each adds by itself; None while that is
    in doubt.
    """
    found = taxes_of(customer, tax_day(customer, datetime.now(UTC)))
    if isinstance(found, TaxDoubt):
        return None
    return [
        (f"{tax.label} {rate_text(tax.rate_ppm, decimal=sign())}" if tax.rate_ppm else tax.name, tax.fixed_micros)
        for tax in found
    ]


@visiting("details", own=True)
def change_email(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """A new email for the own login."""
    form = with_code(EmailForm(posted(request)), visit)
    if form.is_valid():
        given = form.cleaned_data
        mine: dict[str, Any] = {"contact_id": visit.contact.pk, "email": given["email"]}
        if knows_password(form, visit) and saved(request, form, visit, update_contact, **mine) is not None:
            messages.success(request, f"You log in with {given['email']} from now on. Verify it below.")
            return redirect("portal:details")
    back = reverse("portal:details")
    way = [Crumb("Your details", back)]
    return render_form(request, form, template="portal/form.html", title="New email", breadcrumbs=way, back_url=back)


@require_POST
@visiting("details")
def send_code(request: HttpRequest, visit: Visit, what: str) -> HttpResponseBase:
    """Sends a code to the own email or mobile."""
    _known(what)
    words = f"A code is on its way to {getattr(visit.contact, what)}."
    press(request, visit, send_contact_code, words, contact_id=visit.contact.pk, what=what)
    return redirect("portal:details")


@require_POST
@visiting("details", own=True)
def type_code(request: HttpRequest, visit: Visit, what: str) -> HttpResponseBase:
    """Takes the code that was sent."""
    _known(what)
    form = TypedCodeForm(request.POST)
    fits = form.is_valid() and _fits(visit, what, form.cleaned_data["code"])
    if fits:
        messages.success(request, f"Your {what} is verified.")
    else:
        messages.error(request, "This code does not fit. After five tries, or ten minutes, ask for a new one.")
    return redirect("portal:details")


@require_POST
@visiting(own=True)
def theme(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Keeps the theme that the contact picked in the menu."""
    try:
        with acting(visit.actor()):
            update_contact(contact_id=visit.contact.pk, theme=request.POST.get("theme", ""))
    except Invalid as invalid:
        return HttpResponse(str(invalid), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


def _fits(visit: Visit, what: str, code: str) -> bool:
    with acting(visit.actor()):
        return verify_contact_by_code(contact_id=visit.contact.pk, what=what, code=code)


def _known(what: str) -> None:
    if what not in WHAT:
        raise Http404


urlpatterns = [
    path("details/", details, name="details"),
    path("details/email/", change_email, name="email"),
    path("details/<str:what>/send-code/", send_code, name="send_code"),
    path("details/<str:what>/code/", type_code, name="type_code"),
    path("theme/", theme, name="theme"),
]
