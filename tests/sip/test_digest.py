"""Claims about passwords: what was seen on the wire once opens nothing, and ordinary phones notice nothing of that."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.sip.party import Party
from tests.sip.rig import CARLA, CIRRUS, STRANGER, Rig
from tests.sip.sipp import Message, until
from tollgate.switches.kamailio_rpc import flush_ha1_request

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]


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


def register(party: Party, user: str, password: str) -> Message:
    """The answer to a registration with a password, by a new challenge."""
    own = f"<sip:{user}@{party.realm}>"

    def ask(*headers: str) -> Message:
        party.begin(f"sip:{party.realm}", here=own, there=own)
        party.request("REGISTER", headers=["Expires: 300", *headers])
        return party.final("REGISTER")

    uri = f"sip:{party.realm}"
    return ask(party.credentials(ask(), "REGISTER", uri, user=user, password=password))


def test_too_many_wrong_passwords_lock_a_user_at_one_address_and_nobody_else(rig: Rig, carla: Party) -> None:
    service, elsewhere = rig.service, rig.party(STRANGER, port=5071)
    service.passwords |= {"hank": "hank-pw", "ivy": "ivy-pw"}
    service.failures = 3
    try:
        said = [register(carla, "hank", "wrong").code for _ in range(2)]
        assert [*said, register(carla, "hank", "hank-pw").code] == [403, 403, 200], "a right one counts anew"
        asked = len(service.ha1_questions)
        assert [register(carla, "hank", "wrong").code for _ in range(3)] == [403] * 3
        locked = register(carla, "hank", "hank-pw")
        assert (locked.first_line, locked.header("Retry-After")) == ("SIP/2.0 480 Too Many Wrong Passwords", "900")
        assert locked.header("X-Tollgate-Refusal") == "digest_failed"
        assert register(elsewhere, "hank", "hank-pw").code == 200, "the same user, from elsewhere"
        assert register(carla, "ivy", "ivy-pw").code == 200, "another user, from the same address"
        assert len(service.ha1_questions) == asked + 1, "of ivy"
        locks = lambda: [e for e in service.events if (e["event"], e.get("user")) == ("auth_locked", "hank")]  # noqa: E731
        until(lambda: locks() != [], what="the lock to be told")
        assert [event["src_ip"] for event in locks()] == [carla.ip]
        service.passwords["hank"] = "a-new-one"
        rig.edge.edge.rpc(flush_ha1_request("hank"))
        assert register(carla, "hank", "a-new-one").code == 200, "who has a new password is locked no longer"
    finally:
        service.failures = 0


def test_made_up_addresses_cannot_fill_the_table_of_wrong_passwords(rig: Rig, carla: Party) -> None:
    rig.service.passwords["jo"] = "jo-pw"
    rig.service.failures = 1

    def counted(pairs: int, until_s: int) -> None:
        for name, value in (("pairs", pairs), ("paired", until_s)):
            request = {"jsonrpc": "2.0", "method": "pv.shvSet", "params": [name, "int", value], "id": 1}
            assert b"error" not in rig.edge.edge.rpc(json.dumps(request).encode())

    try:
        counted(50_000, int(time.time()) + 300)
        assert [register(carla, "jo", "wrong").code for _ in range(3)] == [403] * 3
        counted(50_000, int(time.time()))
        assert [register(carla, "jo", "wrong").code for _ in range(2)] == [403, 480], "five minutes later there is room"
    finally:
        rig.service.failures = 0


def test_a_made_up_challenge_counts_for_nobody_and_shows_not_who_is_a_user(rig: Rig, carla: Party) -> None:
    rig.plan("4006", CIRRUS)
    rig.service.failures = 1
    users = ("carla", "nobody-6")
    try:
        for user in users * 2:
            carla.invite("4006")
            challenge = carla.final("INVITE")
            carla.request("ACK", cseq=1)
            line = carla.credentials(challenge, "INVITE", f"sip:4006@{carla.edge}", user=user, password="x")
            made_up = re.sub(r'nonce="[^"]+"', f'nonce="{"A" * 44}"', line, count=1)
            assert answer_to(carla, "4006", made_up)[0] == 407
    finally:
        rig.service.failures = 0
        rig.edge.edge.rpc(flush_ha1_request("*"))
    assert answer_to(carla, "4006", line_for(carla, "4006")) == (200, False)
    told = [event for event in rig.service.events if event["event"].startswith("auth_") and event["user"] == "nobody-6"]
    assert told == []


def test_calls_of_who_is_locked_are_told_as_such_also_of_a_user_who_is_none(rig: Rig, carla: Party) -> None:
    rig.plan("4005", CIRRUS)
    rig.service.failures = 1
    try:
        codes = []
        for _ in range(2):
            carla.invite("4005")
            challenge = carla.final("INVITE")
            carla.request("ACK", cseq=1)
            line = carla.credentials(challenge, "INVITE", f"sip:4005@{carla.edge}", user="nobody-5", password="x")
            codes.append(answer_to(carla, "4005", line)[0])
        assert codes == [403, 480]
    finally:
        rig.service.failures = 0
    refused = lambda: [e for e in rig.service.events if e["event"] == "auth_failed" and e["user"] == "nobody-5"]  # noqa: E731
    until(lambda: len(refused()) == 2, what="both refusals")
    assert [event.get("why") for event in refused()] == [None, "locked"]


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
