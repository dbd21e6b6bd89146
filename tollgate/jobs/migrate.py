"""`tollgate migrate`: brings the database up to date.

What was applied is marked in the database with a print of the program that did it. So the next start of the same
program sees at once that nothing is missing, where Django takes seconds to say so.
"""

from __future__ import annotations

import hashlib
import io
import time
from argparse import Namespace
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

import tollgate
from tollgate import environment
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.postgres import serving

ONE_AT_A_TIME: Final = 0x7011_6A7E  # key of the advisory lock that migrations hold
ASKED_EVERY_S: Final = 0.5
OLDEST: Final = 150_000
PACKAGE: Final = Path(tollgate.__file__).parent
DECIDING: Final = ("store/migrations/*.py", "config/settings.py")
"""What decides which migrations there are, besides the packages installed."""


def register(commands: Commands) -> None:
    """Adds the command."""
    add_command(commands, "migrate", run=run, words="bring the database up to date", machine=True)


def run(arguments: Namespace) -> int:
    """Migrates the database of this installation."""
    with serving(environment.data_folder()) as url:
        applied = migrate(url)
    words = "\n".join(f"applied {name}" for name in applied) or "the database is up to date"
    say(arguments, words, applied=applied)
    return 0


def migrate(url: str) -> list[str]:
    """Applies what is missing to the database behind `url`; gives the names. Hosts that start at once take turns."""
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as problem:
        raise CommandFailed(f"the database does not answer: {problem}") from None
    with connection:
        if connection.info.server_version < OLDEST:
            raise CommandFailed(f"PostgreSQL {OLDEST // 10_000} or later is needed")
        _take_turn(connection)
        environment.export("TOLLGATE_DATABASE_URL", url)
        environment.export("TOLLGATE_STATEMENT_LIMIT_S", "0")
        environment.export("DJANGO_SETTINGS_MODULE", "tollgate.config.settings")
        applied = _apply()
        mark = sql.Literal(_mark(connection))
        with suppress(psycopg.errors.InsufficientPrivilege):  # who may not alter the tables is told the slow way
            connection.execute(sql.SQL("COMMENT ON TABLE django_migrations IS {}").format(mark))
        return applied


def _take_turn(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Waits for its turn by asking again. A question that waited in the server would hold a snapshot, and an index that
    is built while others write waits for every snapshot: both would wait for ever."""
    while connection.execute("SELECT pg_try_advisory_lock(%s)", [ONE_AT_A_TIME]).fetchone() != (True,):
        time.sleep(ASKED_EVERY_S)


def is_migrated(url: str) -> bool:
    """Whether this very program has brought the database behind `url` up to date; False when it cannot be told."""
    try:
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT obj_description(to_regclass('django_migrations'), 'pg_class')"
            ).fetchone()
            return found is not None and found[0] is not None and found[0] == _mark(connection)
    except psycopg.Error:
        return False


def _mark(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """What the database is marked with: how many migrations it knows, and the print of this program."""
    found = hashlib.sha256()
    for pattern in DECIDING:
        for path in sorted(PACKAGE.glob(pattern)):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    for package in sorted(f"{each.name} {each.version}\n" for each in distributions()):
        found.update(package.encode())
    count = connection.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert count is not None
    return f"{count[0]} migrations, complete by {found.hexdigest()[:24]}"


def _apply() -> list[str]:
    import django
    from django.core.management import call_command
    from django.db import connections
    from django.db.migrations.recorder import MigrationRecorder

    django.setup()
    recorder = MigrationRecorder(connections["default"])
    before = set(recorder.applied_migrations())
    call_command("migrate", interactive=False, verbosity=0, stdout=io.StringIO())
    call_command("createcachetable", verbosity=0)
    after = set(recorder.applied_migrations())
    connections.close_all()
    return [f"{app}.{name}" for app, name in sorted(after - before)]
