"""One POST to an address that a user gave: to where addresses.py lets us, without following redirects."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError

from tollgate.gateways.addresses import Unreachable, reachable

TIMEOUT_S: Final = 10
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
        *others, last = reachable(host, port)
        for address in others:
            with contextlib.suppress(NewConnectionError):
                return _asked(_pool(address, port, host if secure else ""), target, body, whole)
        return _asked(_pool(last, port, host if secure else ""), target, body, whole)
    except (Unreachable, HTTPError, OSError, ValueError) as problem:
        raise NotReached(f"{host} is not reached: {problem}") from None


def _pool(address: str, port: int, name: str) -> urllib3.HTTPConnectionPool:
    """Connections to one checked address; with a name by TLS, and the certificate must be that name's."""
    timeout = urllib3.Timeout(total=TIMEOUT_S)
    if not name:
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(address, port, timeout=timeout, server_hostname=name, assert_hostname=name)


def _asked(pool: urllib3.HTTPConnectionPool, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    with pool:
        answer = pool.request(
            "POST", target, body=body, headers=headers, retries=False, redirect=False, preload_content=False
        )
        text = answer.read(ANSWER_MOST).decode("utf-8", "replace").replace("\0", "")
        answer.release_conn()
        return Answer(answer.status, text)
