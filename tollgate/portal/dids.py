"""The customer's numbers of the public network: which they are, and where calls to them go. Read only."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.store.queries.portal import dids_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource

LIST = Grid(
    name="dids",
    columns=(
        Column("number", "Number", sort="number"),
        Column(
            "destinations", "Calls go to", value=lambda row: ", ".join(row.destinations.split()) or None, wraps=True
        ),
        Column(
            "enabled",
            "State",
            value=lambda row: "Enabled" if row.enabled else "Disabled",
            kind=Kind.BADGE,
            tone={"enabled": "green"},
            sort="enabled",
        ),
        Column("public_note", "Note", value=lambda row: row.public_note or None, wraps=True),
    ),
    sort="number",
    empty_text="No numbers yet.",
)


@visiting("dids")
def dids(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The numbers."""
    source = QuerysetSource(
        queryset=dids_of(visit.customer),
        search=("number__contains", "destinations__icontains", "public_note__icontains"),
    )
    words = "Calls to these numbers come to you. Your provider changes where they go."
    return respond(request, LIST, source, template="portal/grid.html", title="Numbers", words=words)


urlpatterns = [path("numbers/", dids, name="dids")]
