"""Any list as a pivot: rows by columns, of what the whole list comes to.

    ?pivot_by=status,currency        in the address of a list: its page as a pivot by these columns
    &export=pivot                    what the page asks for: every group with its sums, as `ui/pivot.js` reads them

A list has a pivot where it stands in groups (grouping.py): by the columns that it can be grouped by, over its rows and
the columns that may be added up. Sums are whole numbers, written as texts: JavaScript's own numbers end at 2^53.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlencode

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tollgate.ui.columns import Column, Kind
from tollgate.ui.grouping import adding, groupable, name_of
from tollgate.ui.sources import Query, Source
from tollgate.ui.words import told

GROUPS_MOST = 10_000
COUNT = "rows"
SAYS_TOO_MANY = f"These are more than {GROUPS_MOST:,} groups. Choose fewer columns, or filter the list first."


@runtime_checkable
class Pivoting(Protocol):
    """A source that tells what its rows come to by several columns at once."""

    def pivot(
        self, query: Query, paths: Sequence[str], sums: Mapping[str, tuple[str, str]], most: int
    ) -> Sequence[Mapping[str, Any]]:
        """At most so many groups: `values` in the order of the paths, `count`, and units and sums as in a tally."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which list: its query, the parts of its address, and its conditions in words."""

    query: Query
    kept: Mapping[str, str]
    conditions: Sequence[str]


def pivot_answer(
    request: HttpRequest,
    columns: Sequence[Column],
    source: Source,
    asked: Asked,
    /,
    *,
    template: str,
    **context: object,
) -> HttpResponseBase:
    """The page of the list as a pivot, or what that page asks for; only for a source that offers columns.

    The context is that of the list's page, whatever its names.
    """
    by = chosen(source, columns, ",".join(request.GET.getlist("pivot_by")))
    if request.GET.get("export") == "pivot" and isinstance(source, Pivoting):
        return JsonResponse(groups_told(source, asked.query, by, columns))
    data = {**asked.kept, "pivot_by": ",".join(column.name for column in by), "export": "pivot"}
    shown = {
        "dimensions": [(column, column in by) for column in offered(source, columns)],
        "carried": list(asked.kept.items()),
        "conditions": asked.conditions,
        "list_url": f"?{urlencode(asked.kept)}",
        "data_url": f"?{urlencode(data)}",
    }
    return render(request, template, {**context, **shown})


def offered(source: object, columns: Sequence[Column]) -> list[Column]:
    """The columns by which the list may be turned into a pivot."""
    return groupable(source, columns) if isinstance(source, Pivoting) else []


def chosen(source: object, columns: Sequence[Column], text: str) -> list[Column]:
    """Those that the address names, in its order; where it names none of them the first that has few values."""
    known = {column.name: column for column in offered(source, columns)}
    named = [known[name] for name in dict.fromkeys(text.split(",")) if name in known]
    return named or sorted(known.values(), key=lambda column: column.kind is not Kind.BADGE)[:1]


def groups_told(source: Pivoting, query: Query, by: Sequence[Column], columns: Sequence[Column]) -> dict[str, Any]:
    """What `ui/pivot.js` shows."""
    added = adding(columns)
    sums = {column.name: (column.sort, str(column.currency).replace(".", "__")) for column in added}
    rows = source.pivot(query, [column.sort for column in by], sums, GROUPS_MOST + 1)
    many = len(rows) > GROUPS_MOST
    return {
        "dimensions": [{"name": column.name, "title": str(told(column.title))} for column in by],
        "measures": [_measure(COUNT, str(told("Count"))), *(_measure_of(column) for column in added)],
        "figure": COUNT,
        "parts": [COUNT, *(column.name for column in added)],
        "problem": str(told(SAYS_TOO_MANY)) if many else "",
        "groups": [] if many else [group for row in rows for group in _groups(row, by, added)],
    }


def _groups(row: Mapping[str, Any], by: Sequence[Column], added: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """One for each currency of the row's amounts; what has no currency stands in the first of them."""
    keys = [name_of(column, value) for column, value in zip(by, row["values"], strict=True)]
    units = {column.name: _unit(row, column) for column in added}
    codes = sorted({unit for unit in units.values() if unit}) or [""]
    for place, code in enumerate(codes):
        parts = [
            str(int(row[f"sum_{column.name}"] or 0)) if (units[column.name] or codes[0]) == code else None
            for column in added
        ]
        yield {"keys": keys, "currency": code, "parts": ["0" if place else str(row["count"]), *parts]}


def _unit(row: Mapping[str, Any], column: Column) -> str:
    """The currency of what this column adds up to."""
    if column.kind is not Kind.MONEY:
        return ""
    return str(row[f"unit_{str(column.currency).replace('.', '__')}"] or "") if column.currency else column.unit


def _measure_of(column: Column) -> dict[str, Any]:
    title = str(told(column.title)) if column.kind is Kind.MONEY else column.shown_heading
    return _measure(column.name, title, money=column.kind is Kind.MONEY)


def _measure(name: str, title: str, *, money: bool = False) -> dict[str, Any]:
    whole = {"over": name, "times": 1, "under": "", "divided": 1, "places": 0, "whole_of": 1}
    return {"name": name, "title": title, "money": money, "by_currency": money, **whole}
