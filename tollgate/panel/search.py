"""The global search: what the box at the top of every page finds."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions import cards, dids
from tollgate.panel.access import actor, members, own_account, rights
from tollgate.store.queries.search import Hit
from tollgate.store.queries.search import search as search_of

PAGES = {
    "customer": ("Customers", "users", "panel:customer"),
    "contact": ("Contacts", "address-book", "panel:contact"),
    "endpoint": ("Endpoints", "phone", "panel:endpoint"),
    "did": ("DIDs", "phone-call", "panel:did"),
    "carrier": ("Carriers", "building", "panel:carrier"),
    "card": ("Cards", "credit-card", "panel:card"),
    "invoice": ("Invoices", "file-invoice", "panel:invoice"),
    "call": ("Calls", "phone-call", "panel:call"),
}


AREAS = {
    "customer": "customers",
    "contact": "contacts",
    "endpoint": "endpoints",
    "did": "dids",
    "carrier": "carriers",
    "card": "cards",
    "invoice": "invoices",
    "call": "call_details",
}


@members
def search(request: HttpRequest) -> HttpResponseBase:
    """The hits by kind; a single hit is opened at once."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:200]
    kinds = frozenset(kind for kind, area in AREAS.items() if rights(request).reads(area))
    who = actor(request)
    seen = {"cards": cards.seen_by(who), "dids": dids.seen_by(who)}
    hits = search_of(own_account(request), text, datetime.now(UTC), kinds=kinds, reach=who.reach, **seen)
    if len(hits) == 1:
        return redirect(_address(hits[0]))
    groups = [
        (PAGES[kind][0], PAGES[kind][1], [(_address(hit), hit) for hit in found])
        for kind, found in groupby(hits, key=lambda hit: hit.kind)
    ]
    context: dict[str, Any] = {"title": "Search", "search_text": text, "groups": groups}
    return render(request, "panel/search.html", context)


def _address(hit: Hit) -> str:
    return reverse(PAGES[hit.kind][2], args=[hit.record_id])


urlpatterns = [path("search/", search, name="search")]
