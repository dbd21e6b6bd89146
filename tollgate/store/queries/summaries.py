"""What the summaries say of one customer, stretch by stretch, and as of when.

To show another figure, add it to `core.summaries.Totals` and to `of_customer` in `store/sql/summaries.sql`; one of what
a reseller pays for its customers to `Resold` and `of_reseller`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tollgate.core.summaries import MEASURES, RESOLD, Resold, Span, Totals, beginning, following, stretches
from tollgate.store.models import Customer, SummaryProgress
from tollgate.store.queries.statements import rows


@dataclass(frozen=True, slots=True)
class Stretch:
    """One hour, day, week or month of a customer, with or without calls; a reseller pays for those in `resold` too."""

    begun_at: datetime
    ended_at: datetime
    totals: Totals
    resold: Resold

    @property
    def charged_micros(self) -> int:
        """All that the customer's wallet was charged for calls."""
        return self.totals.cost_micros + self.resold.charge_micros


def as_of() -> datetime:
    """Until when every call that had ended is in the summaries."""
    return SummaryProgress.objects.values_list("rolled_at", flat=True).get()


def resells(customer: Customer) -> bool:
    """Whether a customer is charged, or was, for calls of others."""
    return customer.is_reseller or bool(rows("summaries", "has_resold", customer.account_id, customer.pk)[0].has)


def of_customer(
    customer: Customer, span: Span, from_at: datetime, until_at: datetime, *, resells: bool = False
) -> list[Stretch]:
    """Every stretch that has a part of the period, whole, the newest first; with what a customer who `resells` pays for
    the calls of others."""
    from_at = beginning(from_at, span)
    last_at = beginning(until_at, span)
    until_at = last_at if last_at == until_at else following(last_at, span)
    asked = (customer.account_id, customer.pk, from_at, until_at, span.value)
    own = {
        row.begun_at: Totals(**{name: getattr(row, name) for name in MEASURES})
        for row in rows("summaries", "of_customer", *asked)
    }
    resold = {
        row.begun_at: Resold(**{name: getattr(row, name) for name in RESOLD})
        for row in (rows("summaries", "of_reseller", *asked) if resells else ())
    }
    told = [
        Stretch(begun_at, ended_at, own.get(begun_at, Totals()), resold.get(begun_at, Resold()))
        for begun_at, ended_at in stretches(span, from_at, until_at)
    ]
    return told[::-1]
