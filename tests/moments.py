"""The day and the hour it is, asked when a test runs and not when it is loaded: the suite may run over midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime


def today() -> date:
    """The day it is, UTC."""
    return datetime.now(UTC).date()


def hour_at() -> datetime:
    """The beginning of the hour it is, UTC."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
