"""The snapshot: what is known of every account now, read at the start and kept fresh by notices.

`changed` notices (`table:id`) are collected for 20 ms and the records they name are read again; a look into the audit
log twice a minute catches what a notice missed, and a lost connection leads to a full reading. Snapshots are swapped
whole: a decision sees the old one or the new one. Which rows become what is told in `records`. After each reading the
process writes which change it obeys now (table `charging_process`), for whoever wonders whether a save has arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from tollgate.charging.cards import Library
from tollgate.charging.changes import Changes
from tollgate.charging.database import AWAY, connect
from tollgate.charging.records import TABLES, Records
from tollgate.core.snapshot import OBEYED, Card, Snapshot
from tollgate.store.sql import load

log = logging.getLogger(__name__)

COALESCE_S: Final = 0.02
POLL_S: Final = 30
_RECONNECT_S: Final = 0.25
_AGAIN_S: Final = 2
"""The wait after what should not have happened: each time is logged whole."""
LOOK_BACK: Final = timedelta(seconds=90)
SILENT: Final = timedelta(hours=1)
CHANGES_MOST: Final = 2000
"""More changes than this at once are cheaper to read whole."""
HEARD: Final = ("networks", "sources", "bringers")
"""The parts of a snapshot that say which addresses an edge hears."""


class SnapshotKeeper:
    """Holds the snapshots of all accounts and keeps them fresh until it is stopped."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._sql = load("charging_snapshot")
        self._records = Records()
        self._noted: set[tuple[str, int]] = set()
        self._obeyed = 0
        """The last change that decisions obey, as it was said."""
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self.by_account: Mapping[int, Snapshot] = {}
        self.by_edge: Mapping[str, Snapshot] = {}
        self.changed_users: set[str] = set()
        """SIP users whose password is another now, or who are gone: edges must forget what they remember of them."""
        self.changed_endpoints: set[int] = set()
        """Accounts whose endpoints by address are others now: edges must hear those that they shut out before."""
        self.changed_limits: set[int] = set()
        """Accounts where another number of wrong passwords is too many now: edges must ask for it again."""
        self.on_swap: Callable[[], None] = lambda: None
        """Called after each reading, with all of it in place."""
        self.fresh_at = 0.0
        """The monotonic second of the last proof that nothing was missed."""
        self.trouble = ""
        """Why the records cannot be read now; what was read before is obeyed meanwhile."""

    async def start(self) -> None:
        """Reads everything, then listens. Raises what a database that is away raises."""
        await self._connect()
        self._task = asyncio.create_task(self._keep(), name="snapshot")

    async def stop(self) -> None:
        """Ends the listening."""
        for task in self.tasks:
            task.cancel()
            await asyncio.wait((task,))
        if self._connection is not None and not self._connection.is_closed():
            with contextlib.suppress(*AWAY):
                if self._connection.is_in_transaction():  # it was ended in the midst of a reading
                    await self._connection.execute("ROLLBACK", timeout=2)
                since = datetime.now(UTC) - SILENT
                await self._connection.execute(self._sql["forget_process"], self._name, since, timeout=2)
            self._connection.terminate()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs for as long as the process does."""
        return () if self._task is None else (self._task,)

    async def register_edge(self, name: str, kind: str) -> bool:
        """Makes an edge heard for the first time known, if there is just one account it can belong to."""
        assert self._connection is not None
        if len(self.by_account) != 1:
            return False
        connection = await connect(self._url)
        try:
            await connection.execute(self._sql["register_edge"], name, kind, datetime.now(UTC))
            rows = await connection.fetch(self._sql["edges"], None)
        finally:
            connection.terminate()
        self._records.put("edge", None, rows)
        self._swap(self._records.rebuild(Changes(edges=True)))
        return name in self.by_edge

    async def cards_at(self, card_ids: Sequence[int], at: datetime) -> dict[int, Card]:
        """Cards with what was in force at a moment that may be long past: read for this question, and not kept."""
        library = Library()
        revisions: dict[int, list[asyncpg.Record]] = {card_id: [] for card_id in card_ids}
        connection = await connect(self._url)
        try:
            for row in await connection.fetch(self._sql["revisions"], list(card_ids), at):
                if row["effective_at"] <= at and not revisions[row["card_id"]]:
                    revisions[row["card_id"]].append(row)
                    rates = await connection.fetch(self._sql["rates"], row["id"])
                    await asyncio.to_thread(library.add, row["id"], rates)
        finally:
            connection.terminate()
        return {
            card_id: library.card(self._records.rows["card"][card_id], found) for card_id, found in revisions.items()
        }

    async def _connect(self) -> None:
        self._connection = await connect(self._url, name="tollgate charging: snapshot")
        await self._connection.add_listener("changed", self._hear)
        self._connection.add_termination_listener(lambda _: self._wake.set())  # who waits for notices must hear of it
        await self._read_all()

    def _hear(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        table, _, identity = str(payload).partition(":")
        if (table in TABLES or table == "revision") and identity.isdigit():
            self._noted.add((table, int(identity)))
            self._wake.set()

    async def _keep(self) -> None:
        while True:
            try:
                await self._serve()
            except AWAY as problem:
                log.warning("snapshot: the database is away: %s", problem)
            except Exception:
                log.exception("snapshot: changes could not be read; everything is read again")
            await self._reconnect()

    async def _serve(self) -> None:
        assert self._connection is not None
        while not self._connection.is_closed():
            try:
                # not wait_for, which may swallow a cancellation
                async with asyncio.timeout(POLL_S if self._heard_lately() else 1):
                    await self._wake.wait()
            except TimeoutError:
                await self._poll()
                continue
            await asyncio.sleep(COALESCE_S)
            self._wake.clear()
            noted, self._noted = self._noted, set()
            if noted:
                await self._read_changes(noted)

    def _heard_lately(self) -> bool:
        return time.monotonic() - self.fresh_at < POLL_S

    async def _reconnect(self) -> None:
        wait_s = _RECONNECT_S
        while True:
            if self._connection is not None:
                self._connection.terminate()
            await asyncio.sleep(wait_s)
            try:
                await self._connect()
            except AWAY as problem:
                wait_s, self.trouble = _RECONNECT_S, type(problem).__name__
            except Exception as problem:
                log.exception("snapshot: the records could not be read; what was read before is obeyed meanwhile")
                wait_s, self.trouble = _AGAIN_S, type(problem).__name__
            else:
                self.trouble = ""
                return

    async def _poll(self) -> None:
        """Reads again what the audit log saw lately."""
        assert self._connection is not None
        since = datetime.now(UTC) - LOOK_BACK
        rows = await self._connection.fetch(self._sql["recent_changes"], since, CHANGES_MOST)
        if len(rows) >= CHANGES_MOST:
            await self._read_all()
            return
        await self._read_changes({(row["table_name"], row["row_id"]) for row in rows})
        self.fresh_at = time.monotonic()
        if gc.isenabled() is False:
            gc.collect(1)

    async def _read_all(self) -> None:
        assert self._connection is not None
        records = Records()
        records.library, records.rota = self._records.library, self._records.rota
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            for table, statement in TABLES.items():
                records.put(table, None, await self._connection.fetch(self._sql[statement], None))
            await self._read_revisions(records, None)
            newest = await self._newest_change()
        built = await asyncio.to_thread(records.build)
        records.library.keep_only({row["id"] for rows in records.revisions.values() for row in rows})
        self._records = records
        self._swap(built)
        _freeze()
        await self._obey(newest)

    async def _read_changes(self, noted: set[tuple[str, int]]) -> None:
        """Reads the rows that were named, and builds what hangs on them."""
        assert self._connection is not None
        changes, newest = Changes(), None
        if len(noted) < CHANGES_MOST:
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                noted = noted | await self._changed_meanwhile()
                if len(noted) < CHANGES_MOST:
                    newest = await self._read_noted(noted, changes)
        if newest is None:
            await self._read_all()
            return
        self._swap(self._records.rebuild(changes))
        await self._obey(newest)

    async def _read_noted(self, noted: set[tuple[str, int]], changes: Changes) -> int:
        """Reads these rows into the records; gives the newest change that is in them."""
        assert self._connection is not None
        ids: dict[str, list[int]] = defaultdict(list)
        for table, identity in noted:
            ids[table].append(identity)
        cards = ids.pop("revision", [])
        if cards:
            rows = await self._connection.fetch(self._sql["revision_card"], cards)
            ids["card"].extend(row["card_id"] for row in rows)
        for table in [table for table in TABLES if ids.get(table)]:
            rows = await self._connection.fetch(self._sql[TABLES[table]], ids[table])
            changes.merge(self._records.put(table, ids[table], rows))
        if changes.customers:
            await self._read_verified(changes)
        if changes.dids:
            await self._read_priced(changes)
        if changes.cards:
            await self._read_revisions(self._records, list(changes.cards))
        return await self._newest_change()

    async def _changed_meanwhile(self) -> set[tuple[str, int]]:
        """What the reading in progress sees changed since the last change that is obeyed, though its notice is not here
        yet: otherwise that would be said to be obeyed with the newest."""
        assert self._connection is not None
        rows = await self._connection.fetch(self._sql["changes_since"], self._obeyed, OBEYED, CHANGES_MOST)
        return {(row["table_name"], row["row_id"]) for row in rows}

    async def _newest_change(self) -> int:
        """The last change of a record, as the reading in progress sees it."""
        assert self._connection is not None
        row = await self._connection.fetchrow(self._sql["newest_change"], OBEYED)
        return row["id"] if row is not None else 0

    async def _obey(self, change_id: int) -> None:
        """Says that decisions obey this change from now on."""
        assert self._connection is not None
        await self._connection.execute(self._sql["obey"], self._name, change_id, datetime.now(UTC))
        self._obeyed = max(self._obeyed, change_id)

    async def _read_verified(self, changes: Changes) -> None:
        """A customer row carries what was verified of it, so it is read again after a contact or a CLI changed."""
        assert self._connection is not None
        wanted = list(changes.customers)
        rows = await self._connection.fetch(self._sql["customers"], wanted)
        changes.merge(self._records.put("customer", wanted, rows))

    async def _read_priced(self, changes: Changes) -> None:
        """A DID's row carries what resellers pay for it, so it is read again after a price changed."""
        assert self._connection is not None
        wanted = list(changes.dids)
        changes.merge(self._records.put("did", wanted, await self._connection.fetch(self._sql["dids"], wanted)))

    async def _read_revisions(self, records: Records, card_ids: list[int] | None) -> None:
        """The published revisions of cards; a new one is indexed in a thread, beside those in use."""
        assert self._connection is not None
        rows = await self._connection.fetch(self._sql["revisions"], card_ids, datetime.now(UTC))
        for row in rows:
            if records.library.lacks(row["id"]):
                rates = await self._connection.fetch(self._sql["rates"], row["id"])
                await asyncio.to_thread(records.library.add, row["id"], rates)
        for card_id in records.revisions if card_ids is None else card_ids:
            records.revisions[card_id] = []
        for row in rows:
            records.revisions.setdefault(row["card_id"], []).append(row)

    def _swap(self, built: Mapping[int, Snapshot]) -> None:
        for account_id, before in self.by_account.items():
            after = built.get(account_id)
            if after is None or after.ha1 is not before.ha1:
                self.changed_users |= {user for user in before.ha1 if _proof(before, user) != _proof(after, user)}
        for account_id, after in built.items():
            known = self.by_account.get(account_id)
            if known is not None and known.auth_failure_count != after.auth_failure_count:
                self.changed_limits.add(account_id)
            if known is None or any(getattr(known, part) is not getattr(after, part) for part in HEARD):
                self.changed_endpoints.add(account_id)
        self._records.by_account = dict(built)
        self.by_account = self._records.by_account
        self.by_edge = {name: snapshot for snapshot in built.values() for name in snapshot.edges}
        self.fresh_at = time.monotonic()
        self.on_swap()


def _proof(snapshot: Snapshot | None, user: str) -> object:
    """What a SIP user must show to be believed: its password, and an address; None for who is no user any more."""
    if snapshot is None or user not in snapshot.ha1:
        return None
    return snapshot.ha1[user], snapshot.users[user].allowed


def _freeze() -> None:
    """Takes everything loaded out of the garbage collector's rounds, which would stop decisions for tens of ms."""
    gc.collect()
    gc.freeze()
    gc.disable()
