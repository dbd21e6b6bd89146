"""Statements in files: all of them fit the tables, and only the ledger's write a balance."""

from __future__ import annotations

import ast
import re

import psycopg
from psycopg.pq import ExecStatus

from tests.house.tree import SQL, modules
from tollgate.store.sql import load, script

SETS_BALANCE = re.compile(r"\bSET\b[^;]*?\bbalance_micros\s*=[^=]", re.IGNORECASE | re.DOTALL)
WRITES_ENTRY = re.compile(r"\b(INSERT\s+INTO|COPY)\s+entry\b", re.IGNORECASE)
NAMED = re.compile(r"%\((\w+)\)s")


def for_the_server(statement: str) -> bytes:
    """The statement with psycopg's placeholders turned into the server's own."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text, placed = NAMED.subn(number, statement)
    return (text.replace("%%", "%") if placed else text).encode()


def test_every_statement_fits_the_migrated_tables(database_url: str) -> None:
    problems, count = [], 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        for path in sorted(SQL.glob("*.sql")):
            for name, statement in load(path.stem).items():
                result = connection.pgconn.prepare(b"", for_the_server(statement))
                count += 1
                if result.status != ExecStatus.COMMAND_OK:
                    problems.append(f"{path.name} {name}: {result.error_message.decode()}")
    assert problems == []
    assert count > 0


def test_a_file_is_either_run_whole_or_all_of_it_is_named() -> None:
    """Text above the first name would never run."""
    for path in sorted(SQL.glob("*.sql")):
        head = script(path.stem).split("-- name:")[0]
        if load(path.stem):
            assert re.sub(r"--[^\n]*", "", head).strip() == "", path.name


def test_only_the_ledgers_statements_write_a_balance() -> None:
    for path in sorted(SQL.glob("*.sql")):
        if not path.name.startswith("ledger_"):
            text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
            assert not SETS_BALANCE.search(text), path.name
            assert not WRITES_ENTRY.search(text), path.name


def test_no_python_writes_a_balance_behind_the_ledgers_back() -> None:
    found = []
    for module in modules():
        for node in module.nodes():
            match node:
                case ast.Constant(value=str(text)) if SETS_BALANCE.search(text) or WRITES_ENTRY.search(text):
                    found.append(f"{module.name}:{node.lineno}")
                case ast.Call(func=ast.Attribute(attr="update" | "create" | "update_or_create"), keywords=keywords):
                    found += [f"{module.name}:{node.lineno}" for word in keywords if word.arg == "balance_micros"]
    assert found == []


HOT = ("wallet", "call", "cdr", "entry")
KEYS_WITHOUT_ACCOUNT = {"wallet_pkey"}
"""What differs is told with its reason in docs/decisions/0014-keys-by-account.md."""
UNIQUE_KEYS = """
SELECT class.relname AS key, index.indisprimary, array_agg(attribute.attname::text ORDER BY place.ordinality) AS columns
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_class AS hot ON hot.oid = index.indrelid
CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS place (number, ordinality)
JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = place.number
WHERE index.indisunique AND hot.relname = ANY(%s)
GROUP BY class.relname, index.indisprimary
"""


def test_every_unique_key_of_the_hot_tables_holds_the_account_but_for_the_wallets(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(UNIQUE_KEYS, [list(HOT)]).fetchall()
    assert len(found) >= len(HOT)
    assert {key for key, _, columns in found if "account_id" not in columns} == KEYS_WITHOUT_ACCOUNT
    late = {key for key, primary, columns in found if primary and columns[0] != "account_id"}
    assert late == KEYS_WITHOUT_ACCOUNT, "primary keys begin with it"


WRITES_HOT = re.compile(
    r"(?:\b(?:INSERT\s+INTO|DELETE\s+FROM)|(?<!DO )(?<!FOR )(?<!NO KEY )\bUPDATE)\s+(call|cdr|entry)\b"
)


def test_whatever_writes_calls_records_or_entries_names_the_account() -> None:
    """So that each of their statements could be sent to the server that has the account."""
    writing = [
        (path.name, " ".join(statement.split()))
        for path in sorted(SQL.glob("*.sql"))
        for statement in re.split(r";|\n\n", re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8")))
        if WRITES_HOT.search(statement)
    ]
    assert len(writing) > 8
    assert [(file, statement[:80]) for file, statement in writing if "account_id" not in statement] == []
