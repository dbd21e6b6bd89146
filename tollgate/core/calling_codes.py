"""Calling codes of countries (ITU-T E.164): where in a number the code ends, in SQL that every engine reads alike.

No code is the beginning of another, so the first digits say how many there are. ITU assigns no codes of two digits any
more; were one given back or split, `TWO_DIGITS` would change.
"""

from __future__ import annotations

from typing import Final

ONE_DIGIT: Final = ("1", "7")
_PAIRS: Final = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
    "60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
)
TWO_DIGITS: Final = tuple(_PAIRS.split())


def calling_code(number: str) -> str:
    """SQL for the calling code of a number that is given in SQL; of a shorter prefix what there is of it."""
    return (
        f"CASE WHEN left({number}, 1) IN ({_listed(ONE_DIGIT)}) THEN left({number}, 1) "
        f"WHEN left({number}, 2) IN ({_listed(TWO_DIGITS)}) THEN left({number}, 2) ELSE left({number}, 3) END"
    )


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)
