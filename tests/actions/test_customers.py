"""Claims about customers and their limits."""

import pytest

from tests.actions.cast import EURO, acme
from tollgate.actions.accounts import create_account, update_account
from tollgate.actions.acts import Actor, Done, Invalid, NotFound, acting
from tollgate.actions.cards import create_card
from tollgate.actions.customers import create_customer, delete_customer, restore_customer, update_customer
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.wallets import adjust
from tollgate.store.models import Account, Wallet

PASSWORD = "correct horse"


def refused(field: str, act: object, **arguments: object) -> str:
    """The sentence about one field, the only one that is wrong."""
    with pytest.raises(Invalid) as caught:
        act(**arguments)  # type: ignore[operator]
    assert list(caught.value.errors) == [field]
    return caught.value.errors[field][0]


def test_a_new_customer_has_a_number_of_ten_digits_and_a_wallet(account: Account) -> None:
    customer = acme(account, debit_limit_micros=5 * EURO, channels=3)
    assert len(customer.number) == 10
    assert customer.number.isdigit()
    wallet = Wallet.objects.get(kind="customer", owner_id=customer.pk)
    assert (wallet.limit_micros, wallet.channels_max, wallet.balance_micros) == (5 * EURO, 3, 0)


def test_a_name_belongs_to_one_customer(account: Account) -> None:
    acme(account)
    assert "Another customer" in refused("name", create_customer, account_id=account.pk, name="Acme", currency="EUR")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Acme"), ("number", "4711"), ("accounting_id", "A-1"), ("paypal_email", "money@acme.example")],
)
def test_a_collision_tells_nothing_of_customers_out_of_reach(account: Account, field: str, value: str) -> None:
    new = {"account_id": account.pk, "currency": "EUR"}
    baltic = create_customer(**new, name="Baltic", is_reseller=True)
    corso = create_customer(**new, name="Corso", parent_id=baltic.pk)
    create_customer(**{**new, "name": "Acme", field: value})
    rita = Actor("rita", frozenset({"*"}), kind="user", id=1, reseller_id=baltic.pk, reach=frozenset({corso.pk}))
    with acting(rita):
        sentence = refused(field, update_customer, customer_id=corso.pk, **{field: value})
        assert sentence.endswith("cannot be used here: choose another.")
    assert "Another customer" in refused(field, update_customer, customer_id=corso.pk, **{field: value})


def test_a_customer_of_no_account_is_not_found(done: Done) -> None:
    with pytest.raises(NotFound):
        create_customer(account_id=77, name="Acme", currency="EUR")


def test_a_customer_is_below_a_reseller_of_the_same_account(account: Account) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    fjord = create_customer(account_id=account.pk, name="Fjord", currency="EUR", parent_id=nordic.pk)
    assert Wallet.objects.get(kind="customer", owner_id=fjord.pk).depth == 2
    for parent in (
        acme(account),
        create_customer(
            account_id=create_account(name="Other", currency="EUR").pk, name="O", currency="EUR", is_reseller=True
        ),
    ):
        refused("parent_id", update_customer, customer_id=fjord.pk, parent_id=parent.pk)
    refused("parent_id", update_customer, customer_id=nordic.pk, parent_id=nordic.pk)
    assert "Customers belong" in refused("is_reseller", update_customer, customer_id=nordic.pk, is_reseller=False)
    assert "Customers belong" in refused("customer_id", delete_customer, customer_id=nordic.pk)


def test_a_currency_never_changes(account: Account) -> None:
    refused("currency", update_customer, customer_id=acme(account).pk, currency="USD")


def test_a_deleted_customer_is_kept_and_can_come_back(account: Account) -> None:
    customer = acme(account)
    deleted = delete_customer(customer_id=customer.pk)
    assert deleted.deleted_at is not None
    assert delete_customer(customer_id=customer.pk).deleted_at == deleted.deleted_at
    assert restore_customer(customer_id=customer.pk).deleted_at is None


def test_a_debt_of_a_deleted_customer_is_told(account: Account, done: Done) -> None:
    customer = acme(account, debit_limit_micros=10_000_000)
    wallet = Wallet.objects.get(kind="customer", owner_id=customer.pk)
    adjust(wallet_id=wallet.pk, amount_micros=-280_000_000, note="brought over")
    delete_customer(customer_id=customer.pk)
    assert "-280 EUR" in done.warnings[-1]


def test_a_customer_moves_away_from_cards_that_are_not_its_own(account: Account) -> None:
    first, second = (
        create_customer(account_id=account.pk, name=name, currency="EUR", is_reseller=True) for name in ("One", "Two")
    )
    fjord = create_customer(account_id=account.pk, name="Fjord", currency="EUR", parent_id=first.pk)
    card = create_card(account_id=account.pk, kind="customer", name="Of One", currency="EUR", reseller_id=first.pk)
    create_ingress_route(customer_id=fjord.pk, name="World", card_id=card.pk)
    assert "World" in refused("parent_id", update_customer, customer_id=fjord.pk, parent_id=second.pk)
    other = create_customer(account_id=account.pk, name="Three", currency="EUR", is_reseller=True)
    create_card(account_id=account.pk, kind="customer", name="Of Three", currency="EUR", reseller_id=other.pk)
    assert "Cards belong" in refused("is_reseller", update_customer, customer_id=other.pk, is_reseller=False)


def test_channels_do_not_go_below_what_sip_users_are_allotted(account: Account) -> None:
    customer = acme(account, channels=5)
    create_sip_user(customer_id=customer.pk, username="desk", password=PASSWORD, channels=4)
    assert "allotted 4 channels" in refused("channels", update_customer, customer_id=customer.pk, channels=3)
    assert update_customer(customer_id=customer.pk, channels=0).channels == 0


def test_hours_and_expiry_are_kept(account: Account) -> None:
    hours = {"zone": "Europe/Vilnius", "windows": [{"weekday": 1, "from": "08:00", "until": "20:00"}], "holidays": []}
    customer = update_customer(customer_id=acme(account).pk, hours=hours, expires_at="2027-01-01T00:00:00Z")
    assert customer.hours == hours
    assert customer.expires_at is not None
    assert customer.expires_at.year == 2027
    assert "windows[0].until" in refused(
        "hours",
        update_customer,
        customer_id=customer.pk,
        hours={"zone": "UTC", "windows": [{"weekday": 1, "from": "08:00", "until": "07:00"}]},
    )


def test_a_paused_account_is_in_the_record(account: Account) -> None:
    assert update_account(account_id=account.pk, status="paused", version=account.version).status == "paused"
    refused("validity_s", update_account, account_id=account.pk, validity_s=1)
