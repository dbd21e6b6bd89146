"""Rows of the lake as the texts of a file, in SQL that every engine reads alike.

The texts are those that `ui.columns.plain` and `ui.exports.neutral` write of the same values. To write another kind of
value, add its function; it takes SQL and gives SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tollgate.core.lake import Engine, Search, Span, Statement, where

DANGEROUS: Final = "-=+@\t\r"
TEXT_TYPES: Final[Mapping[Engine, str]] = {Engine.postgresql: "text", Engine.duckdb: "varchar", Engine.spark: "string"}


def decimal_text(value: str, engine: Engine, *, digits: int, places: int = 0) -> str:
    """A whole number of 10^-`digits` as the shortest exact decimal text, of at least `places`."""
    unit, text = 10**digits, TEXT_TYPES[engine]
    if engine is Engine.postgresql:  # thrice as quick as what the others understand
        least = f"0.{'0' * places}" if places else "0"  # a sum has the decimals of the longer one
        return f"trim_scale({value} * 0.{1:0{digits}d}) + {least}"  # COPY writes it as it is
    part = f"lpad(CAST(mod(abs({value}), {unit}) AS {text}), {digits}, '0')"
    rest = f"trim(TRAILING '0' FROM substr({part}, {places + 1}))"
    if places:
        rest = f"'.' || left({part}, {places}) || {rest}"
    else:
        rest = f"CASE WHEN mod({value}, {unit}) = 0 THEN '' ELSE '.' || {rest} END"
    whole = f"CAST(abs({value}) {engine.div} {unit} AS {text})"
    return f"CASE WHEN {value} < 0 THEN '-' ELSE '' END || {whole} || {rest}"


def whole_text(value: str, engine: Engine) -> str:
    """A whole number."""
    return value if engine is Engine.postgresql else f"CAST({value} AS {TEXT_TYPES[engine]})"


def instant_text(us: str, engine: Engine) -> str:
    """Microseconds since 1970 as an instant in UTC, to the second."""
    seconds = f"{us} {engine.div} 1000000"
    if engine is Engine.postgresql:
        at = us.replace("started_us", "started_at") if us.endswith("started_us") else f"to_timestamp({seconds})"
        return f"date_trunc('second', {at} AT TIME ZONE 'UTC')"  # COPY writes it so: psycopg reads no DateStyle but ISO
    if engine is Engine.spark:
        return f"date_format(timestamp_seconds({seconds}), 'yyyy-MM-dd HH:mm:ss')"
    return f"strftime(make_timestamp({us}), '%Y-%m-%d %H:%M:%S')"


def word_text(value: str) -> str:
    """A text made harmless for a spreadsheet, which runs one that begins so as a formula; nothing when it is empty."""
    first = f"ascii({value})"  # no text is made to compare
    usual = f"{first} > {ord('@')} OR {first} BETWEEN {ord('0')} AND {ord('9')}"  # nearly all: a letter or a digit
    dangerous = f"{first} IN ({', '.join(str(ord(sign)) for sign in DANGEROUS)})"
    more = f"WHEN {dangerous} THEN chr(39) || {value} WHEN {value} = '' THEN NULL"
    return f"CASE WHEN {usual} THEN {value} {more} ELSE {value} END"


def file_statement(
    question: Search,
    span: Span,
    engine: Engine,
    texts: Sequence[str],
    names: Mapping[str, str],
    *,
    narrow: str = "true",
) -> Statement:
    """All rows of the question as these texts, in its order. `names` are tables of id and name by the column joined."""
    statement = Statement(engine)
    held = where(question.where, span, statement)
    start, order = engine.since(Statement(engine), 0)[0], "ASC" if question.oldest_first else "DESC"
    joins = "".join(
        f" LEFT JOIN (SELECT id, name FROM {table}) AS {table} ON {table}.id = called.{column}"  # noqa: S608 - the program's
        for table, column in names.items()
    )
    statement.text = (
        f"SELECT {', '.join(texts)} FROM (SELECT * FROM lake_{question.table} "  # noqa: S608 - expressions of the program
        f"WHERE {narrow} AND {held}) AS called{joins} ORDER BY called.{start} {order}, called.id {order}"
    )
    return statement
