"""`tollgate work`: does what the timetable says, when it says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from argparse import Namespace
from datetime import UTC, datetime
from threading import Timer
from typing import TYPE_CHECKING, Final

from tollgate.jobs.console import Commands, add_command, say
from tollgate.jobs.records import records

if TYPE_CHECKING:
    from procrastinate import App

AT_ONCE: Final = 4
END_WITHIN_S: Final = 50.0  # less than systemd is told to wait
log = logging.getLogger(__name__)


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
            asyncio.run(_work(worker))
    say(arguments, "stopped", stopped=True)
    return 0


async def _work(worker: App) -> None:
    """Does jobs until the process is told to end, then ends those in progress."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        timer = Timer(END_WITHIN_S, _give_up)
        timer.daemon = True
        timer.start()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        async with worker.open_async():
            await worker.run_worker_async(concurrency=AT_ONCE, install_signal_handlers=False)


def _give_up() -> None:
    """Ends at once: a database that is away would keep jobs waiting for their last word, and every job may be cut."""
    log.error("not all jobs ended within %g s; they are done again", END_WITHIN_S)
    os._exit(1)
