"""Claims about calls that speak a code: what an answer may want, and that none outlives the process that placed it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from threading import Thread

import pytest

from tests.actions.cast import acme, demo_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.options import update_options
from tollgate.actions.records import now
from tollgate.jobs import law
from tollgate.jobs.cli_calls import LEASE, call_next
from tollgate.jobs.sip_phone import CannotSpeak, Message, _media
from tollgate.store.models import Audit, Call, CliProof, Customer
from tollgate.store.secrets import seal

NUMBER = "442079460123"


def answer(address: str = "127.0.0.1", port: object = 4000, kinds: str = "8 0") -> str:
    """An SDP answer."""
    kind = "IP6" if ":" in address else "IP4"
    return f"v=0\no=- 1 1 IN {kind} x\ns=-\nc=IN {kind} {address}\nt=0 0\nm=audio {port} RTP/AVP {kinds}\n"


def test_a_phone_speaks_to_an_address_and_a_port_alone() -> None:
    assert _media(answer(), "127.0.0.1") == (("127.0.0.1", 4000), law.PCMA)
    assert _media(answer("::1", 65535, "0"), "::1") == (("::1", 65535), law.PCMU)
    bad = (
        answer(port=65536), answer(port=0), answer(port="9" * 5000), answer("phone.example"), answer("0.0.0.0"),
        answer("224.0.0.1"), answer("::1"), "", "m=audio 4000 RTP/AVP 0\n",
    )  # fmt: skip
    for body in bad:
        with pytest.raises(CannotSpeak):
            _media(body, "127.0.0.1")


@contextmanager
def edge(body: str) -> Iterator[tuple[int, list[str]]]:
    """An edge that connects every call to where `body` says; its port, and the requests it got."""
    asked: list[str] = []
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, there = link.recvfrom(65536)
                if data == b"end":
                    return
                message = Message(data)
                asked.append(message.method)
                if message.method == "ACK":
                    continue
                kept = [f"{name}: {message.header(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
                lines = ["SIP/2.0 200 OK", *kept, "Contact: <sip:127.0.0.1>", "", body]
                link.sendto("\r\n".join(lines).encode(), there)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield link.getsockname()[1], asked
        finally:
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ender:
                ender.sendto(b"end", link.getsockname())
            thread.join()


@pytest.fixture
def proof(db: None) -> CliProof:
    """A code of Acme that waits to be called by a SIP user of Acme."""
    del db
    with acting(Actor("setup", frozenset({"*"}))):
        account = demo_account()
        customer = acme(account)
        user = create_sip_user(customer_id=customer.pk, username="71099", password="correct-horse-7")
        update_options(account_id=account.pk, verification_user_id=user.pk)
    return waiting(customer)


def waiting(customer: Customer) -> CliProof:
    """One more."""
    return CliProof.objects.create(
        customer=customer, number=NUMBER, way="call", code_hash="x", code_sealed=seal("123456"),
        expires_at=now() + timedelta(minutes=10),
    )  # fmt: skip


def test_an_answer_that_wants_the_impossible_is_hung_up_and_told(
    proof: CliProof, monkeypatch: pytest.MonkeyPatch
) -> None:
    with edge(answer(port=70000)) as (port, asked):
        monkeypatch.setenv("TOLLGATE_SIP_IP", "127.0.0.1")
        monkeypatch.setenv("TOLLGATE_SIP_PORT", str(port))
        assert call_next(now()) == proof
    assert asked == ["INVITE", "ACK", "BYE"]
    proof.refresh_from_db()
    words = "The call was answered, but nothing could be spoken: 70000 is no port to speak to."
    assert (proof.state, proof.words, proof.code_sealed) == ("failed", words, "")


@pytest.mark.parametrize("state", ["calling", "verified"])
def test_a_call_whose_process_died_is_ended_after_two_minutes(proof: CliProof, state: str) -> None:
    at = now()
    CliProof.objects.filter(pk=proof.pk).update(state=state, called_at=at, call_id="code-1")
    customer = proof.customer
    for call_id, edge_call_id in enumerate(("code-1", "other"), start=1):
        Call.objects.create(
            id=call_id, account_id=customer.account_id, edge="e", edge_call_id=edge_call_id, customer=customer,
            cli="1", cld=NUMBER, number=NUMBER, destination="", state="answered", authorized_at=at, granted_s=60,
            granted_until=at, max_s=3600, extended_count=0, last_seen_at=at, plan="{}",
        )  # fmt: skip
    assert call_next(at + LEASE - timedelta(seconds=1)) is None
    assert not Call.objects.filter(hangup_at__isnull=False).exists()
    for _ in range(2):
        assert call_next(at + LEASE + timedelta(seconds=1)) is None
    assert list(Call.objects.filter(hangup_at__isnull=False).values_list("edge_call_id", flat=True)) == ["code-1"]
    assert [row.actor for row in Audit.objects.filter(act="end_call")] == ["code calls"], "asked once"
    proof.refresh_from_db()
    assert proof.state == ("failed" if state == "calling" else state)
