"""Questions about calls that every engine answers alike: PostgreSQL for its own days, DuckDB or Spark for the lake.

A question becomes one text that names `lake_call` or `lake_entry`, which are views in the database and files in the
lake. Only sums are asked for, so that the answers of both sides may be added: averages and percentages are made of
sums by whoever shows them. To add a column, add it to the view in `store/sql/schema_lake.sql` (by a migration) and to
`TABLES`; to add a measure, a line in `MEASURES`; a way to compare, a line in `_OPERATORS`; something to compare that is
no column, a line in `COMPARED`. Letters are compared without their case by what Unicode says of each, not by what an
engine's locale does, so that every engine finds the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache

from tollgate.core.calling_codes import calling_code

Value = int | str
Row = tuple[Value | None, ...]

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
OPEN_DAYS = 2  # a call talks for a day at most, so older days change no more unless somebody corrects them


class QuestionInvalid(ValueError):
    """A question that cannot be asked; the message names the column."""


class Engine(StrEnum):
    """Who answers. They differ in how a parameter is marked and in how whole numbers are divided."""

    postgresql = "postgresql"
    duckdb = "duckdb"
    spark = "spark"

    def mark(self, name: str) -> str:
        """A parameter of that name."""
        return {"postgresql": f"%({name})s", "duckdb": f"${name}", "spark": f":{name}"}[self.value]

    def since(self, statement: "Statement", us: int) -> tuple[str, str]:
        """The column of the start, and the mark of an instant to compare it with: what its index or its files know."""
        if self is Engine.postgresql:
            return "started_at", f"{statement.mark(instant_of(us).isoformat())}::timestamptz"
        return "started_us", statement.mark(us)

    @property
    def div(self) -> str:
        """Division of whole numbers, towards zero."""
        return {"postgresql": "/", "duckdb": "//", "spark": "div"}[self.value]


def _columns(whole: str, text: str) -> dict[str, type[Value]]:
    return dict.fromkeys(whole.split(), int) | dict.fromkeys(text.split(), str)


TABLES: Mapping[str, Mapping[str, type[Value]]] = {
    "call": _columns(
        "id account_id customer_id endpoint_id ingress_route_id carrier_id gateway_id started_us answered_us ended_us "
        "duration_ms billed_s price_nanos cost_micros held_micros customer_card_id customer_revision_id "
        "carrier_billed_s carrier_price_nanos carrier_cost_micros carrier_card_id carrier_revision_id profit_micros "
        "sip_sent sip_received q850 pdd_ms ring_ms",
        "edge edge_call_id state cli cld number prefix destination currency carrier_currency refusal released_by "
        "source_ip detail",
    ),
    "entry": _columns(
        "id account_id posted_us wallet_id owner_id amount_micros call_id customer_id started_us",
        "owner_kind book kind currency note",
    ),
}
DERIVED: Mapping[str, str] = {
    "hour_us": "started_us - mod(started_us, 3600000000)",
    "day_us": "started_us - mod(started_us, 86400000000)",
    "calling_code": calling_code("prefix"),
}
"""What may be grouped by beside columns: the UTC hour and day of the start, and the country's calling code."""
COMPARED: Mapping[str, Mapping[str, str]] = {
    "call": {"sip": "COALESCE(NULLIF(sip_received, 0), sip_sent)"},
    "entry": {},
}
"""Whole numbers that may be compared beside columns."""
RATIOS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "call": {"margin_ppm": ("profit_micros", "cost_micros")},
    "entry": {},
}
"""Millionths that one column is of another above zero: they may be compared, and are missing where that is not."""
PPM = 1_000_000
INLINE_FROM = 20
"""So many whole numbers to compare with are written into the text: engines read many parameters slowly."""


def _sum(expression: str) -> str:
    """Decimal, because a sum of BIGINT may leave its range; each value fits, or the engine says so."""
    return f"COALESCE(sum(CAST({expression} AS DECIMAL(18, 0))), 0)"


MEASURES: Mapping[str, Mapping[str, str]] = {
    "call": {
        "attempts": "count(*)",
        "refused": "count(CASE WHEN state = 'refused' THEN 1 END)",
        "connected": "count(answered_us)",
        "duration_ms": _sum("duration_ms"),
        "billed_s": _sum("billed_s"),
        "cost_micros": _sum("cost_micros"),
        "carrier_billed_s": _sum("carrier_billed_s"),
        "carrier_cost_micros": _sum("carrier_cost_micros"),
        "profit_micros": _sum("profit_micros"),
        "profitable_micros": _sum("CASE WHEN profit_micros IS NOT NULL THEN cost_micros END"),
    },
    "entry": {"entries": "count(*)", "amount_micros": _sum("amount_micros")},
}
MONEY: Mapping[str, str] = {
    "cost_micros": "currency",
    "profit_micros": "currency",
    "profitable_micros": "currency",
    "carrier_cost_micros": "carrier_currency",
    "amount_micros": "currency",
}
"""The currency of each amount: it is grouped by, so that amounts of two are never added."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared with a value, in one of the ways of `OPERATORS`; `empty` takes 1 for yes and 0 for no."""

    column: str
    operator: str
    value: Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """All parts hold, or any of them."""

    parts: tuple["Condition | Group", ...]
    any: bool = False


EVERYTHING = Group(())


@dataclass(frozen=True, slots=True)
class Breakout:
    """Sums by dimensions. Raises QuestionInvalid naming what is unknown."""

    table: str
    measures: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    where: Group = EVERYTHING

    def __post_init__(self) -> None:
        known = _table(self.table)
        _require(bool(self.measures), "Ask for one measure at least.")
        for name in self.measures:
            _require(name in MEASURES[self.table], f"{name} is no measure of {self.table}.")
        for name in self.dimensions:
            _require(name in known or name in DERIVED, f"{name} is no column of {self.table}.")
        _check(self.where, self.table)

    @property
    def keys(self) -> tuple[str, ...]:
        """The dimensions, and the currencies that the amounts are grouped by."""
        codes = [MONEY[name] for name in self.measures if name in MONEY]
        return tuple(dict.fromkeys([*self.dimensions, *codes]))


@dataclass(frozen=True, slots=True)
class Search:
    """Calls or entries, newest first or `oldest_first`; `before` is (started_us, id) of the last one that was seen."""

    table: str
    columns: tuple[str, ...]
    where: Group = EVERYTHING
    limit: int = 100
    before: tuple[int, int] | None = None
    oldest_first: bool = False

    def __post_init__(self) -> None:
        known = _table(self.table)
        for name in self.columns:
            _require(name in known, f"{name} is no column of {self.table}.")
        _require(self.limit >= 1, "The limit must be 1 or more.")
        _check(self.where, self.table)


@dataclass(frozen=True, slots=True)
class Span:
    """Whose calls, and when they started: from `from_at` until before `until_at`."""

    account_id: int
    from_at: datetime
    until_at: datetime

    def days(self) -> Iterator[date]:
        """The UTC days it touches."""
        day = self.from_at.astimezone(UTC).date()
        while day_begins(day) < self.until_at:
            yield day
            day += _DAY


@dataclass(slots=True)
class Statement:
    """A text for one engine, and its parameters by name."""

    engine: Engine
    text: str = ""
    values: dict[str, Value] = field(default_factory=dict)

    def mark(self, value: Value) -> str:
        """Takes a value in; gives the mark that stands for it."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return self.engine.mark(name)


def instant_us(at: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def instant_of(us: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return _EPOCH + us * _MICROSECOND


def day_begins(day: date) -> datetime:
    """Its midnight in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def is_closed(day: date, at: datetime) -> bool:
    """Whether no call of that UTC day can still end, so that the lake may answer for it."""
    return day_begins(day) + (OPEN_DAYS + 1) * _DAY <= at


def runs(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as stretches: the first day, and the one after the last."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + _DAY)
        else:
            found.append((day, day + _DAY))
    return found


def breakout_statement(
    question: Breakout, span: Span, engine: Engine, *, narrow: str = "true", most: int = 0
) -> Statement:
    """The question as text. `narrow` is a condition of the engine's own that only saves work; `most` groups, if any."""
    statement = Statement(engine)
    keys = [f"{DERIVED.get(name, name)} AS {name}" for name in question.keys]
    sums = [f"{MEASURES[question.table][name]} AS {name}" for name in question.measures]
    text = f"SELECT {', '.join([*keys, *sums])} FROM lake_{question.table} WHERE {narrow} AND "  # noqa: S608 - known columns only
    text += where(question.where, span, statement)
    if keys:
        text += f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}"
    statement.text = f"{text} LIMIT {most}" if most else text
    return statement


def search_statement(question: Search, span: Span, engine: Engine, *, narrow: str = "true") -> Statement:
    """The question as text; two columns more at the end, the start and the id, to put the answers in order."""
    statement = Statement(engine)
    held = where(question.where, span, statement)
    sign, order = (">", "ASC") if question.oldest_first else ("<", "DESC")
    start = engine.since(Statement(engine), 0)[0]
    if question.before is not None:
        seen = engine.since(statement, question.before[0])[1]
        number = statement.mark(question.before[1])
        held += f" AND {start} {sign}= {seen} AND ({start} {sign} {seen} OR id {sign} {number})"
    columns = ", ".join([*question.columns, "started_us AS at_us", "id AS at_id"])
    statement.text = (
        f"SELECT {columns} FROM lake_{question.table} WHERE {narrow} AND {held} "  # noqa: S608 - known columns only
        f"ORDER BY {start} {order}, id {order} LIMIT {question.limit}"
    )
    return statement


def count_statement(question: Search, span: Span, engine: Engine, *, most: int, narrow: str = "true") -> Statement:
    """How many there are, counted no further than `most`; the limit of the question is not obeyed."""
    statement = Statement(engine)
    held = where(question.where, span, statement)
    statement.text = (
        f"SELECT count(*) FROM (SELECT 1 AS one FROM lake_{question.table} "  # noqa: S608 - known columns only
        f"WHERE {narrow} AND {held} LIMIT {most}) AS found"
    )
    return statement


def added(question: Breakout, sides: Iterable[Iterable[Sequence[object]]]) -> list[Row]:
    """The answers of several sides as one: equal groups added, in the order of their keys."""
    keys_count = len(question.keys)
    found: dict[Row, list[int]] = {}
    for rows in sides:
        for row in rows:
            key = tuple(_value(cell) for cell in row[:keys_count])
            sums = found.setdefault(key, [0] * len(question.measures))
            for place, cell in enumerate(row[keys_count:]):
                sums[place] += int(str(cell))
    return [(*key, *found[key]) for key in sorted(found, key=_order)]


def merged(question: Search, sides: Iterable[Iterable[Sequence[object]]]) -> list[Row]:
    """The first rows of all sides, without the two columns at the end."""
    rows = [tuple(_value(cell) for cell in row) for rows in sides for row in rows]
    rows.sort(key=lambda row: row[-2:], reverse=not question.oldest_first)
    return [row[:-2] for row in rows[: question.limit]]


def where(group: Group, span: Span, statement: Statement) -> str:
    """Whose calls, when they began, and what else must hold of them, as SQL."""
    account = statement.mark(span.account_id)
    column, start = statement.engine.since(statement, instant_us(span.from_at))
    end = statement.engine.since(statement, instant_us(span.until_at))[1]
    text = f"account_id = {account} AND {column} >= {start} AND {column} < {end}"
    return f"{text} AND {holds(group, statement)}" if group.parts else text


def holds(group: Group, statement: Statement) -> str:
    """What must hold, as SQL."""
    parts = [holds(part, statement) if isinstance(part, Group) else _compared(part, statement) for part in group.parts]
    return f"({(' OR ' if group.any else ' AND ').join(parts) or 'true'})"


def _compared(condition: Condition, statement: Statement) -> str:
    compare = _OPERATORS.get(condition.operator)
    if compare is None:
        raise QuestionInvalid(f"{condition.operator} is no way to compare {condition.column}.")
    return compare(condition, statement)


def _plain(sign: str) -> Callable[[Condition, Statement], str]:
    def compare(condition: Condition, statement: Statement) -> str:
        value = _one(condition)
        for over, under in (ratios[condition.column] for ratios in RATIOS.values() if condition.column in ratios):
            whole, part = (f"CAST({name} AS DECIMAL(28, 0))" for name in (under, over))
            asked = f"CAST({statement.mark(value)} AS DECIMAL(10, 0))"  # products of 38 digits at most
            return f"({under} > 0 AND {part} * {PPM} {sign} {whole} * {asked})"
        return f"{_said(condition)} {sign} {statement.mark(value)}"

    return compare


def _other(condition: Condition, statement: Statement) -> str:
    return f"({_said(condition)} <> {statement.mark(_one(condition))} OR {_said(condition)} IS NULL)"


def _within(condition: Condition, statement: Statement) -> str:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    _require(bool(values), f"Give one value at least for {condition.column}.")
    known = [_typed(condition, value) for value in values]
    inline = len(known) >= INLINE_FROM and _type_of(condition) is int
    return f"{_said(condition)} IN ({', '.join(str(one) if inline else statement.mark(one) for one in known)})"


def _without(condition: Condition, statement: Statement) -> str:
    return f"(NOT {_within(condition, statement)} OR {_said(condition)} IS NULL)"


def _contains(condition: Condition, statement: Statement) -> str:
    return f"position({statement.mark(_words(condition))} IN {condition.column}) > 0"


def _starts(condition: Condition, statement: Statement) -> str:
    words = _words(condition)
    return f"left({condition.column}, {len(words)}) = {statement.mark(words)}"


def folded(text: str) -> str:
    """The text without its case, letter by letter: what has no single small letter stays as it is."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


@cache
def _great_letters() -> Mapping[str, str]:
    """Of each small letter all that are folded into it."""
    found: dict[str, str] = {}
    for number in range(0x1_1000):
        small = folded(chr(number))
        if small != chr(number):
            found[small] = found.get(small, "") + chr(number)
    return found


def _caseless(pattern: str, *, missing: bool = False) -> Callable[[Condition, Statement], str]:
    """Compares by `pattern` with the case taken out of those letters alone that are asked for."""

    def compare(condition: Condition, statement: Statement) -> str:
        words, column = folded(_words(condition)), condition.column
        great = [(letter, small) for small in sorted(set(words)) for letter in _great_letters().get(small, "")]
        if great:
            letters, smalls = (statement.mark("".join(side)) for side in zip(*great, strict=True))
            column = f"translate({column}, {letters}, {smalls})"
        told = pattern.format(column=column, words=statement.mark(words), count=len(words))
        return f"({told} OR {condition.column} IS NULL)" if missing else told

    return compare


def _empty(condition: Condition, _statement: Statement) -> str:
    text = _type_of(condition) is str
    if condition.value:
        return f"({condition.column} IS NULL OR {condition.column} = '')" if text else f"{_said(condition)} IS NULL"
    return f"{condition.column} <> ''" if text else f"{_said(condition)} IS NOT NULL"


_OPERATORS: Mapping[str, Callable[[Condition, Statement], str]] = {
    "eq": _plain("="),
    "ne": _other,
    "lt": _plain("<"),
    "le": _plain("<="),
    "gt": _plain(">"),
    "ge": _plain(">="),
    "in": _within,
    "not_in": _without,
    "contains": _contains,
    "starts": _starts,
    "is": _caseless("{column} = {words}"),
    "is_not": _caseless("{column} <> {words}", missing=True),
    "has": _caseless("position({words} IN {column}) > 0"),
    "has_not": _caseless("position({words} IN {column}) = 0", missing=True),
    "begins": _caseless("left({column}, {count}) = {words}"),
    "begins_not": _caseless("left({column}, {count}) <> {words}", missing=True),
    "empty": _empty,
}
OPERATORS = tuple(_OPERATORS)
_SIGNS = frozenset({"lt", "le", "gt", "ge"})


def _type_of(condition: Condition) -> type[Value]:
    return next((table[condition.column] for table in TABLES.values() if condition.column in table), int)


def _said(condition: Condition) -> str:
    """What is compared, as SQL."""
    return next((told[condition.column] for told in COMPARED.values() if condition.column in told), condition.column)


def _typed(condition: Condition, value: Value | tuple[Value, ...]) -> Value:
    fits = type(value) is _type_of(condition)
    _require(fits, f"{condition.column} is compared with {'a number' if _type_of(condition) is int else 'text'}.")
    assert not isinstance(value, tuple)
    return value


def _one(condition: Condition) -> Value:
    return _typed(condition, condition.value)


def _words(condition: Condition) -> str:
    _require(_type_of(condition) is str and isinstance(condition.value, str), f"{condition.column} has no letters.")
    return str(condition.value)


def _table(name: str) -> Mapping[str, type[Value]]:
    _require(name in TABLES, f"{name} is no table of the lake.")
    return TABLES[name]


def _check(group: Group, table: str) -> None:
    """Refuses columns that the table has not."""
    for part in group.parts:
        if isinstance(part, Group):
            _check(part, table)
        else:
            known = part.column in {**TABLES[table], **COMPARED[table], **RATIOS[table]}
            _require(known, f"{part.column} is no column of {table}.")
            _require(
                part.column not in RATIOS[table] or part.operator in _SIGNS, f"{part.column} is only more or less."
            )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise QuestionInvalid(sentence)


def _value(cell: object) -> Value | None:
    """Whole numbers as such, whichever type an engine gives them."""
    return cell if cell is None or isinstance(cell, str) else int(str(cell))


def _order(key: Row) -> tuple[tuple[bool, bool, Value], ...]:
    """Nothing comes last."""
    return tuple((cell is None, isinstance(cell, str), "" if cell is None else cell) for cell in key)
