"""The global search: a few hits of each kind for what somebody typed into the search box.

A hit is data: its kind, words and the id of its record; the pages know the addresses. To find another kind, write a
function that gives its hits and name it in `search`. Each reads at most `MOST` rows by an index or a small table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from django.db.models import Q

from tollgate.store.models import CDR, Account, Call, Card, Carrier, Contact, Customer, Endpoint

MOST = 10
NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{2,}", re.ASCII)
NUMBER_SEARCH_DAYS = 7


@dataclass(frozen=True, slots=True)
class Hit:
    """One found record."""

    kind: str  # customer, contact, endpoint, carrier, card, call
    record_id: int
    title: str
    words: str = ""
    customer_id: int | None = None


def search(account: Account, text: str, at: datetime) -> list[Hit]:
    """The hits, the kinds in a fixed order; nothing for fewer than two characters."""
    words = text.strip()
    if len(words) < 2:
        return []
    kinds = (_customers, _contacts, _endpoints, _carriers, _cards)
    found = [hit for kind in kinds for hit in kind(account, words)]
    return [*found, *_calls(account, words, at)]


def _customers(account: Account, text: str) -> Iterator[Hit]:
    matches = Q(name__icontains=text) | Q(number__startswith=text) | Q(company__icontains=text) | Q(reference=text)
    for customer in Customer.objects.filter(matches, account=account, deleted_at=None).order_by("name")[:MOST]:
        yield Hit("customer", customer.pk, customer.name, f"number {customer.number}, {customer.status}")


def _contacts(account: Account, text: str) -> Iterator[Hit]:
    matches = Q(email__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text) | _dialed(text)
    found = Contact.objects.filter(matches, customer__account=account, customer__deleted_at=None)
    for contact in found.select_related("customer").order_by("last_name", "id")[:MOST]:
        yield Hit("contact", contact.pk, str(contact), f"{contact.email}, {contact.customer}", contact.customer_id)


def _dialed(text: str) -> Q:
    digits = _digits(text)
    return Q(phone__contains=digits) | Q(mobile__contains=digits) if digits else Q(pk__in=())


def _endpoints(account: Account, text: str) -> Iterator[Hit]:
    found = Endpoint.objects.filter(account=account)
    try:
        address = str(ip_address(text))
    except ValueError:
        found = found.filter(Q(username__icontains=text) | Q(name__icontains=text))
    else:
        found = found.extra(where=["network >>= %s::inet"], params=[address])
    for endpoint in found.select_related("customer").order_by("id")[:MOST]:
        title = endpoint.username or str(endpoint.network)
        yield Hit("endpoint", endpoint.pk, title, f"{endpoint.name}, {endpoint.customer}".strip(", "))


def _carriers(account: Account, text: str) -> Iterator[Hit]:
    for carrier in Carrier.objects.filter(account=account, name__icontains=text).order_by("name")[:MOST]:
        yield Hit("carrier", carrier.pk, carrier.name, carrier.status)


def _cards(account: Account, text: str) -> Iterator[Hit]:
    for card in Card.objects.filter(account=account, name__icontains=text).order_by("name")[:MOST]:
        yield Hit("card", card.pk, card.name, f"{card.kind} card, {card.currency}")


def _calls(account: Account, text: str, at: datetime) -> Iterator[Hit]:
    """By Call-ID or our own id; by number among the calls of the last week."""
    matches = Q(edge_call_id=text)
    digits = _digits(text)
    if text.isascii() and text.isdigit() and int(text) < 2**63:
        matches |= Q(id=int(text))
    for live in Call.objects.filter(matches, account=account).select_related("customer")[:MOST]:
        yield Hit("call", live.pk, f"{live.cli} to {live.cld}", f"live, {live.customer}, {live.edge_call_id}")
    found = CDR.objects.filter(matches, account=account)
    if digits:
        recent = CDR.objects.filter(account=account, started_at__gte=at - timedelta(days=NUMBER_SEARCH_DAYS))
        found = found | recent.filter(Q(number__startswith=digits) | Q(cli__startswith=digits))
    for cdr in found.select_related("customer").defer("detail").order_by("-started_at", "-id")[:MOST]:
        when = f"{cdr.started_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Hit("call", cdr.pk, f"{cdr.cli} to {cdr.cld}", f"{when}, {cdr.state}, {cdr.customer or 'no customer'}")


def _digits(text: str) -> str:
    """The digits of what looks like a telephone number, otherwise nothing."""
    return re.sub(r"\D", "", text) if NUMBER.fullmatch(text) else ""
