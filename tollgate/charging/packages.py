"""Packages that bring a feature of the platform, as the snapshot knows them: from which instant to which each is held.

To obey another feature: a statement beside `recorders` in `charging_snapshot.sql` or another value of it, its class in
`core.snapshot`, and a function here.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

import asyncpg

from tollgate.core.hours import ZoneUnknown
from tollgate.core.packages import DAY, midnight
from tollgate.core.snapshot import Recorder

log = logging.getLogger(__name__)

Row = asyncpg.Record


def recorders(
    rows: Iterable[Row], column: str, customers: Mapping[int, Row], accounts: Mapping[int, Row]
) -> dict[int, tuple[Recorder, ...]]:
    """Packages with call recording by the customer or the DID that a column names. Their days are those of the zone
    that the customer is billed by."""
    found: dict[int, list[Recorder]] = defaultdict(list)
    for row in rows:
        owner = customers.get(row["customer_id"])
        if owner is None or row[column] is None:
            continue
        zone = owner["billing_zone"] or accounts[owner["account_id"]]["zone"]
        try:
            ends_at = None if row["ends_on"] is None else midnight(row["ends_on"] + DAY, zone)
            found[row[column]].append(Recorder(row["name"], midnight(row["starts_on"], zone), ends_at))
        except ZoneUnknown as problem:
            log.error("package %s of customer %s records nothing: %s", row["name"], owner["id"], problem)
    return {identity: tuple(held) for identity, held in found.items()}
