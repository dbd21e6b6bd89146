"""The edge alone, when the service is away and when something of it dies: no call is lost, and no end of one."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from contextlib import closing

import pytest

from tests.sip.rig import (
    ACME,
    BALTIC,
    BUSY_S,
    CIRRUS,
    Rig,
)
from tests.sip.sipp import until
from tests.sip.test_edge import seconds_of

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]


def test_an_end_the_service_could_not_take_arrives_later_even_after_a_crash(rig: Rig) -> None:
    rig.plan("1015", CIRRUS)
    caller = rig.edge.place(caller=rig.address(ACME), cld="1015", hold_ms=800)
    caller.wait_for_answer()
    rig.events(caller.call_id, last="answered")
    rig.service.refusing_events = True
    result = caller.result()
    until(lambda: rig.edge.spooled() == 1, what="the event in the spool")
    rig.edge.kill_kamailio()
    rig.edge.start_kamailio()
    rig.service.refusing_events = False
    ended = rig.events(result.call_id, last="ended")[-1]
    rig.assert_lasted(ended, result)
    until(lambda: rig.edge.spooled() == 0, what="an empty spool")


def test_events_that_the_service_fails_at_keep_no_other_from_it(rig: Rig) -> None:
    rig.edge.kill_kamailio()
    failing = {"event": "ended", "id": "never", "call_id": "never"}
    others = [{"event": "ended", "id": name, "call_id": name} for name in ("behind-200", "behind-201")]
    with closing(sqlite3.connect(rig.edge.settings.spool, isolation_level=None)) as spool:
        for event in [*[failing] * 200, others[0], failing, others[1]]:
            kept = base64.b64encode(json.dumps(event).encode()).decode()
            spool.execute("INSERT INTO outbox (event) VALUES (?)", [kept])
    rig.service.failing_calls.add("never")
    rig.edge.start_kamailio()
    until(lambda: rig.edge.spooled() == 201, what="the events behind")
    assert all(len(rig.service.events_of(event["call_id"])) == 1 for event in others)
    rig.service.failing_calls.clear()
    until(lambda: rig.edge.spooled() == 0, what="an empty spool")


@pytest.mark.parametrize("health", [200, 503])
def test_without_the_service_calls_are_refused_at_once_and_go_on_when_it_is_back(rig: Rig, health: int) -> None:
    rig.plan("1017", CIRRUS)
    rig.service.stop()
    try:
        results = [rig.edge.call(caller=rig.address(ACME), cld="1017") for _ in range(4)]
        for result in results:
            assert (result.code, result.header("Retry-After")) == (503, "5")
            assert result.header("Reason").startswith("Q.850;cause=41")
        assert results[-1].setup_s < 1.5, "nobody waits any more for a service that did not answer"
    finally:
        rig.service.health = health  # 503: it lives and decides by what it read before
        rig.service.start()
    try:
        until(lambda: rig.edge.call(caller=rig.address(ACME), cld="1017", hold_ms=100).code == 200, what="a call")
    finally:
        rig.service.health = 200


def test_a_crash_in_mid_call_loses_neither_the_call_nor_its_end(rig: Rig) -> None:
    rig.plan("1018", CIRRUS)
    rig.plan("1019", CIRRUS)
    by_itself = rig.party(ACME, port=5080)
    by_itself.invite("1018")
    by_itself.expect(200, of="INVITE")
    answered_s = time.monotonic()
    by_itself.request("ACK", cseq=1)
    cut = rig.edge.place(caller=rig.address(BALTIC), cld="1019", hold_ms=None)
    cut.wait_for_answer()
    until(lambda: rig.edge.kept(by_itself.call_id) and rig.edge.kept(cut.call_id), what="both dialogs in the database")
    rig.edge.kill_kamailio()
    rig.edge.start_kamailio()
    assert {call.call_id for call in rig.edge.live()} >= {by_itself.call_id, cut.call_id}
    rig.edge.extend(rig.edge.find(cut.call_id), left_ms=2000)
    talked_s = time.monotonic() - answered_s
    by_itself.request("BYE")
    assert by_itself.final("BYE").code == 200
    ended = rig.events(by_itself.call_id, last="ended")[-1]
    assert (ended["why"], ended["call_ref"]) == ("caller_bye", "ref1018")
    assert talked_s - BUSY_S < seconds_of(ended) < time.monotonic() - answered_s + BUSY_S
    over = cut.result()
    assert (over.exit_code, over.ended_by) == (0, "edge")
    assert rig.events(over.call_id, last="ended")[-1]["why"] == "max_duration"
    rig.carriers[CIRRUS].wait_for("BYE", call_id=over.call_id)


def test_the_cut_off_survives_a_crash(rig: Rig) -> None:
    rig.plan("1020", CIRRUS, max_duration=300)
    caller = rig.edge.place(caller=rig.address(ACME), cld="1020", hold_ms=None)
    caller.wait_for_answer()
    live = rig.edge.find(caller.call_id)
    asked_at = time.time()
    assert rig.edge.extend(live, left_ms=7500).gone == ()

    def kept() -> int | None:
        """The new end, once it is written: what changed is written every three seconds."""
        ends_at = rig.edge.kept_until(caller.call_id)
        return ends_at if ends_at is not None and ends_at < asked_at + 100 else None

    ends_at = until(kept, what="the new end in the database")
    assert ends_at > asked_at + 7  # the safety net, in whole seconds: a second later
    rig.edge.kill_kamailio()
    rig.edge.start_kamailio()
    back_at = time.time()
    result = caller.result()
    assert (result.exit_code, result.ended_by) == (0, "edge")
    bye = next(m for m in result.messages if m.method == "BYE" and m.received and not m.code)
    # By Kamailio's own timer, for the tenth of a second is forgotten. It counts ticks, which are late on a busy machine
    # until it sets them right, every five seconds. An end that fell into the crash comes right after it.
    assert asked_at + 7 < bye.at.timestamp() < max(ends_at, back_at) + 10
    assert rig.events(result.call_id, last="ended")[-1]["why"] == "max_duration"


def test_what_dies_is_started_again(rig: Rig) -> None:
    assert rig.edge.edge.heal() == []
    rig.edge.kill_kamailio()
    rig.edge.edge.kill("rtpengine")
    assert sorted(rig.edge.edge.heal()) == ["kamailio", "rtpengine"]
    rig.plan("1021", CIRRUS)
    assert rig.edge.call(caller=rig.address(ACME), cld="1021", hold_ms=100).code == 200
