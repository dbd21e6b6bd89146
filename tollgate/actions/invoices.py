"""Acts on drafts: make one of a period or empty, add and change its lines, throw it away.

Issuing is in invoice_issue.py, credit and debit notes in invoice_notes.py, the unattended run in invoice_runs.py. Lines
of calls say what the ledger charged: they are made anew at issue and edited by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, current, refuse
from tollgate.actions.billing_progress import FROM_CALLS, reopen
from tollgate.actions.charges import MOST_QUANTITY_MILLI, charge_amount, day, kind_of, unbilled_charges, zone_of
from tollgate.actions.customer_checks import GROUPINGS
from tollgate.actions.invoice_lines import (
    charges_of,
    lines_from_calls,
    lines_from_charges,
    new_draft,
    period_of,
    read,
    rules_for,
    sums_of,
    with_own_taxes,
    write,
)
from tollgate.actions.invoice_usage import Doubt, billing_switches, covered
from tollgate.actions.line_taxes import NOTHING_CHOSEN, TAX_CHECKS, LineTaxes, choice_for
from tollgate.actions.statements import without_limit
from tollgate.core import invoices as core
from tollgate.core.invoice_periods import Period, uncovered
from tollgate.core.invoice_periods import period_of as whole_days
from tollgate.store.models import Customer, Invoice, InvoiceLine, InvoiceTemplate

DRAFT_ONLY: Final = "Only a draft is changed; correct an issued document by a credit or debit note."
MOST_LINES: Final = 1000
UTC_NAME: Final = "UTC"


class DraftChanges(TypedDict, total=False):
    """What may be changed on a draft beside its lines."""

    note: str
    reference: str
    grouping: str
    template_id: int | None


class LineFields(LineTaxes, total=False):
    """What may be said of a line beside its words and its price. `until_on` is the first day after."""

    quantity_milli: int
    from_on: str | date | None
    until_on: str | date | None


class LineChanges(LineFields, total=False):
    """What may be changed on a line that a person added."""

    description: str
    unit_price_nanos: int


@dataclass(frozen=True, slots=True)
class LineSums:
    """What a line comes to by itself, without the fixed parts of taxes, and its draft with it."""

    alone: core.Totals
    whole: core.Totals


USUAL: Final = ("invoice", "receipt")
"""The kinds of which a customer gets one or the other, as it pays."""
DRAFT_CHECKS: Final[Mapping[str, checks.Check]] = {
    "note": checks.text(2000),
    "reference": checks.text(200),
    "grouping": checks.one_of(GROUPINGS),
    "template_id": checks.optional(checks.record_id),
}
LINE_CHECKS: Final[Mapping[str, checks.Check]] = {
    "description": checks.text(core.MOST_DESCRIPTION, required=True),
    "quantity_milli": checks.whole(1, MOST_QUANTITY_MILLI),
    "unit_price_nanos": checks.amount(-checks.MOST_MICROS * 1000, checks.MOST_MICROS * 1000, price=True),
    "from_on": checks.optional(day),
    "until_on": checks.optional(day),
}
OWN_LINE_CHECKS: Final[Mapping[str, checks.Check]] = {**LINE_CHECKS, **TAX_CHECKS}
UNSAID: Final[Mapping[str, Any]] = {"quantity_milli": 1000, "from_on": None, "until_on": None, **NOTHING_CHOSEN}


@act
def draft_invoice(
    *,
    customer_id: int,
    from_on: str | date | None = None,
    until_on: str | date | None = None,
    grouping: str = "",
    in_utc: bool = False,
) -> Invoice:
    """Makes a draft of a period that is over, with its calls and charges, or an empty one for lines by hand.

    `until_on` is the first day after the period. Its days are those of the customer's billing zone, or `in_utc` those
    of UTC, as summaries have them. A period that a document bears already is refused. What a prepaid customer gets is a
    receipt.
    """
    customer = records.locked(Customer, customer_id)
    kind = kind_for(customer)
    values = {"grouping": grouping} if grouping else {}
    checks.cleaned({**DRAFT_CHECKS, "in_utc": checks.yes_no}, {**values, "in_utc": in_utc})
    at, by = records.now(), current.get().name
    zone = UTC_NAME if in_utc else zone_of(customer)
    if from_on is None and until_on is None:
        return new_draft(customer, kind, zone=zone, created_by=by, **values)
    days = checks.cleaned({"from_on": day, "until_on": day}, {"from_on": from_on, "until_on": until_on})
    if days["until_on"] <= days["from_on"]:
        raise refuse("until_on", "This is the first day after: give a later one.")
    period = whole_days(days["from_on"], days["until_on"], zone)
    if period.until_at > at:
        raise refuse("until_on", "This period is not over yet.")
    if uncovered(period, covered(customer), zone) != [period]:
        raise refuse("from_on", "Part of this period is on another document already.")
    switches = billing_switches(customer)
    if any(period.from_at < at < period.until_at for at, _ in switches):
        raise refuse("until_on", "In this period the account type was changed: generate what is missing instead.")
    invoice = draft_of(customer, period, zone=zone, created_by=by, **values)
    without_limit()
    charges = lines_from_charges(customer, invoice.kind, date.max, without=invoice.pk)
    with doubts_named("customer_id"):
        lines = [
            *lines_from_calls(invoice, period),
            *charges_of(customer, invoice.kind, period, charges, switches),
        ]
        return write(invoice, lines, rules_for(invoice, at))


@act
def update_invoice(*, invoice_id: int, version: int | None = None, **changes: Unpack[DraftChanges]) -> Invoice:
    """Changes the note, the reference, the template or the grouping of a draft."""
    values = checks.cleaned(DRAFT_CHECKS, changes)
    invoice = locked_draft(invoice_id, version)
    template_id = values.get("template_id")
    if template_id and not InvoiceTemplate.objects.filter(pk=template_id, account_id=invoice.account_id).exists():
        raise refuse("template_id", "Choose one of the invoice templates.")
    before = invoice.grouping
    invoice = records.change(invoice, values)
    if invoice.grouping == before:
        return invoice
    with doubts_named("invoice_id"):
        return refreshed(invoice)


@act
def delete_invoice_draft(*, invoice_id: int, version: int | None = None) -> None:
    """Throws a draft away: what it bore may be billed again. It never had a number."""
    draft = locked_draft(invoice_id, version)
    records.locked(Customer, draft.customer_id)  # no run is at it meanwhile
    reopen(draft)
    draft.delete()


@act
def add_invoice_line(
    *, invoice_id: int, description: str, unit_price_nanos: int, **fields: Unpack[LineFields]
) -> Invoice:
    """Adds a line to a draft. The money moves when the document is issued.

    It bears the taxes that fall due for the document, or of the customer's taxes those in `tax_ids`. A line without VAT
    says why by its `tax_category` (of EN 16931: E, AE, K, G, O or Z) and, but for Z, its `exemption_reason`.
    """
    given: dict[str, Any] = {**fields, "description": description, "unit_price_nanos": unit_price_nanos}
    values = {**UNSAID, **checks.cleaned(OWN_LINE_CHECKS, given)}
    invoice = locked_draft(invoice_id)
    if not is_by_hand(invoice) and invoice.kind in USUAL and invoice.kind != kind_for(invoice.customer):
        words = "This document is of the time before the account type was changed: add the line to a new one."
        raise refuse("invoice_id", words)
    lines = read(invoice)
    if len(lines) >= MOST_LINES:
        raise refuse("invoice_id", f"A document has at most {MOST_LINES} lines.")
    return _written(invoice, [*lines, _made(invoice, values)])


@act
def change_invoice_line(*, line_id: int, **changes: Unpack[LineChanges]) -> Invoice:
    """Changes a line of a draft that a person added."""
    values = checks.cleaned(OWN_LINE_CHECKS, changes)
    row, invoice = _line(line_id)
    if row.kind != "manual":
        raise refuse("line_id", "Only lines that were added by hand are changed.")
    before = {name: getattr(row, name) for name in OWN_LINE_CHECKS}
    if "unit_price_nanos" not in values and invoice.prices_include_tax:  # the row shows the price without its tax
        before["unit_price_nanos"] = row.exact_micros * 10**6 // row.quantity_milli
    lines = read(invoice)
    lines[_place(invoice, row)] = _made(invoice, {**before, **values})
    return _written(invoice, lines)


@act
def remove_invoice_line(*, line_id: int) -> Invoice:
    """Takes a line off a draft. A charge taken off is on the next document again."""
    row, invoice = _line(line_id)
    if row.kind in FROM_CALLS:
        raise refuse("line_id", "Calls stay on the document of their period: throw the draft away instead.")
    lines = read(invoice)
    del lines[_place(invoice, row)]
    return _written(invoice, lines)


def line_sums(invoice: Invoice, fields: Mapping[str, Any], *, instead: InvoiceLine | None = None) -> LineSums:
    """What a line would come to, in place of another or added, and its draft with it; nothing is written.

    Raises Invalid as the acts above do.
    """
    line = _made(invoice, {**UNSAID, **checks.cleaned(OWN_LINE_CHECKS, fields)})
    lines = read(invoice)
    if instead is None:
        lines.append(line)
    else:
        lines[_place(invoice, instead)] = line
    with doubts_named("invoice_id"):
        rules = rules_for(invoice, records.now())
        (line,) = with_own_taxes(invoice, [line], rules)
        by_rate = [replace(rule, fixed_micros=0) for rule in (rules if line.rules is None else line.rules)]
        gross, money = invoice.prices_include_tax, invoice.currency
        alone = core.totals([replace(line, rules=None)], by_rate, currency=money, prices_include_tax=gross)
        return LineSums(alone, sums_of(invoice, lines, rules))


def draft_of(customer: Customer, period: Period, *, zone: str = "", **values: Any) -> Invoice:
    """The draft that bears a period from now on: no other document can. Its lines are still to be written. Its days are
    those of a zone, that of the customer's bills if none is given."""
    return new_draft(
        customer,
        kind_for(customer, period.from_at),
        zone=zone or zone_of(customer),
        from_on=period.from_on,
        until_on=period.until_on,
        usage_from_at=period.from_at,
        usage_until_at=period.until_at,
        **values,
    )


def is_by_hand(draft: Invoice) -> bool:
    """Whether a person began it for lines by hand: it bears no period, and no run made it."""
    return draft.usage_from_at is None and draft.run_key is None


def kind_for(customer: Customer, at: datetime | None = None) -> str:
    """What a customer gets for its calls of a moment, or now: a receipt or an invoice."""
    return kind_at(customer, at, billing_switches(customer)) if at else kind_of(customer.billing_type)


def kind_at(customer: Customer, at: datetime, switches: Sequence[tuple[datetime, str]]) -> str:
    """What a customer who was made prepaid or postpaid at some moments gets for its calls of a moment."""
    return kind_of(next((was for changed_at, was in switches if at < changed_at), customer.billing_type))


def locked_draft(invoice_id: int, version: int | None = None) -> Invoice:
    """A draft, locked. Raises Invalid for a document that was issued."""
    invoice = records.locked(Invoice, invoice_id, version)
    if invoice.state != "draft":
        raise refuse("invoice_id", DRAFT_ONLY)
    return invoice


def refreshed(invoice: Invoice) -> Invoice:
    """A draft with its lines of calls made anew and everything added up again. A charge that documents of another kind
    bear by now is left to these. Raises Doubt."""
    period = period_of(invoice)
    kept = _with_its_charges(invoice, read(invoice))
    if period is not None:
        without_limit()
        kept = [*lines_from_calls(invoice, period), *(line for line in kept if line.kind not in FROM_CALLS)]
    return write(invoice, kept, rules_for(invoice, records.now()))


def _with_its_charges(invoice: Invoice, lines: list[core.InvoiceLine]) -> list[core.InvoiceLine]:
    if not any(line.charge_id for line in lines):
        return lines
    found = unbilled_charges(invoice.customer, kind=invoice.kind, before_on=date.max, without=invoice.pk)
    own = {None, *found.values_list("pk", flat=True)}
    return [line for line in lines if line.charge_id in own]


@contextmanager
def doubts_named(field: str) -> Iterator[None]:
    """Tells a person who asked for a document what is in doubt; an unattended run parks the customer instead."""
    try:
        yield
    except Doubt as doubt:
        raise refuse(field, str(doubt)) from None


def _written(invoice: Invoice, lines: list[core.InvoiceLine]) -> Invoice:
    with doubts_named("invoice_id"):
        return write(invoice, lines, rules_for(invoice, records.now()))


def _place(invoice: Invoice, row: InvoiceLine) -> int:
    return list(invoice.lines.order_by("position").values_list("pk", flat=True)).index(row.pk)


def _made(invoice: Invoice, values: Mapping[str, Any]) -> core.InvoiceLine:
    """A line of checked values. Raises Invalid for what does not go together."""
    _check_line(values)
    said = {name: values[name] for name in LINE_CHECKS}
    return core.manual_line(**said, tax_choice=choice_for(invoice, values))


def _line(line_id: int) -> tuple[InvoiceLine, Invoice]:
    row = InvoiceLine.objects.filter(pk=line_id).first()
    if row is None:
        raise NotFound(f"There is no line {line_id}.")
    return row, locked_draft(row.invoice_id)


def _check_line(values: Mapping[str, Any]) -> None:
    if abs(charge_amount(values["unit_price_nanos"], values["quantity_milli"])) > checks.MOST_MICROS:
        raise refuse("unit_price_nanos", "The line would be larger than can be kept.")
    first, until = values["from_on"], values["until_on"]
    if (first is None) != (until is None) or (first and until <= first):
        raise refuse("until_on", "Give both days, the second as the first day after.")
