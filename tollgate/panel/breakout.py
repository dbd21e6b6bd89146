"""The breakout: calls grouped by whatever one ticks, with totals, as a page and as files. Saved ones are in reports.py.

Dimensions and measures are declared in core/breakout.py; how a measure looks is said by `_measure` here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse

from tollgate.core.breakout import (
    DIMENSIONS,
    FILTERS,
    LISTED,
    MEASURES,
    PERIODS,
    Cut,
    Question,
    heading,
    period,
    unfit,
)
from tollgate.core.breakout import told as told_key
from tollgate.core.summaries import MEASURES as PARTS
from tollgate.panel.access import may, own_account, reach, reading, rights
from tollgate.panel.cells import clock
from tollgate.panel.frame import crumbs
from tollgate.panel.suggestions import suggested
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import Account
from tollgate.store.queries.breakout import NOTHING, Answer, Group, OnlyInLake, breakout, every_group, sums
from tollgate.store.queries.call_search import TooLong
from tollgate.store.queries.summaries import as_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, View, respond
from tollgate.ui.memory import Choice
from tollgate.ui.sources import Key, ListSource, Query
from tollgate.ui.words import told as in_words

FIRST: Final = ("customer", "destination")
"""What it is grouped by at first."""
FIRST_ONES: Final = Cut()
OTHERS: Final = "All others"
"""What stands in place of the keys of the groups that a page does not tell."""
FIRST_PERIOD: Final = "today"
RATIOS: Final[dict[str, tuple[str, int, str, int, str]]] = {
    "asr_percent": ("connected", 100, "attempts", 1, "%"),
    "acd_s": ("duration_ms", 1, "connected", 1000, "s"),
    "margin_percent": ("profit_micros", 100, "profitable_micros", 1, "%"),
}
"""What a ratio is made of: over, times, under, times, and its unit."""
SUMS_OF: Final = {"duration_s": "duration_ms"}
"""The part behind a figure that is no ratio and has another name."""
SUGGESTED: Final = frozenset({"customer", "carrier"})
"""The filters whose names are offered while they are typed."""
LINKED: Final = {"customer": "panel:customer", "reseller": "panel:customer", "carrier": "panel:carrier"}


@dataclass(slots=True)
class BreakoutSource:
    """The groups of a question that the address asks, read once; those that do not fit are read anew for a file."""

    account: Account
    reach: frozenset[int] | None
    at: datetime
    answer: Answer = NOTHING
    problem: str = ""
    cut: Cut = FIRST_ONES
    _question: Question | None = None

    def ask(self, query: Query) -> None:
        """Reads the groups, or says why not."""
        question = question_of(query.filters, self.at, self.reach)
        self.problem = unfit(question)
        if self.problem:
            return
        self._question, self.cut = question, cut_of(query)
        try:
            self.answer = breakout(self.account, question, self.at, cut=self.cut)
        except (OnlyInLake, TooLong, DayUnreadable) as problem:
            self.problem = str(problem)

    def rows(self, query: Query, limit: int) -> Sequence[Group]:
        """One page."""
        return self._list().rows(replace(query, filters={}), limit)

    def stream(self, query: Query) -> Iterator[Group]:
        """All groups, and those too that no page tells."""
        if self.answer.others and self._question is not None:
            return every_group(self.account, self._question, self.at, cut=_order(query))
        return self._list().stream(replace(query, filters={}))

    def count(self, query: Query, most: int) -> int:
        """How many, those that no page tells among them."""
        return min(self.answer.groups_count, most)

    def key(self, row: Group, sort: str) -> Key:
        """Sort value and what makes the group."""
        return self._list().key(row, sort)

    @property
    def first_by(self) -> str:
        """The title of the figure of which groups have the most, or the least, that a page tells of too many."""
        name = next((told for told, part in SUMS_OF.items() if part == self.cut.by), self.cut.by)
        return MEASURES[name].title

    @property
    def totals(self) -> list[Group]:
        """What all groups come to."""
        return sums([*self.answer.groups, *self.answer.others])

    def _list(self) -> ListSource:
        return ListSource(items=self.answer.groups, id_path=_place)


def cut_of(query: Query) -> Cut:
    """Which groups a page tells where they are too many: the first by the figure that it is sorted by, or else those
    of the most attempts."""
    figure = _sorted_by(query)
    return replace(FIRST_ONES, by=figure, falling=query.descending) if figure in PARTS else FIRST_ONES


def _order(query: Query) -> Cut:
    """The order of a file: that of the page, as far as it is that of a sum or of what stands in a column."""
    figure = _sorted_by(query)
    known = figure in PARTS or figure in DIMENSIONS
    return replace(FIRST_ONES, by=figure, falling=query.descending) if known else FIRST_ONES


def _sorted_by(query: Query) -> str:
    name = query.sort.rpartition("__")[2]
    return SUMS_OF.get(name, name)


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
    texts = tuple(
        Filter(name, title, name, suggest=suggested(name) if name in SUGGESTED else "", several=name in LISTED)
        for name, title in FILTERS.items()
        if bought or name != "carrier"
    )
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
        value=lambda group: told_key(name, group.words[name]) or None,
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
    dimensions, grid, parameters = _asked(request, bought=bought)
    source = _answered(request, grid, parameters)
    if source.problem and request.GET.get("export"):  # a page tells it in its place
        return HttpResponse(source.problem, status=422, content_type="text/plain; charset=utf-8")
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
        totals=source.totals,
        answer=source.answer,
        first_by=source.first_by,
        most=source.cut.falling,
        bought=bought,
        as_of=as_of(),
        refreshing=may(request, "refresh_summaries") and reach(request) is None,
        data_url=f"{reverse('panel:breakout_data')}?{urlencode({**saved, 'sort': parameters.get('sort', '')})}",
        save_url=f"{reverse('panel:report_new')}?{urlencode(saved)}" if may(request, "create_report") else "",
    )


@reading
def data(request: HttpRequest) -> JsonResponse:
    """Every group with what its figures are made of, whole numbers as texts: for the pivot (ui/pivot.js)."""
    bought = rights(request).reads("call_details")
    dimensions, grid, parameters = _asked(request, bought=bought)
    source = _answered(request, grid, parameters)
    measures = [name for name, found in MEASURES.items() if bought or not found.bought]
    parts = [name for name in PARTS if bought or not name.startswith(("profit", "carrier"))]
    others = [in_words(OTHERS)] * len(dimensions)
    names = [_apart(source.answer.groups, place, name) for place, name in enumerate(dimensions)]
    told: dict[str, Any] = {
        "dimensions": [{"name": name, "title": heading(name)} for name in dimensions],
        "measures": [_told_measure(name) for name in measures],
        "figure": "cost_micros",
        "parts": parts,
        "problem": source.problem,
        "groups": [
            {
                "keys": [names[place][key] for place, key in enumerate(group.keys)] or others,
                "currency": group.currency,
                "parts": [str(getattr(group.totals, name)) for name in parts],
            }
            for group in (*source.answer.groups, *source.answer.others)
        ],
    }
    return JsonResponse(told)


def _apart(groups: Sequence[Group], place: int, dimension: str) -> dict[Any, str]:
    """How the keys of a dimension are told; of several with one name, such as routes, each with its number."""
    told = {group.keys[place]: told_key(dimension, group.words[dimension]) for group in groups}
    times = Counter(told.values())
    return {key: f"{words} #{key}" if words and times[words] > 1 else words for key, words in told.items()}


def _told_measure(name: str) -> dict[str, Any]:
    """How the pivot makes a figure of the sums of its parts: `over` times, by `under` times, to so many places."""
    over, times, under, divided, unit = RATIOS.get(name, (SUMS_OF.get(name, name), 1, "", 1, ""))
    return {
        "name": name,
        "title": heading(name),
        "over": over,
        "times": times,
        "under": under,
        "divided": divided,
        "places": 1 if name == "acd_s" else 2,
        "unit": unit,
        "money": name.endswith("_micros"),
        "by_currency": name.endswith("_micros") or name == "margin_percent",
        "whole_of": 1000 if name == "duration_s" else 1,
    }


def _asked(request: HttpRequest, *, bought: bool) -> tuple[list[str], Grid, dict[str, str]]:
    """The dimensions that the address asks for, the grid of them, and the address with them."""
    asked = request.GET.get("f.by", "").split(",")
    known = [name for name in asked if name in DIMENSIONS and (bought or not DIMENSIONS[name].bought)]
    dimensions = list(dict.fromkeys(known or FIRST))
    return dimensions, grid_of(dimensions, bought=bought), {**request.GET.dict(), "f.by": ",".join(dimensions)}


def _answered(request: HttpRequest, grid: Grid, parameters: dict[str, str]) -> BreakoutSource:
    """The source with its groups read."""
    view = View.read(grid, parameters, Choice())
    source = BreakoutSource(own_account(request), reach(request), datetime.now(UTC))
    source.ask(replace(view.query, filters={**view.query.filters, "by": parameters["f.by"]}))
    return source


urlpatterns = [
    path("breakout/", show, name="breakout"),
    path("breakout/data/", data, name="breakout_data"),
]
