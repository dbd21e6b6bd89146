"""Free minutes in the charging process: shared by processes to the second, split, and safe when one dies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.charging.cast import EURO, World
from tests.charging.process import Charging, now
from tests.charging.test_desk import until


def bundle(world: World, seconds: int, prefix: str = "1") -> int:
    """Free minutes that Acme has paid for; gives the bundle."""
    package = world.insert("package", account_id=world.account, name=f"{seconds} s", currency="EUR", frequency="none")
    held = world.insert("customer_package", customer_id=world.acme, package_id=package, starts_on="2026-01-01")
    found = world.insert(
        "bundle", account_id=world.account, customer_id=world.acme, customer_package_id=held, name=f"{seconds} s",
        from_on="2026-01-01", starts_at=datetime(2026, 1, 1, tzinfo=UTC), prefixes=[prefix], granted_s=seconds,
    )  # fmt: skip
    wallet = world.wallet("bundle", found)["id"]
    world.run(
        "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency)"
        " VALUES (%s, now(), %s, 'minutes', 'package', %s, 'SEC')",
        world.account,
        wallet,
        seconds * EURO,
    )
    world.run("UPDATE wallet SET balance_micros = %s WHERE id = %s", seconds * EURO, wallet)
    return found


def test_calls_on_several_processes_share_a_bundle_and_no_second_is_given_twice(
    world: World, start: Callable[..., Charging]
) -> None:
    processes = [start(), start()]
    found = bundle(world, 130)
    processes[0].authorize("first")  # heard of the bundle, or paid: both may be
    until(lambda: _holds_minutes(processes[0], world, "first"))

    def talk(number: int) -> int:
        edge = processes[number % 2]
        edge.authorize(f"c{number}")
        at = now()
        edge.answered(f"c{number}", at, route=0)
        cost = edge.ended(f"c{number}", at + timedelta(seconds=4), at)["cost"]
        assert edge.ended(f"c{number}", at + timedelta(seconds=4), at)["cost"] == cost
        return int(float(cost) * EURO)

    with ThreadPoolExecutor(8) as threads:
        costs = list(threads.map(talk, range(24)))
    free_s = 24 * 4 - sum(costs) // 1000
    assert world.wallet("bundle", found)["balance_micros"] == (130 - free_s) * EURO
    for live in world.live():
        processes[0].ended(live["edge_call_id"], now(), sip=487)
    assert world.wallet("bundle", found)["held_micros"] == 0


def _holds_minutes(charging: Charging, world: World, call_id: str) -> bool:
    """Whether the process knows of the bundle by now; a call that pays is ended and asked for anew."""
    if any(len(live["held_micros"]) == 2 for live in world.live()):
        return True
    for live in world.live():
        charging.ended(live["edge_call_id"], now(), sip=487)
    charging.authorize(f"{call_id} {now().timestamp()}")
    return False


def test_a_call_is_split_where_its_bundle_ends_and_a_killed_process_or_a_lost_call_gives_seconds_back(
    world: World, start: Callable[..., Charging]
) -> None:
    found = bundle(world, 63)
    charging = start()
    charging.authorize("killed")
    charging.authorize("split")
    assert [live["held_micros"][1] for live in world.live()] == [60 * EURO, 3 * EURO]
    at = now()
    charging.answered("split", at, route=0)
    charging.kill()
    charging.start()
    assert charging.ended("split", at + timedelta(seconds=5), at)["cost"] == "0.002"
    detail = world.cdr("split")["detail"]["minutes"]
    assert [(row["bundle"], row["held_s"], row["used_s"]) for row in detail] == [(found, 3, 3)]
    assert world.cdr("split")["billed_s"] == 5
    world.age(20)
    for _ in range(2):
        charging.post("/v1/sync", live=[])
    assert (world.cdr("killed")["state"], world.live()) == ("unresolved", [])
    assert (world.cdr("killed")["cost_micros"], world.wallet("bundle", found)["balance_micros"]) == (0, 60 * EURO)
    charging.authorize("elsewhere", cld="442079460001")
    assert len(world.live()[0]["held_micros"]) == 1
    charging.ended("elsewhere", now(), sip=487)
