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


class _InTime:
    """A connection that is cut when its time is over. Its pool has said how long that is."""

    sock: Any
    whole_s: float
    over: Event
    _end: Timer | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection it is mixed into
        self._end = Timer(self.whole_s, self._cut)
        self._end.daemon = True
        self._end.start()

    def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        super().close()  # type: ignore[misc]

    def getresponse(self) -> Any:
        """The answer; the end of a connection that was cut looks like the end of headers."""
        answer: Any = super().getresponse()  # type: ignore[misc]
        if self.over.is_set():
            answer.close()
            raise ProtocolError(SLOW)
        return answer

    def _cut(self) -> None:
        self.over.set()
        if self.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Plain(_InTime, HTTPConnection):
    pass


class _Secure(_InTime, HTTPSConnection):
    pass


class _Pool:
    """What both kinds of pool tell their connections."""

    whole_s: float
    over: Event

    def _new_conn(self) -> Any:
        made: Any = super()._new_conn()  # type: ignore[misc]  # of the pool it is mixed into
        made.whole_s, made.over = self.whole_s, self.over
        return made


class _PlainPool(_Pool, urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Bounded(Protocol):
    whole_s: float
    over: Event


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
    pool.whole_s, pool.over = whole_s, Event()
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
    with pool:
        answer = pool.request(
            method, target, body=body, headers=headers, retries=False, redirect=False, preload_content=False
        )
        try:
            content = answer.read(most)
        finally:
            answer.close()
        if cast("_Bounded", pool).over.is_set():
            raise ProtocolError(SLOW)
        return answer.status, content
