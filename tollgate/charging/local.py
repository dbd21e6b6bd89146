"""Calls between SIP users of one customer: delivered by the edge itself, free, over no carrier.

They pass every gate but those of price and carrier, so that channels, hours and status hold for them too. To charge for
them, give the customer an ingress route that matches the user's name: then they are priced like any other call.
"""

from __future__ import annotations

from typing import Final

from tollgate.core.calls import Leg, Plan, RouteChoice, rate_text
from tollgate.core.rates import simple
from tollgate.core.refusals import Key
from tollgate.core.snapshot import Payer, Snapshot

_FREE: Final = simple(price_nanos=0)
_FREE_TEXT: Final = rate_text(_FREE)
_UNPRICED: Final = frozenset({Key.no_ingress_route, Key.number_invalid})
DESTINATION: Final = "Local"


def local_user(plan: Plan, snapshot: Snapshot) -> str | None:
    """The SIP user that was dialed, when no ingress route takes the call and the caller's customer owns that user."""
    if plan.late is None or plan.customer is None or plan.late.key not in _UNPRICED:
        return None
    user = plan.invite.cld.lower()
    endpoint = snapshot.users.get(user)
    return user if endpoint is not None and endpoint.customer_id == plan.customer.id else None


def local_plan(plan: Plan) -> Plan:
    """The same call as a free one that stays at the edge."""
    customer = plan.customer
    assert customer is not None
    return plan._replace(
        late=None, legs=(_free_leg(customer),), routes=(_at_the_edge(customer.currency),), destination=DESTINATION
    )


def _free_leg(customer: Payer) -> Leg:
    return Leg(
        kind=customer.kind,
        owner_id=customer.id,
        name=customer.name,
        wallet_id=customer.wallet_id,
        book="revenue" if customer.depth == 1 else "resale",
        currency=customer.currency,
        card_id=0,
        revision_id=0,
        prefix="",
        destination=DESTINATION,
        rate=_FREE,
        rate_json=_FREE_TEXT,
        free=True,
    )


def _at_the_edge(currency: str) -> RouteChoice:
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
        rate=_FREE,
        rate_json=_FREE_TEXT,
        currency=currency,
        first_reply_s=5,
        pdd_s=5,
        ring_s=60,
    )
