"""CLI rules as calls obey them, by who has them, and whose turn it is among forced numbers.

To let calls obey a new column of a rule: the statement `cli_rules` in `charging_snapshot.sql`, and `core.cli_rules`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import asyncpg

from tollgate.core import cli_rules
from tollgate.core.cli_rules import CliRule, CliRuleInvalid

log = logging.getLogger(__name__)

Row = asyncpg.Record


class Rota:
    """Turns by customer, as this process has given them: they go on when a snapshot is another one."""

    __slots__ = ("_turns",)

    def __init__(self) -> None:
        self._turns: defaultdict[int, int] = defaultdict(int)

    def next(self, customer_id: int) -> int:
        """How many turns this customer has taken before."""
        turn = self._turns[customer_id]
        self._turns[customer_id] = turn + 1
        return turn


@dataclass(slots=True)
class Rules:
    """CLI rules by who has them: a customer, a tag, or the account for all its customers."""

    by_owner: defaultdict[tuple[str, int], list[CliRule]] = field(default_factory=lambda: defaultdict(list))

    def of(self, customer_id: int, tag_ids: Iterable[int], account_id: int) -> tuple[CliRule, ...]:
        """In the order of asking: the customer's own first."""
        owners = [("customer", customer_id), *(("tag", tag_id) for tag_id in sorted(tag_ids)), ("account", account_id)]
        return tuple(rule for owner in owners for rule in self.by_owner.get(owner, ()))


def rules_of(rows: Iterable[Row], tags: Mapping[int, Row]) -> Rules:
    """Every rule by its owner; one that cannot be read is told and fits nothing."""
    result = Rules()
    for row in sorted(rows, key=lambda row: (row["position"], row["id"])):
        tag = tags.get(row["tag_id"])
        owner = "customer" if row["customer_id"] is not None else "tag" if row["tag_id"] is not None else "account"
        rule = _rule(row, owner, "" if tag is None else tag["name"])
        if rule is not None:
            result.by_owner[owner, row["customer_id"] or row["tag_id"] or row["account_id"]].append(rule)
    return result


@lru_cache(maxsize=1 << 16)
def _rule(row: Row, owner: str, name: str) -> CliRule | None:
    """Read once: at every change of anything all rules are asked for again, and most are as they were."""
    try:
        return cli_rules.rule({**dict(row), "owner": owner, "name": name})
    except CliRuleInvalid as problem:
        log.error("CLI rule %s is not obeyed: %s", row["id"], problem)
        return None
