"""The summaries row by row, for programs: every group of calls of an hour or a day (UTC), a page at a time.

A row is told by `KEYS`, newest first, and has the measures of `core.summaries`. To tell groups by something else, add
its column to `KEYS`; `_placed` says what it is put in order by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from tollgate.core.summaries import MEASURES, Span, beginning, following
from tollgate.store.models import Account

KEYS: Final[Mapping[str, type[int | str | datetime]]] = {
    "begun_at": datetime,
    "customer_id": int,
    "carrier_id": int,
    "ingress_route_id": int,
    "prefix": str,
    "destination": str,
    "currency": str,
    "carrier_currency": str,
}
"""In the order of the pages. A row may have no record or currency of a kind."""
FILTERS: Final = ("customer_id", "carrier_id")
BOUGHT: Final = frozenset(
    {"carrier_id", "carrier_currency", "carrier_billed_s", "carrier_cost_micros", "profit_micros", "profitable_micros"}
)
"""What tells of carriers: who may not read that gets the rows of all carriers as one."""
SUMS: Final[Mapping[str, str]] = {
    "cost_micros": "cost_micros + correction_micros",
    "carrier_cost_micros": "carrier_cost_micros + carrier_correction_micros",
    "profit_micros": "profit_micros + profit_correction_micros",
    "profitable_micros": "profitable_micros + profitable_correction_micros",
}
"""Measures that have their corrections in them."""
SOONEST: Final = timedelta(days=2)
"""No call began later than so long from now: the clocks of edges are ahead of ours by less."""
Place = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: those that begin from `from_at` until before `until_at`; `reach` is None for all customers."""

    account: Account
    span: Span
    from_at: datetime
    until_at: datetime
    filters: Mapping[str, int] = field(default_factory=dict)
    reach: frozenset[int] | None = None
    bought: bool = False

    @property
    def keys(self) -> list[str]:
        """What tells its rows apart."""
        return [name for name in KEYS if self.bought or name not in BOUGHT]

    @property
    def measures(self) -> list[str]:
        """What is told of each."""
        return [name for name in MEASURES if self.bought or name not in BOUGHT]


def summary_rows(wanted: Wanted, limit: int, *, after: Place = (), at: datetime) -> list[dict[str, Any]]:
    """The newest rows after a place (`place_of`). The last day is asked first, then two before it, then four."""
    first_at = _not_before(wanted.from_at, wanted.span)
    end_at = min(_not_before(wanted.until_at, wanted.span), beginning(at + SOONEST, Span.DAY))
    if after:
        end_at = min(end_at, following(after[0], wanted.span))
    found: list[dict[str, Any]] = []
    days = 1
    while end_at > first_at and len(found) < limit:
        begin_at = max(first_at, beginning(end_at, Span.DAY) - timedelta(days=days))
        found += _rows(wanted, begin_at, end_at, limit - len(found), after)
        end_at, days = begin_at, 2 * days
    return found


def place_of(row: Mapping[str, Any], wanted: Wanted) -> list[Any]:
    """Where a row stands in the order."""
    empty: dict[type[Any], int | str] = {int: 0, str: ""}
    return [row[name] if row[name] is not None else empty[KEYS[name]] for name in wanted.keys]


def _not_before(at: datetime, span: Span) -> datetime:
    """The beginning of the first stretch that begins at an instant or later."""
    begun_at = beginning(at, span)
    return begun_at if begun_at == at else following(begun_at, span)


def _rows(wanted: Wanted, begin_at: datetime, end_at: datetime, limit: int, after: Place) -> list[dict[str, Any]]:
    begun = "hour_at" if wanted.span is Span.HOUR else f"date_trunc('{wanted.span.value}', hour_at, 'UTC')"
    keys = [f"{begun if name == 'begun_at' else name} AS {name}" for name in wanted.keys]
    sums = [f"sum({SUMS.get(name, name)})::bigint AS {name}" for name in wanted.measures]
    conditions = ["account_id = %s", "hour_at >= %s", "hour_at < %s"]
    values: list[Any] = [wanted.account.pk, begin_at, end_at]
    for name, value in wanted.filters.items():
        assert name in FILTERS, name
        conditions.append(f"{name} = %s")
        values.append(value)
    if wanted.reach is not None:
        conditions.append("customer_id = ANY(%s)")
        values.append(sorted(wanted.reach))
    placed = [_placed(name) for name in wanted.keys]
    beyond = f"WHERE ({', '.join(placed)}) < ({', '.join(['%s'] * len(placed))})" if after else ""
    statement = f"""
        SELECT * FROM (
          SELECT {", ".join([*keys, *sums])} FROM summary WHERE {" AND ".join(conditions)}
          GROUP BY {", ".join(str(place + 1) for place in range(len(keys)))}
        ) AS line {beyond} ORDER BY {", ".join(f"{one} DESC" for one in placed)} LIMIT {limit}
    """  # noqa: S608 - known columns, values apart
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, *after])
        names = [*wanted.keys, *wanted.measures]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _placed(name: str) -> str:
    """What a key is put in order by."""
    if KEYS[name] is int:
        return f"COALESCE({name}, 0)"
    return f"COALESCE({name}::text, '') COLLATE \"C\"" if KEYS[name] is str else name
