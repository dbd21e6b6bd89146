"""Localizations: how numbers of a customer are written on its side, swapped to and from our own way of writing them.

A text is a comma list of `from/to` pairs (behaviour of ASTPP, kept): the first pair whose `from` starts the number
puts `to` in its place. `*` as `from` is any number, `*` as `to` takes the prefix away. To add another sign, teach
`parse` to read it and `Swap.apply` to obey it.
"""

import re
from dataclasses import dataclass

MOST_PAIRS = 100
_SIDE = re.compile(r"\+?[0-9#*]{1,20}", re.ASCII)


class LocalizationInvalid(ValueError):
    """A text that cannot be obeyed: which pair (from 1), and what is wrong with it."""

    def __init__(self, pair: int, sentence: str) -> None:
        super().__init__(f"Pair {pair}: {sentence}")
        self.pair = pair
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Swap:
    """One pair; an empty `prefix` starts every number."""

    prefix: str
    replacement: str

    def apply(self, number: str) -> str | None:
        """The number with its prefix swapped; None when it starts otherwise. A plus before the digits may be missing
        in the pair."""
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
    pairs = [pair.strip() for pair in text.split(",")]
    if len(pairs) > MOST_PAIRS:
        raise LocalizationInvalid(MOST_PAIRS + 1, f"at most {MOST_PAIRS} pairs are allowed.")
    return tuple([_pair(number, pair) for number, pair in enumerate(pairs, start=1)])


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
        if not _SIDE.fullmatch(side):
            raise LocalizationInvalid(position, f"{side!r} is not a prefix of at most 20 digits, or *.")
    if prefix == replacement == "*":
        raise LocalizationInvalid(position, "'*/*' changes nothing.")
    return Swap("" if prefix == "*" else prefix, "" if replacement == "*" else replacement)
