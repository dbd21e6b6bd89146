"""What a customer's status leaves of its portal, and how long somebody waits after a failed login.

To add a status, give it its `Level`; to add a level, name the sections that it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MOST_DELAY_S: Final = 900
FREE_FAILURES: Final = {"email": 0, "ip": 10}
"""Failures before each further one doubles the delay; an office behind one address has several people."""


class Level(StrEnum):
    """How much of the portal is open."""

    FULL = "full"
    ONBOARDING = "onboarding"
    """Waits for approval: only who they are and whether they can be reached."""
    BILLING = "billing"
    """Out of service: what the customer owes stays in sight."""
    NONE = "none"


LEFT: Final = {
    Level.ONBOARDING: ("details",),
    Level.BILLING: ("dashboard", "invoices", "payments", "details"),
    Level.NONE: (),
}


def level(status: str, until_at: datetime | None, *, inactive_portal: bool, at: datetime) -> Level:
    """What the status leaves; from `until_at` on one who is inactive or has a penalty counts as active again.

    Whoever is blocked can always see what is owed, and pay it: a penalty ends by that.
    """
    if status == "pending":
        return Level.ONBOARDING
    if status not in ("inactive", "penalty") or (until_at is not None and until_at <= at):
        return Level.FULL
    return Level.BILLING if inactive_portal or status == "penalty" else Level.NONE


def open_sections(sections: Sequence[str], found: Level) -> list[str]:
    """Those of the sections shown to the customer that its status leaves open."""
    return [name for name in sections if found is Level.FULL or name in LEFT[found]]


def delay(kind: str, failures_count: int) -> timedelta:
    """How long nobody may try again after so many failures in a row: 1, 2, 4, 8 s and so on, at most 15 minutes."""
    counted = failures_count - FREE_FAILURES[kind]
    if counted <= 0:
        return timedelta(0)
    return timedelta(seconds=min(2 ** min(counted - 1, 20), MOST_DELAY_S))
