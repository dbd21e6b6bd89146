"""Webhooks: other programs that are told of events, signed, in order per object, again and again until they take it.

    emit(account_id=1, event="invoice.issued", ref="invoice:17", body=invoice_body(invoice))

writes the event in the transaction in which it happened, with one delivery for each webhook that wants it; the worker
sends them (webhook_deliveries.py). The events and their bodies are in core/webhooks.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from django.db.models import Q

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.core.webhooks import EVENTS, KEPT_FOR, TEST
from tollgate.store.models import Account, Webhook, WebhookDelivery, WebhookEvent
from tollgate.store.secrets import seal

SECRET_BYTES = 32
LEAST_SECRET, MOST_SECRET = 16, 200
MOST_URL = 500
FINISHED = ("delivered", "failed")


def emit(*, account_id: int, event: str, ref: str, body: Mapping[str, Any]) -> None:
    """Writes an event and its deliveries into this transaction. Raises ValueError for a body that is not documented."""
    if set(body) != set(EVENTS[event][1]):
        raise ValueError(f"{event} says {sorted(EVENTS[event][1])}, not {sorted(body)}")
    happened = WebhookEvent.objects.create(account_id=account_id, event=event, ref=ref, body=dict(body))
    wanting = Webhook.objects.filter(Q(events=[]) | Q(events__contains=[event]), account_id=account_id, enabled=True)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=webhook, event=happened, ref=ref) for webhook in wanting.order_by("id")
    )


class WebhookFields(TypedDict, total=False):
    """What may be set on a webhook. No events at all means every one."""

    events: list[str]
    enabled: bool


class WebhookChanges(WebhookFields, total=False):
    """What may be changed on a webhook."""

    title: str
    url: str


def _url(value: object) -> str:
    text: str = checks.text(MOST_URL, required=True)(value)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.fragment:
        raise checks.Unfit("Give an address such as https://example.com/tollgate, without a login in it.")
    return text


def _events(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one in EVENTS for one in value):
        raise checks.Unfit(f"Choose from {', '.join(name for name in EVENTS if name != TEST)}.")
    return sorted(set(value))


CHECKS: Mapping[str, checks.Check] = {
    "title": checks.text(100, required=True),
    "url": _url,
    "events": _events,
    "enabled": checks.yes_no,
}


@act
def create_webhook(*, account_id: int, title: str, url: str, **fields: Unpack[WebhookFields]) -> Webhook:
    """Makes a webhook with a new secret, which its page shows; a program sets one by `renew_webhook_secret`."""
    values = checks.cleaned(CHECKS, {**fields, "title": title, "url": url})
    account = records.find(Account, account_id)
    return records.create(Webhook, {**values, "account_id": account.pk, "secret_sealed": seal(_new_secret())})


@act
def update_webhook(*, webhook_id: int, version: int | None = None, **changes: Unpack[WebhookChanges]) -> Webhook:
    """Changes a webhook. What waits for it goes to the new address; while disabled it is told of nothing new."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(Webhook, webhook_id, version), values)


@act
def delete_webhook(*, webhook_id: int, version: int | None = None) -> None:
    """Removes a webhook with its deliveries. For a week `restore_webhook` brings it back without those."""
    webhook = records.locked(Webhook, webhook_id, version)
    remove(webhook, account_id=webhook.account_id)


@act
def restore_webhook(*, webhook_id: int) -> Webhook:
    """Brings a deleted webhook back with its secret. Its deliveries stay gone: it hears of what happens from now on."""
    return deleted(Webhook, webhook_id, "webhook_id").restore()


@act
def renew_webhook_secret(*, webhook_id: int, secret: str = "") -> Webhook:
    """Gives a webhook this secret or a new one: the next delivery is signed with it, also one that waits."""
    webhook = records.locked(Webhook, webhook_id)
    own = checks.cleaned({"secret": checks.text(MOST_SECRET)}, {"secret": secret})["secret"]
    if own and len(own) < LEAST_SECRET:
        raise refuse("secret", f"Use at least {LEAST_SECRET} characters.")
    return records.change(webhook, {"secret_sealed": seal(own or _new_secret())})


@act
def test_webhook(*, webhook_id: int) -> WebhookDelivery:
    """Sends a webhook the event `webhook.test`, whichever events it wants."""
    webhook = records.locked(Webhook, webhook_id)
    _check_enabled(webhook, "webhook_id")
    ref, body = f"webhook:{webhook.pk}", EVENTS[TEST][1]
    event = WebhookEvent.objects.create(account_id=webhook.account_id, event=TEST, ref=ref, body=dict(body))
    return records.create(WebhookDelivery, {"webhook_id": webhook.pk, "event_id": event.pk, "ref": ref})


@act
def replay_webhook_delivery(*, delivery_id: int) -> WebhookDelivery:
    """Sends an event of the last 30 days again, as a delivery of its own with the same event id."""
    old = records.find(WebhookDelivery, delivery_id)
    _check_enabled(old.webhook, "delivery_id")
    if old.state not in FINISHED:
        raise refuse("delivery_id", f"This delivery is {old.state}: it goes out by itself.")
    if old.event.at < records.now() - KEPT_FOR:
        raise refuse("delivery_id", f"Only events of the last {KEPT_FOR // timedelta(days=1)} days are replayed.")
    values = {"webhook_id": old.webhook_id, "event_id": old.event_id, "ref": old.ref}
    return records.create(WebhookDelivery, {**values, "replayed_by": acts.current.get().name})


@act
def replay_webhook_failures(*, webhook_id: int) -> int:
    """Sends every event of the last 30 days again that failed for good and has not been replayed; gives how many."""
    webhook = records.locked(Webhook, webhook_id)
    _check_enabled(webhook, "webhook_id")
    failed = webhook.deliveries.filter(state="failed", event__at__gte=records.now() - KEPT_FOR)
    later = webhook.deliveries.exclude(state="failed").values("event_id")
    events = failed.exclude(event_id__in=later).order_by("event_id").distinct("event_id").values_list("event_id", "ref")
    actor = acts.current.get().name
    made = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=webhook, event_id=event_id, ref=ref, replayed_by=actor) for event_id, ref in events
    )
    return len(made)


def _check_enabled(webhook: Webhook, field: str) -> None:
    """Refuses to send what would wait for ever."""
    if not webhook.enabled:
        raise refuse(field, f"{webhook.title} is disabled: enable it first.")


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(SECRET_BYTES)}"
