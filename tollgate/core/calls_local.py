"""Calls that stay on our net: a dialed number which is the name of a SIP user of the same customer, or of one whose
customer shares it with all others of the account.

They pass every gate but those of routes and carriers, and are sold at each level's own price of local calls, whose
zero means free and not credit-checked. The edge delivers them to where the phone has registered. To deliver calls to
something else within the net, make its `Delivery` here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from tollgate.core.calls_caller import Caller
from tollgate.core.calls_text import card_text, gate_line, leg_text, rate_text, route_text
from tollgate.core.calls_types import Delivery, Invite, Leg, RouteChoice
from tollgate.core.localization import swapped
from tollgate.core.rates import Rate, is_free, simple
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Carrier, Endpoint, Gateway, Payer, Snapshot

DESTINATION = "Local"
_NO_CARD = card_text(0, 0)
_NOBODY = Carrier(id=0, name="", wallet_id=0, currency="", status="active")
_EDGE = Gateway(id=0, name="", wallet_id=0, limited=False, host="")
STATUS_KEYS: Mapping[str, Key] = {"penalty": Key.status_penalty, "pending": Key.status_pending}
"""What a customer's status refuses with; any other that is not active is `status_inactive`."""


def called_phone(caller: Caller, snapshot: Snapshot) -> tuple[Endpoint, Payer] | None:
    """The SIP user that was dialed and its customer; None for a call that goes out."""
    if caller.customer is None or not caller.customer.local_calls:
        return None
    endpoint = snapshot.users.get(caller.dialed.lower())
    if endpoint is None or not (endpoint.shared or endpoint.customer_id == caller.customer.id):
        return None
    owner = snapshot.customers.get(endpoint.customer_id)
    return None if owner is None else (endpoint, owner)


def delivery(caller: Caller, invite: Invite, called: Payer) -> Delivery:
    """How the phone is to be called: with the numbers that its customer's localization makes of ours."""
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
        cli=shown if shown != invite.cli else "",
        number=number if number != caller.dialed else "",
        pai="" if private or customer.pai_mode == "remove" else caller.pai,
        first_reply_s=customer.first_reply_s or 5,
        pdd_s=customer.pdd_s or 5,
        ring_s=customer.ring_s or 60,
    )


def not_reachable(called: Payer, at: datetime) -> Refusal | None:
    """Only an active customer receives calls (behaviour.md 6.2)."""
    status = called.status_at(at)
    if status == "active":
        return None
    values = (("called", called.name), ("status", status))
    return Refusal(STATUS_KEYS.get(status, Key.status_inactive), "called", values)


def local_legs(payers: Sequence[Payer]) -> tuple[Leg, ...]:
    """The price of every level but the account's."""
    return tuple([_leg(payer) for payer in payers if payer.kind == "customer"])


def local_line(caller: Caller, called: Payer) -> str:
    """What the trace tells of it."""
    customer = caller.customer
    assert customer is not None
    values = (
        ("user", caller.dialed.lower()),
        ("called", called.name),
        ("price_nanos", customer.local_price_nanos),
        ("increment_s", customer.local_increment_s),
    )
    return gate_line("local_call", True, "customer", values)


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
