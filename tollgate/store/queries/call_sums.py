"""The sums of a list of CDRs by the summaries: whole hours from there, the rest from the calls themselves.

Exactly what adding up every CDR of the list gives, in a fraction of the time. To let the list be filtered by something
else as well, add its name to `KNOWN` and its condition to `sums_of_calls` in
`store/sql/summaries.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tollgate.core.summaries import Span, beginning
from tollgate.store.models import Account, SummaryProgress
from tollgate.store.queries.statements import rows

KNOWN: Final = ("customer__name__icontains", "carrier__name__icontains", "destination__icontains", "ingress_route_id")
"""Filters of a list of CDRs that the summaries understand, beside the period; in the order of the statement."""
PERIOD: Final = frozenset({"started_at__gte", "started_at__lt"})
TRIES: Final = 3
"""How often it is asked again when the summaries have moved on meanwhile."""


def by_summaries(
    account: Account, filters: Mapping[str, Any], within: frozenset[int] | None, at: datetime
) -> list[dict[str, object]] | None:
    """A row per pair of currencies; None where the summaries cannot tell: for other filters, or less than an hour.

    `within` are the ids of the only customers that count; None for all.
    """
    if not set(filters) <= PERIOD | set(KNOWN):
        return None
    from_at = filters.get("started_at__gte", datetime(1970, 1, 1, tzinfo=UTC))
    until_at = filters.get("started_at__lt", at + timedelta(days=2))
    whole_from = beginning(from_at + timedelta(hours=1) - timedelta(microseconds=1), Span.HOUR)
    whole_until = beginning(until_at, Span.HOUR)
    if whole_from >= whole_until:
        return None
    chosen = [filters.get(name) for name in KNOWN]
    customers = None if within is None else sorted(within)
    for _ in range(TRIES):
        reached = SummaryProgress.objects.values_list("reached", flat=True).get()
        bounds = (reached, from_at, whole_from, whole_until, until_at)
        found = [row._asdict() for row in rows("summaries", "sums_of_calls", account.pk, *bounds, *chosen, customers)]
        if all(row["reached"] == reached for row in found):
            return found
    return None
