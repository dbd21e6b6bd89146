"""Claims about CLI pools on the wire: a real INVITE shows another number, pays by the other card, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sip.scene import PER_SECOND, Scene, Seller
from tests.sip.test_caller_numbers import call, shown
from tests.sip.test_customer_fields import saved
from tests.world import EURO

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
DID, VERIFIED, STRANGER = "37052070001", "37052070002", "12025550123"


def pooled(scene: Scene, mode: str, **customer: Any) -> Seller:
    """A seller with a pool, a DID and a verified CLI."""
    world, seller = scene.world, scene.seller(cli_pool=mode, **customer)
    number = world.card(f"numbers of {seller.customer}", [PER_SECOND], direction="origination")
    world.insert("did", account_id=world.account, number=DID, customer_id=seller.customer, card_id=number)
    world.insert("verified_cli", customer_id=seller.customer, number=VERIFIED)
    scene.obeyed()
    return seller


@pytest.fixture(autouse=True)
def own_numbers(scene: Scene) -> Any:
    """A DID is one customer's at a time."""
    yield
    scene.world.rows("DELETE FROM did WHERE number = %s RETURNING id", DID)
    scene.obeyed()


def gate_of(scene: Scene, call_id: str) -> dict[str, Any]:
    """What the pool's step in the record tells."""
    (found,) = [gate for gate in scene.cdr(call_id)["detail"]["gates"] if gate["gate"] == "cli_unknown"]
    return dict(found["values"])


def test_a_number_that_is_no_did_gives_way_to_one_and_a_did_goes_on(scene: Scene) -> None:
    seller = pooled(scene, "did_or_random")
    replaced = call(scene, seller, cli=STRANGER, headers=f"P-Asserted-Identity: <sip:{STRANGER}@acme.example>")
    assert replaced.code == 200
    assert shown(scene, seller, replaced) == (DID, DID)
    told = gate_of(scene, replaced.call_id)
    assert (told["how"], told["cli"], told["cli_to"]) == ("replaced", STRANGER, DID)
    assert scene.cdr(replaced.call_id)["cli"] == STRANGER, "the record keeps what came"
    assert shown(scene, seller, call(scene, seller, cli=f"+{DID}")) == (f"+{DID}", f"+{DID}")
    ((did,),) = scene.world.rows("SELECT id FROM did WHERE number = %s", DID)
    saved(scene, "did", did, enabled=False)
    scene.assert_refused(call(scene, seller, cli=DID), "cli_unknown", seller.customer)
    saved(scene, "customer", seller.customer, cli_pool="cli_or_random")
    assert shown(scene, seller, call(scene, seller, cli=STRANGER)) == (VERIFIED, VERIFIED)
    scene.assert_books()


def test_a_call_from_another_number_is_held_and_charged_by_the_non_cli_card(scene: Scene) -> None:
    seller = pooled(scene, "non_cli_unless_either")
    dear = scene.world.card("dear", [{**PER_SECOND, "price_nanos": 300_000_000}])
    refused = call(scene, seller, cli=STRANGER)
    scene.assert_refused(refused, "cli_unknown", seller.customer)
    assert gate_of(scene, refused.call_id)["why"] == "no card"
    saved(scene, "customer", seller.customer, non_cli_card_id=dear)
    spent = 0
    for number, card, price in ((DID, seller.card, 60), (VERIFIED, seller.card, 60), (STRANGER, dear, 300)):
        result = call(scene, seller, cli=number, hold_ms=1300)
        assert result.code == 200
        cdr = scene.cdr(result.call_id)
        assert (cdr["customer_card_id"], cdr["price_nanos"]) == (card, price * 1_000_000), number
        assert cdr["cost_micros"] == cdr["billed_s"] * price * 1000 // 60
        assert cdr["held_micros"] >= 60 * price * 1000 // 60
        assert shown(scene, seller, result) == (number, number)
        spent += cdr["cost_micros"]
    assert gate_of(scene, result.call_id)["card"] == "dear"
    assert scene.world.wallet("customer", seller.customer)["balance_micros"] == 5 * EURO - spent
    scene.assert_books()


def test_a_call_from_another_number_is_refused_before_any_price(scene: Scene) -> None:
    seller = pooled(scene, "refuse_unless_did")
    for number in (STRANGER, VERIFIED):
        refused = call(scene, seller, cli=number)
        scene.assert_refused(refused, "cli_unknown", seller.customer)
        assert gate_of(scene, refused.call_id)["why"] == "refused"
    assert call(scene, seller, cli=DID).code == 200
    asserted = call(scene, seller, cli=DID, headers=f"P-Asserted-Identity: <sip:{STRANGER}@acme.example>")
    scene.assert_refused(asserted, "cli_unknown", seller.customer)
    saved(scene, "customer", seller.customer, cli_pool="refuse_unless_cli")
    scene.assert_refused(call(scene, seller, cli=DID), "cli_unknown", seller.customer)
    assert call(scene, seller, cli=VERIFIED).code == 200
    saved(scene, "customer", seller.customer, cli_pool="disabled")
    assert call(scene, seller, cli=STRANGER).code == 200
    scene.assert_books()
