"""Acts on payment gateways: their keys are sealed and never shown, and never sent to another address than they were
entered for.

The fields of a provider stand in gateways/payments; the name is for ever, because payments and allow-lists carry it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, refuse, warn
from tollgate.actions.messages import address_of
from tollgate.actions.payment_amounts import BUILT_IN
from tollgate.gateways.payments import PROVIDERS
from tollgate.gateways.payments.model import Config
from tollgate.store.models import Account, Payment, PaymentEvent, PaymentGateway
from tollgate.store.secrets import CannotUnseal, seal, unseal

MOST_PPM: Final = 500_000
MOST_FIXED_MICROS: Final = 10**12
MOST_WORDS: Final = 2000
TOKEN_BYTES: Final = 24
MANUAL: Final = "manual"
ANEW: Final = "Enter the keys anew: they are not given to another address without you."


class PaymentGatewayFields(TypedDict, total=False):
    """What may be set on a gateway. An empty secret keeps the one that is there."""

    title: str
    enabled: bool
    mode: str
    currencies: Sequence[str]
    deduct_fees: bool
    surcharge_micros: int
    surcharge_ppm: int
    settings: dict[str, str]
    secrets: dict[str, str]


def _words(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(word, str) for pair in value.items() for word in pair):
        raise checks.Unfit("Give an object of texts.")
    check = checks.text(MOST_WORDS)
    return {str(name): check(word) for name, word in value.items()}


def _codes(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or len(value) > len(BUILT_IN) + 300:
        raise checks.Unfit("Give a list of currencies.")
    return list(dict.fromkeys(checks.currency(code) for code in value))


CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.matching(r"[a-z][a-z0-9_]{0,29}", "Use small letters, digits and _."),
    "provider": checks.one_of(tuple(PROVIDERS)),
    "title": checks.text(100, required=True),
    "enabled": checks.yes_no,
    "mode": checks.one_of(("test", "live")),
    "currencies": _codes,
    "deduct_fees": checks.yes_no,
    "surcharge_micros": checks.amount(0, MOST_FIXED_MICROS),
    "surcharge_ppm": checks.whole(0, MOST_PPM),
    "settings": _words,
    "secrets": _words,
}


@act
def create_payment_gateway(
    *, account_id: int, name: str, provider: str, **fields: Unpack[PaymentGatewayFields]
) -> PaymentGateway:
    """Sets up a gateway, for the account's currency where the provider takes that, else for all that it takes.

    Its address for notices is `notice_address`.
    """
    given: dict[str, Any] = {**fields, "name": name, "provider": provider}
    cleaned = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    if name in BUILT_IN or name == MANUAL:
        raise refuse("name", "This name has a meaning already: choose another.")
    row = PROVIDERS[provider]
    own = not row.currencies or account.currency in row.currencies
    cleaned.setdefault("title", row.title)
    cleaned.setdefault("currencies", [account.currency] if own else list(row.currencies))
    cleaned.setdefault("deduct_fees", row.tells_fees)
    start = PaymentGateway(provider=provider, mode="test", enabled=True)
    columns = _values(start, cleaned)
    values = {**cleaned, **columns}
    _warn_of_tax(account, cleaned)
    return records.create(
        PaymentGateway, {**values, "account_id": account.pk, "token": secrets.token_urlsafe(TOKEN_BYTES)}
    )


@act
def update_payment_gateway(
    *, payment_gateway_id: int, version: int | None = None, **changes: Unpack[PaymentGatewayFields]
) -> PaymentGateway:
    """Changes a gateway. Its keys are given anew when an address of it is another."""
    cleaned = checks.cleaned(CHECKS, changes)
    gateway = records.locked(PaymentGateway, payment_gateway_id, version)
    columns = _values(gateway, cleaned)
    _warn_of_tax(gateway.account, cleaned)
    return records.change(gateway, {**cleaned, **columns})


@act
def delete_payment_gateway(*, payment_gateway_id: int, version: int | None = None) -> None:
    """Removes a gateway that was never used; one that was is disabled instead, for its notices may still come."""
    gateway = records.locked(PaymentGateway, payment_gateway_id, version)
    used = Payment.objects.filter(account_id=gateway.account_id, gateway=gateway.name).exists()
    if used or gateway.events.exists():
        raise refuse("payment_gateway_id", "This gateway has payments or notices: disable it instead.")
    gateway.delete()


@act
def retry_payment_event(*, payment_event_id: int) -> PaymentEvent:
    """Lets the worker prove and book a notice anew, such as one that was refused by a wrong key of ours."""
    event = PaymentEvent.objects.select_for_update().filter(pk=payment_event_id).first()
    if event is None:
        raise NotFound(f"There is no notice {payment_event_id}.")
    if event.state == "queued":
        raise refuse("payment_event_id", "This notice waits already.")
    if not event.body:
        raise refuse("payment_event_id", "This notice is not kept any longer as it came.")
    again = {"state": "queued", "tries_count": 0, "next_at": records.now(), "done_at": None}
    return records.change(event, again)


def _warn_of_tax(account: Account, given: Mapping[str, Any]) -> None:
    """Only what a wallet gains bears a prepaid customer's tax (docs/decisions/0015)."""
    if account.vat_id and any(given.get(name) for name in ("surcharge_micros", "surcharge_ppm", "deduct_fees")):
        warn("Of prepaid customers a surcharge, or a fee that is taken off, bears no VAT here: declare it yourself.")


def config_of(gateway: PaymentGateway) -> Config:
    """A gateway's settings with their defaults, and its keys. Raises CannotUnseal."""
    fields = PROVIDERS[gateway.provider].fields
    settings = {
        field.name: gateway.settings.get(field.name) or default_of(field.name, gateway)
        for field in fields
        if not field.secret
    }
    kept = json.loads(unseal(gateway.secrets_sealed) or "{}")
    return Config(provider=gateway.provider, mode=gateway.mode, settings=settings, secrets=kept)


def default_of(name: str, gateway: PaymentGateway) -> str:
    """What a setting is where nothing was entered, in the mode of the gateway."""
    field = next(field for field in PROVIDERS[gateway.provider].fields if field.name == name)
    return field.test if gateway.mode == "test" and field.test else field.default


def kept_secrets(gateway: PaymentGateway) -> frozenset[str]:
    """The names of the keys that are there."""
    kept = json.loads(unseal(gateway.secrets_sealed) or "{}")
    return frozenset(name for name, word in kept.items() if word)


def notice_address(gateway: PaymentGateway) -> str:
    """Where the gateway sends its notices."""
    return f"{address_of(None)}/payments/notices/{gateway.token}/"


def _values(gateway: PaymentGateway, cleaned: dict[str, Any]) -> dict[str, Any]:
    """The columns of settings and keys, checked against what the provider takes."""
    provider = PROVIDERS[gateway.provider]
    settings = {**gateway.settings, **cleaned.pop("settings", {})}
    given = {name: word for name, word in cleaned.pop("secrets", {}).items() if word}
    _check_names(settings, {field.name for field in provider.fields if not field.secret}, "settings")
    _check_names(given, {field.name for field in provider.fields if field.secret}, "secrets")
    mode = cleaned.get("mode", gateway.mode)
    before, after = _addresses(gateway.settings), _addresses(settings)
    moved = bool(gateway.secrets_sealed) and (before != after or mode != gateway.mode)
    kept = _kept(gateway)
    if moved and not set(kept) <= set(given):
        raise refuse("secrets", ANEW)
    for name, url in after.items():
        _check_url(name, url)
    if cleaned.get("deduct_fees") and not provider.tells_fees:
        raise refuse("deduct_fees", f"{provider.title} does not tell its fee with each payment: use a surcharge.")
    codes = cleaned.get("currencies", gateway.currencies)
    strange = [code for code in codes if provider.currencies and code not in provider.currencies]
    if strange:
        raise refuse("currencies", f"{provider.title} does not take {', '.join(strange)}.")
    known = {**kept, **given}
    missing = [field.title for field in provider.fields if not ({**settings, **known}.get(field.name) or field.default)]
    if missing and cleaned.get("enabled", gateway.enabled):
        raise refuse("settings", f"Before it is enabled it needs: {', '.join(missing)}.")
    return {"settings": settings, **({"secrets_sealed": seal(json.dumps(known))} if given else {})}


def _kept(gateway: PaymentGateway) -> dict[str, str]:
    """Its keys as they are; none when they were sealed with another data key, so that they are asked for anew."""
    try:
        kept: dict[str, str] = json.loads(unseal(gateway.secrets_sealed) or "{}")
    except CannotUnseal:
        return {}
    return kept


def _addresses(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: word for name, word in settings.items() if name.endswith("_url") and word}


def _check_names(given: Mapping[str, str], known: set[str], where: str) -> None:
    strange = sorted(set(given) - known)
    if strange:
        raise refuse(where, f"This provider has no {', '.join(strange)}.")


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise refuse("settings", f"{name}: give an address such as https://api.example.com.")
    if parts.scheme == "http":
        warn("The address begins with http: keys and payments travel unprotected.")
