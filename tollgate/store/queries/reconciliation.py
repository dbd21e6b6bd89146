"""Both sides of a carrier's statement as sorted streams: gathered in temporary tables, read back from files on disk.

A comparison takes a minute; a question that were open for so long would keep the dead rows of the hot tables. So each
side is copied at once, and what reads it holds nothing of the database. Calls of days that have left the database are
brought from the lake first, and are ours like all others. To compare another thing of our calls, select it in `OURS`
(a column of the CDR: in `OF_CALLS` and `ARCHIVED` too) and carry it in `Call.rest`.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.db import connection

from tollgate.core.invoice_periods import first_instant
from tollgate.core.lake import Condition, Group, Search, Span
from tollgate.core.reconciliation import Call, Side
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import CarrierFormat, CarrierStatement, Wallet
from tollgate.store.queries import lake

AROUND: Final = timedelta(days=2)
"""Calls so long before and after the days of a statement may be in it, by the carrier's clock."""
MOMENTS: Final = {"answered": "cdr.answered_at", "started": "cdr.started_at", "ended": "cdr.ended_at"}
DURATIONS: Final = {"talked": "cdr.duration_ms", "billed": "cdr.carrier_billed_s * 1000::bigint"}
THEIRS: Final = """
CREATE TEMPORARY TABLE their_call (
  place bigint, key text, number text, at_ms bigint, duration_ms bigint, micros bigint, currency text,
  file_id bigint, line integer, destination text
)
"""
ARCHIVED: Final = """
CREATE TEMPORARY TABLE archived_side (
  id bigint, edge_call_id text, number text, destination text, state text, started_us bigint, answered_us bigint,
  ended_us bigint, duration_ms bigint, carrier_billed_s integer, carrier_cost_micros bigint, carrier_currency text,
  carrier_card_id bigint
)
"""
IN_LAKE: Final = (
    "id", "edge_call_id", "number", "destination", "state", "started_us", "answered_us", "ended_us", "duration_ms",
    "carrier_billed_s", "carrier_cost_micros", "carrier_currency", "carrier_card_id",
)  # fmt: skip
OF_CALLS: Final = """
  SELECT id, edge_call_id, number, destination, state, started_at, answered_at, ended_at, duration_ms, carrier_billed_s,
         carrier_cost_micros, carrier_currency::text AS carrier_currency, carrier_card_id
  FROM cdr
  WHERE account_id = %(account)s AND carrier_id = %(carrier)s
    AND started_at >= %(near_at)s AND started_at < %(far_at)s
  UNION ALL
  SELECT gone.id, COALESCE(edge_call_id, ''), COALESCE(number, ''), COALESCE(destination, ''), state, gone.started_at,
         timestamptz 'epoch' + answered_us * interval '1 microsecond',
         timestamptz 'epoch' + ended_us * interval '1 microsecond', duration_ms, carrier_billed_s, carrier_cost_micros,
         carrier_currency, carrier_card_id
  FROM (
    SELECT timestamptz 'epoch' + started_us * interval '1 microsecond' AS started_at, * FROM pg_temp.archived_side
  ) AS gone
  WHERE NOT EXISTS (
    SELECT FROM cdr
    WHERE cdr.account_id = %(account)s AND cdr.id = gone.id AND cdr.started_at = gone.started_at
      AND cdr.started_at >= %(near_at)s AND cdr.started_at < %(far_at)s
  )
"""
"""Calls of a carrier, of both sides; what came late to a day of the lake may be on both, and counts once."""
OURS: Final = f"""
CREATE TEMPORARY TABLE our_call AS
SELECT row_number() OVER () - 1 AS place, cdr.edge_call_id AS key, cdr.number,
       (extract(epoch FROM {{at}}) * 1000)::bigint AS at_ms, {{duration}} AS duration_ms,
       cdr.carrier_cost_micros + COALESCE(corrected.micros, 0) AS micros, cdr.carrier_currency AS currency,
       {{at}} >= %(from_at)s AND {{at}} < %(until_at)s AS due, COALESCE(billed.number, '') AS billed_by,
       cdr.id AS call_id, cdr.destination, cdr.started_at
FROM ({OF_CALLS}) AS cdr
LEFT JOIN (
  SELECT entry.call_id, sum(entry.amount_micros)::bigint AS micros
  FROM entry
  JOIN wallet ON wallet.id = entry.wallet_id
  WHERE wallet.account_id = %(account)s AND wallet.kind = 'carrier' AND wallet.owner_id = %(carrier)s
    AND entry.call_id IS NOT NULL AND entry.kind IN ('adjustment', 'correction')
  GROUP BY entry.call_id
) AS corrected ON corrected.call_id = cdr.id
LEFT JOIN (
  SELECT DISTINCT ON (line.call_id) line.call_id, statement.number
  FROM carrier_statement AS statement
  JOIN carrier_line AS line ON line.statement_id = statement.id AND line.run = statement.run
  WHERE statement.carrier_id = %(carrier)s AND statement.id <> %(statement)s
    AND statement.until_on > %(near_on)s AND statement.from_on <= %(far_on)s
    AND ((statement.from_on, statement.id) < (%(from_on)s, %(statement)s) OR statement.accepted_at IS NOT NULL
         OR EXISTS (SELECT FROM carrier_dispute AS dispute WHERE dispute.statement_id = statement.id))
    AND line.call_id IS NOT NULL AND line.their_micros IS NOT NULL AND line.kind <> 'doubled'
  ORDER BY line.call_id, statement.from_on, statement.id
) AS billed ON billed.call_id = cdr.id
WHERE cdr.state IN ('charged', 'unresolved') AND cdr.answered_at IS NOT NULL AND cdr.carrier_cost_micros IS NOT NULL
  AND cdr.carrier_card_id IS NOT NULL -- else it takes nothing for bringing calls
"""  # noqa: S608 - the texts above
TOLD: Final = "place, key, number, at_ms, duration_ms, micros, currency"
DUMPS: Final = {
    "their_call": f"{TOLD}, true, '', file_id, line, destination",
    "our_call": f"{TOLD}, due, billed_by, call_id, destination, (extract(epoch FROM started_at) * 1000)::bigint",
}
ORDERS: Final = {
    "key": ("WHERE key <> '' ORDER BY key COLLATE \"C\", at_ms, duration_ms, micros, place"),
    "number": ('ORDER BY number COLLATE "C", at_ms, duration_ms, micros, place'),
}
CORRECTED: Final = """
SELECT EXISTS (
  SELECT FROM (
    SELECT call_id, sum(amount_micros) FILTER (WHERE kind IN ('adjustment', 'correction'))::bigint AS micros,
           sum(amount_micros) FILTER (WHERE kind IN ('call', 'overrun'))::bigint AS charged_micros,
           max(at) FILTER (WHERE kind IN ('adjustment', 'correction')) AS last_at
    FROM entry
    WHERE wallet_id = %(wallet)s AND call_id IN (
      SELECT call_id FROM entry
      WHERE wallet_id = %(wallet)s AND kind IN ('adjustment', 'correction') AND call_id IS NOT NULL
        AND at >= %(since_at)s)
    GROUP BY call_id
  ) AS corrected
  JOIN carrier_line AS line ON line.call_id = corrected.call_id AND line.their_micros IS NOT NULL
  LEFT JOIN cdr ON cdr.id = line.call_id
  WHERE line.statement_id = %(statement)s AND line.run = %(run)s AND line.kind <> 'doubled'
    AND COALESCE(line.our_micros <> COALESCE(cdr.carrier_cost_micros, corrected.charged_micros) + corrected.micros,
                 corrected.last_at > %(compared_at)s)
)
"""
"""Calls that only the lake has cost what was posted for them; where nothing was, the moment decides."""
ERASED: Final = """
SELECT count(*)
FROM archived_call AS gone
WHERE gone.account_id = %(account)s AND gone.carrier_id = %(carrier)s
  AND gone.started_at >= %(from_at)s AND gone.started_at < %(until_at)s
  AND NOT EXISTS (SELECT FROM pg_temp.archived_side AS kept WHERE kept.id = gone.id)
"""
DUE: Final = """
SELECT count(*), COALESCE(sum(duration_ms), 0)::bigint, COALESCE(sum(micros), 0)::bigint
FROM our_call WHERE due AND billed_by = '' AND currency = %s
"""
DUE_BY: Final = """
SELECT {keys}, count(*), COALESCE(sum(duration_ms), 0)::bigint, COALESCE(sum(micros), 0)::bigint
FROM our_call WHERE due AND billed_by = '' AND currency = %(currency)s GROUP BY 1, 2
"""
KEYS: Final = {
    "destination": "destination",
    "day": "(to_timestamp(at_ms / 1000) AT TIME ZONE %(zone)s)::date",
}


class Unreadable(Exception):
    """Calls that should be compared cannot be read; the message says which, in words for people."""


@dataclass(frozen=True, slots=True)
class Due:
    """Calls that a statement should hold, added up; `destination` and `day` where they are told apart."""

    calls: int
    duration_ms: int
    micros: int
    destination: str = ""
    day: date | None = None


@contextmanager
def gathered(statement: CarrierStatement, how: CarrierFormat) -> Iterator[None]:
    """Our calls around the days of a statement in `our_call`, and an empty `their_call`, while the block lasts.

    Raises Unreadable when a file of the lake that has some of them is damaged or not there.
    """
    values = _values(statement)
    span = Span(statement.account_id, values["near_at"], values["far_at"])
    brought: list[tuple[date, Path]] | None = None
    with connection.cursor() as cursor:
        while brought != (files := lake.forgotten(span)):  # a day may leave the database while it is read
            cursor.execute("DROP TABLE IF EXISTS pg_temp.their_call, pg_temp.our_call, pg_temp.archived_side")
            cursor.execute(THEIRS)
            cursor.execute(ARCHIVED)
            _bring(statement.carrier_id, span, files)
            cursor.execute("ANALYZE pg_temp.archived_side")
            cursor.execute(OURS.format(at=MOMENTS[how.time_of], duration=DURATIONS[how.duration_of]), values)
            brought = files
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE pg_temp.their_call, pg_temp.our_call, pg_temp.archived_side")


def period_of(statement: CarrierStatement) -> tuple[datetime, datetime]:
    """When the days of a statement begin and end."""
    zone = statement.zone
    return first_instant(statement.from_on, zone), first_instant(statement.until_on, zone)


def put(rows: Iterable[Sequence[Any]]) -> None:
    """Adds calls of the carrier."""
    with connection.cursor() as cursor, cursor.copy("COPY pg_temp.their_call FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def sides() -> Iterator[tuple[Side, Side]]:
    """The carrier's side and ours, in files that last as long as the block."""
    with tempfile.TemporaryDirectory(prefix="tollgate-carrier-") as folder:
        yield _side(Path(folder), "their_call"), _side(Path(folder), "our_call")


def due(currency: str) -> Due:
    """All of our calls that the statement should hold."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [currency])
        return Due(*cursor.fetchone())


def corrected_since(statement: CarrierStatement, wallet: Wallet) -> bool:
    """Whether calls that the statement bills cost something else by now; entries of a day before it may be news too,
    for the comparison lasts."""
    values = {
        "wallet": wallet.pk, "statement": statement.pk, "run": statement.run, "compared_at": statement.compared_at,
        "since_at": (statement.compared_at or statement.created_at) - timedelta(days=1),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(CORRECTED, values)
        return bool(cursor.fetchone()[0])


def due_by(statement: CarrierStatement, *, destinations: bool, days: bool) -> list[Due]:
    """The same by destination, by day of the statement's zone, or by both."""
    keys = (KEYS["destination"] if destinations else "''", KEYS["day"] if days else "NULL::date")
    values = {"currency": statement.currency, "zone": statement.zone}
    with connection.cursor() as cursor:
        cursor.execute(DUE_BY.format(keys=", ".join(keys)), values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return [Due(calls, duration_ms, micros, destination, day) for destination, day, calls, duration_ms, micros in found]


def erased_count(statement: CarrierStatement) -> int:
    """Calls of these days whose records the lake has deleted too; to be asked while ours are gathered."""
    with connection.cursor() as cursor:
        cursor.execute(ERASED, _values(statement))
        return int(cursor.fetchone()[0])


def _values(statement: CarrierStatement) -> dict[str, Any]:
    """What the statements above are told."""
    from_at, until_at = period_of(statement)
    near_at, far_at = from_at - AROUND, until_at + AROUND
    return {
        "account": statement.account_id, "carrier": statement.carrier_id, "statement": statement.pk,
        "from_on": statement.from_on, "near_on": near_at.date(), "far_on": far_at.date(),
        "from_at": from_at, "until_at": until_at, "near_at": near_at, "far_at": far_at,
    }  # fmt: skip


def _bring(carrier_id: int, span: Span, files: Sequence[tuple[date, Path]]) -> None:
    """Copies a carrier's calls out of files of the lake."""
    for day, path in files:
        if not path.exists():
            raise Unreadable(f"Calls of {day} (UTC) are only in the lake, and its file is not there: is it mounted?")
    question = Search("call", IN_LAKE, Group((Condition("carrier_id", "eq", carrier_id),)))
    with connection.cursor() as cursor, cursor.copy("COPY pg_temp.archived_side FROM STDIN (FORMAT csv)") as copy:
        try:
            for block in lake.files_as_csv(question, span, files):
                copy.write(block)
        except DayUnreadable as problem:
            raise Unreadable(str(problem)) from None


def _side(folder: Path, table: str) -> Side:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM pg_temp.{table}")  # noqa: S608 - one of two names
        count = int(cursor.fetchone()[0])
        for order, clause in ORDERS.items():
            text = f"COPY (SELECT {DUMPS[table]} FROM pg_temp.{table} {clause}) TO STDOUT (FORMAT csv)"  # noqa: S608 - known columns
            with (folder / f"{table}.{order}").open("wb") as file, cursor.copy(text) as copy:
                for block in copy:
                    file.write(block)
    return Side(count, lambda: _calls(folder / f"{table}.key"), lambda: _calls(folder / f"{table}.number"))


def _calls(path: Path) -> Iterator[Call]:
    with path.open(encoding="utf-8", newline="") as file:
        for place, key, number, at_ms, duration_ms, micros, currency, is_due, billed_by, *rest in csv.reader(file):
            yield Call(
                int(place), key, number, int(at_ms), int(duration_ms), int(micros), currency, is_due == "t", billed_by,
                tuple(rest),
            )  # fmt: skip
