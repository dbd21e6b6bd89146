"""A rate as JSON: whole numbers and names only, nothing lost either way.

Public through `tollgate.core.rates`. Fields are named as in `rates_model` and left out when they hold their default;
the rounding belongs to the card and travels apart unless asked for. A new field of a record needs one entry in that
record's table below.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from tollgate.core.money import Method
from tollgate.core.rates_model import USUAL, AtMaximum, Increments, Rate, RateInvalid, Rounding, Step, Window

Reader = Callable[[object, str], Any]
Record = TypeVar("Record", Rate, Rounding, Window, Step)


def rate_from_json(data: object, rounding: Rounding = USUAL) -> Rate:
    """The rate of what `rate_to_json` wrote, with the card's rounding unless the data carry their own.

    Raises RateInvalid with the path of the bad field.
    """
    return _record(Rate, _RATE, data, "", rounding=rounding)


def rate_to_json(rate: Rate, *, with_rounding: bool = False) -> dict[str, object]:
    """The full form of a rate; with its rounding it can be kept with a call and priced again without its card."""
    data = _object(rate, _RATE)
    if with_rounding:
        data["rounding"] = _object(rate.rounding, _ROUNDING)
    else:
        data.pop("rounding", None)
    return data


def _object(record: Record, readers: Mapping[str, Reader]) -> dict[str, object]:
    defaults = {field.name: field.default for field in fields(record)}
    values = {name: getattr(record, name) for name in readers}
    return {name: _plain(value) for name, value in values.items() if value != defaults[name]}


def _plain(value: object) -> object:
    match value:
        case tuple():
            return [_object(row, _WINDOW) if isinstance(row, Window) else _object(row, _STEP) for row in value]
        case frozenset():
            return sorted(value)
        case date():
            return value.isoformat()
        case Rounding():
            return _object(value, _ROUNDING)
        case StrEnum():
            return value.value
        case _:
            return value


def _record(kind: type[Record], readers: Mapping[str, Reader], data: object, path: str, **known: object) -> Record:
    if not isinstance(data, Mapping):
        raise RateInvalid(path or "rate", "must be an object.")
    prefix = f"{path}." if path else ""
    values: dict[str, Any] = dict(known)
    for name, value in data.items():
        if name not in readers:
            raise RateInvalid(f"{prefix}{name}", "is not a field of a rate.")
        values[name] = readers[name](value, f"{prefix}{name}")
    for field in fields(kind):
        if field.init and field.default is MISSING and field.name not in values:
            raise RateInvalid(f"{prefix}{field.name}", "is missing.")
    try:
        return kind(**values)
    except RateInvalid as invalid:
        raise RateInvalid(f"{prefix}{invalid.path}", invalid.sentence) from None


def _whole(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RateInvalid(path, "must be a whole number.")
    return value


def _whole_or_none(value: object, path: str) -> int | None:
    return None if value is None else _whole(value, path)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise RateInvalid(path, "must be text.")
    return value


def _day(value: object, path: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(_text(value, path))
    except ValueError as invalid:
        raise RateInvalid(path, "must be a day such as 2026-12-25.") from invalid


def _members(value: object, path: str) -> frozenset[int] | None:
    return None if value is None else frozenset(_list(value, path, _whole))


def _rounding(value: object, path: str) -> Rounding:
    return _record(Rounding, _ROUNDING, value, path)


def _member(kind: type[StrEnum]) -> Reader:
    def read(value: object, path: str) -> StrEnum:
        try:
            return kind(_text(value, path))
        except ValueError as invalid:
            raise RateInvalid(path, f"must be one of {', '.join(kind)}.") from invalid

    return read


def _steps(value: object, path: str) -> tuple[Step, ...]:
    return tuple(_list(value, path, lambda row, row_path: _record(Step, _STEP, row, row_path)))


def _windows(value: object, path: str) -> tuple[Window, ...]:
    return tuple(_list(value, path, lambda row, row_path: _record(Window, _WINDOW, row, row_path)))


def _list(value: object, path: str, read: Reader) -> list[Any]:
    if not isinstance(value, list):
        raise RateInvalid(path, "must be a list.")
    return [read(row, f"{path}[{number}]") for number, row in enumerate(value)]


_ROUNDING: dict[str, Reader] = {
    "precision": _whole,
    "method": _member(Method),
    "duration": _member(Method),
    "increments": _member(Increments),
}
_STEP: dict[str, Reader] = {"at_s": _whole, "price_nanos": _whole, "per_s": _whole, "increment_s": _whole}
_WINDOW: dict[str, Reader] = {
    "steps": _steps,
    "connect_fee_nanos": _whole,
    "weekdays": _members,
    "months": _members,
    "month_days": _members,
    "from_on": _day,
    "until_on": _day,
    "from_s": _whole,
    "until_s": _whole_or_none,
    "weight": _whole,
}
_RATE: dict[str, Reader] = {
    "windows": _windows,
    "zone": _text,
    "included_s": _whole,
    "grace_s": _whole,
    "minimum_nanos": _whole,
    "maximum_nanos": _whole_or_none,
    "at_maximum": _member(AtMaximum),
    "rounding": _rounding,
}
