"""Time as the simulator has it: one true time, a service whose wall clock may step, and an event loop that never waits.

`installed` puts the clock into the modules of the charging process that look at one. A module that begins to look at a
clock gets its line there.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import pytest

from tollgate.charging import deadlines, decisions, desk, reconcile, service, timers

START: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """True seconds since the start, which durations are counted by, and the step of the service's wall clock."""

    def __init__(self) -> None:
        self.true_s = 0.0
        self.step_s = 0
        self.stepped = False

    def step(self, seconds: int) -> None:
        """Moves the service's wall clock."""
        self.step_s += seconds
        self.stepped = True

    def now(self, zone: tzinfo | None = None) -> datetime:
        """What the service takes for the present."""
        return START + timedelta(seconds=self.true_s + self.step_s)

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return self.true_s

    def time_ns(self) -> int:
        """As `time.time_ns`."""
        return (self.now() - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000


class Journal:
    """Takes the place of a module's log: what the code says it did not expect is kept, the rest is not."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def info(self, _text: str, *_values: object) -> None:
        """Of no interest."""

    warning = error = info

    def exception(self, text: str, *values: object) -> None:
        """The code met something it does not understand."""
        import traceback

        self.problems.append(text % values + "\n" + traceback.format_exc())


class Figures:
    """Takes the place of the metrics, which nobody scrapes here."""

    def __init__(self, _service: object) -> None:
        """Nothing is counted."""

    def count(self, _request: object, _outcome: object) -> None:
        """Nothing is counted."""


@contextlib.contextmanager
def installed(clock: Clock, journal: Journal, connections: object) -> Iterator[None]:
    """The charging process lives by this clock, speaks to this journal and connects through `connections.open`."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (desk, reconcile, service, timers):
            patch.setattr(module, "datetime", clock)
        for module in (deadlines, decisions, desk, service, timers):
            patch.setattr(module, "time", clock)
        for module in (desk, reconcile, timers):
            patch.setattr(module, "log", journal)
        patch.setattr(service, "Metrics", Figures)
        patch.setattr(desk, "DeskConnection", connections)
        patch.setattr(decisions, "_last_id", 0)
        patch.setattr(decisions, "_PROCESS", 7)
        yield


class Loop(asyncio.BaseEventLoop):
    """An event loop on a `Clock`: where another would wait, this one moves the clock.

    What the world does next is in the loop's agenda; while nobody works, the clock jumps from one entry to the next,
    so that idle polling costs nothing.
    """

    _ready: deque[asyncio.Handle]
    _run_once: Callable[[], None]

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self._selector = self
        self._clock_resolution = 1e-9
        self._until_s = 0.0
        self._agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def time(self) -> float:
        """The loop's own clock."""
        return self.clock.true_s

    def select(self, timeout: float | None) -> list[Any]:
        """Waits by moving the clock, no further than the next entry of the agenda."""
        if timeout != 0:
            left_s = self._until_s - self.clock.true_s
            self.clock.true_s += max(0.0, left_s if timeout is None else min(timeout, left_s))
        return []

    def _process_events(self, _events: list[Any]) -> None:
        """There is nothing outside."""

    def at(self, when_s: float, act: Callable[..., None], *values: Any) -> None:
        """Puts something into the agenda."""
        self._count += 1
        heapq.heappush(self._agenda, (when_s, self._count, act, values))

    def after(self, delay_s: float, act: Callable[..., None], *values: Any) -> None:
        """The same, from now."""
        self.at(self.clock.true_s + delay_s, act, *values)

    def advance(self, busy: Callable[[], bool]) -> None:
        """Works until the next entry of the agenda is due or nobody works, and carries the entry out."""
        while self._ready or busy():
            self._until_s = self._agenda[0][0]
            if not self._ready and self.clock.true_s >= self._until_s:
                break
            self._run_once()
        when_s, _, act, values = heapq.heappop(self._agenda)
        self.clock.true_s = max(self.clock.true_s, when_s)
        act(*values)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Makes this the running loop."""
        events._set_running_loop(self)
        try:
            yield
        finally:
            for task in asyncio.all_tasks(self):
                task.cancel()
            self._until_s = self.clock.true_s
            for _ in range(10):
                self._run_once()
            events._set_running_loop(None)
            self.close()
