"""One installation with three days of demo data, loaded once; tests that change it say how they stay apart.

`oldest` is a server of another version.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests import migrated, quick
from tests.jobs.installation import OLDEST, Installation
from tollgate.jobs import postgres_programs
from tollgate.jobs.postgres import Postgres

DEMO_TEMPLATE = "demo_template"


@pytest.fixture(scope="session")
def demo_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the data key that the demo's secrets are sealed with."""
    return tmp_path_factory.mktemp("demo") / "data.key"


@pytest.fixture(scope="session")
def demo_template(postgres: Postgres, migrated_template: str, demo_key: Path) -> str:
    """The name of a database with demo data to copy from."""
    with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(DEMO_TEMPLATE), sql.Identifier(migrated_template)
            )
        )
    Installation(postgres.url_of(DEMO_TEMPLATE), demo_key.parent).ok("demo", "--days", "3")
    return DEMO_TEMPLATE


@pytest.fixture(scope="session")
def copy_demo(
    postgres: Postgres, demo_template: str, demo_key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Installation]]:
    """Makes copies of the demo that several tests share."""
    names: list[str] = []

    def copy(name: str) -> Installation:
        with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(demo_template)))
        names.append(name)
        folder = tmp_path_factory.mktemp(name)
        shutil.copy(demo_key, folder)
        return Installation(postgres.url_of(name), folder)

    yield copy
    with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def demo(copy_demo: Callable[[str], Installation]) -> Installation:
    """An installation with demo data that tests only read."""
    return copy_demo("demo_shared")


@pytest.fixture
def own_demo(
    fresh_database: Callable[[str], str], demo_template: str, demo_key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """An installation with demo data that belongs to one test."""
    folder = tmp_path_factory.mktemp("own-demo")
    shutil.copy(demo_key, folder)
    return Installation(fresh_database(demo_template), folder)


@pytest.fixture
def empty(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A migrated installation without any record."""
    return Installation(database_url, tmp_path_factory.mktemp("empty"))


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server of the oldest version that we promise to run on: Debian 12's own."""
    programs = migrated.debian(OLDEST)
    monkeypatch.setattr(postgres_programs, "sources", lambda: iter([programs]))
    with quick.new_folder() as folder, Postgres(Path(folder), durable=False) as server:
        yield server
