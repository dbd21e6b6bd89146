"""The caller's numbers that the customer may show; the operator verifies them."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.portal_access import Visit
from tollgate.portal.access import visiting
from tollgate.store.queries.portal import clis_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource

METHODS = {"operator": "By your provider", "call_back": "By a call"}
LIST = Grid(
    name="clis",
    columns=(
        Column("number", "Number", sort="number"),
        Column("method", "Verified", value=lambda row: METHODS[row.method], sort="method"),
        Column("attestation", "STIR/SHAKEN level", kind=Kind.BADGE, tone={"a": "green", "b": "blue"}),
        Column("verified_at", "Since (UTC)", kind=Kind.INSTANT, sort="verified_at"),
    ),
    sort="number",
    empty_text="No numbers yet. Ask your provider to verify the numbers that your calls show.",
)


@visiting("clis")
def clis(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The verified numbers."""
    source = QuerysetSource(queryset=clis_of(visit.customer), search=("number__contains",))
    words = "Only these numbers may be shown by your calls." if visit.customer.approved_clis_only else ""
    return respond(request, LIST, source, template="portal/grid.html", title="Caller numbers", words=words)


urlpatterns = [path("caller-numbers/", clis, name="clis")]
