"""Claims about what survives: kill -9 of each part in mid-call, and the charging service being away."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from tests.sip.scene import Scene, assert_told
from tests.sip.sipp import until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"
TEN_MINUTES_S: Final = 600


@pytest.fixture
def hardy(
    sip_programs: None,
    durable_postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    """A whole path on a durable database of its own; its edge writes dialogs at once, or as the parameters say."""
    edge = getattr(request, "param", {"dialogs_at_once": True})
    scene = Scene(tmp_path_factory.mktemp("hardy"), database_url=durable_postgres.url, **edge)
    try:
        yield scene.start()
    finally:
        scene.stop()


def assert_settled_once(scene: Scene, call_id: str, *, customer: int) -> None:
    """One CDR, its cost charged once, nothing held, and `tollgate doctor` says so."""
    assert_charged_once(scene, call_id, customer=customer)
    assert scene.live_count() == 0
    scene.assert_books()
    code, words = scene.doctor()
    assert code == 0, words
    assert "held is the sum of live holds: holds" in words


def assert_charged_once(
    scene: Scene, call_id: str, *, customer: int, state: str = "charged", money_micros: int = 5 * EURO
) -> None:
    """One CDR in a state, its cost charged once, nothing held for the customer."""
    cdr = scene.cdr(call_id, timeout_s=60)
    assert (cdr["state"], cdr["cost_micros"]) == (state, cdr["billed_s"] * 1000)
    assert scene.world.rows("SELECT count(*) FROM cdr WHERE edge_call_id = %s", call_id) == [(1,)]
    wallet = scene.world.wallet("customer", customer)
    assert wallet["balance_micros"] == money_micros - cdr["cost_micros"]
    assert (wallet["held_micros"], wallet["channels"]) == (0, 0)


def test_charging_killed_in_mid_call_loses_and_doubles_nothing(hardy: Scene) -> None:
    seller = hardy.seller()
    caller = hardy.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=5000)
    caller.wait_for_answer()
    hardy.charging.kill()
    time.sleep(1)
    hardy.charging.start()
    result = caller.result()
    assert result.code == 200
    assert_settled_once(hardy, result.call_id, customer=seller.customer)


def test_the_database_killed_in_mid_call_loses_and_doubles_nothing(hardy: Scene, durable_postgres: Postgres) -> None:
    seller = hardy.seller()
    caller = hardy.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=6000)
    caller.wait_for_answer()
    until(
        lambda: hardy.world.rows("SELECT state FROM call") == [("answered",)],
        what="the answer in the books",
    )
    assert durable_postgres.pid is not None
    os.kill(durable_postgres.pid, signal.SIGKILL)
    until(lambda: not durable_postgres.running, what="the death of the server")
    undecided = hardy.edge.call(caller=seller.ip, cld=NUMBER, port=5062)
    assert undecided.answer is not None
    assert_told(undecided.answer, "charging_unavailable")
    durable_postgres.start()
    hardy.reconnect()
    result = caller.result()
    assert result.code == 200
    assert_settled_once(hardy, result.call_id, customer=seller.customer)


def test_kamailio_killed_in_mid_call_loses_and_doubles_nothing(hardy: Scene) -> None:
    seller = hardy.seller()
    caller = hardy.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=6000)
    caller.wait_for_answer()
    until(lambda: hardy.edge.kept(caller.call_id), what="the dialog to be written")
    hardy.edge.kill_kamailio()
    hardy.edge.start_kamailio()
    result = caller.result()
    assert result.code == 200
    assert_settled_once(hardy, result.call_id, customer=seller.customer)


@pytest.mark.parametrize("hardy", [{}], indirect=True, ids=["default settings"])
def test_a_call_that_kamailio_had_not_yet_written_when_it_was_killed_is_settled_once(hardy: Scene) -> None:
    """Dialogs are written every three seconds: a call answered since is gone with Kamailio, and no edge knows it."""
    world = hardy.world
    world.update("account", world.account, validity_s=5)
    kept, lost = hardy.seller(), hardy.seller()
    written = hardy.edge.place(caller=kept.ip, cld=NUMBER, hold_ms=None)
    until(lambda: hardy.edge.kept(written.call_id), what="the dialogs to be written")
    caller = hardy.edge.place(caller=lost.ip, cld=NUMBER, hold_ms=None)
    caller.wait_for_answer()
    state = "SELECT state FROM call WHERE edge_call_id = %s"
    until(lambda: world.rows(state, caller.call_id) == [("answered",)], what="the answer in the books")
    hardy.edge.kill_kamailio()
    assert not hardy.edge.kept(caller.call_id)
    hardy.edge.start_kamailio()
    assert [call.call_id for call in hardy.edge.live()] == [written.call_id]
    hardy.edge.hang_up(hardy.edge.find(written.call_id))
    assert written.result().code == 200
    assert world.wallet("customer", lost.customer)["held_micros"] > 0
    age(hardy, caller.call_id, seconds=90)
    assert_charged_once(hardy, caller.call_id, customer=lost.customer, state="unresolved")
    assert hardy.cdr(caller.call_id)["billed_s"] <= 1, "it was proven at its answer, and never again"
    assert_settled_once(hardy, written.call_id, customer=kept.customer)


def age(scene: Scene, call_id: str, *, seconds: int) -> None:
    """So many seconds pass for a live call."""
    earlier = "make_interval(secs => %s)"
    moments = ("authorized_at", "answered_at", "last_seen_at", "granted_until")
    changes = ", ".join(f"{moment} = {moment} - {earlier}" for moment in moments)
    statement = f"UPDATE call SET {changes}, turn = turn + 1 WHERE edge_call_id = %s RETURNING id"
    assert scene.world.rows(statement, *[seconds] * len(moments), call_id)


def test_ten_minutes_without_charging_refuse_calls_at_once_and_lose_and_double_no_end(hardy: Scene) -> None:
    """What ends meanwhile waits at the edge, through a crash of its own too; `ten_minutes.py` does wait so long."""
    by_itself, cut, given_up = hardy.seller(), hardy.seller(money_micros=10_000), hardy.seller(carriers=("ring",))
    ringing = hardy.edge.place(caller=given_up.ip, cld=NUMBER, hold_ms=None)
    talking = [hardy.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=None) for seller in (by_itself, cut)]
    for caller in talking:
        caller.wait_for_answer()
    rings = hardy.edge.ringing(ringing.call_id)
    hardy.charging.stop()
    refused = hardy.edge.call(caller=by_itself.ip, cld=NUMBER, port=5062)
    assert (refused.code, refused.header("Retry-After")) == (503, "5")
    assert "cause=41" in refused.header("Reason")
    assert refused.setup_s < 5
    for call in (rings, hardy.edge.find(talking[0].call_id)):
        hardy.edge.hang_up(call)
    ended, over, left = (caller.result() for caller in (*talking, ringing))
    assert (ended.ended_by, over.ended_by, left.code) == ("edge", "edge", 487)
    until(lambda: {ended.call_id, over.call_id, left.call_id} <= spooled_ends(hardy), what="the ends to be kept")
    hardy.edge.kill_kamailio()
    for call_id in (ended.call_id, over.call_id, left.call_id):
        age(hardy, call_id, seconds=TEN_MINUTES_S)
    age_and_double_spool(hardy)
    hardy.edge.start_kamailio()
    hardy.charging.start()
    for seller, result, money_micros in ((by_itself, ended, 5 * EURO), (cut, over, 10_000)):
        assert_charged_once(hardy, result.call_id, customer=seller.customer, money_micros=money_micros)
        cdr = hardy.cdr(result.call_id)
        assert cdr["billed_s"] in range(1, 60), "by when it ended, not by when that was told"
        assert datetime.now(UTC) - cdr["ended_at"] > timedelta(seconds=TEN_MINUTES_S)
    assert hardy.cdr(over.call_id)["cost_micros"] <= 10_000
    assert hardy.cdr(left.call_id)["state"] == "failed"
    until(lambda: hardy.edge.spooled() == 0, what="an empty spool")
    assert_settled_once(hardy, ended.call_id, customer=by_itself.customer)
    assert hardy.edge.call(caller=by_itself.ip, cld=NUMBER, hold_ms=100).code == 200
    assert hardy.edge.errors() == []


def spooled_ends(scene: Scene) -> set[str]:
    """The calls whose end waits at the edge."""
    with closing(sqlite3.connect(scene.edge.settings.spool)) as spool:
        kept = [json.loads(base64.b64decode(event)) for (event,) in spool.execute("SELECT event FROM outbox")]
    return {event["call_id"] for event in kept if event["event"] in {"ended", "failed"}}


def age_and_double_spool(scene: Scene) -> None:
    """Ten minutes pass for what waits at the edge, and it tells everything twice, as one that died in between."""
    with closing(sqlite3.connect(scene.edge.settings.spool, isolation_level=None)) as spool:
        for row, kept in spool.execute("SELECT id, event FROM outbox").fetchall():
            event = json.loads(base64.b64decode(kept))
            for moment in {"at", "answered_at"} & set(event):
                event[moment] = str(Decimal(event[moment]) - TEN_MINUTES_S)
            older = base64.b64encode(json.dumps(event).encode()).decode()
            spool.execute("UPDATE outbox SET event = ? WHERE id = ?", [older, row])
        spool.execute("INSERT INTO outbox (event) SELECT event FROM outbox ORDER BY id")
