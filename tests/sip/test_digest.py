"""Claims about passwords: what was seen on the wire once opens nothing, and ordinary phones notice nothing of that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sip.party import Party
from tests.sip.rig import CARLA, CIRRUS, STRANGER, Rig
from tests.sip.sipp import Message

pytestmark = [pytest.mark.sip, pytest.mark.timeout(60)]


@pytest.fixture
def carla(rig: Rig) -> Iterator[Party]:
    phone = rig.party(CARLA, port=5070)
    yield phone
    phone.close()


def line_for(carla: Party, cld: str, *, nc: int = 1) -> str:
    """Carla's credentials for a call to `cld`, by a new challenge."""
    carla.invite(cld)
    challenge = carla.final("INVITE")
    assert challenge.code == 407
    carla.request("ACK", cseq=1)
    return carla.credentials(challenge, "INVITE", f"sip:{cld}@{carla.edge}", user="carla", password="s3cret", nc=nc)


def answer_to(party: Party, cld: str, line: str) -> tuple[int, bool]:
    """What an INVITE with this line is answered, and whether the challenge says that only the nonce was too old."""
    party.invite(cld, headers=[line])
    answer = party.final("INVITE")
    if answer.code == 200:
        party.request("ACK", cseq=1)
        party.request("BYE")
        assert party.final("BYE").code == 200
    else:
        party.request("ACK", cseq=1)
    return answer.code, "stale=true" in answer.header("Proxy-Authenticate")


def test_credentials_seen_on_the_wire_buy_no_second_call(rig: Rig, carla: Party) -> None:
    rig.plan("4001", CIRRUS)
    line = line_for(carla, "4001")
    assert answer_to(carla, "4001", line) == (200, False)
    asked = len(rig.service.questions)
    assert answer_to(carla, "4001", line) == (407, True)
    thief = rig.party(STRANGER)
    assert answer_to(thief, "4001", line) == (407, True)
    assert len(rig.service.questions) == asked


def test_a_phone_uses_its_nonce_again_by_counting(rig: Rig, carla: Party) -> None:
    rig.plan("4002", CIRRUS)
    carla.invite("4002")
    challenge = carla.final("INVITE")
    carla.request("ACK", cseq=1)
    counted = [
        carla.credentials(challenge, "INVITE", f"sip:4002@{carla.edge}", user="carla", password="s3cret", nc=nc)
        for nc in (1, 2, 3, 2)
    ]
    assert [answer_to(carla, "4002", line) for line in counted] == [(200, False)] * 3 + [(407, True)]


def test_a_client_that_does_not_count_uses_each_nonce_once(rig: Rig, carla: Party) -> None:
    rig.plan("4003", CIRRUS)
    carla.invite("4003")
    challenge = carla.final("INVITE")
    carla.request("ACK", cseq=1)
    line = carla.credentials(challenge, "INVITE", f"sip:4003@{carla.edge}", user="carla", password="s3cret", nc=0)
    assert "qop" not in line
    assert [answer_to(carla, "4003", line) for _ in range(2)] == [(200, False), (407, True)]


def test_a_registration_seen_on_the_wire_registers_nobody_else(rig: Rig, carla: Party) -> None:
    def register(party: Party, *headers: str) -> Message:
        desk = f"<sip:desk@{party.realm}>"
        party.begin(f"sip:{party.realm}", here=desk, there=desk)
        party.request("REGISTER", headers=["Expires: 300", *headers])
        return party.final("REGISTER")

    challenge = register(carla)
    line = carla.credentials(challenge, "REGISTER", f"sip:{carla.realm}", user="desk", password="desk-pw")
    assert register(carla, line).code == 200
    thief = rig.party(STRANGER)
    again = register(thief, line)
    assert (again.code, "stale=true" in again.header("WWW-Authenticate")) == (401, True)


def test_many_calls_at_once_by_one_user_all_pass(rig: Rig) -> None:
    rig.plan("4004", CIRRUS)
    calls = rig.edge.place(
        caller=rig.address(CARLA), cld="4004", user="carla", password="s3cret", hold_ms=100, count=60, rate=60
    ).results()
    assert [call.code for call in calls] == [200] * 60
