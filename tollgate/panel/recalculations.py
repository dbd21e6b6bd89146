"""Recalculations: calls priced anew. The list, a new one with its preview, and one with what it has posted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.recalculation_preview import Preview, preview
from tollgate.actions.recalculations import (
    RELEASED_BY,
    TAKING_BACK,
    notes_task_of,
    ref_of,
    start_recalculation,
    take_back_recalculation,
    wanted_recalculation,
)
from tollgate.actions.task_searches import done_of_found
from tollgate.actions.tasks import OPEN
from tollgate.panel.access import actor, may, own_account, reading, rights, writing
from tollgate.panel.cells import excerpt, link
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.entries import OF_WALLET
from tollgate.panel.fields import InstantField, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.invoices import OF_INVOICE, today
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.panel.tasks import progress
from tollgate.store.models import Carrier, Customer, Entry, Invoice, Recalculation
from tollgate.store.queries.invoice_lists import with_standing
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import DurationField, TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

KIND_WORDS: Final = {"rerate": "Rate anew", "adjust_duration": "Adjust durations, rate anew"}
NOTE_WORDS: Final = {"yes": "Credit and debit notes at once", "no": "A line of the next document"}
TONES: Final = {
    "some failed": "yellow",
    "taken back": "gray",
    "completed": "green",
    "waiting": "blue",
    "active": "blue",
    "being taken back": "blue",
    "failed": "red",
}


def _state(row: Any) -> str:
    if row.task is not None and row.task.kind == TAKING_BACK and row.taken_back_at is None:
        return "Being taken back" if row.task.state in OPEN else "Completed"  # it could not be taken back: it stands
    if row.task is not None and row.task.failed_count:
        return "Some failed"
    if row.taken_back_at is not None and (row.task is None or row.task.state == "completed"):
        return "Taken back"
    return words(row.task.state) if row.task is not None else "Completed"


LIST: Final = Grid(
    name="recalculations",
    columns=(
        Column("id", "Recalculation", value=str, sort="id", link=link("panel:recalculation", lambda row: row.pk)),
        Column("kind", "What", value=lambda row: KIND_WORDS[row.kind], sort="kind", says=True),
        Column("state", "State", value=_state, kind=Kind.BADGE, tone=TONES),
        Column("from_at", "Calls from (UTC)", kind=Kind.INSTANT, sort="from_at"),
        Column("until_at", "Until (UTC)", kind=Kind.INSTANT, sort="until_at"),
        Column("customer", "Customer", value="customer.name", minor=True),
        Column("carrier", "Carrier", value="carrier.name", minor=True),
        Column("reason", "Reason"),
        Column("author", "By", sort="author", minor=True),
        Column("created_at", "Begun (UTC)", kind=Kind.INSTANT, sort="created_at", minor=True),
    ),
    sort="-id",
    empty_text="No calls were recalculated yet.",
)


NOTES: Final = replace(OF_INVOICE, name="correction_notes", empty_text="No note was issued.")
ENTRIES: Final = replace(OF_WALLET, name="corrections", empty_text="Nothing was posted: no call came to another price.")


class RecalculationForm(HouseForm):
    """Which calls, and how."""

    widths = {"kind": 6, "from_at": 3, "until_at": 3, "customer_id": 6, "carrier_id": 6, "released_by": 6,
              "least_s": 3, "new_s": 3, "on_notes": 6, "reason": 6}  # fmt: skip
    kind = forms.ChoiceField(label="What", choices=list(KIND_WORDS.items()))
    from_at = InstantField(label="Calls from", help_text="UTC")
    until_at = InstantField(label="Until", help_text="UTC, not counted in")
    customer_id = CustomerField(required=False, help_text="Its name or account number; empty = of all customers")
    carrier_id = pick("Carrier", [], required=False, help_text="Empty: of all carriers")
    released_by = forms.MultipleChoiceField(
        label="Ended by",
        choices=[(name, words(name)) for name in RELEASED_BY],
        required=False,
        widget=TicksWidget,
        help_text="None chosen: whoever ended them",
    )
    least_s = DurationField(label="Calls of at least", required=False, help_text="Only for adjusting durations")
    new_s = DurationField(label="Become calls of", required=False, help_text="Only for adjusting durations")
    on_notes = forms.TypedChoiceField(
        label="Calls that are invoiced",
        choices=list(NOTE_WORDS.items()),
        coerce=lambda text: text == "yes",
        help_text="Calls on no issued invoice, and those of who pays ahead, are on the next document in any case",
    )
    reason = forms.CharField(max_length=500, help_text="Printed on the notes")

    def __init__(self, *arguments: Any, account_id: int, notes: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not notes:
            chosen = self.fields["on_notes"]
            assert isinstance(chosen, forms.ChoiceField)
            chosen.choices = [("no", NOTE_WORDS["no"])]
        name_one_of(self, Customer.objects.filter(account_id=account_id))
        field = self.fields["carrier_id"]
        assert isinstance(field, forms.ChoiceField)
        known = Carrier.objects.filter(account_id=account_id).order_by("name").values_list("pk", "name")
        field.choices = [("", ""), *known]

    def wanted(self) -> dict[str, Any]:
        """The act's arguments."""
        names = (
            "kind",
            "from_at",
            "until_at",
            "customer_id",
            "carrier_id",
            "released_by",
            "least_s",
            "new_s",
            "reason",
            "on_notes",
        )
        return {name: self.cleaned_data[name] for name in names}


@reading
def recalculations(request: HttpRequest) -> HttpResponseBase:
    """Every recalculation."""
    found = Recalculation.objects.filter(account=own_account(request)).select_related("customer", "carrier", "task")
    source = QuerysetSource(queryset=found, search=("reason__icontains", "author__icontains"))
    return respond(
        request,
        LIST,
        source,
        template="panel/recalculations.html",
        title="Recalculations",
        breadcrumbs=crumbs(("Traffic", "")),
    )


@writing("start_recalculation", shown_to_all=False)
def new_recalculation(request: HttpRequest) -> HttpResponseBase:
    """Chooses calls; a preview tells what would change before anything does."""
    account = own_account(request)
    form = RecalculationForm(posted(request), account_id=account.pk, notes=may(request, "note_corrections"))
    seen: Preview | None = None
    if form.is_valid() and "preview" in request.POST:
        seen = _preview(request, form, account.pk)
    elif form.is_valid():
        done = saved(request, form, start_recalculation, account_id=account.pk, **form.wanted())
        if done is not None:
            page = reverse("panel:recalculation", args=[done.pk])
            return after_save(request, f"{done} has begun.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/recalculation_new.html",
        title="Recalculate calls",
        breadcrumbs=_way(),
        back_url=reverse("panel:recalculations"),
        save_title="Recalculate",
        preview=seen,
        notes=seen.notes if seen is not None and rights(request).reads("invoices") else (),
    )


@reading
def recalculation(request: HttpRequest, recalculation_id: int) -> HttpResponseBase:
    """One recalculation with its entries."""
    found = _found(request, recalculation_id)
    entries = Entry.objects.filter(account_id=found.account_id, ref=ref_of(found)).select_related("wallet")
    notes = with_standing(Invoice.objects.filter(recalculation=found).select_related("customer"), today())
    noting, task = notes_task_of(found), found.task
    context = {
        "title": as_is(str(found)),
        "breadcrumbs": _way(),
        "recalculation": found,
        "kind_words": KIND_WORDS[found.kind],
        "stands": _state(found),
        "released_by": ", ".join(words(name) for name in found.released_by) or "anybody",
        "told_by": NOTE_WORDS["yes" if found.on_notes else "no"],
        "noting": noting,
        "noted": done_of_found(noting) if noting is not None else None,
        "counted": done_of_found(task) if task is not None else None,
        "watches": task is not None and rights(request).reads("tasks"),
        **(progress(request, task) if task is not None else {}),
        "notes": excerpt(NOTES, QuerysetSource(queryset=notes)) if rights(request).reads("invoices") else None,
        "entries": excerpt(ENTRIES, QuerysetSource(queryset=entries)),
        "may_take_back": may(request, "take_back_recalculation") and _stands(found),
    }
    return render(request, "panel/recalculation.html", context)


@writing("take_back_recalculation", shown_to_all=False)
def take_back(request: HttpRequest, recalculation_id: int) -> HttpResponseBase:
    """Posts the opposite of all that it has posted."""
    found = _found(request, recalculation_id)
    if request.method == "POST":
        reason = request.POST.get("text", "")
        press(request, take_back_recalculation, "It is being taken back.", recalculation_id=found.pk, reason=reason)
    return redirect("panel:recalculation", found.pk)


def _stands(found: Recalculation) -> bool:
    """Whether it is over and not taken back."""
    return found.taken_back_at is None and (found.task is None or found.task.state not in OPEN)


def _preview(request: HttpRequest, form: RecalculationForm, account_id: int) -> Preview | None:
    """What would change; None with the form's errors."""
    try:
        with acting(actor(request)):
            return preview(wanted_recalculation(account_id=account_id, **form.wanted()))
    except Invalid as problem:
        for name, sentences in problem.errors.items():
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)
    return None


def _found(request: HttpRequest, recalculation_id: int) -> Recalculation:
    found = Recalculation.objects.select_related("customer", "carrier", "task")
    return get_object_or_404(found, pk=recalculation_id, account=own_account(request))


def _way() -> list[Any]:
    return crumbs(("Traffic", ""), ("Recalculations", reverse("panel:recalculations")))


urlpatterns = [
    path("recalculations/", recalculations, name="recalculations"),
    path("recalculations/new/", new_recalculation, name="recalculation_new"),
    path("recalculations/<int:recalculation_id>/", recalculation, name="recalculation"),
    path("recalculations/<int:recalculation_id>/take-back/", take_back, name="recalculation_take_back"),
]
