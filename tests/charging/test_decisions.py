"""What messages do to calls and money, whatever their order and number."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random

import pytest

from tests.charging.cast import ACME_IP, BALTIC_IP, EURO, World
from tests.charging.process import Charging, now
from tollgate.charging import decisions


def test_a_repeated_authorize_gets_the_first_answer_and_holds_once(world: World, charging: Charging) -> None:
    first = charging.authorize("c1")
    assert charging.authorize("c1") == first
    wallet = world.wallet("customer", world.acme)
    assert (wallet["channels"], wallet["held_micros"]) == (1, 61_000)
    at = now()
    charging.answered("c1", at, route=0)
    charging.ended("c1", at + timedelta(seconds=2), at)
    used = charging.authorize("c1")
    assert (used["allow"], used["refusal"], used["sip"]) == (False, "call_id_in_use", 482)
    assert charging.authorize("c1") == used
    assert world.live() == []


def test_a_repeated_refusal_is_the_first_refusal_even_when_the_reason_is_gone(world: World, charging: Charging) -> None:
    world.run("UPDATE wallet SET channels_max = 1 WHERE kind = 'customer' AND owner_id = %s", world.acme)
    charging.authorize("c1")
    refused = charging.authorize("c2")
    assert (refused["refusal"], refused["sip"]) == ("channels_customer", 503)
    charging.ended("c1", now(), sip=487)
    assert charging.authorize("c2") == refused
    assert charging.authorize("c3")["allow"] is True
    charging.ended("c3", now(), sip=487)


def test_a_repeated_end_costs_nothing_more(world: World, charging: Charging) -> None:
    charging.authorize("c1")
    at = now()
    charging.answered("c1", at, route=0)
    first = charging.ended("c1", at + timedelta(seconds=4), at)
    again = charging.ended("c1", at + timedelta(seconds=5), at)
    assert again == first | {"already": True}
    assert len(world.cdrs()) == 1


def test_an_end_before_the_answer_settles_and_the_answer_changes_nothing(world: World, charging: Charging) -> None:
    charging.authorize("c1")
    world.age(10)
    at = now() - timedelta(seconds=8)
    assert charging.ended("c1", at + timedelta(seconds=6), at)["cost"] == "0.006"
    charging.answered("c1", at, route=0)
    assert world.live() == []
    assert world.cdr("c1")["duration_ms"] == 6000


def test_messages_in_any_order_and_number_move_the_same_money(world: World, charging: Charging) -> None:
    random = Random(2026)
    costs = 0
    for number in range(25):
        call_id, seconds = f"c{number}", random.randint(0, 4)
        charging.authorize(call_id)
        at = now()
        end = partial(charging.ended, call_id, at + timedelta(seconds=seconds), at)
        messages: list[Callable[[], object]] = [end] * random.randint(1, 3)
        messages += [partial(charging.answered, call_id, at, route=0)] * random.randint(0, 3)
        messages += [partial(charging.authorize, call_id)] * random.randint(0, 2)
        random.shuffle(messages)
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda message: message(), messages))
        costs += 1000 * max(seconds, 1)
    assert world.live() == []
    assert sum(cdr["state"] == "charged" for cdr in world.cdrs()) == 25
    assert world.wallet("customer", world.acme)["balance_micros"] == 50 * EURO - costs


def test_200_parallel_calls_on_money_for_few_never_overspend(world: World, charging: Charging) -> None:
    world.run("UPDATE customer SET debit_limit_micros = 10000 WHERE id = %s", world.baltic)
    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(lambda n: charging.authorize(f"c{n}", ip=BALTIC_IP), range(200)))
    allowed = [number for number, answer in enumerate(answers) if answer["allow"]]
    wallet = world.wallet("customer", world.baltic)
    assert 0 < len(allowed) <= 10
    assert wallet["balance_micros"] + wallet["limit_micros"] - wallet["held_micros"] >= 0
    assert {answer["refusal"] for answer in answers if not answer["allow"]} == {"credit"}
    for number in allowed:
        at = now()
        granted = answers[number]["max_s"]
        world.age(granted)
        charging.ended(f"c{number}", at, at - timedelta(seconds=granted))
    wallet = world.wallet("customer", world.baltic)
    assert wallet["balance_micros"] >= -10_000
    assert wallet["held_micros"] == 0
    kinds = {entry["kind"] for entry in world.all("SELECT kind FROM entry WHERE call_id IS NOT NULL")}
    assert "call" in kinds
    assert "overrun" not in kinds, "a call cost more than was held for it"


def test_two_switches_may_use_the_same_call_id(world: World, start: Callable[..., Charging]) -> None:
    one = start(edge="sw1")
    one.authorize("same")
    one.edge = "sw2"
    one.authorize("same")
    assert len(world.live()) == 2
    one.ended("same", now(), sip=487)
    assert [call["edge"] for call in world.live()] == ["sw1"]
    one.edge = "sw1"
    one.ended("same", now(), sip=487)


def test_a_refusal_writes_a_record_that_says_why(world: World, charging: Charging) -> None:
    unknown = charging.authorize("c1", ip="192.0.2.1")
    assert (unknown["refusal"], unknown["sip"], unknown["q850"]) == ("ip_unknown", 401, 21)
    invalid = charging.authorize("c2", cld="bob@home")
    assert (invalid["refusal"], invalid["sip"]) == ("number_invalid", 484)
    first, second = world.cdr("c1"), world.cdr("c2")
    assert (first["state"], first["refusal"], first["customer_id"]) == ("refused", "ip_unknown", None)
    assert str(first["source_ip"]) == "192.0.2.1"
    assert first["detail"]["gates"][-1]["ok"] is False
    assert (second["refusal"], second["customer_id"]) == ("number_invalid", world.acme)
    assert str(second["source_ip"]) == ACME_IP


def test_a_route_that_failed_gives_its_channel_to_the_next(world: World, charging: Charging) -> None:
    world.run("UPDATE gateway SET channels = 5")
    time.sleep(0.5)
    decision = charging.authorize("c1")
    assert len(decision["routes"]) == 2
    gateways = (
        "SELECT host, wallet.channels FROM wallet JOIN gateway ON gateway.id = owner_id WHERE wallet.kind = 'gateway'"
    )
    first, second = (route["gateway"].split(":")[1] for route in decision["routes"])
    assert {row["host"]: row["channels"] for row in world.all(gateways)} == {first: 1, second: 0}
    at = now()
    charging.answered("c1", at, route=1)
    assert {row["host"]: row["channels"] for row in world.all(gateways)} == {first: 0, second: 1}
    charging.ended("c1", at + timedelta(seconds=1), at, attempts=[{"route": 0, "sip": 503, "pdd_ms": 20}])
    cdr = world.cdr("c1")
    assert [tried["sip"] for tried in cdr["detail"]["attempts"]] == [503]
    assert cdr["gateway_id"] == world.one("SELECT id FROM gateway WHERE host = %s", second)["id"]


def test_a_switch_that_carries_a_refused_call_is_told_of_loudly(caplog: pytest.LogCaptureFixture) -> None:
    refused, charged = ({"state": state, "refusal": "credit", "id": 5} for state in ("refused", "charged"))
    for past, talked in ((refused, False), (charged, True), (None, True)):
        decisions._tell_carried(past, talked=talked)  # type: ignore[arg-type]  # a row reads like a dict
    assert not caplog.text
    decisions._tell_carried(refused, talked=True)  # type: ignore[arg-type]
    assert "ALARM" in caplog.text
    assert "credit" in caplog.text
