"""Claims about hours written in one cell of a file."""

from datetime import date

import pytest

from tollgate.core.hours import Hours, HoursInvalid, Window
from tollgate.core.hours_text import EXAMPLE, read

WEEK = tuple(Window(day, 480, 1200) for day in range(1, 6))


def test_windows_days_off_and_the_zone_are_read_as_people_write_them() -> None:
    closed = frozenset({date(2026, 12, 25)})
    assert read(EXAMPLE) == Hours("Europe/Vilnius", WEEK, closed)
    assert read("Europe/Vilnius, MON - Friday  8:00 - 20:00, NOT 2026-12-25") == Hours("Europe/Vilnius", WEEK, closed)
    assert read("UTC;tu 00:00-24:00") == Hours("UTC", (Window(2, 0, 1440),))
    assert [window.weekday for window in read("UTC\nSat-Mon 09:00-13:00").windows] == [6, 7, 1], "over the weekend"
    assert read("UTC") == Hours("UTC"), "at any time"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a zone"),
        ("Mon-Fri 08:00-20:00", "is not a zone"),
        ("UTC; always", "is no window"),
        ("UTC; Mon 8-20", "is no window"),
        ("UTC; Mon-Fri", "is no window"),
        ("UTC; Mo 08:00-20:00 21:00-22:00", "is no window"),
        ("UTC; Mx 08:00-20:00", "no day of the week"),
        ("UTC; Mon-Xy 08:00-20:00", "no day of the week"),
        ("UTC; Mon 08:60-20:00", "is no time"),
        ("UTC; Mon 20:00-08:00", "after `from`"),
        ("UTC; Mon 20:00-25:00", "at most 24:00"),
        ("UTC; not christmas", "is no day"),
    ],
)
def test_what_is_no_window_is_told_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(HoursInvalid, match=words):
        read(text)
