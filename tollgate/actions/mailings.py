"""Mail and SMS to all contacts of many customers, one message each, so that no reader sees another.

The words may use what every message may (`core.templates_stock.VALUES`). Marketing goes only to contacts that want it,
and carries a link by which they say no without a login. Customer cards go along as they are when a mail is sent.

A mailing is a task (tasks.py) with a row for each contact. The row queues one message, which the database lets it have
but once, and is over when that message is: sent, failed or canceled (`store/sql/mailings.sql`). Rows are done
`AT_A_TIME` in one transaction, and only so far ahead of the server (`AHEAD`) that little is to be taken back.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.core import signing
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from tollgate.actions import acts, checks, delay_values, records, tasks
from tollgate.actions.acts import Invalid, NotFound, act, refuse
from tollgate.actions.audit import note_event
from tollgate.actions.messages import (
    MAY_HAVE_ARRIVED,
    UNWANTED,
    Filler,
    Reader,
    Words,
    contact_address,
    read,
    reader_of,
    row_of,
)
from tollgate.actions.task_batches import IN_BATCHES, Batch
from tollgate.core.money import format_nanos
from tollgate.core.templates import MOST_LOGGED, problems
from tollgate.core.templates_stock import VALUES, as_html, escaped
from tollgate.core.templates_syntax import TemplateInvalid
from tollgate.store.models import Account, Card, Contact, Message, Task, TaskRow
from tollgate.store.queries.cards import revision_at
from tollgate.store.queries.finding import among
from tollgate.store.sql import load

KIND: Final = "send"
MOST = 1_000_000
"""Contacts of one mailing: each is a row of its job and a message of the log, some gigabytes of so many."""
SIGNS_MOST = 2_000_000_000
"""Of all messages of one mailing together: 20 kB to each of 100,000 contacts."""
AT_A_TIME = 200
AHEAD = 1_000
"""So many messages of mailings wait for a server that has not been asked yet; no more are written meanwhile."""
WORDS_MOST = 50_000
CARDS_MOST = 5
COLUMNS = (
    "Prefix", "Destination", "Price", "Connect fee", "Initial s", "Increment s", "Grace s", "Included s", "Blocked",
    "Own tariff",
)  # fmt: skip
TITLE_MOST: Final = 80
CANCELED: Final = "The message was canceled."
TASK_CANCELED: Final = "Canceled with its job."
GONE: Final = "Its message is gone, as when the contact was erased."
NOBODY: Final = "The contact is gone."
NO_ADDRESS: Final = "The contact has no address for it any more."
ADDRESS: Final = {"email": "email", "sms": "mobile"}
"""By kind: where a contact gets it (`contact_address`)."""
_SQL: Final = load("mailings")
log = logging.getLogger(__name__)
_said: Final = Counter[int]()
"""How often the words of each mailing had something for the log, in this process."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """How many messages the task is to send, how many contacts want no marketing, how many have no address of that
    kind. Without anybody to write to there is no task."""

    queued_count: int
    unwanted_count: int
    without_address_count: int
    task_id: int | None


@act
def send_bulk_email(
    *,
    account_id: int,
    customer_ids: Sequence[int],
    subject: str,
    text: str,
    html: str = "",
    marketing: bool = False,
    card_ids: Sequence[int] = (),
) -> Mailing:
    """Begins a task that mails every contact of these customers. Without `html` it is made from the text."""
    words = _checked({"subject": subject, "text": text, "html": html, "marketing": marketing})
    account = records.find(Account, account_id)
    cards = _cards(account, card_ids, customer_ids)
    templates = Words(words["subject"], words["text"], words["html"] or as_html(escaped(words["text"])))
    return _begin(account, customer_ids, templates, kind="email", marketing=marketing, cards=cards)


@act
def send_bulk_sms(*, account_id: int, customer_ids: Sequence[int], text: str, marketing: bool = False) -> Mailing:
    """Begins a task that sends an SMS to the mobile of every contact of these customers."""
    words = _checked({"text": text, "marketing": marketing})
    account = records.find(Account, account_id)
    templates = Words("", "", "", words["text"])
    return _begin(account, customer_ids, templates, kind="sms", marketing=marketing, cards=())


@act
def choose_marketing(*, contact_id: int, marketing: bool) -> Contact:
    """Whether a contact wants marketing, by mail and by SMS."""
    return records.change(records.locked(Contact, contact_id), {"marketing": checks.yes_no(marketing)})


def contact_of(token: str) -> Contact:
    """The contact whom an unsubscribe link names. Raises NotFound."""
    try:
        contact_id = signing.Signer(salt="unsubscribe").unsign(token)
    except signing.BadSignature:
        raise NotFound("This link is not complete.") from None
    return records.find(Contact, contact_id)


def card_file(card: Card, at: datetime) -> str:
    """The prices of a card in force, as CSV in the form that the import reads."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([name if "Price" not in name else f"{name} ({card.currency}/min)" for name in COLUMNS])
    revision = revision_at(card, at)
    for rate in revision.rates.order_by("prefix").iterator() if revision else ():
        rows.writerow(
            [
                rate.prefix or "*",
                rate.destination,
                format_nanos(rate.price_nanos),
                format_nanos(rate.connect_fee_nanos),
                rate.initial_s,
                rate.increment_s,
                rate.grace_s,
                rate.included_s,
                "yes" if rate.blocked else "no",
                json.dumps(rate.tariff) if rate.tariff else "",
            ]
        )
    return text.getvalue()


def _checked(given: Mapping[str, object]) -> dict[str, str]:
    known: dict[str, checks.Check] = {
        "subject": checks.text(500, required=True),
        "text": checks.text(WORDS_MOST, required=True),
        "html": checks.text(WORDS_MOST),
        "marketing": checks.yes_no,
    }
    words = checks.cleaned(known, given)
    words.pop("marketing")
    errors = {name: problems(text, VALUES) for name, text in words.items()}
    if any(errors.values()):
        raise Invalid({name: sentences for name, sentences in errors.items() if sentences})
    return words


def _cards(account: Account, card_ids: Sequence[int], customer_ids: Sequence[int]) -> Sequence[Card]:
    """The customer cards to send along: the account's own, or those of the reseller above every customer."""
    if not card_ids:
        return ()
    if len(card_ids) > CARDS_MOST:
        raise refuse("card_ids", f"Attach at most {CARDS_MOST} cards.")
    cards = list(Card.objects.filter(account=account, kind="customer", pk__in=card_ids))
    if len(cards) != len(set(card_ids)):
        raise refuse("card_ids", "Choose customer cards of the account.")
    for card in cards:
        others = account.customers.filter(among("pk", customer_ids)).exclude(parent_id=card.reseller_id)
        if card.reseller_id is not None and others.exists():
            raise refuse("card_ids", f"{card.name} is a reseller's card: only its own customers may see it.")
    return cards


def _begin(
    account: Account,
    customer_ids: Sequence[int],
    templates: Words,
    *,
    kind: str,
    marketing: bool,
    cards: Sequence[Card],
) -> Mailing:
    found = _contacts(account, customer_ids)
    wanted = found.filter(marketing=True) if marketing else found
    addressed = wanted.exclude(**{ADDRESS[kind]: ""})
    total, wanting, count = found.count(), wanted.count(), addressed.count()
    left_out = (total - wanting, wanting - count)
    first = addressed.select_related("customer__domain").first()
    reader = reader_of(account, first, kind) if first else None
    if reader is None:
        return Mailing(0, *left_out, task_id=None)
    if count > MOST:
        raise refuse("customer_ids", f"These customers have more than {MOST:,} contacts: choose fewer.")
    _check_length(templates, reader, count)
    task = tasks.begin(
        kind=KIND,
        noun="contact",
        act_name=f"send_bulk_{kind}",
        title=_title(kind, templates, count),
        rows=(
            tasks.NewRow(number, contact.pk, f"{contact}, {contact_address(contact, kind)}")
            for number, contact in enumerate(addressed.iterator(tasks.AT_A_TIME), start=1)
        ),
        account_id=account.pk,
        most=MOST,
        arguments={
            **asdict(templates),
            "kind": kind,
            "marketing": marketing,
            "attached": [{"card_id": card.pk, "name": card.name} for card in cards],
        },
    )
    _note(account, kind, templates, task.total_count)
    return Mailing(task.total_count, *left_out, task_id=task.pk)


def _contacts(account: Account, customer_ids: Sequence[int]) -> QuerySet[Contact]:
    """Those of the customers that are not deleted, in the order in which they are written to."""
    if not isinstance(customer_ids, (list, tuple)) or not customer_ids:
        raise refuse("customer_ids", "Choose customers first.")
    if len(customer_ids) > tasks.MOST_ROWS:
        raise refuse("customer_ids", f"Choose at most {tasks.MOST_ROWS:,} customers.")
    if not all(type(customer_id) is int for customer_id in customer_ids):
        raise refuse("customer_ids", "Give the ids of customers.")
    found = Contact.objects.filter(
        among("customer_id", customer_ids), customer__account=account, customer__deleted_at=None
    ).only("customer_id", "first_name", "last_name", "email", "mobile", "marketing")
    return found.order_by("customer_id", "pk")


def _title(kind: str, templates: Words, count: int) -> str:
    said = " ".join((templates.subject or templates.sms).split())
    cut = said if len(said) <= TITLE_MOST else f"{said[:TITLE_MOST]}…"
    return f"{'SMS' if kind == 'sms' else 'Mail'} to {count:,} contact{'' if count == 1 else 's'}: {cut}"


def _room() -> int:
    """How many rows may be done now."""
    fresh = Message.objects.filter(state="queued", tries_count=0, task_row__isnull=False)
    return max(min(AT_A_TIME, AHEAD - fresh.order_by()[:AHEAD].count()), 0)


def _hand_over(task: Task, row: TaskRow) -> None:
    """Queues the message of one row. Raises Invalid."""
    for wrong in _hand_over_all(task, [row]).values():
        raise refuse(wrong[0][0], wrong[0][1])


def _hand_over_all(task: Task, rows: Sequence[TaskRow]) -> dict[int, list[list[str]]]:
    """Queues the messages of rows, or the same messages again; one that waits or was sent stays as it is. Gives what is
    wrong with those that have none."""
    wanted = delay_values.read(task.arguments)
    # In one order, and as an erasure does, so that one of both is first.
    locked = Contact.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    chosen = locked.filter(pk__in=[row.record_id for row in rows]).select_related("customer__domain")
    contacts = {contact.pk: contact for contact in chosen}
    kept = Message.objects.select_for_update(no_key=True).filter(task_row__in=rows).order_by("pk")
    before = {message.task_row_id: message for message in kept}
    fill = read(Words(wanted["subject"], wanted["text"], wanted["html"], wanted["sms"]), _says(task))
    made: list[Message] = []
    errors: dict[int, list[list[str]]] = {}
    for row in rows:
        try:
            reader = _reader(task, contacts.get(row.record_id or 0), before.get(row.pk), wanted)
            if reader is not None and row.pk not in before:
                made.append(_message(task, row, reader, fill, wanted))
            elif reader is not None:
                again = {"state": "queued", "tries_count": 0, "next_at": Now(), "error": ""}
                records.change(before[row.pk], {**again, "recipient": reader.address})
        except _CannotSend as problem:
            errors[row.pk] = [["", str(problem)]]
    Message.objects.bulk_create(made)
    return errors


class _CannotSend(Exception):
    """Why one contact is not written to."""


def _says(task: Task) -> Callable[[str], object]:
    def say(words: str) -> None:
        _said[task.pk] += 1
        if _said[task.pk] <= MOST_LOGGED:
            log.info("mailing %s says: %s", task.pk, words)

    return say


def _reader(task: Task, contact: Contact | None, before: Message | None, wanted: Mapping[str, Any]) -> Reader | None:
    """Who is to get a message; None where there is one that waits or was sent. Raises _CannotSend."""
    if contact is None:
        raise _CannotSend(NOBODY)
    if before is not None and before.state not in ("failed", "canceled"):
        return None
    if contact.customer.deleted_at is not None:
        raise _CannotSend("The customer is deleted.")
    if wanted["marketing"] and not contact.marketing:
        raise _CannotSend(UNWANTED)
    if before is not None and before.state == "failed" and before.error == MAY_HAVE_ARRIVED:
        raise _CannotSend(MAY_HAVE_ARRIVED)
    reader = reader_of(task.account, contact, wanted["kind"])
    if reader is None:
        raise _CannotSend(NO_ADDRESS)
    return reader


def _message(task: Task, row: TaskRow, reader: Reader, fill: Filler, wanted: Mapping[str, Any]) -> Message:
    """The words of a task for one reader. Raises _CannotSend."""
    assert reader.contact is not None
    try:
        words = fill(reader.values(), reader.manner(reader.contact.language))
    except TemplateInvalid as problem:
        raise _CannotSend(str(problem)) from None
    if _signs(words) > SIGNS_MOST // task.total_count:
        raise _CannotSend("With the values of this contact the message is too long.")
    message = row_of(reader, words, kind=wanted["kind"], template="plain", marketing=wanted["marketing"])
    message.attachments, message.task_row = wanted["attached"], row
    return message


def _signs(words: Words) -> int:
    return sum(map(len, (words.subject, words.text, words.html, words.sms)))


def _check_length(templates: Words, first: Reader, count: int) -> None:
    """Refuses what would fill the database; each message has its share, which is looked at again when it is queued."""
    longest = max(_signs(templates), _signs(_filled(templates, first)))
    if longest > SIGNS_MOST // count:
        most = f"{SIGNS_MOST // 1_000_000} million"
        raise refuse("customer_ids", f"All these messages are longer than {most} signs: write less or choose fewer.")


def _filled(templates: Words, first: Reader) -> Words:
    """What the first reader gets, so that what nobody can get is refused at once."""
    try:
        return read(templates)(first.values(), first.manner(first.contact.language if first.contact else ""))
    except TemplateInvalid as problem:
        raise refuse("text", str(problem)) from None


def _note(account: Account, kind: str, templates: Words, count: int) -> None:
    """A mailing changes no record, so the audit log is told of it."""
    told = {"kind": kind, "subject": templates.subject, "messages": count}
    note_event(
        actor=acts.current.get(), verb="SEND", table_name="message", row_id=account.pk, account_id=account.pk, told=told
    )


def _settle(task: Task) -> Counter[str]:
    states = Counter[str]()
    with connection.cursor() as cursor:
        cursor.execute(_SQL["settle"], {"task_id": task.pk, "canceled": CANCELED})
        states.update(dict(cursor.fetchall()))
        cursor.execute(_SQL["settle_gone"], {"task_id": task.pk, "gone": GONE})
        states.update(dict(cursor.fetchall()))
    return states


def _take_back(task: Task) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SQL["take_back"], {"task_id": task.pk, "canceled": TASK_CANCELED})


tasks.DOING[KIND] = _hand_over
IN_BATCHES[KIND] = Batch(_room, _hand_over_all)
tasks.FOLLOWED[KIND] = tasks.Following(_settle, _take_back)
