"""Acts on endpoints: the addresses and SIP users a customer calls from.

What tells endpoints on one address apart is in endpoint_sharing.py, what contacts may do themselves in
own_addresses.py. To add a field: its line in the fitting `...Fields` and in the checks below them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, act, refuse, warn
from tollgate.actions.callee_addresses import check_delivered_again, check_delivery, check_shared
from tollgate.actions.conferences import TRANSPORTS, usual_port
from tollgate.actions.customers import NO_CAPACITY, sip_users_channels
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.did_places import warn_of_calls_lost
from tollgate.actions.endpoint_sharing import check_sharing
from tollgate.actions.extensions import check_extensions, check_user_name, extensions_text
from tollgate.actions.in_service import check_in_service
from tollgate.actions.pins import check_presenting
from tollgate.core import extensions, rewrites
from tollgate.core.rewrite_hints import hints
from tollgate.store.models import Call, Customer, Endpoint

REALM = "tollgate.local"  # what the SIP edge challenges with unless its settings say otherwise
MOST_AT_ONCE = 100
MOST_ALLOWED = 200
"""Networks of one SIP user: an edge keeps them as one text, and too long a text lets nobody in."""


class EndpointFields(TypedDict, total=False):
    """What may be set on both kinds. Of the rewrites each is {"target": "cld" or "cli", "current": ..., "new": ...}.

    `channels` and `cps_milli` count the calls from it and the local calls to it; 0 is no limit.
    """

    name: str
    channels: int
    cps_milli: int
    rewrites: Sequence[Mapping[str, str]]
    enabled: bool


class IpEndpointFields(EndpointFields, total=False):
    """What may be set on an IP endpoint beside its network.

    Calls to its extensions (such as 2000-2049, 2060) go to its address, or to `delivery_host` where that is another;
    one with extensions may be called only, and not `sends_calls`: then it has no tech prefix, CLI authentication,
    PINs and rewrites, which are about calls from it.
    """

    tech_prefix: str
    cli_authentication: bool
    sends_calls: bool
    extensions: str
    delivery_host: str
    delivery_port: int | None
    delivery_transport: str
    shared: bool
    presents_pins: bool


class SipUserFields(EndpointFields, total=False):
    """What may be set on a SIP user beside its name and password."""

    allowed_networks: Sequence[str]
    shared: bool


class EndpointChanges(EndpointFields, total=False):
    """What may be changed: what tells an IP endpoint from others, from where a SIP user calls and who may call it."""

    network: str
    tech_prefix: str
    cli_authentication: bool
    sends_calls: bool
    extensions: str
    delivery_host: str
    delivery_port: int | None
    delivery_transport: str
    presents_pins: bool
    allowed_networks: Sequence[str]
    shared: bool


def _rewrites(value: object) -> list[dict[str, str]]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, Mapping) for row in value):
        raise checks.Unfit("Give a list of rows, each with target, current and new.")
    try:
        return rewrites.to_json(rewrites.parse(value))
    except rewrites.RewriteInvalid as problem:
        raise checks.Unfit(str(problem)) from None


def _allowed(value: object) -> list[checks.Network]:
    found = checks.networks(value)
    if len(found) > MOST_ALLOWED:
        raise checks.Unfit(f"Give at most {MOST_ALLOWED} addresses or networks.")
    return found


def _host(value: object) -> str:
    return "" if value == "" else str(checks.host(value))


COMMON: Mapping[str, checks.Check] = {
    "name": checks.text(),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "rewrites": _rewrites,
    "enabled": checks.yes_no,
}
TOLD_APART = {
    "tech_prefix": checks.tech_prefix,
    "cli_authentication": checks.yes_no,
    "sends_calls": checks.yes_no,
}
CALLED: Mapping[str, checks.Check] = {
    "extensions": extensions_text,
    "delivery_host": _host,
    "delivery_port": checks.optional(checks.whole(1, 65_535)),
    "delivery_transport": checks.one_of(TRANSPORTS),
    "shared": checks.yes_no,
}
OF_IP = {**TOLD_APART, **CALLED, "presents_pins": checks.yes_no}
OF_SENDERS = ("tech_prefix", "cli_authentication", "presents_pins", "rewrites")
"""What calls from an address obey, and no call to it."""
SENDS_NONE = "This is about calls from it, and it sends none: leave it out."
IP_CHECKS = {**COMMON, **OF_IP, "network": checks.network}
MANY_CHECKS = {**COMMON, **OF_IP, "networks": checks.networks}
SIP_CHECKS = {**COMMON, "allowed_networks": _allowed, "shared": checks.yes_no}


def _password(value: object) -> str:
    if not isinstance(value, str) or len(value) < 10:
        raise checks.Unfit("Use at least 10 characters.")
    if len(value) > 128 or not value.isprintable():
        raise checks.Unfit("Use at most 128 printable characters.")
    return value


LOGIN_CHECKS: Mapping[str, checks.Check] = {
    "username": checks.matching(
        r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}",
        "Use 1 to 64 letters, digits, dots, dashes, starting with one of the first.",
    ),
    "password": _password,
    "realm": checks.matching(r"[A-Za-z0-9._-]{1,200}", "Give the realm of the SIP edge, such as tollgate.local."),
}


@act
def create_ip_endpoint(*, customer_id: int, network: str, **fields: Unpack[IpEndpointFields]) -> Endpoint:
    """Lets a customer call from an address or network. Warns when another endpoint's network overlaps."""
    given: dict[str, Any] = {**fields, "network": network}
    values = checks.cleaned(IP_CHECKS, given)
    return _added(records.find(Customer, customer_id), values)


@act
def create_ip_endpoints(
    *, customer_id: int, networks: Sequence[str], **fields: Unpack[IpEndpointFields]
) -> list[Endpoint]:
    """Lets a customer call from several addresses or networks: an endpoint each, all alike, all or none."""
    given: dict[str, Any] = {**fields, "networks": networks}
    values = checks.cleaned(MANY_CHECKS, given)
    customer, wanted = records.find(Customer, customer_id), values.pop("networks")
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise refuse("networks", f"Give 1 to {MOST_AT_ONCE} addresses or networks at once.")
    if len(wanted) > 1 and values.get("extensions"):
        raise refuse("extensions", "Extensions are behind one address: add that one by itself.")
    made = []
    for place, network in enumerate(wanted, start=1):
        try:
            made.append(_added(customer, {**values, "network": network}))
        except Invalid as problem:
            raise Invalid(_named("networks", place, problem.errors)) from None
    return made


@act
def create_sip_user(
    *, customer_id: int, username: str, password: str, realm: str = REALM, **fields: Unpack[SipUserFields]
) -> Endpoint:
    """Lets a customer call with a name and password. Only the digest's HA1 is kept, never the password.

    A customer with number blocks takes the name from them; nobody takes one from the blocks of another.
    """
    given: dict[str, Any] = {**fields, "username": username, "password": password, "realm": realm}
    values = checks.cleaned({**SIP_CHECKS, **LOGIN_CHECKS}, given)
    values["username"] = values["username"].lower()
    customer = records.locked(Customer, customer_id)  # its SIP users are counted
    check_in_service(customer)
    _check_allotment(customer, values.get("channels", 0))
    check_shared(values)
    check_user_name(customer, values["username"])
    values["ha1"] = _ha1(values["username"], values["realm"], values.pop("password"))
    _tell_hints(values)
    return records.create(
        Endpoint, {**values, "kind": "sip_user", "customer_id": customer.pk, "account_id": customer.account_id}
    )


@act
def set_sip_password(*, endpoint_id: int, password: str, realm: str | None = None) -> Endpoint:
    """Gives a SIP user a new password, or a new realm with it."""
    endpoint = records.locked(Endpoint, endpoint_id)
    if endpoint.kind != "sip_user":
        raise refuse("endpoint_id", "Only a SIP user has a password.")
    check_in_service(endpoint.customer, "endpoint_id")
    values = checks.cleaned(LOGIN_CHECKS, {"password": password, "realm": realm or endpoint.realm})
    ha1 = _ha1(endpoint.username or "", values["realm"], values["password"])
    return records.change(endpoint, {"ha1": ha1, "realm": values["realm"]})


@act
def update_endpoint(*, endpoint_id: int, version: int | None = None, **changes: Unpack[EndpointChanges]) -> Endpoint:
    """Changes an endpoint. The next call obeys it."""
    endpoint = records.find(Endpoint, endpoint_id)
    values = checks.cleaned(IP_CHECKS if endpoint.kind == "ip" else SIP_CHECKS, changes)
    customer = records.locked(Customer, endpoint.customer_id)
    endpoint = records.locked(Endpoint, endpoint_id, version)
    check_in_service(customer, "endpoint_id")
    check_presenting(values, endpoint)
    _check_direction(values, endpoint)
    if "delivery_port" in values and values["delivery_port"] is None:
        values["delivery_port"] = usual_port(values.get("delivery_transport", endpoint.delivery_transport))
    check_delivery(customer, values, endpoint)
    telling = {"network", *TOLD_APART}
    if endpoint.kind == "ip" and any(
        values.get(name, getattr(endpoint, name)) != getattr(endpoint, name) for name in telling
    ):
        check_sharing(customer, {name: values.get(name, getattr(endpoint, name)) for name in telling}, endpoint.pk)
    if "extensions" in values:
        check_extensions(
            customer,
            extensions.parse(values["extensions"]),
            field="extensions",
            had=extensions.parse(endpoint.extensions),
        )
    if endpoint.kind == "sip_user" and "channels" in values:
        _check_allotment(customer, values["channels"], without=endpoint.pk)
    if values.get("rewrites") != endpoint.rewrites:
        _tell_hints(values)
    return records.change(endpoint, values)


@act
def delete_endpoint(*, endpoint_id: int, version: int | None = None) -> None:
    """Removes an endpoint that has no live calls; its CDRs stay. For a week `restore_endpoint` undoes it."""
    endpoint = records.locked(Endpoint, endpoint_id, version)
    if Call.objects.filter(account_id=endpoint.account_id, endpoint=endpoint).exists():
        raise refuse("endpoint_id", "The endpoint has live calls: disable it and end them first.")
    warn_of_calls_lost(endpoint)
    remove(endpoint, account_id=endpoint.account_id)


@act
def restore_endpoint(*, endpoint_id: int) -> Endpoint:
    """Brings a deleted endpoint back as it was, with its password, where no other has its place by now."""
    was = deleted(Endpoint, endpoint_id, "endpoint_id")
    endpoint, customer = was.record, was.record.customer
    if endpoint.kind == "sip_user":
        _check_allotment(customer, endpoint.channels)
        check_user_name(customer, endpoint.username or "")
    else:
        check_sharing(customer, {name: getattr(endpoint, name) for name in ("network", *TOLD_APART)})
        check_delivered_again(endpoint)
        check_extensions(customer, extensions.parse(endpoint.extensions), field="extensions")
    return was.restore()


def _ha1(username: str, realm: str, password: str) -> str:
    """HA1 of digest authentication, RFC 2617 section 3.2.2.2: SIP devices know no better hash."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def _added(customer: Customer, values: dict[str, Any]) -> Endpoint:
    check_in_service(customer)
    check_presenting(values)
    _check_direction(values)
    check_sharing(customer, values)
    values["delivery_port"] = values.get("delivery_port") or usual_port(values.get("delivery_transport"))
    check_delivery(customer, values)
    check_extensions(customer, extensions.parse(values.get("extensions", "")), field="extensions")
    _tell_hints(values)
    return records.create(
        Endpoint, {**values, "kind": "ip", "customer_id": customer.pk, "account_id": customer.account_id}
    )


def _check_direction(values: Mapping[str, Any], before: Endpoint | None = None) -> None:
    """Refuses an address that neither sends calls nor is called, and for one that sends none what is about those."""
    sends, called = before is None or before.sends_calls, before.extensions if before is not None else ""
    if values.get("sends_calls", sends):
        return
    if not values.get("extensions", called):
        raise refuse("sends_calls", "Calls go neither from it nor to it: let it send calls, or give it extensions.")
    idle = [name for name in OF_SENDERS if values.get(name, before is not None and getattr(before, name))]
    if idle and not values.keys().isdisjoint({"sends_calls", *OF_SENDERS}):
        raise Invalid({name: [SENDS_NONE] for name in idle})


def _named(field: str, place: int, errors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The errors of one network of several, under the field that has them all."""
    return {
        field if name == "network" else name: [f"Line {place}: {sentence}" for sentence in sentences]
        for name, sentences in errors.items()
    }


def _tell_hints(values: Mapping[str, Any]) -> None:
    for hint in hints(rewrites.parse(values.get("rewrites", ()))):
        warn(f"Rewrite {hint.row}: {hint.sentence}")


def _check_allotment(customer: Customer, channels: int, *, without: int | None = None) -> None:
    """The SIP users of a customer share its channels; a customer without a limit has no shares."""
    if customer.channels and sip_users_channels(customer, without=without) + channels > customer.channels:
        raise refuse("channels", NO_CAPACITY)
