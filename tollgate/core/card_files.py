"""Reads the files in which rates are exchanged: any order of columns, many spellings, one strict result.

Text (CSV) or rows of text (a sheet) go in; frozen rows, and errors that name line and column, come out. Nothing is
guessed silently: what was assumed is in `notes`, what was left out in `ignored_columns`, what is unclear is an error.
To read another column, add its spellings in `card_columns` and its reader in `_row_values`.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tollgate.core.card_columns import FIELDS, Guess, guess
from tollgate.core.card_tariffs import MOST_NANOS, MOST_SECONDS, tariff_rate, tariff_text, terms_of
from tollgate.core.digits import MOST_DIGITS
from tollgate.core.money import AmountError, parse_nanos
from tollgate.core.rates import Rate, RateInvalid, simple

HEADER_WITHIN_ROWS = 30
MOST_RANGE = 10_000
MOST_WORDS = 200
DELIMITERS = (",", ";", "\t")

YES = frozenset({"yes", "y", "true", "1", "x"})
NO = frozenset({"no", "n", "false", "0"})
BLOCKED_WORDS = frozenset({"blocked", "block", "barred", "closed", "inactive", "disabled"})
OPEN_WORDS = frozenset({"open", "active", "enabled", "available", "ok", "unblocked"})

_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_PAIR = re.compile(r"(\d+)\s*[/\\:+-]\s*(\d+)", re.ASCII)
_EVERY_NUMBER = frozenset({"*", "default"})
_PRICED = ("price", "connect_fee", "minimum_cost", "maximum_cost")

T = TypeVar("T")
ColumnMapping = Mapping[str, int]
"""Field name (see card_columns.FIELDS) -> index of its column, the first being 0."""


class CellInvalid(ValueError):
    """A cell that cannot be read; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class CardRow:
    """One rate as the table keeps it. `tariff` is the JSON text of the full form, or None."""

    prefix: str
    destination: str = ""
    blocked: bool = False
    price_nanos: int = 0
    connect_fee_nanos: int = 0
    initial_s: int = 1
    increment_s: int = 1
    grace_s: int = 0
    included_s: int = 0
    tariff: str | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, where: the line of the file (from 1) and the header of the column."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds. Only rows without errors are in `rows`; publish when `errors` is empty."""

    rows: tuple[CardRow, ...]
    errors: tuple[RowError, ...]
    mapping: ColumnMapping
    headers: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Line = tuple[int, Sequence[str]]


def parse(text: str, *, mapping: ColumnMapping | None = None) -> Parsed:
    """The rates of a CSV text with commas, semicolons or tabs. `mapping` overrides what the headers say."""
    try:
        lines = list(_lines(text.removeprefix("\ufeff")))
    except csv.Error as problem:
        return unreadable(f"This is not a CSV file: {problem}.")
    return _parse(lines, mapping)


def parse_rows(rows: Iterable[Sequence[str]], *, mapping: ColumnMapping | None = None) -> Parsed:
    """The rates of a sheet whose cells are text."""
    return _parse(list(enumerate(rows, start=1)), mapping)


def unreadable(sentence: str) -> Parsed:
    """The answer to a file that is none."""
    return Parsed((), (RowError(1, "", sentence),), {})


def _lines(text: str) -> Iterator[Line]:
    """Each row with the line it begins on; a quoted cell may span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    begins = 1
    for row in reader:
        yield begins, row
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The sign that makes the most columns that mean something; of equals, the most columns."""
    head = text.splitlines()[:HEADER_WITHIN_ROWS]

    def worth(delimiter: str) -> tuple[int, int]:
        rows = list(csv.reader(head, delimiter=delimiter))
        return max((len(guess(row).mapping) for row in rows), default=0), max(map(len, rows), default=0)

    return max(DELIMITERS, key=worth)


def _parse(lines: Sequence[Line], mapping: ColumnMapping | None) -> Parsed:
    filled = [(number, [cell.strip() for cell in row]) for number, row in lines if any(cell.strip() for cell in row)]
    if not filled:
        return unreadable("The file is empty.")
    header_at = _header(filled, mapping)
    header_line, headers = filled[header_at] if header_at is not None else (1, [""] * len(filled[0][1]))
    guessed = guess(headers) if mapping is None else Guess(mapping, _unused(headers, mapping), ())
    problems = tuple(RowError(header_line, "", sentence) for sentence in _mapping_problems(guessed, headers))
    ignored = tuple(headers[index] for index in guessed.ignored)
    if problems:
        shown = headers if header_at is not None else filled[0][1]
        return Parsed((), problems, guessed.mapping, tuple(shown), ignored)
    reader = _Reader(guessed.mapping, headers, filled[0 if header_at is None else header_at + 1 :])
    reader.read()
    return Parsed(tuple(reader.rows), tuple(reader.errors), guessed.mapping, tuple(headers), ignored, reader.notes())


def _header(lines: Sequence[Line], mapping: ColumnMapping | None) -> int | None:
    """Where the header row is: titles may stand above it. None when the file begins with rates at once."""
    for index, (_, row) in enumerate(lines[:HEADER_WITHIN_ROWS]):
        found = guess(row)
        named = len(found.mapping) + len(found.unclear)
        if named >= 2 and "prefix" in found.mapping:
            return index
    if mapping is None or not _looks_like_prefix(lines[0][1], mapping.get("prefix", 0)):
        return 0
    return None


def _looks_like_prefix(row: Sequence[str], column: int) -> bool:
    return column < len(row) and row[column].lstrip("+'")[:1].isdigit()


def _unused(headers: Sequence[str], mapping: ColumnMapping) -> tuple[int, ...]:
    return tuple(i for i, header in enumerate(headers) if header and i not in mapping.values())


def _mapping_problems(guessed: Guess, headers: Sequence[str]) -> Iterator[str]:
    yield from guessed.unclear
    for name, column in guessed.mapping.items():
        if name not in FIELDS:
            yield f"{name} is not a field of a rate: choose from {', '.join(FIELDS)}."
        elif not 0 <= column < len(headers):
            yield f"The file has no column {column + 1} for the {name.replace('_', ' ')}."
    for name in ("prefix",) if "tariff" in guessed.mapping else ("prefix", "price"):
        if name not in guessed.mapping and not any(f"be the {name}:" in sentence for sentence in guessed.unclear):
            yield f"No column could be recognized as the {name}: say which one is."


class _Reader:
    """Walks the rows of one file and collects rates and errors."""

    def __init__(self, mapping: ColumnMapping, headers: Sequence[str], lines: Sequence[Line]) -> None:
        self.mapping = mapping
        self.headers = headers
        self.lines = lines
        self.rows: list[CardRow] = []
        self.errors: list[RowError] = []
        self.line_of: dict[str, int] = {}
        self.has_tariffs = False
        self.comma = self._decimal_comma()

    def read(self) -> None:
        """Reads every row; a bad cell spoils its row only."""
        for line, row in self.lines:
            before = len(self.errors)
            prefixes = self._cell(line, row, "prefix", _prefixes)
            if prefixes is None and len(self.errors) == before:
                self._error(line, "prefix", "The prefix is missing; write * for every number.")
            rate = self._rate(line, row)
            if prefixes is None or len(self.errors) > before:
                continue
            for prefix in prefixes:
                self._keep(line, replace(rate, prefix=prefix))

    def notes(self) -> tuple[str, ...]:
        """What was assumed."""
        notes = []
        if self.comma:
            notes.append("A comma separates the decimals.")
        if self.has_tariffs:
            notes.append("Rows with a tariff of their own are rated by it alone, not by their other columns.")
        if not {"increments", "initial", "increment", "tariff"} & self.mapping.keys():
            notes.append("There is no column of increments: calls are billed by the second (1/1).")
        return tuple(notes)

    def _keep(self, line: int, row: CardRow) -> None:
        if row.prefix in self.line_of:
            first = self.line_of[row.prefix]
            where = "twice in this cell" if first == line else f"also in line {first}"
            self._error(line, "prefix", f"{row.prefix or '*'} is {where}: list each prefix once.")
            return
        self.line_of[row.prefix] = line
        self.rows.append(row)

    def _rate(self, line: int, row: Sequence[str]) -> CardRow:
        """Everything of a rate but its prefix."""
        blocked = self._cell(line, row, "blocked", _is_blocked) is True
        blocked = blocked or self._cell(line, row, "enabled", _is_open) is False
        if self._text(row, "tariff"):
            self.has_tariffs = True
            own = self._cell(line, row, "tariff", _tariff)
            return CardRow("") if own is None else self._own(line, row, *own, blocked=blocked)
        price = self._cell(line, row, "price", self._nanos)
        if not blocked and not self._text(row, "price"):
            self._error(line, "price", "The price is missing: give one, or block the prefix.")
        initial_s, increment_s = self._increments(line, row)
        usual = CardRow(
            "",
            self._cell(line, row, "destination", _words) or "",
            blocked,
            price or 0,
            self._cell(line, row, "connect_fee", self._nanos) or 0,
            initial_s,
            increment_s,
            self._cell(line, row, "grace", _seconds) or 0,
            self._cell(line, row, "included", _seconds) or 0,
        )
        return self._limited(line, row, usual)

    def _own(self, line: int, row: Sequence[str], rate: Rate, tariff: str, *, blocked: bool) -> CardRow:
        """A rate in its full form; the usual columns show what it says."""
        terms = terms_of(rate)
        return CardRow(
            "",
            self._cell(line, row, "destination", _words) or "",
            blocked,
            terms.price_nanos,
            terms.connect_fee_nanos,
            terms.initial_s,
            terms.increment_s,
            terms.grace_s,
            terms.included_s,
            tariff,
        )

    def _limited(self, line: int, row: Sequence[str], usual: CardRow) -> CardRow:
        """The rate with what a call costs at least and at most, which only the full form can say."""
        minimum = self._cell(line, row, "minimum_cost", self._nanos) or 0
        maximum = self._cell(line, row, "maximum_cost", self._nanos)
        if maximum == 0:  # many systems write so that there is none
            self._error(line, "maximum_cost", "A maximum cost of 0 makes every call free: leave it empty.")
            return usual
        if not minimum and maximum is None:
            return usual
        try:
            rate = simple(
                price_nanos=usual.price_nanos,
                connect_fee_nanos=usual.connect_fee_nanos,
                initial_s=usual.initial_s,
                increment_s=usual.increment_s,
                included_s=usual.included_s,
                grace_s=usual.grace_s,
                minimum_nanos=minimum,
                maximum_nanos=maximum,
            )
        except RateInvalid:
            self._error(line, "maximum_cost", "The maximum cost is below the minimum cost.")
            return usual
        return replace(usual, tariff=tariff_text(rate))

    def _increments(self, line: int, row: Sequence[str]) -> tuple[int, int]:
        """`60/6` in one cell, or two columns, which win; one number alone is both."""
        pair_initial_s, pair_increment_s = self._cell(line, row, "increments", _pair) or (None, None)
        initial_s = self._cell(line, row, "initial", _seconds)
        increment_s = self._cell(line, row, "increment", _step)
        initial_s = pair_initial_s if initial_s is None else initial_s
        increment_s = pair_increment_s if increment_s is None else increment_s
        increment_s = increment_s or initial_s or 1
        return (increment_s if initial_s is None else initial_s), increment_s

    def _cell(self, line: int, row: Sequence[str], name: str, read: Callable[[str], T]) -> T | None:
        """The value of a filled cell; None for an empty one, for a missing column, and after an error."""
        text = self._text(row, name)
        if not text:
            return None
        try:
            return read(text)
        except CellInvalid as problem:
            self._error(line, name, str(problem))
            return None

    def _text(self, row: Sequence[str], name: str) -> str:
        column = self.mapping.get(name, -1)
        return row[column] if 0 <= column < len(row) else ""

    def _error(self, line: int, name: str, sentence: str) -> None:
        column = self.headers[self.mapping[name]] or f"column {self.mapping[name] + 1}"
        self.errors.append(RowError(line, column, sentence))

    def _decimal_comma(self) -> bool:
        """Whether this file writes decimals after a comma: one price that cannot mean thousands shows it."""
        prices = [self._text(row, name) for _, row in self.lines for name in _PRICED]
        if any("." in price for price in prices):
            return False
        return any("," in price and not _THOUSANDS.fullmatch(price) for price in prices)

    def _nanos(self, text: str) -> int:
        if _SCIENTIFIC.fullmatch(text):
            raise CellInvalid(f"{text!r} is in scientific notation: format the column as text or with decimals.")
        if "," in text and not self.comma:
            raise CellInvalid(f"{text!r} has a comma that could mean thousands or decimals: write a decimal point.")
        try:
            nanos = parse_nanos(text.replace(",", ".") if self.comma else text)
        except AmountError as problem:
            raise CellInvalid(str(problem)) from None
        if not 0 <= nanos <= MOST_NANOS:
            raise CellInvalid(f"{text!r} is not a price from 0 to {MOST_NANOS // 10**9}.")
        return nanos


def _prefixes(text: str) -> list[str]:
    """One prefix, several in a list, or ranges of them."""
    found = [prefix for part in re.split(r"[,;|\n]", text) if part.strip() for prefix in _range(part.strip())]
    if not found:
        raise CellInvalid(f"{text!r} names no prefix: give 1 to {MOST_DIGITS} digits.")
    return found


def _range(part: str) -> list[str]:
    if part.lower() in _EVERY_NUMBER:
        return [""]
    if _SCIENTIFIC.fullmatch(part):
        raise CellInvalid(f"{part!r} is in scientific notation, its digits are lost: format the column as text.")
    first, dash, last = (end.strip().lstrip("'").removeprefix("+") for end in part.partition("-"))
    for end in (first, last) if dash else (first,):
        if not (end.isascii() and end.isdigit() and len(end) <= MOST_DIGITS):
            raise CellInvalid(f"{part!r} is not a prefix: give 1 to {MOST_DIGITS} digits.")
    if not dash:
        return [first]
    if len(first) != len(last) or int(first) > int(last):
        raise CellInvalid(f"{part!r} is not a range: give two prefixes of the same length, the lower one first.")
    if int(last) - int(first) >= MOST_RANGE:
        raise CellInvalid(f"{part!r} holds more than {MOST_RANGE} prefixes.")
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def _words(text: str) -> str:
    """A name on one line."""
    text = re.sub(r"[ \t\r\n]+", " ", text)
    if len(text) > MOST_WORDS:
        raise CellInvalid(f"The name has {len(text)} characters: use at most {MOST_WORDS}.")
    if not text.isprintable():
        raise CellInvalid(f"{text!r} has control characters: remove them.")
    return text


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > MOST_DIGITS or int(text) > MOST_SECONDS:
        raise CellInvalid(f"{text!r} is not a number of seconds from 0 to {MOST_SECONDS}.")
    return int(text)


def _step(text: str) -> int:
    seconds = _seconds(text)
    if seconds == 0:
        raise CellInvalid("An increment of 0 s never ends: give at least 1.")
    return seconds


def _pair(text: str) -> tuple[int, int]:
    """`60/6`; one number is both. A sheet that took it for a date is found out here."""
    if text.isascii() and text.isdigit():
        return _step(text), _step(text)
    match = _PAIR.fullmatch(text)
    if match is None:
        raise CellInvalid(f"{text!r} is not a pair of increments such as 60/6.")
    return _seconds(match[1]), _step(match[2])


def _tariff(text: str) -> tuple[Rate, str]:
    """The rate, and the JSON as it is kept."""
    try:
        return tariff_rate(text), json.dumps(json.loads(text), separators=(",", ":"))
    except RateInvalid as problem:
        raise CellInvalid(f"This is not a rate in its full form: {problem}") from None


def _is_blocked(text: str) -> bool:
    return _answer(text, BLOCKED_WORDS | YES, OPEN_WORDS | NO)


def _is_open(text: str) -> bool:
    return _answer(text, OPEN_WORDS | YES, BLOCKED_WORDS | NO)


def _answer(text: str, affirming: frozenset[str], denying: frozenset[str]) -> bool:
    word = text.lower()
    if word in affirming or word in denying:
        return word in affirming
    raise CellInvalid(f"{text!r} does not say whether the prefix is blocked or open: write yes or no.")
