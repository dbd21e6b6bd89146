"""Payments: the list, what one has moved and settled, and what may be done with it.

Money in suspense (its payer is not known yet) is the filter of that name; users of resellers see only payments of their
customers. A customer's own payments are a part of its page (customer_pages.py), drawn by payment_rows.py.
"""

from functools import cache, partial
from typing import Any
from uuid import uuid4

from django import forms
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.allocations import OWED, allocate_payment, release_allocation
from tollgate.actions.bank_lines import DIRECT_DEBIT
from tollgate.actions.own_payments import redeem_voucher
from tollgate.actions.payment_booking import BACK
from tollgate.actions.payment_words import is_told_by_people, update_payment
from tollgate.actions.payments import (
    BY_HAND,
    ask_gateway_again,
    assign_payment,
    cancel_payment,
    complete_payment,
    create_payment,
    refund_payment,
    reverse_payment,
)
from tollgate.actions.rehearsals import Completing, completing
from tollgate.panel.access import by_customer, own_account, own_customers, own_rows, reading, rights, writing
from tollgate.panel.cells import link
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.fields import choices, words
from tollgate.panel.frame import crumbs
from tollgate.panel.invoice_pages import standing_ones
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.sure import Asked, Facts, amount, moves, shown_version, sure
from tollgate.store.models import BankLine, Customer, Invoice, Payment, PaymentEvent
from tollgate.store.models.payments import ALLOCATED
from tollgate.store.queries.customers import naming_customers
from tollgate.store.queries.finding import by_company, payments_with
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

TONES = {"completed": "green", "pending": "yellow", "canceled": "gray", "in suspense": "red"}
KINDS = ("payment", "refund", "reversal", "bonus")
STATUSES = ("completed", "pending", "canceled")
FINAL = "A completed payment is never changed: only a refund or reversal gives it back."
ASKS = "The gateway is asked to give it back; the wallet pays when it has agreed."
UNDER_WAY = "The refund is under way."


def status_words(payment: Payment) -> str:
    """The status for people: money of nobody is in suspense."""
    if payment.status == "pending" and payment.customer_id is None:
        return "In suspense"
    return payment.status.capitalize()


COLUMNS = (
    Column("id", "Payment", value="pk", sort="id", link=link("panel:payment", lambda row: row.pk)),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer_payments", lambda row: row.customer_id),
    ),
    Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency"),
    Column("status", "Status", value=status_words, kind=Kind.BADGE, tone=TONES, sort="status"),
    Column("received_at", "Received (UTC)", kind=Kind.INSTANT, sort="received_at"),
    Column("kind", "Kind", value=lambda row: words(row.kind), sort="kind", says=True),
    Column("gateway", "Gateway", value=lambda row: words(row.gateway), sort="gateway", says=True),
    Column("accounting_id", "Accounting id", value="customer.accounting_id", hidden=True),
    Column("payer", "Payer", hidden=True),
    Column("fee", "Fee kept", value="fee_micros", kind=Kind.MONEY, currency="received_currency", hidden=True),
    Column(
        "surcharge", "Surcharge", value="surcharge_micros", kind=Kind.MONEY, currency="received_currency", hidden=True
    ),
    Column("reached", "Reached the account", value="reached_micros", kind=Kind.MONEY, currency="currency", hidden=True),
    Column("tax", "Tax in it", value="tax_micros", kind=Kind.MONEY, currency="currency", hidden=True),
    Column("unallocated", "Unallocated", value="unallocated_micros", kind=Kind.MONEY, currency="currency", minor=True),
    Column("external_id", "External id", minor=True),
    Column("public_note", "Description", minor=True),
    Column("private_note", "Private note", hidden=True),
)
LIST = Grid(
    name="payments",
    columns=COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("status", "Status", "status", choices=tuple(choices(*STATUSES))),
        Filter("suspense", "In suspense", "suspense", choices=(("yes", "Only these"),)),
        Filter("kind", "Kind", "kind", choices=tuple(choices(*KINDS))),
        Filter("gateway", "Gateway", "gateway"),
        Filter("from", "From (UTC)", "received_at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Until (UTC)", "received_at__lt", kind=FilterKind.INSTANT),
        Filter("external_id", "External id", "external_id__iexact"),
    ),
    sort="-id",
    empty_text="No payments yet. Enter one by hand, or set up a gateway that customers pay by.",
)


class PaymentForm(HouseForm):
    """Money that came. The external id makes a second press of the button harmless."""

    widths = {"public_note": 6, "private_note": 6}
    amount_micros = MoneyField(label="Total", least=1)
    kind = forms.ChoiceField(choices=[("payment", "Payment"), ("bonus", "Bonus: a gift, no money came")])
    gateway = forms.ChoiceField(choices=[("manual", "By hand"), ("bank_transfer", "Bank transfer")], label="Came by")
    status = forms.ChoiceField(  # type: ignore[assignment]  # Django takes fields out of the class
        choices=[("completed", "Completed"), ("pending", "Pending: the money is not there yet")]
    )
    external_id = forms.CharField(max_length=200, required=False, help_text="The bank's reference; each only once")
    payer = forms.CharField(max_length=200, required=False)
    public_note = forms.CharField(
        max_length=1000, required=False, label="Description", help_text="The customer sees it"
    )
    private_note = forms.CharField(max_length=1000, required=False, help_text="Only users of the panel see it")
    email_confirmation = forms.BooleanField(required=False, label="Mail a confirmation to its contacts")

    def __init__(self, *arguments: Any, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("amount_micros", currency)
        self.fields["external_id"].initial = lambda: f"hand-{uuid4().hex[:12]}"

    def clean_external_id(self) -> str | None:
        """Nothing is no id."""
        return self.cleaned_data["external_id"] or None


class ChosenForm(PaymentForm):
    """The same with the customer, typed: there may be too many to list."""

    field_order = ("customer_id",)
    customer_id = CustomerField()

    def __init__(self, *arguments: Any, customers: QuerySet[Customer], **options: Any) -> None:
        super().__init__(*arguments, currency="", **options)
        name_one_of(self, customers.filter(deleted_at=None))


class WordsForm(HouseForm):
    """What a payment was for, and who paid."""

    versioned = True
    widths = {"public_note": 12, "private_note": 12}
    payer = forms.CharField(max_length=200, required=False)
    public_note = forms.CharField(
        max_length=1000, required=False, label="Description", help_text="The customer sees it"
    )
    private_note = forms.CharField(
        max_length=1000,
        required=False,
        help_text="Only users of the panel see it",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AssignForm(HouseForm):
    """Whose the money is."""

    customer_id = CustomerField()
    remember = forms.BooleanField(required=False, label="The payer's address is always this customer's")

    def __init__(self, *arguments: Any, customers: QuerySet[Customer], **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, customers.filter(deleted_at=None))


class RefundForm(HouseForm):
    """How much goes back, and why."""

    widths = {"reason": 8}
    amount_micros = MoneyField(label="Amount", least=1)
    reason = forms.CharField(max_length=500, required=False)


@reading
def payments(request: HttpRequest) -> HttpResponseBase:
    """Every payment."""
    found = own_rows(request, Payment.objects.filter(account=own_account(request)))
    found = naming_customers(found, "accounting_id")
    found = found.annotate(suspense=Case(When(customer=None, status="pending", then=Value("yes")), default=Value("no")))
    source = QuerysetSource(
        queryset=found,
        search=cache(payments_with),
        meanings=by_company(),
        narrow=True,
        walked=by_customer(request),
    )
    way = crumbs(("Money", ""))
    return respond(request, LIST, source, template="panel/payments.html", title="Payments", breadcrumbs=way)


@reading
def payment(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """One payment with what it settles and what was said about it."""
    found = _payment(request, payment_id)
    checkout = getattr(found, "checkout", None)
    files = rights(request).reads("bank_files")
    settled = list(found.allocations.select_related("invoice").order_by("id"))
    open_to = Invoice.objects.filter(customer=found.customer, state="issued", kind__in=OWED).order_by("issued_at", "id")
    context = {
        "title": worded("Payment {pk}", pk=found.pk),
        "breadcrumbs": crumbs(("Money", ""), ("Payments", reverse("panel:payments"))),
        "payment": found,
        "status_words": status_words(found),
        "askable": checkout is not None and found.status == "pending" and checkout.next_at is None and checkout.session,
        "approvable": found.customer_id is not None
        and (found.gateway in (*BY_HAND, DIRECT_DEBIT) or _waits_for_another(found)),
        "bank_line": BankLine.objects.filter(payment=found).select_related("run").first() if files else None,
        "pays_out": files,
        "tone": TONES[status_words(found).lower()],
        "left_micros": _left_micros(found),
        "allocations": settled,
        "releasable": standing_ones(settled),
        "invoices": [one for one in open_to if one.open_micros] if found.unallocated_micros else [],
        "documents": found.receipts.exclude(state="draft").order_by("id"),
        "reversals": found.reversals.exclude(kind="bonus").order_by("id"),
        "events": PaymentEvent.objects.filter(payment=found).order_by("id"),
        "assign_form": AssignForm(customers=own_customers(request)) if found.customer_id is None else None,
    }
    return render(request, "panel/payment.html", context)


@writing("create_payment", shown_to_all=False)
def new_payment(request: HttpRequest) -> HttpResponseBase:
    """Enters a payment of any customer."""
    form = ChosenForm(posted(request), customers=own_customers(request))
    return _new(
        request, form, reverse("panel:payments"), crumbs(("Money", ""), ("Payments", reverse("panel:payments")))
    )


@writing("create_payment", shown_to_all=False)
def new_payment_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Enters a payment of one customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id)
    page = reverse("panel:customer_payments", args=[customer.pk])
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return _new(request, PaymentForm(posted(request), currency=customer.currency), page, way, customer)


@writing("update_payment", shown_to_all=False)
def edit(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Other words for a payment; its money stays as it is."""
    found = _payment(request, payment_id)
    page = reverse("panel:payment", args=[found.pk])
    form = WordsForm(posted(request), initial=initial(found, ("payer", "public_note", "private_note")))
    if not is_told_by_people(found):
        del form.fields["payer"]
    if form.is_valid():
        given = {"payment_id": found.pk, "version": form.cleaned_data["version"], **changes(form)}
        if saved(request, form, update_payment, **given) is not None:
            return after_save(request, f"Payment {found.pk} is saved.", form_url=request.path, done_url=page)
    way = crumbs(("Money", ""), ("Payments", reverse("panel:payments")), (worded("Payment {pk}", pk=found.pk), page))
    title = worded("Words of payment {pk}", pk=found.pk)
    return render_form(request, form, title=title, breadcrumbs=way, back_url=page)


@writing("complete_payment", shown_to_all=False)
def approve(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Shows what the approval would move and settle, then says that the money is there."""
    found = _payment(request, payment_id)
    page = reverse("panel:payment", args=[found.pk])
    asks = found.kind == "refund" and found.gateway not in BY_HAND
    if request.method == "POST":
        said = UNDER_WAY if asks else f"Payment {found.pk} is completed."
        press(request, complete_payment, said, payment_id=found.pk, version=shown_version(request))
        return redirect(page)
    asked = Asked(
        title=worded("Approve payment {pk}?", pk=found.pk),
        button="Approve",
        back_url=page,
        version=found.version,
        breadcrumbs=crumbs(
            ("Money", ""), ("Payments", reverse("panel:payments")), (worded("Payment {pk}", pk=found.pk), page)
        ),
        warning=ASKS if asks else FINAL,
    )
    return sure(request, asked, rehearse=lambda: completing(payment_id=found.pk), tell=partial(_told, found))


def _told(found: Payment, seen: Completing) -> Facts:
    """What the approval of a payment does."""
    money = seen.currency
    before, after = seen.balance_before_micros, seen.balance_after_micros
    settled = "; ".join(f"{number}: {amount(micros, money)}" for number, micros in seen.settled)
    return [
        ("Customer", as_is(found.customer)),
        ("Amount", amount(seen.amount_micros, money)),
        ("Tax in it", amount(seen.tax_micros, money)),
        ("Balance", moves(before, after, money) if before != after else amount(before, money)),
        ("Settles", as_is(settled) or "no invoice"),
        ("Documents", as_is(", ".join(seen.documents)) or "none"),
        ("Mailed to", as_is(", ".join(seen.mailed_to)) or "nobody"),
    ]


@writing("ask_gateway_again", shown_to_all=False)
def ask_again(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Has the gateway asked once more what became of a payment."""
    found = _payment(request, payment_id)
    if request.method == "POST":
        press(request, ask_gateway_again, "The gateway is asked in a moment.", payment_id=found.pk)
    return redirect("panel:payment", found.pk)


@writing("cancel_payment", shown_to_all=False)
def cancel(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Takes a payment back that waits."""
    found = _payment(request, payment_id)
    if request.method == "POST":
        press(request, cancel_payment, f"Payment {found.pk} is canceled.", payment_id=found.pk)
    return redirect("panel:payment", found.pk)


@writing("refund_payment", shown_to_all=False)
def refund(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Gives money back."""
    found = _payment(request, payment_id)
    page = reverse("panel:payment", args=[found.pk])
    form = RefundForm(posted(request), initial={"amount_micros": found.amount_micros - found.refunded_micros})
    form.set_unit("amount_micros", found.currency)
    if form.is_valid():
        done = saved(request, form, refund_payment, payment_id=found.pk, **form.cleaned_data)
        if done is not None:
            waits = "The refund waits." if _waits_for_another(done) else UNDER_WAY
            said = "Money is given back." if done.status == "completed" else waits
            return after_save(request, said, form_url=page, done_url=page)
    way = crumbs(("Money", ""), ("Payments", reverse("panel:payments")), (worded("Payment {pk}", pk=found.pk), page))
    return render_form(request, form, title="Refund", breadcrumbs=way, back_url=page, save_title="Refund")


@writing("reverse_payment", shown_to_all=False)
def reverse_it(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Undoes a payment that never was, once its number is typed."""
    found = _payment(request, payment_id)
    if request.method == "POST" and request.POST.get("confirmation") == str(found.pk):
        why = request.POST.get("reason", "").strip() or "The money never came or went back."
        press(request, reverse_payment, f"Payment {found.pk} is undone.", payment_id=found.pk, reason=why)
    return redirect("panel:payment", found.pk)


@writing("assign_payment", shown_to_all=False)
def assign(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """Says whose money in suspense is."""
    found = _payment(request, payment_id)
    page = reverse("panel:payment", args=[found.pk])
    form = AssignForm(posted(request), customers=own_customers(request))
    if form.is_valid() and saved(request, form, assign_payment, payment_id=found.pk, **form.cleaned_data) is not None:
        return after_save(request, f"Payment {found.pk} is booked.", form_url=page, done_url=page)
    way = crumbs(("Money", ""), ("Payments", reverse("panel:payments")), (worded("Payment {pk}", pk=found.pk), page))
    return render_form(request, form, title="Assign", breadcrumbs=way, back_url=page, save_title="Assign")


@writing("allocate_payment", shown_to_all=False)
def allocate(request: HttpRequest, payment_id: int, invoice_id: int) -> HttpResponseBase:
    """Settles an invoice by as much as both have."""
    found = _payment(request, payment_id)
    if request.method == "POST":
        press(request, allocate_payment, "It settles the invoice.", payment_id=found.pk, invoice_id=invoice_id)
    return redirect("panel:payment", found.pk)


@writing("release_allocation", shown_to_all=False)
def release(request: HttpRequest, payment_id: int, allocation_id: int) -> HttpResponseBase:
    """Takes an allocation back."""
    found = _payment(request, payment_id)
    row = get_object_or_404(found.allocations, pk=allocation_id)
    if request.method == "POST":
        press(request, release_allocation, "The allocation is taken back.", allocation_id=row.pk)
    return redirect("panel:payment", found.pk)


@writing("redeem_voucher", shown_to_all=False)
def redeem(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Uses a voucher for a customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    page = reverse("panel:customer_payments", args=[customer.pk])
    form = VoucherForm(posted(request))
    if form.is_valid():
        done = saved(request, form, redeem_voucher, customer_id=customer.pk, code=form.cleaned_data["code"])
        if done is not None and done.state != "refused":
            return after_save(request, done.words, form_url=page, done_url=page)
        if done is not None:
            form.add_error("code", done.words)
    way = crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), page))
    return render_form(request, form, title="Voucher", breadcrumbs=way, back_url=page, save_title="Redeem")


class VoucherForm(HouseForm):
    """A code."""

    widths = {"code": 6}
    code = forms.CharField(max_length=100, label="Voucher code", widget=forms.TextInput(attrs={"autocomplete": "off"}))


def _new(
    request: HttpRequest, form: PaymentForm, page: str, way: list[Any], customer: Customer | None = None
) -> HttpResponseBase:
    if form.is_valid():
        whom = {"customer_id": customer.pk} if customer else {}
        done = saved(request, form, create_payment, **whom, **form.cleaned_data)
        if done is not None:
            said = "The payment is booked." if done.status == "completed" else "The payment waits."
            return after_save(request, said, form_url=request.path, done_url=page)
    return render_form(request, form, title="New payment", breadcrumbs=way, back_url=page, save_title="Save")


def _payment(request: HttpRequest, payment_id: int) -> Payment:
    found = own_rows(request, Payment.objects.filter(account=own_account(request)))
    return get_object_or_404(found.select_related("customer", "reverses", "checkout"), pk=payment_id)


def _waits_for_another(payment: Payment) -> bool:
    """Whether what is given back waits for somebody's approval, and not for a gateway's answer."""
    return payment.kind in BACK and payment.status == "pending" and getattr(payment, "checkout", None) is None


def _left_micros(payment: Payment) -> int:
    """What may still be given back of a payment, as far as its own row says it."""
    left = payment.amount_micros - payment.refunded_micros - payment.leaving_micros
    return left if payment.status == "completed" and payment.kind in ALLOCATED else 0


urlpatterns = [
    path("payments/", payments, name="payments"),
    path("payments/new/", new_payment, name="payment_new"),
    path("payments/<int:payment_id>/", payment, name="payment"),
    path("payments/<int:payment_id>/edit/", edit, name="payment_edit"),
    path("payments/<int:payment_id>/approve/", approve, name="payment_approve"),
    path("payments/<int:payment_id>/ask/", ask_again, name="payment_ask"),
    path("payments/<int:payment_id>/cancel/", cancel, name="payment_cancel"),
    path("payments/<int:payment_id>/refund/", refund, name="payment_refund"),
    path("payments/<int:payment_id>/reverse/", reverse_it, name="payment_reverse"),
    path("payments/<int:payment_id>/assign/", assign, name="payment_assign"),
    path("payments/<int:payment_id>/allocate/<int:invoice_id>/", allocate, name="payment_allocate"),
    path("payments/<int:payment_id>/release/<int:allocation_id>/", release, name="payment_release"),
    path("customers/<int:customer_id>/payments/new/", new_payment_of, name="payment_new_of"),
    path("customers/<int:customer_id>/voucher/", redeem, name="customer_voucher"),
]
