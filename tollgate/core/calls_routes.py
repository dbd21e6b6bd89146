"""The carriers of a call: which may carry it, which are left out and why, in which order they are tried.

A new reason to leave one out is a check in `_candidate`, a word in `calls_types.Dropped`, and, when it can
leave nobody, its words in `_nobody`.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from tollgate.core import cli as callers_number
from tollgate.core.calls_text import RouteText, card_text, gate_line, route_text
from tollgate.core.calls_types import Dropped, Leg, RouteChoice, Values
from tollgate.core.rates import Rate, in_force, is_timeless, price_per_minute_nanos, repeated_cost_micros
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import by_weight, cld_sent, in_order, sip_host, sip_user
from tollgate.core.snapshot import (
    MOST_OFFERS,
    Card,
    Carrier,
    Gateway,
    Option,
    Payer,
    RateRow,
    Revision,
    Route,
    Snapshot,
)

LOSS_WARNING = "loss_warning"
"""The gate of what is sold at a loss, and told."""
TYPICAL_MS = 180_000
"""The usual call for which profit is assured, besides the shortest one."""


class CarrierOptions(NamedTuple):
    """The routes in the order of trying, and who was left out."""

    routes: tuple[RouteChoice, ...]
    dropped: tuple[Dropped, ...]
    refusal: Refusal | None
    warnings: tuple[str, ...] = ()  # lines of the trace


class Wanted(NamedTuple):
    """What a call wants of its carriers: who calls, with which numbers, at which price it is sold to us."""

    customer: Payer
    call_id: str
    number: str
    cli: str
    pai: str  # the caller's own assertion
    leg: Leg  # of the payer nearest the account
    losses: str  # whether that one sells at a loss: 'allow', 'warn' or 'refuse'


class Candidate(NamedTuple):
    """A carrier that may carry the call, with its price and a way out over each of its gateways."""

    position: int
    weight: int
    price_nanos: int  # per minute
    foreign: bool  # priced in another currency than the call is sold in: not comparable
    carrier: Carrier
    card: Card
    revision: Revision
    row: RateRow
    ways: tuple["WayOut", ...]
    warning: str = ""  # where it costs more than the call is sold for, and somebody wants to know


class WayOut(NamedTuple):
    """A gateway, and what can be said of it before the numbers of a call are known."""

    gateway: Gateway
    weight: int
    uri_tail: str
    text: RouteText


class Offer(NamedTuple):
    """Who may carry a call at these prices, and who was left out; ordered where the order is always the same."""

    candidates: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]
    basis: tuple[object, ...] = ()
    """What it was made of: while it is remembered nothing else can take the identity of these."""


def carrier_options(wanted: Wanted, snapshot: Snapshot, route: Route, at: datetime) -> CarrierOptions:
    """All gateways for a number, by the route of the payer nearest the account."""
    asserted = callers_number.sent(wanted.customer.pai_mode, wanted.pai, wanted.cli)
    losses = "refuse" if route.profit_assurance else wanted.losses
    candidates, dropped, _ = _offer(wanted._replace(losses=losses), snapshot, route, asserted, at)
    if route.strategy in _DRAWN and len(candidates) > 1:
        candidates = tuple(_ordered(candidates, route.strategy, wanted.call_id))
    routes: list[RouteChoice] = []
    for candidate in candidates:
        pai = callers_number.sent_to(candidate.carrier.pai_mode, asserted, wanted.pai)
        assert pai is not None, "it would be no candidate"
        ways: Sequence[WayOut] = candidate.ways
        if len(ways) > 1:
            ways = by_weight(ways, _weight, f"{candidate.carrier.id} {wanted.call_id}")
        routes += [_choice(candidate, way, wanted, pai) for way in ways]
    warnings = () if losses != "warn" else tuple([found.warning for found in candidates if found.warning])
    return CarrierOptions(tuple(routes), dropped, None if routes else _nobody(wanted.number, dropped), warnings)


_weight = attrgetter("weight")
_position = attrgetter("position")
_price = attrgetter("price_nanos")
_foreign = attrgetter("foreign")
_DRAWN = frozenset({"weighted", "random"})
"""Strategies that order the carriers anew for each call."""


def _offer(wanted: Wanted, snapshot: Snapshot, route: Route, asserted: str, at: datetime) -> Offer:
    """The carriers of a route at the rates that a number meets: remembered by these, where no rate knows the hour."""
    leg = wanted.leg
    key: list[object] = [id(route.options), route.strategy, wanted.losses, bool(asserted), id(leg.rate), leg.currency]
    for option in route.options:
        card = snapshot.cards.get(option.card_id)
        revision = None if card is None else card.at(at)
        row = None if revision is None else revision.find(wanted.number)
        if row is None:  # what is said of it names the number
            return _examined(wanted, snapshot, route, at, asserted=asserted)
        key.append(id(row))
    identity = tuple(key)
    known = snapshot.offers.get(identity)
    if isinstance(known, Offer):
        return known
    offer = _examined(wanted, snapshot, route, at, asserted=asserted)
    rates = [leg.rate, *[candidate.row.rate for candidate in offer.candidates]]
    if not offer.dropped and all(is_timeless(rate) for rate in rates):
        if len(snapshot.offers) >= MOST_OFFERS:
            snapshot.offers.clear()
        snapshot.offers[identity] = offer
    return offer


def _examined(wanted: Wanted, snapshot: Snapshot, route: Route, at: datetime, *, asserted: str) -> Offer:
    dropped: list[Dropped] = []
    candidates: list[Candidate] = []
    for option in route.options:
        found = _candidate(option, snapshot, wanted, at, asserted=asserted)
        if isinstance(found, Dropped):
            dropped.append(found)
        else:
            candidates.append(found)
    if route.strategy not in _DRAWN:
        candidates = _ordered(candidates, route.strategy, wanted.call_id)
    return Offer(tuple(candidates), tuple(dropped), (route.options, wanted.leg.rate))


def _ordered(candidates: Sequence[Candidate], strategy: str, seed: str) -> list[Candidate]:
    if len(candidates) < 2:
        return list(candidates)
    ordered = in_order(candidates, strategy, price=_price, position=_position, weight=_weight, seed=seed)
    return sorted(ordered, key=_foreign) if strategy in ("lcr", "reverse_lcr") else ordered


def _candidate(
    option: Option, snapshot: Snapshot, wanted: Wanted, at: datetime, *, asserted: str
) -> Candidate | Dropped:
    leg, number = wanted.leg, wanted.number
    card = snapshot.cards.get(option.card_id)
    carrier = None if card is None or card.carrier_id is None else snapshot.carriers.get(card.carrier_id)
    if card is None or carrier is None:
        return Dropped("" if card is None else card.name, "", "unknown", (("card", option.card_id),))
    if option.excluded:
        return Dropped(carrier.name, "", "excluded", (("card", card.name),))
    if carrier.status != "active":
        return Dropped(carrier.name, "", "inactive", (("status", carrier.status),))
    if not carrier.gateways:
        return Dropped(carrier.name, "", "no_gateway")
    if callers_number.sent_to(carrier.pai_mode, asserted, wanted.pai) is None:
        return Dropped(carrier.name, "", "paid_required", (("pai", None),))
    if card.currency != carrier.currency:
        currencies = (("card_currency", card.currency), ("currency", carrier.currency))
        return Dropped(carrier.name, "", "currency", currencies)
    revision = card.at(at)
    row = None if revision is None else revision.find(number)
    if revision is None or row is None or not in_force(row.rate, at):
        return Dropped(carrier.name, "", "no_rate", (("card", card.name), ("number", number)))
    if row.blocked:
        return Dropped(carrier.name, "", "blocked", (("card", card.name), ("prefix", row.prefix)))
    lost = None if wanted.losses == "allow" else loss(leg, card.currency, row.rate, at)
    if lost is not None and wanted.losses == "refuse":
        return Dropped(carrier.name, "", "profit", lost)
    price = price_per_minute_nanos(row.rate, at)
    ways = tuple([_way(carrier, gateway, card, revision, row) for gateway in carrier.gateways])
    warning = "" if lost is None else gate_line(LOSS_WARNING, True, "carrier", (("name", carrier.name), *lost))
    return Candidate(
        option.position,
        option.weight,
        price,
        card.currency != leg.currency,
        carrier,
        card,
        revision,
        row,
        ways,
        warning,
    )


def _way(carrier: Carrier, gateway: Gateway, card: Card, revision: Revision, row: RateRow) -> WayOut:
    text = route_text(
        carrier,
        gateway,
        card=card_text(card.id, revision.id),
        prefix=row.prefix,
        currency=card.currency,
        rate_json=row.rate_json,
    )
    tail = f"@{sip_host(gateway.host)}:{gateway.port};transport={gateway.transport}"
    return WayOut(gateway, gateway.weight, tail, text)


def loss(sold_at: Leg, currency: str, bought_at: Rate, at: datetime) -> Values | None:
    """Profit assurance by expected billed cost: the shortest charged call and the usual one, fees included.

    The values that show the loss; None where there is none.
    """
    if currency != sold_at.currency:
        return (("card_currency", currency), ("currency", sold_at.currency))
    shortest_ms = (max(sold_at.rate.grace_s, bought_at.grace_s) + 1) * 1000
    for duration_ms in (shortest_ms, TYPICAL_MS):
        sold = repeated_cost_micros(sold_at.rate, at, duration_ms)
        bought = repeated_cost_micros(bought_at, at, duration_ms)
        if bought > sold:
            return (("duration_s", duration_ms // 1000), ("cost_micros", bought), ("charge_micros", sold))
    return None


def _choice(candidate: Candidate, way: WayOut, wanted: Wanted, pai: str) -> RouteChoice:
    gateway, _, uri_tail, text = way
    carrier, card, revision, row = candidate[4:8]
    customer, cli = wanted.customer, wanted.cli
    cld = cld_sent(wanted.number, gateway, card)
    return RouteChoice(
        carrier.id,
        carrier.name,
        gateway.id,
        gateway.name,
        f"sip:{sip_user(cld)}{uri_tail}",
        gateway.host,
        gateway.port,
        gateway.transport,
        cli,
        cld,
        carrier.wallet_id,
        gateway.wallet_id,
        carrier.limited,
        gateway.limited,
        card.id,
        revision.id,
        row.prefix,
        row.rate,
        text.of(cli, cld),
        card.currency,
        customer.first_reply_s or carrier.first_reply_s,
        customer.pdd_s or carrier.pdd_s,
        customer.ring_s or carrier.ring_s,
        pai,
    )


def _nobody(number: str, dropped: Sequence[Dropped]) -> Refusal:
    """No carrier is left: the words name profit assurance or exclusion when that is what left nobody."""
    whys = {drop.why for drop in dropped}
    if whys == {"paid_required"}:
        return Refusal(Key.paid_required, "carrier", (("number", number), ("pai", None)))
    variant = "profit_assurance" if "profit" in whys else "lock" if "excluded" in whys else ""
    return Refusal(Key.no_carrier, "carrier", (("number", number), ("why", " ".join(sorted(whys)))), variant)
