"""The charging process under test: real processes on a real PostgreSQL, with the cast in its tables.

Acme pays ahead (50.00), Baltic pays later, Cirrus carries over two gateways. `world` is a database with them, `start`
starts processes on it; after each test the laws of the books are checked on the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.charging.cast import World
from tests.charging.process import Charging


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A database with the cast; the books are checked when the test is over."""
    with World(database_url) as found:
        yield found
        assert found.broken_laws() == {}


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., Charging]]:
    """Starts charging processes on the world's database; all are stopped after the test."""
    started: list[Charging] = []

    def make(**settings: Any) -> Charging:
        process = Charging(world.url, **settings)
        started.append(process)
        return process

    yield make
    for process in started:
        process.stop()


@pytest.fixture
def charging(start: Callable[..., Charging]) -> Charging:
    """One charging process."""
    return start()
