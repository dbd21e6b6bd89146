"""Departments of contacts on a page: built-in ones in the reader's language, those that the operator added as typed.

grid = with_departments(LIST, account_id)       # cells and filters of the column and the filter "kind"
offer_departments(form.fields["kind"], account_id)
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from tollgate.core.departments import DEPARTMENTS
from tollgate.store.queries.departments import own_departments
from tollgate.ui.columns import Column
from tollgate.ui.grid import Grid
from tollgate.ui.words import as_is, told

DEPARTMENT = Column("kind", "Department", sort="kind", says=True)
"""Where a contact works, in a grid that `with_departments` completes."""


def departments(account_id: int) -> dict[str, str]:
    """What the departments of an account are called, by key: first those that are built in."""
    return {**DEPARTMENTS, **{one.key: as_is(one.name) for one in own_departments(account_id)}}


def offer_departments(field: forms.Field, account_id: int) -> None:
    """Lets a field choose among the departments of an account."""
    assert isinstance(field, forms.ChoiceField)
    field.choices = [(key, told(title)) for key, title in departments(account_id).items()]


def with_departments(grid: Grid, titles: Mapping[str, str]) -> Grid:
    """The grid of contacts with these departments in its cells and its filter."""

    def title(row: Any) -> str:
        return titles.get(row.kind, row.kind)  # added while the page is being made

    columns = tuple(replace(one, value=title) if one.name == DEPARTMENT.name else one for one in grid.columns)
    filters = tuple(
        replace(one, choices=tuple(titles.items())) if one.name == DEPARTMENT.name else one for one in grid.filters
    )
    return replace(grid, columns=columns, filters=filters)
