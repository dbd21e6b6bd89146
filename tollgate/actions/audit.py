"""Events for the audit log that change no row: a login, a login refused, a look into a customer's portal.

Changes of rows need nothing from here: a trigger writes those. To note a new event, give it a verb of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db import connection

from tollgate.actions.acts import Actor


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
