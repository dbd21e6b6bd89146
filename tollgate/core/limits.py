"""Counters of a wallet: channels, new calls per second, and what was spent today. Zero means unlimited.

Looking never changes anything: only a call that passes every gate takes a token. A new counter gets a pair of functions
here, one that looks and one that takes, and a gate in `calls_decide`.
"""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tollgate.core.ledger import Purse

CALL_MILLI = 1000
_MICROSECOND = timedelta(microseconds=1)


def has_channel(purse: "Purse") -> bool:
    """Whether one more call fits."""
    return purse.channels_max == 0 or purse.channels < purse.channels_max


def tokens_milli(purse: "Purse", at: datetime) -> int:
    """Thousandths of a call in the bucket: it fills at the CPS and holds one second's worth, one call at the least."""
    most = max(CALL_MILLI, purse.cps_max_milli)
    if purse.cps_at is None:
        return most
    elapsed_us = max(0, (at - purse.cps_at) // _MICROSECOND)
    return min(most, purse.cps_tokens_milli + elapsed_us * purse.cps_max_milli // 1_000_000)


def has_token(purse: "Purse", at: datetime) -> bool:
    """Whether one more call may start now."""
    return purse.cps_max_milli == 0 or tokens_milli(purse, at) >= CALL_MILLI


def take(purse: "Purse", at: datetime) -> bool:
    """Take the token of one call; False, and nothing taken, when there is none."""
    if purse.cps_max_milli == 0:
        return True
    tokens = tokens_milli(purse, at)
    if tokens < CALL_MILLI:
        return False
    purse.cps_tokens_milli = tokens - CALL_MILLI
    if purse.cps_at is None or at > purse.cps_at:
        purse.cps_at = at
    purse.dirty = True
    return True


def day_of(at: datetime) -> date:
    """The UTC day, by which spending is counted."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).date()


def spent_today(purse: "Purse", at: datetime) -> int:
    """Micros spent by the calls that started on the UTC day of `at`."""
    return purse.spent_micros if purse.spent_on is not None and purse.spent_on >= day_of(at) else 0


def spend(purse: "Purse", micros: int, started_at: datetime) -> None:
    """Count a call on the day it started: a new day starts from zero, a day that is over is left alone."""
    day = day_of(started_at)
    if purse.spent_on is None or purse.spent_on < day:
        purse.spent_on, purse.spent_micros = day, micros
    elif purse.spent_on == day:
        purse.spent_micros += micros
    purse.dirty = True
