"""What the charging process knows of one account at a moment: customers, endpoints, routes, cards and carriers.

Frozen objects which `charging.snapshot` builds from the tables and swaps whole; disabled and deleted records are not in
it, but for edges that are disabled and the extensions of those disabled. To let calls obey a new field, add it to the
class that carries it and read it in `calls_plan` or `calls_decide`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Protocol

from tollgate.core.aliases import Aliases
from tollgate.core.cli_pools import CliPool
from tollgate.core.cli_rules import CliRules
from tollgate.core.dids import Place
from tollgate.core.digits import PrefixIndex
from tollgate.core.extensions import Book
from tollgate.core.hours import Hours
from tollgate.core.localization import Localization
from tollgate.core.rates import Rate
from tollgate.core.refusals import Answer
from tollgate.core.rewrites import Rewrites
from tollgate.core.stir import Certificate

Network = IPv4Network | IPv6Network
OBEYED: Final = (
    "account", "alias", "bundle", "card", "carrier", "cli_rule", "conference_room", "contact", "customer",
    "customer_package", "customer_tag", "did", "did_price", "edge", "endpoint", "gateway", "ingress_route",
    "localization", "revision", "route_option", "stir_certificate", "tag", "verified_cli",
)  # fmt: skip
"""The tables whose changes calls obey: a charging process hears of each and reads it again."""
MOST_FOUND: Final = 1 << 12
"""Numbers whose rate one revision remembers, as there may be hundreds of them; who has more rates remembers as many."""
MOST_OFFERS: Final = 1 << 16
"""Offers of carriers that one snapshot remembers."""


@dataclass(frozen=True, slots=True)
class Option:
    """A carrier card which a route may use, or must never use (`excluded`)."""

    card_id: int
    position: int = 0
    weight: int = 100
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """An enabled ingress route: what a customer may dial, at which card, over which carrier cards."""

    id: int
    name: str
    wallet_id: int
    limited: bool
    tech_prefix: str
    patterns: tuple[str, ...]  # prefixes, or regular expressions that start with ^; none = every number
    card_id: int
    strategy: str
    options: tuple[Option, ...]
    max_duration_s: int | None = None
    media: str = "proxy"
    recording: str = "inherit"
    profit_assurance: bool = False
    capped_price_nanos: int | None = None
    block_connect_fee: bool = False
    tag: str = ""  # whose template it is


@dataclass(frozen=True, slots=True)
class Bundle:
    """Free minutes that a customer holds; the wallet counts what is left of them."""

    id: int
    name: str
    wallet_id: int
    starts_at: datetime
    ends_at: datetime | None = None
    prefixes: tuple[str, ...] = ()  # none: for every number


@dataclass(frozen=True, slots=True)
class Recorder:
    """A package that has calls recorded while it is held."""

    name: str
    starts_at: datetime
    ends_at: datetime | None = None  # the first instant after its last day


@dataclass(frozen=True, slots=True)
class Payer:
    """The account, or a customer who pays for calls: every level of a call has one."""

    kind: str  # 'account' or 'customer'
    id: int
    name: str
    wallet_id: int
    depth: int  # account 0, its customers 1, theirs 2 ...
    currency: str
    status: str
    status_until: datetime | None = None  # from then on a penalty or a rest is over
    expires_at: datetime | None = None
    valid_days: int | None = None
    valid_from_at: datetime | None = None  # what `valid_days` count from; None: from the first call
    hours: Hours | None = None
    schedule: Hours | None = None  # of its vars; calls need both
    hours_hang_up: bool = False  # calls end where the hours do
    email_ok: bool = True
    mobile_ok: bool = True
    max_duration_s: int | None = 3600
    recording: bool = False
    pai_mode: str = "default"
    approved_clis_only: bool = False
    approved_clis: frozenset[str] = frozenset()  # digits
    attestations: Mapping[str, str] = field(default_factory=dict)  # of those, what a signature says of each
    cli_rules: CliRules = ()  # in the order of asking: its own, those of its tags, those of all customers
    cli_selection: str = "first"  # which of several forced numbers is shown
    cli_persist_s: int = 0  # how long each of them is, one after the other, in place of that choice; 0: it holds
    cli_pool: CliPool | None = None  # None: it is not asked whose a caller's number is
    first_reply_s: int | None = None  # None: the carrier's own
    pdd_s: int | None = None
    ring_s: int | None = None
    media_locked: bool = True
    local_calls: bool = True
    local_price_nanos: int = 0
    local_increment_s: int = 60
    loss_making_calls: str = "allow"  # or 'warn', which the trace tells, or 'refuse'
    localization: Localization | None = None
    aliases: Aliases | None = None  # its own; asked before those of all
    removed_headers: str = ""  # an expression: headers that are not passed on
    routes: tuple[Route, ...] = ()
    tag_routes: tuple[Route, ...] = ()  # of its tags: asked where no own route takes the number
    bundles: tuple[Bundle, ...] = ()
    recorders: tuple[Recorder, ...] = ()  # of its own; those for one of its DIDs are there
    parents: tuple["Payer", ...] = ()  # nearest first, the account last
    standing: object = field(default=None, init=False, repr=False, compare=False)  # made by `calls_standing.standing`

    def status_at(self, at: datetime) -> str:
        """The status that counts at an instant: a penalty or a rest ends by itself."""
        if self.status_until is not None and at >= self.status_until and self.status in ("penalty", "inactive"):
            return "active"
        return self.status


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way a customer reaches us: an address or a SIP user."""

    id: int
    customer_id: int
    kind: str  # 'ip' or 'sip_user'
    wallet_id: int
    limited: bool = False
    tech_prefix: str = ""
    allowed: tuple[Network, ...] = ()
    name: str = ""
    cli_authentication: bool = False  # shares its address with other customers, told apart by the caller's number
    rewrites: Rewrites = ()
    presents_pins: bool = False  # it may say by a PIN which customer a call belongs to
    shared: bool = False  # a SIP user that other customers of the account may call on the net


@dataclass(frozen=True, slots=True)
class Callee:
    """What answers to extensions at an address of its own: a customer's PBX, or the server of a conference room."""

    kind: str  # 'endpoint', 'conference_room', or 'did' for a SIP URI
    id: int
    customer_id: int
    name: str
    host: str
    port: int = 5060
    transport: str = "udp"
    shared: bool = False  # other customers of the account may call it on the net
    wallet_id: int = 0  # counts the calls to it, of a room who is in it
    limited: bool = False  # a PBX that takes only so many calls; a room counts always
    network: Network | None = None  # of a PBX: from where it calls itself
    closed: str = ""  # why nobody reaches it: 'disabled', or 'address' where calls may not be sent


@dataclass(frozen=True, slots=True)
class RateRow:
    """One published rate. `rate_json` is `calls.rate_text(rate)`, written once so that calls copy it."""

    prefix: str
    destination: str
    blocked: bool
    rate: Rate
    rate_json: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A published, immutable list of rates."""

    id: int
    number: int
    index: PrefixIndex  # prefix -> position in `rates`
    rates: Sequence[RateRow]
    found: dict[str, RateRow | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, number: str) -> RateRow | None:
        """The rate of the longest prefix of `number`; what was found before is remembered by the digits that count."""
        found, digits = self.found, number[: self.index.digits]
        if digits in found:
            return found[digits]
        position = self.index.find(digits)
        row = None if position is None else self.rates[position]
        if len(found) >= max(MOST_FOUND, len(self.rates)):
            found.clear()
        found[digits] = row
        return row


@dataclass(frozen=True, slots=True)
class Card:
    """A rate card with its published revisions, newest first, those not yet in force included."""

    id: int
    kind: str  # 'customer' or 'carrier'
    name: str
    carrier_id: int | None
    currency: str
    tech_prefix: str = ""
    revisions: tuple[tuple[datetime, Revision], ...] = ()

    def at(self, instant: datetime) -> Revision | None:
        """The revision in force at an instant."""
        for effective_at, revision in self.revisions:
            if effective_at <= instant:
                return revision
        return None


@dataclass(frozen=True, slots=True)
class Gateway:
    """An enabled address of a carrier."""

    id: int
    name: str
    wallet_id: int
    limited: bool
    host: str
    port: int = 5060
    transport: str = "udp"
    weight: int = 100
    strip_digits: int = 0
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Who we buy calls from."""

    id: int
    name: str
    wallet_id: int
    currency: str
    status: str
    limited: bool = False
    first_reply_s: int = 3
    pdd_s: int = 5
    ring_s: int = 60
    gateways: tuple[Gateway, ...] = ()
    pai_mode: str = "default"


@dataclass(frozen=True, slots=True)
class Source:
    """An address that a carrier calls from: one of its gateways, or a network of its own."""

    carrier_id: int
    gateway: Gateway | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """A number that a carrier brings calls to. One that is disabled or nobody's is here too: its calls are refused."""

    id: int
    number: str  # digits
    wallet_id: int  # counts its calls
    limited: bool = False
    customer_id: int | None = None
    cards: Mapping[int, int] = field(default_factory=dict)  # customer or reseller -> the card that it pays by
    carrier_id: int | None = None
    carrier_card_id: int | None = None  # None: the carrier takes nothing
    places: tuple[Place, ...] = ()
    servers: Mapping[Place, Callee] = field(default_factory=dict)  # of those that are SIP URIs
    order: str = "serial"  # or 'random'
    recording: str = "inherit"
    recorders: tuple[Recorder, ...] = ()
    pai_mode: str = "default"  # or 'remove'
    max_duration_s: int | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class EdgeInfo:
    """A switch node that talks to us."""

    id: int
    name: str
    kind: str
    rpc_url: str = ""
    enabled: bool = True  # one that is disabled brings no new calls; those it has go on to their end


class Networks(Protocol):
    """Endpoints by address."""

    def find(self, ip: str) -> tuple[Endpoint, ...]:
        """The endpoints whose network holds `ip`, narrowest network first; none for what is not an address."""


class Sources(Protocol):
    """Carriers by the address that they call from."""

    def find(self, ip: str) -> tuple[Source, ...]:
        """Those whose network holds `ip`, narrowest network first; none for what is not an address."""


class Nowhere:
    """Where no carrier calls from."""

    def find(self, _ip: str) -> tuple[Source, ...]:
        """Nobody."""
        return ()


class Rota(Protocol):
    """Whose turn it is, where things take turns from call to call."""

    def next(self, customer_id: int) -> int:
        """How many turns this customer has taken before."""


class Still:
    """A rota that stays where it is: for whoever only asks what would happen."""

    def next(self, customer_id: int) -> int:
        """Nobody has taken a turn."""
        del customer_id
        return 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of one account."""

    account: Payer
    customers: Mapping[int, Payer]
    networks: Networks
    users: Mapping[str, Endpoint]
    cards: Mapping[int, Card]
    carriers: Mapping[int, Carrier]
    ha1: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # username -> (realm, ha1)
    edges: Mapping[str, EdgeInfo] = field(default_factory=dict)
    challenge_unknown: bool = True
    auth_failure_count: int = 0  # wrong passwords of a user from an address until the edge turns both away; 0: any
    slice_s: int = 60
    validity_s: int = 30
    recording: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)  # refusal -> the operator's own words for it
    rota: Rota = field(default_factory=Still)
    aliases: Aliases | None = None  # of all customers
    certificates: Mapping[int, Certificate] = field(default_factory=dict)  # that calls may be signed with
    certificate_id: int = 0  # the one for rules that name none
    extensions: Book[Callee] = field(default_factory=Book)  # of all but SIP users, which `users` has
    dids: Mapping[str, Did] = field(default_factory=dict)  # by number
    sources: Sources = field(default_factory=Nowhere)
    bringers: frozenset[int] = frozenset()  # carriers that have DIDs
    forbidden: frozenset[str] = frozenset()  # hosts of carriers and edges: no call to a DID goes there
    offers: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `calls_routes` has found out of carriers, for as long as nothing here changes."""


Snapshots = Mapping[str, Snapshot]
"""Edge name -> the account it serves."""
