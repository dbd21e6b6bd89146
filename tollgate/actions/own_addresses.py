"""What a customer's contacts may do with its IP endpoints themselves, where the operator allows it (S-188).

They say from where they call and nothing else: limits, rewrites and SIP users stay with the operator. A private address
needs the operator's setting, and an address that another customer has needs a tech prefix that no number starts with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final, TypedDict, Unpack

from tollgate import environment
from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, current, refuse
from tollgate.actions.deleted_records import remove
from tollgate.actions.did_networks import check_endpoint
from tollgate.actions.endpoint_sharing import overlapping, take_turns
from tollgate.actions.in_service import check_in_service
from tollgate.store.models import Call, Contact, Customer, Endpoint

NARROWEST: Final = {4: 24, 6: 64}
"""The widest networks, by the length of their prefix, of each version of IP."""
PRIVATE: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""RFC 1918, RFC 6598, RFC 4193."""
NOWHERE: Final = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8")
"""From where no call comes: this host, loopback, link-local, multicast and reserved (RFC 6890)."""
MOST_ADDRESSES: Final = 50
IN_USE: Final = (
    "Calls from there could not be told apart from others: give a tech prefix with # or * in it, such as 77#, "
    "that you dial before each number."
)
CHECKS: Mapping[str, checks.Check] = {
    "network": checks.network,
    "name": checks.text(),
    "tech_prefix": checks.tech_prefix,
}


class OwnAddressFields(TypedDict, total=False):
    """What a contact may set beside the network."""

    name: str
    tech_prefix: str


class OwnAddressChanges(OwnAddressFields, total=False):
    """What a contact may change."""

    network: str


@act
def create_own_ip_endpoint(*, customer_id: int, network: str, **fields: Unpack[OwnAddressFields]) -> Endpoint:
    """Adds an address or a small network that the contact's customer calls from."""
    given: dict[str, Any] = {**fields, "network": network}
    values = checks.cleaned(CHECKS, given)
    customer = _managing(customer_id)
    if Endpoint.objects.filter(customer=customer, kind="ip").count() >= MOST_ADDRESSES:
        raise refuse("network", f"There are {MOST_ADDRESSES} addresses already: remove one you no longer use.")
    _check(customer, values)
    return records.create(
        Endpoint, {**values, "kind": "ip", "customer_id": customer.pk, "account_id": customer.account_id}
    )


@act
def update_own_ip_endpoint(
    *, endpoint_id: int, version: int | None = None, **changes: Unpack[OwnAddressChanges]
) -> Endpoint:
    """Changes an address that the contact's customer calls from."""
    values = checks.cleaned(CHECKS, changes)
    customer, endpoint = _own(endpoint_id, version)
    if any(values.get(name, getattr(endpoint, name)) != getattr(endpoint, name) for name in ("network", "tech_prefix")):
        later = {name: values.get(name, getattr(endpoint, name)) for name in ("network", "tech_prefix")}
        _check(customer, later, without=endpoint.pk)
    return records.change(endpoint, values)


@act
def delete_own_endpoint(*, endpoint_id: int, version: int | None = None) -> None:
    """Removes an address of the contact's customer that has no live calls."""
    _, endpoint = _own(endpoint_id, version)
    if Call.objects.filter(account_id=endpoint.account_id, endpoint=endpoint).exists():
        raise refuse("endpoint_id", "Calls from this address are live: remove it when they have ended.")
    remove(endpoint, account_id=endpoint.account_id)


def _own(endpoint_id: int, version: int | None) -> tuple[Customer, Endpoint]:
    """An IP endpoint of the contact's customer. One of another is not found."""
    found = records.find(Endpoint, endpoint_id)
    customer = _managing(found.customer_id)
    endpoint = records.locked(Endpoint, endpoint_id, version)
    if endpoint.kind != "ip" or is_operators(endpoint):
        raise refuse("endpoint_id", "Ask your provider to change this one.")
    return customer, endpoint


def is_operators(endpoint: Endpoint) -> bool:
    """Whether only the operator moves this address: others pay for it, or are called at it."""
    called = endpoint.extensions != "" or not endpoint.sends_calls
    return endpoint.cli_authentication or endpoint.presents_pins or called


def _managing(customer_id: int) -> Customer:
    """The customer, locked, if it may manage its addresses and the contact who acts belongs to it."""
    actor = current.get()
    if actor.kind == "contact" and not Contact.objects.filter(pk=actor.id or 0, customer_id=customer_id).exists():
        raise NotFound("There is no such address.")
    customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    if not customer.ip_management:
        raise refuse("network", "Your provider changes addresses for you: ask there.")
    return customer


def _check(customer: Customer, values: Mapping[str, Any], *, without: int | None = None) -> None:
    network: checks.Network = values["network"]
    least = NARROWEST[network.version]
    if network.prefixlen < least:
        raise refuse("network", f"Give at most a /{least}; ask your provider for a wider network.")
    if _within(network, NOWHERE):
        raise refuse("network", "This is no address of the public Internet: ask your provider.")
    if _within(network, PRIVATE) and not environment.flag("TOLLGATE_PORTAL_PRIVATE_ADDRESSES", False):
        raise refuse("network", "This is a private address: give the public one that your calls come from.")
    take_turns(customer.account_id)
    check_endpoint(customer, network)
    prefix = values.get("tech_prefix", "")
    for other in overlapping(customer.account_id, network, without=without):
        if other.customer_id == customer.pk:
            if (other.network, other.tech_prefix) == (network, prefix):
                raise refuse("network", "You have this address already.")
        elif not {"#", "*"} & set(prefix):
            raise refuse("tech_prefix", IN_USE)
        elif other.tech_prefix and (prefix.startswith(other.tech_prefix) or other.tech_prefix.startswith(prefix)):
            raise refuse("tech_prefix", "This tech prefix is taken here: use another.")


def _within(network: checks.Network, ranges: Sequence[str]) -> bool:
    return any(network.overlaps(found) for found in map(ip_network, ranges) if found.version == network.version)
