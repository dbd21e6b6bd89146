"""The full form of a rate in a row of a card: its JSON read, its amounts kept in bounds, and what the row then shows.

A rate that says more than one price (windows, steps, a minimum or maximum cost) is kept as JSON in `tariff`, which
alone rates the call; read from a file, the other columns of such a row are derived from it, so that none disagrees.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tollgate.core.rates import Rate, RateInvalid, rate_from_json, rate_to_json

MOST_NANOS = 10**13
MOST_SECONDS = 86_400
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The usual columns of a rate: of its first window, from the first second on."""

    price_nanos: int
    connect_fee_nanos: int
    initial_s: int
    increment_s: int
    grace_s: int
    included_s: int


def tariff_rate(data: object) -> Rate:
    """The rate of a tariff, given as JSON or as its text. Raises RateInvalid."""
    if isinstance(data, str):
        if len(data) > MOST_CHARACTERS:
            raise RateInvalid("tariff", f"must have at most {MOST_CHARACTERS} characters.")
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise RateInvalid("tariff", "must be JSON.") from None
    rate = rate_from_json(data)
    for path, nanos in _amounts(rate):
        if nanos > MOST_NANOS:
            raise RateInvalid(path, f"must be at most {MOST_NANOS}.")
    for path, seconds in _seconds(rate):
        if seconds > MOST_SECONDS:
            raise RateInvalid(path, f"must be at most {MOST_SECONDS}.")
    return rate


def tariff_text(rate: Rate) -> str:
    """The tariff as it is kept; its rounding is the card's."""
    return json.dumps(rate_to_json(rate), separators=(",", ":"))


def terms_of(rate: Rate) -> Terms:
    """What the row shows beside its tariff; a price that is no whole number of nanos a minute is rounded up."""
    window = rate.windows[0]
    first = window.steps[0]
    later = window.steps[1] if len(window.steps) > 1 else first
    same = (later.price_nanos, later.per_s) == (first.price_nanos, first.per_s)
    return Terms(
        price_nanos=-(-first.price_nanos * 60 // first.per_s),
        connect_fee_nanos=window.connect_fee_nanos,
        initial_s=first.increment_s,
        increment_s=later.increment_s if same else first.increment_s,
        grace_s=rate.grace_s,
        included_s=rate.included_s,
    )


def _amounts(rate: Rate) -> Iterator[tuple[str, int]]:
    """Every amount of a rate with its place."""
    yield "minimum_nanos", rate.minimum_nanos
    yield "maximum_nanos", rate.maximum_nanos or 0
    for number, window in enumerate(rate.windows):
        yield f"windows[{number}].connect_fee_nanos", window.connect_fee_nanos
        for place, step in enumerate(window.steps):
            yield f"windows[{number}].steps[{place}].price_nanos", step.price_nanos


def _seconds(rate: Rate) -> Iterator[tuple[str, int]]:
    """Every length of time with its place: no call lasts longer than a day, and the usual columns hold no more."""
    yield "grace_s", rate.grace_s
    yield "included_s", rate.included_s
    for number, window in enumerate(rate.windows):
        for place, step in enumerate(window.steps):
            for name in ("at_s", "per_s", "increment_s"):
                yield f"windows[{number}].steps[{place}].{name}", getattr(step, name)
