"""One HTTP dialogue with an address that was checked, over within its time however slowly the other side speaks.

A time-out of a socket counts anew with every byte; here the whole dialogue after the connection has one. `pool_to`
gives the connections, `ask` puts one question to them without following redirects; who asks says what the answer means.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from threading import Event, Timer
from typing import Any, Protocol, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ProtocolError

SLOW = "it speaks too slowly"


class _Bound:
    """The time of one dialogue: from the connection to the end of the body, though the connection closes before."""

    def __init__(self, whole_s: float) -> None:
        self.whole_s = whole_s
        self.over = Event()
        self._timer: Timer | None = None

    def begin(self, link: socket.socket) -> None:
        """Counts from now; `link` is cut when the time is over."""
        self._timer = Timer(self.whole_s, self._cut, (link,))
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """The answer is read."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self, link: socket.socket) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(link, socket.SHUT_RDWR)


class _InTime:
    """A connection that is cut when its time is over. Its pool has said how long that is."""

    sock: Any
    bound: _Bound

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection it is mixed into
        self.bound.begin(self.sock)

    def getresponse(self) -> Any:
        """The answer; the end of a connection that was cut looks like the end of headers."""
        answer: Any = super().getresponse()  # type: ignore[misc]
        if self.bound.over.is_set():
            answer.close()
            raise ProtocolError(SLOW)
        return answer


class _Plain(_InTime, HTTPConnection):
    pass


class _Secure(_InTime, HTTPSConnection):
    pass


class _Pool:
    """What both kinds of pool tell their connections."""

    bound: _Bound

    def _new_conn(self) -> Any:
        made: Any = super()._new_conn()  # type: ignore[misc]  # of the pool it is mixed into
        made.bound = self.bound
        return made


class _PlainPool(_Pool, urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Bounded(Protocol):
    bound: _Bound


def pool_to(address: str, port: int, name: str, *, whole_s: float) -> urllib3.HTTPConnectionPool:
    """Connections to one checked address for one question; with a name by TLS, and the certificate must be that name's.

    `whole_s` is for the connection, and then for the whole dialogue over it.
    """
    timeout = urllib3.Timeout(total=whole_s)
    pool: _PlainPool | _SecurePool
    if not name:
        pool = _PlainPool(address, port, timeout=timeout)
    else:
        pool = _SecurePool(address, port, timeout=timeout, server_hostname=name, assert_hostname=name)
    pool.bound = _Bound(whole_s)
    return pool


def ask(
    pool: urllib3.HTTPConnectionPool,
    method: str,
    target: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str],
    most: int,
) -> tuple[int, bytes]:
    """The status and the first `most` bytes of the answer. Raises urllib3's HTTPError, also when it takes too long."""
    bound = cast("_Bounded", pool).bound
    with pool:
        try:
            answer = pool.request(
                method, target, body=body, headers=headers, retries=False, redirect=False, preload_content=False
            )
            try:
                content = answer.read(most)
            finally:
                answer.close()
        finally:
            bound.end()
        if bound.over.is_set():
            raise ProtocolError(SLOW)
        return answer.status, content
