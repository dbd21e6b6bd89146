"""One query layer over the days that the database holds and those of the lake: each day is asked of exactly one side.

A day belongs to the lake once it is written there and no call of it can end any more (`core.lake.is_closed`); all
others belong to the database. To ask something else of both, give `core.lake` its statement and join the answers here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from django.db import connection, transaction

from tollgate.core.lake import (
    Breakout,
    Engine,
    Row,
    Search,
    Span,
    Statement,
    added,
    breakout_statement,
    count_statement,
    day_begins,
    instant_of,
    is_closed,
    merged,
    runs,
    search_statement,
)
from tollgate.core.lake_text import file_statement
from tollgate.environment import lake_folder
from tollgate.store.ahead import Gone, blocks, read
from tollgate.store.lake_engines import LakeEngine, engine_of_installation
from tollgate.store.models import LakeFile
from tollgate.store.queries.statements import rows
from tollgate.store.sql import load

CORRECTED = load("lake")["last_corrections"].replace("$1", "%s")


@dataclass(frozen=True, slots=True)
class Sides:
    """Who answers for which day."""

    live_days: tuple[date, ...]
    lake_files: tuple[tuple[date, Path], ...]

    @property
    def files(self) -> list[Path]:
        """The files, oldest day first."""
        return [path for _, path in self.lake_files]


def sides_of(table: str, span: Span, at: datetime) -> Sides:
    """Every day of the span on its side."""
    days = list(span.days())
    if days and not is_closed(days[0], at):  # nor any day after it
        return Sides(tuple(days), ())
    kept = LakeFile.objects.filter(account_id=span.account_id, kind=table, replaced_at=None)
    if days:
        kept = kept.filter(day_on__gte=days[0], day_on__lte=days[-1])
    folder = lake_folder()
    closed = {file.day_on: file for file in kept.filter(erased_at=None) if is_closed(file.day_on, at)}
    outdated = _corrected(span.account_id, closed) if table == "entry" else set()
    files = {day: folder / file.path for day, file in closed.items() if day not in outdated}
    live = tuple(day for day in days if day not in files)
    return Sides(live, tuple(sorted(files.items())))


def forgotten(span: Span) -> list[tuple[date, Path]]:
    """The days of the span that the database has no more, with their files of calls.

    What came to such a day since then is in the database, and after a night in both.
    """
    here = {row.day_on for row in rows("lake", "partitions")}
    kept = LakeFile.objects.filter(account_id=span.account_id, kind="call", replaced_at=None, erased_at=None)
    kept = kept.filter(day_on__in=[day for day in span.days() if day not in here])
    return [(file.day_on, lake_folder() / file.path) for file in kept.order_by("day_on")]


def _corrected(account_id: int, files: Mapping[date, LakeFile]) -> set[date]:
    """The days whose calls were corrected since their file was written; the database never forgets an entry."""
    with connection.cursor() as cursor:
        cursor.execute(CORRECTED, [account_id])
        latest: dict[date, datetime] = dict(cursor.fetchall())
    return {day for day, file in files.items() if day in latest and latest[day] >= file.written_at}


def breakout(
    question: Breakout,
    span: Span,
    at: datetime,
    *,
    engine: LakeEngine | None = None,
    sides: Sides | None = None,
    limit_s: int = 0,
    most: int = 0,
) -> list[Row]:
    """The sums, keys first, in the order of the keys; of each side no more than `most` groups, if that is not 0."""
    sides = sides or sides_of(question.table, span, at)
    answers: list[Sequence[Sequence[object]]] = []
    if sides.live_days:
        narrow = _narrow(sides.live_days)
        statement = breakout_statement(question, span, Engine.postgresql, narrow=narrow, most=most)
        answers.append(_database_rows(statement.text, statement.values))
    if sides.files:
        lake = engine or engine_of_installation()
        statement = breakout_statement(question, span, lake.engine, most=most)
        answers.append(lake.rows(statement, {f"lake_{question.table}": sides.files}, limit_s=limit_s))
    found = added(question, answers)
    return found if found or question.keys else [(0,) * len(question.measures)]


def search(
    question: Search,
    span: Span,
    at: datetime,
    *,
    engine: LakeEngine | None = None,
    sides: Sides | None = None,
    limit_s: int = 0,
) -> list[Row]:
    """The first rows. The lake is asked for few days first, and for more when they do not suffice."""
    sides = sides or sides_of(question.table, span, at)
    answers: list[Sequence[Sequence[object]]] = []
    last: object = None
    if sides.live_days:
        statement = search_statement(question, span, Engine.postgresql, narrow=_narrow(sides.live_days))
        answers.append(_database_rows(statement.text, statement.values))
        last = answers[0][-1][-2] if len(answers[0]) == question.limit else None
    lake = engine or engine_of_installation()
    missing = question.limit
    for files in _nearest_first(_ahead(question, sides.lake_files, last)):
        statement = search_statement(replace(question, limit=missing), span, lake.engine)
        found = lake.rows(statement, {f"lake_{question.table}": files}, limit_s=limit_s)
        answers.append(found)
        missing -= len(found)
        if missing <= 0:
            break
    return merged(question, answers)


def count(
    question: Search,
    span: Span,
    at: datetime,
    *,
    most: int,
    engine: LakeEngine | None = None,
    sides: Sides | None = None,
    limit_s: int = 0,
) -> int:
    """How many rows there are, counted no further than `most`."""
    sides = sides or sides_of(question.table, span, at)
    found = 0
    if sides.live_days:
        narrow = _narrow(sides.live_days)
        statement = count_statement(question, span, Engine.postgresql, most=most, narrow=narrow)
        found = int(str(_database_rows(statement.text, statement.values)[0][0]))
    if sides.files and found < most:
        lake = engine or engine_of_installation()
        statement = count_statement(question, span, lake.engine, most=most - found)
        ((more,),) = lake.rows(statement, {f"lake_{question.table}": sides.files}, limit_s=limit_s)
        found += more
    return found


def _ahead(question: Search, files: Sequence[tuple[date, Path]], last: object) -> list[Path]:
    """The files that may hold what is asked for, nearest first: beyond what was seen, before the last row wanted."""
    seen = None if question.before is None else _day_of(question.before[0])
    until = None if last is None else _day_of(int(str(last)))
    if question.oldest_first:
        return [path for day, path in files if (seen is None or day >= seen) and (until is None or day <= until)]
    found = [path for day, path in files if (seen is None or day <= seen) and (until is None or day >= until)]
    return found[::-1]


def _day_of(us: int) -> date:
    return instant_of(us).date()


def _nearest_first(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """The first file, the two after it, the four after those."""
    begin, size = 0, 1
    while begin < len(files):
        yield files[begin : begin + size]
        begin, size = begin + size, size * 2


def _narrow(days: Sequence[date]) -> str:
    """The days as a condition on the partitions."""
    stretches = (
        f"(started_at >= '{day_begins(first).isoformat()}' AND started_at < '{day_begins(last).isoformat()}')"
        for first, last in runs(days)
    )
    return f"({' OR '.join(stretches)})"


def _database_rows(text: str, values: dict[str, int | str]) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


@dataclass(frozen=True, slots=True)
class Written:
    """A file's columns as SQL of one engine: each an expression over the columns of a question, and names by their id.

    `names` are lists of (id, name) that the expressions may name as `<list>.name`, joined by the column that is given.
    """

    texts: Callable[[Engine], Sequence[str]]
    names: Mapping[str, tuple[str, Sequence[tuple[int, str]]]]


def csv_blocks(
    question: Search, span: Span, at: datetime, written: Written, *, engine: LakeEngine | None = None
) -> Iterator[bytes]:
    """All rows in the order of the question as lines of CSV, a day at a time, so that no snapshot grows old.

    A day is read whole before it is sent, and another one meanwhile: who reads slowly holds up nobody. The limit of the
    question is not obeyed.
    """
    sides = sides_of(question.table, span, at)
    files = dict(sides.lake_files)
    lake = engine or engine_of_installation()
    whole = replace(question, limit=2**62, before=None)
    days = sorted((*sides.live_days, *files), reverse=not question.oldest_first)
    yield from blocks([_Day(whole, span, day, written, files.get(day), lake).write for day in days])


@dataclass(frozen=True, slots=True)
class _Day:
    """One day of a file of calls: of the lake's file, or of the database."""

    question: Search
    span: Span
    day: date
    written: Written
    file: Path | None
    engine: LakeEngine

    def write(self, target: Path, gone: Event) -> None:
        """Its lines; nothing of a day without calls. Raises Gone when nobody reads them any more."""
        table, begin = self.question.table, day_begins(self.day)
        until_at = min(self.span.until_at, begin + timedelta(days=1))
        piece = Span(self.span.account_id, max(self.span.from_at, begin), until_at)
        if self.file is not None:
            names = {name: rows for name, (_, rows) in self.written.names.items()}
            files = {f"lake_{table}": [self.file]}
            self.engine.write_csv(self._asked(piece, self.engine.engine), files, target, names=names, header=False)
        elif not _is_empty(table, piece):
            _copy(self._asked(piece, Engine.postgresql, narrow=_narrow([self.day])), target, gone)

    def _asked(self, piece: Span, engine: Engine, *, narrow: str = "true") -> Statement:
        columns = {name: column for name, (column, _) in self.written.names.items()}
        return file_statement(self.question, piece, engine, self.written.texts(engine), columns, narrow=narrow)


def files_as_csv(
    question: Search, span: Span, files: Sequence[tuple[date, Path]], *, engine: LakeEngine | None = None
) -> Iterator[bytes]:
    """All rows of some files as lines of CSV without a header, a day at a time; neither order nor limit is obeyed."""
    lake = engine or engine_of_installation()
    statement = search_statement(replace(question, limit=2**62, before=None), span, lake.engine)
    columns = ", ".join(question.columns)
    statement.text = f"SELECT {columns} FROM ({statement.text.rpartition(' ORDER BY ')[0]}) AS found"  # noqa: S608 - known columns
    for _, path in files:
        with TemporaryDirectory(prefix="tollgate-cdrs-") as folder:
            target = Path(folder) / "day.csv"
            lake.write_csv(statement, {f"lake_{question.table}": [path]}, target, header=False)
            yield from read(target)


def _is_empty(table: str, piece: Span) -> bool:
    """Whether the database has no call of these instants: asked in a fraction of what a statement for them costs."""
    return table == "call" and not rows("lake", "has_calls", piece.account_id, piece.from_at, piece.until_at)[0].found


def _copy(statement: Statement, target: Path, gone: Event) -> None:
    """What the database answers, as CSV. Raises Gone when nobody reads it any more."""
    text = f"COPY ({statement.text}) TO STDOUT (FORMAT csv)"
    with target.open("wb") as file, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # days before it have been sent: the file must not end here
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")  # texts pass between processes too slowly
        cursor.execute("SET LOCAL enable_memoize = off")  # most names are asked for again and again: hash them once
        with cursor.copy(text, statement.values) as copy:
            for block in copy:
                if gone.is_set():
                    raise Gone
                file.write(block)


def export(question: Search, span: Span, at: datetime, target: Path, *, engine: LakeEngine | None = None) -> None:
    """All rows of the span as one CSV file with a header: those of the lake first, then those of the database.

    The limit of the question is not obeyed, nor where it goes on. The database's rows come day by day, so that no
    snapshot grows old.
    """
    sides = sides_of(question.table, span, at)
    whole = replace(question, limit=2**62, before=None)
    if sides.files:
        lake = engine or engine_of_installation()
        statement = search_statement(whole, span, lake.engine)
        columns = ", ".join(question.columns)
        statement.text = f"SELECT {columns} FROM ({statement.text.rpartition(' ORDER BY ')[0]}) AS found"  # noqa: S608 - known columns
        lake.write_csv(statement, {f"lake_{question.table}": sides.files}, target)
    else:
        target.write_text(",".join(question.columns) + "\n", encoding="utf-8")
    with target.open("ab") as file, connection.cursor() as cursor:
        for day in sides.live_days:
            begin = max(span.from_at, day_begins(day))
            piece = Span(span.account_id, begin, min(span.until_at, day_begins(day) + timedelta(days=1)))
            statement = search_statement(whole, piece, Engine.postgresql, narrow=_narrow([day]))
            columns = ", ".join(question.columns)
            text = f"COPY (SELECT {columns} FROM ({statement.text}) AS found) TO STDOUT (FORMAT csv)"  # noqa: S608 - known columns
            with cursor.copy(text, statement.values) as copy:
                for block in copy:
                    file.write(block)
