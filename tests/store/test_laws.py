"""Claims about the laws of the books: what breaks one is found, what people may do is not."""

from typing import Any

import pytest
from django.db import connection

from tests.store.cast import EURO, customer, demo_account, wallet_of
from tollgate.store.models import Account, Customer
from tollgate.store.sql import load

pytestmark = pytest.mark.django_db


def broken() -> set[str]:
    """The names of the laws that do not hold."""
    found = set()
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            if cursor.fetchall():
                found.add(name)
    return found


def post(account: Account, wallet_id: int, amount_micros: int, kind: str = "call", hours_ago: int = 0) -> None:
    """An entry without its wallet's balance."""
    execute(
        "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency)"
        " VALUES (%s, now() - make_interval(hours => %s), %s, 'revenue', %s, %s, 'EUR')",
        account.pk,
        hours_ago,
        wallet_id,
        kind,
        amount_micros,
    )


def moved(*entries: tuple[str, int, int], **fields: Any) -> Customer:
    """A customer whose wallet got these entries: kind, so many euros, so many hours ago."""
    account = demo_account()
    acme = customer(account, "Acme", **fields)
    wallet = wallet_of(acme)
    for kind, euros, hours_ago in entries:
        post(account, wallet.pk, euros * EURO, kind, hours_ago)
    balance = sum(euros for _, euros, _ in entries) * EURO
    execute("UPDATE wallet SET balance_micros = %s WHERE id = %s", balance, wallet.pk)
    return acme


def execute(statement: str, *values: Any) -> None:
    """Run one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def owing(debt_micros: int, **fields: Any) -> Customer:
    """A customer who owes money, with the entry for it."""
    account = demo_account()
    baltic = customer(account, "Baltic", **fields)
    wallet = wallet_of(baltic)
    post(account, wallet.pk, -debt_micros)
    execute("UPDATE wallet SET balance_micros = %s WHERE id = %s", -debt_micros, wallet.pk)
    return baltic


def test_books_in_order_break_no_law() -> None:
    owing(3 * EURO, debit_limit_micros=5 * EURO)
    assert broken() == set()


def test_a_debt_beyond_the_limit_is_found() -> None:
    baltic = owing(6 * EURO, debit_limit_micros=5 * EURO)
    assert broken() == {OVERSPENT}
    with connection.cursor() as cursor:
        cursor.execute(load("ledger_laws")[OVERSPENT])
        assert [row[0] for row in cursor.fetchall()] == [baltic.account_id], "who is told of it"


OVERSPENT = "available_is_never_negative_without_a_name"


@pytest.mark.parametrize(
    ("entries", "law"),
    [
        ([("topup", 121, 99), ("tax", -21, 99), ("call", -101, 50)], {OVERSPENT}),
        ([("topup", 10, 99), ("call", -9, 80), ("package", -5, 70), ("call", -1, 30)], {OVERSPENT}),
        ([("topup", 10, 99), ("call", -9, 80), ("package", -5, 70)], set()),
        ([("topup", 10, 99), ("call", -9, 80), ("package", -5, 70), ("topup", 3, 60)], set()),
        ([("topup", 10, 99), ("package", -15, 90), ("topup", 4, 60), ("call", -1, 50)], {OVERSPENT}),
        ([("topup", 10, 99), ("call", -10, 50), ("overrun", -2, 50)], set()),
        ([("topup", 10, 99), ("fee", -4, 40), ("call", -10, 20)], set()),  # it was let through before the fee
        ([("topup", 10, 99), ("fee", -4, 50), ("call", -10, 20)], {OVERSPENT}),  # it was not
    ],
)
def test_calls_beyond_the_money_are_found_though_taxes_and_packages_cost_something_too(
    entries: list[tuple[str, int, int]], law: set[str]
) -> None:
    moved(*entries)
    assert broken() == law


def test_a_limit_lowered_below_the_debt_is_no_broken_book() -> None:
    baltic = owing(3 * EURO, debit_limit_micros=5 * EURO)
    baltic.debit_limit_micros = 0
    baltic.save()
    assert broken() == set()


def test_an_entry_whose_wallet_never_got_it_is_found() -> None:
    account = demo_account()
    post(account, wallet_of(customer(account, "Acme")).pk, EURO)
    assert broken() == {"lines_sum_to_zero", "balance_is_the_sum_of_entries"}


def test_an_entry_of_no_wallet_is_found() -> None:
    post(demo_account(), 999_999_999, EURO)
    assert broken() == {"lines_sum_to_zero"}


@pytest.mark.parametrize(
    ("column", "law"), [("held_micros", "held_is_the_sum_of_live_holds"), ("channels", "channels_are_the_live_calls")]
)
def test_what_no_live_call_explains_is_found(column: str, law: str) -> None:
    acme = customer(demo_account(), "Acme", debit_limit_micros=EURO)
    execute(f"UPDATE wallet SET {column} = 1 WHERE id = %s", wallet_of(acme).pk)
    assert broken() == {law}
