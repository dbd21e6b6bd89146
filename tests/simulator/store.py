"""The tables of the hot path in memory, with row locks, commits that are atomic, and a wire that may break.

`Connection` answers the statements of `ledger_desk.sql` (whose column lists it reads) and `Tables.ask` those of
`charging_calls.sql`. A statement that is new there gets its method here, named like it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from tollgate.store.sql import load, script

if TYPE_CHECKING:
    from tests.simulator.service import Process

Row = dict[str, Any]
Key = tuple[int, str, str]
LOCK_TIMEOUT_S: Final = 5.0
ASK_TIMEOUT_S: Final = 10.0
_TYPE: Final = re.compile(r"CREATE TYPE (\w+) AS \((.*?)\n\);", re.DOTALL)
_SELECT: Final = re.compile(r"SELECT (\w[\w,\s]*?)\s+FROM (?:call|wallet)\b", re.DOTALL)
ARRAYS: Final = {"carrier_wallet_ids", "wallet_ids", "held_micros"}
"""Columns that travel as text."""
UNHEARD: Final = frozenset({"digest_failed", "ip_unknown"})


def _columns() -> dict[str, tuple[str, ...]]:
    """Statement -> the columns of its answer; type -> its attributes."""
    found = {}
    for name, statement in load("ledger_desk").items():
        match = _SELECT.search(statement)
        if match is not None:
            found[name] = tuple(column.strip() for column in match[1].split(","))
    for name, attributes in _TYPE.findall(script("ledger_charge")):
        found[name] = tuple(attribute.split()[0] for attribute in attributes.split(","))
    return found


COLUMNS: Final = _columns()


def _rows(kind: str, tuples: Iterable[tuple[Any, ...]]) -> list[Row]:
    rows = [dict(zip(COLUMNS[kind], values, strict=True)) for values in tuples]
    for row in rows:
        for name in ARRAYS & row.keys() if kind in ("new_call", "changed_call") else ():
            row[name] = [int(number) for number in row[name].strip("{}").split(",") if number]
    return rows


class Record(tuple[Any, ...]):
    """A row of an answer, its values by place or by name."""

    __slots__ = ()
    names: dict[str, int]

    def __getitem__(self, place: Any) -> Any:
        return tuple.__getitem__(self, self.names[place] if isinstance(place, str) else place)


class CallRow(Record):
    """A locked call."""

    __slots__ = ()
    names = {name: place for place, name in enumerate(COLUMNS["lock_calls"])}


class WalletRow(Record):
    """A locked wallet."""

    __slots__ = ()
    names = {name: place for place, name in enumerate(COLUMNS["lock_wallets"])}


@dataclass(slots=True)
class Transaction:
    """What one connection has locked and written and not yet committed."""

    locked: list[object] = field(default_factory=list)
    writes: list[tuple[str, list[Row]]] = field(default_factory=list)


@dataclass(slots=True)
class Committed:
    """What one commit brought."""

    cdrs: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)


class Tables:
    """Committed rows, and who has locked which of them."""

    def __init__(self, wallets: Mapping[int, Row], on_commit: Callable[[Committed], None]) -> None:
        self.wallets: dict[int, Row] = dict(wallets)
        self.calls: dict[Key, Row] = {}
        self.cdrs: defaultdict[Key, list[Row]] = defaultdict(list)
        self.entries: list[Row] = []
        self.balances: Counter[int] = Counter()
        self.adjusted: dict[int, Counter[int]] = {}
        self.version = 0
        self.down = False
        self._on_commit = on_commit
        self._owners: dict[object, Transaction] = {}
        self._waiting: defaultdict[object, deque[asyncio.Future[None]]] = defaultdict(deque)

    async def lock(self, transaction: Transaction, row: object, *, late: Exception | None = None) -> None:
        """Waits for a row. Raises LockNotAvailableError after a while, as the desk's connections ask for, or `late`."""
        while self._owners.setdefault(row, transaction) is not transaction:
            loop = asyncio.get_running_loop()
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting[row].append(turn)
            problem = late or asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
            timer = loop.call_later(ASK_TIMEOUT_S if late else LOCK_TIMEOUT_S, _give_up, turn, problem)
            try:
                await turn
            finally:
                timer.cancel()
        transaction.locked.append(row)

    def release(self, transaction: Transaction) -> None:
        """Ends a transaction without its writes."""
        for row in transaction.locked:
            if self._owners.get(row) is transaction:
                del self._owners[row]
                for turn in self._waiting.pop(row, ()):
                    if not turn.done():
                        turn.set_result(None)
        transaction.locked.clear()
        transaction.writes.clear()

    def commit(self, transaction: Transaction) -> None:
        """All writes at once, then the laws."""
        committed = Committed()
        for statement, rows in transaction.writes:
            _APPLY[statement](self, rows, committed)
        written = bool(transaction.writes)
        self.release(transaction)
        if written:
            self.version += 1
            self._on_commit(committed)

    def insert_call(self, rows: list[Row], _committed: Committed) -> None:
        for row in rows:
            self.calls[key_of(row)] = row

    def update_calls(self, rows: list[Row], _committed: Committed) -> None:
        by_id = {call["id"]: key for key, call in self.calls.items()}
        for row in rows:
            key = by_id.get(row["id"], (row["account_id"], "", ""))
            known = self.calls.get(key, {})
            seen_at = max(known["last_seen_at"], row["last_seen_at"])
            self.calls[key] = {**known, **row, "last_seen_at": seen_at, "missing_count": 0, "turn": row["turn"] + 1}

    def delete_calls(self, rows: list[Row], _committed: Committed) -> None:
        ended = {row["id"] for row in rows}
        for key in [key for key, call in self.calls.items() if call["id"] in ended]:
            del self.calls[key]

    def insert_cdr(self, rows: list[Row], committed: Committed) -> None:
        for row in rows:
            self.cdrs[key_of(row)].append(row)
        committed.cdrs += rows

    def insert_entry(self, rows: list[Row], committed: Committed) -> None:
        for row in rows:
            self.balances[row["wallet_id"]] += row["amount_micros"]
            if row["kind"] == "adjustment":
                self.adjusted.setdefault(row["call_id"], Counter())[row["wallet_id"]] += row["amount_micros"]
        self.entries += rows
        committed.entries += rows

    def update_wallets(self, rows: list[Row], _committed: Committed) -> None:
        for row in rows:
            self.wallets[row["id"]] = {**self.wallets[row["id"]], **row}

    def turns(self, ids: Sequence[int]) -> list[Row]:
        """Live calls by their ids, in that order."""
        by_id = {call["id"]: call for call in self.calls.values()}
        return [by_id[row_id] for row_id in ids if row_id in by_id]

    def cdrs_of(self, accounts: Sequence[int], edge_call_id: str) -> list[Row]:
        """All records of a switch's own id."""
        return [row for key, rows in self.cdrs.items() if key[0] in accounts and key[2] == edge_call_id for row in rows]

    # What the timers and the reconciler ask.

    def ending_calls(self, account_id: int, until: datetime, since: datetime, proven: datetime, told: Any) -> list[Row]:
        found = [
            call
            for call in self._live(account_id)
            if call["state"] == "answered"
            and since < call["granted_until"] <= until
            and call["granted_s"] < call["max_s"]
            and call["hangup_at"] is None
            and call["last_seen_at"] >= proven
            and (call["edge"] in told or call["last_seen_at"] > call["answered_at"] + timedelta(seconds=2))
        ]
        return sorted(found, key=lambda call: call["granted_until"])

    def stopping_calls(self, account_id: int, edges: Any, since: datetime, until: datetime) -> list[Row]:
        return [
            call
            for call in self._live(account_id)
            if call["edge"] in edges
            and (
                call["hangup_at"] is not None
                or (call["state"] == "answered" and since <= call["granted_until"] <= until)
            )
        ]

    def lost_calls(self, account_id: int, before: datetime) -> list[Row]:
        return [
            call for call in self._live(account_id) if call["granted_until"] < before and call["last_seen_at"] < before
        ]

    def calls_of_edge(self, account_id: int, edge: str) -> list[Row]:
        return [call for call in self._live(account_id) if call["edge"] == edge]

    def seen_calls(self, account_id: int, ids: list[int], at: datetime) -> list[Row]:
        return self._change(ids, lambda _call: {"last_seen_at": at, "missing_count": 0})

    def missed_calls(self, account_id: int, ids: list[int]) -> list[Row]:
        return self._change(ids, lambda call: {"missing_count": call["missing_count"] + 1})

    def request_hangup(self, _accounts: list[int], call_id: int, at: datetime) -> list[Row]:
        return self._change([call_id], lambda call: {"hangup_at": call["hangup_at"] or at})

    def edge_seen(self, edge_id: int, at: datetime) -> list[Row]:
        return []

    def _live(self, account_id: int) -> list[Row]:
        return [call for call in self.calls.values() if call["account_id"] == account_id]

    def _change(self, ids: Iterable[int], change: Callable[[Row], Row]) -> list[Row]:
        wanted, changed = set(ids), []
        for key, call in self.calls.items():
            if call["id"] in wanted:
                self.calls[key] = {**call, **change(call)}
                changed.append(self.calls[key])
        return changed

    async def ask(self, statement: str, *values: Any) -> list[Row]:
        """A statement of `charging_calls.sql`, in a transaction of its own."""
        if statement in ("seen_calls", "missed_calls", "request_hangup"):
            mine = Transaction()
            try:
                for row_id in sorted(values[1]) if isinstance(values[1], list) else [values[1]]:
                    await self.lock(mine, ("call", row_id), late=TimeoutError())
                return _ASK[statement](self, *values)
            finally:
                self.release(mine)
        return _ASK[statement](self, *values)


_APPLY: Final[Mapping[str, Callable[[Tables, list[Row], Committed], None]]] = {
    "insert_call": Tables.insert_call,
    "update_calls": Tables.update_calls,
    "delete_calls": Tables.delete_calls,
    "insert_cdr": Tables.insert_cdr,
    "insert_entry": Tables.insert_entry,
    "update_wallets": Tables.update_wallets,
}
_ASK: Final[Mapping[str, Callable[..., list[Row]]]] = {
    "ending_calls": Tables.ending_calls,
    "stopping_calls": Tables.stopping_calls,
    "lost_calls": Tables.lost_calls,
    "calls_of_edge": Tables.calls_of_edge,
    "seen_calls": Tables.seen_calls,
    "missed_calls": Tables.missed_calls,
    "request_hangup": Tables.request_hangup,
    "edge_seen": Tables.edge_seen,
}


class Connection:
    """A desk's connection: takes the place of `DeskConnection` and of the asyncpg connection inside it."""

    def __init__(self, tables: Tables, process: Process) -> None:
        self.tables = tables
        self.process = process
        self.transaction = Transaction()
        self.tell_begun: Callable[[], None] = bool
        self.tell_lost: Callable[[], object] = bool
        self.is_begun = False
        self.is_broken = False

    @property
    def connection(self) -> Connection:
        return self

    def is_closed(self) -> bool:
        return self.is_broken

    def on_lost(self, tell: Callable[[], None]) -> None:
        self.tell_lost = tell

    def close(self) -> None:
        """The server rolls back what was open."""
        if not self.is_broken:
            asyncio.get_running_loop().call_soon(self.tell_lost)
        self.is_broken = True
        self.tables.release(self.transaction)

    def check(self) -> None:
        """Raises what a broken wire raises."""
        if self.is_broken or self.tables.down:
            self.close()
            raise asyncpg.ConnectionDoesNotExistError("the connection is gone")

    async def execute(self, command: str) -> None:
        self.check()
        if command == "COMMIT":
            await self._commit()
        self.is_begun = command == "BEGIN"
        self.tables.release(self.transaction)

    async def _commit(self) -> None:
        applied = await self.process.before_commit(self)
        if applied is not False:
            self.tables.commit(self.transaction)
        if applied is not None:
            self.close()
        self.check()
        await self.process.after_commit(self)

    async def charge(self, *values: Any, begun: Callable[[], None]) -> None:
        self.tell_begun = begun
        await self.fetch("charge", *values)

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        await self.process.before_statement(self, statement)
        self.check()
        match statement:
            case "lock_calls":
                return await self._lock_calls(*values)
            case "find_calls":
                return [CallRow(call[name] for name in CallRow.names) for call in self._calls(values)]
            case "lock_wallets":
                return await self._lock_wallets(*values)
            case "find_wallets":
                return [self._wallet(row_id) for row_id in values[0]]
            case "past_calls":
                return self._past_calls(*values)
            case "corrected_calls":
                return self._corrected_calls(*values)
            case "call_plans":
                return [call for call in self.tables.calls.values() if call["id"] in values[1]]
        assert statement == "charge"
        try:
            await self._charge(*values)
            if not self.is_begun:
                await self._commit()
        finally:
            if not self.is_begun:
                self.tables.release(self.transaction)
        return []

    async def _charge(
        self,
        lane: int,
        turn: int,
        since: datetime,
        accounts: list[int],
        asked: list[str],
        refused: list[str],
        *rest: Any,
    ) -> None:
        """The function of the database, step by step: others act between its locks."""
        known_ids, known_turns, ended_ids, ended_turns, changed, wallets, new_calls, cdrs, entries = rest
        tables, mine = self.tables, self.transaction
        await tables.lock(mine, ("lane", lane))
        self.tell_begun()
        for row in _rows("changed_call", changed):
            await tables.lock(mine, ("call", row["id"]))
        for row_id in ended_ids:
            await tables.lock(mine, ("call", row_id))
        self._verify([row["turn"] for row in tables.turns([one[1] for one in changed])], [one[2] for one in changed])
        self._verify([row["turn"] for row in tables.turns(ended_ids)], ended_turns)
        await self.process.before_statement(self, "wallets")
        self.check()
        for row in _rows("changed_wallet", wallets):
            await tables.lock(mine, ("wallet", row["id"]))
            self._verify([tables.wallets[row["id"]]["turn"]], [row["turn"]])
        await self.process.before_statement(self, "rows")
        self.check()
        self._verify([row["turn"] for row in tables.turns(known_ids)], known_turns)
        past = [row for name in asked for row in tables.cdrs_of(accounts, name)]
        self._verify([], [row for row in past if row["started_at"] >= since and row["refusal"] not in UNHEARD])
        self._verify([], [key for key in tables.calls if key[0] in accounts and key[2] in refused])
        fresh = _rows("new_call", new_calls)
        await self._check_keys(fresh)
        writes: dict[str, list[Row]] = {
            "insert_call": fresh,
            "update_calls": _rows("changed_call", changed),
            "delete_calls": [{"id": row_id} for row_id in ended_ids],
            "insert_cdr": _rows("new_cdr", cdrs),
            "insert_entry": _rows("new_entry", entries),
            "update_wallets": [{**row, "turn": turn} for row in _rows("changed_wallet", wallets)],
        }
        mine.writes += [(name, rows) for name, rows in writes.items() if rows]

    def _verify(self, found: list[Any], believed: list[Any]) -> None:
        if found != believed:
            raise asyncpg.SerializationError("what the batch was decided on is not so any more")

    def _calls(self, parts: Sequence[Sequence[Any]]) -> list[Row]:
        return [call for key, call in self.tables.calls.items() if _meets(key, parts)]

    def _wallet(self, row_id: int) -> WalletRow:
        return WalletRow(self.tables.wallets[row_id][name] for name in WalletRow.names)

    async def _lock_calls(self, *parts: list[Any]) -> list[CallRow]:
        calls, found = self.tables.calls, []
        wanted = sorted((call["id"], key) for key, call in calls.items() if _meets(key, parts))
        for row_id, key in wanted:
            await self.tables.lock(self.transaction, ("call", row_id))
            if key in calls and calls[key]["id"] == row_id:
                found.append(CallRow(calls[key][name] for name in CallRow.names))
        return found

    async def _lock_wallets(self, ids: list[int]) -> list[WalletRow]:
        wallets = self.tables.wallets
        for row_id in sorted(ids, key=lambda row_id: (-wallets[row_id]["depth"], row_id)):
            await self.tables.lock(self.transaction, ("wallet", row_id))
        return [self._wallet(row_id) for row_id in ids]

    def _past_calls(self, accounts: list[int], edges: list[str], call_ids: list[str], since: datetime) -> list[Row]:
        parts = (accounts, edges, call_ids)
        found = [row for key, rows in self.tables.cdrs.items() if _meets(key, parts) for row in rows]
        found = [row for row in found if row["started_at"] >= since and row["refusal"] not in UNHEARD]
        return sorted(found, key=lambda row: (row["started_at"], row["id"]), reverse=True)

    def _corrected_calls(self, ids: list[int]) -> list[Row]:
        adjusted, found = self.tables.adjusted, []
        cdrs = {row["id"]: row for rows in self.tables.cdrs.values() for row in rows}
        for row_id in ids:
            if row_id in adjusted:
                payer = cdrs[row_id]["customer_id"]
                amount = sum(
                    micros
                    for wallet_id, micros in adjusted[row_id].items()
                    if self.tables.wallets[wallet_id]["kind"] == "customer"
                    and self.tables.wallets[wallet_id]["owner_id"] == payer
                )
                found.append({"call_id": row_id, "amount_micros": amount})
        return found

    async def _check_keys(self, rows: list[Row]) -> None:
        """The unique key waits for a transaction that has inserted the same, as an index does."""
        for row in rows:
            await self.tables.lock(self.transaction, ("key", key_of(row)))
            if key_of(row) in self.tables.calls:
                raise asyncpg.UniqueViolationError("call_account_id_edge_edge_call_id_key")
            row.update(_FRESH, last_seen_at=row["authorized_at"])


_FRESH: Final = {
    "state": "authorized",
    "answered_at": None,
    "extended_count": 0,
    "route_index": 0,
    "turn": 0,
    "hangup_at": None,
    "attempts": "[]",
    "missing_count": 0,
}


def key_of(row: Mapping[str, Any]) -> Key:
    """Account, edge and call id."""
    return row["account_id"], row["edge"], row["edge_call_id"]


def _meets(key: Key, parts: Sequence[Sequence[Any]]) -> bool:
    return key[0] in parts[0] and key[1] in parts[1] and key[2] in parts[2]


def _give_up(turn: asyncio.Future[None], problem: Exception) -> None:
    if not turn.done():
        turn.set_exception(problem)
