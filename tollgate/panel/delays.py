"""The delay log: what was put off, when it is due, what became of it. Others' are shown to whoever may manage them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from tollgate.actions.acts import Actor
from tollgate.actions.delays import (
    OWN_RIGHTS,
    cancel_delayed_save,
    drift,
    rights_over,
    run_delayed_save,
    seen_by,
    update_delayed_save,
)
from tollgate.core.field_words import field_words
from tollgate.panel import audit_words
from tollgate.panel.access import actor, current_user, may, own_account, reading
from tollgate.panel.cells import link
from tollgate.panel.delay_forms import filled, form_of
from tollgate.panel.delay_times import TimeUnfit, due_at, shown_at
from tollgate.panel.fields import FORMAT, words
from tollgate.panel.frame import crumbs
from tollgate.panel.logs import LogSource
from tollgate.panel.saving import posted, press, reason
from tollgate.panel.staff import as_seen, colleagues, name_for
from tollgate.store.models import DelayedSave
from tollgate.store.queries.log_finding import LogSearch, delay_told
from tollgate.store.secrets import CannotUnseal
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.words import as_is

STATES = ("pending", "done", "conflict", "refused", "canceled")
TONES = {"pending": "yellow", "done": "green", "conflict": "red", "refused": "red", "canceled": "gray"}
ENDED = {"finished_at": Q(finished_at__isnull=False)}

NO_FORM = "There is no form in which you may change it: take it back, and put off what you mean."
OVER = "It waits no longer: it is"


def _record(saved: DelayedSave) -> str | None:
    return audit_words.record_url(saved.table_name, saved.row_id)


def _changed(saved: DelayedSave) -> str:
    return audit_words.sentence(saved.before or None, saved.after, most=audit_words.SHORT)


LIST = Grid(
    name="delays",
    columns=(
        Column("due_at", "Due (UTC)", kind=Kind.INSTANT, sort="due_at", link=link("panel:delay", lambda row: row.pk)),
        Column("title", "What", link=_record),
        Column("changed", "Before → after", value=_changed),
        Column("act", "Act", value=lambda row: field_words(row.act), hidden=True, says=True),
        Column("author", "Who", sort="author"),
        Column("state", "State", value=lambda row: words(row.state), kind=Kind.BADGE, tone=TONES, sort="state"),
        Column("result", "Why not"),
        Column("reason", "Reason", hidden=True),
        Column("created_at", "Put off at (UTC)", kind=Kind.INSTANT, sort="created_at", hidden=True),
        Column("finished_at", "Ended (UTC)", kind=Kind.INSTANT, sort="finished_at"),
    ),
    filters=(
        Filter("state", "State", "state", choices=tuple((state, words(state)) for state in STATES)),
        Filter("author", "Who", "author__icontains"),
        Filter("from", "Due from (UTC)", "due_at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Due until (UTC)", "due_at__lt", kind=FilterKind.INSTANT),
    ),
    sort="-due_at",
    empty_text="Nothing has been put off. “Delay and save” on a form saves it later.",
)


class DueForm(HouseForm):
    """Another moment for a delayed save, by the clock of the user."""

    widths = {"due_at": 6}
    due_at = forms.CharField(label="Due", widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}))


@reading
def delays(request: HttpRequest) -> HttpResponseBase:
    """The log."""
    known = colleagues(request)
    search = LogSearch(table="delayed_save", told=None if known is None else delay_told(known))
    source = LogSource(queryset=_visible(request), search=search, narrow=True, walked=ENDED)
    name = name_for(request)
    grid = as_seen(request, LIST, author=lambda row: name(row.author))
    return respond(request, grid, source, title="Delay log", breadcrumbs=crumbs(("System", "")))


@reading
def delay(request: HttpRequest, delayed_save_id: int) -> HttpResponseBase:
    """One delayed save; while it waits it may be moved, done now or taken back."""
    saved, zone = _found(request, delayed_save_id), current_user(request).zone
    here = f"{saved.due_at.astimezone(ZoneInfo(zone)):{FORMAT}}"
    form = DueForm(posted(request), initial={"due_at": here})
    form.fields["due_at"].help_text = f"By the clock of {zone}"
    if form.is_valid():
        try:
            due = due_at({"delay_kind": "at", "delay_at": form.cleaned_data["due_at"]}, zone=zone, at=datetime.now(UTC))
        except TimeUnfit as problem:
            form.add_error("due_at", str(problem))
        else:
            said = f"{saved.title} is due at {shown_at(due, zone)}."
            if _manage(request, saved, update_delayed_save, said, due_at=due):
                return redirect("panel:delays")
    return render_form(
        request,
        form,
        template="panel/delay.html",
        title=as_is(saved.title),
        breadcrumbs=crumbs(("System", ""), ("Delay log", reverse("panel:delays"))),
        back_url=reverse("panel:delays"),
        save_title="Change the time",
        saved=saved,
        state=words(saved.state),
        tone=TONES[saved.state],
        act=field_words(saved.act),
        made=not saved.row_id,
        record_url=_record(saved),
        lines=audit_words.lines(saved.before, saved.after, table=saved.table_name),
        due=shown_at(saved.due_at, zone),
        drift=drift(saved) if saved.state == "pending" else (),
        edit_url=reverse("panel:delay_edit", args=[saved.pk]) if _form_of(request, saved) else "",
        read_only=saved.state != "pending" or "update_delayed_save" not in _rights(request, saved),
    )


@reading
def edit(request: HttpRequest, delayed_save_id: int) -> HttpResponseBase:
    """What one will write, in the form of its record."""
    saved = _found(request, delayed_save_id)
    address = _form_of(request, saved)
    if address is None:
        messages.error(request, NO_FORM if saved.state == "pending" else f"{OVER} {words(saved.state).lower()}.")
        return redirect("panel:delay", delayed_save_id=saved.pk)
    try:
        return filled(request, saved, address)
    except CannotUnseal as problem:
        messages.error(request, str(problem))
        return redirect("panel:delay", delayed_save_id=saved.pk)


@reading
@require_POST
def cancel(request: HttpRequest, delayed_save_id: int) -> HttpResponseBase:
    """Takes one back."""
    saved = _found(request, delayed_save_id)
    _manage(request, saved, cancel_delayed_save, f"{saved.title} is not saved any more.")
    return _back(request)


@reading
@require_POST
def run(request: HttpRequest, delayed_save_id: int) -> HttpResponseBase:
    """Does one now."""
    saved = _found(request, delayed_save_id)
    if _manage(request, saved, run_delayed_save):
        saved.refresh_from_db()
        if saved.state == "done":
            messages.success(request, f"{saved.title} is saved.")
        else:
            messages.error(request, f"{saved.title} was not saved. {saved.result}")
    return _back(request)


def _visible(request: HttpRequest) -> QuerySet[DelayedSave]:
    return DelayedSave.objects.filter(seen_by(actor(request)), account=own_account(request))


def _found(request: HttpRequest, delayed_save_id: int) -> DelayedSave:
    return get_object_or_404(_visible(request), pk=delayed_save_id)


def _form_of(request: HttpRequest, saved: DelayedSave) -> str | None:
    """Where what it writes may be changed by who looks: in whose name it is done from then on."""
    mine = saved.state == "pending" and "update_delayed_save" in _rights(request, saved)
    may_both = may(request, saved.act) and may(request, "delay_save")
    return form_of(saved) if mine and may_both else None


def _rights(request: HttpRequest, saved: DelayedSave) -> frozenset[str]:
    may = rights_over(actor(request), saved)
    return frozenset(act for act in OWN_RIGHTS if Actor("", may).may_do(act))


def _manage(
    request: HttpRequest, saved: DelayedSave, act: Callable[..., object], said: str = "", **arguments: Any
) -> bool:
    """Runs an act on a delayed save: one's own always, those of others by the groups."""
    person = actor(request, reason(request))
    person = replace(person, may=rights_over(person, saved))
    return press(request, act, said, who=person, delayed_save_id=saved.pk, **arguments)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To the form from which the button was pressed, or to the log."""
    wanted = request.POST.get("next", "")
    own = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return redirect(wanted if own else "panel:delays")


urlpatterns = [
    path("delays/", delays, name="delays"),
    path("delays/<int:delayed_save_id>/", delay, name="delay"),
    path("delays/<int:delayed_save_id>/edit/", edit, name="delay_edit"),
    path("delays/<int:delayed_save_id>/cancel/", cancel, name="delay_cancel"),
    path("delays/<int:delayed_save_id>/run/", run, name="delay_run"),
]
