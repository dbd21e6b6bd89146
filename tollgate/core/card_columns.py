"""Which column of a rate card file is what: the many spellings of headers, and what is too unclear to guess.

To teach it another spelling, add it to `SPELLINGS` in lower case without punctuation; currency codes and signs in a
header ("Rate (EUR)") are dropped before the look-up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollgate.core.money import CURRENCIES

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "prefix": (
        "prefix", "prefixes", "code", "codes", "dial code", "dial codes", "dialcode", "dialcodes", "dialing code",
        "dialling code", "dial prefix", "destination code", "destination prefix", "number prefix", "breakout code",
    ),
    "destination": (
        "destination", "destination name", "name", "description", "country", "country name", "zone", "area", "location",
        "breakout", "network", "region",
    ),
    "price": (
        "rate", "price", "per minute", "price per minute", "rate per minute", "cost", "cost per minute", "price min",
        "rate min", "cost min", "charge", "charge per minute", "new rate", "new price", "minute rate", "minute price",
        "tariff",
    ),
    "connect_fee": (
        "connect", "connect fee", "connection fee", "connection charge", "connection cost", "connect cost",
        "connect charge", "setup", "setup fee", "set up fee", "setup charge", "call setup", "call setup fee",
        "rate connect",
    ),
    "increments": (
        "increment", "increments", "billing increment", "billing increments", "billing", "billing interval",
        "rounding rule", "billing terms", "increments s",
    ),
    "initial": (
        "initial", "initial increment", "initial interval", "first increment", "first interval", "interval 1", "mcd",
        "minimum", "minimum duration", "min duration", "minimum charge duration", "minimum time", "initial s",
    ),
    "increment": (
        "interval", "pulse", "next increment", "next interval", "subsequent increment", "subsequent interval",
        "additional increment", "additional interval", "interval n", "increment s",
    ),
    "grace": ("grace", "grace period", "grace time", "grace seconds", "grace s"),
    "included": ("included", "included seconds", "free seconds", "included s"),
    "minimum_cost": (
        "minimum cost", "min cost", "minimum charge", "min charge", "minimum call cost", "minimum call charge",
        "minimum price", "min price",
    ),
    "maximum_cost": (
        "maximum cost", "max cost", "maximum charge", "max charge", "maximum call cost", "maximum call charge",
        "maximum price", "max price",
    ),
    "tariff": ("own tariff", "tariff json", "full tariff", "rate json", "json"),
    "blocked": ("blocked", "block", "status", "state", "barred"),
    "enabled": ("enabled", "active", "open"),
}  # fmt: skip
FIELDS = tuple(SPELLINGS)
HARMLESS = frozenset({"destination"})  # only words for people: the first spelling wins where several fit

_FIELD_OF = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}
_OTHER_SIGNS = re.compile(r"[\W_]+")
_CURRENCY_WORDS = frozenset(code.lower() for code in CURRENCIES) | {"in"}


@dataclass(frozen=True, slots=True)
class Guess:
    """Fields by column index, the indexes nobody needs, and sentences on columns that could mean the same."""

    mapping: Mapping[str, int]
    ignored: tuple[int, ...]
    unclear: tuple[str, ...]


def guess(headers: Sequence[str]) -> Guess:
    """What the columns of this header row are."""
    candidates: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        name = _FIELD_OF.get(plain(header))
        if name is not None:
            candidates.setdefault(name, []).append(index)
    unclear = tuple(
        _unclear(name, [headers[i] for i in found]) for name, found in candidates.items() if _several(name, found)
    )
    mapping = {name: _best(name, headers, found) for name, found in candidates.items() if not _several(name, found)}
    used = set(mapping.values())
    ignored = tuple(i for i, header in enumerate(headers) if header.strip() and i not in used)
    return Guess(mapping, ignored, unclear)


def plain(header: str) -> str:
    """A header in lower case without punctuation, currency codes and empty words."""
    words = _OTHER_SIGNS.sub(" ", header.lower()).split()
    return " ".join(word for word in words if word not in _CURRENCY_WORDS)


def _several(name: str, found: Sequence[int]) -> bool:
    return len(found) > 1 and name not in HARMLESS


def _unclear(name: str, headers: Sequence[str]) -> str:
    names = " and ".join(repr(header.strip()) for header in headers)
    return f"The columns {names} could both be the {name.replace('_', ' ')}: say which one is."


def _best(name: str, headers: Sequence[str], found: Sequence[int]) -> int:
    """Of several columns the one whose spelling comes first in the table."""
    return min(found, key=lambda index: SPELLINGS[name].index(plain(headers[index])))
