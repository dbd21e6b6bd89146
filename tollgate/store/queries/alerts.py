"""The figures that alerts watch, of all customers and carriers of an account at once, each taken once per look.

    figures = Figures(account_id, at)
    figures.of("asr", 5, customer_id=17)  # millionths of a percent; None without calls in those five minutes

To add an area: a method here, its line in `core.alerts.AREAS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tollgate.store.queries.statements import rows

FILE = "alerts"
MICROS = 10**6
MINUTE = timedelta(minutes=1)
SETTLED = timedelta(seconds=5)
"""Younger rows of the audit log may still be joined by lower ids of transactions that commit late."""
Key = tuple[int | None, int | None]


class Figures:
    """What the account looks like at one moment."""

    def __init__(self, account_id: int, at: datetime) -> None:
        self.account_id, self.at = account_id, at
        self._traffic: dict[int, Mapping[Key, Any]] = {}
        self._failovers: dict[int, Mapping[int, int]] = {}
        self._purses: Mapping[tuple[str, int], Any] | None = None

    def of(
        self, area: str, sample_min: int, *, customer_id: int | None = None, carrier_id: int | None = None
    ) -> int | None:
        """The figure of a customer or a carrier in millionths of its unit; None when nobody can know it."""
        if area == "failovers":
            return self._failed(sample_min).get(carrier_id or 0, 0) * MICROS
        if area in ("balance", "channels"):
            return self._purse(area, customer_id, carrier_id)
        found = self._since(sample_min).get((customer_id, carrier_id))
        if area == "cps":
            return (found.begun if found else 0) * MICROS // (sample_min * 60)
        return None if found is None else _quality(area, found)

    def _since(self, sample_min: int) -> Mapping[Key, Any]:
        if sample_min not in self._traffic:
            found = rows(FILE, "traffic", self.account_id, self.at - sample_min * MINUTE)
            self._traffic[sample_min] = {(row.customer_id, row.carrier_id): row for row in found}
        return self._traffic[sample_min]

    def _failed(self, sample_min: int) -> Mapping[int, int]:
        if sample_min not in self._failovers:
            found = rows(FILE, "failovers", self.account_id, self.at - sample_min * MINUTE)
            self._failovers[sample_min] = {row.carrier_id: row.failed for row in found}
        return self._failovers[sample_min]

    def _purse(self, area: str, customer_id: int | None, carrier_id: int | None) -> int | None:
        if self._purses is None:
            self._purses = {(row.kind, row.owner_id): row for row in rows(FILE, "purses", self.account_id)}
        kind, owner_id = ("customer", customer_id) if customer_id is not None else ("carrier", carrier_id)
        found = self._purses.get((kind, owner_id or 0))
        if found is None:
            return None
        if area == "channels":
            return int(found.channels) * MICROS
        return int(found.balance_micros + found.limit_micros - found.held_micros)


def changes(account_id: int, since_id: int, at: datetime) -> Mapping[int, Any]:
    """Changes of endpoints after a row of the audit log, by customer: how many, the newest row, who."""
    return {row.customer_id: row for row in rows(FILE, "changes", account_id, since_id, at - SETTLED)}


def _quality(area: str, found: Any) -> int | None:
    """ASR, ACD or PDD from totals, never from averages."""
    if area == "asr":
        return found.answered * 100 * MICROS // found.attempts if found.attempts else None
    if area == "acd":
        return found.duration_ms * (MICROS // 1000) // found.talked if found.talked else None
    return found.pdd_ms * (MICROS // 1000) // found.replied if found.replied else None
