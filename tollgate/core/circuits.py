"""Circuit tests: calls of our own that may take certain gateways alone, and how the charging process knows them.

The caller writes the gateways into a header of its INVITE, with a proof that only who has the installation's secret can
make, bound to the Call-ID. The decision is that of any other call; afterwards the other gateways are left out.
"""

import hmac
from collections.abc import Collection, Iterable
from typing import Final

from tollgate.core.calls_types import Dropped, Plan
from tollgate.core.refusals import Key, Refusal

HEADER: Final = "X-Tollgate-Circuit"
LEFT_OUT: Final = "circuit_test"
"""Why a gateway was left out: the test is of others."""


def written(secret: str, call_id: str, gateway_ids: Iterable[int]) -> str:
    """The value of the header for a call that may take these gateways alone."""
    told = ",".join(map(str, gateway_ids))
    return f"{told}.{_proof(secret, call_id, told)}"


def read(secret: str, call_id: str, value: str) -> frozenset[int] | None:
    """The gateways that a header names; None for one that we did not write for this call."""
    told, _, proof = value.partition(".")
    if not told or not hmac.compare_digest(proof.encode(), _proof(secret, call_id, told).encode()):
        return None
    return frozenset(map(int, told.split(",")))


def through(plan: Plan, gateway_ids: Collection[int]) -> Plan:
    """The plan with these gateways alone; where none of them would carry the call, it is refused as by no carrier."""
    routes = tuple([route for route in plan.routes if route.gateway_id in gateway_ids])
    others = [
        Dropped(route.carrier, route.gateway, LEFT_OUT) for route in plan.routes if route.gateway_id not in gateway_ids
    ]
    late = plan.late
    if not routes and late is None:
        late = Refusal(Key.no_carrier, "carrier", (("number", plan.number), ("why", LEFT_OUT)))
    return plan._replace(routes=routes, dropped=(*plan.dropped, *others), late=late)


def _proof(secret: str, call_id: str, told: str) -> str:
    return hmac.digest(secret.encode(), f"circuit:{call_id}:{told}".encode(), "sha256").hex()
