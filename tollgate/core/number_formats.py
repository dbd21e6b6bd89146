"""How figures are written: after a decimal point or a decimal comma, as CLDR tells of countries and languages.

Documents are written as in the buyer's country (`decimal_sign`), pages and mails as their reader does (`reader_sign`).
What stands between thousands is a space everywhere (ISO 80000-1, 7.3.1). To write another country's figures otherwise,
put it into `_COMMA` or take it out; what was issued before keeps the sign that it was issued with. A language that
writes a comma has its line in `_COMMA_BUT_IN`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

POINT: Final = "."
SIGN_OF_COMMA: Final = ","
SPACE: Final = "\u00a0"
"""What stands between thousands; it does not break."""
_COMMA: Final = """
AD AL AM AO AR AT AZ BA BE BG BO BR BY CL CO CR CV CY CZ DE DK DZ EC EE ES FI FO FR GA GE GL GR GW HR HU ID IS IT KG KZ
LT LU LV MA MC MD ME MG MK MN MZ NL NO PL PT PY RO RS RU SE SI SK SM SN ST TG TJ TL TM TN TR UA UY UZ VA VE VN XK
"""
COMMA: Final = frozenset(_COMMA.split())
"""Countries of ISO 3166, and Kosovo, where decimals stand after a comma."""


_POINT_IN_SPANISH: Final = "BZ DO GT HN MX NI PA PE PH PR SV US"
_COMMA_BUT_IN: Final[Mapping[str, frozenset[str]]] = {
    "de": frozenset({"CH", "LI"}),
    "es": frozenset(_POINT_IN_SPANISH.split()),
    "fr": frozenset({"CH"}),
    "pt": frozenset(),
}
"""Languages that write a comma, and the countries in which they write a point all the same."""
FIGURE: Final = re.compile(
    r"(?P<before>(?:(?:[<>]=?|=) )?[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<decimals>(?:\.\d+)?)"
    r"(?P<unit> ?%|\+|/s|(?: (?:[A-Z]{3}|s|ms)|\u00a0[KMGTP]B)?)",
    re.ASCII,
)
"""A number as programs write it for people: perhaps compared by a sign before it, with commas between thousands, a
point, and an ISO code or another unit behind it."""
HOW: Final = "write decimals after a comma, and nothing between thousands."
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)

_CLEAR: Final = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d*|(?:,\d{3}){2,})", re.ASCII)
"""Commas that can only part thousands: a point follows them, or there are several."""


def decimal_sign(country: str) -> str:
    """What stands before decimals in a country; a point where none is named."""
    return SIGN_OF_COMMA if country in COMMA else POINT


def reader_sign(language: str, country: str = "") -> str:
    """What stands before decimals for somebody who reads a language and lives in a country, if one is known.

    Where the country writes a comma, so does every language in it; elsewhere a language keeps its own way.
    """
    tongue = language.replace("_", "-").partition("-")[0].lower()
    if country in COMMA:
        return SIGN_OF_COMMA
    return SIGN_OF_COMMA if tongue in _COMMA_BUT_IN and country not in _COMMA_BUT_IN[tongue] else POINT


def written(text: str, sign: str) -> str:
    """A text that is nothing but a number, an amount with its currency among them, with a reader's sign before its
    decimals and spaces between thousands. Any other text stays as it is."""
    if sign == POINT or (found := FIGURE.fullmatch(text)) is None:
        return text
    whole, decimals = found["whole"].replace(",", SPACE), found["decimals"].replace(POINT, sign)
    return f"{found['before']}{whole}{decimals}{found['unit']}"


def without_thousands(text: str) -> str:
    """A number as programs write it without commas that can only part thousands; 1,500 stays as it is, for it could be
    one and a half."""
    return text.replace(",", "") if _CLEAR.fullmatch(text) else text


def typed(text: str, sign: str) -> str:
    """What a reader of a sign has typed, as programs write it: who writes a comma may type a point as well, unless it
    could part thousands. Raises ValueError with a sentence."""
    stripped = text.strip()
    if sign == POINT:
        return stripped
    if sign not in stripped:
        if _THOUSANDS.fullmatch(stripped):
            raise ValueError(f"{text!r} could mean thousands: {HOW}")
        return stripped
    if POINT in stripped or stripped.count(sign) > 1:
        raise ValueError(f"{text!r} has more than one sign: {HOW}")
    return stripped.replace(sign, POINT)
