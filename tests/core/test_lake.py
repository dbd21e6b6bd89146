"""Claims about questions to the lake: what cannot be asked is said by name, and answers of two sides are one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.lake import (
    OPERATORS,
    Breakout,
    Condition,
    Engine,
    Group,
    QuestionInvalid,
    Search,
    Span,
    added,
    breakout_statement,
    count_statement,
    day_begins,
    instant_of,
    instant_us,
    is_closed,
    merged,
    runs,
    search_statement,
)

AT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
SPAN = Span(7, AT - timedelta(days=1, hours=1), AT)


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda: Breakout("calls", ("attempts",)), "calls"),
        (lambda: Breakout("call", ()), "measure"),
        (lambda: Breakout("call", ("asr",)), "asr"),
        (lambda: Breakout("call", ("attempts",), ("id; DROP TABLE cdr",)), "DROP TABLE"),
        (lambda: Breakout("entry", ("entries",), (), Group((Group((Condition("cld", "eq", "1"),)),))), "cld"),
        (lambda: Search("call", ("password",)), "password"),
        (lambda: Search("call", ("id",), limit=0), "limit"),
    ],
)
def test_a_question_that_cannot_be_asked_names_what_is_wrong(ask: object, word: str) -> None:
    with pytest.raises(QuestionInvalid, match=word):
        ask()  # type: ignore[operator]


@pytest.mark.parametrize(
    "condition",
    [
        Condition("cld", "like", "44"),
        Condition("cld", "eq", 44),
        Condition("id", "eq", "44"),
        Condition("id", "in", ()),
        Condition("id", "contains", 4),
        Condition("cld", "starts", 4),
    ],
)
def test_a_condition_that_cannot_be_names_its_column(condition: Condition) -> None:
    question = Search("call", ("id",), Group((condition,)))
    with pytest.raises(QuestionInvalid, match=condition.column):
        search_statement(question, SPAN, Engine.duckdb)


@pytest.mark.parametrize("engine", Engine)
def test_every_value_is_a_parameter_whatever_is_in_it(engine: Engine) -> None:
    odd = "'; DROP TABLE cdr --"
    parts = [Condition("cld", operator, odd) for operator in OPERATORS if operator not in {"in", "empty"}]
    parts += [Condition("cld", "in", (odd,)), Condition("id", "in", 4)]
    parts += [Condition(column, "empty", empty) for column in ("cld", "id") for empty in (0, 1)]
    question = Search("call", ("id",), Group((*parts, Group((), any=True))), before=(5, 6))
    statement = search_statement(question, SPAN, engine)
    assert "drop" not in statement.text.lower()
    values = list(statement.values.values())
    assert (values.count(odd), values.count(odd.lower())) == (10, 6)
    assert all(engine.mark(name) in statement.text for name in statement.values)
    sums = breakout_statement(Breakout("entry", ("amount_micros",), ("hour_us",)), SPAN, engine, narrow="1 = 1")
    assert "GROUP BY 1, 2" in sums.text
    assert engine.div in {"/", "//", "div"}


def test_amounts_of_two_currencies_are_never_added() -> None:
    question = Breakout("call", ("cost_micros", "carrier_cost_micros"), ("state",))
    assert question.keys == ("state", "currency", "carrier_currency")
    rows = added(
        question, [[("charged", "EUR", None, 1, 2)], [("charged", "USD", None, 3, 4), ("charged", "EUR", None, 5, 6)]]
    )
    assert rows == [("charged", "EUR", None, 6, 8), ("charged", "USD", None, 3, 4)]
    without = Breakout("call", ("attempts",), ("customer_id",))
    assert added(without, [[(None, 1)], [(2, 1), (None, 1)]]) == [(2, 1), (None, 2)]


def test_the_newest_rows_of_both_sides_come_first() -> None:
    question = Search("call", ("cld",), limit=2)
    assert merged(question, [[("a", 10, 1)], [("b", 10, 2), ("c", 9, 9)]]) == [("b",), ("a",)]


@given(st.sets(st.dates(date(2026, 2, 20), date(2026, 3, 10))))
def test_stretches_hold_the_same_days(days: set[date]) -> None:
    found = runs(days)
    held = {first + timedelta(days=more) for first, last in found for more in range((last - first).days)}
    assert held == days
    assert all(before[1] < after[0] for before, after in pairwise(found))


def test_a_day_is_closed_when_its_longest_call_must_have_ended() -> None:
    day = date(2026, 11, 18)
    assert is_closed(day, AT)
    assert not is_closed(day, AT - timedelta(microseconds=1))
    assert list(SPAN.days()) == [date(2026, 11, 19), date(2026, 11, 20)]
    assert instant_of(instant_us(AT)) == AT == day_begins(date(2026, 11, 21))


@pytest.mark.parametrize("engine", Engine)
def test_rows_are_counted_no_further_than_asked(engine: Engine) -> None:
    question = Search("call", ("id",), Group((Condition("cld", "has", "44"),)), limit=3)
    statement = count_statement(question, SPAN, engine, most=1000)
    assert "LIMIT 1000)" in statement.text
    assert "translate(" not in statement.text, "digits have no case"
    assert "44" in statement.values.values()


def test_sums_of_everything_are_one_row() -> None:
    assert "GROUP BY" not in breakout_statement(Breakout("call", ("attempts",)), SPAN, Engine.duckdb).text


def test_a_margin_is_compared_without_dividing() -> None:
    question = Search("call", ("id",), Group((Condition("margin_ppm", "lt", 50_000),)))
    text = search_statement(question, SPAN, Engine.duckdb).text
    assert "cost_micros > 0 AND CAST(profit_micros AS DECIMAL(28, 0)) * 1000000 <" in text
