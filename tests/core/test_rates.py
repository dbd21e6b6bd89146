"""Claims about what a call costs: the golden vectors, and laws against a naive walk in rational arithmetic."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.rate_strategies import HARD_INSTANTS, INSTANTS, RATES, WINDOWED_RATES, any_rate
from tollgate.core.money import Method, format_micros, parse_nanos
from tollgate.core.rates import (
    AtMaximum,
    Increments,
    LineKind,
    Rate,
    RateInvalid,
    Rounding,
    Step,
    Window,
    billed_s,
    charged,
    cost_micros,
    explain,
    in_force,
    rate_from_json,
    rate_to_json,
    simple,
    usage_cost,
)

MONDAY_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WHOLE = Increments.whole_to_increment


def cost(rate: Rate, seconds: int) -> str:
    return format_micros(cost_micros(rate, MONDAY_NOON, seconds * 1000))


def billed(rate: Rate, seconds: int) -> int:
    return explain(rate, MONDAY_NOON, seconds * 1000).billed_s


@pytest.mark.parametrize(
    ("initial_s", "increment_s", "seconds", "billed_s", "charge"),
    [(6, 6, 7, 12, "0.003"), (12, 6, 7, 12, "0.003"), (30, 6, 7, 30, "0.0075"), (60, 6, 7, 60, "0.015")],
)
def test_seven_seconds_at_a_cent_and_a_half(
    initial_s: int, increment_s: int, seconds: int, billed_s: int, charge: str
) -> None:
    rate = simple(price_nanos=parse_nanos("0.015"), initial_s=initial_s, increment_s=increment_s)
    assert (billed(rate, seconds), cost(rate, seconds)) == (billed_s, charge)


@pytest.mark.parametrize(
    ("initial_s", "increment_s", "expected"),
    [
        (60, 6, {10: 60, 61: 66, 67: 72}),
        (30, 6, {1: 30, 20: 30, 30: 30, 31: 36, 35: 36, 36: 36, 37: 42}),
        (10, 6, {11: 16}),
        (0, 6, {1: 6, 7: 12}),
    ],
)
def test_the_pulse_is_counted_after_the_minimum_duration(
    initial_s: int, increment_s: int, expected: dict[int, int]
) -> None:
    rate = simple(price_nanos=1, initial_s=initial_s, increment_s=increment_s)
    assert {seconds: billed(rate, seconds) for seconds in expected} == expected


def test_whole_to_increment_counts_from_the_start_of_the_call() -> None:
    rate = simple(price_nanos=1, initial_s=10, increment_s=6, rounding=Rounding(increments=WHOLE))
    assert [billed(rate, seconds) for seconds in (1, 10, 11, 12, 13)] == [10, 10, 12, 12, 18]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.down, [60, 60, 60, 60, 60]),
        (Method.up, [60, 61, 61, 61, 61]),
        (Method.half_up, [60, 60, 60, 61, 61]),
        (Method.half_down, [60, 60, 60, 60, 61]),
    ],
)
def test_duration_rounding_of_the_golden_vector(method: Method, expected: list[int]) -> None:
    rate = simple(price_nanos=60 * 10**9, rounding=Rounding(duration=method))
    found = [cost_micros(rate, MONDAY_NOON, ms) // 10**6 for ms in (60_000, 60_100, 60_400, 60_500, 60_600)]
    assert found == expected


@pytest.mark.parametrize(
    ("method", "expected"),
    [(Method.up, "0.1235"), (Method.down, "0.1234"), (Method.half_up, "0.1235"), (Method.half_down, "0.1234")],
)
def test_charge_rounding_of_the_golden_vector(method: Method, expected: str) -> None:
    rate = simple(price_nanos=parse_nanos("0.12345"), rounding=Rounding(method=method))
    assert cost(rate, 60) == expected


@pytest.mark.parametrize(("precision", "expected"), [(2, "0.01"), (3, "0.002"), (4, "0.0018"), (5, "0.00175")])
def test_precision_of_the_golden_vector(precision: int, expected: str) -> None:
    assert cost(simple(price_nanos=parse_nanos("0.00175"), rounding=Rounding(precision)), 60) == expected


def test_a_thin_margin_loses_before_fifty_seconds_and_earns_after() -> None:
    buy = simple(price_nanos=parse_nanos("0.005"), initial_s=60, increment_s=60, rounding=Rounding(3))
    sell = simple(price_nanos=parse_nanos("0.006"), rounding=Rounding(4, Method.down))
    margins = {
        second: cost_micros(sell, MONDAY_NOON, second * 1000) - cost_micros(buy, MONDAY_NOON, second * 1000)
        for second in range(1, 61)
    }
    assert all(margins[second] < 0 for second in range(1, 50))
    assert margins[50] == 0
    assert all(margins[second] > 0 for second in range(51, 61))
    assert cost(sell, 51) == "0.0051"


def test_an_adjusted_duration_is_a_difference_of_two_costs() -> None:
    rate = simple(price_nanos=parse_nanos("0.0001"), per_s=1)
    difference = cost_micros(rate, MONDAY_NOON, 60_000) - cost_micros(rate, MONDAY_NOON, 3_600_000)
    assert (cost(rate, 3600), cost(rate, 60), format_micros(difference)) == ("0.36", "0.006", "-0.354")


def test_an_answered_call_of_no_time_bills_the_first_increment_and_the_connect_fee() -> None:
    rate = simple(price_nanos=parse_nanos("0.06"), connect_fee_nanos=parse_nanos("0.01"), initial_s=30, increment_s=6)
    assert cost(rate, 0) == cost(rate, 1) == "0.04"
    assert [line.kind for line in explain(rate, MONDAY_NOON, 0).lines][:2] == [LineKind.duration, LineKind.zero_call]
    assert usage_cost(rate, MONDAY_NOON, 0).nanos == 0


def test_calls_within_the_grace_are_free_and_longer_ones_are_charged_whole() -> None:
    rate = simple(price_nanos=parse_nanos("0.06"), connect_fee_nanos=parse_nanos("1"), grace_s=2)
    assert [cost(rate, seconds) for seconds in (0, 2, 3)] == ["0", "0", "1.003"]
    assert explain(rate, MONDAY_NOON, 2000).lines[-1].kind is LineKind.grace


def test_included_seconds_cost_no_more_than_the_connect_fee() -> None:
    rate = simple(
        price_nanos=parse_nanos("0.6"), connect_fee_nanos=parse_nanos("1"), included_s=30, initial_s=10, increment_s=5
    )
    assert [cost(rate, seconds) for seconds in (0, 30, 31, 41)] == ["1", "1", "1.1", "1.15"]


def test_the_minimum_tops_up_and_the_maximum_makes_the_rest_free() -> None:
    rate = simple(price_nanos=parse_nanos("0.6"), minimum_nanos=parse_nanos("0.2"), maximum_nanos=parse_nanos("1"))
    assert [cost(rate, seconds) for seconds in (1, 20, 50, 100, 9999)] == ["0.2", "0.2", "0.5", "1", "1"]
    kinds = [explain(rate, MONDAY_NOON, seconds * 1000).lines[-1].kind for seconds in (1, 50, 9999)]
    assert kinds == [LineKind.minimum, LineKind.step, LineKind.maximum]
    assert cost(replace(rate, at_maximum=AtMaximum.disconnect), 200) == "2"


def test_the_cap_and_the_minimum_hold_for_plain_usage_too() -> None:
    rate = simple(price_nanos=60, minimum_nanos=20, maximum_nanos=100)
    assert [usage_cost(rate, MONDAY_NOON, usage).nanos for usage in (1, 50, 500)] == [20, 50, 100]


def test_a_minute_then_seconds() -> None:
    rate = Rate((Window((Step(0, parse_nanos("0.2"), 60, 60), Step(60, parse_nanos("0.1"), 60, 1))),))
    assert [cost(rate, seconds) for seconds in (1, 60, 61, 120)] == ["0.2", "0.2", "0.2017", "0.3"]


def test_a_step_that_an_increment_grows_over_wholly_is_never_billed() -> None:
    steps = (Step(0, 60, 60, 100), Step(40, 6000, 60, 1), Step(90, 120, 60, 10))
    rate = Rate((Window(steps),))
    assert [usage_cost(rate, MONDAY_NOON, usage).nanos for usage in (1, 99, 101)] == [100, 100, 120]


def naive_cost(rate: Rate, answered_at: datetime, duration_ms: int) -> int:
    """The charge increment by increment, each priced by the window and step found for its first instant."""
    duration_s = naive_round(Fraction(duration_ms, 1000), rate.rounding.duration)
    if rate.grace_s and duration_s <= rate.grace_s:
        return 0
    usage_s = max(duration_s, 1) - rate.included_s
    exact = Fraction(naive_window(rate, answered_at).connect_fee_nanos)
    position_s = 0
    while position_s < usage_s:
        window = naive_window(rate, answered_at + timedelta(seconds=rate.included_s + position_s))
        step = [step for step in window.steps if step.at_s <= position_s][-1]
        origin_s = 0 if rate.rounding.increments is WHOLE else position_s
        end_s = origin_s + ((position_s - origin_s) // step.increment_s + 1) * step.increment_s
        exact += Fraction((end_s - position_s) * step.price_nanos, step.per_s)
        position_s = end_s
    exact = max(exact, Fraction(rate.minimum_nanos))
    if rate.maximum_nanos is not None and rate.at_maximum is AtMaximum.free:
        exact = min(exact, Fraction(rate.maximum_nanos))
    places = rate.rounding.precision
    units: int = 10 ** (6 - places)
    return naive_round(exact * 10**places / 10**9, rate.rounding.method) * units


def naive_round(value: Fraction, method: Method) -> int:
    whole, rest = divmod(value, 1)
    half = Fraction(1, 2)
    over = {Method.up: rest > 0, Method.down: False, Method.half_up: rest >= half, Method.half_down: rest > half}
    return int(whole) + over[method]


def naive_window(rate: Rate, at: datetime) -> Window:
    local = at.astimezone(ZoneInfo(rate.zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    best = None
    for window in rate.windows:
        matches = [
            window.weekdays is None or local.isoweekday() in window.weekdays,
            window.months is None or local.month in window.months,
            window.month_days is None or local.day in window.month_days,
            window.from_on is None or window.from_on <= local.date(),
            window.until_on is None or local.date() <= window.until_on,
            window.from_s <= second < (window.until_s or 86_400),
        ]
        if all(matches) and (best is None or (window.weight, window.from_s) > (best.weight, best.from_s)):
            best = window
    return best or rate.windows[0]


@settings(max_examples=200, deadline=None)
@given(rate=RATES, at=INSTANTS, duration_ms=st.integers(0, 400_000))
def test_rational_arithmetic_agrees(rate: Rate, at: datetime, duration_ms: int) -> None:
    assert cost_micros(rate, at, duration_ms) == naive_cost(rate, at, duration_ms)


@settings(max_examples=150, deadline=None)
@given(rate=WINDOWED_RATES, at=HARD_INSTANTS, duration_ms=st.integers(0, 8_000_000))
def test_rational_arithmetic_agrees_around_clock_changes_and_date_limits(
    rate: Rate, at: datetime, duration_ms: int
) -> None:
    coarse = [
        replace(w, steps=tuple(replace(s, increment_s=max(s.increment_s, 7)) for s in w.steps)) for w in rate.windows
    ]
    rate = replace(rate, windows=tuple(coarse))
    assert cost_micros(rate, at, duration_ms) == naive_cost(rate, at, duration_ms)


@settings(max_examples=200, deadline=None)
@given(rate=RATES, at=INSTANTS, shorter=st.integers(0, 300_000), longer=st.integers(0, 300_000))
def test_a_longer_call_never_costs_less_and_no_call_costs_less_than_nothing(
    rate: Rate, at: datetime, shorter: int, longer: int
) -> None:
    shorter, longer = sorted((shorter, longer))
    assert 0 <= cost_micros(rate, at, shorter) <= cost_micros(rate, at, longer)


@given(
    price=st.integers(0, 10**10),
    per_s=st.integers(1, 100),
    increment_s=st.integers(1, 90),
    fee=st.integers(0, 10**9),
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    last=st.integers(1, 90),
)
def test_aligned_chunks_sum_to_the_whole(
    price: int, per_s: int, increment_s: int, fee: int, counts: list[int], last: int
) -> None:
    """Exact sums before rounding, one window of one step, every chunk but the last in whole increments."""
    rate = Rate((Window((Step(0, price, per_s, increment_s),), fee),))
    chunks = [count * increment_s for count in counts] + [last]
    parts = [usage_cost(rate, MONDAY_NOON, chunk, first_chunk=number == 0).nanos for number, chunk in enumerate(chunks)]
    assert sum(parts) == usage_cost(rate, MONDAY_NOON, sum(chunks)).nanos


@settings(max_examples=150, deadline=None)
@given(rate=RATES, at=INSTANTS, duration_ms=st.integers(0, 400_000))
@example(rate=simple(price_nanos=0), at=MONDAY_NOON, duration_ms=0)
def test_the_explanation_sums_to_the_charge(rate: Rate, at: datetime, duration_ms: int) -> None:
    explained = explain(rate, at, duration_ms)
    assert explained.cost_micros == cost_micros(rate, at, duration_ms)
    assert sum(line.amount_nanos for line in explained.lines) == explained.cost_micros * 1000
    unrounded = [line.amount_nanos for line in explained.lines if line.kind is not LineKind.rounding]
    assert sum(unrounded) == explained.exact_nanos
    steps = [line for line in explained.lines if line.kind is LineKind.step]
    assert [line.from_s for line in steps] == [0, *(line.to_s for line in steps)][: len(steps)]
    assert explained.billed_s == billed_s(rate, at, duration_ms) == (steps[-1].to_s if steps else 0)


@pytest.mark.slow
def test_a_million_random_calls_agree_with_rational_arithmetic() -> None:
    chance = random.Random(2026)
    rates = [any_rate(chance) for _ in range(2_000)]
    for number in range(1_000_000):
        rate = rates[number % len(rates)]
        duration_ms = chance.randrange(3_600_000)
        assert cost_micros(rate, MONDAY_NOON, duration_ms) == rational_cost(rate, duration_ms)


def rational_cost(rate: Rate, duration_ms: int) -> int:
    """One window, by fractions, step by step."""
    duration_s = naive_round(Fraction(duration_ms, 1000), rate.rounding.duration)
    if rate.grace_s and duration_s <= rate.grace_s:
        return 0
    usage_s = max(duration_s, 1) - rate.included_s
    (window,) = rate.windows
    exact = Fraction(window.connect_fee_nanos)
    position_s = 0
    ends = [step.at_s for step in window.steps[1:]] + [usage_s]
    for step, end_s in zip(window.steps, ends, strict=True):
        used_s = min(end_s, usage_s) - position_s
        if used_s > 0:
            begin_s = 0 if rate.rounding.increments is WHOLE else position_s
            increments = -((begin_s - min(end_s, usage_s)) // step.increment_s)
            grown_s = begin_s + increments * step.increment_s
            exact += Fraction(step.price_nanos, step.per_s) * (grown_s - position_s)
            position_s = grown_s
    exact = max(exact, Fraction(rate.minimum_nanos))
    if rate.maximum_nanos is not None and rate.at_maximum is AtMaximum.free:
        exact = min(exact, Fraction(rate.maximum_nanos))
    places = rate.rounding.precision
    units: int = 10 ** (6 - places)
    return naive_round(exact * 10**places / 10**9, rate.rounding.method) * units


def test_a_call_across_a_boundary_is_split_there_and_pays_the_connect_fee_of_its_start() -> None:
    day = Window((Step(0, 60 * 10**9),), connect_fee_nanos=10**9, until_s=18 * 3600)
    evening = Window((Step(0, 30 * 10**9),), connect_fee_nanos=5 * 10**9, from_s=18 * 3600)
    rate = Rate((day, evening), zone="Europe/Vilnius")
    at = datetime(2026, 1, 5, 15, 59, 30, tzinfo=UTC)
    lines = explain(rate, at, 60_000).lines[1:]
    assert [(line.kind, line.window, line.from_s, line.to_s) for line in lines] == [
        (LineKind.connect_fee, 0, 0, 0),
        (LineKind.step, 0, 0, 30),
        (LineKind.step, 1, 30, 60),
    ]
    assert cost_micros(rate, at, 60_000) == (1 + 30 + 15) * 10**6


def test_the_second_that_straddles_a_boundary_is_rated_by_the_earlier_window() -> None:
    rate = Rate((Window((Step(0, 60 * 10**9),)), Window((Step(0, 0),), from_s=18 * 3600)))
    at = datetime(2026, 1, 5, 17, 59, 58, 500_000, tzinfo=UTC)
    assert cost_micros(rate, at, 10_000) == 2 * 10**6


def test_windows_are_met_by_the_clock_after_the_included_seconds() -> None:
    day = Window((Step(0, 60 * 10**9),), connect_fee_nanos=10**9)
    rate = Rate((day, Window((Step(0, 30 * 10**9),), from_s=18 * 3600)), included_s=30)
    at = datetime(2026, 1, 5, 17, 59, 40, tzinfo=UTC)
    assert cost_micros(rate, at, 34_000) == (1 + 2) * 10**6
    assert cost_micros(rate, at - timedelta(seconds=13), 34_000) == 4_500_000


def test_a_call_may_be_answered_by_a_clock_of_any_zone() -> None:
    rate = Rate((Window((Step(0, 60 * 10**9),)), Window((Step(0, 0),), from_s=3 * 3600)), zone="Europe/Vilnius")
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    local = at.astimezone(ZoneInfo("Europe/Vilnius"))
    assert cost_micros(rate, local, 7_200_000) == cost_micros(rate, at, 7_200_000) == 1800 * 10**6


def test_a_rate_is_in_force_only_where_a_window_covers_the_instant() -> None:
    rate = Rate((Window((Step(0, 1),), weekdays=frozenset({1, 2, 3, 4, 5})),))
    assert in_force(rate, MONDAY_NOON)
    assert not in_force(rate, MONDAY_NOON - timedelta(days=1))
    assert in_force(simple(price_nanos=1), MONDAY_NOON)


@settings(max_examples=200, deadline=None)
@given(rate=RATES)
def test_a_rate_survives_being_written_and_read(rate: Rate) -> None:
    assert rate_from_json(rate_to_json(rate), rate.rounding) == rate
    assert rate_from_json(rate_to_json(rate, with_rounding=True)) == rate


def test_a_limit_may_be_written_as_none() -> None:
    window = {"steps": [STEP], "weekdays": None, "from_on": None, "until_s": None}
    assert rate_from_json({"windows": [window], "maximum_nanos": None}) == simple(price_nanos=5)


STEP = {"at_s": 0, "price_nanos": 5}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ([], "rate"),
        ({}, "windows"),
        ({"windows": []}, "windows"),
        ({"windows": {}}, "windows"),
        ({"windows": [3]}, "windows[0]"),
        ({"windows": [{}]}, "windows[0].steps"),
        ({"windows": [{"steps": []}]}, "windows[0].steps"),
        ({"windows": [{"steps": [STEP, STEP]}]}, "windows[0].steps[1].at_s"),
        ({"windows": [{"steps": [STEP | {"at_s": 3}]}]}, "windows[0].steps[0].at_s"),
        ({"windows": [{"steps": [{"at_s": 0}]}]}, "windows[0].steps[0].price_nanos"),
        ({"windows": [{"steps": [STEP | {"price_nanos": 0.5}]}]}, "windows[0].steps[0].price_nanos"),
        ({"windows": [{"steps": [STEP | {"price_nanos": True}]}]}, "windows[0].steps[0].price_nanos"),
        ({"windows": [{"steps": [STEP | {"price_nanos": -1}]}]}, "windows[0].steps[0].price_nanos"),
        ({"windows": [{"steps": [STEP | {"at_s": -1}]}]}, "windows[0].steps[0].at_s"),
        ({"windows": [{"steps": [STEP | {"per_s": 0}]}]}, "windows[0].steps[0].per_s"),
        ({"windows": [{"steps": [STEP | {"increment_s": 0}]}]}, "windows[0].steps[0].increment_s"),
        ({"windows": [{"steps": [STEP | {"per": 60}]}]}, "windows[0].steps[0].per"),
    ],
)
def test_a_bad_rate_is_refused_by_the_path_of_its_field(data: object, path: str) -> None:
    with pytest.raises(RateInvalid) as refused:
        rate_from_json(data)
    assert refused.value.path == path
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"connect_fee_nanos": -1}, "connect_fee_nanos"),
        ({"weekdays": [0]}, "weekdays"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": ["1"]}, "weekdays[0]"),
        ({"months": [13]}, "months"),
        ({"month_days": [32]}, "month_days"),
        ({"from_on": "2026-02-30"}, "from_on"),
        ({"from_on": 3}, "from_on"),
        ({"from_on": "2026-02-02", "until_on": "2026-02-01"}, "until_on"),
        ({"from_s": 86_400}, "from_s"),
        ({"from_s": 60, "until_s": 60}, "until_s"),
        ({"until_s": 86_401}, "until_s"),
        ({"weight": None}, "weight"),
    ],
)
def test_a_bad_window_is_refused_by_the_path_of_its_field(changed: dict[str, object], field: str) -> None:
    with pytest.raises(RateInvalid) as refused:
        rate_from_json({"windows": [{"steps": [STEP]} | changed]})
    assert refused.value.path == f"windows[0].{field}"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"zone": 3}, "zone"),
        ({"included_s": -1}, "included_s"),
        ({"grace_s": -1}, "grace_s"),
        ({"minimum_nanos": -1}, "minimum_nanos"),
        ({"minimum_nanos": 5, "maximum_nanos": 4}, "maximum_nanos"),
        ({"at_maximum": "beep"}, "at_maximum"),
        ({"rounding": {"precision": 7}}, "rounding.precision"),
        ({"rounding": {"method": "even"}}, "rounding.method"),
        ({"price_nanos": 5}, "price_nanos"),
    ],
)
def test_bad_limits_are_refused_by_the_path_of_their_field(changed: dict[str, object], path: str) -> None:
    with pytest.raises(RateInvalid) as refused:
        rate_from_json({"windows": [{"steps": [STEP]}]} | changed)
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: simple(price_nanos=1, increment_s=0), "increment_s"),
        (lambda: simple(price_nanos=1, initial_s=-1), "initial_s"),
        (lambda: simple(price_nanos=-1), "price_nanos"),
    ],
)
def test_a_bad_simple_rate_is_refused_by_its_field(make: Callable[[], Rate], path: str) -> None:
    with pytest.raises(RateInvalid) as refused:
        make()
    assert refused.value.path == path


@pytest.mark.parametrize("bounds", [{}, {"minimum_nanos": 40_000_000}, {"maximum_nanos": 30_000_000}])
def test_charge_and_seconds_are_the_same_together_as_each_alone(bounds: dict[str, int]) -> None:
    rate = replace(simple(price_nanos=15_000_000, initial_s=6, increment_s=6), **bounds)
    for seconds in (0, 1, 7, 60, 61, 600):
        ms = seconds * 1000
        expected = cost_micros(rate, MONDAY_NOON, ms), billed_s(rate, MONDAY_NOON, ms)
        assert charged(rate, MONDAY_NOON, ms) == expected
