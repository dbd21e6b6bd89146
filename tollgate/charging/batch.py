"""One batch: decided in memory on what is believed, and written by one statement that verifies it.

The usual batch reads only what this process does not know, decides, and sends `charge`, which commits when everything
is still so and raises otherwise: so the next batch is decided while this one commits. A careful batch (after a failure,
or when a request asks for it) locks calls by id, then wallets deepest first, reads, decides, writes and commits. What a
request may lock is said by its class in `requests`, what it does by its function in `decisions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, Final

from tollgate.charging import rows
from tollgate.charging.database import DeskConnection
from tollgate.charging.decisions import Again, Work, carry_out, live_of, new_id, past_of
from tollgate.charging.memory import Memory
from tollgate.charging.requests import Authorize, End, Key, Outcome, Request
from tollgate.core.calls import LiveCall, read_plan
from tollgate.core.calls_settle import LATE_WINDOW
from tollgate.core.ledger import Purse

REPEAT_WINDOW: Final = timedelta(days=1)
"""How long a refused or ended call answers a repeated question as it did the first time."""
HANGS_S: Final = 1
"""A batch that has not begun by then hangs: who waits for it is decided anew."""

_by_id = attrgetter("id")
_by_depth = attrgetter("depth")


class CareNeeded(Exception):
    """The batch cannot be decided on beliefs."""


async def run(
    connection: DeskConnection, memory: Memory, batch: Sequence[Request], at: datetime, *, careful: bool
) -> list[Outcome | Again]:
    """Carries the batch out and returns its answers, durable, in order. Raises what the database raises."""
    if not careful:
        return await _ahead(connection, memory, batch, at)
    await connection.connection.execute("BEGIN")
    try:
        work, outcomes = await _carefully(connection, memory, batch, at)
        await connection.connection.execute("COMMIT")
    except BaseException:
        if not connection.connection.is_closed():
            await connection.connection.execute("ROLLBACK")
        raise
    memory.purses.update(work.purses)
    memory.keep(work)
    return outcomes


def needs_care(batch: Sequence[Request], memory: Memory) -> bool:
    """Whether the batch cannot be decided on beliefs: a question about a call that is known is a repeated one."""
    return any(request.careful or (isinstance(request, Authorize) and request.key in memory.calls) for request in batch)


async def _ahead(
    connection: DeskConnection, memory: Memory, batch: Sequence[Request], at: datetime
) -> list[Outcome | Again]:
    """Decides on what is believed; the rest is read first, and not locked either."""
    work = Work(at)
    work.live = {request.key: memory.calls[request.key] for request in batch if request.key in memory.calls}
    unknown = [request for request in batch if request.key not in work.live and not isinstance(request, Authorize)]
    if unknown:
        await _read_calls(connection, memory, unknown, work, "find_calls")
        if await _look_back(connection, unknown, work):
            raise CareNeeded("a call's end comes after it was closed")
    wanted = _wallets(batch, work)
    missing = [wallet_id for wallet_id in wanted if wallet_id not in memory.purses]
    if missing:
        memory.learn(await connection.fetch("find_wallets", missing))
    try:  # from here to the sending nothing else runs
        work.purses = {wallet_id: memory.purses[wallet_id] for wallet_id in wanted}
    except KeyError:
        raise CareNeeded("a wallet is forgotten again") from None
    try:
        outcomes = _decide(batch, work)
        asked = [request.key[2] for request in batch if isinstance(request, Authorize)]
        await _write(connection, memory, batch, work, asked)
    except BaseException:
        memory.forget(work)
        raise
    memory.keep(work)
    return outcomes


async def _carefully(
    connection: DeskConnection, memory: Memory, batch: Sequence[Request], at: datetime
) -> tuple[Work, list[Outcome | Again]]:
    """Decides on rows that are locked until the commit."""
    work = Work(at)
    await _read_calls(connection, memory, batch, work, "lock_calls")
    wanted = _wallets(batch, work)
    if wanted:
        found = await connection.fetch("lock_wallets", list(wanted))
        work.purses = {row[0]: Purse(*row) for row in found}
    unresolved = await _look_back(connection, batch, work)
    if unresolved:
        corrected = await connection.fetch("corrected_calls", unresolved)
        work.corrections = {row["call_id"]: row["amount_micros"] for row in corrected}
    outcomes = _decide(batch, work)
    await _write(connection, memory, batch, work, [])
    return work, outcomes


async def _read_calls(
    connection: DeskConnection, memory: Memory, batch: Sequence[Request], work: Work, statement: str
) -> None:
    """The live calls of some requests; a plan, which never changes, is read only when it is not known."""
    keys = {request.key for request in batch}
    found = [row for row in await connection.fetch(statement, *_keys(keys)) if (row[1], row[2], row[3]) in keys]
    plans = {call.id: call.plan for key in keys if (call := memory.calls.get(key)) is not None}
    missing = [row for row in found if row[0] not in plans]
    if missing:
        texts = await connection.fetch("call_plans", list({row[1] for row in missing}), [row[0] for row in missing])
        plans |= {row["id"]: read_plan(row["plan"]) for row in texts}
    for row in found:
        if row[0] in plans:  # else it has ended since
            call = rows.read_call(row, plans[row[0]])
            work.live[call.account_id, call.edge, call.edge_call_id] = call


def _wallets(batch: Sequence[Request], work: Work) -> set[int]:
    """All that the batch may look at or change."""
    wanted: set[int] = set()
    for request in batch:
        wanted.update(request.wallets(live_of(request, work)))
    return wanted


async def _look_back(connection: DeskConnection, batch: Sequence[Request], work: Work) -> list[int]:
    """Finds what became of calls that are asked about and not live. Returns those whose end comes only now."""
    absent = [request for request in batch if request.looks_back and live_of(request, work) is None]
    recent = [request.key for request in absent if request.kind == "authorize"]
    older = [request.key for request in absent if request.kind != "authorize"]
    for keys, window in ((recent, REPEAT_WINDOW), (older, LATE_WINDOW)):
        if keys:
            for row in await connection.fetch("past_calls", *_keys(keys), work.at - window):
                work.past[row["account_id"], row["edge"], row["edge_call_id"]].append(row)
    late = [past_of(request, work) for request in absent if isinstance(request, End)]
    return [row["id"] for row in late if row is not None and row["state"] == "unresolved"]


def _decide(batch: Sequence[Request], work: Work) -> list[Outcome | Again]:
    """Ends first, because they free money and channels; else in the order of arrival."""
    outcomes: dict[int, Outcome | Again] = {}
    order = [place for place, request in enumerate(batch) if request.early]
    order += [place for place, request in enumerate(batch) if not request.early]
    for place in order:
        try:
            outcomes[place] = carry_out(batch[place], work)
        except Again as again:
            outcomes[place] = again
    return [outcomes[place] for place in range(len(batch))]


async def _write(
    connection: DeskConnection, memory: Memory, batch: Sequence[Request], work: Work, asked: list[str]
) -> None:
    """One statement that verifies and writes. Wallets that were only looked at get a turn too: so they are verified."""
    turn = new_id()
    wallets = []
    for purse in sorted(sorted(work.purses.values(), key=_by_id), key=_by_depth, reverse=True):
        wallets.append(rows.changed_wallet(purse))
        purse.turn = turn
    changed, ended = work.changed_calls, work.ended_calls
    known = [call for key, call in work.live.items() if key not in changed and key not in ended]
    await _send(
        connection,
        memory,
        memory.lane,
        turn,
        work.at - REPEAT_WINDOW,
        list({request.key[0] for request in batch}),
        asked,
        work.refused,
        *_turns(known),
        *_turns(ended.values()),
        [rows.changed_call(call) for call in changed.values()],
        wallets,
        work.new_rows,
        work.cdrs,
        work.entries,
    )


async def _send(connection: DeskConnection, memory: Memory, *values: Any) -> None:
    """`charge`, after the batch that this one was decided on: that is not overtaken, were it ever so much longer."""
    before, mine = memory.last_sent, asyncio.get_running_loop().create_future()
    memory.last_sent = mine
    try:
        if before is not None and not before.done():
            await asyncio.wait((before,), timeout=HANGS_S)
            if not before.done() or not before.result():
                raise CareNeeded("the batch before it has failed or hangs")
        await connection.charge(*values, begun=partial(_settle, mine, True))
        _settle(mine, True)
    finally:
        _settle(mine, False)


def _settle(begun: asyncio.Future[bool], answer: bool) -> None:
    if not begun.done():
        begun.set_result(answer)


def _turns(calls: Iterable[LiveCall]) -> tuple[list[int], list[int]]:
    """The ids of calls, in their order, and the turns that they must still have."""
    ordered = sorted([(call.id, call.turn) for call in calls])
    return [call_id for call_id, _ in ordered], [turn for _, turn in ordered]


def _keys(keys: Iterable[Key]) -> tuple[list[int], list[str], list[str]]:
    """The three lists of a key's parts: everything that is asked for is in their product."""
    accounts, edges, call_ids = zip(*keys, strict=True)
    return list(set(accounts)), list(set(edges)), list(call_ids)
