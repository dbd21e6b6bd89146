"""What can be said of a call before any counter or balance is read: who calls, may they, at what price, over whom.

`plan` never raises on what a stranger sent: bad data is a refusal. A new gate that needs no counter goes into the stage
where behaviour.md 6.3 places it: status (before the expiry), early (before the credit), hidden (after the endpoint's
counters), late (after all counters).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tollgate.core import calls_local
from tollgate.core import cli as callers_number
from tollgate.core.calls_attest import NOTHING, attest
from tollgate.core.calls_caller import Caller, clean, identify
from tollgate.core.calls_inbound import inbound_plan
from tollgate.core.calls_levels import inactive, leg_of, paused, sold_below_cost, statuses
from tollgate.core.calls_minutes import chosen
from tollgate.core.calls_recording import recording
from tollgate.core.calls_routes import CarrierOptions, Wanted, carrier_options
from tollgate.core.calls_standing import VERIFIED, scope_of, standing
from tollgate.core.calls_text import HANG_UP_AT, gate_line, quote
from tollgate.core.calls_types import MOST_RING_S, MOST_TALK_S, Delivery, Handling, Invite, Leg, Minutes, Plan, Values
from tollgate.core.cli import Asked, Pooled, Shown
from tollgate.core.localization import swapped
from tollgate.core.rates import price_per_minute_nanos
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import select, select_above
from tollgate.core.snapshot import Callee, Endpoint, Payer, Route, Snapshot

_NO_OPTIONS = CarrierOptions((), (), None)
_NO_LINES: tuple[str, ...] = ()
_LONGEST = timedelta(seconds=MOST_RING_S + MOST_TALK_S)


class Priced(NamedTuple):
    """The levels of a call with their routes and prices, and the first refusal among them."""

    ingress: tuple[Route, ...]
    number: str
    destination: str
    legs: tuple[Leg, ...]
    refusal: Refusal | None
    warnings: tuple[str, ...] = ()  # lines of the trace


class Sold(NamedTuple):
    """What a call costs its payers and who carries it: a carrier, or the edge itself to one of our own extensions."""

    priced: Priced
    options: CarrierOptions
    local: Delivery | None  # to a phone that has registered
    lines: tuple[str, ...]
    callee: Endpoint | Callee | None = None  # which counts the calls to it


def plan(invite: Invite, snapshot: Snapshot, at: datetime) -> Plan:
    """The stateless part of a decision."""
    invite = clean(invite)
    caller = identify(invite, snapshot)
    customer = caller.customer
    if customer is None:
        return _without_customer(invite, snapshot, caller)
    if caller.inbound is not None:
        return inbound_plan(invite, caller, caller.inbound, snapshot, at)
    known = standing(customer)
    payers, active_line = known.payers, known.active_line
    status_refusal = paused(snapshot.account) or caller.refusal
    if status_refusal is None and active_line is None:
        status_refusal = inactive(payers, at)
    status_lines = _NO_LINES
    if status_refusal is None:
        status_lines = (_identity_line(invite, caller), *caller.lines, active_line or statuses(payers, at))
    early_lines: list[str] = []
    early, closes_at = known.unverified, None
    called = calls_local.called_extension(caller, snapshot)
    if early is None:
        early_lines.append(VERIFIED)
        if known.has_hours and called is None:  # hours are those of termination alone (behaviour.md 6.2)
            early, closes_at = _closed(payers, at, early_lines)
    shown = _shown(invite, caller, snapshot, at, local=called is not None)
    hidden, dressed = shown.refusal, caller
    if (shown.cli, shown.pai) != (caller.cli, caller.pai):
        dressed = caller._replace(cli=shown.cli, pai=shown.pai)
    if called is None:
        card_id = customer.cli_pool.card_id if shown.is_foreign and customer.cli_pool is not None else None
        sold = _sold(invite, dressed, payers, snapshot, at, card_id)
    else:
        sold = _sold_locally(invite, dressed, payers, called, at)
    priced, options = sold.priced, sold.options
    attested = NOTHING
    if called is None and hidden is None and priced.refusal is None:
        attested = attest(invite, customer, shown, priced.number, snapshot, at)
        hidden = attested.refusal
    bundles = _bundles(customer, sold, at) if customer.bundles else ()
    return Plan(
        invite,
        customer,
        caller.endpoint,
        payers,
        priced.ingress,
        priced.number,
        priced.destination,
        priced.legs,
        options.routes,
        options.dropped,
        status_lines,
        tuple(early_lines),
        _NO_LINES if hidden is not None else (*_cli_lines(customer, caller.cli, shown, snapshot), *attested.lines),
        _NO_LINES if hidden is not None else sold.lines,
        status_refusal,
        early,
        hidden,
        priced.refusal or options.refusal,
        () if status_refusal is not None else _wallet_ids(payers, caller.endpoint, sold, bundles),
        snapshot.slice_s,
        *recording(snapshot, priced.ingress[0].recording if priced.ingress else "inherit", customer, at),
        priced.ingress[0].media if priced.ingress else "proxy",
        snapshot.answers,
        Handling(customer.media_locked, customer.removed_headers, sold.local),
        bundles,
        closes_at,
        sold.callee,
        attested.attestation,
    )


def _sold(
    invite: Invite, caller: Caller, payers: tuple[Payer, ...], snapshot: Snapshot, at: datetime, card_id: int | None
) -> Sold:
    customer = payers[0]
    priced = _priced(payers, caller.dialed, snapshot, at, card_id)
    if priced.refusal is not None:
        return Sold(priced, _NO_OPTIONS, None, _NO_LINES)
    cli = caller.cli
    if customer.localization is not None:
        cli = swapped(customer.localization.originate_cli_out, cli)
    wanted = Wanted(
        customer,
        invite.call_id,
        priced.number,
        cli,
        caller.pai,
        priced.legs[-1],
        payers[len(priced.legs) - 1].loss_making_calls,
    )
    options = carrier_options(wanted, snapshot, priced.ingress[-1], at)
    return Sold(priced, options, None, (_price_line(priced), *priced.warnings, *options.warnings))


def _sold_locally(
    invite: Invite, caller: Caller, payers: tuple[Payer, ...], called: calls_local.Called, at: datetime
) -> Sold:
    legs, delivery = calls_local.local_legs(payers), calls_local.delivery(caller, invite, called.owner)
    number = callers_number.comparable(caller.dialed)
    refused = calls_local.not_reachable(called, caller, invite.source_ip, at)
    priced = Priced((), number, calls_local.DESTINATION, legs, refused)
    lines, currency = (calls_local.local_line(caller, called),), legs[-1].currency
    if refused is not None:
        return Sold(priced, _NO_OPTIONS, None, lines)
    counts = called.by if calls_local.is_counted(called, caller) else None
    if not isinstance(called.by, Callee):
        phone = CarrierOptions((calls_local.at_the_edge(delivery, currency),), (), None)
        return Sold(priced, phone, delivery, lines, counts)
    server = CarrierOptions((calls_local.at_its_address(called.by, caller, delivery, currency),), (), None)
    return Sold(priced, server, None, lines, counts)


def _shown(invite: Invite, caller: Caller, snapshot: Snapshot, at: datetime, *, local: bool) -> Shown:
    """What is shown of the caller. Within our net a phone may show the name that its password has proved."""
    pai = callers_number.asserted(invite.pai)
    if local and invite.user is not None and invite.cli.lower() == invite.user.lower():
        return Shown(caller.cli, pai)
    assert caller.customer is not None
    asked = Asked(invite.call_id, caller.cli, pai, caller.dialed, at, local)
    return callers_number.show(caller.customer, asked, snapshot.rota)


def _bundles(customer: Payer, sold: Sold, at: datetime) -> tuple[Minutes, ...]:
    """The free minutes that the call may use: none of a call on our own net, which has a price of its own."""
    priced = sold.priced
    if not priced.ingress or not priced.legs or priced.legs[0].owner_id != customer.id:
        return ()
    return chosen(customer.bundles, priced.legs[0], priced.number, at)


def _without_customer(invite: Invite, snapshot: Snapshot, caller: Caller) -> Plan:
    refusal = paused(snapshot.account) or caller.refusal
    nothing = Priced((), "", "", (), None)
    return Plan(
        invite, None, None, (), nothing.ingress, "", "", (), (), (), (), (), (), (), refusal, None, None, None, (),
        snapshot.slice_s, False, "", "proxy", snapshot.answers,
    )  # fmt: skip


def _closed(payers: Sequence[Payer], at: datetime, lines: list[str]) -> tuple[Refusal | None, datetime | None]:
    """The refusal of who is closed; else where the first payer to close among those who hang up ends the call.

    An end behind the longest talk after the longest ringing changes nothing, so nobody looks for it.
    """
    ends: list[datetime] = []
    opening = [(payer, hours) for payer in payers for hours in (payer.hours, payer.schedule) if hours is not None]
    for payer, hours in opening:
        scope = scope_of(payer, payers)
        values: Values = (("name", payer.name), ("at", at.isoformat()), ("zone", hours.clock))
        if not hours.allows(at):
            return Refusal(Key.time_restricted, scope, values), None
        closes_at = hours.next_change(at, until=at + _LONGEST) if payer.hours_hang_up else None
        if closes_at is not None:
            ends.append(closes_at)
            values = (*values, (HANG_UP_AT, closes_at.isoformat()))
        lines.append(gate_line("time_restricted", True, scope, values))
    return None, min(ends, default=None)


def _priced(
    payers: Sequence[Payer], dialed: str, snapshot: Snapshot, at: datetime, card_id: int | None = None
) -> Priced:
    """`card_id` is the customer's in place of its route's: calls from numbers that are not its own."""
    customer = payers[0]
    route, number = select(customer.routes, dialed)
    if route is None and customer.tag_routes:
        route, number = select(customer.tag_routes, dialed)
    if number is None:
        return Priced((), "", "", (), Refusal(Key.number_invalid, "number", (("number", dialed),)))
    if route is None:
        routes_count = len(customer.routes) + len(customer.tag_routes)
        refusal = Refusal(Key.no_ingress_route, "customer", (("number", number), ("routes", routes_count)))
        return Priced((), number, "", (), refusal)
    ingress: list[Route] = []
    legs: list[Leg] = []
    first: Refusal | None = None
    known = standing(customer)
    for payer, scope in zip(payers[:-1], known.scopes, strict=False):
        own = route if payer is customer else _above(payer, route.tech_prefix, number)
        if own is not None:
            ingress.append(own)
        found = _leg(payer, own, number, snapshot, at, scope, card_id if payer is customer else None)
        if isinstance(found, Refusal):
            first = first or found
        else:
            legs.append(found)
            if own is not None and (own.capped_price_nanos is not None or own.block_connect_fee):
                first = first or _capped(own, found, scope, at)
    warnings: list[str] = []
    if known.assures:
        first = first or sold_below_cost(payers, legs, at, warnings)
    return Priced(tuple(ingress), number, legs[0].destination if legs else "", tuple(legs), first, tuple(warnings))


def _above(payer: Payer, tech_prefix: str, number: str) -> Route | None:
    own = select_above(payer.routes, tech_prefix, number)
    return own or select_above(payer.tag_routes, tech_prefix, number)


def _leg(
    payer: Payer,
    route: Route | None,
    number: str,
    snapshot: Snapshot,
    at: datetime,
    scope: str,
    card_id: int | None,
) -> Leg | Refusal:
    if route is None:
        return Refusal(Key.no_rate, scope, (("name", payer.name), ("number", number), ("route", None)))
    return leg_of(payer, route.card_id if card_id is None else card_id, number, snapshot, at, scope)


def _capped(route: Route, leg: Leg, scope: str, at: datetime) -> Refusal | None:
    if route.capped_price_nanos is not None:
        price = price_per_minute_nanos(leg.rate, at)
        if price > route.capped_price_nanos:
            capped = (("name", leg.name), ("price_nanos", price), ("cap_nanos", route.capped_price_nanos))
            return Refusal(Key.rate_capped, scope, capped)
    if route.block_connect_fee:
        fee = max(window.connect_fee_nanos for window in leg.rate.windows)
        if fee:
            return Refusal(Key.connect_cost_blocked, scope, (("name", leg.name), ("connect_fee_nanos", fee)))
    return None


def _identity_line(invite: Invite, caller: Caller) -> str:
    endpoint, holder = caller.endpoint, invite.holder
    if holder is not None:
        told: Values = (
            ("ip", invite.source_ip),
            ("access_number", holder.access_number),
            ("endpoint", None if endpoint is None else endpoint.id),
        )
        return gate_line("identity", True, "pin", told)
    assert endpoint is not None
    user = "null" if invite.user is None else quote(invite.user)
    values = f'{{"ip":{quote(invite.source_ip)},"user":{user},"endpoint":{endpoint.id}}}'
    return f'{{"gate":"identity","ok":true,"scope":"{endpoint.kind}","values":{values}}}'


def _cli_lines(customer: Payer, cli: str, shown: Shown, snapshot: Snapshot) -> tuple[str, ...]:
    """Told only where there was something to decide: by rules, then by the pool."""
    rule, pooled = shown.rule, shown.pooled
    pool_lines = _NO_LINES if pooled is None else (_pool_line(customer, pooled, shown, snapshot),)
    if rule is None and not customer.approved_clis_only and customer.pai_mode == "default":
        return pool_lines
    values: Values = (("cli", cli), ("approved_only", customer.approved_clis_only), ("pai_mode", customer.pai_mode))
    if rule is not None:
        told: Values = (("how", shown.how), ("rule", rule.id), ("of", rule.name), ("attestation", rule.attestation))
        left = shown if pooled is None else pooled
        values = (*values, *told, ("cli_to", left.cli), ("pai_to", left.pai))
    return (gate_line(Key.cli_restricted, True, "customer", values), *pool_lines)


def _pool_line(customer: Payer, pooled: Pooled, shown: Shown, snapshot: Snapshot) -> str:
    """Whose the caller's number is, and what that has changed: the number shown, or the card that prices the call."""
    pool = customer.cli_pool
    assert pool is not None, "it has said so"
    values: Values = (("cli", pooled.cli), ("pool", pool.mode), ("how", pooled.how))
    if pooled.header:
        values = (*values, ("header", pooled.header), ("pai", pooled.pai))
    if shown.is_foreign:
        card = snapshot.cards.get(pool.card_id or 0)
        values = (*values, ("card", None if card is None else card.name))
    elif pooled.header:
        values = (*values, ("cli_to", shown.cli), ("pai_to", shown.pai))
    return gate_line(Key.cli_unknown, True, "customer", values)


def _price_line(priced: Priced) -> str:
    route, leg = priced.ingress[0], priced.legs[0]
    tag = f'"tag":{quote(route.tag)},' if route.tag else ""
    values = (
        f'{{"number":"{priced.number}","route":{quote(route.name)},{tag}"prefix":"{leg.prefix}",'
        f'"destination":{quote(leg.destination)}}}'
    )
    return f'{{"gate":"no_rate","ok":true,"scope":"customer","values":{values}}}'


def _wallet_ids(
    payers: Sequence[Payer],
    endpoint: Endpoint | None,
    sold: Sold,
    bundles: Sequence[Minutes],
) -> tuple[int, ...]:
    wallets = [payer.wallet_id for payer in payers]
    wallets += [bundle.wallet_id for bundle in bundles]
    if endpoint is not None and endpoint.limited:
        wallets.append(endpoint.wallet_id)
    wallets += [route.wallet_id for route in sold.priced.ingress if route.limited]
    if sold.callee is not None:
        wallets.append(sold.callee.wallet_id)
    for choice in sold.options.routes:
        wallets += choice.meters
    return tuple(dict.fromkeys(wallets))
