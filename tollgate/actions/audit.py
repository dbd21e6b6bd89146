"""Events for the audit log that change no row, such as a login, and the seals that chain the log together.

Changes of rows need nothing from here: a trigger writes those. To note a new event, give it a verb of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from django.db import connection, transaction

from tollgate.actions.acts import Actor
from tollgate.actions.statements import fetch
from tollgate.core.audit_chain import START, link

SEALED_AT_ONCE: Final = 5_000
SEALING_LOCK: Final = 7_302_114_001  # any number that nobody else locks


def note_event(
    *,
    actor: Actor,
    verb: str,
    table_name: str,
    row_id: int,
    account_id: int | None = None,
    customer_id: int | None = None,
    told: Mapping[str, object] | None = None,
) -> None:
    """Writes one event, such as `LOGIN` of a contact; `told` are its particulars, never a secret."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit (actor, act, reason, table_name, row_id, verb, after, actor_kind, actor_id, ip,"
            " account_id, customer_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                actor.name,
                verb.lower(),
                actor.reason,
                table_name,
                row_id,
                verb,
                json.dumps(told or {}),
                actor.kind,
                actor.id,
                actor.ip,
                account_id,
                customer_id,
            ],
        )


def seal_audit() -> int:
    """Adds the rows that are settled to the chain over the log; how many. Does nothing while another process does it.

    A row is settled when no transaction runs that began before it: nothing can appear in front of it any more.
    """
    sealed = 0
    while True:
        count = _seal_some()
        sealed += count
        if count < SEALED_AT_ONCE:
            return sealed


def _seal_some() -> int:
    """One transaction's worth. Reads the log as it is committed, so it begins a transaction of its own."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALING_LOCK])
        if cursor.fetchone() != (True,):
            return 0
        (settled,) = fetch("audit_chain", "settled")
        ends = fetch("audit_chain", "last")
        last_id, head = (ends[0]["audit_id"], ends[0]["hash"]) if ends else (0, START)
        ids, seals = [], []
        for row in fetch("audit_chain", "unsealed", last_id, settled["until"], SEALED_AT_ONCE):
            head = link(head, row["row"])
            ids.append(row["id"])
            seals.append(head)
        fetch("audit_chain", "seal", ids, seals)
    return len(ids)
