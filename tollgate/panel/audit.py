"""The audit log: who changed what, with the values before and after. A database trigger writes it."""

import json
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.panel.access import reading
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.store.models import Audit
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource

PAGES = {
    "customer": "panel:customer",
    "contact": "panel:contact",
    "endpoint": "panel:endpoint",
    "ingress_route": "panel:route",
    "carrier": "panel:carrier",
    "gateway": "panel:gateway",
    "card": "panel:card",
    "app_user": "panel:user",
    "user_group": "panel:group",
    "edge": "panel:edge",
    "call": "panel:call",
}
TABLES = (*PAGES, "account", "revision", "route_option")
VERBS = {"INSERT": "created", "UPDATE": "changed", "DELETE": "deleted"}
UNINTERESTING = frozenset({"version", "id", "created_at", "account_id"})


def changed(row: Any) -> str:
    """The difference in one line per field: "channels: 0 → 5"."""
    before, after = row.before or {}, row.after or {}
    names = [name for name in {**before, **after} if name not in UNINTERESTING]
    if row.verb == "INSERT":
        told = [f"{name}: {_plain(after[name])}" for name in names if after[name] not in (None, "", [], False)]
    else:
        told = [f"{name}: {_plain(before.get(name))} → {_plain(after.get(name))}" for name in names]
    return "; ".join(told)


def _plain(value: object) -> str:
    if value is None or value == "":
        return "(empty)"
    return value if isinstance(value, str) else json.dumps(value)


def _record(row: Any) -> str | None:
    page = PAGES.get(row.table_name)
    return reverse(page, args=[row.row_id]) if page and row.verb != "DELETE" else None


COLUMNS = (
    Column("at", "At (UTC)", kind=Kind.INSTANT, sort="at"),
    Column("actor", "Who", value=lambda row: row.actor or "the database", sort="actor"),
    Column("act", "Act", value=lambda row: words(row.act) if row.act else "", sort="act"),
    Column("table_name", "What", value=lambda row: words(row.table_name), sort="table_name"),
    Column("row_id", "Record", link=_record),
    Column("verb", "Was", value=lambda row: VERBS[row.verb], kind=Kind.BADGE, sort="verb"),
    Column("changed", "Before → after", value=changed),
    Column("reason", "Reason"),
)
LIST = Grid(
    name="audit",
    columns=COLUMNS,
    filters=(
        Filter("from", "From (UTC)", "at__gte", kind=FilterKind.INSTANT),
        Filter("until", "Until (UTC)", "at__lt", kind=FilterKind.INSTANT),
        Filter("actor", "Who", "actor__icontains"),
        Filter("act", "Act", "act__icontains"),
        Filter("what", "What", "table_name", choices=tuple((name, words(name)) for name in TABLES)),
        Filter("record", "Record id", "row_id", kind=FilterKind.WHOLE),
    ),
    sort="-id",
    searchable=False,
    empty_text="Nothing has been changed yet.",
)
OF_RECORD = Grid(
    name="audit",
    columns=tuple(column for column in COLUMNS if column.name not in ("table_name", "row_id")),
    sort="-id",
    searchable=False,
    empty_text="Nothing has been changed yet.",
)


@reading
def audit(request: HttpRequest) -> HttpResponseBase:
    """Every change of a record."""
    source = QuerysetSource(queryset=Audit.objects.all())
    return respond(request, LIST, source, title="Audit log", breadcrumbs=crumbs(("System", "")))


urlpatterns = [path("audit/", audit, name="audit")]
