"""The stand-in of all services that a gateway asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.payments.desk import Desk, desk


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Desk]:
    """The services' stand-in."""
    with desk() as found:
        yield found


@pytest.fixture
def house(stand_in: Desk, inside_allowed: None) -> Desk:
    """The same, which has heard nothing."""
    stand_in.answers.clear()
    stand_in.asked.clear()
    return stand_in
