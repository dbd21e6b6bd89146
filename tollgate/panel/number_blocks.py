"""Number blocks: the ranges of extensions that customers have. A button gives the next, where options say blocks start.

A customer's own blocks are a part of its main page (customer_pages.py), drawn by `of_customer`.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.number_blocks import assign_number_block, delete_number_block
from tollgate.panel.access import by_customer, may, own_account, own_customers, reading, served_rows, writing
from tollgate.panel.cells import excerpt, fixed, link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import press
from tollgate.store.models import Customer, NumberBlock
from tollgate.store.queries.finding import by_company
from tollgate.store.queries.number_blocks import with_use
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, Page, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

COLUMNS = (
    Column("first", "Start block", sort="first", link=link("panel:number_block", lambda row: row.pk)),
    Column("last", "End block", sort="last"),
    Column(
        "customer",
        "Company",
        value="customer.name",
        sort="customer__name",
        link=link("panel:customer", lambda row: row.customer_id),
    ),
    Column("used", "Extensions", value="used_count", kind=Kind.COUNT),
    Column("free", "Free", value=lambda row: row.last - row.first + 1 - row.used_count, kind=Kind.COUNT),
    Column("created_at", "Since (UTC)", kind=Kind.INSTANT, sort="created_at"),
)
LIST = Grid(
    name="number_blocks",
    columns=COLUMNS,
    sort="first",
    ticks=True,
    empty_text="No number blocks yet. Open a customer and give it one: its extensions are then taken from it.",
    empty_url="/customers/",
    empty_action="Choose a customer",
)
OF_CUSTOMER = Grid(
    name="number_blocks",
    columns=fixed(column for column in COLUMNS if column.name != "customer"),
    sort="first",
    compact=True,
    page_size=15,
    empty_text="No number blocks: its extensions may be any free numbers.",
)


def of_customer(customer: Customer) -> Page:
    """The blocks of one customer, for its main page."""
    return excerpt(OF_CUSTOMER, QuerysetSource(queryset=with_use(NumberBlock.objects.filter(customer=customer))))


@reading
def number_blocks(request: HttpRequest) -> HttpResponseBase:
    """Every block."""
    grid, source = listed(request, request.GET.dict())
    return respond(
        request,
        grid,
        source,
        template="panel/bulk_grid.html",
        title="Number blocks",
        breadcrumbs=crumbs(("Selling", "")),
        noun="number_block",
        deletes=may(request, "delete_number_block"),
    )


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    found = served_rows(request, NumberBlock.objects.select_related("customer"), deleted=True)
    return LIST, QuerysetSource(
        queryset=with_use(found),
        search=("customer__name__icontains",),
        meanings=by_company(),
        narrow=True,
        walked=by_customer(request),
    )


@reading
def number_block(request: HttpRequest, block_id: int) -> HttpResponseBase:
    """One block."""
    block = _block(request, block_id)
    page = reverse("panel:customer", args=[block.customer_id])
    customer = as_is(block.customer.name)
    context = {
        "title": as_is(f"{block.first}-{block.last}"),
        "breadcrumbs": crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (customer, page)),
        "range": block,  # `block` is a word of templates
        "free_count": block.last - block.first + 1 - block.used_count,
    }
    return render(request, "panel/number_block.html", context)


@writing("assign_number_block", shown_to_all=False)
def new_number_block(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Gives a customer the next block."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    if request.method == "POST":
        press(request, assign_number_block, f"{customer.name} has another number block.", customer_id=customer.pk)
    return redirect("panel:customer", customer.pk)


@writing("delete_number_block", shown_to_all=False)
def remove_number_block(request: HttpRequest, block_id: int) -> HttpResponseBase:
    """Takes a block back."""
    block = _block(request, block_id)
    name = f"{block.first}-{block.last}"
    if request.POST.get("confirmation") != name:
        messages.error(request, f"Type {name} to take this block back.")
    elif press(request, delete_number_block, f"{name} is free again.", number_block_id=block.pk):
        return redirect("panel:customer", block.customer_id)
    return redirect("panel:number_block", block.pk)


def configured(request: HttpRequest) -> bool:
    """Whether options say where blocks start and how long they are."""
    account = own_account(request)
    return account.block_start is not None and account.block_size is not None


def _block(request: HttpRequest, block_id: int) -> Any:
    found = with_use(NumberBlock.objects.filter(customer__in=own_customers(request))).select_related("customer")
    return get_object_or_404(found, pk=block_id)


urlpatterns = [
    path("number-blocks/", number_blocks, name="number_blocks"),
    path("number-blocks/<int:block_id>/", number_block, name="number_block"),
    path("number-blocks/<int:block_id>/delete/", remove_number_block, name="number_block_delete"),
    path("customers/<int:customer_id>/number-blocks/new/", new_number_block, name="number_block_new"),
]
