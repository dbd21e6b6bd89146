"""The taxes of corrections: what came to calls that are on an invoice already bears the taxes of that invoice.

So a tax that was charged too much goes back as it was charged, whatever the rate, or who owes the tax, is by now. No
act of its own: whoever writes the lines of a document asks here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tollgate.actions.taxes import rule_told, taxes_of
from tollgate.core.invoices import InvoiceLine
from tollgate.core.taxes import TaxDoubt, TaxRule, twins
from tollgate.store.models import Customer, CustomerTax, Invoice, InvoiceTax
from tollgate.store.models import InvoiceLine as Row
from tollgate.store.queries.invoice_lists import own_calls


def with_taxes_of_their_calls(
    invoice: Invoice, lines: Sequence[InvoiceLine], rules: Sequence[TaxRule]
) -> list[InvoiceLine]:
    """The lines of an invoice, corrections with the taxes of the other invoice that bears their calls, without fixed
    parts. A tax that this invoice has too, at the same rate, is its own; calls of receipts bear its taxes."""
    begins = {line.usage.from_at for line in lines if line.usage and _is_open(line)}
    known = _taxes_at(invoice, begins) if begins else {}
    found = []
    for line in lines:
        own = known.get(line.usage.from_at) if line.usage and _is_open(line) else None
        found.append(line if own is None else replace(line, rules=twins(own, rules)))
    return found


def _is_open(line: InvoiceLine) -> bool:
    return line.kind == "correction" and line.rules is None


def _taxes_at(invoice: Invoice, moments: Collection[datetime]) -> dict[datetime, tuple[TaxRule, ...]]:
    """The taxes of the other invoices that bear the calls of some moments."""
    borne = Invoice.objects.filter(
        customer_id=invoice.customer_id,
        kind="invoice",
        usage_from_at__lte=max(moments),
        usage_until_at__gt=min(moments),
    )
    others = list(borne.exclude(state="void").exclude(pk=invoice.pk))
    bearing = {
        moment: other
        for moment in moments
        for other in others
        if other.usage_from_at and other.usage_until_at and other.usage_from_at <= moment < other.usage_until_at
    }
    told = _told({other.pk: other for other in bearing.values()}, invoice.customer)
    return {moment: told[other.pk] for moment, other in bearing.items() if other.pk in told}


def _told(invoices: Mapping[int, Invoice], customer: Customer) -> dict[int, tuple[TaxRule, ...]]:
    """The taxes that the calls of some invoices bear, as these told them; where one has no line of calls those of its
    last day, if they are without doubt."""
    first = Row.objects.filter(own_calls(""), invoice__in=invoices).order_by("invoice", "position").distinct("invoice")
    positions = dict(first.values_list("invoice", "tax_positions"))
    priorities = dict(CustomerTax.objects.filter(customer=customer).values_list("tax_id", "priority"))
    rows: dict[int, list[InvoiceTax]] = {pk: [] for pk in positions}
    for row in InvoiceTax.objects.filter(invoice__in=positions).select_related("tax").order_by("invoice", "position"):
        own = positions[row.invoice_id]
        if own is None or row.position in own:
            rows[row.invoice_id].append(row)
    found = {pk: _rules(taxes, priorities) for pk, taxes in rows.items()}
    for pk in invoices.keys() - found.keys():
        until_on = invoices[pk].until_on
        rules = taxes_of(customer, until_on - timedelta(days=1)) if until_on else ()
        if not isinstance(rules, TaxDoubt):
            found[pk] = tuple(replace(rule, fixed_micros=0) for rule in rules)
    return found


def _rules(rows: Sequence[InvoiceTax], priorities: Mapping[int, int | None]) -> tuple[TaxRule, ...]:
    """Taxes of a document in their order: each is taken after those before it, as it was."""
    found: list[TaxRule] = []
    least = 0
    for row in rows:
        if row.tax is not None:
            own = priorities.get(row.tax.pk)
            least = max(least, row.tax.priority if own is None else own)
        found.append(replace(rule_told(row), priority=least))
    return tuple(found)
