"""Which days of a breakout the lake tells, and what the database adds to them.

A day that is closed and written belongs to the lake as long as its file has every call of it. What came to such a day
later is told by the database: corrections, which are entries of their own, and the calls that came to a day after it
had left the database. A day that other calls came to since its file was written is the database's until that night; so
is one whose file is not there, such as all of them while the lake is not mounted. The lake tells a day of whole hours
by the smallest file of its groups (`store.lake_groups`) that knows what is asked, and any other by its calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.db.models import Max, OuterRef, Subquery

from tollgate.core.breakout import Question
from tollgate.core.lake import day_begins, is_closed, runs
from tollgate.core.lake_groups import ALL_GROUPS, level_of
from tollgate.core.summaries import Span, beginning
from tollgate.environment import lake_folder
from tollgate.store.lake_groups import groups_of
from tollgate.store.models import Account, LakeFile, SummaryProgress
from tollgate.store.queries.statements import rows

DAY: Final = timedelta(days=1)
TRIES: Final = 3
"""How often the calls of days are counted again when the summaries have moved on meanwhile."""
Stretch = tuple[datetime, datetime]


class Corrected(Exception):
    """Calls of such a day were corrected; its day comes along."""

    def __init__(self, day: date) -> None:
        super().__init__(str(day))
        self.day = day


@dataclass(frozen=True, slots=True)
class LakeDays:
    """The days that the lake tells, with their files; those of them that the database has no more; the calls in these
    files that the database tells itself, because they came when their day had left; and the files of groups, of days
    that are told by whole hours and by all calls."""

    files: Mapping[date, Path]
    left: frozenset[date]
    late: tuple[int, ...]
    groups: Mapping[str, Mapping[date, Path]]
    """By level: of each day the smallest one that it has and that knows what is asked."""
    whole: Mapping[str, Mapping[date, Path]]
    """The same of what all calls come to, where these levels are other ones; else nothing."""

    @property
    def grouped(self) -> frozenset[date]:
        """The days that are told by groups."""
        return frozenset(day for files in self.groups.values() for day in files)


NONE: Final = LakeDays({}, frozenset(), (), {}, {})


def lake_days(account: Account, question: Question, at: datetime) -> LakeDays:
    """Those of a question's period at a moment.

    Raises Corrected, by number: the database knows what corrected calls that it forgot, and not their numbers.
    """
    first = question.from_at.astimezone(UTC).date()
    if not is_closed(first, at):  # nor any day after it
        return NONE
    kept = {file.day_on: file for file in _kept(account, first, question.until_at) if is_closed(file.day_on, at)}
    if not kept:
        return NONE
    here = {row.day_on for row in rows("lake", "partitions")}
    left = kept.keys() - here
    if question.by_number and left:
        corrected = {row.day_on for row in rows("lake", "corrected_archived_days", account.pk)} & left
        if corrected:
            raise Corrected(max(corrected))
    folder = lake_folder()
    told = {day for day, file in kept.items() if file.rows_count >= file.rows_most and (folder / file.path).is_file()}
    told |= left if question.by_number else set()  # what is left of a day tells those numbers still
    told -= _outdated(account, {day: kept[day].rows_count for day in told & here})
    late = dict(_late(account, told & left))
    for day in told & left:
        if len(late.get(day, ())) >= kept[day].rows_count:  # it never had a partition: the database has all of it
            told.remove(day)
    files = {day: folder / kept[day].path for day in sorted(told)}
    known = tuple(one for day in sorted(told & late.keys()) for one in late[day])
    return LakeDays(files, frozenset(told & left), known, *_grouped(files, question, late.keys()))


def stretches(days: Iterable[date], from_at: datetime, until_at: datetime) -> list[Stretch]:
    """Those days as instants, as far as they are in a period."""
    found = ((max(from_at, day_begins(first)), min(until_at, day_begins(last))) for first, last in runs(days))
    return [(begin, end) for begin, end in found if begin < end]


def between(stretches: Collection[Stretch], from_at: datetime, until_at: datetime) -> Iterator[Stretch]:
    """What is left of a period beside some stretches of it."""
    begin = from_at
    for first, last in stretches:
        if begin < first:
            yield begin, first
        begin = last
    if begin < until_at:
        yield begin, until_at


def _kept(account: Account, first: date, until_at: datetime) -> Iterable[Any]:
    """The current files of calls, each with `rows_most`: what an erasure that kept held customers left has fewer."""
    same = LakeFile.objects.filter(account=account, kind="call", day_on=OuterRef("day_on")).order_by().values("day_on")
    return (
        LakeFile.objects.filter(account=account, kind="call", replaced_at=None, erased_at=None)
        .filter(day_on__gte=first, day_on__lte=until_at.astimezone(UTC).date())
        .annotate(rows_most=Subquery(same.annotate(most=Max("rows_count")).values("most")))
        .order_by("day_on")
        .values_list("day_on", "path", "rows_count", "rows_most", named=True)
    )


def _grouped(
    files: Mapping[date, Path], question: Question, but: Collection[date]
) -> tuple[Mapping[str, Mapping[date, Path]], Mapping[str, Mapping[date, Path]]]:
    """The files of groups by level, for the question and for what all calls come to: a day that the period has a part
    of an hour of is told by its calls, and so is one that has calls which the database tells. Groups know no CLI as it
    was written, which DIDs are compared with."""
    if "did" in question.filters:
        return {}, {}
    ends = (question.from_at, question.until_at)
    within = {at.astimezone(UTC).date() for at in ends if beginning(at, Span.HOUR) < at}
    known = {day: path for day, path in files.items() if day not in within and day not in but}
    asked = _by_level(known, question, {*question.dimensions, *question.filters})
    whole = _by_level(known, question, {*question.filters})
    same_days = {*chain(*asked.values())} == {*chain(*whole.values())}
    return asked, whole if same_days and whole.keys().isdisjoint(asked) else {}


def _by_level(
    files: Mapping[date, Path], question: Question, asked: Collection[str]
) -> Mapping[str, Mapping[date, Path]]:
    """Of each day that has one the file of the smallest level that knows what is asked, or of all groups."""
    found: dict[str, dict[date, Path]] = {}
    for day, path in files.items():
        whole_day = question.from_at <= day_begins(day) and day_begins(day) + DAY <= question.until_at
        for level in (level_of(asked, whole_days=whole_day), ALL_GROUPS):
            made = groups_of(path, level)
            if made.is_file():
                found.setdefault(level, {})[day] = made
                break
    return found


def _outdated(account: Account, counts: Mapping[date, int]) -> set[date]:
    """The days of which the database has more calls than their files: it never loses one of a day that it has."""
    if not counts:
        return set()
    bounds = day_begins(min(counts)), day_begins(max(counts)) + DAY
    for _ in range(TRIES):  # known beforehand, the number lets the plan see that few records are left
        reached = SummaryProgress.objects.values_list("reached", flat=True).get()
        known = rows("lake", "calls_known", account.pk, reached, *bounds)
        if all(row.reached == reached for row in known):
            found = {row.day_on: row.calls for row in known}
            return {day for day, count in counts.items() if found.get(day, 0) != count}
    return {*counts}


def _late(account: Account, days: Collection[date]) -> Iterator[tuple[date, list[int]]]:
    """The calls of these days that the database has, and tells itself: after a night they are in the files as well."""
    if not days:
        return
    narrow, values = _within(account, days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (started_at AT TIME ZONE 'UTC')::date, array_agg(id ORDER BY id) FROM cdr"  # noqa: S608
            f" WHERE {narrow} GROUP BY 1",
            values,
        )
        yield from cursor.fetchall()


def _within(account: Account, days: Iterable[date]) -> tuple[str, list[Any]]:
    """An account's calls of these days, as a condition that finds the partitions, and its values."""
    found = [(day_begins(first), day_begins(last)) for first, last in runs(days)]
    told = " OR ".join(["started_at >= %s AND started_at < %s"] * len(found))
    return f"account_id = %s AND ({told})", [account.pk, *(at for stretch in found for at in stretch)]
