"""What every test may ask for: a real PostgreSQL, started when the first test needs it.

Rooms in `WITHOUT_DJANGO` are collected without Django; in all others Django is set up on the
embedded server before their modules are imported. Tests whose processes connect by themselves take
`database_url` (a database of their own); tests that kill the server take `durable_postgres`.
`--postgres 15` starts Debian's server of that version in place of the embedded one.
Where one of them is asked for, the tables are made before the first test, outside its time.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Final

import hypothesis
import psycopg
import pytest
from psycopg import sql

from tests import migrated, quick
from tollgate.jobs import postgres_programs
from tollgate.jobs.console import CommandFailed
from tollgate.jobs.postgres import Postgres

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

TESTS: Final = Path(__file__).parent
WITHOUT_DJANGO: Final = frozenset({"core", "switches", "charging", "house", "sip", "simulator", "test_environment.py"})
LONG: Final = ("slow", "browser")
TEMPLATE: Final = "migrated_template"

hypothesis.settings.register_profile("tollgate", deadline=None)  # no claim is about time, and machines are busy
hypothesis.settings.load_profile("tollgate")
_folder = quick.new_folder()
_server = Postgres(Path(_folder.name), durable=False)
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds our options."""
    parser.addoption("--postgres", metavar="MAJOR", help="run on Debian's PostgreSQL of this version, not our own")


def pytest_configure(config: pytest.Config) -> None:
    """Keeps every test away from the data of this machine's own installation; chooses the server."""
    if major := config.getoption("postgres"):
        programs = migrated.debian(major)
        postgres_programs.sources = lambda: iter([programs])
    for name in [name for name in os.environ if name.startswith("TOLLGATE_") and name != "TOLLGATE_RATING_CASES"]:
        del os.environ[name]
    os.environ["TOLLGATE_DATA"] = _folder.name


def pytest_collect_file(file_path: Path) -> None:
    """Sets Django up before the first module that may import models."""
    room = file_path.relative_to(TESTS).parts[0]
    if file_path.name.startswith("test_") and room not in WITHOUT_DJANGO:
        set_up_django()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On several processes (`-n 2 --dist loadgroup`), real calls stay on one, and the tests of a file together.

    They are handed out in this order (`--no-loadscope-reorder`): what takes long first, then the files with the most
    tests, so that in the end no process works alone for minutes.
    """
    groups = ["calls" if item.get_closest_marker("sip") else item.nodeid.partition("::")[0] for item in items]
    counts = Counter(groups)
    long = {group for group, item in zip(groups, items, strict=True) if any(map(item.get_closest_marker, LONG))}
    for group, item in zip(groups, items, strict=True):
        item.add_marker(pytest.mark.xdist_group(group))
    if hasattr(config, "workerinput"):
        places = {
            item: (group != "calls", group not in long, -counts[group])
            for group, item in zip(groups, items, strict=True)
        }
        items.sort(key=places.__getitem__)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Makes the tables, which may take longer than a test may: migrating is no test's own time.

    Where that fails, it is tried once more for the first test that asks, which tells why.
    """
    if not session.config.option.collectonly and any(map(needs_tables, session.items)):
        with suppress(AssertionError, CommandFailed, TimeoutExpired):
            make_template()


def needs_tables(item: pytest.Item) -> bool:
    """Whether a test asks for a migrated database, by its mark or by a fixture, however far behind."""
    asked = {"migrated_template", "durable_postgres"}.intersection(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


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


@functools.cache
def make_template() -> str:
    """The template of every migrated database, made once; gives its name."""
    _server.start()
    drop_database(TEMPLATE)
    create_database(TEMPLATE, template="template0")
    migrated.fill(_server.url_of(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server all tests share: quick, not durable."""
    return _server.start()


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres) -> str:
    """The name of a migrated database to copy from; nobody may stay connected to it."""
    return make_template()


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
def durable_postgres() -> Iterator[Postgres]:
    """A migrated server of this test's own that keeps every commit, to be killed and started again."""
    with quick.new_folder() as folder, Postgres(Path(folder)) as server:
        migrated.fill(server.url)
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
