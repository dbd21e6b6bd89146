"""Claims about what takes a customer's calls away and gives them back: people, alerts, unpaid invoices, fraud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import acme, sold_by
from tests.actions.test_customers import refused
from tollgate.actions import records
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_status import (
    end_customer_blocks,
    end_fraud_hold,
    hold_for_fraud,
    set_customer_status,
)
from tollgate.actions.customers import create_customer
from tollgate.actions.endpoints import create_ip_endpoint
from tollgate.actions.holds import end_over, impose, lift
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.webhooks import create_webhook
from tollgate.core.holds import Hold
from tollgate.store.models import Account, Audit, Call, Customer, Message, WebhookEvent

HOUR = timedelta(hours=1)
VARS = '[crm]\ntier = "gold"\nsince = 2024-02-01\n'


def test_a_penalty_is_set_by_hand_by_an_alert_an_unpaid_invoice_or_fraud_and_gives_the_status_back(
    account: Account,
) -> None:
    customer, at = acme(account, vars_toml=VARS), records.now()
    create_webhook(account_id=account.pk, title="All", url="https://books.example/hook")

    def status() -> str:
        customer.refresh_from_db()
        return f"{customer.status} {customer.status_reason}".strip()

    hold_for_fraud(customer_id=customer.pk, reason="Calls to Cuba at night", until=at + HOUR)
    assert status() == "penalty Fraud: Calls to Cuba at night"
    assert customer.status_until == at + HOUR
    told = WebhookEvent.objects.latest("id")
    assert (told.event, told.body["status"]) == ("customer.status", "penalty")
    assert told.body["vars"] == {"crm": {"tier": "gold", "since": "2024-02-01"}}
    assert Audit.objects.filter(act="hold_for_fraud", reason="Calls to Cuba at night").exists()

    unpaid = Hold(status="penalty", reason="Invoice 7", until_at=None)
    assert impose(customer.pk, cause="invoice:7", hold=unpaid, at=at)
    assert impose(customer.pk, cause="alert:1", hold=Hold(status="penalty", reason="ASR", until_at=at + HOUR), at=at)
    assert end_over(at + HOUR) == 2
    assert status() == "penalty Invoice 7", "fraud and alert are over by themselves, the invoice is not paid"
    assert lift(customer.pk, cause="invoice:7", at=at) == "restored"
    assert status() == "active"

    hold_for_fraud(customer_id=customer.pk, reason="Again")
    assert end_over(at + 1000 * HOUR) == 0
    end_fraud_hold(customer_id=customer.pk, reason="Asked by phone: it was a campaign")
    assert status() == "active"
    refused("customer_id", end_fraud_hold, customer_id=customer.pk)

    set_customer_status(customer_id=customer.pk, status="penalty", reason="By Ann", until=at + HOUR)
    assert "stays" in refused("customer_id", hold_for_fraud, customer_id=customer.pk, reason="x")
    Customer.objects.filter(pk=customer.pk).update(status_until=at)
    assert end_customer_blocks() == 1
    assert status() == "active"


def test_whom_fraud_is_suspected_of_hears_that_it_is_blocked_and_never_of_what(account: Account) -> None:
    customer, at = acme(account), records.now()
    create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    hold_for_fraud(customer_id=customer.pk, reason="Carla calls Cuba")
    unpaid = Hold(status="penalty", reason="Invoice 7 is overdue.", until_at=None)
    impose(customer.pk, cause="invoice:7", hold=unpaid, at=at)
    end_fraud_hold(customer_id=customer.pk)
    lift(customer.pk, cause="invoice:7", at=at)
    impose(customer.pk, cause="invoice:8", hold=unpaid, at=at)
    told = [f"{one.subject} {one.text}" for one in Message.objects.filter(template="status_changed").order_by("id")]
    assert ["blocked" in words for words in told] == [True, False, True]
    assert not any("Cuba" in words or "raud" in words for words in told)
    assert "please contact us" in told[0]
    assert "Invoice 7 is overdue." in told[2], "other reasons are told"


def test_ending_the_calls_of_a_reseller_ends_those_of_all_below_it(account: Account) -> None:
    def calling(name: str, call_id: int, **fields: Any) -> Customer:
        customer = create_customer(account_id=account.pk, name=name, currency="EUR", **fields)
        endpoint = create_ip_endpoint(customer_id=customer.pk, network=f"192.0.2.{call_id}")
        route = create_ingress_route(customer_id=customer.pk, name="World", card_id=card.pk)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id,"
                " state, authorized_at, granted_s, granted_until, max_s, last_seen_at, plan)"
                " VALUES (%s, %s, 'kam1', %s, %s, %s, %s, 'answered', now(), 60, now(), 3600, now(), '{}')",
                [call_id, account.pk, name, customer.pk, endpoint.pk, route.pk],
            )
        return customer

    card = sold_by(account)
    nordic = calling("Nordic", 1, is_reseller=True)
    fjord = calling("Fjord", 2, is_reseller=True, parent_id=nordic.pk)
    calling("Sound", 3, parent_id=fjord.pk)
    calling("Acme", 4)
    hold_for_fraud(customer_id=nordic.pk, reason="Calls to Cuba at night", end_calls=True)
    assert set(Call.objects.exclude(hangup_at=None).values_list("pk", flat=True)) == {1, 2, 3}


@pytest.mark.parametrize(("field", "given"), [("reason", {"reason": " "}), ("until", {"reason": "x"})])
def test_a_hold_needs_a_reason_and_an_end_to_come(account: Account, field: str, given: dict[str, object]) -> None:
    customer = acme(account)
    until = records.now() - HOUR if field == "until" else None
    refused(field, hold_for_fraud, customer_id=customer.pk, until=until, **given)
    customer.refresh_from_db()
    assert customer.status == "active"
