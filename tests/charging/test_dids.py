"""Claims about calls that come in: who a DID's calls are, what each level pays, and where they go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.charging.cast import ACME_IP, EURO, World, prices
from tests.charging.process import Charging, now
from tests.charging.test_extensions import obeyed

DID = "442079460123"
CARRIER_IP = "203.0.113.5"  # a gateway of Cirrus
ELSEWHERE = "192.0.2.77"
calls = count()


class Inbound:
    """A DID of Acme behind Cirrus, sold at 0.12 and bought at 0.06 a minute by the second."""

    def __init__(self, world: World, charging: Charging) -> None:
        self.world, self.charging = world, charging
        self.sold = world.card("Origination", prices({"44": 120}), direction="origination")
        self.bought = world.card(
            "Cirrus origination", prices({"44": 60}), carrier_id=world.carrier_id, direction="origination"
        )
        world.sip_user(world.acme, "3001", "x")
        self.did = self.add(DID, destinations="3001")
        obeyed(lambda: self.place()[0], "3001")

    def add(self, number: str, **columns: Any) -> int:
        row: dict[str, Any] = {
            "customer_id": self.world.acme,
            "card_id": self.sold,
            "carrier_id": self.world.carrier_id,
            "carrier_card_id": self.bought,
        }
        return self.world.insert("did", account_id=self.world.account, number=number, **row | columns)

    def change(self, **columns: Any) -> None:
        self.world.update("did", self.did, **columns)

    def ask(self, cld: str = DID, ip: str = CARRIER_IP, call_id: str = "") -> Any:
        return self.charging.authorize(call_id or f"in{next(calls)}", ip=ip, cld=cld)

    def place(self, cld: str = DID, ip: str = CARRIER_IP) -> tuple[Any, ...]:
        """Where one more call goes, or why it does not; it ends at once."""
        call_id = f"in{next(calls)}"
        answer = self.ask(cld, ip, call_id)
        if not answer["allow"]:
            return answer["refusal"], answer["sip"]
        self.charging.ended(call_id, now(), sip=487)
        if answer.get("local"):
            return (answer["local"],)
        return tuple((route["gateway"], route["cld"]) for route in answer["routes"])


@pytest.fixture
def inbound(world: World, charging: Charging) -> Iterator[Inbound]:
    """The books are checked when the test is over."""
    yield Inbound(world, charging)
    assert world.live() == []


def balance(world: World, kind: str, owner: int) -> int:
    return int(world.wallet(kind, owner)["balance_micros"])


def test_a_call_to_a_did_is_paid_by_its_customer_and_to_its_carrier_to_the_unit(
    world: World, charging: Charging, inbound: Inbound
) -> None:
    before = balance(world, "carrier", world.carrier_id)
    answer = inbound.ask("+44 20 7946 0123", call_id="c1")
    assert (answer["allow"], answer["local"], answer["routes"]) == (True, "3001", [])
    assert inbound.ask("+44 20 7946 0123", call_id="c1") == answer, "a repeated question has the same answer"
    assert world.wallet("customer", world.acme)["held_micros"] > 0
    at = now()
    charging.answered("c1", at)
    assert charging.ended("c1", at + timedelta(seconds=7), at)["cost"] == "0.014"
    assert charging.ended("c1", at + timedelta(seconds=7), at)["cost"] == "0.014"
    cdr = world.cdr("c1")
    assert (cdr["customer_id"], cdr["carrier_id"], cdr["number"], cdr["state"]) == (
        world.acme,
        world.carrier_id,
        DID,
        "charged",
    )
    assert (cdr["cost_micros"], cdr["carrier_cost_micros"], cdr["profit_micros"]) == (14_000, 7_000, 7_000)
    assert (cdr["customer_card_id"], cdr["carrier_card_id"], cdr["destination"]) == (
        inbound.sold,
        inbound.bought,
        "To 44",
    )
    assert balance(world, "customer", world.acme) == 50 * EURO - 14_000
    assert abs(balance(world, "carrier", world.carrier_id) - before) == 7_000


def test_a_call_to_a_did_ends_with_the_money(world: World, charging: Charging, inbound: Inbound) -> None:
    world.top_up(world.acme, 20_000 - 50 * EURO)
    answer = inbound.ask(call_id="c1")
    assert (answer["allow"], answer["max_s"]) == (True, 10)
    second = inbound.ask(call_id="c2")
    assert (second["allow"], second["refusal"], second["sip"]) == (False, "credit", 480)
    at = now()
    charging.answered("c1", at)
    assert charging.ended("c1", at + timedelta(seconds=10), at)["cost"] == "0.02"
    assert balance(world, "customer", world.acme) == 0


def test_a_call_in_that_costs_its_customer_nothing_needs_no_money_and_a_priced_one_never_takes_what_is_not_there(
    world: World, charging: Charging, inbound: Inbound
) -> None:
    """Why a customer has no flag that lets calls in with an empty balance (docs/decisions/0009)."""
    world.top_up(world.acme, -50 * EURO)
    free = world.card("Free origination", prices({"44": 0}), direction="origination")
    obeyed(inbound.place, ("credit", 480))
    inbound.change(card_id=free)
    obeyed(inbound.place, ("3001",))
    world.update("customer", world.acme, daily_spend_limit_micros=0)
    obeyed(lambda: world.wallet("customer", world.acme)["spend_max_micros"], 0)
    assert inbound.ask(call_id="free")["max_s"] == 3600
    at = now()
    charging.answered("free", at)
    assert charging.ended("free", at + timedelta(hours=1), at)["cost"] == "0"
    assert world.cdr("free")["carrier_cost_micros"] == 3_600_000, "the carrier is paid all the same"
    assert balance(world, "customer", world.acme) == 0
    world.update("customer", world.acme, daily_spend_limit_micros=None)
    inbound.change(card_id=inbound.sold)
    obeyed(inbound.place, ("credit", 480))
    assert world.broken_laws() == {}


def test_a_carrier_that_takes_nothing_leaves_all_as_profit_also_in_another_currency(
    world: World, charging: Charging, inbound: Inbound
) -> None:
    dollars = world.carrier("Nimbus", [ELSEWHERE], currency="USD")
    inbound.change(carrier_id=dollars, carrier_card_id=None)
    obeyed(lambda: inbound.place(ip=ELSEWHERE), ("3001",))
    inbound.ask(ip=ELSEWHERE, call_id="c1")
    at = now()
    charging.answered("c1", at)
    charging.ended("c1", at + timedelta(seconds=7), at)
    cdr = world.cdr("c1")
    assert (cdr["cost_micros"], cdr["carrier_currency"], cdr["carrier_cost_micros"]) == (14_000, "USD", 0)
    assert cdr["profit_micros"] == 14_000
    assert world.broken_laws() == {}


def test_only_the_carrier_of_a_did_brings_its_calls(world: World, inbound: Inbound) -> None:
    assert inbound.place(ip=ELSEWHERE)[0] == "ip_unknown"
    other = world.carrier("Nimbus", [ELSEWHERE])
    assert inbound.place(ip=ELSEWHERE)[0] == "ip_unknown", "it has no DIDs, so phones may be there"
    inbound.change(carrier_id=other, carrier_card_id=None)
    obeyed(lambda: inbound.place(ip=ELSEWHERE), ("3001",))
    assert inbound.place()[0] == "ip_unknown"
    world.update("carrier", world.carrier_id, networks=["192.0.2.0/24"])
    inbound.change(carrier_id=world.carrier_id)
    obeyed(lambda: inbound.place(ip="192.0.2.200"), ("3001",))
    assert inbound.place(cld=f"00{DID}") == inbound.place(cld=f"+{DID}") == ("3001",)
    assert inbound.place(cld="442079460999") == ("number_unallocated", 404)
    assert inbound.place(ip=ACME_IP, cld="14155550100")[0] != "3001", "the customer's own calls go out as before"


def test_a_did_is_delivered_where_its_last_save_says(world: World, inbound: Inbound) -> None:
    inbound.change(destinations="sip:pbx.acme.example\nsip:office@203.0.113.90:5080;transport=tcp")
    first = ("sip:pbx.acme.example:5060;transport=udp", DID)
    second = ("sip:203.0.113.90:5080;transport=tcp", "office")
    obeyed(inbound.place, (first, second))
    inbound.change(order="random")
    found: set[Any] = set()
    obeyed(lambda: len(found.add(inbound.place()) or found), 2)  # type: ignore[func-returns-value]
    assert found == {(first, second), (second, first)}
    answer = inbound.ask(call_id="again")
    assert inbound.ask(call_id="again") == answer
    inbound.charging.ended("again", now(), sip=487)
    world.ip_endpoint(world.acme, "203.0.113.40", extensions="2000-2049")
    inbound.change(destinations="2001", order="serial")
    obeyed(inbound.place, (("sip:203.0.113.40:5060;transport=udp", "2001"),))
    world.ip_endpoint(world.baltic, "203.0.113.41", extensions="4000-4049")
    inbound.change(destinations="4001")
    obeyed(inbound.place, ("number_unallocated", 404))  # another customer's
    inbound.change(destinations=f"sip:{CARRIER_IP}")
    obeyed(inbound.place, ("number_unallocated", 404))  # a gateway would bill it
    inbound.change(destinations="sip:192.0.2.99")
    obeyed(lambda: inbound.place()[0][0], "sip:192.0.2.99:5060;transport=udp")
    world.update("carrier", world.carrier_id, networks=["192.0.2.99"])
    obeyed(inbound.place, ("number_unallocated", 404))  # a carrier calls from there
    inbound.change(destinations="")
    obeyed(inbound.place, ("number_unallocated", 404))
    inbound.change(destinations="3001")
    obeyed(inbound.place, ("3001",))


def test_a_repeated_question_after_another_save_is_given_no_other_destination(world: World, inbound: Inbound) -> None:
    assert inbound.ask(call_id="c1")["local"] == "3001"
    inbound.change(destinations="sip:pbx.acme.example")
    obeyed(inbound.place, (("sip:pbx.acme.example:5060;transport=udp", DID),))
    source = {"ip": CARRIER_IP, "port": 5060, "transport": "udp"}
    question = {"edge": inbound.charging.edge, "call_id": "c1", "source": source, "cli": "442071838750", "cld": DID}
    assert inbound.charging.send("POST", "/v1/authorize", question)[0] == 503
    inbound.charging.ended("c1", now(), sip=487)
    assert len([cdr for cdr in world.cdrs() if cdr["edge_call_id"] == "c1"]) == 1


REFUSED: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "disabled": ("UPDATE did SET enabled = false", "UPDATE did SET enabled = true", ("number_unallocated", 404)),
    "given back": (
        "UPDATE did SET customer_id = NULL, card_id = NULL, destinations = ''",
        "",
        ("number_unallocated", 404),
    ),
    "customer inactive": (
        "UPDATE customer SET status = 'inactive' WHERE name = 'Acme'",
        "UPDATE customer SET status = 'active'",
        ("status_inactive", 480),
    ),
    "account paused": (
        "UPDATE account SET status = 'paused'",
        "UPDATE account SET status = 'active'",
        ("account_paused", 503),
    ),
    "carrier inactive": (
        "UPDATE carrier SET status = 'inactive'",
        "UPDATE carrier SET status = 'active'",
        ("no_carrier", 480),
    ),
    "expired": (
        "UPDATE customer SET expires_at = now() - interval '1 s'",
        "UPDATE customer SET expires_at = NULL",
        ("customer_expired", 480),
    ),
    "unverified": (
        "UPDATE customer SET email_verification = true",
        "UPDATE customer SET email_verification = false",
        ("email_unverified", 480),
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_a_did_is_refused_like_any_call(world: World, inbound: Inbound, case: str) -> None:
    spoil, mend, told = REFUSED[case]
    world.run(spoil)
    obeyed(inbound.place, told)
    if mend:
        world.run(mend)
        obeyed(inbound.place, ("3001",))


def test_a_call_to_a_did_that_costs_more_than_it_brings_is_refused_where_losses_are(
    world: World, inbound: Inbound
) -> None:
    world.publish(inbound.bought, prices({"44": 130}))
    world.run("UPDATE customer SET loss_making_calls = 'refuse'")
    obeyed(inbound.place, ("no_carrier", 480))
    world.run("UPDATE customer SET loss_making_calls = 'allow'")
    obeyed(inbound.place, ("3001",))


def test_channels_and_calls_per_second_of_a_did_count(world: World, charging: Charging, inbound: Inbound) -> None:
    inbound.change(channels=1)
    obeyed(lambda: world.wallet("did", inbound.did)["channels_max"], 1)
    obeyed(inbound.place, ("3001",))
    held: list[str] = []

    def full() -> tuple[Any, ...]:
        call_id = f"in{next(calls)}"
        answer = inbound.ask(call_id=call_id)
        if answer["allow"]:
            held.append(call_id)
            return ("3001",)
        return answer["refusal"], answer["sip"]

    obeyed(full, ("channels_did", 486))
    assert len(held) >= 1
    for call_id in held:
        charging.ended(call_id, now(), sip=487)
    assert world.wallet("did", inbound.did)["channels"] == 0
    inbound.change(channels=0, cps_milli=1)
    obeyed(lambda: inbound.place()[0], "cps_did")
    inbound.change(cps_milli=0)
    obeyed(inbound.place, ("3001",))


def test_a_carriers_channels_count_calls_that_it_brings(world: World, charging: Charging, inbound: Inbound) -> None:
    world.update("carrier", world.carrier_id, channels=1)
    kept: list[str] = []

    def full() -> bool:
        call_id = f"in{next(calls)}"
        answer = inbound.ask(call_id=call_id)
        kept.extend([call_id] if answer["allow"] else [])
        return answer.get("refusal") == "channels_carrier"

    obeyed(full, True)
    for call_id in kept:
        charging.ended(call_id, now(), sip=487)
    assert world.wallet("carrier", world.carrier_id)["channels"] == 0


def test_the_longest_call_and_the_asserted_number_are_as_the_did_says(
    world: World, charging: Charging, inbound: Inbound
) -> None:
    def told() -> tuple[Any, ...]:
        call_id = f"in{next(calls)}"
        answer = inbound.charging.authorize(call_id, ip=CARRIER_IP, cld=DID, pai="<sip:+442071838751@192.0.2.9>")
        charging.answered(call_id, now())
        (call,) = [call for call in world.live() if call["edge_call_id"] == call_id]
        charging.ended(call_id, now())
        (route,) = answer["routes"] or [{"headers": {}}]
        return call["max_s"], route["headers"].get("P-Asserted-Identity", "")

    assert told() == (3600, "")
    inbound.change(destinations="sip:pbx.acme.example", max_duration_s=60)
    obeyed(told, (60, "<sip:+442071838751@pbx.acme.example>"))
    inbound.change(pai_mode="remove")
    obeyed(told, (60, ""))


def test_each_reseller_pays_by_its_own_card(world: World, charging: Charging, inbound: Inbound) -> None:
    reseller = world.customer("Resale", money_micros=10 * EURO, is_reseller=True)
    below = world.customer("Below", money_micros=10 * EURO, parent_id=reseller)
    world.sip_user(below, "3500", "x")
    number = "442079460124"
    own = world.card("Of the reseller", prices({"44": 180}), direction="origination", reseller_id=reseller)
    did = inbound.add(number, customer_id=below, card_id=own, destinations="3500")
    obeyed(lambda: inbound.place(number), ("no_rate", 480))  # nobody said what the reseller pays
    world.insert("did_price", did_id=did, reseller_id=reseller, card_id=inbound.sold)
    obeyed(lambda: inbound.place(number), ("3500",))
    assert inbound.ask(number, call_id="r1")["allow"]
    at = now()
    charging.answered("r1", at)
    charging.ended("r1", at + timedelta(seconds=10), at)
    assert balance(world, "customer", below) == 10 * EURO - 30_000
    assert balance(world, "customer", reseller) == 10 * EURO - 20_000
    world.run("DELETE FROM did_price")
    obeyed(lambda: inbound.place(number), ("no_rate", 480))


def test_a_simulated_call_to_a_did_tells_what_a_real_one_would(charging: Charging, inbound: Inbound) -> None:
    source = {"ip": CARRIER_IP, "port": 5060, "transport": "udp"}
    told = charging.post("/v1/simulate", call_id="s1", source=source, cli="442071838750", cld=DID)
    gates = {gate["gate"]: gate["values"] for gate in told["gates"]}
    assert told["allow"]
    assert gates["identity"]["carrier"] == "Cirrus"
    assert (gates["did"]["number"], gates["did"]["to"]) == (DID, "3001")
    inbound.change(recording="on")
    inbound.world.run("UPDATE account SET recording = true")
    obeyed(lambda: inbound.ask(call_id=f"in{next(calls)}").get("record"), True)
    for call in inbound.world.live():
        charging.ended(call["edge_call_id"], now(), sip=487)
    inbound.change(recording="off")
    inbound.world.run("UPDATE customer SET recording = true")

    def record() -> Any:
        call_id = f"in{next(calls)}"
        answer = inbound.ask(call_id=call_id)
        charging.ended(call_id, now(), sip=487)
        return answer["record"]

    obeyed(record, False)
    inbound.change(recording="inherit")
    obeyed(record, True)
