"""What the register of the EU says of a customer's VAT number. It stands on the customer's Invoices page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from tollgate.actions.vat_checks import check_vat_number
from tollgate.core.taxes import EU
from tollgate.gateways.vat import number_fits
from tollgate.panel.access import own_customers, rights, writing
from tollgate.panel.saving import press
from tollgate.store.models import Customer, VatCheck

STATES: Final = {
    "unasked": ("Not asked", "gray"),
    "unfit": ("Not of the form of its country", "red"),
    "queued": ("Being asked", "blue"),
    "valid": ("Valid", "green"),
    "invalid": ("Not valid", "red"),
    "unavailable": ("No answer", "yellow"),
}
"""Words and tone of each state."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a number: the newest question, and the newest answer with its proof."""

    words: str
    tone: str
    asked_at: datetime | None
    proof: VatCheck | None
    askable: bool


def of_customer(request: HttpRequest, customer: Customer) -> Standing | None:
    """What is known of a customer's number; None without one of the EU, and for who may not read taxes."""
    if customer.country not in EU or not customer.tax_number or not rights(request).reads("taxes"):
        return None
    found = VatCheck.objects.filter(customer=customer, number=customer.tax_number)
    newest = found.order_by("-id").first()
    proof = found.filter(answered_at__isnull=False).order_by("-answered_at", "-id").first()
    fits = number_fits(customer.tax_number, customer.country)
    state = newest.state if newest is not None else "unasked"
    words, tone = STATES[state if fits else "unfit"]
    askable = fits and state != "queued" and customer.deleted_at is None
    return Standing(words, tone, newest.asked_at if newest is not None else None, proof, askable)


@writing("check_vat_number", shown_to_all=False)
def ask_again(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Has the register asked once more."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    if request.method == "POST":
        press(request, check_vat_number, f"{customer.tax_number} is asked for.", customer_id=customer.pk)
    return redirect("panel:customer_invoices", customer.pk)


urlpatterns = [path("customers/<int:customer_id>/vat-number/ask/", ask_again, name="customer_vat_ask")]
