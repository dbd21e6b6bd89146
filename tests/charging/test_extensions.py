"""Claims about extensions behind addresses: calls obey the last save, and a room counts who is in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.charging.cast import World
from tests.charging.process import Charging, now


def obeyed(ask: Callable[[], Any], wanted: Any) -> None:
    limit = time.monotonic() + 10
    while (found := ask()) != wanted:
        assert time.monotonic() < limit, f"still {found}"
        time.sleep(0.02)


def test_rooms_and_extensions_are_called_where_the_last_save_says(world: World, charging: Charging) -> None:
    owner = {"account_id": world.account, "customer_id": world.acme}
    asked = iter(range(1000))

    def place(cld: str) -> tuple[str, str]:
        """Where one more call would go, or why it does not; it ends at once."""
        call_id = f"x{next(asked)}"
        answer = charging.authorize(call_id, cld=cld)
        if not answer["allow"]:
            return answer["refusal"], str(answer["sip"])
        charging.ended(call_id, now(), sip=487)
        for route in answer["routes"]:
            return route["gateway"], route["cld"]
        return "a phone", cld

    room = world.insert("conference_room", **owner, extension=5000, host="203.0.113.60", channels=2)
    obeyed(lambda: place("5000"), ("sip:203.0.113.60:5060;transport=udp", "5000"))
    for call_id in ("one", "two"):
        assert charging.authorize(call_id, cld="5000")["allow"]
    assert place("5000") == ("conference_full", "486")
    assert world.wallet("conference_room", room)["channels"] == 2
    assert world.broken_laws() == {}
    world.update("conference_room", room, channels=3)
    obeyed(lambda: place("5000")[1], "5000")
    for call_id in ("one", "two"):
        charging.ended(call_id, now(), sip=487)
    assert world.wallet("conference_room", room)["channels"] == 0
    world.update("conference_room", room, host="conference.example", port=5061, transport="tls")
    obeyed(lambda: place("5000")[0], "sip:conference.example:5061;transport=tls")

    pbx = world.ip_endpoint(world.acme, "203.0.113.40", extensions="2000-2049")
    obeyed(lambda: place("2049"), ("sip:203.0.113.40:5060;transport=udp", "2049"))
    world.update("endpoint", pbx, extensions="2000-2048, 2050", delivery_host="pbx.acme.example")
    obeyed(lambda: place("2050")[0], "sip:pbx.acme.example:5060;transport=udp")
    assert place("2049")[0] == "no_rate"

    nowhere = ("number_unallocated", "404")
    phone = world.sip_user(world.acme, "3001", "x")
    obeyed(lambda: place("3001")[0], "a phone")
    for table, row, number in (
        ("endpoint", pbx, "2050"),
        ("conference_room", room, "5000"),
        ("endpoint", phone, "3001"),
    ):
        assert place(number)[1] == number
        world.update(table, row, enabled=False)
        obeyed(lambda number=number: place(number), nowhere)  # a number of nobody's, not one of a carrier's
        world.update(table, row, enabled=True)
    obeyed(lambda: place("5000")[1], "5000")
    gateway = world.all("SELECT id, host FROM gateway ORDER BY id LIMIT 1")[0]
    world.update("gateway", gateway["id"], host="conference.example")
    obeyed(lambda: place("5000"), nowhere)
    world.update("gateway", gateway["id"], host=gateway["host"])
    obeyed(lambda: place("5000")[1], "5000")
    world.update("conference_room", room, host="192.0.2.99")
    obeyed(lambda: place("5000")[1], "5000")
    world.update("carrier", world.carrier_id, networks=["192.0.2.96/28"])
    world.update("carrier", world.carrier_id, networks=["192.0.2.96/28", "192.0.2.99"])
    obeyed(lambda: place("5000"), nowhere)  # a carrier calls from there
    world.update("carrier", world.carrier_id, networks=["192.0.2.96/28"])
    obeyed(lambda: place("5000")[1], "5000")  # which of the network are its switches nobody says
    world.insert("edge", account_id=world.account, name="kam9", rpc_url="http://pbx.acme.example:8090")
    obeyed(lambda: place("2050"), nowhere)
    world.run("DELETE FROM conference_room")
    obeyed(lambda: place("5000")[0], "no_rate")
    assert world.broken_laws() == {}


def test_a_pbx_that_only_receives_and_a_phone_take_as_many_calls_as_the_last_save_says(
    world: World, charging: Charging
) -> None:
    pbx = world.ip_endpoint(world.acme, "203.0.113.41", extensions="2100-2199", sends_calls=False, channels=1)
    phone = world.sip_user(world.acme, "3002", "x")
    world.update("endpoint", phone, channels=1)
    asked = iter(range(1000))

    def place(cld: str) -> str:
        """What becomes of one more call; it ends at once."""
        call_id = f"p{next(asked)}"
        answer = charging.authorize(call_id, cld=cld)
        if answer["allow"]:
            charging.ended(call_id, now(), sip=487)
            return "allowed"
        return f"{answer['refusal']} {answer['sip']}"

    for endpoint, number in ((pbx, "2150"), (phone, "3002")):
        obeyed(lambda number=number: place(number), "allowed")
        assert charging.authorize(number, cld=number)["allow"]
        assert world.wallet("endpoint", endpoint)["channels"] == 1
        assert place(number) == "channels_endpoint 486"
        assert world.broken_laws() == {}
        world.update("endpoint", endpoint, channels=2)
        obeyed(lambda number=number: place(number), "allowed")
        charging.ended(number, now(), sip=487)
        assert world.wallet("endpoint", endpoint)["channels"] == 0
    assert world.broken_laws() == {}
