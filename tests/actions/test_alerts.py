"""Claims about alerts on a real database: who is told, who is held, and that a person's decision stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme, bought_by
from tests.actions.test_customers import refused
from tollgate.actions import alert_watch, records
from tollgate.actions.alert_watch import forget_old, test_alert, watch
from tollgate.actions.alerts import create_alert, delete_alert, update_alert
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_status import end_customer_blocks, set_customer_status
from tollgate.actions.customers import update_customer
from tollgate.actions.endpoints import create_ip_endpoint
from tollgate.actions.holds import end_over, impose, lift
from tollgate.actions.tags import create_tag
from tollgate.actions.wallets import top_up
from tollgate.core.holds import Hold
from tollgate.store.models import Account, Alert, AlertEvent, Audit, Carrier, CustomerHold, Message, WebhookEvent
from tollgate.store.queries.alerts import Figures

test_alert.__test__ = False  # type: ignore[attr-defined]  # an act, not a test


def calls(account: Account, at: datetime, rows: list[dict[str, Any]]) -> None:
    """CDRs as the charging process writes them."""
    with connection.cursor() as cursor:
        for number, row in enumerate(rows):
            values = {
                "id": 9000 + number, "account_id": account.pk, "edge": "kam1", "edge_call_id": f"call-{number}",
                "state": "charged" if row.get("duration_ms") else "failed", "started_at": at, "ended_at": at,
                "answered_at": at if row.get("duration_ms") else None, "cli": "1", "cld": "44", "number": "44",
                "destination": "UK", "duration_ms": 0, "billed_s": 0, "cost_micros": 0, "held_micros": 0,
                "ingress_route_id": 1, **row,
            }  # fmt: skip
            columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
            cursor.execute(f"INSERT INTO cdr ({columns}) VALUES ({marks})", list(values.values()))


def kinds() -> list[str]:
    """What alerts have done."""
    return list(AlertEvent.objects.order_by("id").values_list("kind", flat=True))


def test_a_low_balance_fires_once_holds_for_its_time_and_gives_the_status_back(account: Account) -> None:
    customer = acme(account, low_balance_micros=None)
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    alert = create_alert(
        account_id=account.pk, title="Acme runs low", area="balance", customer_id=customer.pk, operator="<",
        threshold_micros=5 * EURO, reset_micros=6 * EURO, penalty_s=300,
        recipients=["noc@demo.example", "+37061234567"],
    )  # fmt: skip
    at = records.now()
    assert watch(at) == 1
    assert watch(at + timedelta(minutes=1)) == 0
    told = Message.objects.filter(template="alert").order_by("id")
    assert [(one.kind, one.recipient) for one in told] == [("email", "noc@demo.example"), ("sms", "+37061234567")]
    assert (
        "Acme runs low (Acme): Balance is 0.00 EUR, watched for < 5.00 EUR. It is blocked for 5 minutes."
        in told[0].text
    )
    customer.refresh_from_db()
    assert (customer.status, customer.status_reason) == ("penalty", "Alert: Acme runs low")
    assert customer.status_until == at + timedelta(minutes=5)
    top_up(customer_id=customer.pk, amount_micros=5 * EURO + EURO // 100)
    assert watch(at + timedelta(minutes=2)) == 0  # not past the reset yet
    top_up(customer_id=customer.pk, amount_micros=EURO)
    assert watch(at + timedelta(minutes=3)) == 1
    assert end_over(at + timedelta(minutes=4)) == 0
    assert end_over(at + timedelta(minutes=5)) == 1
    customer.refresh_from_db()
    assert (customer.status, customer.status_reason, customer.status_until) == ("active", "", None)
    assert kinds() == ["fired", "cleared"]
    statuses = [event.body["status"] for event in WebhookEvent.objects.filter(event="customer.status").order_by("id")]
    assert statuses == ["penalty", "active"]
    assert Message.objects.filter(template="status_changed", recipient="carla@acme.example").count() == 2
    test_alert(alert_id=alert.pk)
    assert "This is a test." in Message.objects.latest("id").text
    assert forget_old(at + timedelta(days=366)) == 3


def test_a_digest_is_one_mail_a_day_with_the_figure_of_its_day(account: Account) -> None:
    customer = acme(account, low_balance_micros=None)
    top_up(customer_id=customer.pk, amount_micros=7 * EURO)
    create_alert(
        account_id=account.pk, title="Every day", area="balance", customer_id=customer.pk, operator="always",
        threshold_micros=0, repeat_min=1440, template="alert_digest", recipients=["noc@demo.example"],
    )  # fmt: skip
    at = datetime(2031, 5, 1, 8, tzinfo=UTC)
    assert sum(watch(at + timedelta(hours=hour)) for hour in range(24)) == 1
    top_up(customer_id=customer.pk, amount_micros=2 * EURO)
    assert sum(watch(at + timedelta(hours=hour)) for hour in range(24, 48)) == 1
    told = Message.objects.order_by("id").values_list("template", "recipient", "subject")
    assert list(told) == [
        ("alert_digest", "noc@demo.example", f"Acme: Balance {figure} EUR") for figure in ("7.00", "9.00")
    ]
    assert "Balance of Acme is 9.00 EUR (Every day, always, Warning)." in Message.objects.latest("id").text
    assert kinds() == ["fired", "repeated"]


def test_a_daily_alert_is_told_at_its_hour_in_the_accounts_zone_through_changed_clocks_and_an_outage(
    account: Account,
) -> None:
    customer = acme(account, low_balance_micros=None, zone="Asia/Tokyo")
    Account.objects.filter(pk=account.pk).update(zone="Europe/Vilnius")
    create_alert(
        account_id=account.pk, title="Every day", area="balance", customer_id=customer.pk, operator="always",
        threshold_micros=0, repeat_min=1440, repeat_hour=7, recipients=["noc@demo.example"],
    )  # fmt: skip
    begin = datetime(2031, 3, 28, 13, tzinfo=UTC)
    told = [at for at in (begin + timedelta(minutes=30 * tick) for tick in range(48 * 5)) if watch_up(at)]
    assert [f"{at.astimezone(ZoneInfo('Europe/Vilnius')):%d %H:%M}" for at in told] == [
        "28 15:00",
        "29 07:00",
        "30 07:00",  # the night in which clocks go forward
        "31 11:00",  # nobody looked from 6 until 11
        "01 07:00",
        "02 07:00",
    ]
    given: dict[str, Any] = {"account_id": account.pk, "title": "Odd", "area": "balance", "customer_id": customer.pk}
    for hour in (-1, 24, True, "8"):
        refused("repeat_hour", create_alert, **given, recipients=["noc@demo.example"], repeat_hour=hour)


def watch_up(at: datetime) -> int:
    """A look, but for the morning on which the worker was down."""
    return 0 if at.day == 31 and 3 <= at.hour < 8 else watch(at)


def test_an_alert_is_armed_anew_by_what_it_watches_and_not_by_a_save(account: Account) -> None:
    customer = acme(account)
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    tag = create_tag(account_id=account.pk, name="Gold")
    update_customer(customer_id=customer.pk, tag_ids=[tag.pk])
    alert = create_alert(
        account_id=account.pk, title="Low", area="balance", tag_id=tag.pk, operator="<", threshold_micros=EURO,
    )  # fmt: skip
    at = records.now()
    assert [watch(at), watch(at)] == [1, 0]
    update_alert(alert_id=alert.pk, area="balance", operator="<", threshold_micros=EURO, tag_id=tag.pk, title="Lower")
    assert watch(at) == 0, "it watches what it did"
    update_customer(customer_id=customer.pk, tag_ids=[])
    assert watch(at) == 0
    update_customer(customer_id=customer.pk, tag_ids=[tag.pk])
    assert [watch(at), watch(at)] == [1, 0], "it was not watched, and is again"
    update_alert(alert_id=alert.pk, enabled=False)
    assert watch(at) == 0
    update_alert(alert_id=alert.pk, enabled=True)
    assert [watch(at), watch(at)] == [1, 0], "so whoever enables it hears of what holds"
    update_alert(alert_id=alert.pk, threshold_micros=2 * EURO)
    assert [watch(at), watch(at)] == [1, 0]


def test_whatever_befalls_one_alert_the_others_tell(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    customer = acme(account)
    for title in ("First", "Second", "Third"):
        create_alert(
            account_id=account.pk, title=title, area="balance", customer_id=customer.pk, operator="<",
            threshold_micros=EURO, recipients=["noc@demo.example"],
        )  # fmt: skip
    at, told = records.now(), alert_watch.queue

    def break_down(**given: Any) -> Message | None:
        if given["values"]["title"] == "Second":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return told(**given)

    with monkeypatch.context() as broken:
        broken.setattr(alert_watch, "queue", break_down)
        assert watch(at) == 2
    assert "ALARM alert" in caplog.text
    assert list(AlertEvent.objects.order_by("id").values_list("alert__title", flat=True)) == ["First", "Third"]
    assert watch(at) == 1, "it has not fired yet, and does once it can"
    assert Message.objects.filter(template="alert").count() == 3


def test_a_persons_decision_is_never_overridden_and_reasons_stack(account: Account) -> None:
    customer = acme(account)
    at = records.now()
    hour = timedelta(hours=1)
    short = Hold(status="penalty", reason="alert", until_at=at + hour)
    unpaid = Hold(status="inactive", reason="unpaid", until_at=None)

    def status() -> str:
        customer.refresh_from_db()
        return f"{customer.status} {customer.status_reason}".strip()

    assert impose(customer.pk, cause="invoice:1", hold=unpaid, at=at)
    assert impose(customer.pk, cause="alert:1", hold=short, at=at)
    assert status() == "penalty alert"
    assert end_over(at + hour) == 1
    assert status() == "inactive unpaid"
    assert lift(customer.pk, cause="invoice:1", at=at) == "restored"
    assert status() == "active"
    assert impose(customer.pk, cause="alert:1", hold=short, at=at)
    update_customer(customer_id=customer.pk, status="active", status_reason="", status_until=None)
    assert end_over(at + 2 * hour) == 1
    assert status() == "active"
    set_customer_status(customer_id=customer.pk, status="inactive", reason="Contract ended")
    assert not impose(customer.pk, cause="alert:1", hold=short, at=at)
    assert status() == "inactive Contract ended"
    set_customer_status(customer_id=customer.pk, status="active")
    assert impose(customer.pk, cause="alert:1", hold=short, at=at)
    set_customer_status(customer_id=customer.pk, status="penalty", reason="Fraud")
    assert lift(customer.pk, cause="alert:1", at=at) == "overridden"
    assert status() == "penalty Fraud"
    outcomes = list(CustomerHold.objects.order_by("id").values_list("outcome", flat=True))
    assert outcomes == ["restored", "others", "restored", "overridden"]
    assert end_customer_blocks() == 0


def test_quality_is_counted_from_totals_of_the_sample_for_customers_and_carriers(account: Account) -> None:
    customer, carrier = acme(account), Carrier.objects.get(pk=bought_by(account).carrier_id)
    at = records.now()
    attempts = '{"attempts": [{"carrier": "Cirrus", "sip": 503}, {"carrier": "Other", "sip": 503}]}'
    both = {"customer_id": customer.pk, "carrier_id": carrier.pk}
    calls(account, at - timedelta(minutes=10), [{**both, "duration_ms": 600_000}])
    calls(
        account,
        at - timedelta(minutes=2),
        [
            {**both, "id": 8001, "duration_ms": 60_000, "pdd_ms": 1500},
            {**both, "id": 8002, "pdd_ms": 2500},
            {**both, "id": 8003, "started_at": at - timedelta(minutes=1), "detail": attempts, "carrier_id": None},
            {"customer_id": customer.pk, "id": 8004, "state": "refused"},
            {**both, "id": 8005, "ingress_route_id": None, "detail": attempts},  # to a DID, which its carrier brought
        ],
    )
    figures = Figures(account.pk, at)
    seen = {area: figures.of(area, 5, customer_id=customer.pk) for area in ("asr", "acd", "pdd", "cps", "channels")}
    assert seen == {"asr": 25 * EURO, "acd": 60 * EURO, "pdd": 2 * EURO, "cps": 13_333, "channels": 0}
    assert figures.of("asr", 5, carrier_id=carrier.pk) == 50 * EURO
    assert figures.of("acd", 15, carrier_id=carrier.pk) == 330 * EURO
    assert figures.of("failovers", 5, carrier_id=carrier.pk) == EURO
    assert figures.of("asr", 5, customer_id=customer.pk + 999) is None
    create_alert(
        account_id=account.pk, title="Cirrus fails", area="failovers", carrier_id=carrier.pk, operator=">=",
        threshold_micros=EURO, recipients=["noc@demo.example"],
    )  # fmt: skip
    assert watch(at) == 1
    assert "Consecutive failovers is 1" in Message.objects.get().text


def test_a_change_of_an_endpoint_is_told_and_an_alert_of_a_tag_goes_to_its_contacts(account: Account) -> None:
    tag = create_tag(account_id=account.pk, name="Watched")
    customer = acme(account, tag_ids=[tag.pk])
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    theirs, ours = "carla@acme.example", "noc@demo.example"
    create_alert(account_id=account.pk, title="Edits", area="change", tag_id=tag.pk, recipients=[ours])
    at = records.now() + timedelta(minutes=1)
    assert watch(at) == 0  # remembers where it stands
    create_ip_endpoint(customer_id=customer.pk, network="198.51.100.7")
    assert watch(at) == 1
    assert watch(at) == 0
    told = {message.recipient: message.text for message in Message.objects.filter(template="alert")}
    assert told.keys() == {theirs, ours}
    assert "Change of an endpoint is 1, watched for any change. By Ann." in told[ours]
    assert "Change of an endpoint is 1, watched for any change." in told[theirs]
    assert "Ann" not in told[theirs], "a customer is not told who of the staff it was"
    create_contact(customer_id=customer.pk, email="noc@acme.example", first_name="Nils", kind="noc")
    update_customer(customer_id=customer.pk, notification_departments=["noc"])
    create_ip_endpoint(customer_id=customer.pk, network="198.51.100.8")
    assert watch(at) == 1
    assert Message.objects.filter(template="alert").exclude(recipient=ours).latest("id").recipient == "noc@acme.example"
    update_customer(customer_id=customer.pk, notification_opt_outs=["alert.fired"])
    create_ip_endpoint(customer_id=customer.pk, network="198.51.100.9")
    assert watch(at) == 1
    mails = Message.objects.filter(template="alert")
    assert mails.exclude(recipient=ours).count() == 2, "a customer that wants none is told of none"
    Alert.objects.update(recipients=[theirs])
    create_ip_endpoint(customer_id=customer.pk, network="198.51.100.10")
    assert watch(at) == 1
    assert "Ann" not in mails.latest("id").text, "nor where its address stands among the recipients"
    assert Audit.objects.filter(table_name="alert", verb="INSERT").count() == 1


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("customer_id", {"area": "balance", "customer_id": None}),
        ("area", {"area": "failovers"}),
        ("recipients", {"area": "asr", "recipients": []}),
        ("recipients", {"area": "asr", "recipients": ["somebody"]}),
        ("reset_micros", {"area": "asr", "operator": "<", "threshold_micros": 30, "reset_micros": 29}),
        ("penalty_s", {"area": "asr", "penalty_s": 7}),
    ],
)
def test_what_does_not_go_together_is_refused(account: Account, field: str, given: dict[str, Any]) -> None:
    customer = acme(account)
    whole = {"customer_id": customer.pk, "recipients": ["noc@demo.example"], **given}
    assert refused(field, create_alert, account_id=account.pk, title="Odd", **whole)


def test_an_alert_that_watches_something_else_is_armed_anew(account: Account) -> None:
    customer = acme(account)
    alert = create_alert(
        account_id=account.pk, title="Low", area="balance", customer_id=customer.pk, threshold_micros=EURO,
        recipients=["noc@demo.example"],
    )  # fmt: skip
    at = records.now()
    assert watch(at) == 1
    update_alert(alert_id=alert.pk, repeat_min=15)
    assert watch(at) == 0
    assert watch(at + timedelta(minutes=15)) == 1
    update_alert(alert_id=alert.pk, threshold_micros=2 * EURO)
    assert watch(at) == 1
    assert kinds() == ["fired", "repeated", "fired"]
    update_alert(alert_id=alert.pk, enabled=False)
    assert watch(at + timedelta(days=1)) == 0
    delete_alert(alert_id=alert.pk)
    assert not AlertEvent.objects.exists()
