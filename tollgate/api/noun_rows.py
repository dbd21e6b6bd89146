"""How a noun of the API is read: its rows, those of them that a caller may see, its fields and their JSON Schema.

The nouns themselves stand in `nouns.NOUNS`. A field beside the columns is an `Extra`; a column of a new type that JSON
Schema knows goes to `_column_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, QuerySet

from tollgate.actions import records
from tollgate.actions.acts import Actor
from tollgate.api.access import Caller
from tollgate.api.answers import Refused, columns, plain
from tollgate.core.areas import STAFF_FIELDS

BOUGHT: Final = "call_details"
"""The area that opens what a call cost us, as in the panel."""
EVERY: Final = Q()
WHOLE: Final[Mapping[str, Any]] = {"type": "integer"}
TEXT: Final[Mapping[str, Any]] = {"type": "string"}
ROWS: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class Extra:
    """A field beside the columns: how it is asked for, and its JSON Schema."""

    expression: Any
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One kind of record. `account` and `customer` lead from a row to them; without `customer` no reseller reads it."""

    name: str
    model: type[models.Model]
    area: str
    account: str = "account"
    customer: str = ""
    customer_rows: Q = EVERY
    seen: Callable[[Actor], Q] | None = None
    """Which of the account's rows somebody sees, where its customer alone does not say so."""
    without: frozenset[str] = frozenset()
    operated: frozenset[str] = frozenset()
    """Fields that are not told to a reseller's users, because they tell how the operator buys."""
    masked: Callable[[Actor], Mapping[str, Extra]] | None = None
    """Fields of which a reseller's users are told something else than stands in the column."""
    bought: frozenset[str] = frozenset()
    extras: Mapping[str, Extra]
    filters: tuple[str, ...] = ()
    listed: Q = EVERY
    """What the list leaves out is still found by its id."""
    moment: str = ""
    """The instant that `since` and `before` compare."""
    ranged: bool = False
    """Whether a list has to say `since`: there is no end to these."""
    archived: bool = False
    """Whether it is of calls, of which the lake has older ones: read by archive.py, and by conditions (`where`)."""
    order: tuple[str, ...] = ("id",)
    newest_first: bool = False


def rows(noun: Noun) -> QuerySet[Any]:
    """Every row of a noun with its extras."""
    found: QuerySet[Any] = models.QuerySet(noun.model)
    told: QuerySet[Any] = found.annotate(**{place(noun, name): extra.expression for name, extra in noun.extras.items()})
    return told


def place(noun: Noun, name: str) -> str:
    """What a field is called in a query: an extra may have the name of a relation of the model."""
    return f"told_{name}" if name in noun.extras else name


def told(noun: Noun, found: QuerySet[Any], fields: Sequence[str]) -> Iterable[dict[str, Any]]:
    """The rows as JSON tells them, with these fields in this order."""
    places = {name: place(noun, name) for name in fields}
    for row in found.values(*places.values()):
        yield {name: plain(_without(noun, row[where])) for name, where in places.items()}


def _without(noun: Noun, value: Any) -> Any:
    """Values kept in JSON, as those before and after a change, have no more than the record itself."""
    return {name: one for name, one in value.items() if name not in noun.without} if isinstance(value, dict) else value


def seen_by(noun: Noun, caller: Caller) -> Noun:
    """The noun as a caller may read it: a reseller's users are not told which user did something, and from where, nor
    how the operator buys."""
    if caller.actor.reach is None:
        return noun
    hidden = noun.operated
    if STAFF_FIELDS & set(columns(noun.model)):
        hidden |= STAFF_FIELDS | {"ip"}
    masked = noun.masked(caller.actor) if noun.masked is not None else {}
    return replace(
        noun,
        without=noun.without | hidden | masked.keys(),
        extras={**{name: extra for name, extra in noun.extras.items() if name not in hidden}, **masked},
        filters=tuple(one for one in noun.filters if one not in hidden),
    )


def own_rows(noun: Noun, caller: Caller) -> QuerySet[Any]:
    """The rows that a caller may read. Raises Refused where that is none by right."""
    caller.check_reads(noun.area)
    found = rows(noun)
    if noun.account:
        found = found.filter(**{noun.account: caller.account.pk})
    if noun.seen is not None:
        return found.filter(noun.seen(caller.actor))
    if caller.actor.reach is not None:
        if not noun.customer:
            raise Refused(403, "You may not read this.", "It belongs to no customer of yours.")
        found = found.filter(noun.customer_rows, **{f"{noun.customer}__in": caller.actor.reach})
    return found


def all_fields(noun: Noun) -> list[str]:
    """The fields of a noun."""
    told = [name for name in columns(noun.model) if name not in records.SECRETS and name not in noun.without]
    return [*told, *noun.extras]


def fields_for(noun: Noun, caller: Caller) -> list[str]:
    """Those of the fields that a caller may read."""
    hidden: frozenset[str] = frozenset() if caller.reads(BOUGHT) else noun.bought
    return [name for name in all_fields(noun) if name not in hidden]


def field_schema(noun: Noun, name: str) -> dict[str, Any]:
    """The JSON Schema of a field."""
    if name in noun.extras:
        return dict(noun.extras[name].schema)
    column = next(one for one in noun.model._meta.concrete_fields if one.attname == name)  # noqa: SLF001 - Django's public name
    return _nullable(_column_schema(column), null=column.null)


def _nullable(schema: dict[str, Any], *, null: bool) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]} if null and "type" in schema else schema


def _column_schema(column: Any) -> dict[str, Any]:
    if isinstance(column, ArrayField):
        return {"type": "array", "items": _column_schema(column.base_field)}
    if isinstance(column, models.ForeignKey):
        return dict(WHOLE)
    if isinstance(column, models.JSONField):
        return {}
    if isinstance(column, models.BooleanField):
        return {"type": "boolean"}
    if isinstance(column, models.IntegerField):
        return dict(WHOLE)
    if isinstance(column, models.DateTimeField):
        return {"type": "string", "format": "date-time"}
    if isinstance(column, models.DateField):
        return {"type": "string", "format": "date"}
    return dict(TEXT)
