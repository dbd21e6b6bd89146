"""The desk: requests wait here for the next batch, and for each other when they concern the same call.

Two batches are in flight on two connections, so that Python decides while PostgreSQL commits; a few requests rather
wait until the one in flight is through, because a batch costs as much as a dozen requests in it. A batch that fails is
split: what fails alone is answered as unavailable, the others are carried out. Nobody waits past a deadline: a request
that cannot make it is turned away at once, and one that passed it in the queue is dropped before anything is held.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg

from tollgate.charging import batch as batches
from tollgate.charging.database import AWAY, DeskConnection
from tollgate.charging.decisions import Again
from tollgate.charging.memory import Memory
from tollgate.charging.requests import Allowed, Key, Outcome, Request, Unavailable, Void
from tollgate.switches import Ended

log = logging.getLogger(__name__)

BATCH_MOST: Final = 128
COMPANY_COUNT: Final = 6
"""When so many requests wait, a second batch begins beside the one in flight."""
COMPANY_S: Final = 0.1
"""It also does when the first of them has waited so long: the batch in flight may hang."""
VOID_S: Final = 60
"""How long closing an unheard grant is tried."""
LOOK_S: Final = 1
"""How often who has nothing to do looks at its connection."""
STOP_S: Final = 2
"""How long a stop waits for the batches in flight."""
TRIES_MOST: Final = 5
CAREFUL_COUNT: Final = 8
"""So many batches lock before they decide after one that decided on what was not so: others write the same wallets."""
RETRY_AFTER_S: Final = 5
PATIENCE: Final = 2 / 3
"""The part of a deadline that a request may expect to wait in the queue; the rest is for what nobody expects."""
STALLED_S: Final = 0.5
"""A batch that takes longer hangs, and who comes now would wait as long."""
OVERLOAD: Final = Unavailable("overload", RETRY_AFTER_S)
AWAY_ANSWER: Final = Unavailable("database", RETRY_AFTER_S)
BROKEN: Final = Unavailable("error", RETRY_AFTER_S)
_RECONNECT_S: Final = 0.2
_BROKEN_S: Final = 2
"""The wait after what should not have happened: each time is logged whole."""
_AGAIN: Final = (
    asyncpg.TransactionRollbackError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
    batches.CareNeeded,
)
"""Errors of timing: the same request may pass when it is tried once more."""


@dataclass(slots=True)
class DeskCounts:
    """What the desk has done; read by `metrics`."""

    batches: int = 0
    requests: int = 0
    retries: int = 0
    shed: int = 0
    late: int = 0
    batch_s: float = 0.01
    """A running mean of how long a batch takes."""
    sizes: deque[int] = field(default_factory=lambda: deque(maxlen=1000))


class Gate:
    """Careful batches go alone: what the others believe is not what they will leave."""

    def __init__(self) -> None:
        self._count = 0
        self._careful_count = 0
        self._moved = asyncio.Event()

    async def enter(self, *, careful: bool) -> None:
        """Waits until the batch may go. A careful one goes past others that hang: the database's locks still hold."""
        self._careful_count += careful
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(batches.HANGS_S if careful else None):
                    while self._count if careful else self._careful_count:
                        self._moved.clear()
                        await self._moved.wait()
        except BaseException:
            self._careful_count -= careful
            self._moved.set()
            raise
        self._count += 1

    def leave(self, *, careful: bool) -> None:
        """The batch is through."""
        self._count -= 1
        self._careful_count -= careful
        self._moved.set()


class Desk:
    """Collects requests into batches and carries them out."""

    def __init__(self, url: str, *, connections: int = 2) -> None:
        self._url = url
        self._count = connections
        self._queue: deque[Request] = deque()
        self._waiting: dict[Key, tuple[Request, ...]] = {}
        self._sleepers: list[asyncio.Future[None]] = []
        self._is_armed = False
        """Whether somebody looks soon at how long the first in the queue has waited."""
        self._tasks: list[asyncio.Task[None]] = []
        self._memory = Memory()
        self._gate = Gate()
        self._careful_count = 0
        self._connected = 0
        self._stopping = asyncio.Event()
        self._began_s: dict[int, float] = {}
        self.counts = DeskCounts()

    async def start(self) -> None:
        """Connects; raises what a database that is away raises."""
        first = await DeskConnection.open(self._url)
        self._tasks = [asyncio.create_task(self._work(first), name="desk 1")]
        self._tasks += [asyncio.create_task(self._work(None), name=f"desk {n + 2}") for n in range(self._count - 1)]

    async def stop(self) -> None:
        """Lets the batches in flight end, and answers the rest as unavailable."""
        self._stopping.set()
        self._refuse_all(AWAY_ANSWER)
        self._rouse_all()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs for as long as the process does."""
        return tuple(self._tasks)

    @property
    def is_up(self) -> bool:
        """Whether the database can be reached."""
        return self._connected > 0

    @property
    def queued(self) -> int:
        """How many requests wait for a batch."""
        return len(self._queue)

    def submit(self, request: Request) -> None:
        """Takes a request; its future gets the answer."""
        if self._stopping.is_set() or not self._connected:
            _resolve(request, AWAY_ANSWER)
        elif self.sheds(request.deadline_s - time.monotonic()):
            _resolve(request, OVERLOAD)
        elif request.key in self._waiting:
            following = self._waiting[request.key]
            self._waiting[request.key] = (*following, request)
        else:
            self._waiting[request.key] = ()
            self._queue.append(request)
            self._call()

    def sheds(self, patience_s: float) -> bool:
        """Whether a request that can wait so long is turned away at once, because its answer would come too late."""
        if self._expected_wait_s() <= patience_s * PATIENCE:
            return False
        self.counts.shed += 1
        return True

    def _expected_wait_s(self) -> float:
        """How long one more in the queue waits, were every batch like those before; and how long one hangs now."""
        wait_s = -(-len(self._queue) // (BATCH_MOST * self._count)) * self.counts.batch_s
        if len(self._began_s) == self._count:
            wait_s += max(0.0, time.monotonic() - max(self._began_s.values()) - STALLED_S)
        return wait_s

    async def _work(self, connection: DeskConnection | None) -> None:
        while not self._stopping.is_set():
            if connection is None:
                connection = await self._connect()
            connection.on_lost(self._rouse_all)
            self._connected += 1
            try:
                await self._serve(connection)
            except AWAY as problem:
                log.warning("desk: the database is away: %s", problem)
            except Exception:
                log.exception("desk: a connection is opened anew")
            finally:
                self._connected -= 1
                connection.close()
                if not self._connected:
                    self._refuse_all(AWAY_ANSWER)
                elif self._queue:  # whoever woke this one has another look at it
                    self._wake()
            connection = None

    async def _connect(self) -> DeskConnection:
        while True:
            try:
                return await DeskConnection.open(self._url)
            except AWAY:
                await asyncio.sleep(_RECONNECT_S)
            except Exception:
                log.exception("desk: no connection could be opened")
                await asyncio.sleep(_BROKEN_S)

    async def _serve(self, connection: DeskConnection) -> None:
        while not self._stopping.is_set():
            if connection.connection.is_closed():
                raise asyncpg.ConnectionDoesNotExistError("the connection was closed")
            batch = self._take() if self._is_due(others=self._connected - len(self._sleepers) - 1) else []
            if batch:
                await self._carry_out(connection, batch)
            elif not self._stopping.is_set():
                await self._sleep()

    def _is_due(self, *, others: int) -> bool:
        """Whether a batch may begin while so many others are awake: each looks into the queue again when it is through,
        and the last of them takes whatever there is."""
        queue = self._queue
        if not others or len(queue) >= COMPANY_COUNT:
            return True
        return bool(queue) and time.monotonic() - queue[0].asked_s > COMPANY_S

    def _call(self) -> None:
        """Something waits in the queue: somebody takes it if it is due, and looks soon whether anything waits still."""
        if self._is_due(others=self._connected - len(self._sleepers)):
            self._wake()
        if not self._is_armed:
            self._is_armed = True
            asyncio.get_running_loop().call_later(COMPANY_S, self._look)

    def _look(self) -> None:
        self._is_armed = False
        if self._queue:
            self._call()

    async def _sleep(self) -> None:
        """Until a request comes, or a while: then it is time to look whether the connection still stands."""
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        self._sleepers.append(sleeper)
        timer = loop.call_later(LOOK_S, _rouse, sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def _rouse_all(self) -> None:
        """A stop, or a connection that was lost: whose it was opens another before a request needs it."""
        while self._sleepers:
            _rouse(self._sleepers.pop())

    def _wake(self) -> None:
        """Lets one more of those who sleep look into the queue."""
        if self._sleepers:
            _rouse(self._sleepers.pop())

    def _take(self) -> list[Request]:
        """The next batch, without those whose deadline has passed: nothing is held for them."""
        now_s = time.monotonic()
        batch: list[Request] = []
        while self._queue and len(batch) < BATCH_MOST:
            request = self._queue.popleft()
            if request.deadline_s < now_s:
                self.counts.late += 1
                self._answer(request, OVERLOAD)
            else:
                batch.append(request)
        return batch

    async def _carry_out(self, connection: DeskConnection, batch: Sequence[Request]) -> None:
        """Runs a batch; one that fails is tried again in halves, down to the request that cannot be carried out."""
        parts: list[tuple[Sequence[Request], int]] = [(batch, 0)]
        try:
            while parts:
                part, tries = parts[-1]
                outcomes = await self._try(connection, part, careful=tries > 0)
                parts.pop()
                if outcomes is not None:
                    self._answer_all(part, outcomes)
                elif tries < TRIES_MOST and (tries == 0 or len(part) == 1):
                    parts.append((part, tries + 1))
                elif len(part) > 1:
                    half = len(part) // 2
                    parts += [(part[half:], tries), (part[:half], tries)]
                else:
                    self._answer(part[0], BROKEN)
        except BaseException:
            for part, _ in parts:  # those that gave up waiting too: other requests of their calls wait behind them
                for request in part:
                    self._answer(request, AWAY_ANSWER)
            raise

    async def _try(
        self, connection: DeskConnection, part: Sequence[Request], *, careful: bool
    ) -> list[Outcome | Again] | None:
        """The answers, or None when the transaction failed and nothing of it has happened."""
        began_s = time.monotonic()
        counts = self.counts
        if self._careful_count:
            self._careful_count -= 1
            careful = True
        careful = careful or batches.needs_care(part, self._memory)
        self._began_s[id(connection)] = began_s
        try:
            await self._gate.enter(careful=careful)
        except BaseException:
            del self._began_s[id(connection)]
            raise
        try:
            outcomes = await batches.run(connection, self._memory, part, datetime.now(UTC), careful=careful)
        except AWAY as problem:
            if not isinstance(problem, ValueError):
                raise
            counts.retries += 1
            log.exception("a batch of %s holds a value that no column takes", len(part))
            return None
        except _AGAIN as problem:
            counts.retries += 1
            self._careful_count = CAREFUL_COUNT
            log.info("a batch of %s is tried again: %s", len(part), problem)
            return None
        except Exception:
            counts.retries += 1
            log.exception("a batch of %s failed", len(part))
            return None
        finally:
            self._gate.leave(careful=careful)
            del self._began_s[id(connection)]
        counts.batches += 1
        counts.requests += len(part)
        counts.sizes.append(len(part))
        counts.batch_s += (time.monotonic() - began_s - counts.batch_s) * 0.1
        return outcomes

    def _answer_all(self, part: Sequence[Request], outcomes: Sequence[Outcome | Again]) -> None:
        for request, outcome in zip(part, outcomes, strict=True):
            if isinstance(outcome, Again):
                self._queue.appendleft(request)
                self._call()
            else:
                self._answer(request, outcome)

    def _answer(self, request: Request, outcome: Outcome) -> None:
        """Gives the answer, and lets the next request of the same call come.

        A grant that came too late was never heard: the call is closed again, so that nothing stays held for it.
        """
        request.answered = True
        following = self._waiting[request.key]
        if not request.future.done():
            request.future.set_result(outcome)
        elif isinstance(outcome, Allowed) and outcome.fresh:
            following = (_void(request), *following)
        if following:
            self._waiting[request.key] = following[1:]
            self._queue.append(following[0])
            self._call()
        else:
            del self._waiting[request.key]

    def _refuse_all(self, outcome: Outcome) -> None:
        while self._queue:
            self._answer(self._queue.popleft(), outcome)


def _void(request: Request) -> Void:
    """The end of a call whose grant nobody heard."""
    at, now_s = datetime.now(UTC), time.monotonic()
    void = Void(request.key, asyncio.get_running_loop().create_future(), now_s, now_s + VOID_S)
    void.dialog = request.dialog
    void.corrected = frozenset()
    void.told = Ended(
        edge=request.key[1],
        call_id=request.key[2],
        at=at,
        answered_at=None,
        duration_ms=None,
        sip=503,
        q850=41,
        released_by="tollgate",
        failed=True,
    )
    return void


def _rouse(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _resolve(request: Request, outcome: Outcome) -> None:
    if not request.future.done():
        request.future.set_result(outcome)
