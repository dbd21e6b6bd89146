"""Sending events to webhooks: one worker takes one delivery, posts it without a transaction, writes what became of it.

Deliveries of one object to one webhook go out one after another. One that is not taken (an answer of 2xx takes it) is
tried again for three days (core.webhooks). A worker that died leaves its delivery as `sending`: once its lease has run
out it is due again, and the receiver knows the event by its id.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from tollgate.core.webhooks import KEPT_FOR, Letter, letter, next_try
from tollgate.gateways import webhooks as gateway
from tollgate.store.models import WebhookDelivery, WebhookEvent
from tollgate.store.secrets import CannotUnseal, unseal

LEASE = timedelta(seconds=6 * gateway.TIMEOUT_S)
"""Longer than a dialogue with several addresses of a host."""
RESTS = timedelta(minutes=1)
"""For what else waits for a receiver that did not answer at all, so that it holds up nobody else."""
OPEN = ("queued", "sending")
AT_A_TIME = 1000
log = logging.getLogger(__name__)


def deliver_next(at: datetime) -> WebhookDelivery | None:
    """Sends the delivery that is due longest; None when none is due."""
    earlier = WebhookDelivery.objects.filter(
        webhook_id=OuterRef("webhook_id"), ref=OuterRef("ref"), pk__lt=OuterRef("pk"), state__in=OPEN
    )
    with transaction.atomic():
        due = WebhookDelivery.objects.filter(~Exists(earlier), state__in=OPEN, next_at__lte=at, webhook__enabled=True)
        locked = due.select_for_update(skip_locked=True, of=("self",), no_key=True)
        found = locked.select_related("webhook", "event").order_by("next_at", "id").first()
        if found is None:
            return None
        values = {"state": "sending", "tries_count": F("tries_count") + 1, "next_at": at + LEASE}
        WebhookDelivery.objects.filter(pk=found.pk).update(**values)
        found.tries_count += 1
    _deliver(found, at)
    return found


def forget_old(at: datetime) -> int:
    """Removes the events that can no longer be replayed, with their deliveries; gives how many events."""
    old = WebhookEvent.objects.filter(at__lt=at - KEPT_FOR)
    count = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:AT_A_TIME]):
        WebhookEvent.objects.filter(pk__in=ids).delete()
        count += len(ids)
    return count


def letter_of(delivery: WebhookDelivery, at: datetime) -> Letter:
    """The delivery as it goes out now. Raises CannotUnseal."""
    event = delivery.event
    return letter(
        event_id=event.pk,
        delivery_id=delivery.pk,
        event=event.event,
        ref=event.ref,
        happened_at=event.at,
        data=event.body,
        secret=unseal(delivery.webhook.secret_sealed),
        at=at,
    )


def _deliver(delivery: WebhookDelivery, at: datetime) -> None:
    try:
        sent = letter_of(delivery, at)
    except CannotUnseal as problem:
        _write(delivery, {"state": "failed", "error": str(problem)})
        return
    request = f"POST {delivery.webhook.url}\n{_lines(sent)}\n\n{sent.body.decode()}"
    try:
        answer = gateway.post(delivery.webhook.url, sent.body, sent.headers)
    except gateway.NotReached as problem:
        _failed(delivery, at, {"request": request, "status_code": None, "answer": "", "error": str(problem)})
        waiting = WebhookDelivery.objects.filter(webhook_id=delivery.webhook_id, state="queued", next_at__lte=at)
        waiting.update(next_at=at + RESTS)
        return
    told: dict[str, Any] = {"request": request, "status_code": answer.status, "answer": answer.text}
    if 200 <= answer.status < 300:
        _write(delivery, {**told, "state": "delivered", "delivered_at": at, "error": ""})
    else:
        _failed(delivery, at, {**told, "error": f"The receiver answers {answer.status}."})


def _failed(delivery: WebhookDelivery, at: datetime, told: dict[str, Any]) -> None:
    again = next_try(delivery.tries_count, since=delivery.created_at, at=at)
    if again is None:
        log.warning("webhook %s gave up event %s: %s", delivery.webhook_id, delivery.event_id, told["error"])
        _write(delivery, {**told, "state": "failed"})
    else:
        _write(delivery, {**told, "state": "queued", "next_at": again})


def _write(delivery: WebhookDelivery, values: dict[str, Any]) -> None:
    """Only while the delivery is still ours: a lease that has run out gave it to somebody else."""
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, state="sending", tries_count=delivery.tries_count)
    mine.update(**values)
    delivery.refresh_from_db()


def _lines(sent: Letter) -> str:
    return "\n".join(f"{name}: {value}" for name, value in sent.headers.items())
