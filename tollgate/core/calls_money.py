"""How much money a call holds and how long it may talk for it: first slices, extensions, fair shares.

All amounts are exact: what is granted always costs at most what is held. Near the end of the money slices shrink to
single billable steps, so that the last grant ends where the money ends.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tollgate.core.calls_minutes import left_s, paid_hold, spread
from tollgate.core.calls_types import Extension, Leg, LiveCall
from tollgate.core.ledger import Purse, Purses, available
from tollgate.core.rates import Rate, affordable_s, first_hold, hold_micros, is_free
from tollgate.core.refusals import Key, Refusal


class Money(NamedTuple):
    """Seconds that every level affords, what each holds for them, and how many the customer's minutes cover."""

    granted_s: int
    holds: tuple[int, ...]
    free_s: int = 0


class Slice(NamedTuple):
    """Seconds that one level affords, and what it holds for them."""

    seconds: int
    micros: int


def next_minimum(rate: Rate, at: datetime, until: datetime) -> int:
    """What the shortest charged call holds: connect fee and one billable step."""
    return hold_micros(rate, at, until, rate.grace_s + 1)


def first_grant(
    legs: Sequence[Leg],
    purses: Purses,
    at: datetime,
    until: datetime,
    *,
    slice_s: int,
    max_s: int,
    minutes_s: int = 0,
) -> Money | Refusal:
    """The first slice of a call that may be answered from `at` to `until`; refused where a level cannot pay one step.

    A level which the call costs nothing does not bound it. `minutes_s` is what the customer's bundles have left: they
    cover the slice, and money what is missing to it, as far as there is any.
    """
    granted_s, found = max_s, []
    free_s = min(minutes_s, max(1, slice_s), max_s)
    for leg in legs:
        if leg.free:
            found.append(Slice(max_s, 0))
            continue
        purse = purses[leg.wallet_id]
        if free_s and leg is legs[0]:
            most = _covered_slice(leg.rate, purse, at, until, slice_s=slice_s, max_s=max_s, free_s=free_s)
        else:
            most = _first_slice(leg.rate, purse, at, until, slice_s=slice_s, max_s=max_s)
        if most.seconds == 0:
            needed = next_minimum(leg.rate, at, until)
            values = (("name", leg.name), ("available_micros", available(purse)), ("needed_micros", needed))
            return Refusal(Key.credit, "customer" if leg is legs[0] else "reseller", values)
        granted_s = min(granted_s, most.seconds)
        found.append(most)
    holds = [
        most.micros if most.seconds == granted_s or leg.free else hold_micros(leg.rate, at, until, granted_s)
        for leg, most in zip(legs, found, strict=True)
    ]
    if not free_s:
        return Money(granted_s, tuple(holds))
    holds[0] = paid_hold(legs[0].rate, at, until, granted_s=granted_s, free_s=free_s)
    return Money(granted_s, tuple(holds), min(free_s, granted_s))


def longest_s(call: LiveCall) -> int:
    """The longest that a call may talk from its answer: less where hours end it, because by then it has rung."""
    if call.answered_at is None or call.plan.closes_at is None:
        return call.max_s
    return max(0, min(call.max_s, (call.plan.closes_at - call.answered_at) // timedelta(seconds=1)))


def extend(call: LiveCall, purses: Purses, at: datetime, slice_s: int) -> Extension | None:
    """More time for an answered call; None when money or the longest duration ends: let it run out."""
    answered_at = call.answered_at
    most_s = longest_s(call)
    if answered_at is None or call.granted_s >= most_s:
        return None
    if most_s < call.max_s:
        call = replace(call, max_s=most_s)
    target_s = min(call.granted_s + max(1, slice_s), call.max_s)
    more_s = _more_minutes(call, purses, at, target_s) if call.plan.bundles else ()
    free_s = sum(call.minutes_s) + sum(more_s)
    granted_s = call.max_s
    for leg, held in zip(call.plan.legs, call.held_micros, strict=True):
        if is_free(leg.rate):
            continue
        covered_s = free_s if leg is call.plan.legs[0] else 0
        if covered_s >= target_s:
            granted_s = min(granted_s, target_s)
        else:
            granted_s = min(granted_s, _paid_until(call, leg, held, purses, target_s=target_s, covered_s=covered_s))
    if granted_s <= call.granted_s:
        return None
    needed = [hold_micros(leg.rate, answered_at, answered_at, granted_s) for leg in call.plan.legs]
    if call.plan.bundles:
        more_s = spread(max(0, granted_s - sum(call.minutes_s)), more_s)
        rate = call.plan.legs[0].rate
        needed[0] = paid_hold(rate, answered_at, answered_at, granted_s=granted_s, free_s=free_s)
    holds = tuple([new - old for new, old in zip(needed, call.held_micros, strict=True)])
    return Extension(granted_s, holds, more_s)


def _more_minutes(call: LiveCall, purses: Purses, at: datetime, target_s: int) -> tuple[int, ...]:
    """What the bundles can add up to the target; nothing to a call that has begun to pay: free seconds come first."""
    if call.granted_s > sum(call.minutes_s):
        return (0,) * len(call.plan.bundles)
    return spread(target_s - call.granted_s, left_s(call.plan.bundles, purses, at))


def _paid_until(call: LiveCall, leg: Leg, held: int, purses: Purses, *, target_s: int, covered_s: int) -> int:
    """The seconds from the answer that one level affords by its fair share, the first of them covered by minutes."""
    assert call.answered_at is not None
    rate, purse = leg.rate, purses[leg.wallet_id]
    from_at = call.answered_at + timedelta(seconds=covered_s) if covered_s else call.answered_at
    spare = available(purse)
    floor_s = max(call.granted_s - covered_s, rate.grace_s) + 1
    least = hold_micros(rate, from_at, from_at, floor_s)
    if least > held + spare:
        return covered_s + rate.grace_s
    share = held + spare // max(1, purse.channels)
    wanted = hold_micros(rate, from_at, from_at, target_s - covered_s)
    money = max(least, min(share, wanted))
    return covered_s + affordable_s(rate, from_at, from_at, money, call.max_s - covered_s)


def _covered_slice(
    rate: Rate, purse: Purse, at: datetime, until: datetime, *, slice_s: int, max_s: int, free_s: int
) -> Slice:
    """The seconds that minutes cover, and a normal slice's rest when there is money for it."""
    if free_s >= min(slice_s, max_s):
        return Slice(free_s, 0)
    later = timedelta(seconds=free_s)
    rest = _first_slice(rate, purse, at + later, until + later, slice_s=slice_s - free_s, max_s=max_s - free_s)
    return Slice(free_s + rest.seconds, rest.micros)


def _first_slice(rate: Rate, purse: Purse, at: datetime, until: datetime, *, slice_s: int, max_s: int) -> Slice:
    """A normal slice, or as much of it as the fair share buys, or one step; none when not even that fits."""
    share = available(purse) // (purse.channels + 1)
    normal_s, wanted = first_hold(rate, at, until, slice_s)
    if wanted <= share:
        return Slice(normal_s, wanted) if normal_s <= max_s else Slice(max_s, hold_micros(rate, at, until, max_s))
    least = next_minimum(rate, at, until)
    if least > available(purse):
        return Slice(0, 0)
    seconds = affordable_s(rate, at, until, max(least, min(share, wanted)), max_s)
    return Slice(seconds, hold_micros(rate, at, until, seconds))
