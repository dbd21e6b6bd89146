"""Documents for lists and pages: where each stands, and what belongs to one.

`standing` is what people ask first: draft, void, paid, partly_paid, open, or overdue after the day it was due.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, Greatest
from django.db.models.lookups import Exact, LessThan

from tollgate.store.models import Account, Allocation, Customer, Entry, Invoice, InvoiceLine, Message

STANDINGS = ("draft", "open", "partly_paid", "overdue", "paid", "void")
_WHOLE: Any = Abs("total_micros") - Abs("settled_micros")
LEFT = Case(When(state="issued", then=Greatest(_WHOLE, 0)), default=0, output_field=BigIntegerField())
"""What is still to be paid of a document, or to be used of a credit note."""


def invoices(account: Account, on: date) -> QuerySet[Invoice]:
    """Every document of an account as it stands on a day."""
    return with_standing(Invoice.objects.filter(account=account).select_related("customer"), on)


def invoices_of(customer: Customer, on: date) -> QuerySet[Invoice]:
    """Every document of a customer as it stands on a day."""
    found = Invoice.objects.filter(account_id=customer.account_id, customer=customer)
    return with_standing(found.select_related("customer"), on)


def with_standing(found: QuerySet[Any], on: date) -> QuerySet[Any]:
    """Adds `left_micros`, what is still to be paid (or used, of a credit note), and `standing`."""
    told: QuerySet[Any] = found.annotate(left_micros=LEFT, standing=standing_on(Value(on)))
    return told


def standing_on(today: Combinable) -> Case:
    """Which of `STANDINGS` a document has on a day."""
    return Case(
        When(~Q(state="issued"), then=F("state")),
        When(Exact(LEFT, 0), then=Value("paid")),
        When(Q(LessThan(F("due_on"), today)) & ~Q(kind="credit_note"), then=Value("overdue")),
        When(~Q(settled_micros=0), then=Value("partly_paid")),
        default=Value("open"),
        output_field=TextField(),
    )


def left_of_lines(invoice: Invoice) -> dict[int, int]:
    """What is left of the net of each line after the credit notes for it, by the line's id, in their order.

    What notes told of corrected calls is taken from the lines of these calls, from the first on.
    """
    back = InvoiceLine.objects.filter(corrects_line__invoice=invoice).exclude(invoice__state="void")
    sums = dict(back.values_list("corrects_line").annotate(micros=Sum("net_micros")))
    noted = noted_net(invoice)
    lines = invoice.lines.annotate(of_calls=Case(When(own_calls(""), then=True), default=False))
    found: dict[int, int] = {}
    for pk, micros, of_calls in lines.order_by("position").values_list("pk", "net_micros", "of_calls"):
        left = micros - sums.get(pk, 0)
        taken = max(0, min(noted, left)) if of_calls else 0
        noted -= taken
        found[pk] = left - taken
    return found


def own_calls(line: str) -> Q:
    """Which lines of invoices are of the calls of the invoice's own period; `line` is the way to a line, with its `__`
    (nothing: it is asked of lines)."""
    of_calls = Q(**{f"{line}kind__in": ("usage", "correction")})
    span = {f"{line}{name}": F(f"{line}invoice__{name}") for name in ("usage_from_at", "usage_until_at")}
    return of_calls & Q(**span)


def noted_net(invoice: Invoice) -> int:
    """The net that notes have told of corrections of its calls: taken back, less what was added."""
    notes = Invoice.objects.filter(corrects=invoice, recalculation__isnull=False).exclude(state="void")
    sums = dict(notes.values_list("kind").annotate(micros=Sum("net_micros")))
    return int(sums.get("credit_note", 0) - sums.get("debit_note", 0))


def entries_of(invoice: Invoice) -> QuerySet[Entry]:
    """What the issue of a document posted."""
    found = Entry.objects.filter(account_id=invoice.account_id, ref=f"invoice:{invoice.pk}")
    return found.select_related("wallet").order_by("id")


def allocations_of(invoice: Invoice) -> QuerySet[Allocation]:
    """What settles a document, or what a credit note settles, oldest first."""
    found = Allocation.objects.filter(Q(invoice=invoice) | Q(credit_note=invoice))
    return found.select_related("payment", "credit_note", "invoice").order_by("id")


def mails_of(invoice: Invoice) -> QuerySet[Message]:
    """The mails that bore a document."""
    found = Message.objects.filter(account_id=invoice.account_id, attachments__contains=[{"invoice_id": invoice.pk}])
    return found.filter(customer_id=invoice.customer_id).order_by("-id")
