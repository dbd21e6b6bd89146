"""Comparing what an edge has live with what we believe is live; and looking at live calls on request.

Unknown and ended calls are hung up; ours that an edge did not show twice in a row are closed at the last moment they
were proven. One process of the installation compares all edges that can be spoken to, every half minute; a switch
without an address compares by itself (`POST /v1/sync`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from tollgate.charging import requests
from tollgate.charging.database import AWAY, connect
from tollgate.charging.edges import UNREACHABLE
from tollgate.core.snapshot import EdgeInfo, Snapshot
from tollgate.store.sql import load
from tollgate.switches import Answered

if TYPE_CHECKING:
    from tollgate.charging.service import Service

log = logging.getLogger(__name__)

EVERY_S: Final = 30
AT_ONCE: Final = 20
"""So many edges are compared beside each other: one that does not answer takes seconds."""
AGAIN_S: Final = 5
"""A round that broke off is made again after this long: calls are renewed only while they were lately proven."""
SEEN_MOST: Final = 1000
SEEN_TRIES: Final = 5
SEEN_WAIT_S: Final = 0.05
GRACE: Final = timedelta(seconds=5)
"""A call younger than this may be on its way between us and the edge."""
LATE_ANSWER: Final = timedelta(seconds=10)
MISSES_MOST: Final = 2
UNKNOWN_REASON: Final = 'Q.850;cause=31;text="Unknown call"'
REQUESTED_REASON: Final = 'Q.850;cause=31;text="Ended by the operator"'


@dataclass(slots=True)
class Compared:
    """What a comparison found: calls we closed, calls the edge must end, and how long each other may talk."""

    settled: list[str] = field(default_factory=list)
    hangup: list[tuple[str, str]] = field(default_factory=list)
    grants: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """One call as an edge shows it."""

    call_id: str
    dialog: str
    started_at: datetime | None
    answered: bool


class Reader:
    """A connection for the questions of one file of statements, opened again when it was lost."""

    def __init__(self, url: str, statements: str = "charging_calls") -> None:
        self._url = url
        self._sql = load(statements)
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Runs a statement of the file. Raises one of `AWAY`."""
        async with self._lock:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._url, name="tollgate charging: calls")
            return await self._connection.fetch(self._sql[statement], *values, timeout=10)

    def close(self) -> None:
        """Hangs up."""
        if self._connection is not None:
            self._connection.terminate()


async def live_calls(service: Service, account_id: int, edge: str) -> list[dict[str, object]]:
    """The live calls of an edge, as `GET /v1/calls` shows them."""
    found = await service.reader.fetch("calls_of_edge", account_id, edge)
    return [
        {
            "call": str(row["id"]),
            "call_id": row["edge_call_id"],
            "customer": row["customer_id"],
            "cli": row["cli"],
            "cld": row["cld"],
            "state": row["state"],
            "authorized_at": row["authorized_at"],
            "answered_at": row["answered_at"],
            "max_s": row["granted_s"],
            "granted_until": row["granted_until"],
        }
        for row in found
    ]


async def live_counts(service: Service) -> dict[str, int]:
    """How many calls are in each state."""
    return {row["state"]: row["count"] for row in await service.reader.fetch("live_counts")}


async def request_hangup(service: Service, call_id: int) -> bool:
    """Notes that a call has to end; False when it is not live. The timers tell the edge."""
    accounts = list(service.snapshots.by_account)
    return bool(await service.reader.fetch("request_hangup", accounts, call_id, datetime.now(UTC)))


async def compare(
    service: Service, snapshot: Snapshot, edge: str, shown: Sequence[Shown], at: datetime | None = None
) -> Compared:
    """Brings our calls of one edge in step with those it showed at a moment (by default now)."""
    began_at = at or datetime.now(UTC)
    account_id = snapshot.account.id
    ours = await service.reader.fetch("calls_of_edge", account_id, edge)
    pairs, result = _pairs(ours, shown), Compared()
    known = {id(there): here for here, there in pairs if there is not None}
    for there in shown:
        here = known.get(id(there))
        if there.answered and (here is None or here["hangup_at"] is not None):
            result.hangup.append((there.call_id, there.dialog))
    seen = [here for here, there in pairs if there is not None]
    missed = [here for here, there in pairs if there is None and here["authorized_at"] < began_at - GRACE]
    await _note_seen(service, account_id, [row["id"] for row in seen])
    if missed:
        found = await service.reader.fetch("missed_calls", account_id, [row["id"] for row in missed])
        gone = [(edge, row["edge_call_id"]) for row in found if row["missing_count"] >= MISSES_MOST]
        result.settled = await lose(service, account_id, gone, "gone at the edge", began_at)
    await _catch_answers(service, account_id, edge, pairs)
    result.grants = {row["edge_call_id"]: row["granted_s"] for row in seen}
    if edge in snapshot.edges:
        await service.reader.fetch("edge_seen", snapshot.edges[edge].id, datetime.now(UTC))
    return result


async def _note_seen(service: Service, account_id: int, ids: Sequence[int]) -> None:
    """Few at a time and past those that a batch is writing, which are tried again: the desk never waits for this."""
    left = list(ids)
    for attempt in range(SEEN_TRIES):
        if not left:
            return
        if attempt:
            await asyncio.sleep(SEEN_WAIT_S)
        written: set[int] = set()
        for start in range(0, len(left), SEEN_MOST):
            part = left[start : start + SEEN_MOST]
            found = await service.reader.fetch("seen_calls", account_id, part, datetime.now(UTC))
            written.update(row["id"] for row in found)
        left = [call_id for call_id in left if call_id not in written]  # those that have ended meanwhile stay


def _pairs(ours: Sequence[asyncpg.Record], shown: Sequence[Shown]) -> list[tuple[asyncpg.Record, Shown | None]]:
    """Each call of ours beside what the edge showed of it: the same id and, where both name it, the same dialog."""
    by_call = {(call.call_id, call.dialog): call for call in shown}
    by_id = {call.call_id: call for call in shown}
    pairs = []
    for row in ours:
        call_id, dialog = row["edge_call_id"], row["dialog"]
        there = by_call.get((call_id, dialog)) or by_call.get((call_id, ""))
        pairs.append((row, there or (None if dialog else by_id.get(call_id))))
    return pairs


async def lose(
    service: Service, account_id: int, calls: Sequence[tuple[str, str]], why: str, quiet_since: datetime
) -> list[str]:
    """Closes calls nobody has heard of since a moment; returns those that were closed by it."""
    asked = []
    for edge, call_id in calls:
        request = service.request(requests.Lose, (account_id, edge, call_id), 5000)
        request.quiet_since, request.why = quiet_since, why
        asked.append(service.ask(request))
    outcomes = await asyncio.gather(*asked)
    return [call_id for (_, call_id), found in zip(calls, outcomes, strict=True) if isinstance(found, requests.Closed)]


async def _catch_answers(
    service: Service, account_id: int, edge: str, pairs: Sequence[tuple[asyncpg.Record, Shown | None]]
) -> None:
    """An answer that the edge never managed to tell shows in its list, to the second."""
    now = datetime.now(UTC)
    for row, there in pairs:
        if there is None or there.started_at is None or row["state"] != "authorized":
            continue
        if there.answered and there.started_at < now - LATE_ANSWER:
            told = Answered(edge, there.call_id, there.started_at, None, dialog=there.dialog)
            await service.tell(requests.Answer, (account_id, edge, there.call_id), told)


class Reconciler:
    """Compares every edge with an address, in one process of the installation at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = Reader(service.url)

    async def run(self) -> None:
        """For ever; the first round comes at once, so that a restart finds what it missed."""
        try:
            while True:
                wait_s = 1.0
                try:
                    if (await self._guard.fetch("keep_alone"))[0][0]:
                        wait_s = EVERY_S if await self.round() else AGAIN_S
                except AWAY as problem:
                    log.warning("reconcile: the database is away: %s", problem)
                except Exception:
                    log.exception("reconcile: a round failed")
                    wait_s = AGAIN_S
                await asyncio.sleep(wait_s)
        finally:
            self._guard.close()

    async def round(self) -> bool:
        """One comparison of every edge; False when one of them broke off. The others are compared all the same.

        Raises one of `AWAY` once all have ended.
        """
        free = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(
            *(
                self._whole(free, snapshot, edge)
                for snapshot in self._service.snapshots.by_account.values()
                for edge in snapshot.edges.values()
                if edge.rpc_url
            ),
            return_exceptions=True,
        )
        for problem in found:
            if isinstance(problem, BaseException):
                raise problem
        return all(found)

    async def _whole(self, free: asyncio.Semaphore, snapshot: Snapshot, edge: EdgeInfo) -> bool:
        """Whether the comparison of an edge, made when there is room for it, came to its end."""
        async with free:
            try:
                await self._compare(snapshot, edge)
            except AWAY:
                raise
            except Exception:
                log.exception("reconcile: edge %s could not be compared", edge.name)
                return False
        return True

    async def _compare(self, snapshot: Snapshot, edge: EdgeInfo) -> None:
        edges, began_at = self._service.edges, datetime.now(UTC)
        if not edge.enabled and not await self._service.reader.fetch("calls_of_edge", snapshot.account.id, edge.name):
            return  # nothing is left there to be compared: it may be gone for good
        try:
            shown = [
                Shown(call.call_id, call.handle, call.started_at, answered=call.answered)
                for call in await edges.calls(edge)
            ]
            found = await compare(self._service, snapshot, edge.name, shown, began_at)
            await edges.hang_up(edge, found.hangup, UNKNOWN_REASON)
        except UNREACHABLE as problem:
            if isinstance(problem, AWAY) and edges.up.get(edge.name):
                raise
            log.info("reconcile: edge %s: %s", edge.name, problem)
