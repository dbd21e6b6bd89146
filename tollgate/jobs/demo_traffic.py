"""A month of call attempts: who dialed what and when, and what the other end would do, from one seed.

Working hours are busy, nights and weekends quiet; one customer runs a campaign on one day, one carrier fails for an
hour on another; strangers try their luck. To add a habit, add it to `attempts`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Final

from tollgate.jobs.demo_records import ADDRESSES, BLOCKED, Destination, destinations

SEED: Final = 20_26
PER_DAY: Final = {"Baltic": 700, "Acme": 180, "Fjord Voice": 330, "Harbor Callshop": 9}
HOURS: Final = (2, 1, 1, 1, 1, 2, 5, 14, 34, 52, 60, 58, 46, 50, 58, 56, 48, 36, 24, 18, 14, 10, 6, 4)
WEEKEND_PERCENT: Final = 35
CAMPAIGN_DAY: Final = 18
CAMPAIGN_CALLS: Final = 260
STRANGERS_PER_DAY: Final = 14
STRANGE_NUMBERS: Final = ("00972592277524", "900442037691880", "011442037697512", "+", "test")
MOST_TALK_MS: Final = 3_600_000
ENDINGS: Final = (
    # sip, q850, share, who hangs up
    (200, 16, 575, "callee"),
    (486, 17, 120, "callee"),
    (480, 18, 95, "callee"),
    (487, 16, 110, "caller"),
    (404, 1, 55, "callee"),
    (408, 18, 45, "edge"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call as dialed, and what would become of it when it is let through."""

    at: datetime
    source_ip: str
    user: str | None
    cli: str
    cld: str
    sip: int
    q850: int
    released_by: str
    pdd_ms: int
    ring_ms: int
    talk_ms: int
    first_fails: bool  # the carrier tried first does not take it


def attempts(until: datetime, days: int) -> list[Attempt]:
    """All attempts of the `days` before `until`, in order of time."""
    dice = random.Random(SEED)  # noqa: S311 - the same month every time
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[Attempt] = []
    for back in range(days, -1, -1):
        day = midnight - timedelta(days=back)
        share = WEEKEND_PERCENT if day.isoweekday() > 5 else 100
        for name, count in PER_DAY.items():
            moments = [_moment(dice, day) for _ in range(count * share * dice.randint(90, 110) // 10_000)]
            if name == "Acme" and back == CAMPAIGN_DAY:
                moments += [day + timedelta(hours=14, seconds=dice.randrange(2400)) for _ in range(CAMPAIGN_CALLS)]
            found += [_call(dice, name, at) for at in moments]
        found += [_stranger(dice, _moment(dice, day)) for _ in range(STRANGERS_PER_DAY)]
    kept = [attempt for attempt in found if attempt.at + timedelta(milliseconds=_span_ms(attempt)) < until]
    return sorted(kept, key=lambda attempt: attempt.at)


def _span_ms(attempt: Attempt) -> int:
    return attempt.pdd_ms + attempt.ring_ms + attempt.talk_ms + 10_000


def _moment(dice: random.Random, day: datetime) -> datetime:
    (hour,) = dice.choices(range(24), HOURS)
    return day + timedelta(hours=hour, milliseconds=dice.randrange(3_600_000))


def _call(dice: random.Random, name: str, at: datetime) -> Attempt:
    sip, q850, _, released_by = dice.choices(ENDINGS, [share for _, _, share, _ in ENDINGS])[0]
    user = "acme-desk" if name == "Acme" and dice.randrange(5) == 0 else None
    return Attempt(
        at=at,
        source_ip=ADDRESSES[name],
        user=user,
        cli=f"{_country(name)}{dice.randrange(40):02d}{10_000 + len(name)}",
        cld=_number(dice),
        sip=sip,
        q850=q850,
        released_by="caller" if sip == 200 and dice.randrange(2) else released_by,
        pdd_ms=dice.randint(700, 3_800),
        ring_ms=0 if sip == 404 else dice.randint(1_500, 24_000),
        talk_ms=min(MOST_TALK_MS, int(dice.lognormvariate(4.6, 1.0) * 1000)) if sip == 200 else 0,
        first_fails=_failing(at, dice),
    )


def _failing(at: datetime, dice: random.Random) -> bool:
    """Now and then, and on the 11th of a month for a while."""
    bad = at.day == 11 and at.hour == 10 and at.minute < 50
    return dice.randrange(100) < (70 if bad else 3)


def _country(name: str) -> str:
    return {"Acme": "3705", "Baltic": "3716", "Fjord Voice": "472"}.get(name, "3706")


def _number(dice: random.Random) -> str:
    """Digits of a destination by its share of the traffic; now and then a mistake or a dear satellite."""
    chance = dice.randrange(1000)
    if chance < 4:
        return "00" + _digits(dice, "3706", 11)
    if chance < 6:
        return "+370 (5) 2xx-xx"
    if chance < 9:
        return _digits(dice, dice.choice(sorted(BLOCKED)), 12)
    lines, shares = _shares()
    (line,) = dice.choices(lines, cum_weights=shares)
    return _digits(dice, dice.choice(line.prefixes), line.length)


@cache
def _shares() -> tuple[tuple[Destination, ...], tuple[int, ...]]:
    """The destinations, and their shares added up."""
    lines = destinations()
    return lines, tuple(accumulate(line.share for line in lines))


def _digits(dice: random.Random, prefix: str, length: int) -> str:
    """A number of that many digits; the digit after the prefix is no zero."""
    rest = length - len(prefix)
    return prefix + str(dice.randrange(10 ** (rest - 1), 10**rest))


def _stranger(dice: random.Random, at: datetime) -> Attempt:
    """Someone with no business here: an unknown address, or a guessed user name."""
    return Attempt(
        at=at,
        source_ip=f"198.51.100.{dice.randint(1, 250)}",
        user=dice.choice(("100", "admin", "sip")) if dice.randrange(3) == 0 else None,
        cli=str(dice.randint(100, 9_999)),
        cld=dice.choice(STRANGE_NUMBERS),
        sip=0,
        q850=0,
        released_by="tollgate",
        pdd_ms=0,
        ring_ms=0,
        talk_ms=0,
        first_fails=False,
    )
