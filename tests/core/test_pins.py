"""Claims about PINs: which are too easy, and that those stay few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.pins import CROWDED, LONGEST, SHORTEST, is_crowded, is_trivial, number_of

PINS = st.text("0123456789", min_size=SHORTEST, max_size=LONGEST)


@pytest.mark.parametrize(
    "pin", ["1111", "1234", "4321", "123456", "654321", "111111", "135791", "890123", "121212", "123123", "00000000"]
)
def test_what_everybody_tries_first_is_trivial(pin: str) -> None:
    assert is_trivial(pin)


@pytest.mark.parametrize("pin", ["1357902468", "112233", "123455", "198004", "4711"])
def test_other_pins_are_not(pin: str) -> None:
    assert not is_trivial(pin)


@given(PINS, st.integers(2, 6))
def test_a_piece_repeated_is_trivial_however_hard_the_piece_is(pin: str, times: int) -> None:
    assert is_trivial(pin * times)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(SHORTEST, LONGEST))
def test_even_steps_are_trivial_wherever_they_begin(first: int, step: int, length: int) -> None:
    assert is_trivial("".join(str((first + place * step) % 10) for place in range(length)))


def test_hardly_any_pin_of_six_digits_is_lost() -> None:
    trivial = sum(is_trivial(f"{number:06}") for number in range(10**6))
    assert trivial < 2000


def test_pins_are_crowded_where_one_guess_in_a_thousand_hits() -> None:
    assert not is_crowded(6, 10**6 // CROWDED)
    assert is_crowded(6, 10**6 // CROWDED + 1)


def test_an_access_number_is_its_digits() -> None:
    assert number_of("+370 (5) 200-0000") == "37052000000"
