"""`GET /api/v1/summaries`: what calls add up to, by hour or day (UTC) and by whom and what they belong to.

The summaries have no id, so no record of theirs is read alone; all else is as with other lists. What they tell is
`store.queries.summary_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest

from tollgate.actions import checks
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Error, error, plain, unfit
from tollgate.api.noun_rows import BOUGHT
from tollgate.api.reads import fields_asked, limit_asked, place_asked, told_page, whole_asked
from tollgate.core.summaries import MEASURES, Span
from tollgate.store.queries import summary_rows
from tollgate.store.queries.summaries import as_of
from tollgate.store.queries.summary_rows import FILTERS, KEYS, Wanted, place_of

NAME: Final = "summaries"
AREA: Final = "summaries"
GRAINS: Final = (Span.HOUR, Span.DAY)
MOMENTS: Final = ("since", "before")
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_TYPES: Final[Mapping[type[Any], Mapping[str, Any]]] = {
    datetime: {"type": "string", "format": "date-time"},
    int: {"type": ["integer", "null"]},
    str: {"type": ["string", "null"]},
}
FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: _TYPES[kind] for name, kind in KEYS.items()},
    **{name: {"type": "integer"} for name in MEASURES},
}
"""Each field with its JSON Schema."""
PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "grain": {"type": "string", "enum": [grain.value for grain in GRAINS], "default": Span.HOUR.value},
    **{name: {"type": "integer"} for name in FILTERS},
    **{name: {"type": "string", "format": "date-time"} for name in MOMENTS},
}
"""What may be asked beside `limit`, `cursor` and `fields`."""


@door("GET")
def list_summaries(request: HttpRequest, caller: Caller) -> Answer:
    """A page of rows, newest first, and as of when they are complete."""
    caller.check_reads(AREA)
    errors: list[Error] = []
    wanted = _wanted(request, caller, errors)
    fields = fields_asked(request, [*wanted.keys, *wanted.measures], errors)
    limit = limit_asked(request, errors)
    place = place_asked(request, NAME, errors)
    after = _after(place, wanted, errors)
    if errors:
        raise unfit(*errors)
    complete_at = as_of()
    found = summary_rows.summary_rows(wanted, limit + 1, after=after, at=datetime.now(UTC))
    read = [plain({**row, "place": [wanted.span.value, *place_of(row, wanted)]}) for row in found]
    answer = told_page(request, NAME, ("place",), read, fields, limit)
    return Answer(answer.status, {**answer.body, "as_of": plain(complete_at)}, answer.headers)


def _wanted(request: HttpRequest, caller: Caller, errors: list[Error]) -> Wanted:
    bought = caller.reads(BOUGHT)
    moments: dict[str, datetime] = {}
    filters: dict[str, int] = {}
    grain = Span.HOUR
    for name in request.GET:
        text = request.GET.get(name, "")
        try:
            if name in MOMENTS:
                moments[name] = checks.instant(text)
            elif name == "grain":
                grain = Span(checks.one_of([one.value for one in GRAINS])(text))
            elif name in FILTERS and (bought or name not in summary_rows.BOUGHT):
                filters[name] = whole_asked(text)
            elif name not in ("limit", "cursor", "fields"):
                errors.append(error(name, "This is no filter here.", code="unknown"))
        except checks.Unfit as problem:
            errors.append(error(name, str(problem)))
    if not request.GET.get("since"):
        errors.append(error("since", "Give a moment to begin with: there is no end to these.", code="required"))
    return Wanted(
        account=caller.account,
        span=grain,
        from_at=moments.get("since", LATEST),
        until_at=moments.get("before", LATEST),
        filters=filters,
        reach=caller.actor.reach,
        bought=bought,
    )


def _after(place: list[Any], wanted: Wanted, errors: list[Error]) -> list[Any]:
    """The place that a cursor tells, of a list with the same rows."""
    if not place:
        return []
    grain, *keys = place[0]
    if grain != wanted.span.value or len(keys) != len(wanted.keys):
        errors.append(error("cursor", "Give a cursor as this list has told it."))
        return []
    return [checks.instant(keys[0]), *keys[1:]]
