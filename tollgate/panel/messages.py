"""Messages: every mail and SMS that was sent or waits, its words, and what the mail server said."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.messages import body, cancel_message, retry_message
from tollgate.core.templates_stock import PLAIN, STOCK
from tollgate.panel.access import current_user, own_account, own_customers, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.logs import LogSource
from tollgate.panel.saving import press
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Message
from tollgate.store.queries.finding import by_columns, by_company
from tollgate.store.queries.log_finding import LogSearch
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.words import as_is, told, worded

KINDS = {"email": "Mail", "sms": "SMS"}
TONES = {"queued": "blue", "sending": "blue", "sent": "green", "failed": "red", "canceled": "gray"}
TITLES = {PLAIN: "Written by hand", **{key: stock.title for key, stock in STOCK.items()}}


def _next_at(row: Any) -> Any:
    """When it is tried next, while it waits."""
    return row.next_at if row.state == "queued" else None


LIST = Grid(
    name="messages",
    columns=(
        Column("id", "Message", value="pk", sort="id", link=link("panel:message", lambda row: row.pk)),
        Column("created_at", "Queued (UTC)", kind=Kind.INSTANT),
        Column("kind", "Kind", value=lambda row: KINDS[row.kind], says=True),
        Column("recipient", "To", sort="recipient"),
        Column("subject", "Subject", value=lambda row: row.subject or None),
        Column("customer", "Customer", value="customer.name", link=link("panel:customer", lambda row: row.customer_id)),
        Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=TONES, sort="state"),
        Column("error", "Error"),
        Column("tries", "Tries", value="tries_count", kind=Kind.COUNT),
        Column("sent_at", "Sent (UTC)", kind=Kind.INSTANT, sort="sent_at"),
        Column("next_at", "Next try (UTC)", value=_next_at, kind=Kind.INSTANT),
        Column(
            "template", "Template", value=lambda row: TITLES.get(row.template, row.template), hidden=True, says=True
        ),
        Column("created_by", "By", hidden=True),
        Column("provider_id", "Message-ID or provider's id", hidden=True),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple((state, words(state)) for state in TONES)),
        Filter("kind", "Kind", "kind", choices=tuple(KINDS.items())),
        Filter("template", "Template", "template", choices=tuple(TITLES.items())),
        Filter("from", "From (UTC)", "created_at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Until (UTC)", "created_at__lt", kind=FilterKind.INSTANT),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    ),
    sort="-id",
    empty_text="No messages in the last 90 days. Mail and SMS appear here as soon as something sends one.",
)


@reading
def messages(request: HttpRequest) -> HttpResponseBase:
    """The log."""
    states = {state: str(told(words(state))) for state in TONES}
    source = LogSource(
        queryset=_own(request).defer("text", "html", "dialogue", "attachments"),
        search=LogSearch(table="message", owned=True, keyed={"state": states}),
        meanings={**by_company(), **by_columns("message", "state")},
        narrow=True,
        walked={"sent_at": Q(sent_at__isnull=False)},
    )
    return respond(
        request, LIST, source, template="panel/messages.html", title="Messages", breadcrumbs=crumbs(("System", ""))
    )


def _title(found: Message) -> str:
    if found.subject:
        return as_is(found.subject)
    return worded("{kind} to {recipient}", kind=worded(KINDS[found.kind]), recipient=found.recipient)


@reading
def message(request: HttpRequest, message_id: int) -> HttpResponseBase:
    """One message: its words and its dialogue."""
    found = get_object_or_404(_own(request), pk=message_id)
    context = {
        "title": _title(found),
        "breadcrumbs": crumbs(("System", ""), ("Messages", reverse("panel:messages"))),
        "message": found,
        "kind": KINDS[found.kind],
        "template_title": TITLES.get(found.template, found.template),
        "tone": TONES[found.state],
        "words": None if found.secret else body(found),
    }
    return render(request, "panel/message.html", context)


@writing("retry_message", shown_to_all=False)
def retry(request: HttpRequest, message_id: int) -> HttpResponseBase:
    """Sends it again."""
    return _pressed(request, message_id, retry_message, "The message is in the queue again.")


@writing("cancel_message", shown_to_all=False)
def cancel(request: HttpRequest, message_id: int) -> HttpResponseBase:
    """Takes it out of the queue."""
    return _pressed(request, message_id, cancel_message, "The message is canceled.")


def _pressed(request: HttpRequest, message_id: int, act: Any, said: str) -> HttpResponseBase:
    found = get_object_or_404(_own(request), pk=message_id)
    if request.method == "POST":
        press(request, act, said, message_id=found.pk)
    return redirect("panel:message", found.pk)


def _own(request: HttpRequest) -> QuerySet[Message]:
    """The account's messages; to a reseller's user only those about its customers."""
    found = Message.objects.filter(account=own_account(request)).select_related("customer", "contact")
    return found if current_user(request).reseller_id is None else found.filter(customer__in=own_customers(request))


urlpatterns = [
    path("messages/", messages, name="messages"),
    path("messages/<int:message_id>/", message, name="message"),
    path("messages/<int:message_id>/retry/", retry, name="message_retry"),
    path("messages/<int:message_id>/cancel/", cancel, name="message_cancel"),
]
