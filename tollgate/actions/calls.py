"""Acts on live calls."""

from __future__ import annotations

from tollgate.actions import records
from tollgate.actions.acts import NotFound, act
from tollgate.actions.statements import fetch
from tollgate.store.models import Call


@act
def end_call(*, call_id: int) -> None:
    """Asks the charging service to end a live call; the edge hangs up within a second or two."""
    records.find(Call, call_id)  # a reseller's user ends calls of its own customers alone
    if not fetch("panel_calls", "ask_to_end", call_id):
        raise NotFound(f"There is no live call {call_id}: it may have ended already.")
