"""`tollgate demo` and `tollgate demo-reset`: a company to look at, with a month of calls behind it.

Records are made in `demo_records`, the calls that were dialed in `demo_traffic`, what became of them in `demo_history`,
what was billed and paid in `demo_invoices` and `demo_money`, what a carrier bills in `demo_reconciliation`.
"""

from __future__ import annotations

import os
from argparse import Namespace
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg import sql

from tollgate import environment
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.migrate import migrate
from tollgate.jobs.postgres import serving

DAYS: Final = 30
MOST_DAYS: Final = 90
COMPANY: Final = "Demo Telecom"
LOGINS_FILE: Final = "demo-logins.txt"


def register(commands: Commands) -> None:
    """Adds the commands."""
    demo = add_command(commands, "demo", run=run, words="fill an empty database with demo data", machine=True)
    reset = add_command(
        commands, "demo-reset", run=run_reset, words="throw everything away, load demo data", machine=True
    )
    reset.add_argument("--yes", action="store_true", help="also when the database holds more than demo data")
    for command in (demo, reset):
        words = f"days of calls behind us, 1 to {MOST_DAYS} (default: {DAYS})"
        command.add_argument("--days", type=int, default=DAYS, choices=range(1, MOST_DAYS + 1), metavar="N", help=words)


def run(arguments: Namespace) -> int:
    """Loads demo data into an empty database."""
    with serving(environment.data_folder()) as url:
        migrate(url)
        with psycopg.connect(url) as connection:
            if _accounts(connection):
                raise CommandFailed("there are accounts already: demo data goes into an empty database (demo-reset)")
        _load_and_tell(arguments, url)
    return 0


def run_reset(arguments: Namespace) -> int:
    """Empties the database of this installation and loads demo data anew."""
    with serving(environment.data_folder()) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            if set(_accounts(connection)) - {COMPANY} and not arguments.yes:
                raise CommandFailed("the database holds more than demo data; --yes throws it away all the same")
            _check_alone(connection)
            owner = connection.execute("SELECT current_user").fetchone()
            assert owner is not None
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute(sql.SQL("CREATE SCHEMA public AUTHORIZATION {}").format(sql.Identifier(owner[0])))
        migrate(url)
        _load_and_tell(arguments, url)
    return 0


def load(url: str, *, at: datetime | None = None, days: int = DAYS) -> dict[str, str]:
    """Fills the migrated, empty database behind `url`: all of it or nothing. Returns the passwords by login."""
    migrate(url)
    from django.db import connections, transaction

    from tollgate.actions.acts import EVERY_ACT, Actor, acting
    from tollgate.jobs import (
        demo_history,
        demo_invoices,
        demo_money,
        demo_reconciliation,
        demo_records,
        demo_snapshot,
        demo_traffic,
    )

    at = at or datetime.now(UTC)
    with transaction.atomic(), acting(Actor("demo", frozenset({EVERY_ACT}), "demo data")):
        made = demo_records.make_records(at)
        past = demo_history.Past(demo_snapshot.snapshot_of(made.account), demo_snapshot.purses_of(made.account))
        past.play(demo_traffic.attempts(at, days), at)
        demo_history.write(past, at)
        demo_money.sell_packages(made.account, made.customers, at)
        demo_invoices.make_invoices(made.account, made.customers, at)
        demo_money.make_money(made.account, made.customers, at)
        demo_reconciliation.make_statement(made.account, at)
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE")
    connections.close_all()
    _keep(made.logins)
    return made.logins


def _load_and_tell(arguments: Namespace, url: str) -> None:
    logins = load(url, days=arguments.days)
    lines = "\n".join(f"  {login:<20} {password}" for login, password in logins.items())
    say(arguments, f"demo data loaded\n{lines}", loaded=True, logins=logins)


def _accounts(connection: psycopg.Connection) -> list[str]:
    return [str(name) for (name,) in connection.execute("SELECT name FROM account")]


def _check_alone(connection: psycopg.Connection) -> None:
    """Running parts would go on with what is thrown away."""
    others = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ).fetchone()
    if others is not None and others[0]:
        raise CommandFailed(f"{others[0]} other sessions use the database: stop Tollgate first")


def _keep(logins: dict[str, str]) -> None:
    """Writes the passwords into the data folder, readable by its owner only."""
    path = environment.data_folder() / LOGINS_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{login:<20} {password}\n" for login, password in logins.items())
    aside.replace(path)
