"""The end of a call: seconds that can be true, exact costs of every leg, the carrier's cost, and late corrections.

Times are the edge's; what cannot be true is clipped and the clipping is noted in the CDR. A new correction is a
function that returns entries and never changes what is written already.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tollgate.core.calls_minutes import own_cost, rest_cost, used_s
from tollgate.core.calls_text import SettledCall, SettledLeg
from tollgate.core.calls_types import CarrierCost, Leg, LegCost, LiveCall, Settlement
from tollgate.core.ledger import Entry
from tollgate.core.packages import SECOND_MICROS, SECONDS
from tollgate.core.rates import Rate, charged, cost_micros

TOLERANCE = timedelta(seconds=5)
"""How far an edge's clock may run ahead of ours."""

HANGUP_DELAY = timedelta(seconds=20)
"""How long after its grant an edge may be believed to have talked on, when nothing but its own count says so."""

LATE_WINDOW = timedelta(days=40)
"""How long after it began the true end of an unresolved call may still come: so long its CDR is looked for."""

_MILLISECOND = timedelta(milliseconds=1)
_TOLERANCE_MS = TOLERANCE // _MILLISECOND
_HANGUP_MS = HANGUP_DELAY // _MILLISECOND


class Talk(NamedTuple):
    """When a call talked, as far as that can be true, and what was clipped."""

    answered_at: datetime | None
    ended_at: datetime
    used_ms: int
    notes: tuple[str, ...]


def settle(
    call: LiveCall,
    *,
    ended_at: datetime,
    answered_at: datetime | None,
    duration_ms: int | None,
    at: datetime,
    unresolved: bool = False,
) -> Settlement:
    """The exact cost of an ended call; nothing for one that was not answered.

    `ended_at` of an unresolved call is the last instant it was proven to live; it is never charged beyond its grant.
    """
    talk = _talk(call, ended_at=ended_at, answered_at=answered_at, duration_ms=duration_ms, at=at)
    answered_at = talk.answered_at
    if answered_at is None:
        nothing = tuple([_NO_COST] * len(call.plan.legs))
        return Settlement(None, talk.ended_at, 0, 0, nothing, None, 0, talk.notes)
    used_ms, granted_ms = talk.used_ms, call.granted_s * 1000
    if unresolved and used_ms > granted_ms:
        used_ms = granted_ms
        talk = talk._replace(notes=(*talk.notes, "charged to the end of the grant: nothing proves more"))
    legs = call.plan.legs
    costs = tuple(
        [
            _leg_cost(leg.rate, answered_at, used_ms, granted_ms, held)
            for leg, held in zip(legs, call.held_micros, strict=True)
        ]
    )
    minutes_s = used_s(legs[0].rate, used_ms, call.minutes_s) if call.plan.bundles else ()
    if any(minutes_s):
        held = call.held_micros[0]
        own = own_cost(legs[0], answered_at, used_ms, granted_ms=granted_ms, held_micros=held, minutes_s=minutes_s)
        costs = (own, *costs[1:])
    carrier = _carrier_cost(call, answered_at, used_ms)
    profit = None
    if carrier is not None and _is_comparable(carrier, legs):
        profit = costs[-1].cost_micros - carrier.cost_micros
    return Settlement(
        answered_at, talk.ended_at, used_ms, costs[0].billed_s, costs, carrier, profit, talk.notes, minutes_s
    )


def late_end(settled: SettledCall, *, answered_at: datetime, duration_ms: int) -> tuple[Entry, ...]:
    """The true end of a call settled without one: the difference to what was posted, either way.

    No edge lets a call run on beyond its grant: what it tells of more is not believed. Idempotence is the caller's:
    these are posted once.
    """
    most_ms = settled.granted_s * 1000 + _HANGUP_MS
    note = "the end of the call came late"
    if duration_ms > most_ms:
        note = f"{note}; {duration_ms} ms of talk cannot be: taken as {most_ms}"
    used_ms = max(0, min(duration_ms, most_ms))
    kept_s = _minutes_kept(settled, used_ms)
    entries = [_adjustment(settled.call_id, leg, -1, answered_at, used_ms, note) for leg in settled.legs]
    if settled.minutes:
        entries[0] = _own_adjustment(settled, answered_at, used_ms, sum(kept_s), note)
        entries += [
            Entry(wallet_id, "minutes", "adjustment", (given - kept) * SECOND_MICROS, SECONDS, settled.call_id, note)
            for (wallet_id, given), kept in zip(settled.minutes, kept_s, strict=True)
        ]
    if settled.carrier is not None:
        entries.append(_adjustment(settled.call_id, settled.carrier, 1, answered_at, used_ms, note))
    return tuple([entry for entry in entries if entry.amount_micros])


_NO_COST = LegCost(0, 0, 0)


def _talk(
    call: LiveCall, *, ended_at: datetime, answered_at: datetime | None, duration_ms: int | None, at: datetime
) -> Talk:
    notes: list[str] = []
    counted_ms = _counted_ms(call, ended_at=ended_at, answered_at=answered_at, duration_ms=duration_ms)
    latest_at = max(at + TOLERANCE, call.authorized_at)
    if ended_at > latest_at:
        ended_at = _clipped(notes, "the end lay in the future", latest_at)
    if ended_at < call.authorized_at:
        ended_at = _clipped(notes, "the end lay before the call", call.authorized_at)
    answered_at = answered_at or call.answered_at
    if answered_at is None and duration_ms:
        answered_at = ended_at - duration_ms * _MILLISECOND
    if answered_at is None:
        return Talk(None, ended_at, 0, tuple(notes))
    if answered_at < call.authorized_at:
        answered_at = _clipped(notes, "the answer lay before the call", call.authorized_at)
    if answered_at > latest_at:
        answered_at = _clipped(notes, "the answer lay in the future", latest_at)
    if counted_ms is not None:
        return Talk(answered_at, ended_at, counted_ms, tuple(notes))
    used_ms = duration_ms if duration_ms is not None else (ended_at - answered_at) // _MILLISECOND
    most_ms = (latest_at - answered_at) // _MILLISECOND
    if not 0 <= used_ms <= most_ms:
        notes.append(f"{used_ms} ms of talk cannot be: clipped")
        used_ms = max(0, min(used_ms, most_ms))
    return Talk(answered_at, ended_at, used_ms, tuple(notes))


def _counted_ms(
    call: LiveCall, *, ended_at: datetime, answered_at: datetime | None, duration_ms: int | None
) -> int | None:
    """The talk that the edge counted, when its own times agree with it and it is not far beyond the grant.

    Such talk can be, whatever our clock says: that may have been set in the meantime, or be apart from the edge's.
    """
    if answered_at is None:
        return None
    apart_ms = (ended_at - answered_at) // _MILLISECOND
    counted_ms = apart_ms if duration_ms is None else duration_ms
    longest_ms = call.granted_s * 1000 + _HANGUP_MS
    if abs(apart_ms - counted_ms) > _TOLERANCE_MS or not 0 <= counted_ms <= longest_ms:
        return None
    return counted_ms


def _clipped(notes: list[str], sentence: str, moment: datetime) -> datetime:
    notes.append(f"{sentence}: taken as {moment.isoformat()}")
    return moment


def _leg_cost(rate: Rate, answered_at: datetime, used_ms: int, granted_ms: int, held: int) -> LegCost:
    """What is within the grant never passes what was held for it; all else has the name overrun."""
    cost, seconds = charged(rate, answered_at, used_ms)
    within = cost if used_ms <= granted_ms else cost_micros(rate, answered_at, granted_ms)
    within = min(within, held, cost)
    return LegCost(within, cost - within, seconds)


def _carrier_cost(call: LiveCall, answered_at: datetime, used_ms: int) -> CarrierCost | None:
    routes = call.plan.routes
    index = call.route_index or 0
    if not 0 <= index < len(routes):
        return None
    route = routes[index]
    cost, seconds = charged(route.rate, answered_at, used_ms)
    return CarrierCost(route.carrier_wallet_id, cost, seconds, route)


def _is_comparable(carrier: CarrierCost, legs: Sequence[Leg]) -> bool:
    """Whether what the topmost payer is charged and what the carrier costs are amounts of one currency.

    A carrier without a card takes nothing, which is as much in any currency. Where the levels pay in several, what is
    sold is no number of the customer's either, so that such a call counts only where the carrier's currency says so.
    """
    if carrier.route.currency == legs[-1].currency:
        return True
    return not carrier.route.card_id and legs[0].currency == legs[-1].currency


def _minutes_kept(settled: SettledCall, used_ms: int) -> tuple[int, ...]:
    """Of the free seconds that were used, those that the true end leaves: a late end never takes more of a bundle."""
    if not settled.minutes:
        return ()
    return used_s(settled.legs[0].rate, used_ms, [given for _, given in settled.minutes])


def _own_adjustment(settled: SettledCall, answered_at: datetime, used_ms: int, free_s: int, note: str) -> Entry:
    leg = settled.legs[0]
    difference = rest_cost(leg.rate, answered_at, used_ms, free_s) - leg.cost_micros
    return Entry(leg.wallet_id, "adjustments", "adjustment", -difference, leg.currency, settled.call_id, note)


def _adjustment(call_id: int, leg: SettledLeg, sign: int, answered_at: datetime, used_ms: int, note: str) -> Entry:
    """Wallets of payers lose what a call costs (sign -1), carriers' wallets gain it (sign 1)."""
    difference = cost_micros(leg.rate, answered_at, used_ms) - leg.cost_micros
    return Entry(leg.wallet_id, "adjustments", "adjustment", sign * difference, leg.currency, call_id, note)
