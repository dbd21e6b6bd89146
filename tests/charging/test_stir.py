"""Certificates in the charging process: the next call is signed as the records say, both switches are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from cryptography.exceptions import InvalidSignature

from tests.charging.cast import ACME_IP, World
from tests.charging.process import Charging, now
from tests.charging.test_desk import until
from tests.stir_authority import issued, verified
from tollgate.charging.stir import signing
from tollgate.store.secrets import seal
from tollgate.store.sql import load

OWN, OTHER = issued(), issued("123A")
CALLER, CALLED = "442071838750", "14155550100"


@pytest.fixture(autouse=True)
def data_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are sealed here and unsealed by the process."""
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "a key for tests")


def held(world: World, **columns: Any) -> int:
    """A certificate in the tables."""
    known = {"account_id": world.account, "key_sealed": seal(OWN.key), "is_default": True}
    return world.insert("stir_certificate", **{**known, **columns})


def ruled(world: World, **columns: Any) -> int:
    """A rule of Acme that attests every number."""
    known = {"account_id": world.account, "customer_id": world.acme, "cli": ".*", "attestation": "A"}
    return world.insert("cli_rule", **{**known, **columns})


class Caller:
    """Calls of Acme, one after the other."""

    def __init__(self, charging: Charging) -> None:
        self.charging, self.placed = charging, 0

    def answer(self, **fields: Any) -> Any:
        """What one more call is told; an allowed one ends at once."""
        self.placed += 1
        answer = self.charging.authorize(f"stir-{self.placed}", cld=CALLED, **fields)
        if answer["allow"]:
            self.charging.ended(f"stir-{self.placed}", now(), sip=487)
        return answer

    def identities(self, **fields: Any) -> set[str]:
        """The Identity header of every route, empty where a route has none."""
        routes = self.answer(**fields)["routes"]
        assert routes
        return {route["headers"].get("Identity", "") for route in routes}

    def attested(self, own: str = OWN.own) -> str:
        """The level that the next call is signed with; empty for none."""
        (identity,) = self.identities()
        if not identity:
            return ""
        claims = verified(identity, own, at=now())
        assert (claims["orig"]["tn"], claims["dest"]["tn"]) == (CALLER, [CALLED])
        return str(claims["attest"])


def test_the_next_call_is_signed_as_rule_and_certificate_say(world: World, start: Callable[..., Charging]) -> None:
    caller = Caller(start())
    rule = ruled(world)
    assert caller.attested() == ""
    first = held(world)
    until(lambda: caller.attested() == "A")
    world.run("UPDATE cli_rule SET attestation = 'C' WHERE id = %s", rule)
    until(lambda: caller.attested() == "C")
    world.run("UPDATE stir_certificate SET enabled = false WHERE id = %s", first)
    until(lambda: caller.attested() == "")
    world.run("UPDATE stir_certificate SET enabled = true WHERE id = %s", first)
    until(lambda: caller.attested() == "C")
    second = held(world, name="Other", key_sealed=seal(OTHER.key), is_default=False)
    world.run("UPDATE cli_rule SET certificate_id = %s WHERE id = %s", second, rule)
    until(lambda: _fits(lambda: caller.attested(OTHER.own) == "C"))
    world.run("UPDATE stir_certificate SET expires_at = now() - interval '1 s' WHERE id = %s", second)
    until(lambda: _fits(lambda: caller.attested(OTHER.own) == ""))
    world.run("UPDATE cli_rule SET signature_required = true WHERE id = %s", rule)
    until(lambda: caller.answer().get("refusal") == "attestation")
    assert caller.answer()["sip"] == 428
    world.run("DELETE FROM cli_rule WHERE id = %s", rule)
    until(lambda: caller.answer()["allow"])
    assert caller.attested() == ""


def _fits(claim: Callable[[], bool]) -> bool:
    """Whether a claim holds; before the change has arrived the other certificate has signed."""
    try:
        return claim()
    except InvalidSignature:
        return False


def test_a_verified_number_is_signed_by_its_own_attestation(world: World, start: Callable[..., Charging]) -> None:
    held(world)
    caller = Caller(start())
    assert caller.attested() == ""
    number = world.insert("verified_cli", customer_id=world.acme, number=CALLER, attestation="B")
    until(lambda: caller.attested() == "B")
    world.run("UPDATE verified_cli SET attestation = 'A' WHERE id = %s", number)
    until(lambda: caller.attested() == "A")
    world.run("DELETE FROM verified_cli WHERE id = %s", number)
    until(lambda: caller.attested() == "")


def test_a_key_that_cannot_be_read_signs_nothing_and_stops_no_call(
    world: World, start: Callable[..., Charging]
) -> None:
    held(world, key_sealed="sealed elsewhere")
    ruled(world)
    caller = Caller(start())
    assert caller.attested() == ""
    world.run("UPDATE stir_certificate SET key_sealed = %s", seal("no key"))
    assert caller.attested() == ""
    world.run("UPDATE stir_certificate SET key_sealed = %s", seal(OWN.key))
    until(lambda: caller.attested() == "A")


def test_a_certificate_of_another_account_signs_nothing_here(world: World) -> None:
    other = world.insert("account", name="Other Telecom")
    mine, theirs = held(world), held(world, account_id=other, name="Theirs")

    async def read() -> list[Any]:
        connection = await asyncpg.connect(world.url)
        rows: list[Any] = await connection.fetch(load("charging_snapshot")["stir_certificates"], None)
        await connection.close()
        return rows

    before, again = asyncio.run(read()), asyncio.run(read())
    for account, own in ((world.account, mine), (other, theirs)):
        found = signing(before, account)
        assert (list(found["certificates"]), found["certificate_id"]) == ([own], own)
        assert signing(again, account)["certificates"][own] is found["certificates"][own], "its key is read once"


def test_the_edge_is_told_the_header_and_the_record_keeps_the_level(
    world: World, start: Callable[..., Charging]
) -> None:
    held(world)
    ruled(world)
    charging = start(edge="kam1")
    asked = {"call_id": "k1", "src_ip": ACME_IP, "cli": CALLER, "cld": CALLED, "h": "1:1"}
    told = charging.post("/v1/kamailio/authorize", **asked)
    lines = [route["headers"]["extra"].splitlines() for route in told["routes"]]
    found = {line.removeprefix("Identity: ") for own in lines for line in own if line.startswith("Identity: ")}
    assert len(found) == 1
    assert all(sum(line.startswith("Identity: ") for line in own) == 1 for own in lines)
    assert verified(found.pop(), OWN.own, at=now())["attest"] == "A"
    at = f"{now().timestamp():.6f}"
    charging.post("/v1/kamailio/event", id="e1", event="failed", at=at, call_id="k1", h="1:1", sip_code=486, route=0)
    assert world.cdr("k1")["detail"]["meta"] == {"stir_shaken_attest": "A"}
