"""PINs of calling cards: which are too easy, and how many wrong ones are taken before a caller has to wait.

With these limits a caller gets 5 of a million PINs of six digits in a quarter of an hour, and all callers together get
the access number's own limit in an hour, 100 unless its page says otherwise; the tries of a caller at all numbers count
together, and those of all callers while PINs hold at all numbers (docs/how-to/calling-cards.md).
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Final

SHORTEST: Final = 4
LONGEST: Final = 12
CALLER_MOST: Final = 5
CALLER_WITHIN: Final = timedelta(minutes=15)
ALL_WITHIN: Final = timedelta(hours=1)
ALL_MOST: Final = 100
"""Wrong PINs of all callers at an access number within `ALL_WITHIN`, unless it says otherwise."""
CROWDED: Final = 1000
"""Where one guess in fewer than so many hits a PIN, they should be longer."""


def is_trivial(pin: str) -> bool:
    """Whether it is among the first that anybody would try: even steps (1111, 123456, 9753) or a piece repeated."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) <= 1:
        return True
    return any(
        len(pin) % length == 0 and pin == pin[:length] * (len(pin) // length) for length in range(1, len(pin) // 2 + 1)
    )


def is_crowded(length: int, count: int) -> bool:
    """Whether so many PINs of that length are too easy to hit by chance."""
    return count * CROWDED > int(10**length)


def number_of(text: str) -> str:
    """The digits of an access number, however it was written (`+370 5 200 0000`)."""
    return "".join(sign for sign in text if sign.isascii() and sign.isdigit())
