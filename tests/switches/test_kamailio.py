"""The Kamailio edge's JSON: what its questions and events become."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.core.call_cast import world
from tollgate.core.calls_types import Delivery, Handling, Invite
from tollgate.core.refusals import Key, Refusal
from tollgate.switches import Answered, Attempted, AuthFailed, AuthLocked, Ended, MessageInvalid, kamailio

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def event(**fields: object) -> kamailio.Message:
    """An event as the pump posts it."""
    whole = {"id": "1.2.c.e", "edge": "kam1", "call_id": "c", "at": "1795262400.266029"} | fields
    return kamailio.read_event(json.dumps(whole).encode())


def test_moments_keep_their_microseconds() -> None:
    told = event(event="answered", route=1, h="748:1512")
    assert told == Answered("kam1", "c", AT + timedelta(microseconds=266_029), 1, None, None, "748:1512")


@pytest.mark.parametrize(
    ("why", "released_by"),
    [
        ("caller_bye", "caller"),
        ("callee_bye", "callee"),
        ("max_duration", "tollgate"),
        ("vanished", "tollgate"),
        ("no_media", "tollgate"),
        ("edge", "tollgate"),
        (None, "edge"),
    ],
)
def test_who_ended_a_call_is_said_in_our_words(why: str | None, released_by: str) -> None:
    told = event(event="ended", why=why, answered_at="1795262399.5")
    assert isinstance(told, Ended)
    assert (told.released_by, told.sip, told.failed) == (released_by, 200, False)
    assert told.at - (told.answered_at or told.at) == timedelta(microseconds=766_029)


def test_an_answer_after_the_end_is_the_end() -> None:
    told = event(event="ended", answered_at="1795262500")
    assert isinstance(told, Ended)
    assert told.answered_at == told.at


def test_a_failed_call_was_never_answered_and_keeps_its_code_and_cause() -> None:
    told = event(event="failed", sip_code=486, reason_hdr='Q.850;cause=17;text="User busy"')
    assert isinstance(told, Ended)
    assert (told.answered_at, told.sip, told.q850, told.failed) == (None, 486, 17, True)


@pytest.mark.parametrize("reason", ["Q.850;cause=²", "Q.850;cause=٣", "Q.850", "SIP;cause=200", "x" * 100_000])
def test_no_end_is_refused_for_its_reason(reason: str) -> None:
    told = event(event="ended", why="caller_bye", reason_hdr=reason)
    assert isinstance(told, Ended)
    assert told.q850 is None


def test_of_more_routes_than_the_edge_can_read_the_last_are_left_out() -> None:
    (route,) = world().plan().routes[:1]
    asked = kamailio.Asked(Invite("kam1", "a", "192.0.2.7", cli="4420", cld="1"), "192.0.2.1")

    def named(count: int) -> list[str]:
        routes = [route._replace(carrier=f"Carrier {number}") for number in range(count)]
        sent = kamailio.write_allowed(
            asked, call=1, granted_s=60, record=False, media="proxy", routes=routes, handling=Handling()
        )
        assert len(sent) <= kamailio.DECISION_MOST
        decision = json.loads(sent)
        assert len(decision["rings"].split(";")) == len(decision["routes"])
        return [found["carrier"] for found in decision["routes"]]

    assert len(named(20)) == 20
    most = named(500)
    assert 20 < len(most) < 500
    assert most == [f"Carrier {number}" for number in range(len(most))]


def test_a_signature_goes_to_every_carrier_and_to_no_phone() -> None:
    routes = world().plan().routes
    asked = kamailio.Asked(Invite("kam1", "a", "192.0.2.7", cli="4420", cld="1", privacy="id"), "192.0.2.1")
    known = {"call": 1, "granted_s": 60, "record": False, "media": "proxy", "identity": 'a.b.c;ppt="shaken"'}
    decision = json.loads(kamailio.write_allowed(asked, routes=routes, handling=Handling(), **known))  # type: ignore[arg-type]
    extras = [route["headers"]["extra"] for route in decision["routes"]]
    assert len(extras) == len(routes)
    assert all(extra.endswith('Privacy: id\r\nIdentity: a.b.c;ppt="shaken"\r\n') for extra in extras)
    local = kamailio.write_allowed(asked, routes=[], handling=Handling(local=Delivery("1001", "4420")), **known)  # type: ignore[arg-type]
    assert b"Identity" not in local
    many = [route._replace(carrier=f"Carrier {number}") for route in routes for number in range(40)]
    signed = kamailio.write_allowed(asked, routes=many, handling=Handling(), **{**known, "identity": "x" * 2048})  # type: ignore[arg-type]
    assert len(signed) <= kamailio.DECISION_MOST
    assert len(json.loads(signed)["routes"]) > 3


def test_times_that_are_unknown_are_left_out() -> None:
    told = event(event="ended", pdd_ms=-1, ring_ms=-1)
    assert isinstance(told, Ended)
    assert (told.pdd_ms, told.ring_ms) == (None, None)


def test_an_attempt_says_which_route_failed_and_keeps_the_id_of_its_event() -> None:
    told = event(event="attempt", id="1.2.c.t0", route=0, sip_code=408, why="no_reply")
    assert isinstance(told, Attempted)
    assert (told.attempt.route, told.attempt.why, told.attempt.event_id) == (0, "no_reply", "1.2.c.t0")
    with pytest.raises(MessageInvalid, match="route"):
        event(event="attempt")


def test_a_failed_password_needs_no_call() -> None:
    told = event(event="auth_failed", user="alice", src_ip="192.0.2.9")
    assert isinstance(told, AuthFailed)
    assert (told.user, told.source_ip, told.locked) == ("alice", "192.0.2.9", False)
    again = event(event="auth_failed", user="alice", src_ip="192.0.2.9", why="locked")
    assert isinstance(again, AuthFailed)
    assert again.locked
    assert event(event="auth_locked", user="alice", src_ip="192.0.2.9") == AuthLocked("kam1", "alice", "192.0.2.9")


@pytest.mark.parametrize("at", ["", "soon", "-1", "NaN", "Infinity", "99999999999"])
def test_what_is_no_moment_is_named(at: str) -> None:
    with pytest.raises(MessageInvalid) as problem:
        event(event="answered", at=at)
    assert problem.value.field == "at"


@pytest.mark.parametrize(
    ("cli", "shown"),
    [("442071838750", ""), ("02071838750", "sip:02071838750@192.0.2.1"), ("", "sip:anonymous@anonymous.invalid")],
)
def test_a_phone_is_shown_what_stands_in_the_invite_only_where_nothing_changed_it(cli: str, shown: str) -> None:
    asked = kamailio.Asked(Invite("kam1", "a", "192.0.2.7", cli="442071838750", cld="1001"), "192.0.2.1")
    handling = Handling(local=Delivery("1001", cli))
    sent = kamailio.write_allowed(
        asked, call=1, granted_s=60, record=False, media="proxy", routes=[], handling=handling
    )
    assert json.loads(sent)["from"] == shown


def test_a_refusal_brings_its_header_lines() -> None:
    written = json.loads(kamailio.write_refused(Refusal(Key.charging_unavailable, variant="overload")))
    assert written["code"] == 503
    assert written["hdrs"].splitlines() == [
        'Reason: Q.850;cause=42;text="Service Overloaded"',
        "X-Tollgate-Refusal: charging_unavailable",
        "Retry-After: 5",
    ]
