"""Edges: the switch nodes that ask us about calls."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.edges import create_edge, update_edge
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.store.models import Edge
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

KINDS = (("kamailio", "Kamailio"), ("plain", "Other switch, over HTTP"))
LIST = Grid(
    name="edges",
    columns=(
        Column("name", "Edge", sort="name", link=link("panel:edge", lambda row: row.pk)),
        Column("kind", "Kind", value=lambda row: dict(KINDS)[row.kind], sort="kind", says=True),
        Column("rpc_url", "Control address"),
        Column("last_seen_at", "Last heard of (UTC)", kind=Kind.INSTANT, sort="last_seen_at"),
        enabled_column(),
    ),
    sort="name",
    ticks=True,
    searchable=False,
    empty_text="No edges yet. An edge is a switch node that asks about its calls: register it by its name.",
    empty_url="/edges/new/",
    empty_action="Add an edge",
)
FIELDS = ("name", "kind", "rpc_url", "enabled")


class EdgeForm(HouseForm):
    """A switch node."""

    name = forms.CharField(max_length=64, help_text="The name it gives in every message")
    kind = forms.ChoiceField(choices=KINDS)
    rpc_url = forms.CharField(
        max_length=500,
        required=False,
        label="Control address",
        help_text="Where we tell it to hang up, such as http://10.0.0.5:5070/RPC",
    )
    enabled = forms.BooleanField(
        required=False, initial=True, help_text="Disabled, it brings no new calls; those it has go on to their end"
    )


class ChangedEdgeForm(EdgeForm):
    """With the version that was opened."""

    versioned = True


@reading
def edges(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    return respond(request, grid, source, template="panel/edges.html", title="Edges", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    return LIST, QuerysetSource(queryset=Edge.objects.filter(account=own_account(request)))


@writing("create_edge", shown_to_all=False)
def new_edge(request: HttpRequest) -> HttpResponseBase:
    """A new switch node."""
    form = EdgeForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_edge, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done} is known now.", form_url=request.path, done_url=reverse("panel:edges"))
    return render_form(request, form, title="New edge", breadcrumbs=_way(), back_url=reverse("panel:edges"))


@writing("update_edge")
def edit_edge(request: HttpRequest, edge_id: int) -> HttpResponseBase:
    """One switch node."""
    edge = get_object_or_404(Edge, pk=edge_id, account=own_account(request))
    form = ChangedEdgeForm(posted(request), initial=initial(edge, FIELDS))
    if form.is_valid():
        done = saved(request, form, update_edge, edge_id=edge.pk, version=form.cleaned_data["version"], **changes(form))
        if done is not None:
            return after_save(request, f"{done} is saved.", form_url=request.path, done_url=reverse("panel:edges"))
    return render_form(
        request,
        form,
        title=as_is(edge.name),
        breadcrumbs=_way(),
        back_url=reverse("panel:edges"),
        can_stay=True,
        read_only=not may(request, "update_edge"),
    )


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Edges", reverse("panel:edges")))


urlpatterns = [
    path("edges/", edges, name="edges"),
    path("edges/new/", new_edge, name="edge_new"),
    path("edges/<int:edge_id>/", edit_edge, name="edge"),
]
