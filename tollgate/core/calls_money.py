"""How much money a call holds and how long it may talk for it: first slices, extensions, fair shares.

All amounts are exact: what is granted always costs at most what is held. Near the end of the money slices shrink to
single billable steps, so that the last grant ends where the money ends.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tollgate.core.calls_types import Extension, Leg, LiveCall
from tollgate.core.ledger import Purse, Purses, available
from tollgate.core.rates import Rate, affordable_s, first_slice_s, hold_micros, is_free
from tollgate.core.refusals import Key, Refusal


class Money(NamedTuple):
    """Seconds that every level affords, and what each holds for them."""

    granted_s: int
    holds: tuple[int, ...]


class Slice(NamedTuple):
    """Seconds that one level affords, and what it holds for them."""

    seconds: int
    micros: int


def next_minimum(rate: Rate, at: datetime, until: datetime) -> int:
    """What the shortest charged call holds: connect fee and one billable step."""
    return hold_micros(rate, at, until, rate.grace_s + 1)


def first_grant(
    legs: Sequence[Leg], purses: Purses, at: datetime, until: datetime, *, slice_s: int, max_s: int
) -> Money | Refusal:
    """The first slice of a call that may be answered from `at` to `until`; refused where a level cannot pay one step.

    A level which the call costs nothing does not bound it.
    """
    granted_s, found = max_s, []
    for leg in legs:
        if leg.free:
            found.append(Slice(max_s, 0))
            continue
        purse = purses[leg.wallet_id]
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
    return Money(granted_s, tuple(holds))


def extend(call: LiveCall, purses: Purses, at: datetime, slice_s: int) -> Extension | None:
    """More time for an answered call; None when money or the longest duration ends: let it run out."""
    answered_at = call.answered_at
    if answered_at is None or call.granted_s >= call.max_s:
        return None
    target_s = min(call.granted_s + max(1, slice_s), call.max_s)
    granted_s = call.max_s
    for leg, held in zip(call.plan.legs, call.held_micros, strict=True):
        if is_free(leg.rate):
            continue
        purse = purses[leg.wallet_id]
        spare = available(purse)
        floor_s = max(call.granted_s, leg.rate.grace_s) + 1
        least = hold_micros(leg.rate, answered_at, answered_at, floor_s)
        if least > held + spare:
            granted_s = min(granted_s, leg.rate.grace_s)
            continue
        share = held + spare // max(1, purse.channels)
        wanted = hold_micros(leg.rate, answered_at, answered_at, target_s)
        money = max(least, min(share, wanted))
        granted_s = min(granted_s, affordable_s(leg.rate, answered_at, answered_at, money, call.max_s))
    if granted_s <= call.granted_s:
        return None
    needed = [hold_micros(leg.rate, answered_at, answered_at, granted_s) for leg in call.plan.legs]
    return Extension(granted_s, tuple([new - old for new, old in zip(needed, call.held_micros, strict=True)]))


def _first_slice(rate: Rate, purse: Purse, at: datetime, until: datetime, *, slice_s: int, max_s: int) -> Slice:
    """A normal slice, or as much of it as the fair share buys, or one step; none when not even that fits."""
    share = available(purse) // (purse.channels + 1)
    normal_s = first_slice_s(rate, at, slice_s)
    wanted = hold_micros(rate, at, until, normal_s)
    if wanted <= share:
        return Slice(normal_s, wanted) if normal_s <= max_s else Slice(max_s, hold_micros(rate, at, until, max_s))
    least = next_minimum(rate, at, until)
    if least > available(purse):
        return Slice(0, 0)
    seconds = affordable_s(rate, at, until, max(least, min(share, wanted)), max_s)
    return Slice(seconds, hold_micros(rate, at, until, seconds))
