"""Claims about the calls of circuit tests: each answer is written as it comes, and none outlives who placed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.actions.cast import acme, demo_account
from tests.jobs.test_cli_calls import answer, edge
from tollgate.actions.acts import Actor, acting
from tollgate.actions.circuit_tests import LEASE, start_circuit_test
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user
from tollgate.actions.options import update_options
from tollgate.actions.records import now
from tollgate.jobs.circuit_calls import call_next
from tollgate.jobs.sip_phone import Message
from tollgate.store.models import Call, CircuitTest

NUMBER = "442079460123"
SETUP = Actor("Ann", frozenset({"*"}))


@pytest.fixture
def waiting(db: None, monkeypatch: pytest.MonkeyPatch) -> CircuitTest:
    """A test that waits, by a SIP user of Acme."""
    del db
    monkeypatch.setenv("TOLLGATE_CHARGING_SECRET", "open-sesame")
    with acting(SETUP):
        account = demo_account()
        user = create_sip_user(customer_id=acme(account).pk, username="71099", password="correct-horse-7")
        update_options(account_id=account.pk, circuit_user_id=user.pk)
        return start_circuit_test(account_id=account.pk, number=f"+{NUMBER}", talk_s=1)


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An edge that connects every call to a phone that hears; the requests it got."""
    with edge(answer()) as (port, asked):
        monkeypatch.setenv("TOLLGATE_SIP_IP", "127.0.0.1")
        monkeypatch.setenv("TOLLGATE_SIP_PORT", str(port))
        yield asked


def test_an_answered_test_ends_by_itself_and_tells_what_it_heard(waiting: CircuitTest, phone: list[str]) -> None:
    assert call_next(now()) == waiting
    assert phone == ["INVITE", "ACK", "BYE"]
    waiting.refresh_from_db()
    test = waiting
    assert (test.state, test.words, test.sip, test.codec) == ("done", "", 200, "PCMA")
    assert [(step["sip"], step["reason"]) for step in test.steps] == [(200, "OK")]
    assert (test.pdd_ms, test.ring_ms) == (test.steps[0]["at_ms"], 0)
    assert test.talk_ms is not None
    assert test.talk_ms >= 1000
    assert call_next(now()) is None


def test_of_the_words_of_an_answer_stays_what_can_be_kept() -> None:
    assert Message(b"SIP/2.0 503 Try\x00 \x07later\r\nCSeq: 1 INVITE\r\n\r\n").reason == "Try later"


def test_where_this_machine_is_an_endpoint_nobody_is_called(waiting: CircuitTest, phone: list[str]) -> None:
    assert waiting.endpoint is not None
    with acting(SETUP):
        create_ip_endpoint(customer_id=waiting.endpoint.customer_id, network="127.0.0.1/32")
    call_next(now())
    waiting.refresh_from_db()
    assert (waiting.state, phone) == ("failed", [])
    assert "is an IP endpoint" in waiting.words


def test_a_call_whose_process_died_is_ended(waiting: CircuitTest) -> None:
    at, account = now(), waiting.account
    CircuitTest.objects.update(state="calling", called_at=at, call_id="circuit-1")
    assert waiting.endpoint is not None
    Call.objects.create(
        id=1, account=account, edge="e", edge_call_id="circuit-1", customer=waiting.endpoint.customer, cli="1",
        cld=NUMBER, number=NUMBER, destination="", state="answered", authorized_at=at, granted_s=60, granted_until=at,
        max_s=3600, extended_count=0, last_seen_at=at, plan="{}",
    )  # fmt: skip
    assert call_next(at + LEASE - timedelta(seconds=1)) is None
    assert Call.objects.get().hangup_at is None
    assert call_next(at + LEASE + timedelta(seconds=1)) is None
    assert Call.objects.get().hangup_at is not None
    waiting.refresh_from_db()
    assert waiting.state == "failed"
