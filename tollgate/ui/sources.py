"""Where a grid's rows come from.

    QuerysetSource(Customer.objects.filter(account=1), search=("name__icontains", "number__startswith"))
    ListSource(live_calls, search=lambda call: f"{call.cli} {call.cld}")

A source answers a `Query` in its order, starting after a key. The key of a row is (its sort value, its id): paging by
key costs the same on page one and page ten thousand. Ties are ended by the id, so the order is total and no row is
shown twice or skipped. To feed a grid by SQL of your own, write a class with the three methods of `Source`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import CharField, DateTimeField, F, Field, IntegerField, Model, Q, QuerySet, TextField
from django.db.models.expressions import OrderBy

from tollgate.ui.columns import Column, Reader, Row, read
from tollgate.ui.conditions import Of

_KINDS = (((CharField, TextField), Of.TEXT), ((IntegerField,), Of.WHOLE), ((DateTimeField,), Of.INSTANT))


@dataclass(frozen=True, slots=True)
class Key:
    """A place in the order: the sort value of a row and its id."""

    value: Any
    row_id: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to show. `filters` maps a filter's lookup to its read value; `back` walks towards the beginning."""

    search: str = ""
    filters: Mapping[str, Any] = field(default_factory=dict)
    sort: str
    descending: bool = False
    after: Key | None = None
    back: bool = False


class Source(Protocol):
    """The three questions a grid asks."""

    def rows(self, query: Query, limit: int) -> Sequence[Row]:
        """At most `limit` rows after the key, nearest first (so reversed when `back`)."""

    def stream(self, query: Query) -> Iterator[Row]:
        """Every row in order, without holding all of them."""

    def count(self, query: Query, most: int) -> int:
        """How many rows, counted no further than `most`."""

    def key(self, row: Row, sort: str) -> Key:
        """The row's place in the order."""


@runtime_checkable
class Comparing(Protocol):
    """A source whose columns take conditions (conditions.py)."""

    def kind_of(self, path: str) -> Of | None:
        """What a condition on this path compares; None for one that takes none."""


@runtime_checkable
class Sifting(Protocol):
    """A source that may have to look at each row to know whether it is found."""

    def counted(self, query: Query) -> int | None:
        """How far it counts what is found so; None for what is found at once."""


@runtime_checkable
class Writing(Protocol):
    """A source that writes the lines of a CSV file itself."""

    def csv_blocks(self, query: Query, columns: Sequence[Column]) -> Iterator[bytes]:
        """Every row in order, as the columns tell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerysetSource:
    """Rows of a queryset; `search` are lookups, any of which may match the search text, or gives what it means.

    `meanings` say by a lookup, of a filter or the search, what it means where it alone would read a whole long table.
    `narrow` is for wide rows of long lists: who stands on the page is found by ids alone, in a query of its own.
    `walked` is for those too: it says by a sort's path what holds of every row that has a value there and lets an index
    give them in order; rows without a value are then asked for apart.
    """

    queryset: QuerySet[Any]
    search: Sequence[str] | Callable[[str], Q] = ()
    meanings: Mapping[str, Callable[[Any], Q]] = field(default_factory=dict)
    id_path: str = "pk"
    narrow: bool = False
    walked: Mapping[str, Q] = field(default_factory=dict)

    def rows(self, query: Query, limit: int) -> Sequence[Row]:
        """One page by key."""
        if not self.narrow:
            return list(self._page(self.chosen(query), query)[:limit])
        ids = self.ids(query, limit)
        rows = self.queryset.in_bulk(ids)
        return [rows[pk] for pk in ids if pk in rows]

    def ids(self, query: Query, limit: int) -> list[Any]:
        """Who stands on one page by key."""
        ids: list[Any] = []
        for page in self._parts(query):
            if len(ids) < limit:
                ids += page.values_list("pk", flat=True)[: limit - len(ids)]
        return ids

    def _page(self, found: QuerySet[Any], query: Query, *, nullable: bool | None = None) -> QuerySet[Any]:
        """What comes after the key, in order."""
        nullable = self._nullable(query.sort) if nullable is None else nullable
        if query.after is not None:
            found = found.filter(self._beyond(query, query.after, nullable=nullable))
        return found.order_by(*self._order(query, nullable=nullable))

    def _parts(self, query: Query) -> list[QuerySet[Any]]:
        """What comes after the key: in one part, or rows with a value and those without apart. Nearest first."""
        found = self.chosen(query)
        if query.sort not in self.walked:
            return [self._page(found, query)]
        after = query.after
        parts = []
        if after is None or after.value is not None or query.back:
            place = after if after is not None and after.value is not None else None
            known = found.filter(self.walked[query.sort])
            parts.append(self._page(known, replace(query, after=place), nullable=False))
        if self._nullable(query.sort) and (after is None or after.value is None or not query.back):
            place = after if after is not None and after.value is None else None
            empty = found.filter(**{f"{self._lacking(query.sort)}__isnull": True})
            parts.append(self._page(empty, replace(query, sort=self.id_path, after=place)))
        return parts[::-1] if query.back else parts

    def _lacking(self, path: str) -> str:
        """What a row without a value there lacks: where that is a field of another record that always has it, the
        record, of which no table is joined to know it."""
        owner, _, _ = path.rpartition("__")
        found = self._field(path)
        return owner if owner and found is not None and not found.null else path

    def stream(self, query: Query) -> Iterator[Row]:
        """All rows by a server-side cursor; prefetches work in chunks."""
        return self.ordered(query).iterator(chunk_size=2000)

    def ordered(self, query: Query) -> QuerySet[Any]:
        """All rows in order, not yet asked for."""
        return self.chosen(query).order_by(*self._order(query, nullable=self._nullable(query.sort)))

    def count(self, query: Query, most: int) -> int:
        """Counted no further than `most`."""
        return self.chosen(query).order_by()[:most].count()

    def key(self, row: Row, sort: str) -> Key:
        """Sort value and id."""
        return Key(read(row, sort.replace("__", ".")), read(row, self.id_path.replace("__", ".")))

    def kind_of(self, path: str) -> Of | None:
        """By the column, or by what an annotation gives."""
        annotation = self.queryset.query.annotations.get(path)
        found = getattr(annotation, "output_field", None) if annotation is not None else self._field(path)
        return next((kind for classes, kind in _KINDS if isinstance(found, classes)), None)

    def tally(
        self, query: Query, path: str, values: Sequence[Any], sums: Mapping[str, tuple[str, str]]
    ) -> Sequence[Mapping[str, Any]]:
        """What the groups of these values come to (grouping.py): `sums` has by name a path and that of its currency."""
        among = Q(**{f"{path}__in": [value for value in values if value is not None]})
        if None in values:
            among |= Q(**{f"{path}__isnull": True})
        return _added_up(self.chosen(query).filter(among), [path], sums)

    def pivot(
        self, query: Query, paths: Sequence[str], sums: Mapping[str, tuple[str, str]], most: int
    ) -> Sequence[Mapping[str, Any]]:
        """What the groups of these paths come to together (pivots.py)."""
        return _added_up(self.chosen(query), paths, sums, most=most)

    def _field(self, path: str) -> "Field[Any, Any] | None":
        model: type[Model] | None = self.queryset.model
        found: Field[Any, Any] | None = None
        for step in path.split("__"):
            meta = model._meta if model else None  # noqa: SLF001 - Django's public name
            found = meta.pk if meta and step == "pk" else {f.name: f for f in meta.fields}.get(step) if meta else None
            model = found.related_model if found and isinstance(found.related_model, type) else None
        return found

    def chosen(self, query: Query) -> QuerySet[Any]:
        """Those that the search and the filters leave, in no order."""
        meant = [self.meanings[lookup](value) for lookup, value in query.filters.items() if lookup in self.meanings]
        found = self.queryset.filter(*meant, **{k: v for k, v in query.filters.items() if k not in self.meanings})
        return found.filter(self._matching(query.search)) if query.search and self.search else found

    def _matching(self, text: str) -> Q:
        if callable(self.search):
            return self.search(text)
        matches = Q()
        for lookup in self.search:
            matches |= self.meanings[lookup](text) if lookup in self.meanings else Q(**{lookup: text})
        return matches

    def _order(self, query: Query, *, nullable: bool) -> list[OrderBy]:
        """Empty values come last, so first when walking back; a column that is never empty keeps its index's order."""
        falling = query.descending != query.back
        paths = [query.sort] if query.sort == self.id_path else [query.sort, self.id_path]
        orders = []
        for path in paths:
            nulls = {"nulls_first" if query.back else "nulls_last": True} if nullable and path == query.sort else {}
            orders.append(F(path).desc(**nulls) if falling else F(path).asc(**nulls))
        return orders

    def _beyond(self, query: Query, key: Key, *, nullable: bool) -> Q:
        """Rows after the key. Empty values come last, so walking back finds the others before them."""
        sort, step = query.sort, "lt" if query.descending != query.back else "gt"
        if sort == self.id_path:
            return Q(**{f"{sort}__{step}": key.row_id})
        tie = Q(**{f"{self.id_path}__{step}": key.row_id})
        if key.value is None:
            same = Q(**{f"{sort}__isnull": True}) & tie
            return same | Q(**{f"{sort}__isnull": False}) if query.back else same
        # The first condition is implied by the second; it lets an index on (sort, id) start at the key.
        beyond = Q(**{f"{sort}__{step}e": key.value}) & (
            Q(**{f"{sort}__{step}": key.value}) | (Q(**{sort: key.value}) & tie)
        )
        return beyond | Q(**{f"{sort}__isnull": True}) if nullable and not query.back else beyond

    def _nullable(self, path: str) -> bool:
        """Whether any step of the path may be empty; an annotation is taken to be."""
        model: type[Model] | None = self.queryset.model
        for step in path.split("__"):
            if step == "pk":
                return False
            names = {known.name: known for known in model._meta.get_fields()} if model else {}  # noqa: SLF001 - Django's public name
            found = names.get(step)
            if not isinstance(found, Field) or found.null:
                return True
            model = found.related_model if isinstance(found.related_model, type) else None
        return False


def _added_up(
    rows: QuerySet[Any], paths: Sequence[str], sums: Mapping[str, tuple[str, str]], most: int | None = None
) -> list[Mapping[str, Any]]:
    """The rows by these paths and the currencies of the sums.

    They stand inside as they are: what is joined or counted for them multiplies nothing outside.
    """
    keys = {f"group_{place}": path for place, path in enumerate(paths)}
    units = {f"unit_{unit}": unit for _, unit in sums.values() if unit}
    added = {f"sum_{name}": summed for name, (summed, _) in sums.items()}
    inner = rows.order_by().values(**{name: F(path) for name, path in {**keys, **units, **added}.items()})
    try:
        text, values = inner.query.get_compiler(inner.db).as_sql()
    except EmptyResultSet:
        return []
    quote = connections[inner.db].ops.quote_name
    by = ", ".join(quote(name) for name in (*keys, *units))
    figures = ", ".join(["COUNT(*)", *(f"SUM({quote(name)})::numeric" for name in added)])
    end = "" if most is None else f" LIMIT {most:d}"
    with connections[inner.db].cursor() as cursor:
        cursor.execute(f"SELECT {by}, {figures} FROM ({text}) AS listed GROUP BY {by}{end}", values)  # noqa: S608 - our own columns
        found = cursor.fetchall()
    names, width = [*units, "count", *added], len(paths)
    return [{"values": line[:width], **dict(zip(names, line[width:], strict=True))} for line in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """Rows already in memory; sorting and filters read attribute paths, filters match equal values."""

    items: Sequence[Row]
    search: Callable[[Row], str] = str
    id_path: Reader = "id"

    def rows(self, query: Query, limit: int) -> Sequence[Row]:
        """One page."""
        ordered = self._ordered(query)
        if query.after is not None:
            place = self._place(query.after.value, query.after.row_id)
            passed = self._passed(query, place)
            ordered = [row for row in ordered if passed(row)]
        return list(islice(ordered, limit))

    def stream(self, query: Query) -> Iterator[Row]:
        """All rows."""
        return iter(self._ordered(query))

    def count(self, query: Query, most: int) -> int:
        """How many are chosen."""
        return min(len(self.chosen(query)), most)

    def key(self, row: Row, sort: str) -> Key:
        """Sort value and id."""
        return Key(read(row, sort.replace("__", ".")), read(row, self.id_path))

    def _place(self, value: Any, row_id: Any) -> tuple[bool, Any, Any]:
        return (value is None, 0 if value is None else value, row_id)

    def _row_place(self, row: Row, sort: str) -> tuple[bool, Any, Any]:
        key = self.key(row, sort)
        return self._place(key.value, key.row_id)

    def chosen(self, query: Query) -> list[Row]:
        """Those that the search and the filters leave."""
        text = query.search.lower()
        return [
            row
            for row in self.items
            if text in self.search(row).lower()
            and all(read(row, path.replace("__", ".")) == value for path, value in query.filters.items())
        ]

    def _ordered(self, query: Query) -> list[Row]:
        return sorted(
            self.chosen(query),
            key=lambda row: self._row_place(row, query.sort),
            reverse=query.descending != query.back,
        )

    def _passed(self, query: Query, place: tuple[bool, Any, Any]) -> Callable[[Row], bool]:
        if query.descending != query.back:
            return lambda row: self._row_place(row, query.sort) < place
        return lambda row: self._row_place(row, query.sort) > place
