"""Transfers to customers: what is paid out of a payment or of a wallet, and the file of those that wait for one."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.bank_files import make_transfer_run
from tollgate.actions.payouts import pay_out_credit, pay_out_payment
from tollgate.core import sepa
from tollgate.core.money import format_micros
from tollgate.panel.access import own_account, own_customers, writing
from tollgate.panel.bank_runs import LINE_COLUMNS, begun, numbers, way
from tollgate.panel.fields import DayField
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, saved
from tollgate.store.models import BankLine, Payment
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

WAITING = Grid(
    name="payouts",
    columns=tuple(
        replace(column, hidden=column.name == "holder")
        for column in LINE_COLUMNS
        if column.name in ("end_to_end_id", "customer", "amount", "payment", "iban_shown", "holder")
    ),
    sort="end_to_end_id",
    page_size=500,
    searchable=False,
    ticks=True,
    empty_text="No transfer waits. Pay out from a customer's Payments page, or from a payment.",
)


class PayOutForm(HouseForm):
    """How much goes where."""

    widths = {"reason": 8}
    amount_micros = MoneyField(label="Amount", least=1, unit="EUR")
    iban = forms.CharField(
        max_length=42,
        required=False,
        label="IBAN",
        help_text="Empty = the account of its mandate",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    holder = forms.CharField(max_length=sepa.NAME_MOST, required=False, label="Account holder")
    bic = forms.CharField(max_length=11, required=False, label="BIC", help_text="Where your bank asks for it")
    reason = forms.CharField(max_length=500, required=False)


class TransferForm(HouseForm):
    """The day on which the bank is asked to pay, with what was ticked."""

    execute_on = DayField(label="Paid on", help_text="A day on which banks settle in euro")
    ids = forms.CharField(widget=forms.HiddenInput)


@writing("pay_out_payment", shown_to_all=False)
def pay_out(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Refunds a payment by bank transfer."""
    found = get_object_or_404(Payment, pk=payment_id, account=own_account(request), customer__isnull=False)
    page = reverse("panel:payment", args=[found.pk])
    left = found.amount_micros - found.refunded_micros - found.leaving_micros
    form = PayOutForm(posted(request), initial={"amount_micros": left})
    if form.is_valid() and saved(request, form, pay_out_payment, payment_id=found.pk, **form.cleaned_data) is not None:
        return after_save(request, "The transfer waits for a file.", form_url=page, done_url=page)
    trail = crumbs(("Money", ""), ("Payments", reverse("panel:payments")), (worded("Payment {pk}", pk=found.pk), page))
    return render_form(request, form, title="Pay out", breadcrumbs=trail, back_url=page, save_title="Pay out")


@writing("pay_out_credit", shown_to_all=False)
def pay_out_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Pays out of what a customer holds."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page = reverse("panel:customer_payments", args=[customer.pk])
    form = PayOutForm(posted(request), initial={"holder": customer.company or customer.name})
    if (
        form.is_valid()
        and saved(request, form, pay_out_credit, customer_id=customer.pk, **form.cleaned_data) is not None
    ):
        return after_save(request, "The transfer waits for a file.", form_url=page, done_url=page)
    trail = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return render_form(request, form, title="Pay out", breadcrumbs=trail, back_url=page, save_title="Pay out")


@writing("make_transfer_run", shown_to_all=False)
def payouts(request: HttpRequest) -> HttpResponseBase:
    """What waits to be paid out."""
    found = _waiting(request)
    source = QuerysetSource(queryset=found)
    more: dict[str, Any] = {"title": "Pay out", "breadcrumbs": way(), "count": found.count()}
    return respond(request, WAITING, source, template="panel/payouts.html", **more)


@writing("make_transfer_run", shown_to_all=False)
def new_transfer_run(request: HttpRequest) -> HttpResponseBase:
    """Begins the file of the transfers that were ticked."""
    account, back = own_account(request), reverse("panel:payouts")
    on = sepa.soonest(datetime.now(UTC).date())
    form = TransferForm(posted(request), initial={"execute_on": on, "ids": ",".join(request.GET.getlist("id"))})
    ids = numbers(request.POST.get("ids") or form.initial["ids"])
    if form.is_valid():
        day = form.cleaned_data["execute_on"]
        task = saved(request, form, make_transfer_run, account_id=account.pk, execute_on=day, bank_line_ids=ids)
        if task is not None:
            return begun(request, task)
    chosen = list(_waiting(request).filter(pk__in=ids).values_list("amount_micros", flat=True))
    lead = worded("{count} transfers, {total} EUR.", count=len(chosen), total=format_micros(sum(chosen), 2))
    more: dict[str, Any] = {"back_url": back, "save_title": "Make the file", "lead": lead}
    return render_form(request, form, title="Pay out", breadcrumbs=way(("Pay out", back)), **more)


def _waiting(request: HttpRequest) -> Any:
    found = BankLine.objects.filter(account=own_account(request), run=None, state="waiting")
    return found.select_related("customer")


urlpatterns = [
    path("bank-files/pay-out/", payouts, name="payouts"),
    path("bank-files/pay-out/new/", new_transfer_run, name="transfer_run_new"),
    path("payments/<int:payment_id>/pay-out/", pay_out, name="payment_pay_out"),
    path("customers/<int:customer_id>/pay-out/", pay_out_of, name="customer_pay_out"),
]
