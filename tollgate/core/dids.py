"""Where calls to a DID are delivered, as people write it: one line for each place.

A line is an extension or SIP user of the customer, or a SIP URI: `sip:`, a user if it is not the DID itself, a host, a
port, a transport. A phone stands alone, because the edge finds it where it has registered; of the others the next is
tried where nothing rings or the server fails (5xx), and not once it has rung or was busy. To deliver to something else,
read it in `_place` and deliver it in `calls_inbound`.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address
from typing import Final, NamedTuple

MOST_PLACES: Final = 10
_MOST_CHARACTERS: Final = 400
_EXTENSION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_URI = re.compile(
    r"sip:(?:(?P<user>[A-Za-z0-9._~+*!#$&=-]{1,64})@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:;transport=(?P<transport>[A-Za-z]{1,8}))?",
    re.IGNORECASE,
)
_TRANSPORTS: Final = ("udp", "tcp", "tls")


class DestinationsInvalid(ValueError):
    """The message says what is wrong, with the line's number."""


class Place(NamedTuple):
    """One destination: an extension, or a host with what it is called by (empty: the DID)."""

    extension: str = ""
    user: str = ""
    host: str = ""
    port: int = 5060
    transport: str = "udp"

    @property
    def text(self) -> str:
        """As it is written."""
        if self.extension:
            return self.extension
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _usual_port(self.transport) else f":{self.port}"
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{user}{host}{port}{transport}"


def parse(text: str) -> tuple[Place, ...]:
    """The places of a text, in its order. Raises DestinationsInvalid, also for a place that is there twice."""
    found: list[Place] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        place = _place(line.strip(), number)
        if place in found:
            raise DestinationsInvalid(f"Line {number}: {place.text} is there already.")
        found.append(place)
    if len(found) > MOST_PLACES:
        raise DestinationsInvalid(f"Give at most {MOST_PLACES} destinations: there are {len(found)}.")
    return tuple(found)


def written(places: Sequence[Place]) -> str:
    """The text of places, one line each: what `parse` reads."""
    return "\n".join(place.text for place in places)


def drawn(places: Sequence[Place], seed: str) -> tuple[Place, ...]:
    """An order by chance which is the same for the same seed, so that a repeated question has the same answer."""
    return tuple(sorted(places, key=lambda place: sha256(f"{seed} {place.text}".encode()).digest()))


def _place(line: str, number: int) -> Place:
    if len(line) > _MOST_CHARACTERS:
        raise DestinationsInvalid(f"Line {number}: at most {_MOST_CHARACTERS} characters.")
    if not line.lower().startswith("sip:"):
        if not _EXTENSION.fullmatch(line):
            raise DestinationsInvalid(
                f"Line {number}: give an extension or a SIP user of the customer, or a SIP URI such as "
                "sip:192.0.2.7 or sip:office@pbx.example.com:5080;transport=tcp."
            )
        return Place(extension=line.lower())
    found = _URI.fullmatch(line)
    if found is None:
        raise DestinationsInvalid(
            f"Line {number}: write a SIP URI as sip:user@host:port;transport=tcp; only the host has to be there."
        )
    transport = (found["transport"] or "udp").lower()
    if transport not in _TRANSPORTS:
        raise DestinationsInvalid(f"Line {number}: the transport is udp, tcp or tls.")
    port = int(found["port"]) if found["port"] else _usual_port(transport)
    if not 1 <= port <= 65_535:
        raise DestinationsInvalid(f"Line {number}: a port is between 1 and 65535.")
    return Place(user=found["user"] or "", host=_host(found["host"], number), port=port, transport=transport)


def _host(text: str, number: int) -> str:
    """A name, or an address in its one writing, so that it is compared with others as what it is."""
    host = text.strip("[]").lower()
    if not text.startswith("[") and not host.replace(".", "").isdigit():
        if "" in host.split("."):
            raise DestinationsInvalid(f"Line {number}: {host} is no host name.")
        return host
    try:
        return str(ip_address(host))
    except ValueError:
        raise DestinationsInvalid(f"Line {number}: {host} is no IP address.") from None


def _usual_port(transport: str) -> int:
    """By RFC 3261 section 19.1.2."""
    return 5061 if transport == "tls" else 5060
