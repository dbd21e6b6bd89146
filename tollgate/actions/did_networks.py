"""Whose the addresses are that calls to DIDs come from: a carrier's networks, beside the hosts of its gateways.

No network is of two carriers, nor of a carrier and a customer's endpoint. Of what only overlaps one is told, and of a
gateway at a customer's address, who may be both: there the number dialed decides, for a call to a DID is of the carrier
that has the DID, and any other one of the customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from tollgate.actions import checks
from tollgate.actions.acts import current, refuse, warn
from tollgate.core.callee_addresses import address_of
from tollgate.store.models import Carrier, Customer, Endpoint, Gateway

FIELD = "networks"
MOST_NETWORKS = 200
OF_CARRIER = "its calls to DIDs are none of this endpoint."
NEUTRAL = "This address cannot be used here: choose another."
"""What those hear who are not told of carriers."""


def carrier_networks(value: object) -> list[checks.Network]:
    """The check of a list of addresses and networks, each kept once."""
    found = list(dict.fromkeys(checks.networks(value)))
    if len(found) > MOST_NETWORKS:
        raise checks.Unfit(f"Give at most {MOST_NETWORKS} addresses or networks.")
    return found


def check_networks(account_id: int, new: Iterable[checks.Network], without: int | None = None) -> None:
    """Refuses new networks of a carrier that somebody else has; warns of those that share an address with another's.

    Whoever asks has made others wait who add addresses.
    """
    wanted = list(new)
    if not wanted:
        return
    for name, known in (*_of_carriers(account_id, without), *_of_endpoints(account_id)):
        for network in wanted:
            if network == known:
                raise refuse(FIELD, f"{network} belongs to {name} already.")
            if _meet(network, known):
                warn(f"{network} overlaps {known} of {name}: there the number dialed decides whose a call is.")


def check_host(carrier: Carrier, host: str) -> None:
    """Refuses a gateway at an address that is a network of another carrier; warns of one within a wider network.

    It may be at an endpoint of a customer, which is warned of too.
    """
    address = address_of(host)
    if address is None:
        return
    network = ip_network(address)
    for other in _others(carrier.account_id, carrier.pk):
        name = other.name
        for known in other.networks:
            if known == network:
                raise refuse("host", f"{network} belongs to {name} already.")
            if _meet(network, known):
                warn(f"{network} overlaps {known} of {name}: there the number dialed decides whose a call is.")
    around = RawSQL('"endpoint"."network" >>= %s::inet', (str(address),), output_field=BooleanField())
    for name, known in _of_endpoints(carrier.account_id, around):
        warn(f"{network} overlaps {known} of {name}: there the number dialed decides whose a call is.")


def check_endpoint(customer: Customer, network: checks.Network) -> None:
    """Refuses an address of a customer that is a network of a carrier; warns, who may know, of one that shares some."""
    actor = current.get()
    told = actor.reach is None and actor.kind != "contact"
    for carrier in _others(customer.account_id, None):
        name = carrier.name
        for known in carrier.networks:
            if known == network:
                words = f"{network} belongs to the carrier {name}: its calls come from there."
                raise refuse("network", words if told else NEUTRAL)
            if told and _meet(network, known):
                warn(f"{network} overlaps {known} of the carrier {name}: {OF_CARRIER}")
    if told:
        for gateway, known in _gateways(customer.account_id):
            if _meet(network, known):
                warn(f"A gateway of the carrier {gateway.carrier.name} is at {gateway.host}: {OF_CARRIER}")


def _of_carriers(account_id: int, without: int | None) -> Iterator[tuple[str, checks.Network]]:
    for carrier in _others(account_id, without):
        yield from ((carrier.name, network) for network in carrier.networks)
    for gateway, network in _gateways(account_id):
        if gateway.carrier_id != without:
            yield gateway.carrier.name, network


def _gateways(account_id: int) -> Iterator[tuple[Gateway, checks.Network]]:
    """Those whose host is an address."""
    found = Gateway.objects.filter(carrier__account_id=account_id)
    for gateway in found.select_related("carrier").order_by("id"):
        address = address_of(gateway.host)
        if address is not None:
            yield gateway, ip_network(address)


def _of_endpoints(account_id: int, *where: RawSQL) -> Iterator[tuple[str, checks.Network]]:
    found = Endpoint.objects.filter(*where, account_id=account_id, kind="ip", sends_calls=True)
    for endpoint in found.select_related("customer").order_by("id"):
        if endpoint.network is not None:
            yield endpoint.customer.name, endpoint.network


def _others(account_id: int, without: int | None) -> Iterable[Carrier]:
    return Carrier.objects.filter(account_id=account_id).exclude(pk=without or 0).exclude(networks=[]).order_by("id")


def _meet(one: checks.Network, other: checks.Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)
