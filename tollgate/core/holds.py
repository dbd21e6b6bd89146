"""Why a customer rests when no person said so: several reasons at once, the strongest seen, none above a person.

While reasons hold, what stands in the customer follows from them alone (`seen`). If it says anything else, a person has
decided since, and the reasons leave it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

STRENGTH: Final = ("inactive", "penalty")
"""From the weaker to the stronger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One reason: the status it asks for, its words, and its end (None: until it is lifted)."""

    status: str
    reason: str
    until_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A customer's status as the record has it."""

    status: str = "active"
    reason: str = ""
    until_at: datetime | None = None


ACTIVE: Final = Status()
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def seen(holds: Sequence[Hold]) -> Status:
    """The status that these reasons make: the strongest, its latest end; active without any."""
    if not holds:
        return ACTIVE
    strongest = max(STRENGTH.index(hold.status) for hold in holds)
    among = [hold for hold in holds if STRENGTH.index(hold.status) == strongest]
    endless = next((hold for hold in among if hold.until_at is None), None)
    last = endless or max(among, key=lambda hold: hold.until_at or LONG_AGO)
    return Status(status=last.status, reason=last.reason, until_at=last.until_at)


def is_harder(status: str, than: str) -> bool:
    """Whether a status takes more from a customer than another."""
    return STRENGTH.index(status) > STRENGTH.index(than)


def is_ours(current: Status, holds: Sequence[Hold], at: datetime) -> bool:
    """Whether the customer still says what these reasons made of it, be it that its end has just passed by itself."""
    expected = seen(holds)
    if current == expected:
        return True
    return current == ACTIVE and expected.until_at is not None and expected.until_at <= at
