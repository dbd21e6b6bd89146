"""Names for fields that ask for a record by name: a few that fit what has been typed, for `ui/suggest.js`.

To offer another kind of record, add its function to `KINDS`, with the area that a reader of it needs. What is offered
must be what the field takes.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path, reverse_lazy

from tollgate.panel.access import members, own_account, own_customers, own_rows, rights
from tollgate.store.models import Alert, Carrier, Endpoint, Gateway, IngressRoute, Invoice, Tag, Webhook
from tollgate.store.queries.finding import with_text

MOST: Final = 10
TEXT_MOST: Final = 100
Offer = tuple[str, str]
"""What the field takes, and words beside it."""


def suggested(kind: str) -> Any:
    """The address that offers records of a kind."""
    return reverse_lazy("panel:suggestions", args=[kind])


def _customers(request: HttpRequest, text: str) -> Iterable[Offer]:
    found = own_customers(request).filter(with_text("customer", text), deleted_at=None).order_by("name")
    return ((row.name, row.number) for row in found[:MOST])


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


KINDS: Final[dict[str, tuple[str, Callable[[HttpRequest, str], Iterable[Offer]]]]] = {
    "customer": ("customers", _customers),
    "carrier": ("carriers", _carriers),
    "gateway": ("carriers", _gateways),
    "route": ("routes", _routes),
    "sip_user": ("endpoints", _sip_users),
    "tag": ("labels", _tags),
    "alert": ("alerts", _alerts),
    "webhook": ("webhooks", _webhooks),
    "invoice": ("invoices", _invoices),
    "note": ("invoices", _notes),
}
"""The area that opens each kind, and what finds its records."""


@members
def suggestions(request: HttpRequest, kind: str) -> JsonResponse:
    """A few records of a kind by what has been typed; none where the reader may not read them."""
    if kind not in KINDS:
        raise Http404("Nothing of this kind is suggested.")
    area, find = KINDS[kind]
    text = request.GET.get("q", "").replace("\0", "").strip()[:TEXT_MOST]
    readable = bool(text) and rights(request).reads(area)
    offers = find(request, text) if readable else ()
    return JsonResponse({"offers": [{"value": value, "words": words} for value, words in offers]})


urlpatterns = [path("suggestions/<slug:kind>/", suggestions, name="suggestions")]
