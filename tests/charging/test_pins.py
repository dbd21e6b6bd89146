"""Claims about calling cards: a PIN at an access number makes a call its holder's, guessing is bounded, and no PIN is
written down anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.charging.cast import BALTIC_IP, NUMBER, World
from tests.charging.process import Charging
from tollgate.core.pins import CALLER_MOST
from tollgate.store.pins import mark

ACCESS, OTHER, IVR = "37052000000", "37052000001", "198.51.100.99"
PIN, WRONG = "48291573", "48291574"


class Cards:
    """Two access numbers; Acme holds a PIN at all of them, Baltic one at the second."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places = [world.insert("access_number", account_id=world.account, number=n) for n in (ACCESS, OTHER)]
        self.give(world.acme, PIN)
        self.give(world.baltic, "739164", self.places[1])

    def give(self, customer: int, pin: str, place: int | None = None) -> None:
        marked = mark(self.world.account, pin)
        self.world.insert("pin", customer_id=customer, mark=marked, access_number_id=place)

    def pass_minutes(self, minutes: int) -> None:
        """Lets all wrong tries be so much older."""
        self.world.run("UPDATE pin_try SET since_at = since_at - make_interval(mins => %s)", minutes)


@pytest.fixture
def cards(world: World) -> Cards:
    return Cards(world)


def asks(charging: Charging, call_id: str, pin: str, *, number: str = ACCESS, cli: str = "447700900001") -> Any:
    """A switch presents a PIN with a call from where no endpoint is."""
    source = {"ip": "192.0.2.55"}
    given = {"source": source, "cli": cli, "cld": NUMBER, "access_number": number, "pin": pin}
    return charging.post("/v1/authorize", call_id=call_id, **given)


def test_a_pin_makes_a_call_its_holders_and_whatever_holds_for_that_customer_holds(
    cards: Cards, charging: Charging
) -> None:
    world = cards.world
    assert asks(charging, "c1", PIN, number=f"+{ACCESS}")["allow"]
    (live,) = world.live()
    assert (live["customer_id"], live["endpoint_id"]) == (world.acme, None)
    assert asks(charging, "c2", "739164", number=OTHER)["allow"]
    elsewhere = asks(charging, "c3", "739164", number=ACCESS)
    assert (elsewhere["refusal"], elsewhere["sip"], elsewhere["q850"]) == ("pin_unknown", 403, 21)
    assert asks(charging, "c4", PIN, number="1234")["refusal"] == "access_number_unknown"
    world.update("access_number", cards.places[0], enabled=False)
    assert asks(charging, "c5", PIN)["refusal"] == "access_number_unknown"
    world.update("access_number", cards.places[0], enabled=True)
    (gate,) = [g for g in world.cdr("c3")["detail"]["gates"] if g["gate"] == "pin_unknown"]
    assert gate["values"] == {"access_number": ACCESS, "cli": "447700900001"}
    told = charging.post("/v1/pin", access_number=ACCESS, pin=PIN, caller="447700900001")
    assert (told["ok"], told["customer"], told["status"], told["currency"]) == (True, world.acme, "active", "EUR")
    assert (told["balance"], told["language"]) == ("50", None)
    assert told["available"] != told["balance"]  # less what c1 holds
    no = charging.post("/v1/pin", access_number=ACCESS, pin=WRONG, caller="447700900002")
    assert (no["ok"], no["refusal"]) == (False, "pin_unknown")
    world.run("UPDATE customer SET valid_days = 3 WHERE id = %s", world.acme)
    world.run("UPDATE wallet SET first_used_at = now() - interval '4 days' WHERE owner_id = %s AND kind = 'customer'",
              world.acme)  # fmt: skip
    expired = _until_refused(charging, "customer_expired")
    assert expired["sip"] == 403


def _until_refused(charging: Charging, key: str) -> Any:
    """A saved change is obeyed within a second."""
    for number in range(100):
        answer = asks(charging, f"{key}{number}", PIN)
        if answer.get("refusal") == key:
            return answer
        threading.Event().wait(0.02)
    raise AssertionError(answer)


def test_guesses_are_bounded_by_caller_and_by_access_number_over_all_processes(
    cards: Cards, start: Callable[..., Charging]
) -> None:
    processes = [start(edge="sw1"), start(edge="sw2")]
    for edge in ("sw1", "sw2"):
        cards.world.insert("edge", account_id=cards.world.account, name=edge, kind="plain")

    def guess(number: int, *, cli: str = "447700900001") -> str:
        process = processes[number % 2]
        pin = f"{500000 + number * 7}"
        return str(process.post("/v1/pin", access_number=ACCESS, pin=pin, caller=cli).get("refusal"))

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(guess, range(40)))
    assert (said.count("pin_unknown"), said.count("pin_locked")) == (CALLER_MOST, 40 - CALLER_MOST)
    right = asks(processes[0], "c1", PIN)
    assert (right["refusal"], right["sip"], right["retry_after_s"]) == ("pin_locked", 480, 900)
    assert asks(processes[1], "c2", PIN, cli="447700900009")["allow"]  # another caller
    cards.pass_minutes(15)
    assert asks(processes[1], "c3", PIN)["allow"]
    cards.world.update("access_number", cards.places[0], wrong_most=20)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: guess(n, cli=f"44770090{n:04}"), range(100, 140)))
    assert said.count("pin_unknown") == 20 - CALLER_MOST  # five of this hour were there already
    assert asks(processes[0], "c4", PIN, cli="447700900009")["refusal"] == "pin_locked"
    assert asks(processes[0], "c5", PIN, number=OTHER, cli="447700900009")["allow"]  # another access number
    cards.pass_minutes(60)
    assert asks(processes[0], "c6", PIN, cli="447700900009")["allow"]


def test_a_right_pin_of_ones_own_buys_no_more_guesses(cards: Cards, charging: Charging) -> None:
    said = []
    for number in range(CALLER_MOST + 1):
        said.append(charging.post("/v1/pin", access_number=ACCESS, pin=str(500000 + number), caller="1").get("refusal"))
        if number < CALLER_MOST - 1:
            assert charging.post("/v1/pin", access_number=ACCESS, pin=PIN, caller="1")["ok"]
    assert said == ["pin_unknown"] * CALLER_MOST + ["pin_locked"]


def test_a_question_that_comes_again_is_no_second_guess_and_a_call_that_lives_answers_for_its_pin(
    cards: Cards, start: Callable[..., Charging]
) -> None:
    cards.world.insert("edge", account_id=cards.world.account, name="sw1", kind="plain")
    processes = [start(edge="sw1"), start(edge="sw1")]
    for number in range(2 * CALLER_MOST):  # the switch hears no answer and asks again
        assert asks(processes[number % 2], "c1", WRONG)["refusal"] == "pin_unknown"
    for number in range(CALLER_MOST - 1):
        granted = asks(processes[0], f"right{number}", PIN)
        assert granted["routes"]
        assert asks(processes[0], "c2", f"{500000 + number}")["refusal"] == "pin_unknown"
    assert asks(processes[0], "c3", PIN)["refusal"] == "pin_locked"
    assert asks(processes[0], "c2", "500000")["refusal"] == "pin_unknown"  # as it was told, and not counted
    assert asks(processes[0], "right3", PIN) == asks(processes[1], "right3", PIN) == granted
    cards.world.run("DELETE FROM pin WHERE customer_id = %s", cards.world.acme)
    assert asks(processes[1], "right0", PIN)["routes"]
    cards.give(cards.world.acme, PIN)
    cards.pass_minutes(15)
    assert asks(processes[1], "c3", PIN)["allow"]  # typed again within its call, after the waiting
    assert asks(processes[0], "c2", PIN)["allow"]  # and after wrong ones


def test_callers_without_a_number_do_not_wait_for_each_other(cards: Cards, charging: Charging) -> None:
    said = [
        charging.post("/v1/pin", access_number=ACCESS, pin=str(500000 + number), caller=caller).get("refusal")
        for number, caller in enumerate(["", "anonymous"] * CALLER_MOST)
    ]
    assert said == ["pin_unknown"] * 2 * CALLER_MOST
    assert asks(charging, "c1", PIN, cli="anonymous")["allow"]
    cards.world.update("access_number", cards.places[0], wrong_most=2 * CALLER_MOST)
    assert asks(charging, "c2", PIN, cli="")["refusal"] == "pin_locked"


def test_pins_that_hold_everywhere_get_no_fresh_guesses_at_each_access_number(cards: Cards, charging: Charging) -> None:
    def guess(number: int, place: str, cli: str) -> str:
        pin = str(500000 + number)
        return str(charging.post("/v1/pin", access_number=place, pin=pin, caller=cli).get("refusal"))

    one = [guess(number, (ACCESS, OTHER)[number % 2], "1") for number in range(CALLER_MOST + 2)]
    assert one == ["pin_unknown"] * CALLER_MOST + ["pin_locked"] * 2
    for place in cards.places:
        cards.world.update("access_number", place, wrong_most=12)
    many = [guess(number, (ACCESS, OTHER)[number % 2], f"2{number}") for number in range(10)]
    assert many == ["pin_unknown"] * (12 - CALLER_MOST) + ["pin_locked"] * (CALLER_MOST - 2)
    full = cards.world.all('SELECT caller FROM pin_try WHERE "full" ORDER BY caller')
    assert [row["caller"] for row in full] == ["*", "1"]  # each burst is told once
    cards.world.run("DELETE FROM pin WHERE access_number_id IS NULL")
    assert guess(20, ACCESS, "3") == guess(21, OTHER, "4") == "pin_unknown"  # then each number has its own limit


def test_waiting_for_ones_turn_is_part_of_the_deadline(cards: Cards, charging: Charging) -> None:
    asked = {"call_id": "c1", "source": {"ip": "192.0.2.55"}, "cld": NUMBER, "access_number": ACCESS, "pin": PIN}
    with psycopg.connect(cards.world.url) as link:
        link.execute("SELECT pg_advisory_xact_lock(hashtextextended('pin', %s))", [cards.world.account])
        status, told = charging.send("POST", "/v1/authorize", {"edge": "sw1", "deadline_ms": 200, **asked})
        assert (status, "overloaded" in told["detail"]) == (503, True)
    assert cards.world.live() == []
    assert charging.post("/v1/authorize", **asked)["allow"]


def test_no_two_customers_hold_a_pin_at_one_access_number_whatever_happens_at_once(cards: Cards) -> None:
    world = cards.world
    customers = [world.customer(f"Card {number}") for number in range(50)]
    barrier = threading.Barrier(50)

    def give(place: int | None, customer: int) -> bool:
        with psycopg.connect(world.url, autocommit=True) as link:
            barrier.wait()
            try:
                link.execute(
                    "INSERT INTO pin (customer_id, mark, access_number_id) VALUES (%s, %s, %s)",
                    (customer, mark(world.account, "640283"), place),
                )
            except psycopg.errors.ExclusionViolation:
                return False
            return True

    places = [*cards.places, None]
    with ThreadPoolExecutor(50) as pool:
        given = list(pool.map(lambda pair: give(places[pair[0] % 3], pair[1]), enumerate(customers)))
    held = world.all("SELECT access_number_id FROM pin WHERE mark = %s", mark(world.account, "640283"))
    assert len(held) == sum(given)
    where = sorted(row["access_number_id"] or 0 for row in held)
    assert where in ([0], sorted(cards.places), [cards.places[0]], [cards.places[1]])  # one for all, or one for each


def test_a_sip_edge_is_believed_of_endpoints_that_may_present_pins_alone(cards: Cards, charging: Charging) -> None:
    world = cards.world
    house = world.customer("House")
    ivr = world.ip_endpoint(house, IVR, presents_pins=True, channels=1)
    world.insert("edge", account_id=world.account, name="kam1", rpc_url="")

    def ask(call_id: str, ip: str, **more: Any) -> Any:
        body = {"edge": "kam1", "call_id": call_id, "src_ip": ip, "cld": NUMBER, "cli": "447700900001", **more}
        status, answer = charging.send("POST", "/v1/kamailio/authorize", body)
        assert status == 200
        return answer

    card = {"access_number": ACCESS, "pin": PIN}
    for number in range(100):
        allowed = ask(f"k{number}", IVR, **card)
        if allowed["action"] == "route":
            break
        threading.Event().wait(0.02)
    (live,) = world.live()
    assert (live["customer_id"], live["endpoint_id"]) == (world.acme, ivr)
    assert "pin" not in str(allowed).lower()
    world.run("UPDATE call SET dialog = '1:1'")
    other = ask(live["edge_call_id"], IVR, h="1:2", **card)
    assert "call_id_in_use" in other["hdrs"]  # callers choose ids of calls: another dialog is not answered for
    full = ask("k-full", IVR, **card)
    assert "channels_endpoint" in full["hdrs"]  # the endpoint's limits hold as well
    stranger = ask("k-baltic", BALTIC_IP, **card)
    assert (stranger["code"], "pin_not_allowed" in stranger["hdrs"]) == (403, True)
    assert world.cdr("k-baltic")["customer_id"] is None
    assert ask("k-nobody", "192.0.2.1", **card) == {"action": "challenge"}
    half = ask("k-half", IVR, access_number=ACCESS)
    assert "pin_unknown" in half["hdrs"]
    assert ask("k-baltic2", BALTIC_IP)["action"] == "route"
    assert world.written_down(PIN) == []
