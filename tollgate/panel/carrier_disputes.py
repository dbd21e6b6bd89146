"""Disputes with carriers: the list, a new one about lines of a statement, and one with its lines, words and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.carrier_disputes import (
    ANSWERED,
    DISPUTABLE,
    STATES,
    add_dispute_note,
    answer_dispute,
    delete_dispute,
    open_dispute,
    ref_of,
    reopen_dispute,
    send_dispute,
    settle_dispute,
)
from tollgate.core.money import format_micros
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.carrier_lines import LINES, lines_of
from tollgate.panel.cells import excerpt, link
from tollgate.panel.entries import OF_WALLET
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.reconciliations import CLASS_WORDS, found_statement, page_of, way
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.store.models import CarrierDispute, CarrierLine, Entry
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import MoneyField, TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

TONES: Final = {"open": "yellow", "sent": "blue", "accepted": "green", "partly": "yellow", "rejected": "gray",
                "settled": "green"}  # fmt: skip
STATE_WORDS: Final = {"partly": "Accepted in part"}
LETTER_LINES: Final = 20


def state_words(state: str) -> str:
    """A state for people."""
    return STATE_WORDS.get(state, words(state))


LIST: Final = Grid(
    name="carrier_disputes",
    columns=(
        Column("id", "Dispute", value=str, sort="id", link=link("panel:carrier_dispute", lambda row: row.pk)),
        Column("carrier", "Carrier", value="statement.carrier.name", sort="statement__carrier__name"),
        Column("statement", "Statement", value="statement.number", sort="statement__number"),
        Column("state", "State", value=lambda row: state_words(row.state), kind=Kind.BADGE, sort="state",
               tone=lambda row: TONES[row.state]),
        Column("lines_count", "Lines", kind=Kind.COUNT, sort="lines_count", minor=True),
        Column("claimed", "Claimed", value="claimed_micros", kind=Kind.MONEY, currency="currency",
               sort="claimed_micros"),
        Column("agreed", "Agreed to", value="agreed_micros", kind=Kind.MONEY, currency="currency"),
        Column("author", "By", sort="author", minor=True),
        Column("created_at", "Opened (UTC)", kind=Kind.INSTANT, sort="created_at", minor=True),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple((name, state_words(name)) for name in STATES)),
        Filter("carrier_name", "Carrier", "statement__carrier__name__icontains", suggest=suggested("carrier")),
    ),
    sort="-id",
    ticks=True,
    empty_text="No disputes yet. Open one from the lines of a statement.",
)  # fmt: skip


class DisputeForm(HouseForm):
    """What is disputed: the lines ticked, or all of some kinds."""

    widths = {"title": 6, "destination": 6, "kinds": 12, "note": 12}
    title = forms.CharField(max_length=200)
    destination = forms.CharField(
        max_length=200, required=False, label="Only this destination", help_text="As it stands in the lines; empty: all"
    )
    kinds = forms.MultipleChoiceField(
        label="All lines of these kinds", required=False, widget=TicksWidget,
        choices=[(name, CLASS_WORDS[name]) for name in DISPUTABLE],
    )  # fmt: skip
    note = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Goes into the letter"
    )
    ids = forms.CharField(required=False, widget=forms.HiddenInput)

    def line_ids(self) -> list[int]:
        """The lines that were ticked."""
        return _numbers(self.cleaned_data["ids"].split(","))


class AnswerForm(HouseForm):
    """What the carrier answers."""

    widths = {"note": 12}
    state = forms.ChoiceField(label="The carrier", choices=[(name, state_words(name)) for name in ANSWERED])
    agreed_micros = MoneyField(label="It agrees to", required=False, help_text="Only where it accepts a part")
    note = forms.CharField(max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3}))


@reading
def disputes(request: HttpRequest) -> HttpResponseBase:
    """Every dispute."""
    grid, source = listed(request, request.GET.dict())
    bulk = {"noun": "dispute", "deletes": may(request, "delete_dispute")}
    return respond(
        request, grid, source, template="panel/bulk_grid.html", title="Disputes", breadcrumbs=way(), **bulk
    )  # fmt: skip


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = CarrierDispute.objects.filter(account=own_account(request)).select_related("statement__carrier")
    return LIST, QuerysetSource(queryset=found, search=("title__icontains", "statement__number__icontains"))


@writing("open_dispute", shown_to_all=False)
def new_dispute(request: HttpRequest, statement_id: int) -> HttpResponseBase:
    """A new dispute about the lines ticked, or about all of some kinds."""
    found = found_statement(request, statement_id)
    ids = _numbers(request.GET.getlist("id"))
    kind = request.GET.get("kind", "")
    begun = {"ids": ",".join(map(str, ids)), "kinds": [kind] if kind in DISPUTABLE else []}
    form = DisputeForm(posted(request), initial=begun)
    chosen = form.data.get("ids", "") if form.is_bound else begun["ids"]
    if chosen:
        del form.fields["kinds"], form.fields["destination"]
    if form.is_valid():
        given = {name: form.cleaned_data.get(name, "") for name in ("title", "note", "destination")}
        kinds = form.cleaned_data.get("kinds", [])
        done = saved(request, form, open_dispute, statement_id=found.pk, line_ids=form.line_ids(), kinds=kinds, **given)
        if done is not None:
            page = reverse("panel:carrier_dispute", args=[done.pk])
            return after_save(request, f"{done} is open.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title=worded("New dispute (CDRs: {ids})", ids=len(ids)) if ids else "New dispute",
        breadcrumbs=[*way(found.carrier), *crumbs((as_is(str(found)), page_of(found)))],
        back_url=reverse("panel:carrier_lines", args=[found.pk]), save_title="Open the dispute",
    )  # fmt: skip


@reading
def dispute(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """One dispute."""
    found = _found(request, dispute_id)
    lines = lines_of(found.statement, found)
    entries = Entry.objects.filter(account_id=found.account_id, ref=ref_of(found)).select_related("wallet")
    context = {
        "title": as_is(found.title), "breadcrumbs": _way(), "dispute": found, "state": state_words(found.state),
        "tone": TONES[found.state], "notes": found.notes.order_by("pk"), "letter": letter(found, lines),
        "grid": excerpt(_LINES, QuerysetSource(queryset=lines)), "answered": found.state in ANSWERED,
        "entries": excerpt(_ENTRIES, QuerysetSource(queryset=entries)) if found.settlement else None,
        "lines_url": f"{reverse('panel:carrier_lines', args=[found.statement_id])}?f.disputed={found.pk}",
        "conceded": found.claimed_micros - found.agreed_micros if found.agreed_micros is not None else None,
    }  # fmt: skip
    return render(request, "panel/carrier_dispute.html", context)


@writing("answer_dispute", shown_to_all=False)
def answer(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """The carrier's answer."""
    found = _found(request, dispute_id)
    form = AnswerForm(posted(request))
    form.set_unit("agreed_micros", found.currency)
    page = reverse("panel:carrier_dispute", args=[found.pk])
    if form.is_valid():
        done = saved(request, form, answer_dispute, dispute_id=found.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, "The answer is noted.", form_url=request.path, done_url=page)
    return render_form(
        request, form, title="The carrier's answer", breadcrumbs=[*_way(), *crumbs((as_is(found.title), page))],
        back_url=page,
    )  # fmt: skip


@writing("send_dispute", shown_to_all=False)
def send(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """Notes that it was sent."""
    return _pressed(request, dispute_id, send_dispute, "Noted as sent.")


@writing("settle_dispute", shown_to_all=False)
def settle(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """Settles it."""
    return _pressed(request, dispute_id, settle_dispute, "The dispute is settled.")


@writing("reopen_dispute", shown_to_all=False)
def reopen(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """Opens it again."""
    return _pressed(
        request, dispute_id, reopen_dispute, "The dispute is open again.", reason=request.POST.get("text", "")
    )


@writing("add_dispute_note", shown_to_all=False)
def note(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """Adds a note."""
    return _pressed(request, dispute_id, add_dispute_note, "The note is kept.", text=request.POST.get("text", ""))


@writing("delete_dispute", shown_to_all=False)
def remove(request: HttpRequest, dispute_id: int) -> HttpResponseBase:
    """Gives it up."""
    found = _found(request, dispute_id)
    if request.POST.get("confirmation") != found.title:
        messages.error(request, f"Type {found.title} to give this dispute up.")
    elif press(request, delete_dispute, "The dispute is given up.", dispute_id=found.pk):
        return redirect(page_of(found.statement))
    return redirect("panel:carrier_dispute", found.pk)


def letter(found: CarrierDispute, lines: QuerySet[CarrierLine]) -> str:
    """What to write to the carrier; the file of lines goes with it."""
    statement = found.statement
    last_on = statement.until_on - timedelta(days=1)
    days = f"{statement.from_on}" if last_on == statement.from_on else f"{statement.from_on} to {last_on}"
    first = list(lines.order_by("-difference_micros", "pk")[: LETTER_LINES + 1])
    told = [
        f"{line.started_at:%Y-%m-%d %H:%M:%S} UTC  {line.number}  {CLASS_WORDS[line.kind].lower()}: "
        f"you charge {_amount(line.their_micros, line.currency)}, we record {_amount(line.our_micros, line.currency)}"
        for line in first[:LETTER_LINES]
    ]
    more = [f"and {found.lines_count - LETTER_LINES:,} more in the attached file"] if len(first) > LETTER_LINES else []
    asked = [one.text for one in found.notes.order_by("pk")[:1] if one.text != "Opened."]
    one = found.lines_count == 1
    calls = "1 call" if one else f"{found.lines_count:,} calls"
    stand = "why this call stands" if one else "which of these calls stand"
    claim = _amount(found.claimed_micros, found.currency)
    return "\n".join(
        [
            f"Dispute {found.pk}: your invoice {statement.number} of {days}",
            "",
            f"We dispute {calls} of this invoice, {claim} in all:",
            f"{found.title}.",
            *asked,
            "",
            *told,
            *more,
            "",
            f"Please credit {claim}, or tell us {stand}.",
        ]
    )


def _amount(micros: int | None, currency: str) -> str:
    return "nothing" if micros is None else f"{currency} {format_micros(micros, 2)}"


_LINES: Final = Grid(
    name="carrier_dispute_lines",
    columns=tuple(column for column in LINES.columns if column.name not in ("dispute", "how", "line", "their_at")),
    sort="-difference_micros", page_size=20, compact=True, searchable=False, empty_text="Its lines are gone.",
)  # fmt: skip
_ENTRIES: Final = Grid(
    name="carrier_dispute_entries", columns=OF_WALLET.columns, sort=OF_WALLET.sort, compact=True, searchable=False,
    empty_text="Nothing was posted: the carrier agreed to all of it.",
)  # fmt: skip


def _pressed(request: HttpRequest, dispute_id: int, act: Any, told: str, **arguments: Any) -> HttpResponseBase:
    found = _found(request, dispute_id)
    if request.method == "POST":
        press(request, act, told, dispute_id=found.pk, **arguments)
    return redirect("panel:carrier_dispute", found.pk)


def _found(request: HttpRequest, dispute_id: int) -> CarrierDispute:
    found = CarrierDispute.objects.select_related("statement__carrier")
    return get_object_or_404(found.filter(Q(account=own_account(request))), pk=dispute_id)


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts if text.isdecimal() and len(text) < 19]


def _way() -> list[Any]:
    return [*way(), *crumbs(("Disputes", reverse("panel:carrier_disputes")))]


urlpatterns = [
    path("disputes/", disputes, name="carrier_disputes"),
    path("reconciliation/<int:statement_id>/dispute/", new_dispute, name="carrier_dispute_new"),
    path("disputes/<int:dispute_id>/", dispute, name="carrier_dispute"),
    path("disputes/<int:dispute_id>/answer/", answer, name="carrier_dispute_answer"),
    path("disputes/<int:dispute_id>/send/", send, name="carrier_dispute_send"),
    path("disputes/<int:dispute_id>/settle/", settle, name="carrier_dispute_settle"),
    path("disputes/<int:dispute_id>/reopen/", reopen, name="carrier_dispute_reopen"),
    path("disputes/<int:dispute_id>/note/", note, name="carrier_dispute_note"),
    path("disputes/<int:dispute_id>/delete/", remove, name="carrier_dispute_delete"),
]
