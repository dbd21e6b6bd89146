"""Free minutes in a call: which bundles it may use, what it holds of them, what it has used and what the rest costs.

The customer's own seconds come first from its bundles: the one with the longest matching prefix, then the one that ends
first. The rest costs what a call would that begins where they end. Minutes are kept in wallets, in micros of a second.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tollgate.core.calls_types import Leg, LegCost, Minutes
from tollgate.core.ledger import Purses, available
from tollgate.core.packages import NEVER, SECOND_MICROS, matched
from tollgate.core.rates import Rate, billed_s, cost_micros, hold_micros
from tollgate.core.rates_engine import rounded_s
from tollgate.core.snapshot import Bundle


def chosen(bundles: Sequence[Bundle], leg: Leg, number: str, at: datetime) -> tuple[Minutes, ...]:
    """The bundles that a call to a number may use now, in the order in which they are used; none for a free call."""
    if leg.free:
        return ()
    found = [
        (-digits, bundle.ends_at or NEVER, bundle.id, bundle)
        for bundle in bundles
        if bundle.starts_at <= at < (bundle.ends_at or NEVER)
        and (digits := matched(bundle.prefixes, number)) is not None
    ]
    return tuple([Minutes(b.id, b.name, b.wallet_id, b.ends_at) for *_, b in sorted(found, key=lambda key: key[:3])])


def left_s(bundles: Sequence[Minutes], purses: Purses, at: datetime) -> tuple[int, ...]:
    """The whole seconds of each bundle that no call holds; none of one that has ended."""
    return tuple(
        [
            0 if at >= (bundle.ends_at or NEVER) else max(0, available(purses[bundle.wallet_id]) // SECOND_MICROS)
            for bundle in bundles
        ]
    )


def spread(seconds: int, most_s: Sequence[int]) -> tuple[int, ...]:
    """So many seconds, taken from the first that has any, then from the next."""
    taken = []
    for most in most_s:
        part = min(most, seconds)
        taken.append(part)
        seconds -= part
    return tuple(taken)


def paid_hold(rate: Rate, at: datetime, until: datetime, *, granted_s: int, free_s: int) -> int:
    """What to hold for the part of a grant that no minutes cover."""
    if granted_s <= free_s:
        return 0
    later = timedelta(seconds=free_s)
    return hold_micros(rate, at + later, until + later, granted_s - free_s)


def used_s(rate: Rate, used_ms: int, held_s: Sequence[int]) -> tuple[int, ...]:
    """The seconds that an answered call takes from each bundle; within the grace it costs nothing, and takes none.

    Talk is rounded to whole seconds as the card rounds it; less than one is one.
    """
    talked_s = rounded_s(rate, used_ms)
    return spread(0 if talked_s <= rate.grace_s else max(1, talked_s), held_s)


def rest_cost(rate: Rate, answered_at: datetime, used_ms: int, free_s: int) -> int:
    """What talk beyond the minutes costs: a call of its own that begins where they end."""
    rest_ms = used_ms - free_s * 1000
    if free_s and rounded_s(rate, max(0, rest_ms)) == 0:
        return 0
    return cost_micros(rate, answered_at + timedelta(seconds=free_s), rest_ms)


def own_cost(
    leg: Leg, answered_at: datetime, used_ms: int, *, granted_ms: int, held_micros: int, minutes_s: Sequence[int]
) -> LegCost:
    """What the customer owes when minutes cover the beginning; `billed_s` counts them."""
    free_s = sum(minutes_s)
    cost = rest_cost(leg.rate, answered_at, used_ms, free_s)
    within = cost if used_ms <= granted_ms else rest_cost(leg.rate, answered_at, max(granted_ms, free_s * 1000), free_s)
    within = min(within, held_micros, cost)
    rest_ms = used_ms - free_s * 1000
    paid_s = 0
    if not free_s or rounded_s(leg.rate, max(0, rest_ms)) > 0:
        paid_s = billed_s(leg.rate, answered_at + timedelta(seconds=free_s), rest_ms)
    return LegCost(within, cost - within, free_s + paid_s)
