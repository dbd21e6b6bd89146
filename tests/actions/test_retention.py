"""Claims about how long things are kept: legal holds, messages, the options."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection, transaction

from tests.actions.cast import ANN, BOB, acme, demo_account
from tollgate.actions import deliveries
from tollgate.actions.acts import Invalid, NotPermitted, acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.erasures import erase_contact
from tollgate.actions.options import update_options
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.store.models import Account, Audit, Contact, LegalHold, Message

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
