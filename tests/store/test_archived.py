"""Claims about calls that only the lake still has: their corrections are summed, and their price is still told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.forms.models import model_to_dict

from tests.store.cast import wallet_of
from tests.store.lake_cast import Traffic
from tollgate.core.lake import day_begins
from tollgate.jobs.explain import story
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_retention import archive_days
from tollgate.store.models import CDR, Account, Customer, Wallet
from tollgate.store.queries.archived import archived_cdr
from tollgate.store.sql import load

AT = datetime.now(UTC)
DAY = AT.date() - timedelta(days=6)
LAWS = ("summaries_are_the_records", "corrections_of_archived_calls_are_in_the_summaries")


def rolled_up() -> None:
    """Adds what is written to the summaries; the test's own rows are written by then."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT roll_up(100000)")


def broken() -> list[str]:
    """Which laws of the summaries do not hold."""
    found = []
    with connection.cursor() as cursor:
        for law in LAWS:
            cursor.execute(load("ledger_laws")[law])
            found += [law] if cursor.fetchall() else []
    return found


@pytest.mark.django_db(transaction=True)
def test_corrections_of_archived_calls_are_summed_and_their_calls_still_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    traffic = Traffic()
    traffic.day(DAY, 103)
    traffic.day(AT.date(), 5)
    Customer.objects.update(invoice_schedule="none")
    traffic.correct(3, -17)
    rolled_up()
    kept = {
        cdr.pk: model_to_dict(cdr) for cdr in CDR.objects.filter(started_at__lt=day_begins(DAY) + timedelta(days=1))
    }
    told = story("3")[0]
    night = AT + timedelta(days=2)
    write_closed_days(night)
    Account.objects.update(cdr_live_days=7)
    assert archive_days(night) == ([DAY], "")
    assert broken() == []
    assert traffic.carrier is not None
    purse = Wallet.objects.get(kind="carrier", owner_id=traffic.carrier.pk)
    with connection.cursor() as cursor:
        for wallet, micros in ((wallet_of(traffic.acme), 100), (purse, 40)):
            cursor.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
                " VALUES (%s, clock_timestamp(), %s, 'revenue', 'correction', %s, 'EUR', 3)",
                [traffic.account.pk, wallet.pk, micros],
            )
    rolled_up()
    assert broken() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(correction_micros), sum(carrier_correction_micros), sum(profit_correction_micros)"
            " FROM summary WHERE customer_id = %s AND carrier_id = %s",
            [traffic.acme.pk, traffic.carrier.pk],
        )
        assert cursor.fetchone() == (-100 + 17, 40, -100 + 17 - 40)
        cursor.execute("UPDATE summary SET correction_micros = correction_micros + 1 WHERE correction_micros <> 0")
    assert broken() == [LAWS[1]]
    with connection.cursor() as cursor:  # as of an old installation, whose archived calls have no currency
        cursor.execute("ALTER TABLE archived_call DISABLE TRIGGER USER")
        cursor.execute("UPDATE archived_call SET currency = NULL, carrier_currency = NULL")
        cursor.execute(
            "SELECT DISTINCT currency, carrier_currency, correction_micros <> 0 FROM call_line"
            " WHERE attempts = 0 AND started_at < %s",
            [day_begins(DAY) + timedelta(days=1)],
        )
        assert set(cursor.fetchall()) == {("EUR", None, True), (None, "EUR", False)}
    for call_id in (1, 3, 8, 50):  # a refused one is among them
        found = archived_cdr(traffic.account.pk, call_id, night)
        assert found is not None
        assert model_to_dict(found) == kept[call_id]
    assert archived_cdr(traffic.account.pk, 10**6, night) is None
    assert story("3")[0].split("Entries")[0] == told.split("Entries")[0]
