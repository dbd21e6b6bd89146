"""What runs again and again within seconds, beside the queue of the timetable: too often to be a job with a row each.

Every process of `tollgate work` runs all of it in threads, so what stands here must be right in several at once. To add
a tick, write its function and name it in `TICKS` with the seconds between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

from django.db import connections

from tollgate.actions import delays, deliveries

SENDING: Final = timedelta(seconds=2)
log = logging.getLogger(__name__)


def delayed_saves(at: datetime) -> None:
    """Does what people have put off until now."""
    delays.run_due(at)


def messages(at: datetime) -> None:
    """Sends mail and SMS that are due, for a while; who stops the worker waits for one message at most."""
    while deliveries.deliver_next(at) and datetime.now(UTC) < at + SENDING:
        pass


TICKS: Final[tuple[tuple[float, Callable[[datetime], None]], ...]] = (
    (1.0, delayed_saves),
    (1.0, messages),
    (1.0, messages),  # twice, so that one slow server does not hold up everybody
)


@contextmanager
def ticking() -> Iterator[None]:
    """Runs every tick while the block lasts; on leaving, waits for those at work."""
    ending = Event()
    threads = [Thread(target=_repeat, args=(every_s, tick, ending), name=tick.__name__) for every_s, tick in TICKS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _repeat(every_s: float, tick: Callable[[datetime], None], ending: Event) -> None:
    """One tick after another, on a connection of its own; a failed one is told and the next begins anew."""
    while not ending.wait(every_s):
        try:
            tick(datetime.now(UTC))
        except Exception:  # whatever it was, the next tick must come
            log.exception("%s failed", tick.__name__)
            connections.close_all()
    connections.close_all()
