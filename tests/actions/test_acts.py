"""Claims about every act: permission, audit, wholeness, the optimistic lock."""

import inspect

import pytest
from django.db import connection

from tests.actions.cast import BOB, acme
from tollgate.actions.acts import ACTS, Actor, Invalid, NotFound, NotPermitted, OutOfDate, acting, call_act
from tollgate.actions.customers import create_customer, update_customer
from tollgate.store.models import Account, Audit, Customer

pytestmark = pytest.mark.django_db


def test_every_act_takes_keywords_only_and_says_what_it_does() -> None:
    assert len(ACTS) > 30
    for name, function in ACTS.items():
        kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}, name
        assert function.__doc__, name


def test_who_may_only_read_may_do_no_act(account: Account) -> None:
    for name in ACTS:
        with acting(BOB), pytest.raises(NotPermitted, match=name):
            call_act(name, {})


def test_without_an_actor_nothing_is_done() -> None:
    with pytest.raises(NotPermitted):
        create_customer(account_id=1, name="Acme", currency="EUR")
    assert not Customer.objects.exists()


def test_a_permission_is_named_like_its_act(account: Account) -> None:
    with acting(Actor("Eve", frozenset({"create_customer"}))):
        customer = create_customer(account_id=account.pk, name="Acme", currency="EUR")
        with pytest.raises(NotPermitted):
            update_customer(customer_id=customer.pk, channels=1)


def test_who_acted_and_why_is_in_the_audit_log(account: Account) -> None:
    customer = acme(account)
    row = Audit.objects.filter(table_name="customer", row_id=customer.pk).get()
    assert (row.actor, row.act, row.reason) == ("Ann", "create_customer", "asked by phone")


def test_an_act_of_another_name_is_not_found() -> None:
    with pytest.raises(NotFound):
        call_act("drop_everything", {})


def test_a_form_that_is_out_of_date_saves_nothing_and_shows_what_is_there_now(account: Account) -> None:
    customer = acme(account, channels=1)
    update_customer(customer_id=customer.pk, version=customer.version, channels=2)
    with pytest.raises(OutOfDate) as caught:
        update_customer(customer_id=customer.pk, version=customer.version, channels=3)
    assert caught.value.current["channels"] == 2
    customer.refresh_from_db()
    assert customer.channels == 2


def test_all_bad_fields_are_named_at_once_and_nothing_is_saved(account: Account) -> None:
    with pytest.raises(Invalid) as caught:
        call_act(
            "create_customer",
            {"account_id": account.pk, "name": " ", "currency": "XXX", "channels": -1, "color": "blue"},
        )
    assert set(caught.value.errors) == {"name", "currency", "channels", "color"}
    assert not Customer.objects.exists()


def test_after_a_refused_act_the_connection_still_works(account: Account) -> None:
    acme(account)
    with pytest.raises(Invalid):
        acme(account)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
