"""What can be said of a call before any counter or balance is read: who calls, may they, at what price, over whom.

`plan` never raises on what a stranger sent: bad data is a refusal. A new gate that needs no counter goes into the stage
where behaviour.md 6.3 places it: status (before the expiry), early (before the credit), late (after the counters).
"""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from tollgate.core.calls_routes import CarrierOptions, carrier_options
from tollgate.core.calls_text import gate_line, quote
from tollgate.core.calls_types import Invite, Leg, Plan
from tollgate.core.rates import in_force, is_free, price_per_minute_nanos
from tollgate.core.refusals import Key, Refusal
from tollgate.core.routes import select, select_above, without_prefix
from tollgate.core.snapshot import Endpoint, Payer, RateRow, Route, Snapshot

_MOST_CHARACTERS = 128
_NO_OPTIONS = CarrierOptions((), (), None)
_NO_LINES: tuple[str, ...] = ()


class Caller(NamedTuple):
    """Who calls, and what they dialed behind the tech prefix of their endpoint."""

    customer: Payer | None
    endpoint: Endpoint | None
    dialed: str
    refusal: Refusal | None


class Priced(NamedTuple):
    """The levels of a call with their routes and prices, and the first refusal among them."""

    ingress: tuple[Route, ...]
    number: str
    destination: str
    legs: tuple[Leg, ...]
    refusal: Refusal | None


def plan(invite: Invite, snapshot: Snapshot, at: datetime) -> Plan:
    """The stateless part of a decision."""
    invite = _clean(invite)
    caller = identify(invite, snapshot)
    customer = caller.customer
    if customer is None:
        return _without_customer(invite, snapshot, caller)
    payers = (customer, *customer.parents)
    status_refusal = _paused(snapshot.account) or caller.refusal or _inactive(payers)
    status_lines = () if status_refusal is not None else (_identity_line(invite, caller), _status_line(payers))
    early_lines: list[str] = []
    early = _unverified(customer, early_lines) or _closed(payers, at, early_lines)
    priced = _priced(payers, caller.dialed, snapshot, at)
    options, late_lines = _NO_OPTIONS, _NO_LINES
    if priced.refusal is None:
        late_lines = (_price_line(priced),)
        options = carrier_options(invite, snapshot, priced.ingress[-1], priced.legs[-1], priced.number, at)
    return Plan(
        invite,
        customer,
        caller.endpoint,
        payers,
        priced.ingress,
        priced.number,
        priced.destination,
        priced.legs,
        options.routes,
        options.dropped,
        status_lines,
        tuple(early_lines),
        late_lines,
        status_refusal,
        early,
        priced.refusal or options.refusal,
        () if status_refusal is not None else _wallet_ids(payers, caller.endpoint, priced.ingress, options),
        snapshot.slice_s,
        _recorded(snapshot, payers, priced.ingress),
        priced.ingress[0].media if priced.ingress else "proxy",
    )


def identify(invite: Invite, snapshot: Snapshot) -> Caller:
    """The customer of a call: by the SIP user whose digest the edge has checked, else by the address it came from."""
    if invite.user is not None:
        endpoint = snapshot.users.get(invite.user.lower())
        customer = None if endpoint is None else snapshot.customers.get(endpoint.customer_id)
        if endpoint is None or customer is None:
            refusal = Refusal(Key.digest_failed, "sip_user", (("user", invite.user), ("ip", invite.source_ip)))
            return Caller(None, None, invite.cld, refusal)
        denied = None
        if endpoint.allowed and not _is_allowed(invite.source_ip, endpoint):
            allowed = " ".join(map(str, endpoint.allowed))
            denied = Refusal(
                Key.sip_user_ip_denied,
                "sip_user",
                (("ip", invite.source_ip), ("allowed", allowed), ("user", invite.user)),
            )
        return Caller(customer, endpoint, invite.cld, denied)
    best: tuple[Endpoint, Payer, str] | None = None
    for endpoint in snapshot.networks.find(invite.source_ip):
        rest = without_prefix(invite.cld, endpoint.tech_prefix)
        owner = snapshot.customers.get(endpoint.customer_id)
        if rest is None or owner is None:
            continue
        if best is None or len(endpoint.tech_prefix) > len(best[0].tech_prefix):
            best = endpoint, owner, rest
    if best is None:
        return Caller(None, None, invite.cld, Refusal(Key.ip_unknown, "ip", (("ip", invite.source_ip),)))
    return Caller(best[1], best[0], best[2] if best[0].tech_prefix else invite.cld, None)


def _clean(invite: Invite) -> Invite:
    """The invite with numbers that can be printed, stored and sent on."""
    if _is_clean(invite.cld) and _is_clean(invite.cli) and _is_clean(invite.source_ip):
        return invite
    return invite._replace(cld=_cleaned(invite.cld), cli=_cleaned(invite.cli), source_ip=_cleaned(invite.source_ip))


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


def _without_customer(invite: Invite, snapshot: Snapshot, caller: Caller) -> Plan:
    refusal = _paused(snapshot.account) or caller.refusal
    nothing = Priced((), "", "", (), None)
    return Plan(
        invite, None, None, (), nothing.ingress, "", "", (), (), (), (), (), (), refusal, None, None, (),
        snapshot.slice_s, False, "proxy",
    )  # fmt: skip


def _paused(account: Payer) -> Refusal | None:
    if account.status == "active":
        return None
    return Refusal(Key.account_paused, "account", (("name", account.name), ("status", account.status)))


_STATUS_KEYS = {"penalty": Key.status_penalty, "pending": Key.status_pending}


def _inactive(payers: Sequence[Payer]) -> Refusal | None:
    for payer in payers:
        if payer.status != "active" and payer.kind == "customer":
            key = _STATUS_KEYS.get(payer.status, Key.status_inactive)
            return Refusal(key, scope_of(payer, payers), (("name", payer.name), ("status", payer.status)))
    return None


def scope_of(payer: Payer, payers: Sequence[Payer]) -> str:
    """The level's name in refusals and gates: the customer who calls, its resellers, the account."""
    if payer.kind == "account":
        return "account"
    return "customer" if payer is payers[0] else "reseller"


def _unverified(customer: Payer, lines: list[str]) -> Refusal | None:
    if not customer.email_ok:
        return Refusal(Key.email_unverified, "customer", (("name", customer.name), ("verified", False)))
    if not customer.mobile_ok:
        return Refusal(Key.mobile_unverified, "customer", (("name", customer.name), ("verified", False)))
    lines.append('{"gate":"verified","ok":true,"scope":"customer","values":{"email":true,"mobile":true}}')
    return None


def _closed(payers: Sequence[Payer], at: datetime, lines: list[str]) -> Refusal | None:
    for payer in payers:
        if payer.hours is None:
            continue
        scope = scope_of(payer, payers)
        values = (("name", payer.name), ("at", at.isoformat()), ("zone", payer.hours.zone))
        if not payer.hours.allows(at):
            return Refusal(Key.time_restricted, scope, values)
        lines.append(gate_line("time_restricted", True, scope, values))
    return None


def _priced(payers: Sequence[Payer], dialed: str, snapshot: Snapshot, at: datetime) -> Priced:
    customer = payers[0]
    route, number = select(customer.routes, dialed)
    if number is None:
        return Priced((), "", "", (), Refusal(Key.number_invalid, "number", (("number", dialed),)))
    if route is None:
        refusal = Refusal(Key.no_ingress_route, "customer", (("number", number), ("routes", len(customer.routes))))
        return Priced((), number, "", (), refusal)
    ingress: list[Route] = []
    legs: list[Leg] = []
    first: Refusal | None = None
    for payer in payers:
        if payer.kind == "account":
            continue
        own = route if payer is customer else select_above(payer.routes, route.tech_prefix, number)
        if own is not None:
            ingress.append(own)
        scope = scope_of(payer, payers)
        found = _leg(payer, own, number, snapshot, at, scope)
        if isinstance(found, Refusal):
            first = first or found
        else:
            legs.append(found)
            first = first or (_capped(own, found, scope, at) if own is not None else None)
    return Priced(tuple(ingress), number, legs[0].destination if legs else "", tuple(legs), first)


def _leg(payer: Payer, route: Route | None, number: str, snapshot: Snapshot, at: datetime, scope: str) -> Leg | Refusal:
    values = (("name", payer.name), ("number", number))
    if route is None:
        return Refusal(Key.no_rate, scope, (*values, ("route", None)))
    card = snapshot.cards.get(route.card_id)
    if card is None or card.currency != payer.currency:
        currency = None if card is None else card.currency
        return Refusal(Key.no_rate, scope, (*values, ("card_currency", currency), ("currency", payer.currency)))
    revision = card.at(at)
    row: RateRow | None = None if revision is None else revision.find(number)
    if revision is None or row is None:
        number_of_revision = None if revision is None else revision.number
        return Refusal(Key.no_rate, scope, (*values, ("card", card.name), ("revision", number_of_revision)))
    if not in_force(row.rate, at):
        return Refusal(Key.no_rate, scope, (*values, ("card", card.name), ("prefix", row.prefix), ("in_force", False)))
    if row.blocked:
        blocked = (("card", card.name), ("prefix", row.prefix), ("destination", row.destination), ("blocked", True))
        return Refusal(Key.destination_type, scope, (*values, *blocked))
    return Leg(
        payer.kind,
        payer.id,
        payer.name,
        payer.wallet_id,
        "revenue" if payer.depth == 1 else "resale",
        payer.currency,
        card.id,
        revision.id,
        row.prefix,
        row.destination,
        row.rate,
        row.rate_json,
        is_free(row.rate),
    )


def _capped(route: Route, leg: Leg, scope: str, at: datetime) -> Refusal | None:
    if route.capped_price_nanos is not None:
        price = price_per_minute_nanos(leg.rate, at)
        if price > route.capped_price_nanos:
            capped = (("name", leg.name), ("price_nanos", price), ("cap_nanos", route.capped_price_nanos))
            return Refusal(Key.rate_capped, scope, capped)
    if route.block_connect_fee:
        fee = max(window.connect_fee_nanos for window in leg.rate.windows)
        if fee:
            return Refusal(Key.connect_cost_blocked, scope, (("name", leg.name), ("connect_fee_nanos", fee)))
    return None


def _identity_line(invite: Invite, caller: Caller) -> str:
    endpoint = caller.endpoint
    assert endpoint is not None
    user = "null" if invite.user is None else quote(invite.user)
    values = f'{{"ip":{quote(invite.source_ip)},"user":{user},"endpoint":{endpoint.id}}}'
    return f'{{"gate":"identity","ok":true,"scope":"{endpoint.kind}","values":{values}}}'


def _status_line(payers: Sequence[Payer]) -> str:
    values = ",".join([f"{quote(payer.name)}:{quote(payer.status)}" for payer in payers])
    return f'{{"gate":"status","ok":true,"scope":"customer","values":{{{values}}}}}'


def _price_line(priced: Priced) -> str:
    route, leg = priced.ingress[0], priced.legs[0]
    values = (
        f'{{"number":"{priced.number}","route":{quote(route.name)},"prefix":"{leg.prefix}",'
        f'"destination":{quote(leg.destination)}}}'
    )
    return f'{{"gate":"no_rate","ok":true,"scope":"customer","values":{values}}}'


def _wallet_ids(
    payers: Sequence[Payer], endpoint: Endpoint | None, ingress: Sequence[Route], options: CarrierOptions
) -> tuple[int, ...]:
    wallets = [payer.wallet_id for payer in payers]
    if endpoint is not None and endpoint.limited:
        wallets.append(endpoint.wallet_id)
    wallets += [route.wallet_id for route in ingress if route.limited]
    for choice in options.routes:
        wallets += choice.meters
    return tuple(dict.fromkeys(wallets))


def _recorded(snapshot: Snapshot, payers: Sequence[Payer], ingress: Sequence[Route]) -> bool:
    """The account's gate first; then the route says on or off, or leaves it to the customer."""
    if not snapshot.recording or not ingress or ingress[0].recording == "off":
        return False
    return ingress[0].recording == "on" or payers[0].recording
