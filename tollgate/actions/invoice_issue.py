"""Acts that issue and void documents: the number, the entries, what settles it, who is told. All in one transaction.

At issue the ledger gets what it does not have yet (`ref` is `invoice:<id>`): lines that were not charged, what rounding
added, the tax. So a wallet falls by exactly the total over a period and its invoice. A receipt posts only lines that
were not charged: its tax came with the payment. What tells of a payment (its receipt, the notes on that) posts nothing.
To let a kind of document post otherwise, see `_post_all`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse
from tollgate.actions.allocations import allocate_note, allocate_to, take_turns
from tollgate.actions.billing_progress import reopen
from tollgate.actions.charges import post_charge
from tollgate.actions.invoice_documents import frozen_parties, mail_document, mail_voided, needs_rate
from tollgate.actions.invoice_lines import in_hand
from tollgate.actions.invoice_series import issue_day, next_number
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.invoices import USUAL, is_by_hand, kind_for, locked_draft, refreshed
from tollgate.actions.postings import income_book, post, wallet_of
from tollgate.actions.webhook_bodies import invoice_body
from tollgate.actions.webhooks import emit
from tollgate.store.models import Charge, Customer, Entry, Invoice

DUE: Final = ("invoice", "debit_note")
"""The kinds that are to be paid."""


class Posting(NamedTuple):
    """One entry of a document: what the wallet gains."""

    book: str
    kind: str
    amount_micros: int
    note: str


@act
def issue_invoice(*, invoice_id: int, version: int | None = None) -> Invoice:
    """Issues a draft: its lines of calls are made anew, it gets its number, and is never changed again."""
    draft = locked_draft(invoice_id, version)
    customer = records.locked(Customer, draft.customer_id)
    if customer.parked_at is not None:
        raise refuse("invoice_id", f"The customer's billing rests: {customer.parked_reason} Release it first.")
    if is_by_hand(draft) and draft.kind != kind_for(customer) and draft.kind in USUAL:
        kind = kind_for(customer)
        gross = customer.prices_include_tax and kind == "invoice"
        draft = records.change(draft, {"kind": kind, "prices_include_tax": gross})
    try:
        return issue(refreshed(draft), records.now())
    except Doubt as doubt:
        raise refuse("invoice_id", str(doubt)) from None


@act
def void_invoice(*, invoice_id: int, reason: str, version: int | None = None) -> Invoice:
    """Voids what nothing settles. Its entries are reversed, its number stays, what it bore is billed anew.

    An invoice or debit note that was mailed is credited instead. Of any other that was mailed its customer gets a copy
    that says it is void.
    """
    words = checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"]
    because(words)
    customer = records.locked(Customer, records.find(Invoice, invoice_id).customer_id)
    take_turns(customer)  # the wallet before its documents, as allocations do
    invoice = records.locked(Invoice, invoice_id, version)
    _check_voidable(invoice)
    reopen(invoice)
    number = invoice.number or ""
    own = Entry.objects.filter(account_id=invoice.account_id, ref=_ref(invoice))
    charges = Charge.objects.filter(lines__invoice=invoice).values("entry_id")
    wallet = wallet_of(invoice.customer)
    for entry in own.exclude(pk__in=charges.filter(entry_id__isnull=False)).order_by("pk"):
        key = f"void {entry.pk}"
        note = f"{number} voided: {words}"[:1000]
        post(wallet, entry.book, entry.kind, amount_micros=-entry.amount_micros, note=note, key=key, ref=_ref(invoice))
    invoice = records.change(invoice, {"state": "void", "voided_at": records.now(), "void_reason": words})
    body = invoice_body(invoice)
    emit(account_id=invoice.account_id, event="invoice.voided", ref=_ref(invoice), body=body)
    if invoice.sent_at is not None:
        mail_voided(invoice)
    return invoice


def issue(invoice: Invoice, at: datetime) -> Invoice:
    """Issues a draft whose lines and taxes are written. Raises Doubt for one that cannot be. Call it inside an act."""
    if not invoice.lines.exists():
        raise Doubt("A document without lines says nothing.")
    if invoice.total_micros < 0 or invoice.net_micros < 0:
        raise Doubt("The document would be below zero: take lines below zero off it, or credit an issued one.")
    customer = invoice.customer
    take_turns(customer)
    _post_all(invoice, customer)
    number = next_number(invoice.account, invoice.kind, issue_day(invoice.account, at))
    on = number.on
    if needs_rate(invoice, on):
        raise Doubt(
            f"Its tax is to be told in {invoice.account.currency} too, and no exchange rate between that and"
            f" {invoice.currency} is known on {on}: enter one under Exchange rates."
        )
    issuer, buyer = frozen_parties(invoice, on)
    values = {
        "state": "issued",
        "number": number.text,
        "number_seq": number.seq,
        "number_year": number.year,
        "invoice_on": on,
        "due_on": on + timedelta(days=customer.payment_terms_days) if _is_owed(invoice) else None,
        "issued_at": at,
        "settled_micros": invoice.total_micros if invoice.kind == "receipt" or invoice.payment_id else 0,
        "issuer": issuer,
        "buyer": buyer,
        "template": invoice.template or customer.document_template,
    }
    invoice = in_hand(records.change(invoice, values), customer)
    _follow(invoice, customer)
    return invoice


def _follow(invoice: Invoice, customer: Customer) -> None:
    """What comes of a document that was issued."""
    if _is_owed(invoice):
        allocate_to(invoice)
    elif invoice.kind == "credit_note" and invoice.payment_id is None:
        allocate_note(invoice)
    invoice.refresh_from_db()
    in_hand(invoice, customer)
    event = "credit_note.issued" if invoice.kind == "credit_note" else "invoice.issued"
    emit(account_id=invoice.account_id, event=event, ref=_ref(invoice), body=invoice_body(invoice))
    if customer.email_invoices:
        mail_document(invoice)


def _post_all(invoice: Invoice, customer: Customer) -> None:
    """The entries of a document that is being issued. The charges it bears move their money by entries of their own."""
    wallet, book = wallet_of(customer), income_book(customer)
    for charge in Charge.objects.filter(lines__invoice=invoice, entry_id__isnull=True).order_by("pk"):
        post_charge(charge, ref=_ref(invoice), billing_type="prepaid" if invoice.kind == "receipt" else "postpaid")
    for place, posting in enumerate(_postings(invoice, book), start=1):
        if posting.amount_micros:
            post(
                wallet,
                posting.book,
                posting.kind,
                amount_micros=posting.amount_micros,
                note=posting.note,
                key=f"invoice {invoice.pk} {place}",
                ref=_ref(invoice),
            )


def _postings(invoice: Invoice, book: str) -> Iterator[Posting]:
    if invoice.payment_id is not None:
        return
    if invoice.recalculation_id is not None:
        yield from _postings_of_corrections(invoice, book)
        return
    if invoice.kind == "credit_note":
        yield Posting(book, "credit_note", invoice.net_micros, "Net of a credit note")
        yield Posting("tax", "credit_note", invoice.tax_micros, "Tax of a credit note")
        return
    if invoice.kind == "debit_note":
        yield Posting(book, "debit_note", -invoice.net_micros, "Net of a debit note")
        yield Posting("tax", "debit_note", -invoice.tax_micros, "Tax of a debit note")
        return
    by_hand = sum(line.exact_micros for line in invoice.lines.filter(posted=False, charge=None))
    yield Posting(book, "invoice", -by_hand, "Lines added by hand")
    if invoice.kind == "receipt":
        return
    yield Posting("adjustments", "rounding", -invoice.rounding_micros, "What rounding added")
    if invoice.prices_include_tax:  # the prices took it already: it moves from what was earned to the tax
        yield Posting(book, "tax", invoice.tax_micros, "Tax within the prices")
    yield Posting("tax", "tax", -invoice.tax_micros, "Tax")


def _postings_of_corrections(invoice: Invoice, book: str) -> Iterator[Posting]:
    """Of a note on corrected calls, whose charges the ledger has corrected already."""
    sign, words = (1, "credit") if invoice.kind == "credit_note" else (-1, "debit")
    yield Posting("adjustments", "rounding", sign * invoice.rounding_micros, "What rounding added")
    if invoice.prices_include_tax:  # the corrections had it within: it moves between what was earned and the tax
        yield Posting(book, invoice.kind, -sign * invoice.tax_micros, f"Tax within the prices of a {words} note")
    yield Posting("tax", invoice.kind, sign * invoice.tax_micros, f"Tax of a {words} note")


def _check_voidable(invoice: Invoice) -> None:
    if invoice.state != "issued":
        raise refuse("invoice_id", "Only an issued document is voided; a draft is thrown away.")
    if invoice.payment_id is not None:
        raise refuse("invoice_id", "It tells of a payment: give that back, or undo it, instead.")
    if invoice.bank_lines.filter(state="waiting").exists():
        raise refuse("invoice_id", "It is being collected: cancel that file, or wait for its outcome.")
    if invoice.kind != "receipt" and invoice.settled_micros:
        raise refuse("invoice_id", "Part of it is settled: take the allocations back first, or credit it.")
    if invoice.kind in DUE and invoice.sent_at is not None:
        raise refuse("invoice_id", "Its customer has got it by mail: credit it, so that a document names it.")
    if invoice.corrections.exclude(state="void").exists():
        raise refuse("invoice_id", "Credit or debit notes correct it: they would correct nothing.")


def _is_owed(invoice: Invoice) -> bool:
    """Whether it is to be paid: what tells of a payment was paid with that."""
    return invoice.kind in DUE and invoice.payment_id is None


def _ref(invoice: Invoice) -> str:
    return f"invoice:{invoice.pk}"
