"""The charging process: a bare ASGI application on uvicorn, with the timers beside it.

`main` is what `tollgate charge` starts. The doors are in `doors`; to add one, write it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

from tollgate.charging.database import AWAY
from tollgate.charging.desk import AWAY_ANSWER
from tollgate.charging.doors import DOORS, OPEN, PROBLEM, Answer, Asked, Door, hangup, invalid, unavailable
from tollgate.charging.reconcile import Reconciler
from tollgate.charging.service import EdgeUnknown, Service
from tollgate.charging.timers import Timers
from tollgate.switches import MessageInvalid
from tollgate.switches.plain import write_problem

log = logging.getLogger(__name__)

BODY_MOST: Final = 4 * 1024 * 1024
"""Enough for a sync of 50,000 calls."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """A body beyond `BODY_MOST`."""


class App:
    """The ASGI application of one charging process."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._secret = service.secret.encode()
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(scope, receive)
            headers = [(b"content-type", answer.kind), (b"content-length", str(len(answer.body)).encode())]
            if answer.retry_after_s is not None:
                headers.append((b"retry-after", str(answer.retry_after_s).encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path: str = scope["path"]
        door = _door(scope["method"], path)
        if isinstance(door, Answer):
            return door
        if self._secret and path not in OPEN and not self._knows(scope["headers"]):
            body = write_problem(status=403, title="Forbidden", field="X-Tollgate-Secret", detail="wrong or missing")
            return Answer(403, body, PROBLEM)
        try:
            return await door(self.service, Asked(path, scope["query_string"], await _body(receive)))
        except MessageInvalid as problem:
            return invalid(problem)
        except EdgeUnknown as problem:
            return invalid(MessageInvalid("edge", str(problem)))
        except TooLarge:
            return invalid(MessageInvalid("body", f"it is longer than {BODY_MOST} bytes"), 413)
        except AWAY:
            return unavailable(AWAY_ANSWER)

    def _knows(self, headers: list[tuple[bytes, bytes]]) -> bool:
        return any(name == b"x-tollgate-secret" and hmac.compare_digest(value, self._secret) for name, value in headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except AWAY as problem:
            await send({"type": "lifespan.startup.failed", "message": f"the database cannot be reached: {problem}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        await self.service.start()
        self._tasks = [
            asyncio.create_task(Timers(self.service).run(), name="timers"),
            asyncio.create_task(Reconciler(self.service).run(), name="reconciler"),
        ]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.service.stop()


def _door(method: str, path: str) -> Door | Answer:
    found = DOORS.get((method, path))
    if found is not None:
        return found
    if path.startswith("/v1/calls/") and path.endswith("/hangup") and path.count("/") == 4 and method == "POST":
        return hangup
    known = any(path == other for _, other in DOORS)
    status, detail = (405, "this address takes another method") if known else (404, "no such address")
    return Answer(status, write_problem(status=status, title="Not found", field=None, detail=detail), PROBLEM)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_MOST:
            raise TooLarge
    return body


def main(*, database_url: str, host: str, port: int, secret: str, log_level: str = "info") -> None:
    """Serves until the process is told to end. Exits with 3 when the database cannot be reached at the start."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        App(Service(database_url, secret=secret)),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level=log_level.lower(),
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        backlog=4096,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()
