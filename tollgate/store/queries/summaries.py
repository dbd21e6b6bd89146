"""What the summaries say of one customer, stretch by stretch, and as of when.

To show another figure, add it to `core.summaries.Totals` and to `of_customer` in `store/sql/summaries.sql`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tollgate.core.summaries import MEASURES, Span, Totals, beginning, following, stretches
from tollgate.store.models import Customer, SummaryProgress
from tollgate.store.queries.statements import rows


@dataclass(frozen=True, slots=True)
class Stretch:
    """One hour, day, week or month of a customer, with or without calls."""

    begun_at: datetime
    ended_at: datetime
    totals: Totals


def as_of() -> datetime:
    """Until when every call that had ended is in the summaries."""
    return SummaryProgress.objects.values_list("rolled_at", flat=True).get()


def of_customer(customer: Customer, span: Span, from_at: datetime, until_at: datetime) -> list[Stretch]:
    """Every stretch that has a part of the period, whole, the newest first."""
    from_at = beginning(from_at, span)
    last_at = beginning(until_at, span)
    until_at = last_at if last_at == until_at else following(last_at, span)
    found = {
        row.begun_at: Totals(**{name: getattr(row, name) for name in MEASURES})
        for row in rows("summaries", "of_customer", customer.account_id, customer.pk, from_at, until_at, span.value)
    }
    told = [Stretch(*bounds, found.get(bounds[0], Totals())) for bounds in stretches(span, from_at, until_at)]
    return told[::-1]
