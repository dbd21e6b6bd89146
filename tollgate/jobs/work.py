"""`tollgate work`: does what the timetable says, when it says so."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from typing import Final

from tollgate.jobs.console import Commands, add_command, say
from tollgate.jobs.records import records

AT_ONCE: Final = 4


def register(commands: Commands) -> None:
    """Adds the command."""
    add_command(commands, "work", run=run, words="do the jobs of the timetable", machine=True)


def run(arguments: Namespace) -> int:
    """Makes sure of the CDR partitions at once, then works until it is told to stop."""
    with records():
        from procrastinate.contrib.django import app
        from procrastinate.contrib.django.django_connector import DjangoConnector

        from tollgate.jobs import ticks, timetable

        timetable.make_partitions(datetime.now(UTC).date())
        connector = app.connector
        assert isinstance(connector, DjangoConnector)
        with ticks.ticking(), app.replace_connector(connector.get_worker_connector()) as worker:
            say(arguments, "the jobs of the timetable are done from now on", working=True)
            worker.run_worker(concurrency=AT_ONCE)
    say(arguments, "stopped", stopped=True)
    return 0
