"""Claims about breakouts as text, asked of DuckDB: groups of one currency, the first of them, and what all come to."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollgate.core.breakout import DIMENSIONS, Cut
from tollgate.core.lake import DAY_US, TABLES, Engine, instant_of
from tollgate.core.lake_breakout import (
    CALLS,
    GROUPS,
    HERE,
    LAKE_KEYS,
    LOOKED_UP,
    TEXTS,
    LakeBreakout,
    first_ones,
    groups,
)
from tollgate.core.lake_groups import BY_CLI, BY_HOUR, LEVELS, level_of, making, making_of, sums
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
SOME = [
    {**BASE, **EUR, "number": "3701", "prefix": "370", PAID: "EUR", "cost_micros": 5, COST: 2},
    {**BASE, **EUR, "number": "3701", "prefix": "370", PAID: "USD", "cost_micros": 7, COST: 3},
    {**BASE, "number": "8881", "prefix": "888", "state": "refused"},
    {**BASE, **USD, "number": "4401", PAID: "EUR", "cost_micros": 1, COST: 9},
]
WORDS = (
    "",
    "0",
    "00",
    "37",
    "370",
    "3701",
    "3702",
    "+370",
    "0" * 17,
    "9" * 17,
    "0" * 18,
    "9" * 18,
    "4a",
    "ž",
    "4",
    None,
)
"""Numbers and what is none."""


def shown(connection: duckdb.DuckDBPyConnection, dimensions: tuple[str, ...], calls: Any, here: Any) -> None:
    """The tables that a text names: calls, and of them the groups of each day."""
    types = {name: pa.int64() if of is int else pa.string() for name, of in TABLES["call"].items()}
    keys = {f"k{place}": pa.string() if name in TEXTS else pa.int64() for place, name in enumerate(dimensions)}
    beside = {**keys, "code": pa.string(), **dict.fromkeys(MEASURES, pa.int64())}
    connection.register(
        HERE,
        pa.Table.from_pylist([dict(zip(beside, row, strict=True)) for row in here], pa.schema(list(beside.items()))),
    )
    days: dict[int, list[Any]] = {}
    for call in calls:
        days.setdefault(call["started_us"] // DAY_US, []).append(call)
    for place, some in enumerate(days.values()):
        connection.register(CALLS, pa.Table.from_pylist(some, pa.schema(list(types.items()))))
        into = f"INSERT INTO {GROUPS}" if place else f"CREATE TABLE {GROUPS} AS"
        connection.execute(f"{into} {making()}")
    for level in LEVELS:
        if level != GROUPS:
            connection.execute(f"CREATE TABLE {level} AS {making_of(level)}")
    connection.register(CALLS, pa.Table.from_pylist(calls, pa.schema(list(types.items()))))
    for table, _ in LOOKED_UP.values():
        connection.execute(f"CREATE TABLE {table} AS SELECT 1 AS id, 7 AS value")


def answers(text: str, dimensions: tuple[str, ...], calls: Any, here: Any = ()) -> Any:
    """What DuckDB answers, of these calls and of groups that the database has told."""
    with duckdb.connect(config={"threads": 1}) as connection:
        shown(connection, dimensions, calls, here)
        return connection.execute(text).fetchall()


def asked(*dimensions: str, of: str = GROUPS, here: bool = False, countries: tuple[str, ...] = ()) -> LakeBreakout:
    """The breakout of all calls, by their groups or by themselves."""
    held = {of: "true"} | ({HERE: "true"} if here else {})
    return LakeBreakout(dimensions, held, Engine.duckdb, countries)


def figures(row: Any) -> tuple[int, int, int]:
    """Attempts, charge and carrier's cost of an answer's row."""
    place = len(row) - len(MEASURES) - 1
    return tuple(int(row[place + MEASURES.index(name)]) for name in ("attempts", "cost_micros", "carrier_cost_micros"))  # type: ignore[return-value]


@pytest.mark.parametrize("of", [GROUPS, CALLS])
def test_a_carrier_s_cost_stands_in_its_own_currency_and_unknown_codes_together(of: str) -> None:
    text = asked("country", of=of, countries=("370", "44")).first_ones(Cut(10))
    rows = answers(text, ("country",), SOME)
    told = {(row[1], row[2]): figures(row) for row in rows if row[0] == 0}
    assert told == {
        ("370", "EUR"): (2, 12, 2), ("370", "USD"): (0, 0, 3), ("", ""): (1, 0, 0), ("", "USD"): (1, 1, 0),
        ("", "EUR"): (0, 0, 9),
    }  # fmt: skip
    whole = {row[2]: (*figures(row), row[-1]) for row in rows if row[0] == 1}
    assert whole == {"EUR": (2, 12, 11, 2), "USD": (1, 1, 3, 2), "": (1, 0, 0, 1)}


def test_a_dimension_may_be_asked_for_twice() -> None:
    for name, known in (("reseller", {(7, 7)}), ("number", {(one, one) for one in ("3701", "8881", "4401")})):
        for text in (
            asked(name, name).all_of_them(Cut()),
            f"SELECT * EXCLUDE part FROM ({asked(name, name).first_ones(Cut())})",
        ):
            rows = answers(text, ("hour", "hour"), SOME)
            assert {row[:2] for row in rows if row[0] is not None} == known


def test_of_many_numbers_the_first_are_told_whole_with_what_the_database_adds() -> None:
    here = [("3701", "EUR", *[1] * len(MEASURES)), ("9901", "EUR", *[50] * len(MEASURES))]
    by = ("number",)
    for cut in (Cut(2, "cost_micros"), Cut(1, "attempts"), Cut(3, "cost_micros", falling=False), Cut(99)):
        for of in (GROUPS, CALLS):
            first_and_whole(by, of, cut, SOME, here)
    alone = LakeBreakout(by, {HERE: "true"}, Engine.duckdb).all_of_them(Cut(1, "number"))
    assert [row[0] for row in answers(alone, by, SOME, here)] == ["9901", "3701"]
    (first,) = [row for row in answers(asked("number").first_ones(Cut(1)), by, SOME) if row[0] == 0]
    assert (first[1], figures(first)) == ("3701", (2, 12, 2))


def first_and_whole(by: tuple[str, ...], of: str, cut: Cut, calls: Any, here: Any = ()) -> None:
    """That the first groups are the first of all of them, and the sums those of all."""
    question = asked(*by, of=of, here=bool(here))
    every = answers(question.all_of_them(cut), by, calls, here)
    found = answers(question.first_ones(cut), by, calls, here)
    told = [row[1:-1] for row in found if row[0] == 0]
    assert sorted(told, key=repr) == sorted(every[: cut.most], key=repr)
    whole: dict[str, tuple[int, ...]] = {}
    for row in every:
        values = (*map(int, row[len(by) + 1 :]), 1)
        known = whole.get(row[len(by)], (0,) * len(values))
        whole[row[len(by)]] = tuple(map(sum, zip(values, known, strict=True)))
    assert sums_of(found) == whole


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from([0, DAY_US, DAY_US + 3_600_000_000]),
            st.sampled_from([(None, None), ("EUR", "EUR"), ("EUR", "USD"), (None, "USD")]), st.integers(0, 3),
        ),
        min_size=1, max_size=14,
    ),
    st.sampled_from([("number", "day"), ("cli", "number"), ("day", "number", "cli"), ("cli",), ("hour", "cli")]),
    st.builds(Cut, st.sampled_from([1, 3, 50]), st.sampled_from(["attempts", "cost_micros", "number"]), st.booleans()),
    st.sampled_from([GROUPS, CALLS]),
    st.sampled_from([(), ("3701", "370"), (None, "ž")]),
)  # fmt: skip
@example([("3701", None, DAY_US, ("EUR", "EUR"), 1)], ("number", "day"), Cut(50), GROUPS, ("3701", "370"))
def test_groups_and_calls_tell_the_same_first_ones_in_the_order_of_the_texts(
    told: list[Any], by: tuple[str, ...], cut: Cut, of: str, here: tuple[str | None, ...]
) -> None:
    calls = [
        {
            **BASE,
            "number": number,
            "cli": cli,
            "started_us": at,
            "currency": own,
            PAID: bought,
            "cost_micros": cost,
            COST: cost,
        }
        for number, cli, at, (own, bought), cost in told
    ]
    cut = cut if cut.by in (*MEASURES, *by) else Cut(cut.most)
    beside = [[text if name in TEXTS else DAY_US for name in by] for text in here]
    first_and_whole(by, of, cut, calls, [(*keys, "EUR", *[1] * len(MEASURES)) for keys in beside])
    keys = [row[: len(by)] for row in answers(asked(*by, of=of).all_of_them(Cut(1, by[0], falling=False)), by, calls)]
    order = [tuple((key is None, key.encode() if isinstance(key, str) else key) for key in row) for row in keys]
    assert order == sorted(order)
    assert keys == [
        row[: len(by)] for row in answers(asked(*by, of=CALLS).all_of_them(Cut(1, by[0], falling=False)), by, calls)
    ]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(WORDS), st.sampled_from(["3701", "+370", None]),
            st.sampled_from([0, 3_600_000_000, DAY_US, DAY_US + 3_600_000_000]),
            st.sampled_from([(None, None), ("EUR", "EUR"), ("EUR", "USD"), (None, "USD")]), st.integers(0, 3),
        ),
        min_size=1, max_size=14,
    ),
    st.lists(st.sampled_from(sorted(DIMENSIONS)), min_size=1, max_size=3, unique=True),
    st.builds(Cut, st.sampled_from([1, 3, 50]), st.sampled_from(["attempts", "cost_micros"]), st.booleans()),
)  # fmt: skip
def test_every_level_that_knows_what_is_asked_tells_what_the_calls_do(told: list[Any], by: list[str], cut: Cut) -> None:
    calls = [
        {**BASE, "number": number, "cli": cli, "started_us": at, "currency": own, PAID: bought, "cost_micros": cost,
         COST: cost, "prefix": (number or "")[:3], "destination": f"To {cli}", "customer_id": cost}
        for number, cli, at, (own, bought), cost in told
    ]  # fmt: skip
    keys = tuple(by)
    every, first = (answers(text, keys, calls) for text in texts(keys, CALLS, cut))
    known = [
        level
        for level, found in LEVELS.items()
        if {"number", "cli"} & set(by) <= set(found.numbers) and (found.hours or "hour" not in by)
    ]
    assert level_of(by, whole_days=True) == known[0]
    for level in known:
        told_all, told_first = (answers(text, keys, calls) for text in texts(keys, level, cut))
        assert told_all == every
        assert sums_of(told_first) == sums_of(first)
        assert first_of(told_first) == first_of(first)


def texts(by: tuple[str, ...], of: str, cut: Cut) -> tuple[str, str]:
    """All groups, and the first of them with what all come to by the smallest level, where `of` is a level."""
    question = LakeBreakout(by, {of: "true"}, Engine.duckdb, ("370",), {BY_HOUR: "true"} if of in LEVELS else {})
    return question.all_of_them(cut), question.first_ones(cut)


def first_of(rows: Any) -> list[Any]:
    """The first groups, in an order of their own."""
    return sorted((row for row in rows if row[0] == 0), key=repr)


@pytest.mark.parametrize(
    ("told", "whole_days", "level"),
    [
        (["customer", "hour"], True, BY_HOUR),
        (["customer", "prefix"], False, BY_HOUR),
        (["cli", "day", "destination"], True, BY_CLI),
        (["cli"], False, GROUPS),
        (["cli", "hour"], True, GROUPS),
        (["number"], True, GROUPS),
        (["number", "cli", "hour"], False, GROUPS),
    ],
)
def test_the_smallest_level_that_knows_it_is_asked(told: list[str], whole_days: bool, level: str) -> None:
    assert level_of(told, whole_days=whole_days) == level


@pytest.mark.parametrize("level", [BY_HOUR, BY_CLI])
def test_a_level_adds_up_to_the_calls_or_is_found_out(level: str) -> None:
    hours = LEVELS[level].hours
    with duckdb.connect(config={"threads": 1}) as connection:
        shown(connection, (), SOME, ())
        told, known = (connection.execute(sums(table, hours=hours)).fetchall() for table in (level, CALLS))
        assert told == known
        connection.execute(f"DELETE FROM {level} WHERE code = 'USD'")
        assert connection.execute(sums(level, hours=hours)).fetchall() != known


def sums_of(rows: Any) -> dict[str, tuple[int, ...]]:
    """What all groups come to by currency, and how many they are."""
    found: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row[0] == 1:
            values = tuple(map(int, row[-1 - len(MEASURES) :]))
            found[row[-2 - len(MEASURES)]] = tuple(
                map(sum, zip(values, found.get(row[-2 - len(MEASURES)], (0,) * len(values)), strict=True))
            )
    return found


@settings(deadline=None)
@given(st.integers(0, 40_000 * DAY_US))
def test_months_weeks_days_and_hours_begin_as_the_calendar_says(us: int) -> None:
    spans = ("month", "week", "day", "hour")
    for of in (GROUPS, CALLS):
        text = asked(*spans, of=of).all_of_them(Cut())
        (row,) = answers(text, spans, [{**BASE, "started_us": us, "currency": "EUR"}])
        told = [instant_of(int(value)) for value in row[:4]]
        assert told == [beginning(instant_of(us), Span(name)) for name in spans]


def test_every_dimension_has_its_key_and_what_no_call_says_is_looked_up() -> None:
    assert {*LAKE_KEYS, "month"} == set(DIMENSIONS)
    by = ("reseller", "account_manager", "tech_prefix")
    text = asked(*by).all_of_them(Cut())
    (row,) = answers(text, by, [{**BASE, "ingress_route_id": 2, "currency": "EUR"}])
    assert row[:4] == (7, 7, None, "EUR")


@pytest.mark.parametrize("engine", list(Engine))
def test_each_engine_is_asked_in_its_own_words(engine: Engine) -> None:
    found = groups(["SELECT 1"], ("day", "cli", "country"), ("44",))
    text = first_ones(found, ("day", "cli", "country"), Cut(5, "cli"), engine)
    assert ("MATERIALIZED" in text) == (engine is not Engine.spark)
    assert "extract(epoch FROM k0)" in text
    assert "CASE WHEN k2 IN ('44') THEN k2 ELSE '' END" in text
    assert ('ORDER BY k1 COLLATE "C" DESC NULLS LAST, k0' in text) == (engine is Engine.postgresql)
    assert "LIMIT 5" in text


@pytest.mark.parametrize("engine", [Engine.duckdb, Engine.spark])
def test_what_is_read_twice_is_kept_where_the_engine_is_told_so(engine: Engine) -> None:
    text = LakeBreakout(("number", "day"), {GROUPS: "true"}, engine).first_ones(Cut(5))
    assert ("once AS NOT MATERIALIZED (" in text, "several AS MATERIALIZED (" in text) == (engine is Engine.duckdb,) * 2


def test_groups_of_a_day_add_up_to_its_calls_by_hour_and_currency() -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        shown(connection, (), SOME, ())
        told, known = (connection.execute(sums(table)).fetchall() for table in (GROUPS, CALLS))
        assert told == known
        assert [(row[1], int(row[2])) for row in told] == [("", 1), ("EUR", 2), ("USD", 1)]
        connection.execute(f"UPDATE {GROUPS} SET billed_s = billed_s + 1 WHERE code = 'USD'")
        assert connection.execute(sums(GROUPS)).fetchall() != known


def test_a_day_has_a_number_once_if_no_other_row_of_its_currency_has_it() -> None:
    more = {**BASE, **EUR, "number": "4401", PAID: "EUR"}
    with duckdb.connect(config={"threads": 1}) as connection:
        shown(connection, (), [*SOME, more, {**more, "cli": "1"}], ())
        rows = connection.execute(f"SELECT number, code, number_once FROM {GROUPS}").fetchall()
    told = {("3701", "EUR", True), ("3701", "USD", True), ("4401", "EUR", False), ("4401", "USD", True)}
    assert set(rows) == {*told, ("8881", "", True)}


def test_totals_are_taken_from_totals() -> None:
    some = Totals(attempts=3, cost_micros=7)
    assert (some + some) - some == some
