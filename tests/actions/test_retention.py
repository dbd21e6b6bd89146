"""Claims about how long things are kept: legal holds, messages, the options."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.actions.cast import ANN, BOB, acme, demo_account
from tests.actions.test_customers import refused
from tests.actions.test_payment_settling import paypal
from tollgate.actions import deliveries, payment_forgetting
from tollgate.actions.acts import Invalid, NotPermitted, acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.erasures import erase_contact
from tollgate.actions.options import update_options
from tollgate.actions.payment_gateways import retry_payment_event
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.jobs import timetable
from tollgate.store.models import (
    Account,
    Audit,
    Contact,
    Customer,
    LegalHold,
    Message,
    PaymentEvent,
    PaymentGateway,
)
from tollgate.store.queries.held import held_customers, held_now

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC)


def test_a_hold_has_a_reason_is_there_once_and_its_messages_outlive_their_days() -> None:
    with acting(ANN):
        account = demo_account()
    with acting(BOB), pytest.raises(NotPermitted):
        place_legal_hold(customer_id=1, reason="curious")
    with acting(ANN):
        customer = acme(account)
        with pytest.raises(Invalid) as refused:
            place_legal_hold(customer_id=customer.pk, reason=" ")
        assert list(refused.value.errors) == ["reason"]
        hold = place_legal_hold(customer_id=customer.pk, reason="a court asks")
        with pytest.raises(Invalid):
            place_legal_hold(customer_id=customer.pk, reason="again")
        update_options(account_id=account.pk, message_retention_days=10)
    of_acme = Message.objects.create(account=account, customer=customer, recipient="a@acme.test", state="sent")
    of_nobody = Message.objects.create(account=account, recipient="b@acme.test", state="sent")
    Message.objects.update(created_at=AT - timedelta(days=11))
    assert deliveries.forget_old(AT) == 1
    assert list(Message.objects.all()) == [of_acme]
    assert not Message.objects.filter(pk=of_nobody.pk).exists()
    with acting(ANN):
        released = release_legal_hold(customer_id=customer.pk, reason="the court is done")
        with pytest.raises(Invalid):
            release_legal_hold(customer_id=customer.pk, reason="again")
    assert (released.pk, released.released_by) == (hold.pk, ANN.name)
    lines = Audit.objects.filter(table_name="legal_hold").order_by("pk")
    assert [(line.verb, line.customer_id, line.reason) for line in lines][1] == (
        "UPDATE", customer.pk, "the court is done",
    )  # fmt: skip
    assert deliveries.forget_old(AT) == 1


def test_days_that_would_lose_what_is_still_needed_are_refused() -> None:
    with acting(ANN):
        account = demo_account()
        for field, days in (("cdr_live_days", 6), ("cdr_archive_days", 29), ("message_retention_days", 0)):
            with pytest.raises(Invalid) as refused:
                update_options(account_id=account.pk, **{field: days})
            assert list(refused.value.errors) == [field]
        update_options(account_id=account.pk, cdr_live_days=90, cdr_archive_days=None)
    assert Account.objects.get().cdr_live_days == 90


def waits() -> bool:
    """Whether some session waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_nothing_is_erased_while_a_hold_is_being_placed_and_a_customer_is_held_once() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        carla = create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    told: list[str] = []

    def at_once(wanted: str) -> None:
        try:
            with acting(ANN):
                if wanted == "erase":
                    erase_contact(contact_id=carla.pk, reason="asked by mail")
                else:
                    place_legal_hold(customer_id=customer.pk, reason="case 8")
        except Invalid as problem:
            told.append(str(problem))
        connection.close()

    for wanted in ("erase", "hold"):
        LegalHold.objects.all().delete()
        other = Thread(target=at_once, args=(wanted,))
        with transaction.atomic():
            with acting(ANN):
                place_legal_hold(customer_id=customer.pk, reason="case 7")
            other.start()
            while other.is_alive() and not waits():
                time.sleep(0.01)
        other.join()
    assert Contact.objects.filter(pk=carla.pk).exists()
    assert LegalHold.objects.count() == 1
    assert ["under a legal hold" in told[0], "held already" in told[1]] == [True, True]


def notice(of: Customer, body: str, *, days_ago: int, **fields: Any) -> PaymentEvent:
    """A notice of a gateway, done with."""
    gateway = PaymentGateway.objects.filter(account=of.account).first() or paypal(of.account)
    known = {"account": of.account, "gateway": gateway, "customer": of, "state": "done", "body": body}
    came = {"headers": {"user-agent": "PayPal"}, "ip": "198.51.100.7", "at": AT - timedelta(days=days_ago)}
    return PaymentEvent.objects.create(**{**known, **came, **fields})


def whole(*notices: PaymentEvent) -> list[bool]:
    """Which of them are kept as they came; the others have nothing left of it."""
    for one in notices:
        one.refresh_from_db()
        assert bool(one.body) == bool(one.headers) == bool(one.ip)
    return [bool(one.body) for one in notices]


def test_notices_of_payments_are_emptied_when_their_days_are_over_unless_they_are_needed() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        other = create_customer(account_id=customer.account_id, name="Baltic", currency="EUR")
    old, young = (notice(customer, "payer_email=x", days_ago=days) for days in (401, 400))
    failed = notice(customer, "x", days_ago=999, state="failed")
    held = notice(other, "x", days_ago=999)
    with acting(ANN):
        place_legal_hold(customer_id=other.pk, reason="a court asks")
    at = AT + timedelta(seconds=1)
    Account.objects.update(payment_notice_days=401)
    assert (payment_forgetting.forget_old(at), whole(old)) == (1, [False])
    with acting(ANN):
        refused("payment_event_id", retry_payment_event, payment_event_id=old.pk)
    Account.objects.update(payment_notice_days=None)
    assert (payment_forgetting.forget_old(at), whole(young, failed, held)) == (1, [False, True, True])
    with acting(ANN):
        release_legal_hold(customer_id=other.pk, reason="closed")
    timetable.old_messages(timestamp=0)
    assert whole(failed, held) == [True, False]
    for change in ({"body": ""}, payment_forgetting.FORGOTTEN | {"body": "x"}, payment_forgetting.FORGOTTEN):
        with pytest.raises(IntegrityError), transaction.atomic():
            PaymentEvent.objects.filter(pk=failed.pk).update(**change)


def test_a_person_is_erased_from_the_notices_of_its_payments() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        other = create_customer(account_id=customer.account_id, name="Baltic", currency="EUR")
        carla = create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla")
    form = notice(customer, "first_name=Carla&payer_email=CARLA%40acme.example", days_ago=1)
    json = notice(customer, '{"email": "carla@acme.example"}', days_ago=1, note="Unknown: Carla@acme.example")
    unknown = notice(customer, "payer_email=carla%40acme.example", days_ago=1, customer=None)
    waiting = notice(customer, "payer_email=carla%40acme.example", days_ago=1, state="failed")
    of_dan = notice(customer, "payer_email=dan%40acme.example", days_ago=1)
    of_other = notice(other, "payer_email=carla%40acme.example", days_ago=1)
    with acting(ANN):
        erase_contact(contact_id=carla.pk, reason="asked by mail")
    assert whole(form, json, unknown, waiting, of_dan, of_other) == [False, False, False, True, True, True]
    assert json.note == "Unknown: (erased)"


THE_SAME = (
    "payer_email=J%C3%B6%40X.com&x=1", "memo=please+mail+j%C3%B6%40x.com", "a%3Dj%C3%B6%40x.com",
    "a=%22j%C3%B6%40x.com%22", "%3Cj%C3%B6@x.com%3E", '{"email":"jö@x.com"}', '{"email":"j\\u00f6@x.com"}',
    '{"to":"J \\u003cj\\u00F6@x.com\\u003e"}', '{"memo":"to:\\njö@x.com."}', '{"email":"jÃ¶@x.com"}', "<jö@x.com>",
)  # fmt: skip
OTHERS = (
    "payer_email=marj%C3%B6%40x.com", '{"email":"marjö@x.com"}', '{"email":"mar.jö@x.com"}', '{"email":"mar+jö@x.com"}',
    "a=mar%2Bj%C3%B6%40x.com", "a=mar-j%C3%B6%40x.com", "a=%C3%A9j%C3%B6%40x.com", '{"email":"\\u00e9j\\u00f6@x.com"}',
    "a=j%C3%B6%40x.com.au", "a=j%C3%B6%40x.community", '{"email":"jö@x.com-b.net"}',
)  # fmt: skip


def test_an_address_is_found_however_it_is_written_and_not_as_a_part_of_another() -> None:
    with acting(ANN):
        customer = acme(demo_account())
    same = [notice(customer, body, days_ago=1) for body in THE_SAME]
    others = [notice(customer, body, days_ago=1, note="marjö@x.com") for body in OTHERS]
    both = notice(customer, "x", days_ago=1, note="marjö@x.com, JÖ@x.com: unknown")
    notice(customer, "marjö@x.com", days_ago=1, state="failed")
    notice(customer, "jö@x.com", days_ago=1, state="failed")
    with transaction.atomic():
        assert payment_forgetting.forget_payer(customer, ["jö@x.com"]) == 1
    found = dict(zip((*THE_SAME, *OTHERS), whole(*same, *others), strict=True))
    assert [body for body, kept in found.items() if kept] == list(OTHERS)
    both.refresh_from_db()
    assert (both.body, both.note) == ("", "marjö@x.com, (erased): unknown")
    assert {one.note for one in PaymentEvent.objects.filter(pk__in=[one.pk for one in others])} == {"marjö@x.com"}


def test_a_hold_on_a_reseller_is_one_on_its_customers_too() -> None:
    with acting(ANN):
        account = demo_account()
        nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
        fjord = create_customer(account_id=account.pk, name="Fjord", currency="EUR", parent_id=nordic.pk)
        baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
        carla = create_contact(customer_id=fjord.pk, email="carla@fjord.example", first_name="Carla")
        place_legal_hold(customer_id=nordic.pk, reason="a court asks")
        assert held_customers() == sorted([nordic.pk, fjord.pk])
        assert [held_now(one.pk) for one in (nordic, fjord, baltic)] == [True, True, False]
        refused("contact_id", erase_contact, contact_id=carla.pk, reason="asked by mail")
        update_customer(customer_id=fjord.pk, parent_id=None)
        assert held_customers() == sorted([nordic.pk, fjord.pk]), "its calls were the reseller's"
        release_legal_hold(customer_id=nordic.pk, reason="closed")
        assert held_customers() == []
        erase_contact(contact_id=carla.pk, reason="asked by mail")
