"""Rate cards in memory: published revisions, whose rates become core objects when a call first needs them.

To let calls obey a new column of a rate, add it to the statement `rates` (last, in order) and to `_rate`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, overload

import asyncpg

from tollgate.core.calls import rate_text
from tollgate.core.digits import PrefixIndex
from tollgate.core.money import Method
from tollgate.core.rates import Increments, Rate, RateInvalid, Rounding, rate_from_json, simple
from tollgate.core.snapshot import Card, RateRow, Revision

log = logging.getLogger(__name__)

Row = asyncpg.Record


class RevisionRates(Sequence[RateRow]):
    """The rates of one revision by position, compiled one by one as calls ask for them."""

    __slots__ = ("_compiled", "_revision_id", "_rounding", "_rows")

    def __init__(self, revision_id: int, rows: Sequence[Row], rounding: Rounding) -> None:
        self._revision_id = revision_id
        self._rows = rows
        self._rounding = rounding
        self._compiled: dict[int, RateRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, position: int) -> RateRow: ...
    @overload
    def __getitem__(self, position: slice) -> list[RateRow]: ...
    def __getitem__(self, position: int | slice) -> RateRow | list[RateRow]:
        if isinstance(position, slice):
            return [self[place] for place in range(*position.indices(len(self._rows)))]
        found = self._compiled.get(position)
        if found is None:
            found = self._compiled[position] = self._compile(self._rows[position])
        return found

    def _compile(self, row: Row) -> RateRow:
        """A rate that cannot be read parks its prefix: calls there are refused as blocked, all others go on."""
        prefix, destination, blocked, *terms = row
        try:
            rate, text = _rate(self._rounding, *terms)
        except (RateInvalid, ValueError) as problem:
            log.error("revision %s, prefix %r is blocked: %s", self._revision_id, prefix, problem)
            (rate, text), blocked = _rate(self._rounding, 0, 0, 1, 1, 0, 0, None), True
        return RateRow(prefix, destination, blocked, rate, text)


@lru_cache(maxsize=1 << 16)
def _rate(
    rounding: Rounding,
    price_nanos: int,
    connect_fee_nanos: int,
    initial_s: int,
    increment_s: int,
    grace_s: int,
    included_s: int,
    tariff: str | None,
) -> tuple[Rate, str]:
    """A rate and its text. Most destinations of a card share their terms with others, and so these two."""
    if tariff is not None:
        rate = rate_from_json(json.loads(tariff), rounding)
    else:
        rate = simple(
            price_nanos=price_nanos,
            connect_fee_nanos=connect_fee_nanos,
            initial_s=initial_s,
            increment_s=increment_s,
            grace_s=grace_s,
            included_s=included_s,
            rounding=rounding,
        )
    return rate, rate_text(rate)


class Library:
    """Revisions already read. They never change, so each is read and indexed once."""

    def __init__(self) -> None:
        self._shelves: dict[int, tuple[PrefixIndex, Sequence[Row]]] = {}

    def lacks(self, revision_id: int) -> bool:
        """Whether this revision has still to be read."""
        return revision_id not in self._shelves

    def add(self, revision_id: int, rows: Sequence[Row]) -> None:
        """Indexes a revision; long for a big card, so it may run in a thread."""
        index = PrefixIndex.build((row["prefix"], position) for position, row in enumerate(rows))
        self._shelves[revision_id] = (index, rows)

    def keep_only(self, revision_ids: set[int]) -> None:
        """Forgets what no card uses any more."""
        for revision_id in self._shelves.keys() - revision_ids:
            del self._shelves[revision_id]

    def card(self, row: Row, revisions: Sequence[Row]) -> Card:
        """The card with its revisions, newest first."""
        rounding = Rounding(
            precision=row["precision"],
            method=Method(row["method"]),
            duration=Method(row["duration_method"]),
            increments=Increments(row["increments"]),
        )
        return Card(
            id=row["id"],
            kind=row["kind"],
            name=row["name"],
            carrier_id=row["carrier_id"],
            currency=row["currency"],
            tech_prefix=row["tech_prefix"],
            revisions=tuple(self._revision(revision, rounding) for revision in revisions),
        )

    def _revision(self, row: Row, rounding: Rounding) -> tuple[datetime, Revision]:
        index, rows = self._shelves[row["id"]]
        rates: Any = RevisionRates(row["id"], rows, rounding)
        return row["effective_at"], Revision(row["id"], row["number"], index, rates)
