"""Claims about signatures on the wire: the carrier's INVITE has one Identity header, and it verifies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sip.harness import CLI
from tests.sip.scene import Scene, Seller
from tests.sip.sipp import CallResult, Message
from tests.stir_authority import URL, Issued, issued, verified
from tollgate.core.stir import Attestation, Certificate
from tollgate.core.stir_certificates import read_key
from tollgate.store.secrets import seal

pytestmark = [pytest.mark.sip, pytest.mark.timeout(300)]
NUMBER = "442071838750"
OWN, OTHER, CUSTOMERS = issued(), issued("123A"), issued("CUST")


@pytest.fixture(scope="module")
def data_key() -> Iterator[None]:
    """Keys are sealed here and unsealed by the charging process."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TOLLGATE_DATA_KEY", "a key for tests")
    yield
    patch.undo()


@pytest.fixture(scope="module")
def scene(data_key: None, scene: Scene) -> Scene:
    """The whole path, with a certificate for everybody."""
    scene.world.insert(
        "stir_certificate", account_id=scene.world.account, url=URL, key_sealed=seal(OWN.key), is_default=True
    )
    scene.obeyed()
    return scene


def call(scene: Scene, seller: Seller, **more: Any) -> CallResult:
    return scene.edge.call(caller=seller.ip, **{"cld": NUMBER, "hold_ms": 100, **more})


def identities(scene: Scene, seller: Seller, result: CallResult, *, gateway: int = 0) -> list[str]:
    """The Identity headers that a carrier got with the call."""
    invite: Message = scene.carrier_at(seller.gateways[gateway]).wait_for("INVITE", call_id=result.call_id)
    return invite.headers("Identity")


def theirs(orig: str, given: Issued = CUSTOMERS) -> str:
    """The header of a customer who signs for itself, as it comes with a call."""
    at = datetime.now(UTC)
    url = "https://customer.example/c.pem"
    certificate = Certificate(1, "", url, at, at, read_key(given.key))
    return f"Identity: {Attestation('B', orig, NUMBER, 'theirs', certificate).header(at)}"


def test_a_carrier_gets_the_signature_of_the_rule_and_each_of_several_the_same(scene: Scene) -> None:
    seller = scene.seller(carriers=("refuse503", "answer"))
    own = {"account_id": scene.world.account, "customer_id": seller.customer}
    scene.world.insert("cli_rule", cli="^0207", rewrite_cli="37052999999", attestation="A", **own)
    scene.obeyed()
    done = call(scene, seller)
    assert done.code == 200
    first, second = (identities(scene, seller, done, gateway=place) for place in (0, 1))
    assert first == second
    (identity,) = first
    claims = verified(identity, OWN.own, at=datetime.now(UTC))
    assert (claims["attest"], claims["orig"]["tn"], claims["dest"]["tn"]) == ("A", "37052999999", [NUMBER])
    detail = scene.cdr(done.call_id)["detail"]
    assert detail["meta"] == {"stir_shaken_attest": "A"}
    gates = {gate["gate"]: gate["values"] for gate in detail["gates"]}
    assert (gates["attestation"]["certificate"], gates["attestation"]["origid"]) == ("Own", claims["origid"])
    scene.assert_books()


def test_a_rule_signs_with_its_own_certificate_and_in_the_place_of_what_came(scene: Scene) -> None:
    seller = scene.seller()
    own = {"account_id": scene.world.account, "customer_id": seller.customer}
    other = scene.world.insert(
        "stir_certificate", account_id=scene.world.account, name="Other", key_sealed=seal(OTHER.key)
    )
    rule = scene.world.insert("cli_rule", cli=".*", attestation="C", certificate_id=other, **own)
    scene.obeyed()
    brought = theirs(CLI)
    kept = identities(scene, seller, call(scene, seller, headers=brought))
    assert [f"Identity: {header}" for header in kept] == [brought], "the rule does not take its place"
    scene.world.update("cli_rule", rule, signature_replaced=True)
    scene.obeyed()
    (identity,) = identities(scene, seller, call(scene, seller, headers=theirs(CLI)))
    assert verified(identity, OTHER.own, at=datetime.now(UTC))["attest"] == "C"


def test_a_signature_that_came_goes_on_only_while_it_speaks_of_the_call(scene: Scene) -> None:
    seller = scene.seller()
    passed = call(scene, seller, headers=theirs(CLI))
    (identity,) = identities(scene, seller, passed)
    assert verified(identity, CUSTOMERS.own, at=datetime.now(UTC))["attest"] == "B"
    assert "meta" not in scene.cdr(passed.call_id)["detail"]
    assert identities(scene, seller, call(scene, seller, headers=theirs("37052999999"))) == []
    assert identities(scene, seller, call(scene, seller, headers="Identity: nonsense")) == []
    short = call(scene, seller, headers=theirs("37052999999").replace("Identity", "y"))
    invite = scene.carrier_at(seller.gateways[0]).wait_for("INVITE", call_id=short.call_id)
    assert (invite.headers("Identity"), invite.headers("y")) == ([], []), "its short name is the same header"
    scene.world.insert(
        "cli_rule", account_id=scene.world.account, customer_id=seller.customer, cli="^0207", rewrite_cli="37052999999"
    )
    scene.obeyed()
    assert identities(scene, seller, call(scene, seller, headers=theirs(CLI))) == []


def test_a_call_that_needs_a_signature_is_refused_without_one(scene: Scene) -> None:
    seller = scene.seller()
    scene.world.insert(
        "cli_rule", account_id=scene.world.account, customer_id=seller.customer, cli=".*", signature_required=True
    )
    scene.obeyed()
    refused = call(scene, seller)
    scene.assert_refused(refused, "attestation", seller.customer, variant="absent")
    assert call(scene, seller, headers=theirs(CLI)).code == 200


def test_a_verified_number_is_signed_with_its_attestation(scene: Scene) -> None:
    seller = scene.seller()
    assert identities(scene, seller, call(scene, seller)) == []
    scene.world.insert("verified_cli", customer_id=seller.customer, number=CLI, attestation="A")
    scene.obeyed()
    (identity,) = identities(scene, seller, call(scene, seller))
    assert verified(identity, OWN.own, at=datetime.now(UTC))["attest"] == "A"
