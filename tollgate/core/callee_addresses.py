"""Addresses that calls to extensions may not be sent to, compared as the same address however it is written.

A gateway would carry them at our cost, an edge would send them to itself, and a machine's own addresses reach whatever
listens there. To forbid more, add it to `is_nowhere`, or to what callers of `comparable` compare with.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit


@lru_cache(maxsize=4096)
def comparable(host: str) -> str:
    """A host in one writing: IPv4 within IPv6 as IPv4, names in small letters without the dot of the root."""
    found = address_of(host)
    return host.strip().lower().rstrip(".") if found is None else str(found)


@lru_cache(maxsize=4096)
def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is; None for a name."""
    try:
        found = ip_address(host.strip().strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_nowhere(host: str) -> bool:
    """Whether a host is the machine itself, or an address that means something on one wire only."""
    found = address_of(host)
    if found is None:
        name = comparable(host)
        return name == "localhost" or name.endswith(".localhost")
    this_host = isinstance(found, IPv4Address) and found.packed[0] == 0
    return found.is_loopback or found.is_unspecified or found.is_link_local or found.is_multicast or this_host


def host_of(url: str) -> str:
    """The host of a URL; empty where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_at(source_ip: str, host: str, network: IPv4Network | IPv6Network | None) -> bool:
    """Whether an address is a host, or one of its network."""
    source = address_of(source_ip)
    if source is None:
        return False
    return source == address_of(host) or (network is not None and source in network)
