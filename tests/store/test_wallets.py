"""Claims about the wallets that a trigger keeps beside their owners."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests.store.cast import EURO, customer, demo_account, wallet_of
from tollgate.store.models import Endpoint, Wallet

pytestmark = pytest.mark.django_db


def test_every_payer_has_a_wallet_below_its_parent() -> None:
    account = demo_account()
    nordic = customer(account, "Nordic", is_reseller=True)
    fjord = customer(account, "Fjord", parent=nordic)
    assert wallet_of(fjord).parent == wallet_of(nordic)
    assert wallet_of(nordic).parent == wallet_of(account)
    assert [wallet_of(owner).depth for owner in (account, nordic, fjord)] == [0, 1, 2]


def test_a_changed_limit_is_in_the_wallet_in_the_same_transaction() -> None:
    baltic = customer(demo_account(), "Baltic", debit_limit_micros=5 * EURO)
    assert wallet_of(baltic).available_micros == 5 * EURO
    baltic.debit_limit_micros, baltic.channels, baltic.cps_milli = 7 * EURO, 3, 1500
    baltic.daily_spend_limit_micros = EURO
    baltic.save()
    wallet = wallet_of(baltic)
    assert (wallet.limit_micros, wallet.channels_max, wallet.cps_max_milli) == (7 * EURO, 3, 1500)
    assert wallet.spend_max_micros == EURO


def test_an_endpoint_has_a_meter_without_money() -> None:
    account = demo_account()
    acme = customer(account, "Acme")
    endpoint = Endpoint.objects.create(account=account, customer=acme, kind="ip", network="192.0.2.7", channels=2)
    meter = Wallet.objects.get(kind="endpoint", owner_id=endpoint.pk)
    assert (meter.currency, meter.depth, meter.channels_max) == (None, 100, 2)


def test_a_currency_never_changes() -> None:
    acme = customer(demo_account(), "Acme")
    acme.currency = "USD"
    with pytest.raises(IntegrityError, match="currency: it cannot change"), transaction.atomic():
        acme.save()


def test_a_parent_must_be_a_reseller_of_the_same_account() -> None:
    account = demo_account()
    acme = customer(account, "Acme")
    with pytest.raises(IntegrityError, match="parent: it must be a reseller"), transaction.atomic():
        customer(account, "Below", parent=acme)
    elsewhere = customer(demo_account(), "Nordic", is_reseller=True)
    with pytest.raises(IntegrityError, match="parent: it must be a reseller"), transaction.atomic():
        customer(account, "Below", parent=elsewhere)


def test_a_reseller_is_never_below_itself() -> None:
    account = demo_account()
    nordic = customer(account, "Nordic", is_reseller=True)
    below = customer(account, "Below", parent=nordic, is_reseller=True)
    nordic.parent = below
    with pytest.raises(IntegrityError, match="below its own customer"), transaction.atomic():
        nordic.save()


def test_held_money_and_channels_never_go_below_zero() -> None:
    wallet = wallet_of(customer(demo_account(), "Acme"))
    for column in ("held_micros", "channels"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE wallet SET {column} = -1 WHERE id = %s", [wallet.pk])
