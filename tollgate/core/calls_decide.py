"""The decision on locked wallets: gates in the order of behaviour.md 6.3, then the money to hold and the time granted.

Nothing here changes a purse; `ledger.apply_grant` does, for calls that pass. A new gate that reads a counter is a
function returning its Refusal or None, named in `_refused` at its place in the order.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from tollgate.core.calls_minutes import left_s, spread
from tollgate.core.calls_money import first_grant, next_minimum
from tollgate.core.calls_standing import standing
from tollgate.core.calls_text import Numbers, gate_line, refused_line, write_plan
from tollgate.core.calls_types import MOST_TALK_S, Dropped, Grant, Plan, RouteChoice, Values
from tollgate.core.ledger import Purse, Purses, available
from tollgate.core.limits import has_channel, has_token, spent_today, tokens_milli
from tollgate.core.refusals import INBOUND, VARIANTS, Key, Refusal
from tollgate.core.snapshot import Callee, Endpoint

RECORDED = gate_line("recorded", True, "account", ())
"""Stands in the trace of a call that is recorded; the account is charged by it (panel_account.sql)."""


def decide(plan: Plan, purses: Purses, at: datetime) -> Grant | Refusal:
    """Grant or refuse a planned call; neither changes a purse. A Refusal carries its steps in `gates`."""
    lines = list(plan.status_lines)
    refusal = plan.status_refusal or _refused(plan, purses, at, lines)
    if refusal is not None:
        return _explained(refusal, lines, plan)
    routes, crowded = _with_room(plan, purses, at)
    if not routes:
        return _explained(_no_room(crowded), lines, plan)
    ring_s = plan.ring_allowance_s
    max_s = _longest(plan, at)
    until = at + timedelta(seconds=ring_s)
    minutes = left_s(plan.bundles, purses, at) if plan.bundles else ()
    money = first_grant(plan.legs, purses, at, until, slice_s=plan.slice_s, max_s=max_s, minutes_s=sum(minutes))
    if isinstance(money, Refusal):
        return _explained(money, lines, plan)
    if plan.bundles:
        lines.append(_MINUTES.line("minutes", "customer", plan.legs[0].name, (money.free_s, sum(minutes))))
    lines.append(_GRANT.line("grant", "customer", plan.legs[0].name, (money.granted_s, max_s, money.holds[0])))
    if plan.record:
        by = plan.recorded_by
        lines.append(gate_line("recorded", True, "account", (("package", by),)) if by else RECORDED)
    dropped = plan.dropped + crowded
    return Grant(
        money.granted_s,
        max_s,
        ring_s,
        tuple([leg.wallet_id for leg in plan.legs]),
        money.holds,
        _meters(plan),
        routes[0].meters,
        routes,
        dropped,
        plan.record,
        plan.media,
        tuple(lines),
        *write_plan(plan, routes, dropped, lines),
        spread(money.free_s, minutes),
    )


def _refused(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    """The first gate that says no. The order is the contract: behaviour.md 6.3."""
    refusal = _expired(plan, purses, at)
    if refusal is not None:
        return refusal
    lines += plan.early_lines
    refusal = (
        plan.early
        or _credit(plan, purses, at, lines)
        or _daily_spend(plan, purses, at, lines)
        or _levels(plan, purses, at, lines)
        or _endpoint(plan, purses, at, lines)
        or _did(plan, purses, at, lines)
    )
    if refusal is None:
        lines += plan.cli_lines
        refusal = plan.hidden
    if refusal is None and plan.ingress:
        refusal = _ingress(plan, purses, at, lines)
    if refusal is None and plan.callee is not None:
        refusal = _called(plan.callee, purses, at, lines)
    if refusal is None:
        lines += plan.late_lines
        refusal = plan.late
    return refusal


def _explained(refusal: Refusal, lines: list[str], plan: Plan) -> Refusal:
    if plan.did is not None and (refusal.key, INBOUND) in VARIANTS:
        refusal = replace(refusal, variant=INBOUND)
    return replace(refusal, gates=(*lines, refused_line(refusal)))


def _expired(plan: Plan, purses: Purses, at: datetime) -> Refusal | None:
    known = standing(plan.payers[0])
    if not known.expires:
        return None
    for payer, scope in zip(plan.payers, known.scopes, strict=True):
        expires_at = payer.expires_at
        if payer.valid_days is not None:
            counted_from_at = payer.valid_from_at or purses[payer.wallet_id].first_used_at
            if counted_from_at is not None:
                worn_out_at = counted_from_at + timedelta(days=payer.valid_days)
                expires_at = worn_out_at if expires_at is None else min(expires_at, worn_out_at)
        if expires_at is not None and at >= expires_at:
            values = (("name", payer.name), ("expires_at", expires_at.isoformat()), ("at", at.isoformat()))
            return Refusal(Key.customer_expired, scope, values)
    return None


_CREDIT = Numbers("available_micros", "balance_micros", "limit_micros", "held_micros")
_SPEND = Numbers("spent_micros", "held_micros", "next_minimum_micros", "limit_micros")
_CHANNELS = Numbers("channels", "channels_max")
_TOKENS = Numbers("tokens_milli", "cps_max_milli")
_GRANT = Numbers("granted_s", "max_s", "held_micros")
_MINUTES = Numbers("free_s", "left_s")


def _credit(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    """Who has free minutes left needs no money, but may not owe more than the limit either."""
    free = _free_wallets(plan)
    covered = bool(plan.bundles) and any(left_s(plan.bundles, purses, at))
    for payer, scope in zip(plan.payers[:-1], standing(plan.payers[0]).scopes, strict=False):
        if payer.wallet_id in free:
            continue
        purse = purses[payer.wallet_id]
        left = available(purse)
        numbers = (left, purse.balance_micros, purse.limit_micros, purse.held_micros)
        if left < 0 or (left == 0 and not (covered and payer is plan.payers[0])):
            return Refusal(Key.credit, scope, _CREDIT.values(payer.name, numbers))
        lines.append(_CREDIT.line("credit", scope, payer.name, numbers))
    return None


def _daily_spend(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    for payer, scope in zip(plan.payers[:-1], standing(plan.payers[0]).scopes, strict=False):
        purse = purses[payer.wallet_id]
        if purse.spend_max_micros is None or payer.wallet_id in _free_wallets(plan):
            continue
        spent, minimum = spent_today(purse, at), _minimum(payer.wallet_id, plan, at)
        numbers = (spent, purse.held_micros, minimum, purse.spend_max_micros)
        if spent + purse.held_micros + minimum > purse.spend_max_micros:
            return Refusal(Key.daily_spend, scope, _SPEND.values(payer.name, numbers))
        lines.append(_SPEND.line("daily_spend", scope, payer.name, numbers))
    return None


def _free_wallets(plan: Plan) -> list[int]:
    return [leg.wallet_id for leg in plan.legs if leg.free]


def _minimum(wallet_id: int, plan: Plan, at: datetime) -> int:
    """What the call will hold at the least; nothing is known where the level has no price for it."""
    until = at + timedelta(seconds=plan.ring_allowance_s)
    return sum([next_minimum(leg.rate, at, until) for leg in plan.legs if leg.wallet_id == wallet_id])


def _levels(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    """Channels of every level, then CPS of every level, the account's too."""
    counted = []
    for payer, scope in zip(plan.payers, standing(plan.payers[0]).scopes, strict=True):
        purse = purses[payer.wallet_id]
        if purse.channels_max or purse.cps_max_milli:
            counted.append((purse, scope, payer.name))
    if not counted:
        return None
    return _counters(Key.channels_customer, Key.cps_customer, counted, at, lines)


def _endpoint(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    endpoint = plan.endpoint
    if endpoint is None or not endpoint.limited:
        return None
    counted = [(purses[endpoint.wallet_id], endpoint.kind, endpoint.name)]
    return _counters(Key.channels_endpoint, Key.cps_endpoint, counted, at, lines)


def _did(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    did = plan.did
    if did is None or not did.limited:
        return None
    return _counters(Key.channels_did, Key.cps_did, [(purses[did.wallet_id], "did", did.number)], at, lines)


def _ingress(plan: Plan, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    counted = [(purses[route.wallet_id], "route", route.name) for route in plan.ingress if route.limited]
    if not counted:
        return None
    return _counters(Key.channels_route, Key.cps_route, counted, at, lines)


def _called(callee: Endpoint | Callee, purses: Purses, at: datetime, lines: list[str]) -> Refusal | None:
    """What is called on our net takes as many calls as it may; one more is told so in its place."""
    if isinstance(callee, Callee) and callee.kind == "conference_room":
        return _conference(callee, purses, lines)
    counted = [(purses[callee.wallet_id], "called", callee.name)]
    refusal = _counters(Key.channels_endpoint, Key.cps_endpoint, counted, at, lines)
    return None if refusal is None else replace(refusal, variant="called")


def _conference(room: Callee, purses: Purses, lines: list[str]) -> Refusal | None:
    """A room that is full is busy, as its own server would answer."""
    purse = purses[room.wallet_id]
    if not purse.channels_max:
        return None
    numbers = (purse.channels, purse.channels_max)
    if not has_channel(purse):
        return Refusal(Key.conference_full, room.kind, _CHANNELS.values(room.name, numbers))
    lines.append(_CHANNELS.line(Key.conference_full, room.kind, room.name, numbers))
    return None


def _counters(
    channels: Key, cps: Key, counted: list[tuple[Purse, str, str]], at: datetime, lines: list[str]
) -> Refusal | None:
    for purse, scope, name in counted:
        if purse.channels_max:
            numbers = (purse.channels, purse.channels_max)
            if not has_channel(purse):
                return Refusal(channels, scope, _CHANNELS.values(name, numbers))
            lines.append(_CHANNELS.line(channels, scope, name, numbers))
    for purse, scope, name in counted:
        if purse.cps_max_milli:
            numbers = (tokens_milli(purse, at), purse.cps_max_milli)
            if not has_token(purse, at):
                return Refusal(cps, scope, _TOKENS.values(name, numbers))
            lines.append(_TOKENS.line(cps, scope, name, numbers))
    return None


def _with_room(plan: Plan, purses: Purses, at: datetime) -> tuple[tuple[RouteChoice, ...], tuple[Dropped, ...]]:
    """The routes whose carrier and gateway take one more call now."""
    if not any(route.carrier_limited or route.gateway_limited for route in plan.routes):
        return plan.routes, ()
    roomy: list[RouteChoice] = []
    crowded: list[Dropped] = []
    for route in plan.routes:
        why = _crowded(route, purses, at) if route.carrier_limited or route.gateway_limited else None
        if why is None:
            roomy.append(route)
        else:
            crowded.append(why)
    return tuple(roomy), tuple(crowded)


def _crowded(route: RouteChoice, purses: Purses, at: datetime) -> Dropped | None:
    meters = [purses[wallet_id] for wallet_id in route.meters]
    for purse in meters:
        if not has_channel(purse):
            return Dropped(route.carrier, route.gateway, "channels", _full(purse))
    for purse in meters:
        if not has_token(purse, at):
            return Dropped(route.carrier, route.gateway, "cps", _fast(purse, at))
    return None


def _full(purse: Purse) -> Values:
    return _CHANNELS.values(purse.kind, (purse.channels, purse.channels_max))


def _fast(purse: Purse, at: datetime) -> Values:
    return _TOKENS.values(purse.kind, (tokens_milli(purse, at), purse.cps_max_milli))


def _no_room(crowded: tuple[Dropped, ...]) -> Refusal:
    full = [drop for drop in crowded if drop.why == "channels"]
    first = (full or crowded)[0]
    key = Key.channels_carrier if full else Key.cps_carrier
    return Refusal(key, "carrier", (("carrier", first.carrier), ("gateway", first.gateway), *first.values))


def _longest(plan: Plan, at: datetime) -> int:
    """The hard end: the shortest maximum of every level and route, or hours that hang up; nothing sets none."""
    longest = MOST_TALK_S
    if plan.closes_at is not None:
        longest = min(longest, max(1, (plan.closes_at - at) // timedelta(seconds=1)))
    most_s = standing(plan.payers[0]).max_duration_s
    if most_s is not None:
        longest = min(longest, most_s)
    for route in plan.ingress:
        longest = min(longest, route.max_duration_s or longest)
    if plan.did is not None:
        longest = min(longest, plan.did.max_duration_s or longest)
    return longest


def _meters(plan: Plan) -> tuple[int, ...]:
    wallets = [payer.wallet_id for payer in plan.payers]
    if plan.endpoint is not None and plan.endpoint.limited:
        wallets.append(plan.endpoint.wallet_id)
    wallets += [route.wallet_id for route in plan.ingress if route.limited]
    if plan.did is not None and plan.did.limited:
        wallets.append(plan.did.wallet_id)
    if plan.callee is not None:
        wallets.append(plan.callee.wallet_id)
    return tuple(wallets)
