"""The carriers of a call: which may carry it, which are left out and why, in which order they are tried.

A new reason to leave one out is a check in `_candidate`, a word in `calls_types.Dropped`, and, when it can
leave nobody, its words in `_nobody`.
"""

from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from tollgate.core import cli as callers_number
from tollgate.core.calls_types import Dropped, Leg, RouteChoice, Values
from tollgate.core.rates import Rate, in_force, price_per_minute_nanos, repeated_cost_micros
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import by_weight, cld_sent, in_order, sip_host, sip_user
from tollgate.core.snapshot import Card, Carrier, Gateway, Option, Payer, RateRow, Revision, Route, Snapshot

TYPICAL_MS = 180_000
"""The usual call for which profit is assured, besides the shortest one."""


class CarrierOptions(NamedTuple):
    """The routes in the order of trying, and who was left out."""

    routes: tuple[RouteChoice, ...]
    dropped: tuple[Dropped, ...]
    refusal: Refusal | None


class Wanted(NamedTuple):
    """What a call wants of its carriers: who calls, with which numbers, at which price it is sold to us."""

    customer: Payer
    call_id: str
    number: str
    cli: str
    pai: str  # the caller's own assertion
    leg: Leg  # of the payer nearest the account
    assured: bool  # somebody up to there sells nothing at a loss


class Candidate(NamedTuple):
    """A carrier that may carry the call, with its price and the number asserted towards it."""

    position: int
    weight: int
    price_nanos: int  # per minute
    foreign: bool  # priced in another currency than the call is sold in: not comparable
    card: Card
    revision: Revision
    row: RateRow
    carrier: Carrier
    pai: str


def carrier_options(wanted: Wanted, snapshot: Snapshot, route: Route, at: datetime) -> CarrierOptions:
    """All gateways for a number, by the route of the payer nearest the account."""
    dropped: list[Dropped] = []
    candidates: list[Candidate] = []
    for option in route.options:
        found = _candidate(option, snapshot, route, wanted, at)
        if isinstance(found, Dropped):
            dropped.append(found)
        else:
            candidates.append(found)
    routes: list[RouteChoice] = []
    for candidate in _ordered(candidates, route.strategy, wanted.call_id):
        gateways = candidate.carrier.gateways
        if len(gateways) > 1:
            gateways = tuple(by_weight(gateways, _weight, f"{candidate.carrier.id} {wanted.call_id}"))
        routes += [_choice(candidate, gateway, wanted) for gateway in gateways]
    return CarrierOptions(tuple(routes), tuple(dropped), None if routes else _nobody(wanted.number, dropped))


_weight = attrgetter("weight")
_position = attrgetter("position")
_price = attrgetter("price_nanos")
_foreign = attrgetter("foreign")


def _ordered(candidates: list[Candidate], strategy: str, seed: str) -> list[Candidate]:
    if len(candidates) < 2:
        return candidates
    ordered = in_order(candidates, strategy, price=_price, position=_position, weight=_weight, seed=seed)
    return sorted(ordered, key=_foreign) if strategy in ("lcr", "reverse_lcr") else ordered


def _candidate(option: Option, snapshot: Snapshot, route: Route, wanted: Wanted, at: datetime) -> Candidate | Dropped:
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
    pai = callers_number.sent(wanted.customer.pai_mode, wanted.pai, wanted.cli)
    shown = callers_number.sent_to(carrier.pai_mode, pai, wanted.pai)
    if shown is None:
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
    assured = route.profit_assurance or wanted.assured
    lost = loss(leg, card.currency, row.rate, at) if assured else None
    if lost is not None:
        return Dropped(carrier.name, "", "profit", lost)
    price = price_per_minute_nanos(row.rate, at)
    foreign = card.currency != leg.currency
    return Candidate(option.position, option.weight, price, foreign, card, revision, row, carrier, shown)


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


def _choice(candidate: Candidate, gateway: Gateway, wanted: Wanted) -> RouteChoice:
    card, carrier, row, customer = candidate.card, candidate.carrier, candidate.row, wanted.customer
    cld = cld_sent(wanted.number, gateway, card)
    host = sip_host(gateway.host)
    return RouteChoice(
        carrier.id,
        carrier.name,
        gateway.id,
        gateway.name,
        f"sip:{sip_user(cld)}@{host}:{gateway.port};transport={gateway.transport}",
        gateway.host,
        gateway.port,
        gateway.transport,
        wanted.cli,
        cld,
        carrier.wallet_id,
        gateway.wallet_id,
        carrier.limited,
        gateway.limited,
        card.id,
        candidate.revision.id,
        row.prefix,
        row.rate,
        row.rate_json,
        card.currency,
        customer.first_reply_s or carrier.first_reply_s,
        customer.pdd_s or carrier.pdd_s,
        customer.ring_s or carrier.ring_s,
        candidate.pai,
    )


def _nobody(number: str, dropped: list[Dropped]) -> Refusal:
    """No carrier is left: the words name profit assurance or exclusion when that is what left nobody."""
    whys = {drop.why for drop in dropped}
    if whys == {"paid_required"}:
        return Refusal(Key.paid_required, "carrier", (("number", number), ("pai", None)))
    variant = "profit_assurance" if "profit" in whys else "lock" if "excluded" in whys else ""
    return Refusal(Key.no_carrier, "carrier", (("number", number), ("why", " ".join(sorted(whys)))), variant)
