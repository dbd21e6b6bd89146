"""A decision that is only tried: the real rules on the wallets as they are, nothing held, nothing written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tollgate.core.calls import Grant, Plan, decide, plan, read_gates
from tollgate.core.ledger import Purse
from tollgate.core.snapshot import Endpoint, Snapshot, Still
from tollgate.switches import MessageInvalid
from tollgate.switches.plain import Supposed, write_simulated

if TYPE_CHECKING:
    from tollgate.charging.service import Service


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Takes every address for one customer's: its calls can be tried before it has an endpoint."""

    endpoint: Endpoint

    def find(self, _ip: str) -> tuple[Endpoint, ...]:
        """The one endpoint."""
        return (self.endpoint,)


async def dry_run(service: Service, snapshot: Snapshot, question: Supposed) -> bytes:
    """The answer of `POST /v1/simulate`."""
    at = question.at or datetime.now(UTC)
    snapshot = replace(snapshot, rota=Still())
    if question.customer_id is not None:
        snapshot = _for_customer(snapshot, question.customer_id)
    planned = plan(question.invite, snapshot, at)
    if question.at is not None and (planned.ingress or planned.did is not None):
        snapshot = await _as_of(service, snapshot, planned, at)
        planned = plan(question.invite, snapshot, at)
    rows = await service.reader.fetch("wallets", list(planned.wallet_ids))
    decision = decide(planned, {row["id"]: Purse(*row) for row in rows}, at)
    if isinstance(decision, Grant):
        routes, dropped, lines = decision.routes, decision.dropped, decision.gate_lines
    else:
        routes, dropped, lines = (), planned.dropped, decision.gates
    return write_simulated(
        customer=None if planned.customer is None else planned.customer.id,
        decision=decision,
        gates=read_gates(lines),
        routes=routes,
        dropped=dropped,
        answers=planned.answers,
    )


async def _as_of(service: Service, snapshot: Snapshot, planned: Plan, at: datetime) -> Snapshot:
    """The same with the rates that were in force then: the snapshot has no older ones than those of now."""
    options = {option.card_id for route in planned.ingress for option in route.options}
    cards = options | {route.card_id for route in planned.ingress}
    if planned.customer is not None and planned.customer.cli_pool is not None:
        cards.add(planned.customer.cli_pool.card_id or 0)
    if planned.did is not None:
        cards |= {*planned.did.cards.values(), planned.did.carrier_card_id or 0}
    wanted = cards & snapshot.cards.keys()
    missing = [card_id for card_id in sorted(wanted) if snapshot.cards[card_id].at(at) is None]
    if not missing:
        return snapshot
    return replace(snapshot, cards={**snapshot.cards, **await service.snapshots.cards_at(missing, at)})


def _for_customer(snapshot: Snapshot, customer_id: int) -> Snapshot:
    if customer_id not in snapshot.customers:
        raise MessageInvalid("customer", f"{customer_id} is no customer of this account that may call")
    endpoint = Endpoint(id=0, customer_id=customer_id, kind="ip", wallet_id=0, name="any address")
    return replace(snapshot, networks=Everywhere(endpoint))
