"""The values that pass between the steps of a call: what came in, what was planned, granted, extended and settled.

The ones made anew for every call are named tuples, immutable as dataclasses are, because a frozen dataclass of twenty
fields costs more to make than the decision it carries. To carry a new fact to the CDR, add it to `Leg` or
`RouteChoice` and to the lines of `calls_text`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tollgate.core.rates import Rate
from tollgate.core.refusals import Answer, Refusal, Value
from tollgate.core.snapshot import Callee, Did, Endpoint, Payer, Route
from tollgate.core.stir import Attestation

MOST_RING_S = 300
MOST_TALK_S = 86_400
"""The longest call where nobody sets a maximum."""

Values = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Presented:
    """A PIN and the access number it was dialed at, as a switch sent them. Nothing writes it down."""

    access_number: str
    pin: str = field(repr=False)


class Holder(NamedTuple):
    """What became of a presented PIN: the customer who holds it, or why nobody does."""

    access_number: str
    customer_id: int | None
    refusal: Refusal | None = None


class Invite(NamedTuple):
    """A call that asks to be carried, as the switch saw it. `user` is set only when the edge has checked a digest.

    `presented` is taken out, and `holder` put in, before anything is decided or written.
    """

    edge: str
    call_id: str
    source_ip: str
    source_port: int = 5060
    transport: str = "udp"
    user: str | None = None
    cli: str = ""
    cld: str = ""
    cli_name: str = ""
    pai: str | None = None
    privacy: str | None = None
    diversion: str | None = None
    identity: str | None = None
    codecs: tuple[str, ...] = ()
    user_agent: str = ""
    presented: Presented | None = None
    holder: Holder | None = None


class Gate(NamedTuple):
    """One step of a decision with the values it compared."""

    gate: str
    ok: bool
    scope: str
    values: dict[str, Value]


def read_gates(lines: tuple[str, ...]) -> tuple[Gate, ...]:
    """Gates are kept as JSON lines while a call is decided; this reads them for people."""
    return tuple(Gate(g["gate"], g["ok"], g["scope"], g["values"]) for g in map(json.loads, lines))


class Leg(NamedTuple):
    """One payer's price for the call; `text` is its JSON line, as it stands in `call.plan`."""

    kind: str
    owner_id: int
    name: str
    wallet_id: int
    book: str  # 'revenue' at depth 1, 'resale' below
    currency: str
    card_id: int
    revision_id: int
    prefix: str
    destination: str
    rate: Rate
    text: str
    free: bool


class RouteChoice(NamedTuple):
    """One gateway to try; `text` is its JSON line, as it stands in `call.plan`."""

    carrier_id: int
    carrier: str
    gateway_id: int
    gateway: str
    uri: str
    host: str
    port: int
    transport: str
    cli: str
    cld: str
    carrier_wallet_id: int
    gateway_wallet_id: int
    carrier_limited: bool
    gateway_limited: bool
    card_id: int
    revision_id: int
    prefix: str
    rate: Rate
    text: str
    currency: str
    first_reply_s: int
    pdd_s: int
    ring_s: int
    pai: str = ""  # the number asserted towards this carrier

    @property
    def meters(self) -> tuple[int, ...]:
        """The wallets whose channel this choice occupies while it is tried or talks: only the limited ones."""
        return occupied(self.carrier_wallet_id, self.gateway_wallet_id, self.carrier_limited, self.gateway_limited)


def occupied(carrier_wallet_id: int, gateway_wallet_id: int, carrier: bool, gateway: bool) -> tuple[int, ...]:
    """The wallets of a carrier and its gateway that count channels, by which of the two is limited."""
    if carrier:
        return (carrier_wallet_id, gateway_wallet_id) if gateway else (carrier_wallet_id,)
    return (gateway_wallet_id,) if gateway else ()


class Dropped(NamedTuple):
    """A carrier or gateway left out, and why.

    The words, in the order of the checks: unknown, excluded, inactive, no_gateway, paid_required, currency, no_rate,
    blocked, profit, by the counters channels, cps, and circuit_test (core.circuits).
    """

    carrier: str
    gateway: str
    why: str
    values: Values = ()


class Delivery(NamedTuple):
    """The extension of our own net that a call is delivered to, and what it is shown.

    An empty `cli` shows nobody, an empty `number` leaves what was dialed, an empty `pai` asserts nothing. The times are
    how long the phone may take, as of a carrier.
    """

    user: str
    cli: str = ""
    number: str = ""
    pai: str = ""
    first_reply_s: int = 5
    pdd_s: int = 5
    ring_s: int = 60


class Handling(NamedTuple):
    """What the edge does to every attempt of a call."""

    media_locked: bool = True
    removed_headers: str = ""  # an expression: headers of the caller that are not passed on
    local: Delivery | None = None
    inbound: bool = False  # a carrier calls a DID


class Minutes(NamedTuple):
    """A bundle of free minutes that the call may use; those of a call are in the order of their use."""

    id: int
    name: str
    wallet_id: int
    ends_at: datetime | None


class Plan(NamedTuple):
    """What can be said of a call without looking at counters and money.

    The four refusals belong to four places in the order of the gates: `status_refusal` before the expiry, `early`
    before the credit, `hidden` (the caller's number) after the endpoint's counters, `late` after those of the route,
    when there is one.
    """

    invite: Invite
    customer: Payer | None
    endpoint: Endpoint | None
    payers: tuple[Payer, ...]  # customer, resellers, account
    ingress: tuple[Route, ...]  # the selected route of the customer, then of its resellers
    number: str
    destination: str
    legs: tuple[Leg, ...]
    routes: tuple[RouteChoice, ...]
    dropped: tuple[Dropped, ...]
    status_lines: tuple[str, ...]
    early_lines: tuple[str, ...]
    cli_lines: tuple[str, ...]
    late_lines: tuple[str, ...]
    status_refusal: Refusal | None
    early: Refusal | None
    hidden: Refusal | None
    late: Refusal | None
    wallet_ids: tuple[int, ...]  # all that must be locked before `decide`
    slice_s: int
    record: bool
    recorded_by: str  # the package that has it recorded, where neither route nor customer does
    media: str
    answers: Mapping[str, Answer]  # the operator's own words for refusals
    handling: Handling = Handling()
    bundles: tuple[Minutes, ...] = ()
    closes_at: datetime | None = None  # where the hours of a payer end the call
    callee: Endpoint | Callee | None = None  # what is called on our net where that counts its calls
    attestation: Attestation | None = None  # with which signature it leaves
    did: Did | None = None  # of a call that comes in

    @property
    def local_user(self) -> str | None:
        """The SIP user of our own net to whom the call is delivered."""
        return None if self.handling.local is None else self.handling.local.user

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The stateless steps, for people."""
        return read_gates(self.status_lines + self.early_lines + self.cli_lines + self.late_lines)

    @property
    def ring_allowance_s(self) -> int:
        """How long the call may look for an answer: the sum over its routes, 300 s at most."""
        seconds = 0
        for route in self.routes:
            seconds += route.pdd_s + route.ring_s
        return min(MOST_RING_S, seconds)


class StoredRoute(NamedTuple):
    """A route as read back from `call.plan`: what is needed of a `RouteChoice` once it was tried."""

    carrier_id: int
    carrier: str
    gateway_id: int
    gateway: str
    carrier_wallet_id: int
    gateway_wallet_id: int
    carrier_limited: bool
    gateway_limited: bool
    currency: str
    card_id: int
    revision_id: int
    prefix: str
    rate: Rate
    text: str

    @property
    def meters(self) -> tuple[int, ...]:
        """As `RouteChoice.meters`."""
        return occupied(self.carrier_wallet_id, self.gateway_wallet_id, self.carrier_limited, self.gateway_limited)


class StoredPlan(NamedTuple):
    """What is needed to settle and explain a call without any snapshot."""

    legs: tuple[Leg, ...]
    routes: tuple[StoredRoute | RouteChoice, ...]
    dropped_json: str  # JSON array
    gates_json: str  # JSON array
    bundles: tuple[Minutes, ...] = ()
    closes_at: datetime | None = None  # where hours end the call


class Grant(NamedTuple):
    """The call may ring, and talk `granted_s` seconds."""

    granted_s: int
    max_s: int
    ring_s: int  # the ring allowance: granted_until = authorized_at + ring_s until the answer
    leg_wallet_ids: tuple[int, ...]
    holds: tuple[int, ...]  # micros, one per leg
    meters: tuple[int, ...]  # wallets on which the call occupies a channel: payers, limited endpoint and routes
    carrier_wallet_ids: tuple[int, ...]  # the same of the first route's carrier and gateway
    routes: tuple[RouteChoice, ...]  # those with room
    dropped: tuple[Dropped, ...]
    record: bool
    media: str
    gate_lines: tuple[str, ...]
    plan_json: str  # text of `call.plan`
    stored: StoredPlan  # what the text says
    minutes_s: tuple[int, ...] = ()  # free seconds held, one number per bundle of the plan

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every step of the decision, for people."""
        return read_gates(self.gate_lines)


@dataclass(slots=True)
class LiveCall:
    """The working copy of one locked row of `call`, its plan decoded."""

    id: int
    account_id: int
    edge: str
    edge_call_id: str
    customer_id: int
    endpoint_id: int | None
    ingress_route_id: int | None
    cli: str
    cld: str
    number: str
    destination: str
    state: str  # 'authorized' or 'answered'
    authorized_at: datetime
    answered_at: datetime | None
    granted_s: int
    granted_until: datetime
    max_s: int
    extended_count: int
    route_index: int | None
    carrier_wallet_ids: tuple[int, ...]
    wallet_ids: tuple[int, ...]
    held_micros: tuple[int, ...]
    currency: str
    last_seen_at: datetime
    hangup_at: datetime | None
    plan: StoredPlan
    attempts: str = "[]"  # JSON: the routes that failed
    dialog: str = ""  # the edge's own name of the call; empty fits every call of its id
    turn: int = 0  # how often the desk has changed the row
    minutes_s: tuple[int, ...] = ()  # free seconds held, one number per bundle of the plan


class Extension(NamedTuple):
    """More time: the new total from the answer, and what each leg's hold changes by (micros, may be negative)."""

    granted_s: int
    holds: tuple[int, ...]
    minutes_s: tuple[int, ...] = ()  # what each bundle gives in addition


class LegCost(NamedTuple):
    """What one payer owes: within the grant, and beyond it."""

    within_grant_micros: int
    overrun_micros: int
    billed_s: int

    @property
    def cost_micros(self) -> int:
        """Both together: the exact price of the call."""
        return self.within_grant_micros + self.overrun_micros


class CarrierCost(NamedTuple):
    """What we owe the carrier whose route answered."""

    wallet_id: int
    cost_micros: int
    billed_s: int
    route: StoredRoute | RouteChoice


class Settlement(NamedTuple):
    """The end of a call in money. `notes` say what was clipped because it could not be true."""

    answered_at: datetime | None
    ended_at: datetime
    used_ms: int
    billed_s: int  # of the customer's leg
    leg_costs: tuple[LegCost, ...]
    carrier: CarrierCost | None
    profit_micros: int | None
    notes: tuple[str, ...]
    minutes_s: tuple[int, ...] = ()  # free seconds used, one number per bundle of the plan
