"""Claims about a paused account: whoever asks, of its page only balance, billing and status change."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actions.test_customers import refused
from tollgate.actions import account_billing, account_identity, agreements, mail_settings, packages
from tollgate.actions.account_pause import WORDS
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import ACTS, Actor, acting
from tollgate.actions.delays import delay_save, run_due
from tollgate.actions.records import now
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.areas import AREAS
from tollgate.store.models import Account, ChangeRequest, Code, DelayedSave, MailSettings, PortalDomain, SmsSettings

STILL_DONE = {
    "change_billing_method", "override_billing_method", "set_account_tariff", "top_up_account", "charge_account_days",
    "notify_account_balance",
    "create_account", "accept_agreement", "send_test_email", "send_test_sms",
}  # fmt: skip
"""Balance and billing; an agreement that is accepted; a test that changes nothing."""
LINK = "a-link-of-before"


ELSEWHERE = {"options", "texts", "portal_domains", "retention", "custom_pages"}
"""Whose acts have pages of their own, though the area is the same."""


def shut(account: Account) -> dict[Callable[..., object], dict[str, Any]]:
    """Every act on what the page keeps back, with good arguments."""
    of, mail = {"account_id": account.pk}, MailSettings.objects.get(domain=None)
    package, change = account.packages.get(kind="other"), ChangeRequest.objects.get()
    server = {"server": "mail.demo.example:587", "from_address": "a@demo.example"}
    return {
        update_account: {**of, "channels": 3},
        account_identity.update_account_email: {**of, "email": "new@demo.example"},
        account_identity.take_back_account_email: of,
        account_identity.confirm_account_email: {"token": LINK},
        account_identity.confirm_account_address: of,
        account_identity.request_address_change: {**of, "address_line1": "A 1", "city": "Riga", "country": "LV"},
        account_identity.decide_change_request: {"request_id": change.pk, "approve": False},
        account_identity.verify_account_phone: {**of, "reason": "called it"},
        account_identity.send_account_code: of,
        account_identity.verify_account_mobile: {**of, "code": "123456"},
        mail_settings.create_mail_settings: {**of, **server},
        mail_settings.update_mail_settings: {"mail_settings_id": mail.pk, "from_address": "b@demo.example"},
        mail_settings.delete_mail_settings: {"mail_settings_id": mail.pk},
        mail_settings.create_sms_settings: {**of, "provider": "log"},
        mail_settings.update_sms_settings: {"sms_settings_id": SmsSettings.objects.get().pk, "sms_from": "Demo"},
        packages.create_account_package: {**of, "name": "NOC"},
        packages.update_account_package: {"package_id": package.pk, "quantity": 7},
        packages.end_account_package: {"package_id": package.pk},
        packages.enable_call_recording: of,
        packages.disable_call_recording: of,
        agreements.publish_agreement: {**of, "title": "Terms", "text": "Be kind."},
    }


@pytest.fixture
def paused(account: Account) -> Account:
    """A paused account that had everything on its page."""
    settings = {"account_id": account.pk, "host": "mail.demo.example", "port": 587, "from_address": "a@demo.example"}
    MailSettings.objects.create(**settings)
    MailSettings.objects.create(**settings, domain=PortalDomain.objects.create(account=account, host="p.demo.example"))
    SmsSettings.objects.create(account=account, provider="log")
    packages.create_account_package(account_id=account.pk, name="Support", quantity=1)
    account_identity.request_address_change(account_id=account.pk, address_line1="B 2", city="Riga", country="LV")
    phones = {"phone": "+37052123456", "mobile": "+37061234567", "address_line1": "B 2"}
    Account.objects.update(status="paused", pending_email="new@demo.example", **phones)
    Code.objects.create(
        purpose=account_identity.EMAIL,
        target="new@demo.example",
        secret_hash=hashlib.sha256(LINK.encode()).hexdigest(),
        expires_at=now() + timedelta(hours=1),
    )
    account.refresh_from_db()
    return account


def test_every_act_on_what_its_page_keeps_back_is_refused_and_changes_nothing(paused: Account) -> None:
    cases = shut(paused)
    modules = set(AREAS["account"].acts) - ELSEWHERE
    of_the_page = {name for name, one in ACTS.items() if one.__module__.rpartition(".")[2] in modules}
    assert of_the_page - {act.__name__ for act in cases} == STILL_DONE, "neither refused nor said to go on"
    before = Account.objects.values().get()
    for act, arguments in cases.items():
        assert refused("status", act, **arguments) == WORDS, act
    assert Account.objects.values().get() == before
    assert ChangeRequest.objects.get().state == "open"


def test_its_balance_its_billing_and_its_portals_go_on(paused: Account) -> None:
    account_billing.top_up_account(account_id=paused.pk, amount_micros=5_000_000)
    account_billing.set_account_tariff(account_id=paused.pk, minute_price_nanos=1, channel_day_price_nanos=1)
    assert account_billing.change_billing_method(account_id=paused.pk, method="per_channel")
    of_a_portal = MailSettings.objects.exclude(domain=None).get()
    changed = mail_settings.update_mail_settings(mail_settings_id=of_a_portal.pk, from_address="b@demo.example")
    assert changed.from_address == "b@demo.example"


def test_it_becomes_active_again_with_whatever_is_saved_beside(paused: Account) -> None:
    assert update_account(account_id=paused.pk, status="paused", channels=paused.channels).status == "paused"
    again = update_account(account_id=paused.pk, status="active", channels=7)
    assert (again.status, again.channels) == ("active", 7)
    assert account_identity.confirm_account_email(token=LINK).email == "new@demo.example", "the link has waited"
    assert update_account(account_id=paused.pk, status="paused", channels=8).channels == 8


def test_what_was_put_off_before_is_refused_at_its_time(paused: Account) -> None:
    group = create_user_group(name="Operators", acts=["*"], areas=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password="correct horse battery", group_ids=[group.pk])
    Account.objects.update(status="active")
    with acting(Actor(ann.email, frozenset({"*"}), kind="user", id=ann.pk)):
        due_at = now() + timedelta(hours=1)
        delay_save(act="update_account", arguments={"account_id": paused.pk, "channels": 9}, due_at=due_at)
    Account.objects.update(status="paused")
    assert run_due(due_at + timedelta(seconds=1)) == 1
    found = DelayedSave.objects.get()
    assert (found.state, WORDS in found.result) == ("refused", True)
