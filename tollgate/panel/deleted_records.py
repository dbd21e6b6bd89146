"""What was deleted and may still be restored: the list, and a page of each with its button.

The kinds of records are in actions/restorings.py. Whoever deletes one on its page is told of this list by `removed`.
"""

from datetime import UTC, datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from tollgate.actions.acts import ACTS
from tollgate.actions.deleted_records import WITHIN, restorable
from tollgate.actions.restorings import RESTORINGS, read_by
from tollgate.core.areas import area_of_page
from tollgate.panel import audit_words, staff
from tollgate.panel.access import actor, may, own_account, reading, rights
from tollgate.panel.cells import link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import press
from tollgate.store.models import DeletedRecord
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, told_html

LIST: Final = Grid(
    name="deleted_records",
    columns=(
        Column(
            "title",
            "Record",
            value=lambda row: as_is(row.title) or f"{words(row.table_name)} {row.record_id}",
            link=link("panel:deleted_record", lambda row: row.pk),
        ),
        Column("kind", "Kind", value=lambda row: words(row.table_name), sort="table_name", says=True),
        Column(
            "customer",
            "Customer",
            value=lambda row: as_is(row.customer.name) if row.customer else "",
            link=link("panel:customer", lambda row: row.customer_id),
            sort="customer__name",
        ),
        Column("deleted_at", "Deleted (UTC)", kind=Kind.INSTANT, sort="deleted_at"),
        Column("author", "By"),
        Column("until", "May be restored until (UTC)", value=lambda row: row.deleted_at + WITHIN, kind=Kind.INSTANT),
    ),
    filters=(
        Filter("kind", "Kind", "table_name", choices=tuple((table, words(table)) for table in sorted(RESTORINGS))),
    ),
    sort="-deleted_at",
    empty_text="Nothing that was deleted in the last 7 days can be restored. Deleted customers stand among customers.",
)


def removed(request: HttpRequest, name: str) -> str:
    """What somebody hears who has deleted a record that is listed here, with the way to it."""
    if not rights(request).reads(area_of_page(__name__)):
        return f"{name} is removed."
    text = "{name} is removed. For 7 days it may be restored: see the <a>deleted records</a>."
    return told_html(text, address=reverse("panel:deleted_records"), name=name)


@reading
def deleted_records(request: HttpRequest) -> HttpResponseBase:
    """Those of the kinds that this user reads."""
    search = ("title__icontains", "customer__name__icontains")
    source = QuerysetSource(queryset=_visible(request), search=search)
    name = staff.name_for(request)
    grid = staff.as_seen(request, LIST, author=lambda row: name(row.author))
    return respond(request, grid, source, title="Deleted records", breadcrumbs=crumbs(("System", "")))


@reading
def deleted_record(request: HttpRequest, deleted_record_id: int) -> HttpResponseBase:
    """One: what it was, who deleted it, and until when it may be restored."""
    found = get_object_or_404(_visible(request), pk=deleted_record_id)
    return render(
        request,
        "panel/deleted_record.html",
        {
            "title": as_is(found.title),
            "breadcrumbs": crumbs(("System", ""), ("Deleted records", reverse("panel:deleted_records"))),
            "record": found,
            "kind": words(found.table_name),
            "until": found.deleted_at + WITHIN,
            "can_restore": may(request, RESTORINGS[found.table_name].act),
        },
    )


@require_POST
@reading
def restore(request: HttpRequest, deleted_record_id: int) -> HttpResponseBase:
    """Restores it, by the act of its kind."""
    found = get_object_or_404(_visible(request), pk=deleted_record_id)
    by = RESTORINGS[found.table_name]
    if not may(request, by.act):
        raise PermissionDenied(f"This needs the permission “{by.act}”.")
    arguments: dict[str, Any] = {by.argument: found.record_id}
    if press(request, ACTS[by.act], f"{found.title} is restored.", **arguments):
        return redirect(audit_words.record_url(found.table_name, found.record_id) or reverse("panel:deleted_records"))
    return redirect("panel:deleted_record", found.pk)


def _visible(request: HttpRequest) -> QuerySet[DeletedRecord]:
    found = DeletedRecord.objects.filter(
        read_by(actor(request)), restorable(datetime.now(UTC)), account=own_account(request)
    )
    return found.select_related("customer")


urlpatterns = [
    path("deleted/", deleted_records, name="deleted_records"),
    path("deleted/<int:deleted_record_id>/", deleted_record, name="deleted_record"),
    path("deleted/<int:deleted_record_id>/restore/", restore, name="deleted_record_restore"),
]
