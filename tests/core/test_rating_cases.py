"""Rating facts collected outside: every case of data/rating_cases.json, or of the file TOLLGATE_RATING_CASES names.

The file describes itself in its `schema`. What is not a rate there (balances, bundles, blockers, a rounding per window)
is put around the core's rating here, as the schema words it.
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tollgate.core.digits import PrefixIndex
from tollgate.core.money import NANOS, Method, divide, parse_micros, parse_nanos
from tollgate.core.rates import (
    AtMaximum,
    Rate,
    Rounding,
    Step,
    UsageCost,
    Window,
    affordable_s,
    cost_micros,
    usage_cost,
    window_at,
)

FILE = Path(os.environ.get("TOLLGATE_RATING_CASES") or Path(__file__).parent / "data" / "rating_cases.json")
FACTS = json.loads(FILE.read_text(encoding="utf-8"))
METHODS = {"up": Method.up, "down": Method.down, "middle": Method.half_up}

Case = dict[str, Any]


def cases(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in FACTS["cases"] if case["kind"] in kinds]


def second_of_day(clock: str | None) -> int | None:
    if clock is None:
        return None
    hour, minute, second = (int(part) for part in clock.split(":"))
    return hour * 3600 + minute * 60 + second


def window_of(facts: Case) -> Window:
    return Window(
        steps=tuple(
            Step(step["at"], parse_nanos(step["price"]), step["per"], step["increment"]) for step in facts["steps"]
        ),
        connect_fee_nanos=parse_nanos(facts["connect_fee"]),
        weekdays=frozenset(facts["weekdays"]) if facts["weekdays"] else None,
        months=frozenset(facts["months"]) if facts["months"] else None,
        month_days=frozenset(facts["month_days"]) if facts["month_days"] else None,
        from_s=second_of_day(facts["from"]) or 0,
        until_s=second_of_day(facts["until"]),
        weight=facts["weight"],
    )


def rate_of(tariff: str, start: datetime) -> Rate:
    """The tariff as one rate; its maximum cost is that of the window in force at the start."""
    facts = FACTS["tariffs"][tariff]
    rate = Rate(tuple(window_of(window) for window in facts))
    first = facts[window_at(rate, start) or 0]
    maximum_nanos = parse_nanos(first["max_cost"])
    if not maximum_nanos or first["max_cost_strategy"] is None:
        return rate
    return replace(rate, maximum_nanos=maximum_nanos, at_maximum=AtMaximum(first["max_cost_strategy"]))


def rounded(amount: Fraction, method: str, decimals: int) -> Fraction:
    if method == "none":
        return amount
    scaled = amount * 10**decimals
    return Fraction(divide(scaled.numerator, scaled.denominator, METHODS[method]), 10**decimals)


@dataclass(frozen=True)
class Charge:
    cost: Fraction
    exact: Fraction
    usage: UsageCost


def charge(tariff: str, start: datetime, usage: int, *, first_chunk: bool = True, timed: bool = True) -> Charge:
    """The core's exact cost, rounded as the window with the most decimals says."""
    found = usage_cost(rate_of(tariff, start), start, usage, first_chunk=first_chunk, timed=timed)
    exact = found.nanos / NANOS
    roundings = [FACTS["tariffs"][tariff][index]["rounding"] for index in found.windows]
    if not roundings:
        return Charge(exact, exact, found)
    ruling = max(roundings, key=lambda rounding: rounding["decimals"])
    return Charge(rounded(exact, ruling["method"], ruling["decimals"]), exact, found)


def spend(balances: list[Case], tariff: str, start: datetime, usage: int, *, first_chunk: bool) -> list[Case] | None:
    """The balances after so much usage, higher weight first; None when they do not carry it."""
    left = [dict(balance) for balance in sorted(balances, key=lambda balance: -balance.get("weight", 0))]
    due, rest, covered = Fraction(0), usage, 0
    for balance in left:
        if balance["type"] == "voice_seconds" and rest:
            increment = balance.get("increment", 1)
            value = int(balance["value"])
            taken = min(rest, value // increment * increment)
            if taken and first_chunk and not covered:
                due += Fraction(balance.get("connect_fee", "0"))
            balance["value"] = str(value - -(-taken // increment) * increment)
            rest, covered = rest - taken, covered + taken
            if rest and balance.get("blocker"):
                return None
    if rest:
        part = charge(
            tariff, start + timedelta(seconds=covered), rest, first_chunk=first_chunk and not covered, timed=True
        )
        rate = rate_of(tariff, start)
        if rate.at_maximum is AtMaximum.disconnect and part.exact * NANOS > (rate.maximum_nanos or 0):
            return None
        due += part.cost
    for balance in left:
        if balance["type"] == "money":
            value_left = Fraction(balance["value"])
            paid = min(due, value_left)
            due -= paid
            balance["value"] = value_left - paid
            if due and balance.get("blocker"):
                return None
    return None if due else left


def most_usage(balances: list[Case], tariff: str, start: datetime, requested: int, *, first_chunk: bool = True) -> int:
    low, high = 0, requested
    while low < high:
        middle = (low + high + 1) // 2
        if spend(balances, tariff, start, middle, first_chunk=first_chunk) is None:
            high = middle - 1
        else:
            low = middle
    return low


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("case", cases("cost"))
def test_usage_costs_exactly_what_the_fact_says(case: Case) -> None:
    timed = case["usage_unit"] == "s" and case["layer"] == "call"
    found = charge(case["tariff"], moment(case["start"]), case["usage"], first_chunk=case["first_chunk"], timed=timed)
    expected = case["expect"]
    assert found.cost == Fraction(expected["exact_cost"])
    assert rounded(found.exact, "middle", 12) == Fraction(expected["exact_unrounded"])
    assert found.usage.billed == expected["billed_usage"]


@pytest.mark.parametrize("case", cases("cost"))
def test_an_answered_call_of_that_usage_is_charged_the_same(case: Case) -> None:
    roundings = {json.dumps(window["rounding"]): window["rounding"] for window in FACTS["tariffs"][case["tariff"]]}
    (rounding,) = roundings.values()
    if case["usage_unit"] != "s" or not case["usage"] or rounding["method"] == "none" or rounding["decimals"] > 6:
        return  # not a call, or a rounding that no card has
    card = Rounding(precision=rounding["decimals"], method=METHODS[rounding["method"]])
    start = moment(case["start"])
    rate = replace(rate_of(case["tariff"], start), rounding=card)
    assert cost_micros(rate, start, case["usage"] * 1000) == parse_micros(case["expect"]["exact_cost"])


@pytest.mark.parametrize("case", cases("authorize"))
def test_no_more_usage_is_granted_than_the_balances_carry(case: Case) -> None:
    start = moment(case["start"])
    assert most_usage(case["balances"], case["tariff"], start, case["requested"]) == case["expect"]["max_usage"]


@pytest.mark.parametrize("case", cases("authorize"))
def test_one_balance_of_money_buys_the_same_time_as_a_grant(case: Case) -> None:
    start = moment(case["start"])
    first, *others = case["balances"]
    if others or first["type"] != "money":
        return  # a grant knows one purse
    money_micros = parse_micros(first["value"])
    rate = rate_of(case["tariff"], start)
    assert affordable_s(rate, start, start, money_micros, case["requested"]) == case["expect"]["max_usage"]


@pytest.mark.parametrize("case", cases("debit"))
def test_debits_leave_exactly_what_the_fact_says(case: Case) -> None:
    balances: list[Case] = case["balances"]
    for chunk in case["chunks"]:
        start, first_chunk = moment(chunk["start"]), chunk["first_chunk"]
        for _ in range(chunk["times"]):
            granted = most_usage(balances, case["tariff"], start, chunk["usage"], first_chunk=first_chunk)
            after = spend(balances, case["tariff"], start, granted, first_chunk=first_chunk)
            assert after is not None
            balances = after
    expected = case["expect"]
    if "exact_balance" in expected:
        (balance,) = balances
        assert Fraction(balance["value"]) == Fraction(expected["exact_balance"])
    else:
        left = [(balance["type"], Fraction(balance["value"])) for balance in balances]
        assert left == [(balance["type"], Fraction(balance["value"])) for balance in expected["balances"]]


@pytest.mark.parametrize("case", cases("refuse"))
def test_a_destination_without_a_price_is_refused_and_never_rated_at_zero(case: Case) -> None:
    """The prefixes of a tariff are the destinations that other facts price with it."""
    priced = {
        fact["destination"].removeprefix("+")
        for fact in FACTS["cases"]
        if fact.get("tariff") in case["tariffs"] and fact.get("destination")
    }
    index = PrefixIndex.build((prefix, place) for place, prefix in enumerate(sorted(priced)))
    assert all(index.find(prefix) is not None for prefix in priced)
    assert index.find(case["destination"]) is None


def test_every_case_of_the_file_is_of_a_kind_that_is_tested() -> None:
    assert {case["kind"] for case in FACTS["cases"]} <= {"cost", "authorize", "debit", "refuse"}
    assert FACTS["schema_version"] == 1
