"""`GET /api/v1/<noun>` and `/<noun>/<id>`: pages of records by a cursor, with filters and a choice of fields.

What there is to read is the table in `nouns`; nothing here knows a noun by name.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tollgate.actions import checks
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Error, Refused, error, unfit
from tollgate.api.archive import archived_row, archived_rows
from tollgate.api.noun_rows import Noun, field_schema, fields_for, own_rows, place, seen_by, told
from tollgate.api.nouns import BY_NAME
from tollgate.core.call_search import RulesInvalid, read_rules

ROWS: Final = 50
ROWS_MOST: Final = 200
TEXT_MOST: Final = 300
CONTROLS: Final = ("limit", "cursor", "fields")
_SALT: Final = "tollgate.api.cursor"
_YES_NO: Final = {"true": True, "false": False}


@door("GET")
def list_rows(request: HttpRequest, caller: Caller, noun: str) -> Answer:
    """A page of records, and the cursor of the next."""
    kind = _noun(noun, caller)
    if kind.archived:
        caller.check_reads(kind.area)
        return archived_page(request, kind, fields_for(kind, caller), partial(archived_rows, caller))
    return page(request, kind, own_rows(kind, caller).filter(kind.listed), fields_for(kind, caller))


def page(request: HttpRequest, kind: Noun, found: QuerySet[Any], known: list[str]) -> Answer:
    """One page of these rows, as the request asks for it; `known` are the fields that may be read."""
    errors: list[Error] = []
    fields = fields_asked(request, known, errors)
    limit = limit_asked(request, errors)
    condition = _filters(request, kind, errors) & _after(request, kind, errors)
    if errors:
        raise unfit(*errors)
    rows = _ordered(found.filter(condition), kind)[: limit + 1]
    read = list(told(kind, rows, [*dict.fromkeys((*fields, *kind.order))]))
    return told_page(request, kind.name, kind.order, read, fields, limit)


def archived_page(
    request: HttpRequest, kind: Noun, known: list[str], rows: Callable[..., list[dict[str, Any]]]
) -> Answer:
    """One page of calls from database and lake; `rows` finds them (archive.py)."""
    errors: list[Error] = []
    fields = fields_asked(request, known, errors)
    limit = limit_asked(request, errors)
    given = _given(request, kind, errors)
    place = place_asked(request, kind.name, errors)
    if errors:
        raise unfit(*errors)
    found = rows(given, fields=[*dict.fromkeys((*fields, *kind.order))], limit=limit + 1, place=place)
    return told_page(request, kind.name, kind.order, found, fields, limit)


def told_page(
    request: HttpRequest, name: str, order: tuple[str, ...], read: list[dict[str, Any]], fields: list[str], limit: int
) -> Answer:
    """The page, where `read` has one row more than it shows when others follow; `order` are what tells its place."""
    data = [{field: row[field] for field in fields} for row in read[:limit]]
    if len(read) <= limit:
        return Answer(200, {"data": data, "next": None})
    cursor = signing.dumps([name, [read[limit - 1][column] for column in order]], salt=_SALT)
    again = {asked: value for asked, value in request.GET.items() if asked != "cursor"}
    link = f"<{request.path}?{urlencode({**again, 'cursor': cursor})}>; rel=next"
    return Answer(200, {"data": data, "next": cursor}, {"Link": link})


@door("GET")
def read_row(request: HttpRequest, caller: Caller, noun: str, row_id: int) -> Answer:
    """One record, its version as the ETag."""
    kind = _noun(noun, caller)
    found = own_rows(kind, caller).filter(pk=row_id)
    archived = partial(archived_row, caller, row_id) if kind.archived else None
    return record(request, kind, found, fields_for(kind, caller), archived=archived)


def record(
    request: HttpRequest,
    kind: Noun,
    found: QuerySet[Any],
    known: list[str],
    *,
    archived: Callable[[list[str]], dict[str, Any] | None] | None = None,
) -> Answer:
    """The one row of these, if there is one; `known` are the fields that may be read, `archived` asks the lake."""
    errors: list[Error] = []
    fields = fields_asked(request, known, errors)
    errors += [error(name, "This does not exist here.", code="unknown") for name in request.GET if name != "fields"]
    if errors:
        raise unfit(*errors)
    row = next(iter(told(kind, found, known)), None)
    if row is None and archived is not None:
        row = archived(known)
    if row is None:
        raise Refused(404, "There is no such record.")
    headers = {"ETag": f'"{row["version"]}"'} if "version" in row else {}
    return Answer(200, {name: row[name] for name in fields}, headers)


def _noun(name: str, caller: Caller) -> Noun:
    if name not in BY_NAME:
        raise Refused(404, "There is no such noun.")
    return seen_by(BY_NAME[name], caller)


def fields_asked(request: HttpRequest, known: list[str], errors: list[Error]) -> list[str]:
    """The fields asked for, in that order; all that may be read when none are named."""
    wanted = [name for name in request.GET.get("fields", "").split(",") if name]
    errors += [error("fields", f"There is no field {name}.", code="unknown") for name in wanted if name not in known]
    return list(dict.fromkeys(name for name in wanted if name in known)) or known


def limit_asked(request: HttpRequest, errors: list[Error]) -> int:
    """How many rows a page has."""
    text = request.GET.get("limit", str(ROWS))
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= ROWS_MOST:
        return int(text[:9])
    errors.append(error("limit", f"Give a number from 1 to {ROWS_MOST}."))
    return ROWS


def _filters(request: HttpRequest, noun: Noun, errors: list[Error]) -> Q:
    """What the filters ask of the rows."""
    return Q(**_given(request, noun, errors))


def _given(request: HttpRequest, noun: Noun, errors: list[Error]) -> dict[str, Any]:
    """Equality on the declared fields, `since` and `before` on the noun's moment, `where` of calls."""
    given: dict[str, Any] = {}
    for name in request.GET:
        text = request.GET.get(name, "")
        if name in CONTROLS:
            continue
        try:
            if noun.moment and name in ("since", "before"):
                lookup = f"{noun.moment}__{'gte' if name == 'since' else 'lt'}"
                given[lookup] = checks.instant(text)
            elif name in noun.filters:
                given[place(noun, name)] = _value(noun, name, text)
            elif noun.archived and name == "where":
                given[name] = read_rules(text)
            else:
                errors.append(error(name, "This is no filter here.", code="unknown"))
        except (checks.Unfit, RulesInvalid) as problem:
            errors.append(error(name, str(problem)))
    if noun.ranged and not request.GET.get("since"):
        errors.append(error("since", "Give a moment to begin with: there is no end to these.", code="required"))
    return given


def _value(noun: Noun, name: str, text: str) -> object:
    schema = field_schema(noun, name)
    kind, form = schema["type"], schema.get("format", "")
    if form == "date":
        return day_asked(text)
    if "boolean" in kind:
        if text not in _YES_NO:
            raise checks.Unfit("Give true or false.")
        return _YES_NO[text]
    if "integer" in kind:
        return whole_asked(text)
    return checks.text(TEXT_MOST)(text)


def whole_asked(text: str) -> int:
    """A whole number of a filter."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(checks.MOST_ID))):
        raise checks.Unfit("Give a whole number.")
    found: int = checks.record_id(int(text))
    return found


def day_asked(text: str) -> date:
    """A day of a filter."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise checks.Unfit("Give a day such as 2026-12-31.") from None


def _after(request: HttpRequest, noun: Noun, errors: list[Error]) -> Q:
    """What comes after the cursor."""
    place = place_asked(request, noun.name, errors)
    if not place:
        return Q()
    side = "lt" if noun.newest_first else "gt"
    condition, same = Q(), Q()
    for column, value in zip(noun.order, place, strict=True):
        condition |= same & Q(**{f"{column}__{side}": value})
        same &= Q(**{column: value})
    return Q(**{f"{noun.order[0]}__{side}e": place[0]}) & condition


def place_asked(request: HttpRequest, list_name: str, errors: list[Error]) -> list[Any]:
    """The place in the order that the cursor of this list tells; nothing without one."""
    text = request.GET.get("cursor", "")
    if not text:
        return []
    try:
        name, place = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        name, place = "", []
    if name != list_name:
        errors.append(error("cursor", "Give a cursor as this list has told it."))
        return []
    return list(place)


def _ordered(found: QuerySet[Any], noun: Noun) -> QuerySet[Any]:
    sign = "-" if noun.newest_first else ""
    return found.order_by(*(f"{sign}{name}" for name in noun.order))
