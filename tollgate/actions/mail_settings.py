"""Acts on the mail server and the SMS provider of an account (or the mail server of a portal domain), and their tests.

After a save the server is asked whether it lets us in; that it does not is a warning, for it may come later. A test
sends one real message at once and keeps what was said in its dialogue. Passwords and keys are sealed and never shown.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.account_pause import check_active
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.deliveries import LEASE_MIN, MOST_TRIES, deliver, mail_server, server_of
from tollgate.actions.messages import Reader, filled, row_of, wording
from tollgate.core.templates_stock import LANGUAGE
from tollgate.gateways import mail, sms
from tollgate.store.models import Account, MailSettings, Message, PortalDomain, SmsSettings
from tollgate.store.secrets import CannotUnseal, seal

TESTS_MOST = 5
TESTS_MIN = 10
SAME_SERVER = "Enter the password anew: it is not given to another server without you."
SAME_ADDRESS = "Enter the key anew: it is not given to another address without you."


class MailSettingsFields(TypedDict, total=False):
    """What may be set on a mail server. An empty password keeps the one that is there."""

    from_name: str
    mode: str
    username: str
    password: str


class MailSettingsChanges(MailSettingsFields, total=False):
    """What may be changed on a mail server."""

    server: str
    from_address: str


class SmsSettingsFields(TypedDict, total=False):
    """What may be set on an SMS provider. An empty key keeps the one that is there."""

    sms_from: str
    url: str
    key: str


class SmsSettingsChanges(SmsSettingsFields, total=False):
    """What may be changed on an SMS provider."""

    provider: str


def _server(value: object) -> tuple[str, int]:
    try:
        return mail.read_server(value if isinstance(value, str) else "")
    except ValueError as problem:
        raise checks.Unfit(str(problem)) from None


def _sender_id(value: object) -> str:
    """An E.164 number, or up to 11 letters and digits with a letter among them."""
    word = value.strip() if isinstance(value, str) else ""
    if not word or (len(word) <= 11 and word.isascii() and word.isalnum() and not word.isdigit()):
        return word
    try:
        return str(checks.phone(word))
    except checks.Unfit:
        raise checks.Unfit("Give a number such as +37061234567, or up to 11 letters and digits.") from None


CHECKS: Mapping[str, checks.Check] = {
    "server": _server,
    "from_address": checks.email,
    "from_name": checks.matching(r"[^\r\n\t]*", "Write the name on one line.", most=100),
    "mode": checks.one_of(mail.MODES),
    "username": checks.text(200),
    "password": checks.text(500),
}
SMS_CHECKS: Mapping[str, checks.Check] = {
    "provider": checks.one_of(sms.PROVIDERS),
    "sms_from": _sender_id,
    "url": checks.matching(r"(https?://[^\s/@]+(/[^\s]*)?)?", "Give an address such as https://sms.example.com/send."),
    "key": checks.text(1000),
}


@act
def create_mail_settings(
    *,
    account_id: int,
    server: str,
    from_address: str,
    domain_id: int | None = None,
    **fields: Unpack[MailSettingsFields],
) -> MailSettings:
    """Sets the mail server (`host`, `host:port`, `[v6]:port`) of the account, or of one of its portal domains."""
    given: dict[str, Any] = {**fields, "server": server, "from_address": from_address}
    values = _mail_values(MailSettings(), checks.cleaned(CHECKS, given))
    account = records.find(Account, account_id)
    if domain_id is None:
        check_active(account)
    if domain_id is not None and not PortalDomain.objects.filter(pk=domain_id, account=account).exists():
        raise refuse("domain_id", "Choose a portal domain of the account.")
    settings = records.create(MailSettings, {**values, "account_id": account.pk, "domain_id": domain_id})
    _check_after_commit(settings)
    return settings


@act
def update_mail_settings(
    *, mail_settings_id: int, version: int | None = None, **changes: Unpack[MailSettingsChanges]
) -> MailSettings:
    """Changes a mail server. Its password is given anew when the server or its protection is another."""
    cleaned = checks.cleaned(CHECKS, changes)
    settings = _of_active(records.locked(MailSettings, mail_settings_id, version))
    settings = records.change(settings, _mail_values(settings, cleaned))
    _check_after_commit(settings)
    return settings


@act
def delete_mail_settings(*, mail_settings_id: int) -> None:
    """Takes a mail server away. A portal domain then sends by the account's; an account waits until it has one."""
    _of_active(records.locked(MailSettings, mail_settings_id)).delete()


@act
def create_sms_settings(*, account_id: int, provider: str, **fields: Unpack[SmsSettingsFields]) -> SmsSettings:
    """Sets how the account sends SMS: `http` by a provider, or `log` for development."""
    given: dict[str, Any] = {**fields, "provider": provider}
    account = records.find(Account, account_id)
    check_active(account)
    values = _sms_values(SmsSettings(), checks.cleaned(SMS_CHECKS, given))
    return records.create(SmsSettings, {**values, "account_id": account.pk})


@act
def update_sms_settings(
    *, sms_settings_id: int, version: int | None = None, **changes: Unpack[SmsSettingsChanges]
) -> SmsSettings:
    """Changes how SMS are sent. The provider's key is given anew when its address is another."""
    cleaned = checks.cleaned(SMS_CHECKS, changes)
    settings = records.locked(SmsSettings, sms_settings_id, version)
    check_active(settings.account)
    return records.change(settings, _sms_values(settings, cleaned))


@act
def send_test_email(*, account_id: int, recipient: str, domain_id: int | None = None) -> Message:
    """Sends a test mail at once, by the settings that are saved; the message has the dialogue."""
    address = checks.cleaned({"recipient": checks.email}, {"recipient": recipient})["recipient"]
    if mail_server(account_id, domain_id) is None:
        raise refuse("recipient", "There is no mail server yet: enter one first.")
    return _test(account_id, "test_email", "email", address, domain_id)


@act
def send_test_sms(*, account_id: int, recipient: str) -> Message:
    """Sends a test SMS at once; the message has the provider's id and status."""
    number = checks.cleaned({"recipient": checks.phone}, {"recipient": recipient})["recipient"]
    if not SmsSettings.objects.filter(account_id=account_id).exists():
        raise refuse("recipient", "There is no SMS provider yet: choose one first.")
    return _test(account_id, "test_sms", "sms", number, None)


def _of_active(settings: MailSettings) -> MailSettings:
    """The same server. That of a portal domain stands on another page, which a pause does not shut."""
    if settings.domain_id is None:
        check_active(settings.account)
    return settings


def _mail_values(settings: MailSettings, cleaned: dict[str, Any]) -> dict[str, Any]:
    """The columns of what was given; a password only reaches the server it was entered for."""
    password = cleaned.pop("password", "")
    if "server" in cleaned:
        cleaned["host"], cleaned["port"] = cleaned.pop("server")
    username = cleaned.get("username", settings.username)
    moved = [
        name
        for name in ("host", "port", "mode")
        if cleaned.get(name, getattr(settings, name)) != getattr(settings, name)
    ]
    if not username:
        return {**cleaned, "password_sealed": ""}
    if password:
        return {**cleaned, "password_sealed": seal(password)}
    if not settings.password_sealed:
        raise refuse("password", "Give the password of this user.")
    if moved or username != settings.username:
        raise refuse("password", SAME_SERVER)
    return cleaned


def _sms_values(settings: SmsSettings, cleaned: dict[str, Any]) -> dict[str, Any]:
    key = cleaned.pop("key", "")
    url = cleaned.get("url", settings.url)
    if cleaned.get("provider", settings.provider) != "http":
        return {**cleaned, "url": "", "key_sealed": ""}
    if not url:
        raise refuse("url", "Give the provider's address.")
    if not key and not settings.key_sealed:
        raise refuse("key", "Give the provider's key.")
    if not key and url != settings.url:
        raise refuse("key", SAME_ADDRESS)
    if url.startswith("http:"):
        warn("The address begins with http: the key and every SMS travel unprotected.")
    return {**cleaned, **({"key_sealed": seal(key)} if key else {})}


def _check_after_commit(settings: MailSettings) -> None:
    """Asks the server once the settings are kept: no transaction waits for a stranger."""

    def ask() -> None:
        try:
            mail.check(server_of(settings))
        except (mail.NotSent, CannotUnseal) as problem:
            with contextlib.suppress(LookupError):  # a job that replays the act has nobody to warn
                warn(f"Saved, but the mail server does not let us in: {problem}")

    transaction.on_commit(ask, robust=True)


def _test(account_id: int, template: str, kind: str, address: str, domain_id: int | None) -> Message:
    account = records.locked(Account, account_id)  # two tests take turns, so that the limit holds
    recent = Message.objects.filter(
        account=account, template=template, created_at__gt=Now() - timedelta(minutes=TESTS_MIN)
    )
    if recent.count() >= TESTS_MOST:
        raise refuse("recipient", f"{TESTS_MOST} tests were sent in the last {TESTS_MIN} minutes: wait a little.")
    domain = PortalDomain.objects.filter(account=account, pk=domain_id).first() if domain_id else None
    reader = Reader(account, address, None, None, domain)
    words = filled(wording(account.pk, template, LANGUAGE, domain.pk if domain else None), reader.values())
    message = row_of(reader, words, kind=kind, template=template)
    message.state, message.tries_count = "sending", MOST_TRIES  # ours at once, and tried once
    message.save()
    message.refresh_from_db()
    records.change(message, {"next_at": message.created_at + timedelta(minutes=LEASE_MIN)})
    transaction.on_commit(partial(deliver, message, message.created_at), robust=True)
    return message
