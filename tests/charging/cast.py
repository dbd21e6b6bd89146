"""The cast in the tables, and what tests ask the tables: balances, CDRs, broken laws."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from tests import world
from tollgate.store.sql import load

EURO = world.EURO
ACME_IP, BALTIC_IP = "198.51.100.7", "198.51.100.8"
NUMBER = "14155550100"


class World(world.World):
    """A database with the cast: Acme has 50.00, Baltic a limit of 100.00, both pay 0.06 a minute by the second.

    Cirrus carries at half of that over two gateways.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self.carrier_id = self.carrier("Cirrus", ["203.0.113.5", "203.0.113.6"], first_reply_s=3, ring_s=60)
        self.run("UPDATE gateway SET weight = CASE WHEN host = '203.0.113.5' THEN 1000 ELSE 1 END")
        self.carrier_card = self.card("Cirrus", prices({"1": 30, "44": 30}), carrier_id=self.carrier_id)
        self.sold = self.card("Retail", prices({"1": 60, "44": 60, "4470": 180}))
        self.acme = self._caller("Acme", ACME_IP, money_micros=50 * EURO)
        self.baltic = self._caller("Baltic", BALTIC_IP, debit_limit_micros=100 * EURO)

    def _caller(self, name: str, ip: str, **columns: Any) -> int:
        customer = self.customer(name, **columns)
        self.ip_endpoint(customer, ip)
        self.route(customer, self.sold, [self.carrier_card], media="proxy")
        return customer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect_again(self) -> None:
        """After the server was away."""
        self.close()
        self.connection = psycopg.connect(self.url, autocommit=True)

    def run(self, query: str, *values: Any) -> None:
        """Any statement."""
        self.connection.execute(query, values)

    def all(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query by the names of their columns."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()

    def cdr(self, call_id: str) -> Any:
        """The one CDR of a call, by the switch's id."""
        return self.one("SELECT * FROM cdr WHERE edge_call_id = %s", call_id)

    def cdrs(self) -> list[dict[str, Any]]:
        """All CDRs."""
        return self.all("SELECT * FROM cdr ORDER BY id")

    def live(self) -> list[dict[str, Any]]:
        """All live calls."""
        return self.all("SELECT * FROM call ORDER BY id")

    def age(self, seconds: int) -> None:
        """Lets all live calls have begun that much earlier."""
        columns = ("authorized_at", "answered_at", "granted_until", "last_seen_at")
        earlier = ", ".join(f"{column} = {column} - make_interval(secs => {seconds})" for column in columns)
        self.run(f"UPDATE call SET {earlier}")

    def broken_laws(self) -> dict[str, str]:
        """What the laws of the books have to say about these tables."""
        return self.laws_broken(load("ledger_laws"))


def prices(thousandths: dict[str, int]) -> list[dict[str, Any]]:
    """Rates by prefix, in thousandths of the unit per minute."""
    return [
        {"prefix": prefix, "destination": f"To {prefix}", "price_nanos": price * 1_000_000}
        for prefix, price in thousandths.items()
    ]
