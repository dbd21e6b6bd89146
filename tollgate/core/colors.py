"""Colors as `#rrggbb`: how well one is read on another, by WCAG 2.2 (relative luminance and contrast ratio), exactly.

    readable("#1f6feb", on="#ffffff")     at least 4.5 to 1, as text of normal size needs
    made_readable("#663399", on=DARK)     the same color mixed with white until it is
    THEME                                 what a brand may color, and what has to stay readable there

To let a brand color something else, add its line to `THEME`, its column, and its custom property in `portal/brand.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

LEAST: Final = Decimal("4.5")
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
DARK: Final = "#262626"
"""The cards of the dark theme."""
_TEXT: Final = "#404040"
_TEXT_OF_DARK: Final = "#e5e5e5"
_TEXT_OF_SIDEBAR: Final = "#c3cad4"
_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Token:
    """One color of a theme: how people call it, and what must be readable together with it."""

    words: str
    against: str
    against_words: str


THEME: Final[Mapping[str, Token]] = {
    "color": Token("Color", WHITE, "the white of pages"),
    "color_dark": Token("Color of the dark theme", DARK, "the gray of dark pages"),
    "sidebar_color": Token("Color of the sidebar", _TEXT_OF_SIDEBAR, "the light text of the sidebar"),
    "background": Token("Background", _TEXT, "the dark text of pages"),
    "background_dark": Token("Background of the dark theme", _TEXT_OF_DARK, "the light text of dark pages"),
}


def channels(color: str) -> tuple[int, int, int]:
    """Red, green and blue from 0 to 255."""
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", color), color
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def readable(color: str, *, on: str) -> bool:
    """Whether text of one color is read on the other; which is which does not matter."""
    lighter, darker = sorted((_luminance(color), _luminance(on)), reverse=True)
    return lighter + Decimal("0.05") >= LEAST * (darker + Decimal("0.05"))


def text_on(color: str) -> str:
    """White where it is readable, otherwise black: one of them always is."""
    return WHITE if readable(WHITE, on=color) else BLACK


def made_readable(color: str, *, on: str) -> str:
    """The color, mixed with as much white (on a dark ground) or black as it takes to be read."""
    goal = 255 if text_on(on) == WHITE else 0
    for step in range(_STEPS + 1):
        mixed = "#" + "".join(f"{one + (goal - one) * step // _STEPS:02x}" for one in channels(color))
        if readable(mixed, on=on):
            return mixed
    raise AssertionError("white or black is readable on everything")


@cache
def _luminance(color: str) -> Decimal:
    """Of 1 for white; WCAG 2.2, "relative luminance"."""
    weights = (Decimal("0.2126"), Decimal("0.7152"), Decimal("0.0722"))
    return sum((weight * _linear(one) for weight, one in zip(weights, channels(color), strict=True)), Decimal(0))


def _linear(channel: int) -> Decimal:
    share = Decimal(channel) * Decimal("0.003921568627450980392")  # of 255
    if share <= Decimal("0.04045"):
        return share * Decimal("0.077399380804953560")  # by 12.92
    base: Decimal = (share + Decimal("0.055")) * Decimal("0.947867298578199052")  # by 1.055
    return base ** Decimal("2.4")
