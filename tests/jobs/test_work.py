"""Claims about the timetable and its worker."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection

from tests.actions.cast import ANN, acme, demo_account
from tests.jobs.installation import MODULE, ROOT, Installation
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact
from tollgate.jobs import doctor, ticks, timetable
from tollgate.jobs.postgres import Postgres
from tollgate.store.models import Account, Audit, Customer, Message

TODAY = date(2031, 5, 1)


@pytest.mark.django_db
def test_the_week_ahead_has_its_partitions_and_they_are_made_once() -> None:
    days = [TODAY + timedelta(days=ahead) for ahead in range(8)]
    assert timetable.make_partitions(TODAY) == days
    assert timetable.make_partitions(TODAY) == []
    timetable.partitions(timestamp=int(datetime(2031, 5, 2, tzinfo=UTC).timestamp()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('cdr_20310509') IS NOT NULL")
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_sessions_that_have_ended_are_forgotten() -> None:
    for days in (-1, 1):
        session = SessionStore()
        session.set_expiry(timedelta(days=days))
        session.save()
    timetable.sessions(timestamp=0)
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_an_uploaded_file_is_gone_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name, age_s in (("old", 90_000), ("new", 80_000)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age_s,) * 2)
    timetable.old_tasks(timestamp=0)
    assert [file.name for file in folder.iterdir()] == ["new"]


@pytest.mark.django_db
def test_a_penalty_that_is_over_is_taken_off_and_an_end_that_is_near_is_told() -> None:
    with acting(ANN):
        customer = acme(demo_account(), expires_at=datetime.now(UTC) + timedelta(days=2))
        create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    Customer.objects.update(status="penalty", status_until=datetime.now(UTC) - timedelta(minutes=1))
    timetable.customer_blocks(timestamp=0)
    assert Customer.objects.get().status == "active"
    timetable.expiry_notices(timestamp=0)
    timetable.expiry_notices(timestamp=0)
    timetable.cli_lapses(timestamp=0)
    assert Message.objects.get().recipient == "carla@acme.example"
    assert {"end_customer_blocks", "notify_expiring_customers"} == set(
        Audit.objects.filter(actor="timetable").values_list("act", flat=True)
    )


@pytest.mark.django_db
def test_a_broken_law_raises_an_alarm(
    own_demo: Installation, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATABASE_URL", own_demo.url)
    monkeypatch.setattr(doctor, "CHECKS", doctor.CHECKS[-1:])
    with caplog.at_level(logging.CRITICAL):
        timetable.examine(timestamp=0)
        assert caplog.messages == []
        with psycopg.connect(own_demo.url) as changing:
            changing.execute("UPDATE wallet SET balance_micros = 0 WHERE kind = 'carrier'")
        timetable.examine(timestamp=0)
    alarms = {message.split(":")[0] for message in caplog.messages}
    assert alarms == {"ALARM lines_sum_to_zero", "ALARM balance_is_the_sum_of_entries"}


@pytest.mark.django_db(transaction=True)
def test_summaries_follow_calls_and_what_differs_is_told_and_made_anew(
    postgres: Postgres, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATABASE_URL", postgres.url_of(str(connection.settings_dict["NAME"])))
    looked_at = ("_billing", "_books")
    monkeypatch.setattr(doctor, "CHECKS", [check for check in doctor.CHECKS if check.__name__ in looked_at])
    account = Account.objects.create(name="Demo Telecom", currency="EUR", email="office@demo.example")
    Account.objects.create(name="Other", currency="EUR", email="other@demo.example")
    sums = "SELECT sum(attempts), sum(duration_ms) FROM summary"
    with connection.cursor() as cursor:
        for number in (1, 2):
            cursor.execute(
                "INSERT INTO cdr (id, account_id, edge, edge_call_id, state, started_at, ended_at, duration_ms)"
                " VALUES (%s, %s, 'kam1', 'x', 'failed', now(), now(), 7)",
                [number, account.pk],
            )
            ticks.roll_ups(datetime.now(UTC))
            cursor.execute(sums)
            assert cursor.fetchone() == (number, 7 * number)
        cursor.execute("UPDATE summary SET duration_ms = duration_ms + 1")
        with caplog.at_level(logging.CRITICAL):
            timetable.examine(timestamp=0)
            with acting(ANN):
                acme(account, generate_invoices=False)
            Customer.objects.update(parked_at=datetime.now(UTC), parked_reason="who knows")
            timetable.examine(timestamp=0)
        assert [message.split(":")[0] for message in caplog.messages] == ["ALARM summaries_are_the_records"]
        told = Message.objects.order_by("pk").values_list("recipient", "text")
        assert [address for address, _ in told] == ["office@demo.example"] * 2, "the other account's books are in order"
        assert "summaries are the records: 1 difference" in told[0][1]
        assert "billing: it rests for 1 customer" in told[1][1]
        assert "summaries" not in told[1][1], "they were made anew"
        cursor.execute(sums)
        assert cursor.fetchone() == (2, 14)


def test_the_worker_makes_partitions_at_once_and_stops_when_asked(empty: Installation) -> None:
    with subprocess.Popen([*MODULE, "work"], cwd=ROOT, env=empty.environment()) as worker:
        deadline = time.monotonic() + 90
        while not empty.rows("SELECT 1 FROM procrastinate_workers") and time.monotonic() < deadline:
            time.sleep(0.1)
        tomorrow = f"cdr_{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
        assert empty.rows("SELECT to_regclass(%s) IS NOT NULL", tomorrow) == [(True,)]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
