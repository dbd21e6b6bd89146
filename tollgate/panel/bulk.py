"""Bulk edits and deletions of what is ticked in a list, or of all that the list finds.

A list sends its ticks here (`id`), or `scope=all` with `query`, the state of its address, and the `customer` on whose
page it is: its `actions` block includes `panel/bulk_menu.html`. A page of another kind that a list sends to reads it by
`chosen` and carries it along by `kept`.
The nouns are in bulk_nouns.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import ACTS
from tollgate.actions.bulk import DELETES, EDITS, Deletion, Edit, start_bulk_delete, start_bulk_edit
from tollgate.actions.tasks import MOST_ROWS, restoring
from tollgate.core.areas import area_of_page
from tollgate.panel.access import may, own_account, own_customers, rights, writing
from tollgate.panel.bulk_nouns import NOUNS, Noun
from tollgate.panel.bulk_seen import Seen, changes
from tollgate.panel.fields import InstantField
from tollgate.panel.frame import crumbs
from tollgate.panel.mail_settings import ID_DIGITS_MOST
from tollgate.panel.saving import posted, saved
from tollgate.panel.tasks import begun
from tollgate.store.queries.finding import among
from tollgate.store.queries.meanwhile import versions_of
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, View
from tollgate.ui.memory import Choice
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import worded

KEPT: Final = ("id", "scope", "query", "customer", "field")
"""What the pages carry along: whom it is about, and what is to change."""
QUERY_MOST: Final = 4000
DUE: Final = "due_at"


def _due_at() -> InstantField:
    """When the job begins."""
    return InstantField(label="Begins at (UTC)", required=False, help_text="Empty: at once")


class DeleteForm(HouseForm):
    """How many they are, typed, so that nobody deletes what he did not count on."""

    widths = {"confirmation": 6, "due_at": 6}
    confirmation = forms.CharField(max_length=20)
    due_at = _due_at()

    def __init__(self, *arguments: Any, count: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.count = count
        self.fields["confirmation"].label = f"Type {count} to go on"

    def clean_confirmation(self) -> str:
        """The number of records."""
        text: str = self.cleaned_data["confirmation"].replace(",", "")
        if text != str(self.count):
            raise forms.ValidationError(f"Type {self.count} to delete them.")
        return text


@writing("start_bulk_edit", shown_to_all=False)
def edit(request: HttpRequest, noun: str) -> HttpResponseBase:
    """First which fields, then their values. What somebody else saved meanwhile is told and decided about."""
    found, noun = _noun(request, noun, EDITS)
    rows = found.listed(request, {})[1].queryset
    packed = request.POST.get("seen", "")
    seen = Seen.read(packed) if packed else Seen.now(rows, chosen(request, found, rows))
    ids = list(versions_of(rows, seen.versions) if packed else seen.versions)  # `seen` has been in the browser
    if not ids and not packed:
        return _nobody(request, found)
    count = found.counted(len(ids))
    fields = _sent(request).getlist("field")
    assert found.form is not None  # what is edited has one
    form = found.form(request, posted(request), ids=ids)
    known = tuple(form.fields)
    open_ones = {name for name, field in form.fields.items() if not field.disabled}
    offered = (open_ones & EDITS[noun].checks.keys()) - EDITS[noun].single
    fields = [name for name in form.fields if name in offered and name in fields]
    context = _context(request, found, ids, worded("Edit {records}", records=count))
    if not fields:
        sheets = [(title, [form[name] for name in names if name in offered]) for title, names in form.tabs]
        named = [(title, bound) for title, bound in sheets if bound] or [
            ("", [form[name] for name in known if name in offered])
        ]
        return render(request, "panel/bulk_fields.html", {**context, "sheets": named})
    _only(form, fields)
    met = seen.met(rows) if form.is_valid() else seen
    left = met if request.POST.get("save") == "all" else met.others()
    if form.is_valid() and met == seen and left.versions:
        given = {name: form.cleaned_data[name] for name in fields}
        which: dict[str, Any] = {"record_ids": list(left.versions), "versions": list(left.versions.values())}
        which |= {"account_id": own_account(request).pk, "due_at": form.cleaned_data[DUE]}
        task = saved(request, form, start_bulk_edit, noun=noun, changes=given, **which)
        if task is not None:
            return begun(request, task)
    return _edit_page(request, form, rows, met, known=frozenset(known), **context)


def _edit_page(
    request: HttpRequest, form: HouseForm, rows: QuerySet[Any], met: Seen, *, known: frozenset[str], **context: Any
) -> HttpResponseBase:
    """The form, with what somebody else has changed."""
    told, count = bool(met.told or met.gone), len(met.versions)
    page = render_form(
        request,
        form,
        template="panel/bulk_edit.html",
        save_title=f"Change {count:,}",
        seen=met.text(),
        changes=changes(request, rows, met, known),
        told_count=len(met.told),
        gone_count=len(met.gone),
        others_count=len(met.others().versions),
        **{**context, "count": count},
    )
    if told and page.status_code == HTTPStatus.OK:
        page.status_code = HTTPStatus.CONFLICT
    return page


@writing("start_bulk_delete", shown_to_all=False)
def delete(request: HttpRequest, noun: str) -> HttpResponseBase:
    """After a look at who they are."""
    found, noun = _noun(request, noun, DELETES)
    rows = found.listed(request, {})[1].queryset
    ids = chosen(request, found, rows)
    if _sent(request).get("scope") == "all":  # a list may find what is deleted, too
        known = set(rows.filter(among("pk", ids)).order_by().values_list("pk", flat=True))
        ids = [pk for pk in ids if pk in known]
    if not ids:
        return _nobody(request, found)
    form = DeleteForm(posted(request), count=len(ids))
    if form.is_valid():
        which = {"account_id": own_account(request).pk, "record_ids": ids, "due_at": form.cleaned_data[DUE]}
        task = saved(request, form, start_bulk_delete, noun=noun, **which)
        if task is not None:
            return begun(request, task)
    count = found.counted(len(ids))
    context = _context(request, found, ids, worded("Delete {records}?", records=count))
    said: dict[str, Any] = {"customers": noun == "customer", "restored": restoring(DELETES[noun].act) in ACTS}
    said |= {"obeyed": found.obeyed, "held": found.held, "after": found.after}
    return render_form(request, form, template="panel/bulk_delete.html", **said, **context)


def _only(form: HouseForm, names: Sequence[str]) -> None:
    """Leaves these fields in the form, on one sheet, and none of them with a value that somebody else's record has;
    beside them when the job begins."""
    boxes = getattr(form, "confirmed_by", {})
    names = [*names, *(boxes[name] for name in names if name in boxes)]
    for name in list(form.fields):
        if name not in names:
            del form.fields[name]
    form.fields[DUE] = _due_at()
    form.fields[DUE].widget.attrs.update({"class": "form-control", "data-width": "4"})
    form.tabs = [("", [*names, DUE])]  # type: ignore[misc]  # of this form alone
    for field in form.fields.values():
        field.initial = False if isinstance(field, forms.BooleanField) else field.initial


def chosen(request: HttpRequest, noun: Noun, rows: QuerySet[Any] | None = None) -> list[int]:
    """The ids ticked, as far as this user may see them (`rows`, if known); or of all that the list finds."""
    sent = _sent(request)
    if sent.get("scope") == "all":
        parameters = QueryDict(sent.get("query", "")[:QUERY_MOST]).dict()
        listed = _finding(request, noun, parameters)
        if listed is None:
            return []
        grid, source = listed
        view = View.read(grid, parameters, Choice(), source)
        ordered = source.ordered(replace(view.query, after=None, back=False))
        return list(ordered.values_list("pk", flat=True)[: MOST_ROWS + 1]) if not view.errors else []
    words = sent.getlist("id")[:MOST_ROWS]
    ids = [int(word) for word in words if word.isdecimal() and len(word) < ID_DIGITS_MOST]
    if not ids:
        return []
    rows = noun.listed(request, {})[1].queryset if rows is None else rows
    return list(rows.filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))


def _finding(request: HttpRequest, noun: Noun, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource] | None:
    """The list that sent here; None for one at a customer that no page shows."""
    grid, source = noun.listed(request, parameters)
    if "customer" not in _sent(request):
        return grid, source
    found = own_customers(request).filter(pk=_owner(request, noun) or 0, deleted_at=None).first()
    if noun.of_customer is None or found is None:
        return None
    grid, shown = noun.of_customer.listed(request, found)  # its search knows no customers' names
    return grid, replace(shown, queryset=source.queryset.filter(customer=found))


def kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What a page sends along, so that the next one is about the same."""
    sent = _sent(request)
    return [(name, value) for name in KEPT for value in sent.getlist(name)]


def _sent(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _context(request: HttpRequest, noun: Noun, ids: Sequence[int], title: str) -> dict[str, Any]:
    return {
        "title": title,
        "breadcrumbs": crumbs((noun.above, ""), (noun.many[:1].upper() + noun.many[1:], reverse(noun.page))),
        "back_url": _list_of(request, noun),
        "kept": kept(request),
        "count": len(ids),
        "records": noun.counted(len(ids)),
        "all_found": _sent(request).get("scope") == "all" and len(ids) > 1,
    }


def _list_of(request: HttpRequest, noun: Noun) -> str:
    """The list as it was when it sent here; a customer's page as it is."""
    owner = _owner(request, noun)
    if noun.of_customer is not None and owner is not None:
        return reverse(noun.of_customer.page, args=[owner])
    state = QueryDict(_sent(request).get("query", "")[:QUERY_MOST]).urlencode()
    return f"{reverse(noun.page)}?{state}" if state else reverse(noun.page)


def _owner(request: HttpRequest, noun: Noun) -> int | None:
    """The customer to whose page the list belongs that sent here; None for a list of all."""
    text = _sent(request).get("customer", "")
    return int(text) if noun.of_customer and text.isdecimal() and len(text) < ID_DIGITS_MOST else None


def _nobody(request: HttpRequest, noun: Noun) -> HttpResponseBase:
    """Back to the list, which says why there is nothing to do."""
    words = noun.many
    if _sent(request).get("scope") != "all":
        why = f"Tick {words} in the list first."
    elif chosen(request, noun):
        why = f"These {words} are deleted: restore them first."
    else:
        why = f"The list finds no {words} that you may change."
    messages.error(request, why)
    return redirect(_list_of(request, noun))


def _noun(request: HttpRequest, name: str, offered: Mapping[str, Edit | Deletion]) -> tuple[Noun, str]:
    """What an address names, and the noun of its acts; for those alone who may do the act of each and read the list."""
    found = NOUNS.get(name)
    noun = (found.acts or name) if found else ""
    if found is None or noun not in offered:
        raise Http404("These are not changed in bulk.")
    if not may(request, offered[noun].act):
        raise PermissionDenied(f"This needs the permission “{offered[noun].act}”.")
    if not rights(request).reads(area_of_page(found.pages.__name__)):
        words = found.many
        raise PermissionDenied(f"None of your groups may read {words}.")
    return found, noun


urlpatterns = [
    path("bulk/<slug:noun>/edit/", edit, name="bulk_edit"),
    path("bulk/<slug:noun>/delete/", delete, name="bulk_delete"),
]
