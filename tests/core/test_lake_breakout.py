"""Claims about breakouts as text, asked of DuckDB: groups of one currency, the first of them, and what all come to."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.breakout import DIMENSIONS, Cut
from tollgate.core.lake import DAY_US, TABLES, Engine, instant_of
from tollgate.core.lake_breakout import (
    HERE,
    LAKE_KEYS,
    LOOKED_UP,
    all_of_them,
    first_of_many,
    first_ones,
    groups,
    lake_lines,
)
from tollgate.core.summaries import MEASURES, Span, Totals, beginning

CALL = dict.fromkeys(TABLES["call"])
BASE: dict[str, Any] = {
    **CALL,
    "id": 1,
    "started_us": 5 * DAY_US,
    "customer_id": 1,
    "state": "charged",
    "answered_us": 1,
}
PAID, COST = "carrier_currency", "carrier_cost_micros"
EUR, USD = {"currency": "EUR"}, {"currency": "USD"}
CALLS = [
    {**BASE, **EUR, "number": "3701", "prefix": "370", PAID: "EUR", "cost_micros": 5, COST: 2},
    {**BASE, **EUR, "number": "3701", "prefix": "370", PAID: "USD", "cost_micros": 7, COST: 3},
    {**BASE, "number": "8881", "prefix": "888", "state": "refused"},
    {**BASE, **USD, "number": "4401", PAID: "EUR", "cost_micros": 1, COST: 9},
]


def answers(text: str, dimensions: tuple[str, ...], calls: list[dict[str, Any]], here: list[Any] | None = None) -> Any:
    """What DuckDB answers, of these calls and of groups that the database has told."""
    types = {name: pa.int64() if of is int else pa.string() for name, of in TABLES["call"].items()}
    keys = {f"k{place}": pa.string() for place in range(len(dimensions))}
    beside = {**keys, "code": pa.string(), **dict.fromkeys(MEASURES, pa.int64())}
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("lake_call", pa.Table.from_pylist(calls, pa.schema(list(types.items()))))
        rows = [dict(zip(beside, row, strict=True)) for row in here or []]
        connection.register(HERE, pa.Table.from_pylist(rows, pa.schema(list(beside.items()))))
        for table, _ in LOOKED_UP.values():
            connection.execute(f"CREATE TABLE {table} AS SELECT 1 AS id, 7 AS value")
        return connection.execute(text).fetchall()


def lines(*dimensions: str) -> str:
    """The lines of all calls."""
    return lake_lines(dimensions, "true", Engine.duckdb)


def figures(row: Any) -> tuple[int, int, int]:
    """Attempts, charge and carrier's cost of an answer's row."""
    place = len(row) - len(MEASURES) - 1
    return tuple(int(row[place + MEASURES.index(name)]) for name in ("attempts", "cost_micros", "carrier_cost_micros"))  # type: ignore[return-value]


def test_a_carrier_s_cost_stands_in_its_own_currency_and_unknown_codes_together() -> None:
    found = groups([lines("country")], ("country",), Engine.duckdb, ["370", "44"])
    rows = answers(first_ones(found, ("country",), Cut(10), Engine.duckdb), ("country",), CALLS)
    told = {(row[1], row[2]): figures(row) for row in rows if row[0] == 0}
    assert told == {
        ("370", "EUR"): (2, 12, 2), ("370", "USD"): (0, 0, 3), ("", ""): (1, 0, 0), ("", "USD"): (1, 1, 0),
        ("", "EUR"): (0, 0, 9),
    }  # fmt: skip
    whole = {row[2]: (*figures(row), row[-1]) for row in rows if row[0] == 1}
    assert whole == {"EUR": (2, 12, 11, 2), "USD": (1, 1, 3, 2), "": (1, 0, 0, 1)}


def test_a_dimension_may_be_asked_for_twice() -> None:
    twice = ("reseller", "reseller")
    found = groups([lines(*twice)], twice, Engine.duckdb, ())
    rows = answers(all_of_them(found, twice, Cut(), Engine.duckdb), ("hour", "hour"), CALLS)
    assert {row[:2] for row in rows} == {(7, 7)}


def test_of_many_numbers_the_first_are_told_whole_with_what_the_database_adds() -> None:
    here = [("3701", "EUR", *[1] * len(MEASURES)), ("9901", "EUR", *[50] * len(MEASURES))]
    by = ("number",)
    found = groups([lines("number")], by, Engine.duckdb, (), here="true")
    for cut in (Cut(2, "cost_micros"), Cut(1, "attempts"), Cut(3, "cost_micros", falling=False), Cut(99)):
        usual = answers(first_ones(found, by, cut, Engine.duckdb), by, CALLS, here)
        many = answers(first_of_many(by, "true", cut, Engine.duckdb, here="true"), by, CALLS, here)
        assert {row for row in many if row[0] == 0} == {row for row in usual if row[0] == 0}
        assert sums(many) == sums(usual)
    alone = all_of_them(groups([], by, Engine.duckdb, (), here="true"), by, Cut(1, "number"), Engine.duckdb)
    assert [row[0] for row in answers(alone, by, CALLS, here)] == ["9901", "3701"]
    (first,) = [row for row in answers(first_of_many(by, "true", Cut(1), Engine.duckdb), by, CALLS) if row[0] == 0]
    assert (first[1], figures(first)) == ("3701", (2, 12, 2))


def sums(rows: Any) -> dict[str, tuple[int, ...]]:
    """What all groups come to by currency, and how many they are."""
    found: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row[0] == 1:
            values = tuple(map(int, row[-1 - len(MEASURES) :]))
            found[row[-2 - len(MEASURES)]] = tuple(
                map(sum, zip(values, found.get(row[-2 - len(MEASURES)], (0,) * len(values)), strict=True))
            )
    return found


@given(st.integers(0, 40_000 * DAY_US))
def test_months_weeks_days_and_hours_begin_as_the_calendar_says(us: int) -> None:
    spans = ("month", "week", "day", "hour")
    found = groups([lines(*spans)], spans, Engine.duckdb, ())
    text = all_of_them(found, spans, Cut(), Engine.duckdb)
    (row,) = answers(text, spans, [{**BASE, "started_us": us, "currency": "EUR"}])
    assert [instant_of(int(value)) for value in row[:4]] == [beginning(instant_of(us), Span(name)) for name in spans]


def test_every_dimension_has_its_key_and_what_no_call_says_is_looked_up() -> None:
    assert {*LAKE_KEYS, "month"} == set(DIMENSIONS)
    by = ("reseller", "account_manager", "tech_prefix")
    text = all_of_them(groups([lines(*by)], by, Engine.duckdb, ()), by, Cut(), Engine.duckdb)
    (row,) = answers(text, by, [{**BASE, "ingress_route_id": 2, "currency": "EUR"}])
    assert row[:4] == (7, 7, None, "EUR")


@pytest.mark.parametrize("engine", list(Engine))
def test_each_engine_is_asked_in_its_own_words(engine: Engine) -> None:
    found = groups(["SELECT 1"], ("day", "cli"), engine, ())
    text = first_ones(found, ("day", "cli"), Cut(5, "cli"), engine)
    assert ("MATERIALIZED" in text) == (engine is not Engine.spark)
    assert ("extract(epoch FROM k0)" in text) == (engine is Engine.postgresql)
    assert ('ORDER BY k1 IS NULL, k1 COLLATE "C" DESC, k0' in text) == (engine is Engine.postgresql)
    assert "LIMIT 5" in text


def test_totals_are_taken_from_totals() -> None:
    some = Totals(attempts=3, cost_micros=7)
    assert (some + some) - some == some
