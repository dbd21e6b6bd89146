"""Localizations: how numbers of a customer are written on its side, swapped to and from our own way of writing them.

A text is a comma list of `from/to` pairs (behaviour of ASTPP, kept): the first pair whose `from` starts the number
puts `to` in its place. `*` as `from` is any number, `*` as `to` takes the prefix away. A `from` that starts with `^` is
an expression as in `rewrites`, and `$1` in its `to` what the first group matched. To add another sign, teach `parse` to
read it and `Swap.apply` to obey it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tollgate.core import rewrites
from tollgate.core.rewrites import MOST_INSTRUCTIONS, Rewrite, RewriteInvalid

MOST_PAIRS = 100
_MOST_SIGNS: Final = 128
"""Of a number that an expression has made."""
_COMMA: Final = re.compile(r",(?![0-9]*\})")  # one in braces counts repeats
_SIDE = re.compile(r"\+?[0-9#*]{1,20}", re.ASCII)


class LocalizationInvalid(ValueError):
    """A text that cannot be obeyed: which pair (from 1), and what is wrong with it."""

    def __init__(self, pair: int, sentence: str) -> None:
        super().__init__(f"Pair {pair}: {sentence}")
        self.pair = pair
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Swap:
    """One pair; an empty `prefix` starts every number. One with an expression is a `rewrite`."""

    prefix: str
    replacement: str
    rewrite: Rewrite | None = None

    def apply(self, number: str) -> str | None:
        """The number with its prefix swapped; None when it starts otherwise. A plus before the digits may be missing
        in the pair."""
        if self.rewrite is not None:
            written = self.rewrite.apply(number)
            return None if written is None else written[:_MOST_SIGNS]
        bare = number.removeprefix("+")
        if number.startswith(self.prefix):
            rest = (number if self.prefix else bare)[len(self.prefix) :]
        elif bare.startswith(self.prefix):
            rest = bare[len(self.prefix) :]
        else:
            return None
        return self.replacement + rest


Swaps = tuple[Swap, ...]
SIDES = (
    "originate_cli_in",
    "originate_cli_out",
    "originate_cld",
    "terminate_cli_in",
    "terminate_cli_out",
    "terminate_cld",
)
"""The texts that one localization has."""


@dataclass(frozen=True, slots=True)
class Localization:
    """The swaps of one customer: `originate` for calls it makes, `terminate` for calls that reach its phones."""

    name: str
    originate_cli_in: Swaps = ()
    originate_cli_out: Swaps = ()
    originate_cld: Swaps = ()
    terminate_cli_in: Swaps = ()
    terminate_cli_out: Swaps = ()
    terminate_cld: Swaps = ()


def parse(text: str) -> Swaps:
    """The pairs of a text, in their order; none for an empty one. Raises LocalizationInvalid."""
    if not text.strip():
        return ()
    pairs = [pair.strip() for pair in _COMMA.split(text)]
    if len(pairs) > MOST_PAIRS:
        raise LocalizationInvalid(MOST_PAIRS + 1, f"at most {MOST_PAIRS} pairs are allowed.")
    swaps = tuple([_pair(number, pair) for number, pair in enumerate(pairs, start=1)])
    for number, size in enumerate(_sizes(swaps), start=1):
        if size > MOST_INSTRUCTIONS:
            raise LocalizationInvalid(number, "the expressions of all pairs together are too long.")
    return swaps


def _sizes(swaps: Swaps) -> Iterator[int]:
    """How long the expressions up to each pair are together: what one number can cost at most."""
    size = 0
    for swap in swaps:
        if swap.rewrite is not None and swap.rewrite.pattern is not None:
            size += swap.rewrite.pattern.size
        yield size


def swapped(swaps: Swaps, number: str) -> str:
    """The number after the first pair that fits it; unchanged when none does, or when there is no number."""
    if number:
        for swap in swaps:
            result = swap.apply(number)
            if result is not None:
                return result
    return number


def _pair(position: int, text: str) -> Swap:
    prefix, slash, replacement = text.partition("/")
    prefix, replacement = prefix.strip(), replacement.strip()
    if not text:
        raise LocalizationInvalid(position, "is empty: there is a comma too many.")
    if not slash:
        raise LocalizationInvalid(position, f"{text!r} has no slash: write it as from/to.")
    for side, words in ((prefix, "from"), (replacement, "to")):
        if not side:
            raise LocalizationInvalid(position, f"{text!r} has nothing as {words}: write * for any, or to strip.")
    if prefix.startswith("^"):
        return Swap(prefix, replacement, _expression(position, prefix, "" if replacement == "*" else replacement))
    for side in (prefix, replacement):
        if not _SIDE.fullmatch(side):
            raise LocalizationInvalid(
                position, f"{side!r} is not a prefix of at most 20 digits, or *, or an expression after ^."
            )
    if prefix == replacement == "*":
        raise LocalizationInvalid(position, "'*/*' changes nothing.")
    return Swap("" if prefix == "*" else prefix, "" if replacement == "*" else replacement)


def _expression(position: int, current: str, new: str) -> Rewrite:
    try:
        return rewrites.parse([{"target": "cld", "current": current, "new": new}])[0]
    except RewriteInvalid as problem:
        raise LocalizationInvalid(
            position, f"{'from' if problem.column == 'current' else 'to'}: {problem.sentence}"
        ) from None
