"""Claims about requests within a call: both ends are always told, and no side decides where anything goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.sip.party import Party, body_of, describe
from tests.sip.rig import ACME, CLI_OUT, LATE_S, Rig
from tests.sip.sipp import Message

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]

CARRIER, VICTIM = 60, 61


@pytest.fixture
def sides(rig: Rig) -> Iterator[tuple[Party, Party]]:
    """Acme and a carrier, both led by hand."""
    caller, carrier = rig.party(ACME), rig.party(CARRIER)
    yield caller, carrier
    caller.close()
    carrier.close()


def talk(rig: Rig, sides: tuple[Party, Party], cld: str = "2001", **plan: object) -> None:
    """A call that both sides have confirmed."""
    caller, carrier = sides
    rig.plan(cld, CARRIER, **plan)
    caller.invite(cld)
    carrier.expect("INVITE")
    carrier.reply(200, "OK", body=describe(carrier.ip, port=21_000))
    caller.expect(200, of="INVITE")
    caller.request("ACK", cseq=caller.cseq)
    carrier.expect("ACK")


def test_of_two_that_answer_at_once_one_is_connected_and_charged(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    rig.plan("2016", CARRIER)
    caller.invite("2016")
    invite = carrier.expect("INVITE")
    for tag in ("first", "second"):
        carrier.mine = tag
        carrier.reply(200, "OK", to=invite, body=describe(carrier.ip, port=21_000))
    assert caller.expect(200, of="INVITE").header("To").endswith(";tag=first")
    carrier.mine = "first"
    caller.request("ACK", cseq=caller.cseq)
    carrier.expect("ACK")
    later = [message for message in iter(lambda: caller.receive(0.5), None) if message.code == 200]
    assert not [message for message in later if message.header("To").endswith(";tag=second")]
    caller.request("BYE")
    carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200
    assert ended(rig, caller.call_id) == "caller_bye"


def number(message: Message) -> int:
    """The number in its CSeq."""
    return int(message.header("CSeq").split()[0])


def ended(rig: Rig, call_id: str) -> str:
    """Who ended the call, told once."""
    rig.events(call_id, last="ended")
    (event,) = [event for event in rig.service.events_of(call_id) if event["event"] == "ended"]
    return str(event["why"])


ODD_BYES: Final[dict[str, dict[str, Any]]] = {
    "as it should be": {},
    "to its own address": {"uri": "sip:party@{caller}:5060"},
    "to a third party": {"uri": "sip:x@{victim}"},
    "with an old number": {"cseq": 1},
    "with the largest number": {"cseq": 2**31 - 1},
    "with a demand nobody can meet": {"headers": ["Require: nonsense", "Proxy-Require: nonsense"]},
    "with hardly any hops left": {"headers": ["Max-Forwards: 1"]},
    "with a body": {"body": "x" * 3000, "kind": "application/nonsense"},
    "by way of a third party": {"more_routes": ["<sip:{victim};lr>"]},
    "without its route": {"routes": []},
}


@pytest.mark.parametrize("odd", ODD_BYES)
def test_whatever_a_bye_says_the_other_side_gets_one_it_must_obey(
    rig: Rig, sides: tuple[Party, Party], odd: str
) -> None:
    caller, carrier = sides
    talk(rig, sides)
    told = {"caller": caller.ip, "victim": rig.address(VICTIM)}
    bye: dict[str, Any] = dict(ODD_BYES[odd])
    if "uri" in bye:
        bye["uri"] = bye["uri"].format(**told)
    if "more_routes" in bye:
        bye["routes"] = [*caller.routes, *[route.format(**told) for route in bye.pop("more_routes")]]
    caller.request("BYE", **bye, **({} if "headers" in bye else {"headers": ['Reason: Q.850;cause=16;text="Bye"']}))
    heard = carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200
    assert heard.uri == carrier.own_uri
    assert number(heard) == 2
    assert f"sip:{CLI_OUT}@edge.test" in heard.header("From")
    assert (heard.header("Require"), heard.header("Proxy-Require"), heard.header("Content-Length")) == ("", "", "0")
    assert ended(rig, caller.call_id) == "caller_bye"
    if odd == "as it should be":
        assert heard.header("Reason") == 'Q.850;cause=16;text="Bye"'
        assert rig.service.events_of(caller.call_id)[-1]["reason_hdr"] == 'Q.850;cause=16;text="Bye"'


def test_the_called_side_ends_a_call_for_both_wherever_its_bye_points(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    talk(rig, sides)
    carrier.request("BYE", uri=carrier.own_uri)
    heard = caller.expect("BYE")
    caller.reply(200, "OK")
    assert carrier.final("BYE").code == 200
    assert (heard.uri, ended(rig, caller.call_id)) == (caller.own_uri, "callee_bye")


def test_when_both_hang_up_at_once_both_are_content(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    talk(rig, sides)
    caller.request("BYE")
    carrier.request("BYE")
    assert (caller.final("BYE").code, carrier.final("BYE").code) == (200, 200)
    assert ended(rig, caller.call_id) in {"caller_bye", "callee_bye"}


@pytest.mark.parametrize("method", ["INFO", "INVITE", "UPDATE", "MESSAGE", "OPTIONS"])
def test_a_request_within_a_call_reaches_the_other_side_and_nobody_else(
    rig: Rig, sides: tuple[Party, Party], method: str
) -> None:
    caller, carrier = sides
    victim = rig.party(VICTIM)
    elsewhere = f"sip:x@{victim.ip}"
    talk(rig, sides)
    for side, other in ((caller, carrier), (carrier, caller)):
        side.request(method, uri=elsewhere, body=describe(side.ip))
        heard = other.expect(method)
        assert heard.uri == other.own_uri
        other.reply(200, "OK", body=describe(other.ip) if method == "INVITE" else "")
        assert side.final(method).code == 200
        if method == "INVITE":
            side.request("ACK", uri=elsewhere, cseq=side.cseq)
            assert other.expect("ACK").uri == other.own_uri
    caller.request(method, routes=[*caller.routes, f"<{elsewhere};lr>"], body=describe(caller.ip))
    assert caller.final(method).code == 403
    assert victim.receive(0.2) is None
    victim.close()
    caller.request("BYE")
    carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200


def test_requests_pass_the_proxies_that_each_side_recorded(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    theirs, ours = rig.party(63), rig.party(64)  # proxies of the carrier and of Acme
    rig.plan("2006", CARRIER)
    caller.invite("2006", headers=[f"Record-Route: <sip:{ours.ip};lr>"])
    invite = carrier.expect("INVITE")
    recorded = [f"<sip:{theirs.ip}:5060;lr=on>"]
    for code, reason in ((180, "Ringing"), (200, "OK")):
        carrier.reply(code, reason, to=invite, recorded=recorded, body=describe(carrier.ip))
        caller.expect(code, of="INVITE")
    for proxy in (theirs, ours):
        proxy.call_id = caller.call_id
    caller.routes = caller.routes[1:]  # Acme's own proxy is the first that its requests have passed
    carrier.routes = carrier.routes[1:]  # and so is the carrier's
    caller.request("ACK", cseq=1)
    assert theirs.expect("ACK").uri == carrier.own_uri
    ways = ((caller, theirs, carrier, recorded[0]), (carrier, ours, caller, f"<sip:{ours.ip};lr>"))
    for side, proxy, other, route in ways:
        side.request("INFO")
        heard = proxy.expect("INFO")
        assert (heard.uri, heard.header("Route")) == (other.own_uri, route)
        proxy.reply(200, "OK")
        assert side.final("INFO").code == 200
    caller.request("BYE")
    heard = theirs.expect("BYE")
    assert (heard.uri, heard.header("Route")) == (carrier.own_uri, recorded[0])
    theirs.reply(200, "OK")
    assert caller.final("BYE").code == 200
    theirs.close()
    ours.close()


def test_a_caller_cannot_transfer_the_carrier(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    talk(rig, sides)
    caller.request("REFER", headers=["Refer-To: <sip:900123@premium.example>"])
    assert caller.final("REFER").code == 403
    carrier.request("REFER", headers=["Refer-To: <sip:1@carrier.example>"])
    assert caller.expect("REFER").uri == caller.own_uri
    caller.request("BYE")
    assert carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200


def test_numbers_that_would_make_our_bye_look_old_are_refused(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    talk(rig, sides, "2002", max_duration=6)
    caller.request("INFO", cseq=40)
    carrier.expect("INFO")
    carrier.reply(200, "OK")
    assert caller.final("INFO").code == 200
    for old, code in ((40, 500), (7, 500), (2**31 - 2, 400)):
        caller.request("INFO", cseq=old)
        assert caller.final("INFO").code == code
    carrier.request("INFO", cseq=9)
    caller.expect("INFO")
    caller.reply(200, "OK")
    assert carrier.final("INFO").code == 200
    carrier.request("INFO", cseq=8)
    assert carrier.final("INFO").code == 500
    assert number(carrier.expect("BYE")) > 40
    carrier.reply(200, "OK")
    assert number(caller.expect("BYE")) > 9
    caller.reply(200, "OK")
    assert ended(rig, caller.call_id) == "max_duration"
    caller.invite("2002", cseq=2**31 - 2)
    assert caller.final("INVITE").code == 400


def test_a_call_is_held_and_resumed_through_the_media_proxy_and_still_ends_in_time(
    rig: Rig, sides: tuple[Party, Party]
) -> None:
    caller, carrier = sides
    talk(rig, sides, "2003", media=1, max_duration=8)
    proxied = f"c=IN IP4 {rig.address(1)}"
    for side, other, way in (
        (caller, carrier, "sendonly"),
        (caller, carrier, "sendrecv"),
        (carrier, caller, "sendonly"),
    ):
        side.request("INVITE", body=describe(side.ip, way=way), headers=["Session-Expires: 90", "Supported: timer"])
        heard = other.expect("INVITE")
        assert proxied in body_of(heard)
        assert f"a={way}" in body_of(heard)
        assert heard.header("Session-Expires") == "90"
        back = "recvonly" if way == "sendonly" else "sendrecv"
        other.reply(200, "OK", body=describe(other.ip, way=back))
        answer = side.final("INVITE")
        assert answer.code == 200
        assert proxied in body_of(answer)
        assert f"a={back}" in body_of(answer)
        side.request("ACK", cseq=side.cseq)
        other.expect("ACK")
    assert number(carrier.expect("BYE")) == 4
    carrier.reply(200, "OK")
    caller.expect("BYE")
    caller.reply(200, "OK")
    events = rig.events(caller.call_id, last="ended")
    assert 7.4 < float(events[-1]["at"]) - float(events[-1]["answered_at"]) <= 8.0 + LATE_S


def test_a_side_that_moves_is_found_where_it_is_now(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    talk(rig, sides)
    moved = rig.party(62)
    moved.call_id = carrier.call_id
    carrier.contact_uri = moved.own_uri
    carrier.request("INVITE", body=describe(moved.ip))
    caller.expect("INVITE")
    caller.reply(200, "OK", body=describe(caller.ip))
    carrier.final("INVITE")
    carrier.request("ACK", cseq=carrier.cseq)
    caller.expect("ACK")
    caller.request("BYE")
    assert moved.expect("BYE").uri == moved.own_uri
    moved.reply(200, "OK")
    assert caller.final("BYE").code == 200
    moved.close()


def test_while_it_rings_requests_reach_the_ringing_side(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    rig.plan("2004", CARRIER)
    caller.invite("2004", headers=["Supported: 100rel"])
    invite = carrier.expect("INVITE")
    carrier.reply(183, "Session Progress", headers=["Require: 100rel", "RSeq: 1"], body=describe(carrier.ip))
    caller.expect(183)
    caller.request("PRACK", uri=f"sip:x@{rig.address(VICTIM)}", headers=["RAck: 1 1 INVITE"])
    assert carrier.expect("PRACK").uri == carrier.own_uri
    carrier.reply(200, "OK")
    assert caller.final("PRACK").code == 200
    carrier.request("UPDATE", uri=f"sip:x@{rig.address(VICTIM)}", body=describe(carrier.ip))
    assert caller.expect("UPDATE").uri == caller.own_uri
    caller.reply(200, "OK", body=describe(caller.ip))
    assert carrier.final("UPDATE").code == 200
    carrier.reply(200, "OK", to=invite)
    caller.expect(200, of="INVITE")
    caller.request("ACK", cseq=1)
    carrier.expect("ACK")
    caller.request("BYE")
    assert number(carrier.expect("BYE")) > 2
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200


def test_a_call_that_a_crash_forgot_is_ended_by_its_sides_and_leads_nowhere_else(
    rig: Rig, sides: tuple[Party, Party]
) -> None:
    caller, carrier = sides
    talk(rig, sides)
    rig.edge.kill_kamailio()
    rig.edge.start_kamailio()
    assert caller.call_id not in {call.call_id for call in rig.edge.live()}
    for uri in (f"sip:x@{rig.address(VICTIM)}", caller.own_uri.replace(caller.ip, rig.address(VICTIM))):
        caller.request("BYE", uri=uri)
        assert caller.final("BYE").code == 481
    caller.request("INFO")
    assert caller.final("INFO").code == 481
    caller.request("BYE")
    assert carrier.expect("BYE").uri == carrier.own_uri
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200
    carrier.request("BYE")
    assert caller.expect("BYE").uri == caller.own_uri


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_caller_behind_nat_hears_the_end(rig: Rig, transport: str) -> None:
    """Over TCP the connection it opened is its only address."""
    caller, carrier = rig.party(ACME, transport=transport), rig.party(CARRIER)
    caller.contact_uri = "sip:party@10.9.8.7:5060" + (";transport=tcp" if transport == "tcp" else "")
    talk(rig, (caller, carrier), "2005")
    carrier.request("INFO")
    caller.expect("INFO")
    caller.reply(200, "OK")
    assert carrier.final("INFO").code == 200
    rig.edge.hang_up(rig.edge.find(caller.call_id))
    assert caller.expect("BYE")
    caller.reply(200, "OK")
    carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert ended(rig, caller.call_id) == "edge"
    caller.close()
    carrier.close()
