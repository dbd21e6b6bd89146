"""How a command reaches the records: Django set up on the database of this installation, for as long as it is needed.

Commands import models and acts inside the block, because there is no Django before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tollgate import environment
from tollgate.jobs.console import CommandFailed
from tollgate.jobs.postgres import serving


@contextmanager
def records() -> Iterator[str]:
    """The address of the database, with models ready to be imported."""
    with serving(environment.data_folder()) as url:
        set_up(url)
        from django.db import OperationalError, ProgrammingError, connections

        from tollgate.store.lake_damage import DayUnreadable

        try:
            yield url
        except DayUnreadable as problem:
            raise CommandFailed(str(problem)) from None
        except OperationalError as problem:
            raise CommandFailed(f"the database does not answer: {problem}") from None
        except ProgrammingError as problem:
            raise CommandFailed(f"the database is not up to date, run `tollgate migrate`: {problem}") from None
        finally:
            connections.close_all()


def set_up(url: str) -> None:
    """Django on the database behind `url`."""
    environment.export("TOLLGATE_DATABASE_URL", url)
    environment.export("DJANGO_SETTINGS_MODULE", "tollgate.config.settings")
    import django

    django.setup()


def instant(text: str | None) -> datetime:
    """A moment as given on the command line; now when none was given."""
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandFailed(f"--at {text}: give a moment such as 2026-12-31T23:59:59Z") from None
