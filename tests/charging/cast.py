"""The cast in the tables, and what tests ask the tables: balances, CDRs, broken laws."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from tollgate.store.sql import load

EURO = 1_000_000
ACME_IP, BALTIC_IP = "198.51.100.7", "198.51.100.8"
NUMBER = "14155550100"


class World:
    """A database with the cast. `price_nanos` is what both customers pay per minute, by the second after 1 s."""

    def __init__(self, url: str, *, price_nanos: int = 60_000_000, slice_s: int = 60, validity_s: int = 30) -> None:
        self.url = url
        self.connect()
        self.account = self.insert(
            "account", name="Demo Telecom", currency="EUR", slice_s=slice_s, validity_s=validity_s
        )
        self.carrier_card, self.card = self._sell_and_buy(price_nanos)
        self.acme = self._customer("Acme", "1000000001", ACME_IP, 0)
        self.baltic = self._customer("Baltic", "1000000002", BALTIC_IP, 100 * EURO)
        self.top_up(self.acme, 50 * EURO)

    def connect(self) -> None:
        """Connects, again after the server was away."""
        self.connection = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)

    def _sell_and_buy(self, price_nanos: int) -> tuple[int, int]:
        self.carrier = self.insert("carrier", account_id=self.account, name="Cirrus", currency="EUR")
        for number, host in enumerate(("203.0.113.5", "203.0.113.6"), 1):
            self.insert(
                "gateway", carrier_id=self.carrier, name=f"Cirrus {number}", host=host, weight=1000 // number**9
            )
        bought = self.insert(
            "card", account_id=self.account, kind="carrier", carrier_id=self.carrier, name="Cirrus", currency="EUR"
        )
        sold = self.insert("card", account_id=self.account, kind="customer", name="Retail", currency="EUR")
        self.publish(bought, {"1": price_nanos // 2, "44": price_nanos // 2})
        self.publish(sold, {"1": price_nanos, "44": price_nanos, "4470": 3 * price_nanos})
        return bought, sold

    def _customer(self, name: str, number: str, ip: str, limit_micros: int) -> int:
        customer = self.insert(
            "customer",
            account_id=self.account,
            name=name,
            number=number,
            currency="EUR",
            debit_limit_micros=limit_micros,
        )
        self.insert("endpoint", account_id=self.account, customer_id=customer, kind="ip", network=ip)
        route = self.insert(
            "ingress_route", customer_id=customer, name="All", card_id=self.card, profit_assurance=False
        )
        self.insert("route_option", ingress_route_id=route, card_id=self.carrier_card)
        return customer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def insert(self, table: str, **values: Any) -> int:
        """A row, with the columns not named at their defaults; returns its id."""
        required = {**DEFAULTS.get(table, {}), **values}
        names = ", ".join(required)
        marks = ", ".join(["%s"] * len(required))
        row = self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", list(required.values())
        ).fetchone()
        assert row is not None
        return int(row["id"])

    def publish(self, card: int, prices: dict[str, int], **rate: Any) -> int:
        """A published revision of a card, in force since long ago."""
        number = self.one("SELECT count(*) + 1 AS n FROM revision WHERE card_id = %s", card)["n"]
        revision = self.insert("revision", card_id=card, number=number, effective_at="2020-01-01T00:00:00Z")
        for prefix, price_nanos in prices.items():
            values = {"initial_s": 1, "increment_s": 1} | rate
            self.insert(
                "rate",
                revision_id=revision,
                prefix=prefix,
                destination=f"To {prefix}",
                price_nanos=price_nanos,
                **values,
            )
        self.run("UPDATE revision SET published_at = now(), rate_count = %s WHERE id = %s", len(prices), revision)
        return revision

    def top_up(self, customer: int, micros: int) -> None:
        """Money in, as an entry and in the balance."""
        wallet = self.wallet("customer", customer)["id"]
        with self.connection.transaction():
            self.insert(
                "entry",
                account_id=self.account,
                at="2026-01-01T00:00:00Z",
                wallet_id=wallet,
                book="payments",
                kind="topup",
                amount_micros=micros,
                currency="EUR",
            )
            self.run("UPDATE wallet SET balance_micros = balance_micros + %s WHERE id = %s", micros, wallet)

    def run(self, query: str, *values: Any) -> None:
        """Any statement."""
        self.connection.execute(query, values)

    def all(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query."""
        return self.connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> dict[str, Any]:
        """The one row of a query."""
        (row,) = self.all(query, *values)
        return row

    def wallet(self, kind: str, owner: int) -> dict[str, Any]:
        """The wallet of an owner."""
        return self.one("SELECT * FROM wallet WHERE kind = %s AND owner_id = %s", kind, owner)

    def cdr(self, call_id: str) -> dict[str, Any]:
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
        self.run(
            "UPDATE call SET authorized_at = authorized_at - make_interval(secs => %(s)s),"
            " answered_at = answered_at - make_interval(secs => %(s)s),"
            " granted_until = granted_until - make_interval(secs => %(s)s),"
            " last_seen_at = last_seen_at - make_interval(secs => %(s)s)".replace("%(s)s", str(int(seconds)))
        )

    def broken_laws(self) -> list[str]:
        """What the laws of the books have to say about these tables."""
        return [
            f"{law}: {row}"
            for law, query in load("ledger_laws").items()
            for row in self.connection.execute(query).fetchall()
        ]


_RECORD: dict[str, Any] = {"version": 1, "created_at": "2020-01-01T00:00:00Z"}
_LIMITS: dict[str, Any] = {"channels": 0, "cps_milli": 0}
_CARD = {"precision": 4, "method": "up", "duration_method": "up", "increments": "initial_then_increment"}
_ROUTE = {"strategy": "lcr", "media": "proxy", "recording": "inherit", "block_connect_fee": False, "dial_patterns": ""}
_OPEN = {"email_verification": False, "mobile_verification": False, "recording": False, "max_duration_s": 3600}
_PATIENCE = {"first_reply_s": 3, "pdd_s": 5, "ring_s": 60}
_GATEWAY = {"port": 5060, "transport": "udp", "weight": 100, "enabled": True, "strip_digits": 0, "prefix": ""}
_RATE = {"blocked": False, "connect_fee_nanos": 0, "grace_s": 0, "included_s": 0}
DEFAULTS: dict[str, dict[str, Any]] = {
    "account": _RECORD
    | _LIMITS
    | {"company": "", "email": "", "zone": "UTC", "status": "active", "challenge_unknown": True, "recording": False},
    "customer": _RECORD
    | _LIMITS
    | _OPEN
    | {"is_reseller": False, "company": "", "reference": "", "status": "active", "notes": ""},
    "endpoint": _RECORD | _LIMITS | {"name": "", "tech_prefix": "", "allowed_networks": [], "enabled": True},
    "card": _RECORD | _CARD | {"tech_prefix": ""},
    "revision": {"rate_count": 0, "note": "", "created_at": "2020-01-01T00:00:00Z"},
    "rate": _RATE,
    "carrier": _RECORD | _LIMITS | _PATIENCE | {"status": "active"},
    "gateway": _RECORD | _LIMITS | _GATEWAY,
    "ingress_route": _RECORD | _LIMITS | _ROUTE | {"tech_prefix": "", "enabled": True},
    "route_option": {"position": 1, "weight": 100, "excluded": False},
    "edge": {"enabled": True, "rpc_url": "", "created_at": "2020-01-01T00:00:00Z"},
    "contact": _RECORD
    | {"first_name": "", "last_name": "", "phone": "", "mobile": "", "kind": "general"}
    | {"public_notes": "", "private_notes": ""},
}
"""What a row needs and a test does not care about."""
