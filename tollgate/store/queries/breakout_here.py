"""The database's part of a breakout: whole hours from the summaries; by number, and what is left of the period at its
ends, from the calls; and what came later to the days that the lake tells.

A period may begin and end at any instant: what is less than an hour is told by the calls. To add a dimension, see
`breakout.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
from django.db import connection, transaction

from tollgate.core.breakout import Question
from tollgate.core.calling_codes import calling_code
from tollgate.core.lake import Engine, Statement, holds
from tollgate.core.lake import Group as Held
from tollgate.core.lake_breakout import TEXTS
from tollgate.core.summaries import MEASURES, Span, beginning
from tollgate.store.lake_engines import NARROW, WHOLE
from tollgate.store.models import Account
from tollgate.store.queries.breakout_days import LakeDays, Stretch, between, stretches

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
JOINED: Final[Mapping[str, str]] = {
    "reseller": "customer",
    "account_manager": "customer",
    "tech_prefix": "ingress_route",
}
"""The table that a dimension is read from beside the lines."""
SUMS: Final[Mapping[str, str]] = {
    "cost_micros": "line.cost_micros + line.correction_micros",
    "carrier_cost_micros": "line.carrier_cost_micros + line.carrier_correction_micros",
    "profit_micros": "line.profit_micros + line.profit_correction_micros",
    "profitable_micros": "line.profitable_micros + line.profitable_correction_micros",
}
HOUR: Final = timedelta(hours=1)


def here_lines(account: Account, question: Question, held: Held, days: LakeDays) -> tuple[list[str], dict[str, Any]]:
    """The lines of the database, and the values that they name.

    Of the lake's days these are the corrections, and of days that have left the calls that came to them later too.
    """
    statement = Statement(Engine.postgresql)
    lake = stretches(days.files, question.from_at, question.until_at)
    hours, calls = _parted(question, list(between(lake, question.from_at, question.until_at)))
    calls += stretches(days.left, question.from_at, question.until_at)
    corrected = stretches(days.files.keys() - days.left, question.from_at, question.until_at)
    found = []
    if hours:
        found.append(_lines(account, question, held, statement, "summary", _when("hour_at", hours, statement)))
    if calls:
        found.append(_lines(account, question, held, statement, "call_line", _when("started_at", calls, statement)))
    if corrected:  # apart from the calls: together they would be looked for in all records
        when = _of_corrected(account, corrected, statement)
        found.append(_lines(account, question, held, statement, "call_line", f"attempts = 0 AND {when}"))
    return found, statement.values


def rows_of(text: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The answer of the database."""
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def table_of(dimensions: Sequence[str], found: str, values: Mapping[str, Any]) -> Any:
    """Groups of the database (a statement of `core.lake_breakout.groups`) as a table in memory, however many."""
    keys = {f"k{place}": pa.string() if name in TEXTS else pa.int64() for place, name in enumerate(dimensions)}
    types = {**keys, "code": pa.string(), **dict.fromkeys(MEASURES, WHOLE)}
    text = f"COPY ({found}) TO STDOUT (FORMAT csv)"
    with TemporaryFile() as told:
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(text, values) as copy:
            told.writelines(copy)
        if not told.tell():
            return pa.schema(list(types.items())).empty_table()
        told.seek(0)
        table = pa_csv.read_csv(
            told,
            read_options=pa_csv.ReadOptions(column_names=list(types)),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
    narrow = [field.with_type(NARROW) if field.name in MEASURES else field for field in table.schema]
    try:
        return table.cast(pa.schema(narrow))
    except pa.ArrowInvalid:  # a sum that long: then all are added in the longer type, which takes engines more time
        return table


def _parted(question: Question, here: Iterable[Stretch]) -> tuple[list[Stretch], list[Stretch]]:
    """What the summaries tell of some stretches, and what the calls."""
    hours: list[Stretch] = []
    calls: list[Stretch] = []
    for from_at, until_at in here:
        begin, end = beginning(from_at, Span.HOUR), beginning(until_at, Span.HOUR)
        if begin < from_at:
            begin += HOUR
        if question.by_number or begin > end:  # within one hour
            calls.append((from_at, until_at))
            continue
        hours += [(begin, end)] if begin < end else []
        calls += [(first, last) for first, last in ((from_at, begin), (end, until_at)) if first < last]
    return hours, calls


def _lines(account: Account, question: Question, held: Held, statement: Statement, table: str, when: str) -> str:
    """The lines of a table, of the calls that began then."""
    keys = [EXPRESSIONS[name] for name in question.dimensions]
    told = [f"{key} AS k{place}" for place, key in enumerate(keys)]
    told += ["line.currency::text AS own", "line.carrier_currency::text AS bought"]
    told += [f"sum({SUMS.get(name, f'line.{name}')}) AS {name}" for name in MEASURES]
    joins = "".join(
        f" LEFT JOIN {joined} ON {joined}.id = line.{joined}_id"
        for joined in dict.fromkeys(JOINED[name] for name in question.dimensions if name in JOINED)
    )
    whose = f"account_id = {statement.mark(account.pk)}"
    return (
        f"SELECT {', '.join(told)}"  # noqa: S608 - made of the expressions above, values apart
        f" FROM (SELECT * FROM {table} WHERE {whose} AND ({when}) AND {holds(held, statement)}) AS line{joins}"
        f" GROUP BY {', '.join([*keys, 'line.currency', 'line.carrier_currency'])}"
    )


def _of_corrected(account: Account, days: Iterable[Stretch], statement: Statement) -> str:
    """From the first until the last start of a call of these days that was corrected: the plan reads no other record,
    and none at all where nothing was corrected."""
    when = _when("called.started_at", days, statement)
    corrected = (
        "FROM entry"
        " JOIN rated_call AS called ON called.account_id = entry.account_id AND called.id = entry.call_id"
        f" WHERE entry.account_id = {statement.mark(account.pk)} AND entry.call_id IS NOT NULL"
        f" AND entry.kind IN ('adjustment', 'correction') AND {when}"
    )
    return (
        f"started_at >= (SELECT min(called.started_at) {corrected})"
        f" AND started_at <= (SELECT max(called.started_at) {corrected})"
        f" AND {_when('started_at', days, statement)}"
    )


def _when(column: str, stretches: Iterable[Stretch], statement: Statement) -> str:
    """Any of some stretches."""

    def mark(at: datetime) -> str:
        return f"{statement.mark(at.isoformat())}::timestamptz"

    told = " OR ".join(f"{column} >= {mark(begin)} AND {column} < {mark(end)}" for begin, end in stretches)
    return f"({told})"
