"""Reads the files of carriers: their calls, or their totals by destination and day, each in the carrier's own writing.

Which column is which field comes as a mapping (`core.uploads`), how a carrier writes moments, durations, amounts and
numbers as a `Writing`. Rows of text go in; `TheirCall` and `TheirTotal`, or what is wrong with the row, come out. To
read another way of writing a moment, add its line to `TIMES`; another field, its line in `CALL_FIELDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple, TypeVar

from tollgate.core.hours import zone_info
from tollgate.core.money import CURRENCIES, MOST_MICROS
from tollgate.core.uploads import CellInvalid, Error, Field, Kind, Mapped, Number, cell

Value = TypeVar("Value")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
MOST_MS: Final = 31 * 86_400_000
YEARS: Final = range(2000, 2201)
SECONDS: Final[Mapping[str, int]] = {"seconds": 1000, "minutes": 60_000, "milliseconds": 1}
"""Units of a duration in milliseconds; text with colons is hours, minutes and seconds whatever the unit."""
_PARTED = re.compile(
    r"(\d{1,4})[./-](\d{1,2})[./-](\d{4}|\d{2})(?:[ T,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,6}))?)?)?"
    r"\s*([AaPp][Mm])?",
    re.ASCII,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[ T]?(\d{2})(\d{2})(\d{2})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{2})(?:[.,](\d{1,3}))?", re.ASCII)
_DECIMAL = re.compile(r"([+-]?)(\d{0,15})(?:\.(\d*))?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_THOUSANDS_OF_COMMA = re.compile(r"[+-]?[1-9]\d{0,2}(?:[. ]\d{3})+(?:,\d*)?", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9*#]+", re.ASCII)

CALL_FIELDS: Final = (
    Field(
        "started_at", "Start of the call", required=True,
        spellings=("start", "start time", "started", "call start", "date time", "datetime", "call date", "setup time",
                   "answer time", "connect time", "begin", "date"),
    ),
    Field("clock", "Time of day, where it stands apart", spellings=("time", "call time", "start clock")),
    Field(
        "number", "Called number", Kind.NUMBER_TEXT, required=True,
        spellings=("called", "called number", "destination number", "b number", "dst", "cld", "callee", "dnis", "to"),
    ),
    Field(
        "duration", "Duration", required=True,
        spellings=("billsec", "seconds", "duration s", "length", "billed duration", "call duration", "minutes"),
    ),
    Field("cost", "Cost", required=True, spellings=("amount", "charge", "price", "total", "cost eur", "cost usd")),
    Field(
        "key", "Call id", Kind.NUMBER_TEXT,
        spellings=("call id", "callid", "sip call id", "uuid", "id", "cdr id", "session id"),
    ),
    Field("cli", "Caller", Kind.NUMBER_TEXT, spellings=("caller", "calling", "a number", "src", "from", "ani")),
    Field("destination", "Destination", spellings=("destination name", "country", "area", "zone", "breakout")),
    Field("currency", "Currency", spellings=("ccy",)),
)  # fmt: skip
TOTAL_FIELDS: Final = (
    Field("destination", "Destination", spellings=("destination name", "country", "area", "zone", "breakout")),
    Field("day", "Day", spellings=("date", "call date")),
    Field("calls", "Calls", spellings=("call count", "number of calls", "attempts", "count")),
    Field("duration", "Duration", spellings=("seconds", "minutes", "duration s", "billed minutes", "volume")),
    Field("cost", "Cost", required=True, spellings=("amount", "charge", "total")),
)
FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {"calls": CALL_FIELDS, "totals": TOTAL_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How a carrier writes. `zone` is that of moments without one; `strip` are prefixes of numbers, the first that
    fits is taken off before `add` is put in front."""

    time_format: str = "iso"
    zone: str = "UTC"
    duration_unit: str = "seconds"
    decimal_comma: bool = False
    strip: tuple[str, ...] = ()
    add: str = ""
    currency: str = "EUR"


class TheirCall(NamedTuple):
    """One call of a file."""

    key: str
    number: str
    cli: str
    at_ms: int
    duration_ms: int
    micros: int
    currency: str
    destination: str


class TheirTotal(NamedTuple):
    """One line of totals; `day` is None where the file has none, counts are None where it does not tell them."""

    destination: str
    day: date | None
    calls: int | None
    duration_ms: int | None
    micros: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the rows of one file."""

    mapping: Mapped
    writing: Writing
    zone: tzinfo = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", zone_info(self.writing.zone))

    def call(self, cells: Sequence[str]) -> TheirCall | list[Error]:
        """A call, or everything that is wrong with the row."""
        errors: list[Error] = []
        at_ms = self._required(cells, "started_at", self._moment_ms, errors)
        number = self._required(cells, "number", self._number, errors)
        duration_ms = self._required(cells, "duration", self._duration_ms, errors)
        micros = self._required(cells, "cost", self._micros, errors)
        currency = self._optional(cells, "currency", _currency, errors) or self.writing.currency
        if errors or at_ms is None or number is None or duration_ms is None or micros is None:
            return errors
        told = (cell(cells, self.mapping, name).replace("\0", "")[:200] for name in ("key", "cli", "destination"))
        key, cli, destination = told
        return TheirCall(key, number, _NOT_DIGITS.sub("", cli), at_ms, duration_ms, micros, currency, destination)

    def total(self, cells: Sequence[str]) -> TheirTotal | list[Error]:
        """A line of totals, or everything that is wrong with it."""
        errors: list[Error] = []
        micros = self._required(cells, "cost", self._micros, errors)
        day = self._optional(cells, "day", self._day, errors)
        calls = self._optional(cells, "calls", _count, errors)
        duration_ms = self._optional(cells, "duration", self._sum_ms, errors)
        if errors or micros is None:
            return errors
        return TheirTotal(cell(cells, self.mapping, "destination")[:200], day, calls, duration_ms, micros)

    def _required(
        self, cells: Sequence[str], name: str, read: Callable[[str], Value], errors: list[Error]
    ) -> Value | None:
        text = cell(cells, self.mapping, name)
        if name == "started_at" and "clock" in self.mapping:
            text = f"{text} {cell(cells, self.mapping, 'clock')}".strip()
        if not text:
            errors.append((name, "This is required."))
            return None
        return _tried(name, text, read, errors)

    def _optional(
        self, cells: Sequence[str], name: str, read: Callable[[str], Value], errors: list[Error]
    ) -> Value | None:
        text = cell(cells, self.mapping, name)
        return _tried(name, text, read, errors) if text else None

    def _moment_ms(self, text: str) -> int:
        moment = TIMES[self.writing.time_format](text)
        if moment is None or moment.year not in YEARS:
            raise CellInvalid(
                f"{text!r} is no moment as this carrier writes them: {EXAMPLES[self.writing.time_format]}."
            )
        return ((moment if moment.tzinfo else moment.replace(tzinfo=self.zone)) - EPOCH) // _MS

    def _day(self, text: str) -> date:
        moment = TIMES[self.writing.time_format](text)
        if moment is None or moment.year not in YEARS:
            raise CellInvalid(f"{text!r} is no day as this carrier writes them: {EXAMPLES[self.writing.time_format]}.")
        return moment.date()

    def _number(self, text: str) -> str:
        digits = _NOT_DIGITS.sub("", text)
        if not digits or len(digits) > 40 or "e+" in text.lower():
            raise CellInvalid(f"{text!r} is no number: format the column as text.")
        taken = next((prefix for prefix in self.writing.strip if digits.startswith(prefix)), "")
        return self.writing.add + digits[len(taken) :]

    def _duration_ms(self, text: str) -> int:
        found = self._sum_ms(text)
        if found > MOST_MS:
            raise CellInvalid(f"{text!r} is longer than a call can be: is the unit of durations right?")
        return found

    def _sum_ms(self, text: str) -> int:
        clock = _CLOCK.fullmatch(text)
        if clock is not None:
            hours, minutes, seconds, rest = clock.groups()
            return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int((rest or "").ljust(3, "0"))
        micros = self._micros(text)
        if micros < 0:
            raise CellInvalid(f"{text!r} is below zero.")
        return (micros * SECONDS[self.writing.duration_unit] + 500_000) // 1_000_000

    def _micros(self, text: str) -> int:
        """An amount to the nearest millionth; carriers write more decimals than anybody pays."""
        typed = not isinstance(text, Number)
        text = text.replace("\u00a0", " ")
        if self.writing.decimal_comma and typed:
            text = re.sub("[. ]", "", text) if _THOUSANDS_OF_COMMA.fullmatch(text) else text
            text = text.replace(",", ".") if "." not in text else text
        elif "," in text and _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
        found = _DECIMAL.fullmatch(text)
        if found is None or not (found[2] or found[3]):
            raise CellInvalid(f"{text!r} is no decimal number as this carrier writes them.")
        decimals = (found[3] or "").ljust(7, "0")
        value = int((found[2] or "0") + decimals[:6]) + (decimals[6] >= "5")
        if value > MOST_MICROS // 1000:
            raise CellInvalid(f"{text!r} is too large.")
        return -value if found[1] == "-" else value


def _tried(name: str, text: str, read: Callable[[str], Value], errors: list[Error]) -> Value | None:
    try:
        return read(text)
    except CellInvalid as problem:
        errors.append((name, str(problem)))
        return None


def _currency(text: str) -> str:
    code = text.upper()
    if code not in CURRENCIES:
        raise CellInvalid(f"{text!r} is no currency code of ISO 4217.")
    return code


def _count(text: str) -> int:
    digits = text.replace(",", "").replace(" ", "").replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise CellInvalid(f"{text!r} is no whole number.")
    return int(digits)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _parted(order: str) -> Callable[[str], datetime | None]:
    """A reader of days written with signs between: `order` names their parts."""

    def read(text: str) -> datetime | None:
        found = _PARTED.fullmatch(text)
        if found is None:
            return None
        parts = dict(zip(order, found.groups(), strict=False))
        year = int(parts["y"])
        hour = int(found[4] or 0)
        if found[8] is not None:
            hour = hour % 12 + (12 if found[8].lower() == "pm" else 0)
        return _made(
            year + 2000 if year < 100 else year, int(parts["m"]), int(parts["d"]), hour, int(found[5] or 0),
            int(found[6] or 0), int((found[7] or "0").ljust(6, "0")),
        )  # fmt: skip

    return read


def _compact(text: str) -> datetime | None:
    found = _COMPACT.fullmatch(text)
    return None if found is None else _made(*(int(part or 0) for part in found.groups()))


def _unix(per_s: int) -> Callable[[str], datetime | None]:
    """A reader of counts since 1970."""

    def read(text: str) -> datetime | None:
        found = _DECIMAL.fullmatch(text)
        if found is None or not found[2] or found[1] == "-" or len(found[2]) > 14:
            return None
        micros = int(found[2] + (found[3] or "").ljust(6, "0")[:6]) // per_s
        try:
            return EPOCH + timedelta(microseconds=micros)
        except OverflowError:
            return None

    return read


def _made(*parts: int) -> datetime | None:
    try:
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - the zone is that of the writing
    except ValueError:
        return None


TIMES: Final[Mapping[str, Callable[[str], datetime | None]]] = {
    "iso": _iso,
    "day_first": _parted("dmy"),
    "month_first": _parted("mdy"),
    "compact": _compact,
    "unix_s": _unix(1),
    "unix_ms": _unix(1000),
}
"""Ways of writing a moment. None is what cannot be read."""
EXAMPLES: Final[Mapping[str, str]] = {
    "iso": "2026-11-30 23:59:58",
    "day_first": "30/11/2026 23:59:58",
    "month_first": "11/30/2026 11:59:58 PM",
    "compact": "20261130235958",
    "unix_s": "1796083198",
    "unix_ms": "1796083198000",
}
