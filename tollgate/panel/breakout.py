"""The breakout: calls grouped by whatever one ticks, with totals, as a page and as files. Saved ones are in reports.py.

Dimensions and measures are declared in core/breakout.py; how a measure looks is said by `_measure` here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.core.breakout import DIMENSIONS, FILTERS, MEASURES, PERIODS, ROWS_MOST, Question, period, told, unfit
from tollgate.panel.access import may, own_account, reach, reading, rights
from tollgate.panel.cells import clock
from tollgate.panel.frame import crumbs
from tollgate.store.models import Account
from tollgate.store.queries.breakout import Group, OnlyInLake, TooMany, breakout, sums
from tollgate.store.queries.summaries import as_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Choice, Filter, FilterKind, Grid, View, respond
from tollgate.ui.sources import Key, ListSource, Query

FIRST: Final = ("customer", "destination")
"""What it is grouped by at first."""
FIRST_PERIOD: Final = "today"
RATIOS: Final[dict[str, tuple[str, int, str, int, str]]] = {
    "asr_percent": ("connected", 100, "attempts", 1, "%"),
    "acd_s": ("duration_ms", 1, "connected", 1000, "s"),
    "margin_percent": ("profit_micros", 100, "profitable_micros", 1, "%"),
}
"""What a ratio is made of: over, times, under, times, and its unit."""
LINKED: Final = {"customer": "panel:customer", "reseller": "panel:customer", "carrier": "panel:carrier"}


@dataclass(slots=True)
class BreakoutSource:
    """The groups of a question that the address asks, read once."""

    account: Account
    reach: frozenset[int] | None
    at: datetime
    groups: list[Group] = field(default_factory=list)
    problem: str = ""

    def ask(self, query: Query) -> None:
        """Reads the groups, or says why not."""
        question = question_of(query.filters, self.at, self.reach)
        self.problem = unfit(question)
        if self.problem:
            return
        try:
            self.groups = breakout(self.account, question)
        except TooMany:
            self.problem = f"More than {ROWS_MOST:,} groups: choose fewer dimensions, a filter or a shorter period."
        except OnlyInLake as problem:
            self.problem = str(problem)

    def rows(self, query: Query, limit: int) -> Sequence[Group]:
        """One page."""
        return self._list().rows(replace(query, filters={}), limit)

    def stream(self, query: Query) -> Iterator[Group]:
        """All groups."""
        return self._list().stream(replace(query, filters={}))

    def count(self, query: Query, most: int) -> int:
        """How many."""
        return self._list().count(replace(query, filters={}), most)

    def key(self, row: Group, sort: str) -> Key:
        """Sort value and what makes the group."""
        return self._list().key(row, sort)

    def _list(self) -> ListSource:
        return ListSource(items=self.groups, id_path=_place)


def _place(group: Group) -> str:
    """Orders groups that are alike in what they are sorted by as people read them; no two have the same."""
    return "\x1f".join(map(str, (*group.words.values(), *group.keys, group.currency)))


def question_of(filters: Any, at: datetime, within: frozenset[int] | None) -> Question:
    """What the filters of the address ask: a named period, or the instants that were typed."""
    by = tuple(name for name in str(filters.get("by", "")).split(",") if name in DIMENSIONS)
    from_at, until_at = period(filters.get("period", FIRST_PERIOD), at)
    texts = {name: str(filters[name]) for name in FILTERS if filters.get(name)}
    return Question(
        dimensions=by or FIRST,
        from_at=filters.get("from_at", from_at),
        until_at=filters.get("until_at", until_at),
        filters=texts,
        reach=within,
    )


def grid_of(dimensions: Sequence[str], *, bought: bool) -> Grid:
    """The grid of a breakout by those dimensions; what carriers cost only for who may read it."""
    measures = [name for name, found in MEASURES.items() if bought or not found.bought]
    columns = [_dimension(name) for name in dimensions] + [_measure(name) for name in measures]
    texts = tuple(Filter(name, title, name) for name, title in FILTERS.items() if bought or name != "carrier")
    return Grid(
        name="breakout",
        columns=(*columns, Column("currency", "Currency", sort="currency", hidden=True)),
        filters=(
            Filter("by", "Group by", "by", hidden=True),
            Filter("period", "Period (UTC)", "period", choices=tuple(PERIODS.items()), usual=FIRST_PERIOD),
            Filter("from", "or from (UTC)", "from_at", kind=FilterKind.INSTANT),
            Filter("until", "until (UTC)", "until_at", kind=FilterKind.INSTANT),
            *texts,
        ),
        sort=f"words__{dimensions[0]}",
        searchable=False,
        page_size=500,
        empty_text="No calls in this period.",
    )


def _dimension(name: str) -> Column:
    def link(group: Group) -> str | None:
        place = list(group.words).index(name)
        known = group.keys[place] is not None and group.words[name]
        return reverse(LINKED[name], args=[group.keys[place]]) if known else None

    return Column(
        name,
        DIMENSIONS[name].title,
        value=lambda group: told(name, group.words[name]) or None,
        sort=f"words__{name}",
        group="Grouped by",
        link=link if name in LINKED else None,
    )


def _measure(name: str) -> Column:
    measure, value, sort = MEASURES[name], f"totals.{name}", f"totals__{name}"
    if name in RATIOS:
        over, times, under, divided, unit = RATIOS[name]
        return Column(
            name,
            measure.title,
            value=value,
            kind=Kind.NUMBER,
            unit=unit,
            sort=sort,
            group=measure.group,
            over=lambda group: getattr(group.totals, over) * times,
            under=lambda group: getattr(group.totals, under) * divided,
        )
    hidden = name in ("refused", "carrier_billed_s", "correction_micros")
    if name.endswith("_micros"):
        return Column(
            name,
            measure.title,
            value=value,
            kind=Kind.MONEY,
            currency="currency",
            sort=sort,
            group=measure.group,
            hidden=hidden,
        )
    if name.endswith("_s"):
        return Column(
            name,
            measure.title,
            value=value,
            kind=Kind.DURATION,
            unit="s",
            show=clock,
            sort=sort,
            group=measure.group,
            hidden=hidden,
            minor=True,
        )
    return Column(
        name, measure.title, value=value, kind=Kind.COUNT, sort=sort, group=measure.group, hidden=hidden, minor=True
    )


@reading
def show(request: HttpRequest) -> HttpResponseBase:
    """The breakout that the address asks for; ticks of the page become part of the address."""
    bought = rights(request).reads("call_details")
    known = [name for name, found in DIMENSIONS.items() if bought or not found.bought]
    if "by" in request.GET:
        chosen = [name for name in request.GET.getlist("by") if name in known]
        kept = {name: text for name, text in request.GET.items() if name not in ("by", "columns", "sort")}
        return redirect(f"{request.path}?{urlencode({**kept, 'f.by': ','.join(chosen)})}")
    asked = request.GET.get("f.by", "").split(",")
    dimensions = [name for name in asked if name in known] or list(FIRST)
    grid = grid_of(dimensions, bought=bought)
    parameters = {**request.GET.dict(), "f.by": ",".join(dimensions)}
    view = View.read(grid, parameters, Choice())
    source = BreakoutSource(own_account(request), reach(request), datetime.now(UTC))
    source.ask(replace(view.query, filters={**view.query.filters, "by": ",".join(dimensions)}))
    saved = {name: text for name, text in parameters.items() if name.startswith("f.") and text}
    return respond(
        request,
        grid,
        source,
        template="panel/breakout.html",
        title="Breakout",
        breadcrumbs=crumbs(("Traffic", "")),
        dimensions=[(name, DIMENSIONS[name].title, name in dimensions) for name in known],
        carried=[(name, text) for name, text in saved.items() if name != "f.by"],
        problem=source.problem,
        totals=sums(source.groups),
        bought=bought,
        as_of=as_of(),
        refreshing=may(request, "refresh_summaries") and reach(request) is None,
        save_url=f"{reverse('panel:report_new')}?{urlencode(saved)}" if may(request, "create_report") else "",
    )


urlpatterns = [path("breakout/", show, name="breakout")]
