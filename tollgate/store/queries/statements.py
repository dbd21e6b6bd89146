"""Runs a named statement of `store/sql` on Django's connection and gives rows with names.

    for row in rows("panel_dashboard", "today", account_id, day_from): row.attempts

Statements number their parameters ($1, $2 ...) as PostgreSQL does, so that one file serves every driver and a test can
prepare it as it stands.
"""

import re
from collections import namedtuple
from datetime import date
from functools import cache
from typing import Any

from django.db import connection

from tollgate.store.sql import load

Value = int | str | date | list[int] | list[str] | None

_PARAMETER = re.compile(r"\$(\d+)")


def rows(file: str, name: str, *values: Value) -> list[Any]:
    """Every row of the statement as a named tuple."""
    text, order = _prepared(file, name)
    with connection.cursor() as cursor:
        cursor.execute(text, [values[number - 1] for number in order])
        row_type = namedtuple(name, [column.name for column in cursor.description or ()])  # type: ignore[misc]  # noqa: PYI024 - its fields come from the statement
        return [row_type._make(row) for row in cursor.fetchall()]


@cache
def _prepared(file: str, name: str) -> tuple[str, tuple[int, ...]]:
    """The statement in the driver's own marks, and which parameter each mark stands for."""
    text = load(file)[name].replace("%", "%%")
    order = tuple(int(found) for found in _PARAMETER.findall(text))
    return _PARAMETER.sub("%s", text), order
