"""A list of all customers narrowed to one, for that customer's page: searched, filtered, sorted and ticked as there.

    grid, source = narrowed(contacts.listed(request, {}), customer, search=partial(with_text, "contact"))

Of several lists on a page all but one have a `prefix`. What is done to those ticked, or to all that are found, is done
by the pages of the long list: `panel/bulk_menu.html` is given the `owner`, and bulk_nouns.py the list, as `OfCustomer`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest

from tollgate.store.models import Customer
from tollgate.ui.grid import Grid
from tollgate.ui.sources import QuerysetSource

OF_OWNER: Final = frozenset({"customer", "company", "tag", "of"})
"""Columns and filters that tell whose a row is."""


@dataclass(frozen=True, slots=True)
class OfCustomer:
    """The page of a customer with its own ones of a noun, and the list there, which is searched by less than that of
    all."""

    page: str
    listed: Callable[[HttpRequest, Customer], tuple[Grid, QuerysetSource]]


def narrowed(
    listed: tuple[Grid, QuerysetSource],
    customer: Customer,
    *,
    search: Callable[[str], Q] | None = None,
    **changes: Any,
) -> tuple[Grid, QuerysetSource]:
    """The list of those of this customer; `search` where that of the long list is no list of lookups. What a deleted
    customer left is shown, and removed one by one."""
    grid, source = listed
    found = source.queryset.filter(customer=customer)
    if customer.deleted_at is not None:
        found, changes["ticks"] = source.queryset.model.objects.filter(customer=customer), False
    lookups = () if callable(source.search) else [one for one in source.search if not one.startswith("customer__")]
    grid = replace(
        grid,
        name=f"customer_{grid.name}",
        columns=tuple(column for column in grid.columns if column.name not in OF_OWNER),
        filters=tuple(one for one in grid.filters if one.name not in OF_OWNER),
        empty_url="",
        empty_action="",
        **changes,
    )
    return grid, replace(source, queryset=found, search=search or lookups, narrow=False, walked={})
