"""The customer's payments: what was paid, a top-up by the ways that are open, bank transfers, vouchers, a stored card.

What packages took from the balance by themselves stands in the list as well, below zero, and leads to the packages.

Nothing here completes a payment: the gateway's proved notice does, or the operator.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from csp.decorators import csp_replace
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import Invalid
from tollgate.actions.own_payments import (
    cancel_bank_transfer,
    is_announced,
    redeem_voucher,
    send_payer,
    start_checkout,
    tell_bank_transfer,
    widget_of,
)
from tollgate.actions.payment_amounts import BANK_TRANSFER, VOUCHER, Way, is_allowed, ways_of
from tollgate.actions.payment_events import look_now
from tollgate.actions.payment_methods import delete_auto_top_up, update_auto_top_up
from tollgate.actions.portal_access import Visit
from tollgate.core.money import format_micros
from tollgate.gateways.payments import PROVIDERS
from tollgate.portal.access import visiting
from tollgate.portal.saving import posted, press, saved
from tollgate.store.models import PaymentRow
from tollgate.store.queries.customers import wallet_of
from tollgate.store.queries.portal import auto_top_up_of, checkout_of, payment_rows_of, payments_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.layout import Crumb
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import figure

TONES = {"completed": "green", "pending": "yellow", "canceled": "gray"}
KINDS = {"payment": "Payment", "refund": "Refund", "reversal": "Reversal", "bonus": "Bonus", "package": "Package"}


def _page(row: PaymentRow) -> str | None:
    """The page of a payment."""
    return None if row.payment_id is None else reverse("portal:payment", args=[row.payment_id])


def _page_or_packages(row: PaymentRow) -> str:
    """The same; a charge leads to the packages."""
    return _page(row) or reverse("portal:packages")


LIST = Grid(
    name="payments",
    columns=(
        Column(
            "received_at",
            "Date/Time (UTC)",
            kind=Kind.INSTANT,
            sort="received_at",
            link=_page,
        ),
        Column("amount", "Total", value="amount_micros", kind=Kind.MONEY, currency="currency"),
        Column(
            "status", "Status", value=lambda row: row.status.capitalize(), kind=Kind.BADGE, tone=TONES, sort="status"
        ),
        Column("kind", "Kind", value=lambda row: KINDS[row.kind], sort="kind", says=True),
        Column("description", "Description", value="public_note"),
    ),
    filters=(
        Filter("status", "Status", "status", choices=tuple((name, name.capitalize()) for name in TONES)),
        Filter("from", "From (UTC)", "received_at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Until (UTC)", "received_at__lt", kind=FilterKind.INSTANT),
    ),
    sort="-received_at",
    searchable=False,
    empty_text="No payments yet.",
)


class TopUpForm(HouseForm):
    """How much, and by which way."""

    widths = {"gateway": 12, "keep_method": 12}
    gateway = forms.ChoiceField(label="Pay by")
    amount_micros = MoneyField(label="Amount", least=1)
    currency = forms.ChoiceField()
    keep_method = forms.BooleanField(required=False, label="Keep this card for automatic top-ups")

    def __init__(self, *arguments: Any, ways: list[Way], **options: Any) -> None:
        super().__init__(*arguments, **options)
        gateway, currency = self.fields["gateway"], self.fields["currency"]
        assert isinstance(gateway, forms.ChoiceField)
        assert isinstance(currency, forms.ChoiceField)
        gateway.choices = [(way.name, f"{way.title}{_surcharge_words(way)}") for way in ways]
        codes = list(dict.fromkeys(code for way in ways for code in way.currencies))
        currency.choices = [(code, code) for code in codes]
        if not any(way.gateway is not None and PROVIDERS[way.gateway.provider].charges for way in ways):
            del self.fields["keep_method"]


class TransferForm(HouseForm):
    """A transfer that is on its way."""

    amount_micros = MoneyField(label="Amount", least=1)
    payer = forms.CharField(max_length=200, required=False, label="Name of the account it comes from")


class VoucherForm(HouseForm):
    """A code."""

    widths = {"code": 12}
    code = forms.CharField(max_length=100, label="Voucher code", widget=forms.TextInput(attrs={"autocomplete": "off"}))


class AutomaticForm(HouseForm):
    """When the stored card is charged."""

    widths = {"enabled": 12}
    versioned = True
    threshold_micros = MoneyField(label="When less is available than", least=0)
    amount_micros = MoneyField(label="Top up by", least=0)
    daily_cap_micros = MoneyField(label="At most in a day (UTC)", least=0)
    enabled = forms.BooleanField(required=False, label="Charge the card by itself")


@visiting("payments")
def payments(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The list."""
    source = QuerysetSource(queryset=payment_rows_of(visit.customer))
    context = {
        "wallet": wallet_of(visit.customer),
        "ways": _ways(visit),
        "transfers": _transfers(visit),
        "vouchers": is_allowed(visit.customer, VOUCHER),
        "automatic": auto_top_up_of(visit.customer) is not None,
    }
    grid = LIST
    if "packages" in visit.sections:
        first, *others = LIST.columns
        grid = replace(LIST, columns=(replace(first, link=_page_or_packages), *others))
    return respond(request, grid, source, template="portal/payments.html", title="Payments", **context)


@visiting("payments")
def payment(request: HttpRequest, visit: Visit, payment_id: int) -> HttpResponseBase:
    """One payment; one that waits says where it is paid."""
    found = payments_of(visit.customer).filter(pk=payment_id).first()
    if found is None:
        raise Http404
    waits = found.status == "pending" and found.kind == "payment"
    checkout = checkout_of(visit.customer, found.pk) if waits else None
    if checkout is not None and "back" in request.GET:
        look_now(checkout, datetime.now(UTC))
    context = {
        "title": KINDS[found.kind],
        "breadcrumbs": [Crumb("Payments", reverse("portal:payments"))],
        "payment": found,
        "tone": TONES[found.status],
        "checkout": checkout,
        "back": "back" in request.GET,
        "announced": is_announced(found) and not visit.session.read_only,
        "details": visit.account.payment_details if found.gateway == BANK_TRANSFER else "",
        "paid_before_surcharge": (found.received_micros or found.amount_micros) - found.surcharge_micros,
    }
    return render(request, "portal/payment.html", context)


@require_POST
@visiting("payments")
def cancel_transfer(request: HttpRequest, visit: Visit, payment_id: int) -> HttpResponseBase:
    """Takes back a transfer that was announced and not sent."""
    found = payments_of(visit.customer).filter(pk=payment_id).first()
    if found is None:
        raise Http404
    press(request, visit, cancel_bank_transfer, "The transfer is canceled.", payment_id=found.pk)
    return redirect("portal:payment", found.pk)


@visiting("payments")
def pay(request: HttpRequest, visit: Visit, payment_id: int) -> HttpResponseBase:
    """The form of a gateway that is paid within a page of ours; its script may ask nobody in the visitor's name."""
    found = payments_of(visit.customer).filter(pk=payment_id).first()
    if found is None:
        raise Http404
    waits = found.status == "pending" and not visit.session.read_only
    checkout = checkout_of(visit.customer, found.pk) if waits else None
    widget = None if checkout is None else widget_of(checkout)
    if checkout is None or widget is None or not checkout.session:
        return redirect("portal:payment", payment_id)
    page = reverse("portal:payment", args=[found.pk])
    context = {"title": f"Pay by {checkout.gateway.title}", "payment": found, "checkout": checkout, "page": page}
    answer = render(request, "portal/pay.html", {**context, "widget": widget})
    theirs = ["'self'", widget.origin]
    sources = {"script-src": theirs, "style-src": theirs, "frame-src": ["https:", widget.origin]}
    nothing = {"connect-src": ["'none'"], "form-action": ["'none'"]}
    return csp_replace({**sources, **nothing})(lambda _: answer)(request)


@visiting("payments")
def top_up(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Begins a payment by a gateway, and leads to what it will cost."""
    ways = _ways(visit)
    if not ways:
        raise Http404
    start = {"currency": ways[0].currencies[0], "amount_micros": visit.customer.minimum_payment_micros or None}
    form = TopUpForm(posted(request), initial=start, ways=ways)
    if form.is_valid():
        given: dict[str, Any] = {"customer_id": visit.customer.pk, **form.cleaned_data}
        checkout = saved(request, form, visit, start_checkout, **given)
        if checkout is not None:
            page = reverse("portal:payment", args=[checkout.payment_id])
            origin = request.build_absolute_uri(page)
            try:
                send_payer(
                    checkout,
                    email=visit.contact.email,
                    return_url=f"{origin}?back=1",
                    cancel_url=origin,
                    page_url=f"{origin}pay/",
                    at=datetime.now(UTC),
                )
            except Invalid as problem:
                for word in (word for words in problem.errors.values() for word in words):
                    form.add_error(None, word)
            else:
                return redirect(page)
    return _form(request, form, "Top up", save_title="Next: see what it costs")


@visiting("payments")
def bank_transfer(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Shows where to send money, and takes the word that it is on its way."""
    if not _transfers(visit):
        raise Http404
    form = TransferForm(posted(request), initial={"amount_micros": visit.customer.minimum_payment_micros or None})
    form.set_unit("amount_micros", visit.customer.currency)
    if form.is_valid():
        given: dict[str, Any] = {"customer_id": visit.customer.pk, **form.cleaned_data}
        done = saved(request, form, visit, tell_bank_transfer, **given)
        if done is not None:
            messages.success(request, "Thank you. It counts as soon as the money has come.")
            return redirect("portal:payment", done.pk)
    details = visit.account.payment_details
    return _form(
        request,
        form,
        "Bank transfer",
        template="portal/bank_transfer.html",
        save_title="I have sent it",
        details=details,
    )


@visiting("payments")
def voucher(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Takes a voucher."""
    if not is_allowed(visit.customer, VOUCHER):
        raise Http404
    form = VoucherForm(posted(request))
    if form.is_valid():
        done = saved(
            request, form, visit, redeem_voucher, customer_id=visit.customer.pk, code=form.cleaned_data["code"]
        )
        if done is not None and done.state != "refused":
            messages.success(request, done.words)
            return redirect("portal:payments")
        if done is not None:
            form.add_error("code", done.words)
    return _form(request, form, "Voucher", save_title="Redeem")


@visiting("payments")
def automatic(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """When the stored card is charged."""
    found = auto_top_up_of(visit.customer)
    if found is None:
        raise Http404
    names = ("enabled", "threshold_micros", "amount_micros", "daily_cap_micros", "version")
    form = AutomaticForm(posted(request), initial={name: getattr(found, name) for name in names})
    for name in names[1:4]:
        form.set_unit(name, visit.customer.currency)
    if form.is_valid():
        given: dict[str, Any] = {"auto_top_up_id": found.pk, **form.cleaned_data}
        if saved(request, form, visit, update_auto_top_up, **given) is not None:
            messages.success(request, "Automatic top-ups are saved.")
            return redirect("portal:payments")
    return _form(request, form, "Automatic top-ups", template="portal/automatic.html", auto=found)


@require_POST
@visiting("payments")
def forget_card(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Forgets the stored card."""
    found = auto_top_up_of(visit.customer)
    if found is None:
        raise Http404
    press(request, visit, delete_auto_top_up, "The card is forgotten.", auto_top_up_id=found.pk)
    return redirect("portal:payments")


def _ways(visit: Visit) -> list[Way]:
    """The gateways that are open to this customer."""
    return [way for way in ways_of(visit.customer, datetime.now(UTC)) if way.gateway is not None]


def _transfers(visit: Visit) -> bool:
    return any(way.name == BANK_TRANSFER for way in ways_of(visit.customer, datetime.now(UTC)))


def _surcharge_words(way: Way) -> str:
    """What is asked on top, for the list of ways."""
    if way.gateway is None or not (way.gateway.surcharge_micros or way.gateway.surcharge_ppm):
        return ""
    parts = []
    if way.gateway.surcharge_ppm:
        parts.append(figure(f"{format_micros(way.gateway.surcharge_ppm * 100)} %"))
    if way.gateway.surcharge_micros:
        parts.append(figure(format_micros(way.gateway.surcharge_micros, 2)))
    return f" (surcharge {' + '.join(parts)})"


def _form(
    request: HttpRequest, form: HouseForm, title: str, *, template: str = "portal/form.html", **context: object
) -> HttpResponseBase:
    back = reverse("portal:payments")
    way = [Crumb("Payments", back)]
    return render_form(request, form, template=template, title=title, breadcrumbs=way, back_url=back, **context)


urlpatterns = [
    path("payments/", payments, name="payments"),
    path("payments/top-up/", top_up, name="top_up"),
    path("payments/bank-transfer/", bank_transfer, name="bank_transfer"),
    path("payments/voucher/", voucher, name="voucher"),
    path("payments/automatic/", automatic, name="automatic"),
    path("payments/automatic/forget/", forget_card, name="forget_card"),
    path("payments/<int:payment_id>/", payment, name="payment"),
    path("payments/<int:payment_id>/pay/", pay, name="pay"),
    path("payments/<int:payment_id>/cancel/", cancel_transfer, name="cancel_transfer"),
]
