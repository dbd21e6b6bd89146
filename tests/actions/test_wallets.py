"""Claims about money that people move: the balance is always the sum of the entries."""

from decimal import Decimal
from functools import partial

import pytest
from django.db import connection
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_customers import refused
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.checks import MOST_MICROS
from tollgate.actions.postings import MOST_BALANCE_MICROS, post
from tollgate.actions.wallets import adjust, top_up
from tollgate.store.models import Account, Audit, Customer, Entry, Payment, Wallet

AMOUNTS = st.integers(-1000, 1000).filter(bool).map(lambda cents: cents * EURO // 100)


def wallet_of(customer: Customer) -> Wallet:
    """The wallet as it is now."""
    return Wallet.objects.get(kind="customer", owner_id=customer.pk)


def test_a_top_up_is_one_entry_and_in_the_balance_at_once(account: Account) -> None:
    customer = acme(account)
    adjust(wallet_id=wallet_of(customer).pk, amount_micros=-EURO, note="an entry without a key")
    adjust(wallet_id=wallet_of(customer).pk, amount_micros=EURO, note="and back")
    entry = top_up(customer_id=customer.pk, amount_micros=25 * EURO, note="bank transfer 17")
    assert Payment.objects.get(entry_id=entry.pk).amount_micros == 25 * EURO, "it is a payment, with or without a key"
    assert (entry.book, entry.kind, entry.amount_micros, entry.currency) == ("payments", "topup", 25 * EURO, "EUR")
    assert (wallet_of(customer).balance_micros, entry.note) == (25 * EURO, "bank transfer 17")
    assert Audit.objects.filter(table_name="entry", row_id=entry.pk, actor="Ann", act="top_up").exists()


def test_who_moves_money_stands_in_the_customers_log_with_capacity_and_address(account: Account) -> None:
    customer = acme(account)
    with acting(Actor("Ann", frozenset({"*"}), kind="user", id=7, ip="192.0.2.7")):
        entry = adjust(wallet_id=wallet_of(customer).pk, amount_micros=-EURO, note="wrong rate in May")
    logged = Audit.objects.get(table_name="entry", row_id=entry.pk)
    assert (logged.actor_kind, logged.actor_id, str(logged.ip)) == ("user", 7, "192.0.2.7")
    assert (logged.account_id, logged.customer_id) == (account.pk, customer.pk)


def test_an_adjustment_needs_a_reason_and_goes_both_ways(account: Account) -> None:
    wallet = wallet_of(acme(account))
    assert adjust(wallet_id=wallet.pk, amount_micros=-EURO, note="wrong rate in May").book == "adjustments"
    refused("note", adjust, wallet_id=wallet.pk, amount_micros=EURO, note=" ")
    refused("amount_micros", adjust, wallet_id=wallet.pk, amount_micros=0, note="nothing")
    assert Wallet.objects.get(pk=wallet.pk).balance_micros == -EURO


def test_a_top_up_is_above_zero_and_within_range(account: Account) -> None:
    customer = acme(account)
    for amount in (0, -1, MOST_MICROS + 1, "25", 2.5):
        refused("amount_micros", top_up, customer_id=customer.pk, amount_micros=amount)
    top_up(customer_id=customer.pk, amount_micros=MOST_MICROS)
    top_up(customer_id=customer.pk, amount_micros=MOST_MICROS)
    assert wallet_of(customer).balance_micros == 2 * MOST_MICROS, "a rupiah is little: wallets hold more than is typed"
    beyond = {"note": "x", "amount_micros": MOST_BALANCE_MICROS - 2 * MOST_MICROS + 1}
    refused("amount_micros", partial(post, wallet_of(customer), "adjustments", "adjustment"), **beyond)
    assert Entry.objects.count() == 2


def test_the_same_key_posts_once(account: Account) -> None:
    customer = acme(account)
    first = top_up(customer_id=customer.pk, amount_micros=EURO, key="invoice-1")
    assert top_up(customer_id=customer.pk, amount_micros=EURO, key="invoice-1") == first
    assert wallet_of(customer).balance_micros == EURO
    refused("key", top_up, customer_id=customer.pk, amount_micros=2 * EURO, key="invoice-1")


def test_only_wallets_with_money_are_adjusted(account: Account) -> None:
    own = Wallet.objects.get(kind="account", owner_id=account.pk)
    refused("wallet_id", adjust, wallet_id=own.pk, amount_micros=1, note="x")
    with pytest.raises(NotFound):
        adjust(wallet_id=own.pk + 1000, amount_micros=1, note="x")


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(AMOUNTS, max_size=6))
def test_a_balance_is_the_sum_of_its_entries_and_the_books_sum_to_zero(amounts: list[int]) -> None:
    with acting(ANN):
        account = demo_account()
        customer = acme(account)
        wallet = wallet_of(customer)
        for amount in amounts:
            if amount > 0:
                top_up(customer_id=customer.pk, amount_micros=amount)
            else:
                adjust(wallet_id=wallet.pk, amount_micros=amount, note="correction")
    entries = Entry.objects.filter(wallet=wallet).aggregate(total=Sum("amount_micros"))["total"] or 0
    assert wallet_of(customer).balance_micros == entries == sum(amounts)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(amount_micros), 0) FROM ledger_line WHERE account_id = %s", [account.pk])
        assert cursor.fetchone() == (Decimal(0),)
