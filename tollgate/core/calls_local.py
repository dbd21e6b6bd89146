"""Calls that stay on our net: a dialed number which is an extension of the same customer, or one that its customer
shares with all others of the account.

They pass every gate but those of routes and carriers, and are sold at each level's own price of local calls, whose
zero means free and not credit-checked. The edge delivers those to a SIP user to where the phone has registered, and
those to a `Callee` (a PBX, the server of a conference room) to its address, as it does with a carrier's. To deliver
calls to something else within the net, make its `Delivery` or its `RouteChoice` here.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from tollgate.core.callee_addresses import is_at
from tollgate.core.calls_caller import Caller
from tollgate.core.calls_levels import STATUS_KEYS
from tollgate.core.calls_text import card_text, gate_line, leg_text, rate_text, route_text
from tollgate.core.calls_types import Delivery, Invite, Leg, RouteChoice, Values
from tollgate.core.localization import swapped
from tollgate.core.rates import Rate, is_free, simple
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import sip_host, sip_user
from tollgate.core.snapshot import Callee, Carrier, Endpoint, Gateway, Payer, Snapshot

DESTINATION = "Local"
_NO_CARD = card_text(0, 0)
_NOBODY = Carrier(id=0, name="", wallet_id=0, currency="", status="active")
_EDGE = Gateway(id=0, name="", wallet_id=0, limited=False, host="")


class Called(NamedTuple):
    """What was dialed on our own net, and whose it is."""

    by: Endpoint | Callee  # a SIP user, or what is called at an address of its own
    owner: Payer


def called_extension(caller: Caller, snapshot: Snapshot) -> Called | None:
    """The extension that was dialed and its customer; None for a call that goes out."""
    if caller.customer is None or not caller.customer.local_calls:
        return None
    found = snapshot.users.get(caller.dialed.lower()) or snapshot.extensions.find(caller.dialed)
    if found is None or not (found.shared or found.customer_id == caller.customer.id):
        return None
    owner = snapshot.customers.get(found.customer_id)
    return None if owner is None else Called(found, owner)


def delivery(caller: Caller, invite: Invite, called: Payer) -> Delivery:
    """How the extension is to be called: with the numbers that its customer's localization makes of ours.

    The number shown is said even where nothing changed it: only who has the INVITE knows what stands there.
    """
    customer = caller.customer
    assert customer is not None
    number, shown = caller.dialed, caller.cli
    if called.localization is not None:
        own = called.localization
        shown = swapped(own.terminate_cli_out, swapped(own.terminate_cli_in, shown))
        number = swapped(own.terminate_cld, number)
    private = invite.privacy is not None and "id" in invite.privacy.lower()
    return Delivery(
        user=caller.dialed.lower(),
        cli=shown,
        number=number if number != caller.dialed else "",
        pai="" if private or customer.pai_mode == "remove" else caller.pai,
        first_reply_s=customer.first_reply_s or 5,
        pdd_s=customer.pdd_s or 5,
        ring_s=customer.ring_s or 60,
    )


def not_reachable(called: Called, caller: Caller, source_ip: str, at: datetime) -> Refusal | None:
    """Only an active customer receives calls (behaviour.md 6.2), and no PBX those it has sent out itself: it does not
    know the extension, and would send each of them to us again. What is disabled is called by nobody, and its number is
    none of the public network meanwhile.
    """
    owner = called.owner
    status = owner.status_at(at)
    if status != "active":
        values: Values = (("called", owner.name), ("status", status))
        return Refusal(STATUS_KEYS.get(status, Key.status_inactive), "called", values)
    by = called.by
    values = (("name", by.name), ("number", caller.dialed))
    if not isinstance(by, Callee):
        return None
    if by.closed:
        return Refusal(Key.number_unallocated, "called", (*values, ("closed", by.closed)))
    return Refusal(Key.local_loop, "called", values) if _sent_by(by, caller.endpoint, source_ip) else None


def _sent_by(by: Callee, endpoint: Endpoint | None, source_ip: str) -> bool:
    """Whether a PBX calls itself: as the same endpoint, or as another one from its address."""
    if by.kind != "endpoint":
        return False
    return (endpoint is not None and endpoint.id == by.id) or is_at(source_ip, by.host, by.network)


def is_counted(called: Called, caller: Caller) -> bool:
    """Whether what is called counts the call: a room always, and an endpoint with limits, be it a phone or a PBX.

    A phone that calls its own number is one endpoint, whose call is counted already.
    """
    by, endpoint = called.by, caller.endpoint
    if by.kind == "conference_room":
        return True
    return by.limited and (endpoint is None or endpoint.id != by.id)


def local_legs(payers: Sequence[Payer]) -> tuple[Leg, ...]:
    """The price of every level but the account's."""
    return tuple([_leg(payer) for payer in payers if payer.kind == "customer"])


def local_line(caller: Caller, called: Called) -> str:
    """What the trace tells of it."""
    customer = caller.customer
    assert customer is not None
    values: Values = (
        ("user", caller.dialed.lower()),
        ("called", called.owner.name),
        ("price_nanos", customer.local_price_nanos),
        ("increment_s", customer.local_increment_s),
    )
    if isinstance(called.by, Callee):
        values = (*values, ("kind", called.by.kind), ("name", called.by.name))
    return gate_line("local_call", True, "customer", values)


def at_its_address(called: Callee, caller: Caller, local: Delivery, currency: str) -> RouteChoice:
    """A PBX or a conference server in the place of a carrier. A room is called by its extension, whoever hosts it."""
    number = local.number or caller.dialed
    user = caller.dialed if called.kind == "conference_room" else number
    gateway = Gateway(id=0, name=called.name, wallet_id=0, limited=False, host="")
    _, rate_json = _rate(0, 1)
    text = route_text(_NOBODY, gateway, card=_NO_CARD, prefix="", currency=currency, rate_json=rate_json)
    return at_the_edge(local, currency)._replace(
        gateway=called.name,
        uri=f"sip:{sip_user(user)}@{sip_host(called.host)}:{called.port};transport={called.transport}",
        host=called.host,
        port=called.port,
        transport=called.transport,
        cli=local.cli,
        cld=user,
        pai=local.pai,
        text=text.of(local.cli, user),
    )


def at_the_edge(local: Delivery, currency: str) -> RouteChoice:
    """The phone in the place of a carrier: it costs nothing."""
    rate, rate_json = _rate(0, 1)
    text = route_text(_NOBODY, _EDGE, card=_NO_CARD, prefix="", currency=currency, rate_json=rate_json)
    return RouteChoice(
        carrier_id=0,
        carrier="",
        gateway_id=0,
        gateway="",
        uri="",
        host="",
        port=0,
        transport="",
        cli="",
        cld="",
        carrier_wallet_id=0,
        gateway_wallet_id=0,
        carrier_limited=False,
        gateway_limited=False,
        card_id=0,
        revision_id=0,
        prefix="",
        rate=rate,
        text=text.of("", ""),
        currency=currency,
        first_reply_s=local.first_reply_s,
        pdd_s=local.pdd_s,
        ring_s=local.ring_s,
    )


def _leg(payer: Payer) -> Leg:
    rate, rate_json = _rate(payer.local_price_nanos, payer.local_increment_s)
    book = "revenue" if payer.depth == 1 else "resale"
    return Leg(
        kind=payer.kind,
        owner_id=payer.id,
        name=payer.name,
        wallet_id=payer.wallet_id,
        book=book,
        currency=payer.currency,
        card_id=0,
        revision_id=0,
        prefix="",
        destination=DESTINATION,
        rate=rate,
        text=leg_text(payer, book=book, card=_NO_CARD, prefix="", destination=DESTINATION, rate_json=rate_json),
        free=is_free(rate),
    )


@lru_cache(maxsize=4096)
def _rate(price_nanos: int, increment_s: int) -> tuple[Rate, str]:
    rate = simple(price_nanos=price_nanos, initial_s=increment_s, increment_s=increment_s)
    return rate, rate_text(rate)
