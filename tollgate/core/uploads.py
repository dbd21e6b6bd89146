"""Reads the files in which people bring records: which column is which field, and what each cell means.

Lines of text go in; values for an act, and errors that name the field, come out. What a field of a noun is called is in
`upload_fields.py`. Nothing is guessed silently: a cell that could mean two things is an error. To read another kind of
cell, add a member of `Kind` and its reader in `_READERS`.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tollgate.core import hours_text
from tollgate.core.hours import HoursInvalid, to_json
from tollgate.core.money import AmountError, parse_micros, parse_nanos

DELIMITERS = (",", ";", "\t")
HEADER_WITHIN_ROWS = 20
CELL_MOST = 10_000
YES = frozenset({"yes", "y", "true", "1", "x", "on"})
NO = frozenset({"no", "n", "false", "0", "off"})
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_OTHER_SIGNS = re.compile(r"[\W_]+")

Mapped = Mapping[str, int]
"""Field name -> index of its column, the first being 0."""


class CellInvalid(ValueError):
    """A cell that cannot be read; the sentence says what to do."""


class Number(str):
    """The text of a cell that a workbook holds as a number: its decimals follow a point, whoever wrote it."""

    __slots__ = ()


class Kind(StrEnum):
    """What the cells of a field are."""

    TEXT = "text"
    WORD = "word"
    """Text in small letters: one of some words."""
    NUMBER_TEXT = "number_text"
    """Digits that are a name, such as a telephone number: a spreadsheet may have spoiled them."""
    WHOLE = "whole"
    MILLI = "milli"
    MONEY = "money"
    PRICE = "price"
    YES_NO = "yes_no"
    LIST = "list"
    LINES = "lines"
    """A text of several lines: in a cell also with commas or bars between."""
    INSTANT = "instant"
    """A date, or a date and time; UTC where it names no zone."""
    HOURS = "hours"
    """When calls are allowed, in the words of `hours_text`."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a noun that a file may carry. `unique` ones may not stand twice in a file, `secret` ones are sealed.

    The name is that of the act's argument. `spellings` are headers in small letters without punctuation; the name and
    the title are spellings too.
    """

    name: str
    title: str
    kind: Kind = Kind.TEXT
    spellings: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    secret: bool = False

    @property
    def headers(self) -> frozenset[str]:
        """Every header that means this field."""
        return frozenset(map(plain, (*self.spellings, self.name, self.title)))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its line, from 1, and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file: the titles of its columns and the rows below them."""

    headers: tuple[str, ...]
    lines: tuple[Line, ...]
    header_line: int = 1


Error = tuple[str, str]
"""The name of a field, and a sentence."""


def plain(text: str) -> str:
    """A header as it is compared: small letters, words with one space."""
    return _OTHER_SIGNS.sub(" ", text.lower()).strip()


def rows_of_text(text: str) -> list[tuple[int, Sequence[str]]]:
    """The rows of a CSV text with commas, semicolons or tabs, each with its line. Raises CellInvalid."""
    text = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    found: list[tuple[int, Sequence[str]]] = []
    begins = 1
    try:
        for row in reader:
            found.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as problem:
        raise CellInvalid(f"This is not a CSV file: line {begins}: {problem}.") from None
    return found


def table(
    rows: Iterable[tuple[int, Sequence[str]]], fields: Sequence[Field], *, header_line: int | None = None
) -> Table:
    """The file as a table: the header is the line given, or that of the first rows with most known titles.

    Raises CellInvalid for an empty file.
    """
    filled = [Line(number, tuple(trimmed(cell) for cell in row)) for number, row in rows]
    filled = [line for line in filled if any(line.cells)]
    if not filled:
        raise CellInvalid("The file is empty.")
    known = [place for place, line in enumerate(filled) if line.number == header_line]
    candidates = range(min(HEADER_WITHIN_ROWS, len(filled)))
    at = known[0] if known else max(candidates, key=lambda place: (len(guess(filled[place].cells, fields)), -place))
    return Table(filled[at].cells, tuple(filled[at + 1 :]), filled[at].number)


def guess(headers: Sequence[str], fields: Sequence[Field]) -> dict[str, int]:
    """Which column is which field; of two columns for the same field the first is taken."""
    meaning = {spelling: field.name for field in fields for spelling in field.headers}
    found: dict[str, int] = {}
    for index, header in enumerate(headers):
        name = meaning.get(plain(header))
        if name is not None:
            found.setdefault(name, index)
    return found


def lacking(mapping: Mapped, fields: Sequence[Field]) -> list[str]:
    """Sentences on fields that a file must have and none of its columns is."""
    return [
        f"Say which column is the {field.title}." for field in fields if field.required and field.name not in mapping
    ]


def read_row(cells: Sequence[str], mapping: Mapped, fields: Sequence[Field]) -> tuple[dict[str, Any], list[Error]]:
    """The values of one row, and what is wrong with its cells. An empty cell leaves its field out."""
    values: dict[str, Any] = {}
    errors: list[Error] = []
    for field in fields:
        text = cell(cells, mapping, field.name)
        if not text:
            if field.required:
                errors.append((field.name, "This is required."))
            continue
        try:
            values[field.name] = _READERS[field.kind](text)
        except CellInvalid as problem:
            errors.append((field.name, str(problem)))
    return values, errors


def cell(cells: Sequence[str], mapping: Mapped, name: str) -> str:
    """The text of one field; nothing where the row is short or no column is this field."""
    index = mapping.get(name, -1)
    return trimmed(cells[index]) if 0 <= index < len(cells) else ""


def trimmed(text: str) -> str:
    """A cell without blanks around it; a number stays one."""
    return text if isinstance(text, Number) else text.strip()


def repeated(lines: Sequence[Line], mapping: Mapped, fields: Sequence[Field]) -> dict[int, list[Error]]:
    """By line: what stands in an earlier line already and may stand once only."""
    errors: dict[int, list[Error]] = {}
    for field in fields:
        if not field.unique:
            continue
        seen: dict[str, int] = {}
        for line in lines:
            text = cell(line.cells, mapping, field.name).lower()
            first = seen.setdefault(text, line.number) if text else line.number
            if first != line.number:
                errors.setdefault(line.number, []).append((field.name, f"This is also in line {first}: list it once."))
    return errors


def delimiter_of(text: str) -> str:
    """The sign that makes the most columns of the first rows."""
    head = text.splitlines()[:HEADER_WITHIN_ROWS]

    def columns(delimiter: str) -> int:
        return max((len(row) for row in csv.reader(head, delimiter=delimiter)), default=0)

    return max(DELIMITERS, key=columns)


def _text(text: str) -> str:
    if len(text) > CELL_MOST:
        raise CellInvalid(f"Use at most {CELL_MOST:,} characters.")
    return _bare(text)


def parts(text: str, signs: str, most: int = 0) -> list[str]:
    """A text in parts by any of these signs outside of double quotes, which stay; `most` splits at most (0: all).

    A quote opens where a part or what follows = begins; anywhere else it is a sign like others. Raises CellInvalid.
    """
    found, quoted, closed = [""], False, False
    for sign in text:
        if sign in signs and not quoted and (not most or len(found) <= most):
            found.append("")
        else:
            begins = closed or found[-1].strip() == "" or found[-1].rstrip().endswith("=")
            closed = quoted and sign == '"'
            quoted = not closed and (quoted or (sign == '"' and begins))
            found[-1] += sign
    if quoted:
        raise CellInvalid(f"{text!r} has a double quote that does not end.")
    return [part.strip() for part in found]


def unquoted(part: str) -> str:
    """What stands in double quotes, where all of it does; a quote inside is written twice."""
    return part[1:-1].replace('""', '"').strip() if _QUOTED.fullmatch(part) else part


def _bare(text: str) -> str:
    """The text without the sign that an export has put before it."""
    return text.removeprefix("'") if text[1:2] in {"=", "+", "-", "@"} else text


def _word(text: str) -> str:
    return text.lower().replace(" ", "_")


def _number_text(text: str) -> str:
    if _SCIENTIFIC.fullmatch(text):
        raise CellInvalid(f"{text!r} is in scientific notation, its digits are lost: format the column as text.")
    return _text(text)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise CellInvalid(f"{text!r} is not a whole number.")
    return int(text)


def _milli(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise CellInvalid(f"{text!r} is not a number with at most 3 decimals after a point.")
    return int(Decimal(text) * 1000)


def _money(text: str) -> int:
    return _amount(text, parse_micros)


def _price(text: str) -> int:
    return _amount(text, parse_nanos)


def _amount(text: str, parse: Callable[[str], int]) -> int:
    if "," in text:
        raise CellInvalid(f"{text!r} has a comma that could mean thousands or decimals: write a decimal point.")
    if _SCIENTIFIC.fullmatch(text):
        raise CellInvalid(f"{text!r} is in scientific notation: format the column as a number with decimals.")
    try:
        return parse(text)
    except AmountError as problem:
        raise CellInvalid(str(problem)) from None


def _yes_no(text: str) -> bool:
    word = text.lower()
    if word not in YES | NO:
        raise CellInvalid(f"{text!r} is neither yes nor no.")
    return word in YES


def _list(text: str) -> list[str]:
    return [unquoted(part) for part in parts(text, ";|,\n") if part]


def _lines(text: str) -> str:
    return "\n".join(part.strip() for part in re.split(r"[|,\n]", _text(text)) if part.strip())


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CellInvalid(f"{text!r} is no moment: write it such as 2026-12-31 23:59.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _hours(text: str) -> dict[str, object]:
    try:
        return to_json(hours_text.read(text))
    except HoursInvalid as problem:
        raise CellInvalid(str(problem)) from None


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.WORD: _word,
    Kind.NUMBER_TEXT: _number_text,
    Kind.WHOLE: lambda text: _whole(_bare(text)),
    Kind.MILLI: _milli,
    Kind.MONEY: lambda text: _money(_bare(text)),
    Kind.PRICE: lambda text: _price(_bare(text)),
    Kind.YES_NO: _yes_no,
    Kind.LIST: _list,
    Kind.LINES: _lines,
    Kind.INSTANT: _instant,
    Kind.HOURS: _hours,
}
