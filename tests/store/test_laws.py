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


def post(account: Account, wallet_id: int, amount_micros: int) -> None:
    """An entry without its wallet's balance."""
    execute(
        "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency)"
        " VALUES (%s, now(), %s, 'revenue', 'call', %s, 'EUR')",
        account.pk,
        wallet_id,
        amount_micros,
    )


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
    owing(6 * EURO, debit_limit_micros=5 * EURO)
    assert broken() == {"available_is_never_negative_without_a_name"}


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
