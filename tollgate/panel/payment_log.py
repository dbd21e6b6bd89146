"""The payment log: every notice of a gateway as it came, and what became of it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.payment_gateways import retry_payment_event
from tollgate.panel.access import own_account, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import choices
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import press
from tollgate.store.models import PaymentEvent
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import worded

STATES = ("queued", "done", "ignored", "refused", "failed")
TONES = {"queued": "blue", "done": "green", "ignored": "gray", "refused": "red", "failed": "red"}
NOTE_SHOWN = 120


def _note(event: Any) -> str:
    text = " ".join(event.note.split())
    return text if len(text) <= NOTE_SHOWN else f"{text[:NOTE_SHOWN]}…"


LIST = Grid(
    name="payment_log",
    columns=(
        Column("at", "At (UTC)", kind=Kind.INSTANT, sort="at"),
        Column("id", "Notice", value="pk", sort="id", link=link("panel:payment_event", lambda row: row.pk)),
        Column("gateway", "Gateway", value="gateway.title", sort="gateway__title"),
        Column("state", "State", value=lambda row: row.state.capitalize(), kind=Kind.BADGE, tone=TONES, sort="state"),
        Column("payment", "Payment", value="payment_id", link=link("panel:payment", lambda row: row.payment_id)),
        Column(
            "customer",
            "Customer",
            value="customer.name",
            link=link("panel:customer_payments", lambda row: row.customer_id),
        ),
        Column("note", "What became of it", value=_note),
        Column("ip", "From", minor=True),
        Column("tries", "Tries", value="tries_count", kind=Kind.COUNT, hidden=True),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple(choices(*STATES))),
        Filter("gateway", "Gateway", "gateway__name"),
        Filter("from", "From (UTC)", "at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Until (UTC)", "at__lt", kind=FilterKind.INSTANT),
        Filter("payment", "Payment", "payment_id", kind=FilterKind.WHOLE),
    ),
    sort="-id",
    empty_text="No notices yet. Give each gateway the address that its page shows.",
)


@reading
def payment_log(request: HttpRequest) -> HttpResponseBase:
    """Every notice; the search looks into what was said."""
    found = PaymentEvent.objects.filter(account=own_account(request)).select_related("gateway", "customer")
    source = QuerysetSource(queryset=found, search=("body__icontains", "note__icontains"))
    return respond(request, LIST, source, title="Payment log", breadcrumbs=crumbs(("Money", "")))


@reading
def payment_event(request: HttpRequest, payment_event_id: int) -> HttpResponseBase:
    """One notice, word for word."""
    found = _event(request, payment_event_id)
    context = {
        "title": worded("Notice {pk}", pk=found.pk),
        "breadcrumbs": crumbs(("Money", ""), ("Payment log", reverse("panel:payment_log"))),
        "event": found,
        "tone": TONES[found.state],
        "headers": sorted(found.headers.items()),
    }
    return render(request, "panel/payment_event.html", context)


@writing("retry_payment_event", shown_to_all=False)
def retry(request: HttpRequest, payment_event_id: int) -> HttpResponseBase:
    """Has a notice proved and booked anew."""
    found = _event(request, payment_event_id)
    if request.method == "POST":
        press(request, retry_payment_event, "The notice is looked at again.", payment_event_id=found.pk)
    return redirect("panel:payment_event", found.pk)


def _event(request: HttpRequest, payment_event_id: int) -> PaymentEvent:
    found = PaymentEvent.objects.select_related("gateway", "customer", "payment")
    return get_object_or_404(found, pk=payment_event_id, account=own_account(request))


urlpatterns = [
    path("payment-log/", payment_log, name="payment_log"),
    path("payment-log/<int:payment_event_id>/", payment_event, name="payment_event"),
    path("payment-log/<int:payment_event_id>/retry/", retry, name="payment_event_retry"),
]
