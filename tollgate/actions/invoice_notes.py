"""Acts of correction: credit and debit notes, documents of their own series that name the invoice they correct.

A credit note takes lines back, in part or whole, never more than was billed, and its tax with them; a debit note adds
what was forgotten. Both are issued at once. (Article 219 of Directive 2006/112/EC.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, TypedDict

from django.db.models import Case, Sum, When

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse
from tollgate.actions.allocations import take_turns
from tollgate.actions.invoice_issue import DUE, issue
from tollgate.actions.invoice_lines import new_draft, write, write_taxes
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.invoices import LINE_CHECKS, MOST_LINES
from tollgate.actions.taxes import rule_told
from tollgate.core import invoices as core
from tollgate.core.money import format_micros
from tollgate.core.taxes import PPM, TaxRule, parted, to_minor
from tollgate.store.models import Customer, Invoice, InvoiceLine, InvoiceTax
from tollgate.store.queries.invoice_lists import left_of_lines

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
    invoice, customer = corrected(invoice_id)
    left, taxes_left = _left_of(invoice), _taxes_left(invoice)
    taken = {row.pk: micros for row, micros in left} if lines is None else _chosen(lines, left, invoice.currency)
    told = [row for row, _ in left if taken.get(row.pk)]
    if all(taken.get(row.pk, 0) == micros for row, micros in left):
        told += _bearing_the_rest([row for row, _ in left], told, taxes_left)
    found = [
        core.credit_line(
            line_id=row.pk,
            description=row.description,
            net_micros=taken.get(row.pk, 0),
            tax_positions=None if row.tax_positions is None else tuple(row.tax_positions),
        )
        for row in told
    ]
    if not found:
        raise refuse("lines", "Nothing is left of this invoice that could be credited.")
    rest = sum(micros for _, micros in left)
    if sum(taken.values()) > rest:  # lines below zero count too
        amount = f"{format_micros(rest)} {invoice.currency}"
        raise refuse("lines", f"Of the invoice {amount} are left before tax: take its lines below zero back as well.")
    note = _draft(invoice, customer, "credit_note", words)
    note = write(note, found, ())
    kept = [row for row, micros in left if taken.get(row.pk, 0) != micros]
    return _issued(_with_taxes(note, taxes_left, kept, rest_micros=rest), records.now())


@act
def debit_invoice(*, invoice_id: int, reason: str, lines: Sequence[AddedLine]) -> Invoice:
    """Issues a debit note for an invoice: what these lines add, with the taxes of the invoice.

    Prices include these taxes where those of the invoice do.
    """
    words = checks.cleaned({"reason": REASON}, {"reason": reason})["reason"]
    because(words)
    invoice, customer = corrected(invoice_id)
    if not isinstance(lines, (list, tuple)) or not 0 < len(lines) <= MOST_LINES:
        raise refuse("lines", f"Give 1 to {MOST_LINES} lines.")
    found = []
    for line in lines:
        given: dict[str, Any] = dict(line) if isinstance(line, Mapping) else {}
        values = {"quantity_milli": 1000, **checks.cleaned(LINE_CHECKS, given)}
        if not {"description", "unit_price_nanos"} <= values.keys() or values["unit_price_nanos"] <= 0:
            raise refuse("lines", "Each line needs its words and a price above zero.")
        found.append(core.manual_line(**{"from_on": None, "until_on": None, **values}))
    gross = invoice.prices_include_tax
    note = _draft(invoice, customer, "debit_note", words, prices_include_tax=gross)
    return _issued(write(note, found, rules_added(invoice)), records.now())


def corrected(invoice_id: int) -> tuple[Invoice, Customer]:
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
    left = left_of_lines(invoice)
    return [(row, left[row.pk]) for row in invoice.lines.order_by("position")]


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


def _draft(invoice: Invoice, customer: Customer, kind: str, reason: str, **values: Any) -> Invoice:
    return new_draft(
        customer,
        kind,
        zone=invoice.zone,
        corrects_id=invoice.pk,
        reason=reason,
        reference=invoice.reference,
        template_id=invoice.template_id,
        **values,
    )


def _taxes_left(invoice: Invoice) -> dict[InvoiceTax, int]:
    """Each tax of an invoice with what is left of it, in their order."""
    back = taxes_back(note_taxes([invoice.pk]).get(invoice.pk, ()))
    return {row: row.amount_micros - back.get(row.position, 0) for row in invoice.taxes.order_by("position")}


def _bearing_the_rest(
    lines: Sequence[InvoiceLine], told: Sequence[InvoiceLine], taxes_left: Mapping[InvoiceTax, int]
) -> list[InvoiceLine]:
    """Lines of which no net is left for the taxes of which something is, such as a fixed part: the note takes that back
    with all else, and has a line of nothing that bears it (BR-16 and BG-21 of EN 16931: a line, and a charge)."""
    found: list[InvoiceLine] = []
    for tax in (tax for tax, left in taxes_left.items() if left):
        if not any(_bears(line, tax) for line in (*told, *found)):
            found += [line for line in lines if _bears(line, tax)][:1]
    return found


def _with_taxes(
    note: Invoice, taxes_left: Mapping[InvoiceTax, int], kept: Sequence[InvoiceLine], *, rest_micros: int
) -> Invoice:
    """A credit note with the taxes that its lines bore: by the rates of the invoice, and never more than it bore; where
    nothing is kept of the lines that bear a tax, what is left of it. `rest_micros` is what is left of the net."""
    rows, most = [], rest_micros
    lines = list(note.lines.order_by("position"))
    above = [0] * len(lines)
    for row, left in taxes_left.items():
        whole = not any(_bears(line, row) for line in kept)
        most += left
        bearing = [place for place, line in enumerate(lines) if _bears(line, row)]
        if not bearing:
            continue
        bases = [lines[place].net_micros + (above[place] if row.compound else 0) for place in bearing]
        base = sum(bases)
        by_rate = to_minor(Fraction(base * row.rate_ppm, PPM), note.currency)
        tax = left if whole else max(left, by_rate) if row.amount_micros < 0 else min(left, by_rate)
        rows.append(tax_like(row, note, base=base, amount=tax, fixed=row.fixed_micros if whole else 0))
        for place, part in zip(bearing, parted(tax, bases, note.currency), strict=True):
            above[place] += part
    if note.net_micros + sum(above) > most:  # a discount bore more of a tax than the lines that bear it
        amount = f"{format_micros(most)} {note.currency}"
        raise refuse("lines", f"Of the invoice {amount} are left with tax: take its lines below zero back as well.")
    write_taxes(note, rows)
    return records.change(note, {"tax_micros": sum(above), "total_micros": note.net_micros + sum(above)})


def _bears(line: InvoiceLine, row: InvoiceTax) -> bool:
    """Whether a line of a document, or of a note on it, bears a tax of that document."""
    return line.tax_positions is None or row.position in line.tax_positions


def rules_added(invoice: Invoice) -> list[TaxRule]:
    """The taxes of what a note adds to an invoice: those of its lines for which nothing else was chosen, else those of
    its first line."""
    lines = invoice.lines.order_by("position")
    alike = lines.filter(tax_ids=None).first() or lines[0]
    return [rule_told(row) for row in invoice.taxes.order_by("position") if _bears(alike, row)]


@dataclass(frozen=True, slots=True)
class NoteTax:
    """What notes of one kind tell of a tax of the document that they correct; `of_calls` are those that a
    recalculation has brought."""

    position: int
    kind: str
    of_calls: bool
    amount_micros: int
    fixed_micros: int


def note_taxes(invoice_ids: Iterable[int]) -> dict[int, list[NoteTax]]:
    """What the notes that stand tell of the taxes of some invoices, by the invoice."""
    found: dict[int, list[NoteTax]] = {}
    of_calls = Case(When(invoice__recalculation__isnull=False, then=True), default=False)
    notes = InvoiceTax.objects.filter(invoice__corrects__in=list(invoice_ids)).exclude(invoice__state="void")
    keys = notes.annotate(of_calls=of_calls).values_list("invoice__corrects", "position", "invoice__kind", "of_calls")
    for invoice_id, *told in keys.annotate(amount=Sum("amount_micros"), fixed=Sum("fixed_micros")).order_by():
        found.setdefault(invoice_id, []).append(NoteTax(*told))
    return found


def taxes_back(told: Iterable[NoteTax], amount: str = "amount_micros") -> dict[int, int]:
    """What credit notes took back of each tax of an invoice, by its position, or of its fixed part. What notes of
    corrected calls took back is less what such notes added again."""
    rows = list(told)
    found = {one.position: getattr(one, amount) for one in rows if one.kind == "credit_note" and not one.of_calls}
    for position, micros in taxes_noted(rows, amount).items():
        found[position] = found.get(position, 0) + max(0, micros)
    return found


def taxes_noted(told: Iterable[NoteTax], amount: str = "amount_micros") -> dict[int, int]:
    """What notes of corrected calls took back of each tax of an invoice, less what they added, by its position, or of
    its fixed part."""
    found: dict[int, int] = {}
    for one in told:
        if one.of_calls:
            micros = getattr(one, amount)
            found[one.position] = found.get(one.position, 0) + (micros if one.kind == "credit_note" else -micros)
    return found


def tax_like(row: InvoiceTax, note: Invoice, *, base: int, amount: int, fixed: int) -> InvoiceTax:
    """A tax of a document on the note that takes it back."""
    copied = ("tax_id", "position", "name", "label", "category", "rate_ppm", "compound", "exemption_reason", "is_vat")
    values = {name: getattr(row, name) for name in copied}
    return InvoiceTax(invoice=note, base_micros=base, amount_micros=amount, fixed_micros=fixed, **values)


def _issued(note: Invoice, at: datetime) -> Invoice:
    try:
        return issue(note, at)
    except Doubt as doubt:
        raise refuse("lines", str(doubt)) from None
