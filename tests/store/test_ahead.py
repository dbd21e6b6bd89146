"""Claims about parts made while others are read: in their order, one ahead and no more, ended with their reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from django.db import connection, transaction

from tests.store.lake_cast import Traffic
from tollgate.core.call_file import texts
from tollgate.core.lake import EVERYTHING
from tollgate.store.ahead import Job, blocks
from tollgate.store.lake_days import write_closed_days
from tollgate.store.models import LakeFile
from tollgate.store.queries.call_search import CallSearch, names_beside
from tollgate.store.queries.lake import Written

PARTS = (b"one\n", b"two\n", b"", b"four\n", b"five\n")


def jobs(before: Callable[[int, Event], None] = lambda place, gone: None) -> list[Job]:
    """What writes the parts; the empty one leaves no file."""

    def job(place: int) -> Job:
        def write(target: Path, gone: Event) -> None:
            before(place, gone)
            if PARTS[place]:
                target.write_bytes(PARTS[place])

        return write

    return [job(place) for place in range(len(PARTS))]


def test_parts_come_in_their_order_every_second_one_from_a_thread_beside_and_no_more_than_one_ahead() -> None:
    done: dict[int, bool] = {}

    def note(place: int, _gone: Event) -> None:
        done[place] = threading.current_thread() is threading.main_thread()

    found = blocks(jobs(note))
    assert next(found) == PARTS[0]
    assert done.keys() <= {0, 1}
    assert next(found) == PARTS[1]
    assert done.keys() <= {0, 1, 3}, "the next one but one has to wait for the reader"
    assert list(found) == [part for part in PARTS[3:] if part]
    assert done == {0: True, 1: False, 2: True, 3: False, 4: True}
    assert b"".join(blocks(jobs()[:1])) == PARTS[0]
    assert list(blocks([])) == []


def test_who_stops_reading_ends_what_is_being_made() -> None:
    told: list[bool] = []

    def wait(place: int, gone: Event) -> None:
        if place % 2:
            told.append(gone.wait(20))

    found = blocks(jobs(wait))
    assert next(found) == PARTS[0]
    found.close()
    assert told == [True]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_part_that_fails_fails_for_its_reader_and_no_later(bad: int) -> None:
    def fail(place: int, _gone: Event) -> None:
        if place == bad:
            raise ZeroDivisionError

    found = blocks(jobs(fail))
    assert [next(found) for _ in range(bad)] == list(PARTS[:bad])
    with pytest.raises(ZeroDivisionError):
        next(found)


@pytest.mark.django_db(transaction=True)
def test_a_file_of_calls_is_the_same_whether_its_days_are_made_one_by_one_or_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    traffic, at = Traffic(), datetime.now(UTC)
    for days, calls in ((6, 40), (5, 30), (0, 20)):
        traffic.day(at.date() - timedelta(days=days), calls)
    write_closed_days(at)
    LakeFile.objects.filter(day_on=at.date() - timedelta(days=5)).delete()  # as of a day that is not written yet
    search = CallSearch(traffic.account, EVERYTHING, None, None, at)
    written = Written(partial(texts, ("started_at", "customer", "cost")), names_beside(traffic.account))
    with transaction.atomic():  # which has one connection
        one_by_one = b"".join(search.csv_blocks(written))
    assert b"".join(search.csv_blocks(written)) == one_by_one
    assert one_by_one.count(b"\n") == 90
    until(lambda: connections_count() == 1)


def connections_count() -> int:
    """How many connections to this database there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def until(holds: Callable[[], bool]) -> None:
    """Waits for what comes to be by itself."""
    for _ in range(100):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to be")
