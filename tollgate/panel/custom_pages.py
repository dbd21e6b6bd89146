"""Custom pages: the operator's own, beside the dashboard. Their list and form, and the page as its readers see it.

`shown_to` says which pages somebody sees; the dashboard shows them as tabs.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.custom_pages import LONGEST, create_custom_page, delete_custom_page, update_custom_page
from tollgate.panel.access import current_user, may, members, own_account, reading, rights, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.frame import crumbs
from tollgate.panel.page_text import html_of
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import CustomPage, UserGroup
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import TicksWidget
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

FIELDS: Final = ("name", "position", "enabled", "everybody", "group_ids", "resellers", "content")


def _readers(page: Any) -> str:
    if page.everybody:
        return "Everybody, resellers' users too" if page.resellers else "Everybody"
    return f"{len(page.group_ids)} groups"


LIST: Final = Grid(
    name="custom_pages",
    columns=(
        Column("name", "Page", sort="name", link=link("panel:custom_page", lambda row: row.pk)),
        Column("position", "Order", kind=Kind.NUMBER, sort="position"),
        Column("readers", "Shown to", value=_readers, says=True),
        enabled_column(),
    ),
    sort="position",
    searchable=False,
    ticks=True,
    empty_text="No pages of your own yet. A page says in your words what your people should know.",
    empty_url="/custom-pages/new/",
    empty_action="Add a page",
)


class CustomPageForm(HouseForm):
    """What it says, and to whom."""

    widths = {"name": 6, "position": 3, "enabled": 3, "everybody": 12, "group_ids": 12, "resellers": 12, "content": 12}
    name = forms.CharField(max_length=60, help_text="The title of its tab")
    position = forms.IntegerField(label="Order", min_value=0, max_value=10_000, initial=100, help_text="Lower is first")
    enabled = forms.BooleanField(required=False, initial=True)
    everybody = forms.BooleanField(required=False, initial=True, label="Everybody of yours sees it")
    group_ids = forms.TypedMultipleChoiceField(
        label="Or these groups", coerce=int, required=False, widget=TicksWidget, help_text="Where not everybody does"
    )
    resellers = forms.BooleanField(
        required=False, label="Users of resellers see it as well", help_text="Everybody, or those in the groups"
    )
    content = forms.CharField(
        max_length=LONGEST,
        required=False,
        help_text="Markdown: # headings, **bold**, lists, tables, [words](https://example.com). HTML is shown as text; "
        "pictures are not shown",
        widget=forms.Textarea(attrs={"rows": 18}),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["group_ids"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = list(UserGroup.objects.order_by("name").values_list("pk", "name"))


class ChangedCustomPageForm(CustomPageForm):
    """The same with the version that was opened."""

    versioned = True


def shown_to(request: HttpRequest) -> list[CustomPage]:
    """The pages that this user sees, in their order."""
    user = current_user(request)
    found = CustomPage.objects.filter(account=own_account(request), enabled=True).order_by("position", "name", "pk")
    if user.reseller_id is not None:
        found = found.filter(resellers=True)
    pages = list(found)
    if all(page.everybody for page in pages):
        return pages
    own = set(user.groups.values_list("pk", flat=True))
    return [page for page in pages if page.everybody or own & set(page.group_ids)]


@members
def shown_page(request: HttpRequest, custom_page_id: int) -> HttpResponseBase:
    """One page, as its readers see it; for others there is none."""
    pages = shown_to(request)
    page = next((page for page in pages if page.pk == custom_page_id), None)
    if page is None:
        raise Http404
    context = {"title": as_is(page.name), "body": html_of(page.content), "pages": pages, "page": page}
    context["may_see_dashboard"] = rights(request).reads("dashboard")
    return render(request, "panel/custom_page_shown.html", context)


@reading
def custom_pages(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("System", ""))
    return respond(request, grid, source, template="panel/custom_pages.html", title="Custom pages", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    return LIST, QuerysetSource(queryset=CustomPage.objects.filter(account=own_account(request)))


@writing("create_custom_page", shown_to_all=False)
def new_custom_page(request: HttpRequest) -> HttpResponseBase:
    """A new page."""
    form = CustomPageForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_custom_page, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=_list())
    return render_form(
        request, form, title="New page", breadcrumbs=_way(), back_url=_list(), save_title="Create", can_stay=True
    )


@writing("update_custom_page")
def edit_custom_page(request: HttpRequest, custom_page_id: int) -> HttpResponseBase:
    """One page."""
    page = _found(request, custom_page_id)
    form = ChangedCustomPageForm(posted(request), initial=initial(page, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_custom_page, custom_page_id=page.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=_list())
    return render_form(
        request,
        form,
        template="panel/custom_page.html",
        title=as_is(page.name),
        breadcrumbs=_way(),
        back_url=_list(),
        can_stay=True,
        read_only=not may(request, "update_custom_page"),
        page=page,
        body=html_of(page.content),
    )


@writing("delete_custom_page", shown_to_all=False)
def remove_custom_page(request: HttpRequest, custom_page_id: int) -> HttpResponseBase:
    """Removes a page."""
    page = _found(request, custom_page_id)
    if request.POST.get("confirmation") != page.name:
        messages.error(request, f"Type {page.name} to remove this page.")
    elif press(request, delete_custom_page, removed(request, page.name), custom_page_id=page.pk):
        return redirect(_list())
    return redirect("panel:custom_page", page.pk)


def _found(request: HttpRequest, custom_page_id: int) -> CustomPage:
    return get_object_or_404(CustomPage, pk=custom_page_id, account=own_account(request))


def _list() -> str:
    return reverse("panel:custom_pages")


def _way() -> list[Any]:
    return crumbs(("System", ""), ("Custom pages", _list()))


urlpatterns = [
    path("pages/<int:custom_page_id>/", shown_page, name="shown_page"),
    path("custom-pages/", custom_pages, name="custom_pages"),
    path("custom-pages/new/", new_custom_page, name="custom_page_new"),
    path("custom-pages/<int:custom_page_id>/", edit_custom_page, name="custom_page"),
    path("custom-pages/<int:custom_page_id>/delete/", remove_custom_page, name="custom_page_delete"),
]
