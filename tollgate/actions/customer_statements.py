"""Statements of account: what moved a customer's wallet between two days, from the ledger and its documents.

No act: reading changes nothing. What a line is called is in `core.statement_words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from tollgate.actions.charges import zone_of
from tollgate.actions.country_names import with_country
from tollgate.actions.postings import wallet_of
from tollgate.actions.statements import fetch
from tollgate.core.invoice_document import Party
from tollgate.core.statement import Movement, OpenDocument, Statement, running
from tollgate.gateways import documents
from tollgate.store.models import Account, Charge, Customer, Invoice, Payment

BY_KIND: Final = {
    "package": "charge", "fee": "charge", "surcharge": "charge", "invoice": "charge", "topup": "payment",
    "refund": "refund", "reversal": "reversal", "bonus": "bonus",
}  # fmt: skip
"""What entries without a document are; any other is an adjustment."""
OPEN_KINDS: Final = ("invoice", "debit_note")


def statement_of(customer: Customer, *, from_on: date, until_on: date) -> Statement:
    """The statement of the days from `from_on` to the one before `until_on`, in the zone of the customer's bills."""
    wallet, zone = wallet_of(customer), zone_of(customer)
    opening = fetch("books", "balance_before", wallet.pk, customer.account_id, from_on, zone)[0]["balance_micros"]
    rows = fetch("books", "movements", wallet.pk, customer.account_id, from_on, until_on, zone)
    account: Account = customer.account
    return Statement(
        currency=customer.currency,
        language=customer.language,
        from_on=from_on,
        until_on=until_on,
        issuer=with_country(_party(account, number=""), customer.language),
        customer=with_country(_party(customer, number=customer.number), customer.language),
        opening_micros=opening,
        movements=running(opening, _movements(rows)),
        open_documents=tuple(_open(customer)),
    )


def statement_file(customer: Customer, *, from_on: date, until_on: date) -> tuple[str, bytes]:
    """The name and bytes of the statement as PDF. Raises documents.NotPrinted."""
    made = statement_of(customer, from_on=from_on, until_on=until_on)
    return f"statement-{customer.number or customer.pk}-{from_on}-{made.last_on}.pdf", documents.statement_pdf(made)


def _movements(rows: Sequence[dict[str, Any]]) -> Iterable[Movement]:
    """The lines with what their documents are called."""
    refs = [str(row["what"]).partition(":") for row in rows]
    invoices = Invoice.objects.in_bulk([int(number) for kind, _, number in refs if kind == "invoice"])
    payments = Payment.objects.in_bulk([int(number) for kind, _, number in refs if kind == "payment"])
    charges = Charge.objects.in_bulk([int(number) for kind, _, number in refs if kind == "charge"])
    for row, (kind, _, number) in zip(rows, refs, strict=True):
        invoice = invoices.get(int(number)) if kind == "invoice" else None
        payment = payments.get(int(number)) if kind == "payment" else None
        yield Movement(
            on=row["on"],
            kind=_kind(row, invoice, payment),
            amount_micros=row["amount_micros"],
            document=_document(invoice, payment, charges.get(int(number)) if kind == "charge" else None),
            calls_count=row["calls_count"],
            invoice_id=invoice.pk if invoice else None,
            payment_id=payment.pk if payment else None,
        )


def _kind(row: dict[str, Any], invoice: Invoice | None, payment: Payment | None) -> str:
    if row["voided"]:
        return "voided"
    if invoice is not None:
        return invoice.kind
    if payment is not None:
        return payment.kind
    return str(row["what"]) if row["what"] in ("calls", "corrections") else BY_KIND.get(row["kind"], "adjustment")


def _document(invoice: Invoice | None, payment: Payment | None, charge: Charge | None) -> str:
    if invoice is not None:
        return str(invoice)
    if charge is not None:
        return charge.description
    return str(payment.external_id or payment.pk) if payment is not None else ""


def _open(customer: Customer) -> Iterable[OpenDocument]:
    """What is to be paid now, oldest first."""
    found = Invoice.objects.filter(account_id=customer.account_id, customer=customer, state="issued")
    for invoice in found.filter(kind__in=OPEN_KINDS).order_by("due_on", "id"):
        if invoice.open_micros:
            yield OpenDocument(
                number=str(invoice),
                kind=invoice.kind,
                invoice_on=invoice.invoice_on,
                due_on=invoice.due_on,
                total_micros=invoice.total_micros,
                open_micros=invoice.open_micros,
            )


def _party(whose: Account | Customer, *, number: str) -> Party:
    return Party(
        name=whose.company or whose.name,
        number=number,
        address_line1=whose.address_line1,
        address_line2=whose.address_line2,
        city=whose.city,
        state=whose.state,
        postcode=whose.postcode,
        country=whose.country,
    )
