"""Migrating: complete, repeatable, and the same whether by the command or under test."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from pytest_django import DjangoAssertNumQueries

COMMAND = (sys.executable, "-m", "tollgate.jobs.command_line", "migrate", "--json")


def migrate(url: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on the database behind `url`."""
    return subprocess.run(
        COMMAND, check=False, env=os.environ | {"TOLLGATE_DATABASE_URL": url}, capture_output=True, text=True
    )


def test_a_second_migration_finds_nothing_to_do(database_url: str) -> None:
    done = migrate(database_url)
    assert (done.returncode, done.stdout) == (0, '{"applied": []}\n')


def test_two_hosts_that_migrate_at_once_take_turns(fresh_database: object) -> None:
    assert callable(fresh_database)
    url = fresh_database("template0")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(migrate, [url, url])
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert sorted([first.stdout, second.stdout])[1] == '{"applied": []}\n'


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
