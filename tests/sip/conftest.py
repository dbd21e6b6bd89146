"""Fixtures for tests that speak SIP: `start_edge` gives started edges, `edge_database` a database for edges alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.sip.harness import SipEdge
from tests.sip.scene import Scene, require_programs, whole_path
from tollgate.jobs.postgres import Postgres

StartEdge = Callable[..., SipEdge]


@pytest.fixture(scope="session")
def sip_programs() -> None:
    """Kamailio, rtpengine and SIPp."""
    require_programs()


@pytest.fixture(scope="session")
def edge_database(postgres: Postgres) -> str:
    """An empty database for edges whose service is not the real one."""
    with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as link:
        link.execute("DROP DATABASE IF EXISTS edge_alone WITH (FORCE)")
        link.execute("CREATE DATABASE edge_alone")
    return postgres.url_of("edge_alone")


@pytest.fixture(scope="module")
def start_edge(sip_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartEdge]:
    """`start_edge(database_url=..., service_url=..., **settings)`: a started edge, stopped after the module."""
    started: list[SipEdge] = []

    def start(**settings: object) -> SipEdge:
        folder: Path = tmp_path_factory.mktemp("edge")
        edge = SipEdge(folder, **settings)  # type: ignore[arg-type]
        started.append(edge)
        return edge.start()

    yield start
    for edge in started:
        edge.stop()


@pytest.fixture(scope="module")
def scene(
    sip_programs: None, postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The whole path, shared by the tests of one file; each takes customers of its own."""
    with whole_path(postgres, template=migrated_template, folder=tmp_path_factory.mktemp("scene")) as whole:
        yield whole
