"""What has to be built again after rows changed.

A new table whose changed row should not rebuild its whole account gets its line in `Changes.note`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncpg

Row = asyncpg.Record


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
        self.edges = self.edges or other.edges

    def note(self, table: str, row: Row | None) -> None:
        """One row as it was or as it is."""
        if row is None:
            return
        match table:
            case "account":
                self.accounts.add(row["id"])
            case "edge":
                self.edges = True
            case "customer":
                self.customers.add(row["id"])
            case "contact" | "verified_cli" | "customer_tag" | "bundle":
                self.customers.add(row["customer_id"])
            case "ingress_route" | "cli_rule" | "alias" if row["customer_id"] is not None:
                self.customers.add(row["customer_id"])
            case "alias":
                self.aliases.add(row["account_id"])
            case "endpoint" | "conference_room" | "stir_certificate":
                (self.certificates if table == "stir_certificate" else self.endpoints).add(row["account_id"])
            case "card":
                self.cards.add(row["id"])
            case "carrier":
                self.carriers.add(row["id"])
            case "gateway":
                self.carriers.add(row["carrier_id"])
