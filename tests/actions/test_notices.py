"""Claims about notices and dunning: who is told, once, in which language, and what an unpaid invoice brings about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tollgate.actions import dunning, low_balances, records
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.holds import end_over
from tollgate.actions.low_balances import look
from tollgate.actions.notices import notify
from tollgate.actions.postings import wallet_of
from tollgate.actions.templates import create_template
from tollgate.actions.wallets import adjust, top_up
from tollgate.store.models import (
    Account,
    Charge,
    Customer,
    DunningEvent,
    DunningStep,
    Entry,
    Invoice,
    Message,
    Wallet,
    WebhookEvent,
)


def readers(template: str) -> list[str]:
    """Who was told by this message."""
    found = Message.objects.filter(template=template).order_by("id")
    return list(found.values_list("recipient", flat=True))


def test_a_notice_goes_to_the_own_list_else_to_the_contacts_in_their_language_unless_it_is_unwanted(
    account: Account,
) -> None:
    customer = acme(account, language="lt")
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    create_template(account_id=account.pk, key="package_charged", language="lt", subject="Mokestis", text="{{amount}}")
    values = {"description": "PBX", "amount": "10.00", "currency": "EUR"}
    sent = notify(customer, "package.charged", values, attachments=[{"invoice_id": 5}])
    assert [(one.recipient, one.subject, one.attachments) for one in sent] == [
        ("carla@acme.example", "Mokestis", [{"invoice_id": 5}])
    ]
    customer.notification_emails = ["books@acme.example", "boss@acme.example"]
    assert [one.recipient for one in notify(customer, "package.charged", values)] == customer.notification_emails
    customer.notification_opt_outs = ["package.charged"]
    assert notify(customer, "package.charged", values) == []


def test_notices_go_to_the_departments_that_the_customer_chose_and_to_all_where_nobody_is_in_them(
    account: Account,
) -> None:
    customer = acme(account)
    for kind in ("billing", "noc", "general"):
        create_contact(customer_id=customer.pk, email=f"{kind}@acme.example", first_name="A", kind=kind)

    def told(*departments: str) -> list[str]:
        changed = update_customer(customer_id=customer.pk, notification_departments=departments)
        sent = notify(changed, "package.charged", {"description": "PBX", "amount": "10.00", "currency": "EUR"})
        return [message.recipient for message in sent]

    assert told("noc", "billing") == ["billing@acme.example", "noc@acme.example"]
    assert told("legal") == told() == ["billing@acme.example", "noc@acme.example", "general@acme.example"]
    refused("notification_departments", update_customer, customer_id=customer.pk, notification_departments=["boss"])


def test_a_low_balance_is_told_once_per_crossing_and_armed_by_money_not_by_a_hold_that_ends(account: Account) -> None:
    customer = acme(account, low_balance_micros=5 * EURO)
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    top_up(customer_id=customer.pk, amount_micros=10 * EURO)
    purse = Wallet.objects.filter(pk=wallet_of(customer).pk)
    at = records.now()
    assert look(at) == 0
    purse.update(held_micros=6 * EURO)  # a call holds money
    assert [look(at), look(at)] == [1, 0]
    purse.update(held_micros=0)
    assert look(at) == 0
    purse.update(held_micros=6 * EURO)
    assert look(at) == 0  # the same crossing
    purse.update(held_micros=0)
    top_up(customer_id=customer.pk, amount_micros=EURO)
    assert look(at) == 1
    adjust(wallet_id=wallet_of(customer).pk, amount_micros=-7 * EURO, note="calls")
    assert [look(at), look(at)] == [1, 0]
    assert readers("low_balance") == ["carla@acme.example"] * 2
    assert "4.00 EUR left for calls, below the 5.00 EUR" in Message.objects.latest("id").text
    events = [
        event.body["available_micros"] for event in WebhookEvent.objects.filter(event="balance.low").order_by("id")
    ]
    assert events == [4 * EURO, 4 * EURO]


def test_whatever_befalls_one_customer_the_others_hear_that_they_run_low(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    acme(account, low_balance_micros=5 * EURO)
    create_customer(account_id=account.pk, name="Baltic", currency="EUR", low_balance_micros=5 * EURO)
    at, told = records.now(), low_balances.notify

    def break_down(customer: Customer, *given: Any) -> list[Message]:
        if customer.name == "Acme":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return told(customer, *given)

    with monkeypatch.context() as broken:
        broken.setattr(low_balances, "notify", break_down)
        assert [look(at), look(at)] == [1, 0]
    assert "ALARM customer" in caplog.text
    assert [event.body["customer_name"] for event in WebhookEvent.objects.filter(event="balance.low")] == ["Baltic"]
    assert look(at) == 1
    assert WebhookEvent.objects.filter(event="balance.low").count() == 2


def unpaid(customer: Customer, due_on: date, number: str = "2031-00007", zone: str = "Europe/Vilnius") -> Invoice:
    """An issued invoice over 121.00."""
    return Invoice.objects.create(
        account_id=customer.account_id, customer=customer, state="issued", number=number, currency="EUR",
        zone=zone, due_on=due_on, invoice_on=due_on, total_micros=121 * EURO, net_micros=121 * EURO,
    )  # fmt: skip


def test_an_unpaid_invoice_is_dunned_step_by_step_once_and_paying_gives_back_what_was_taken(account: Account) -> None:
    baltic = create_customer(
        account_id=account.pk, name="Baltic", currency="EUR", debit_limit_micros=500 * EURO,
        overdue_grace_days=2, overdue_action="restrict",
    )  # fmt: skip
    create_contact(customer_id=baltic.pk, email="dan@baltic.example", first_name="Dan")
    step: dict[str, Any] = {"account_id": account.pk}
    create_dunning_step(**step, title="Soon", days=-1, action="remind")
    create_dunning_step(**step, title="Fee", days=3, action="late_fee", fee_ppm=20_000, fee_micros=EURO, currency="EUR")
    create_dunning_step(**step, title="Yen", days=3, action="late_fee", fee_micros=EURO, currency="JPY")
    create_dunning_step(**step, title="Block", days=9, action="penalty")
    due_on = records.now().date() + timedelta(days=30)
    DunningStep.objects.update(created_at=records.now() - timedelta(days=1))
    invoice = unpaid(baltic, due_on)
    midnight = datetime.combine(due_on, datetime.min.time(), records.now().tzinfo)
    told = []
    for hour in range(-50, 24 * 16, 6):
        at = midnight + timedelta(hours=hour)
        if dunning.run(at):
            told.append((hour // 24, DunningEvent.objects.latest("id").words))
        assert dunning.run(at) == 0
    assert told == [
        (-2, "Reminder to dan@baltic.example"),  # the day begins two hours earlier in Vilnius
        (2, "Status inactive"),
        (4, "Late fee for invoice 2031-00007"),
    ]
    assert DunningEvent.objects.filter(invoice=invoice, action="event").count() == 2
    assert set(WebhookEvent.objects.values_list("event", flat=True)) == {
        "invoice.due",
        "invoice.overdue",
        "customer.status",
    }
    fee = Charge.objects.get()
    assert (fee.kind, fee.amount_micros) == ("late_fee", 3_420_000)
    assert Entry.objects.get().amount_micros == -3_420_000
    baltic.refresh_from_db()
    assert (baltic.status, baltic.status_reason) == ("inactive", "Invoice 2031-00007 is overdue.")
    assert end_over(at) == 0
    Invoice.objects.filter(pk=invoice.pk).update(settled_micros=121 * EURO)
    assert end_over(at) == 1
    baltic.refresh_from_db()
    assert (baltic.status, baltic.status_reason) == ("active", "")
    assert dunning.run(at + timedelta(days=30)) == 0


def test_a_new_step_does_not_fall_on_old_debts_and_one_that_means_nothing_is_refused(account: Account) -> None:
    customer = acme(account, overdue_action="penalty", overdue_grace_days=300)
    invoice = unpaid(customer, records.now().date() - timedelta(days=90))
    create_dunning_step(account_id=account.pk, title="Fee", days=3, action="late_fee", fee_ppm=20_000)
    assert dunning.run(records.now()) == 0
    assert [event.key for event in invoice.dunning_events.all()] == ["invoice.overdue"]
    broken = unpaid(customer, records.now().date() - timedelta(days=95), "2031-00006", zone="Nowhere/Atlantis")
    other = unpaid(customer, records.now().date() - timedelta(days=9), "2031-00008")
    dunning.run(records.now())
    assert not broken.dunning_events.exists()
    assert other.dunning_events.exists(), "what befalls one invoice stops no other"
    for field, given in (
        ("fee_ppm", {"action": "late_fee", "days": 3}),
        ("days", {"action": "penalty", "days": -3}),
        ("currency", {"action": "late_fee", "days": 3, "fee_micros": EURO}),
        ("action", {"action": "remind", "days": 3, "fee_ppm": 5}),
    ):
        assert refused(field, create_dunning_step, account_id=account.pk, title="Odd", **given)
