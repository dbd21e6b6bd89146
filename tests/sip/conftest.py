"""Fixtures for tests that speak SIP: `start_edge` gives started edges, `edge_database` a database for edges alone,
`rig` an edge with an instant service, `scene` the whole path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.sip.fake_service import FakeService
from tests.sip.harness import SipEdge, free_block
from tests.sip.rig import BUSY, CIRRUS, HANGING_UP, REFUSING, RINGING, Rig
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


@pytest.fixture(scope="module")
def rig(start_edge: StartEdge, edge_database: str) -> Iterator[Rig]:
    """One edge with an instant service, shared by the tests of one file; `plan` says what it decides."""
    block = free_block()
    service = FakeService(f"{block}.9").start()
    service.passwords = {"carla": "s3cret", "dan": "dan-pw", "desk": "desk-pw"}
    edge = start_edge(block=block, database_url=edge_database, service_url=service.url)
    rig = Rig(edge, service)
    service.decide = rig.decide
    kinds = {CIRRUS: "answer", REFUSING: "refuse503", BUSY: "busy", RINGING: "ring", HANGING_UP: "hang_up"}
    rig.carriers = {last: edge.carrier(edge.address(last), kind) for last, kind in kinds.items()}
    yield rig
    for party in rig.parties:
        party.close()
    assert edge.errors() == []
    service.stop()
