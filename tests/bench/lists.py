"""Measures the panel's long lists: 100,000 customers with contacts, SIP users, routes, tags and calls.

`python -m tests.bench.lists` makes its own PostgreSQL in a temporary folder and prints JSON: by page the median and the
longest of some requests, in the process that serves them, from the request to the last byte of the answer, and the CPU
of one, which other work on the machine does not lengthen. One customer is made by the acts, the others are copies of
it that differ: in status and company, some without what they need to call, a quarter with calls of today, few with live
ones. To measure another page, add it to `PAGES`.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests import migrated
from tests.bench.charging import postgres_cpu_s
from tollgate.core.departments import DEPARTMENTS
from tollgate.jobs.postgres import Postgres

WORDS: Final = "ARRAY['Telecom', 'Voice', 'Networks', 'Carrier', 'Global', 'Nordic', 'Alpine', 'River', 'Summit']"
FIRST: Final = "ARRAY['Anna', 'Boris', 'Carla', 'Dmitri', 'Elena', 'Farid', 'Greta', 'Hugo', 'Irina', 'Jonas']"
OTHERS: Final = "(SELECT id FROM customer WHERE reference LIKE 'PO-%') AS n"
COPIED: Final[tuple[tuple[str, str, str, Mapping[str, str]], ...]] = (
    ("customer", "true", "generate_series(2, {count}) AS n", {
        "name": f"({WORDS})[1 + n % 9] || ' ' || substr(md5(n::text), 1, 6) || ' ' || n",
        "number": "(10000000 + n)::text", "reference": "'PO-' || n", "accounting_id": "NULL",
        "company": f"CASE WHEN n % 5 = 0 THEN '' ELSE initcap(substr(md5('c' || n), 1, 7)) || ({WORDS})[1 + n % 7] END",
        "status": "CASE n % 40 WHEN 3 THEN 'penalty' WHEN 5 THEN 'pending' WHEN 7 THEN 'inactive' ELSE 'active' END",
        "email_verification": "n % 10 = 1", "channels": "n % 200", "cps_milli": "n % 50 * 1000",
        "debit_limit_micros": "n % 1000 * 1000000", "country": "(ARRAY['DE', 'LT', 'FR', '', 'GB', 'US'])[1 + n % 6]",
        "expires_at": "CASE WHEN n % 3 = 0 THEN now() + n * interval '1 hour' END",
    }),
    ("wallet", "kind = 'customer'", OTHERS, {
        "owner_id": "n.id", "balance_micros": "n.id * 7919 % 1000000 * 1000",
    }),
    ("contact", "true", f"{OTHERS}, generate_series(1, 2) AS k", {
        "customer_id": "n.id", "email": "'p' || n.id || '-' || k || '@' || substr(md5(n.id::text), 1, 5) || '.example'",
        "first_name": f"({FIRST})[1 + (n.id + k) % 10]",
        "last_name": "initcap(substr(md5((n.id * 3 + k)::text), 1, 6))",
        "mobile": "'+3706' || lpad((n.id * 13 % 10000000)::text, 7, '0')",
        "email_verified_at": "CASE WHEN k = 1 AND n.id % 7 > 0 THEN now() END",
    }),
    ("endpoint", "true", OTHERS, {
        "customer_id": "n.id", "username": "'user' || n.id", "name": "'Desk ' || n.id", "enabled": "n.id % 60 > 0",
    }),
    ("ingress_route", "true", OTHERS, {"customer_id": "n.id", "enabled": "n.id % 30 > 0"}),
    ("customer_tag", "true", OTHERS, {
        "customer_id": "n.id",
        "tag_id": "(SELECT min(id) FROM tag) + CASE WHEN n.id % 60 = 30 THEN 0 ELSE n.id % 8 END",
    }),
    ("wallet", "kind = 'endpoint'", "(SELECT id FROM endpoint WHERE username LIKE 'user%') AS n", {"owner_id": "n.id"}),
    ("wallet", "kind = 'ingress_route'", "(SELECT id FROM ingress_route ORDER BY id OFFSET 2) AS n", {
        "owner_id": "n.id",
    }),
)  # fmt: skip
"""What is copied, which row of it, how often, and what differs in each copy."""
CALLED: Final = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, state, started_at, answered_at, ended_at, number,
                 duration_ms, pdd_ms)
SELECT row_number() OVER (), account_id, 'edge', 'ended' || id || '-' || k, id,
       CASE WHEN k % 3 = 0 THEN 'failed' ELSE 'charged' END, now() - k * interval '1 second',
       CASE WHEN k % 3 > 0 THEN now() - k * interval '1 second' END, now(), '442079460001', k % 3 * 40000, 900
FROM customer, generate_series(1, CASE WHEN id % 10000 = 0 THEN 5000 WHEN id % 4 = 0 THEN 8 ELSE 0 END) AS k
"""
TALKING: Final = """
INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, state, authorized_at, granted_s, granted_until,
                  max_s, last_seen_at, plan, wallet_ids)
SELECT row_number() OVER (), account_id, 'edge', 'live' || owner_id || '-' || k, owner_id, 'authorized', now(), 60,
       now(), 3600, now(), repeat('{"a route": "as it was decided"}', 60), ARRAY[id]
FROM wallet, generate_series(1, 1 + owner_id % 7) AS k WHERE kind = 'customer' AND owner_id % 150 = 0
"""
OCCUPIED: Final = """
UPDATE wallet SET channels = live.count
FROM (SELECT wallet_ids[1] AS id, count(*) FROM call GROUP BY 1) AS live WHERE wallet.id = live.id
"""
"""Calls that ended today, live calls, and the channels that these occupy."""
PAGES: Final[Mapping[str, str]] = {
    "customers, first page": "/customers/",
    "customers, 50 pages on": "/customers/@50",
    "customers by balance": "/customers/?sort=-balance_micros",
    "customers by company": "/customers/?sort=company",
    "customers by live channels": "/customers/?sort=-live_channels",
    "customers by live channels, 10 pages on": "/customers/?sort=-live_channels@10",
    "customers by live channels, the idle first": "/customers/?sort=live_channels",
    "customers with live calls": "/customers/?f.status=dialing",
    "customers of one status": "/customers/?f.status=penalty",
    "customers that lack something": "/customers/?f.status=unready",
    "customers that lack something, by balance": "/customers/?f.status=unready&sort=-balance_micros",
    "customers of a tag": "/customers/?f.tag=3",
    "customers, a search that finds few": "/customers/?q=po-99",
    "customers, a search that finds a tenth": "/customers/?q=anna",
    "customers, a search that finds all": "/customers/?q=example",
    "customers by status, in groups": "/customers/?group=status",
    "contacts, first page": "/contacts/",
    "contacts, 50 pages on": "/contacts/@50",
    "contacts by department": "/contacts/?sort=kind",
    "contacts, a search that finds few": "/contacts/?q=p999-",
    "contacts, a search that finds a tenth": "/contacts/?q=anna",
    "contacts, a search that finds all": "/contacts/?q=example",
    "endpoints, first page": "/endpoints/",
    "endpoints, a search that finds a tenth": "/endpoints/?q=telecom",
    "ingress routes, first page": "/routes/",
    "the search of all": "/search/?q=anna",
    "a new alert": "/alerts/new/",
    "a new invoice": "/invoices/new/",
    "a run of packages": "/packages/run/",
    "a new recalculation": "/recalculations/new/",
    "the options": "/options/",
}
"""An address with @ is walked so many pages on."""
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "customers": ("tollgate.panel.customer_lists", "Customer"), "contacts": ("tollgate.panel.contacts", "Contact"),
    "endpoints": ("tollgate.panel.endpoints", "Endpoint"), "routes": ("tollgate.panel.routes", "IngressRoute"),
}  # fmt: skip
"""The lists of which every order, filter and search is tried: by their address, their module and their model."""
TYPED: Final = ("telecom", "zz99", "z9")
"""What is typed into a filter by a name: what a tenth has, what nearly nobody has, and what no index knows."""
SEARCHED: Final = (*TYPED, "anna", "example", "1000", "user9", "po-99", "a", "370600", "e5 1", "summit 4")
"""What is searched for: what few have, a tenth, a fifth, and all; in names and in numbers."""
COMPARED: Final = ("contains", "begins", "is")
"""The conditions that are tried on every column with a text."""
CHOSEN: Final = 8
"""Of a filter with more choices (there are 250 countries) so many are tried, spread over all."""
OF_ACCOUNT: Final = {("contacts", "kind"): DEPARTMENTS}
"""What those filters take whose choices an account adds to."""
DEEP: Final = 5
"""So many pages on each order is tried again."""


def fill(count: int) -> Any:
    """The customers; gives the user who looks."""
    from django.db import connection, transaction

    from tollgate.actions.accounts import create_account
    from tollgate.actions.acts import Actor, acting
    from tollgate.actions.cards import create_card
    from tollgate.actions.contacts import create_contact
    from tollgate.actions.customers import create_customer
    from tollgate.actions.endpoints import create_sip_user
    from tollgate.actions.routes import create_ingress_route, create_tag_route
    from tollgate.actions.tags import create_tag
    from tollgate.actions.users import create_user, create_user_group

    with acting(Actor("the benchmark", frozenset({"*"}))):
        account = create_account(name="Bench", currency="EUR")
        first = create_customer(account_id=account.pk, name="First", currency="EUR", number="10000001")
        create_contact(customer_id=first.pk, email="first@first.example", first_name="Fay", last_name="First")
        create_sip_user(customer_id=first.pk, username="first", password="not the real one 1")
        tags = [create_tag(account_id=account.pk, name=name).pk for name in "ABCDEFGH"]
        card = create_card(account_id=account.pk, kind="customer", name="Retail", currency="EUR").pk
        create_ingress_route(customer_id=first.pk, name="Own", card_id=card)
        create_tag_route(tag_id=tags[0], name="Of a tag", card_id=card)
        first.tags.add(tags[0])
        group = create_user_group(name="All", acts=["*"], areas=["*"])
        user = create_user(name="Ann", email="ann@bench.example", group_ids=[group.pk])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # without the triggers of each row
        cursor.execute("SET LOCAL statement_timeout = 0")
        for table, pattern, others, changes in COPIED:
            _copy(cursor, table, pattern, others.format(count=count), changes)
        for statement in (CALLED, TALKING, OCCUPIED):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # what the texts of a search are made of takes long to count
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET statement_timeout")
    return user


def _copy(cursor: Any, table: str, pattern: str, others: str, changes: Mapping[str, str]) -> None:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO'"
        " AND column_name <> 'id' AND is_generated = 'NEVER'",
        [table],
    )
    names = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changes.get(name, f'pattern."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    copied = f"(SELECT * FROM {table} WHERE {pattern} ORDER BY id LIMIT 1) AS pattern"
    cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {values} FROM {copied}, {others}")


def measure(user: Any, *, times: int, pid: int) -> dict[str, dict[str, float]]:
    """Every page, in milliseconds; `pid` is the postmaster's."""
    from django.test import Client

    browser = Client()
    browser.force_login(user)
    found = {}
    pages = dict(PAGES)
    for name, tried in _tried():
        words = _slowest(browser, tried)
        pages[f"{name}, the slowest: {words}"] = tried[words]
    for name, address in pages.items():
        path = _walked(browser, address)
        _asked_ms(browser, path)  # what is read once is read
        cpu_s = time.process_time() + postgres_cpu_s(pid)
        took = [_asked_ms(browser, path) for _ in range(times)]
        cpu_ms = 1000 * (time.process_time() + postgres_cpu_s(pid) - cpu_s) / times
        found[name] = {"median_ms": round(median(took), 1), "most_ms": round(max(took), 1), "cpu_ms": round(cpu_ms, 1)}
    return found


def _tried() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every order of each list both ways, its first page and one far on, every filter, search and condition on a
    text: addresses by their words.
    """
    for name, (module, model) in LISTS.items():
        found = import_module(module)
        grid = found.GLOBAL if name == "contacts" else found.LIST
        sorts = {
            f"{column.title}{words}": f"/{name}/?sort={way}{column.sort}"
            for column in grid.columns
            for way, words in (("", ""), ("-", ", falling"))
            if column.sort
        }
        far = {f"{words}, {DEEP} pages on": f"{address}@{DEEP}" for words, address in sorts.items()}
        yield f"{name} in each of {len(sorts)} orders", sorts | far
        asked = [
            (one.name, text)
            for one in grid.filters
            for text in _spread(list(OF_ACCOUNT.get((name, one.name), dict(one.choices)))) or TYPED
        ]
        yield (
            f"{name} by each of {len(asked)} filters",
            {f"{one} {text}": f"/{name}/?f.{one}={text}" for one, text in asked},
        )
        yield f"{name} by each of {len(SEARCHED)} searches", {text: f"/{name}/?q={text}" for text in SEARCHED}
        compared = [(column, how, text) for column in _texts(grid, model) for how in COMPARED for text in TYPED]
        yield (
            f"{name} by each of {len(compared)} conditions",
            {f"{column} {how} {text}": f"/{name}/?c.{column}={how}:{text}" for column, how, text in compared},
        )


def _texts(grid: Any, model: str) -> Iterator[str]:
    """The columns whose texts are compared."""
    from tollgate.store import models
    from tollgate.ui.conditions import Of
    from tollgate.ui.sources import QuerysetSource

    source = QuerysetSource(queryset=getattr(models, model).objects.all())
    return (one.name for one in grid.columns if one.sort and source.kind_of(one.sort) is Of.TEXT)


def _spread(choices: list[str]) -> list[str]:
    return choices[:: max(1, -(-len(choices) // CHOSEN))]


def _slowest(browser: Any, tried: Mapping[str, str]) -> str:
    """The words of the address whose quicker answer of two takes longest."""

    def took_ms(words: str) -> float:
        path = _walked(browser, tried[words])
        return min(_asked_ms(browser, path) for _ in range(2))

    return max(tried, key=took_ms)


def _walked(browser: Any, address: str) -> str:
    """The address of the page that is so many pages on."""
    path, _, pages = address.partition("@")
    for _ in range(int(pages or 0)):
        path = _following(browser, path)
    return path


def _asked_ms(browser: Any, path: str) -> float:
    began = time.perf_counter()
    answer = browser.get(path)
    took_ms = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (path, answer.status_code)
    return took_ms


def _following(browser: Any, path: str) -> str:
    link = re.search(r'href="(\?[^"]*after=[^"]*)"', browser.get(path).content.decode())
    return path.partition("?")[0] + html.unescape(link[1]) if link else path


def main() -> None:
    """Makes the database, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=9)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Postgres(Path(folder)) as server:
        os.environ |= {
            "TOLLGATE_DATABASE_URL": server.url, "TOLLGATE_DATA": folder, "TOLLGATE_HOSTS": "testserver",
            "TOLLGATE_SECRET_KEY": "the benchmark's own", "DJANGO_SETTINGS_MODULE": "tollgate.config.settings",
        }  # fmt: skip
        migrated.fill(server.url)
        import django

        django.setup()
        assert server.pid is not None
        pages = measure(fill(chosen.customers), times=chosen.times, pid=server.pid)
        print(json.dumps({"customers": chosen.customers, "times": chosen.times, "pages": pages}, indent=1))
        django.db.connection.close()


if __name__ == "__main__":
    main()
