"""Payments to carriers: the list, the form that books one, and each with its note, its statement and what undid it.

A carrier's own payments are a part of its page (carriers.py), drawn by `of_carrier`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.carrier_payments import pay_carrier, reverse_carrier_payment, update_carrier_payment
from tollgate.core.hours import zone_info
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import excerpt, fixed, link
from tollgate.panel.fields import DayField, choices, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Carrier, CarrierPayment, CarrierStatement
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, Page, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

KINDS: Final = (("payment", "Paid to the carrier"), ("refund", "The carrier paid back"))
TONES: Final = {"booked": "green", "undone": "gray", "reversal": "gray"}
STATEMENTS_SHOWN: Final = 50
"""So many of a carrier's statements are offered, the newest."""


def state_of(payment: CarrierPayment) -> str:
    """What has become of it."""
    if payment.kind == "reversal":
        return "Reversal"
    return "Undone" if undone_by(payment) is not None else "Booked"


def undone_by(payment: CarrierPayment) -> CarrierPayment | None:
    """The reversal of a payment."""
    found: CarrierPayment | None = getattr(payment, "reversed_by", None)
    return found


COLUMNS: Final = (
    Column("id", "Payment", value="pk", sort="id", link=link("panel:carrier_payment", lambda row: row.pk)),
    Column(
        "carrier", "Carrier", value="carrier.name", sort="carrier__name",
        link=link("panel:carrier", lambda row: row.carrier_id),
    ),
    Column("paid_on", "Paid on", sort="paid_on"),
    Column("amount", "Paid", value="amount_micros", kind=Kind.MONEY, currency="currency", sort="amount_micros"),
    Column("state", "State", value=state_of, kind=Kind.BADGE, tone=TONES),
    Column("kind", "Kind", value=lambda row: words(row.kind), sort="kind", says=True, minor=True),
    Column("statement", "Statement", value="statement.number"),
    Column("external_id", "External id", sort="external_id", minor=True),
    Column("note", "Note", minor=True),
)  # fmt: skip
LIST: Final = Grid(
    name="carrier_payments",
    columns=COLUMNS,
    filters=(
        Filter("carrier_name", "Carrier", "carrier__name__icontains", suggest=suggested("carrier")),
        Filter("kind", "Kind", "kind", choices=tuple(choices("payment", "refund", "reversal"))),
        Filter("external_id", "External id", "external_id__iexact"),
        Filter("statement", "Statement id", "statement_id", kind=FilterKind.WHOLE),
    ),
    sort="-id",
    empty_text="Nothing was paid to a carrier yet. A payment is booked on the carrier's page.",
)
OF_CARRIER: Final = Grid(
    name="carrier_payments_of",
    columns=fixed(column for column in COLUMNS if column.name != "carrier"),
    sort="-id",
    page_size=10,
    compact=True,
    searchable=False,
    empty_text="Nothing was paid yet.",
)


class WordsForm(HouseForm):
    """What a payment is for."""

    versioned = True
    widths = {"note": 8}
    statement_id = pick("Statement", [], required=False, help_text="The invoice of the carrier that it pays")
    note = forms.CharField(max_length=1000, required=False)

    def __init__(
        self, *arguments: Any, carrier: Carrier, chosen: CarrierStatement | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        found = CarrierStatement.objects.filter(carrier=carrier, currency=carrier.currency)
        newest = list(found.order_by("-from_on", "-id")[:STATEMENTS_SHOWN])
        if chosen is not None and chosen not in newest:
            newest.append(chosen)
        field = self.fields["statement_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", ""), *((one.pk, f"{one.number}, {one.from_on}") for one in newest)]


class PaymentForm(WordsForm):
    """Money that has gone to a carrier. The external id makes a second press of the button harmless."""

    versioned = False
    field_order = ("amount_micros", "kind", "paid_on", "external_id", "statement_id", "note")
    amount_micros = MoneyField(label="Amount", least=1)
    kind = forms.ChoiceField(choices=KINDS)
    paid_on = DayField(label="Paid on")
    external_id = forms.CharField(max_length=200, required=False, help_text="The bank's reference; each only once")

    def __init__(self, *arguments: Any, carrier: Carrier, **options: Any) -> None:
        super().__init__(*arguments, carrier=carrier, **options)
        self.set_unit("amount_micros", carrier.currency)
        self.fields["external_id"].initial = lambda: f"hand-{uuid4().hex[:12]}"


def of_carrier(carrier: Carrier) -> Page:
    """The newest payments of one carrier, for its page."""
    return excerpt(OF_CARRIER, QuerysetSource(queryset=_read(CarrierPayment.objects.filter(carrier=carrier))))


@reading
def payments(request: HttpRequest) -> HttpResponseBase:
    """Every payment to a carrier."""
    found = _read(CarrierPayment.objects.filter(account=own_account(request)))
    source = QuerysetSource(queryset=found, search=("carrier__name__icontains", "external_id__iexact"))
    return respond(request, LIST, source, template="panel/grid.html", title="Payments to carriers", breadcrumbs=_way())


@writing("pay_carrier", shown_to_all=False)
def new_payment(request: HttpRequest, carrier_id: int) -> HttpResponseBase:
    """Books a payment to a carrier."""
    found = Carrier.objects.select_related("account")
    carrier = get_object_or_404(found, pk=carrier_id, account=own_account(request))
    today = datetime.now(UTC).astimezone(zone_info(carrier.account.zone)).date()
    form = PaymentForm(posted(request), initial={"paid_on": today}, carrier=carrier)
    back = reverse("panel:carrier", args=[carrier.pk])
    if form.is_valid():
        done = saved(request, form, pay_carrier, carrier_id=carrier.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, "The payment is booked.", form_url=request.path, done_url=back)
    way = crumbs(("Buying", ""), ("Carriers", reverse("panel:carriers")), (as_is(carrier.name), back))
    return render_form(request, form, title="New payment", breadcrumbs=way, back_url=back, save_title="Book")


@writing("update_carrier_payment")
def payment(request: HttpRequest, carrier_payment_id: int) -> HttpResponseBase:
    """One payment to a carrier: what was booked, and what may be said of it."""
    found = _payment(request, carrier_payment_id)
    begun = initial(found, ("statement_id", "note"))
    form = WordsForm(posted(request), initial=begun, carrier=found.carrier, chosen=found.statement)
    page, back = request.path, reverse("panel:carrier", args=[found.carrier_id])
    if form.is_valid():
        version = form.cleaned_data["version"]
        given = {"carrier_payment_id": found.pk, "version": version, **changes(form)}
        if saved(request, form, update_carrier_payment, **given) is not None:
            return after_save(request, f"Payment {found.pk} is saved.", form_url=page, done_url=back)
    context: dict[str, Any] = {
        "title": worded("Payment {pk} to {carrier}", pk=found.pk, carrier=found.carrier.name),
        "breadcrumbs": _way(("Payments to carriers", reverse("panel:carrier_payments"))),
        "back_url": back,
        "read_only": not may(request, "update_carrier_payment"),
        "payment": found,
        "state": state_of(found),
        "tone": TONES[state_of(found).lower()],
        "undone_by": undone_by(found),
    }
    return render_form(request, form, template="panel/carrier_payment.html", **context)


@writing("reverse_carrier_payment", shown_to_all=False)
def reverse_it(request: HttpRequest, carrier_payment_id: int) -> HttpResponseBase:
    """Undoes a payment that was booked wrongly, once its number is typed."""
    found = _payment(request, carrier_payment_id)
    if request.method == "POST" and request.POST.get("confirmation") != str(found.pk):
        messages.error(request, f"Type {found.pk} to undo this payment.")
    elif request.method == "POST":
        why = request.POST.get("reason", "").strip() or "It was booked wrongly."
        said = f"Payment {found.pk} is undone."
        press(request, reverse_carrier_payment, said, carrier_payment_id=found.pk, reason=why)
    return redirect("panel:carrier_payment", found.pk)


def _read(found: QuerySet[CarrierPayment]) -> QuerySet[CarrierPayment]:
    return found.select_related("carrier", "statement", "reversed_by")


def _payment(request: HttpRequest, carrier_payment_id: int) -> CarrierPayment:
    found = _read(CarrierPayment.objects.filter(account=own_account(request)))
    return get_object_or_404(found, pk=carrier_payment_id)


def _way(*more: tuple[str, str]) -> list[Any]:
    return crumbs(("Buying", ""), *more)


urlpatterns = [
    path("carrier-payments/", payments, name="carrier_payments"),
    path("carrier-payments/<int:carrier_payment_id>/", payment, name="carrier_payment"),
    path("carrier-payments/<int:carrier_payment_id>/reverse/", reverse_it, name="carrier_payment_reverse"),
    path("carriers/<int:carrier_id>/payments/new/", new_payment, name="carrier_payment_new"),
]
