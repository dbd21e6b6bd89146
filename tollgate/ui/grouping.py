"""A list in groups: rows of one value stand below a heading that tells how many they are and what they add up to.

    ?group=status        in the address of a list, for a column that `groupable` finds

The list is sorted by that column then. A heading bears what the column shows only where that follows from the value by
which the rows are sorted; where it tells more of a row, the heading bears the value itself. What a heading tells is of
the whole group, not of its rows on this page, and is asked for in one query. A source that can tell it has the method
of `Tallying`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from tollgate.ui.columns import Column, Kind, Row, plain
from tollgate.ui.sources import Key, Query
from tollgate.ui.words import AsIs, figure, told

GROUPING = frozenset({Kind.TEXT, Kind.LINK, Kind.BADGE})


@runtime_checkable
class Tallying(Protocol):
    """A source that tells what its groups come to."""

    def key(self, row: Row, sort: str) -> Key:
        """The row's place in the order."""

    def tally(
        self, query: Query, path: str, values: Sequence[Any], sums: Mapping[str, tuple[str, str]]
    ) -> Sequence[Mapping[str, Any]]:
        """For each of these values of the path and each currency: `values`, `count`, and by name the `sums`."""


@dataclass(slots=True)
class Sums:
    """What one group comes to: its rows, and by column and currency what their numbers add up to."""

    count: int = 0
    of: dict[str, dict[str, int]] = field(default_factory=dict)


def groupable(source: object, columns: Sequence[Column]) -> list[Column]:
    """Those of the columns by whose values the source's rows may stand together."""
    if not isinstance(source, Tallying):
        return []
    return [column for column in columns if column.sort and column.kind in GROUPING and column.value is not str]


def headings(source: object, query: Query, group: Column, columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Before each row what stands above it: the heading of its group before the first of them, otherwise nothing."""
    if not isinstance(source, Tallying) or not rows:
        return [""] * len(rows)
    keys = [source.key(row, query.sort).value for row in rows]
    added = adding(columns)
    known = _known(source, query, keys, added)
    firsts = [place == 0 or keys[place - 1] != key for place, key in enumerate(keys)]
    return [
        _words(group, key, known.get(key, Sums()), added) if first else ""
        for key, first in zip(keys, firsts, strict=True)
    ]


def heading_row(words: str, width: int) -> SafeString:
    """The heading as a row of the table."""
    cell = f'<th scope="rowgroup" colspan="{width}">{escape(words)}</th>'
    return mark_safe(f'<tr class="grid-group">{cell}</tr>')  # noqa: S308 - escaped above


def adding(columns: Sequence[Column]) -> list[Column]:
    """Those of the columns that may be added up where the rows are: they show what the source sorts by."""
    return [
        column
        for column in columns
        if column.adds
        and isinstance(column.currency, str)
        and isinstance(own := column.value or column.name, str)
        and column.sort == own.replace(".", "__")
    ]


def _known(source: Tallying, query: Query, keys: Sequence[Any], added: Sequence[Column]) -> dict[Any, Sums]:
    sums = {column.name: (column.sort, str(column.currency).replace(".", "__")) for column in added}
    found: dict[Any, Sums] = {}
    for row in source.tally(query, query.sort, list(dict.fromkeys(keys)), sums):
        group = found.setdefault(row["values"][0], Sums())
        group.count += row["count"]
        for name, (_, currency) in sums.items():
            by_unit = group.of.setdefault(name, {})
            unit = str(row[f"unit_{currency}"]) if currency else ""
            by_unit[unit] = by_unit.get(unit, 0) + int(row[f"sum_{name}"] or 0)
    return found


class _Only:
    """A row of which nothing is known but what its group has in common."""

    def __init__(self, path: Sequence[str], value: Any) -> None:
        self._path, self._value = path, value

    def __getattr__(self, name: str) -> Any:
        if name != self._path[0]:
            raise AttributeError(name)
        return self._value if len(self._path) == 1 else _Only(self._path[1:], self._value)

    def __str__(self) -> str:
        raise AttributeError("__str__")  # what a row is called is its own


def _common(group: Column, value: Any) -> str:
    """What the column shows where that follows from the group's value; otherwise the value itself."""
    try:
        shown = group.read(_Only(group.sort.split("__"), value))
        return shown if isinstance(shown, AsIs) else plain(group.kind, shown, group.places)
    except (AttributeError, LookupError, TypeError, ValueError):
        if value is None or isinstance(value, datetime):
            return plain(Kind.INSTANT, value)
        words = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        return words.replace("_", " ").capitalize() if group.kind is Kind.BADGE or group.says else words


def name_of(group: Column, value: Any) -> str:
    """How the group of this value is called; nothing where there is no value."""
    shown = _common(group, value)
    data = isinstance(value, AsIs) or isinstance(shown, AsIs)
    says = (group.kind is Kind.BADGE or group.says) and not data
    return str(told(shown)) if says and shown else shown


def _words(group: Column, value: Any, sums: Sums, added: Sequence[Column]) -> str:
    parts = [f"{told(group.title)}: {name_of(group, value) or told('none')}", figure(f"{sums.count:,}")]
    for column in added:
        for unit, total in sorted(sums.of.get(column.name, {}).items()):
            amount = figure(plain(column.kind, total, column.places))
            parts.append(f"{told(column.title)} {amount} {unit or column.unit}".strip())
    return " · ".join(parts)
