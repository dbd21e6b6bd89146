"""Claims about localizations: the first pair that fits swaps a prefix, and what cannot be obeyed is named."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.localization import MOST_PAIRS, LocalizationInvalid, parse, swapped

DIGITS = st.text("0123456789", min_size=1, max_size=15)


@pytest.mark.parametrize(
    ("text", "number", "result"),
    [
        ("", "0207", "0207"),
        ("0/44", "0207", "44207"),
        ("00/*, 0/44", "00442079", "442079"),
        ("00/*, 0/44", "0207", "44207"),
        ("0/44,44/0", "0207", "44207"),
        ("*/9", "0207", "90207"),
        ("*/9", "+44207", "944207"),
        ("44/0", "+44207", "0207"),
        ("+44/0", "+44207", "0207"),
        ("+44/0", "44207", "44207"),
        ("7#/*", "7#1001", "1001"),
        ("1/2", "3", "3"),
        ("*/9", "", ""),
        ("0/*,*/9", "0", ""),
        (r"^8(\d{8})$/370$1, 0/44", "861234567", "37061234567"),
        (r"^8(\d{8})$/370$1, 8/44", "8612345678", "44612345678"),
        (r"^8(\d{2,8})$/370$1,0/44", "0207", "44207"),
        (r"^8\d{2,}/*, 8/9", "81", "91"),
        (r"^00(1|7)/$1", "0012025550100", "12025550100"),
        (r"^44/0", "+44207", "0207"),
        (r"^\+44/0", "44207", "44207"),
        (r"^\d*$/" + "$0" * 30, "1" * 100, "1" * 128),
    ],
)
def test_the_first_pair_that_fits_swaps_the_prefix(text: str, number: str, result: str) -> None:
    assert swapped(parse(text), number) == result


@given(DIGITS, DIGITS, DIGITS)
def test_what_one_side_swaps_the_other_side_swaps_back(one: str, other: str, rest: str) -> None:
    assert swapped(parse(f"{other}/{one}"), swapped(parse(f"{one}/{other}"), one + rest)) == one + rest


@pytest.mark.parametrize(
    ("text", "pair", "words"),
    [
        ("0/44,", 2, "comma too many"),
        ("0/44, 44", 2, "no slash"),
        ("/44", 1, "nothing as from"),
        ("0/", 1, "nothing as to"),
        ("a/44", 1, "not a prefix"),
        ("0/" + "4" * 21, 1, "not a prefix"),
        ("*/*", 1, "changes nothing"),
        ("0/44, ^0(/44", 2, "from: Sign"),
        ("^0$/$1", 1, "to: .* no group"),
        ("^0$/x", 1, "to: use the signs"),
        (",".join([r"^\d{99}$/1"] * 12), 10, "too long"),
        (",".join(["0/44"] * (MOST_PAIRS + 1)), MOST_PAIRS + 1, "at most"),
    ],
)
def test_a_pair_that_cannot_be_obeyed_is_named(text: str, pair: int, words: str) -> None:
    with pytest.raises(LocalizationInvalid, match=words) as raised:
        parse(text)
    assert raised.value.pair == pair
    assert raised.value.sentence in str(raised.value)


@given(st.text(max_size=30))
def test_any_text_is_obeyed_or_named(text: str) -> None:
    with suppress(LocalizationInvalid):
        swapped(parse(text), "442071838750")
