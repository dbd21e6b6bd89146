"""Who calls, and with which numbers: by PIN, by the SIP user whose digest was checked, by address, by CLI.

What a stranger sent is cleaned first. Then the endpoint's rewrites, the customer's localization and aliases turn its
numbers into ours (behaviour.md 11): every gate sees those, and the trace shows both. To change numbers in another way,
add it to `_own_way` in its place.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from tollgate.core import cli as callers_number
from tollgate.core import rewrites
from tollgate.core.aliases import Aliases, translated
from tollgate.core.calls_text import gate_line
from tollgate.core.calls_types import Holder, Invite
from tollgate.core.localization import swapped
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import without_prefix
from tollgate.core.snapshot import Did, Endpoint, Payer, Snapshot, Source

_MOST_CHARACTERS = 128
_ANYWHERE = Endpoint(0, 0, "pin", 0)
"""For a PIN that a switch presents from where no endpoint is."""


class Inbound(NamedTuple):
    """A call from a carrier to a DID."""

    did: Did
    source: Source


class Caller(NamedTuple):
    """Who calls, with which CLI, and what they dialed behind the tech prefix of their endpoint, both in our way."""

    customer: Payer | None
    endpoint: Endpoint | None
    cli: str
    dialed: str
    lines: tuple[str, ...]
    refusal: Refusal | None
    pai: str = ""  # what is asserted, in our way
    inbound: Inbound | None = None


class Way(NamedTuple):
    """An endpoint that fits the address of a call, its customer, and what was dialed behind its tech prefix."""

    endpoint: Endpoint
    customer: Payer
    dialed: str


def clean(invite: Invite) -> Invite:
    """The invite with numbers that can be printed, stored and sent on."""
    if _is_clean(invite.cld) and _is_clean(invite.cli) and _is_clean(invite.source_ip):
        return invite
    return invite._replace(cld=_cleaned(invite.cld), cli=_cleaned(invite.cli), source_ip=_cleaned(invite.source_ip))


def identify(invite: Invite, snapshot: Snapshot) -> Caller:
    """The customer of a call: by a PIN, by the SIP user whose digest the edge has checked, else by its address."""
    if invite.holder is not None:
        return _by_pin(invite, invite.holder, snapshot)
    if invite.user is None:
        return _by_address(invite, snapshot)
    endpoint = snapshot.users.get(invite.user.lower())
    customer = None if endpoint is None else snapshot.customers.get(endpoint.customer_id)
    if endpoint is None or customer is None:
        values = (("user", invite.user), ("ip", invite.source_ip))
        return _nobody(invite, Refusal(Key.digest_failed, "sip_user", values))
    caller = _own_way(Way(endpoint, customer, invite.cld), invite, snapshot)
    if not endpoint.allowed or _is_allowed(invite.source_ip, endpoint):
        return caller
    allowed = " ".join(map(str, endpoint.allowed))
    denied = (("ip", invite.source_ip), ("allowed", allowed), ("user", invite.user))
    return caller._replace(refusal=Refusal(Key.sip_user_ip_denied, "sip_user", denied))


def presenter(invite: Invite, snapshot: Snapshot) -> Way | None:
    """The endpoint at a call's address that may say by a PIN whose the call is. A SIP user says who it is itself."""
    if invite.user is not None:
        return None
    for endpoint in snapshot.networks.find(invite.source_ip):
        rest = without_prefix(invite.cld, endpoint.tech_prefix)
        owner = snapshot.customers.get(endpoint.customer_id)
        if endpoint.presents_pins and rest is not None and owner is not None:
            return Way(endpoint, owner, rest if endpoint.tech_prefix else invite.cld)
    return None


def _by_pin(invite: Invite, holder: Holder, snapshot: Snapshot) -> Caller:
    """The holder of the PIN. Where an endpoint presented it, its rewrites and limits hold as well."""
    customer = None if holder.customer_id is None else snapshot.customers.get(holder.customer_id)
    if customer is None:
        unknown = Refusal(Key.pin_unknown, "pin", (("access_number", holder.access_number),))
        return _nobody(invite, holder.refusal or unknown)
    way = presenter(invite, snapshot)
    if way is not None:
        return _own_way(way._replace(customer=customer), invite, snapshot)
    return _own_way(Way(_ANYWHERE, customer, invite.cld), invite, snapshot)._replace(endpoint=None)


def _by_address(invite: Invite, snapshot: Snapshot) -> Caller:
    """A carrier that calls a DID; else the longest tech prefix, then the narrowest network; where customers share both,
    the caller's number."""
    if snapshot.dids and (called := _inbound(invite, snapshot)) is not None:
        return called
    fitting: list[Way] = []
    shared = False
    for endpoint in snapshot.networks.find(invite.source_ip):
        rest = without_prefix(invite.cld, endpoint.tech_prefix)
        owner = snapshot.customers.get(endpoint.customer_id)
        if rest is None or owner is None:
            continue
        longer = len(endpoint.tech_prefix) - len(fitting[0].endpoint.tech_prefix) if fitting else 1
        if longer > 0:
            fitting, shared = [], False
        if longer >= 0:
            fitting.append(Way(endpoint, owner, rest if endpoint.tech_prefix else invite.cld))
            shared = shared or endpoint.cli_authentication
    if not fitting:
        return _nobody(invite, _unknown_address(invite, snapshot))
    return _by_cli(invite, fitting, snapshot) if shared else _own_way(fitting[0], invite, snapshot)


def _inbound(invite: Invite, snapshot: Snapshot) -> Caller | None:
    """The customer of a DID, called by the carrier that has it; None for any other call."""
    sources = snapshot.sources.find(invite.source_ip)
    dialed = invite.cld.partition(";")[0]  # parameters of a tel URI (RFC 3966)
    did = snapshot.dids.get(callers_number.comparable(dialed).removeprefix("00")) if sources else None
    if did is None:
        return None
    source = _source(sources, did, invite.source_port)
    if source is None:
        return None
    owner = None if did.customer_id is None else snapshot.customers.get(did.customer_id)
    if owner is None or not did.enabled:
        why = "disabled" if not did.enabled else "unassigned" if did.customer_id is None else "customer"
        return _nobody(invite, Refusal(Key.number_unallocated, "did", (("number", did.number), ("did", why))))
    caller = Caller(owner, None, invite.cli, did.number, (), None, callers_number.asserted(invite.pai))
    return caller._replace(inbound=Inbound(did, source))


def _source(sources: Sequence[Source], did: Did, port: int) -> Source | None:
    """Where the carrier of a DID calls from; of several gateways at one address the one with the port of the call."""
    own = [source for source in sources if source.carrier_id == did.carrier_id]
    fitting = (source for source in own if source.gateway is not None and source.gateway.port == port)
    return next(fitting, own[0] if own else None)


def _unknown_address(invite: Invite, snapshot: Snapshot) -> Refusal:
    """A carrier with DIDs that calls another number is no stranger: nobody asks it for a password. But phones may be at
    such an address, too, and who calls by the name of one is asked."""
    sources = snapshot.sources.find(invite.source_ip) if snapshot.bringers else ()
    if invite.cli.lower() not in snapshot.users and any(source.carrier_id in snapshot.bringers for source in sources):
        values = (("ip", invite.source_ip), ("number", invite.cld), ("did", "unknown"))
        return Refusal(Key.number_unallocated, "did", values)
    return Refusal(Key.ip_unknown, "ip", (("ip", invite.source_ip),))


def _by_cli(invite: Invite, fitting: list[Way], snapshot: Snapshot) -> Caller:
    """One address of several customers: whose CLI it is, if it is just one's; else who needs no CLI there."""
    owners: dict[int, Caller] = {}
    for way in fitting:
        if way.endpoint.cli_authentication:
            caller = _own_way(way, invite, snapshot)
            if callers_number.owns(way.customer, caller.cli, callers_number.asserted(invite.pai), caller.dialed):
                owners.setdefault(way.customer.id, caller)
    if len(owners) == 1:
        return owners.popitem()[1]
    open_to_all = [way for way in fitting if not way.endpoint.cli_authentication]
    if not owners and open_to_all:
        return _own_way(open_to_all[0], invite, snapshot)
    values = (("ip", invite.source_ip), ("cli", invite.cli), ("customers_count", len(owners)))
    return _nobody(invite, Refusal(Key.cli_restricted, "ip", values))


def _nobody(invite: Invite, refusal: Refusal) -> Caller:
    return Caller(None, None, invite.cli, invite.cld, (), refusal)


def _own_way(way: Way, invite: Invite, snapshot: Snapshot) -> Caller:
    """The numbers as we write them: rewritten for the endpoint, localized for the customer, then its aliases."""
    endpoint, customer, dialed = way
    cli = invite.cli
    lines: tuple[str, ...] = ()
    if endpoint.rewrites:
        cli, dialed, steps = rewrites.apply(endpoint.rewrites, cli=cli, cld=dialed)
        cli, dialed = cli[:_MOST_CHARACTERS], dialed[:_MOST_CHARACTERS]
        lines = tuple([gate_line("rewrite", True, endpoint.kind, step._asdict().items()) for step in steps])
    if customer.localization is not None:
        own = customer.localization
        local_cli, local_dialed = swapped(own.originate_cli_in, cli), swapped(own.originate_cld, dialed)
        if (local_cli, local_dialed) != (cli, dialed):
            values = (
                ("name", own.name),
                ("cli", cli),
                ("cli_to", local_cli),
                ("cld", dialed),
                ("cld_to", local_dialed),
            )
            lines = (*lines, gate_line("localization", True, "customer", values))
            cli, dialed = local_cli, local_dialed
    if customer.aliases is not None or snapshot.aliases is not None:
        dialed, told = _by_alias(customer.aliases, snapshot.aliases, dialed)
        lines += told
    return Caller(customer, endpoint, cli, dialed, lines, None)


def _by_alias(own: Aliases | None, shared: Aliases | None, dialed: str) -> tuple[str, tuple[str, ...]]:
    """What an alias makes of a dialed number, and its line in the trace."""
    found = translated(own, shared, dialed)
    if found is None:
        return dialed, ()
    alias, number = found
    number = number[:_MOST_CHARACTERS]
    values = (("alias", alias.id), ("current", alias.current), ("cld", dialed), ("cld_to", number))
    return number, (gate_line("alias", True, alias.owner, values),)


def _is_clean(text: str) -> bool:
    return len(text) <= _MOST_CHARACTERS and text.isprintable()


def _cleaned(text: str) -> str:
    return "".join(c for c in text[:_MOST_CHARACTERS] if c.isprintable())


def _is_allowed(ip: str, endpoint: Endpoint) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in endpoint.allowed)
