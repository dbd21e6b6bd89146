"""Deadlines of what is asked: who waits longer is given up on, with no timer of its own for each question.

A deadline is kept to the next tick of `GRAIN_S`. To watch another kind of wait, give its future to `watch`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

GRAIN_S: Final = 0.02


class Deadlines:
    """Futures by the tick at which they are given up on."""

    def __init__(self, give_up: Callable[[asyncio.Future[Any]], None]) -> None:
        self._give_up = give_up
        self._waiting: dict[int, set[asyncio.Future[Any]]] = {}
        self._ticks: list[int] = []
        self._is_armed = False

    def watch(self, future: asyncio.Future[Any], deadline_s: float) -> set[asyncio.Future[Any]]:
        """Gives up on a future that is not done by then; to be taken out of the returned set when it is."""
        tick = int(deadline_s / GRAIN_S) + 1
        waiting = self._waiting.get(tick)
        if waiting is None:
            waiting = self._waiting[tick] = set()
            heappush(self._ticks, tick)
            if not self._is_armed:
                self._arm()
        waiting.add(future)
        return waiting

    def _arm(self) -> None:
        self._is_armed = True
        asyncio.get_running_loop().call_later(GRAIN_S, self._look)

    def _look(self) -> None:
        now = time.monotonic() / GRAIN_S
        while self._ticks and self._ticks[0] <= now:
            for future in self._waiting.pop(heappop(self._ticks)):
                self._give_up(future)
        self._is_armed = False
        if self._ticks:
            self._arm()
