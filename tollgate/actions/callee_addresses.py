"""Where calls to extensions may go, and who may say so: for endpoints and conference rooms alike.

A reseller's user names no address that our edges send calls to, because whoever trusts our edges would carry them, and
opens nothing to customers of others. To let calls go to something else, ask `check_place` before it is saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.transports import warn_of_tls
from tollgate.core import dids
from tollgate.core.callee_addresses import address_of, comparable, host_of, is_nowhere
from tollgate.store.models import Carrier, ConferenceRoom, Customer, Did, Edge, Endpoint, Gateway

OURS = "Only users of the account say where calls to extensions go."
USUAL: Mapping[str, Any] = {"delivery_host": "", "delivery_port": 5060, "delivery_transport": "udp"}
ROOM_PLACE = ("host", "port", "transport")
MOST_TOLD = 3


def check_delivery(customer: Customer, values: Mapping[str, Any], before: Endpoint | None = None) -> None:
    """Of an endpoint: who may call it, and where calls to its extensions go. Its port is filled in already."""
    check_shared(values, before)
    if before is not None and before.kind != "ip":
        return
    _check_reach(values, before)
    warn_of_tls(customer.account_id, values.get("delivery_transport"))
    later = {name: values.get(name, getattr(before, name, None)) for name in ("extensions", "delivery_host", "network")}
    moved = before is None or any(later[name] != getattr(before, name) for name in later)
    if not moved or not (later["extensions"] or later["delivery_host"]):
        return
    if later["delivery_host"]:
        check_place(customer, "delivery_host", later["delivery_host"])
    else:
        check_place(customer, "network", str(later["network"].network_address))


def check_delivered_again(endpoint: Endpoint) -> None:
    """Of an IP endpoint that comes back: whether calls may still go where they went."""
    if endpoint.delivery_host:
        check_place(endpoint.customer, "delivery_host", endpoint.delivery_host)
    elif endpoint.extensions and endpoint.network is not None:
        check_place(endpoint.customer, "network", str(endpoint.network.network_address))


def check_room(customer: Customer, values: Mapping[str, Any], before: ConferenceRoom | None = None) -> None:
    """Of a conference room. Its port is filled in already."""
    check_shared(values, before)
    if current.get().reach is not None:
        for name in ROOM_PLACE:
            if name in values and (before is None or values[name] != getattr(before, name)):
                raise refuse(name, OURS)
    warn_of_tls(customer.account_id, values.get("transport"))
    if "host" in values and (before is None or values["host"] != before.host):
        check_place(customer, "host", values["host"])


def check_shared(values: Mapping[str, Any], before: Endpoint | ConferenceRoom | None = None) -> None:
    """All customers of the account would call it, those of other resellers too."""
    was = before is not None and before.shared
    if current.get().reach is not None and values.get("shared", was) and not was:
        raise refuse("shared", "Only users of the account open extensions to other customers.")


def check_place(customer: Customer, field: str, host: str) -> None:
    """Refuses what no call to an extension may be sent to."""
    if is_nowhere(host):
        raise refuse(field, "Calls cannot go there: give an address that the edges reach over the network.")
    wanted = comparable(host)
    gateways = Gateway.objects.filter(carrier__account_id=customer.account_id).values_list("host", flat=True)
    if wanted in set(map(comparable, gateways)):
        raise refuse(field, "A carrier's gateway is there: it would bill calls to these extensions.")
    _check_carriers(customer.account_id, field, host)
    edges = Edge.objects.filter(account_id=customer.account_id).values_list("rpc_url", flat=True)
    if wanted in {comparable(host_of(url)) for url in edges}:
        raise refuse(field, "An edge is there: it would send these calls to itself.")


def warn_of_closed(account_id: int, host: str) -> None:
    """Warns who puts a gateway or a carrier at a host of what is called there: no call is sent to it any more."""
    wanted = comparable(host)
    told = [name for name, place in _places(account_id, wanted) if comparable(place) == wanted]
    if told:
        names = ", ".join(told[:MOST_TOLD]) + (", …" if len(told) > MOST_TOLD else "")
        warn(f"No more calls are sent to {names}, which are at {host} too: give those another address.")


def _places(account_id: int, host: str) -> Iterator[tuple[str, str]]:
    """What is called at an address of its own, and its host."""
    for endpoint in Endpoint.objects.filter(account_id=account_id, kind="ip").exclude(extensions="").order_by("id"):
        at = endpoint.delivery_host or str(endpoint.network.network_address if endpoint.network else "")
        yield f"extensions {endpoint.extensions}", at
    for room in ConferenceRoom.objects.filter(account_id=account_id).order_by("id"):
        yield f"conference room {room.name}", room.host
    for did in Did.objects.filter(account_id=account_id, destinations__icontains=host).order_by("number"):
        yield from ((f"DID {did.number}", place.host) for place in dids.parse(did.destinations) if place.host)


def _check_carriers(account_id: int, field: str, host: str) -> None:
    """Refuses an address that a carrier calls from; of one within a wider network of it, who may know is warned."""
    address = address_of(host)
    if address is None:
        return
    for carrier in Carrier.objects.filter(account_id=account_id).exclude(networks=[]).order_by("id"):
        for network in carrier.networks:
            if network == ip_network(address):
                raise refuse(field, "A carrier calls from there: it would bill calls to these extensions.")
            if address in network and current.get().reach is None:
                warn(f"{host} is within {network} of the carrier {carrier.name}: it would bill calls to its switches.")


def _check_reach(values: Mapping[str, Any], before: Endpoint | None) -> None:
    """An address that a reseller's user chose gets no extensions, and one with extensions is not moved by it."""
    if current.get().reach is None:
        return
    had = before is not None and before.extensions != ""
    if values.get("extensions") and not had:
        raise refuse("extensions", OURS)
    for name, usual in USUAL.items():
        if name in values and values[name] != (usual if before is None else getattr(before, name)):
            raise refuse(name, OURS)
    if before is not None and had and values.get("network", before.network) != before.network:
        raise refuse("network", OURS)
