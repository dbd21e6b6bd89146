"""Claims about the breakout: database, lake and both together tell the same groups, and of too many the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.lake_cast import Traffic
from tests.store.test_call_search import ODD
from tollgate.core.breakout import DIMENSIONS, Cut, Question, unfit
from tollgate.core.lake import day_begins
from tollgate.core.summaries import MEASURES
from tollgate.environment import lake_folder
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_engines import DuckLake
from tollgate.store.lake_retention import archive_days, erase_days
from tollgate.store.models import CDR, Account, ArchivedCall, Customer, Did, IngressRoute, LegalHold
from tollgate.store.queries import breakout as asked
from tollgate.store.queries.breakout import Answer, Group, breakout, every_group, sums
from tollgate.store.queries.breakout_days import NONE, lake_days
from tollgate.store.queries.call_search import TooLong

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)
LEFT, WHOLE, LATE, OPEN = (AT.date() - timedelta(days=back) for back in (6, 5, 4, 1))
"""Days: one that leaves the database, one that stays there, one that another call comes to, one that is not over."""
ENGINE = DuckLake(threads=1)
PLAIN = tuple(name for name, found in DIMENSIONS.items() if not found.by_number)
FILTERS: list[dict[str, str]] = [
    {}, {"destination": "ÖSTERREICH"}, {"destination": "to 3"}, {"prefix": "4"}, {"customer": "acme; balt"},
    {"carrier": "rru"},
]  # fmt: skip


@pytest.fixture
def traffic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Calls of four days, three of them closed and written; some were corrected, and one came after that."""
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    made = Traffic()
    boss = Customer.objects.create(account=made.account, name="Boss", number="9", currency="EUR", is_reseller=True)
    Customer.objects.filter(pk=made.acme.pk).update(parent=boss)
    for day, calls in ((LEFT, 41), (WHOLE, 60), (LATE, 30), (OPEN, 25)):
        made.day(day, calls)
    route = IngressRoute.objects.create(card=made.card, customer=made.acme, name="trunk", tech_prefix="77")
    odd_calls(made, route)
    for call, micros in ((1, 5), (42, 17), (43, 19)):  # the last is a call of Baltic's
        made.correct(call, micros)
    write_closed_days(AT)
    made.correct(44, -2_000_000)
    made.day(LATE, 1)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE summary")
    summarize(day_begins(LEFT), AT)
    return made


def odd_calls(traffic: Traffic, route: IngressRoute) -> None:
    """Calls of two closed days with everything that two engines might see in two ways."""
    for place, first in enumerate((1, 42)):
        like = CDR.objects.get(pk=first)
        for number in range(24):
            for name, values in ODD.items():
                setattr(like, name, values[number % len(values)])
            like.pk, like.answered_at = 1_000 + 100 * place + number, None if number % 3 else like.started_at
            like.customer_id = (traffic.acme.pk, traffic.baltic.pk, None)[number % 3]
            like.ingress_route_id = None if number % 5 else route.pk
            like.save(force_insert=True)


def summarize(from_at: datetime, until_at: datetime) -> None:
    """Adds what began then to the summaries; what this test's transaction writes is not complete before its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT add_to_summaries(0, 9223372036854775807, %s, %s)", [from_at, until_at])
        cursor.execute("UPDATE summary_progress SET reached = 9223372036854775807")


def by_database(question: Question, account: Account, cut: Cut) -> Answer:
    """As if nothing were written."""
    known = asked.lake_days
    asked.lake_days = lambda *_: NONE  # type: ignore[assignment]
    try:
        return breakout(account, question, AT, cut=cut)
    finally:
        asked.lake_days = known


def questions(dimensions: tuple[str, ...], minutes: int) -> st.SearchStrategy[Question]:
    """Some questions by some of these, of periods of so many minutes or some times that."""
    instants = st.one_of(
        st.sampled_from([day_begins(day) for day in (LEFT, WHOLE, LATE, OPEN)]),
        st.integers(0, 6 * 24 * 60 // minutes).map(lambda count: day_begins(LEFT) + count * timedelta(minutes=minutes)),
    )
    return st.builds(
        lambda by, period, filters: Question(
            dimensions=tuple(by), from_at=min(period), until_at=max(period), filters=filters
        ),
        st.lists(st.sampled_from(dimensions), min_size=1, max_size=3, unique=True),
        st.lists(instants, min_size=2, max_size=2, unique=True),
        st.sampled_from(FILTERS),
    )


CUTS = st.builds(Cut, st.sampled_from([1, 3, 10_000]), st.sampled_from(MEASURES), st.booleans())
WHOLE_PERIOD = Question(dimensions=("customer",), from_at=day_begins(LEFT), until_at=day_begins(AT.date()))


def same(traffic: Traffic, question: Question, cut: Cut) -> None:
    """That the groups, how many they are and what the others come to are those of the database, and a file has all."""
    found = breakout(traffic.account, question, AT, cut=cut, engine=ENGINE)
    assert found == by_database(question, traffic.account, cut)
    whole = list(every_group(traffic.account, question, AT, cut=cut, engine=ENGINE))
    assert len(whole) == found.groups_count
    assert {place(group) for group in found.groups} <= {place(group) for group in whole}
    told = {group.currency: group.totals for group in sums([*found.groups, *found.others])}
    assert told == {group.currency: group.totals for group in sums(whole)}


def place(group: Group) -> tuple[Any, ...]:
    """A group with its figures, as one value."""
    return group.keys, group.currency, group.totals


def test_calls_with_a_did_as_their_cli_are_told_alike_by_lake_and_database(traffic: Traffic) -> None:
    for number in ("37060000003", "37060000011", "442079460000"):
        Did.objects.create(account=traffic.account, number=number)
    for text, clis in (("yes", {"37060000003", "37060000011"}), ("+3706000000", {"37060000003"}), ("9", set())):
        question = replace(WHOLE_PERIOD, dimensions=("cli", "customer"), filters={"did": text})
        same(traffic, question, Cut())
        assert {group.keys[0] for group in breakout(traffic.account, question, AT).groups} == clis
        assert unfit(question) == ""
    assert "write yes" in unfit(replace(WHOLE_PERIOD, filters={"did": "any"}))
    theirs = replace(WHOLE_PERIOD, filters={"did": "yes"}, reach=frozenset({traffic.acme.pk}))
    assert breakout(traffic.account, theirs, AT).groups == [], "none of these is a DID of theirs"


def corrected(traffic: Traffic, customer: str) -> int:
    """What the corrections of a customer's calls come to in the whole period."""
    groups = breakout(traffic.account, WHOLE_PERIOD, AT).groups
    return sum(group.totals.correction_micros for group in groups if group.words["customer"] == customer)


def law(traffic: Traffic, dimensions: tuple[str, ...], *, examples: int, minutes: int = 1) -> Callable[[], None]:
    """The claim, of so many questions by any of these dimensions; of whole hours where it says 60 `minutes`."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(
        questions(dimensions, minutes), CUTS, st.sampled_from([None, frozenset({traffic.baltic.pk}), frozenset[int]()])
    )
    @example(replace(WHOLE_PERIOD, dimensions=tuple(dimensions[-3:])), Cut(3), None)
    def holds(question: Question, cut: Cut, reach: frozenset[int] | None) -> None:
        same(traffic, replace(question, reach=reach), cut)

    return holds


def test_database_lake_and_both_together_tell_the_same_to_the_last_unit(traffic: Traffic) -> None:
    days = lake_days(traffic.account, WHOLE_PERIOD, AT)
    assert (list(days.files), days.left, days.late) == ([LEFT, WHOLE], frozenset(), ()), "another call came to one day"
    assert corrected(traffic, "Acme") == -17 - 5 + 2_000_000
    law(traffic, tuple(DIMENSIONS), examples=25)()


def test_a_day_that_has_left_is_told_by_its_file_and_what_came_to_it_later(traffic: Traffic) -> None:
    Account.objects.update(cdr_live_days=5)
    assert archive_days(AT) == ([LEFT], "")
    traffic.correct(3, 7)
    later = CDR.objects.get(pk=44)
    later.pk, later.started_at = 9_000, day_begins(LEFT) + timedelta(hours=3, microseconds=1)
    later.save(force_insert=True)
    began_at = ArchivedCall.objects.get(pk=3).started_at
    for at in (began_at, later.started_at):
        summarize(at, at + timedelta(microseconds=1))
    days = lake_days(traffic.account, WHOLE_PERIOD, AT)
    assert (days.left, days.late) == (frozenset({LEFT}), (9_000,))
    assert corrected(traffic, "Acme") == -17 - 5 - 7 + 2_000_000
    law(traffic, PLAIN, examples=10, minutes=60)()  # what the summaries know of a day without its calls


def test_what_an_erasure_left_of_a_day_is_not_taken_for_the_day(traffic: Traffic) -> None:
    Account.objects.update(cdr_live_days=5, cdr_archive_days=30)
    archive_days(AT)
    LegalHold.objects.create(customer=traffic.acme, reason="a court asks", placed_by="Ann")
    late = day_begins(LEFT) + timedelta(days=40)
    assert erase_days(late)
    question = replace(WHOLE_PERIOD, until_at=day_begins(WHOLE))
    assert LEFT not in lake_days(traffic.account, question, late).files
    assert sum(group.totals.attempts for group in breakout(traffic.account, question, late).groups) == 41 + 24


def test_a_day_whose_file_is_not_there_is_told_by_the_database(traffic: Traffic) -> None:
    for path in lake_folder().glob(f"call/*/day={WHOLE}/*.parquet"):
        path.unlink()
    assert list(lake_days(traffic.account, WHOLE_PERIOD, AT).files) == [LEFT]
    for dimensions in (("customer",), ("number",)):
        same(traffic, replace(WHOLE_PERIOD, dimensions=dimensions), Cut())


def test_who_asks_too_long_is_told_so_whoever_answers(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "first_ones", lambda *_: "SELECT pg_sleep(9)")
    monkeypatch.setattr(asked, "table_of", lambda _, text, values: asked.rows_of("SELECT pg_sleep(9)", values))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 100")
    for at in (AT, day_begins(LEFT)):  # a moment before any day was closed
        with pytest.raises(TooLong, match="shorter period"), transaction.atomic():
            breakout(traffic.account, WHOLE_PERIOD, at, engine=ENGINE)


class Slow(DuckLake):
    """Says when it has given all that it has."""

    ended = False

    def batches(self, *args: Any, **named: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The same."""
        yield from super().batches(*args, **named)
        self.ended = True


def test_a_file_waits_for_its_reader_and_no_engine_does(traffic: Traffic) -> None:
    engine = Slow(threads=1)
    groups = every_group(traffic.account, WHOLE_PERIOD, AT, engine=engine)
    next(groups)
    assert engine.ended
    assert next(groups) in breakout(traffic.account, WHOLE_PERIOD, AT).groups
