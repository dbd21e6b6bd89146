"""Tags: labels of customers."""

from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.tags import COLORS, create_tag, delete_tag, update_tag
from tollgate.panel import alerts, cli_rules, routes
from tollgate.panel.access import may, own_account, own_customers, reading, rights, writing
from tollgate.panel.cells import excerpt, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import choices, words
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Alert, CliRule, Tag
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

LIST = Grid(
    name="tags",
    columns=(
        Column("name", "Tag", sort="name", link=link("panel:tag", lambda row: row.pk)),
        Column(
            "color",
            "Color",
            value=lambda row: words(row.color or "gray"),
            kind=Kind.BADGE,
            tone=lambda row: row.color or "gray",
        ),
        Column(
            "customers",
            "Customers",
            value="customer_count",
            kind=Kind.COUNT,
            sort="customer_count",
        ),
    ),
    sort="name",
    ticks=True,
    empty_text="No tags yet. A tag marks customers that belong together: find them by it in the list of customers.",
    empty_url="/tags/new/",
    empty_action="Add a tag",
)
FIELDS = ("name", "color")


class TagForm(HouseForm):
    """A label and its color."""

    name = forms.CharField(max_length=50)
    color = forms.ChoiceField(choices=choices(*COLORS), initial="gray")


class ChangedTagForm(TagForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def tags(request: HttpRequest) -> HttpResponseBase:
    """Every tag, with how many customers have it."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/tags.html", title="Tags", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = Tag.objects.filter(account=own_account(request))
    own = own_customers(request).filter(deleted_at=None)
    counted = found.annotate(customer_count=Count("customers", filter=Q(customers__in=own)))
    return LIST, QuerysetSource(queryset=counted, search=("name__icontains",))


@writing("create_tag", shown_to_all=False)
def new_tag(request: HttpRequest) -> HttpResponseBase:
    """A new tag."""
    form = TagForm(posted(request))
    page = reverse("panel:tags")
    if form.is_valid():
        done = saved(request, form, create_tag, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        title="New tag",
        breadcrumbs=crumbs(("Selling", ""), ("Tags", page)),
        back_url=page,
        save_title="Create",
        can_stay=True,
    )


@writing("update_tag")
def edit_tag(request: HttpRequest, tag_id: int) -> HttpResponseBase:
    """One tag."""
    tag = _tag(request, tag_id)
    form = ChangedTagForm(posted(request), initial=initial(tag, FIELDS))
    page = reverse("panel:tags")
    templates = QuerysetSource(queryset=routes.listed(tag.ingress_routes.all()))
    rules = QuerysetSource(queryset=cli_rules.ranked(CliRule.objects.filter(tag=tag)))
    watching = QuerysetSource(queryset=Alert.objects.filter(tag=tag).select_related("customer", "carrier"))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_tag, tag_id=tag.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=page)
    return render_form(
        request,
        form,
        template="panel/tag.html",
        title=as_is(tag.name),
        breadcrumbs=crumbs(("Selling", ""), ("Tags", page)),
        back_url=page,
        can_stay=True,
        read_only=not may(request, "update_tag"),
        tag=tag,
        routes=excerpt(routes.OF_TAG, templates) if rights(request).reads("routes") else None,
        rules=excerpt(cli_rules.OF_TAG, rules) if rights(request).reads("clis") else None,
        alerts=excerpt(alerts.OF_TAG, watching) if rights(request).reads("alerts") else None,
    )


@writing("delete_tag", shown_to_all=False)
def remove_tag(request: HttpRequest, tag_id: int) -> HttpResponseBase:
    """Removes a tag that nobody has."""
    tag = _tag(request, tag_id)
    if request.POST.get("confirmation") != tag.name:
        messages.error(request, f"Type {tag.name} to remove this tag.")
    elif press(request, delete_tag, removed(request, tag.name), tag_id=tag.pk):
        return redirect("panel:tags")
    return redirect("panel:tag", tag.pk)


def _tag(request: HttpRequest, tag_id: int) -> Tag:
    return get_object_or_404(Tag, pk=tag_id, account=own_account(request))


urlpatterns = [
    path("tags/", tags, name="tags"),
    path("tags/new/", new_tag, name="tag_new"),
    path("tags/<int:tag_id>/", edit_tag, name="tag"),
    path("tags/<int:tag_id>/delete/", remove_tag, name="tag_delete"),
]
