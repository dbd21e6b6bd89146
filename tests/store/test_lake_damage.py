"""Claims about a file of the lake that is damaged or gone: what is asked of it says so, and what can be mended is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.lake_cast import Traffic
from tollgate.core.breakout import Question
from tollgate.core.lake import Group, Search, Span, Statement, day_begins
from tollgate.store import lake_damage
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.lake_days import differences, write_closed_days
from tollgate.store.lake_engines import DuckLake, QuestionTooLong
from tollgate.store.lake_groups import groups_of
from tollgate.store.lake_retention import archive_days
from tollgate.store.models import Account, Customer, LakeFile
from tollgate.store.queries import lake
from tollgate.store.queries.archived import archived_cdr
from tollgate.store.queries.breakout import breakout, every_group
from tollgate.store.queries.lake_rating import rerate

pytestmark = pytest.mark.django_db

AT = datetime.now(UTC)
DAYS = [AT.date() - timedelta(days=days) for days in (5, 4)]
NIGHT = AT + timedelta(days=2)
LISTED = Search("call", ("id", "cld"), Group(()), limit=1_000)


def scratched(path: Path) -> None:
    """As long as it was, and its pages are not what was written."""
    content = path.read_bytes()
    pages = slice(4, -8 - int.from_bytes(content[-8:-4], "little"))
    path.write_bytes(content[: pages.start] + bytes(len(content[pages])) + content[pages.stop :])


def cut(path: Path) -> None:
    """Its end is missing."""
    path.write_bytes(path.read_bytes()[:-200])


HARMED: list[Callable[[Path], None]] = [scratched, cut, Path.unlink]


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Two closed days in the lake, of which the database has the second alone."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    for day, count in zip(DAYS, (103, 57), strict=True):
        made.day(day, count)
    Customer.objects.update(invoice_schedule="none")
    write_closed_days(AT)
    Account.objects.update(cdr_live_days=(NIGHT.date() - DAYS[1]).days)
    assert archive_days(NIGHT) == ([DAYS[0]], "")
    return made


def file_of(folder: Path, day: date, kind: str = "call") -> Path:
    """Where the day's calls are."""
    return folder / "lake" / LakeFile.objects.get(kind=kind, day_on=day, replaced_at=None).path


@pytest.mark.parametrize("harm", HARMED)
def test_every_question_of_such_a_day_names_it_and_says_what_helps(
    traffic: Traffic, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    span = Span(traffic.account.pk, day_begins(DAYS[0]), day_begins(DAYS[1]) + timedelta(days=1))
    by = {"from_at": span.from_at, "until_at": span.until_at}
    asked: list[Callable[[], Any]] = [
        lambda: lake.search(LISTED, span, NIGHT),
        lambda: lake.export(LISTED, span, NIGHT, tmp_path / "calls.csv"),
        lambda: list(lake.files_as_csv(LISTED, span, lake.forgotten(span))),
        lambda: rerate(span, NIGHT),
        lambda: breakout(traffic.account, Question(dimensions=("number",), **by), NIGHT),
        lambda: list(every_group(traffic.account, Question(dimensions=("number",), **by), NIGHT)),
    ]
    for question in asked:
        question()  # all is well
    harm(file_of(tmp_path, DAYS[0]))
    for question in asked[-2:]:
        question()  # the groups of the day are there still
    harm(groups_of(file_of(tmp_path, DAYS[0])))
    for question in asked:
        with pytest.raises(DayUnreadable, match=f"^Calls of {DAYS[0]} .UTC. cannot be read: .*`tollgate lake export`"):
            question()


def test_other_days_are_told_and_only_the_damaged_one_is_named(traffic: Traffic, tmp_path: Path) -> None:
    scratched(file_of(tmp_path, DAYS[0]))
    later = Span(traffic.account.pk, day_begins(DAYS[1]), day_begins(DAYS[1]) + timedelta(days=1))
    assert len(lake.search(LISTED, later, NIGHT)) == 57
    with pytest.raises(DayUnreadable) as found:
        archived_cdr(traffic.account.pk, 3, NIGHT)
    assert found.value.told == f"Calls of {DAYS[0]} (UTC) cannot be read."


def test_a_question_that_fails_by_itself_or_takes_too_long_accuses_no_file(
    traffic: Traffic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(tmp_path, DAYS[0])
    engine = DuckLake()
    with pytest.raises(Exception, match="no_such_column"):
        engine.rows(Statement(engine.engine, "SELECT no_such_column FROM lake_call"), {"lake_call": [path]})
    path.unlink()
    with pytest.raises(QuestionTooLong), lake_damage.telling({"lake_call": [path]}, but=QuestionTooLong):
        raise QuestionTooLong("late")


def test_of_many_such_days_the_first_are_named() -> None:
    problem = DayUnreadable([date(2026, 11, day) for day in (9, 7, 8, 7, 6)])
    assert problem.told == "Calls of 2026-11-06, 2026-11-07, 2026-11-08, … (UTC) cannot be read."


@pytest.mark.parametrize("harm", HARMED)
def test_what_the_database_still_has_is_written_anew_and_the_rest_is_named(
    traffic: Traffic, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    gone, call, entries = (file_of(tmp_path, *of) for of in ((DAYS[0],), (DAYS[1],), (DAYS[1], "entry")))
    old_entries = file_of(tmp_path, DAYS[0], "entry")
    for path in (gone, call, entries, old_entries):
        harm(path)
    assert len(differences(NIGHT)) == 4
    if harm is scratched:
        assert write_closed_days(NIGHT) == [], "whose length is right is found by who reads it"
    written = {(file.kind, file.day_on, file.version) for file in write_closed_days(NIGHT, hashed=True)}
    assert written == {("call", DAYS[1], 2), ("entry", DAYS[0], 2), ("entry", DAYS[1], 2)}
    (left,) = differences(NIGHT)
    assert left.startswith(f"call/account={traffic.account.pk}/day={DAYS[0]}/v1.parquet ")
    assert write_closed_days(NIGHT, hashed=True) == []


def test_a_lake_that_is_not_mounted_is_not_written_anew(traffic: Traffic, tmp_path: Path) -> None:
    (tmp_path / "lake").rename(tmp_path / "elsewhere")
    assert write_closed_days(NIGHT, hashed=True) == []
