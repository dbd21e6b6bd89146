"""What a weighty act would do, told before it is done: it is done and taken back in one transaction.

    with acting(actor):
        seen = issuing(invoice_id=7)  # seen.number, seen.total_micros, seen.balance_after_micros ...

Nothing is left of it: no number, no entry, no mail. To show another act before it is done, add a function here that
reads what the act has made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from tollgate.actions import records
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.payments import complete_payment
from tollgate.actions.postings import wallet_of
from tollgate.store.models import Allocation, Customer, Invoice, Message, Payment


@dataclass(frozen=True, slots=True)
class Issuing:
    """What the issue of a draft would make of it and of its customer's balance."""

    number: str
    kind: str
    invoice_on: date | None
    due_on: date | None
    lines_count: int
    net_micros: int
    tax_micros: int
    total_micros: int
    settled_micros: int
    currency: str
    balance_before_micros: int
    balance_after_micros: int
    mailed_to: Sequence[str]


@dataclass(frozen=True, slots=True)
class Completing:
    """What the approval of a payment would move, settle and make."""

    amount_micros: int
    tax_micros: int
    currency: str
    balance_before_micros: int
    balance_after_micros: int
    settled: Sequence[tuple[str, int]]
    documents: Sequence[str]
    mailed_to: Sequence[str]


def issuing(*, invoice_id: int) -> Issuing:
    """What `issue_invoice` would do now. Raises Invalid as that would."""
    customer = records.find(Invoice, invoice_id).customer
    before, mails = _balance(customer), _newest_mail()
    with transaction.atomic():
        made = issue_invoice(invoice_id=invoice_id)
        seen = Issuing(
            number=str(made),
            kind=made.kind,
            invoice_on=made.invoice_on,
            due_on=made.due_on,
            lines_count=made.lines.count(),
            net_micros=made.net_micros,
            tax_micros=made.tax_micros,
            total_micros=made.total_micros,
            settled_micros=made.settled_micros,
            currency=made.currency,
            balance_before_micros=before,
            balance_after_micros=_balance(customer),
            mailed_to=_mailed(customer, mails),
        )
        transaction.set_rollback(True)
    return seen


def completing(*, payment_id: int) -> Completing:
    """What `complete_payment` would do now. Raises Invalid as that would."""
    customer = records.find(Payment, payment_id).customer
    before, mails = _balance(customer) if customer else 0, _newest_mail()
    with transaction.atomic():
        made = complete_payment(payment_id=payment_id)
        assert made.customer is not None
        rows = Allocation.objects.filter(payment=made).select_related("invoice").order_by("id")
        seen = Completing(
            amount_micros=made.amount_micros,
            tax_micros=made.tax_micros,
            currency=made.currency,
            balance_before_micros=before,
            balance_after_micros=_balance(made.customer),
            settled=[(str(row.invoice), row.amount_micros) for row in rows],
            documents=[str(row) for row in made.receipts.order_by("id")],
            mailed_to=_mailed(made.customer, mails),
        )
        transaction.set_rollback(True)
    return seen


def _balance(customer: Customer) -> int:
    return wallet_of(customer).balance_micros


def _newest_mail() -> int:
    return Message.objects.order_by("-id").values_list("pk", flat=True).first() or 0


def _mailed(customer: Customer, since_id: int) -> list[str]:
    """Whom the act has written to."""
    found = Message.objects.filter(pk__gt=since_id, customer=customer).order_by("id")
    return list(dict.fromkeys(found.values_list("recipient", flat=True)))
