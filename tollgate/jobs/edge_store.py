"""What the edge keeps: its dialogs and registrations in PostgreSQL, and the spool of events the service could not take.

The tables are Kamailio's own, from its package; they live in a schema of the edge's own role, which sees nothing else
of the database. To add a table: its name in `TABLES`.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

from tollgate.jobs.edge_settings import EdgeSettings

SCRIPTS = Path("/usr/share/kamailio/postgres")
TABLES = ("standard", "dialog", "usrloc")


class EdgeStoreRefused(RuntimeError):
    """The database did not let us make what the edge needs; the message says what to do."""


def prepare_database(settings: EdgeSettings, *, scripts: Path = SCRIPTS) -> str:
    """Role, schema and tables of this edge, made when missing. Returns the role's password."""
    password = _password(settings.run_dir / "database.password")
    try:
        with psycopg.connect(settings.database_url, autocommit=False) as connection:
            _make_role(connection, role=settings.database_name, password=password)
            _make_tables(connection, role=settings.database_name, scripts=scripts)
    except psycopg.errors.InsufficientPrivilege as error:
        raise EdgeStoreRefused(
            f"The database user may not prepare the SIP edge ({error.diag.message_primary}); as an administrator run: "
            f"ALTER ROLE {psycopg.conninfo.conninfo_to_dict(settings.database_url).get('user')} CREATEROLE"
        ) from error
    return password


def prepare_spool(path: Path) -> None:
    """The SQLite file of undelivered events, in WAL mode (Kamailio fails now and then when it has to set that)."""
    with closing(sqlite3.connect(path)) as spool:
        spool.execute("PRAGMA journal_mode=wal")
        spool.execute(
            "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, "
            "spooled_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')))"
        )
        spool.commit()


def spooled_count(path: Path) -> int:
    """Events that wait for the service."""
    with closing(sqlite3.connect(path)) as spool:
        return int(spool.execute("SELECT count(*) FROM outbox").fetchone()[0])


def _password(path: Path) -> str:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(24))
    return path.read_text(encoding="ascii").strip()


def _make_role(connection: psycopg.Connection[tuple[object, ...]], *, role: str, password: str) -> None:
    name = sql.Identifier(role)
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, name, sql.Literal(password)))
    connection.execute(sql.SQL("ALTER ROLE {} SET search_path = {}").format(name, name))
    # A lost dialog row of the last instants costs a reconciliation; waiting for the disk would cost every call.
    connection.execute(sql.SQL("ALTER ROLE {} SET synchronous_commit = off").format(name))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(name, name))


def _make_tables(connection: psycopg.Connection[tuple[object, ...]], *, role: str, scripts: Path) -> None:
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(role)))
    for table in TABLES:
        mark = "version" if table == "standard" else {"usrloc": "location"}.get(table, table)
        if connection.execute("SELECT to_regclass(%s)", [f"{role}.{mark}"]).fetchone() == (None,):
            connection.execute((scripts / f"{table}-create.sql").read_bytes())
