"""Migrating: complete, repeatable, the same whether by the command or under test, also on the oldest server."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from typing import Final

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from tests import migrated
from tests.jobs.installation import OLDEST, ROOT
from tollgate.jobs import run
from tollgate.jobs.migrate import is_migrated
from tollgate.jobs.postgres import Postgres

ON_THE_OLDEST: Final = (
    "tests/house/test_sql.py::test_every_statement_fits_the_migrated_tables",
    "tests/charging/test_server.py::test_a_call_is_decided_answered_ended_and_charged_exactly",
    "tests/charging/test_desk.py::test_killing_postgres_in_mid_call_loses_and_doubles_nothing",
    "tests/store/test_lake.py::test_a_correction_is_seen_at_once_and_written_as_the_next_version_that_night",
    "tests/store/test_lake.py::test_a_day_leaves_the_database_when_it_is_billed_and_the_lake_when_its_days_are_over",
    "tests/store/test_summaries.py::test_hours_that_differ_are_found_and_made_anew",
    "tests/actions/test_recalculations.py::test_calls_come_to_the_price_in_force_and_back_again",
    "tests/actions/test_invoices.py::test_a_draft_becomes_an_invoice_and_notes_take_it_back_whole",
    "tests/jobs/test_doctor.py::test_expressions_of_routes_that_match_nothing_any_more_are_found",
    "tests/jobs/test_migrate.py::test_a_second_migration_finds_nothing_to_do",
)


class Nameless:
    """What a broken removal leaves of a package."""

    name = version = None


COMMAND = (sys.executable, "-m", "tollgate.jobs.command_line", "migrate", "--json")


def migrate(url: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on the database behind `url`."""
    return subprocess.run(
        COMMAND, check=False, env=os.environ | {"TOLLGATE_DATABASE_URL": url}, capture_output=True, text=True
    )


def test_a_second_migration_finds_nothing_to_do(database_url: str) -> None:
    done = migrate(database_url)
    assert (done.returncode, done.stdout) == (0, '{"applied": []}\n')


def test_a_start_sees_that_the_same_program_has_migrated_and_that_another_has_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate(database_url).returncode == 0
    assert is_migrated(database_url)
    with monkeypatch.context() as patch:
        patch.setattr(run, "migrate", pytest.fail)
        run.prepare(Namespace(no_demo=True), database_url)
    with monkeypatch.context() as patch:
        patch.setattr("tollgate.jobs.migrate.DECIDING", ())
        assert not is_migrated(database_url), "by a program with other migrations"
    with monkeypatch.context() as patch:
        known = [*distributions(), Nameless()]
        patch.setattr("tollgate.jobs.migrate.distributions", lambda: known)
        assert not is_migrated(database_url), "with other packages, one of them half removed"
    with psycopg.connect(database_url) as own:
        own.execute("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)")
    assert not is_migrated(database_url), "one was taken back"
    assert not is_migrated("postgresql://nobody@127.0.0.1:9/nothing"), "nobody knows"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hosts_that_migrate_at_once_take_turns_on_the_oldest_server_too(oldest: Postgres) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(migrate, [oldest.url, oldest.url])
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert sorted([first.stdout, second.stdout])[1] == '{"applied": []}\n'
    with psycopg.connect(oldest.url) as own:
        assert own.info.server_version // 10_000 == int(OLDEST)
    migrated.keep(oldest.url)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_calls_books_lake_and_invoices_hold_on_the_oldest_server_too() -> None:
    """Tests of every kind once more, in a process of their own whose server is of that version."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--postgres", OLDEST, *ON_THE_OLDEST],
        check=False,
        cwd=ROOT,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TOLLGATE_", "DJANGO_", "PYTEST_"))
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout, done.stdout


def test_a_database_that_does_not_answer_is_named_and_fails() -> None:
    done = migrate("postgresql://nobody@127.0.0.1:9/nothing")
    assert done.returncode == 1
    assert "the database does not answer" in done.stderr


def test_a_database_of_its_own_is_migrated(database_url: str) -> None:
    with psycopg.connect(database_url) as own:
        assert own.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


@pytest.mark.django_db
def test_the_models_meet_the_migrated_tables(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert not get_user_model().objects.exists()
    assert connection.settings_dict["NAME"].startswith("test_")
