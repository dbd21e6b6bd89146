"""Sending what is queued: one worker takes one message, speaks to the server without a transaction, writes what became.

A message that could not be sent is tried again after the pauses of `PAUSES_MIN`, unless the refusal is final. A worker
that died leaves its message as `sending`: once its lease has run out it is due again and says so. Of a mailing it has
failed then: the server may have taken it already, and nobody shall get news twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import make_msgid

from django.db import transaction
from django.db.models import F

from tollgate.actions import records
from tollgate.actions.invoice_documents import file_of
from tollgate.actions.mailings import card_file
from tollgate.actions.messages import FORGOTTEN, MAY_HAVE_ARRIVED, UNWANTED, body, unsubscribe_link, unwanted
from tollgate.actions.reports import file_of as report_file
from tollgate.gateways import mail, sms
from tollgate.store.models import (
    Account,
    Card,
    Invoice,
    MailSettings,
    Message,
    PortalDomain,
    SavedReport,
    SmsSettings,
)
from tollgate.store.queries.held import held_customers
from tollgate.store.secrets import CannotUnseal, unseal

PAUSES_MIN = (1, 5, 30, 120, 360)
LEASE_MIN = 15
"""How long a worker may take: longer than all timeouts of a dialogue together."""
MOST_TRIES = len(PAUSES_MIN) + 1
DUE = ("queued", "sending")
BROKEN_OFF = "An earlier try was broken off in the middle: this may arrive twice."
KEPT_DAYS = 90
AT_A_TIME = 1000
log = logging.getLogger(__name__)


class NotReady(Exception):
    """The account cannot send this kind of message yet; the sentence says what to enter."""


def deliver_next(at: datetime) -> Message | None:
    """Sends the message that is due longest, or cancels it when its reader wants it no more; None when none is due."""
    with transaction.atomic():
        message = _next_due(at)
        if message is None:
            return None
        if unwanted(message):
            records.change(message, {"state": "canceled", "error": UNWANTED})
            return message
        broken_off = message.state == "sending"
        _claim(message, at)
    if broken_off and message.task_row_id is not None:
        _failed(message, MAY_HAVE_ARRIVED, at, dialogue="", final=True)
    elif broken_off and message.tries_count > MOST_TRIES:
        _failed(message, BROKEN_OFF, at, dialogue="", final=True)
    else:
        deliver(message, at, note=BROKEN_OFF if broken_off else "")
    return message


def deliver(message: Message, at: datetime, note: str = "") -> None:
    """Sends one message that this worker has claimed, and writes what became of it; `note` stays with one sent."""
    try:
        dialogue, provider_id = (_send_sms if message.kind == "sms" else _send_mail)(message, at)
    except (mail.NotSent, sms.NotSent) as problem:
        _failed(message, str(problem), at, dialogue=problem.dialogue, final=problem.permanent)
    except (NotReady, CannotUnseal) as problem:
        _failed(message, str(problem), at, dialogue="", final=isinstance(problem, CannotUnseal))
    else:
        sent = {"state": "sent", "sent_at": at, "error": note, "dialogue": dialogue, "provider_id": provider_id}
        _write(message, {**sent, **(FORGOTTEN if message.secret else {})})


def forget_old(at: datetime) -> int:
    """Removes the messages that wait for nothing and are older than their account's days, else 90; gives how many.

    Those of a customer under a legal hold stay.
    """
    held = held_customers()
    count = 0
    for account_id, days in Account.objects.values_list("pk", "message_retention_days"):
        old = Message.objects.filter(account_id=account_id, created_at__lt=at - timedelta(days=days or KEPT_DAYS))
        old = old.exclude(state__in=DUE).exclude(customer_id__isnull=False, customer_id__in=held)
        old = old.exclude(task_row__state="sending")  # their job has not seen yet what became of them
        while ids := list(old.values_list("pk", flat=True)[:AT_A_TIME]):
            count += Message.objects.filter(pk__in=ids).delete()[0]
    return count


def mail_server(account_id: int, domain_id: int | None) -> MailSettings | None:
    """The mail settings in force: those of the portal domain, else the account's own."""
    found = MailSettings.objects.filter(account_id=account_id)
    own = found.filter(domain_id=domain_id).first() if domain_id else None
    return own or found.filter(domain=None).first()


def server_of(settings: MailSettings) -> mail.Server:
    """The settings as the gateway takes them. Raises CannotUnseal."""
    return mail.Server(
        host=settings.host,
        port=settings.port,
        mode=settings.mode,
        username=settings.username,
        password=unseal(settings.password_sealed),
    )


def _next_due(at: datetime) -> Message | None:
    """The message that is due longest, locked. Mailings wait for all others: for a link or a code somebody waits."""
    due = Message.objects.filter(state__in=DUE, next_at__lte=at).order_by("next_at", "id")
    free = due.select_for_update(skip_locked=True)
    return free.filter(task_row=None).first() or free.first()


def _claim(message: Message, at: datetime) -> None:
    lease = at + timedelta(minutes=LEASE_MIN)
    Message.objects.filter(pk=message.pk).update(state="sending", tries_count=F("tries_count") + 1, next_at=lease)
    message.refresh_from_db()


def _send_mail(message: Message, at: datetime) -> tuple[str, str]:
    settings = mail_server(message.account_id, message.domain_id)
    if settings is None:
        raise NotReady("No mail server is set: enter it at Account, Mail.")
    words = body(message)
    domain = PortalDomain.objects.filter(pk=message.domain_id).first() if message.domain_id else None
    message_id = make_msgid(str(message.pk), settings.from_address.rpartition("@")[2])
    unsubscribe = unsubscribe_link(message.contact, domain) if message.marketing and message.contact else ""
    letter = mail.Letter(
        sender=settings.from_address,
        sender_name=settings.from_name,
        recipient=message.recipient,
        subject=words.subject,
        text=words.text,
        html=words.html,
        attachments=tuple(_attachments(message, at)),
        unsubscribe_url=unsubscribe,
        message_id=message_id,
        sent_at=at,
    )
    return mail.send(server_of(settings), letter), message_id


def _attachments(message: Message, at: datetime) -> Iterator[mail.Attachment]:
    """The cards that go along as they are now, one deleted meanwhile left out; documents as they were issued."""
    wanted = [found["card_id"] for found in message.attachments if "card_id" in found]
    for card in Card.objects.filter(account_id=message.account_id, kind="customer", pk__in=wanted):
        yield mail.Attachment(name=f"{card.name}.csv", content_type="text/csv", content=card_file(card, at).encode())
    for found in message.attachments:
        report = SavedReport.objects.filter(account_id=message.account_id, pk=found.get("report_id")).first()
        if report is not None:
            name, content_type, content = report_file(report, datetime.fromisoformat(found["asked_at"]))
            yield mail.Attachment(name=name, content_type=content_type, content=content)
    documents = [found["invoice_id"] for found in message.attachments if "invoice_id" in found]
    for invoice in Invoice.objects.filter(account_id=message.account_id, pk__in=documents):
        name, content = file_of(invoice)
        yield mail.Attachment(name=name, content_type="application/pdf", content=content)


def _send_sms(message: Message, at: datetime) -> tuple[str, str]:
    del at
    settings = SmsSettings.objects.filter(account_id=message.account_id).first()
    if settings is None:
        raise NotReady("No SMS provider is set: enter it at Account, SMS.")
    provider = sms.provider_of(settings.provider, url=settings.url, key=unseal(settings.key_sealed))
    one = sms.Sms(
        sender=settings.sms_from,
        recipient=message.recipient,
        text=body(message).text,
        reference=str(message.pk),
        secret=message.secret,
    )
    sent = provider.send(one)
    return f"{sent.dialogue}\n-- id {sent.provider_id}, status {sent.status}", sent.provider_id


def _failed(message: Message, error: str, at: datetime, *, dialogue: str, final: bool) -> None:
    again = not final and message.tries_count < MOST_TRIES
    next_at = at + timedelta(minutes=PAUSES_MIN[message.tries_count - 1]) if again else at
    state = "queued" if again else "failed"
    log.info("message %s not sent (%s): %s", message.pk, state, error)
    _write(message, {"state": state, "next_at": next_at, "error": error, "dialogue": dialogue})


def _write(message: Message, values: Mapping[str, object]) -> None:
    """Only while the message is still ours: a lease that has run out gave it to somebody else."""
    Message.objects.filter(pk=message.pk, state="sending", tries_count=message.tries_count).update(**values)
    message.refresh_from_db()
