"""Endpoints by address: the narrowest network first.

An `AddressBook` is built whole and never changed. To support another kind of address, teach `_address` to read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from tollgate.core.snapshot import Endpoint, Network

REMEMBERED_MOST = 50_000
"""Addresses whose answer is kept, so that the usual callers cost one look-up."""


class AddressBook:
    """Finds the endpoints whose network holds an address."""

    __slots__ = ("_by_length", "_found")

    def __init__(self, endpoints: Iterable[tuple[Network, Endpoint]]) -> None:
        by_length: dict[tuple[int, int], dict[int, tuple[Endpoint, ...]]] = {}
        for network, endpoint in endpoints:
            same_length = by_length.setdefault((network.version, network.prefixlen), {})
            first = int(network.network_address)
            same_length[first] = (*same_length.get(first, ()), endpoint)
        self._by_length = sorted(by_length.items(), key=lambda item: -item[0][1])
        self._found: dict[str, tuple[Endpoint, ...]] = {}

    def find(self, ip: str) -> tuple[Endpoint, ...]:
        """The endpoints whose network holds `ip`, narrowest network first; none for what is not an address."""
        known = self._found.get(ip)
        if known is None:
            known = self._search(ip)
            if len(self._found) < REMEMBERED_MOST:
                self._found[ip] = known
        return known

    def _search(self, ip: str) -> tuple[Endpoint, ...]:
        address = _address(ip)
        if address is None:
            return ()
        number, bits = int(address), address.max_prefixlen
        result: list[Endpoint] = []
        for (version, length), networks in self._by_length:
            if version == address.version:
                free = bits - length
                result.extend(networks.get(number >> free << free, ()))
        return tuple(result)


def _address(ip: str) -> IPv4Address | IPv6Address | None:
    """An address; IPv4 written as IPv6 (::ffff:192.0.2.1) is IPv4."""
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
