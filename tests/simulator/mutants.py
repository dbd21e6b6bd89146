"""Bugs made on purpose, to prove that the simulator finds them: each breaks the charging code in one place.

To try another, add a function that patches what it breaks and name it in `MUTANTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from tests.simulator import store
from tollgate.charging import batch, decisions, desk
from tollgate.charging.database import DeskConnection
from tollgate.charging.decisions import Again, Work
from tollgate.charging.memory import Memory
from tollgate.charging.requests import Authorize, End, Outcome, Request, Void
from tollgate.core import calls_decide, calls_money, calls_settle, ledger
from tollgate.core.calls import Extension, LiveCall, Settlement, apply_settlement, extend, move_carrier, settle
from tollgate.core.calls_types import Minutes
from tollgate.core.ledger import Entry, Purse, Purses
from tollgate.core.packages import SECOND_MICROS

Patch = pytest.MonkeyPatch


def holds_are_released_twice(patch: Patch) -> None:
    def twice(call: LiveCall, settlement: Settlement, purses: Purses) -> tuple[Entry, ...]:
        for leg, held in zip(call.plan.legs, call.held_micros, strict=True):
            purses[leg.wallet_id].held_micros -= held
        return apply_settlement(call, settlement, purses)

    patch.setattr(decisions, "apply_settlement", twice)


def a_crash_keeps_half_of_a_batch(patch: Patch) -> None:
    """Calls and CDRs are committed before the wallets: nothing is rolled back together."""
    write = batch._write

    async def apart(
        connection: DeskConnection, memory: Memory, requests: Sequence[Request], work: Work, asked: list[str]
    ) -> None:
        purses, work.purses = work.purses, {}
        await write(connection, memory, requests, work, asked)
        await connection.connection.execute("COMMIT")
        await write(connection, memory, requests, Work(work.at, purses=purses), [])

    patch.setattr(batch, "_write", apart)


def an_end_that_comes_again_is_charged_again(patch: Patch) -> None:
    """What was corrected already is not looked for."""
    look_back = batch._look_back

    async def forgetful(connection: DeskConnection, requests: Sequence[Request], work: Work) -> list[int]:
        await look_back(connection, requests, work)
        return []

    patch.setattr(batch, "_look_back", forgetful)


def time_is_given_without_money(patch: Patch) -> None:
    def rich(call: LiveCall, purses: Purses, at: datetime, slice_s: int) -> Extension | None:
        wealthy: dict[int, Purse] = {}
        for wallet_id, purse in purses.items():
            wealthy[wallet_id] = replace(purse, balance_micros=purse.balance_micros + 10**9)
        return extend(call, wealthy, at, slice_s)

    patch.setattr(decisions, "extend", rich)


def answers_leave_before_the_commit(patch: Patch) -> None:
    decide = batch._decide

    def hasty(requests: Sequence[Request], work: Work) -> list[Outcome | Again]:
        outcomes = decide(requests, work)
        for request, outcome in zip(requests, outcomes, strict=True):
            if not isinstance(outcome, Again) and not request.future.done():
                request.future.set_result(outcome)
        return outcomes

    patch.setattr(batch, "_decide", hasty)


def a_repeated_question_gets_a_new_call(patch: Patch) -> None:
    authorize = decisions._DO[Authorize]

    def afresh(request: Request, work: Work) -> Outcome:
        work.past.pop(request.key, None)
        return authorize(request, work)

    patch.setattr(decisions, "_DO", {**decisions._DO, Authorize: afresh})


def wallets_are_read_without_locks(patch: Patch) -> None:
    lock = store.Tables.lock

    async def careless(tables: store.Tables, mine: store.Transaction, row: object, **fields: Any) -> None:
        if not (isinstance(row, tuple) and row[0] == "wallet"):
            await lock(tables, mine, row, **fields)

    patch.setattr(store.Tables, "lock", careless)


def a_carrier_keeps_its_channel(patch: Patch) -> None:
    def greedy(call: LiveCall, purses: Purses, route_index: int, at: datetime) -> None:
        before = call.carrier_wallet_ids
        move_carrier(call, purses, route_index, at)
        for wallet_id in before:
            purses[wallet_id].channels += 1

    patch.setattr(decisions, "move_carrier", greedy)


def silence_is_charged(patch: Patch) -> None:
    """A lost call is paid for until now, as far as its grant goes."""

    def until_now(call: LiveCall, **fields: Any) -> Settlement:
        if fields.get("unresolved"):
            fields["ended_at"] = fields["at"]
        return settle(call, **fields)

    patch.setattr(decisions, "settle", until_now)


def our_clock_measures_the_talk(patch: Patch) -> None:
    patch.setattr(calls_settle, "_counted_ms", lambda _call, **_fields: None)


def a_late_event_is_taken_for_a_sign_of_life(patch: Patch) -> None:
    def now(call: LiveCall, _moment: datetime, work: Work) -> None:
        call.last_seen_at = work.at

    patch.setattr(decisions, "_prove", now)


def the_end_does_not_name_its_carrier(patch: Patch) -> None:
    end = decisions._DO[End]

    def nameless(request: Request, work: Work) -> Outcome:
        assert isinstance(request, End)
        request.told = request.told._replace(route=None)
        return end(request, work)

    patch.setattr(decisions, "_DO", {**decisions._DO, End: nameless})


def a_refusal_does_not_look_again(patch: Patch) -> None:
    write = batch._write

    async def blind(
        connection: DeskConnection, memory: Memory, requests: Sequence[Request], work: Work, asked: list[str]
    ) -> None:
        work.refused.clear()
        await write(connection, memory, requests, work, asked)

    patch.setattr(batch, "_write", blind)


def beliefs_are_not_verified(patch: Patch) -> None:
    patch.setattr(store.Connection, "_verify", lambda _self, _found, _believed: None)


def a_repeated_question_is_not_looked_for(patch: Patch) -> None:
    write = batch._write

    async def trusting(
        connection: DeskConnection, memory: Memory, requests: Sequence[Request], work: Work, _asked: list[str]
    ) -> None:
        await write(connection, memory, requests, work, [])

    patch.setattr(batch, "_write", trusting)


def a_request_without_an_answer_blocks_its_call(patch: Patch) -> None:
    answer = desk.Desk._answer

    def stuck(self: desk.Desk, request: Request, outcome: Outcome) -> None:
        if outcome is not desk.AWAY_ANSWER or not request.future.done():
            answer(self, request, outcome)

    patch.setattr(desk.Desk, "_answer", stuck)


def an_unheard_grant_is_taken_back_from_a_call_that_talks(patch: Patch) -> None:
    patch.setattr(decisions, "_DO", {**decisions._DO, Void: decisions._DO[End]})


def a_refused_repeat_hides_the_call_before_it(patch: Patch) -> None:
    def newest(request: Request, work: Work) -> Any:
        return next(iter(work.past.get(request.key, ())), None)

    patch.setattr(decisions, "past_of", newest)
    patch.setattr(batch, "past_of", newest)


def lost_calls_stay_open(patch: Patch) -> None:
    patch.setattr(store.Tables, "lost_calls", lambda *_values: [])
    patch.setitem(store._ASK, "lost_calls", lambda *_values: [])
    patch.setattr("tollgate.charging.reconcile.GRACE", timedelta(days=1))


def every_call_gets_the_same_free_seconds(patch: Patch) -> None:
    def unheld(bundles: Sequence[Minutes], purses: Purses, _at: datetime) -> tuple[int, ...]:
        return tuple(purses[bundle.wallet_id].balance_micros // SECOND_MICROS for bundle in bundles)

    patch.setattr(calls_decide, "left_s", unheld)
    patch.setattr(calls_money, "left_s", unheld)


def free_seconds_are_used_and_not_counted(patch: Patch) -> None:
    def forgetful(call: LiveCall, settlement: Settlement, purses: Purses) -> Iterator[Entry]:
        yield from take(call, settlement._replace(minutes_s=()), purses)

    take = ledger._take_minutes
    patch.setattr(ledger, "_take_minutes", forgetful)


MUTANTS: Final[Mapping[str, Callable[[Patch], None]]] = {
    mutant.__name__: mutant
    for mutant in (
        holds_are_released_twice,
        a_crash_keeps_half_of_a_batch,
        an_end_that_comes_again_is_charged_again,
        time_is_given_without_money,
        answers_leave_before_the_commit,
        a_repeated_question_gets_a_new_call,
        wallets_are_read_without_locks,
        a_carrier_keeps_its_channel,
        silence_is_charged,
        our_clock_measures_the_talk,
        a_late_event_is_taken_for_a_sign_of_life,
        the_end_does_not_name_its_carrier,
        a_refusal_does_not_look_again,
        beliefs_are_not_verified,
        a_repeated_question_is_not_looked_for,
        a_request_without_an_answer_blocks_its_call,
        an_unheard_grant_is_taken_back_from_a_call_that_talks,
        a_refused_repeat_hides_the_call_before_it,
        lost_calls_stay_open,
        every_call_gets_the_same_free_seconds,
        free_seconds_are_used_and_not_counted,
    )
}
SUBTLE: Final = ("a_late_event_is_taken_for_a_sign_of_life",)
"""Those that only rare histories find."""
DIRECTED: Final = ("an_unheard_grant_is_taken_back_from_a_call_that_talks",)
"""Those that chance hardly finds: a test of their own leads to them."""
