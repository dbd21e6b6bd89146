"""What has to be built again after rows changed.

A new table whose changed row should not rebuild its whole account gets its line in `_REBUILT`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import asyncpg

Row = asyncpg.Record
_REBUILT: Final = {
    "account": ("accounts", "id"),
    "customer": ("customers", "id"),
    "contact": ("customers", "customer_id"),
    "verified_cli": ("customers", "customer_id"),
    "customer_tag": ("customers", "customer_id"),
    "bundle": ("customers", "customer_id"),
    "customer_package": ("customers", "customer_id"),
    "ingress_route": ("customers", "customer_id"),
    "cli_rule": ("customers", "customer_id"),
    "alias": ("customers", "customer_id"),
    "endpoint": ("endpoints", "account_id"),
    "conference_room": ("endpoints", "account_id"),
    "stir_certificate": ("certificates", "account_id"),
    "did": ("dids", "id"),
    "did_price": ("dids", "did_id"),
    "card": ("cards", "id"),
    "carrier": ("carriers", "id"),
    "gateway": ("carriers", "carrier_id"),
}
"""Table -> the part of `Changes` that a row of it changes, and the column that says whose."""
_OF_ANYBODY: Final = frozenset({"ingress_route", "cli_rule", "alias"})
"""Tables whose rows may be of no one customer: `records` finds those that such a row hangs on."""


@dataclass(slots=True)
class Changes:
    """What has to be built again after some rows changed."""

    accounts: set[int] = field(default_factory=set)
    customers: set[int] = field(default_factory=set)
    cards: set[int] = field(default_factory=set)
    carriers: set[int] = field(default_factory=set)
    endpoints: set[int] = field(default_factory=set)
    aliases: set[int] = field(default_factory=set)
    """Accounts whose aliases of all customers changed."""
    certificates: set[int] = field(default_factory=set)
    """Accounts whose certificates changed."""
    dids: set[int] = field(default_factory=set)
    edges: bool = False

    def merge(self, other: Changes) -> None:
        """Adds what other rows changed."""
        self.accounts |= other.accounts
        self.customers |= other.customers
        self.cards |= other.cards
        self.carriers |= other.carriers
        self.endpoints |= other.endpoints
        self.aliases |= other.aliases
        self.certificates |= other.certificates
        self.dids |= other.dids
        self.edges = self.edges or other.edges

    def note(self, table: str, row: Row | None) -> None:
        """One row as it was or as it is."""
        if row is None:
            return
        if table == "edge":
            self.edges = True
        elif table in _OF_ANYBODY and row["customer_id"] is None:
            if table == "alias":
                self.aliases.add(row["account_id"])
        elif table in _REBUILT:
            part, column = _REBUILT[table]
            getattr(self, part).add(row[column])
        if table == "customer_package" and row["did_id"] is not None:
            self.dids.add(row["did_id"])
