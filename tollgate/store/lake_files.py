"""The files of the lake: one UTC day of one account in Parquet, written aside, hashed, and renamed into place.

What is read from the database is read in slices of a day, each a statement of its own, so that no snapshot grows old
beside the calls. A file counts when its sums are those of the database; only then the manifest (`LakeFile`) names it.
To keep another column, see `core.lake`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from django.db import connection, transaction

from tollgate.core.lake import TABLES, Breakout, Engine, Row, Span, Statement, added, breakout_statement, day_begins
from tollgate.environment import lake_folder
from tollgate.store.lake_damage import digest
from tollgate.store.lake_engines import DuckLake, quoted
from tollgate.store.models import LakeFile
from tollgate.store.queries.statements import rows

SLICE_CALLS: Final = 50_000
GROUP_ROWS: Final = 250_000
DAY: Final = timedelta(days=1)
CHECKED: Final = {
    "call": Breakout(
        "call",
        (
            "attempts",
            "connected",
            "duration_ms",
            "billed_s",
            "cost_micros",
            "carrier_billed_s",
            "carrier_cost_micros",
            "profit_micros",
        ),
    ),
    "entry": Breakout("entry", ("entries", "amount_micros"), ("kind", "owner_kind")),
}
"""What a file and the database must agree on."""

Sums = list[list[int | str | None]]


class LakeDiffers(Exception):
    """A file is not what the database holds, or not what was written; the message says which and how."""


def database_sums(kind: str, account_id: int, day: date) -> Sums:
    """What the database holds of that day, asked slice by slice."""
    question = CHECKED[kind]
    sides = []
    for span in slices(account_id, day):
        statement = breakout_statement(question, span, Engine.postgresql, narrow=narrow_to(span))
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.values)
            sides.append(cursor.fetchall())
    return _plain(added(question, sides))


def file_sums(kind: str, account_id: int, day: date, path: Path) -> Sums:
    """What a file holds of that day."""
    question = CHECKED[kind]
    span = Span(account_id, day_begins(day), day_begins(day) + DAY)
    statement = breakout_statement(question, span, Engine.duckdb)
    return _plain(added(question, [DuckLake().rows(statement, {f"lake_{kind}": [path]})]))


def write_day(kind: str, account_id: int, day: date, at: datetime, *, kept: LakeFile | None = None) -> LakeFile:
    """Writes the day as its next version. Raises LakeDiffers when the file is not what the database holds.

    `kept` is the file of a day that has left the database: its rows stay, what the database has beside them is added.
    What is posted while it is read may not be in it, so that the file is of the time before.
    """
    written_at = posted_until()
    before = LakeFile.objects.filter(account_id=account_id, kind=kind, day_on=day).order_by("-version").first()
    version = 1 if before is None else before.version + 1
    path = f"{kind}/account={account_id}/day={day}/v{version}.parquet"
    target = lake_folder() / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        rows_count = write_rows(kind, account_id, day, aside)
        if kept is None:
            sums = database_sums(kind, account_id, day)
            if file_sums(kind, account_id, day, aside) != sums:
                raise LakeDiffers(f"{path} was written while that day changed: it is written again next time")
        else:
            verify(kept)
            rows_count = _add_rows(lake_folder() / kept.path, aside)
            sums = file_sums(kind, account_id, day, aside)
        sha256 = digest(aside)
        into_place(aside, target, sha256)
    finally:
        aside.unlink(missing_ok=True)
    with transaction.atomic():
        LakeFile.objects.filter(account_id=account_id, kind=kind, day_on=day, replaced_at=None).update(replaced_at=at)
        return LakeFile.objects.create(
            account_id=account_id,
            kind=kind,
            day_on=day,
            version=version,
            path=path,
            rows_count=rows_count,
            bytes_count=target.stat().st_size,
            sums=sums,
            sha256=sha256,
            written_at=written_at,
        )


def posted_until() -> datetime:
    """Whatever is read from now on has every entry that was posted before this instant."""
    at: datetime = rows("lake", "posted_until")[0].at
    return at


def write_rows(kind: str, account_id: int, day: date, target: Path) -> int:
    """All rows of that day into a file; how many."""
    types = {name: pa.int64() if of is int else pa.string() for name, of in TABLES[kind].items()}
    schema = pa.schema(list(types.items()))
    read: Callable[[bytes], Any] = lambda text: pa_csv.read_csv(  # noqa: E731 - one reader, said once
        io.BytesIO(text),
        read_options=pa_csv.ReadOptions(column_names=list(types)),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    waiting: list[Any] = []
    rows_count = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for span in slices(account_id, day):
            text = _copied(kind, span)
            if text:
                waiting.append(read(text))
            if sum(table.num_rows for table in waiting) >= GROUP_ROWS:
                rows_count += _flush(writer, waiting)
        rows_count += _flush(writer, waiting)
    return rows_count


def verify(file: LakeFile, *, sums: bool = True) -> None:
    """Whether the file is as it was written: its hash, and what it adds up to. Raises LakeDiffers."""
    path = lake_folder() / file.path
    if not path.exists():
        raise LakeDiffers(f"{file.path} is missing")
    if digest(path) != file.sha256:
        raise LakeDiffers(f"{file.path} is not what was written: its hash differs")
    if sums and file_sums(file.kind, file.account_id, file.day_on, path) != file.sums:
        raise LakeDiffers(f"{file.path} does not add up to what the manifest says")


def slices(account_id: int, day: date) -> Iterator[Span]:
    """The day in pieces of about `SLICE_CALLS` calls."""
    begin = day_begins(day)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM rated_call WHERE account_id = %s AND started_at >= %s AND started_at < %s",
            [account_id, begin, begin + DAY],
        )
        (calls_count,) = cursor.fetchone()
    count = calls_count // SLICE_CALLS + 1
    edges = [begin + DAY * place // count for place in range(count)] + [begin + DAY]
    return (Span(account_id, *edges[place : place + 2]) for place in range(count))


def missing_ids(file: LakeFile) -> list[int]:
    """The calls that the database has of a day and its file has not: they were written when the day had left."""
    begin = day_begins(file.day_on)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM cdr WHERE account_id = %s AND started_at >= %s AND started_at < %s ORDER BY id",
            [file.account_id, begin, begin + DAY],
        )
        here = [row[0] for row in cursor.fetchall()]
    statement = Statement(Engine.duckdb, "SELECT id FROM lake_call")
    there = DuckLake().rows(statement, {"lake_call": [lake_folder() / file.path]}) if here else []
    return sorted(set(here) - {row[0] for row in there})


def _add_rows(kept: Path, aside: Path) -> int:
    """Makes a file hold the rows of another one too, which counts where both have one. How many there are then."""
    both = aside.with_name(f"{aside.name}.both")
    try:
        with duckdb.connect() as duck:
            duck.execute(f"CREATE VIEW kept AS SELECT * FROM read_parquet({quoted(kept)})")  # noqa: S608 - our own file
            duck.execute(f"CREATE VIEW more AS SELECT * FROM read_parquet({quoted(aside)})")  # noqa: S608 - our own file
            rows = duck.sql(
                "SELECT * FROM kept UNION ALL SELECT * FROM more WHERE id NOT IN (SELECT id FROM kept)"
                " ORDER BY started_us, id"
            )
            rows.write_parquet(str(both), compression="zstd", row_group_size=GROUP_ROWS)
        both.replace(aside)
    finally:
        both.unlink(missing_ok=True)
    return int(pq.read_metadata(aside).num_rows)


def narrow_to(span: Span) -> str:
    """The stretch of time as a condition that finds the partitions."""
    return f"started_at >= '{span.from_at.isoformat()}' AND started_at < '{span.until_at.isoformat()}'"


def _flush(writer: Any, waiting: list[Any]) -> int:
    """Writes what waits as one group of rows."""
    if not waiting:
        return 0
    table = pa.concat_tables(waiting)
    writer.write_table(table, row_group_size=GROUP_ROWS)
    waiting.clear()
    return int(table.num_rows)


def _copied(kind: str, span: Span) -> bytes:
    """The rows of one slice as CSV, in which nothing is empty and an empty text is quoted."""
    columns = ", ".join(TABLES[kind])
    text = (
        f"COPY (SELECT {columns} FROM lake_{kind} WHERE account_id = {span.account_id} AND {narrow_to(span)} "  # noqa: S608 - known columns, a number and two instants
        "ORDER BY started_us, id) TO STDOUT (FORMAT csv)"
    )
    with connection.cursor() as cursor, cursor.copy(text) as copy:
        return b"".join(bytes(block) for block in copy)


def into_place(aside: Path, target: Path, sha256: str) -> None:
    """The file and its checksum under their names, on the disk before anybody is told."""
    note = target.with_name(f"{target.name}.sha256")
    note.write_text(f"{sha256}  {target.name}\n", encoding="ascii")
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.chmod(0o600)
    aside.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _plain(rows: list[Row]) -> Sums:
    return [list(row) for row in rows]
