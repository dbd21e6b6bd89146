"""What a call costs, exactly: the walk through windows, steps and increments, and its closed form for plain rates.

Public through `tollgate.core.rates`. Amounts are integers over the rate's one common denominator, rounded once at the
end. A new property of a price goes into `compiled` (as integers) and is obeyed in `cost_micros` and `parts`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import lcm

from tollgate.core.hours import next_wall_change, zone_info
from tollgate.core.money import bias
from tollgate.core.rates_model import DAY_S, AtMaximum, Compiled, Increments, Plan, Rate, Segment, Step, Window

SECOND = timedelta(seconds=1)
SECOND_US = 1_000_000
MICROSECOND = timedelta(microseconds=1)


def cost_micros(rate: Rate, answered_at: datetime, duration_ms: int) -> int:
    """The final charge of an answered call, in micros of the card's currency.

    The duration is rounded by the card; zero rounded seconds of an answered call bill the first increment.
    """
    assert duration_ms >= 0
    duration_bias, grace_s, included_s, plan, minimum, cap, money_bias, unit, scale = (
        rate.compiled or compiled(rate)
    ).numbers
    duration_s = (duration_ms + duration_bias) // 1000
    if duration_s <= grace_s:
        return 0
    usage_s = (duration_s or 1) - included_s
    if plan is None:
        exact = windowed_cost(rate, answered_at, usage_s)
    else:
        exact = plan_cost(plan, usage_s)
    if exact < minimum:
        exact = minimum
    elif cap is not None and exact > cap:
        exact = cap
    return (exact + money_bias) // unit * scale


def rounded_s(rate: Rate, duration_ms: int) -> int:
    """A duration in whole seconds, rounded as the card rounds it."""
    return (duration_ms + (rate.compiled or compiled(rate)).numbers[0]) // 1000


def repeated_cost_micros(rate: Rate, at: datetime, duration_ms: int) -> int:
    """`cost_micros` of one of few durations that every call asks for: remembered where no window matters."""
    form = rate.compiled or compiled(rate)
    found = form.costs.get(duration_ms)
    if found is None:
        found = cost_micros(rate, at, duration_ms)
        if form.numbers[3] is not None:
            form.costs[duration_ms] = found
    return found


def plan_cost(plan: Plan, usage_s: int) -> int:
    """The exact cost of so many billed seconds under one plan; of none or less, the connect fee."""
    fee, segments = plan
    if usage_s <= 0:
        return fee
    place = 0
    while segments[place][0] >= usage_s:
        place += 1
    begin_s, increment_s, origin_s, price, before = segments[place]
    end_s = origin_s - (origin_s - usage_s) // increment_s * increment_s
    return before + (end_s - begin_s) * price


def grown_s(plan: Plan, usage_s: int) -> int:
    """The seconds billed for `usage_s` (at least 1): where the increment it ends in ends."""
    _, segments = plan
    place = 0
    while segments[place][0] >= usage_s:
        place += 1
    _, increment_s, origin_s, _, _ = segments[place]
    return origin_s - (origin_s - usage_s) // increment_s * increment_s


def charged(rate: Rate, answered_at: datetime, duration_ms: int) -> tuple[int, int]:
    """`cost_micros` and `billed_s` together."""
    duration_bias, grace_s, included_s, plan, minimum, cap, money_bias, unit, scale = (
        rate.compiled or compiled(rate)
    ).numbers
    duration_s = (duration_ms + duration_bias) // 1000
    usage_s = (duration_s or 1) - included_s
    if plan is None or duration_s <= grace_s or usage_s <= 0:
        return cost_micros(rate, answered_at, duration_ms), billed_s(rate, answered_at, duration_ms)
    assert duration_ms >= 0
    place, segments = 0, plan[1]
    while segments[place][0] >= usage_s:
        place += 1
    begin_s, increment_s, origin_s, price, before = segments[place]
    end_s = origin_s - (origin_s - usage_s) // increment_s * increment_s
    exact = before + (end_s - begin_s) * price
    if exact < minimum:
        exact = minimum
    elif cap is not None and exact > cap:
        exact = cap
    return (exact + money_bias) // unit * scale, end_s


def billed_s(rate: Rate, answered_at: datetime, duration_ms: int) -> int:
    """The seconds that `cost_micros` charges: beyond grace and included ones, grown to whole increments."""
    duration_bias, grace_s, included_s, plan, *_ = (rate.compiled or compiled(rate)).numbers
    duration_s = (duration_ms + duration_bias) // 1000
    usage_s = (duration_s or 1) - included_s
    if duration_s <= grace_s or usage_s <= 0:
        return 0
    if plan is None:
        return parts(rate, answered_at.astimezone(UTC) + included_s * SECOND, usage_s)[-1].to_s
    return grown_s(plan, usage_s)


@dataclass(frozen=True, slots=True)
class Part:
    """Billed seconds `from_s` to `to_s`, grown to whole increments, of one step of the window of that index."""

    window: int
    step: Step
    from_s: int
    to_s: int


@dataclass(frozen=True, slots=True)
class UsageCost:
    """The exact cost of some usage, before rounding; `windows` are the indexes of those that rated a part of it."""

    nanos: Fraction
    billed: int
    windows: tuple[int, ...]


def usage_cost(rate: Rate, at: datetime, usage: int, *, first_chunk: bool = True, timed: bool = True) -> UsageCost:
    """The pure rating function under the call layer: plain usage in whole units, no duration rounding, no grace.

    Zero usage costs nothing. The connect fee belongs to the first chunk. Usage that is not time (data, messages) passes
    `timed=False` and is rated wholly by the window at the start.
    """
    assert usage >= 0
    form = rate.compiled or compiled(rate)
    if usage == 0:
        return UsageCost(Fraction(0), 0, ())
    walked = parts(rate, at, usage, timed=timed)
    start = walked[0].window
    exact = form.plans[start][0] if first_chunk else 0
    exact += sum((part.to_s - part.from_s) * unit_price(part.step, form.denominator) for part in walked)
    minimum, cap = form.numbers[4], form.numbers[5]
    exact = max(exact, minimum) if cap is None else min(max(exact, minimum), cap)
    windows = tuple(dict.fromkeys(part.window for part in walked))
    return UsageCost(Fraction(exact, form.denominator), walked[-1].to_s, windows)


def windowed_cost(rate: Rate, answered_at: datetime, usage_s: int) -> int:
    """The exact cost of a call of several windows: the connect fee of the one at the start, then part by part."""
    form = rate.compiled or compiled(rate)
    exact = form.plans[window_at(rate, answered_at) or 0][0]
    if usage_s <= 0:
        return exact
    for part in parts(rate, answered_at.astimezone(UTC) + rate.included_s * SECOND, usage_s):
        exact += (part.to_s - part.from_s) * unit_price(part.step, form.denominator)
    return exact


def parts(rate: Rate, at: datetime, usage_s: int, *, timed: bool = True) -> list[Part]:
    """The billed parts of `usage_s` seconds from `at`.

    A part ends where the usage, the step or the window ends, grown to whole increments; what it grows over is not
    rated again.
    """
    if timed and len(rate.windows) > 1:
        spans = windows_between(rate, at, at.astimezone(UTC) + usage_s * SECOND)
    else:
        spans = [(0, window_at(rate, at) or 0)]
    whole = rate.rounding.increments is Increments.whole_to_increment
    walked: list[Part] = []
    position_s = 0
    for number, (_, window) in enumerate(spans):
        end_us = spans[number + 1][0] if number + 1 < len(spans) else usage_s * SECOND_US
        steps = rate.windows[window].steps
        for index, step in enumerate(steps):
            step_end_us = min(end_us, steps[index + 1].at_s * SECOND_US) if index + 1 < len(steps) else end_us
            if position_s * SECOND_US < step_end_us:
                origin_s = 0 if whole else position_s
                increment_us = step.increment_s * SECOND_US
                grown = -((origin_s * SECOND_US - step_end_us) // increment_us)
                end_s = origin_s + grown * step.increment_s
                walked.append(Part(window, step, position_s, end_s))
                position_s = end_s
    return walked


def window_at(rate: Rate, at: datetime) -> int | None:
    """The index of the window in force, None when none is (the one listed first then rates)."""
    form = rate.compiled or compiled(rate)
    if form.always is not None:
        return form.always
    local = at.astimezone(zone_info(rate.zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    for index in form.by_priority:
        if _is_open(rate.windows[index], local, second):
            return index
    return None


def in_force(rate: Rate, at: datetime) -> bool:
    """Whether a window covers the instant: a call that starts where none does has no rate."""
    return (rate.compiled or compiled(rate)).always is not None or window_at(rate, at) is not None


def is_timeless(rate: Rate) -> bool:
    """Whether one window rates every call, whenever it is made."""
    form = rate.compiled or compiled(rate)
    return len(form.plans) == 1 and form.always is not None


def windows_between(rate: Rate, at: datetime, until: datetime) -> list[tuple[int, int]]:
    """(microseconds after `at`, index) of each change of the window that rates, from 0 on and before `until`."""
    zone = zone_info(rate.zone)
    at = at.astimezone(UTC)
    boundaries_s = (rate.compiled or compiled(rate)).boundaries_s
    spans = [(0, window_at(rate, at) or 0)]
    moment = next_wall_change(at, zone, boundaries_s)
    while moment < until:
        window = window_at(rate, moment) or 0
        if window != spans[-1][1]:
            spans.append(((moment - at) // MICROSECOND, window))
        moment = next_wall_change(moment, zone, boundaries_s)
    return spans


def compiled(rate: Rate) -> Compiled:
    """Makes the rate's integers, which stay with it from then on (as `rate.compiled`)."""
    form = _compile(rate)
    object.__setattr__(rate, "compiled", form)
    return form


def unit_price(step: Step, denominator: int) -> int:
    """The price of one second, in nanos / denominator."""
    return step.price_nanos * (denominator // step.per_s)


def segments_of(steps: Iterable[tuple[int, int, int]], fee: int, increments: Increments) -> tuple[Segment, ...]:
    """Steps (begin, increment, unit price) as segments, last first: where each begins to bill, what came before.

    A step that an earlier increment grows over wholly is left out.
    """
    whole = increments is Increments.whole_to_increment
    found: list[Segment] = []
    for at_s, increment_s, price in steps:
        if found:
            begin_s, last_increment_s, origin_s, last_price, before = found[-1]
            if at_s <= begin_s:
                found.pop()
            else:
                end_s = origin_s - (origin_s - at_s) // last_increment_s * last_increment_s
                before += (end_s - begin_s) * last_price
                begin_s = end_s
            found.append((begin_s, increment_s, 0 if whole else begin_s, price, before))
        else:
            found.append((0, increment_s, 0, price, fee))
    return tuple(reversed(found))


def _compile(rate: Rate) -> Compiled:
    rounding = rate.rounding
    denominator = lcm(*(step.per_s for window in rate.windows for step in window.steps))
    plans = tuple(_plan(window, denominator, rounding.increments) for window in rate.windows)
    unit = denominator * 10 ** (9 - rounding.precision)
    capped = rate.maximum_nanos is not None and rate.at_maximum is AtMaximum.free
    numbers = (
        bias(1000, rounding.duration),
        rate.grace_s or -1,
        rate.included_s,
        plans[0] if len(plans) == 1 else None,
        rate.minimum_nanos * denominator,
        (rate.maximum_nanos or 0) * denominator if capped else None,
        bias(unit, rounding.method),
        unit,
        10 ** (6 - rounding.precision),
    )
    by_priority = tuple(sorted(range(len(plans)), key=lambda index: _priority(rate.windows[index], index)))
    edges = {0} | {window.from_s for window in rate.windows} | {window.until_s or 0 for window in rate.windows}
    return Compiled(
        numbers=numbers,
        denominator=denominator,
        plans=plans,
        by_priority=by_priority,
        boundaries_s=tuple(sorted(edges)),
        worst_plans={},
        always=by_priority[0] if _is_always_open(rate.windows[by_priority[0]]) else None,
        free=_is_free(rate),
        minute_nanos=tuple(max(-(-step.price_nanos * 60 // step.per_s) for step in w.steps) for w in rate.windows),
        costs={},
        slices={},
    )


def _is_free(rate: Rate) -> bool:
    if rate.maximum_nanos == 0 and rate.at_maximum is AtMaximum.free:
        return True
    fees = rate.minimum_nanos or any(window.connect_fee_nanos for window in rate.windows)
    return not fees and not any(step.price_nanos for window in rate.windows for step in window.steps)


def _plan(window: Window, denominator: int, increments: Increments) -> Plan:
    fee = window.connect_fee_nanos * denominator
    steps = ((step.at_s, step.increment_s, unit_price(step, denominator)) for step in window.steps)
    return fee, segments_of(steps, fee, increments)


def _priority(window: Window, index: int) -> tuple[int, int, int]:
    return -window.weight, -window.from_s, index


def _is_open(window: Window, local: datetime, second: int) -> bool:
    if second < window.from_s or (window.until_s is not None and second >= window.until_s):
        return False
    if window.weekdays is not None and local.isoweekday() not in window.weekdays:
        return False
    if window.months is not None and local.month not in window.months:
        return False
    if window.month_days is not None and local.day not in window.month_days:
        return False
    if window.from_on is not None and local.date() < window.from_on:
        return False
    return window.until_on is None or local.date() <= window.until_on


def _is_always_open(window: Window) -> bool:
    whole_day = window.from_s == 0 and window.until_s in (None, DAY_S)
    days = (window.weekdays, window.months, window.month_days, window.from_on, window.until_on)
    return whole_day and all(limit is None for limit in days)
