"""What helpers of templates make of values: numbers, amounts and durations. Exact whole numbers, never a float.

A number is counted in `PARTS` of one, of at most `MOST_DIGITS` digits before the point; what a helper cannot read or
hold is refused with a sentence. Days and moments are written by `core.templates_dates`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tollgate.core.money import Method, UnknownCurrency, divide, minor_digits
from tollgate.core.number_formats import POINT, written

DECIMALS: Final = 12
PARTS: Final = 10**DECIMALS
MOST_DIGITS: Final = 30
MOST_SIGNS: Final = 80
"""Of a text that is read as a number."""
FIGURE: Final = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?: ?(?:%|[A-Z]{3}))?", re.ASCII)
OPERATORS: Final = ("+", "-", "*", "/", "%")


class HelperRefused(ValueError):
    """What a helper cannot do; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a reader writes: the sign before decimals, the language of months and days, the zone of moments, and what
    amounts are in unless they say so."""

    sign: str = POINT
    language: str = "en"
    zone: str = "UTC"
    currency: str = ""


def number_of(text: str) -> int:
    """The parts of a number as programs write it, perhaps with a currency behind it. Raises HelperRefused."""
    found = FIGURE.fullmatch(text.strip()) if len(text) <= MOST_SIGNS else None
    if found is None:
        raise HelperRefused(f"“{text[:20]}” is no number.")
    sign, whole, decimals = found[1], found[2].replace(",", ""), found[3] or ""
    if len(decimals.rstrip("0")) > DECIMALS:
        raise HelperRefused(f"A number has at most {DECIMALS} decimals.")
    parts = int(whole) * PARTS + int(decimals[:DECIMALS].ljust(DECIMALS, "0"))
    return _held(-parts if sign == "-" else parts)


def number_text(parts: int) -> str:
    """The shortest exact text of a number, as programs write it."""
    whole, rest = divmod(abs(parts), PARTS)
    decimals = f"{rest:0{DECIMALS}d}".rstrip("0")
    return f"{'-' if parts < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def math(left: str, operator: str, right: str) -> str:
    """The sum, difference, product, quotient or remainder of two numbers; the last place of a product or quotient is
    rounded half up. Raises HelperRefused."""
    one, other = number_of(left), number_of(right)
    if operator in ("/", "%") and not other:
        raise HelperRefused("Nothing can be divided by zero.")
    match operator:
        case "+":
            return number_text(_held(one + other))
        case "-":
            return number_text(_held(one - other))
        case "*":
            return number_text(_held(divide(one * other, PARTS, Method.half_up)))
        case "/":
            over = one * PARTS * (1 if other > 0 else -1)
            return number_text(_held(divide(over, abs(other), Method.half_up)))
        case "%":
            rest = abs(one) % abs(other)
            return number_text(-rest if one < 0 else rest)
    raise HelperRefused(f"{{{{math}}}} knows {' '.join(OPERATORS)}, in quotes.")


def number_format(text: str, decimals: str | None, manner: Manner) -> str:
    """A number as its reader writes it, rounded half up to so many decimals, or with all that it has."""
    return written(_grouped(number_of(text), None if decimals is None else _decimals(decimals)), manner.sign)


def currency_format(text: str, currency: str | None, manner: Manner) -> str:
    """An amount with its currency, rounded half up to the decimals that this has."""
    code = currency or manner.currency
    try:
        digits = minor_digits(code)
    except UnknownCurrency:
        raise HelperRefused(f"“{code[:20]}” is no currency: give its ISO code.") from None
    return f"{written(_grouped(number_of(text), digits), manner.sign)} {code}"


def sec2min(text: str) -> str:
    """Seconds as minutes and seconds; what is less than a second is left out."""
    seconds = abs(number_of(text)) // PARTS
    return f"{'-' if text.strip().startswith('-') and seconds else ''}{seconds // 60}:{seconds % 60:02d}"


def _grouped(parts: int, decimals: int | None) -> str:
    """With commas between thousands."""
    if decimals is not None:
        unit: int = 10 ** (DECIMALS - decimals)
        parts = divide(parts, unit, Method.half_up) * unit
    whole, _, rest = number_text(abs(parts)).partition(".")
    rest = rest.ljust(decimals or 0, "0")
    return f"{'-' if parts < 0 else ''}{int(whole):,}{'.' if rest else ''}{rest}"


def _decimals(text: str) -> int:
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII) or int(text) > DECIMALS:
        raise HelperRefused(f"Give the decimals as a number from 0 to {DECIMALS}.")
    return int(text)


def _held(parts: int) -> int:
    if abs(parts) >= 10**MOST_DIGITS * PARTS:
        raise HelperRefused(f"A number has at most {MOST_DIGITS} digits before the point.")
    return parts
