"""Claims about the demo data: every cent of it explains itself, and it replaces nothing by accident."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg

from tests.jobs.installation import Installation
from tollgate.core.calls import read_settled
from tollgate.core.rates import cost_micros
from tollgate.jobs.demo_records import destinations
from tollgate.jobs.demo_traffic import attempts
from tollgate.store.sql import load

EURO = 1_000_000
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_books_of_the_demo_are_in_order(demo: Installation) -> None:
    for name, statement in load("ledger_laws").items():
        assert demo.rows(statement) == [], name


def test_every_call_costs_what_its_stored_rate_gives(demo: Installation) -> None:
    rows = demo.rows(
        "SELECT id, detail::text, answered_at, duration_ms, cost_micros FROM cdr WHERE state = 'charged' ORDER BY id"
    )
    assert len(rows) > 500
    for call_id, detail, answered_at, duration_ms, cost in rows[::7]:
        settled = read_settled(call_id, detail)
        assert settled.legs[0].cost_micros == cost
        legs = [*settled.legs, *([settled.carrier] if settled.carrier else [])]
        assert [leg.cost_micros for leg in legs] == [cost_micros(leg.rate, answered_at, duration_ms) for leg in legs]


def test_the_demo_has_the_cast_with_its_money(demo: Installation) -> None:
    wallets = demo.rows(
        "SELECT customer.name, wallet.balance_micros, wallet.limit_micros, wallet.depth, customer.status FROM wallet"
        " JOIN customer ON customer.id = wallet.owner_id WHERE wallet.kind = 'customer'"
    )
    by_name = {name: rest for name, *rest in wallets}
    assert by_name["Acme"] == [25 * EURO, 0, 1, "active"]
    assert by_name["Baltic"][1:] == [500 * EURO, 1, "active"]
    assert by_name["Fjord Voice"][2] == 2
    assert by_name["Harbor Callshop"][3] == "penalty"
    assert demo.rows("SELECT count(*) FROM gateway WHERE host IN ('127.0.0.21', '127.0.0.22') AND port = 5080") == [
        (2,)
    ]


def test_among_the_calls_are_failures_and_refusals_and_second_carriers(demo: Installation) -> None:
    refusals = {key for (key,) in demo.rows("SELECT DISTINCT refusal FROM cdr WHERE state = 'refused'")}
    assert {"ip_unknown", "digest_failed", "status_penalty", "no_rate", "destination_type"} <= refusals
    assert demo.rows("SELECT count(*) > 100 FROM cdr WHERE state = 'failed'") == [(True,)]
    assert demo.rows("SELECT count(*) > 5 FROM cdr WHERE json_array_length(detail -> 'attempts') = 1") == [(True,)]
    assert demo.rows("SELECT count(*) FROM cdr_default") == [(0,)]


def test_the_price_list_is_long_and_each_prefix_is_there_once() -> None:
    prefixes = [prefix for line in destinations() for prefix in line.prefixes]
    assert len(destinations()) >= 200
    assert len(prefixes) == len(set(prefixes))
    assert all(len(prefix) < line.length <= 15 for line in destinations() for prefix in line.prefixes)


def test_the_same_moment_gives_the_same_calls() -> None:
    assert attempts(AT, 2) == attempts(AT, 2)
    assert all(
        earlier.at <= later.at < AT for earlier, later in zip(attempts(AT, 2), attempts(AT, 2)[1:], strict=False)
    )


def test_the_passwords_are_kept_for_the_owner_only(empty: Installation) -> None:
    said = empty.ok("demo", "--days", "1")
    file = empty.folder / "demo-logins.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"ann@demo.example     {said['logins']['ann@demo.example']}" in file.read_text()
    assert "already" in empty.fails("demo")


def test_nothing_but_demo_data_is_thrown_away_without_asking(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url):
        assert "1 other sessions" in own_demo.fails("demo-reset", "--days", "1")
    own_demo.ok("demo-reset", "--days", "1")
    assert own_demo.rows("SELECT count(*) FROM account") == [(1,)]
    with psycopg.connect(own_demo.url) as connection:
        connection.execute("UPDATE account SET name = 'Real Telecom'")
    assert "--yes" in own_demo.fails("demo-reset", "--days", "1")
    assert own_demo.rows("SELECT name FROM account") == [("Real Telecom",)]


def test_the_users_can_read_and_act(demo: Installation) -> None:
    rows = demo.rows(
        "SELECT app_user.email, user_group.acts FROM app_user JOIN app_user_group ON user_id = app_user.id"
        " JOIN user_group ON user_group.id = usergroup_id ORDER BY 1"
    )
    assert json.dumps(rows) == json.dumps([("ann@demo.example", ["*"]), ("bob@demo.example", [])])


def test_numbers_of_the_demo_ring_at_its_phones_and_some_are_in_the_inventory(demo: Installation) -> None:
    rows = demo.rows(
        "SELECT did.number, customer.name, did.destinations, carrier.name, card.direction, bought.direction"
        " FROM did LEFT JOIN customer ON customer.id = customer_id LEFT JOIN carrier ON carrier.id = did.carrier_id"
        " LEFT JOIN card ON card.id = did.card_id LEFT JOIN card bought ON bought.id = carrier_card_id ORDER BY 1"
    )
    assert [row[1:3] for row in rows if row[1]] == [
        ("Acme", "acme-desk"), ("Acme", "acme-hall"), ("Baltic", "baltic-1"),
    ]  # fmt: skip
    assert [row[0] for row in rows if row[1] is None] == ["37052101012", "37167101011"]
    assert {row[3:] for row in rows} == {("Cirrus", "origination", "origination"), ("Cirrus", None, "origination")}
    phones = {name for (name,) in demo.rows("SELECT username FROM endpoint WHERE kind = 'sip_user'")}
    assert {row[2] for row in rows if row[1]} <= phones


def test_the_pages_of_money_and_traffic_have_something_to_show(demo: Installation) -> None:
    payments = demo.rows("SELECT kind, status, count(*)::int FROM payment GROUP BY 1, 2 ORDER BY 1, 2")
    assert {(kind, status) for kind, status, _ in payments} == {
        ("payment", "completed"),
        ("payment", "pending"),
        ("refund", "completed"),
    }
    assert demo.rows("SELECT kind FROM alert_event ORDER BY id") == [("fired",), ("repeated",), ("repeated",)]
    tables = ("tax", "voucher", "payment_gateway", "exchange_rate", "dunning_step", "webhook", "saved_report", "bundle")
    for table in (*tables, "customer_package", "charge"):
        assert demo.rows(f"SELECT count(*) > 0 FROM {table}") == [(True,)], table
    assert demo.rows("SELECT count(*) FROM webhook WHERE enabled") == [(0,)], "the demo calls nobody"
    assert demo.rows("SELECT count(*) FROM payment_gateway WHERE enabled") == [(0,)]
