"""Claims about DIDs by the API: made, read and changed, and what a reseller's token is told of its customers'."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer
from tollgate.store.models import Card, Customer, Did

pytestmark = pytest.mark.django_db


def card_of(cast: Cast, name: str, **fields: Any) -> Card:
    """A card of origination."""
    given: Any = {"account_id": cast.account.pk, "kind": "customer", "currency": "EUR", "direction": "origination"}
    with acting(Actor("setup", frozenset({"*"}))):
        return create_card(**{**given, "name": name, **fields})


def below(cast: Cast) -> tuple[Customer, Customer]:
    """A reseller below Baltic, and its customer."""
    with acting(Actor("setup", frozenset({"*"}))):
        sund = create_customer(
            account_id=cast.account.pk, name="Sund", currency="EUR", parent_id=cast.baltic.pk, is_reseller=True
        )
        return sund, create_customer(account_id=cast.account.pk, name="Gull", currency="EUR", parent_id=sund.pk)


def test_a_program_makes_lists_changes_and_removes_a_did(cast: Cast, ann: Api) -> None:
    paid = card_of(cast, "Cirrus in", kind="carrier", carrier_id=cast.cirrus.pk)
    given = {"customer_id": cast.acme.pk, "card_id": card_of(cast, "In").pk, "carrier_id": cast.cirrus.pk}
    made = ann.act("create_did", account_id=cast.account.pk, number="+44 20 7183 8750", **given)
    did = made.json()["result"]
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/dids/{did['id']}")
    assert (did["number"], did["reseller_cards"], "prices_version" in did) == ("442071838750", {}, False)
    changed = ann.act("update_did", {"If-Match": '"1"'}, did_id=did["id"], carrier_card_id=paid.pk, channels=2)
    assert (changed.json()["result"]["carrier_card_id"], changed.headers["ETag"]) == (paid.pk, '"2"')
    assert ann.act("update_did", {"If-Match": '"1"'}, did_id=did["id"], channels=3).status_code == 409
    for query in ({"number": "442071838750"}, {"customer_id": cast.acme.pk}, {"carrier_id": cast.cirrus.pk}):
        assert [row["id"] for row in ann.get("dids", query).json()["data"]] == [did["id"]]
    assert ann.get("dids", {"enabled": "false"}).json()["data"] == []
    assert fields_of(ann.act("delete_did", did_id=did["id"])) == {("did_id", "invalid")}
    assert ann.act("update_did", did_id=did["id"], customer_id=None).json()["result"]["card_id"] is None
    assert ann.act("delete_did", did_id=did["id"]).status_code == 200
    assert not Did.objects.exists()
    rows = ann.get("cards", {"direction": "origination"}).json()["data"]
    assert {row["name"] for row in rows} == {"In", "Cirrus in"}


def test_a_resellers_token_is_told_neither_of_carriers_nor_of_what_those_above_it_pay(
    cast: Cast, ann: Api, rita: Api
) -> None:
    sund, gull = below(cast)
    sellers = {
        str(cast.baltic.pk): card_of(cast, "To Baltic").pk,
        str(sund.pk): card_of(cast, "To Sund", reseller_id=cast.baltic.pk).pk,
    }
    own = card_of(cast, "To Gull", reseller_id=sund.pk)
    given = {"customer_id": gull.pk, "card_id": own.pk, "carrier_id": cast.cirrus.pk, "private_note": "bought dear"}
    new = {"account_id": cast.account.pk, "number": "442071838750", **given, "reseller_cards": sellers}
    did = ann.act("create_did", **new).json()["result"]
    assert did["reseller_cards"] == sellers
    (seen,) = rita.get("dids").json()["data"]
    assert (seen["id"], seen["reseller_cards"]) == (did["id"], sellers)
    assert did.keys() - seen.keys() == {"carrier_id", "carrier_card_id", "private_note"}
    assert rita.get("dids", {"carrier_id": cast.cirrus.pk}).status_code == 422
    changed = rita.act("update_did", did_id=did["id"], public_note="Gull's").json()["result"]
    assert (changed["public_note"], changed.keys()) == ("Gull's", seen.keys())
    late = rita.act("update_did", did_id=did["id"], version=9, enabled=False)
    assert (late.status_code, {"carrier_id", "private_note"} & late.json()["current"].keys()) == (409, set())
    refused = rita.act("update_did", did_id=did["id"], carrier_id=None)
    assert (refused.status_code, fields_of(refused)) == (403, {("carrier_id", "not_editable")})
    of_sund = Actor("sara", frozenset({"*"}), reseller_id=sund.pk, reach=frozenset({gull.pk}))
    assert told_to(of_sund) == {str(sund.pk): sellers[str(sund.pk)]}


def test_a_resellers_token_reads_the_resellers_own_numbers_and_changes_none(cast: Cast, ann: Api, rita: Api) -> None:
    paid = card_of(cast, "To Baltic")
    whose = {"account_id": cast.account.pk, "customer_id": cast.baltic.pk, "card_id": paid.pk}
    own = ann.act("create_did", number="442071838751", private_note="cheap", **whose).json()["result"]
    ann.act("create_did", number="442071838752", account_id=cast.account.pk)
    (seen,) = rita.get("dids").json()["data"]
    assert (seen["id"], own.keys() - seen.keys()) == (own["id"], {"carrier_id", "carrier_card_id", "private_note"})
    assert rita.get(f"dids/{own['id']}").json() == seen
    assert rita.act("update_did", did_id=own["id"], enabled=False).status_code == 404


def told_to(actor: Actor) -> Any:
    """The cards of resellers that somebody reads of the only DID."""
    from tollgate.api.nouns import BY_NAME

    masked = BY_NAME["dids"].masked
    assert masked is not None
    return Did.objects.annotate(told=masked(actor)["reseller_cards"].expression).values_list("told", flat=True).get()
