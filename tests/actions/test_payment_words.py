"""Claims about the words of payments: they may be said anew at any time, and no money moves by that."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.actions.test_payments import balance
from tollgate.actions.acts import ACTS, Actor, NotFound, NotPermitted, OutOfDate, acting
from tollgate.actions.bank_credits import import_bank_credit
from tollgate.actions.payment_words import update_payment
from tollgate.actions.payments import create_payment, refund_payment
from tollgate.store.models import Account, Audit, Entry, Payment

pytestmark = pytest.mark.django_db


def test_description_note_and_payer_are_said_anew_and_no_money_moves(account: Account) -> None:
    customer = acme(account)
    paid = create_payment(
        customer_id=customer.pk, amount_micros=50 * EURO, public_note="Mai", private_note="x", payer="A"
    )
    entries = list(Entry.objects.values_list("pk", "amount_micros", "note"))
    said = {"public_note": "May", "private_note": "late again", "payer": "Acme UAB"}
    changed = update_payment(payment_id=paid.pk, version=paid.version, **said)
    assert {name: getattr(changed, name) for name in said} == said
    assert (changed.status, changed.amount_micros, balance(customer)) == ("completed", 50 * EURO, 50 * EURO)
    assert list(Entry.objects.values_list("pk", "amount_micros", "note")) == entries
    told = Audit.objects.filter(table_name="payment", row_id=paid.pk, act="update_payment").get()
    assert (told.actor, told.before["public_note"], told.after["public_note"]) == ("Ann", "Mai", "May")
    with pytest.raises(OutOfDate):
        update_payment(payment_id=paid.pk, version=paid.version, public_note="June")
    refused("amount_micros", update_payment, payment_id=paid.pk, amount_micros=EURO)
    refused("public_note", update_payment, payment_id=paid.pk, public_note="x" * 1001)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Payment.objects.filter(pk=paid.pk).update(amount_micros=EURO, public_note="more")


def test_the_words_of_what_waits_change_too_and_only_by_who_may(account: Account) -> None:
    customer = acme(account)
    waiting = create_payment(customer_id=customer.pk, amount_micros=EURO, status="pending")
    assert update_payment(payment_id=waiting.pk, public_note="May").status == "pending"
    assert "update_payment" in ACTS
    with acting(Actor("Bob", frozenset({"create_payment"}))), pytest.raises(NotPermitted):
        update_payment(payment_id=waiting.pk, public_note="mine")
    held = Actor("Rita", frozenset({"update_payment"}), reach=frozenset({customer.pk + 1}))
    with acting(held), pytest.raises(NotFound):
        update_payment(payment_id=waiting.pk, public_note="mine")


def test_who_paid_is_not_said_against_the_bank(account: Account) -> None:
    customer = acme(account)
    told = import_bank_credit(
        account_id=account.pk,
        amount_micros=EURO,
        currency="EUR",
        external_id="S1",
        customer_id=customer.pk,
        payer="Acme",
    )
    back = refund_payment(payment_id=create_payment(customer_id=customer.pk, amount_micros=EURO).pk)
    for one in (told, back):
        refused("payer", update_payment, payment_id=one.pk, payer="Baltic")
        assert update_payment(payment_id=one.pk, payer=one.payer, private_note="seen").private_note == "seen"
