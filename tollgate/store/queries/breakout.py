"""The breakout: calls grouped by chosen dimensions, from the summaries, or by number from the calls themselves.

A period may begin and end at any instant: what is less than an hour is told by the calls.

To add a dimension: its line in `core.breakout.DIMENSIONS` and its expression in `EXPRESSIONS`; one that holds the id of
a record also says in `NAMED` of which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import phonenumbers
from django.db import connection
from django_countries import countries

from tollgate.core.breakout import LISTED, ROWS_MOST, Question
from tollgate.core.calling_codes import calling_code
from tollgate.core.summaries import MEASURES, Span, Totals, beginning
from tollgate.store.models import Account, Carrier, Customer, IngressRoute, User
from tollgate.store.queries.breakout_lake import Corrected, archived_days, archived_rows
from tollgate.store.queries.breakout_names import named_ids

EXPRESSIONS: Final[Mapping[str, str]] = {
    "month": "date_trunc('month', line.hour_at, 'UTC')",
    "week": "date_trunc('week', line.hour_at, 'UTC')",
    "day": "date_trunc('day', line.hour_at, 'UTC')",
    "hour": "line.hour_at",
    "customer": "line.customer_id",
    "reseller": "customer.parent_id",
    "account_manager": "customer.account_manager_id",
    "carrier": "line.carrier_id",
    "country": calling_code("line.prefix"),
    "destination": "line.destination",
    "prefix": "line.prefix",
    "route": "line.ingress_route_id",
    "tech_prefix": "ingress_route.tech_prefix",
    "number": "line.number",
    "cli": "line.cli",
}
CONDITIONS: Final[Mapping[str, str]] = {
    "customer": "line.customer_id = ANY(%s)",
    "carrier": "line.carrier_id = ANY(%s)",
    "destination": "strpos(lower(line.destination), lower(%s)) > 0",
    "prefix": "starts_with(line.prefix, %s)",
    "number": "starts_with(line.number, %s)",
}
SUMS: Final[Mapping[str, str]] = {
    "cost_micros": "line.cost_micros + line.correction_micros",
    "carrier_cost_micros": "line.carrier_cost_micros + line.carrier_correction_micros",
    "profit_micros": "line.profit_micros + line.profit_correction_micros",
    "profitable_micros": "line.profitable_micros + line.profitable_correction_micros",
}
NAMED: Final[Mapping[str, type[Any]]] = {
    "customer": Customer,
    "reseller": Customer,
    "account_manager": User,
    "carrier": Carrier,
    "route": IngressRoute,
}
SHARED_CODES: Final = {"1": "North America", "7": "Russia and Kazakhstan"}
CODE_DIGITS_MOST: Final = 3
HOUR: Final = timedelta(hours=1)


class TooMany(Exception):
    """More groups than are told at once."""


class OnlyInLake(Exception):
    """Calls of the period that have left the database cannot be told; the message says which, in words for people."""


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a breakout: its keys, how they are called, its one currency; calls without a price have none."""

    keys: tuple[Any, ...]
    words: Mapping[str, Any]
    currency: str
    totals: Totals


def breakout(account: Account, question: Question) -> list[Group]:
    """The groups, in the order of their keys. A carrier's cost stands in the line of its own currency.

    Raises TooMany, and OnlyInLake when single calls are asked for that were corrected after they had left the database.
    """
    found: dict[tuple[tuple[Any, ...], str], Totals] = {}
    for row in _rows(account, question):
        keys, (currency, carrier_currency), values = _split(row, question)
        totals = Totals(**dict(zip(MEASURES, map(int, values), strict=True)))
        for code, part in _by_currency(totals, currency, carrier_currency):
            found[keys, code] = found.get((keys, code), Totals()) + part
    if len(found) > ROWS_MOST:
        raise TooMany
    names = {place: _names(name, {keys[place] for keys, _ in found}) for place, name in enumerate(question.dimensions)}
    groups = [_group(question, names, keys, code, totals) for (keys, code), totals in found.items()]
    return sorted(groups, key=lambda group: [*map(_order, group.words.values()), group.currency])


def sums(groups: Iterable[Group]) -> list[Group]:
    """All groups together, a line per currency."""
    found: dict[str, Totals] = {}
    for group in groups:
        found[group.currency] = found.get(group.currency, Totals()) + group.totals
    return [Group((), {}, code, totals) for code, totals in sorted(found.items())]


def _rows(account: Account, question: Question) -> list[tuple[Any, ...]]:
    """Whole hours from the summaries; by number, and what is left of the period at its ends, from the calls."""
    if question.by_number:
        return _of_calls(account, question)
    begin, end = beginning(question.from_at, Span.HOUR), beginning(question.until_at, Span.HOUR)
    if begin < question.from_at:
        begin += HOUR
    if begin > end:  # within one hour
        return _of_calls(account, question)
    found = _asked(account, replace(question, from_at=begin, until_at=end), "summary")
    for from_at, until_at in ((question.from_at, begin), (end, question.until_at)):
        if from_at < until_at:
            found += _of_calls(account, replace(question, from_at=from_at, until_at=until_at))
    return found


def _of_calls(account: Account, question: Question) -> list[tuple[Any, ...]]:
    return [*_asked(account, question, "call_line"), *_archived(account, question)]


def _archived(account: Account, question: Question) -> list[tuple[Any, ...]]:
    """The calls of days that only the lake has; their summaries and corrections are still in the database."""
    try:
        return archived_rows(account, question, archived_days(account, question))
    except Corrected as found:
        raise OnlyInLake(
            f"Calls of {found.day} (UTC) were corrected after the database had forgotten them: by number such a day is"
            " not told. Begin after it, or ask by another dimension."
        ) from None


def _asked(account: Account, question: Question, table: str) -> list[tuple[Any, ...]]:
    """The rows of the database: keys, both currencies, measures."""
    keys = [EXPRESSIONS[name] for name in question.dimensions]
    measures = [f"sum({SUMS.get(name, f'line.{name}')})" for name in MEASURES]
    instant = "line.started_at" if table == "call_line" else "line.hour_at"
    conditions = ["line.account_id = %s", f"{instant} >= %s", f"{instant} < %s"]
    values: list[Any] = [account.pk, question.from_at, question.until_at]
    for name, value in question.filters.items():
        conditions.append(CONDITIONS[name])
        values.append(named_ids(account, question, name) if name in LISTED else value)
    if question.reach is not None:
        conditions.append("line.customer_id = ANY(%s)")
        values.append(sorted(question.reach))
    columns = [*keys, "line.currency", "line.carrier_currency"]
    statement = f"""
        SELECT {", ".join([*columns, *measures])} FROM {table} AS line
        LEFT JOIN customer ON customer.id = line.customer_id
        LEFT JOIN ingress_route ON ingress_route.id = line.ingress_route_id
        WHERE {" AND ".join(conditions)}
        GROUP BY {", ".join(str(place) for place in range(1, len(columns) + 1))} LIMIT {ROWS_MOST + 1}
    """  # noqa: S608 - made of the expressions above, values apart
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    if len(rows) > ROWS_MOST:
        raise TooMany
    return rows


def _split(
    row: tuple[Any, ...], question: Question
) -> tuple[tuple[Any, ...], tuple[str | None, str | None], tuple[Any, ...]]:
    """Keys, currencies and measures of a row; calls to one country are together whatever their prefix."""
    count = len(question.dimensions)
    keys = tuple(
        country_of(value) if name == "country" else value
        for name, value in zip(question.dimensions, row[:count], strict=True)
    )
    return keys, (row[count], row[count + 1]), row[count + 2 :]


def _by_currency(totals: Totals, currency: str | None, carrier_currency: str | None) -> list[tuple[str, Totals]]:
    own = currency or ""
    if carrier_currency in (None, own):
        return [(own, totals)]
    elsewhere = Totals(carrier_cost_micros=totals.carrier_cost_micros)
    here = Totals(**{name: getattr(totals, name) for name in MEASURES if name != "carrier_cost_micros"})
    return [(own, here), (str(carrier_currency), elsewhere)]


def country_of(prefix: str) -> str:
    """The country of a prefix by its calling code; empty for one that is of none."""
    for digits in range(1, CODE_DIGITS_MOST + 1):
        code = prefix[:digits]
        if code in SHARED_CODES:
            return SHARED_CODES[code]
        if len(code) == digits and code.isdecimal():
            region = phonenumbers.region_code_for_country_code(int(code))
            if region not in ("ZZ", "001"):
                return str(countries.name(region))
    return ""


def _names(dimension: str, ids: Collection[Any]) -> Mapping[int, str] | None:
    """How those records are called; None for a dimension that says it itself."""
    table = NAMED.get(dimension)
    return None if table is None else {record.pk: str(record) for record in table.objects.filter(pk__in=ids)}


def _group(
    question: Question,
    names: Mapping[int, Mapping[int, str] | None],
    keys: tuple[Any, ...],
    code: str,
    totals: Totals,
) -> Group:
    words = {}
    for place, (dimension, key) in enumerate(zip(question.dimensions, keys, strict=True)):
        known = names[place]
        words[dimension] = key if known is None else known.get(key) if key is not None else None
    return Group(keys, words, code, totals)


def _order(value: Any) -> tuple[bool, str]:
    if isinstance(value, datetime):
        return False, value.isoformat()
    return value in (None, ""), str(value or "").lower()
