"""Conditions on single columns of a list: "Balance < 0", "Name begins with Ac". They stand in the address.

`c.<column>=<operator>:<value>`, such as `c.balance=less:0` or `c.expires_at=between:2026-01-01 .. 2026-02-01`. A form
adds one as `where`, `op` and `value`. Which columns take conditions the source says (`kind_of` of what they are sorted
by); a condition becomes one lookup of the source. To add an operator: a member of `Operator`, its words, the kinds that
take it, and its ending in `_ENDINGS`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from tollgate.core.money import AmountError, parse_micros, parse_nanos
from tollgate.core.number_formats import POINT, without_thousands
from tollgate.ui.columns import Column, Kind
from tollgate.ui.words import figure, sign, told, typed

BETWEEN_SIGN: Final = ".."
VALUE_MOST: Final = 200
WHOLE_MOST: Final = 2**63 - 1


class Of(StrEnum):
    """What the source compares."""

    TEXT = "text"
    WHOLE = "whole"
    INSTANT = "instant"


class Operator(StrEnum):
    """How a column is compared."""

    IS = "is"
    CONTAINS = "contains"
    BEGINS = "begins"
    LESS = "less"
    MORE = "more"
    BETWEEN = "between"
    EMPTY = "empty"
    FILLED = "filled"


WORDS: Final[Mapping[Operator, str]] = {
    Operator.IS: "is",
    Operator.CONTAINS: "contains",
    Operator.BEGINS: "begins with",
    Operator.LESS: "<",
    Operator.MORE: ">",
    Operator.BETWEEN: "between",
    Operator.EMPTY: "is empty",
    Operator.FILLED: "is not empty",
}
KNOWN: Final = frozenset(operator.value for operator in Operator)
ALONE: Final = frozenset({Operator.EMPTY, Operator.FILLED})
TEXTS: Final = frozenset({Operator.IS, Operator.CONTAINS, Operator.BEGINS, *ALONE})
NUMBERS: Final = frozenset({Operator.IS, Operator.LESS, Operator.MORE, Operator.BETWEEN, *ALONE})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it is shown: its column, its operator and what was typed."""

    column: Column
    operator: Operator
    text: str

    @property
    def parameter(self) -> str:
        """Its name in the address."""
        return f"c.{self.column.name}"

    @property
    def value(self) -> str:
        """Its value in the address."""
        return f"{self.operator.value}:{self.text}"

    def words(self) -> str:
        """As people read it."""
        text = BETWEEN_SIGN.join(_each(figure, self.text)) if self.column.numeric else self.text
        return f"{told(self.column.title)} {told(WORDS[self.operator])} {text}".strip()


def conditions(columns: Sequence[Column], parameters: Mapping[str, str]) -> list[Condition]:
    """Those that the address asks for, one for each column; what is added wins over what stood there."""
    given = {name.removeprefix("c."): text for name, text in parameters.items() if name.startswith("c.")}
    added = parameters.get("where", "")
    if added:
        given[added] = f"{parameters.get('op', '')}:{parameters.get('value', '')}"
    found = []
    for column in columns:
        operator, colon, text = given.get(column.name, "").partition(":")
        if column.name == added and column.numeric:
            text = _as_programs_write(text)
        if colon and operator in KNOWN:
            alone = Operator(operator) in ALONE
            found.append(Condition(column, Operator(operator), "" if alone else text.strip()[:VALUE_MOST]))
    return found


def lookup(condition: Condition, kind: Of) -> tuple[str, Any]:
    """The source's lookup and its value. Raises ValueError with a sentence."""
    name, operator = condition.column.title, condition.operator
    if operator not in (TEXTS if kind is Of.TEXT else NUMBERS):
        raise ValueError(f"{name}: it cannot be asked whether it {WORDS[operator]} something.")
    path = condition.column.sort
    if operator in ALONE:
        return _emptiness(path, kind, operator)
    if not condition.text:
        raise ValueError(f"{name}: write what it is compared with.")
    try:
        if operator is Operator.BETWEEN:
            least, sign, most = condition.text.partition(BETWEEN_SIGN)
            if not sign:
                raise ValueError("write it as 10 .. 20.")
            return f"{path}__range", (_read(condition.column, kind, least), _read(condition.column, kind, most))
        return f"{path}{_ENDINGS[kind, operator]}", _read(condition.column, kind, condition.text)
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None


def _as_programs_write(text: str) -> str:
    """What was typed for a number, for the address: others may write numbers otherwise. What cannot be read, or in two
    ways, is made no number for anybody."""
    try:
        return BETWEEN_SIGN.join(_each(typed, text))
    except ValueError:
        return text.replace(POINT, sign())


def _each(write: Callable[[str], str], text: str) -> Iterator[str]:
    """Both ends of a span, or the one number, with the spaces around it."""
    for part in text.split(BETWEEN_SIGN):
        yield part.replace(part.strip(), write(part.strip())) if part.strip() else part


def _emptiness(path: str, kind: Of, operator: Operator) -> tuple[str, Any]:
    """An empty text is none; of a text that may be missing, both are."""
    if kind is Of.TEXT:
        return (f"{path}__exact", "") if operator is Operator.EMPTY else (f"{path}__gt", "")
    return f"{path}__isnull", operator is Operator.EMPTY


def _read(column: Column, kind: Of, text: str) -> Any:
    text = text.strip()
    if kind is Of.TEXT:
        return text
    if kind is Of.INSTANT:
        return _instant(text)
    try:
        number = _UNITS.get(column.kind, _by_name(column.sort))(without_thousands(text))
    except (AmountError, ValueError):
        raise ValueError("write a number.") from None
    if abs(number) > WHOLE_MOST:
        raise ValueError("this number is too large.")
    return number


def _by_name(path: str) -> Callable[[str], int]:
    """A field kept in thousandths is typed in units."""
    return (lambda text: parse_micros(text) // 1000) if path.endswith("_milli") else int


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("write a date and time, such as 2026-11-20 08:00.") from None


_UNITS: Final[Mapping[Kind, Callable[[str], int]]] = {Kind.MONEY: parse_micros, Kind.PRICE: parse_nanos}
_ENDINGS: Final[Mapping[tuple[Of, Operator], str]] = {
    (Of.TEXT, Operator.IS): "__iexact",
    (Of.TEXT, Operator.CONTAINS): "__icontains",
    (Of.TEXT, Operator.BEGINS): "__istartswith",
    (Of.WHOLE, Operator.IS): "",
    (Of.WHOLE, Operator.LESS): "__lt",
    (Of.WHOLE, Operator.MORE): "__gt",
    (Of.INSTANT, Operator.IS): "",
    (Of.INSTANT, Operator.LESS): "__lt",
    (Of.INSTANT, Operator.MORE): "__gt",
}
