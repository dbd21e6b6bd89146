"""Claims about kept balances: statements say the same with and without them, and what is wrong is found and mended."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme
from tests.store.test_document_laws import broken, unguarded
from tollgate.actions.customer_statements import statement_of
from tollgate.actions.kept_balances import keep_anew, keep_balances
from tollgate.actions.postings import wallet_of
from tollgate.core.statement import Statement
from tollgate.jobs import doctor, timetable
from tollgate.jobs.doctor import WRONG, Finding
from tollgate.store.models import Account, Customer

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 40
KEPT = "kept_balances_are_the_sums_of_entries"
SINCE = "UPDATE wallet_day SET balance_micros = balance_micros + 5 WHERE wallet_id = %s AND day_on = %s"


def moving(account: Account, zone: str) -> Customer:
    """Whose wallet moved some times on most of forty days, now and then in another order than the ids'."""
    customer, chance = acme(account, billing_zone=zone), random.Random(7)
    moments = [BEGIN + timedelta(days=DAYS) * (place / 150) for place in range(150)]
    moments = [at + timedelta(minutes=chance.randrange(-20, 20)) for at in moments if at.day not in (5, 6, 17)]
    wallet = wallet_of(customer)
    with connection.cursor() as cursor:
        for at in moments:
            micros = chance.randrange(-9, 12) * EURO
            cursor.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency)"
                " VALUES (%s, %s, %s, 'adjustments', 'adjustment', %s, 'EUR')",
                [account.pk, at, wallet.pk, micros],
            )
            cursor.execute("UPDATE wallet SET balance_micros = balance_micros + %s WHERE id = %s", [micros, wallet.pk])
    return customer


def told(customer: Customer) -> list[Statement]:
    """The statement of each day, and of all from each day on."""
    days = [BEGIN.date() + timedelta(days=day) for day in range(-1, DAYS + 2)]
    found = [statement_of(customer, from_on=day, until_on=day + timedelta(days=1)) for day in days]
    return found + [statement_of(customer, from_on=day, until_on=days[-1]) for day in days]


def kept_count() -> int:
    """How many balances are kept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM wallet_day")
        found: int = cursor.fetchone()[0]  # type: ignore[index]
        return found


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_statement_is_the_same_whatever_was_kept_of_its_days(account: Account, zone: str) -> None:
    customer = moving(account, zone)
    before = told(customer)
    assert any(one.opening_micros for one in before)
    for day in (3, 4, 20, DAYS + 5):
        keep_balances(BEGIN + timedelta(days=day))
        assert told(customer) == before
        assert broken() == set()
    kept = kept_count()
    assert kept > 30
    keep_balances(BEGIN + timedelta(days=DAYS + 5))
    assert kept_count() == kept, "what is kept is not kept again"


def test_a_day_is_kept_when_it_has_been_over_for_a_day(account: Account) -> None:
    moving(account, "UTC")
    keep_balances(BEGIN + timedelta(days=2) - timedelta(seconds=1))
    before = kept_count()
    keep_balances(BEGIN + timedelta(days=2))
    assert kept_count() == before + 1


def test_what_was_kept_is_what_is_read_and_where_it_is_wrong_it_is_found_and_kept_anew(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = moving(account, "UTC")
    at, wrong_on = BEGIN + timedelta(days=DAYS + 5), date(2026, 1, 20)
    before = told(customer)
    keep_balances(at)
    with connection.cursor() as cursor:
        cursor.execute(SINCE, [wallet_of(customer).pk, wrong_on])
    after = statement_of(customer, from_on=date(2026, 1, 21), until_on=date(2026, 1, 22))
    known = next(one for one in before if one.from_on == date(2026, 1, 21))
    assert after.opening_micros == known.opening_micros + 5
    assert broken() == {KEPT}
    keep_anew(wrong_on, at)
    assert broken() == set()
    assert told(customer) == before
    with connection.cursor() as cursor:
        cursor.execute(SINCE, [wallet_of(customer).pk, wrong_on])
    told_by_the_doctor = Finding(KEPT, WRONG, "2 differences", ({"day_on": wrong_on}, {"day_on": date(2026, 1, 21)}))
    monkeypatch.setattr(doctor, "examine", lambda _: [told_by_the_doctor])
    timetable.examine(timestamp=int(at.timestamp()))
    assert broken() == set(), "the night has kept it anew"
    timetable.balances(timestamp=int(at.timestamp()))
    late = "UPDATE entry SET at = at - interval '3 days' WHERE id = (SELECT max(id) FROM entry WHERE wallet_id = %s)"
    with unguarded(late, wallet_of(customer).pk):
        assert broken() == {KEPT}, "something was posted on a day that was over"
        keep_anew(date(2026, 1, 1), at)
        assert broken() == set()


def test_the_entries_of_some_days_are_read_by_their_ids(account: Account) -> None:
    wallet = wallet_of(moving(account, "UTC"))
    keep_balances(BEGIN + timedelta(days=DAYS + 5))
    with connection.cursor() as cursor:
        cursor.execute("SELECT entries_from(%s, %s), entries_until(%s, %s)",
                       [wallet.pk, BEGIN + timedelta(days=20), wallet.pk, BEGIN + timedelta(days=21)])  # fmt: skip
        first, last = cursor.fetchone()  # type: ignore[misc]
        cursor.execute(
            "SELECT count(*) FROM entry WHERE wallet_id = %s AND id BETWEEN %s AND %s", [wallet.pk, first, last]
        )
        assert cursor.fetchone()[0] < 30, "those of five days"  # type: ignore[index]
