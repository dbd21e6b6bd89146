"""Aliases as calls obey them, by who has them.

To let calls obey a new column of an alias: the statement `aliases` in `charging_snapshot.sql`, and `core.aliases`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache

import asyncpg

from tollgate.core import aliases
from tollgate.core.aliases import Alias, Aliases, AliasInvalid

log = logging.getLogger(__name__)

Row = asyncpg.Record


def by_customer(rows: Iterable[Row], customer_ids: AbstractSet[int]) -> dict[int, Aliases]:
    """The aliases of these customers, in their order."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row["customer_id"] in customer_ids:
            found[row["customer_id"]].append(row)
    made = {customer_id: _listed(mine, "customer") for customer_id, mine in found.items()}
    return {customer_id: listed for customer_id, listed in made.items() if listed is not None}


def of_all(rows: Iterable[Row], account_id: int) -> Aliases | None:
    """The aliases of all customers of an account."""
    shared = [row for row in rows if row["customer_id"] is None and row["account_id"] == account_id]
    return _listed(shared, "account")


def _listed(rows: Iterable[Row], owner: str) -> Aliases | None:
    known = [_alias(row, owner) for row in sorted(rows, key=lambda row: (row["position"], row["id"]))]
    return aliases.aliases(alias for alias in known if alias is not None)


@lru_cache(maxsize=1 << 16)
def _alias(row: Row, owner: str) -> Alias | None:
    """Read once; one that cannot be read is told and fits nothing."""
    try:
        return aliases.alias({"id": row["id"], "current": row["current"], "new": row["new"], "owner": owner})
    except AliasInvalid as problem:
        log.error("alias %s is not obeyed: %s", row["id"], problem)
        return None
