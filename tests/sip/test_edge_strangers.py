"""The edge alone against strangers: hostile messages, unknown dialogs, floods, and its control address."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request

import pytest

from tests.sip.rig import (
    BALTIC,
    CIRRUS,
    SCANNER,
    STRANGER,
    Rig,
)
from tollgate.switches.kamailio_rpc import SECRET_HEADER, list_request, secret_of

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]


def sip_message(method: str, uri: str, *, source: str, cseq: int = 1, extra: str = "", to_tag: str = "") -> bytes:
    tag = f";tag={to_tag}" if to_tag else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK{time.monotonic_ns()};rport",
        f"From: <sip:x@{source}>;tag=f1",
        f"To: <{uri}>{tag}",
        f"Call-ID: hostile-{time.monotonic_ns()}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *([extra] if extra else []),
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


WRONG_400 = (
    (b"CSeq: 1 INVITE", b"CSeq: x INVITE"),
    (b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
    (b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE"),
    (b"Content-Length: 0", b"Content-Length: 99999"),
    (b"INVITE sip:", b"INVITE http:"),
)
"""What is wrong in a message that can be read: the sender is told."""
WRONG_UNREADABLE = (
    (b" SIP/2.0\r\nVia", b" SIP/9.0\r\nVia"),
    (b"Content-Length: 0", b"Content-Length: -1"),
    (b"INVITE sip:1001@", b"INVITE sip:10 01@"),
)
"""What is wrong in a message that cannot be read: nobody knows whom to answer, or whether it is SIP."""
JUNK = (b"\x00" * 600, b"INVITE\r\n\r\n", b"INVITE sip:1@x SIP/2.0\r\nVia: \r\n\r\n", b"\r\n\r\n")


def test_hostile_messages_cost_nothing(rig: Rig) -> None:
    source, target = rig.address(SCANNER), f"sip:1001@{rig.address(1)}"
    asked = len(rig.service.questions)
    send = rig.edge.send_raw
    scanner = sip_message("INVITE", target, source=source, extra="User-Agent: friendly-scanner")
    assert send(scanner, ip=source) == b""
    assert b" 513 " in send(sip_message("INVITE", target, source=source, extra="X-Fill: " + "a" * 20_000), ip=source)
    whole = sip_message("INVITE", target, source=source)
    for right, wrong in WRONG_400:
        assert send(whole.replace(right, wrong), ip=source).startswith(b"SIP/2.0 400 "), wrong
    unreadable = [whole.replace(right, wrong) for right, wrong in WRONG_UNREADABLE]
    without = [re.sub(rb"(?m)^%s:.*\r\n" % name, b"", whole) for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
    for junk in (*JUNK, *unreadable, *without):
        assert junk != whole
        assert send(junk, ip=source, wait_s=0.1) == b"", junk
    assert b" 405 " in send(sip_message("PUBLISH", target, source=source), ip=source)
    assert len(rig.service.questions) == asked
    assert rig.edge.edge.answers()


@pytest.mark.parametrize("method", ["BYE", "INVITE", "MESSAGE", "ACK"])
def test_requests_of_unknown_dialogs_are_never_relayed(rig: Rig, method: str) -> None:
    victim = rig.edge.carrier(rig.address(50), "answer") if "victim" not in vars(rig) else rig.carriers[50]
    vars(rig)["victim"] = rig.carriers[50] = victim
    source = rig.address(STRANGER)
    route = f"Route: <sip:{rig.address(1)};lr;ftag=f1;tg={'0' * 32}>"
    uri = f"sip:stranger@{rig.address(50)}"
    answer = rig.edge.send_raw(sip_message(method, uri, source=source, extra=route, to_tag="t1"), ip=source)
    assert (b" 481 " in answer) or (method == "ACK" and answer == b"")
    assert victim.messages == []


def test_a_flood_from_a_stranger_is_shut_out_and_a_busy_customer_is_not(rig: Rig) -> None:
    rig.plan("1022", CIRRUS)
    assert rig.edge.call(caller=rig.address(BALTIC), cld="1022", hold_ms=100).code == 200
    target = f"sip:{rig.address(1)}"
    for source in (rig.address(42), rig.address(BALTIC)):
        for _ in range(300):
            rig.edge.send_raw(sip_message("OPTIONS", target, source=source), ip=source, wait_s=0.001)
    assert rig.edge.send_raw(sip_message("OPTIONS", target, source=rig.address(42)), ip=rig.address(42)) == b""
    assert rig.edge.call(caller=rig.address(BALTIC), cld="1022", hold_ms=100).code == 200


def test_the_rpc_answers_only_those_who_know_the_secret_of_this_edge(rig: Rig) -> None:
    settings = rig.edge.settings
    for shown in ("", "guessed", settings.secret, secret_of("kam2", settings.secret)):
        question = urllib.request.Request(f"{rig.edge.rpc_url}/RPC", list_request(), {SECRET_HEADER: shown})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(question, timeout=3)
    assert settings.rpc_secret not in rig.service.secrets
