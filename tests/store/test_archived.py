"""Claims about calls that only the lake still has: their corrections are summed, and their price is still told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.forms.models import model_to_dict

from tests.actions.cast import ANN
from tests.actions.test_tasks import actor_of, user, work
from tests.store.cast import wallet_of
from tests.store.lake_cast import Traffic
from tollgate.actions.acts import NotFound, acting
from tollgate.actions.recalculations import recalculate_call, start_recalculation
from tollgate.core.lake import Row, Search, Span, day_begins, instant_us
from tollgate.jobs.explain import story
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_engines import DuckLake
from tollgate.store.lake_retention import archive_days
from tollgate.store.models import CDR, Account, Customer, Entry, LakeFile, Recalculation, Revision, Wallet
from tollgate.store.queries import lake, recalculation
from tollgate.store.queries.archived import archived_cdr
from tollgate.store.queries.recalculation import call_of, calls_of, count_of, ids_of
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
    leg = {"wallet": wallet_of(traffic.acme).pk, "card": traffic.card.pk, "currency": "EUR", "book": "revenue"}
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE cdr SET detail = %s WHERE id = 7", [json.dumps({"legs": [leg]})])
    Revision.objects.update(published_at=AT)
    wanted = Recalculation.objects.create(
        account=traffic.account, customer=traffic.acme, kind="adjust_duration", least_s=0, new_s=60, reason="hung",
        from_at=day_begins(DAY), until_at=day_begins(DAY) + timedelta(days=1), author="Ann", released_by=["caller"],
    )  # fmt: skip
    chosen = [cdr.pk for cdr in calls_of(wanted)]
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
    assert ([cdr.pk for cdr in calls_of(wanted)], count_of(wanted)) == (chosen, len(chosen))
    assert [pk for pk, _ in ids_of(wanted)] == chosen
    with acting(ANN):
        with pytest.raises(NotFound):
            recalculate_call(call_id=4, recalculation_id=wanted.pk)  # Baltic's
        assert [recalculate_call(call_id=7, recalculation_id=wanted.pk) for _ in range(2)] == [1, 0]
    rolled_up()
    assert broken() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(correction_micros), sum(carrier_correction_micros), sum(profit_correction_micros)"
            " FROM summary WHERE customer_id = %s AND carrier_id = %s",
            [traffic.acme.pk, traffic.carrier.pk],
        )
        corrected = -100 + 17 + 15_000 - int(kept[7]["cost_micros"])
        assert cursor.fetchone() == (corrected, 40, corrected - 40)
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


@pytest.mark.django_db(transaction=True)
def test_a_job_asks_the_lake_by_days_and_not_by_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    traffic, asked = Traffic(), []
    days = (DAY - timedelta(days=1), DAY)
    for day in days:
        traffic.made = instant_us(day_begins(day) + timedelta(hours=1)) << 12  # ids that tell their day
        traffic.day(day, 20)
    Customer.objects.update(invoice_schedule="none")
    rolled_up()
    leg = {"wallet": wallet_of(traffic.acme).pk, "card": traffic.card.pk, "currency": "EUR", "book": "revenue"}
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE cdr SET detail = %s", [json.dumps({"legs": [leg]})])
    Revision.objects.update(published_at=AT)
    charged = list(
        CDR.objects.filter(customer=traffic.acme, state="charged").order_by("pk").values_list("pk", flat=True)
    )
    night = AT + timedelta(days=2)
    write_closed_days(night)
    Account.objects.update(cdr_live_days=7)
    assert archive_days(night) == (list(days), "")
    rows = DuckLake.rows

    def counted(self: DuckLake, *arguments: Any, **more: Any) -> list[tuple[Any, ...]]:
        asked.append(arguments)
        return rows(self, *arguments, **more)

    monkeypatch.setattr(DuckLake, "rows", counted)
    ann = user("ann@demo.example", "*")
    with acting(actor_of(ann)):
        done = start_recalculation(
            account_id=traffic.account.pk, kind="adjust_duration", least_s=0, new_s=60, reason="hung", on_notes=False,
            from_at=day_begins(days[0]), until_at=day_begins(DAY) + timedelta(days=1), customer_id=traffic.acme.pk,
        )  # fmt: skip
    assert (len(asked), work(1)) == (0, 1)
    done.task.refresh_from_db()  # type: ignore[union-attr]
    assert (len(asked), done.task and done.task.total_count) == (2, len(charged) + 1), "the search is a row too"
    assert work(1) == 1
    LakeFile.objects.update(erased_at=AT)
    assert call_of(done, charged[-1]) is call_of(done, charged[1]) is None, "what was read ahead counts no more"
    LakeFile.objects.update(erased_at=None)
    asked.clear()
    while work(1):  # each row in a shift of its own, as with an engine that takes seconds
        pass
    assert len(asked) == len(days) < len(charged)
    assert done.task is not None
    assert not done.task.rows.exclude(state="done").exists()
    paid = Entry.objects.filter(wallet=wallet_of(traffic.acme), call_id__in=charged).order_by("call_id")
    sums = dict(paid.values_list("call_id").annotate(micros=Sum("amount_micros")))
    assert sums == dict.fromkeys(charged, -15_000)
    for name in ("AT_A_TIME", "LISTED_AT_A_TIME"):
        monkeypatch.setattr(recalculation, name, 3)
    assert [pk for pk, _ in ids_of(done)] == [cdr.pk for cdr in calls_of(done)] == charged, "page by page"


@pytest.mark.django_db
def test_a_call_is_looked_for_in_few_days_of_the_lake_whatever_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    account, asked = Account.objects.create(name="Demo", currency="EUR"), []
    for days in range(60):
        LakeFile.objects.create(
            account=account, kind="call", day_on=DAY - timedelta(days=days), version=1, path=f"{days}", rows_count=0,
            bytes_count=0, sums=[], sha256="",
        )  # fmt: skip

    def search(_wanted: Search, span: Span, at: datetime, **_more: int) -> list[Row]:
        asked.append([day for day, _ in lake.sides_of("call", span, at).lake_files])
        return []

    monkeypatch.setattr(lake, "search", search)
    drawn_at = day_begins(DAY - timedelta(days=20)) + timedelta(hours=1)
    for call_id in (instant_us(drawn_at) << 12 | 4095, 5, 2**63 - 1, 2**63, 10**30):
        assert archived_cdr(account.pk, call_id, AT) is None
    assert [len(days) for days in asked] == [8, 31, 0]
    assert (asked[0][-1], asked[1][-1]) == (drawn_at.date(), DAY)
