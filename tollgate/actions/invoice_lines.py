"""How the lines, taxes and totals of a draft are written down. No act of its own: drafts, runs and notes write here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from tollgate.actions import records
from tollgate.actions.billing_progress import look, look_again, stretches_named
from tollgate.actions.charges import is_posted, kind_of, unbilled_charges
from tollgate.actions.correction_taxes import with_taxes_of_their_calls
from tollgate.actions.invoice_series import issue_day
from tollgate.actions.invoice_usage import Doubt, correction_lines, grouping_of, taken_late, usage_lines
from tollgate.actions.taxes import paid_by, party_of, taxes_of
from tollgate.core import invoices as core
from tollgate.core.invoice_periods import Period
from tollgate.core.taxes import TaxChoice, TaxDoubt, TaxDue, TaxRule, chosen, to_minor
from tollgate.store.models import Charge, Customer, Invoice, InvoiceLine, InvoiceTax


def write(
    invoice: Invoice, lines: Sequence[core.InvoiceLine], rules: Sequence[TaxRule], *, is_new: bool = False
) -> Invoice:
    """Makes a draft say these lines and the taxes on them; what would bring it below zero waits for the next one.

    One that `is_new` says nothing yet. Raises Doubt where a line bears a tax of its own that no longer holds.
    """
    sums = sums_of(invoice, lines, rules)
    if not is_new:
        _take_off(invoice)
    InvoiceLine.objects.bulk_create(_row(invoice, place, line) for place, line in enumerate(sums.lines, start=1))
    InvoiceTax.objects.bulk_create(_tax_row(invoice, place, due) for place, due in enumerate(sums.taxes, start=1))
    return change(
        invoice,
        {
            "exact_micros": sums.exact_micros,
            "net_micros": sums.net_micros,
            "rounding_micros": sums.rounding_micros,
            "tax_micros": sums.tax_micros,
            "total_micros": sums.total_micros,
        },
    )


def _take_off(invoice: Invoice) -> None:
    if stretches_named(invoice):
        records.locked(Customer, invoice.customer_id)  # no run is at it meanwhile
        look_again(invoice)
    invoice.lines.all().delete()
    invoice.taxes.all().delete()


def change(invoice: Invoice, values: Mapping[str, Any]) -> Invoice:
    """A document with these values, with its customer in hand."""
    customer = invoice.customer
    return in_hand(records.change(invoice, values), customer)


def in_hand(invoice: Invoice, customer: Customer) -> Invoice:
    """A document that was read anew, with its customer as an act has it in hand: none is read again for it."""
    invoice.customer, invoice.account = customer, customer.account
    return invoice


def sums_of(invoice: Invoice, lines: Sequence[core.InvoiceLine], rules: Sequence[TaxRule]) -> core.Totals:
    """What a draft of these lines comes to. Raises Doubt."""
    currency, gross = invoice.currency, invoice.prices_include_tax
    own = with_own_taxes(invoice, lines, rules)
    lines, _ = core.borne(own, rules, currency=currency, prices_include_tax=gross)
    return core.totals(lines, rules, currency=currency, prices_include_tax=gross)


def write_taxes(invoice: Invoice, rows: Iterable[InvoiceTax]) -> None:
    """Makes a draft bear exactly these taxes."""
    invoice.taxes.all().delete()
    InvoiceTax.objects.bulk_create(rows)


def read(invoice: Invoice) -> list[core.InvoiceLine]:
    """The lines of a document as they were written."""
    return [line_of(row) for row in invoice.lines.order_by("position")]


def rules_for(invoice: Invoice, at: datetime) -> tuple[TaxRule, ...]:
    """The taxes of an invoice on the last day of what it bills, else on the day of issue.

    A receipt of usage bears none: who pays ahead has paid the tax with the money. Raises Doubt.
    """
    if invoice.kind == "receipt":
        return ()
    found = taxes_of(invoice.customer, tax_point(invoice, at))
    if isinstance(found, TaxDoubt):
        raise Doubt(found.sentence)
    return found


def tax_point(invoice: Invoice, at: datetime) -> date:
    """The day whose taxes an invoice bears: the last one it bills, else that of its issue, were it issued now."""
    on: date = invoice.until_on - timedelta(days=1) if invoice.until_on else issue_day(invoice.account, at)
    return on


def with_own_taxes(
    invoice: Invoice, lines: Sequence[core.InvoiceLine], rules: Sequence[TaxRule]
) -> list[core.InvoiceLine]:
    """The lines with what they bear in place of the document's taxes: what a person chose for them, as it holds on its
    day, and corrections of calls the taxes of the invoice that bore these. Those that have theirs keep them."""
    if invoice.kind == "receipt":
        return list(lines)
    return with_taxes_of_their_calls(invoice, _with_chosen(invoice, lines), rules)


def _with_chosen(invoice: Invoice, lines: Sequence[core.InvoiceLine]) -> list[core.InvoiceLine]:
    if all(line.tax_choice is None or line.rules is not None for line in lines):
        return list(lines)
    customer, on = invoice.customer, tax_point(invoice, records.now())
    own, party = paid_by(customer, on), party_of(customer)
    found = []
    for line in lines:
        rules = chosen(line.tax_choice, own, on, party) if line.tax_choice else line.rules
        if isinstance(rules, TaxDoubt):
            raise Doubt(f"{line.description}: {rules.sentence}")
        found.append(replace(line, rules=rules))
    return found


def lines_from_calls(invoice: Invoice, period: Period) -> list[core.InvoiceLine]:
    """What calls bring to a draft of one period."""
    customer = invoice.customer
    again = look(customer).again
    if again is not None:  # the runs since have taken what this draft bears for billed
        again = again.union(stretches_named(invoice))
    own, late = correction_lines(customer, [period], again=again, without=invoice.pk)
    waiting = taken_late(customer, invoice.kind, late)
    return [*usage_lines(customer, [period], invoice.grouping, zone=invoice.zone)[0], *own[0], *waiting]


def lines_from_charges(customer: Customer, kind: str, before_on: date, *, without: int = 0) -> list[core.InvoiceLine]:
    """What was charged beside calls, documents of a kind bear, and none bears yet."""
    found = unbilled_charges(customer, kind=kind, before_on=before_on, without=without)
    return [charge_line(charge) for charge in found]


def charges_of(
    customer: Customer,
    kind: str,
    period: Period,
    lines: Iterable[core.InvoiceLine],
    switches: Sequence[tuple[datetime, str]],
) -> list[core.InvoiceLine]:
    """Those of some charges that the document of a period bears: what begins before its end. The last one before the
    customer was made prepaid or postpaid also bears what was taken for later days: none of its kind may follow."""
    is_last = bool(switches) and period.until_at == switches[-1][0] and kind != kind_of(customer.billing_type)
    return [line for line in lines if line.from_on and (line.from_on < period.until_on or (is_last and line.posted))]


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
        tax_choice=TaxChoice((), charge.tax_category, charge.exemption_reason) if charge.tax_category else None,
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
    draft = records.create(
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
    return in_hand(draft, customer)


def choice_of(row: InvoiceLine) -> TaxChoice | None:
    """The taxes that a person chose for a line; None for those of its document."""
    if row.tax_ids is None:
        return None
    return TaxChoice(tuple(row.tax_ids), row.tax_category, row.exemption_reason)


def line_of(row: InvoiceLine) -> core.InvoiceLine:
    """A line as core knows it; which of the document's taxes it bears is said anew when it is written."""
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
        tax_choice=choice_of(row),
    )


def _row(invoice: Invoice, place: int, line: core.InvoiceLine) -> InvoiceLine:
    choice = line.tax_choice
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
        tax_ids=list(choice.tax_ids) if choice else None,
        tax_category=choice.category if choice else "",
        exemption_reason=choice.reason if choice else "",
        tax_positions=None if line.tax_positions is None else list(line.tax_positions),
    )


def _tax_row(invoice: Invoice, place: int, due: TaxDue) -> InvoiceTax:
    """A tax with its fixed part as it was taken: in whole coins, and not of lines that come to nothing."""
    rule, taken = due.rule, bool(due.base_micros or due.amount_micros)
    return InvoiceTax(
        invoice=invoice,
        tax_id=rule.id,
        position=place,
        name=rule.name,
        label=rule.label,
        category=rule.category,
        rate_ppm=rule.rate_ppm,
        fixed_micros=to_minor(rule.fixed_micros, invoice.currency) if taken else 0,
        compound=rule.compound,
        base_micros=due.base_micros,
        amount_micros=due.amount_micros,
        exemption_reason=rule.exemption_reason,
        is_vat=rule.is_vat,
    )
