"""Files of the lake that cannot be read: which days, and what helps.

An engine that fails asks here why (`telling`). Only then is a file compared with the checksum beside it, so that
questions that are answered pay nothing for it. A file that was not written for the lake has none: its failure is told
as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

DAYS_TOLD: Final = 3
"""So many days are named."""
DAY: Final = "day="
"""How the folder of a day's files begins."""


class DayUnreadable(Exception):
    """Files of the lake are damaged or not there; the message says which days and what helps, for who operates this."""

    def __init__(self, days: Sequence[date]) -> None:
        known = sorted(set(days))
        day = ", ".join(map(str, known[:DAYS_TOLD])) + (", …" if len(known) > DAYS_TOLD else "")
        self.told: Final = f"Calls of {day} (UTC) cannot be read."
        """The same for who cannot mend it."""
        super().__init__(
            f"Calls of {day} (UTC) cannot be read: files of the lake are damaged or missing. Run"
            " `tollgate lake export`: it writes anew what the database still has. `tollgate lake verify` then names the"
            " files that have to come from a backup."
        )


@contextmanager
def telling(tables: Mapping[str, Sequence[Path]], *, but: type[Exception]) -> Iterator[None]:
    """Raises DayUnreadable where a question of these files failed because one of them is not what was written.

    `but` is a failure that is none of the files'.
    """
    try:
        yield
    except but:
        raise
    except Exception as problem:
        files = [path for paths in tables.values() for path in paths]
        named = [path for path in files if str(path) in str(problem)]
        damaged = [path for path in named if is_damaged(path)] or [path for path in files if is_damaged(path)]
        if damaged:
            raise DayUnreadable([day_of(path) for path in damaged]) from problem
        raise


def is_damaged(path: Path) -> bool:
    """Whether a file of the lake is gone, or not what its checksum says."""
    note = path.with_name(f"{path.name}.sha256")
    if not path.parent.name.startswith(DAY):
        return False
    return not path.is_file() or (note.is_file() and note.read_text(encoding="ascii").split()[:1] != [digest(path)])


def day_of(path: Path) -> date:
    """The day of a file of the lake, by its folder."""
    return date.fromisoformat(path.parent.name.removeprefix(DAY))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
