"""Where we may connect to when a user names the host: never to this machine, its networks, or a cloud's metadata.

The name is resolved here and the connection goes to the very address that was checked, so that a name which resolves to
something else a moment later gains nothing. `TOLLGATE_MAIL_PRIVATE_HOSTS` lists the networks inside that are wanted all
the same, such as a mail server in one's own rack.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tollgate import environment

SETTING = "TOLLGATE_MAIL_PRIVATE_HOSTS"
TRANSLATED = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96"))

Address = IPv4Address | IPv6Address


class Unreachable(Exception):
    """A host that does not exist or that must not be connected to; the sentence says which."""


def reachable(host: str, port: int) -> list[str]:
    """The addresses of a host, each checked. Raises Unreachable."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise Unreachable(f"The host {host} is not found: {problem}.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = _allowed_inside()
    for text in addresses:
        address = ip_address(text.partition("%")[0])
        if is_inside(address) and not any(address in network for network in allowed):
            where = host if host == text else f"{host} ({address})"
            raise Unreachable(f"{where} is an address inside: {SETTING} does not list it.")
    return addresses


def is_inside(address: Address) -> bool:
    """Whether an address is not of the public Internet: loopback, private, link-local, multicast, reserved."""
    hidden = _carried(address)
    if hidden is not None and hidden != address:
        return is_inside(hidden)
    # Python takes fec0::/10, which was given up, for global.
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return not address.is_global or address.is_multicast or site_local


def _carried(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for; a translator or tunnel would lead there."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if any(address in network for network in TRANSLATED):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _allowed_inside() -> list[IPv4Network | IPv6Network]:
    words = environment.text("TOLLGATE_MAIL_PRIVATE_HOSTS", "").split(",")
    try:
        return [ip_network(word.strip()) for word in words if word.strip()]
    except ValueError as problem:
        raise environment.SettingInvalid(f"{SETTING} must list addresses and networks: {problem}") from None
