"""Claims about VAT checks: asked in the background, answered once, obeyed by taxes, kept as proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import refused
from tests.gateways.test_vat import VALID, Answering, register
from tollgate.actions.customers import update_customer
from tollgate.actions.records import now
from tollgate.actions.taxes import party_of
from tollgate.actions.vat_checks import MOST_TRIES, ask_next, check_vat_number
from tollgate.store.models import Account, VatCheck

__all__ = ["register"]


@pytest.fixture
def asked(register: Answering, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """The register that is asked."""
    monkeypatch.setenv("TOLLGATE_VIES_URL", f"http://127.0.0.1:{register.server_port}")
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    return register


def test_a_number_is_asked_for_once_and_the_answer_is_obeyed(account: Account, asked: Answering) -> None:
    Account.objects.filter(pk=account.pk).update(country="LT", vat_id="LT100001919017")
    customer = acme(account, country="DE", tax_number="DE136695976")
    waiting = VatCheck.objects.get()
    assert (waiting.number, waiting.state) == ("DE136695976", "queued")
    assert check_vat_number(customer_id=customer.pk).pk == waiting.pk, "it waits already"
    assert party_of(customer).number_valid, "until it is answered its form decides"
    at = now() + timedelta(seconds=1)
    asked.answer = (503, "later")
    assert ask_next(at)
    assert not ask_next(at), "not again at once"
    asked.answer = (200, {"valid": False})
    assert ask_next(at + timedelta(hours=1))
    assert not party_of(customer).number_valid
    asked.answer = (200, VALID)
    check_vat_number(customer_id=customer.pk)
    assert ask_next(at + timedelta(hours=1))
    kept = VatCheck.objects.order_by("id").last()
    assert kept is not None
    assert (kept.state, kept.provider, kept.name, kept.consultation) == ("valid", "vies", "UAB Baltic", "WAPIAAAAY")
    assert party_of(customer).number_valid
    assert asked.asked[-1][1]["requesterNumber"] == "100001919017"


def test_a_register_that_never_answers_is_given_up(account: Account, asked: Answering) -> None:
    asked.answer = (503, "later")
    Account.objects.filter(pk=account.pk).update(country="LT")
    customer = acme(account, country="DE", tax_number="DE136695976")
    VatCheck.objects.update(tries_count=MOST_TRIES - 1)
    assert ask_next(now() + timedelta(seconds=1))
    assert VatCheck.objects.get().state == "unavailable"
    update_customer(customer_id=customer.pk, tax_number="DE136695977")
    assert VatCheck.objects.count() == 1, "what has not the form of its country is asked for by nobody"
    refused("customer_id", check_vat_number, customer_id=customer.pk)
    update_customer(customer_id=customer.pk, country="US")
    refused("customer_id", check_vat_number, customer_id=customer.pk)
