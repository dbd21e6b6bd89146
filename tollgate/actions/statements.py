"""Runs named statements of store/sql with their $1 parameters inside the act's transaction."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection

from tollgate.store.sql import load


def without_limit() -> None:
    """Lets the statements of this transaction take their time: it bills, and what it reads grows with the customer. A
    page's statements end after `TOLLGATE_STATEMENT_LIMIT_S`."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def fetch(file: str, statement: str, *parameters: object) -> list[dict[str, Any]]:
    """The rows of one statement as dictionaries; none for a statement that returns none."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(load(file)[statement].encode(), parameters)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
