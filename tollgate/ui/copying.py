"""CSV by the database itself: COPY of the columns that SQL can give, many times quicker than row by row.

A column is copied when its value is a path to plain fields. A list with one column that is none is written row by row,
as are sources that add to what their queryset gives. The texts are the same both ways.

The database fills a file at once and only then is it sent, so a slow download keeps no snapshot open.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, Any

from django.db import connections
from django.db.models import (
    BigIntegerField,
    CharField,
    DateTimeField,
    F,
    Field,
    IntegerField,
    Model,
    QuerySet,
    SmallIntegerField,
    TextField,
)
from django.db.models.expressions import Combinable, Func

from tollgate.ui.columns import Column, Kind
from tollgate.ui.sources import Query, QuerysetSource, Source

WHOLE = (IntegerField, BigIntegerField, SmallIntegerField)
FIELDS: dict[Kind, tuple[type[Field[Any, Any]], ...]] = {
    Kind.TEXT: (CharField, TextField),
    Kind.LINK: (CharField, TextField),
    Kind.BADGE: (CharField, TextField),
    Kind.INSTANT: (DateTimeField,),
    Kind.NUMBER: WHOLE,
    Kind.COUNT: WHOLE,
    Kind.DURATION: WHOLE,
    Kind.MONEY: WHOLE,
    Kind.PRICE: WHOLE,
}
MICROS, NANOS = "0.000001", "0.000000001"


class _Text(Func):
    """A finished text; the template names its argument once, since parameters are given once."""

    output_field = TextField()
    arity = 1


def decimal_text(value: Combinable | str, unit: str, places: int = 0) -> Combinable:
    """The whole number `value` times `unit` ("0.001") as the shortest exact decimal text, of at least `places`."""
    least = f"0.{'0' * places}" if places else "0"  # a sum has the decimals of the longer one
    return _Text(value, template=f"(trim_scale(%(expressions)s * {unit}) + {least})::text")


def copied(source: Source, query: Query, columns: Sequence[Column]) -> IO[bytes] | None:
    """A file with a line of CSV per row, at its beginning; None when this list has to be written row by row."""
    if type(source) is not QuerysetSource:  # another class may add to its rows
        return None
    rows = source.ordered(query)
    if rows.query.is_sliced or rows.query.combinator or rows.query.distinct or rows.query.group_by is not None:
        return None
    texts: list[Combinable] = []
    for column in columns:
        found = _texts(rows.model, column)
        if found is None:
            return None
        texts += found
    named = {f"file_{place}": text for place, text in enumerate(texts)}
    return _filled(rows.annotate(**named).values_list(*named))


def _filled(rows: QuerySet[Any, Any]) -> IO[bytes]:
    """What COPY says about those rows, in a file without a name."""
    statement, parameters = rows.query.sql_with_params()
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with (
        connections[rows.db].cursor() as cursor,
        cursor.copy(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv)", parameters) as lines,
    ):
        for line in lines:
            file.write(line)
    file.seek(0)
    return file


def _texts(model: type[Model], column: Column) -> list[Combinable] | None:
    """The column's text and, where amounts have a currency each, its code."""
    if column.export is not None:
        return None
    value = _path(model, column.value or column.name, FIELDS.get(column.kind, ()))
    if value is None:
        return None
    text = _plain(column, value)
    if not column.currency:
        return [text]
    code = _path(model, column.currency, FIELDS[Kind.TEXT])
    return [text, _empty(code)] if code is not None else None


def _path(model: type[Model], path: object, kinds: tuple[type[Field[Any, Any]], ...]) -> F | None:
    """The path as SQL knows it, if it leads over foreign keys to a field of one of these kinds and no further."""
    if not isinstance(path, str):
        return None
    *keys, last = path.split(".")
    for key in keys:
        step = _field(model, key)
        if step is None or not isinstance(step.related_model, type):
            return None
        model = step.related_model
    found = _field(model, last)
    return F(path.replace(".", "__")) if found is not None and type(found) in kinds else None


def _field(model: type[Model], name: str) -> Field[Any, Any] | None:
    return next((found for found in model._meta.concrete_fields if found.name == name), None)  # noqa: SLF001 - Django's public name


def _plain(column: Column, value: Combinable) -> Combinable:
    """What `columns.plain` and `exports.neutral` make of the value."""
    match column.kind:
        case Kind.MONEY:
            return decimal_text(value, MICROS, column.places)
        case Kind.PRICE:
            return decimal_text(value, NANOS)
        case Kind.INSTANT:
            return _Text(value, template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
        case _ if column.numeric:
            return _Text(value, template="(%(expressions)s)::text")
        case _:
            return _empty(_Text(value, template=r"regexp_replace(%(expressions)s, E'^([-=+@\t\r])', E'''\\1')"))


def _empty(text: Combinable) -> Combinable:
    """COPY writes a missing value as nothing at all, but an empty text as two quotation marks."""
    return _Text(text, template="NULLIF(%(expressions)s, '')")
