"""One charging process: the real service, desk, timers and reconciler, on fake tables and a fake wire to the edge.

A process may die between any two steps: its connections break, its tasks end, and nobody hears what it would have
answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.simulator.store import Connection
from tollgate.charging.edges import Edges
from tollgate.charging.reconcile import Reconciler
from tollgate.charging.service import Service
from tollgate.charging.timers import Timers
from tollgate.core.snapshot import EdgeInfo, Snapshot

if TYPE_CHECKING:
    from tests.simulator.world import World


class Wire(Edges):
    """The way to the edge: what the real one puts into HTTP goes to the fake switch."""

    def __init__(self, world: World) -> None:
        super().__init__(secret="")
        self._world = world

    async def _ask(self, edge: EdgeInfo, body: bytes) -> bytes:
        return await self._world.rpc(body)


class Questions:
    """Takes the place of the reader of live calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Answers a statement of `charging_calls.sql`."""
        if self._world.tables.down:
            raise asyncpg.ConnectionDoesNotExistError("the connection is gone")
        return await self._world.tables.ask(statement, *values)


class SimulatedService(Service):
    """The service with records that never change, and with the fake wires."""

    def __init__(self, world: World, snapshot: Snapshot, name: str) -> None:
        super().__init__(name)
        self.snapshots.by_account = {snapshot.account.id: snapshot}
        self.snapshots.by_edge = dict.fromkeys(snapshot.edges, snapshot)
        self.edges = Wire(world)
        self.reader: Any = Questions(world)


class Process:
    """A running service, and the faults that await it at its steps."""

    def __init__(self, world: World, snapshot: Snapshot, name: str) -> None:
        self.world = world
        self.name = name
        self.is_up = True
        self.service = SimulatedService(world, snapshot, name)
        self.connections: list[Connection] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.rounds: set[str] = set()

    def start(self) -> None:
        """As `Service.start`, but the desk connects when it can."""
        desk = self.service.desk
        desk._tasks = [self.world.loop.create_task(desk._work(None)) for _ in range(desk._count)]
        self.timers = Timers(self.service)
        self.reconciler = Reconciler(self.service)

    def connect(self) -> Connection:
        """A new connection of the desk's."""
        connection = Connection(self.world.tables, self)
        self.connections = [*[known for known in self.connections if not known.is_broken], connection]
        return connection

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something that dies with the process."""
        task = self.world.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def alone(self, name: str, work: Callable[..., Coroutine[Any, Any, None]], *values: object) -> None:
        """The same for a loop of the process, whose rounds never overlap."""
        if name not in self.rounds:
            self.rounds.add(name)
            self.spawn(self._round(name, work, *values))

    async def _round(self, name: str, work: Callable[..., Coroutine[Any, Any, None]], *values: object) -> None:
        try:
            await work(*values)
        finally:
            self.rounds.discard(name)

    @property
    def is_busy(self) -> bool:
        """Whether anything is in flight."""
        desk = self.service.desk
        return self.is_up and bool(self.tasks or desk._began_s or (desk._queue and desk.is_up))

    def kill(self) -> None:
        """The process is gone, with all it had not committed and all it had not said."""
        if not self.is_up:
            return
        self.is_up = False
        for connection in self.connections:
            connection.close()
        for task in (*self.tasks, *self.service.desk._tasks):
            task.cancel()

    async def before_statement(self, connection: Connection, statement: str) -> None:
        """Time passes, and what was planned for this step happens."""
        await self.world.step(self, connection, statement)

    async def before_commit(self, connection: Connection) -> bool | None:
        """None: all is well. Else the wire breaks, with the commit carried out (True) or not (False)."""
        await self.world.step(self, connection, "COMMIT")
        return self.world.commit_fault()

    async def after_commit(self, connection: Connection) -> None:
        """The last step before the answers."""
        await self.world.step(self, connection, "committed")
