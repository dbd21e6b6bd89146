"""Claims about asking for circuit tests: through what there is, one at a time, so many an hour."""

from datetime import timedelta

import pytest

from tests.actions.cast import ANN, BOB, acme, bought_by, demo_account
from tollgate.actions.acts import Actor, Invalid, NotPermitted, acting
from tollgate.actions.carriers import create_gateway, update_gateway
from tollgate.actions.circuit_tests import LEASE, MOST_AN_HOUR, WAITED, give_up, start_circuit_test
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.options import update_options
from tollgate.actions.records import now
from tollgate.store.models import Account, Audit, CircuitTest, Gateway

pytestmark = pytest.mark.django_db
NUMBER = "442079460123"


@pytest.fixture
def gateway() -> Gateway:
    """Of Cirrus, of an account whose tests a SIP user of Acme makes."""
    with acting(ANN):
        account = demo_account()
        user = create_sip_user(customer_id=acme(account).pk, username="71099", password="correct-horse-7")
        update_options(account_id=account.pk, circuit_user_id=user.pk)
        carrier_id = bought_by(account).carrier_id
        assert carrier_id is not None
        return create_gateway(carrier_id=carrier_id, name="west", host="203.0.113.5")


def start(actor: Actor = ANN, **given: object) -> CircuitTest:
    with acting(actor):
        return start_circuit_test(**{"account_id": Account.objects.get().pk, "number": NUMBER, **given})  # type: ignore[arg-type]


def refused(actor: Actor = ANN, **given: object) -> str:
    with pytest.raises(Invalid) as caught:
        start(actor, **given)
    return str(caught.value)


def test_a_test_names_what_it_goes_through_and_is_in_the_audit_log(gateway: Gateway) -> None:
    test = start(gateway_id=gateway.pk, cli="+44207", talk_s=5)
    assert (test.way, test.gateway_ids, test.state, test.talk_s) == ("Cirrus: west", [gateway.pk], "queued", 5)
    assert [(row.act, row.verb) for row in Audit.objects.filter(table_name="circuit_test")] == [
        ("start_circuit_test", "INSERT")
    ]
    others = Actor("Cleo", frozenset({"*"}), "asked")
    assert start(others, carrier_id=gateway.carrier_id).gateway_ids == [gateway.pk]
    assert start(Actor("Ed", frozenset({"*"}), "asked")).gateway_ids == []
    with pytest.raises(NotPermitted):
        start(BOB)


def test_each_person_has_one_at_a_time_and_so_many_an_hour(gateway: Gateway) -> None:
    for _ in range(MOST_AN_HOUR):
        test = start()
        assert "still going on" in refused()
        CircuitTest.objects.filter(pk=test.pk).update(state="done")
    assert "in the last hour" in refused()
    start(Actor("Cleo", frozenset({"*"}), "asked"))
    CircuitTest.objects.update(created_at=now() - timedelta(hours=2))
    start()


def test_what_nobody_finishes_has_failed_and_keeps_nobody_waiting(gateway: Gateway) -> None:
    waiting, calling = start(), start(Actor("Cleo", frozenset({"*"}), "asked"))
    at = now()
    CircuitTest.objects.filter(pk=calling.pk).update(state="calling", called_at=at)
    give_up(at + min(WAITED, LEASE) - timedelta(seconds=1))
    assert not CircuitTest.objects.filter(state="failed").exists()
    give_up(at + max(WAITED, LEASE) + timedelta(seconds=1))
    told = {test.pk: test.words for test in CircuitTest.objects.filter(state="failed")}
    assert "is `tollgate work` running?" in told[waiting.pk]
    assert "broken off" in told[calling.pk]
    start()


def test_nothing_is_called_that_could_not_be(gateway: Gateway) -> None:
    account = Account.objects.get()
    assert "Give the digits" in refused(number="sip:x@example")
    assert "talk_s" in refused(talk_s=61)
    assert "of this account" in refused(gateway_id=gateway.pk + 9)
    assert "of this account" in refused(carrier_id=gateway.carrier_id + 9)
    assert "of the carrier" in refused(gateway_id=gateway.pk, carrier_id=gateway.carrier_id + 9)
    with acting(ANN):
        update_gateway(gateway_id=gateway.pk, enabled=False)
    assert "takes no calls" in refused(gateway_id=gateway.pk)
    assert "takes no calls" in refused(carrier_id=gateway.carrier_id)
    with acting(ANN):
        update_options(account_id=account.pk, circuit_user_id=None)
    assert "choose a circuit test user" in refused()
