"""Names for fields that ask for a record by name: a few that fit what has been typed, for `ui/suggest.js`.

To offer another kind of record, add its function to `KINDS`, with the areas of which a reader needs one. What is
offered must be what the field takes: choosable.py says it for both.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path, reverse_lazy

from tollgate.panel.access import members, own_account, own_cards, own_customers, own_rows, reach, rights
from tollgate.panel.choosable import (
    card_text,
    cards_to_copy,
    did_cards,
    non_cli_cards,
    resellers,
    route_cards,
    sold_cards,
    with_twins,
)
from tollgate.store.models import Alert, Carrier, Endpoint, Gateway, IngressRoute, Invoice, Tag, Webhook
from tollgate.store.queries.finding import with_text

MOST: Final = 10
TEXT_MOST: Final = 100
ID_DIGITS_MOST: Final = 19
Offer = tuple[str, str]
"""What the field takes, and words beside it."""


def suggested(kind: str) -> Any:
    """The address that offers records of a kind."""
    return reverse_lazy("panel:suggestions", args=[kind])


def _customers(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = own_customers(request).filter(with_text("customer", text), deleted_at=None).order_by("name")
    return ((row.name, row.number) for row in found[:MOST])


def _resellers(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = resellers(request).filter(Q(name__icontains=text) | Q(number__startswith=text)).order_by("name")
    return ((row.name, row.number) for row in found[:MOST])


def _route_cards(request: HttpRequest, text: str) -> Iterable[Offer]:
    owner = _named_one(request, own_customers(request), "customer")
    if owner is None and reach(request) is not None:
        return ()
    tags = Tag.objects.filter(account=own_account(request))
    owner = owner or _named_one(request, tags, "tag") or own_account(request)
    return _cards(request, route_cards(owner, resold=reach(request) is not None), text)


def _did_cards(request: HttpRequest, text: str) -> Iterable[Offer]:
    known, named = own_customers(request), request.GET.get("customer_id", "").replace("\0", "").strip()[:TEXT_MOST]
    owner = _named_one(request, known, "customer")
    if owner is None and named:  # as it stands in the form
        owner = known.filter(Q(number=named) | Q(name__iexact=named), deleted_at=None).first()
    if owner is None and reach(request) is not None:
        return ()
    return _cards(request, did_cards(owner or own_account(request), resold=reach(request) is not None), text)


def _non_cli_cards(request: HttpRequest, text: str) -> Iterable[Offer]:
    return _cards(request, non_cli_cards(request, request.GET.get("currency", "").replace("\0", "")), text)


def _cards_to_copy(request: HttpRequest, text: str) -> Iterable[Offer]:
    card = _named_one(request, own_cards(request), "card")
    return () if card is None else _cards(request, cards_to_copy(request, card), text)


def _sold_cards(request: HttpRequest, text: str) -> Iterable[Offer]:
    return _cards(request, sold_cards(request, request.GET.getlist("currency") or None), text)


def _cards(request: HttpRequest, known: QuerySet[Any], text: str) -> Iterable[Offer]:
    """Cards with their currency; the operator is told whose another's is."""
    told = reach(request) is None
    for row in with_twins(known).filter(name__icontains=text).order_by("name", "pk")[:MOST]:
        yield card_text(row), f"{row.currency}, {row.reseller}" if told and row.reseller else row.currency


def _named_one(request: HttpRequest, known: QuerySet[Any], name: str) -> Any:
    """The record whose id the address gives; None without one."""
    given = request.GET.get(name, "")
    return known.filter(pk=int(given)).first() if given.isdecimal() and len(given) < ID_DIGITS_MOST else None


def _carriers(request: HttpRequest, text: str) -> Iterable[Offer]:
    return ((row.name, "") for row in _named(Carrier.objects.filter(account=own_account(request)), text))


def _gateways(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = Gateway.objects.filter(carrier__account=own_account(request)).select_related("carrier")
    return ((f"{row.name} #{row.pk}", row.carrier.name) for row in _named(found, text))


def _routes(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = IngressRoute.objects.filter(card__account=own_account(request)).select_related("customer")
    known = _named(own_rows(request, found), text)
    return ((f"{row.name} #{row.pk}", row.customer.name if row.customer else "") for row in known)


def _sip_users(request: HttpRequest, text: str) -> Iterable[Offer]:
    callers = own_customers(request).filter(deleted_at=None)
    found = Endpoint.objects.filter(customer__in=callers, kind="sip_user").select_related("customer")
    known = found.filter(with_text("endpoint", text)).order_by("username")
    return ((row.username or "", row.customer.name) for row in known[:MOST])


def _tags(request: HttpRequest, text: str) -> Iterable[Offer]:
    return ((row.name, "") for row in _named(Tag.objects.filter(account=own_account(request)), text))


def _alerts(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = Alert.objects.filter(account=own_account(request), title__icontains=text).order_by("title")
    return ((row.title, "") for row in found[:MOST])


def _webhooks(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = Webhook.objects.filter(account=own_account(request), title__icontains=text).order_by("title")
    return ((row.title, row.url) for row in found[:MOST])


def _invoices(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = own_rows(request, Invoice.objects.filter(account=own_account(request), number__icontains=text))
    return ((row.number or "", row.customer.name) for row in found.select_related("customer").order_by("-pk")[:MOST])


def _notes(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = own_rows(request, Invoice.objects.filter(account=own_account(request), recalculation__isnull=False))
    known = found.filter(number__icontains=text).select_related("customer").order_by("-pk")[:MOST]
    return ((row.number or "", row.customer.name) for row in known)


def _named(found: QuerySet[Any], text: str) -> Iterable[Any]:
    return found.filter(name__icontains=text).order_by("name", "pk")[:MOST]


KINDS: Final[dict[str, tuple[Collection[str], Callable[[HttpRequest, str], Iterable[Offer]]]]] = {
    "customer": (["customers"], _customers),
    "reseller": (["customers"], _resellers),
    "route_card": (["routes", "cards"], _route_cards),
    "did_card": (["dids", "cards"], _did_cards),
    "non_cli_card": (["routes", "cards"], _non_cli_cards),
    "card_to_copy": (["cards"], _cards_to_copy),
    "sold_card": (["cards", "messages", "account"], _sold_cards),
    "carrier": (["carriers"], _carriers),
    "gateway": (["carriers"], _gateways),
    "route": (["routes"], _routes),
    "sip_user": (["endpoints"], _sip_users),
    "tag": (["labels"], _tags),
    "alert": (["alerts"], _alerts),
    "webhook": (["webhooks"], _webhooks),
    "invoice": (["invoices"], _invoices),
    "note": (["invoices"], _notes),
}
"""The areas that open each kind, and what finds its records."""
AT_ONCE: Final = frozenset({"reseller", "route_card", "did_card", "non_cli_card", "card_to_copy", "sold_card"})
"""Kinds that are offered before anything is typed."""


@members
def suggestions(request: HttpRequest, kind: str) -> JsonResponse:
    """A few records of a kind by what has been typed; none where the reader may not read them."""
    if kind not in KINDS:
        raise Http404("Nothing of this kind is suggested.")
    areas, find = KINDS[kind]
    text = request.GET.get("q", "").replace("\0", "").strip()[:TEXT_MOST]
    readable = (text or kind in AT_ONCE) and any(rights(request).reads(area) for area in areas)
    offers = find(request, text) if readable else ()
    return JsonResponse({"offers": [{"value": value, "words": words} for value, words in offers]})


urlpatterns = [path("suggestions/<slug:kind>/", suggestions, name="suggestions")]
