"""Archived calls that the rows of a job will ask for: a page of them is read from the lake by one question for a day.

A job does its rows one by one, in shifts of seconds, and a question of the lake may last as long as a shift: so what is
read ahead is kept by the process, a page of each of few days. A call is handed out once and then forgotten, and a page
whose files were written anew or erased since counts no more. To read calls ahead for something else, give `take` a key
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Final

from tollgate.store.models import CDR

DayFile = tuple[date, Path]
PAGES_MOST: Final = 4
"""Of more than one day, as calls around midnight come in turns."""


@dataclass(frozen=True, slots=True)
class _Page:
    files: tuple[DayFile, ...]
    calls: dict[int, CDR | None]


_pages: Final[dict[Hashable, _Page]] = {}
_turn: Final = Lock()


def take(
    key: Hashable, call_id: int, *, files: tuple[DayFile, ...], read: Callable[[], dict[int, CDR | None]]
) -> CDR | None:
    """A call of these files; `read` gives it with those that are asked for next, None for one that they do not have."""
    with _turn:
        page = _pages.get(key)
        if page is not None and page.files == files and call_id in page.calls:
            return page.calls.pop(call_id)
    calls = read()
    found = calls.pop(call_id)
    with _turn:
        _pages.pop(key, None)
        if calls:
            _pages[key] = _Page(files, calls)
        while len(_pages) > PAGES_MOST:
            del _pages[next(iter(_pages))]
    return found
