"""Claims about VAT checks: asked in the background, answered once, obeyed by taxes, kept as proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import refused
from tests.gateways.test_vat import VALID, Answering, register
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.records import now
from tollgate.actions.taxes import party_of
from tollgate.actions.vat_checks import MOST_TRIES, PROVED, ask_again, ask_next, check_vat_number
from tollgate.store.models import Account, Message, VatCheck

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


def told() -> list[tuple[str, str]]:
    """Who of the account was told of a number, and in which words."""
    rows = Message.objects.filter(template="vat_number").order_by("id")
    return list(rows.values_list("recipient", "text"))


def test_what_reverse_charge_rests_on_is_asked_for_again_each_month(account: Account, asked: Answering) -> None:
    Account.objects.filter(pk=account.pk).update(country="LT", vat_id="LT100001919017", email="ann@demo.example")
    customer = acme(account, country="DE", tax_number="DE136695976")
    home = create_customer(account_id=account.pk, name="Home", currency="EUR", country="LT", tax_number="LT119511515")
    create_customer(account_id=account.pk, name="Formless", currency="EUR", country="DE", tax_number="DE136695977")
    at = now() + timedelta(seconds=1)
    assert ask_again(at) == 0, "they wait already"
    asked.answer = (200, VALID)
    while ask_next(at):
        pass
    assert ask_again(at + PROVED - timedelta(seconds=1)) == 0
    assert ask_again(at + PROVED) == 1
    waiting = VatCheck.objects.get(state="queued")
    assert waiting.customer == customer, "at home there is no reverse charge by a number"
    asked.answer = (200, {"valid": False})
    assert ask_next(at + PROVED)
    assert not party_of(customer).number_valid
    ((reader, words),) = told()
    assert (reader, "DE136695976" in words, "not valid" in words) == ("ann@demo.example", True, True)
    assert ask_again(at + 2 * PROVED) == 1, "it may have become valid"
    assert ask_next(at + 2 * PROVED)
    assert len(told()) == 1, "they know"
    update_customer(customer_id=home.pk, tax_treatment="reverse_charge")
    assert ask_again(at + 3 * PROVED) == 2
    Account.objects.update(vat_id="")
    assert ask_again(at + 9 * PROVED) == 0


def test_a_register_that_never_answers_is_given_up(account: Account, asked: Answering) -> None:
    asked.answer = (503, "later")
    Account.objects.filter(pk=account.pk).update(country="LT", email="ann@demo.example")
    customer = acme(account, country="DE", tax_number="DE136695976")
    VatCheck.objects.update(tries_count=MOST_TRIES - 1)
    assert ask_next(now() + timedelta(seconds=1))
    assert VatCheck.objects.get().state == "unavailable"
    ((_, words),) = told()
    assert "has not answered" in words
    assert "go on" in words
    update_customer(customer_id=customer.pk, tax_number="DE136695977")
    assert VatCheck.objects.count() == 1, "what has not the form of its country is asked for by nobody"
    refused("customer_id", check_vat_number, customer_id=customer.pk)
    update_customer(customer_id=customer.pk, country="US")
    refused("customer_id", check_vat_number, customer_id=customer.pk)
