"""Claims about hours that hang up: the grant ends where they end, on every night of the year."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import ACME_WALLET, EURO, INVITE, SAAR_INVITE, Desk, World, world
from tollgate.core.calls_money import longest_s
from tollgate.core.calls_text import read_plan, write_plan
from tollgate.core.calls_types import Minutes
from tollgate.core.hours import Hours, Window
from tollgate.core.refusals import Key
from tollgate.core.snapshot import Endpoint

ZONE = "Europe/Vilnius"
NIGHT = Hours(ZONE, tuple(Window(day, 0, 4 * 60) for day in range(1, 8)))
"""From midnight to four, when clocks are changed."""
RICH = {ACME_WALLET: {"balance_micros": 10_000 * EURO}}


def closing(hours: Hours, *, hang_up: bool = True) -> World:
    own = {"hours": hours, "hours_hang_up": hang_up, "max_duration_s": 86_400}
    return world(account={"max_duration_s": None}, acme=own, purses=RICH, slice_s=60)


@pytest.mark.parametrize(
    ("at", "left_s"),
    [
        (datetime(2026, 11, 21, 1, 59, 30, tzinfo=UTC), 30),  # 03:59:30 in winter
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 2 * 3600),  # 01:00; an hour is skipped at 03:00
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 4 * 3600),  # 01:00; an hour comes twice at 04:00
    ],
)
def test_a_call_may_last_until_the_hours_end(at: datetime, left_s: int) -> None:
    granted = closing(NIGHT).granted(at=at)
    assert granted.max_s == left_s
    ends = [gate.values["hang_up_at"] for gate in granted.gates if gate.gate == "time_restricted"]
    assert ends == [(at + timedelta(seconds=left_s)).isoformat()]
    assert closing(NIGHT, hang_up=False).granted(at=at).max_s == 86_400


def test_hours_are_those_of_termination_alone() -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    phones = {"1004": Endpoint(10, 1, "sip_user", 30)}
    shut = world(acme={"hours": NIGHT, "hours_hang_up": True}, users=phones)
    assert shut.refused(at=at).key is Key.time_restricted
    local = shut.granted(INVITE._replace(cld="1004"), at)
    assert "time_restricted" not in [gate.gate for gate in local.gates]


def test_a_schedule_among_the_variables_holds_beside_the_hours_and_at_every_level() -> None:
    night = datetime(2026, 11, 21, 1, 59, 30, tzinfo=UTC)  # a Saturday, 03:59:30 in Vilnius
    morning, sunday = night + timedelta(hours=1), night + timedelta(days=1)
    saturday = Hours("Etc/GMT-2", (Window(6, 0, 12 * 60),))
    both = world(acme={"hours": NIGHT, "schedule": saturday})
    assert [gate.gate for gate in both.granted(at=night).gates].count("time_restricted") == 2
    closed = [both.refused(at=at) for at in (morning, sunday)]
    assert [(no.key, no.scope, dict(no.values)["zone"]) for no in closed] == [
        (Key.time_restricted, "customer", ZONE), (Key.time_restricted, "customer", "UTC+2"),
    ]  # fmt: skip
    assert world(rhine={"schedule": saturday}).refused(SAAR_INVITE, sunday).scope == "reseller"
    ends = world(acme={"schedule": saturday, "hours_hang_up": True, "max_duration_s": 86_400}, purses=RICH)
    assert ends.granted(at=night + timedelta(hours=8)).max_s == 30


def test_a_caller_who_names_the_end_of_hours_ends_nothing() -> None:
    at = datetime(2026, 11, 21, 1, 59, 30, tzinfo=UTC)
    cases = (
        (world(acme={"hours": Hours(ZONE), "approved_clis_only": False, "pai_mode": "pass"}), None),
        (closing(NIGHT), 30),
    )
    for known, left_s in cases:
        desk = Desk(known)
        desk.authorize(INVITE._replace(cli="hang_up_at"), at)
        desk.answer(INVITE.call_id, at)
        call = desk.calls[INVITE.call_id]
        assert "hang_up_at" in call.plan.gates_json
        assert longest_s(call) == (call.max_s if left_s is None else left_s)
        desk.extend(INVITE.call_id, at, 30)
        desk.end(INVITE.call_id, at + timedelta(seconds=1), 1000)
        assert desk.broken_laws() == []


@pytest.mark.parametrize("bundles", [(), (Minutes(7, "closes_at\n", 8, None),)])
def test_where_hours_end_a_call_is_kept_with_its_plan_and_older_plans_are_read(bundles: tuple[Minutes, ...]) -> None:
    at = datetime(2026, 11, 21, 1, 59, 30, tzinfo=UTC)
    planned = closing(NIGHT).plan(at=at)._replace(bundles=bundles)
    text, stored = write_plan(planned, planned.routes, (), ())
    assert json.loads(text)["closes_at"] == (at + timedelta(seconds=30)).isoformat()
    assert read_plan(text).closes_at == stored.closes_at == at + timedelta(seconds=30)
    older, _ = write_plan(planned._replace(closes_at=None), planned.routes, (), ())
    assert "closes_at" not in json.loads(older)
    assert read_plan(older) == read_plan(text)._replace(closes_at=None)


def test_an_end_behind_the_longest_call_is_not_looked_for() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    years = Hours(ZONE, holidays=frozenset({date(2999, 12, 25), at.date() + timedelta(days=3)}))
    assert closing(years).plan(at=at).closes_at is None
    assert closing(years).granted(at=at).max_s == 86_400
    assert closing(years).plan(at=at + timedelta(days=2)).closes_at == datetime(2026, 12, 3, 22, tzinfo=UTC)


def test_always_open_hours_end_no_call_and_a_holiday_does() -> None:
    at = datetime(2026, 12, 24, 21, 59, tzinfo=UTC)
    christmas = Hours(ZONE, holidays=frozenset({datetime(2026, 12, 25, tzinfo=UTC).date()}))
    assert closing(Hours(ZONE)).granted(at=at).max_s == 86_400
    assert closing(christmas).granted(at=at).max_s == 60


def test_the_hours_of_a_reseller_end_the_calls_of_its_customers() -> None:
    at = datetime(2026, 11, 21, 1, 59, 30, tzinfo=UTC)
    known = world(rhine={"hours": NIGHT, "hours_hang_up": True})
    assert known.granted(SAAR_INVITE, at=at).max_s == 30


@given(ring_s=st.integers(0, 40), talk_s=st.integers(0, 200))
def test_what_a_call_rings_is_no_time_beyond_the_hours(ring_s: int, talk_s: int) -> None:
    at = datetime(2026, 11, 21, 1, 56, 40, tzinfo=UTC)
    desk = Desk(closing(NIGHT))
    desk.authorize(INVITE, at)
    answered_at = at + timedelta(seconds=ring_s)
    desk.answer(INVITE.call_id, answered_at)
    call = desk.calls[INVITE.call_id]
    assert longest_s(call) == 200 - ring_s
    first_s = call.granted_s
    for _ in range(5):
        desk.extend(INVITE.call_id, answered_at, 30)
    assert first_s < call.granted_s == 200 - ring_s
    used_s = min(talk_s, longest_s(call))
    desk.end(INVITE.call_id, answered_at + timedelta(seconds=used_s), used_s * 1000)
    assert desk.broken_laws() == []
