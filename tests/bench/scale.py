# ruff: noqa: E501
"""The database of the benchmark: 10,000 customers below 100 resellers below one account, cards of 50,000 prefixes.

Run by `charging.py`. To measure another size, change the constants.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg

CUSTOMERS: Final = 10_000
RESELLERS: Final = 100
PREFIXES: Final = 50_000

SETUP: Final = """

INSERT INTO account (version, created_at, name, company, email, currency, zone, status, channels, cps_milli, slice_s,
                     validity_s, challenge_unknown, recording)
VALUES (1, now(), 'Bench', '', '', 'EUR', 'UTC', 'active', 0, 0, 60, 30, true, false);
INSERT INTO carrier (version, created_at, account_id, name, status, currency, channels, cps_milli, first_reply_s, pdd_s, ring_s)
SELECT 1, now(), account.id, 'Cirrus ' || n, 'active', 'EUR', 0, 0, 3, 5, 60 FROM account, generate_series(1, 2) n;
INSERT INTO gateway (version, created_at, carrier_id, name, host, port, transport, weight, enabled, channels, cps_milli,
                     strip_digits, prefix)
SELECT 1, now(), carrier.id, 'one', '203.0.113.' || carrier.id, 5060, 'udp', 100, true, 0, 0, 0, '' FROM carrier;
INSERT INTO card (version, created_at, account_id, kind, carrier_id, name, currency, precision, method, duration_method,
                  increments, tech_prefix)
SELECT 1, now(), account_id, 'carrier', id, name, 'EUR', 4, 'up', 'up', 'initial_then_increment', '' FROM carrier
UNION ALL
SELECT 1, now(), account.id, 'customer', NULL, kind, 'EUR', 4, 'up', 'up', 'initial_then_increment', ''
FROM account, unnest(ARRAY['Retail', 'Wholesale']) kind;
INSERT INTO revision (card_id, number, effective_at, rate_count, note, created_at)
SELECT id, 1, '2020-01-01', {prefixes}, '', now() FROM card;
INSERT INTO rate (revision_id, prefix, destination, blocked, price_nanos, connect_fee_nanos, initial_s, increment_s, grace_s,
                  included_s)
SELECT revision.id, (100000 + n)::text, 'Somewhere ' || n, false,
       CASE card.name WHEN 'Retail' THEN 15000000 WHEN 'Wholesale' THEN 12000000 ELSE 9000000 + card.carrier_id * 1000 END,
       0, 6, 6, 0, 0
FROM revision JOIN card ON card.id = revision.card_id, generate_series(1, {prefixes}) n;
UPDATE revision SET published_at = now();
INSERT INTO customer (version, created_at, account_id, is_reseller, number, name, company, reference, status, currency, channels,
                      cps_milli, debit_limit_micros, email_verification, mobile_verification, recording, max_duration_s, notes)
SELECT 1, now(), account.id, true, 'R' || n, 'Reseller ' || n, '', '', 'active', 'EUR', 0, 0, 1000000000000, false, false,
       false, 3600, ''
FROM account, generate_series(1, {resellers}) n;
INSERT INTO customer (version, created_at, account_id, parent_id, is_reseller, number, name, company, reference, status,
                      currency, channels, cps_milli, debit_limit_micros, email_verification, mobile_verification, recording,
                      max_duration_s, notes)
SELECT 1, now(), account.id, reseller.id, false, 'C' || n, 'Customer ' || n, '', '', 'active', 'EUR', 0, 0, 1000000000000,
       false, false, false, 3600, ''
FROM account, generate_series(1, {customers}) n
JOIN customer reseller ON reseller.number = 'R' || (n % {resellers} + 1);
INSERT INTO endpoint (version, created_at, account_id, customer_id, name, kind, network, tech_prefix, allowed_networks, channels,
                      cps_milli, enabled)
SELECT 1, now(), account_id, id, '', 'ip', ('10.0.0.0'::inet + substr(number, 2)::int)::cidr, '', '{{}}', 0, 0, true
FROM customer WHERE NOT is_reseller;
INSERT INTO ingress_route (version, created_at, customer_id, name, tech_prefix, dial_patterns, card_id, enabled, strategy,
                           channels, cps_milli, media, recording, profit_assurance, block_connect_fee)
SELECT 1, now(), customer.id, 'All', '', '', card.id, true, 'lcr', 0, 0, 'proxy', 'inherit', true, false
FROM customer JOIN card ON card.name = CASE WHEN customer.is_reseller THEN 'Wholesale' ELSE 'Retail' END;
INSERT INTO route_option (ingress_route_id, card_id, position, weight, excluded)
SELECT ingress_route.id, card.id, 1, 100, false
FROM ingress_route JOIN customer ON customer.id = ingress_route.customer_id AND customer.is_reseller
JOIN card ON card.kind = 'carrier';
INSERT INTO edge (account_id, name, kind, rpc_url, enabled, created_at)
SELECT id, 'bench', 'plain', '', true, now() FROM account;
"""


def fill(url: str) -> None:
    """Migrates an empty database and fills it."""
    command = [sys.executable, "-m", "tollgate.jobs.command_line", "migrate"]
    environment = os.environ | {"TOLLGATE_DATABASE_URL": url, "PYTHONPATH": str(Path.cwd())}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SETUP.format(customers=CUSTOMERS, resellers=RESELLERS, prefixes=PREFIXES))
        connection.execute("VACUUM ANALYZE")


def address_of(customer: int) -> str:
    """Where the nth customer calls from."""
    return f"10.{customer >> 16}.{customer >> 8 & 255}.{customer & 255}"
