"""The demo company's reconciliation: a statement of its first carrier that bills some calls otherwise, and a dispute.

The file is made of our own CDRs, on a clock four seconds ahead. To plant another difference, add its case to `_told`.
"""

from __future__ import annotations

import base64
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Final

from tollgate.actions.carrier_disputes import open_dispute
from tollgate.actions.carrier_statements import add_statement_file, create_carrier_statement
from tollgate.actions.reconciliation_work import compare
from tollgate.core.money import format_micros
from tollgate.store.models import CDR, Account

DAYS: Final = 2
AHEAD: Final = timedelta(seconds=4)
CALLS_MOST: Final = 5_000
HEADERS: Final = ("Call-ID", "Start time", "Called number", "Seconds", "Cost", "Destination name")
COLUMNS: Final = {"key": 0, "started_at": 1, "number": 2, "duration": 3, "cost": 4, "destination": 5}


def make_statement(account: Account, at: datetime) -> None:
    """One statement of the carrier with the most calls, over the last whole days, compared and partly disputed."""
    until_on = at.astimezone(UTC).date()
    from_on = until_on - timedelta(days=DAYS)
    begins = datetime(from_on.year, from_on.month, from_on.day, tzinfo=UTC)
    calls = CDR.objects.filter(
        account=account, carrier__isnull=False, state="charged", answered_at__isnull=False,
        answered_at__gte=begins, answered_at__lt=begins + timedelta(days=DAYS),
    ).select_related("carrier")  # fmt: skip
    first = calls.order_by("started_at", "id").first()
    carrier = first.carrier if first is not None else None
    if carrier is None:
        return
    found = list(calls.filter(carrier=carrier).order_by("started_at", "id")[:CALLS_MOST])
    rows = [row for place, cdr in enumerate(found) for row in _told(place, cdr)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    writer.writerows([*row[:4], format_micros(row[4]), row[5]] for row in rows)
    statement = create_carrier_statement(
        carrier_id=carrier.pk, number=f"{carrier.name[:2].upper()}-{until_on:%Y%m}-118", from_on=from_on,
        until_on=until_on, zone="UTC", total_micros=sum(row[4] for row in rows), calls_count=len(rows),
        note="Its line for fixed fees is billed apart",
    )  # fmt: skip
    content = base64.b64encode(text.getvalue().encode()).decode()
    add_statement_file(statement_id=statement.pk, name=f"cdrs-{until_on:%Y-%m}.csv", content=content, columns=COLUMNS)
    statement.refresh_from_db()
    compare(statement)
    if any(place % 41 == 7 for place in range(len(found))):
        open_dispute(
            statement_id=statement.pk, title="Calls that we have no record of", kinds=["theirs", "doubled"],
            note="Please send the INVITEs of these calls.",
        )  # fmt: skip


def _told(place: int, cdr: CDR) -> list[tuple[str, str, str, int, int, str]]:
    """What the carrier tells of a call: mostly what it was."""
    assert cdr.answered_at is not None
    seconds, micros = -(-cdr.duration_ms // 1000), cdr.carrier_cost_micros or 0
    row = (cdr.edge_call_id if place % 3 else "", f"{cdr.answered_at + AHEAD:%Y-%m-%d %H:%M:%S}", cdr.number)
    told = (*row, seconds, micros, cdr.destination)
    match place % 41:
        case 3:
            return [(*row, seconds + 30, micros + micros * 30 // max(seconds, 1), cdr.destination)]
        case 7:
            return [told, ("", f"{cdr.answered_at + timedelta(minutes=9):%Y-%m-%d %H:%M:%S}", "882165551234", 95,
                           1_420_000, "Satellite")]  # fmt: skip
        case 11 | 12 | 13:
            return [(*row, seconds, micros + micros // 4, cdr.destination)]
        case 20:
            return []
        case 30:
            return [told, told]
    return [told]
