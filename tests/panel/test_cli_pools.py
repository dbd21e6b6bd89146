"""Claims about CLI pools in the panel and the API: the form says what may be chosen, to whom, and saves it whole."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.api.caller import Api
from tests.panel.bulk import job
from tests.panel.cast import PASSWORD, Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_cli_rules import RULE
from tests.panel.test_forms import as_shown
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.cli_pools import MODES
from tollgate.store.models import Audit, Card, Customer, Did

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))


@pytest.fixture
def dear(cast: Cast) -> Card:
    """A card for calls from numbers that are not the customer's, and others that do not fit."""
    with acting(SETUP):
        own: dict[str, Any] = {"account_id": cast.account.pk, "kind": "customer"}
        create_card(name="Dollars", currency="USD", **own)
        create_card(name="Numbers", currency="EUR", direction="origination", **own)
        create_card(name="Rhine's", currency="EUR", reseller_id=cast.baltic.pk, **own)
        return create_card(name="Dear", currency="EUR", **own)


def edit(cast: Cast) -> str:
    return f"/customers/{cast.acme.pk}/edit/"


def test_a_pool_and_its_card_are_saved_and_shown_again(cast: Cast, ann: Client, dear: Card) -> None:
    page = ann.get(edit(cast))
    fields = page.context["form"].fields
    assert [value for value, _ in fields["cli_pool"].choices] == list(MODES)
    assert page.context["form"].sheets()[4].title == "Verification"
    offers = ann.get(str(fields["non_cli_card_id"].widget.attrs["data-suggest"])).json()["offers"]
    assert {offer["value"] for offer in offers} == {"Retail", "Dear", "Rhine's"}, (
        "in its currency, of calls that go out"
    )
    sent = as_shown(page) | {"cli_pool": "non_cli_unless_either", "non_cli_card_id": "Dear"}
    assert ann.post(edit(cast), sent).status_code == 302
    acme = Customer.objects.get(pk=cast.acme.pk)
    assert (acme.cli_pool, acme.non_cli_card) == ("non_cli_unless_either", dear)
    again = as_shown(ann.get(edit(cast)))
    assert (again["cli_pool"], again["non_cli_card_id"]) == ("non_cli_unless_either", "Dear")
    assert ann.post(edit(cast), again).status_code == 302
    logged = Audit.objects.filter(table_name="customer", row_id=acme.pk).latest("id")
    assert (logged.actor, logged.after["cli_pool"]) == ("ann@demo.example", "non_cli_unless_either")
    assert "NON-CLI card" in ann.get(f"/customers/{acme.pk}/audit/").content.decode()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("cli_pool", "maybe"),
        ("non_cli_card_id", "Nothing"),
        ("non_cli_card_id", "Dollars"),
        ("non_cli_card_id", "Rhine's"),
    ],
)
def test_what_cannot_be_is_named_at_its_field(cast: Cast, ann: Client, dear: Card, field: str, text: str) -> None:
    answer = ann.post(edit(cast), as_shown(ann.get(edit(cast))) | {field: text})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Customer.objects.get(pk=cast.acme.pk).cli_pool == "disabled"


def test_who_may_read_no_cards_sees_none_and_leaves_it_as_it_is(cast: Cast, dear: Card) -> None:
    Customer.objects.filter(pk=cast.acme.pk).update(cli_pool="non_cli_unless_did", non_cli_card=dear)
    with acting(SETUP):
        group = create_user_group(name="Desk", acts=["update_customer"], areas=["customers"])
        user = create_user(name="Dee", email="dee@demo.example", password=PASSWORD, group_ids=[group.pk])
    dee = logged_in(user)
    page = dee.get(edit(cast))
    assert "non_cli_card_id" not in page.context["form"].fields
    assert "Dear" not in page.content.decode()
    assert dee.get("/suggestions/non_cli_card/").json()["offers"] == []
    assert dee.post(edit(cast), as_shown(page) | {"cli_pool": "non_cli_unless_cli"}).status_code == 302
    acme = Customer.objects.get(pk=cast.acme.pk)
    assert (acme.cli_pool, acme.non_cli_card) == ("non_cli_unless_cli", dear)


def test_a_resellers_user_names_the_resellers_cards_and_sees_the_one_that_its_customer_pays_by(
    cast: Cast, dear: Card
) -> None:
    user, corso = with_rita(cast)
    rita, page = logged_in(user), f"/customers/{corso.pk}/edit/"
    field = rita.get(page).context["form"].fields["non_cli_card_id"]
    offers = rita.get(str(field.widget.attrs["data-suggest"])).json()["offers"]
    assert [offer["value"] for offer in offers] == ["Rhine's"]
    assert rita.post(page, as_shown(rita.get(page)) | {"non_cli_card_id": "Dear"}).status_code == 422
    assert rita.get(f"/cards/{dear.pk}/").status_code == 404
    Customer.objects.filter(pk=corso.pk).update(non_cli_card=dear)
    assert rita.get(f"/cards/{dear.pk}/").status_code == 200
    kept = as_shown(rita.get(page))
    assert kept["non_cli_card_id"] == "Dear"
    assert rita.post(page, kept | {"cli_pool": "non_cli_unless_cli"}).status_code == 302
    chosen = as_shown(rita.get(page)) | {"non_cli_card_id": "Rhine's"}
    assert rita.post(page, chosen).status_code == 302
    corso.refresh_from_db()
    assert (corso.cli_pool, str(corso.non_cli_card)) == ("non_cli_unless_cli", "Rhine's")


def test_a_rule_is_tried_with_the_pool_of_its_customer(cast: Cast, ann: Client, dear: Card) -> None:
    Did.objects.create(account=cast.account, number="37052070001", customer=cast.acme, card=dear)

    def tried(mode: str, number: str, **rule: str) -> str:
        Customer.objects.filter(pk=cast.acme.pk).update(cli_pool=mode, non_cli_card=dear)
        asked = {**RULE, "cli": "^99", "customer": cast.acme.pk, "try_cli": number, **rule}
        return ann.get(f"/cli-rules/try/?{urlencode(asked)}").content.decode()

    assert "<b>37052070001</b>" in tried("did_or_random", "12025550123")
    assert "a number of the pool is shown" in tried("did_or_random", "12025550123")
    assert "A DID of the customer" in tried("refuse_unless_did", "37052070001")
    assert "prices the call" in tried("non_cli_unless_did", "12025550123")
    refused = tried("refuse_unless_did", "9912025550123")
    assert "Refused" in refused
    assert "The number is not in the customer" in refused


def test_programs_and_bulk_edits_set_it_as_the_form_does(cast: Cast, ann: Client, dear: Card) -> None:
    api, named = Api.of(cast.ann), {"customer_id": cast.acme.pk}
    answer = api.act("update_customer", **named, cli_pool="non_cli_unless_did", non_cli_card_id=dear.pk)
    assert answer.status_code == 200, answer.content
    told = answer.json()["result"]
    assert (told["cli_pool"], told["non_cli_card_id"]) == ("non_cli_unless_did", dear.pk)
    refused = api.act("update_customer", **named, non_cli_card_id=Card.objects.get(name="Dollars").pk)
    assert (refused.status_code, "non_cli_card_id" in refused.content.decode()) == (422, True)
    seen = api.get(f"customers/{cast.acme.pk}").json()
    assert (seen["cli_pool"], seen["non_cli_card_id"]) == ("non_cli_unless_did", dear.pk)
    both = {"id": [cast.acme.pk, cast.baltic.pk], "field": ["cli_pool", "non_cli_card_id"]}
    told = job(ann.post("/bulk/customer/edit/", {**both, "cli_pool": "refuse_unless_either"}, follow=True))
    assert "2 of 2 rows done" in told
    changed = Customer.objects.filter(cli_pool="refuse_unless_either", non_cli_card=None)
    assert set(changed) == {cast.acme, cast.baltic}
