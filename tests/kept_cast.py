"""A cast that is made once and put back for the next test: its acts take half a second, its rows a twentieth of that.

    cast = kept(assemble)

A test that asks soon after another gets the same rows, written as they stood, and copies of the same objects. They are
made anew when they are `OLD_S` seconds old, so that what "now" means in them stays true, and in another database.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.db import connection

OLD_S: Final = 20.0
TABLES: Final = """
SELECT relation.oid::regclass::text, array_agg(quote_ident(attname) ORDER BY attnum)
FROM pg_class AS relation JOIN pg_attribute ON attrelid = relation.oid
LEFT JOIN pg_attrdef ON adrelid = relation.oid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND coalesce(pg_get_expr(adbin, adrelid), '') NOT LIKE '%pg_current_xact_id%'
GROUP BY relation.oid ORDER BY relation.oid
"""
"""Every table and its columns; which transaction has written a row is left out, for it is another each time."""
Cast = TypeVar("Cast")
Rows = dict[str, bytes]
"""COPY statement of a table -> all that is in it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was made, when, and where; `rows` are those of tables that were empty before."""

    cast: Any
    rows: Rows
    made_s: float
    database: int


_kept: dict[Callable[[], Any], Kept] = {}


def kept(make: Callable[[], Cast]) -> Cast:
    """What `make` makes in a database without records; a test that commits makes its own."""
    if not connection.in_atomic_block:
        return make()
    known = _kept.get(make)
    if known is None or time.monotonic() - known.made_s > OLD_S or known.database != _database():
        before, made_s = _read(), time.monotonic()
        cast = make()
        after = _read()
        assert all(after[table] == data for table, data in before.items()), "a row was there before"
        known = Kept(copy.deepcopy(cast), {t: after[t] for t in after.keys() - before.keys()}, made_s, _database())
        _kept[make] = known
        return cast
    _write(known.rows)
    return copy.deepcopy(known.cast)


def _database() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _read() -> Rows:
    """Every table that has rows."""
    found: Rows = {}
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for table, columns in cursor.fetchall():
            named = f"{table} ({', '.join(columns)})"
            with connection.connection.cursor().copy(
                f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT"
            ) as part:
                data = b"".join(bytes(block) for block in part)
            if data:
                found[named] = data
    return found


def _write(rows: Rows) -> None:
    """Without triggers: what they do is among the rows."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for named, data in rows.items():
            with connection.connection.cursor().copy(f"COPY {named} FROM STDIN") as part:
                part.write(data)
        cursor.execute("SET LOCAL session_replication_role = origin")
