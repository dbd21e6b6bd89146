"""Where the last change of a record is obeyed: what each charging process says of itself, compared with the audit log.

Panel, portal, API and jobs read the database each time; only charging processes remember, so only they can lag.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tollgate.core.snapshot import OBEYED
from tollgate.store.models import Audit, ChargingProcess
from tollgate.store.queries.statements import rows

OBEYS: Final = "Obeys it"
SILENT_AFTER: Final = timedelta(seconds=90)
"""A process tells of itself twice a minute."""


@dataclass(frozen=True, slots=True)
class Process:
    """One charging process; `at` is the moment it is `state` since."""

    name: str
    state: str
    tone: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Obeyed:
    """When a record was changed last (None: not lately), and how far each process is."""

    changed_at: datetime | None
    processes: tuple[Process, ...]

    @property
    def late(self) -> tuple[Process, ...]:
        """The processes that do not obey it yet."""
        return tuple(process for process in self.processes if process.state != OBEYS)


def obeyed(at: datetime) -> Obeyed:
    """What is so at this moment."""
    found = rows("charging_snapshot", "newest_change", list(OBEYED))
    return _obeyed(found[0] if found else None, at)


def obeyed_of(table: str, row_id: int, at: datetime) -> Obeyed:
    """The same of one record's last change."""
    changes = Audit.objects.filter(table_name=table, row_id=row_id, verb__in=("INSERT", "UPDATE", "DELETE"))
    return _obeyed(changes.order_by("-id").only("id", "at").first(), at)


def _obeyed(change: Any, at: datetime) -> Obeyed:
    newest_id, changed_at = (change.id, change.at) if change is not None else (0, None)
    told = ChargingProcess.objects.order_by("name")
    return Obeyed(changed_at, tuple(_process(row, newest_id, at) for row in told))


def _process(row: ChargingProcess, newest_id: int, at: datetime) -> Process:
    if at - row.seen_at > SILENT_AFTER:
        return Process(row.name, "Silent", "red", row.seen_at)
    if row.change_id < newest_id:
        return Process(row.name, "Behind", "yellow", row.obeyed_at)
    return Process(row.name, OBEYS, "green", row.obeyed_at)
