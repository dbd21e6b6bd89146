"""Customers of their rows: what a customer's own record says, as `core.snapshot.Payer` keeps it.

To let calls obey a new column of a customer: the statement `customers` in `charging_snapshot.sql`, `Payer`, and `payer`
here.
"""

from __future__ import annotations

import json
import logging

import asyncpg

from tollgate.core import cli as callers_number
from tollgate.core import hours
from tollgate.core.cli_pools import DISABLED, CliPool, takes_dids
from tollgate.core.hours import Hours
from tollgate.core.snapshot import Bundle, Payer
from tollgate.core.vars import Vars, obeyed

log = logging.getLogger(__name__)

Row = asyncpg.Record


def opening(text: str | None) -> Hours | None:
    """The hours of a row. Raises HoursInvalid."""
    return hours.from_json(json.loads(text)) if text is not None and text != "null" else None


def payer(row: Row, above: Payer) -> Payer:
    """A customer of its row alone: what other tables have of it is added by `records`."""
    known, verified = _vars(row), [callers_number.comparable(number) for number in row["approved_clis"]]
    return Payer(
        kind="customer",
        id=row["id"],
        name=row["name"],
        wallet_id=row["wallet_id"],
        depth=row["depth"],
        currency=row["currency"],
        status=row["status"],
        status_until=row["status_until"],
        expires_at=row["expires_at"],
        valid_days=row["valid_days"],
        email_ok=row["email_ok"],
        mobile_ok=row["mobile_ok"],
        max_duration_s=row["max_duration_s"],
        recording=row["recording"],
        pai_mode=row["pai_mode"],
        approved_clis_only=row["approved_clis_only"],
        cli_selection=row["cli_selection"],
        cli_persist_s=known.cli_persist_s,
        cli_pool=_pool(row, verified),
        schedule=known.schedule,
        hours_hang_up=row["hours_hang_up"],
        approved_clis=frozenset(verified),
        attestations=dict(zip(verified, row["attestations"], strict=True)),
        first_reply_s=row["first_reply_s"],
        pdd_s=row["pdd_s"],
        ring_s=row["ring_s"],
        media_locked=row["rtp_firewall"] == "locked",
        local_calls=row["local_calls"],
        local_price_nanos=row["local_price_nanos"],
        local_increment_s=row["local_increment_s"],
        loss_making_calls=row["loss_making_calls"],
        removed_headers=known.removed_headers,
        parents=(above, *above.parents),
    )


def bundle(row: Row) -> Bundle:
    """Free minutes of a row."""
    return Bundle(row["id"], row["name"], row["wallet_id"], row["starts_at"], row["ends_at"], tuple(row["prefixes"]))


def pools_dids(row: Row) -> bool:
    """Whether the DIDs of a customer say what becomes of its calls, so that its row is read again after one changed."""
    return takes_dids(row["cli_pool"])


def _pool(row: Row, verified: list[str]) -> CliPool | None:
    if row["cli_pool"] == DISABLED:
        return None
    return CliPool(row["cli_pool"], tuple(row["own_dids"]), tuple(verified), row["non_cli_card_id"])


def _vars(row: Row) -> Vars:
    """Its vars, which the form has checked; what is wrong in them, come in another way, is told and not obeyed."""
    if not row["vars_toml"]:
        return Vars()
    known, problems = obeyed(row["vars_toml"])
    for problem in problems:
        log.error("customer %s: part of its vars is not obeyed: %s", row["id"], problem)
    return known
