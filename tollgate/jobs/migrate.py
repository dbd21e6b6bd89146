"""`tollgate migrate`: brings the database up to date."""

from __future__ import annotations

import io
from argparse import Namespace
from typing import Final

import psycopg

from tollgate import environment
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.postgres import serving

ONE_AT_A_TIME: Final = 0x7011_6A7E  # key of the advisory lock that migrations hold
OLDEST: Final = 150_000


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
        connection.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        environment.export("TOLLGATE_DATABASE_URL", url)
        environment.export("TOLLGATE_STATEMENT_LIMIT_S", "0")
        environment.export("DJANGO_SETTINGS_MODULE", "tollgate.config.settings")
        return _apply()


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
