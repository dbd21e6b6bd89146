"""Messages to people: queued in the transaction that causes them, sent by the worker (deliveries.py), kept as the log.

    queue(account_id=1, template="verify_email", values={"code": "482913", "minutes": "10"}, contact=carla, secret=True)

The words are those of the reader's portal domain or of the account, in the reader's language or in English, else those
in stock (core/templates_stock.py, which also says which values each message takes and where a new kind is added).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.core import signing
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.html import escape

from tollgate import environment
from tollgate.actions import acts, records, task_rows
from tollgate.actions.acts import act, refuse
from tollgate.actions.audit import note_event
from tollgate.core.number_formats import reader_sign
from tollgate.core.templates import Logger, Value, render
from tollgate.core.templates_helpers import Manner
from tollgate.core.templates_stock import LANGUAGE, PLAIN, STOCK, as_html
from tollgate.core.templates_syntax import TemplateInvalid, parse
from tollgate.store.models import Account, Contact, Customer, Message, PortalDomain, Task, Template
from tollgate.store.secrets import seal, unseal

SUBJECT_MOST = 500
FORGOTTEN: Mapping[str, str] = {"text": "", "html": ""}
"""What becomes of a secret body that is needed no more."""
UNWANTED = "The reader wants no marketing any more."
MAY_HAVE_ARRIVED = "The worker ended while it was sent: it may have arrived, so only a person sends it again."
"""Of a mailing, which nobody shall get twice."""
UNSUBSCRIBE = "\n\n--\nYou get this as a contact of {company}. No more mail of this kind: {link}"
UNSUBSCRIBE_SMS = "\nNo more: {link}"
"""Short, for an SMS is paid by its length."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says: subject, text and HTML of a mail, or the text of an SMS."""

    subject: str
    text: str
    html: str = ""
    sms: str = ""


def queue(
    *,
    account_id: int,
    template: str,
    values: Mapping[str, Value],
    contact: Contact | None = None,
    recipient: str | None = None,
    kind: str = "email",
    customer_id: int | None = None,
    domain_id: int | None = None,
    language: str = "",
    secret: bool = False,
    marketing: bool = False,
    created_by: str = "",
) -> Message | None:
    """Puts a message into the queue of this transaction; None when there is no address or it is not wanted.

    `values` are exactly the variables of the template, those of `plain` are `subject` and `text` (and `html` if there
    is one); a number among them is a `Figure`, written as the reader does. `recipient` is the email or number where it
    is not the contact's own. `secret` keeps the body out of the log and sealed in the database (read it by `body`), and
    forgets it once it was sent.
    """
    address = recipient or (contact_address(contact, kind) if contact else "")
    if not address or (marketing and contact is not None and not contact.marketing):
        return None
    reader = _reader(account_id, address, contact=contact, customer_id=customer_id, domain_id=domain_id)
    words = _words(template, reader, values, language or (contact.language if contact else ""))
    return put(
        reader,
        words,
        kind=kind,
        template=template,
        secret=secret,
        marketing=marketing,
        created_by=created_by,
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a message, and in whose name it comes."""

    account: Account
    address: str
    contact: Contact | None
    customer: Customer | None
    domain: PortalDomain | None

    def manner(self, language: str) -> Manner:
        """How this reader writes numbers, days and moments in a language."""
        customer = self.customer
        own = self.contact.zone if self.contact else ""
        return Manner(
            sign=reader_sign(language, customer.country if customer else ""),
            language=language,
            zone=own or (customer.zone if customer else "") or self.account.zone,
        )

    def values(self) -> dict[str, Value]:
        """What every message may say about them: the keys of `VALUES`."""
        account, customer = self.account, self.customer
        return {
            "name": str(self.contact) if self.contact else self.address,
            "email": self.address,
            "brand": self.domain.brand if self.domain else account.name,
            "account_name": account.name,
            "account": {
                "id": str(account.pk),
                "name": account.name,
                "email": account.email,
                "phone": account.phone,
                "address": _lines(account.address_line1, account.address_line2),
                "city": account.city,
                "county": account.state,
                "postcode": account.postcode,
                "config": {"payment_details": account.payment_details},
            },
            "company": {
                "name": customer.name if customer else "",
                "number": customer.number if customer else "",
                "currency": customer.currency if customer else "",
                "address": _lines(customer.address_line1, customer.address_line2) if customer else "",
                "postcode": customer.postcode if customer else "",
            },
        }


def put(
    reader: Reader,
    words: Words,
    *,
    kind: str,
    template: str,
    secret: bool = False,
    marketing: bool = False,
    created_by: str = "",
) -> Message:
    """The message of a reader whose words are known; it is sent once this transaction is committed."""
    message = row_of(
        reader, words, kind=kind, template=template, secret=secret, marketing=marketing, created_by=created_by
    )
    message.save()
    message.refresh_from_db()
    return message


def row_of(
    reader: Reader,
    words: Words,
    *,
    kind: str,
    template: str,
    secret: bool = False,
    marketing: bool = False,
    created_by: str = "",
) -> Message:
    """The row of a message, not saved yet."""
    text, html = (words.sms, "") if kind == "sms" else (words.text, words.html)
    if marketing and reader.contact is not None:
        text, html = _with_unsubscribe(kind, text, html, reader)
    actor = acts.current.get(None)
    return Message(
        account=reader.account,
        kind=kind,
        template=template,
        customer=reader.customer,
        contact=reader.contact,
        domain_id=reader.domain.pk if reader.domain else None,
        recipient=reader.address,
        subject=" ".join(words.subject.split())[:SUBJECT_MOST],
        text=seal(text) if secret else text,
        html=seal(html) if secret else html,
        secret=secret,
        marketing=marketing,
        created_by=created_by or (actor.name if actor else ""),
    )


def reader_of(account: Account, contact: Contact, kind: str) -> Reader | None:
    """A contact as the reader of one message; None without an address of that kind."""
    address = contact_address(contact, kind)
    customer = contact.customer
    return Reader(account, address, contact, customer, customer.domain) if address else None


def body(message: Message) -> Words:
    """What a message says, also a secret one (until it was sent). Raises CannotUnseal for one sealed elsewhere."""
    if not message.secret:
        return Words(message.subject, message.text, message.html)
    return Words(message.subject, unseal(message.text), unseal(message.html))


def wording(account_id: int, key: str, language: str, domain_id: int | None = None) -> Words:
    """The templates of a message: those of the portal domain in that language, else the account's own in it, the same
    in English, else those in stock."""
    rows = Template.objects.filter(Q(domain=None) | Q(domain_id=domain_id), account_id=account_id, key=key)
    own = {(row.language, row.domain_id): row for row in rows}
    order = [(tongue, owner) for tongue in (language, LANGUAGE) for owner in (domain_id, None)]
    chosen = next((own[place] for place in order if place in own), STOCK[key])
    return Words(chosen.subject, chosen.text, chosen.html, chosen.sms)


Filler = Callable[[Mapping[str, Value], Manner], Words]


def read(words: Words, logged: Logger | None = None) -> Filler:
    """Templates read once, to be filled for many readers; `logged` is told what they log. Raises TemplateInvalid, as
    what it gives does."""
    subject, text, html, sms = (parse(part) for part in (words.subject, words.text, words.html, words.sms))

    def fill(values: Mapping[str, Value], manner: Manner) -> Words:
        return Words(
            render(subject, values, manner=manner, logged=logged),
            render(text, values, manner=manner, logged=logged),
            render(html, values, markup=True, manner=manner, logged=logged),
            render(sms, values, manner=manner, logged=logged),
        )

    return fill


def filled(
    words: Words, values: Mapping[str, Value], manner: Manner | None = None, logged: Logger | None = None
) -> Words:
    """Templates with their values. Raises TemplateInvalid."""
    return read(words, logged)(values, manner or Manner())


def unwanted(message: Message) -> bool:
    """Whether this is marketing to somebody who has said no to it since it was queued."""
    return message.marketing and message.contact is not None and not message.contact.marketing


def unsubscribe_link(contact: Contact, domain: PortalDomain | None) -> str:
    """Where the reader of a marketing mail or SMS says no to the next one, without a login."""
    token = signing.Signer(salt="unsubscribe").sign(str(contact.pk))
    return f"{address_of(domain)}/unsubscribe/{token}/"


def address_of(domain: PortalDomain | None) -> str:
    """Where others reach us: the portal domain, or `TOLLGATE_PUBLIC_URL`."""
    if domain is not None:
        return f"https://{domain.host}"
    origin = environment.text("TOLLGATE_ORIGINS", "").split(",")[0]
    here = f"http://localhost:{environment.number('TOLLGATE_WEB_PORT', 8000)}"
    return environment.text("TOLLGATE_PUBLIC_URL", origin or here).rstrip("/")


@act
def retry_message(*, message_id: int) -> Message:
    """Puts a message that failed or was canceled into the queue again, as if it were new."""
    # Its job first, as whoever works it does.
    Task.objects.select_for_update(no_key=True, of=("self",)).filter(rows__messages=message_id).first()
    message = records.locked(Message, message_id)
    if message.state not in ("failed", "canceled"):
        raise refuse("message_id", f"This message is {message.state}: only a failed or canceled one is sent again.")
    if message.secret and not message.text:
        raise refuse("message_id", "What this message said is forgotten: cause it anew.")
    if unwanted(message):
        raise refuse("message_id", UNWANTED)
    if message.task_row_id is not None:  # its job tells what becomes of it
        task_rows.send_again(message.task_row_id)
    _note(message, "RETRY")
    return records.change(message, {"state": "queued", "tries_count": 0, "next_at": Now(), "error": ""})


@act
def cancel_message(*, message_id: int) -> Message:
    """Takes a message that waits out of the queue."""
    message = records.locked(Message, message_id)
    if message.state != "queued":
        raise refuse("message_id", f"This message is {message.state}: only a waiting one can be canceled.")
    _note(message, "CANCEL")
    return records.change(message, {"state": "canceled", **(FORGOTTEN if message.secret else {})})


def _note(message: Message, verb: str) -> None:
    note_event(
        actor=acts.current.get(),
        verb=verb,
        table_name="message",
        row_id=message.pk,
        account_id=message.account_id,
        customer_id=message.customer_id,
    )


def _words(template: str, reader: Reader, values: Mapping[str, Value], language: str) -> Words:
    if template == PLAIN:
        text = str(values["text"])
        html = str(values.get("html", "")) or as_html(str(escape(text)))
        return Words(str(values["subject"]), text, html, text)
    stock = STOCK[template]
    if set(values) != {*stock.variables, *stock.unused}:
        raise ValueError(f"{template} takes {sorted({*stock.variables, *stock.unused})}, not {sorted(values)}")
    domain_id = reader.domain.pk if reader.domain else None
    whole, manner = {**reader.values(), **values}, reader.manner(language)
    own = wording(reader.account.pk, template, language, domain_id)
    try:
        return filled(own, whole, manner, lambda words: log.info("template %s says: %s", template, words))
    except TemplateInvalid as problem:  # as of a helper that is given what its example was not
        log.error("ALARM own words of %s are left out, and those in stock sent: %s", template, problem)
        return filled(Words(stock.subject, stock.text, stock.html, stock.sms), whole, manner)


def _reader(
    account_id: int, address: str, *, contact: Contact | None, customer_id: int | None, domain_id: int | None
) -> Reader:
    customer = contact.customer if contact else Customer.objects.get(pk=customer_id) if customer_id else None
    domain = PortalDomain.objects.get(pk=domain_id) if domain_id else customer.domain if customer else None
    return Reader(Account.objects.get(pk=account_id), address, contact, customer, domain)


def _with_unsubscribe(kind: str, text: str, html: str, reader: Reader) -> tuple[str, str]:
    assert reader.contact is not None
    link = unsubscribe_link(reader.contact, reader.domain)
    if kind == "sms":
        return text + UNSUBSCRIBE_SMS.format(link=link), ""
    company = reader.customer.name if reader.customer else reader.account.name
    footer = UNSUBSCRIBE.format(company=company, link=link)
    marked = (
        f'<hr><p>You get this as a contact of {escape(company)}. <a href="{link}">No more mail of this kind</a></p>'
    )
    return text + footer, f"{html}\n{marked}" if html else ""


def contact_address(contact: Contact, kind: str) -> str:
    """Where a contact gets messages of a kind; empty where it does not."""
    return contact.mobile if kind == "sms" else contact.email


def _lines(*lines: str) -> str:
    return ", ".join(line for line in lines if line)
