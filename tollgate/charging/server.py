"""The charging process: its doors behind one listening socket, with the timers beside them.

`main` is what `tollgate charge` starts. The doors are in `doors`; to add one, write it there.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import signal
from collections.abc import Callable

import uvloop

from tollgate.charging.database import AWAY
from tollgate.charging.desk import AWAY_ANSWER
from tollgate.charging.doors import DOORS, OPEN, Asked, Door, hangup, invalid, unavailable
from tollgate.charging.listener import PROBLEM, Answer, Listener, Message
from tollgate.charging.reconcile import Reconciler
from tollgate.charging.service import EdgeUnknown, Service
from tollgate.charging.timers import Timers
from tollgate.switches import MessageInvalid
from tollgate.switches.plain import write_problem

log = logging.getLogger(__name__)


class App:
    """What stands before the doors: the secret, and an answer for whatever went wrong."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._secret = service.secret.encode()
        self._tasks: list[asyncio.Task[None]] = []
        self.over = asyncio.Event()
        """Set when the process has to end."""
        self.broken = False
        """Whether it has to because a part of it ended, which no part does by itself."""

    async def answer(self, message: Message) -> Answer:
        """The answer to one request."""
        path = message.path
        door = DOORS.get((message.method, path)) or _door(message.method, path)
        if isinstance(door, Answer):
            return door
        if self._secret and path not in OPEN and not hmac.compare_digest(message.secret, self._secret):
            body = write_problem(status=403, title="Forbidden", field="X-Tollgate-Secret", detail="wrong or missing")
            return Answer(403, body, PROBLEM)
        try:
            return await door(self.service, Asked(path, message.query, message.body))
        except MessageInvalid as problem:
            return invalid(problem)
        except EdgeUnknown as problem:
            return invalid(MessageInvalid("edge", str(problem)))
        except AWAY:
            return unavailable(AWAY_ANSWER)

    async def start(self) -> None:
        """Service, timers and reconciler. Raises what a database that is away raises."""
        await self.service.start()
        self._tasks = [
            asyncio.create_task(Timers(self.service).run(), name="timers"),
            asyncio.create_task(Reconciler(self.service).run(), name="reconciler"),
        ]
        for task in (*self._tasks, *self.service.tasks):
            task.add_done_callback(self._part_ended)

    async def stop(self) -> None:
        """Ends what `start` has begun."""
        self.over.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.service.stop()

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        """Half a service would take calls that nobody renews: it ends whole, and whoever runs it starts it again."""
        problem = None if task.cancelled() else task.exception()
        if not self.over.is_set():
            log.critical("%s has ended, so the process does", task.get_name(), exc_info=problem)
            self.broken = True
            self.over.set()


def _door(method: str, path: str) -> Door | Answer:
    """A door whose address has a number in it, or the answer that there is none."""
    if path.startswith("/v1/calls/") and path.endswith("/hangup") and path.count("/") == 4 and method == "POST":
        return hangup
    known = any(path == other for _, other in DOORS)
    status, detail = (405, "this address takes another method") if known else (404, "no such address")
    return Answer(status, write_problem(status=status, title="Not found", field=None, detail=detail), PROBLEM)


async def _serve(app: App, host: str, port: int, ready: Callable[[], None]) -> int:
    """Serves until the process is told to end; the process's exit code. `ready` is called when switches are heard."""
    try:
        await app.start()
    except AWAY as problem:
        log.error("the database cannot be reached: %s", problem)
        return 3
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, app.over.set)
    listener = Listener(app.answer)
    try:
        await listener.start(host, port)
        ready()
        await app.over.wait()
        await listener.stop()
    except OSError as problem:
        log.error("cannot listen on %s port %s: %s", host, port, problem)
        return 1
    finally:
        await app.stop()
    return 1 if app.broken else 0


def main(
    *,
    database_url: str,
    host: str,
    port: int,
    secret: str,
    log_level: str = "info",
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serves until the process is told to end. Exits with 3 when the database cannot be reached at the start."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    code = uvloop.run(_serve(App(Service(database_url, secret=secret)), host, port, ready))
    if code:
        raise SystemExit(code)
