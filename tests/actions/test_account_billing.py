"""Claims about what the platform charges the account: once a day, by the method of that day, and never twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL

from tests.actions.cast import acme
from tests.actions.test_customers import refused
from tollgate.actions import account_billing
from tollgate.actions.account_billing import (
    change_billing_method,
    charge_account_days,
    method_on,
    override_billing_method,
    set_account_tariff,
    terms_on,
    top_up_account,
    usage,
    wallet_of,
)
from tollgate.actions.accounts import update_account
from tollgate.actions.packages import (
    create_account_package,
    disable_call_recording,
    enable_call_recording,
    end_account_package,
    package_terms_on,
    update_account_package,
)
from tollgate.core.calls_decide import RECORDED
from tollgate.store.models import CDR, Account, AccountCharge, AccountPackage, AccountTerms, Audit, Call, Entry
from tollgate.store.sql import load

DAY = timedelta(days=1)


def midnight() -> datetime:
    """The beginning of today by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'")
        moment = cursor.fetchone()[0]
    assert isinstance(moment, datetime)
    return moment


def made_on(account: Account, on: datetime) -> None:
    """The account exists since then."""
    Account.objects.filter(pk=account.pk).update(created_at=on)


def call(account: Account, number: int, started_at: datetime, talked_s: int, *, recorded: bool = False) -> None:
    """A call of Acme's in the books, its detail as charging writes it."""
    gates = RECORDED if recorded else ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [started_at.date()])
    CDR.objects.create(
        id=number, account=account, edge="kam1", edge_call_id=f"call-{number}", state="charged", started_at=started_at,
        answered_at=started_at, ended_at=started_at + timedelta(seconds=talked_s), duration_ms=talked_s * 1000,
        currency="EUR", cost_micros=0, held_micros=0,
        billed_s=talked_s, detail=RawSQL("%s::json", [f'{{"cli":"recorded","gates":[{gates}]}}']),
    )  # fmt: skip


def charges() -> list[tuple[date, str, int, int]]:
    """What was charged: day, what, used, micros."""
    rows = AccountCharge.objects.order_by("on", "package_id")
    return [(row.on, row.what, row.used, row.amount_micros) for row in rows]


def broken_laws() -> list[str]:
    """The laws of the books that do not hold."""
    broken = []
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            if cursor.fetchall():
                broken.append(name)
    return broken


def test_each_day_is_charged_once_for_the_seconds_that_ended_on_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_billing, "AFTER", timedelta(0))
    acme(account)
    today = midnight()
    made_on(account, today - 2 * DAY)
    Account.objects.update(minute_price_nanos=300_000, channel_day_price_nanos=10**9)
    call(account, 1, today - DAY - timedelta(seconds=30), 90)  # ends in the night after
    call(account, 2, today - DAY + timedelta(hours=5), 61)
    charge_account_days(account_id=account.pk)
    first, second = (today - 2 * DAY).date(), (today - DAY).date()
    assert charges() == [(first, "per_minute", 0, 0), (second, "per_minute", 151, 755)]  # 0.0003 * 151 / 60
    assert charge_account_days(account_id=account.pk) == []
    assert wallet_of(account).balance_micros == -755
    assert Entry.objects.get().book == "platform"
    assert broken_laws() == []


def test_the_terms_of_a_day_are_those_it_began_with(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_billing, "AFTER", timedelta(0))
    today = midnight()
    made_on(account, today - DAY)
    set_account_tariff(account_id=account.pk, minute_price_nanos=0, channel_day_price_nanos=500_000_000)
    change_billing_method(account_id=account.pk, method="per_channel")
    update_account(account_id=account.pk, channels=4)
    account.refresh_from_db()
    assert method_on(account, today.date()) == "per_minute", "the day that has begun is charged as it was"
    coming = terms_on(account, (today + DAY).date())
    assert (coming.billing_method, coming.channels, coming.channel_day_price_nanos) == ("per_channel", 4, 500_000_000)
    override_billing_method(account_id=account.pk, method="per_minute", reason="a slip")
    account.refresh_from_db()
    assert method_on(account, (today + DAY).date()) == "per_minute", "the last word of a day counts"
    AccountTerms.objects.create(
        account=account, from_on=(today - DAY).date(), billing_method="per_channel", minute_price_nanos=0,
        channel_day_price_nanos=500_000_000, channels=4,
    )  # fmt: skip
    charge_account_days(account_id=account.pk)
    assert charges() == [((today - DAY).date(), "per_channel", 4, 2_000_000)]


def test_a_package_is_charged_as_the_day_began_whatever_it_is_when_it_is_charged(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_billing, "AFTER", timedelta(0))
    today = midnight()
    made_on(account, today - DAY)
    held = create_account_package(account_id=account.pk, name="Dips", unit="dips", quantity=4, price_nanos=500_000_000)
    AccountPackage.objects.update(starts_on=(today - DAY).date())
    update_account_package(package_id=held.pk, quantity=0, price_nanos=900_000_000)
    update_account_package(package_id=held.pk, quantity=7, unit="queries", basis="minute")
    update_account_package(package_id=held.pk, description="Of numbers")
    terms = [package_terms_on(held, (today + number * DAY).date()) for number in (-1, 0, 1)]
    assert [(row.quantity, row.unit, row.basis, row.price_nanos) for row in terms] == [
        (4, "dips", "unit_day", 500_000_000),
        (4, "dips", "unit_day", 500_000_000),
        (7, "queries", "minute", 900_000_000),
    ]
    charge_account_days(account_id=account.pk)
    yesterday = (today - DAY).date()
    assert charges() == [(yesterday, "Dips", 4, 2_000_000), (yesterday, "per_minute", 0, 0)]


def test_recorded_calls_are_found_without_reading_the_details_of_all(account: Account) -> None:
    today = midnight()
    for number in range(3):
        call(account, number, today + timedelta(hours=number), 60, recorded=number == 1)
    assert (usage(account, today.date(), "seconds"), usage(account, today.date(), "recorded_seconds")) == (180, 60)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        given = {"account_id": account.pk, "begins": today, "ends": today + DAY}
        cursor.execute(f"EXPLAIN {load('panel_account')['recorded_seconds']}", given)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "strpos" not in plan, "the index has them and nothing else"
    assert "json" not in plan


def test_channels_are_those_reserved_or_the_most_at_once(account: Account) -> None:
    today = midnight()
    for number, (starts_s, talks_s) in enumerate(((0, 100), (50, 100), (99, 10), (200, 10)), start=1):
        call(account, number, today - DAY + timedelta(hours=1, seconds=starts_s), talks_s)
    assert usage(account, (today - DAY).date(), "channels") == 3
    call(account, 9, today - DAY - timedelta(seconds=60), 3600 * 2)  # talks since the day before
    assert usage(account, (today - DAY).date(), "channels") == 4


def test_the_method_is_locked_for_30_days_for_everybody_but_who_says_why(account: Account) -> None:
    change_billing_method(account_id=account.pk, method="per_channel")
    assert "locked until" in refused("method", change_billing_method, account_id=account.pk, method="per_minute")
    account.refresh_from_db()
    locked_at = account.billing_locked_at
    refused("reason", override_billing_method, account_id=account.pk, method="per_minute", reason=" ")
    changed = override_billing_method(account_id=account.pk, method="per_minute", reason="asked by the board")
    assert changed.billing_method == "per_minute"
    assert changed.billing_locked_at == locked_at, "others' lock goes on"
    Account.objects.update(billing_locked_at=locked_at - timedelta(days=30))  # type: ignore[operator]  # it is set
    assert change_billing_method(account_id=account.pk, method="per_channel").billing_method == "per_channel"
    refused("method", override_billing_method, account_id=account.pk, method="per_channel", reason="again")


def test_recording_is_a_package_that_opens_the_first_gate_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_billing, "AFTER", timedelta(0))
    today = midnight()
    made_on(account, today - DAY)
    held = enable_call_recording(account_id=account.pk)
    assert enable_call_recording(account_id=account.pk).pk == held.pk
    account.refresh_from_db()
    assert account.recording
    refused("package_id", end_account_package, package_id=held.pk)
    AccountPackage.objects.update(starts_on=(today - DAY).date())
    call(account, 1, today - DAY + timedelta(hours=1), 120, recorded=True)
    call(account, 2, today - DAY + timedelta(hours=1), 120)
    create_account_package(account_id=account.pk, name="Later", unit="dips", price_nanos=10**9)
    charge_account_days(account_id=account.pk)
    yesterday = (today - DAY).date()
    assert charges() == [(yesterday, "Call recording", 120, 600), (yesterday, "per_minute", 240, 0)]
    assert not disable_call_recording(account_id=account.pk).recording
    assert enable_call_recording(account_id=account.pk).pk == held.pk, (
        "switched on again the same day it is one package"
    )
    disable_call_recording(account_id=account.pk)
    assert AccountPackage.objects.get(pk=held.pk).ends_on == today.astimezone(UTC).date()


@pytest.mark.parametrize("wish", ["finish", "end"])
def test_taking_recording_away_asks_what_becomes_of_calls_being_recorded(account: Account, wish: str) -> None:
    customer = acme(account)
    enable_call_recording(account_id=account.pk)
    with connection.cursor() as cursor:
        for number, plan in ((1, f'{{"gates":[{RECORDED}]}}'), (2, '{"gates":[]}')):
            cursor.execute(
                "INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, state, authorized_at, granted_s,"
                " granted_until, max_s, last_seen_at, plan)"
                " VALUES (%s, %s, 'kam1', %s, %s, 'answered', now(), 60, now(), 60, now(), %s)",
                [number, account.pk, f"talks {number}", customer.pk, plan],
            )
    assert "Calls being recorded now: 1." in refused("recorded_calls", disable_call_recording, account_id=account.pk)
    refused("recorded_calls", disable_call_recording, account_id=account.pk, recorded_calls="perhaps")
    account.refresh_from_db()
    assert account.recording, "what is not answered changes nothing"
    assert not disable_call_recording(account_id=account.pk, recorded_calls=wish).recording
    asked = list(Call.objects.exclude(hangup_at=None).values_list("pk", flat=True))
    assert asked == ([1] if wish == "end" else [])
    noted = Audit.objects.filter(table_name="call", act="disable_call_recording")
    assert [row.row_id for row in noted] == asked
    assert not disable_call_recording(account_id=account.pk, recorded_calls="finish").recording, "twice is once"


def test_money_for_the_account_is_booked_once_by_its_key(account: Account) -> None:
    first = top_up_account(account_id=account.pk, amount_micros=5_000_000, key="bank 7")
    assert top_up_account(account_id=account.pk, amount_micros=5_000_000, key="bank 7").pk == first.pk
    refused("key", top_up_account, account_id=account.pk, amount_micros=6_000_000, key="bank 7")
    refused("amount_micros", top_up_account, account_id=account.pk, amount_micros=0)
    assert wallet_of(account).balance_micros == 5_000_000
    assert broken_laws() == []
