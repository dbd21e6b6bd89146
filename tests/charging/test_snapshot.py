"""A saved change is obeyed by the next call, within a second."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from asyncpg.transaction import Transaction

from tests.charging.cast import ACME_IP, NUMBER, World, prices
from tests.charging.process import Charging, now
from tests.charging.test_desk import soon, until
from tests.charging.test_reconcile import in_process
from tollgate.charging import desk, snapshot
from tollgate.charging.clis import rules_of
from tollgate.charging.doors import Asked, healthz
from tollgate.charging.listener import Answer
from tollgate.charging.records import TABLES
from tollgate.charging.service import Service
from tollgate.core.cli_rules import CliRule
from tollgate.core.snapshot import OBEYED
from tollgate.store.sql import load

calls = count()


def refusal(charging: Charging, cld: str = "14155550100") -> str | None:
    """What one more call is told; allowed ones end at once."""
    call_id = f"s{next(calls)}"
    answer = charging.authorize(call_id, cld=cld)
    if not answer["allow"]:
        return str(answer["refusal"])
    charging.ended(call_id, now(), sip=487)
    return None


def obeyed(charging: Charging, wanted: str | None, cld: str = "14155550100") -> float:
    """The next calls come to be told so; after how many seconds. A busy machine may keep one of many waiting."""
    began = time.monotonic()
    until(lambda: refusal(charging, cld) == wanted)
    return time.monotonic() - began


CHANGES = {
    "status_penalty": ("UPDATE customer SET status = 'penalty'", "UPDATE customer SET status = 'active'"),
    "customer_expired": (
        "UPDATE customer SET expires_at = now() - interval '1 s'",
        "UPDATE customer SET expires_at = NULL",
    ),
    "credit": ("UPDATE customer SET debit_limit_micros = -50000000", "UPDATE customer SET debit_limit_micros = 0"),
    "daily_spend": (
        "UPDATE customer SET daily_spend_limit_micros = 100",
        "UPDATE customer SET daily_spend_limit_micros = NULL",
    ),
    "email_unverified": (
        "UPDATE customer SET email_verification = true",
        "UPDATE customer SET email_verification = false",
    ),
    "time_restricted": (
        "UPDATE customer SET hours = jsonb_build_object('zone', 'UTC', 'holidays', jsonb_build_array(CURRENT_DATE))",
        "UPDATE customer SET hours = NULL",
    ),
    "account_paused": ("UPDATE account SET status = 'paused'", "UPDATE account SET status = 'active'"),
    "ip_unknown": ("UPDATE endpoint SET enabled = false", "UPDATE endpoint SET enabled = true"),
    "no_ingress_route": ("UPDATE ingress_route SET enabled = false", "UPDATE ingress_route SET enabled = true"),
    "rate_capped": (
        "UPDATE ingress_route SET capped_price_nanos = 1",
        "UPDATE ingress_route SET capped_price_nanos = NULL",
    ),
    "channels_customer": ("UPDATE account SET channels = 1", "UPDATE account SET channels = 0"),
}
"""What a change leads to, and how it is taken back."""

BUYING = [
    ("UPDATE carrier SET status = 'inactive'", "UPDATE carrier SET status = 'active'"),
    ("UPDATE gateway SET enabled = false", "UPDATE gateway SET enabled = true"),
    ("UPDATE route_option SET excluded = true", "UPDATE route_option SET excluded = false"),
    ("DELETE FROM route_option", ""),
]


def test_a_change_of_a_record_is_obeyed_within_a_second_and_so_is_its_undoing(world: World, charging: Charging) -> None:
    world.run("UPDATE customer SET debit_limit_micros = 0")
    charging.authorize("holds a channel")
    took_s = []
    for wanted, (change, undo) in CHANGES.items():
        world.run(change)
        took_s.append(obeyed(charging, wanted))
        world.run(undo)
        took_s.append(obeyed(charging, None))
    assert statistics.median(took_s) < 1
    world.run("UPDATE endpoint SET sends_calls = false")
    obeyed(charging, "ip_unknown")
    world.run("UPDATE endpoint SET sends_calls = true")
    obeyed(charging, None)
    for change, undo in BUYING:
        world.run(change)
        obeyed(charging, "no_carrier")
        if undo:
            world.run(undo)
            obeyed(charging, None)
    world.run("UPDATE customer SET deleted_at = now()")
    obeyed(charging, "ip_unknown")
    charging.ended("holds a channel", now(), sip=487)


def test_a_process_tells_which_change_it_obeys_until_it_ends(world: World, charging: Charging) -> None:
    told = "SELECT change_id, obeyed_at FROM charging_process"
    world.run("UPDATE customer SET channels = 7 WHERE name = 'Acme'")
    newest = world.one("SELECT max(id) AS id FROM audit")["id"]
    until(lambda: world.one(told)["change_id"] == newest)
    found = world.one(told)
    world.run(
        "INSERT INTO audit (actor, act, reason, table_name, row_id, verb) VALUES ('', '', '', 'contact', 1, 'LOGIN')"
    )
    world.run("NOTIFY changed, 'customer:1'")
    time.sleep(0.3)
    assert world.one(told) == found, "what no call obeys is no change"
    charging.stop()
    assert world.all(told) == []
    assert set(OBEYED) == {*TABLES, "revision"}


def test_no_change_is_said_to_be_obeyed_before_its_notice_has_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Transaction.start
    told: list[tuple[int, int, int]] = []

    async def story() -> None:
        keeper = snapshot.SnapshotKeeper(world.url)
        await keeper.start()
        obey, first = keeper._obey, asyncio.Event()

        async def another_first(transaction: Transaction) -> None:
            if not told:  # what was noted is in hand: this one's notice waits until the reading is over
                world.run("UPDATE account SET slice_s = 7")
            await start(transaction)

        async def noted(change_id: int) -> None:
            found = next(one for one in keeper.by_account.values() if one.customers)
            told.append((change_id, found.slice_s, next(iter(found.customers.values())).max_duration_s))
            await obey(change_id)
            first.set()

        monkeypatch.setattr(Transaction, "start", another_first)
        monkeypatch.setattr(keeper, "_obey", noted)
        world.run("UPDATE customer SET max_duration_s = 77")
        async with asyncio.timeout(10):
            await first.wait()
        await keeper.stop()

    asyncio.run(story())
    newest = world.one("SELECT max(id) AS id FROM audit WHERE table_name = 'account'")["id"]
    assert told[0] == (newest, 7, 77)


def test_a_process_that_ends_as_it_begins_to_read_is_forgotten_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "SELECT name FROM charging_process"
    start = Transaction.start

    async def story() -> None:
        begun = asyncio.Event()

        async def unanswered(transaction: Transaction) -> None:
            await start(transaction)  # the database has begun it, its answer is still on the way
            begun.set()
            await asyncio.Event().wait()

        keeper = snapshot.SnapshotKeeper(world.url)
        await keeper.start()
        assert len(world.all(told)) == 1
        monkeypatch.setattr(Transaction, "start", unanswered)
        world.run("UPDATE account SET slice_s = 7")
        await asyncio.wait_for(begun.wait(), 10)
        await keeper.stop()

    asyncio.run(story())
    assert world.all(told) == []


def test_it_ends_though_the_database_ends_its_connection_at_that_very_moment(world: World) -> None:
    async def story(turns: int) -> None:
        keeper = snapshot.SnapshotKeeper(world.url)
        await keeper.start()
        await asyncio.sleep(0)
        assert keeper._connection is not None
        keeper._connection.terminate()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await keeper.stop()

    for turns in range(6):
        asyncio.run(story(turns))


def test_a_contact_that_verifies_opens_the_customer(world: World, charging: Charging) -> None:
    world.run("UPDATE customer SET email_verification = true")
    obeyed(charging, "email_unverified")
    contact = world.insert("contact", customer_id=world.acme, email="carla@acme.example")
    world.run("UPDATE contact SET email_verified_at = now() WHERE id = %s", contact)
    obeyed(charging, None)
    world.run("DELETE FROM contact WHERE id = %s", contact)
    obeyed(charging, "email_unverified")


def test_a_published_revision_prices_the_next_call_and_not_the_running_one(world: World, charging: Charging) -> None:
    charging.authorize("before")
    world.publish(world.sold, prices({"1": 120}))
    assert refusal(charging) is None
    newest = "SELECT price_nanos FROM cdr ORDER BY id DESC LIMIT 1"
    until(lambda: refusal(charging) is None and world.one(newest)["price_nanos"] == 120_000_000)
    world.age(20)
    at = now() - timedelta(seconds=15)
    charging.answered("before", at, route=0)
    assert charging.ended("before", at + timedelta(seconds=10), at)["cost"] == "0.01"


def test_a_revision_of_tomorrow_waits(world: World, charging: Charging) -> None:
    tomorrow = now() + timedelta(seconds=4)
    revision = world.insert("revision", card_id=world.sold, number=2, effective_at=tomorrow, rate_count=1, note="")
    world.insert("rate", revision_id=revision, prefix="1", blocked=True)
    world.run("UPDATE revision SET published_at = now() WHERE id = %s", revision)
    newest = world.one("SELECT max(id) AS id FROM audit")["id"]
    until(lambda: world.one("SELECT change_id FROM charging_process")["change_id"] >= newest)
    before = refusal(charging)
    assert before is None or now() >= tomorrow
    until(lambda: refusal(charging) == "destination_type")
    assert now() >= tomorrow


def test_a_bad_record_parks_its_own_calls_only(world: World, start: Callable[..., Charging]) -> None:
    world.run("UPDATE customer SET hours = '{\"zone\": \"Moon/Base\"}' WHERE name = 'Baltic'")
    charging = start()
    assert refusal(charging) is None
    assert charging.authorize("b1", ip="198.51.100.8")["refusal"] == "ip_unknown"


def test_a_cli_rule_is_read_once_for_as_long_as_its_row_says_the_same(world: World) -> None:
    first = world.insert("cli_rule", account_id=world.account, cli="^44", position=1, customer_id=world.acme)
    world.insert("cli_rule", account_id=world.account, cli="^49", position=2, customer_id=world.acme)

    async def read() -> tuple[CliRule, ...]:
        connection = await asyncpg.connect(world.url)
        rows = await connection.fetch(load("charging_snapshot")["cli_rules"], None)
        await connection.close()
        return rules_of(rows, {}).of(world.acme, (), world.account)

    before, again = asyncio.run(read()), asyncio.run(read())
    assert [now is then for now, then in zip(again, before, strict=True)] == [True, True]
    world.run("UPDATE cli_rule SET cli = '^45' WHERE id = %s", first)
    after = asyncio.run(read())
    assert [now is then for now, then in zip(after, before, strict=True)] == [False, True]
    assert after[0].fitting("45") is not None


def test_an_alias_of_a_customer_or_of_all_is_obeyed(world: World, charging: Charging) -> None:
    for owner in ({"customer_id": world.acme}, {}):
        alias = world.insert("alias", account_id=world.account, current="14155550100", new="999", **owner)
        obeyed(charging, "no_rate")
        world.run("UPDATE alias SET enabled = false WHERE id = %s", alias)
        obeyed(charging, None)
        world.run("UPDATE alias SET enabled = true, current = '^1415' WHERE id = %s", alias)
        obeyed(charging, "no_rate")
        world.run("UPDATE alias SET current = '[' WHERE id = %s", alias)
        obeyed(charging, None)
        world.run("UPDATE alias SET current = '^1415' WHERE id = %s", alias)
        obeyed(charging, "no_rate")
        world.run("DELETE FROM alias WHERE id = %s", alias)
        obeyed(charging, None)


def test_a_cli_rule_of_a_customer_its_tag_or_all_is_obeyed(world: World, charging: Charging) -> None:
    world.run("UPDATE customer SET approved_clis_only = true WHERE id = %s", world.acme)
    obeyed(charging, "cli_restricted")
    tag = world.insert("tag", account_id=world.account, name="Resold")
    world.insert("customer_tag", customer_id=world.acme, tag_id=tag)
    for owner in ({"customer_id": world.acme}, {"tag_id": tag}, {}):
        rule = world.insert("cli_rule", account_id=world.account, cli=".*", **owner)
        obeyed(charging, None)
        world.run("UPDATE cli_rule SET cli = '^999$' WHERE id = %s", rule)
        obeyed(charging, "cli_restricted")
        world.run("UPDATE cli_rule SET cli = '[' WHERE id = %s", rule)
        obeyed(charging, "cli_restricted")
        world.run("UPDATE cli_rule SET cli = '37052000000', forced = true WHERE id = %s", rule)
        obeyed(charging, None)
        world.run("DELETE FROM cli_rule WHERE id = %s", rule)
        obeyed(charging, "cli_restricted")


def test_a_cli_pool_its_numbers_and_its_card_are_obeyed(world: World, charging: Charging) -> None:
    pool = "UPDATE customer SET cli_pool = %s WHERE id = %s"
    world.run(pool, "refuse_unless_did", world.acme)
    obeyed(charging, "cli_unknown")
    sold = world.card("Numbers", prices({"1": 60}), direction="origination")
    own = {"account_id": world.account, "number": "442071838750", "card_id": sold}
    did = world.insert("did", customer_id=world.acme, **own)
    obeyed(charging, None)
    for undo, again in (
        ("enabled = false", "enabled = true"),
        (f"customer_id = {world.baltic}", f"customer_id = {world.acme}"),
    ):
        world.run(f"UPDATE did SET {undo} WHERE id = %s", did)
        obeyed(charging, "cli_unknown")
        world.run(f"UPDATE did SET {again} WHERE id = %s", did)
        obeyed(charging, None)
    world.run("DELETE FROM did WHERE id = %s", did)
    obeyed(charging, "cli_unknown")
    world.run(pool, "refuse_unless_cli", world.acme)
    verified = world.insert("verified_cli", customer_id=world.acme, number="442071838750")
    obeyed(charging, None)
    world.run("DELETE FROM verified_cli WHERE id = %s", verified)
    obeyed(charging, "cli_unknown")
    world.run(pool, "non_cli_unless_either", world.acme)
    dear = world.card("Dear", prices({"1": 600}))
    world.run("UPDATE customer SET non_cli_card_id = %s WHERE id = %s", dear, world.acme)
    obeyed(charging, None)
    source = {"ip": ACME_IP, "port": 5060, "transport": "udp"}
    question = {"call_id": "tried", "source": source, "cli": "442071838750", "cld": NUMBER}
    told = {gate["gate"]: gate["values"] for gate in charging.post("/v1/simulate", **question)["gates"]}
    assert (told["cli_unknown"]["how"], told["cli_unknown"]["card"]) == ("not own", "Dear")
    charging.authorize("by the other card")
    (live,) = [call for call in world.live() if call["edge_call_id"] == "by the other card"]
    assert live["held_micros"][0] >= 600_000, "a minute by the other card"
    charging.ended("by the other card", now(), sip=487)
    world.run(pool, "disabled", world.acme)
    obeyed(charging, None)


def test_connections_that_the_database_ended_are_opened_before_a_call_or_a_change_needs_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK_S", 60)
    ours = "FROM pg_stat_activity WHERE application_name LIKE 'tollgate charging%%' AND datname = current_database()"

    async def story(service: Service) -> None:
        keeper, before = service.snapshots, {row["pid"] for row in world.all(f"SELECT pid {ours}")}
        assert len(before) >= 3, "two of the desk and one that hears changes"
        world.all(f"SELECT pg_terminate_backend(pid) {ours}")
        await soon(lambda: len({row["pid"] for row in world.all(f"SELECT pid {ours}")} - before) >= 3)
        world.run("UPDATE account SET slice_s = 7")
        await soon(lambda: keeper.by_account[world.account].slice_s == 7)

    in_process(world, story)


def test_changes_that_cannot_be_read_once_are_obeyed_when_all_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_AGAIN_S", 0.05)
    failed: list[str] = []
    told: list[Answer] = []

    async def story(service: Service) -> None:
        keeper = service.snapshots
        names = ("_read_changes", "_read_all")
        for name, healthy in [(name, getattr(keeper, name)) for name in names]:

            async def full(*values: object, name: str = name, healthy: Callable[..., Any] = healthy) -> None:
                if name not in failed:
                    failed.append(name)
                    raise asyncpg.DiskFullError("no space left on device")
                told.append(await healthz(service, Asked("/healthz", b"", b"")))
                await healthy(*values)

            monkeypatch.setattr(keeper, name, full)
        world.run("UPDATE account SET slice_s = 7")
        await soon(lambda: keeper.by_account[world.account].slice_s == 7 and not keeper.trouble)
        told.append(await healthz(service, Asked("/healthz", b"", b"")))

    in_process(world, story)
    assert failed == ["_read_changes", "_read_all"]
    assert [answer.status for answer in told] == [503, 200]
    assert b"the records cannot be read: DiskFullError" in told[0].body
    left = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'tollgate charging: snapshot'"
        " AND datname = current_database()"
    )
    until(lambda: world.one(left)["n"] == 0)  # what could not be read left no connection behind
