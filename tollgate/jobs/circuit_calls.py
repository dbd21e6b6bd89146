"""The calls of circuit tests: placed as the SIP user that the options name, listened to, ended after so many seconds.

A call like any other, through the edge, held and charged; a header that only we can write says which gateways it may
take. One process takes one at a time. What it has begun and not finished within `LEASE` has failed, and its call is
ended: a process that died says no BYE.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any, Final

from django.db import transaction

from tollgate.actions.acts import Actor, Invalid, NotFound, acting
from tollgate.actions.calls import end_call
from tollgate.actions.circuit_tests import LEASE, caller, give_up
from tollgate.core import circuits
from tollgate.jobs import charge, law, sip
from tollgate.jobs.cli_calls import is_somebody
from tollgate.jobs.sip_phone import CannotSpeak, Dialing, Heard, Outcome, own_ip, probe
from tollgate.store.models import Call, CircuitTest

LOOKED_BACK: Final = timedelta(days=1)
"""So long a call may have been going on that is ended yet."""
ENDING: Final = Actor("circuit tests", frozenset({"end_call"}), "The call of a circuit test was not ended.")
TONE: Final = (b"\x1e" * 8 + b"\x9e" * 8) * 100 + law.SILENCE * 6400
"""A fifth of a second at 500 Hz, then a breath: who answers hears that it is no person."""
MOST_STEPS: Final = 50
CANCELED: Final = 487
"""What a call is answered that its caller gives up."""
log = logging.getLogger(__name__)


class CannotTest(Exception):
    """Why nobody can be called now."""


def call_next(at: datetime) -> CircuitTest | None:
    """Makes the test that waits longest and writes what became of it; None when none waits."""
    with transaction.atomic():
        give_up(at)
        _end_forgotten(at)
        waiting = CircuitTest.objects.filter(state="queued").order_by("id")
        test = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if test is None:
            return None
        test.state, test.called_at, test.call_id = "calling", at, f"circuit-{secrets.token_hex(12)}"
        test.save(update_fields=["state", "called_at", "call_id"])
    try:
        outcome = _call(test)
    except CannotSpeak as problem:
        _end(test, state="failed", words=f"The call was answered, but nothing could be spoken: {problem}.")
    except (CannotTest, Invalid, OSError) as problem:
        log.warning("no circuit test of %s: %s", test.number, problem)
        _end(test, state="failed", words=f"No call could be made: {problem}")
    else:
        _end(test, state="done", words=_words(outcome), outcome=outcome)
    return test


def _call(test: CircuitTest) -> Outcome:
    """Places the call on a thread of its own: steps are written while it goes on."""
    dialing = _dialing(test)
    heard: SimpleQueue[Heard | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(lambda: asyncio.run(probe(dialing, TONE, talk_s=test.talk_s, listener=heard.put)))
        call.add_done_callback(lambda _: heard.put(None))
        _follow(test, iter(heard.get, None))
    return call.result()


def _dialing(test: CircuitTest) -> Dialing:
    user = caller(test.account)
    edge = sip.address()
    if is_somebody(own_ip(edge), user):
        raise CannotTest("this machine's address is an IP endpoint, whose calls these would be")
    way = circuits.written(charge.secret(), test.call_id, test.gateway_ids) if test.gateway_ids else ""
    return Dialing(
        edge=edge,
        call_id=test.call_id,
        cli=test.cli or user.username or "",
        number=test.number.removeprefix("+"),
        user=user.username or "",
        ha1=user.ha1 or "",
        header=f"{circuits.HEADER}: {way}" if way else "",
    )


def _follow(test: CircuitTest, heard: Iterable[Heard | None]) -> None:
    """Writes each answer as it comes: the page of the test looks every second."""
    for step in heard:
        if step is None:
            return
        at_ms = round(step.after_s * 1000)
        if len(test.steps) < MOST_STEPS:
            test.steps.append({"at_ms": at_ms, "sip": step.code, "reason": step.reason[:100]})
        if test.pdd_ms is None and (180 <= step.code < 300):
            test.pdd_ms = at_ms
        if 200 <= step.code < 300:
            test.ring_ms = at_ms - (test.pdd_ms or 0)
        if step.code not in (401, 407):
            test.sip = step.code
        test.save(update_fields=["steps", "pdd_ms", "ring_ms", "sip"])


def _words(outcome: Outcome) -> str:
    """What became of a call that nobody answered; nothing of one that was."""
    if outcome.code < 300:
        return ""
    if outcome.code == CANCELED:
        return "Nobody answered in time: the test gave up."
    return f"The call was not answered: {outcome.code} {outcome.reason}."


def _end(test: CircuitTest, *, state: str, words: str, outcome: Outcome | None = None) -> None:
    """Only while it is still ours."""
    values: dict[str, Any] = {"state": state, "words": words, "ended_at": datetime.now(UTC)}
    if outcome is not None:
        values["sip"] = outcome.code
    if outcome is not None and outcome.code < 300:
        values |= {"codec": outcome.codec, "talk_ms": round(outcome.talk_s * 1000)}
    CircuitTest.objects.filter(pk=test.pk, state="calling", call_id=test.call_id).update(**values)


def _end_forgotten(at: datetime) -> None:
    """Has every call ended that should have been by now, whatever became of who placed it."""
    begun = CircuitTest.objects.filter(called_at__range=(at - LOOKED_BACK, at - LEASE))
    placed = list(begun.values_list("call_id", flat=True))
    live = Call.objects.filter(edge_call_id__in=placed, hangup_at__isnull=True).values_list("pk", flat=True)
    for call_id in list(live):
        with acting(ENDING), suppress(NotFound):  # it may have ended by itself
            end_call(call_id=call_id)
