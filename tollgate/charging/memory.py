"""What this process believes of live calls and wallets, so that most batches decide without asking the database first.

A belief is what was last read or written, by a batch that may not be committed yet. Nothing rests on it: `charge`
writes a batch only if every belief is true when its rows are locked, and a batch that fails forgets all it touched. To
remember another kind of row, give it a turn in the tables and its place in `keep` and `forget`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from secrets import randbelow
from typing import Final, TypeVar

import asyncpg

from tollgate.charging.decisions import Work
from tollgate.charging.requests import Key
from tollgate.core.calls import LiveCall
from tollgate.core.ledger import Purse

MOST: Final = 200_000
"""Calls, and wallets, that are remembered; the oldest are forgotten."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory:
    """Beliefs of one process, shared by its batches."""

    def __init__(self) -> None:
        self.calls: dict[Key, LiveCall] = {}
        self.purses: dict[int, Purse] = {}
        self.lane = randbelow(2**62)
        """Orders the batches of this memory in the database."""
        self.last_sent: asyncio.Future[bool] | None = None
        """Whether the database has begun with the batch that was decided last; False when it never will."""

    def learn(self, wallets: Iterable[asyncpg.Record]) -> None:
        """Takes in rows of wallets just read."""
        for row in wallets:
            self.purses.setdefault(row[0], Purse(*row))
        _shorten(self.purses)

    def keep(self, work: Work) -> None:
        """A batch is committed: what it left is what is."""
        calls = self.calls
        for key, call in work.live.items():
            if key in work.ended_calls:
                calls.pop(key, None)
            else:
                calls[key] = call
        for call in work.changed_calls.values():
            call.turn += 1
        calls.update(work.new_calls)
        _shorten(calls)

    def forget(self, work: Work) -> None:
        """A batch has failed: what it changed in memory never came to be."""
        _drop(self.calls, work.live)
        _drop(self.purses, work.purses)


def _drop(known: dict[K, V], doubtful: Mapping[K, V]) -> None:
    """Only what is still the same: another batch may have learned better meanwhile."""
    for key, value in doubtful.items():
        if known.get(key) is value:
            del known[key]


def _shorten(known: dict[K, V]) -> None:
    while len(known) > MOST:
        del known[next(iter(known))]
