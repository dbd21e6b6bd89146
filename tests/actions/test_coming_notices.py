"""Claims about notices of what is to come: the end of a validity, a renewal, a number that lapses. Each is told once
for each time that it comes near, to everybody whom it concerns, whatever befalls one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import acme
from tests.actions.test_customer_packages import package
from tests.moments import today
from tollgate.actions import cli_lapses, customer_status, package_runs
from tollgate.actions.cli_lapses import lapse_verified_clis
from tollgate.actions.customer_packages import assign_package
from tollgate.actions.customer_status import notify_expiring_customers
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.options import update_options
from tollgate.actions.package_runs import notify_package_renewals
from tollgate.actions.records import now
from tollgate.store.models import Account, Customer, CustomerPackage, Message, VerifiedCli

DAY = timedelta(days=1)


def baltic(account: Account, **fields: Any) -> Customer:
    """Another customer than Acme."""
    return create_customer(account_id=account.pk, name="Baltic", currency="EUR", **fields)


def readers(template: str) -> list[str]:
    """Who was told by this message."""
    return list(Message.objects.filter(template=template).order_by("id").values_list("recipient", flat=True))


def broken_for_acme(monkeypatch: pytest.MonkeyPatch, place: ModuleType) -> None:
    """Whatever Acme is told, the database refuses."""
    told: Callable[..., list[Message]] = place.notify

    def break_down(customer: Customer, *given: Any) -> list[Message]:
        if customer.name == "Acme":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return told(customer, *given)

    monkeypatch.setattr(place, "notify", break_down)


def test_an_end_that_moved_away_and_comes_back_is_told_again(account: Account) -> None:
    end = now() + 3 * DAY
    customer = acme(account, expires_at=end, notification_emails=["carla@acme.example"])
    assert [notify_expiring_customers(), notify_expiring_customers()] == [1, 0]
    update_customer(customer_id=customer.pk, expires_at=end + 90 * DAY)
    assert notify_expiring_customers() == 0
    update_customer(customer_id=customer.pk, expires_at=end)
    assert [notify_expiring_customers(), notify_expiring_customers()] == [1, 0]
    update_customer(customer_id=customer.pk, expires_at=None)
    assert notify_expiring_customers() == 0
    update_customer(customer_id=customer.pk, expires_at=end)
    assert notify_expiring_customers() == 1
    assert len(readers("expiry_notice")) == 3


def test_one_who_cannot_be_told_of_its_end_keeps_no_other_from_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends = {"expires_at": now() + 3 * DAY}
    acme(account, notification_emails=["carla@acme.example"], **ends)
    baltic(account, notification_emails=["dan@baltic.example"], **ends)
    with monkeypatch.context() as broken:
        broken_for_acme(broken, customer_status)
        assert notify_expiring_customers() == 1
    assert "ALARM customer" in caplog.text
    assert readers("expiry_notice") == ["dan@baltic.example"]
    assert notify_expiring_customers() == 1
    assert readers("expiry_notice") == ["dan@baltic.example", "carla@acme.example"]


def test_who_is_charged_while_it_rests_is_told_of_the_renewal_and_who_is_not_is_not(account: Account) -> None:
    customer = acme(account, notification_emails=["carla@acme.example"])
    update_options(account_id=account.pk, package_notice_days=7)
    assign_package(customer_id=customer.pk, package_id=package(account, frequency="weekly").pk)

    def told(status: str, *, charged: bool = False) -> int:
        Account.objects.filter(pk=account.pk).update(inactive_packages=charged)
        Customer.objects.filter(pk=customer.pk).update(status=status)
        CustomerPackage.objects.update(noticed_on=None)
        return notify_package_renewals()

    assert [told("active"), told("penalty")] == [1, 1], "a penalty stops no charge"
    assert [told("inactive"), told("inactive", charged=True)] == [0, 1]
    assert told("pending", charged=True) == 0


def test_one_who_cannot_be_told_of_a_renewal_keeps_no_other_from_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sold = package(account, frequency="weekly")
    for customer in (acme(account), baltic(account, notification_emails=["dan@baltic.example"])):
        assign_package(customer_id=customer.pk, package_id=sold.pk)
    update_options(account_id=account.pk, package_notice_days=7)
    with monkeypatch.context() as broken:
        broken_for_acme(broken, package_runs)
        assert notify_package_renewals() == 1
    assert "ALARM package" in caplog.text
    assert readers("package_renewal") == ["dan@baltic.example"]
    assert notify_package_renewals() == 1
    assert CustomerPackage.objects.filter(noticed_on=today() + 7 * DAY).count() == 2


def test_one_who_cannot_be_told_of_lapsing_numbers_keeps_no_other_from_it(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    update_options(account_id=account.pk, verification_valid_days=90)
    both = (acme(account, approved_clis_only=True), baltic(account, approved_clis_only=True))
    for last, customer in enumerate(both):
        cli = VerifiedCli.objects.create(customer=customer, number=f"44207946012{last}", method="sms", attestation="A")
        VerifiedCli.objects.filter(pk=cli.pk).update(verified_at=now() - 100 * DAY)
    with monkeypatch.context() as broken:
        broken_for_acme(broken, cli_lapses)
        assert lapse_verified_clis() == 0
    assert "ALARM customer" in caplog.text
    assert list(VerifiedCli.objects.filter(reminded_at=None).values_list("customer", flat=True)) == [both[0].pk]
    assert lapse_verified_clis() == 0, "nobody loses a number of which it was not told a week before"
    assert not VerifiedCli.objects.filter(reminded_at=None).exists()
