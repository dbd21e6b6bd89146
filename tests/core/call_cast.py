"""The cast of the call tests: Acme pays ahead, Baltic pays later, Rhine resells to Saar, Cirrus carries.

`world()` gives a snapshot and its purses; keyword arguments replace fields of the record they name. `Desk` does to the
purses in memory what the charging process does to the tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from tollgate.core.calls import (
    Grant,
    Invite,
    LiveCall,
    Plan,
    Settlement,
    apply_extension,
    apply_grant,
    apply_settlement,
    decide,
    extend,
    plan,
    rate_text,
    read_plan,
    settle,
    settlement_wallet_ids,
)
from tollgate.core.digits import PrefixIndex
from tollgate.core.ledger import Billed, Entry, Purse, check_laws
from tollgate.core.rates import Rate, simple
from tollgate.core.refusals import Refusal
from tollgate.core.snapshot import (
    Card,
    Carrier,
    Endpoint,
    Gateway,
    Network,
    Option,
    Payer,
    RateRow,
    Revision,
    Route,
    Snapshot,
)

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EURO = 1_000_000
CENT = 10_000

ACCOUNT_WALLET, ACME_WALLET, BALTIC_WALLET, RHINE_WALLET, SAAR_WALLET = 1, 11, 12, 13, 14
ENDPOINT_WALLET, ROUTE_WALLET, CARRIER_WALLET, GATEWAY_WALLET, GATEWAY_2_WALLET = 21, 31, 41, 51, 52
RHINE_ROUTE_WALLET, CARRIER_2_WALLET, GATEWAY_3_WALLET = 33, 42, 53

SELL = simple(price_nanos=60_000_000, initial_s=60, increment_s=60)  # 0.06 a minute, whole minutes
RESALE = simple(price_nanos=50_000_000, initial_s=1, increment_s=1)
BUY = simple(price_nanos=12_000_000, initial_s=1, increment_s=1)
FREE = simple(price_nanos=0)


@dataclass(frozen=True)
class Addresses:
    """Endpoints by address, searched the slow and obvious way."""

    listed: tuple[tuple[Network, Endpoint], ...]

    def find(self, ip: str) -> tuple[Endpoint, ...]:
        try:
            address = ip_address(ip)
        except ValueError:
            return ()
        found = [(network.prefixlen, endpoint) for network, endpoint in self.listed if address in network]
        return tuple(endpoint for _, endpoint in sorted(found, key=lambda pair: -pair[0]))


def row(prefix: str, rate: Rate, *, blocked: bool = False, destination: str = "UK") -> RateRow:
    return RateRow(prefix, destination, blocked, rate, rate_text(rate))


def card(card_id: int, rows: Iterable[RateRow], *, carrier_id: int | None = None, **fields: Any) -> Card:
    rates = tuple(rows)
    index = PrefixIndex.build((rate.prefix, position) for position, rate in enumerate(rates))
    revisions = ((LONG_AGO, Revision(card_id * 10, 1, index, rates)),)
    known = {"kind": "customer" if carrier_id is None else "carrier", "name": f"card {card_id}", "currency": "EUR"}
    return Card(**{"id": card_id, "carrier_id": carrier_id, "revisions": revisions, **known, **fields})


def ingress(route_id: int, wallet_id: int, own_card_id: int, **fields: Any) -> Route:
    known = {"name": f"route {route_id}", "limited": True, "tech_prefix": "", "patterns": (), "strategy": "lcr"}
    options = (Option(101, 0, 100), Option(102, 1, 100))
    return Route(
        **{"id": route_id, "wallet_id": wallet_id, "card_id": own_card_id, "options": options, **known, **fields}
    )


@dataclass
class World:
    """A snapshot and the purses that go with it."""

    snapshot: Snapshot
    purses: dict[int, Purse] = field(default_factory=dict)

    def plan(self, invite: Invite | None = None, at: datetime = AT) -> Plan:
        return plan(invite or INVITE, self.snapshot, at)

    def decide(self, invite: Invite | None = None, at: datetime = AT) -> Grant | Refusal:
        return decide(self.plan(invite, at), self.purses, at)

    def granted(self, invite: Invite | None = None, at: datetime = AT) -> Grant:
        outcome = self.decide(invite, at)
        assert isinstance(outcome, Grant), outcome
        return outcome

    def refused(self, invite: Invite | None = None, at: datetime = AT) -> Refusal:
        outcome = self.decide(invite, at)
        assert isinstance(outcome, Refusal), outcome
        return outcome


INVITE = Invite("kam1", "call-1", "198.51.100.7", cli="442071838750", cld="442079460001")
SAAR_INVITE = INVITE._replace(source_ip="198.51.100.9")


def world(
    *,
    account: Mapping[str, Any] | None = None,
    acme: Mapping[str, Any] | None = None,
    saar: Mapping[str, Any] | None = None,
    rhine: Mapping[str, Any] | None = None,
    endpoint: Mapping[str, Any] | None = None,
    route: Mapping[str, Any] | None = None,
    rhine_route: Mapping[str, Any] | None = None,
    carrier: Mapping[str, Any] | None = None,
    carrier_2: Mapping[str, Any] | None = None,
    cards: Mapping[int, Card] | None = None,
    purses: Mapping[int, Mapping[str, Any]] | None = None,
    **fields: Any,
) -> World:
    """The usual world with some fields replaced."""
    company = Payer(**{**_payer(1, "Demo Telecom", ACCOUNT_WALLET, 0), "kind": "account", **(account or {})})
    acme_route = ingress(1, ROUTE_WALLET, 1, **(route or {}))
    rhine_own = ingress(3, RHINE_ROUTE_WALLET, 3, **(rhine_route or {}))
    payers = {
        1: Payer(
            **{**_payer(1, "Acme", ACME_WALLET, 1), "routes": (acme_route,), "parents": (company,), **(acme or {})}
        ),
        2: Payer(**{**_payer(2, "Baltic", BALTIC_WALLET, 1), "routes": (acme_route,), "parents": (company,)}),
        3: Payer(
            **{**_payer(3, "Rhine", RHINE_WALLET, 1), "routes": (rhine_own,), "parents": (company,), **(rhine or {})}
        ),
    }
    payers[4] = Payer(
        **{
            **_payer(4, "Saar", SAAR_WALLET, 2),
            "routes": (ingress(4, 34, 1, limited=False),),
            "parents": (payers[3], company),
            **(saar or {}),
        }
    )
    acme_endpoint = Endpoint(
        **{"id": 1, "customer_id": 1, "kind": "ip", "wallet_id": ENDPOINT_WALLET, **(endpoint or {})}
    )
    networks = (
        (ip_network("198.51.100.7/32"), acme_endpoint),
        (ip_network("198.51.100.8/32"), Endpoint(2, 2, "ip", 22)),
        (ip_network("198.51.100.9/32"), Endpoint(4, 4, "ip", 24)),
    )
    gateways = (Gateway(1, "cirrus-a", GATEWAY_WALLET, False, "203.0.113.5"),)
    carriers = {
        1: Carrier(**{**_carrier(1, "Cirrus", CARRIER_WALLET), "gateways": gateways, **(carrier or {})}),
        2: Carrier(
            **{
                **_carrier(2, "Delta", CARRIER_2_WALLET),
                "gateways": (Gateway(3, "delta-a", GATEWAY_3_WALLET, False, "203.0.113.9"),),
                **(carrier_2 or {}),
            }
        ),
    }
    all_cards = {
        1: card(1, [row("44", SELL)]),
        3: card(3, [row("44", RESALE)]),
        101: card(101, [row("44", BUY)], carrier_id=1),
        102: card(102, [row("442", simple(price_nanos=13_000_000))], carrier_id=2),
        **(cards or {}),
    }
    known: dict[str, Any] = {"users": {}, "slice_s": 0, **fields}
    snapshot = Snapshot(
        account=company,
        customers=payers,
        networks=known.pop("networks", Addresses(networks)),
        cards=all_cards,
        carriers=carriers,
        **known,
    )
    return World(snapshot, _purses(purses or {}))


def _payer(payer_id: int, name: str, wallet_id: int, depth: int) -> dict[str, Any]:
    return {
        "kind": "customer",
        "id": payer_id,
        "name": name,
        "wallet_id": wallet_id,
        "depth": depth,
        "currency": "EUR",
        "status": "active",
    }


def _carrier(carrier_id: int, name: str, wallet_id: int) -> dict[str, Any]:
    return {
        "id": carrier_id,
        "name": name,
        "wallet_id": wallet_id,
        "currency": "EUR",
        "status": "active",
        "limited": True,
    }


def _purses(changes: Mapping[int, Mapping[str, Any]]) -> dict[int, Purse]:
    listed = [
        (ACCOUNT_WALLET, "account", 1, 0, "EUR"),
        (ACME_WALLET, "customer", 1, 1, "EUR"),
        (BALTIC_WALLET, "customer", 2, 1, "EUR"),
        (RHINE_WALLET, "customer", 3, 1, "EUR"),
        (SAAR_WALLET, "customer", 4, 2, "EUR"),
        (ENDPOINT_WALLET, "endpoint", 1, 100, None),
        (ROUTE_WALLET, "ingress_route", 1, 99, None),
        (RHINE_ROUTE_WALLET, "ingress_route", 3, 99, None),
        (CARRIER_WALLET, "carrier", 1, -1, "EUR"),
        (CARRIER_2_WALLET, "carrier", 2, -1, "EUR"),
        (GATEWAY_WALLET, "gateway", 1, -2, None),
        (GATEWAY_2_WALLET, "gateway", 2, -2, None),
        (GATEWAY_3_WALLET, "gateway", 3, -2, None),
    ]
    purses = {}
    for wallet_id, kind, owner_id, depth, currency in listed:
        balance = 10 * EURO if kind == "customer" else 0
        known = {"balance_micros": balance, **changes.get(wallet_id, {})}
        purses[wallet_id] = Purse(wallet_id, 1, kind, owner_id, None, depth, currency, **known)
    return purses


@dataclass
class Desk:
    """The charging process in memory: live calls, entries and CDRs beside the purses."""

    world: World
    calls: dict[str, LiveCall] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    cdrs: list[Billed] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    openings: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.openings = {wallet_id: purse.balance_micros for wallet_id, purse in self.world.purses.items()}

    def authorize(self, invite: Invite, at: datetime = AT) -> Grant | Refusal:
        planned = self.world.plan(invite, at)
        outcome = decide(planned, self.world.purses, at)
        if isinstance(outcome, Grant):
            apply_grant(outcome, self.world.purses, at)
            self.calls[invite.call_id] = live(planned, outcome, at, len(self.texts) + 1)
            self.texts[invite.call_id] = outcome.plan_json
        return outcome

    def answer(self, call_id: str, at: datetime) -> None:
        call = self.calls[call_id]
        call.state, call.answered_at = "answered", at
        call.granted_until = at + timedelta(seconds=call.granted_s)

    def extend(self, call_id: str, at: datetime, slice_s: int) -> bool:
        call = self.calls[call_id]
        more = extend(call, self.world.purses, at, slice_s)
        if more is not None:
            apply_extension(call, more, self.world.purses)
        return more is not None

    def end(self, call_id: str, at: datetime, duration_ms: int | None = None) -> Settlement:
        call = self.calls.pop(call_id)
        settled = settle(call, ended_at=at, answered_at=call.answered_at, duration_ms=duration_ms, at=at)
        purses = {wallet_id: self.world.purses[wallet_id] for wallet_id in settlement_wallet_ids(call)}
        entries = apply_settlement(call, settled, purses)
        self.entries += entries
        postings: dict[int, int] = {}
        for leg, cost in zip(call.plan.legs, settled.leg_costs, strict=True):
            postings[leg.wallet_id] = -cost.cost_micros
        for bundle, seconds in zip(call.plan.bundles, settled.minutes_s, strict=False):
            postings[bundle.wallet_id] = -seconds * EURO
        if settled.carrier is not None:
            postings[settled.carrier.wallet_id] = settled.carrier.cost_micros
        self.cdrs.append(Billed(call.id, postings))
        return settled

    def broken_laws(self, at: datetime = AT) -> list[str]:
        purses = self.world.purses
        opening = [
            Entry(w, "payments", "topup", sum_, str(purses[w].currency)) for w, sum_ in self.openings.items() if sum_
        ]
        return check_laws(
            purses=self.world.purses.values(),
            entries=opening + self.entries,
            calls=self.calls.values(),
            cdrs=self.cdrs,
            at=at,
            validity_s=30,
        )


def live(planned: Plan, grant: Grant, at: datetime, call_id: int = 1) -> LiveCall:
    """The row of `call` which the desk writes for a grant, read back."""
    assert planned.customer is not None
    assert planned.endpoint is not None
    return LiveCall(
        id=call_id,
        account_id=1,
        edge=planned.invite.edge,
        edge_call_id=planned.invite.call_id,
        customer_id=planned.customer.id,
        endpoint_id=planned.endpoint.id,
        ingress_route_id=planned.ingress[0].id,
        cli=planned.invite.cli,
        cld=planned.invite.cld,
        number=planned.number,
        destination=planned.destination,
        state="authorized",
        authorized_at=at,
        answered_at=None,
        granted_s=grant.granted_s,
        granted_until=at + timedelta(seconds=grant.ring_s),
        max_s=grant.max_s,
        extended_count=0,
        route_index=None,
        carrier_wallet_ids=grant.carrier_wallet_ids,
        wallet_ids=grant.meters,
        held_micros=grant.holds,
        currency=planned.legs[0].currency,
        last_seen_at=at,
        hangup_at=None,
        plan=read_plan(grant.plan_json),
        minutes_s=grant.minutes_s,
    )


def with_route(snapshot: Snapshot, **fields: Any) -> Snapshot:
    """The snapshot with Acme's route changed."""
    acme = snapshot.customers[1]
    changed = replace(acme, routes=(replace(acme.routes[0], **fields),))
    return replace(snapshot, customers={**snapshot.customers, 1: changed})
