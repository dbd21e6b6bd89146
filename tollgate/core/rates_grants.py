"""How much money to hold for so much talk, and how much talk some money buys.

Public through `tollgate.core.rates`. A call is held before it is known when it will be answered, so everything here
takes the worst instant between `at` and `until`. `hold_micros` never grows less than `rates_engine.cost_micros`: a new
property of a price that can move the cost up must move `_worst_plan` up too.
"""

from datetime import UTC, datetime

from tollgate.core.rates_engine import (
    MICROSECOND,
    SECOND,
    SECOND_US,
    compiled,
    grown_s,
    plan_cost,
    segments_of,
    unit_price,
    window_at,
    windowed_cost,
    windows_between,
)
from tollgate.core.rates_model import Compiled, Plan, Rate


def hold_micros(rate: Rate, at: datetime, until: datetime, seconds: int) -> int:
    """What `seconds` of talk may cost at most when the call is answered at any instant from `at` to `until`.

    Exactly the cost when the moment of the answer is known (`at` is `until`) or one window rates every such call;
    otherwise the worst mix of the windows it can meet.
    """
    assert seconds >= 0
    _, grace_s, included_s, plan, minimum, cap, money_bias, unit, scale = (rate.compiled or compiled(rate)).numbers
    if seconds <= grace_s:
        return 0
    talk_s = seconds or 1
    if plan is not None:
        exact = plan_cost(plan, talk_s - included_s)
    elif at == until:
        exact = windowed_cost(rate, at, talk_s - included_s)
    else:
        at, until = at.astimezone(UTC), until.astimezone(UTC)
        spans = windows_between(rate, at, until + talk_s * SECOND)
        exact = plan_cost(_worst_plan(rate, spans, (until - at) // MICROSECOND), talk_s - included_s)
    if exact < minimum:
        exact = minimum
    elif cap is not None and exact > cap:
        exact = cap
    return (exact + money_bias) // unit * scale


def affordable_s(rate: Rate, at: datetime, until: datetime, money_micros: int, most_s: int) -> int:
    """The most seconds of talk, up to `most_s`, whose `hold_micros` is within the money.

    It ends where a whole increment (or a window's worst case) ends, or at `most_s`; it is 0 when the shortest charged
    call does not fit, even if a grace would make a still shorter one free.
    """
    form = rate.compiled or compiled(rate)
    _, grace_s, included_s, plan, minimum, cap, money_bias, unit, scale = form.numbers
    if money_micros < 0 or most_s <= 0:
        return 0
    most_exact = (money_micros // scale + 1) * unit - 1 - money_bias
    if cap is not None and cap <= most_exact:
        return most_s
    if cap is None and rate.maximum_nanos is not None:
        most_exact = min(most_exact, rate.maximum_nanos * form.denominator)
    if minimum > most_exact:
        return 0
    reach_s = max(most_s, grace_s + 1)
    if plan is not None:
        talk_s = _talk_s(plan, most_exact, included_s, reach_s)
    elif at == until:
        talk_s = _affordable_answered(rate, at, most_exact, reach_s)
    else:
        talk_s = _affordable_across(rate, at, until, most_exact, reach_s)
    return min(talk_s, most_s) if talk_s > grace_s else 0


def first_slice_s(rate: Rate, at: datetime, normal_s: int = 60) -> int:
    """The first seconds to hold: what the shortest charged call is billed, plus whole increments within `normal_s`."""
    form = rate.compiled or compiled(rate)
    window = form.always
    plan = form.plans[(window_at(rate, at) or 0) if window is None else window]
    least_s = grown_s(plan, max(1, rate.grace_s + 1 - rate.included_s))
    return rate.included_s + _ended_s(plan, least_s + normal_s)


def first_hold(rate: Rate, at: datetime, until: datetime, normal_s: int) -> tuple[int, int]:
    """`first_slice_s` and what it holds; remembered where neither depends on the moment."""
    form = rate.compiled or compiled(rate)
    found = form.slices.get(normal_s)
    if found is None:
        seconds = first_slice_s(rate, at, normal_s)
        found = seconds, hold_micros(rate, at, until, seconds)
        if len(form.plans) == 1:
            form.slices[normal_s] = found
    return found


def is_free(rate: Rate) -> bool:
    """Whether no call at this rate can ever cost anything."""
    return (rate.compiled or compiled(rate)).free


def price_per_minute_nanos(rate: Rate, at: datetime) -> int:
    """The dearest minute of the window in force, rounded up to a nano: for comparison and for caps on price."""
    form = rate.compiled or compiled(rate)
    window = form.always
    return form.minute_nanos[(window_at(rate, at) or 0) if window is None else window]


def _affordable_answered(rate: Rate, answered_at: datetime, most_exact: int, most_s: int) -> int:
    """Talk that fits when the windows it meets are known: the cost only grows, so halving finds the last that fits."""
    fits_s, too_long_s = 0, most_s + 1
    middle_s = most_s
    while too_long_s - fits_s > 1:
        if windowed_cost(rate, answered_at, middle_s - rate.included_s) <= most_exact:
            fits_s = middle_s
        else:
            too_long_s = middle_s
        middle_s = (fits_s + too_long_s) // 2
    return fits_s


def _affordable_across(rate: Rate, at: datetime, until: datetime, most_exact: int, most_s: int) -> int:
    """Talk that fits phase by phase: each window that talk can reach makes the worst plan worse from there on."""
    at, until = at.astimezone(UTC), until.astimezone(UTC)
    answer_us = (until - at) // MICROSECOND
    spans = windows_between(rate, at, until + most_s * SECOND)
    talk_s = 0
    for number in range(len(spans)):
        ends_us = spans[number + 1][0] - answer_us if number + 1 < len(spans) else most_s * SECOND_US
        phase_ends_s = min(ends_us // SECOND_US, most_s)
        if phase_ends_s > talk_s:
            fits_s = _talk_s(
                _worst_plan(rate, spans[: number + 1], answer_us), most_exact, rate.included_s, phase_ends_s
            )
            if fits_s < phase_ends_s:
                return max(fits_s, talk_s)
            talk_s = phase_ends_s
    return talk_s


def _talk_s(plan: Plan, most_exact: int, included_s: int, most_s: int) -> int:
    """The most seconds of talk, at least `most_s` if all of it fits, whose exact cost is within `most_exact`."""
    fee, segments = plan
    if fee > most_exact:
        return 0
    if plan_cost(plan, most_s - included_s) <= most_exact:
        return most_s
    usage_s = 0
    for begin_s, increment_s, origin_s, price, before in segments:
        if before <= most_exact:  # so the money ends in this segment, which therefore has a price
            end_s = begin_s + (most_exact - before) // price
            usage_s = max(begin_s, origin_s + (end_s - origin_s) // increment_s * increment_s)
            break
    return included_s + usage_s


def _worst_plan(rate: Rate, spans: list[tuple[int, int]], answer_us: int) -> Plan:
    """A plan that never costs less than any mix of those windows; a single window's own plan is exact.

    The connect fee can only be that of a window in force until the latest answer.
    """
    form = rate.compiled or compiled(rate)
    reached = tuple(sorted({window for _, window in spans}))
    if len(reached) == 1:
        return form.plans[reached[0]]
    fee = max(form.plans[window][0] for begins_us, window in spans if begins_us <= answer_us)
    key = (fee, *reached)
    if key not in form.worst_plans:
        form.worst_plans[key] = _mixed_plan(rate, form, reached, fee)
    return form.worst_plans[key]


def _mixed_plan(rate: Rate, form: Compiled, reached: tuple[int, ...], fee: int) -> Plan:
    """Windows of the same steps and increments bill the same seconds: the dearest price of each step is exact enough.

    Others may each grow usage by almost one increment: the longest of them is added, all at the dearest price.
    """
    ladders = [rate.windows[index].steps for index in reached]
    shape = [(step.at_s, step.increment_s) for step in ladders[0]]
    if all([(step.at_s, step.increment_s) for step in ladder] == shape for ladder in ladders):
        prices = [max(unit_price(step, form.denominator) for step in same) for same in zip(*ladders, strict=True)]
        steps = ((at_s, increment_s, price) for (at_s, increment_s), price in zip(shape, prices, strict=True))
        return fee, segments_of(steps, fee, rate.rounding.increments)
    steps_of_all = [step for ladder in ladders for step in ladder]
    dearest = max(unit_price(step, form.denominator) for step in steps_of_all)
    overshoot_s = max(step.increment_s for step in steps_of_all) - 1
    return fee, ((0, 1, 0, dearest, fee + overshoot_s * dearest),)


def _ended_s(plan: Plan, usage_s: int) -> int:
    """Where the last whole increment within `usage_s` ends, when at least one does."""
    _, segments = plan
    place = 0
    while segments[place][0] >= usage_s:
        place += 1
    begin_s, increment_s, origin_s, _, _ = segments[place]
    return max(begin_s, origin_s + (usage_s - origin_s) // increment_s * increment_s)
