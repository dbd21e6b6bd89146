"""Rows of tables as JSON, and back: what a deleted record was, with the rows that go with it.

The database itself writes the JSON and reads it, so that no digit passes through anything else. A column that is new
since is filled with what it is by default. Which rows stay gone is said in `NOT_KEPT`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, TypeVar

from django.apps import apps
from django.db import connection, models
from django.db.models import ForeignKey, QuerySet
from psycopg.sql import SQL, Composed, Identifier

Row = TypeVar("Row", bound=models.Model)
NOT_KEPT: Final = frozenset(
    {"alert_event", "alert_state", "code", "contact_session", "extension", "pin_try", "webhook_delivery"}
)
"""Tables whose rows do not come back: logins and links that are over, what triggers derive, what stood at a moment,
histories that may be long."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row as it was, and what stands `instead` in columns that cannot be so any more."""

    model: type[models.Model]
    text: str
    instead: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """What its columns held, such as JSON tells it."""
        told: dict[str, Any] = json.loads(self.text)
        return told | dict(self.instead)

    def merged(self) -> tuple[str, str]:
        """The two halves that the database puts together."""
        return self.text, json.dumps(self.instead, default=str)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of other rows that led to the record and was emptied when it went."""

    model: type[models.Model]
    column: str
    ids: Sequence[int]


class Vanished(Exception):
    """A row cannot be as it was: what it names in `column` is gone."""

    def __init__(self, part: Part, column: str) -> None:
        super().__init__(f"{part.model.__name__}.{column}")
        self.model, self.column = part.model, column


def whole(model: type[models.Model], ids: Sequence[int]) -> Iterator[Part]:
    """The rows of these ids, and after them those that are deleted with them."""
    key = Identifier(_key(model).column)
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(
                "SELECT to_jsonb(t)::text FROM {table} AS t WHERE {key} = ANY(%s) ORDER BY {key}", model, key=key
            ),
            [list(ids)],
        )
        rows = cursor.fetchall()
    yield from (Part(model, text) for (text,) in rows)
    for related, by in _related(model, models.CASCADE):
        below = list(_all(related).filter(**{f"{by.name}__in": ids}).order_by("pk").values_list("pk", flat=True))
        if below:
            yield from whole(related, below)


def emptied(model: type[models.Model], record_id: int) -> Iterator[Reference]:
    """What names the record, and names nothing when it is gone."""
    for related, by in _related(model, models.SET_NULL):
        found = _all(related).filter(**{by.name: record_id}).order_by("pk").values_list("pk", flat=True)
        if ids := list(found):
            yield Reference(related, by.attname, ids)


def packed(parts: Sequence[Part], references: Sequence[Reference]) -> str:
    """Both as one text."""
    rows = [[_label(part.model), part.text] for part in parts]
    led = [[_label(one.model), one.column, list(one.ids)] for one in references]
    return json.dumps({"rows": rows, "references": led})


def unpacked(text: str) -> tuple[list[Part], list[Reference]]:
    """Both out of it."""
    told = json.loads(text)
    parts = [Part(apps.get_model(label), row) for label, row in told["rows"]]
    return parts, [Reference(apps.get_model(label), column, ids) for label, column, ids in told["references"]]


def as_record(model: type[Row], part: Part) -> Row:
    """The row as its model gives it, of no table."""
    statement = _statement("SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb || %s::jsonb)", model)
    return _all(model).raw(statement.as_string(), part.merged())[0]


def fitting(parts: Sequence[Part]) -> list[Part]:
    """The parts as they can be now: what went its own way meanwhile has done to them what it would have done to rows.

    Raises Vanished where that would have been refused.
    """
    found: list[Part] = []
    there: set[tuple[str, int]] = set()
    for part in parts:
        values, instead = part.values(), _new_columns(part)
        gone = [one for one in _links(part.model) if _is_gone(one, values.get(one.column), there)]
        what = {one.name: one.remote_field.on_delete for one in gone}
        if found and models.CASCADE in what.values():
            continue
        for one in gone:
            if what[one.name] is not models.SET_NULL:
                raise Vanished(part, one.name)
            instead[one.column] = None
        there.add((_label(part.model), values[_key(part.model).column]))
        found.append(Part(part.model, part.text, instead))
    return found


def put_back(part: Part) -> None:
    """Inserts the row by its own id."""
    known = _columns(part.model)
    listed = SQL(", ").join(Identifier(name) for name in part.values() if name in known)
    words = (
        "INSERT INTO {table} ({listed}) SELECT {listed}"
        " FROM jsonb_populate_record(NULL::{table}, %s::jsonb || %s::jsonb)"
    )
    with connection.cursor() as cursor:
        cursor.execute(_statement(words, part.model, listed=listed), part.merged())


def check_now() -> None:
    """Lets the database check at once what it would check at the end. Raises IntegrityError."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refer_again(one: Reference, record_id: int) -> None:
    """Fills the column again where nobody has meanwhile."""
    _all(one.model).filter(pk__in=one.ids, **{one.column: None}).update(**{one.column: record_id})


def _statement(words: LiteralString, model: type[models.Model], **names: Identifier | Composed) -> Composed:
    table = Identifier(model._meta.db_table)  # noqa: SLF001 - Django's public name
    return SQL(words).format(table=table, **names)


def _is_gone(link: Any, value: Any, there: set[tuple[str, int]]) -> bool:
    """Whether a column names a row that is neither there nor comes back before this one; `there` gets those found."""
    target = link.remote_field.model
    named = (_label(target), value)
    if value is None or named in there:
        return False
    if _all(target).filter(pk=value).exists():
        there.add(named)
    return named not in there


def _new_columns(part: Part) -> dict[str, Any]:
    """What stands in columns that are new since it was deleted."""
    known = part.values().keys()
    new = {name: one for name, one in _columns(part.model).items() if name not in known}
    return {name: one.get_default() for name, one in new.items() if not one.has_db_default()}


def _related(model: type[models.Model], on_delete: object) -> Iterator[tuple[type[models.Model], Any]]:
    """What names rows of the model and does so when they are deleted: the model and its column, but what stays gone."""
    for one in model._meta.get_fields(include_hidden=True):  # noqa: SLF001 - Django's public name
        if isinstance(one, models.ForeignObjectRel) and getattr(one, "on_delete", None) is on_delete:
            related = one.related_model
            if related._meta.db_table not in NOT_KEPT:  # noqa: SLF001 - Django's public name
                yield related, one.field


def _columns(model: type[models.Model]) -> dict[str, Any]:
    return {str(one.column): one for one in model._meta.concrete_fields}  # noqa: SLF001 - Django's public name


def _links(model: type[models.Model]) -> list[Any]:
    keys: list[Any] = [one for one in _columns(model).values() if isinstance(one, ForeignKey)]
    return [one for one in keys if one.db_constraint]


def _key(model: type[models.Model]) -> Any:
    return model._meta.pk  # noqa: SLF001 - Django's public name


def _label(model: type[models.Model]) -> str:
    return model._meta.label  # noqa: SLF001 - Django's public name


def _all(model: type[Row]) -> QuerySet[Row]:
    return QuerySet(model)
