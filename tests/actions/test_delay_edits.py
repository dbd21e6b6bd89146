"""Claims about changing what a delayed save will do: in whose name, held against which values, and one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_delays import AT, LATER, PASSWORD, as_user, now, put_off
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Actor, Invalid, NotPermitted, acting
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.delay_values import read
from tollgate.actions.delays import (
    Altered,
    cancel_delayed_save,
    delay_save,
    drift,
    run_due,
    update_delayed_save,
)
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.mail_settings import create_mail_settings, update_mail_settings
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.users import create_user, create_user_group
from tollgate.actions.wallets import wallet_of
from tollgate.store.models import Account, Audit, Customer, DelayedSave, Endpoint, Entry, MailSettings, Payment, User
from tollgate.store.secrets import unseal

pytestmark = pytest.mark.django_db
ACTS = ["update_customer", "create_contact", "delay_save", "top_up", "create_sip_user"]


@pytest.fixture
def ann(account: Account) -> User:
    """Ann, who may change customers and put it off."""
    del account
    return somebody("Ann", ACTS)


@pytest.fixture
def customer(account: Account) -> Customer:
    """Acme, with five channels."""
    return acme(account, debit_limit_micros=25 * EURO, channels=5)


def somebody(name: str, acts: list[str]) -> User:
    """A user with these rights."""
    group = create_user_group(name=f"Group of {name}", acts=acts)
    email = f"{name.lower()}@demo.example"
    return create_user(name=name, email=email, password=PASSWORD, group_ids=[group.pk])


def alter(user: User, saved: DelayedSave, **given: Any) -> DelayedSave:
    """What the user makes of it."""
    actor = as_user(user)
    own = {"update_delayed_save"} if saved.author_id == user.pk else set()
    with acting(Actor(actor.name, actor.may | own, "on second thoughts", "user", user.pk)):
        return update_delayed_save(delayed_save_id=saved.pk, **given)


def test_another_value_waits_and_what_leaves_the_change_is_not_touched(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9, debit_limit_micros=0)
    alter(ann, saved, arguments={"channels": 12, "company": "Acme Ltd"}, without=["debit_limit_micros"])
    saved.refresh_from_db()
    assert saved.arguments == {"customer_id": customer.pk, "channels": 12, "company": "Acme Ltd"}
    assert (saved.before, saved.after) == ({"channels": 5, "company": ""}, {"channels": 12, "company": "Acme Ltd"})
    assert (saved.due_at, saved.version) == (LATER, 2)
    row = Audit.objects.filter(table_name="delayed_save").latest("id")
    told = (row.act, row.actor, row.reason, row.before["after"], row.after["after"])
    assert told[:3] == ("update_delayed_save", "ann@demo.example", "on second thoughts")
    assert told[3:] == ({"channels": 9, "debit_limit_micros": 0}, {"channels": 12, "company": "Acme Ltd"})
    run_due(LATER)
    customer.refresh_from_db()
    assert (customer.channels, customer.company, customer.debit_limit_micros) == (12, "Acme Ltd", 25 * EURO)


def test_what_stays_as_it_was_put_off_is_still_a_conflict_and_what_is_new_is_held_against_now(
    ann: User, customer: Customer
) -> None:
    saved = put_off(ann, customer, channels=9, debit_limit_micros=0)
    update_customer(customer_id=customer.pk, channels=7, debit_limit_micros=30 * EURO)
    saved.refresh_from_db()
    assert len(drift(saved)) == 2
    alter(ann, saved, arguments={"channels": 12})
    saved.refresh_from_db()
    assert saved.before == {"channels": 7, "debit_limit_micros": 25 * EURO}
    assert drift(saved) == ["Debit limit is 30.00 now, it was 25.00 when this was saved."]
    run_due(LATER)
    assert now(saved) == ("conflict", drift(saved)[0])
    again = put_off(ann, customer, channels=9, debit_limit_micros=0)
    update_customer(customer_id=customer.pk, debit_limit_micros=40 * EURO)
    alter(ann, again, over_present=True)
    run_due(LATER)
    assert now(again) == ("done", "")
    customer.refresh_from_db()
    assert (customer.channels, customer.debit_limit_micros) == (9, 0)


def test_who_changes_it_is_whose_rights_it_is_done_with(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    clerk = somebody("Clerk", ["update_delayed_save", "delay_save"])
    with pytest.raises(NotPermitted, match="update_customer"):
        alter(clerk, saved, arguments={"channels": 99})
    keeper = somebody("Keeper", ["update_delayed_save", "update_customer"])
    with pytest.raises(NotPermitted, match="delay_save"):
        alter(keeper, saved, arguments={"channels": 99})
    with pytest.raises(NotPermitted, match="update_delayed_save"):
        alter(somebody("Seller", ACTS), saved, arguments={"channels": 99})
    alter(clerk, saved, due_at=LATER + timedelta(days=1))
    saved.refresh_from_db()
    assert saved.author == "ann@demo.example", "another moment is still Ann's change"
    eve = somebody("Eve", ["update_delayed_save", "update_customer", "delay_save"])
    alter(eve, saved, arguments={"channels": 99}, due_at=LATER)
    saved.refresh_from_db()
    assert (saved.author_id, saved.author) == (eve.pk, "eve@demo.example")
    eve.groups.clear()
    run_due(LATER)
    assert now(saved)[0] == "refused", "Ann's rights do not carry what Eve has asked for"
    assert Customer.objects.get(pk=customer.pk).channels == 5


def test_what_cannot_be_is_told_and_leaves_it_as_it_was(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    for given, field in (
        ({"arguments": {"channels": -1}}, "channels"),
        ({"arguments": {"channels": 5}}, "arguments"),
        ({"without": ["customer_id"]}, "without"),
        ({"without": ["debit_limit_micros"]}, "without"),
        ({}, "due_at"),
    ):
        with pytest.raises(Invalid) as caught:
            alter(ann, saved, **given)
        assert list(caught.value.errors) == [field]
    with pytest.raises(Invalid, match="Only a user"):
        update_delayed_save(delayed_save_id=saved.pk, arguments={"channels": 7})
    saved.refresh_from_db()
    assert (saved.arguments["channels"], saved.version) == (9, 1)


def test_it_stays_about_the_record_that_it_was_put_off_for(ann: User, customer: Customer, account: Account) -> None:
    other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    saved = put_off(ann, customer, channels=9)
    for more in ({}, {"over_present": True}):
        with pytest.raises(Invalid, match="another record"):
            alter(ann, saved, arguments={"customer_id": other.pk}, **more)


def test_of_two_who_change_it_the_second_is_told(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    alter(ann, saved, arguments={"channels": 10}, version=1)
    with pytest.raises(Altered) as caught:
        alter(ann, saved, arguments={"channels": 11}, version=1)
    assert (caught.value.current["after"], caught.value.current["version"]) == ({"channels": 10}, 2)
    with pytest.raises(Altered):
        alter(ann, saved, due_at=LATER, version=1)
    run_due(LATER)
    canceled = put_off(ann, customer, channels=20)
    cancel_delayed_save(delayed_save_id=canceled.pk)
    for over, word in ((saved, "done"), (canceled, "canceled")):
        with pytest.raises(Invalid, match=f"no longer pending: it is {word}"):
            alter(ann, over, arguments={"channels": 11})


def test_a_new_record_becomes_another_and_its_secret_stays_unless_typed_anew(ann: User, customer: Customer) -> None:
    given = {"customer_id": customer.pk, "username": "acme-carla", "password": PASSWORD}
    with acting(as_user(ann)):
        saved = delay_save(act="create_sip_user", arguments=given, due_at=LATER)
    sealed = saved.arguments["password"]
    alter(ann, saved, arguments={"username": "acme-dan"})
    saved.refresh_from_db()
    assert saved.after["username"] == "acme-dan"
    assert PASSWORD not in str([saved.arguments, saved.after, *Audit.objects.values_list("before", "after")])
    assert saved.arguments["password"].keys() == sealed.keys()
    run_due(LATER)
    assert now(saved) == ("done", "")
    made = Endpoint.objects.get(username="acme-dan")
    Endpoint.objects.filter(pk=made.pk).update(username="acme-old")
    assert create_sip_user(customer_id=customer.pk, username="acme-dan", password=PASSWORD).ha1 == made.ha1


def mail_of(account: Account, server: str = "mail.example.com") -> MailSettings:
    """A mail server with a login."""
    given = {"server": server, "from_address": "hello@demo.example", "username": "ann", "password": PASSWORD}
    return create_mail_settings(account_id=account.pk, **given)


MAIL_ACTS = ["update_mail_settings", "create_sip_user", "update_payment_gateway", "delay_save", "update_delayed_save"]


def test_a_secret_that_waits_goes_nowhere_that_its_author_did_not_type_it_for(account: Account) -> None:
    ann, bob, settings = somebody("Ann", MAIL_ACTS), somebody("Bob", MAIL_ACTS), mail_of(account)
    wanted = {"mail_settings_id": settings.pk, "password": "Ann's own", "from_name": "Demo"}
    with acting(as_user(ann)):
        saved = delay_save(act="update_mail_settings", arguments=wanted, due_at=LATER)
    evil = {"server": "evil.example"}
    for who in (bob, ann):
        for given in (evil, evil | {"password": ""}, {"mode": "none"}, {"username": "eve"}):
            with pytest.raises(Invalid) as caught:
                alter(who, saved, arguments=given)
            assert list(caught.value.errors) == ["password"], (who, given)
    for given in ({"arguments": {"from_name": "Bob"}}, {"over_present": True}, {"without": ["from_name"]}):
        with pytest.raises(Invalid, match="somebody else"):
            alter(bob, saved, **given)
    with pytest.raises(Invalid, match="anew"):
        alter(bob, saved, arguments=evil, without=["password"])
    alter(ann, saved, arguments={"from_name": "Demo Telecom"})
    saved.refresh_from_db()
    assert read(saved.arguments)["password"] == "Ann's own"
    alter(bob, saved, arguments=evil | {"password": "Bob's own"})
    assert run_due(LATER) == 1
    settings.refresh_from_db()
    assert (settings.host, unseal(settings.password_sealed)) == ("evil.example", "Bob's own")


def test_a_secret_that_waits_is_not_given_to_what_took_its_place(account: Account) -> None:
    ann, settings = somebody("Ann", MAIL_ACTS), mail_of(account)
    wanted = {"mail_settings_id": settings.pk, "password": "Ann's own"}
    with acting(as_user(ann)):
        saved = delay_save(act="update_mail_settings", arguments=wanted, due_at=LATER)
    update_mail_settings(mail_settings_id=settings.pk, server="evil.example", password="Eve's own")
    for given in ({"arguments": {"from_name": "Demo"}}, {"over_present": True}):
        with pytest.raises(Invalid, match="was changed after"):
            alter(ann, saved, **given)
    assert run_due(LATER) == 1
    assert now(saved)[0] == "conflict"
    settings.refresh_from_db()
    assert unseal(settings.password_sealed) == "Eve's own"


def test_of_many_secrets_that_wait_each_is_typed_anew_for_another_address(account: Account) -> None:
    ann, bob = somebody("Ann", MAIL_ACTS), somebody("Bob", MAIL_ACTS)
    gateway = create_payment_gateway(account_id=account.pk, name="cards", provider="stripe", enabled=False)
    keys = {"secret_key": "sk_1", "webhook_secret": "wh_1"}
    wanted = {"payment_gateway_id": gateway.pk, "secrets": keys}
    with acting(as_user(ann)):
        saved = delay_save(act="update_payment_gateway", arguments=wanted, due_at=LATER)
    evil = {"settings": {"api_url": "https://evil.example"}}
    for who in (bob, ann):
        for given in (evil, evil | {"secrets": {"secret_key": "sk_2", "webhook_secret": ""}}):
            with pytest.raises(Invalid) as caught:
                alter(who, saved, arguments=given)
            assert list(caught.value.errors) == ["secrets"]
    alter(ann, saved, arguments={"secrets": {"secret_key": "sk_2", "webhook_secret": ""}})
    saved.refresh_from_db()
    assert read(saved.arguments)["secrets"] == {"secret_key": "sk_2", "webhook_secret": "wh_1"}


def test_what_somebody_else_changes_is_not_told_by_the_reason_of_who_put_it_off(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    for who, reason in ((ann, "promised"), (somebody("Bob", [*ACTS, "update_delayed_save"]), "")):
        with acting(Actor(who.email, as_user(who).may | {"update_delayed_save"}, "", "user", who.pk)):
            update_delayed_save(delayed_save_id=saved.pk, arguments={"channels": 10 + who.pk})
        saved.refresh_from_db()
        assert (saved.author_id, saved.reason) == (who.pk, reason)


def test_a_notice_that_was_armed_meanwhile_is_no_conflict(account: Account) -> None:
    account.refresh_from_db()
    update_account(account_id=account.pk, low_balance_micros=20 * EURO)
    Account.objects.filter(pk=account.pk).update(low_balance_noticed_at=AT)
    ann = somebody("Ann", ["update_account", "delay_save"])
    with acting(as_user(ann)):
        arguments = {"account_id": account.pk, "low_balance_micros": 30 * EURO}
        saved = delay_save(act="update_account", arguments=arguments, due_at=LATER)
    assert saved.after == {"low_balance_micros": 30 * EURO}
    Account.objects.filter(pk=account.pk).update(low_balance_noticed_at=None)
    DelayedSave.objects.update(before=saved.before | {"low_balance_noticed_at": AT.isoformat()})
    assert run_due(LATER) == 1
    assert now(saved) == ("done", "")


def test_money_is_booked_once_at_its_time_however_often_it_was_put_off(ann: User, customer: Customer) -> None:
    given = {"customer_id": customer.pk, "amount_micros": 25 * EURO, "note": "goodwill", "key": "k-1"}
    with acting(as_user(ann)):
        first, second = (delay_save(act="top_up", arguments=given, due_at=LATER) for _ in range(2))
    assert (first.title, first.customer_id, first.row_id) == ("Top up: Acme, 25.00 EUR", customer.pk, 0)
    assert first.after == {"amount_micros": 25 * EURO, "note": "goodwill"}
    assert not Entry.objects.exists()
    assert not Payment.objects.exists()
    alter(ann, first, arguments={"amount_micros": 30 * EURO})
    assert run_due(LATER) == 2
    assert now(first) == ("done", "")
    assert now(second)[0] in ("conflict", "refused")
    assert Entry.objects.get().amount_micros == 30 * EURO
    assert wallet_of(customer).balance_micros == 30 * EURO


def both(*doings: Callable[[], object]) -> list[object]:
    """What each gave or raised, all begun at one moment, each by a connection of its own."""
    start, found = threading.Barrier(len(doings)), [object()] * len(doings)

    def run(at: int) -> None:
        try:
            start.wait()
            found[at] = doings[at]()
        except Invalid as problem:
            found[at] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(doings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_edit_and_two_workers_at_one_moment_do_it_once_as_it_was_or_as_it_became() -> None:
    with acting(ANN):
        account = demo_account()
        customer, ann = acme(account, channels=5), somebody("Ann", ACTS)
        for turn in range(6):
            wanted = 100 + turn
            with acting(as_user(ann)):
                arguments = {"customer_id": customer.pk, "amount_micros": EURO * (turn + 1), "key": f"k-{turn}"}
                saved = delay_save(act="top_up", arguments=arguments, due_at=AT)
            altered, *_ = both(
                lambda saved=saved, wanted=wanted: alter(ann, saved, arguments={"amount_micros": EURO * wanted}),
                lambda: run_due(AT),
                lambda: run_due(AT),
            )
            run_due(AT)
            saved.refresh_from_db()
            assert (saved.state, Entry.objects.count()) == ("done", turn + 1)
            booked = Entry.objects.latest("id").amount_micros
            if isinstance(altered, Invalid):
                assert "no longer pending: it is done" in str(altered)
                assert booked == EURO * (turn + 1)
            else:
                assert booked == EURO * wanted


@pytest.mark.django_db(transaction=True)
def test_two_editors_at_one_moment_change_it_one_after_the_other() -> None:
    with acting(ANN):
        customer, ann = acme(demo_account(), channels=5), somebody("Ann", ACTS)
        saved = put_off(ann, customer, channels=9)

        def change(channels: int) -> object:
            try:
                return alter(ann, saved, arguments={"channels": channels}, version=1)
            except Altered as problem:
                return problem

        found = both(lambda: change(10), lambda: change(11))
    assert sum(isinstance(one, Altered) for one in found) == 1
    saved.refresh_from_db()
    (kept,) = (one for one in found if isinstance(one, DelayedSave))
    assert (saved.version, saved.arguments["channels"]) == (2, kept.arguments["channels"])
