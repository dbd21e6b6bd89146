"""Claims about colors: what is read on what, by the numbers of WCAG."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tollgate.core.colors import BLACK, DARK, WHITE, made_readable, readable, text_on

COLOR = some.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_known_pairs_are_told_apart_at_four_and_a_half_to_one() -> None:
    assert readable("#767676", on=WHITE), "4.54 to 1, the lightest gray of the guidelines' own examples"
    assert not readable("#777777", on=WHITE), "4.48 to 1"
    assert readable("#0000ff", on=WHITE)
    assert not readable("#ff0000", on=WHITE), "4.0 to 1"
    assert not readable("#0000ff", on=DARK)


@given(COLOR)
def test_white_or_black_is_read_on_every_color_and_every_color_can_be_made_readable(color: str) -> None:
    assert readable(text_on(color), on=color)
    for ground in (WHITE, BLACK, DARK):
        made = made_readable(color, on=ground)
        assert readable(made, on=ground)
        assert made == color or not readable(color, on=ground), "what is readable stays as it is"


@given(COLOR, COLOR)
def test_which_one_is_the_text_does_not_matter(one: str, other: str) -> None:
    assert readable(one, on=other) == readable(other, on=one)
