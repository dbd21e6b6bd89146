"""Acts of correction: credit and debit notes, documents of their own series that name the invoice they correct.

A credit note takes lines back, in part or whole, never more than was billed, and its tax with them; a debit note adds
what was forgotten. Both are issued at once. (Article 219 of Directive 2006/112/EC.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, TypedDict

from django.db.models import Sum

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse
from tollgate.actions.allocations import take_turns
from tollgate.actions.invoice_issue import DUE, issue
from tollgate.actions.invoice_lines import new_draft, write, write_taxes
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.invoices import LINE_CHECKS, MOST_LINES
from tollgate.core import invoices as core
from tollgate.core.money import format_micros
from tollgate.core.taxes import PPM, TaxRule, to_minor
from tollgate.store.models import Customer, Invoice, InvoiceLine, InvoiceTax

REASON: Final = checks.text(500, required=True)
LINE: Final[Mapping[str, checks.Check]] = {
    "line_id": checks.record_id,
    "net_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
}


class CreditedLine(TypedDict):
    """Which line is taken back, and how much of its net."""

    line_id: int
    net_micros: int


class AddedLine(TypedDict, total=False):
    """What a debit note adds."""

    description: str
    quantity_milli: int
    unit_price_nanos: int


@act
def credit_invoice(*, invoice_id: int, reason: str, lines: Sequence[CreditedLine] | None = None) -> Invoice:
    """Issues a credit note for an invoice: for these parts of its lines, or for all that is left of it."""
    words = checks.cleaned({"reason": REASON}, {"reason": reason})["reason"]
    because(words)
    invoice, customer = _corrected(invoice_id)
    left = _left_of(invoice)
    taken = {row.pk: micros for row, micros in left} if lines is None else _chosen(lines, left, invoice.currency)
    found = [
        core.credit_line(line_id=row.pk, description=row.description, net_micros=taken[row.pk])
        for row, _ in left
        if taken.get(row.pk)
    ]
    if not found:
        raise refuse("lines", "Nothing is left of this invoice that could be credited.")
    rest = sum(micros for _, micros in left)
    if sum(taken.values()) > rest:  # lines below zero count too
        amount = f"{format_micros(rest)} {invoice.currency}"
        raise refuse("lines", f"Of the invoice {amount} are left before tax: take its lines below zero back as well.")
    note = _draft(invoice, customer, "credit_note", words)
    note = write(note, found, ())
    whole = all(taken.get(row.pk, 0) == micros for row, micros in left)
    return _issued(_with_taxes(note, invoice, whole=whole), records.now())


@act
def debit_invoice(*, invoice_id: int, reason: str, lines: Sequence[AddedLine]) -> Invoice:
    """Issues a debit note for an invoice: what these lines add, with the taxes of the invoice."""
    words = checks.cleaned({"reason": REASON}, {"reason": reason})["reason"]
    because(words)
    invoice, customer = _corrected(invoice_id)
    if not isinstance(lines, (list, tuple)) or not 0 < len(lines) <= MOST_LINES:
        raise refuse("lines", f"Give 1 to {MOST_LINES} lines.")
    found = []
    for line in lines:
        given: dict[str, Any] = dict(line) if isinstance(line, Mapping) else {}
        values = {"quantity_milli": 1000, **checks.cleaned(LINE_CHECKS, given)}
        if not {"description", "unit_price_nanos"} <= values.keys() or values["unit_price_nanos"] <= 0:
            raise refuse("lines", "Each line needs its words and a price above zero.")
        found.append(core.manual_line(**{"from_on": None, "until_on": None, **values}))
    note = _draft(invoice, customer, "debit_note", words)
    return _issued(write(note, found, [_rule(row) for row in invoice.taxes.order_by("position")]), records.now())


def _corrected(invoice_id: int) -> tuple[Invoice, Customer]:
    """The invoice, locked so that two never credit the same."""
    customer = records.locked(Customer, records.find(Invoice, invoice_id).customer_id)
    take_turns(customer)  # the wallet before its documents, as allocations do
    invoice = records.locked(Invoice, invoice_id)
    if invoice.payment_id is not None:
        raise refuse("invoice_id", "It tells of a payment: give money back there, and its note is made with it.")
    if invoice.state != "issued" or invoice.kind not in DUE:
        raise refuse("invoice_id", "Only an issued invoice or debit note is corrected; a draft is changed.")
    return invoice, customer


def _left_of(invoice: Invoice) -> list[tuple[InvoiceLine, int]]:
    """Each line of an invoice with what is left of its net."""
    back = InvoiceLine.objects.filter(corrects_line__invoice=invoice).exclude(invoice__state="void")
    sums = dict(back.values_list("corrects_line").annotate(micros=Sum("net_micros")))
    return [(row, row.net_micros - sums.get(row.pk, 0)) for row in invoice.lines.order_by("position")]


def _chosen(lines: Sequence[CreditedLine], left: Sequence[tuple[InvoiceLine, int]], currency: str) -> dict[int, int]:
    """What a person wants to take back, checked against what is left."""
    if not isinstance(lines, (list, tuple)):
        raise refuse("lines", "Give a list of lines.")
    most = {row.pk: micros for row, micros in left}
    taken: dict[int, int] = {}
    for line in lines:
        values = checks.cleaned(LINE, line if isinstance(line, Mapping) else {})
        if values.keys() != LINE.keys() or values["line_id"] not in most or values["line_id"] in taken:
            raise refuse("lines", "Name each line of the invoice once, with its net amount.")
        micros, limit = values["net_micros"], most[values["line_id"]]
        if to_minor(micros, currency) != micros:
            raise refuse("lines", f"{format_micros(micros)} is not a whole amount of {currency}.")
        if not min(0, limit) <= micros <= max(0, limit):
            raise refuse("lines", f"Of this line {format_micros(limit)} {currency} is left.")
        taken[values["line_id"]] = micros
    if sum(taken.values()) < 0:
        raise refuse("lines", "The credit note would be below zero: write a debit note.")
    return taken


def _draft(invoice: Invoice, customer: Customer, kind: str, reason: str) -> Invoice:
    return new_draft(
        customer,
        kind,
        zone=invoice.zone,
        corrects_id=invoice.pk,
        reason=reason,
        reference=invoice.reference,
        template_id=invoice.template_id,
    )


def _with_taxes(note: Invoice, invoice: Invoice, *, whole: bool) -> Invoice:
    """A credit note with its taxes: by the rates of the invoice, and never more than the invoice bore; the last one
    takes back what is left."""
    back = InvoiceTax.objects.filter(invoice__corrects=invoice, invoice__kind="credit_note")
    sums = dict(back.exclude(invoice__state="void").values_list("position").annotate(micros=Sum("amount_micros")))
    rows = []
    above = 0
    for row in invoice.taxes.order_by("position"):
        left = row.amount_micros - sums.get(row.position, 0)
        base = note.net_micros + above if row.compound else note.net_micros
        amount = left if whole else min(left, to_minor(Fraction(base * row.rate_ppm, PPM), note.currency))
        rows.append(tax_like(row, note, base=base, amount=amount, fixed=row.fixed_micros if whole else 0))
        above += amount
    write_taxes(note, rows)
    return records.change(note, {"tax_micros": above, "total_micros": note.net_micros + above})


def tax_like(row: InvoiceTax, note: Invoice, *, base: int, amount: int, fixed: int) -> InvoiceTax:
    """A tax of a document on the note that takes it back."""
    copied = ("tax_id", "position", "name", "label", "category", "rate_ppm", "compound", "exemption_reason")
    values = {name: getattr(row, name) for name in copied}
    return InvoiceTax(invoice=note, base_micros=base, amount_micros=amount, fixed_micros=fixed, **values)


def _rule(row: InvoiceTax) -> TaxRule:
    """A tax of the invoice for a note that adds to it; its fixed part was paid with the invoice."""
    return TaxRule(
        id=row.tax_id,
        name=row.name,
        label=row.label,
        category=row.category,
        rate_ppm=row.rate_ppm,
        compound=row.compound,
        exemption_reason=row.exemption_reason,
    )


def _issued(note: Invoice, at: datetime) -> Invoice:
    try:
        return issue(note, at)
    except Doubt as doubt:
        raise refuse("lines", str(doubt)) from None
