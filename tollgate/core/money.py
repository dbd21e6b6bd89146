"""Money: exact integers, one way to round, one way to read and write them.

An *amount* is an integer count of micros (10^-6 of the currency unit), a *price* an integer count of nanos (10^-9 of
the unit). Nothing here, or anywhere, turns either into a float. To add a currency, put its code into the table of its
minor digits (ISO 4217); to add a way of rounding, add a member to `Method` and its line to `bias`.
"""

import re
from enum import StrEnum

MICROS = 10**6
NANOS = 10**9
MOST_MICROS = 2**63 - 1  # what a BIGINT column holds

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)


class Method(StrEnum):
    """How a remainder is rounded. `up` and `down` go away from and towards zero, the halves to the nearest."""

    up = "up"
    down = "down"
    half_up = "half_up"
    half_down = "half_down"


class AmountError(ValueError):
    """The text is not an amount we can hold exactly."""


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency with minor digits."""


_MINOR_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
        "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
        "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
        "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
        "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
        "YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS_BY_CURRENCY = {code: digits for digits, codes in _MINOR_DIGITS.items() for code in codes.split()}
CURRENCIES = frozenset(_DIGITS_BY_CURRENCY)


def bias(denominator: int, method: Method) -> int:
    """What to add to a non-negative numerator so that floor division by `denominator` rounds by `method`."""
    match method:
        case Method.up:
            return denominator - 1
        case Method.down:
            return 0
        case Method.half_up:
            return denominator // 2
    return (denominator - 1) // 2  # half_down


def divide(numerator: int, denominator: int, method: Method) -> int:
    """numerator / denominator as a whole number, exactly.

    For non-negative numbers `up` is the ceiling and `down` the floor. A negative number is rounded as its mirror image
    (`up` away from zero), so that a reversal is always the exact opposite of what it reverses.
    """
    assert denominator > 0
    if numerator < 0:
        return -divide(-numerator, denominator, method)
    return (numerator + bias(denominator, method)) // denominator


def round_nanos(numerator: int, denominator: int, *, precision: int, method: Method) -> int:
    """The micros of numerator / denominator nanos, rounded once to `precision` (0..6) decimals of the unit."""
    assert 0 <= precision <= 6
    scale: int = 10 ** (6 - precision)
    return divide(numerator, denominator * scale * 1000, method) * scale


def parse_micros(text: str) -> int:
    """The micros of a decimal text such as "-12.5". Raises AmountError with a sentence that says what is wrong."""
    return _parse(text, places=6)


def parse_nanos(text: str) -> int:
    """The nanos of a decimal text such as "0.015". Raises AmountError with a sentence that says what is wrong."""
    return _parse(text, places=9)


def format_micros(micros: int, places: int | None = None) -> str:
    """The shortest exact decimal text; with `places`, at least so many decimals, and more when exactness needs them."""
    return _format(micros, scale=6, places=places or 0)


def format_nanos(nanos: int) -> str:
    """The shortest exact decimal text of a price."""
    return _format(nanos, scale=9, places=0)


def padded(text: str, decimals: int) -> str:
    """The decimal text with so many decimals."""
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(decimals, '0')}" if text and decimals else text


def minor_digits(currency: str) -> int:
    """Decimals of the currency's smallest unit by ISO 4217. Raises UnknownCurrency."""
    digits = _DIGITS_BY_CURRENCY.get(currency)
    if digits is None:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code.")
    return digits


def _parse(text: str, *, places: int) -> int:
    stripped = text.strip()
    if not stripped:
        raise AmountError("An amount is missing.")
    if "," in stripped:
        raise AmountError(f"{text!r} has a comma: write decimals after a point and no thousands separators.")
    match = _DECIMAL.fullmatch(stripped)
    if match is None or not (match[2] or match[3]):
        raise AmountError(f"{text!r} is not a decimal number.")
    decimals = (match[3] or "").rstrip("0")
    if len(decimals) > places:
        raise AmountError(f"{text!r} has more than {places} decimals.")
    if len(match[2]) > 18:
        raise AmountError(f"{text!r} is too large.")
    value = int((match[2] or "0") + decimals.ljust(places, "0"))
    if value > MOST_MICROS:
        raise AmountError(f"{text!r} is too large.")
    return -value if match[1] == "-" else value


def _format(value: int, *, scale: int, places: int) -> str:
    whole, rest = divmod(abs(value), 10**scale)
    decimals = f"{rest:0{scale}d}".rstrip("0").ljust(places, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
