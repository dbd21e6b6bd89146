"""Certificates that calls are signed with, their keys unsealed and read once.

To let calls obey a new column of a certificate: the statement `stir_certificates` in `charging_snapshot.sql`, and
`core.stir.Certificate`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import asyncpg

from tollgate.core.stir import Certificate
from tollgate.core.stir_certificates import CertificateInvalid, read_key
from tollgate.store.secrets import CannotUnseal, unseal

log = logging.getLogger(__name__)

Row = asyncpg.Record


def signing(rows: Iterable[Row], account_id: int) -> dict[str, Any]:
    """An account's certificates, and which of them is its default, as `core.snapshot.Snapshot` has them."""
    mine = [row for row in rows if row["account_id"] == account_id]
    found = [certificate for row in mine if (certificate := _certificate(row)) is not None]
    default = next((row["id"] for row in mine if row["is_default"]), 0)
    return {"certificates": {one.id: one for one in found}, "certificate_id": default}


@lru_cache(maxsize=1024)
def _certificate(row: Row) -> Certificate | None:
    """Read once: most are as they were at every change of anything. One whose key cannot be read is told and signs
    nothing."""
    try:
        key = read_key(unseal(row["key_sealed"]))
    except (CannotUnseal, CertificateInvalid) as problem:
        log.error("certificate %s signs nothing: %s", row["id"], problem)
        return None
    return Certificate(row["id"], row["name"], row["url"], row["starts_at"], row["expires_at"], key)
