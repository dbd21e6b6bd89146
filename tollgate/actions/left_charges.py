"""Charges that only documents of the kind before a switch may bear, when no period of that kind is to come.

Their money moved under an account type, so they stand on receipts alone, or on invoices alone. The last document of a
customer before it was made prepaid or postpaid bears what was taken for later days. What is free after that, since a
line was taken off a draft or a document was voided, gets a document of its own here. No act of its own: the run of
invoices calls it with the customer's row in hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from tollgate.actions.acts import current
from tollgate.actions.charges import kind_of, zone_of
from tollgate.actions.invoice_issue import issue
from tollgate.actions.invoice_lines import lines_from_charges, new_draft, rules_for, with_own_taxes, write
from tollgate.core.invoices import borne
from tollgate.store.models import Customer, Invoice


def left_charges(
    customer: Customer,
    switches: Sequence[tuple[datetime, str]],
    *,
    looked_at: datetime | None,
    at: datetime,
    issued: bool,
) -> list[Invoice]:
    """The document of what is left of the time before the last switch, once all periods until then were looked at.

    Raises Doubt. What gives money back, and has no room on it, goes to the kind in force.
    """
    if not switches or looked_at is None or looked_at < switches[-1][0]:
        return []
    kind = kind_of(switches[-1][1])
    if kind == kind_of(customer.billing_type):
        return []
    left = [line for line in lines_from_charges(customer, kind, date.max) if line.posted]
    if not any(line.exact_micros > 0 for line in left):
        return []
    run_key = f"customer {customer.pk} left {at.isoformat()}"
    draft = new_draft(customer, kind, zone=zone_of(customer), run_key=run_key, created_by=current.get().name)
    rules = rules_for(draft, at)
    lines, _ = borne(
        with_own_taxes(draft, left, rules),
        rules,
        currency=draft.currency,
        prices_include_tax=draft.prices_include_tax,
    )
    draft = write(draft, lines, rules, is_new=True)
    return [issue(draft, at) if issued else draft]
