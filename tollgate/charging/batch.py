"""One batch in one transaction: lock calls, lock wallets, look back, decide in memory, write, commit.

The order of locks is the same everywhere: calls by id, then wallets deepest first. What a request may lock is said by
its class in `requests`, what it does by its function in `decisions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from tollgate.charging import rows
from tollgate.charging.database import DeskConnection
from tollgate.charging.decisions import Again, Work, carry_out, live_of, past_of
from tollgate.charging.requests import End, Key, Outcome, Request
from tollgate.charging.rows import columns
from tollgate.core.calls import StoredPlan, read_plan
from tollgate.core.ledger import Purse

REPEAT_WINDOW: Final = timedelta(days=1)
"""How long a refused or ended call answers a repeated question as it did the first time."""
PLANS_MOST: Final = 200_000
Plans = dict[int, StoredPlan]
"""The plans of live calls as this process knows them, by the call's id."""
LATE_WINDOW: Final = timedelta(days=40)
"""How late the end of a call may still come."""


class Overtaken(Exception):
    """Another process was first with one of the calls: the batch is decided anew."""


async def run(
    connection: DeskConnection, plans: Plans, batch: Sequence[Request], at: datetime
) -> list[Outcome | Again]:
    """Carries the batch out and returns its answers, durable, in order. Raises what the database raises."""
    await connection.connection.execute("BEGIN")
    try:
        work = await _lock(connection, plans, batch, at)
        outcomes = _decide(batch, work)
        if work.refused:
            await _look_again(connection, work)
        await _write(connection, work)
        await connection.connection.execute("COMMIT")
    except BaseException:
        if not connection.connection.is_closed():
            await connection.connection.execute("ROLLBACK")
        raise
    _remember(plans, work)
    return outcomes


def _remember(plans: Plans, work: Work) -> None:
    """Keeps the plans of new calls, and lets go of those that ended; other processes end some of ours unseen."""
    plans.update(work.new_plans)
    for _, call_id in work.ended_calls:
        plans.pop(call_id, None)
    while len(plans) > PLANS_MOST:
        del plans[next(iter(plans))]


async def _lock(connection: DeskConnection, plans: Plans, batch: Sequence[Request], at: datetime) -> Work:
    work = Work(at)
    locked = await connection.fetch("lock_calls", *_keys(request.key for request in batch))
    missing = [row for row in locked if row[0] not in plans]
    if missing:
        found = await connection.fetch("call_plans", list({row[1] for row in missing}), [row[0] for row in missing])
        plans.update((row["id"], read_plan(row["plan"])) for row in found)
    keys = {request.key for request in batch}
    for row in locked:
        if (row[1], row[2], row[3]) not in keys:
            continue
        call = rows.read_call(row, plans[row[0]])
        work.live[call.account_id, call.edge, call.edge_call_id] = call
        work.attempts[call.id] = row["attempts"]
        work.dialogs[call.id] = row["dialog"]
    wallet_ids: set[int] = set()
    for request in batch:
        wallet_ids.update(request.wallets(live_of(request, work)))
    if wallet_ids:
        for row in await connection.fetch("lock_wallets", list(wallet_ids)):
            work.purses[row["id"]] = Purse(*row)
    await _look_back(connection, batch, work)
    return work


async def _look_back(connection: DeskConnection, batch: Sequence[Request], work: Work) -> None:
    """Finds what became of calls that are asked about and not live."""
    absent = [request for request in batch if request.looks_back and live_of(request, work) is None]
    recent = [request.key for request in absent if request.kind == "authorize"]
    older = [request.key for request in absent if request.kind != "authorize"]
    for keys, window in ((recent, REPEAT_WINDOW), (older, LATE_WINDOW)):
        if keys:
            for row in await connection.fetch("past_calls", *_keys(keys), work.at - window):
                work.past[row["account_id"], row["edge"], row["edge_call_id"]].append(row)
    late = [past_of(request, work) for request in absent if isinstance(request, End)]
    unresolved = [row["id"] for row in late if row is not None and row["state"] == "unresolved"]
    if unresolved:
        found = await connection.fetch("corrected_calls", unresolved)
        work.corrections = {row["call_id"]: row["amount_micros"] for row in found}


async def _look_again(connection: DeskConnection, work: Work) -> None:
    """A call is never refused that another process has let through while this one waited for the wallets."""
    refused = set(work.refused)
    for row in await connection.fetch("lock_calls", *_keys(refused)):
        if (row[1], row[2], row[3]) in refused:
            raise Overtaken


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


async def _write(connection: DeskConnection, work: Work) -> None:
    if work.new_calls:
        await connection.copy("call", rows.NEW_CALL, work.new_calls)
    if work.changed_calls:
        changed = [rows.changed_call(call, work.attempts.get(call.id, "[]")) for call in work.changed_calls.values()]
        await connection.fetch("update_calls", *columns(changed, rows.CHANGE_COLUMNS))
    if work.ended_calls:
        accounts = {account_id for account_id, _ in work.ended_calls}
        await connection.fetch("delete_calls", list(accounts), [call_id for _, call_id in work.ended_calls])
    if work.cdrs:
        await connection.copy("cdr", rows.NEW_CDR, work.cdrs)
    if work.entries:
        await connection.copy("entry", rows.NEW_ENTRY, work.entries)
    dirty = [rows.changed_wallet(purse) for purse in work.purses.values() if purse.dirty]
    if dirty:
        await connection.fetch("update_wallets", *columns(dirty, rows.WALLET_COLUMNS))


def _keys(keys: Iterable[Key]) -> tuple[list[int], list[str], list[str]]:
    """The three lists of a key's parts: everything that is asked for is in their product."""
    accounts, edges, call_ids = zip(*keys, strict=True)
    return list(set(accounts)), list(set(edges)), list(call_ids)
