"""The edge alone: real Kamailio, rtpengine and SIPp, an instant service.

What the service decides happens, and what happens it hears.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.sip.rig import (
    ACME,
    BUSY,
    CARLA,
    CIRRUS,
    CLI_OUT,
    HANGING_UP,
    LATE_S,
    QUIET,
    REFUSING,
    RINGING,
    Rig,
)
from tests.sip.sipp import until

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]


def seconds_of(event: dict[str, Any]) -> float:
    return float(event["at"]) - float(event["answered_at"])


def test_a_call_reaches_the_carrier_rewritten_and_the_service_hears_of_it(rig: Rig) -> None:
    rig.plan("1001", CIRRUS)
    result = rig.edge.call(
        caller=rig.address(ACME), cld="1001", hold_ms=1200, headers="P-Asserted-Identity: <sip:999@x>\nX-Secret: 1"
    )
    assert (result.code, result.ended_by, result.exit_code) == (200, "caller", 0)
    cirrus = rig.carriers[CIRRUS]
    invite = cirrus.received("INVITE", call_id=result.call_id)[0]
    bye = cirrus.wait_for("BYE", call_id=result.call_id)
    assert invite.uri == f"sip:001001@{rig.address(CIRRUS)}"
    assert invite.headers("P-Asserted-Identity") == [f"<sip:{CLI_OUT}@edge.test>"]
    assert not invite.header("X-Secret")
    ack = cirrus.wait_for("ACK", call_id=result.call_id)
    assert (ack.header("Proxy-Authorization"), ack.header("X-Secret")) == ("", "")
    for request in (invite, bye):
        assert f"sip:{CLI_OUT}@edge.test" in request.header("From")
    assert "sip:02079460001@" in result.header("From")
    question = rig.service.question_of(result.call_id)
    assert {event["h"] for event in rig.service.events_of(result.call_id)} == {question["h"]}
    assert (question["src_ip"], question["src_port"], question["proto"]) == (rig.address(ACME), 5060, "udp")
    assert (question["cld"], question["cli"], question["pai"]) == ("1001", "02079460001", "<sip:999@x>")
    answered, ended = rig.events(result.call_id, last="ended")
    assert (answered["event"], answered["route"], answered["call_ref"]) == ("answered", 0, "ref1001")
    assert 0 <= answered["pdd_ms"] <= 5000
    assert 0 <= answered["ring_ms"] <= 5000
    assert (ended["why"], ended["route"], ended["answered_at"]) == ("caller_bye", 0, answered["at"])
    rig.assert_lasted(ended, result)
    assert rig.service.secrets == {rig.edge.settings.secret}


def test_a_carrier_that_hangs_up_ends_the_call(rig: Rig) -> None:
    rig.plan("1016", HANGING_UP)
    result = rig.edge.call(caller=rig.address(ACME), cld="1016", hold_ms=None)
    assert (result.code, result.ended_by, result.exit_code) == (200, "edge", 0)
    ended = rig.events(result.call_id, last="ended")[-1]
    assert (ended["why"], ended["reason_hdr"]) == ("callee_bye", 'Q.850;cause=16;text="Normal call clearing"')


def test_a_refusal_is_passed_on_word_for_word(rig: Rig) -> None:
    hdrs = 'Reason: Q.850;cause=21;text="balance exhausted"\r\nX-Tollgate-Refusal: credit\r\nRetry-After: 7\r\n'
    rig.refuse("1002", code=402, reason="Insufficient Credit", hdrs=hdrs)
    result = rig.edge.call(caller=rig.address(ACME), cld="1002")
    assert (result.code, result.reason, result.exit_code) == (402, "Insufficient Credit", 0)
    assert result.header("Reason") == 'Q.850;cause=21;text="balance exhausted"'
    assert (result.header("X-Tollgate-Refusal"), result.header("Retry-After")) == ("credit", "7")
    time.sleep(0.2)
    assert rig.service.events_of(result.call_id) == []


def test_the_next_carrier_is_tried_after_503_and_after_silence(rig: Rig) -> None:
    rig.plan("1003", REFUSING, QUIET, CIRRUS)
    result = rig.edge.call(caller=rig.address(ACME), cld="1003", hold_ms=200)
    assert (result.code, result.exit_code) == (200, 0)
    events = rig.events(result.call_id, last="ended")
    told = [(e["event"], e.get("route"), e.get("sip_code"), e.get("why")) for e in events]
    assert told[:3] == [("attempt", 0, 503, None), ("attempt", 1, 408, "no_reply"), ("answered", 2, None, None)]
    assert events[0]["reason_hdr"] == "Q.850;cause=42"


def test_when_no_carrier_takes_the_call_the_caller_hears_503(rig: Rig) -> None:
    for cld, gateways in {"1023": (REFUSING,), "1024": (REFUSING, QUIET)}.items():
        rig.plan(cld, *gateways)
        result = rig.edge.call(caller=rig.address(ACME), cld=cld)
        assert (result.code, result.exit_code) == (503, 0)
        events = rig.events(result.call_id, last="failed")
        assert [e["event"] for e in events] == ["attempt"] * len(gateways) + ["failed"]
        assert events[-1]["route"] == len(gateways) - 1
        assert events[-1]["sip_code"] == 503


def test_a_busy_number_is_not_tried_elsewhere(rig: Rig) -> None:
    rig.plan("1004", BUSY, CIRRUS)
    result = rig.edge.call(caller=rig.address(ACME), cld="1004")
    assert (result.code, result.header("Reason"), result.exit_code) == (486, "Q.850;cause=17", 0)
    events = rig.events(result.call_id, last="failed")
    assert [(e["event"], e["sip_code"]) for e in events] == [("attempt", 486), ("failed", 486)]
    assert {e["reason_hdr"] for e in events} == {"Q.850;cause=17"}
    assert [e["route"] for e in events] == [0, 0]
    assert rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id) == []


@pytest.mark.parametrize("media", [0, 1])
def test_a_carrier_to_whom_nothing_can_be_sent_is_followed_by_the_next(rig: Rig, media: int) -> None:
    nobody = rig.address(QUIET)
    unsent = (f"sip:{nobody}:5060;transport=tcp", f"sip:{nobody}:5061;transport=tls", "sip:nowhere.invalid:5060")
    rig.plan("1031", QUIET, REFUSING, QUIET, QUIET, CIRRUS, media=media)
    for place, uri in zip((0, 2, 3), unsent, strict=True):
        rig.plans["1031"]["routes"][place]["dst_uri"] = uri
    result = rig.edge.call(caller=rig.address(ACME), cld="1031", hold_ms=200)
    assert (result.code, result.exit_code) == (200, 0)
    told = [(e["event"], e["route"], e.get("sip_code"), e.get("why")) for e in rig.events(result.call_id, last="ended")]
    assert told[:4] == [
        ("attempt", 0, 503, "not_sent"),
        ("attempt", 1, 503, None),
        ("attempt", 2, 503, "not_sent"),
        ("attempt", 3, 503, "not_sent"),
    ]
    assert told[4:] == [("answered", 4, None, None), ("ended", 4, None, "caller_bye")]
    rig.plans["1031"]["routes"] = rig.plans["1031"]["routes"][2:4]
    refused = rig.edge.call(caller=rig.address(ACME), cld="1031")
    assert (refused.code, rig.events(refused.call_id, last="failed")[-1]["route"]) == (503, 1)


def test_a_redirection_of_a_carrier_is_neither_followed_nor_shown(rig: Rig) -> None:
    rig.carriers[19] = rig.edge.carrier(rig.address(19), "moved")
    rig.plan("1029", 19, CIRRUS)
    result = rig.edge.call(caller=rig.address(ACME), cld="1029")
    assert (result.code, result.header("Contact"), result.exit_code) == (503, "", 0)
    events = rig.events(result.call_id, last="failed")
    assert [(e["event"], e["sip_code"], e["route"]) for e in events] == [("attempt", 302, 0), ("failed", 503, 0)]
    assert rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id) == []


def test_ringing_without_answer_ends_with_480_and_a_cancel(rig: Rig) -> None:
    rig.plan("1005", RINGING, CIRRUS, ring_ms=1500)
    result = rig.edge.call(caller=rig.address(ACME), cld="1005")
    assert (result.code, result.exit_code) == (480, 0)
    rig.carriers[RINGING].wait_for("CANCEL", call_id=result.call_id)
    attempt, failed = rig.events(result.call_id, last="failed")
    assert (attempt["why"], failed["sip_code"]) == ("no_answer", 480)
    assert 1000 < attempt["ring_ms"] < 10_000
    assert rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id) == []


def test_a_caller_may_give_up(rig: Rig) -> None:
    rig.plan("1006", RINGING)
    result = rig.edge.call(caller=rig.address(ACME), cld="1006", cancel_after_ms=400)
    assert (result.code, result.exit_code) == (487, 0)
    rig.carriers[RINGING].wait_for("CANCEL", call_id=result.call_id)
    assert [e["sip_code"] for e in rig.events(result.call_id, last="failed")] == [487]


def test_calls_are_cut_when_their_time_is_over_and_never_after_it(rig: Rig) -> None:
    rig.plan("1007", CIRRUS, max_duration=3)
    calls = rig.edge.place(caller=rig.address(ACME), cld="1007", hold_ms=None, count=12, rate=7).results()
    assert len(calls) == 12
    lasted_s = []
    for result in calls:
        assert (result.code, result.ended_by) == (200, "edge")
        bye = next(m for m in result.messages if m.method == "BYE" and m.received and not m.code)
        assert bye.header("Reason") == 'Q.850;cause=102;text="Credit time used"'
        rig.carriers[CIRRUS].wait_for("BYE", call_id=result.call_id)
        ended = rig.events(result.call_id, last="ended")[-1]
        assert ended["why"] == "max_duration"
        lasted_s.append(seconds_of(ended))
    assert min(lasted_s) > 2.6
    assert sorted(lasted_s)[8] <= 3.0, "one or the other may be late by what else the machine does"
    assert max(lasted_s) <= 3.0 + LATE_S


def test_a_long_ring_does_not_shorten_the_call(rig: Rig) -> None:
    rig.plan("1008", 17, max_duration=2)
    rig.edge.carrier(rig.address(17), "answer", ring_ms=2500)
    result = rig.edge.call(caller=rig.address(ACME), cld="1008", hold_ms=None)
    answered, ended = rig.events(result.call_id, last="ended")
    assert answered["ring_ms"] > 2000
    assert 1.6 < seconds_of(ended) <= 2.0 + LATE_S


def test_an_extended_call_ends_at_its_new_end(rig: Rig) -> None:
    rig.plan("1009", CIRRUS, max_duration=5)
    caller = rig.edge.place(caller=rig.address(ACME), cld="1009", hold_ms=None)
    caller.wait_for_answer()
    call = rig.edge.find(caller.call_id)
    answered_at = float(rig.events(caller.call_id, last="answered")[0]["at"])
    left_ms = round((answered_at + 7 - time.time()) * 1000)
    assert rig.edge.extend(call, left_ms=left_ms).gone == ()
    result = caller.result()
    ended = rig.events(result.call_id, last="ended")[-1]
    assert (result.ended_by, ended["why"]) == ("edge", "max_duration")
    assert 6.6 < seconds_of(ended) <= 7.0 + LATE_S
    assert rig.edge.extend(call, left_ms=60_000).gone == ((call.h_entry, call.h_id),)


def test_we_may_hang_up_a_call(rig: Rig) -> None:
    rig.plan("1010", CIRRUS)
    caller = rig.edge.place(caller=rig.address(ACME), cld="1010", hold_ms=None)
    caller.wait_for_answer()
    call = rig.edge.find(caller.call_id)
    rig.edge.hang_up(call, reason='Q.850;cause=102;text="ended by Ann"')
    result = caller.result()
    bye = next(m for m in result.messages if m.method == "BYE" and m.received and not m.code)
    assert bye.header("Reason") == 'Q.850;cause=102;text="ended by Ann"'
    rig.carriers[CIRRUS].wait_for("BYE", call_id=result.call_id)
    assert rig.events(result.call_id, last="ended")[-1]["why"] == "edge"
    until(lambda: result.call_id not in {live.call_id for live in rig.edge.live()}, what="the end in the live list")


@pytest.mark.parametrize(("media", "transport"), [(0, "udp"), (1, "tcp")])
def test_we_may_end_a_call_that_still_rings(rig: Rig, media: int, transport: str) -> None:
    rig.plan("1030", REFUSING, RINGING, CIRRUS, media=media)
    caller = rig.edge.place(caller=rig.address(ACME), cld="1030", hold_ms=None, transport=transport)
    until(lambda: any(m.received and m.code == 180 for m in caller.sipp.messages), what="ringing")
    call = rig.edge.ringing(caller.call_id)
    rig.edge.hang_up(call, reason='Q.850;cause=31;text="Ended by \\"Ann\\""')
    result = caller.result()
    assert (result.code, result.exit_code) == (487, 0)
    cancel = rig.carriers[RINGING].wait_for("CANCEL", call_id=result.call_id)
    assert cancel.header("Reason") == 'Q.850;cause=31;text="Ended by \\"Ann\\""'
    attempt, failed = rig.events(result.call_id, last="failed")
    assert (attempt["route"], attempt["sip_code"]) == (0, 503)
    assert (failed["route"], failed["sip_code"], failed["why"]) == (1, 487, "edge")
    assert "reason_hdr" not in failed
    assert rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id) == []
    rig.edge.hang_up(call, reason="Q.850;cause=31")  # nothing is left to end


def test_a_sip_user_calls_with_a_password_that_nobody_else_sees(rig: Rig) -> None:
    rig.plan("1011", CIRRUS)
    rig.edge.forget_user("carla")
    asked = len(rig.service.ha1_questions)
    for _ in range(2):  # the second call uses the HA1 the edge remembers
        result = rig.edge.call(caller=rig.address(CARLA), cld="1011", hold_ms=200, user="carla", password="s3cret")
        assert (result.code, result.exit_code) == (200, 0)
        assert rig.service.questions[-1]["call_id"] == result.call_id
        assert rig.service.questions[-1]["auth_user"] == "carla"
        invite = rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id)[0]
        assert not invite.header("Proxy-Authorization")
        assert [e["event"] for e in rig.events(result.call_id, last="ended")] == ["answered", "ended"]
    assert len(rig.service.ha1_questions) == asked + 1
    rig.edge.forget_user("carla")
    rig.edge.call(caller=rig.address(CARLA), cld="1011", hold_ms=100, user="carla", password="s3cret")
    assert len(rig.service.ha1_questions) == asked + 2


@pytest.mark.parametrize(("user", "password"), [("carla", "wrong"), ("mallory", "x")])
def test_a_wrong_digest_is_refused_and_reported(rig: Rig, user: str, password: str) -> None:
    result = rig.edge.call(caller=rig.address(CARLA), cld="1012", user=user, password=password)
    assert (result.code, result.reason, result.exit_code) == (403, "Authentication Failed", 0)
    assert result.header("X-Tollgate-Refusal") == "digest_failed"
    assert result.header("Reason").startswith("Q.850;cause=21")
    (event,) = rig.events(result.call_id, last="auth_failed")
    assert (event["user"], event["src_ip"], event["cld"]) == (user, rig.address(CARLA), "1012")
    assert (event["cli"], event["realm"]) == (user, "edge.test")
    assert all(
        question["call_id"] != result.call_id or "auth_user" not in question for question in rig.service.questions
    )


def test_a_registered_phone_behind_nat_can_be_called(rig: Rig) -> None:
    assert rig.edge.register(ip=rig.address(31), user="dan", password="wrong").code == 403
    done = rig.edge.register(ip=rig.address(31), user="dan", password="dan-pw", contact_ip="10.1.2.3")
    assert done.code == 200
    phone = rig.edge.carrier(rig.address(31), "answer")
    rig.plan("1013", local="dan", media=1)
    result = rig.edge.call(caller=rig.address(ACME), cld="1013", hold_ms=300)
    assert (result.code, result.exit_code) == (200, 0)
    invite = phone.received("INVITE", call_id=result.call_id)[0]
    assert f"c=IN IP4 {rig.address(1)}" in invite.text  # speaks to our media proxy, not to the caller
    assert rig.events(result.call_id, last="ended")[-1]["why"] == "caller_bye"
    rig.plan("1014", local="carla")
    absent = rig.edge.call(caller=rig.address(ACME), cld="1014")
    assert (absent.code, absent.header("Reason")) == (480, 'Q.850;cause=20;text="Subscriber absent"')
    assert rig.events(absent.call_id, last="failed")[-1]["sip_code"] == 480


def test_a_phone_is_called_where_it_registered_from_and_not_where_it_says(rig: Rig) -> None:
    claims_to_be = rig.address(CIRRUS)
    assert rig.edge.register(ip=rig.address(33), user="dan", password="dan-pw", contact_ip=claims_to_be).code == 200
    phone = rig.edge.carrier(rig.address(33), "answer")
    rig.plan("1026", local="dan", media=1)
    result = rig.edge.call(caller=rig.address(ACME), cld="1026", hold_ms=300)
    assert result.code == 200
    assert phone.received("INVITE", call_id=result.call_id)
    assert not rig.carriers[CIRRUS].received("INVITE", call_id=result.call_id)


@pytest.mark.parametrize(("calling", "called"), [("tcp", "udp"), ("udp", "tcp"), ("tcp", "tcp")])
def test_calls_cross_between_transports_and_end_on_both(rig: Rig, calling: str, called: str) -> None:
    last = {"udp": CIRRUS, "tcp": 18}[called]
    carrier = rig.carriers.get(last) or rig.edge.carrier(rig.address(last), "answer", transport="tcp")
    rig.carriers[last] = carrier
    rig.plan("1027", last, transport=called, max_duration=2)
    for hold_ms, why in ((300, "caller_bye"), (None, "max_duration")):
        result = rig.edge.call(caller=rig.address(ACME), cld="1027", hold_ms=hold_ms, transport=calling)
        assert (result.code, result.exit_code) == (200, 0)
        assert carrier.wait_for("BYE", call_id=result.call_id)
        assert rig.service.question_of(result.call_id)["proto"] == calling
        assert rig.events(result.call_id, last="ended")[-1]["why"] == why
