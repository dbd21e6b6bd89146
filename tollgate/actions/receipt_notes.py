"""Notes on receipts: what was given back of a payment corrects the receipt that was issued for it. No act of its own.

A refund or reversal makes a credit note, one that came back after all a debit note. The money and its tax moved with
the payment's own entries, so the note posts nothing, is settled when it is issued and settles nothing else. Its amounts
are what the ledger moved of what the receipt says. (Article 219 of Directive 2006/112/EC.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import transaction
from django.db.models import Sum

from tollgate.actions import records
from tollgate.actions.invoice_issue import issue
from tollgate.actions.invoice_lines import new_draft, write, write_taxes
from tollgate.actions.invoice_notes import tax_like
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.taxes import rest_billing
from tollgate.core import invoices as core
from tollgate.core.payments import told_of, within_left
from tollgate.store.models import Customer, Invoice, InvoiceTax, Payment

REASONS: Final[Mapping[str, str]] = {"refund": "The payment was refunded", "reversal": "The payment was taken back"}
RESTORED: Final = "The payment came back"


def note_for_refund(done: Payment, original: Payment, *, before_micros: int) -> Invoice | None:
    """The note on the receipt of a payment of which something was given back, or came back; None without a receipt.

    `before_micros` is what had been given back before. Call it inside the act that moved the money. Money is never
    turned away: where the note is in doubt there is none, and the customer's billing rests (R12).
    """
    receipt = Invoice.objects.filter(payment=original, kind="receipt", state="issued").first()
    if receipt is None or done.customer is None:
        return None
    amount, code = original.amount_micros, original.currency
    was, due = (
        told_of(receipt.total_micros, refunded_micros=part, amount_micros=amount, currency=code)
        for part in (before_micros, original.refunded_micros)
    )
    told = due - was
    if not told:
        return None
    try:
        with transaction.atomic():
            if -told > _credited(receipt):
                raise Doubt("It has taken back less by its notes than comes back now.")
            return _issued(done, done.customer, receipt, told)
    except Doubt as doubt:
        sentence = f"The receipt {receipt} is not corrected by payment {done.pk}: {doubt}"
        rest_billing(done.customer, sentence[:500], records.now())
        return None


def _issued(done: Payment, customer: Customer, receipt: Invoice, told_micros: int) -> Invoice:
    kind = "credit_note" if told_micros > 0 else "debit_note"
    note = new_draft(
        customer,
        kind,
        zone=receipt.zone,
        corrects_id=receipt.pk,
        payment_id=done.pk,
        reason=REASONS.get(done.kind, "") if told_micros > 0 else RESTORED,
        reference=receipt.reference,
        template_id=receipt.template_id,
        run_key=f"note of payment {done.pk}",
    )
    line = receipt.lines.order_by("position")[0]
    rows = list(receipt.taxes.order_by("position"))
    left = [_left_of(row, receipt, kind) for row in rows]
    amounts = within_left(min(done.tax_micros, sum(left)), left, currency=note.currency)
    net = abs(told_micros) - sum(amounts)
    words = f"{note.reason}: {line.description}"
    found = core.credit_line(line_id=line.pk, description=words, net_micros=net)
    note = write(note, [found], ())
    above, taxes = 0, []
    for row, amount in zip(rows, amounts, strict=True):
        taxes.append(tax_like(row, note, base=net + above if row.compound else net, amount=amount, fixed=0))
        above += amount
    write_taxes(note, taxes)
    note = records.change(note, {"tax_micros": above, "total_micros": net + above})
    return issue(note, done.completed_at or records.now())


def _credited(receipt: Invoice) -> int:
    """What notes have taken back of a receipt so far."""
    notes = Invoice.objects.filter(corrects=receipt, state="issued").values_list("kind")
    sums = dict(notes.annotate(micros=Sum("total_micros")))
    return int(sums.get("credit_note", 0) - sums.get("debit_note", 0))


def _left_of(row: InvoiceTax, receipt: Invoice, kind: str) -> int:
    """What of a tax of the receipt may still be taken back, or of what was taken back may come back."""
    notes = InvoiceTax.objects.filter(invoice__corrects=receipt, invoice__state="issued", position=row.position)
    sums = dict(notes.values_list("invoice__kind").annotate(micros=Sum("amount_micros")))
    credited: int = sums.get("credit_note", 0) - sums.get("debit_note", 0)
    return row.amount_micros - credited if kind == "credit_note" else credited
