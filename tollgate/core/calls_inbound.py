"""Calls that come in: a carrier calls a DID, whose customer pays by its card of origination and is called.

They pass every gate but hours, routes and the caller's numbers, which are about calls that go out. The carrier stands
where one would that carries the call, so that it is paid by its own card and counts the call. To deliver to something
else, give its `RouteChoice` in `_deliveries`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from tollgate.core import calls_local
from tollgate.core.callee_addresses import comparable
from tollgate.core.calls_caller import Caller, Inbound
from tollgate.core.calls_levels import inactive, leg_of, paused, sold_below_cost, statuses
from tollgate.core.calls_recording import recording
from tollgate.core.calls_routes import LOSS_WARNING, loss
from tollgate.core.calls_standing import VERIFIED, standing
from tollgate.core.calls_text import card_text, gate_line, rate_text, route_text
from tollgate.core.calls_types import Delivery, Dropped, Handling, Invite, Leg, Plan, RouteChoice, Values
from tollgate.core.dids import Place, drawn
from tollgate.core.rates import Rate, in_force, simple
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import sip_host, sip_user
from tollgate.core.snapshot import Callee, Carrier, Did, Endpoint, Gateway, Payer, Snapshot

_NOTHING = simple(price_nanos=0, initial_s=1, increment_s=1)
_NOTHING_TEXT = rate_text(_NOTHING)


class Bought(NamedTuple):
    """The carrier that brings the call, with what it is paid."""

    carrier: Carrier
    gateway: Gateway
    card_id: int
    revision_id: int
    prefix: str
    currency: str
    rate: Rate
    rate_json: str


class Deliveries(NamedTuple):
    """Where the call is delivered: at addresses, one after the other, or to a phone that has registered."""

    routes: tuple[RouteChoice, ...]
    dropped: tuple[Dropped, ...]
    local: Delivery | None = None
    callee: Endpoint | Callee | None = None  # where that counts its calls


def inbound_plan(invite: Invite, caller: Caller, inbound: Inbound, snapshot: Snapshot, at: datetime) -> Plan:
    """The stateless part of the decision on a call to a DID."""
    did, customer = inbound.did, caller.customer
    assert customer is not None
    known = standing(customer)
    payers = known.payers
    status_refusal = paused(snapshot.account)
    if status_refusal is None and known.active_line is None:
        status_refusal = inactive(payers, at)
    status_lines: tuple[str, ...] = ()
    if status_refusal is None:
        status_lines = (_identity_line(invite, inbound, snapshot), known.active_line or statuses(payers, at))
    legs, refusal, warnings = _legs(did, payers, snapshot, at)
    bought = _bought(inbound, snapshot, at)
    to = Deliveries((), ())
    if isinstance(bought, Refusal):
        refusal = refusal or bought
    elif refusal is None:
        refusal = _lost(payers, legs, bought, at, warnings)
        to = _deliveries(invite, caller, did, bought, snapshot, at)
        refusal = refusal or (None if to.routes else _nowhere(did, to.dropped))
    late_lines = () if refusal is not None else (_did_line(did, legs, to), *warnings)
    return Plan(
        invite,
        customer,
        None,
        payers,
        (),
        did.number,
        legs[0].destination if legs else "",
        legs,
        to.routes,
        to.dropped,
        status_lines,
        (VERIFIED,) if known.unverified is None else (),
        (),
        late_lines,
        status_refusal,
        known.unverified,
        None,
        refusal,
        () if status_refusal is not None else _wallet_ids(payers, did, to),
        snapshot.slice_s,
        *recording(snapshot, did.recording, customer, at, did.recorders),
        "proxy",
        snapshot.answers,
        Handling(customer.media_locked, customer.removed_headers, to.local, inbound=True),
        callee=to.callee,
        did=did,
    )


def _legs(
    did: Did, payers: Sequence[Payer], snapshot: Snapshot, at: datetime
) -> tuple[tuple[Leg, ...], Refusal | None, list[str]]:
    """The price of every level but the account's, the first refusal among them, and lines of the trace."""
    legs: list[Leg] = []
    first: Refusal | None = None
    warnings: list[str] = []
    known = standing(payers[0])
    for payer, scope in zip(payers[:-1], known.scopes, strict=False):
        card_id = did.cards.get(payer.id)
        if card_id is None:
            found: Leg | Refusal = Refusal(
                Key.no_rate, scope, (("name", payer.name), ("number", did.number), ("card", None))
            )
        else:
            found = leg_of(payer, card_id, did.number, snapshot, at, scope)
        if isinstance(found, Refusal):
            first = first or found
        else:
            legs.append(found)
    if known.assures and first is None:
        first = sold_below_cost(payers, legs, at, warnings)
    return tuple(legs), first, warnings


def _lost(
    payers: Sequence[Payer], legs: Sequence[Leg], bought: Bought, at: datetime, warnings: list[str]
) -> Refusal | None:
    """Against the carrier's price the level nearest to the account is assured."""
    losses = payers[len(legs) - 1].loss_making_calls
    found = None if losses == "allow" else loss(legs[-1], bought.currency, bought.rate, at)
    if found is None:
        return None
    values = (("name", bought.carrier.name), *found)
    if losses == "refuse":
        return Refusal(Key.no_carrier, "carrier", values, "profit_assurance")
    warnings.append(gate_line(LOSS_WARNING, True, "carrier", values))
    return None


def _bought(inbound: Inbound, snapshot: Snapshot, at: datetime) -> Bought | Refusal:
    did, source = inbound
    carrier = snapshot.carriers[source.carrier_id]
    gateway = source.gateway or Gateway(id=0, name="", wallet_id=0, limited=False, host="")
    values: Values = (("name", carrier.name), ("number", did.number))
    if carrier.status != "active":
        return Refusal(Key.no_carrier, "carrier", (*values, ("status", carrier.status)))
    if did.carrier_card_id is None:
        return Bought(carrier, gateway, 0, 0, "", carrier.currency, _NOTHING, _NOTHING_TEXT)
    card = snapshot.cards.get(did.carrier_card_id)
    if card is None or card.currency != carrier.currency:
        currency = None if card is None else card.currency
        return Refusal(Key.no_rate, "carrier", (*values, ("card_currency", currency), ("currency", carrier.currency)))
    revision = card.at(at)
    row = None if revision is None else revision.find(did.number)
    if revision is None or row is None or not in_force(row.rate, at):
        return Refusal(Key.no_rate, "carrier", (*values, ("card", card.name)))
    if row.blocked:
        return Refusal(Key.destination_type, "carrier", (*values, ("card", card.name), ("prefix", row.prefix)))
    return Bought(carrier, gateway, card.id, revision.id, row.prefix, card.currency, row.rate, row.rate_json)


def _deliveries(
    invite: Invite, caller: Caller, did: Did, bought: Bought, snapshot: Snapshot, at: datetime
) -> Deliveries:
    """In the order of the destinations. A phone that is not the first has been given to somebody else meanwhile."""
    routes: list[RouteChoice] = []
    dropped: list[Dropped] = []
    called: list[Callee] = []
    places = drawn(did.places, invite.call_id) if did.order == "random" else did.places
    for place in places:
        found = _answering(place, did, snapshot, at)
        if isinstance(found, Dropped):
            dropped.append(found)
            continue
        by, owner = found
        dialed = caller._replace(dialed=place.extension or place.user or did.number)
        delivery = calls_local.delivery(dialed, invite, owner)
        if did.pai_mode == "remove":
            delivery = delivery._replace(pai="")
        if isinstance(by, Callee):
            number = delivery.number if by.kind == "endpoint" and delivery.number else dialed.dialed
            routes.append(_choice(place, by, number, delivery, bought))
            called.append(by)
        elif not routes:
            phone = _choice(place, None, "", delivery, bought)
            return Deliveries((phone,), tuple(dropped), delivery, by if by.limited else None)
        else:
            dropped.append(Dropped("", place.text, "excluded"))
    counts = called[0] if len(called) == 1 and (called[0].kind == "conference_room" or called[0].limited) else None
    return Deliveries(tuple(routes), tuple(dropped), None, counts)


def _answering(place: Place, did: Did, snapshot: Snapshot, at: datetime) -> calls_local.Called | Dropped:
    """What is at a destination and whose it is, or why no call of this customer goes there."""
    if not place.extension:
        by: Endpoint | Callee | None = did.servers.get(place)
        if comparable(place.host) in snapshot.forbidden:
            return Dropped("", place.text, "unknown", (("closed", "address"),))
    else:
        known = (snapshot.users.get(place.extension), snapshot.extensions.find(place.extension))
        by = next((found for found in known if found and (found.shared or found.customer_id == did.customer_id)), None)
    owner = None if by is None else snapshot.customers.get(by.customer_id)
    if by is None or owner is None:
        return Dropped("", place.text, "unknown")
    status = owner.status_at(at)
    if status != "active":
        return Dropped("", place.text, "inactive", (("called", owner.name), ("status", status)))
    if isinstance(by, Callee) and by.closed:
        return Dropped("", place.text, "unknown", (("closed", by.closed),))
    return calls_local.Called(by, owner)


def _choice(place: Place, by: Callee | None, number: str, delivery: Delivery, bought: Bought) -> RouteChoice:
    """The destination, in the place of a gateway of the carrier that brings the call and at its price; without `by`
    the edge finds the phone."""
    carrier, gateway = bought.carrier, replace(bought.gateway, name=place.text)
    text = route_text(
        carrier,
        gateway,
        card=card_text(bought.card_id, bought.revision_id),
        prefix=bought.prefix,
        currency=bought.currency,
        rate_json=bought.rate_json,
    )
    address = "" if by is None else f"sip:{sip_user(number)}@{sip_host(by.host)}:{by.port};transport={by.transport}"
    return RouteChoice(
        carrier.id,
        carrier.name,
        gateway.id,
        gateway.name,
        address,
        "" if by is None else by.host,
        0 if by is None else by.port,
        "" if by is None else by.transport,
        "" if by is None else delivery.cli,
        number,
        carrier.wallet_id,
        gateway.wallet_id,
        carrier.limited,
        gateway.limited,
        bought.card_id,
        bought.revision_id,
        bought.prefix,
        bought.rate,
        text.of(delivery.cli, number),
        bought.currency,
        delivery.first_reply_s,
        delivery.pdd_s,
        delivery.ring_s,
        delivery.pai,
    )


def _nowhere(did: Did, dropped: Sequence[Dropped]) -> Refusal:
    why = " ".join(drop.gateway for drop in dropped) or "none"
    return Refusal(Key.number_unallocated, "did", (("number", did.number), ("destinations", why)))


def _identity_line(invite: Invite, inbound: Inbound, snapshot: Snapshot) -> str:
    carrier = snapshot.carriers[inbound.source.carrier_id]
    values = (("ip", invite.source_ip), ("carrier", carrier.name), ("did", inbound.did.number))
    return gate_line("identity", True, "did", values)


def _did_line(did: Did, legs: Sequence[Leg], to: Deliveries) -> str:
    """What the trace tells of it."""
    values = (
        ("number", did.number),
        ("prefix", legs[0].prefix),
        ("destination", legs[0].destination),
        ("to", to.local.user if to.local is not None else " ".join(route.uri for route in to.routes)),
    )
    return gate_line("did", True, "customer", values)


def _wallet_ids(payers: Sequence[Payer], did: Did, to: Deliveries) -> tuple[int, ...]:
    wallets = [payer.wallet_id for payer in payers]
    if did.limited:
        wallets.append(did.wallet_id)
    if to.callee is not None:
        wallets.append(to.callee.wallet_id)
    for choice in to.routes:
        wallets += choice.meters
    return tuple(dict.fromkeys(wallets))
