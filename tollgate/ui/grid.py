"""A list of records: filter, quick search, sort, chosen columns, paging by key, export. Declared once per list.

    CUSTOMERS = Grid(
        name="customers",
        columns=(Column("name", "Customer", sort="name", link=...), ...),       # columns.py
        filters=(Filter("status", "Status", "status", choices=(("active", "Active"), ...)),),
        sort="-started_at",
        empty_text="No customers yet.", empty_url="/customers/new/", empty_action="Add a customer",
    )

    def list_customers(request):
        source = QuerysetSource(queryset=..., search=("name__icontains",))      # sources.py
        return respond(request, CUSTOMERS, source, title="Customers", help_url="...")

`respond` answers the page (`ui/grid_page.html`, or a template extending it with `actions`, `above`, `bulk` and `below`
blocks) and, for `?export=csv` or `?export=xlsx`, the file. In a page of another kind: `grid=CUSTOMERS.page(request.GET,
source)` in the context and `{% include "ui/grid.html" %}`; `compact=True` leaves out the search and the columns menu.
Of several lists on a page all but one have a `prefix` of their names in the address; `part` gives one, or its file.

The address carries the state, so a link to a list is a saved view: `q`, `sort` (`-amount` falls), `columns=a,b`,
`f.<filter>`, `c.<column>` (conditions.py), `group=<column>` (grouping.py), `after`/`before` (a row's key, keys.py). A
face that remembers what a user chose puts a `Memory` into the request as `grid_memory`; the address wins over it. Where
there is none, the columns dialog changes the address, and there is no pivot (pivots.py).

With `ticks=True` each row (those that are `tickable`) has a checkbox named `id`, belonging to the form with the id
`<grid name>-ticks`, which the
`bulk` block holds with its buttons.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString

from tollgate.ui.columns import Column, Kind, Row
from tollgate.ui.conditions import WORDS, Condition, Of, conditions, lookup
from tollgate.ui.exports import csv_response, xlsx_response
from tollgate.ui.grouping import groupable, heading_row, headings
from tollgate.ui.keys import read_key, write_key
from tollgate.ui.memory import Choice, Memory, NamedView
from tollgate.ui.pivots import Asked, offered, pivot_answer
from tollgate.ui.sources import Comparing, Key, Query, Sifting, Source
from tollgate.ui.words import figure, told, worded

COUNT_MOST = 10_000
"""Rows are counted no further than this."""
SEARCH_MOST = 1_000
"""The same of what a search or a condition finds: each row has to be compared."""
PAGE_SIZE = 100


class FilterKind(StrEnum):
    """What is typed into a filter."""

    TEXT = "text"
    WHOLE = "number"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Filter:
    """One field of the filter row: `lookup` is what the source understands, such as "started_at__gte".

    With `choices` it is a list; a choice's value is passed on as text. `usual` is the choice that the source takes when
    none is made, so that the list shows it instead of "Any". A `hidden` one is asked for elsewhere on the
    page and only carried along. `suggest` is an address that offers values for what has been typed
    (`ui/suggest.js`); with `several` a filter takes more than one of them, with semicolons between.
    """

    name: str
    title: str
    lookup: str
    kind: FilterKind = FilterKind.TEXT
    choices: tuple[tuple[str, str], ...] = ()
    hidden: bool = False
    usual: str = ""
    suggest: Any = ""
    several: bool = False

    def read(self, text: str) -> Any:
        """The typed value; raises ValueError with a sentence."""
        if self.choices and text not in dict(self.choices):
            raise ValueError(f"{self.title}: {text!r} is not one of the choices.")
        if self.kind is FilterKind.WHOLE:
            if not text.lstrip("-").isdecimal():
                raise ValueError(f"{self.title}: write a whole number.")
            return int(text)
        if self.kind is FilterKind.INSTANT:
            return self._read_instant(text)
        return text == "True" if self.lookup.endswith("__isnull") else text

    def _read_instant(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
            moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"{self.title}: write a date and time, such as 2026-11-20 08:00.") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """See the module's docstring. `sort` is a column's sort, "-" in front to fall; ties are ended by the id."""

    name: str
    prefix: str = ""
    columns: tuple[Column, ...]
    sort: str
    filters: tuple[Filter, ...] = ()
    page_size: int = PAGE_SIZE
    ticks: bool = False
    tickable: Callable[[Row], bool] | None = None
    searchable: bool = True
    compact: bool = False
    empty_text: str = "Nothing here yet."
    empty_url: str = ""
    empty_action: str = ""

    def page(self, parameters: Mapping[str, str], source: Source, saved: Choice | None = None) -> "Page":
        """What the address asks for, read from the source in two queries (rows, count)."""
        view = View.read(self, self.own(parameters), saved or Choice(), source)
        rows = list(source.rows(view.query, self.page_size + 1))
        more = len(rows) > self.page_size
        rows = rows[: self.page_size]
        if view.query.back:
            rows.reverse()
        most = SEARCH_MOST if view.query.search or view.conditions else COUNT_MOST
        most = (source.counted(view.query) if isinstance(source, Sifting) else None) or most
        total = source.count(view.query, most + 1)
        first = source.key(rows[0], view.query.sort) if rows else None
        last = source.key(rows[-1], view.query.sort) if rows else None
        walking = view.query.after is not None
        return Page(
            grid=self,
            view=view,
            rows=rows,
            total=total,
            most=most,
            previous=first if (more if view.query.back else walking) else None,
            following=last if (view.query.back or more) else None,
            row_ids=[self._tick_id(source, row, view.query.sort) for row in rows] if self.ticks else [],
            comparable=[] if self.compact else [column for column in self.columns if kind_in(source, column)],
            groupable=[] if self.compact else groupable(source, self.columns),
            headings=headings(source, view.query, view.group, view.columns, rows) if view.group else [],
            others={name: text for name, text in parameters.items() if not name.startswith(self.prefix)},
        )

    def own(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """What the address says of this list, in a page of several."""
        length = len(self.prefix)
        return {name[length:]: text for name, text in parameters.items() if name.startswith(self.prefix)}

    def _tick_id(self, source: Source, row: Row, sort: str) -> Any:
        """What a row's checkbox sends; None for a row without one."""
        return source.key(row, sort).row_id if self.tickable is None or self.tickable(row) else None

    @property
    def visible(self) -> tuple[Column, ...]:
        """The columns shown to who has chosen none."""
        return tuple(column for column in self.columns if not column.hidden)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The state that an address describes."""

    query: Query
    columns: tuple[Column, ...]
    sort: str
    kept: Mapping[str, str]
    errors: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    group: Column | None = None

    @classmethod
    def read(cls, grid: Grid, parameters: Mapping[str, str], saved: Choice, source: Source | None = None) -> "View":
        """The view of an address; what cannot be understood is named in `errors` and otherwise left out.

        The source says which columns take conditions; without one none does.
        """
        # PostgreSQL has no text with a NUL in it.
        parameters = {name: text.replace("\0", "") for name, text in parameters.items()}
        filters, errors = _filters(grid, parameters)
        asked, unclear = _conditions(grid, parameters, source, filters)
        sort = _known_sort(grid, parameters.get("sort", "")) or _known_sort(grid, saved.sort) or grid.sort
        wanted = [name for name in parameters.get("columns", "").split(",") if name] or saved.columns
        chosen = tuple(column for name in wanted if (column := grid.column(name)))
        group = next((c for c in groupable(source, grid.columns) if c.name == parameters.get("group")), None)
        if group and not grid.compact and sort.removeprefix("-") != group.sort:
            sort = group.sort
        back = read_key(parameters.get("before", ""), sort.removeprefix("-"))
        query = Query(
            search=parameters.get("q", "").strip() if grid.searchable else "",
            filters=filters,
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            after=back or read_key(parameters.get("after", ""), sort.removeprefix("-")),
            back=back is not None,
        )
        names = ("q", "sort", "columns", *(("group",) if group else ()), *(f"f.{f.name}" for f in grid.filters))
        kept = {name: parameters[name] for name in names if parameters.get(name)}
        kept |= {condition.parameter: condition.value for condition in asked}
        return cls(
            query=query,
            columns=chosen or grid.visible,
            sort=sort,
            kept=kept,
            errors=(*errors, *unclear),
            conditions=tuple(asked),
            group=None if grid.compact else group,
        )


@dataclass(frozen=True, slots=True)
class Title:
    """One column title as the template shows it."""

    column: Column
    sort_url: str
    aria_sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a grid, ready for `ui/grid.html`."""

    grid: Grid
    view: View
    rows: Sequence[Row]
    total: int
    most: int
    previous: Key | None
    following: Key | None
    row_ids: Sequence[Any]
    comparable: Sequence[Column] = ()
    groupable: Sequence[Column] = ()
    headings: Sequence[str] = ()
    loads_on: bool = False
    pivots: bool = False
    keep_url: str = ""
    views_url: str = ""
    views: Sequence[NamedView] = ()
    path: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    def titles(self) -> list[Title]:
        """The chosen columns with their sort links."""
        return [self._title(column) for column in self.view.columns]

    def groups(self) -> list[tuple[str, int]]:
        """The headings above the titles and how many columns each spans; none where no column has one."""
        columns = self.view.columns
        if not any(column.group for column in columns):
            return []
        return [(name, len(list(found))) for name, found in groupby(columns, key=lambda column: column.group)]

    def lines(self) -> list[SafeString]:
        """The finished rows."""
        ids = self.row_ids or [None] * len(self.rows)
        columns = [column.aligned(self.rows) for column in self.view.columns]
        lines = [self._line(columns, row, row_id) for row, row_id in zip(self.rows, ids, strict=True)]
        width = len(self.view.columns) + self.grid.ticks
        above = [heading_row(words, width) if words else SafeString() for words in self.headings or [""] * len(lines)]
        return [heading + line for heading, line in zip(above, lines, strict=True)]

    def count_text(self) -> str:
        """How many, and how many of them are shown."""
        total = self.total_text()
        if len(self.rows) == self.total:
            return total
        return str(told(worded("{shown} of {total}", shown=f"{len(self.rows):,}", total=total)))

    def total_text(self) -> str:
        """How many are found."""
        return figure(f"{self.most:,}+" if self.total > self.most else f"{self.total:,}")

    def filters(self) -> list[tuple[Filter, str]]:
        """Each filter with what is typed into it."""
        return [(found, self.view.kept.get(f"f.{found.name}", "")) for found in self.grid.filters if not found.hidden]

    def filter_count(self) -> int:
        """How many filters are in use."""
        asked = [found for found in self.grid.filters if not found.hidden and found.lookup in self.view.query.filters]
        return len(asked) + len(self.view.conditions)

    def operators(self) -> list[tuple[str, str]]:
        """Every operator with its words."""
        return [(operator.value, words) for operator, words in WORDS.items()]

    def chips(self) -> list[tuple[str, str]]:
        """Each condition in words, with the address that leaves it out."""
        kept, asked = self.view.kept, self.view.conditions
        return [
            (one.words(), "?" + self._named({k: v for k, v in kept.items() if k != one.parameter})) for one in asked
        ]

    def state(self) -> str:
        """What a named view keeps: the address without the place in the list."""
        return urlencode(self.view.kept)

    def here(self) -> str:
        """This list as it is shown."""
        return f"{self.path}{self._url()}"

    def kept_views(self) -> list[tuple[NamedView, str]]:
        """The views by name, with their addresses."""
        return [(view, f"{self.path}?{self._named(dict(parse_qsl(view.query)))}") for view in self.views]

    def clear_url(self) -> str:
        """The list without its search and its filters."""
        return f"?{self._named({})}"

    def choosable(self) -> list[tuple[Column, bool]]:
        """Every column, the chosen ones first in their order, for the columns dialog."""
        chosen = list(self.view.columns)
        return [(c, True) for c in chosen] + [(c, False) for c in self.grid.columns if c not in chosen]

    def hidden_parameters(self) -> list[tuple[str, str]]:
        """What the search and filter form must carry along."""
        names = {
            "columns",
            *(() if self.view.group else ("sort",)),
            *(f"f.{found.name}" for found in self.grid.filters if found.hidden),
        }
        names |= {condition.parameter for condition in self.view.conditions}
        return self._carried({name: value for name, value in self.view.kept.items() if name in names})

    def state_parameters(self) -> list[tuple[str, str]]:
        """What the columns form must carry along."""
        return self._carried({name: value for name, value in self.view.kept.items() if name != "columns"})

    def changed(self) -> bool:
        """Whether it is shown otherwise than it was made."""
        return self.view.sort != self.grid.sort or not self.shortened()

    def shortened(self) -> bool:
        """Whether a phone may leave columns out: nobody has chosen any."""
        return self.view.columns == self.grid.visible

    def own_sort(self) -> str:
        """The sort, where it is not the grid's."""
        return "" if self.view.sort == self.grid.sort else self.view.sort

    def back_url(self) -> str:
        """This list without the choice that is about to be kept."""
        state = self._named({n: value for n, value in self.view.kept.items() if n not in ("columns", "sort")})
        return f"{self.path}?{state}" if state else self.path

    def previous_url(self) -> str:
        """The page before, or nothing."""
        return self._url(before=write_key(self.previous, self.view.query.sort)) if self.previous else ""

    def following_url(self) -> str:
        """The page after, or nothing."""
        return self._url(after=write_key(self.following, self.view.query.sort)) if self.following else ""

    def refresh_url(self) -> str:
        """This page, read anew."""
        query = self.view.query
        place = {"before" if query.back else "after": write_key(query.after, query.sort)} if query.after else {}
        return self._url(**place)

    def csv_url(self) -> str:
        """Every row that is found, as CSV."""
        return self._url(export="csv")

    def xlsx_url(self) -> str:
        """Every row that is found, as XLSX."""
        return self._url(export="xlsx")

    def pivot_url(self) -> str:
        """The list as a pivot; nothing where it has none."""
        return self._url(pivot_by=self.view.group.name if self.view.group else "") if self.pivots else ""

    def _title(self, column: Column) -> Title:
        if not column.sort:
            return Title(column, "", "")
        active = column.sort == self.view.query.sort
        falling = active and self.view.query.descending
        wanted = f"-{column.sort}" if active and not falling else column.sort
        state = ("descending" if falling else "ascending") if active else "none"
        group = {} if self.view.group in (None, column) else {"group": ""}  # another order knows no groups
        return Title(column, self._url(sort=wanted, **group), state)

    def _line(self, columns: Sequence[Column], row: Row, row_id: Any) -> SafeString:
        tick = ""
        if self.grid.ticks and row_id is None:
            tick = '<td class="tick"></td>'
        elif self.grid.ticks:
            form, number = escape(f"{self.grid.name}-ticks"), escape(str(row_id))
            box = f'<input class="form-check-input" type="checkbox" name="id" value="{number}" form="{form}"'
            tick = f'<td class="tick">{box} aria-label="{escape(told(f"Choose row {row_id}"))}"></td>'
        cells = "".join(column.cell(row) for column in columns)
        return SafeString(f"<tr>{tick}{cells}</tr>")  # cells escape their values

    def _url(self, **changes: str) -> str:
        return "?" + self._named({**self.view.kept, **changes})

    def _named(self, state: Mapping[str, str]) -> str:
        """A state as the address says it, beside that of other lists."""
        return urlencode(dict(self._carried(state)))

    def _carried(self, state: Mapping[str, str]) -> list[tuple[str, str]]:
        prefix = self.grid.prefix
        return [*self.others.items(), *((f"{prefix}{name}", value) for name, value in state.items())]


def respond(
    request: HttpRequest, grid: Grid, source: Source, *, template: str = "ui/grid_page.html", **context: object
) -> HttpResponseBase:
    """The page of a grid, or the file when the address asks for an export; what it cannot understand is told by 422."""
    found = part(request, grid, source, **context)
    if not isinstance(found, Page):
        return found
    return render(request, template, {"grid": found, **context}, status=422 if found.view.errors else 200)


def part(request: HttpRequest, grid: Grid, source: Source, **context: object) -> "Page | HttpResponseBase":
    """The list as a part of a page of another kind, or its file or pivot when the address asks for that."""
    memory: Memory | None = getattr(request, "grid_memory", None)
    saved = memory.choice(grid.name) if memory else Choice()
    parameters = grid.own(request.GET.dict())
    wanted = parameters.get("export", "")
    pivots = [] if memory is None or grid.compact or grid.prefix else offered(source, grid.columns)
    pivot = bool(pivots) and "pivot_by" in parameters
    if pivot or wanted in ("csv", "xlsx"):
        view = View.read(grid, parameters, saved, source)
        query = replace(view.query, after=None, back=False)
        if memory and pivot and not view.errors:
            asked = Asked(query, view.kept, [condition.words() for condition in view.conditions])
            return pivot_answer(request, grid.columns, source, asked, template=memory.pivot_template, **context)
        if not view.errors:
            columns = tuple(column for column in view.columns if column.kind is not Kind.MENU)
            return (csv_response if wanted == "csv" else xlsx_response)(grid.name, columns, source, query)
    page = replace(grid.page(request.GET.dict(), source, saved), path=request.path)
    if memory:
        named = memory.views(grid.name)
        loads_on = memory.loads_on and not grid.compact and not grid.prefix
        page = replace(page, keep_url=memory.url, views_url=memory.views_url, views=named, loads_on=loads_on)
    return replace(page, pivots=bool(pivots))


def _filters(grid: Grid, parameters: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    read: dict[str, Any] = {}
    errors = []
    for found in grid.filters:
        text = parameters.get(f"f.{found.name}", "").strip()
        if text:
            try:
                read[found.lookup] = found.read(text)
            except ValueError as error:
                errors.append(str(error))
    return read, tuple(errors)


def kind_in(source: object, column: Column) -> Of | None:
    """What a condition on the column compares; None for one that takes none."""
    if not column.sort or column.kind is Kind.MENU or not isinstance(source, Comparing):
        return None
    return source.kind_of(column.sort)


def _conditions(
    grid: Grid, parameters: Mapping[str, str], source: Source | None, filters: dict[str, Any]
) -> tuple[list[Condition], list[str]]:
    """What is asked of single columns, put into the filters; sentences on what cannot be."""
    asked: list[Condition] = []
    errors: list[str] = []
    for condition in () if grid.compact else conditions(grid.columns, parameters):
        kind = kind_in(source, condition.column)
        if kind is None:
            errors.append(f"{condition.column.title} cannot be compared.")
            continue
        asked.append(condition)
        try:
            path, value = lookup(condition, kind)
        except ValueError as problem:
            errors.append(str(problem))
        else:
            filters[path] = value
    return asked, errors


def _known_sort(grid: Grid, sort: str) -> str:
    known = {column.sort for column in grid.columns if column.sort} | {grid.sort.removeprefix("-")}
    return sort if sort.removeprefix("-") in known else ""
