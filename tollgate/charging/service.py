"""The charging service without its doors: snapshot, desk, edges and timers, started and stopped together.

`ask` puts a request to the desk and waits for the answer, no longer than its deadline. Doors are in `server`.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from tollgate.charging import requests
from tollgate.charging.deadlines import Deadlines
from tollgate.charging.desk import OVERLOAD, Desk
from tollgate.charging.edges import Edges
from tollgate.charging.metrics import Metrics
from tollgate.charging.pins import Pins
from tollgate.charging.reconcile import Reader
from tollgate.charging.requests import Key, Outcome, Request, Unavailable
from tollgate.charging.snapshot import SnapshotKeeper
from tollgate.core import circuits
from tollgate.core.calls import Invite, Plan, plan
from tollgate.core.refusals import Key as RefusalKey
from tollgate.core.snapshot import Snapshot
from tollgate.switches.kamailio_rpc import FORGET_ALL

DEADLINE_MS: Final = 1500
EVENT_DEADLINE_MS: Final = 5000

R = TypeVar("R", bound=Request)


class EdgeUnknown(Exception):
    """No account has an edge of this name, or it is disabled and asks for a new call."""


class Service:
    """Everything one charging process has, besides its listening socket."""

    def __init__(self, url: str, *, secret: str = "", connections: int = 2) -> None:
        self.url = url
        self.secret = secret
        self.snapshots = SnapshotKeeper(url)
        self.snapshots.on_swap = self.tell_edges
        self.desk = Desk(url, connections=connections)
        self.edges = Edges(secret=secret)
        self.reader = Reader(url)
        self.pins = Pins(url)
        self.deadlines = Deadlines(_give_up)
        self.heard: set[str] = set()
        """Edges that have spoken since the timers last noted who did."""
        self.metrics = Metrics(self)

    async def start(self) -> None:
        """Reads the records and opens the desk. Raises what a database that is away raises."""
        await self.snapshots.start()
        await self.desk.start()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs for as long as the process does."""
        return (*self.snapshots.tasks, *self.desk.tasks)

    async def stop(self) -> None:
        """Answers what waits, and closes."""
        await self.desk.stop()
        await self.snapshots.stop()
        self.reader.close()
        self.pins.close()

    async def snapshot_of(self, edge: str, kind: str) -> Snapshot:
        """The account behind an edge; an edge heard for the first time is registered. Raises EdgeUnknown.

        Also of one that is disabled: the calls it has go on, and what it tells of them counts.
        """
        snapshot = self.snapshots.by_edge.get(edge)
        if snapshot is None:
            if not await self.snapshots.register_edge(edge, kind):
                raise EdgeUnknown(f"no account has an edge named {edge!r}")
            snapshot = self.snapshots.by_edge[edge]
        self.heard.add(edge)
        return snapshot

    async def snapshot_for_calls(self, edge: str, kind: str) -> Snapshot:
        """The account behind an edge that asks for a new call. Raises EdgeUnknown, also when it is disabled."""
        snapshot = await self.snapshot_of(edge, kind)
        if not snapshot.edges[edge].enabled:
            raise EdgeUnknown(f"the edge {edge!r} is disabled")
        return snapshot

    def tell_edges(self) -> None:
        """Tells every Kamailio edge whose password it must not believe any more, and whom to hear again."""
        snapshots = self.snapshots
        users, snapshots.changed_users = snapshots.changed_users, set()
        changed, snapshots.changed_endpoints = snapshots.changed_endpoints, set()
        limits, snapshots.changed_limits = snapshots.changed_limits, set()
        for account_id, snapshot in snapshots.by_account.items():
            told = [edge for edge in snapshot.edges.values() if edge.rpc_url and edge.kind == "kamailio"]
            self.edges.forget_users(told, {*users, FORGET_ALL} if account_id in limits else users)
            for edge in told:
                if edge.enabled:
                    is_endpoint = partial(self.is_endpoint, account_id)
                    self.edges.admit(edge, is_endpoint, changed=account_id in changed)

    def is_endpoint(self, account_id: int, address: str) -> bool:
        """Whether calls from an address are some customer's, or a carrier's to DIDs, now."""
        snapshot = self.snapshots.by_account.get(account_id)
        return snapshot is not None and knows(snapshot, address)

    def request(self, kind: type[R], key: Key, deadline_ms: int = DEADLINE_MS) -> R:
        """A request about one call, to be filled in and asked."""
        now_s = time.monotonic()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return kind(key, future, now_s, now_s + deadline_ms / 1000)

    async def ask(self, request: Request) -> Outcome:
        """The durable answer, or `Unavailable` when the deadline passes first."""
        future = request.future
        self.desk.submit(request)
        if not future.done():
            waiting = self.deadlines.watch(future, request.deadline_s)
            try:
                await future
            finally:
                waiting.discard(future)
        outcome = future.result()
        self.metrics.count(request, outcome)
        return outcome

    def sheds(self, deadline_ms: int) -> Unavailable | None:
        """The answer to a question that cannot be decided in time, before any work is spent on it."""
        desk = self.desk
        if not desk.is_up or not desk.sheds(deadline_ms / 1000):
            return None
        self.metrics.unavailable["overload"] += 1
        return OVERLOAD

    async def identified(
        self, invite: Invite, snapshot: Snapshot, until_s: float, *, trusted: bool, dialog: str = ""
    ) -> Invite | Unavailable:
        """The call with the holder of its PIN, if that is known before a monotonic moment. Raises one of `AWAY`.

        A try that was counted and not told of costs no second one when the question comes again.
        """
        try:
            async with asyncio.timeout(max(0.0, until_s - time.monotonic())):
                return await self.pins.identified(invite, snapshot, datetime.now(UTC), trusted=trusted, dialog=dialog)
        except TimeoutError:
            self.metrics.unavailable["overload"] += 1
            return OVERLOAD

    def planned(self, invite: Invite, snapshot: Snapshot) -> Plan:
        """The stateless part of a decision, now."""
        return plan(invite, snapshot, datetime.now(UTC))

    def tested(self, planned: Plan, circuit: str) -> Plan:
        """The plan of a circuit test, by the gateways that it names; what is none of ours changes nothing."""
        gateway_ids = circuits.read(self.secret, planned.invite.call_id, circuit)
        return planned if gateway_ids is None else circuits.through(planned, gateway_ids)

    async def authorize(self, planned: Plan, snapshot: Snapshot, deadline_ms: int, *, dialog: str = "") -> Outcome:
        """Asks for a call to be carried."""
        invite = planned.invite
        key = (snapshot.account.id, invite.edge, invite.call_id)
        request = self.request(requests.Authorize, key, deadline_ms)
        request.dialog = dialog
        request.plan = planned
        request.local = planned.local_user
        return await self.ask(request)

    async def tell(self, kind: type[Any], key: Key, told: object) -> Outcome:
        """Asks for what a switch has told to be carried out."""
        request = self.request(kind, key, EVENT_DEADLINE_MS)
        request.told = told
        request.dialog = getattr(told, "dialog", "")
        if isinstance(request, requests.End):
            request.corrected = frozenset()
        return await self.ask(request)


def knows(snapshot: Snapshot, address: str) -> bool:
    """Whether calls from an address are some customer's, or those of a carrier with DIDs."""
    if snapshot.networks.find(address):
        return True
    return any(source.carrier_id in snapshot.bringers for source in snapshot.sources.find(address))


def challenged(planned: Plan, snapshot: Snapshot) -> bool:
    """Whether a SIP edge should ask this caller for a password, because nobody knows its address."""
    refusal = planned.status_refusal
    unknown = refusal is not None and refusal.key is RefusalKey.ip_unknown
    return unknown and snapshot.challenge_unknown and planned.invite.user is None


def _give_up(future: asyncio.Future[Outcome]) -> None:
    if not future.done():
        future.set_result(OVERLOAD)
