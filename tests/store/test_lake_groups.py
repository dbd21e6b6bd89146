"""Claims about the groups beside a day's file: there after the night, the same as its calls, and never in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from tests.store.lake_cast import Traffic
from tollgate.core.breakout import Cut, Question
from tollgate.core.lake import day_begins
from tollgate.core.lake_groups import ALL_GROUPS, BY_CLI, BY_HOUR, LEVELS, making
from tollgate.environment import lake_folder
from tollgate.store import lake_groups
from tollgate.store.lake_days import delete_replaced, differences, write_closed_days
from tollgate.store.lake_files import write_day
from tollgate.store.lake_groups import groups_of, write_groups
from tollgate.store.lake_retention import archive_days, erase_days
from tollgate.store.models import CDR, Account, Customer, LakeFile
from tollgate.store.queries.breakout import Answer, breakout, every_group
from tollgate.store.queries.breakout_days import lake_days

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)
DAY = AT.date() - timedelta(days=5)
NIGHT = AT + timedelta(days=2)
WHOLE = Question(dimensions=("number", "day"), from_at=day_begins(DAY), until_at=day_begins(DAY) + timedelta(days=1))


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """A closed day of calls, written."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    made.day(DAY, 103)
    write_closed_days(AT)
    return made


def made_of(day_file: LakeFile | None = None, level: str = ALL_GROUPS) -> Path:
    """Where the day's groups are."""
    file = day_file or LakeFile.objects.get(kind="call", day_on=DAY, replaced_at=None)
    return groups_of(lake_folder() / file.path, level)


def told(traffic: Traffic, at: datetime = AT) -> tuple[Answer, int]:
    """The first numbers of the day, and how many a file has."""
    cut = Cut(9, "cost_micros")
    return breakout(traffic.account, WHOLE, at, cut=cut), len(list(every_group(traffic.account, WHOLE, at, cut=cut)))


def grouped(traffic: Traffic, question: Question = WHOLE, at: datetime = AT) -> bool:
    """Whether the day is told by its groups."""
    return DAY in lake_days(traffic.account, question, at).grouped


def levels(traffic: Traffic, question: Question = WHOLE) -> tuple[set[str], set[str]]:
    """Which levels tell the day, and which tell what all its calls come to, where these are others."""
    days = lake_days(traffic.account, question, AT)
    return {*days.groups}, {*days.whole}


def test_the_night_makes_groups_that_are_asked_instead_of_calls(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grouped(traffic)
    known = told(traffic)
    path = lake_folder() / LakeFile.objects.get(kind="call").path
    kept = path.read_bytes()
    path.write_bytes(bytes(len(kept)))
    assert told(traffic) == known, "no call was read"
    path.write_bytes(kept)
    made_of().unlink()
    assert not grouped(traffic)
    assert told(traffic) == known, "and by its calls it is the same"
    write_closed_days(AT)
    assert grouped(traffic)
    monkeypatch.setattr(lake_groups, "MADE", "other")
    assert not grouped(traffic), "groups that another version made are not taken for ours"
    write_closed_days(AT)
    assert grouped(traffic)
    assert len(list(made_of().parent.glob("*.groups-*.parquet"))) == len(LEVELS)


def test_a_part_of_an_hour_and_a_day_with_late_calls_are_told_by_calls(traffic: Traffic) -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    for question, by_groups in (
        (Question(dimensions=("number",), from_at=WHOLE.from_at + minute, until_at=WHOLE.until_at), False),
        (Question(dimensions=("number",), from_at=WHOLE.from_at, until_at=WHOLE.until_at - minute), False),
        (Question(dimensions=("number",), from_at=WHOLE.from_at + hour, until_at=WHOLE.until_at - hour), True),
    ):
        assert grouped(traffic, question) == by_groups
    Customer.objects.update(invoice_schedule="none")
    Account.objects.update(cdr_live_days=2)
    late = CDR.objects.get(pk=44)
    assert archive_days(AT) == ([DAY], "")
    assert grouped(traffic)
    late.pk = 9_000
    late.save(force_insert=True)
    assert not grouped(traffic)
    before = told(traffic)
    assert sum(group.totals.attempts for group in breakout(traffic.account, WHOLE, AT).groups) == 104
    write_closed_days(NIGHT)
    assert LakeFile.objects.get(kind="call", replaced_at=None).version == 2
    assert made_of().is_file(), "the new file has groups of its own"
    assert not grouped(traffic, at=NIGHT), "which have the call that the database tells"
    assert told(traffic, NIGHT) == before


@pytest.mark.parametrize(
    "harm", [lambda path: path.write_bytes(b"no file"), lambda path: path.write_bytes(path.read_bytes()[:-200])]
)
def test_groups_that_cannot_be_read_stop_no_question_and_are_made_anew(traffic: Traffic, harm: object) -> None:
    known = told(traffic)
    assert differences(AT) == []
    assert callable(harm)
    harm(made_of())
    assert told(traffic) == known
    assert differences(AT) == [f"{made_of().relative_to(lake_folder())} is not what was written"]
    write_closed_days(AT, hashed=True)
    assert differences(AT) == []


def test_groups_that_do_not_add_up_are_not_kept_and_stop_no_night(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = told(traffic)
    made_of().unlink()
    monkeypatch.setattr(lake_groups, "making_of", lake_groups_but_one)
    assert write_closed_days(AT) == []
    assert "ALARM" in caplog.text
    assert "do not add up" in caplog.text
    assert not grouped(traffic)
    assert told(traffic) == known
    assert [path.name for path in made_of().parent.glob("*groups*") if path.suffix == ".parquet"] == []


def lake_groups_but_one(_: str) -> str:
    """Groups of a day without one of them."""
    return f"SELECT * FROM ({making()}) OFFSET 1"


def test_groups_go_with_the_file_that_they_are_of(traffic: Traffic) -> None:
    before = LakeFile.objects.get(kind="call")
    write_day("call", traffic.account.pk, DAY, AT)
    write_closed_days(AT)
    assert made_of(before).is_file()
    delete_replaced(AT + timedelta(days=3))
    assert not made_of(before).exists()
    assert made_of().is_file()
    Customer.objects.update(invoice_schedule="none")
    Account.objects.update(cdr_live_days=2, cdr_archive_days=30)
    archive_days(AT)
    assert len(erase_days(AT + timedelta(days=60))) == 2
    assert list(made_of().parent.iterdir()) == []


def test_a_file_that_is_not_there_is_not_grouped(traffic: Traffic) -> None:
    path = lake_folder() / LakeFile.objects.get(kind="call").path
    write_groups(path)
    made_of().unlink()
    path.unlink()
    assert lake_groups.group_days(LakeFile.objects.filter(kind="call")) == 0


HOUR = timedelta(hours=1)
ASKED = [
    (("customer", "hour"), {}, WHOLE.until_at, BY_HOUR),
    (("country", "route", "month"), {"prefix": "4"}, WHOLE.until_at, BY_HOUR),
    (("carrier", "destination"), {}, WHOLE.until_at - HOUR, BY_HOUR),
    (("cli", "destination"), {"customer": "acme"}, WHOLE.until_at, BY_CLI),
    (("cli", "week"), {}, WHOLE.until_at, BY_CLI),
    (("cli",), {}, WHOLE.until_at - HOUR, ALL_GROUPS),
    (("cli", "hour"), {}, WHOLE.until_at, ALL_GROUPS),
    (("customer", "day"), {"number": "44"}, WHOLE.until_at, ALL_GROUPS),
    (("number", "customer"), {}, WHOLE.until_at, ALL_GROUPS),
    (("number", "cli", "hour"), {}, WHOLE.until_at - HOUR, ALL_GROUPS),
]
"""What is asked, and the smallest level that tells it."""


def questions() -> list[tuple[Question, str]]:
    """The same as questions."""
    return [
        (Question(dimensions=by, from_at=WHOLE.from_at, until_at=until_at, filters=filters), level)
        for by, filters, until_at, level in ASKED
    ]


def summarized() -> None:
    """Everything is in the summaries; what this test's transaction writes is not complete before its end."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE summary")
        cursor.execute("SELECT add_to_summaries(0, 9223372036854775807, '-infinity', 'infinity')")
        cursor.execute("UPDATE summary_progress SET reached = 9223372036854775807")


def told_of_all(traffic: Traffic) -> list[object]:
    """What pages and files say to each question."""
    cuts = [Cut(7, "cost_micros"), Cut(5, falling=False)]
    found: list[object] = [breakout(traffic.account, one, AT, cut=cut) for one, _ in questions() for cut in cuts]
    return found + [list(every_group(traffic.account, one, AT)) for one, _ in questions()]


def test_database_calls_and_each_level_tell_the_same_to_the_last_unit(traffic: Traffic) -> None:
    traffic.correct(7, 19)
    summarized()
    LakeFile.objects.filter(day_on=DAY).update(erased_at=AT)  # nothing of the day is told by the lake
    by_database = told_of_all(traffic)
    LakeFile.objects.update(erased_at=None)
    for question, level in questions():
        whole = {BY_HOUR} - {level} if "number" not in question.filters else set()
        assert levels(traffic, question) == ({level}, whole), question
    by_levels = told_of_all(traffic)
    for level in (BY_HOUR, BY_CLI):
        made_of(level=level).unlink()
    assert levels(traffic, questions()[0][0]) == ({ALL_GROUPS}, set())
    by_groups = told_of_all(traffic)
    made_of().unlink()
    assert not grouped(traffic)
    assert by_levels == by_groups == told_of_all(traffic) == by_database


def test_a_lake_without_the_smaller_levels_goes_on_and_gets_them_by_the_night(traffic: Traffic) -> None:
    kept = made_of().stat()
    smaller = [made_of(level=level) for level in (BY_HOUR, BY_CLI)]
    older = made_of().with_name("v1.groups-hours-00000000.parquet")
    older.write_bytes(b"another version's")
    for path in smaller:
        path.unlink()
    known = told(traffic)
    assert write_closed_days(AT) == []
    assert all(path.is_file() for path in smaller)
    assert made_of().stat() == kept, "what is there is not made again"
    assert not older.exists()
    assert told(traffic) == known
    assert differences(AT) == []


def test_nothing_is_made_of_damaged_groups(traffic: Traffic) -> None:
    made_of(level=BY_CLI).unlink()
    made_of().write_bytes(made_of().read_bytes() + b"spoiled")
    write_closed_days(AT)
    assert differences(AT) == [], "all groups are made anew as well"


@pytest.mark.parametrize("level", [BY_HOUR, BY_CLI])
def test_a_smaller_level_that_is_spoiled_stops_no_question_and_is_made_anew(traffic: Traffic, level: str) -> None:
    known = told_of_all(traffic)
    made_of(level=level).write_bytes(b"no file")
    assert told_of_all(traffic) == known
    assert differences(AT) == [f"{made_of(level=level).relative_to(lake_folder())} is not what was written"]
    write_closed_days(AT, hashed=True)
    assert differences(AT) == []
    assert told_of_all(traffic) == known


def test_a_level_that_does_not_add_up_is_not_kept(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = told_of_all(traffic)
    made_of(level=BY_CLI).unlink()
    making_of = lake_groups.making_of
    monkeypatch.setattr(lake_groups, "making_of", lambda level: f"SELECT * FROM ({making_of(level)}) OFFSET 1")
    assert write_closed_days(AT) == []
    assert "do not add up" in caplog.text
    assert not made_of(level=BY_CLI).exists()
    assert told_of_all(traffic) == known
    assert not [path for path in made_of().parent.iterdir() if path.name.startswith(".")]


def test_calls_that_come_to_a_written_day_are_seen_by_the_summaries_and_before_they_are(traffic: Traffic) -> None:
    assert grouped(traffic), "by the records alone"
    summarized()
    assert grouped(traffic), "by the summaries alone"
    late = CDR.objects.get(pk=44)
    late.pk = 9_000
    late.save(force_insert=True)
    assert grouped(traffic), "this test's transaction is not over: neither knows of it"
    summarized()
    assert not grouped(traffic), "the summaries know it"
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE summary")
        cursor.execute("UPDATE summary_progress SET reached = 0")
    assert not grouped(traffic), "the records know it"
