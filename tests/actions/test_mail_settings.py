"""Claims about the mail server and the SMS provider: what is kept, what is never told, and what a test shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.actions.test_customers import refused
from tests.gateways.sink import PASSWORD, Sink, mail_sink
from tollgate.actions.acts import Done, OutOfDate
from tollgate.actions.deliveries import server_of
from tollgate.actions.mail_settings import (
    TESTS_MOST,
    create_mail_settings,
    create_sms_settings,
    delete_mail_settings,
    send_test_email,
    send_test_sms,
    update_mail_settings,
    update_sms_settings,
)
from tollgate.store.models import Account, Audit, MailSettings, Message, PortalDomain
from tollgate.store.secrets import unseal

KEY = "key-of-the-provider"
Commit = Callable[..., Any]


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A real mail server that wants a login."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with mail_sink(with_login=True) as server:
        yield server


def made(account: Account, server: str = "mail.example.com:465", **fields: Any) -> MailSettings:
    """Settings with a login."""
    given: dict[str, Any] = {"username": "ann", "password": PASSWORD, **fields}
    return create_mail_settings(account_id=account.pk, server=server, from_address="hello@demo.example", **given)


def test_a_password_is_sealed_and_told_to_nobody(account: Account) -> None:
    settings = made(account)
    assert (settings.host, settings.port, server_of(settings).protection) == ("mail.example.com", 465, "tls")
    assert unseal(settings.password_sealed) == PASSWORD
    assert PASSWORD not in settings.password_sealed
    changed = update_mail_settings(
        mail_settings_id=settings.pk, version=settings.version, from_name="Demo", password=""
    )
    assert unseal(changed.password_sealed) == PASSWORD
    for audit in Audit.objects.filter(table_name="mail_settings"):
        assert settings.password_sealed not in str((audit.before, audit.after))
    with pytest.raises(OutOfDate) as stale:
        update_mail_settings(mail_settings_id=settings.pk, version=settings.version)
    assert "password_sealed" not in stale.value.current


def test_a_password_is_not_given_to_another_server_without_its_owner(account: Account) -> None:
    settings = made(account)
    for field, value in (("server", "evil.example"), ("mode", "none"), ("username", "eve")):
        refused("password", update_mail_settings, mail_settings_id=settings.pk, **{field: value})
    moved = update_mail_settings(mail_settings_id=settings.pk, server="mx.example.com", password="new")
    assert (moved.host, moved.port, unseal(moved.password_sealed)) == ("mx.example.com", 25, "new")
    assert update_mail_settings(mail_settings_id=settings.pk, username="").password_sealed == ""
    refused("password", update_mail_settings, mail_settings_id=settings.pk, username="ann")


def test_all_fields_of_a_mail_server_are_checked_together(account: Account) -> None:
    from tollgate.actions.acts import Invalid

    with pytest.raises(Invalid) as caught:
        create_mail_settings(
            account_id=account.pk, server="smtp://a", from_address="nobody", from_name="a\nb", mode="magic"
        )
    assert set(caught.value.errors) == {"server", "from_address", "from_name", "mode"}
    made(account)
    refused("domain_id", made, account=account)
    refused("domain_id", made, account=account, domain_id=99)


def test_a_save_asks_the_server_and_warns_without_blocking(
    account: Account, done: Done, sink: Sink, django_capture_on_commit_callbacks: Commit
) -> None:
    server = f"127.0.0.1:{sink.port}"
    with django_capture_on_commit_callbacks(execute=True):
        settings = made(account, server, mode="none", password="wrong")
    assert "does not let us in" in done.warnings[0]
    assert "535" in done.warnings[0]
    assert MailSettings.objects.count() == 1
    done.warnings.clear()
    with django_capture_on_commit_callbacks(execute=True):
        update_mail_settings(mail_settings_id=settings.pk, password=PASSWORD)
    assert done.warnings == []


def test_a_test_mail_is_sent_at_once_and_shows_the_dialogue(
    account: Account, sink: Sink, django_capture_on_commit_callbacks: Commit
) -> None:
    assert "enter one first" in refused("recipient", send_test_email, account_id=account.pk, recipient="a@b.example")
    made(account, f"127.0.0.1:{sink.port}", mode="none")
    refused("recipient", send_test_email, account_id=account.pk, recipient="nobody")
    with django_capture_on_commit_callbacks(execute=True):
        message = send_test_email(account_id=account.pk, recipient="ann@demo.example")
    assert (message.state, message.created_by, len(sink.letters)) == ("sent", "Ann", 1)
    assert "AUTH" in message.dialogue
    sink.refuse = {"RCPT": "451 later"}
    with django_capture_on_commit_callbacks(execute=True):
        failed = send_test_email(account_id=account.pk, recipient="ann@demo.example")
    assert (failed.state, failed.tries_count) == ("failed", 6), "a test is not repeated"
    for _ in range(TESTS_MOST - 2):
        send_test_email(account_id=account.pk, recipient="ann@demo.example")
    assert "wait" in refused("recipient", send_test_email, account_id=account.pk, recipient="ann@demo.example")


def test_a_domain_goes_back_to_the_accounts_server(account: Account, sink: Sink) -> None:
    domain = PortalDomain.objects.create(account=account, host="portal.nordic.example", brand="Nordic")
    own = made(account, f"127.0.0.1:{sink.port}", domain_id=domain.pk)
    refused("recipient", send_test_email, account_id=account.pk, recipient="a@b.example")
    assert send_test_email(account_id=account.pk, recipient="a@b.example", domain_id=domain.pk).domain_id == domain.pk
    delete_mail_settings(mail_settings_id=own.pk)
    refused("recipient", send_test_email, account_id=account.pk, recipient="a@b.example", domain_id=domain.pk)


def test_a_test_sms_shows_the_providers_id_and_status(
    account: Account, django_capture_on_commit_callbacks: Commit
) -> None:
    refused("recipient", send_test_sms, account_id=account.pk, recipient="+37061234567")
    create_sms_settings(account_id=account.pk, provider="log", sms_from="+37061234567")
    refused("recipient", send_test_sms, account_id=account.pk, recipient="12")
    with django_capture_on_commit_callbacks(execute=True):
        message = send_test_sms(account_id=account.pk, recipient="+37061234567")
    assert message.dialogue.endswith(f"-- id log-{message.pk}, status logged")
    assert Message.objects.get().state == "sent"


def test_a_providers_key_is_sealed_and_not_given_to_another_address(account: Account, done: Done) -> None:
    url = "https://sms.example.com/send"
    refused("url", create_sms_settings, account_id=account.pk, provider="http", key=KEY)
    refused("key", create_sms_settings, account_id=account.pk, provider="http", url=url)
    refused("url", create_sms_settings, account_id=account.pk, provider="http", url="ftp://a/", key=KEY)
    settings = create_sms_settings(account_id=account.pk, provider="http", url=url, key=KEY)
    assert unseal(settings.key_sealed) == KEY
    refused("key", update_sms_settings, sms_settings_id=settings.pk, url="https://evil.example/")
    for sender in ("DEMO", "Demo 1", "+3706123456789012", "TWELVELETTERS", "12345678901"):
        if sender in ("DEMO", "12345678901"):
            assert update_sms_settings(sms_settings_id=settings.pk, sms_from=sender).sms_from.endswith(sender)
        else:
            refused("sms_from", update_sms_settings, sms_settings_id=settings.pk, sms_from=sender)
    update_sms_settings(sms_settings_id=settings.pk, url="http://sms.example.com/", key="other")
    assert "unprotected" in done.warnings[0]
    assert update_sms_settings(sms_settings_id=settings.pk, provider="log").key_sealed == ""
