"""Endpoints, and carriers that call us, by address: the narrowest network first.

An `AddressBook` is built whole and never changed. To support another kind of address, teach `_address` to read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Generic, TypeVar

import asyncpg

from tollgate.core.rewrites import parse as parse_rewrites
from tollgate.core.snapshot import Endpoint, Network

Known = TypeVar("Known")

REMEMBERED_MOST = 50_000
"""Addresses whose answer is kept, so that the usual callers cost one look-up."""


class AddressBook(Generic[Known]):
    """Finds those whose network holds an address."""

    __slots__ = ("_by_length", "_found")

    def __init__(self, those: Iterable[tuple[Network, Known]]) -> None:
        by_length: dict[tuple[int, int], dict[int, tuple[Known, ...]]] = {}
        for network, known in those:
            same_length = by_length.setdefault((network.version, network.prefixlen), {})
            first = int(network.network_address)
            same_length[first] = (*same_length.get(first, ()), known)
        self._by_length = sorted(by_length.items(), key=lambda item: -item[0][1])
        self._found: dict[str, tuple[Known, ...]] = {}

    def find(self, ip: str) -> tuple[Known, ...]:
        """Those whose network holds `ip`, narrowest network first; none for what is not an address."""
        known = self._found.get(ip)
        if known is None:
            known = self._search(ip)
            if len(self._found) < REMEMBERED_MOST:
                self._found[ip] = known
        return known

    def _search(self, ip: str) -> tuple[Known, ...]:
        address = _address(ip)
        if address is None:
            return ()
        number, bits = int(address), address.max_prefixlen
        result: list[Known] = []
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


def endpoint_of(row: asyncpg.Record) -> Endpoint:
    """An endpoint of its row. Raises RewriteInvalid."""
    return Endpoint(
        id=row["id"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        wallet_id=row["wallet_id"],
        limited=row["limited"],
        tech_prefix=row["tech_prefix"],
        allowed=tuple(row["allowed_networks"]),
        name=row["name"] or row["username"] or str(row["network"]),
        cli_authentication=row["cli_authentication"],
        shared=row["shared"],
        presents_pins=row["presents_pins"],
        rewrites=parse_rewrites(json.loads(row["rewrites"])),
    )
