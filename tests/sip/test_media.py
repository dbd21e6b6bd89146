"""Claims about the media proxy: a call that must go through it goes through it in every form, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sip.party import MIXED, Party, body_of, describe, mixed
from tests.sip.rig import ACME, Rig
from tests.sip.sipp import Message

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]

CARRIER = 60


@pytest.fixture
def sides(rig: Rig) -> Iterator[tuple[Party, Party]]:
    """Acme and a carrier, both led by hand."""
    caller, carrier = rig.party(ACME), rig.party(CARRIER)
    yield caller, carrier
    caller.close()
    carrier.close()


def lines(message: Message) -> list[str]:
    """Where its description says that media go to."""
    return [line for line in body_of(message).splitlines() if line.startswith("c=")]


def hang_up(caller: Party, carrier: Party) -> None:
    caller.request("BYE")
    carrier.expect("BYE")
    carrier.reply(200, "OK")
    assert caller.final("BYE").code == 200


@pytest.mark.parametrize("recorded", [0, 1])
def test_a_description_among_other_parts_goes_through_the_proxy(
    rig: Rig, sides: tuple[Party, Party], recorded: int
) -> None:
    caller, carrier = sides
    ours = [f"c=IN IP4 {rig.address(1)}"]
    rig.plan("3001", CARRIER, media=1, record=recorded)
    caller.invite("3001", body=mixed(describe(caller.ip)), kind=MIXED)
    invite = carrier.expect("INVITE")
    assert lines(invite) == ours
    assert "hello" in invite.text
    carrier.reply(183, "Session Progress", body=mixed(describe(carrier.ip)), kind=MIXED)
    assert lines(caller.expect(183)) == ours
    carrier.reply(200, "OK", body=mixed(describe(carrier.ip)), kind=MIXED)
    answer = caller.expect(200, of="INVITE")
    assert lines(answer) == ours
    assert "hello" in answer.text
    caller.request("ACK", cseq=1)
    carrier.expect("ACK")
    hang_up(caller, carrier)


def test_an_offer_that_comes_with_the_answer_goes_through_the_proxy(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    ours = [f"c=IN IP4 {rig.address(1)}"]
    rig.plan("3002", CARRIER, media=1, record=1)
    caller.invite("3002", body="")
    carrier.expect("INVITE")
    carrier.reply(200, "OK", body=describe(carrier.ip))
    assert lines(caller.expect(200, of="INVITE")) == ours
    caller.request("ACK", cseq=1, body=describe(caller.ip))
    assert lines(carrier.expect("ACK")) == ours
    hang_up(caller, carrier)


@pytest.mark.parametrize("kind", ["multipart/alternative;boundary=part", "application/isup", "Application/SDPX"])
def test_a_body_that_might_hide_a_description_is_refused_where_the_proxy_is_required(
    rig: Rig, sides: tuple[Party, Party], kind: str
) -> None:
    caller, carrier = sides
    rig.plan("3003", CARRIER, media=1)
    caller.invite("3003", body=mixed(describe(caller.ip)), kind=kind)
    answer = caller.final("INVITE")
    assert (answer.code, answer.header("Accept")) == (415, "application/sdp, multipart/mixed")
    caller.request("ACK", cseq=1)
    assert [(e["event"], e["sip_code"]) for e in rig.events(caller.call_id, last="failed")] == [("failed", 415)]
    assert carrier.receive(0.1) is None
    rig.plan("3004", CARRIER)  # where media go directly it is nobody's business
    caller.invite("3004", body=mixed(describe(caller.ip)), kind=kind)
    assert lines(carrier.expect("INVITE")) == [f"c=IN IP4 {caller.ip}"]
    carrier.reply(486, "Busy Here")
    assert caller.final("INVITE").code == 486


def test_a_hidden_description_in_an_answer_does_not_pass(rig: Rig, sides: tuple[Party, Party]) -> None:
    caller, carrier = sides
    rig.plan("3005", CARRIER, media=1)
    hidden = {"body": mixed(describe(carrier.ip)), "kind": "multipart/alternative;boundary=part"}
    caller.invite("3005")
    carrier.expect("INVITE")
    carrier.reply(183, "Session Progress", **hidden)
    carrier.reply(200, "OK", **hidden)
    answer = caller.final("INVITE")
    assert (answer.code, body_of(answer)) == (200, "")
    assert 183 not in {message.code for message in caller.heard}
    caller.request("ACK", cseq=1)
    for side in (carrier, caller):
        assert side.expect("BYE").header("Reason") == 'Q.850;cause=41;text="No media proxy"'
        side.reply(200, "OK")
    assert rig.events(caller.call_id, last="ended")[-1]["why"] == "no_media"


def test_without_the_proxy_calls_that_need_it_are_refused_and_others_go_on(
    rig: Rig, sides: tuple[Party, Party]
) -> None:
    caller, carrier = sides
    rig.plan("3006", CARRIER, media=1)
    caller.invite("3006")
    carrier.expect("INVITE")
    carrier.reply(200, "OK", body=describe(carrier.ip))
    caller.expect(200, of="INVITE")
    caller.request("ACK", cseq=1)
    carrier.expect("ACK")
    rig.edge.edge.kill("rtpengine")
    try:
        caller.request("INVITE", body=describe(caller.ip))
        assert caller.final("INVITE").code == 488
        caller.request("ACK", cseq=caller.cseq)
        hang_up(caller, carrier)
        for cld, plan in {"3007": {"media": 1}, "3008": {"media": 1, "record": 1}}.items():
            rig.plan(cld, CARRIER, **plan)
            caller.invite(cld)
            answer = caller.final("INVITE")
            assert (answer.code, answer.header("Retry-After")) == (503, "5")
            caller.request("ACK", cseq=1)
            events = rig.events(caller.call_id, last="failed")
            assert (events[-1]["sip_code"], events[-1]["event"]) == (503, "failed")
        while (late := carrier.receive(0.1)) is not None:
            assert late.text.startswith("ACK "), "of the refused calls nothing reaches the carrier"
        rig.plan("3009", CARRIER)
        caller.invite("3009")
        carrier.expect("INVITE")
        carrier.reply(486, "Busy Here")
        assert caller.final("INVITE").code == 486
    finally:
        rig.edge.edge.heal()
