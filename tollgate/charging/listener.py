"""HTTP/1.1 with keep-alive, and nothing that a switch does not need: requests in, answers out, in their order.

The parser is httptools', the loop uvloop's. Doors are in `doors`; what stands before them is in `server`. A limit is a
constant here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

import httptools

from tollgate.switches.plain import write_problem

log = logging.getLogger(__name__)

BODY_MOST: Final = 4 * 1024 * 1024
"""Enough for a sync of 50,000 calls."""
HEAD_MOST: Final = 64 * 1024
WAITING_MOST: Final = 16
"""Requests that a connection may send ahead before it is read no further."""
IDLE_S: Final = 75
SWEEP_S: Final = 5
BACKLOG: Final = 4096
STOP_S: Final = 5
"""How long requests in progress have when the process ends."""
JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"

_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answer(NamedTuple):
    """What goes back over HTTP."""

    status: int
    body: bytes
    kind: bytes = JSON
    retry_after_s: int | None = None


class Message(NamedTuple):
    """One HTTP request; the secret is the value of `X-Tollgate-Secret`."""

    method: str
    path: str
    query: bytes
    secret: bytes
    body: bytes
    keep_alive: bool


Handler = Callable[[Message], Awaitable[Answer]]


class Connection(asyncio.Protocol):
    """One switch's connection. Requests sent ahead wait for their turn."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Message] = deque()
        self._task: asyncio.Task[None] | None = None
        self._head_size = 0
        self._refused: Answer | None = None
        self._is_last = False
        self.active_s = time.monotonic()
        self._forget()

    def _forget(self) -> None:
        self._url, self._secret, self._body = b"", b"", b""
        self._continue = False
        self._head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes where answers go."""
        self._transport = cast("asyncio.Transport", transport)
        self._listener.connections.add(self)

    def connection_lost(self, _problem: Exception | None) -> None:
        """Nobody hears the answers any more; what was asked is carried out all the same."""
        self._transport = None
        self._listener.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Parses what has come. What cannot be parsed ends the connection."""
        self.active_s = time.monotonic()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400, "it is not HTTP")

    def eof_received(self) -> bool:
        """A switch that has sent its last request may still hear the answer."""
        self._is_last = True
        return self.is_busy

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._grow(url)
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._grow(name + value)
        lowered = name.lower()
        if lowered == b"x-tollgate-secret":
            self._secret = value
        elif lowered == b"expect":
            self._continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._continue and self._transport is not None and not self.is_busy:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if len(self._body) + len(body) > BODY_MOST:
            self._refuse(413, f"it is longer than {BODY_MOST} bytes")
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Called by the parser: a request is whole."""
        if self._refused is not None:
            return
        path, _, query = self._url.partition(b"?")
        method = self._parser.get_method().decode("ascii")
        keep_alive = self._parser.should_keep_alive()
        message = Message(method, path.decode("latin-1"), query, self._secret, self._body, keep_alive)
        self._forget()
        if self._task is None:
            self._begin(message)
        else:
            self._waiting.append(message)
            if len(self._waiting) >= WAITING_MOST and self._transport is not None:
                self._transport.pause_reading()

    @property
    def is_busy(self) -> bool:
        """Whether a request has still to be answered."""
        return self._task is not None

    def end(self) -> None:
        """Closes the connection, at once or after the answer in progress."""
        self._waiting.clear()
        if not self.is_busy and self._transport is not None:
            self._transport.close()

    def _grow(self, part: bytes) -> None:
        self._head_size += len(part)
        if self._head_size > HEAD_MOST:
            self._refuse(431, f"its head is longer than {HEAD_MOST} bytes")

    def _refuse(self, status: int, problem: str) -> None:
        """Answers what cannot be taken after what came before it, and ends the connection."""
        if self._refused is None:
            self._refused = _problem(status, problem)
            if not self.is_busy:
                self._send(self._refused, keep_alive=False)

    def _begin(self, message: Message) -> None:
        self._task = self._listener.loop.create_task(self._carry_out(message))

    async def _carry_out(self, message: Message) -> None:
        try:
            answer = await self._listener.handler(message)
        except Exception:
            log.exception("%s %s failed", message.method, message.path)
            answer = _problem(500, "it failed here")
        self._task = None
        last = self._listener.is_stopping or (self._is_last and not self._waiting)
        self._send(answer, keep_alive=message.keep_alive and not last)
        if self._waiting:
            self._begin(self._waiting.popleft())
            if self._transport is not None and not self._transport.is_reading():
                self._transport.resume_reading()
        elif self._refused is not None:
            self._send(self._refused, keep_alive=False)

    def _send(self, answer: Answer, *, keep_alive: bool) -> None:
        if self._transport is None:
            return
        status, body, kind, retry_after_s = answer
        head = b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
        text = head % (status, _REASONS.get(status, b""), kind, len(body))
        if retry_after_s is not None:
            text += b"retry-after: %d\r\n" % retry_after_s
        self._transport.write(text + (b"\r\n" if keep_alive else b"connection: close\r\n\r\n") + body)
        if not keep_alive:
            self._waiting.clear()
            self._transport.close()


def _problem(status: int, problem: str) -> Answer:
    body = write_problem(status=status, title="Invalid message", field="body", detail=f"body: {problem}")
    return Answer(status, body, PROBLEM)


class Listener:
    """The listening socket and its connections."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.is_stopping = False
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens. Raises OSError when the address is taken."""
        self.loop: Any = asyncio.get_running_loop()
        self._server = await self.loop.create_server(lambda: Connection(self), host, port, backlog=BACKLOG)
        self._sweeper = self.loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Takes no more requests, and waits a while for the answers to those in progress."""
        self.is_stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        until_s = time.monotonic() + STOP_S
        while self.connections and time.monotonic() < until_s:
            for connection in list(self.connections):
                connection.end()
            await asyncio.sleep(0.02)

    async def _sweep(self) -> None:
        """Closes connections on which nothing has happened for long."""
        while True:
            await asyncio.sleep(SWEEP_S)
            quiet_since_s = time.monotonic() - IDLE_S
            for connection in list(self.connections):
                if connection.active_s < quiet_since_s and not connection.is_busy:
                    connection.end()
