"""Claims about what a customer's status leaves of its portal, and about waiting after failed logins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tollgate.core.portal import FREE_FAILURES, MOST_DELAY_S, Level, delay, level, open_sections

AT = datetime(2026, 11, 21, tzinfo=UTC)
SECTIONS = ["dashboard", "calls", "contacts", "details"]


@pytest.mark.parametrize(
    ("status", "until_at", "option", "found", "sections"),
    [
        ("active", None, False, Level.FULL, SECTIONS),
        ("penalty", None, False, Level.BILLING, ["dashboard", "details"]),
        ("penalty", AT + timedelta(seconds=1), False, Level.BILLING, ["dashboard", "details"]),
        ("penalty", AT, False, Level.FULL, SECTIONS),
        ("pending", None, True, Level.ONBOARDING, ["details"]),
        ("pending", AT, True, Level.ONBOARDING, ["details"]),
        ("inactive", None, False, Level.NONE, []),
        ("inactive", None, True, Level.BILLING, ["dashboard", "details"]),
        ("inactive", AT + timedelta(seconds=1), False, Level.NONE, []),
        ("inactive", AT, False, Level.FULL, SECTIONS),
    ],
)
def test_the_status_decides_what_is_open(
    status: str, until_at: datetime | None, option: bool, found: Level, sections: list[str]
) -> None:
    assert level(status, until_at, inactive_portal=option, at=AT) is found
    assert open_sections(SECTIONS, found) == sections


@pytest.mark.parametrize("kind", ["email", "ip"])
def test_the_wait_doubles_from_a_second_to_a_quarter_of_an_hour(kind: str) -> None:
    free = FREE_FAILURES[kind]
    waits = [delay(kind, count) for count in range(free, free + 100)]
    assert waits[:4] == [timedelta(seconds=seconds) for seconds in (0, 1, 2, 4)]
    assert all(later >= earlier for earlier, later in pairwise(waits))
    assert waits[-1] == timedelta(seconds=MOST_DELAY_S)
