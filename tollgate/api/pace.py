"""How often a token may ask: a bucket of requests for each, kept in the database, so that all processes share it.

A bucket holds as many requests as `TOLLGATE_API_PER_MINUTE` says and fills again at that pace. After a crash of the
database every bucket is full. To make something else wait, give it a table and a statement like those of tokens.
"""

from __future__ import annotations

from typing import Final

from tollgate import environment
from tollgate.actions.statements import fetch
from tollgate.api.answers import Refused

PER_MINUTE: Final = 1200
REQUEST_MILLI: Final = 1000
"""A request in thousandths, so that a bucket fills in whole numbers within a millisecond."""


def per_minute() -> int:
    """How many requests a minute a token may make; a bucket holds as many at once."""
    return environment.number("TOLLGATE_API_PER_MINUTE", PER_MINUTE, least=1, most=1_000_000)


def check_pace(token_id: int) -> None:
    """Takes one request out of the bucket of a token. Raises Refused when there is none."""
    most = per_minute()
    (row,) = fetch("api", "take_request", token_id, most * REQUEST_MILLI)
    if row["taken"]:
        return
    wait_s = -(-(REQUEST_MILLI - row["left_milli"]) * 60 // (most * REQUEST_MILLI))
    raise Refused(
        429,
        "This token asks too often.",
        f"It may make {most} requests a minute.",
        headers={"Retry-After": str(max(1, wait_s))},
    )
