"""Acts on carriers and their gateways. Whose the addresses are that calls to DIDs come from is in did_networks.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.callee_addresses import warn_of_closed
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.did_networks import carrier_networks, check_host, check_networks
from tollgate.actions.endpoint_sharing import take_turns
from tollgate.actions.transports import warn_of_tls
from tollgate.store.models import Account, Call, Carrier, Gateway, Wallet


class CarrierFields(TypedDict, total=False):
    """What may be set on a carrier beside its currency.

    Calls to DIDs come from the addresses of its gateways, and from `networks` beside them.
    """

    status: str
    channels: int
    cps_milli: int
    first_reply_s: int
    pdd_s: int
    ring_s: int
    pai_mode: str
    networks: Sequence[str]


class CarrierChanges(CarrierFields, total=False):
    """What may be changed on a carrier."""

    name: str


class GatewayFields(TypedDict, total=False):
    """What may be set on a gateway."""

    port: int | None
    transport: str
    weight: int
    enabled: bool
    channels: int
    cps_milli: int
    strip_digits: int
    prefix: str


class GatewayChanges(GatewayFields, total=False):
    """What may be changed on a gateway."""

    name: str
    host: str


CARRIER_CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "status": checks.one_of(("active", "inactive", "pending")),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "first_reply_s": checks.whole(1, 120),
    "pdd_s": checks.whole(1, 120),
    "ring_s": checks.whole(1, 600),
    "pai_mode": checks.one_of(("default", "remove", "if_available", "required")),
    "networks": carrier_networks,
}
GATEWAY_CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "host": checks.host,
    "port": checks.optional(checks.whole(1, 65_535)),
    "transport": checks.one_of(("udp", "tcp", "tls")),
    "weight": checks.whole(0, 10_000),
    "enabled": checks.yes_no,
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "strip_digits": checks.whole(0, 18),
    "prefix": checks.tech_prefix,
}


@act
def create_carrier(*, account_id: int, name: str, currency: str, **fields: Unpack[CarrierFields]) -> Carrier:
    """Makes a carrier with its wallet. The currency is fixed from now on."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    values = checks.cleaned({**CARRIER_CHECKS, "currency": checks.currency}, given)
    account = records.find(Account, account_id)
    take_turns(account.pk)
    new = values.get("networks", ())
    check_networks(account.pk, new)
    _warn_of_closed(account.pk, new)
    return records.create(Carrier, {**values, "account_id": account.pk})


@act
def update_carrier(*, carrier_id: int, version: int | None = None, **changes: Unpack[CarrierChanges]) -> Carrier:
    """Changes a carrier. The next call obeys it."""
    values = checks.cleaned(CARRIER_CHECKS, changes)
    take_turns(records.find(Carrier, carrier_id).account_id)
    carrier = records.locked(Carrier, carrier_id, version)
    new = [network for network in values.get("networks", ()) if network not in carrier.networks]
    check_networks(carrier.account_id, new, carrier.pk)
    _warn_of_closed(carrier.account_id, new)
    return records.change(carrier, values)


@act
def create_gateway(*, carrier_id: int, name: str, host: str, **fields: Unpack[GatewayFields]) -> Gateway:
    """Adds an address of a carrier. Without a port: 5061 by TLS, else 5060."""
    given: dict[str, Any] = {**fields, "name": name, "host": host}
    values = checks.cleaned(GATEWAY_CHECKS, given)
    values["port"] = values.get("port") or _usual_port(values.get("transport"))
    carrier = records.find(Carrier, carrier_id)
    take_turns(carrier.account_id)
    check_host(carrier, values["host"])
    warn_of_closed(carrier.account_id, values["host"])
    warn_of_tls(carrier.account_id, values.get("transport"))
    return records.create(Gateway, {**values, "carrier_id": carrier.pk})


@act
def update_gateway(*, gateway_id: int, version: int | None = None, **changes: Unpack[GatewayChanges]) -> Gateway:
    """Changes a gateway; a disabled one gets no new calls."""
    values = checks.cleaned(GATEWAY_CHECKS, changes)
    take_turns(records.find(Gateway, gateway_id).carrier.account_id)
    gateway = records.locked(Gateway, gateway_id, version)
    if "port" in values and values["port"] is None:
        values["port"] = _usual_port(values.get("transport", gateway.transport))
    if values.get("host", gateway.host) != gateway.host:
        check_host(gateway.carrier, values["host"])
        warn_of_closed(gateway.carrier.account_id, values["host"])
    warn_of_tls(gateway.carrier.account_id, values.get("transport"))
    return records.change(gateway, values)


@act
def delete_gateway(*, gateway_id: int, version: int | None = None) -> None:
    """Removes a gateway that has no live calls; its CDRs stay. For a week `restore_gateway` undoes it."""
    gateway = records.locked(Gateway, gateway_id, version)
    meters = Wallet.objects.filter(kind="gateway", owner_id=gateway.pk)
    account_id = gateway.carrier.account_id
    if any(meter.channels for meter in meters) or _calls_over(account_id, gateway.pk):
        raise refuse("gateway_id", "The gateway has live calls: disable it and wait for them to end.")
    remove(gateway, account_id=account_id)


@act
def restore_gateway(*, gateway_id: int) -> Gateway:
    """Brings a deleted gateway back as it was."""
    was = deleted(Gateway, gateway_id, "gateway_id")
    carrier = was.record.carrier
    take_turns(carrier.account_id)
    check_host(carrier, was.record.host)
    warn_of_closed(carrier.account_id, was.record.host)
    return was.restore()


def _warn_of_closed(account_id: int, networks: Iterable[checks.Network]) -> None:
    for network in networks:
        if network.num_addresses == 1:
            warn_of_closed(account_id, str(network.network_address))


def _usual_port(transport: str | None) -> int:
    """By RFC 3261 section 19.1.2."""
    return 5061 if transport == "tls" else 5060


def _calls_over(account_id: int, gateway_id: int) -> bool:
    """Whether a live call was offered this gateway (a route's stored line names it)."""
    return Call.objects.filter(account_id=account_id, plan__contains=f'"gateway_id":{gateway_id},').exists()
