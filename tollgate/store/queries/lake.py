"""One query layer over the days that the database holds and those of the lake: each day is asked of exactly one side.

A day belongs to the lake once it is written there and no call of it can end any more (`core.lake.is_closed`); all
others belong to the database. To ask something else of both, give `core.lake` its statement and join the answers here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import connection

from tollgate.core.lake import (
    Breakout,
    Engine,
    Row,
    Search,
    Span,
    added,
    breakout_statement,
    day_begins,
    is_closed,
    merged,
    runs,
    search_statement,
)
from tollgate.environment import lake_folder
from tollgate.store.lake_engines import LakeEngine, engine_of_installation
from tollgate.store.models import LakeFile
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
    kept = LakeFile.objects.filter(account_id=span.account_id, kind=table, replaced_at=None, day_on__in=days)
    folder = lake_folder()
    closed = {file.day_on: file for file in kept.filter(erased_at=None) if is_closed(file.day_on, at)}
    outdated = _corrected(span.account_id, closed) if table == "entry" else set()
    files = {day: folder / file.path for day, file in closed.items() if day not in outdated}
    live = tuple(day for day in days if day not in files)
    return Sides(live, tuple(sorted(files.items())))


def _corrected(account_id: int, files: Mapping[date, LakeFile]) -> set[date]:
    """The days whose calls were corrected since their file was written; the database never forgets an entry."""
    with connection.cursor() as cursor:
        cursor.execute(CORRECTED, [account_id])
        latest: dict[date, datetime] = dict(cursor.fetchall())
    return {day for day, file in files.items() if day in latest and latest[day] >= file.written_at}


def breakout(question: Breakout, span: Span, at: datetime, *, engine: LakeEngine | None = None) -> list[Row]:
    """The sums, keys first, in the order of the keys."""
    sides = sides_of(question.table, span, at)
    answers: list[Sequence[Sequence[object]]] = []
    if sides.live_days:
        statement = breakout_statement(question, span, Engine.postgresql, narrow=_narrow(sides.live_days))
        answers.append(_database_rows(statement.text, statement.values))
    if sides.files:
        lake = engine or engine_of_installation()
        statement = breakout_statement(question, span, lake.engine)
        answers.append(lake.rows(statement, {f"lake_{question.table}": sides.files}))
    found = added(question, answers)
    return found if found or question.keys else [(0,) * len(question.measures)]


def search(question: Search, span: Span, at: datetime, *, engine: LakeEngine | None = None) -> list[Row]:
    """The newest rows. The lake is asked for few days first, and for more when they do not suffice."""
    sides = sides_of(question.table, span, at)
    answers: list[Sequence[Sequence[object]]] = []
    if sides.live_days:
        statement = search_statement(question, span, Engine.postgresql, narrow=_narrow(sides.live_days))
        answers.append(_database_rows(statement.text, statement.values))
    lake = engine or engine_of_installation()
    missing = question.limit
    for files in _newest_first(sides.files):
        statement = search_statement(replace(question, limit=missing), span, lake.engine)
        found = lake.rows(statement, {f"lake_{question.table}": files})
        answers.append(found)
        missing -= len(found)
        if missing <= 0:
            break
    return merged(question, answers)


def _newest_first(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """The last file, the two before it, the four before those."""
    end, count = len(files), 1
    while end > 0:
        yield files[max(0, end - count) : end]
        end, count = end - count, count * 2


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
