"""What every test may ask for: a real PostgreSQL, started when the first test needs it.

Rooms in `WITHOUT_DJANGO` are collected without Django; in all others Django is set up on the
embedded server before their modules are imported. Tests whose processes connect by themselves take
`database_url` (a database of their own); tests that kill the server take `durable_postgres`.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from psycopg import sql

from tests import migrated
from tollgate.jobs.postgres import Postgres

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

TESTS: Final = Path(__file__).parent
WITHOUT_DJANGO: Final = frozenset({"core", "switches", "charging", "house", "sip", "simulator", "test_environment.py"})
TEMPLATE: Final = "migrated_template"
KEPT: Final = Path(".pytest_cache", "d", "migrated")

_folder = tempfile.TemporaryDirectory(prefix="tollgate-tests-")
_server = Postgres(Path(_folder.name), durable=False)
_numbers = itertools.count(1)


def pytest_configure() -> None:
    """Keeps every test away from the data of this machine's own installation."""
    for name in [name for name in os.environ if name.startswith("TOLLGATE_") and name != "TOLLGATE_RATING_CASES"]:
        del os.environ[name]
    os.environ["TOLLGATE_DATA"] = _folder.name


def pytest_collect_file(file_path: Path) -> None:
    """Sets Django up before the first module that may import models."""
    room = file_path.relative_to(TESTS).parts[0]
    if file_path.name.startswith("test_") and room not in WITHOUT_DJANGO:
        set_up_django()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On several processes (`-n 2 --dist loadgroup`), real calls stay on one, and the tests of a file together."""
    for item in items:
        group = "calls" if item.get_closest_marker("sip") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_unconfigure() -> None:
    """Stops the server when the last test has ended."""
    _server.stop()
    _folder.cleanup()


def set_up_django() -> None:
    """Django on the embedded server; other settings already chosen stay."""
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        return
    os.environ["TOLLGATE_DATABASE_URL"] = _server.start().url
    os.environ["DJANGO_SETTINGS_MODULE"] = "tollgate.config.settings"
    import django

    django.setup()


def migrate(url: str) -> None:
    """Brings the database behind `url` up to date, by the command that operators use."""
    command = [sys.executable, "-m", "tollgate.jobs.command_line", "migrate"]
    done = subprocess.run(
        command,
        check=False,
        env=os.environ | {"TOLLGATE_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def create_database(name: str, *, template: str) -> str:
    """Copies a database within the test server and returns the address of the copy."""
    with closing(psycopg.connect(_server.url_of("postgres"), autocommit=True)) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return _server.url_of(name)


def drop_database(name: str) -> None:
    """Removes a database and whoever is still connected to it."""
    with closing(psycopg.connect(_server.url_of("postgres"), autocommit=True)) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server all tests share: quick, not durable."""
    return _server.start()


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres, pytestconfig: pytest.Config) -> str:
    """The name of a migrated database to copy from; nobody may stay connected to it."""
    create_database(TEMPLATE, template="template0")
    migrated.fill(postgres.url_of(TEMPLATE), pytestconfig.rootpath / KEPT, migrate)
    return TEMPLATE


@pytest.fixture
def fresh_database(postgres: Postgres) -> Iterator[Callable[[str], str]]:
    """Makes databases from a template and drops them after the test; gives their addresses."""
    made: list[str] = []

    def make(template: str) -> str:
        name = f"test_{next(_numbers)}"
        url = create_database(name, template=template)
        made.append(name)
        return url

    yield make
    for name in made:
        drop_database(name)


@pytest.fixture
def database_url(fresh_database: Callable[[str], str], migrated_template: str) -> str:
    """The address of a migrated database that only this test and the processes it starts use."""
    return fresh_database(migrated_template)


@pytest.fixture
def durable_postgres(pytestconfig: pytest.Config) -> Iterator[Postgres]:
    """A migrated server of this test's own that keeps every commit, to be killed and started again."""
    with tempfile.TemporaryDirectory(prefix="tollgate-durable-") as folder, Postgres(Path(folder)) as server:
        migrated.fill(server.url, pytestconfig.rootpath / KEPT, migrate)
        yield server


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, migrated_template: str
) -> Iterator[None]:
    """Gives Django a copy of the migrated template, and a new copy after each test that commits.

    Emptying the tables, as Django would, is not possible: entries and CDRs refuse it.
    """
    from django.db import connections
    from django.test import TransactionTestCase

    name = f"test_{next(_numbers)}"

    def renew(_: object = None) -> None:
        connections.close_all()
        drop_database(name)
        create_database(name, template=migrated_template)

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        connections.close_all()
        create_database(name, template=migrated_template)
        patch.setitem(connections["default"].settings_dict, "NAME", name)
        patch.setattr(TransactionTestCase, "_fixture_teardown", renew)
        yield
        connections.close_all()
        drop_database(name)
