"""One POST to an address that a user gave: to where addresses.py lets us, without following redirects."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, NewConnectionError

from tollgate.gateways.addresses import Unreachable, reachable
from tollgate.gateways.in_time import ask, pool_to

TIMEOUT_S: Final = 10
"""For a connection, and then for the whole dialogue over it, however slowly the other side speaks."""
ADDRESSES_MOST: Final = 3
ANSWER_MOST: Final = 2_000


class NotReached(Exception):
    """Nobody answered: the host is not found, not allowed, or did not speak in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the beginning of what came back."""

    status: int
    text: str


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sends it once, to the addresses of the host in turn until one takes a connection. Raises NotReached."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    whole = {"Host": parts.netloc.rpartition("@")[2], **headers}
    try:
        *others, last = reachable(host, port)[:ADDRESSES_MOST]
        for address in others:
            with contextlib.suppress(NewConnectionError):
                return _asked(address, port, host if secure else "", target, body, whole)
        return _asked(last, port, host if secure else "", target, body, whole)
    except (Unreachable, HTTPError, OSError, ValueError) as problem:
        raise NotReached(f"{host} is not reached: {problem}") from None


def _asked(address: str, port: int, name: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    pool = pool_to(address, port, name, whole_s=TIMEOUT_S)
    status, content = ask(pool, "POST", target, body=body, headers=headers, most=ANSWER_MOST)
    return Answer(status, content.decode("utf-8", "replace").replace("\0", ""))
