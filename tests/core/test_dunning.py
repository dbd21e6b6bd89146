"""Claims about dunning: each step on its day, never more than the customer allows, never on debts older than it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.dunning import STRENGTH, Debt, Step, day_of, late_fee, reached, steps_of

DUE = date(2031, 5, 15)
DAY = timedelta(days=1)
STEPS = (
    Step(key="before", days=-3, action="remind"),
    Step(key="first", days=1, action="remind"),
    Step(key="second", days=7, action="remind"),
    Step(key="fee", days=8, action="late_fee"),
    Step(key="block", days=14, action="penalty"),
)
ANY = st.builds(
    Step,
    key=st.uuids().map(str),
    days=st.integers(-10, 30),
    action=st.sampled_from(["remind", "late_fee", "restrict", "penalty"]),
    made_on=st.integers(-20, 20).map(lambda days: DUE + days * DAY),
)


def story(debt: Debt, days: int = 40) -> list[tuple[int, str]]:
    """What is done day by day from a week before the due day."""
    taken: set[str] = set()
    told = []
    for day in range(-7, days):
        for step in reached(debt, STEPS, taken, DUE + day * DAY):
            told.append((day, step.key))
            taken.add(step.key)
    return told


def test_each_step_is_taken_once_on_its_day_and_waits_for_the_grace() -> None:
    debt = Debt(due_on=DUE, grace_days=5, most="penalty")
    assert story(debt) == [
        (-3, "before"), (1, "first"), (6, "overdue:penalty"), (7, "second"), (13, "fee"), (19, "block"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        ("none", ["before"]),
        ("remind", ["before", "first", "second", "fee"]),
        ("restrict", ["before", "first", "overdue:restrict", "second", "fee"]),
    ],
)
def test_a_customer_bears_no_more_than_its_overdue_action(most: str, steps: list[str]) -> None:
    assert [key for _, key in story(Debt(due_on=DUE, grace_days=0, most=most))] == steps


def test_a_customer_is_reminded_after_its_grace_where_the_account_has_no_steps() -> None:
    debt = Debt(due_on=DUE, grace_days=3, most="remind")
    assert [step.key for step in reached(debt, (), (), DUE + 4 * DAY)] == ["overdue:remind"]
    assert reached(debt, (), (), DUE + 3 * DAY) == []


def test_after_an_outage_only_the_last_reminder_goes_out() -> None:
    debt = Debt(due_on=DUE, grace_days=0, most="remind")
    assert [step.key for step in reached(debt, STEPS, (), DUE + 9 * DAY)] == ["second", "fee"]


@pytest.mark.parametrize(("most", "told"), [("none", []), ("remind", ["p1"]), ("penalty", ["p1", "overdue:penalty"])])
def test_what_is_unpaid_again_is_reminded_once_a_look_however_often_one_looks(most: str, told: list[str]) -> None:
    steps = [Step(key=f"{'m' if days <= 0 else 'p'}{abs(days)}", days=days, action="remind") for days in (-7, -1, 0, 1)]
    debt = Debt(due_on=DUE, grace_days=0, most=most, again_on=DUE + 30 * DAY)
    taken: list[str] = []
    for _ in range(4):
        taken += [step.key for step in reached(debt, steps, taken, DUE + 31 * DAY)]
    assert sorted(taken) == sorted(told)


def test_reminders_before_one_that_was_sent_are_missed() -> None:
    steps = [Step(key=str(days), days=days, action="remind") for days in (-7, -1, 0)]
    debt = Debt(due_on=DUE, grace_days=0, most="none")
    assert [step.key for step in reached(debt, steps, (), DUE)] == ["0"]
    assert reached(debt, steps, ("0",), DUE + DAY) == []


@given(
    steps=st.lists(ANY, max_size=6), most=st.sampled_from(STRENGTH), grace=st.integers(0, 9), day=st.integers(-9, 60)
)
def test_no_step_comes_early_comes_to_old_debts_or_is_too_strong(
    steps: list[Step], most: str, grace: int, day: int
) -> None:
    debt = Debt(due_on=DUE, grace_days=grace, most=most)
    for step in reached(debt, steps, (), DUE + day * DAY):
        assert step.made_on <= day_of(step, debt) <= DUE + day * DAY
        if step.action != "remind":
            assert day > grace + min(step.days, 1) - 1
        if step.action in STRENGTH and step.action != "remind":
            assert STRENGTH.index(step.action) <= STRENGTH.index(most)
    assert len({step.key for step in steps_of(debt, steps)}) == len(steps_of(debt, steps))


@given(
    open_micros=st.integers(1, 10**12), ppm=st.integers(0, 10**6), fixed=st.integers(0, 10**9),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)  # fmt: skip
def test_a_late_fee_is_rounded_once_to_the_minor_unit(open_micros: int, ppm: int, fixed: int, currency: str) -> None:
    fee = late_fee(open_micros, fee_ppm=ppm, fee_micros=fixed, currency=currency)
    unit = {"EUR": 10_000, "JPY": 1_000_000, "KWD": 1_000}[currency]
    assert fee % unit == 0
    exact = open_micros * ppm + fixed * 10**6
    assert abs(2 * (fee * 10**6 - exact)) <= unit * 10**6
