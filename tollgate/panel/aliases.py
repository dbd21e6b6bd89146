"""Aliases: numbers that are dialed for others, of one customer and of all.

The page of an alias tries dialed numbers on it, saved or not, among the others that a call is asked by.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.aliases import create_alias, delete_alias, update_alias
from tollgate.actions.number_trials import alias_hints, tried_alias
from tollgate.core.aliases import AliasInvalid
from tollgate.panel.access import may, own_account, own_customers, reach, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.deleted_records import removed
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.tried import ALL, OfCompanyForm, as_typed, tried, whole
from tollgate.store.models import Alias, Customer
from tollgate.store.queries.finding import by_company
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded


def whose(alias: Alias) -> str:
    """The owner, by name."""
    return alias.customer.name if alias.customer else ALL


COLUMNS = (
    Column("position", "Order", kind=Kind.NUMBER, sort="position"),
    Column("current", "Dialed", sort="current", link=link("panel:alias", lambda row: row.pk)),
    Column("new", "Becomes", value=lambda row: row.new or "nothing: the part is taken off", sort="new", says=True),
    Column(
        "company",
        "Company",
        value=whose,
        sort="customer__name",
        link=lambda row: _page(row.customer) if row.customer else None,
    ),
    enabled_column(),
    Column("notes", "Notes", sort="notes"),
)
LIST = Grid(
    name="aliases",
    columns=COLUMNS,
    filters=(
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
        Filter("of", "Of", "customer__isnull", choices=(("True", ALL), ("False", "One customer"))),
        Filter("enabled", "Enabled", "enabled", choices=(("True", "Enabled"), ("False", "Disabled"))),
    ),
    sort="position",
    ticks=True,
    empty_text="No aliases yet. They put one number in the place of another that is dialed.",
    empty_url="/aliases/new/",
    empty_action="Add an alias",
)
OF_CUSTOMER = Grid(
    name="customer_aliases",
    columns=tuple(column for column in COLUMNS if column.name != "company"),
    sort="position",
    ticks=True,
    empty_text="No aliases of its own: numbers go as they are dialed.",
)
OF_ALL = replace(
    OF_CUSTOMER,
    name="shared_aliases",
    columns=tuple(replace(column, sort="") for column in OF_CUSTOMER.columns),
    compact=True,
    ticks=False,
    page_size=15,
    empty_text="No aliases of all customers.",
)
FIELDS = ("current", "new", "position", "enabled", "notes")


class AliasForm(HouseForm):
    """An alias."""

    widths = {"enabled": 12, "notes": 12}
    current = forms.CharField(
        max_length=200, label="Dialed", help_text="The whole number, or an expression such as ^0([1-9][0-9]*)$"
    )
    new = forms.CharField(
        max_length=60, required=False, label="Becomes", help_text="$1 = the first group of the expression"
    )
    position = forms.IntegerField(
        min_value=0, max_value=10_000, initial=100, label="Order", help_text="Lower ones are asked first"
    )
    enabled = forms.BooleanField(required=False, initial=True)
    notes = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ChangedAliasForm(AliasForm):
    """With the version that was opened."""

    versioned = True


class GlobalAliasForm(OfCompanyForm, AliasForm):
    """Of a company, or of all."""

    widths = {**AliasForm.widths, "customer_id": 12}


@reading
def aliases(request: HttpRequest) -> HttpResponseBase:
    """Every alias within reach."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Traffic", ""))
    return respond(request, grid, source, template="panel/aliases.html", title="Aliases", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user, for the state of its address."""
    del parameters
    search = ("current__contains", "new__contains", "notes__icontains", "customer__name__icontains")
    return LIST, QuerysetSource(queryset=_aliases(request), search=search, meanings=by_company())


def of_customer(customer: Customer) -> QuerysetSource:
    """The aliases of one customer."""
    search = ("current__contains", "new__contains", "notes__icontains")
    return QuerysetSource(queryset=Alias.objects.filter(customer=customer), search=search)


def of_all(customer: Customer) -> QuerysetSource:
    """What is asked where none of its own fits."""
    return QuerysetSource(queryset=Alias.objects.filter(account=customer.account_id, customer=None))


@writing("create_alias", shown_to_all=False)
def new_alias(request: HttpRequest) -> HttpResponseBase:
    """A new alias of a customer, or of all."""
    return _new(request, GlobalAliasForm(posted(request), request=request), None)


@writing("create_alias", shown_to_all=False)
def new_alias_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new alias of one customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    return _new(request, AliasForm(posted(request)), customer)


@writing("update_alias")
def edit_alias(request: HttpRequest, alias_id: int) -> HttpResponseBase:
    """One alias."""
    alias = _alias(request, alias_id)
    form = ChangedAliasForm(posted(request), initial=initial(alias, FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_alias, alias_id=alias.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, "The alias is saved.", form_url=request.path, done_url=_page(alias.customer))
    return render_form(
        request,
        form,
        template="panel/alias.html",
        title=worded("Alias {alias}", alias=alias),
        breadcrumbs=_way(alias.customer),
        back_url=_page(alias.customer),
        can_stay=True,
        owner=alias.customer,
        record_words=str(alias),
        delete_url=reverse("panel:alias_delete", args=[alias.pk]) if may(request, "delete_alias") else "",
        try_url=f"{reverse('panel:alias_try')}?alias={alias.pk}",
        read_only=not may(request, "update_alias"),
    )


@writing("delete_alias", shown_to_all=False)
def remove_alias(request: HttpRequest, alias_id: int) -> HttpResponseBase:
    """Removes an alias."""
    alias = _alias(request, alias_id)
    if request.POST.get("confirmation") != str(alias):
        messages.error(request, f"Type {alias} to remove this alias.")
    elif press(request, delete_alias, removed(request, str(alias)), alias_id=alias.pk):
        return redirect(_page(alias.customer))
    return redirect("panel:alias", alias.pk)


@reading
def try_alias(request: HttpRequest) -> HttpResponseBase:
    """What becomes of a dialed number by the alias of the form, saved or not, among the others that are asked."""
    dialed = tried(request, "dialed")
    known = _aliases(request).filter(pk=whole(request, "alias")).first()
    customer = own_customers(request).filter(pk=whole(request, "customer")).first()
    alias = Alias(
        pk=known.pk if known else None,
        account=own_account(request),
        customer=known.customer if known else customer,
        position=whole(request, "position"),
        enabled="enabled" in request.GET,
        **{name: as_typed(request, name) for name in ("current", "new")},
    )
    context: dict[str, Any] = {"tried": dialed}
    try:
        context["hints"] = alias_hints(alias)
    except AliasInvalid as problem:
        context["problem"] = problem.sentence
    else:
        context |= {"answer": tried_alias(alias, dialed)} if dialed else {}
    return render(request, "panel/alias_tried.html", context)


def _new(request: HttpRequest, form: AliasForm, owner: Customer | None) -> HttpResponseBase:
    if form.is_valid():
        given = {**changes(form), **({"customer_id": owner.pk} if owner is not None else {})}
        done = saved(request, form, create_alias, account_id=own_account(request).pk, **given)
        if done is not None:
            return after_save(request, "The alias is added.", form_url=request.path, done_url=_page(owner))
    return render_form(
        request,
        form,
        template="panel/alias.html",
        title="New alias",
        breadcrumbs=_way(owner),
        back_url=_page(owner),
        save_title="Add",
        can_stay=True,
        owner=owner,
        try_url=reverse("panel:alias_try") + (f"?customer={owner.pk}" if owner is not None else ""),
    )


def _aliases(request: HttpRequest) -> QuerySet[Alias]:
    """What the user may see: of a reseller's, the aliases of its own customers."""
    found = Alias.objects.filter(account=own_account(request)).select_related("customer")
    if reach(request) is not None:
        return found.filter(customer__in=own_customers(request))
    return found.filter(Q(customer=None) | Q(customer__deleted_at=None))


def _alias(request: HttpRequest, alias_id: int) -> Alias:
    return get_object_or_404(_aliases(request), pk=alias_id)


def _page(owner: Customer | None) -> str:
    return reverse("panel:aliases") if owner is None else reverse("panel:customer_aliases", args=[owner.pk])


def _way(owner: Customer | None) -> list[Any]:
    if owner is None:
        return crumbs(("Traffic", ""), ("Aliases", reverse("panel:aliases")))
    return crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(owner.name), _page(owner)))


urlpatterns = [
    path("aliases/", aliases, name="aliases"),
    path("aliases/new/", new_alias, name="alias_new"),
    path("aliases/try/", try_alias, name="alias_try"),
    path("aliases/<int:alias_id>/", edit_alias, name="alias"),
    path("aliases/<int:alias_id>/delete/", remove_alias, name="alias_delete"),
    path("customers/<int:customer_id>/aliases/new/", new_alias_of, name="alias_new_of"),
]
