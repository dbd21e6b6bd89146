"""Claims about calls that carriers bring to DIDs, on the wire: who rings, who pays, and when they end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sip.scene import PER_SECOND, Scene, Seller
from tests.sip.sipp import CallResult
from tests.sip.test_customer_fields import phone, saved
from tests.world import EURO
from tollgate.core.snapshot import OBEYED

pytestmark = pytest.mark.sip
CALLER = "442071838750"


def did(scene: Scene, owner: Seller, number: str, destinations: str, **columns: Any) -> int:
    """A DID of a customer that its first carrier brings calls to; both cards at the prices of calls that go out."""
    sold = scene.world.card(f"sells {number}", [PER_SECOND], direction="origination")
    bought = scene.world.card(f"buys {number}", [PER_SECOND], carrier_id=owner.carriers[0], direction="origination")
    row = {
        "customer_id": owner.customer,
        "card_id": sold,
        "carrier_id": owner.carriers[0],
        "carrier_card_id": bought,
        "destinations": destinations,
    }
    made = scene.world.insert("did", account_id=scene.world.account, number=number, **row | columns)
    scene.obeyed()
    return made


def from_carrier(scene: Scene, owner: Seller, number: str, **words: Any) -> CallResult:
    """A call from the address of the carrier's gateway."""
    return scene.edge.call(caller=owner.gateways[0], cld=number, cli=CALLER, port=5070, **words)


def test_a_call_to_a_did_rings_the_phone_of_its_customer_and_is_charged_once(scene: Scene) -> None:
    assert {"did", "did_price"} <= set(OBEYED)
    acme = scene.seller()
    ip = phone(scene, acme.customer, "74001", 245)
    taken = scene.edge.carrier(ip, "answer")
    one = did(scene, acme, "442079460801", "74001")
    result = from_carrier(scene, acme, "442079460801", hold_ms=2300)
    assert result.code == 200
    invite = taken.wait_for("INVITE", call_id=result.call_id)
    assert f"<sip:{CALLER}@" in invite.header("From")
    cdr = scene.cdr(result.call_id)
    assert (cdr["state"], cdr["customer_id"], cdr["carrier_id"]) == ("charged", acme.customer, acme.carriers[0])
    assert (cdr["billed_s"], cdr["cost_micros"], cdr["carrier_cost_micros"]) == (
        3,
        cdr["carrier_cost_micros"],
        cdr["cost_micros"],
    )
    assert scene.world.wallet("customer", acme.customer)["balance_micros"] == 5 * EURO - cdr["cost_micros"] < 5 * EURO
    saved(scene, "did", one, enabled=False)
    scene.assert_refused(from_carrier(scene, acme, "442079460801"), "number_unallocated", None)
    scene.assert_books()
    assert scene.edge.errors() == []


def test_a_did_goes_to_the_next_address_where_the_first_does_not_answer(scene: Scene) -> None:
    acme = scene.seller()
    dead, pbx = scene.edge.address(246), scene.edge.address(247)
    taken = scene.edge.carrier(pbx, "answer")
    did(scene, acme, "442079460802", f"sip:{dead}\nsip:office@{pbx}")
    result = from_carrier(scene, acme, "442079460802", hold_ms=300)
    assert result.code == 200
    assert taken.wait_for("INVITE", call_id=result.call_id).first_line.startswith(f"INVITE sip:office@{pbx}")
    cdr = scene.cdr(result.call_id)
    assert (cdr["state"], cdr["billed_s"], len(cdr["detail"]["attempts"])) == ("charged", 1, 1)
    did(scene, acme, "442079460805", f"sip:{dead}")
    lost = from_carrier(scene, acme, "442079460805")
    assert (lost.code, lost.reason) == (480, "Temporarily Unavailable"), (
        "503 would keep the carrier from all other numbers"
    )
    scene.assert_books()


def test_a_call_to_a_did_ends_with_the_money_of_its_customer(scene: Scene) -> None:
    acme = scene.seller(money_micros=EURO // 1000)
    pbx = scene.edge.address(248)
    scene.edge.carrier(pbx, "answer")
    did(scene, acme, "442079460803", f"sip:{pbx}")
    result = from_carrier(scene, acme, "442079460803", hold_ms=None)
    assert result.ended_by == "edge"
    assert 0 < scene.cdr(result.call_id)["cost_micros"] <= EURO // 1000
    assert scene.world.wallet("customer", acme.customer)["balance_micros"] >= 0
    scene.assert_books()


def test_a_carrier_that_calls_no_did_of_its_is_told_so_and_no_stranger_may(scene: Scene) -> None:
    acme = scene.seller()
    did(scene, acme, "442079460804", f"sip:{scene.edge.address(250)}")
    scene.assert_refused(from_carrier(scene, acme, "442079460899"), "number_unallocated", None)
    scene.world.sip_user(acme.customer, "carla", "correct-horse-7")
    scene.obeyed()
    known = scene.edge.call(caller=acme.gateways[0], cld="442079460899", cli="carla", port=5070)
    assert known.code == 407, "a phone at the carrier's address is asked who it is"
    stranger = scene.edge.call(caller=scene.edge.address(249), cld="442079460801", cli=CALLER)
    assert stranger.code in (401, 407)
