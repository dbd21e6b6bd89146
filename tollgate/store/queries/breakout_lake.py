"""The breakout by number of days that only the lake still has: the same rows as the database gives of its own days.

To let a dimension be told there too, add to `KEYS` the column behind it and, where its value is another, to `_reading`
how it is made of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tollgate.core.breakout import LISTED, ROWS_MOST, Question
from tollgate.core.call_search import Rule, asked
from tollgate.core.lake import Breakout, Condition, Group, Span, day_begins, instant_of
from tollgate.core.summaries import MEASURES, beginning
from tollgate.core.summaries import Span as Stretch
from tollgate.environment import lake_folder
from tollgate.store.models import Account, Customer, IngressRoute, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.breakout_names import named_ids
from tollgate.store.queries.call_search import in_time, limit_s, names_of
from tollgate.store.queries.statements import rows

KEYS: Final[Mapping[str, str]] = {
    "month": "day_us",
    "week": "day_us",
    "day": "day_us",
    "hour": "hour_us",
    "customer": "customer_id",
    "reseller": "customer_id",
    "account_manager": "customer_id",
    "carrier": "carrier_id",
    "country": "calling_code",
    "destination": "destination",
    "prefix": "prefix",
    "route": "ingress_route_id",
    "tech_prefix": "ingress_route_id",
    "number": "number",
    "cli": "cli",
}
FILTERS: Final[Mapping[str, str]] = {
    "destination": "has",
    "prefix": "begins",
    "number": "begins",
}
CORRECTED: Final = "correction_micros"
"""The measure that no call has: what corrects calls are entries of their own."""


class Corrected(Exception):
    """Calls of such a day were corrected; its day comes along."""

    def __init__(self, day: date) -> None:
        super().__init__(str(day))
        self.day = day


def archived_days(account: Account, question: Question) -> dict[date, Path]:
    """The days of the period that the database has forgotten, with their files. Of such a day it may have a call that
    came late.

    Raises Corrected, by number: the database knows what corrected calls that it forgot, and not their numbers.
    """
    here = {row.day_on for row in rows("lake", "partitions")}
    kept = LakeFile.objects.filter(
        account=account,
        kind="call",
        replaced_at=None,
        erased_at=None,
        day_on__gte=question.from_at.astimezone(UTC).date(),
        day_on__lte=question.until_at.astimezone(UTC).date(),
    )
    found: dict[date, Path] = {}
    for file in kept:
        if file.day_on not in here and day_begins(file.day_on) < question.until_at:
            found[file.day_on] = lake_folder() / file.path
    if found and question.by_number:
        corrected = {row.day_on for row in rows("lake", "corrected_archived_days", account.pk)} & found.keys()
        if corrected:
            raise Corrected(max(corrected))
    return found


def archived_rows(account: Account, question: Question, files: Mapping[date, Path]) -> list[tuple[Any, ...]]:
    """Keys, both currencies and measures of those days; one row more than is told at once when there are too many."""
    if not files:
        return []
    measures = tuple(name for name in MEASURES if name != CORRECTED)
    late = _late(account, files)
    held = (
        _where(account, question) if not late else Group((_where(account, question), Condition("id", "not_in", late)))
    )
    asked_for = Breakout("call", measures, tuple(KEYS[name] for name in question.dimensions), held)
    span = Span(account.pk, question.from_at, question.until_at)
    sides = lake.Sides((), tuple(sorted(files.items())))
    with in_time():
        found = lake.breakout(asked_for, span, question.until_at, sides=sides, limit_s=limit_s(), most=ROWS_MOST + 1)
    place = {name: index for index, name in enumerate((*asked_for.keys, *measures))}
    reading = [(place[KEYS[name]], _reading(name, account)) for name in question.dimensions]
    currencies = (place["currency"], place["carrier_currency"])
    return [
        (
            *(read(row[index]) for index, read in reading),
            *(row[index] for index in currencies),
            *(0 if name == CORRECTED else row[place[name]] for name in MEASURES),
        )
        for row in found
    ]


def _late(account: Account, files: Mapping[date, Path]) -> tuple[int, ...]:
    """The calls of these days that the database has, and tells itself: after a night they are in the files as well."""
    found = (
        row.id
        for day in files
        for row in rows("lake", "calls_between", account.pk, day_begins(day), day_begins(day + timedelta(days=1)))
    )
    return tuple(found)


def _where(account: Account, question: Question) -> Group:
    names = names_of(account, question.reach)
    parts: list[Condition | Group] = [
        Condition(f"{name}_id", "in", tuple(named_ids(account, question, name)) or (-1,))
        if name in LISTED
        else asked(Rule(name, FILTERS[name], value), names)
        for name, value in question.filters.items()
    ]
    if question.reach is not None:
        parts.append(Condition("customer_id", "in", tuple(sorted(question.reach)) or (-1,)))
    return Group(tuple(parts))


def _reading(dimension: str, account: Account) -> Callable[[Any], Any]:
    """What makes the dimension's value of the column's."""
    match dimension:
        case "month" | "week":
            return lambda us: beginning(instant_of(us), Stretch(dimension))
        case "day" | "hour":
            return _instant
        case "reseller":
            return _looked_up(Customer.objects.filter(account=account).values_list("pk", "parent_id"))
        case "account_manager":
            return _looked_up(Customer.objects.filter(account=account).values_list("pk", "account_manager_id"))
        case "tech_prefix":
            return _looked_up(IngressRoute.objects.filter(card__account=account).values_list("pk", "tech_prefix"))
        case "prefix" | "country":
            return lambda prefix: prefix or ""
        case _:
            return lambda value: value


def _instant(us: int) -> datetime:
    return instant_of(us)


def _looked_up(pairs: Any) -> Callable[[Any], Any]:
    known = dict(pairs)
    return known.get
