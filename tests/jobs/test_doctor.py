"""Claims about `tollgate doctor`."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from psycopg.rows import dict_row

from tests.jobs.installation import Installation
from tests.store.cast import demo_account
from tests.world import World
from tollgate.jobs import doctor, timetable
from tollgate.jobs.doctor import (
    CHECKS,
    OK,
    WRONG,
    Finding,
    _dial_patterns,
    _secrets,
    _stir_certificates,
    _unbilled,
    told_to,
)
from tollgate.store.models import Account, DelayedSave, MailSettings, Message, Task, TaskRow, Webhook
from tollgate.store.secrets import seal
from tollgate.store.sql import load


def test_a_check_that_cannot_be_made_is_wrong_itself_and_the_others_are_made(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute("ALTER TABLE payment_event RENAME TO gone")
        connection.execute("ALTER TABLE allocation RENAME COLUMN amount_micros TO lost")
    found = {one.check: one for one in doctor.examine(own_demo.url)}
    assert found["payment_notices"].state == WRONG
    assert found["payment_notices"].words.startswith("could not be examined: UndefinedTable")
    assert found["settled_is_what_was_allocated"].words.startswith("could not be examined: UndefinedColumn")
    assert found["balance_is_the_sum_of_entries"].state == found["audit_chain"].state == "ok"
    assert any(words.startswith("payment notices: could not") for words in told_to(1, list(found.values())))
    (alone,) = doctor.examine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    assert (alone.check, alone.state) == ("database", WRONG)


def test_a_healthy_installation_passes(demo: Installation) -> None:
    found = {row["check"]: row["state"] for row in demo.ok("doctor")["findings"]}
    assert found["migrations"] == found["partitions"] == found["clock"] == "ok"
    assert found["charging"] == "note"
    assert found["balance_is_the_sum_of_entries"] == found["lines_sum_to_zero"] == "ok"


def test_a_balance_without_entries_is_found_and_shown(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute(
            "UPDATE wallet SET balance_micros = balance_micros + 1 WHERE kind = 'customer' AND owner_id = 1"
        )
    done = own_demo.run("doctor")
    assert done.returncode == 1
    assert "WRONG  balance is the sum of entries: 1 difference" in done.stdout
    assert "25000001" in done.stdout


def test_expressions_of_routes_that_match_nothing_any_more_are_found(database_url: str) -> None:
    lost = ["^(00|)?44", "^\\D49", "^44\\d{1,100}", "^1{,3}2", "^(?<!0)44", "^44\\b"]
    with closing(World(database_url)) as world:
        seller = world.customer("Acme")
        card = world.insert("card", account_id=world.account, kind="customer", name="A-Z", currency="EUR")
        read = ["44", " ^4[45]", "^49", "", "^00\\d+$"]
        world.insert("ingress_route", customer_id=seller, name="good", card_id=card, dial_patterns="\n".join(read))
        route = world.insert(
            "ingress_route", customer_id=seller, name="old", card_id=card, dial_patterns="\r\n".join([*read, *lost])
        )
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        found = [finding for check in CHECKS if check is _dial_patterns for finding in check(connection)]
    assert [(one.check, one.state, one.words[:18]) for one in found] == [("dial_patterns", WRONG, "6 match no number,")]
    assert [(row["ingress_route_id"], row["pattern"]) for row in found[0].rows] == [(route, text) for text in lost]


def test_customers_that_are_not_billed_are_found(database_url: str) -> None:
    begun = datetime(2024, 1, 1, 12, tzinfo=UTC)
    with closing(World(database_url)) as world:
        seller = world.customer("Acme")
        world.connection.execute("UPDATE customer SET invoice_schedule = 'monthly' WHERE id = %s", [seller])
        world.connection.execute(
            "INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, state, started_at, ended_at,"
            " cost_micros) VALUES (7, %s, 'kam1', '7', %s, 'charged', %s, %s, 1)", [world.account, seller, begun, begun]
        )  # fmt: skip
        world.connection.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
            " SELECT account_id, now(), id, 'revenue', 'call', -1, 'EUR', 7 FROM wallet"
            " WHERE kind = 'customer' AND owner_id = %s", [seller]
        )  # fmt: skip
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        found = [finding for check in CHECKS if check is _unbilled for finding in check(connection)]
    assert [(one.check, one.state, one.words[:34]) for one in found] == [
        ("closed_periods", WRONG, "1 customer not billed for periods ")
    ]
    assert [(row["customer_id"], row["call_id"]) for row in found[0].rows] == [(seller, 7)]


def test_certificates_that_will_not_sign_are_found(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "a key for tests")
    soon = datetime.now(UTC) + timedelta(days=13)
    with closing(World(database_url)) as world:
        known = {"account_id": world.account, "key_sealed": seal("a key")}
        for name, columns in (
            ("good", {}),
            ("ending", {"expires_at": soon}),
            ("ending, disabled", {"expires_at": soon, "enabled": False}),
            ("ending, the default", {"expires_at": soon + timedelta(hours=1), "is_default": True}),
            ("foreign", {"key_sealed": "sealed elsewhere"}),
            ("ending, unused", {"expires_at": soon}),
        ):
            used = world.insert("stir_certificate", **{**known, "name": name, **columns})
            if "is_default" not in columns and name != "ending, unused":
                world.insert("cli_rule", account_id=world.account, cli="^44", certificate_id=used)
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        (found,) = _stir_certificates(connection)
        connection.execute("DELETE FROM cli_rule")
        connection.execute("DELETE FROM stir_certificate WHERE is_default")
        (well,) = _stir_certificates(connection)
    assert _stir_certificates in CHECKS
    assert (found.state, [row["name"] for row in found.rows]) == (WRONG, ["ending", "ending, the default", "foreign"])
    assert told_to(world.account, [found]) == [
        "stir certificates: 3 expire within 14 days or have no key: see STIR/SHAKEN"
    ]
    assert (well.state, well.words, well.rows) == (OK, "all that are used sign", ())


@pytest.mark.django_db
def test_a_secret_of_any_kind_that_another_data_key_sealed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "the key of before")
    one = {"account": demo_account()}
    waiting = {"password": {"sealed": seal("x")}, "name": "x", "tags": [1], "secrets": {"sealed_object": seal("{}")}}
    who = {**one, "act": "x", "arguments": waiting, "title": "x", "author_id": 1, "author": "x"}
    Webhook.objects.create(**one, title="CRM", url="https://crm.example", secret_sealed=seal("of before"))
    MailSettings.objects.create(**one, host="mail.example", password_sealed=seal("of before"))
    DelayedSave.objects.create(**who, table_name="x", row_id=0, before={}, after={}, due_at=datetime.now(UTC))
    task = Task.objects.create(**who, kind="upload", noun="x")
    TaskRow.objects.create(task=task, number=1, cells=["x", {"sealed": seal("x")}])

    def told() -> Finding:
        assert connection.connection is not None
        with connection.connection.cursor(row_factory=dict_row) as cursor:
            (finding,) = _secrets(cursor)
        return finding

    well = told()
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "a new key")
    found = told()
    Webhook.objects.update(secret_sealed=seal("entered anew"))
    rest = told()
    assert _secrets in CHECKS
    assert (well.state, well.words) == (OK, "the data key reads the newest of each of 5 kinds")
    kinds = {"webhooks", "mail servers", "saves that wait", "tasks that wait", "uploaded rows that wait"}
    assert (found.state, {row["kind"] for row in found.rows}) == (WRONG, kinds)
    assert "give that key as TOLLGATE_DATA_KEY or TOLLGATE_DATA_KEY_FILE" in found.words
    assert {row["kind"] for row in rest.rows} == kinds - {"webhooks"}


def test_every_sealed_column_is_among_the_secrets_that_the_doctor_unseals() -> None:
    asked = " ".join(load("sealed").values())
    sealed = {
        (model._meta.db_table, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name.endswith("_sealed")
    }
    assert len(sealed) > 9
    assert [one for one in sorted(sealed) if f"{one[1]} AS sealed FROM {one[0]} " not in asked] == []


def test_a_hold_without_a_call_is_found(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute("UPDATE wallet SET held_micros = 7, channels = 1 WHERE kind = 'customer' AND owner_id = 1")
    words = own_demo.run("doctor").stdout
    assert "WRONG  held is the sum of live holds" in words
    assert "WRONG  channels are the live calls" in words


def test_a_database_behind_the_program_is_found(own_demo: Installation) -> None:
    with psycopg.connect(own_demo.url) as connection:
        connection.execute(
            "DELETE FROM django_migrations WHERE app = 'store'"
            " AND name = (SELECT max(name) FROM django_migrations WHERE app = 'store')"
        )
    done = own_demo.run("doctor")
    assert done.returncode == 1
    assert "WRONG  migrations: run `tollgate migrate`: store.0" in done.stdout


def test_an_account_is_told_of_its_own_differences_and_of_what_is_wrong_with_the_whole() -> None:
    rows = ({"account_id": 1}, {"account_id": 1}, {"account_id": 2}, {"bundle_id": 5})
    law = Finding("a_law", WRONG, "4 differences", rows, lambda count: f"{count} of them")
    rests = Finding("billing", "note", "it rests for 1", rows[2:3], lambda count: f"it rests for {count}")
    findings = [law, rests, Finding("clock", WRONG, "9 s apart"), Finding("edge", "note", "kam1 does not answer")]
    assert told_to(1, findings) == ["a law: 3 of them", "clock: 9 s apart"]
    assert told_to(2, findings) == ["a law: 2 of them", "billing: it rests for 1", "clock: 9 s apart"]


@pytest.mark.django_db
def test_one_account_that_cannot_be_told_keeps_no_other_from_its_mail_nor_the_repair(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (Account.objects.create(name=name, currency="EUR", email=f"{name}@x.example") for name in "ab")
    too_many = [Finding(f"law {number}", WRONG, "1 difference", ({"account_id": first.pk},)) for number in range(101)]
    hours = Finding(
        timetable.SUMMARIES, WRONG, "1 difference", ({"account_id": second.pk, "hour_at": datetime.now(UTC)},)
    )
    monkeypatch.setattr(doctor, "examine", lambda _: [*too_many, hours])
    with caplog.at_level(logging.CRITICAL):
        timetable.examine(timestamp=0)
    assert caplog.messages[-1] == f"ALARM account {first.pk} is not told of its books"
    assert [mail.recipient for mail in Message.objects.all()] == ["b@x.example"]
