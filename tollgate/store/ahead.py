"""Parts of a file that are made while others are read: every second one ahead, in a thread beside the reader's.

    yield from blocks([job, job, ...])        each writes its part into the file that it is given

The thread has a connection of its own and is never more than one part ahead, so a slow reader holds up nobody and fills
no disk. Who stops reading ends what is being made. A transaction has one connection: within one there is no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

from django.db import connection, connections

BLOCK_BYTES: Final = 1 << 16
Job = Callable[[Path, Event], None]
"""Writes a part, or nothing; once the event is set nobody waits for it any more."""


class Gone(Exception):
    """Nobody reads any more."""


def blocks(jobs: Sequence[Job]) -> Iterator[bytes]:
    """All parts in their order."""
    gone = Event()
    with TemporaryDirectory(prefix="tollgate-parts-") as folder:
        targets = [Path(folder) / str(place) for place in range(len(jobs))]
        aside = ThreadPoolExecutor(1) if len(jobs) > 1 and not connection.in_atomic_block else None
        ahead = _begun(aside, jobs, targets, 1, gone)
        try:
            for place, (job, target) in enumerate(zip(jobs, targets, strict=True)):
                if ahead is not None and place % 2:
                    ahead.result()
                    ahead = _begun(aside, jobs, targets, place + 2, gone) or ahead
                else:
                    job(target, gone)
                yield from read(target)
                target.unlink(missing_ok=True)
        finally:
            gone.set()
            if aside is not None:
                aside.submit(connections.close_all)
                aside.shutdown()


def read(target: Path) -> Iterator[bytes]:
    """A part; nothing where none was written."""
    if target.exists():
        with target.open("rb") as file:
            yield from iter(partial(file.read, BLOCK_BYTES), b"")


def _begun(
    aside: ThreadPoolExecutor | None, jobs: Sequence[Job], targets: Sequence[Path], place: int, gone: Event
) -> Future[None] | None:
    """The part of that place in the thread, if there is one."""
    return aside.submit(jobs[place], targets[place], gone) if aside is not None and place < len(jobs) else None
