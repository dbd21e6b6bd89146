"""Thousands of histories against the laws of the books, and bugs made on purpose, which they must find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.simulator.history import (
    Call,
    ClockStep,
    Crash,
    EdgeDeath,
    Fault,
    History,
    Money,
    Outage,
    Partition,
    Step,
    history_of,
    shortened,
)
from tests.simulator.mutants import DIRECTED, MUTANTS, SUBTLE
from tests.simulator.run import first_failure, report
from tests.simulator.world import World, play

RICH = Money(acme_micros=10_000_000, baltic_limit_micros=0, rhine_micros=0, saar_micros=0)


def history(*steps: Step, **fields: object) -> History:
    known = History(
        seed=1, money=RICH, edge_skew_s=0.0, processes=1, longest_s=3600, is_plain=False, steps=tuple(steps)
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def call(talk_s: float, *, ring_s: float = 0.0) -> Call:
    return Call(at_s=0.0, name="c1", customer="acme", fate="answer", ring_s=ring_s, talk_s=talk_s)


def played(steps: History) -> World:
    world = World(steps)
    assert world.play() == []
    return world


def paid_micros(world: World) -> int:
    return sum(entry["amount_micros"] for entry in world.tables.entries if entry["wallet_id"] == 11)


def test_the_laws_hold_in_five_hundred_histories() -> None:
    assert first_failure(range(500)) is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_laws_hold_in_ten_thousand_histories() -> None:
    assert first_failure(range(500, 10_000)) is None


def _seeds_until_found(limit: int) -> int | None:
    return next((seed for seed in range(limit) if play(history_of(seed))), None)


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in SUBTLE + DIRECTED])
def test_a_bug_made_on_purpose_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert _seeds_until_found(1_000) is not None


def late_grants() -> Iterator[History]:
    """The process that grants a call commits too late to be heard, and the other one hears the question again."""
    for noise in range(1, 61):
        late = replace(call(50, ring_s=23), at_s=0.5, noise=noise * 104_729)
        yield history(Fault(0.0, 6, "pause"), late, processes=2, seed=noise)


def test_a_call_that_talks_keeps_the_grant_that_came_late(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [play(late) for late in late_grants()] == [[]] * 60
    MUTANTS["an_unheard_grant_is_taken_back_from_a_call_that_talks"](monkeypatch)
    assert any(play(late) for late in late_grants())


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SUBTLE)
def test_a_subtle_bug_made_on_purpose_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert _seeds_until_found(10_000) is not None


def test_the_same_seed_is_the_same_history_to_the_last_message() -> None:
    traces = []
    for _ in range(2):
        world = World(history_of(4), tracing=True)
        world.play()
        traces.append(world.trace)
    assert traces[0] == traces[1]
    assert traces[0]


def test_a_failing_history_is_told_short_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["holds_are_released_twice"](monkeypatch)
    told = first_failure([3, 0, 1, 2])
    assert told is not None
    assert "seed " in told
    assert told.count("  Call(") == 1
    assert "R5" in told.splitlines()[-1]


def test_what_a_failure_does_not_need_is_left_out() -> None:
    full = history(call(5), Outage(1.0, 4.0), Partition(2.0, 1.0), ClockStep(3.0, 40), processes=2)
    needed: Callable[[History], bool] = lambda shorter: any(isinstance(step, Outage) for step in shorter.steps)  # noqa: E731
    short = shortened(full, needed)
    assert short.steps == (Outage(1.0, 4.0),)
    assert short.processes == 1


def test_a_report_tells_what_happened_before_a_law_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["a_carrier_keeps_its_channel"](monkeypatch)
    seed = next(seed for seed in range(100) if play(history_of(seed)))
    assert "committed: live" in report(history_of(seed))


@pytest.mark.parametrize("by_s", [-3600, -40, 40, 3600])
@pytest.mark.parametrize("at_s", [0.5, 30.0, 100.0, 115.0])
def test_a_clock_that_jumps_gives_no_money_away(by_s: int, at_s: float) -> None:
    """119 s at six cents a begun minute, whatever the service's clock does meanwhile."""
    assert paid_micros(played(history(call(119), ClockStep(at_s, by_s)))) == -120_000


def test_more_time_that_the_edge_hears_late_is_no_more_than_was_held() -> None:
    """The edge is told of its new end only after the service's clock was set back by an hour."""
    world = played(history(call(700), Partition(105.0, 10.0), ClockStep(112.0, -3600)))
    assert world.switch.dialogs[0].talk_ms <= 180_000


@pytest.mark.parametrize("away_s", [10.0, 300.0, 3600.0])
def test_losing_the_edge_charges_no_silence(away_s: float) -> None:
    """The edge dies 40 s into a call and never says so: paid is what was proven."""
    world = played(history(call(200), EdgeDeath(40.0, away_s, spool=False, late=False)))
    assert paid_micros(world) == -60_000
    assert [cdr["state"] for cdrs in world.tables.cdrs.values() for cdr in cdrs] == ["unresolved"]


def test_a_cdr_that_comes_late_and_twice_corrects_once() -> None:
    world = played(history(call(200), EdgeDeath(100.0, 300.0, spool=False, late=True)))
    assert paid_micros(world) == -120_000
    assert sum(entry["kind"] == "adjustment" for entry in world.tables.entries if entry["wallet_id"] == 11) <= 1


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_call_that_outlasts_its_free_seconds_pays_the_rest_wherever_the_process_dies(steps: int) -> None:
    money = replace(RICH, acme_free_s=50)
    world = played(history(call(100), Crash(10.0, 0, steps, 4.0), money=money))
    assert paid_micros(world) == -60_000
    assert sum(entry["amount_micros"] for entry in world.tables.entries if entry["wallet_id"] == 61) == -50_000_000


def test_losing_the_service_ends_the_call_with_its_grant_and_charges_it_later() -> None:
    world = played(history(call(400), Crash(10.0, 0, 1, 3600.0), Outage(20.0, 600.0)))
    assert world.switch.dialogs[0].talk_ms == 120_000
    assert paid_micros(world) == -120_000


@pytest.mark.parametrize("kind", ["deadlock", "broken", "commit_lost", "commit_unheard", "stall"])
@pytest.mark.parametrize("steps", range(1, 12))
def test_no_step_on_the_database_is_a_bad_one_to_fail_at(kind: str, steps: int) -> None:
    """The end of a call is charged once, wherever the wire breaks."""
    assert paid_micros(played(history(call(50), Fault(10.0, steps, kind)))) == -60_000


@pytest.mark.parametrize("steps", range(1, 12))
def test_no_step_of_a_call_is_a_bad_one_to_die_at(steps: int) -> None:
    assert paid_micros(played(history(call(50), Crash(10.0, 0, steps, 4.0)))) == -60_000
