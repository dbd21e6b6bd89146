"""Mail and SMS to all contacts of many customers, one message each, so that no reader sees another.

The words may use what every message may (`core.templates_stock.VALUES`). A marketing mail goes only to contacts that
want it, and carries a link by which they say no without a login. Customer cards go along as they are when it is sent.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import islice

from django.core import signing

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import Invalid, NotFound, act, refuse
from tollgate.actions.audit import note_event
from tollgate.actions.messages import Reader, Words, read, reader_of, row_of
from tollgate.core.money import format_nanos
from tollgate.core.templates import problems
from tollgate.core.templates_stock import VALUES, as_html
from tollgate.store.models import Account, Card, Contact, Message
from tollgate.store.queries.cards import revision_at

MOST = 20_000
AT_A_TIME = 500
SIGNS_MOST = 200_000_000
"""Of all messages of one mailing together: 10 kB to each of so many contacts."""
WORDS_MOST = 50_000
CARDS_MOST = 5
COLUMNS = ("Prefix", "Destination", "Price", "Connect fee", "Initial s", "Increment s", "Blocked", "Tariff")


@dataclass(frozen=True, slots=True)
class Mailing:
    """How many messages are queued, how many contacts want no marketing, how many have no address of that kind."""

    queued_count: int
    unwanted_count: int
    without_address_count: int


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
    """Queues a mail to every contact of these customers. Without `html` it is made from the text."""
    words = _checked({"subject": subject, "text": text, "html": html, "marketing": marketing})
    account = records.find(Account, account_id)
    cards = _cards(account, card_ids, customer_ids)
    templates = Words(words["subject"], words["text"], words["html"] or as_html(escape(words["text"])))
    return _send(account, customer_ids, templates, kind="email", marketing=marketing, cards=cards)


@act
def send_bulk_sms(*, account_id: int, customer_ids: Sequence[int], text: str, marketing: bool = False) -> Mailing:
    """Queues an SMS to the mobile of every contact of these customers."""
    words = _checked({"text": text, "marketing": marketing})
    account = records.find(Account, account_id)
    templates = Words("", "", "", words["text"])
    return _send(account, customer_ids, templates, kind="sms", marketing=marketing, cards=())


@act
def choose_marketing(*, contact_id: int, marketing: bool) -> Contact:
    """Whether a contact wants marketing mail."""
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
                rate.prefix,
                rate.destination,
                format_nanos(rate.price_nanos),
                format_nanos(rate.connect_fee_nanos),
                rate.initial_s,
                rate.increment_s,
                "yes" if rate.blocked else "no",
                "by day and time" if rate.tariff else "",
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
        others = account.customers.filter(pk__in=customer_ids).exclude(parent_id=card.reseller_id)
        if card.reseller_id is not None and others.exists():
            raise refuse("card_ids", f"{card.name} is a reseller's card: only its own customers may see it.")
    return cards


def _send(
    account: Account,
    customer_ids: Sequence[int],
    templates: Words,
    *,
    kind: str,
    marketing: bool,
    cards: Sequence[Card],
) -> Mailing:
    if not isinstance(customer_ids, (list, tuple)) or not customer_ids:
        raise refuse("customer_ids", "Choose customers first.")
    found = Contact.objects.filter(
        customer__account=account, customer__deleted_at=None, customer_id__in=customer_ids
    ).select_related("customer__domain")
    contacts = list(found.order_by("customer_id", "pk")[: MOST + 1])
    if len(contacts) > MOST:
        raise refuse("customer_ids", f"These customers have more than {MOST} contacts: choose fewer.")
    wanted = [contact for contact in contacts if contact.marketing or not marketing]
    readers = [reader for contact in wanted if (reader := reader_of(account, contact, kind))]
    attached = [{"card_id": card.pk, "name": card.name} for card in cards]
    _bounded(len(readers) * _signs(templates))
    rows = _rows(readers, templates, kind=kind, marketing=marketing, attached=attached)
    signs = 0
    while part := list(islice(rows, AT_A_TIME)):
        signs += sum(len(row.subject) + len(row.text) + len(row.html) for row in part)
        _bounded(signs)
        Message.objects.bulk_create(part)
    _note(account, kind, templates, len(readers))
    return Mailing(len(readers), len(contacts) - len(wanted), len(wanted) - len(readers))


def _rows(
    readers: Sequence[Reader], templates: Words, *, kind: str, marketing: bool, attached: list[dict[str, object]]
) -> Iterator[Message]:
    """One message after the other: a mailing may be larger than the memory that a page may take."""
    fill = read(templates)
    for reader in readers:
        message = row_of(reader, fill(reader.values()), kind=kind, template="plain", marketing=marketing)
        message.attachments = attached
        yield message


def _signs(words: Words) -> int:
    return sum(map(len, (words.subject, words.text, words.html, words.sms)))


def _bounded(signs: int) -> None:
    """Refuses what would fill the database: checked before, and again by what the values made of the templates."""
    if signs > SIGNS_MOST:
        most = f"{SIGNS_MOST // 1_000_000} million"
        raise refuse("customer_ids", f"All these messages are longer than {most} signs: write less or choose fewer.")


def _note(account: Account, kind: str, templates: Words, count: int) -> None:
    """A mailing changes no record, so the audit log is told of it."""
    told = {"kind": kind, "subject": templates.subject, "messages": count}
    note_event(
        actor=acts.current.get(), verb="SEND", table_name="message", row_id=account.pk, account_id=account.pk, told=told
    )
