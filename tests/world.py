"""A small world in a real database, for tests whose processes connect by themselves: rows by plain SQL, no Django.

`World(url)` opens the database; its methods insert one row each with the defaults a form would give and return the id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import psycopg
import psycopg.rows
from psycopg import sql
from psycopg.types.json import Jsonb

EURO: Final = 1_000_000
CENT_PER_MINUTE: Final = 10_000_000
REALM: Final = "tollgate.test"
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "package": {
        "version": 1, "description": "", "kind": "free_minutes", "currency": "EUR", "cost_nanos": 0, "retail_nanos": 0,
        "setup_cost_nanos": 0, "setup_retail_nanos": 0, "frequency": "none", "match_days": [], "prorate": True,
        "minimum_days": 0, "minimum_spend": False, "minutes": 1, "prefixes": [], "rollover": False,
    },
    "customer_package": {"version": 1, "quantity": 1, "auto_decrement": True},
    "account": {
        "version": 1, "company": "", "email": "", "currency": "EUR", "zone": "UTC", "status": "active", "channels": 0,
        "cps_milli": 0, "slice_s": 60, "validity_s": 30, "challenge_unknown": True, "recording": False,
        "registration_id": "", "ocn": "", "frn": "", "vat_id": "", "pending_email": "", "address_line1": "",
        "address_line2": "", "city": "", "state": "", "postcode": "", "country": "", "address_confirmed_by": "",
        "phone": "", "mobile": "", "billing_method": "per_minute", "minute_price_nanos": 0,
        "channel_day_price_nanos": 0, "number_digits_count": 10, "pin_length": 6, "language": "",
        "audit_comment": False,
        "profit_assurance_default": True, "valid_from_creation": False, "unique_references": False,
        "termination_addresses": "",
        "origination_addresses": "", "portal_text": "", "support_url": "", "support_phone": "", "support_email": "",
        "inactive_portal": False, "sip_rewrites": [], "inactive_packages": False, "payment_details": "",
        "payment_description": "", "invoice_grouping": "day", "invoice_lag_h": 24, "invoice_footer": "",
        "two_person_payments": False,
        "verification_cli": "", "verification_denied": "", "verification_approval": False,
        "auth_failure_count": 10, "smart_lists": False,
        "verification_daily_count": 200, "verification_capped_price_nanos": 500_000_000, "verification_valid_days": 0,
        "second_factor": False, "second_factor_days": 7,
    },
    "customer": {
        "version": 1, "is_reseller": False, "company": "", "reference": "", "status": "active", "currency": "EUR",
        "channels": 0, "cps_milli": 0, "debit_limit_micros": 0, "email_verification": False,
        "mobile_verification": False, "recording": False, "max_duration_s": 3600, "status_reason": "", "phone": "",
        "website": "", "address_line1": "", "address_line2": "", "city": "", "state": "", "postcode": "", "country": "",
        "zone": "", "portal_show": [], "portal_hide": [], "vars_toml": "", "pai_mode": "default",
        "rtp_firewall": "locked", "attestation": "C", "approved_clis_only": False, "local_calls": True,
        "cli_selection": "first", "cli_pool": "disabled", "hours_hang_up": False,
        "local_price_nanos": 0, "local_increment_s": 60, "loss_making_calls": "allow", "ip_management": False,
        "billing_type": "prepaid", "registration_id": "", "tax_number": "", "tax_treatment": "auto",
        "prices_include_tax": False, "invoice_schedule": "none", "billing_day": 1, "billing_zone": "",
        "generate_invoices": True, "zero_invoices": False, "email_invoices": True, "daily_receipts": False,
        "create_invoice_on_payment": False, "payment_terms_days": 14, "overdue_grace_days": 0,
        "overdue_action": "remind", "invoice_grouping": "", "invoice_note": "", "language": "",
        "minimum_payment_micros": 0, "topup_currencies": [], "paypal_email": "", "notification_emails": [],
        "notification_departments": [], "notification_opt_outs": [], "parked_reason": "",
    },
    "contact": {
        "version": 1, "first_name": "", "last_name": "", "phone": "", "mobile": "", "kind": "general",
        "email_verified_how": "", "mobile_verified_how": "", "login_domain": 0, "login_enabled": True, "password": "",
        "password_must_change": False, "totp_secret": "", "recovery_hashes": [], "allowed_networks": [], "zone": "",
        "language": "", "theme": "auto", "marketing": True, "public_notes": "", "private_notes": "",
    },
    "endpoint": {
        "version": 1, "name": "", "tech_prefix": "", "allowed_networks": [], "channels": 0, "cps_milli": 0,
        "cli_authentication": False, "presents_pins": False, "shared": False, "rewrites": [], "enabled": True,
        "extensions": "",
        "delivery_host": "", "delivery_port": 5060, "delivery_transport": "udp", "sends_calls": True,
    },
    "conference_room": {
        "version": 1, "name": "Weekly", "port": 5060, "transport": "udp", "channels": 0, "shared": False,
        "enabled": True,
    },
    "did": {
        "version": 1, "destinations": "", "order": "serial", "channels": 0, "cps_milli": 0, "recording": "inherit",
        "pai_mode": "default", "public_note": "", "private_note": "", "enabled": True,
    },
    "card": {
        "version": 1, "direction": "termination", "currency": "EUR", "precision": 4, "method": "up",
        "duration_method": "up", "increments": "initial_then_increment", "tech_prefix": "",
    },
    "rate": {
        "destination": "", "blocked": False, "price_nanos": 0, "connect_fee_nanos": 0, "initial_s": 1,
        "increment_s": 1, "grace_s": 0, "included_s": 0,
    },
    "carrier": {
        "version": 1, "status": "active", "currency": "EUR", "channels": 0, "cps_milli": 0, "first_reply_s": 1,
        "pdd_s": 5, "ring_s": 20, "pai_mode": "default", "networks": [],
    },
    "gateway": {
        "version": 1, "port": 5060, "transport": "udp", "weight": 100, "enabled": True, "channels": 0,
        "cps_milli": 0, "strip_digits": 0, "prefix": "",
    },
    "ingress_route": {
        "version": 1, "options_version": 1, "name": "all", "tech_prefix": "", "dial_patterns": "", "enabled": True,
        "strategy": "manual", "channels": 0, "cps_milli": 0, "media": "direct", "recording": "inherit",
        "profit_assurance": False, "block_connect_fee": False,
    },
    "route_option": {"position": 1, "weight": 100, "excluded": False},
    "localization": {
        "version": 1, "originate_cli_in": "", "originate_cli_out": "", "originate_cld": "", "terminate_cli_in": "",
        "terminate_cli_out": "", "terminate_cld": "",
    },
    "tag": {"version": 1, "color": ""},
    "cli_rule": {
        "version": 1, "position": 100, "cli": "", "pai": "", "dialed": "", "rewrite_cli": "", "rewrite_pai": "",
        "forced": False, "weight": 100, "attestation": "", "signature_required": False, "signature_replaced": False,
        "notes": "",
    },
    "stir_certificate": {
        "version": 1, "name": "Own", "chain": "", "url": "https://cert.example.org/shaken.pem", "is_default": False,
        "enabled": True, "subject": "", "issuer": "", "codes": "", "starts_at": "2020-01-01T00:00:00Z",
        "expires_at": "2100-01-01T00:00:00Z",
    },
    "access_number": {"version": 1, "name": "", "wrong_most": 100, "enabled": True},
    "alias": {"version": 1, "position": 100, "new": "", "enabled": True, "notes": ""},
    "verified_cli": {"method": "operator", "attestation": "C", "verified_by": ""},
    "edge": {"version": 1, "kind": "kamailio", "rpc_url": "", "enabled": True},
}  # fmt: skip


JSON_LISTS: Final = frozenset({"rewrites", "sip_rewrites", "gateway_ids", "steps"})
"""Columns whose list is JSON; every other list is an array."""


class World:
    """Rows of one database. Every method commits at once, as a form would."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.account = self.insert("account", name="Demo Telecom")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def insert(self, table: str, **columns: Any) -> int:
        """Insert one row with the table's defaults; return its id."""
        row = {**DEFAULTS.get(table, {}), **columns}
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() for _ in row),
        )
        values = [_adapted(name, value) for name, value in row.items()]
        return int(self.rows(statement, *values)[0][0])

    def update(self, table: str, row_id: int, **columns: Any) -> None:
        """Change one row."""
        pairs = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns)
        values = [_adapted(name, value) for name, value in columns.items()]
        statement = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(table), pairs)
        self.connection.execute(statement, [*values, row_id])

    def rows(self, statement: Any, *values: Any) -> list[Any]:
        """Run a statement, return its rows."""
        return self.connection.execute(statement, values).fetchall()

    def one(self, statement: Any, *values: Any) -> Any:
        """Run a statement, return its only row as a dict."""
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            (row,) = cursor.execute(statement, values).fetchall()
            return row

    def customer(self, name: str, *, money_micros: int = 0, **columns: Any) -> int:
        """A customer with some money."""
        number = self.rows("SELECT count(*) FROM customer")[0][0] + 1
        customer = self.insert("customer", account_id=self.account, name=name, number=f"{number:010d}", **columns)
        if money_micros:
            self.top_up(customer, money_micros)
        return customer

    def top_up(self, customer: int, amount_micros: int) -> None:
        """Give money, by an entry as always."""
        with self.connection.transaction():
            wallet = self.wallet("customer", customer)["id"]
            self.connection.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency)"
                " SELECT account_id, now(), id, 'payments', 'topup', %s, currency FROM wallet WHERE id = %s",
                [amount_micros, wallet],
            )
            self.connection.execute(
                "UPDATE wallet SET balance_micros = balance_micros + %s WHERE id = %s", [amount_micros, wallet]
            )

    def wallet(self, kind: str, owner: int) -> Any:
        """The wallet of an owner."""
        return self.one("SELECT * FROM wallet WHERE kind = %s AND owner_id = %s", kind, owner)

    def card(self, name: str, rates: Iterable[dict[str, Any]], **columns: Any) -> int:
        """A card with one published revision in force since long."""
        carrier = columns.get("carrier_id")
        card = self.insert(
            "card", account_id=self.account, name=name, **{"kind": "carrier" if carrier else "customer", **columns}
        )
        self.publish(card, rates)
        return card

    def publish(self, card: int, rates: Iterable[dict[str, Any]], effective: str = "2020-01-01T00:00:00Z") -> int:
        """Publish a revision of a card."""
        number = self.rows("SELECT count(*) FROM revision WHERE card_id = %s", card)[0][0] + 1
        revision = self.insert("revision", card_id=card, number=number, effective_at=effective, rate_count=0, note="")
        for rate in rates:
            self.insert("rate", revision_id=revision, **rate)
        self.connection.execute(
            "UPDATE revision SET published_at = now(), rate_count = (SELECT count(*) FROM rate WHERE revision_id = %s)"
            " WHERE id = %s",
            [revision, revision],
        )
        return revision

    def carrier(self, name: str, hosts: Iterable[str], **columns: Any) -> int:
        """A carrier with a gateway on each host."""
        carrier = self.insert("carrier", account_id=self.account, name=name, **columns)
        for number, host in enumerate(hosts, 1):
            self.insert("gateway", carrier_id=carrier, name=f"{name} {number}", host=host)
        return carrier

    def route(self, customer: int, card: int, carrier_cards: Iterable[int], **columns: Any) -> int:
        """An ingress route that uses these carrier cards in order."""
        route = self.insert("ingress_route", customer_id=customer, card_id=card, **columns)
        for position, carrier_card in enumerate(carrier_cards, 1):
            self.insert("route_option", ingress_route_id=route, card_id=carrier_card, position=position)
        self.update("ingress_route", route, name=f"route {route}")
        return route

    def ip_endpoint(self, customer: int, network: str, **columns: Any) -> int:
        """An address of a customer."""
        return self.insert(
            "endpoint", account_id=self.account, customer_id=customer, kind="ip", network=network, **columns
        )

    def sip_user(self, customer: int, username: str, password: str, realm: str = REALM, **columns: Any) -> int:
        """A SIP user of a customer; only the hash of the password is kept."""
        ha1 = hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()
        return self.insert(
            "endpoint", account_id=self.account, customer_id=customer, kind="sip_user", username=username, realm=realm,
            ha1=ha1, **columns,
        )  # fmt: skip

    def laws_broken(self, statements: dict[str, str]) -> dict[str, str]:
        """The laws of the books (named queries that return what breaks them) that do not hold now."""
        found = {name: self.rows(statement) for name, statement in statements.items()}
        return {name: json.dumps(rows, default=str) for name, rows in found.items() if rows}

    def written_down(self, text: str) -> list[str]:
        """Every column of every table in which a text stands."""
        columns = self.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        found = []
        for table, column in columns:
            query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {}::text LIKE %s)").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            if self.rows(query, f"%{text}%")[0][0]:
                found.append(f"{table}.{column}")
        return found


def _adapted(column: str, value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) or column in JSON_LISTS else value
