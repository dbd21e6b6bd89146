"""Claims about messages: what is queued, what a real server gets, how often it is tried, and what the log may tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections

from tests.actions.cast import ANN, acme, demo_account
from tests.actions.test_customers import refused
from tests.gateways.sink import Sink, mail_sink
from tests.gateways.test_sms import Answering
from tollgate.actions import deliveries
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.mail_settings import create_mail_settings, create_sms_settings
from tollgate.actions.messages import body, cancel_message, queue, retry_message
from tollgate.core.templates_stock import VALUES
from tollgate.store.models import Account, Audit, Contact, Message, PortalDomain, SmsSettings, Template
from tollgate.store.secrets import seal

AT = datetime(2031, 1, 1, tzinfo=UTC)
CODE = {"code": "482913", "minutes": "10"}


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A real mail server."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with mail_sink() as server:
        yield server


@pytest.fixture
def carla(account: Account) -> Contact:
    """Carla of Acme."""
    return create_contact(customer_id=acme(account).pk, email="carla@acme.example", first_name="Carla")


def serve(account: Account, sink: Sink, **more: Any) -> None:
    """The account sends by this server."""
    create_mail_settings(
        account_id=account.pk, server=f"127.0.0.1:{sink.port}", from_address="hello@demo.example", **more
    )


def plain(account: Account, recipient: str = "dan@baltic.example", **more: Any) -> Message:
    """Some mail."""
    values = {"subject": "Hello", "text": "One <two>\n\nthree"}
    found = queue(account_id=account.pk, template="plain", values=values, recipient=recipient, **more)
    assert found is not None
    return found


def test_a_message_says_what_its_template_says_to_whom(account: Account, carla: Contact) -> None:
    domain = PortalDomain.objects.create(account=account, host="portal.nordic.example", brand="Nordic")
    carla.customer.domain = domain
    found = queue(
        account_id=account.pk,
        template="set_password",
        values={"link": "https://x.example/?a&b", "hours": "24"},
        contact=carla,
    )
    assert found is not None
    assert (found.recipient, found.subject) == ("carla@acme.example", "Set your password for Nordic")
    assert found.text.startswith("Hello Carla,")
    assert "https://x.example/?a&b" in found.text
    assert '<a href="https://x.example/?a&amp;b">' in found.html
    assert (found.contact, found.customer, found.domain_id, found.created_by) == (
        carla,
        carla.customer,
        domain.pk,
        "Ann",
    )
    assert plain(account).html == "<p>One &lt;two&gt;</p>\n<p>three</p>"


def test_every_message_knows_the_same_values(account: Account, carla: Contact) -> None:
    from tollgate.actions.messages import reader_of

    reader = reader_of(account, carla, "email")
    assert reader is not None
    given = reader.values()
    assert set(given) == set(VALUES)
    for name in ("account", "company"):
        assert set(given[name]) == set(VALUES[name])  # type: ignore[arg-type]


def test_the_readers_language_wins_and_english_stands_in(account: Account, carla: Contact) -> None:
    words = {"subject": "Kodas", "text": "{{code}} {{minutes}}", "html": "", "sms": ""}
    Template.objects.create(account=account, key="verify_email", language="lt", **words)
    Template.objects.create(account=account, key="verify_email", language="en", **{**words, "subject": "Own words"})
    subjects = []
    for language in ("lt", "fr", ""):
        carla.language = language
        found = queue(account_id=account.pk, template="verify_email", values=CODE, contact=carla)
        assert found is not None
        subjects.append(found.subject)
    assert subjects == ["Kodas", "Own words", "Own words"]


def test_a_wrong_value_is_a_mistake_of_the_program(account: Account, carla: Contact) -> None:
    for values in ({}, {"code": "1"}, {**CODE, "name": "x"}):
        with pytest.raises(ValueError, match="takes"):
            queue(account_id=account.pk, template="verify_email", values=values, contact=carla)


def test_without_an_address_nothing_is_queued(account: Account, carla: Contact) -> None:
    assert queue(account_id=account.pk, template="verify_mobile", values=CODE, contact=carla, kind="sms") is None
    number = queue(
        account_id=account.pk,
        template="verify_mobile",
        values=CODE,
        contact=carla,
        kind="sms",
        recipient="+37061234567",
    )
    assert number is not None
    assert "482913" in number.text


def test_a_mail_is_sent_once_and_its_dialogue_kept(account: Account, sink: Sink) -> None:
    serve(account, sink, from_name="Demo")
    message = plain(account)
    assert deliveries.deliver_next(AT) == message
    assert deliveries.deliver_next(AT) is None
    message.refresh_from_db()
    assert (message.state, message.sent_at, message.tries_count) == ("sent", AT, 1)
    assert "< 250 taken" in message.dialogue
    (letter,) = sink.letters
    assert (letter["Subject"], letter["Message-ID"]) == ("Hello", message.provider_id)
    assert refused("message_id", retry_message, message_id=message.pk).startswith("This message is sent")
    refused("message_id", cancel_message, message_id=message.pk)


def test_a_portal_domain_sends_by_its_own_server_or_else_by_the_accounts(account: Account, sink: Sink) -> None:
    serve(account, sink)
    domain = PortalDomain.objects.create(account=account, host="portal.nordic.example", brand="Nordic")
    other = PortalDomain.objects.create(account=account, host="portal.other.example", brand="Other")
    create_mail_settings(
        account_id=account.pk, server=f"127.0.0.1:{sink.port}", from_address="hi@nordic.example", domain_id=domain.pk
    )
    for chosen in (domain, other):
        plain(account, domain_id=chosen.pk)
        deliveries.deliver_next(AT)
    assert [sender for sender, _ in sink.envelopes] == ["hi@nordic.example", "hello@demo.example"]


def test_a_failed_try_is_repeated_after_growing_pauses_and_then_given_up(account: Account, sink: Sink) -> None:
    message = plain(account)
    at, pauses = AT, []
    while message.state == "queued":
        assert deliveries.deliver_next(at) == message
        assert deliveries.deliver_next(at) is None
        message.refresh_from_db()
        pauses.append((message.next_at - at) // timedelta(minutes=1))
        at = message.next_at
    assert pauses == [1, 5, 30, 120, 360, 0]
    assert (message.state, message.error) == ("failed", "No mail server is set: enter it at Account, Mail.")
    serve(account, sink)
    assert retry_message(message_id=message.pk).tries_count == 0
    assert Audit.objects.filter(table_name="message", row_id=message.pk, verb="RETRY", act="retry").exists()
    sink.refuse = {"RCPT": "451 later"}
    deliveries.deliver_next(AT)
    sink.refuse = {}
    deliveries.deliver_next(AT + timedelta(minutes=1))
    message.refresh_from_db()
    assert (message.state, message.tries_count, message.error) == ("sent", 2, "")


def test_a_final_refusal_is_not_repeated(account: Account, sink: Sink) -> None:
    serve(account, sink)
    sink.refuse = {"RCPT": "550 no such mailbox"}
    message = plain(account)
    deliveries.deliver_next(AT)
    message.refresh_from_db()
    assert (message.state, message.tries_count) == ("failed", 1)
    assert "550 no such mailbox" in message.error


def test_a_waiting_message_can_be_canceled_and_sent_after_all(account: Account, sink: Sink) -> None:
    serve(account, sink)
    message = plain(account)
    assert cancel_message(message_id=message.pk).state == "canceled"
    assert deliveries.deliver_next(AT) is None
    retry_message(message_id=message.pk)
    assert deliveries.deliver_next(AT) == message


def test_a_secret_is_sealed_until_it_is_sent_and_then_forgotten(account: Account, carla: Contact, sink: Sink) -> None:
    serve(account, sink)
    message = queue(account_id=account.pk, template="verify_email", values=CODE, contact=carla, secret=True)
    assert message is not None
    row = str(Message.objects.filter(pk=message.pk).values().get())
    assert "482913" not in row
    assert "482913" in body(message).text
    deliveries.deliver_next(AT)
    message.refresh_from_db()
    assert "482913" in str(sink.letters[0])
    assert (message.state, message.text, message.html) == ("sent", "", "")
    assert "482913" not in message.dialogue
    other = queue(account_id=account.pk, template="verify_email", values=CODE, contact=carla, secret=True)
    assert other is not None
    cancel_message(message_id=other.pk)
    assert "forgotten" in refused("message_id", retry_message, message_id=other.pk)


def test_a_message_of_a_dead_worker_is_sent_after_all_and_says_so(account: Account, sink: Sink) -> None:
    serve(account, sink)
    message = plain(account)
    later = AT + timedelta(minutes=deliveries.LEASE_MIN)
    taken = Message.objects.filter(pk=message.pk)
    taken.update(state="sending", next_at=later)
    assert deliveries.deliver_next(later - timedelta(seconds=1)) is None
    assert deliveries.deliver_next(later) == message
    message.refresh_from_db()
    assert (message.state, message.error) == ("sent", deliveries.BROKEN_OFF)
    taken.update(state="sending", next_at=later, tries_count=deliveries.MOST_TRIES)
    assert deliveries.deliver_next(later) == message
    message.refresh_from_db()
    assert (message.state, len(sink.letters)) == ("failed", 1), "what kills its worker is not tried for ever"


def test_whoever_comes_back_late_does_not_overwrite_what_became_of_a_message(account: Account, sink: Sink) -> None:
    message = plain(account)
    late = Message.objects.get(pk=message.pk)
    late.state, late.tries_count = "sending", 1
    Message.objects.filter(pk=message.pk).update(state="sent", tries_count=2)
    deliveries.deliver(late, AT)
    assert (late.state, late.error) == ("sent", "")


def test_the_log_is_kept_for_ninety_days(account: Account) -> None:
    made = {state: plain(account).pk for state in ("queued", "sent", "failed", "canceled")}
    for state, pk in made.items():
        Message.objects.filter(pk=pk).update(state=state, created_at=AT)
    assert deliveries.forget_old(AT + timedelta(days=90)) == 0
    assert deliveries.forget_old(AT + timedelta(days=90, seconds=1)) == 3
    assert Message.objects.get().pk == made["queued"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_message_once(sink: Sink) -> None:
    with acting(ANN):
        account = demo_account()
        serve(account, sink)
        for number in range(12):
            plain(account, f"reader{number}@baltic.example")
    together = Barrier(4)

    def work() -> None:
        together.wait()
        while deliveries.deliver_next(AT):
            pass
        connections.close_all()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(found for _, (found,) in sink.envelopes) == sorted(
        f"reader{number}@baltic.example" for number in range(12)
    )
    assert {message.tries_count for message in Message.objects.filter(state="sent")} == {1}


def test_an_sms_goes_to_the_provider_and_its_id_is_kept(account: Account) -> None:
    message = queue(account_id=account.pk, template="test_sms", values={}, recipient="+37061234567", kind="sms")
    assert message is not None
    deliveries.deliver_next(AT)
    message.refresh_from_db()
    assert (message.state, message.error) == ("queued", "No SMS provider is set: enter it at Account, SMS.")
    create_sms_settings(account_id=account.pk, provider="log", sms_from="DEMO")
    deliveries.deliver_next(AT + timedelta(minutes=1))
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("sent", f"log-{message.pk}")
    assert "status logged" in message.dialogue


def test_an_sms_with_a_code_leaves_no_answer_in_the_log(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with Answering() as provider:
        Thread(target=provider.serve_forever, args=(0.02,), daemon=True).start()
        provider.answer = (200, '{"id": "sms-1", "status": "ok", "text": "482913"}')
        url = f"http://127.0.0.1:{provider.server_port}/"
        SmsSettings.objects.create(account=account, provider="http", url=url, key_sealed=seal("key"))
        asked = {"account_id": account.pk, "template": "verify_mobile", "values": CODE, "recipient": "+37061234567"}
        message = queue(**asked, kind="sms", secret=True)  # type: ignore[arg-type]
        assert message is not None
        deliveries.deliver_next(AT)
        provider.shutdown()
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("sent", "sms-1")
    assert "status ok" in message.dialogue
    assert "482913" not in message.dialogue
