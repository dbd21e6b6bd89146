"""Acts on endpoints: the addresses and SIP users a customer calls from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.customers import NO_CAPACITY, sip_users_channels
from tollgate.store.models import Account, Call, Customer, Endpoint

REALM = "tollgate.local"  # what the SIP edge challenges with unless its settings say otherwise


class EndpointFields(TypedDict, total=False):
    """What may be set on both kinds."""

    name: str
    channels: int
    cps_milli: int
    enabled: bool


class IpEndpointFields(EndpointFields, total=False):
    """What may be set on an IP endpoint beside its network."""

    tech_prefix: str


class SipUserFields(EndpointFields, total=False):
    """What may be set on a SIP user beside its name and password."""

    allowed_networks: Sequence[str]


class EndpointChanges(EndpointFields, total=False):
    """What may be changed: network and tech prefix of an IP endpoint, allowed networks of a SIP user."""

    network: str
    tech_prefix: str
    allowed_networks: Sequence[str]


COMMON: Mapping[str, checks.Check] = {
    "name": checks.text(),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "enabled": checks.yes_no,
}
IP_CHECKS = {**COMMON, "network": checks.network, "tech_prefix": checks.tech_prefix}
SIP_CHECKS = {**COMMON, "allowed_networks": checks.networks}


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
    customer = records.find(Customer, customer_id)
    _check_network(customer.account_id, values["network"], values.get("tech_prefix", ""))
    return records.create(
        Endpoint, {**values, "kind": "ip", "customer_id": customer.pk, "account_id": customer.account_id}
    )


@act
def create_sip_user(
    *, customer_id: int, username: str, password: str, realm: str = REALM, **fields: Unpack[SipUserFields]
) -> Endpoint:
    """Lets a customer call with a name and password. Only the digest's HA1 is kept, never the password."""
    given: dict[str, Any] = {**fields, "username": username, "password": password, "realm": realm}
    values = checks.cleaned({**SIP_CHECKS, **LOGIN_CHECKS}, given)
    values["username"] = values["username"].lower()
    customer = records.locked(Customer, customer_id)  # its SIP users are counted
    _check_allotment(customer, values.get("channels", 0))
    values["ha1"] = _ha1(values["username"], values["realm"], values.pop("password"))
    return records.create(
        Endpoint, {**values, "kind": "sip_user", "customer_id": customer.pk, "account_id": customer.account_id}
    )


@act
def set_sip_password(*, endpoint_id: int, password: str, realm: str | None = None) -> Endpoint:
    """Gives a SIP user a new password, or a new realm with it."""
    endpoint = records.locked(Endpoint, endpoint_id)
    if endpoint.kind != "sip_user":
        raise refuse("endpoint_id", "Only a SIP user has a password.")
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
    if endpoint.kind == "ip" and {"network", "tech_prefix"} & values.keys():
        network = values.get("network") or endpoint.network
        assert network is not None
        prefix = values.get("tech_prefix", endpoint.tech_prefix)
        _check_network(endpoint.account_id, network, prefix, without=endpoint.pk)
    if endpoint.kind == "sip_user" and "channels" in values:
        _check_allotment(customer, values["channels"], without=endpoint.pk)
    return records.change(endpoint, values)


@act
def delete_endpoint(*, endpoint_id: int, version: int | None = None) -> None:
    """Removes an endpoint that has no live calls; its CDRs stay."""
    endpoint = records.locked(Endpoint, endpoint_id, version)
    if Call.objects.filter(account_id=endpoint.account_id, endpoint=endpoint).exists():
        raise refuse("endpoint_id", "The endpoint has live calls: disable it and end them first.")
    endpoint.delete()


def _ha1(username: str, realm: str, password: str) -> str:
    """HA1 of digest authentication, RFC 2617 section 3.2.2.2: SIP devices know no better hash."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def _check_network(account_id: int, network: checks.Network, tech_prefix: str, *, without: int | None = None) -> None:
    """Refuses what could not be told apart from another endpoint; warns of networks that overlap."""
    records.locked(Account, account_id)  # two new endpoints take turns
    others = Endpoint.objects.filter(account_id=account_id, kind="ip", network__isnull=False).exclude(pk=without or 0)
    for other in others.select_related("customer"):
        taken = other.network
        if taken is None or taken.version != network.version or not taken.overlaps(network):
            continue
        owner = f"{other.customer.name} ({taken})"
        if taken == network and other.tech_prefix == tech_prefix:
            hint = "give one of them a tech prefix" if not tech_prefix else "use another tech prefix"
            raise refuse("network", f"Calls could not be told apart from those of {owner}: {hint}.")
        if taken == network:
            warn(f"{network} is also an endpoint of {owner}: the tech prefix decides whose call it is.")
        else:
            warn(f"{network} overlaps an endpoint of {owner}: the narrower network wins.")


def _check_allotment(customer: Customer, channels: int, *, without: int | None = None) -> None:
    """The SIP users of a customer share its channels; a customer without a limit has no shares."""
    if customer.channels and sip_users_channels(customer, without=without) + channels > customer.channels:
        raise refuse("channels", NO_CAPACITY)
