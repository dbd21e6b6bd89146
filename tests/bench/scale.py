"""The database of the benchmark: 10,000 customers below 100 resellers below one account, cards of 50,000 prefixes.

One of each is made as tests make them; the others are copies of it, so that no column of theirs has to be known here.
Run by `charging.py`. `age` makes a new server one that has worked. To measure another size, change `WHOLE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

from tests import migrated
from tests.world import World


@dataclass(frozen=True, slots=True)
class Scale:
    """How many there are of each."""

    customers: int
    resellers: int
    prefixes: int
    """Of each card."""


WHOLE: Final = Scale(customers=10_000, resellers=100, prefixes=50_000)
SMALL: Final = Scale(customers=300, resellers=10, prefixes=1_000)
"""For smoke runs."""
LIMIT_MICROS: Final = 10**12
WAL_FILES: Final = 128
"""2 GB: half of what the embedded server writes between two checkpoints."""
MINUTE_NANOS: Final = {"Retail": 15_000_000, "Wholesale": 12_000_000, "Cirrus 1": 9_001_000, "Cirrus 2": 9_002_000}

RATES: Final = """
INSERT INTO rate (revision_id, prefix, destination, blocked, price_nanos, connect_fee_nanos, initial_s, increment_s,
                  grace_s, included_s)
SELECT revision.id, (100000 + n)::text, 'Somewhere ' || n, false, price.nanos, 0, 6, 6, 0, 0
FROM revision
JOIN card ON card.id = revision.card_id
JOIN unnest(%s::text[], %s::bigint[]) AS price (card, nanos) ON price.card = card.name,
     generate_series(1, %s) AS n
"""
COPIES: Final = """
INSERT INTO {table}
SELECT (jsonb_populate_record(pattern, jsonb_build_object(
          'id', nextval(pg_get_serial_sequence('{table}', 'id')), {changes}))).*
FROM {table} AS pattern, {others}
WHERE pattern.id = {pattern}
"""


def fill(url: str, scale: Scale) -> None:
    """Makes the tables in an empty database and fills them."""
    migrated.fill(url)
    world = World(url)
    try:
        _fill(world, scale)
        world.connection.execute("VACUUM ANALYZE")
    finally:
        world.close()


def age(url: str, *, runs: int) -> None:
    """Makes the files of the write-ahead log that a server has after some hours of work.

    A server that has just been made writes each of them anew, 16 MB of zeros, while every commit waits: tens of ms,
    about once a second at full load. Later it uses the old ones again (`min_wal_size` says how many are kept). A
    smoke run of one run does not wait for it.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(WAL_FILES if runs > 1 else 1):
            connection.execute("SELECT pg_logical_emit_message(false, 'bench', '')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def _fill(world: World, scale: Scale) -> None:
    world.insert("edge", account_id=world.account, name="bench", kind="plain")
    bought = [
        _card(world, f"Cirrus {number}", world.carrier(f"Cirrus {number}", [f"203.0.113.{number}"]))
        for number in (1, 2)
    ]
    retail, wholesale = _card(world, "Retail"), _card(world, "Wholesale")
    world.connection.execute(RATES, [list(MINUTE_NANOS), list(MINUTE_NANOS.values()), scale.prefixes])
    world.connection.execute("UPDATE revision SET published_at = now(), rate_count = %s", [scale.prefixes])
    route = {"strategy": "lcr", "media": "proxy", "profit_assurance": True}
    reseller = world.customer("Reseller 1", is_reseller=True, debit_limit_micros=LIMIT_MICROS)
    customer = world.customer("Customer 1", parent_id=reseller, debit_limit_micros=LIMIT_MICROS)
    first = {
        "reseller": (reseller, world.route(reseller, wholesale, bought, **route)),
        "customer": (customer, world.route(customer, retail, [], **route)),
    }
    world.ip_endpoint(customer, address_of(1))
    names = "'name', '{0} ' || n, 'number', '{0} ' || n"
    _copy(world, "customer", reseller, names.format("Reseller"), f"generate_series(2, {scale.resellers}) AS n")
    resellers = [row[0] for row in world.rows("SELECT id FROM customer WHERE is_reseller ORDER BY id")]
    above = f"'parent_id', ('{{{','.join(map(str, resellers))}}}'::bigint[])[n % {scale.resellers} + 1]"
    _copy(
        world,
        "customer",
        customer,
        f"{names.format('Customer')}, {above}",
        f"generate_series(2, {scale.customers}) AS n",
    )
    for kind, (pattern, its_route) in first.items():
        others = f"customer WHERE customer.name LIKE '{kind.title()} %' AND customer.id <> {pattern}"
        mine = "'customer_id', customer.id, 'name', 'route ' || customer.id"
        _copy(world, "ingress_route", its_route, mine, f"(SELECT customer.id FROM {others}) AS customer")
    taken = (
        "(SELECT ingress_route.id FROM ingress_route JOIN customer ON customer.id = ingress_route.customer_id"
        f" AND customer.is_reseller AND customer.id <> {reseller}) AS taken"
    )
    for (option,) in world.rows("SELECT id FROM route_option"):
        _copy(world, "route_option", option, "'ingress_route_id', taken.id", taken)
    number = "split_part(customer.name, ' ', 2)::bigint"
    network = f"'customer_id', customer.id, 'network', ('10.0.0.0'::inet + {number})::cidr"
    callers = f"(SELECT * FROM customer WHERE NOT is_reseller AND id <> {customer}) AS customer"
    _copy(world, "endpoint", world.rows("SELECT id FROM endpoint")[0][0], network, callers)


def _card(world: World, name: str, carrier: int | None = None) -> int:
    """A card whose rates come later."""
    kind = "customer" if carrier is None else "carrier"
    card = world.insert("card", account_id=world.account, name=name, kind=kind, carrier_id=carrier)
    world.insert("revision", card_id=card, number=1, effective_at="2020-01-01T00:00:00Z", rate_count=0, note="")
    return card


def _copy(world: World, table: str, pattern: int, changes: str, others: str) -> None:
    """More rows like one that is there, some columns changed."""
    statement = COPIES.format(table=table, pattern=pattern, changes=changes, others=others)
    world.connection.execute(statement.encode())


def address_of(customer: int) -> str:
    """Where the nth customer calls from."""
    return f"10.{customer >> 16}.{customer >> 8 & 255}.{customer & 255}"
