"""The global search: a few hits of each kind for what somebody typed into the search box.

A hit is data: its kind, words and the id of its record; the pages know the addresses. To find another kind, write a
function that gives its hits and name it in `search`. Each reads at most `MOST` rows by an index or a small table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from tollgate.store.models import CDR, Account, Call, Card, Carrier, Contact, Customer, Did, Endpoint, Invoice
from tollgate.store.queries.finding import with_text

Row = TypeVar("Row", bound=Model)
Reach = frozenset[int] | None
MOST = 10
NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{2,}", re.ASCII)
NUMBER_SEARCH_DAYS = 7


@dataclass(frozen=True, slots=True)
class Hit:
    """One found record."""

    kind: str  # customer, contact, endpoint, did, carrier, card, invoice, call
    record_id: int
    title: str
    words: str = ""
    customer_id: int | None = None


def search(
    account: Account, text: str, at: datetime, *, kinds: frozenset[str], reach: Reach, cards: Q, dids: Q
) -> list[Hit]:
    """The hits of these kinds in a fixed order; nothing for fewer than two characters.

    `reach` holds them to some customers: then only records that belong to one of those are found. `cards` and `dids`
    are those that may be seen.
    """
    words = text.strip()
    if len(words) < 2:
        return []
    found = [hit for kind, finder in FINDERS.items() if kind in kinds for hit in finder(account, words, reach)]
    if "did" in kinds:
        found += _dids(account, words, dids)
    if "card" in kinds:
        found += _cards(account, words, cards)
    if "call" in kinds:
        found += _calls(account, words, at, reach)
    return found


def _within(rows: QuerySet[Row], reach: Reach, customer: str = "customer") -> QuerySet[Row]:
    """Those that belong to the customers within reach."""
    return rows if reach is None else rows.filter(**{f"{customer}__in": reach})


def _customers(account: Account, text: str, reach: Reach) -> Iterator[Hit]:
    found = _within(Customer.objects.filter(with_text("customer", text), account=account, deleted_at=None), reach, "pk")
    for customer in found.order_by("name")[:MOST]:
        words = f"number {customer.number}, {customer.status}"
        yield Hit("customer", customer.pk, customer.name, words, customer.pk)


def _contacts(account: Account, text: str, reach: Reach) -> Iterator[Hit]:
    matches = with_text("contact", text) | _dialed(text)
    found = Contact.objects.filter(matches, customer__account=account, customer__deleted_at=None)
    for contact in _within(found, reach).select_related("customer").order_by("last_name", "id")[:MOST]:
        yield Hit("contact", contact.pk, str(contact), f"{contact.email}, {contact.customer}", contact.customer_id)


def _dialed(text: str) -> Q:
    """By a number however it is written."""
    digits = _digits(text)
    return with_text("contact", digits) if digits and digits != text else Q(pk__in=())


def _endpoints(account: Account, text: str, reach: Reach) -> Iterator[Hit]:
    found = Endpoint.objects.filter(account=account)
    try:
        address = str(ip_address(text))
    except ValueError:
        found = found.filter(with_text("endpoint", text))
    else:
        found = found.extra(where=["network >>= %s::inet"], params=[address])
    for endpoint in _within(found, reach).select_related("customer").order_by("id")[:MOST]:
        title = endpoint.username or str(endpoint.network)
        words = f"{endpoint.name}, {endpoint.customer}".strip(", ")
        yield Hit("endpoint", endpoint.pk, title, words, endpoint.customer_id)


def _dids(account: Account, text: str, seen: Q) -> Iterator[Hit]:
    digits = _digits(text).removeprefix("00")
    if not digits:
        return
    found = Did.objects.filter(seen, account=account, number__startswith=digits)
    for did in found.select_related("customer").order_by("number")[:MOST]:
        yield Hit("did", did.pk, did.number, did.customer.name if did.customer else "in the inventory", did.customer_id)


def _carriers(account: Account, text: str, reach: Reach) -> Iterator[Hit]:
    if reach is not None:
        return  # what is bought is nothing of theirs
    for carrier in Carrier.objects.filter(account=account, name__icontains=text).order_by("name")[:MOST]:
        yield Hit("carrier", carrier.pk, carrier.name, carrier.status)


def _cards(account: Account, text: str, seen: Q) -> Iterator[Hit]:
    for card in Card.objects.filter(seen, account=account, name__icontains=text).order_by("name")[:MOST]:
        yield Hit("card", card.pk, card.name, f"{card.kind} card, {card.currency}")


def _calls(account: Account, text: str, at: datetime, reach: Reach) -> Iterator[Hit]:
    """By Call-ID or our own id; by number among the calls of the last week."""
    matches = Q(edge_call_id=text)
    digits = _digits(text)
    if text.isascii() and text.isdigit() and len(text) < 19:
        matches |= Q(id=int(text))
    for live in _within(Call.objects.filter(matches, account=account), reach).select_related("customer")[:MOST]:
        yield Hit(
            "call",
            live.pk,
            f"{live.cli} to {live.cld}",
            f"live, {live.customer}, {live.edge_call_id}",
            live.customer_id,
        )
    found = CDR.objects.filter(matches, account=account)
    if digits:
        recent = CDR.objects.filter(account=account, started_at__gte=at - timedelta(days=NUMBER_SEARCH_DAYS))
        found = found | recent.filter(Q(number__startswith=digits) | Q(cli__startswith=digits))
    for cdr in _within(found, reach).select_related("customer").defer("detail").order_by("-started_at", "-id")[:MOST]:
        when = f"{cdr.started_at:%Y-%m-%d %H:%M:%S} UTC"
        words = f"{when}, {cdr.state}, {cdr.customer or 'no customer'}"
        yield Hit("call", cdr.pk, f"{cdr.cli} to {cdr.cld}", words, cdr.customer_id)


def _digits(text: str) -> str:
    """The digits of what looks like a telephone number, otherwise nothing."""
    return re.sub(r"\D", "", text) if NUMBER.fullmatch(text) else ""


def _invoices(account: Account, text: str, reach: Reach) -> Iterator[Hit]:
    found = Invoice.objects.filter(account=account, number__in=[text, text.upper()])  # by the index of numbers
    for invoice in _within(found, reach).select_related("customer")[:MOST]:
        words = f"{invoice.kind.replace('_', ' ')} of {invoice.customer.name}"
        yield Hit("invoice", invoice.pk, str(invoice), words, invoice.customer_id)


FINDERS = {
    "customer": _customers,
    "contact": _contacts,
    "endpoint": _endpoints,
    "carrier": _carriers,
    "invoice": _invoices,
}
