"""How the lines, taxes and totals of a draft are written down. No act of its own: drafts, runs and notes write here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from tollgate.actions import records
from tollgate.actions.charges import is_posted, unbilled_charges
from tollgate.actions.invoice_usage import Doubt, correction_lines, grouping_of, taken_late, usage_lines
from tollgate.actions.taxes import tax_day, taxes_of
from tollgate.core import invoices as core
from tollgate.core.invoice_periods import Period
from tollgate.core.taxes import TaxDoubt, TaxDue, TaxRule
from tollgate.store.models import Charge, Customer, Invoice, InvoiceLine, InvoiceTax

FROM_CALLS = ("usage", "correction")
"""The kinds of line that are made anew when a draft is issued."""


def write(invoice: Invoice, lines: Sequence[core.InvoiceLine], rules: Sequence[TaxRule]) -> Invoice:
    """Makes a draft say these lines and the taxes on them; what would bring it below zero waits for the next one."""
    lines, _ = core.borne(lines, invoice.currency)
    sums = core.totals(lines, rules, currency=invoice.currency, prices_include_tax=invoice.prices_include_tax)
    invoice.lines.all().delete()
    InvoiceLine.objects.bulk_create(_row(invoice, place, line) for place, line in enumerate(sums.lines, start=1))
    write_taxes(invoice, [_tax_row(invoice, place, due) for place, due in enumerate(sums.taxes, start=1)])
    return records.change(
        invoice,
        {
            "exact_micros": sums.exact_micros,
            "net_micros": sums.net_micros,
            "rounding_micros": sums.rounding_micros,
            "tax_micros": sums.tax_micros,
            "total_micros": sums.total_micros,
        },
    )


def write_taxes(invoice: Invoice, rows: Iterable[InvoiceTax]) -> None:
    """Makes a draft bear exactly these taxes."""
    invoice.taxes.all().delete()
    InvoiceTax.objects.bulk_create(rows)


def read(invoice: Invoice) -> list[core.InvoiceLine]:
    """The lines of a document as they were written."""
    return [line_of(row) for row in invoice.lines.order_by("position")]


def rules_for(invoice: Invoice, at: datetime) -> tuple[TaxRule, ...]:
    """The taxes of an invoice on the last day of what it bills, else on the day of a moment.

    A receipt of usage bears none: who pays ahead has paid the tax with the money. Raises Doubt.
    """
    if invoice.kind == "receipt":
        return ()
    on = invoice.until_on - timedelta(days=1) if invoice.until_on else tax_day(invoice.customer, at)
    found = taxes_of(invoice.customer, on)
    if isinstance(found, TaxDoubt):
        raise Doubt(found.sentence)
    return found


def lines_from_calls(invoice: Invoice, period: Period) -> list[core.InvoiceLine]:
    """What calls bring to a draft of one period."""
    customer = invoice.customer
    own, late = correction_lines(customer, [period], without=invoice.pk)
    waiting = taken_late(customer, invoice.kind, late)
    return [*usage_lines(customer, [period], invoice.grouping)[0], *own[0], *waiting]


def lines_from_charges(customer: Customer, before_on: date, *, without: int = 0) -> list[core.InvoiceLine]:
    """What was charged beside calls and no document bears."""
    return [charge_line(charge) for charge in unbilled_charges(customer, before_on=before_on, without=without)]


def charge_line(charge: Charge) -> core.InvoiceLine:
    """The line that bears a charge."""
    return core.charge_line(
        charge_id=charge.pk,
        description=charge.description,
        from_on=charge.from_on,
        until_on=charge.until_on,
        quantity_milli=charge.quantity_milli,
        unit_price_nanos=charge.unit_price_nanos,
        amount_micros=charge.amount_micros,
        posted=is_posted(charge),
    )


def period_of(invoice: Invoice) -> Period | None:
    """The usage a document bills; None for one that bills none."""
    if invoice.usage_from_at is None or invoice.usage_until_at is None:
        return None
    assert invoice.from_on is not None
    assert invoice.until_on is not None
    return Period(invoice.usage_from_at, invoice.usage_until_at, invoice.from_on, invoice.until_on)


def new_draft(customer: Customer, kind: str, **values: Any) -> Invoice:
    """An empty draft for a customer."""
    return records.create(
        Invoice,
        {
            "account_id": customer.account_id,
            "customer_id": customer.pk,
            "kind": kind,
            "currency": customer.currency,
            "grouping": grouping_of(customer),
            "prices_include_tax": customer.prices_include_tax and kind == "invoice",
            **values,
        },
    )


def line_of(row: InvoiceLine) -> core.InvoiceLine:
    """A line as core knows it."""
    usage = None
    if row.usage_from_at and row.usage_until_at and row.from_on and row.until_on:
        usage = Period(row.usage_from_at, row.usage_until_at, row.from_on, row.until_on)
    return core.InvoiceLine(
        kind=row.kind,
        description=row.description,
        exact_micros=row.exact_micros,
        unit_price_nanos=row.unit_price_nanos,
        net_micros=row.net_micros,
        from_on=row.from_on,
        until_on=row.until_on,
        usage=usage,
        quantity_milli=row.quantity_milli,
        calls_count=row.calls_count,
        billed_s=row.billed_s,
        destination=row.destination,
        ingress_route_id=row.ingress_route_id,
        charge_id=row.charge_id,
        corrects_line_id=row.corrects_line_id,
        posted=row.posted,
    )


def _row(invoice: Invoice, place: int, line: core.InvoiceLine) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        position=place,
        kind=line.kind,
        description=line.description,
        from_on=line.from_on,
        until_on=line.until_on,
        usage_from_at=line.usage.from_at if line.usage else None,
        usage_until_at=line.usage.until_at if line.usage else None,
        quantity_milli=line.quantity_milli,
        unit_price_nanos=line.unit_price_nanos,
        exact_micros=line.exact_micros,
        net_micros=line.net_micros,
        calls_count=line.calls_count,
        billed_s=line.billed_s,
        destination=line.destination,
        ingress_route_id=line.ingress_route_id,
        charge_id=line.charge_id,
        corrects_line_id=line.corrects_line_id,
        posted=line.posted,
    )


def _tax_row(invoice: Invoice, place: int, due: TaxDue) -> InvoiceTax:
    rule = due.rule
    return InvoiceTax(
        invoice=invoice,
        tax_id=rule.id,
        position=place,
        name=rule.name,
        label=rule.label,
        category=rule.category,
        rate_ppm=rule.rate_ppm,
        fixed_micros=rule.fixed_micros,
        compound=rule.compound,
        base_micros=due.base_micros,
        amount_micros=due.amount_micros,
        exemption_reason=rule.exemption_reason,
    )
