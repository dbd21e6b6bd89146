"""Claims about a customer's CLI pool and its NON-CLI card: what may be said of them, by whom, and what a new customer
has of them."""

from dataclasses import replace
from typing import Any

import pytest

from tests.actions.cast import ANN, acme, bought_by, sold_by
from tests.actions.test_customers import refused
from tollgate.actions.acts import Done, acting
from tollgate.actions.cards import create_card, delete_card, update_card
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.core.cli_pools import MODES
from tollgate.store.models import Account, Card, Customer, Did


def sold(account: Account, name: str, **fields: Any) -> Card:
    return create_card(**{"account_id": account.pk, "kind": "customer", "name": name, "currency": "EUR", **fields})


@pytest.mark.parametrize("mode", MODES)
def test_a_pool_and_its_card_are_kept(account: Account, mode: str) -> None:
    card = sold_by(account)
    customer = acme(account, cli_pool=mode, non_cli_card_id=card.pk)
    assert (customer.cli_pool, customer.non_cli_card_id) == (mode, card.pk)
    assert update_customer(customer_id=customer.pk, non_cli_card_id=None).non_cli_card is None


def test_a_new_customer_has_no_pool(account: Account) -> None:
    customer = acme(account)
    assert (customer.cli_pool, customer.non_cli_card) == ("disabled", None)


def test_what_a_customer_cannot_pay_by_is_named(account: Account) -> None:
    customer = acme(account)
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    wrong = {
        "in USD": sold_by(account, "Dollars", "USD"),
        "reseller that the customer is not below": sold(account, "Nordic's", reseller_id=nordic.pk),
        "customer card of termination": sold(account, "Numbers", direction="origination"),
        "it says what the customer pays": bought_by(account),
    }
    for words, card in wrong.items():
        told = refused("non_cli_card_id", update_customer, customer_id=customer.pk, non_cli_card_id=card.pk)
        assert words in told, told
    assert "customer card" in refused("non_cli_card_id", update_customer, customer_id=customer.pk, non_cli_card_id=99)
    assert refused("cli_pool", update_customer, customer_id=customer.pk, cli_pool="maybe")
    new: dict[str, Any] = {"account_id": account.pk, "name": "Second", "non_cli_card_id": wrong["in USD"].pk}
    assert "in USD" in refused("non_cli_card_id", create_customer, currency="EUR", **new)
    assert create_customer(currency="USD", **new).non_cli_card == wrong["in USD"]


def test_a_customer_is_not_moved_away_from_whose_card_it_pays_by(account: Account) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    card = sold(account, "Nordic's", reseller_id=nordic.pk)
    customer = acme(account, parent_id=nordic.pk, non_cli_card_id=card.pk)
    assert "not below" in refused("non_cli_card_id", update_customer, customer_id=customer.pk, parent_id=None)
    moved = update_customer(customer_id=customer.pk, parent_id=None, non_cli_card_id=None)
    assert (moved.parent_id, moved.non_cli_card_id) == (None, None)


def test_a_card_in_use_stays_as_it_is(account: Account) -> None:
    card = sold_by(account)
    customer = acme(account, cli_pool="non_cli_unless_did", non_cli_card_id=card.pk)
    assert "NON-CLI" in refused("card_id", delete_card, card_id=card.pk)
    assert "NON-CLI" in refused("direction", update_card, card_id=card.pk, direction="origination")
    update_customer(customer_id=customer.pk, non_cli_card_id=None)
    delete_card(card_id=card.pk)
    assert not Card.objects.filter(pk=card.pk).exists()


def test_what_would_refuse_calls_is_told_where_it_is_said(account: Account, done: Done) -> None:
    customer = acme(account)

    def told(**changes: Any) -> list[str]:
        done.warnings.clear()
        update_customer(customer_id=customer.pk, **changes)
        return [words for words in done.warnings if "CLI" in words or "DID" in words]

    assert "no NON-CLI card" in told(cli_pool="non_cli_unless_either")[0]
    assert told(company="Acme UAB") == [], "not with every save"
    assert told(cli_pool="non_cli_unless_either", non_cli_card_id=sold_by(account).pk) == []
    assert "no DID" in told(cli_pool="did_or_random")[0]
    assert "no verified CLI" in told(cli_pool="cli_or_random")[0]
    Did.objects.create(account=account, number="37052070001", customer=customer, card=sold(account, "N"))
    add_verified_cli(customer_id=customer.pk, number="37052070002")
    assert told(cli_pool="did_or_random") == told(cli_pool="cli_or_random") == told(cli_pool="refuse_unless_did") == []


def test_a_new_customer_of_a_domain_has_the_pool_of_its_template_and_the_card_where_it_can_pay_by_it(
    account: Account,
) -> None:
    card = sold_by(account)
    template = acme(account, cli_pool="non_cli_unless_cli", non_cli_card_id=card.pk)
    domain = create_portal_domain(account_id=account.pk, host="a.example", brand="A", template_customer_id=template.pk)

    def made(name: str, **fields: Any) -> tuple[str, int | None]:
        given = {"currency": "EUR", "domain_id": domain.pk, **fields}
        customer = create_customer(account_id=account.pk, name=name, **given)
        return customer.cli_pool, customer.non_cli_card_id

    assert made("Like it") == ("non_cli_unless_cli", card.pk)
    assert made("In dollars", currency="USD") == ("non_cli_unless_cli", None)
    assert made("Of its own", cli_pool="refuse_unless_did") == ("refuse_unless_did", None)
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    nordics = sold(account, "Nordic's", reseller_id=nordic.pk)
    Customer.objects.filter(pk=template.pk).update(parent=nordic, non_cli_card=nordics)
    assert made("Yours") == ("non_cli_unless_cli", None)
    assert made("Nordic's own", parent_id=nordic.pk) == ("non_cli_unless_cli", nordics.pk)


def test_a_resellers_user_prices_by_the_resellers_own_cards_alone(account: Account) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    customer = acme(account, parent_id=nordic.pk)
    own, yours = sold(account, "Nordic's", reseller_id=nordic.pk), sold_by(account)
    rita = replace(ANN, name="Rita", reseller_id=nordic.pk, reach=frozenset({customer.pk}))
    with acting(rita):
        assert refused("non_cli_card_id", update_customer, customer_id=customer.pk, non_cli_card_id=yours.pk)
        changed = update_customer(customer_id=customer.pk, cli_pool="non_cli_unless_did", non_cli_card_id=own.pk)
        assert changed.non_cli_card_id == own.pk
    update_customer(customer_id=customer.pk, non_cli_card_id=yours.pk)
    with acting(rita):
        kept = update_customer(customer_id=customer.pk, cli_pool="refuse_unless_did", non_cli_card_id=yours.pk)
        assert (kept.cli_pool, kept.non_cli_card_id) == ("refuse_unless_did", yours.pk)
