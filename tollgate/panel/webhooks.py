"""Webhooks: the programs that are told of events, and every delivery with what was sent and what came back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.webhooks import (
    FINISHED,
    create_webhook,
    delete_webhook,
    renew_webhook_secret,
    replay_webhook_delivery,
    replay_webhook_failures,
    test_webhook,
    update_webhook,
)
from tollgate.core.webhooks import EVENTS, TEST
from tollgate.panel.access import actor, may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, excerpt, fixed, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, reason, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Webhook, WebhookDelivery
from tollgate.store.secrets import CannotUnseal, unseal
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.saving import say
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

TONES = {"queued": "blue", "sending": "blue", "delivered": "green", "failed": "red"}
FIELDS = ("title", "url", "events", "enabled")


def _next_at(row: Any) -> Any:
    """When it is tried next, while it waits."""
    return row.next_at if row.state == "queued" else None


LIST = Grid(
    name="webhooks",
    columns=(
        Column("title", "Webhook", sort="title", link=link("panel:webhook", lambda row: row.pk)),
        Column("url", "Address"),
        Column("events", "Events", value=lambda row: ", ".join(row.events) or "Every event", says=True),
        enabled_column(),
        Column("waiting", "Waiting", value="waiting_count", kind=Kind.COUNT),
        Column("failed", "Failed", value="failed_count", kind=Kind.COUNT),
    ),
    sort="title",
    ticks=True,
    empty_text="No webhooks yet. A webhook tells another program of invoices, payments and balances as they happen.",
    empty_url="/webhooks/new/",
    empty_action="Add a webhook",
)
DELIVERIES = Grid(
    name="webhook_deliveries",
    columns=(
        Column("id", "Delivery", value="pk", sort="id", link=link("panel:webhook_delivery", lambda row: row.pk)),
        Column("created_at", "Queued (UTC)", kind=Kind.INSTANT),
        Column("webhook", "Webhook", value="webhook.title", link=link("panel:webhook", lambda row: row.webhook_id)),
        Column("event", "Event", value="event.event"),
        Column("ref", "About"),
        Column("event_id", "Event id", kind=Kind.TEXT),
        Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=TONES),
        Column("status_code", "Answer", value="status_code"),
        Column("tries", "Tries", value="tries_count", kind=Kind.COUNT),
        Column("next_at", "Next try (UTC)", value=_next_at, kind=Kind.INSTANT),
        Column("error", "Error"),
        Column("replayed_by", "Replayed by", hidden=True),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple((state, words(state)) for state in TONES)),
        Filter("event", "Event", "event__event", choices=tuple((name, name) for name in EVENTS)),
        Filter("webhook", "Webhook", "webhook__title__icontains", suggest=suggested("webhook")),
        Filter("ref", "About, such as invoice:17", "ref"),
    ),
    sort="-id",
    empty_text="Nothing was delivered in the last 30 days.",
)


OF_WEBHOOK = replace(
    DELIVERIES,
    name="webhook_deliveries_of",
    columns=fixed(column for column in DELIVERIES.columns if column.name != "webhook"),
    filters=(),
    compact=True,
)


class WebhookForm(HouseForm):
    """An address and what it is told of."""

    widths = {"title": 6, "url": 6, "events": 12}
    title = forms.CharField(max_length=100)
    url = forms.CharField(max_length=500, label="Address", help_text="Called by POST, such as https://example.com/hook")
    events = forms.MultipleChoiceField(
        choices=[(name, name) for name in EVENTS if name != TEST],
        required=False,
        widget=TicksWidget(),
        help_text="None ticked: every event, also those to come",
    )
    enabled = forms.BooleanField(required=False, initial=True, label="Enabled")


class ChangedWebhookForm(WebhookForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def webhooks(request: HttpRequest) -> HttpResponseBase:
    """Every webhook, with what waits for it."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    return respond(request, grid, source, template="panel/webhooks.html", title="Webhooks", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Webhook.objects.filter(account=own_account(request)).annotate(
        waiting_count=Count("deliveries", filter=Q(deliveries__state__in=("queued", "sending"))),
        failed_count=Count("deliveries", filter=Q(deliveries__state="failed")),
    )
    return LIST, QuerysetSource(queryset=found, search=("title__icontains", "url__icontains"))


@writing("create_webhook", shown_to_all=False)
def new_webhook(request: HttpRequest) -> HttpResponseBase:
    """A new webhook; then its page, which shows the secret."""
    form = WebhookForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_webhook, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            page = reverse("panel:webhook", args=[done.pk])
            return after_save(request, f"{done.title} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title="New webhook",
        breadcrumbs=_way(),
        back_url=reverse("panel:webhooks"),
        save_title="Create",
    )


@writing("update_webhook")
def edit_webhook(request: HttpRequest, webhook_id: int) -> HttpResponseBase:
    """One webhook: its settings, its secret, its last deliveries."""
    found = _webhook(request, webhook_id)
    form = ChangedWebhookForm(posted(request), initial=initial(found, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_webhook, webhook_id=found.pk, version=version, **changes(form))
        if done is not None:
            done_url = reverse("panel:webhooks")
            return after_save(request, f"{done.title} is saved.", form_url=request.path, done_url=done_url)
    source = QuerysetSource(queryset=_deliveries(request).filter(webhook=found))
    return render_form(
        request,
        form,
        template="panel/webhook.html",
        title=as_is(found.title),
        breadcrumbs=_way(),
        back_url=reverse("panel:webhooks"),
        can_stay=True,
        read_only=not may(request, "update_webhook"),
        webhook=found,
        secret=_secret(found) if may(request, "renew_webhook_secret") else "",
        deliveries=excerpt(OF_WEBHOOK, source),
        failed=found.deliveries.filter(state="failed").exists(),
    )


@writing("test_webhook", shown_to_all=False)
def send_test(request: HttpRequest, webhook_id: int) -> HttpResponseBase:
    """Queues the event `webhook.test`."""
    found = _webhook(request, webhook_id)
    if request.method == "POST":
        press(request, test_webhook, "The test is on its way: look at its delivery below.", webhook_id=found.pk)
    return redirect("panel:webhook", found.pk)


@writing("renew_webhook_secret", shown_to_all=False)
def renew_secret(request: HttpRequest, webhook_id: int) -> HttpResponseBase:
    """Another secret."""
    found = _webhook(request, webhook_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to give it another secret.")
    else:
        press(request, renew_webhook_secret, "The secret is another one now.", webhook_id=found.pk)
    return redirect("panel:webhook", found.pk)


@writing("replay_webhook_failures", shown_to_all=False)
def replay_failures(request: HttpRequest, webhook_id: int) -> HttpResponseBase:
    """Everything that failed goes out again."""
    found = _webhook(request, webhook_id)
    if request.method == "POST":
        try:
            with acting(actor(request, reason(request))):
                count = replay_webhook_failures(webhook_id=found.pk)
        except Invalid as invalid:
            say(request, invalid)
        else:
            messages.success(request, f"{count} events go out again.")
    return redirect("panel:webhook", found.pk)


@writing("delete_webhook", shown_to_all=False)
def remove_webhook(request: HttpRequest, webhook_id: int) -> HttpResponseBase:
    """Removes a webhook with its deliveries."""
    found = _webhook(request, webhook_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to remove this webhook.")
    elif press(request, delete_webhook, removed(request, found.title), webhook_id=found.pk):
        return redirect("panel:webhooks")
    return redirect("panel:webhook", found.pk)


@reading
def deliveries(request: HttpRequest) -> HttpResponseBase:
    """The log of deliveries."""
    source = QuerysetSource(queryset=_deliveries(request))
    return respond(request, DELIVERIES, source, template="panel/grid.html", title="Deliveries", breadcrumbs=_way())


@reading
def delivery(request: HttpRequest, delivery_id: int) -> HttpResponseBase:
    """One delivery: what was sent and what came back."""
    found = get_object_or_404(_deliveries(request), pk=delivery_id)
    way = [*_way(), *crumbs((as_is(found.webhook.title), reverse("panel:webhook", args=[found.webhook_id])))]
    context: dict[str, Any] = {
        "title": as_is(f"{found.event.event} {found.ref}"),
        "breadcrumbs": way,
        "delivery": found,
        "tone": TONES[found.state],
        "next_at": _next_at(found),
        "finished": found.state in FINISHED,
    }
    return render(request, "panel/webhook_delivery.html", context)


@writing("replay_webhook_delivery", shown_to_all=False)
def replay(request: HttpRequest, delivery_id: int) -> HttpResponseBase:
    """The event goes out again."""
    found = get_object_or_404(_deliveries(request), pk=delivery_id)
    if request.method == "POST":
        press(request, replay_webhook_delivery, "The event goes out again.", delivery_id=found.pk)
    return redirect("panel:webhook", found.webhook_id)


def _webhook(request: HttpRequest, webhook_id: int) -> Webhook:
    return get_object_or_404(Webhook, pk=webhook_id, account=own_account(request))


def _deliveries(request: HttpRequest) -> QuerySet[WebhookDelivery]:
    found = WebhookDelivery.objects.filter(webhook__account=own_account(request))
    return found.select_related("webhook", "event")


def _secret(webhook: Webhook) -> str:
    """What signs its deliveries, or why it cannot be read."""
    try:
        return unseal(webhook.secret_sealed)
    except CannotUnseal as problem:
        return str(problem)


def _way() -> list[Any]:
    return [*crumbs(("System", ""), ("Webhooks", reverse("panel:webhooks")))]


urlpatterns = [
    path("webhooks/", webhooks, name="webhooks"),
    path("webhooks/new/", new_webhook, name="webhook_new"),
    path("webhooks/deliveries/", deliveries, name="webhook_deliveries"),
    path("webhooks/deliveries/<int:delivery_id>/", delivery, name="webhook_delivery"),
    path("webhooks/deliveries/<int:delivery_id>/replay/", replay, name="webhook_replay"),
    path("webhooks/<int:webhook_id>/", edit_webhook, name="webhook"),
    path("webhooks/<int:webhook_id>/test/", send_test, name="webhook_test"),
    path("webhooks/<int:webhook_id>/secret/", renew_secret, name="webhook_secret"),
    path("webhooks/<int:webhook_id>/replay/", replay_failures, name="webhook_replay_failures"),
    path("webhooks/<int:webhook_id>/delete/", remove_webhook, name="webhook_delete"),
]
