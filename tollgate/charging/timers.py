"""What happens every second: grants are renewed, edges are told, calls nobody speaks of are closed.

Every process does this for all calls; the locks of the desk and a second look at the locked row see to it that a call
is renewed once. To add a timer, add a step to `tick`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tollgate.charging import requests
from tollgate.charging.database import AWAY
from tollgate.charging.edges import UNREACHABLE, Call
from tollgate.charging.reconcile import EVERY_S as COMPARED_EVERY_S
from tollgate.charging.reconcile import REQUESTED_REASON, lose
from tollgate.charging.requests import Extended
from tollgate.core.snapshot import Snapshot

if TYPE_CHECKING:
    from tollgate.charging.service import Service

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
LEAD: Final = timedelta(seconds=12)
"""Grants are renewed this long before they end: time for an edge that has to be asked more than once."""
OVERDUE: Final = timedelta(seconds=1)
STOP_WINDOW: Final = timedelta(seconds=30)
AGAIN_S: Final = 5
"""A hang-up that did not work is sent again after this long."""
PROVEN: Final = timedelta(seconds=2 * COMPARED_EVERY_S)
"""A call that was shown so lately may be renewed, however short the silence is that the account allows."""
HEARD_S: Final = 20
"""How often it is noted that edges without an address have spoken."""


class Timers:
    """The second hand of one charging process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._started_s = time.monotonic()
        self._untold: dict[str, dict[Call, float]] = defaultdict(dict)
        """Edge -> call -> the monotonic second of its new end: a clock that is set meanwhile changes no grant."""
        self._stopped_s: dict[tuple[str, str], float] = {}
        self._heard_s = 0.0

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.tick(datetime.now(UTC))
            except AWAY as problem:
                log.warning("timers: the database is away: %s", problem)
            except Exception:
                log.exception("timers: a tick failed")
            await asyncio.sleep(EVERY_S)

    async def tick(self, at: datetime) -> None:
        """One second's work."""
        self._service.tell_edges()
        await self._hear(at)
        for snapshot in list(self._service.snapshots.by_account.values()):
            await self._renew(snapshot, at)
            await self._stop(snapshot, at)
            await self._resolve(snapshot, at)

    async def _hear(self, at: datetime) -> None:
        """Notes which switches have spoken; those with an address are asked by the comparison if they are there."""
        if time.monotonic() - self._heard_s < HEARD_S:
            return
        self._heard_s = time.monotonic()
        heard, self._service.heard = self._service.heard, set()
        for snapshot in self._service.snapshots.by_account.values():
            for edge in [edge for edge in snapshot.edges.values() if edge.name in heard and not edge.rpc_url]:
                await self._service.reader.fetch("edge_seen", edge.id, at)

    async def _renew(self, snapshot: Snapshot, at: datetime) -> None:
        """Holds more for calls whose grant is nearly used up, then tells the edges of the new ends."""
        service, silence = self._service, max(PROVEN, timedelta(seconds=2 * snapshot.validity_s))
        told = [edge.name for edge in snapshot.edges.values() if edge.rpc_url]
        found = await service.reader.fetch(
            "ending_calls", snapshot.account.id, at + LEAD, at - OVERDUE, at - silence, told
        )
        asked = []
        for row in found:
            request = service.request(requests.Extend, (snapshot.account.id, row["edge"], row["edge_call_id"]), 5000)
            request.before, request.slice_s = row["granted_until"], snapshot.slice_s
            asked.append(service.ask(request))
        for row, outcome in zip(found, await asyncio.gather(*asked), strict=True):
            if isinstance(outcome, Extended) and outcome.more:
                left_s = (outcome.granted_until - datetime.now(UTC)).total_seconds()
                self._untold[row["edge"]][row["edge_call_id"], row["dialog"]] = time.monotonic() + left_s
        await asyncio.gather(*[self._tell(snapshot, edge) for edge in told if self._untold.get(edge)])

    async def _tell(self, snapshot: Snapshot, name: str) -> None:
        """The new ends that this edge has not heard of; those it could not be told are kept for the next second."""
        ends = self._untold.pop(name)
        now, now_s = datetime.now(UTC), time.monotonic()
        ends = {call: until_s for call, until_s in ends.items() if until_s > now_s}
        moments = {call: now + timedelta(seconds=until_s - now_s) for call, until_s in ends.items()}
        try:
            await self._service.edges.extend(snapshot.edges[name], moments, now)
        except UNREACHABLE:
            self._untold[name] = ends | self._untold.get(name, {})

    async def _stop(self, snapshot: Snapshot, at: datetime) -> None:
        """Hangs up what has to end: on request, or because it outlived its grant."""
        edges = {edge.name: edge for edge in snapshot.edges.values() if edge.rpc_url}
        if not edges:
            return
        found = await self._service.reader.fetch(
            "stopping_calls", snapshot.account.id, list(edges), at - STOP_WINDOW, at - OVERDUE
        )
        now_s = time.monotonic()
        self._stopped_s = {key: since for key, since in self._stopped_s.items() if now_s - since < AGAIN_S}
        calls: dict[str, list[Call]] = defaultdict(list)
        for row in found:
            key = (row["edge"], row["edge_call_id"])
            if key not in self._stopped_s:
                self._stopped_s[key] = now_s
                calls[row["edge"]].append((row["edge_call_id"], row["dialog"]))
        for name, stopped in calls.items():
            try:
                await self._service.edges.hang_up(edges[name], stopped, REQUESTED_REASON)
            except UNREACHABLE as problem:
                log.info("timers: edge %s: %s", name, problem)

    async def _resolve(self, snapshot: Snapshot, at: datetime) -> None:
        """Closes calls whose grant ran out long ago without a word; not before this process has listened that long."""
        silence_s = 2 * snapshot.validity_s
        if time.monotonic() - self._started_s < silence_s:
            return
        since = at - timedelta(seconds=silence_s)
        rows = await self._service.reader.fetch("lost_calls", snapshot.account.id, since)
        calls = [(row["edge"], row["edge_call_id"]) for row in rows]
        if calls:
            await lose(self._service, snapshot.account.id, calls, "no news since the grant ran out", since)
