"""Claims about how long things are kept: legal holds, messages, the options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.actions.cast import ANN, BOB, acme, demo_account
from tollgate.actions import deliveries
from tollgate.actions.acts import Invalid, NotPermitted, acting
from tollgate.actions.options import update_options
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.store.models import Account, Audit, Message

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
