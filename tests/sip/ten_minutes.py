"""Ten minutes without charging, waited for: calls end, are cut, are given up and go on, and Kamailio is killed too.

It takes longer than everything else, so it is no part of `make test`, which lets the same time pass by older records
(`test_crashes.py`): `make test-outage` runs it. To add a kind of call: another seller before charging is killed, and
what its CDR must say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest

from tests.sip.harness import Caller
from tests.sip.scene import Scene, Seller
from tests.sip.sipp import PATIENCE_S, until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

pytestmark = [pytest.mark.sip, pytest.mark.timeout(1800)]
NUMBER: Final = "442071838750"
AWAY_S: Final = 600
CRASH_S: Final = 250
"""So long after charging Kamailio is killed too."""
MONEY_MICROS: Final = 100 * EURO
HOLDS_S: Final = (60, 180, 240, 330, 420, 540)
AT_ONCE: Final = 4
BUSY_S: Final = 3
"""A busy machine may write down a message so long after it."""


@pytest.fixture
def scene(sip_programs: None, durable_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A whole path whose first grant is longer than charging will be away."""
    whole = Scene(tmp_path_factory.mktemp("away"), database_url=durable_postgres.url)
    try:
        whole.start()
        whole.world.update("account", whole.world.account, slice_s=2 * AWAY_S)
        yield whole
    finally:
        whole.stop()


def test_events_of_ten_minutes_are_delivered_exactly_once(scene: Scene) -> None:
    sellers = [scene.seller(money_micros=MONEY_MICROS) for _ in HOLDS_S]
    lasting, poor = scene.seller(money_micros=MONEY_MICROS), scene.seller(money_micros=120_000)
    rings = scene.seller(carriers=("ring",))
    ended = [
        scene.edge.place(caller=seller.ip, cld=NUMBER, hold_ms=hold_s * 1000, count=AT_ONCE)
        for seller, hold_s in zip(sellers, HOLDS_S, strict=True)
    ]
    survivor = scene.edge.place(caller=lasting.ip, cld=NUMBER, hold_ms=(AWAY_S + 60) * 1000)
    cut = scene.edge.place(caller=poor.ip, cld=NUMBER, hold_ms=None)
    given_up = scene.edge.place(caller=rings.ip, cld=NUMBER, cancel_after_ms=30_000)
    everyone = AT_ONCE * len(HOLDS_S) + 2
    until(lambda: len(scene.edge.live()) == everyone, what="all calls to be answered")
    scene.edge.ringing(given_up.call_id)
    scene.charging.kill()
    away_s = time.monotonic()
    assert_refused(scene, lasting)
    wait_until(away_s + CRASH_S)
    scene.edge.kill_kamailio()
    scene.edge.start_kamailio()
    wait_until(away_s + AWAY_S)
    assert_refused(scene, lasting)
    until(lambda: scene.edge.spooled() >= everyone, what="the ends to be kept")  # the one that rang, not the survivor
    assert {call.call_id for call in scene.edge.live()} == {survivor.call_id}
    scene.charging.start()
    until(lambda: scene.edge.spooled() == 0, what="everything to be told")
    for seller, caller in zip(sellers, ended, strict=True):
        assert_charged(scene, seller, caller, money_micros=MONEY_MICROS)
    assert_charged(scene, poor, cut, money_micros=120_000)
    assert scene.cdr(given_up.results()[0].call_id)["state"] == "failed"
    assert_charged(scene, lasting, survivor, money_micros=MONEY_MICROS)
    until(lambda: scene.live_count() == 0, what="the end of the last call")
    scene.assert_books()
    code, words = scene.doctor()
    assert code == 0, words
    assert scene.edge.errors() == []
    assert scene.edge.call(caller=lasting.ip, cld=NUMBER, hold_ms=100).code == 200


def wait_until(moment_s: float) -> None:
    """Until the clock shows it: the one thing in these tests that takes its time because time is the claim."""
    until(lambda: time.monotonic() > moment_s, timeout_s=AWAY_S + PATIENCE_S, what="the time")


def assert_refused(scene: Scene, seller: Seller) -> None:
    """A new call is refused at once."""
    refused = scene.edge.call(caller=seller.ip, cld=NUMBER, port=5062)
    assert (refused.code, refused.header("Retry-After")) == (503, "5")


def assert_charged(scene: Scene, seller: Seller, caller: Caller, *, money_micros: int) -> None:
    """Each call of a seller has one CDR with the time that its two ends saw, and nothing else was charged."""
    cost_micros = 0
    for result in caller.results(timeout_s=AWAY_S):
        cdr = scene.cdr(result.call_id)
        assert scene.world.rows("SELECT count(*) FROM cdr WHERE edge_call_id = %s", result.call_id) == [(1,)]
        assert (cdr["state"], cdr["cost_micros"]) == ("charged", cdr["billed_s"] * 1000)
        seen = timedelta(seconds=result.duration_s)
        told = timedelta(milliseconds=cdr["duration_ms"])
        assert abs(told - seen) < timedelta(seconds=BUSY_S), (told, seen)
        kinds = scene.world.rows("SELECT DISTINCT kind FROM entry WHERE call_id = %s", cdr["id"])
        assert kinds == [("call",)], "neither closed without its end nor corrected"
        cost_micros += cdr["cost_micros"]
    wallet = scene.world.wallet("customer", seller.customer)
    assert (wallet["balance_micros"], wallet["held_micros"], wallet["channels"]) == (money_micros - cost_micros, 0, 0)
