"""Claims about headers that somebody makes long or odd: they cost only his own call, and never the record of one."""

from __future__ import annotations

import re
import time
from contextlib import closing

import pytest

from tests.sip.party import Party
from tests.sip.rig import ACME, CIRRUS, Rig
from tests.sip.scene import Scene
from tests.sip.sipp import until
from tests.sip.test_edge_strangers import sip_message

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"
LONGEST_CALL_ID = 255
REASONS = {
    "a cause of digits that are no number": "Q.850;cause=²",
    "long": f'Q.850;cause=16;text="{"x" * 5000}"',
    "longer when it is written": 'Q.850;cause=16;text="' + '\\"' * 4800 + '"',
}


@pytest.mark.parametrize("reason", REASONS)
def test_whatever_the_reason_of_a_bye_the_call_is_charged_and_so_is_the_next(scene: Scene, reason: str) -> None:
    seller, settings = scene.seller(), scene.edge.settings
    with closing(Party(seller.ip, edge=f"{settings.listen_ip}:{settings.sip_port}", port=5072)) as caller:
        caller.invite(NUMBER)
        caller.expect(200, of="INVITE")
        caller.request("ACK", cseq=caller.cseq)
        time.sleep(1.2)
        caller.request("BYE", headers=[f"Reason: {REASONS[reason]}"])
        assert caller.final("BYE").code == 200
    assert_charged(scene, caller.call_id, at_least_ms=1200)
    after = scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=500)
    assert_charged(scene, after.call_id, at_least_ms=500)
    scene.assert_books()


def assert_charged(scene: Scene, call_id: str, *, at_least_ms: int) -> None:
    """By what was talked, as its caller ended it."""
    cdr = scene.cdr(call_id)
    assert (cdr["state"], cdr["released_by"]) == ("charged", "caller")
    assert cdr["duration_ms"] >= at_least_ms
    assert cdr["cost_micros"] == cdr["billed_s"] * 1000 > 0


def test_a_call_with_more_routes_than_a_decision_can_name_takes_the_first(scene: Scene) -> None:
    seller = scene.seller(carriers=("answer", *("down",) * 98))
    result = scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100)
    assert result.code == 200
    assert scene.cdr(result.call_id)["carrier_id"] == seller.carriers[0]


def test_a_call_that_cannot_be_written_down_is_refused_and_not_told_of(scene: Scene) -> None:
    seller = scene.seller()
    asked = sip_message("INVITE", f"sip:{NUMBER}@{scene.edge.settings.listen_ip}", source=seller.ip)
    for name in (b"c" * (LONGEST_CALL_ID + 1), b"\xff\xfe"):
        named = re.sub(rb"Call-ID: .*", b"Call-ID: " + name, asked)
        assert scene.edge.send_raw(named, ip=seller.ip, wait_s=5).startswith(b"SIP/2.0 400 "), name
    assert scene.edge.call(caller=seller.ip, cld=NUMBER, hold_ms=100).code == 200
    assert scene.edge.errors() == []


def test_questions_that_are_too_long_are_refused_and_no_others(rig: Rig) -> None:
    rig.plan("1050", CIRRUS)
    target = f"sip:1050@{rig.address(1)}"
    filling = 'P-Asserted-Identity: "' + '\\"' * 4700 + '" <sip:1@192.0.2.1>'
    for last in range(60, 64):
        source = rig.address(last)
        asked = sip_message("INVITE", target, source=source, extra=filling)
        assert rig.edge.send_raw(asked, ip=source, wait_s=5).startswith(b"SIP/2.0 513 ")
    assert rig.edge.call(caller=rig.address(ACME), cld="1050", hold_ms=100).code == 200


def test_the_ends_of_calls_with_the_longest_names_are_all_told(rig: Rig) -> None:
    rig.plan("1051", CIRRUS)
    caller = rig.address(ACME)
    tail = f"%u@{caller}"
    name = '"' * (LONGEST_CALL_ID - len(tail)) + tail
    rig.service.events_take_s = 0.4  # what happens meanwhile waits in the edge, and is told together
    results = rig.edge.place(caller=caller, cld="1051", hold_ms=500, count=40, rate=400, call_id=name).results()
    rig.service.events_take_s = 0.0
    assert [result.code for result in results] == [200] * 40
    for result in results:
        assert [event["event"] for event in rig.events(result.call_id, last="ended")] == ["answered", "ended"]


def test_an_event_that_the_service_fails_at_keeps_no_other_waiting(rig: Rig) -> None:
    rig.plan("1052", CIRRUS)
    talking = rig.edge.place(caller=rig.address(ACME), cld="1052", hold_ms=600)
    talking.wait_for_answer()
    rig.events(talking.call_id, last="answered")
    rig.service.failing_calls.add(talking.call_id)
    first = talking.result()
    until(lambda: rig.edge.spooled() == 1, what="the event in the spool")
    second = rig.edge.call(caller=rig.address(ACME), cld="1052", hold_ms=100)
    rig.events(second.call_id, last="ended")
    until(lambda: rig.edge.spooled() == 1, what="the one event that is kept")
    rig.service.failing_calls.clear()
    rig.events(first.call_id, last="ended")
    until(lambda: rig.edge.spooled() == 0, what="an empty spool")
