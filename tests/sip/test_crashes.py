"""Claims about what survives: kill -9 of each part in mid-call, and the charging service being away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.sip.scene import Scene
from tests.sip.sipp import until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"


@pytest.fixture
def hardy(sip_programs: None, durable_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A whole path on a durable database of its own."""
    scene = Scene(tmp_path_factory.mktemp("hardy"), database_url=durable_postgres.url, dialogs_at_once=True)
    try:
        yield scene.start()
    finally:
        scene.stop()


def assert_settled_once(scene: Scene, call_id: str, *, customer: int) -> None:
    """One CDR, its cost charged once, nothing held."""
    cdr = scene.cdr(call_id, timeout_s=60)
    assert (cdr["state"], cdr["cost_micros"]) == ("charged", cdr["billed_s"] * 1000)
    assert scene.world.rows("SELECT count(*) FROM cdr WHERE edge_call_id = %s", call_id) == [(1,)]
    wallet = scene.world.wallet("customer", customer)
    assert wallet["balance_micros"] == 5 * EURO - cdr["cost_micros"]
    assert (wallet["held_micros"], wallet["channels"], scene.live_count()) == (0, 0, 0)
    scene.assert_books()
    code, words = scene.doctor()
    assert code == 0, words
    assert "held is the sum of live holds: holds" in words


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
        timeout_s=5,
        what="the answer in the books",
    )
    assert durable_postgres.pid is not None
    os.kill(durable_postgres.pid, signal.SIGKILL)
    until(lambda: not durable_postgres.running, what="the death of the server")
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


def test_while_charging_is_away_calls_are_refused_at_once_and_ends_arrive_later(hardy: Scene) -> None:
    seller = hardy.seller()
    caller = hardy.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=3000)
    caller.wait_for_answer()
    hardy.charging.stop()
    refused = hardy.edge.call(caller=seller.ip, cld=NUMBER, port=5062)
    assert (refused.code, refused.header("Retry-After")) == (503, "5")
    assert "cause=41" in refused.header("Reason")
    assert refused.setup_s < 3
    ended = caller.result()
    assert ended.duration_s < 4
    until(lambda: hardy.edge.spooled() >= 1, what="the event to be kept")
    time.sleep(2)
    hardy.charging.start()
    assert_settled_once(hardy, ended.call_id, customer=seller.customer)
    cdr = hardy.cdr(ended.call_id)
    assert cdr["duration_ms"] < 4000
    assert hardy.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100).code == 200
