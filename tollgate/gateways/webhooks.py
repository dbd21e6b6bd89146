"""One POST to an address that a user gave: to where addresses.py lets us, without following redirects."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Timer
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from tollgate.gateways.addresses import Unreachable, reachable

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
                return _asked(_pool(address, port, host if secure else ""), target, body, whole)
        return _asked(_pool(last, port, host if secure else ""), target, body, whole)
    except (Unreachable, HTTPError, OSError, ValueError) as problem:
        raise NotReached(f"{host} is not reached: {problem}") from None


class _InTime:
    """A connection that is cut when its time is over: a time-out counts anew with every byte."""

    sock: Any
    _end: Timer | None = None
    _was_cut = False

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection it is mixed into
        self._end = Timer(TIMEOUT_S, self._cut)
        self._end.daemon = True
        self._end.start()

    def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        super().close()  # type: ignore[misc]

    def getresponse(self) -> Any:
        """The answer; the end of a connection that was cut looks like the end of headers."""
        answer: Any = super().getresponse()  # type: ignore[misc]
        if self._was_cut:
            answer.close()
            raise ProtocolError("it speaks too slowly")
        return answer

    def _cut(self) -> None:
        self._was_cut = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Plain(_InTime, HTTPConnection):
    pass


class _Secure(_InTime, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


def _pool(address: str, port: int, name: str) -> urllib3.HTTPConnectionPool:
    """Connections to one checked address; with a name by TLS, and the certificate must be that name's."""
    timeout = urllib3.Timeout(total=TIMEOUT_S)
    if not name:
        return _PlainPool(address, port, timeout=timeout)
    return _SecurePool(address, port, timeout=timeout, server_hostname=name, assert_hostname=name)


def _asked(pool: urllib3.HTTPConnectionPool, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    with pool:
        answer = pool.request(
            "POST", target, body=body, headers=headers, retries=False, redirect=False, preload_content=False
        )
        try:
            text = answer.read(ANSWER_MOST).decode("utf-8", "replace").replace("\0", "")
        finally:
            answer.close()
        return Answer(answer.status, text)
