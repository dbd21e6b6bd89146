"""Claims about webhooks on a real database and a real receiver: once per worker, in order, again when it was down."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread

import pytest
from django.db import connections, transaction

from tests.actions.cast import ANN, acme, demo_account
from tests.actions.test_customers import refused
from tollgate.actions import records, webhook_deliveries, webhooks
from tollgate.actions.acts import acting
from tollgate.actions.webhook_bodies import customer_body
from tollgate.actions.webhooks import emit
from tollgate.store.models import Account, Audit, Customer, Webhook, WebhookDelivery, WebhookEvent
from tollgate.store.secrets import unseal


class Receiver(ThreadingHTTPServer):
    """A program that takes events, or does not."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/events?from=tollgate"

    def refs(self) -> list[str]:
        """The objects it heard of, in order."""
        return [f"{told['ref']} {told['data']['reason']}" for told in (json.loads(body) for _, body in self.taken)]


class Taking(BaseHTTPRequestHandler):
    """Keeps what was sent and answers what the receiver is told to answer."""

    def do_POST(self) -> None:
        server: Receiver = self.server  # type: ignore[assignment]
        server.taken.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Started, on an address inside that is allowed."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def told(customer: Customer, reason: str) -> None:
    """Something happened to a customer."""
    body = {**customer_body(customer), "status": "penalty", "reason": reason, "until": None}
    emit(account_id=customer.account_id, event="customer.status", ref=f"customer:{customer.pk}", body=body)


def send_all(seconds: int = 0) -> int:
    """What a worker does so many seconds from now; gives how many it sent."""
    at, count = records.now() + timedelta(seconds=seconds), 0
    while webhook_deliveries.deliver_next(at):
        count += 1
    return count


def test_an_event_lives_and_dies_with_its_transaction_and_goes_to_those_who_want_it(
    account: Account, receiver: Receiver
) -> None:
    customer = acme(account, accounting_id="A-7")
    wanting = webhooks.create_webhook(account_id=account.pk, title="All", url=receiver.url)
    webhooks.create_webhook(account_id=account.pk, title="Paid", url=receiver.url, events=["invoice.paid"])
    webhooks.create_webhook(account_id=account.pk, title="Off", url=receiver.url, enabled=False)
    with transaction.atomic():
        told(customer, "never")
        transaction.set_rollback(True)
    assert not WebhookEvent.objects.exists()
    told(customer, "first")
    with pytest.raises(ValueError, match=r"customer\.status says"):
        emit(account_id=account.pk, event="customer.status", ref="customer:1", body={"status": "active"})
    assert send_all(1) == 1
    assert send_all(1) == 0
    headers, body = receiver.taken[0]
    stamp, mine = (part.partition("=")[2] for part in headers["Tollgate-Signature"].split(","))
    assert json.loads(body)["data"]["accounting_id"] == "A-7"
    key = unseal(wanting.secret_sealed).encode()
    assert hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == mine
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status_code, delivery.webhook_id) == ("delivered", 204, wanting.pk)
    assert body.decode() in delivery.request
    assert "(hidden)" in str(Audit.objects.get(table_name="webhook", row_id=wanting.pk, verb="INSERT").after)


def test_a_receiver_that_was_down_gets_all_in_order_and_what_it_never_took_can_be_replayed(
    account: Account, receiver: Receiver
) -> None:
    customer = acme(account)
    hook = webhooks.create_webhook(account_id=account.pk, title="All", url=receiver.url)
    receiver.status = 503
    for reason in ("one", "two", "three"):
        told(customer, reason)
    assert send_all(1) == 1
    assert receiver.refs()[-1].endswith("one")
    day = 24 * 3600
    assert send_all(day) == 1
    assert send_all(day) == 0
    receiver.status, receiver.taken[:] = 200, []
    assert send_all(2 * day) == 3
    assert [ref.rpartition(" ")[2] for ref in receiver.refs()] == ["one", "two", "three"]
    receiver.status = 500
    told(customer, "four")
    send_all(1)
    send_all(3 * day + 60)
    lost = WebhookDelivery.objects.latest("id")
    assert (lost.state, lost.error) == ("failed", "The receiver answers 500.")
    receiver.status, receiver.taken[:] = 200, []
    assert webhooks.replay_webhook_failures(webhook_id=hook.pk) == 1
    assert webhooks.replay_webhook_failures(webhook_id=hook.pk) == 0
    again = WebhookDelivery.objects.latest("id")
    assert "goes out by itself" in refused("delivery_id", webhooks.replay_webhook_delivery, delivery_id=again.pk)
    assert send_all(1) == 1
    assert receiver.taken[0][0]["Tollgate-Event-Id"] == str(lost.event_id)
    WebhookEvent.objects.filter(pk=lost.event_id).update(at=records.now() - timedelta(days=31))
    assert "30 days" in refused("delivery_id", webhooks.replay_webhook_delivery, delivery_id=lost.pk)
    assert webhook_deliveries.forget_old(records.now()) == 1
    assert WebhookEvent.objects.count() == 3


def test_a_webhook_that_is_disabled_promises_no_delivery(account: Account, receiver: Receiver) -> None:
    hook = webhooks.create_webhook(account_id=account.pk, title="All", url=receiver.url)
    old = webhooks.test_webhook(webhook_id=hook.pk)
    WebhookDelivery.objects.update(state="failed")
    webhooks.update_webhook(webhook_id=hook.pk, enabled=False)
    assert "All is disabled" in refused("webhook_id", webhooks.test_webhook, webhook_id=hook.pk)
    refused("webhook_id", webhooks.replay_webhook_failures, webhook_id=hook.pk)
    refused("delivery_id", webhooks.replay_webhook_delivery, delivery_id=old.pk)
    webhooks.update_webhook(webhook_id=hook.pk, enabled=True)
    webhooks.replay_webhook_delivery(delivery_id=old.pk)
    assert send_all(1) == 1


def test_an_address_inside_is_never_called_and_holds_up_no_other(
    account: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "")
    webhooks.create_webhook(account_id=account.pk, title="All", url=receiver.url)
    told(acme(account), "secret")
    assert send_all(1) == 1
    assert not receiver.taken
    delivery = WebhookDelivery.objects.get()
    assert "an address inside" in delivery.error
    assert delivery.state == "queued"
    for url in ("ftp://example.com", "https://ann:secret@example.com/", "example.com"):
        assert refused("url", webhooks.create_webhook, account_id=account.pk, title="x", url=url)


@pytest.mark.django_db(transaction=True)
def test_two_workers_deliver_each_event_once(receiver: Receiver) -> None:
    with acting(ANN):
        account = demo_account()
        customers = [acme(account)]
        webhooks.create_webhook(account_id=account.pk, title="All", url=receiver.url)
        for number in range(6):
            told(customers[0], str(number))
    start = Barrier(2)

    def work() -> None:
        start.wait()
        for _ in range(40):
            webhook_deliveries.deliver_next(records.now() + timedelta(seconds=1))
        connections.close_all()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ref.rpartition(" ")[2] for ref in receiver.refs()] == [str(number) for number in range(6)]
    assert not WebhookDelivery.objects.exclude(state="delivered").exists()
    assert Webhook.objects.count() == 1
