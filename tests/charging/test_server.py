"""A call over HTTP: decided, answered, ended, charged."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.charging.cast import EURO, World
from tests.charging.process import Charging, free_port, now
from tollgate.charging.server import App, _serve
from tollgate.charging.service import Service
from tollgate.charging.timers import Timers


def test_a_call_is_decided_answered_ended_and_charged_exactly(world: World, charging: Charging) -> None:
    decision = charging.authorize("c1")
    assert decision["allow"] is True
    assert decision["max_s"] == 61
    assert [route["carrier"] for route in decision["routes"]] == ["Cirrus", "Cirrus"]
    assert world.wallet("customer", world.acme)["held_micros"] == 61_000
    world.age(10)
    answered_at = now() - timedelta(seconds=9)
    charging.answered("c1", answered_at, route=0)
    ended = charging.ended("c1", answered_at + timedelta(seconds=7), answered_at, sip=200, released_by="caller")
    assert ended == {"cost": "0.007", "currency": "EUR", "already": False}
    cdr = world.cdr("c1")
    assert (cdr["state"], cdr["cost_micros"], cdr["carrier_cost_micros"], cdr["profit_micros"]) == (
        "charged",
        7_000,
        3_500,
        3_500,
    )
    wallet = world.wallet("customer", world.acme)
    assert (wallet["balance_micros"], wallet["held_micros"], wallet["channels"]) == (50 * EURO - 7_000, 0, 0)
    assert world.live() == []


def test_a_part_that_ends_by_itself_ends_the_process_so_that_it_is_started_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(_timers: Timers) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(Timers, "run", gone)
    heard: list[bool] = []
    serving = _serve(App(Service(world.url)), "127.0.0.1", free_port(), lambda: heard.append(True))
    assert asyncio.run(asyncio.wait_for(serving, 10)) == 1
    assert heard == [True]
    assert "timers has ended, so the process does" in caplog.text
