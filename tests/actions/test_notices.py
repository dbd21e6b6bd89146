"""Claims about notices and dunning: who is told, once, in which language, and what an unpaid invoice brings about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tollgate.actions import dunning, low_balances, records
from tollgate.actions.charges import charge_customer
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.dunning import create_dunning_step, update_dunning_step
from tollgate.actions.holds import end_over
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.low_balances import look
from tollgate.actions.notices import notify
from tollgate.actions.postings import wallet_of
from tollgate.actions.taxes import create_tax
from tollgate.actions.templates import create_template
from tollgate.actions.wallets import adjust, top_up
from tollgate.core.taxes import LATE_FEE_CATEGORY, LATE_FEE_WORDS
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


def low_at_ten(account: Account, **fields: Any) -> tuple[Customer, Any]:
    """A customer of threshold 5.00 that was told at 4.00: 10.00, of which a live call holds 6.00; and its wallet."""
    customer = acme(account, low_balance_micros=5 * EURO, **fields)
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    top_up(customer_id=customer.pk, amount_micros=10 * EURO)
    purse = Wallet.objects.filter(pk=wallet_of(customer).pk)
    purse.update(held_micros=6 * EURO)
    assert look(records.now()) == 1
    return customer, purse


def spend(customer: Customer, micros: int) -> None:
    """Calls that have ended."""
    adjust(wallet_id=wallet_of(customer).pk, amount_micros=-micros, note="calls")


@pytest.mark.parametrize("looked_between", [True, False])
def test_money_arms_the_low_balance_though_calls_have_cost_what_they_held(
    account: Account, looked_between: bool
) -> None:
    customer, purse = low_at_ten(account)
    at = records.now()
    purse.update(held_micros=0)
    spend(customer, 6 * EURO)
    assert not looked_between or look(at) == 0, "the same crossing"
    top_up(customer_id=customer.pk, amount_micros=5 * EURO)
    assert look(at) == 1, "9.00 by a payment: armed, though it was told when it had 10.00"
    spend(customer, 5 * EURO)
    assert [look(at), look(at)] == [1, 0]
    assert len(readers("low_balance")) == 2


def test_a_higher_limit_arms_the_low_balance_and_a_lower_one_does_not(account: Account) -> None:
    customer, purse = low_at_ten(account, billing_type="postpaid")
    at = records.now()
    purse.update(held_micros=0)
    update_customer(customer_id=customer.pk, debit_limit_micros=-EURO)
    assert look(at) == 0, "9.00 for calls again, but by no money"
    spend(customer, 6 * EURO)
    update_customer(customer_id=customer.pk, debit_limit_micros=5 * EURO)
    assert look(at) == 1
    spend(customer, 5 * EURO)
    assert look(at) == 1
    assert len(readers("low_balance")) == 2


def test_no_number_of_calls_arms_the_low_balance_and_looking_saves_nothing(account: Account) -> None:
    customer, purse = low_at_ten(account)
    customer.refresh_from_db()
    for _ in range(20):
        purse.update(held_micros=0)
        assert look(records.now()) == 0
        spend(customer, EURO // 10)
        purse.update(held_micros=6 * EURO)
        with CaptureQueriesContext(connection) as asked:
            assert look(records.now()) == 0
        assert len(asked) == 2, "the moment and one question"  # records.now()
    assert len(readers("low_balance")) == 1
    before = customer.version
    customer.refresh_from_db()
    assert customer.version == before, "who edits it at the time can save it"


def test_another_threshold_is_told_of_anew_and_the_same_one_is_not(account: Account) -> None:
    customer = acme(account, low_balance_micros=5 * EURO)
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    top_up(customer_id=customer.pk, amount_micros=4_500_000)
    at = records.now()
    assert [look(at), look(at)] == [1, 0]
    update_customer(customer_id=customer.pk, low_balance_micros=5 * EURO, company="Acme UAB")
    assert look(at) == 0
    update_customer(customer_id=customer.pk, low_balance_micros=2 * EURO)
    assert look(at) == 0
    spend(customer, 2_510_000)
    assert [look(at), look(at)] == [1, 0]
    assert "1.99 EUR left for calls, below the 2.00 EUR" in Message.objects.latest("id").text
    update_customer(customer_id=customer.pk, low_balance_micros=3 * EURO)
    assert [look(at), look(at)] == [1, 0], "what it asks for now holds, too"


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


def test_a_late_fee_bears_no_tax_unless_its_step_says_so(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    baltic = create_customer(
        account_id=account.pk, name="Baltic", currency="EUR", billing_type="postpaid", tax_ids=[vat.pk],
        prices_include_tax=True,
    )  # fmt: skip
    step: dict[str, Any] = {"account_id": account.pk, "days": 3, "action": "late_fee", "fee_ppm": 100_000}
    bare = create_dunning_step(**step, title="Fee")
    assert (bare.tax_category, bare.exemption_reason) == (LATE_FEE_CATEGORY, LATE_FEE_WORDS)
    create_dunning_step(**step, title="Service", tax_category="")
    DunningStep.objects.update(created_at=records.now() - timedelta(days=90))
    unpaid(baltic, records.now().date() - timedelta(days=9))
    today = records.now().date()
    assert dunning.run(records.now() - timedelta(days=4)) == 3, "both fees and a reminder"
    charge_customer(
        customer_id=baltic.pk, description="Course", unit_price_nanos=50 * 10**9, tax_category="E",
        exemption_reason="Article 132", from_on=today - timedelta(days=4),
    )  # fmt: skip
    span = {"from_on": today - timedelta(days=9), "until_on": today - timedelta(days=2)}
    draft = draft_invoice(customer_id=baltic.pk, **span)
    borne = draft.lines.order_by("charge_id").values_list("description", "exact_micros", "net_micros", "tax_category")
    assert [row[1:] for row in borne] == [
        (12_100_000, 12_100_000, "E"),
        (12_100_000, 10_000_000, ""),
        (50 * EURO, 50 * EURO, "E"),
    ]
    taxes = draft.taxes.order_by("position").values_list("category", "base_micros", "amount_micros", "exemption_reason")
    assert sorted(taxes) == [
        ("E", 12_100_000, 0, LATE_FEE_WORDS),
        ("E", 50 * EURO, 0, "Article 132"),
        ("S", 10_000_000, 2_100_000, ""),
    ]
    assert issue_invoice(invoice_id=draft.pk).total_micros == 74_200_000


def test_what_a_late_fee_says_of_tax_goes_with_the_step_and_with_who_bears_any(account: Account) -> None:
    step: dict[str, Any] = {"account_id": account.pk, "days": 3, "action": "late_fee", "fee_ppm": 100_000}
    refused("exemption_reason", create_dunning_step, **step, title="No reason", tax_category="E")
    refused("exemption_reason", create_dunning_step, **step, title="No category", tax_category="", exemption_reason="x")
    refused("tax_category", create_dunning_step, **step, title="Theirs", tax_category="AE", exemption_reason="So")
    fee = create_dunning_step(**step, title="Fee")
    plain = update_dunning_step(step_id=fee.pk, action="remind", fee_ppm=0)
    assert (plain.tax_category, plain.exemption_reason) == ("", "")
    assert update_dunning_step(step_id=fee.pk, action="late_fee", fee_ppm=9).tax_category == LATE_FEE_CATEGORY
    DunningStep.objects.update(created_at=records.now() - timedelta(days=90))
    untaxed = create_customer(account_id=account.pk, name="Baltic", currency="EUR", billing_type="postpaid")
    unpaid(untaxed, records.now().date() - timedelta(days=9))
    update_dunning_step(step_id=fee.pk, fee_ppm=100_000)
    assert dunning.run(records.now()) == 2, "the fee and a reminder"
    assert Charge.objects.get().tax_category == "", "where nothing bears VAT there is nothing to say"
    charge: dict[str, Any] = {"customer_id": untaxed.pk, "description": "x", "unit_price_nanos": 10**9}
    refused("exemption_reason", charge_customer, **charge, tax_category="E")
    refused("tax_category", charge_customer, **charge, tax_category="K", exemption_reason="So")


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
