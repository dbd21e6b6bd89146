"""Claims about money: exact reading and writing, one rounding, currencies by ISO 4217."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.money import (
    CURRENCIES,
    AmountError,
    Method,
    UnknownCurrency,
    divide,
    format_micros,
    format_nanos,
    minor_digits,
    padded,
    parse_micros,
    parse_nanos,
    round_nanos,
)


@pytest.mark.parametrize(
    ("method", "expected"),
    [(Method.up, "0.1235"), (Method.down, "0.1234"), (Method.half_up, "0.1235"), (Method.half_down, "0.1234")],
)
def test_charge_rounding_of_the_golden_vector(method: Method, expected: str) -> None:
    assert round_nanos(parse_nanos("0.12345"), 1, precision=4, method=method) == parse_micros(expected)


@pytest.mark.parametrize(("precision", "expected"), [(2, "0.01"), (3, "0.002"), (4, "0.0018"), (5, "0.00175")])
def test_precision_of_the_golden_vector_rounds_up(precision: int, expected: str) -> None:
    found = round_nanos(parse_nanos("0.00175"), 1, precision=precision, method=Method.up)
    assert found == parse_micros(expected)


def test_half_up_gives_nothing_at_two_places_where_up_gives_a_cent() -> None:
    assert round_nanos(parse_nanos("0.00175"), 1, precision=2, method=Method.half_up) == 0


def test_calls_are_summed_after_rounding_as_in_the_golden_vector() -> None:
    price = parse_nanos("0.005")
    each = round_nanos(price * 9_100, 60_000, precision=4, method=Method.up)
    assert format_micros(each) == "0.0008"
    assert format_micros(100 * each, places=4) == "0.0800"
    naive = round_nanos(100 * price * 9_100, 60_000, precision=4, method=Method.half_up)
    assert format_micros(naive) == "0.0758"


@given(numerator=st.integers(-(10**30), 10**30), denominator=st.integers(1, 10**15), method=st.sampled_from(Method))
def test_division_agrees_with_rational_arithmetic(numerator: int, denominator: int, method: Method) -> None:
    size = abs(Fraction(numerator, denominator))
    whole, rest = size.numerator // size.denominator, size % 1
    over = {
        Method.up: rest > 0,
        Method.down: False,
        Method.half_up: rest >= Fraction(1, 2),
        Method.half_down: rest > Fraction(1, 2),
    }[method]
    expected = (whole + over) * (-1 if numerator < 0 else 1)
    assert divide(numerator, denominator, method) == expected


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_amount_survives_being_written_and_read(micros: int) -> None:
    assert parse_micros(format_micros(micros)) == micros
    assert parse_micros(format_micros(micros, places=2)) == micros
    assert parse_nanos(format_nanos(micros)) == micros


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.003", 3_000),
        ("-12.5", -12_500_000),
        ("+1", 1_000_000),
        (" 7. ", 7_000_000),
        (".5", 500_000),
        ("0.10000000000", 100_000),
    ],
)
def test_decimal_text_is_read_exactly(text: str, micros: int) -> None:
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "An amount is missing."),
        ("   ", "An amount is missing."),
        ("12,50", "has a comma"),
        ("1e3", "is not a decimal number"),
        (".", "is not a decimal number"),
        ("-", "is not a decimal number"),
        ("ten", "is not a decimal number"),
        ("٣", "is not a decimal number"),
        ("0.0000001", "has more than 6 decimals"),
        ("1" * 19, "is too large"),
        ("9999999999999", "is too large"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_reason(text: str, sentence: str) -> None:
    with pytest.raises(AmountError, match=sentence):
        parse_micros(text)


def test_a_price_may_have_nine_decimals_and_not_ten() -> None:
    assert parse_nanos("0.015") == 15_000_000
    assert parse_nanos("0.000000001") == 1
    with pytest.raises(AmountError, match="more than 9 decimals"):
        parse_nanos("0.0000000001")


@pytest.mark.parametrize(
    ("micros", "places", "text"),
    [
        (3_000, None, "0.003"),
        (3_000, 2, "0.003"),
        (3_000, 4, "0.0030"),
        (-500_000, 2, "-0.50"),
        (12_000_000, None, "12"),
        (0, 2, "0.00"),
    ],
)
def test_an_amount_is_written_with_the_places_asked_for_but_never_cut(
    micros: int, places: int | None, text: str
) -> None:
    assert format_micros(micros, places) == text


def test_amounts_get_as_many_decimals_as_asked_for_and_lose_none() -> None:
    asked = (("1.5", 3), ("1", 2), ("-0.015", 2), ("7", 0), ("", 2))
    assert [padded(text, decimals) for text, decimals in asked] == ["1.500", "1.00", "-0.015", "7", ""]


def test_minor_digits_are_those_of_iso_4217() -> None:
    assert [minor_digits(code) for code in ("JPY", "EUR", "KWD", "CLF")] == [0, 2, 3, 4]
    assert len(CURRENCIES) == 17 + 139 + 7 + 2
    for code in ("XAU", "XTS", "eur", ""):
        with pytest.raises(UnknownCurrency):
            minor_digits(code)
