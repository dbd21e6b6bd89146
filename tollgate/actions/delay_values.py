"""What a delayed save remembers: the values of a record as JSON and as people read them, and an act's arguments.

Secrets are never among the values; among the arguments they are sealed. A record whose children belong to its form
names them in `PARTS`; an argument that adds a record beside it is named in `ADDED`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final
from uuid import UUID

from django.db import models

from tollgate.actions.acts import refuse
from tollgate.core.field_words import COUNTERS, HIDDEN, field_words
from tollgate.core.money import format_micros
from tollgate.store.models import (
    Account,
    Customer,
    CustomerTax,
    DidPrice,
    Entry,
    Recalculation,
    RouteOption,
    Task,
)
from tollgate.store.secrets import seal, unseal

UNTOLD: Final = frozenset(
    {"id", "version", "created_at", "account_id", "session_epoch", *COUNTERS}
    | {"codes_version"}  # the codes themselves are told
    | {"low_balance_noticed_at", "low_balance_noticed_micros", "low_balance_noticed_entry_id"}  # nobody types these
    | {"last_login", "last_seen_at", "placed_at", "placed_by", "published_at", "asked_at", "sha256"}
)
SECRETS: Final = frozenset(
    {
        "password",
        "ha1",
        "password_sealed",
        "key_sealed",
        "secret_sealed",
        "totp_secret",
        "recovery_hashes",
        "secret_hash",
        "secrets_sealed",
        "codes_sealed",
        "method_sealed",
        "iban_sealed",
        "code_hash",
        "code_sealed",
    }
)
SECRET_ARGUMENTS: Final = frozenset({"password", "key", "secret", "token", "secrets", "iban"})
KEYED: Final = frozenset({"entry", "department", "template"})
"""Tables whose `key` is a name that they are found by, and no secret."""
SENT_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "mail_settings": ("server", "mode", "username"),
    "sms_settings": ("provider", "url"),
    "payment_gateway": ("provider", "mode", "settings"),
    "sign_in_provider": ("issuer", "client_id", "serves", "domain_id"),
}
"""By table the arguments that say to whom its secret is given."""
TEXTS: Final = (str, IPv4Address, IPv4Network, IPv6Address, IPv6Network, UUID)


def _option(option: RouteOption) -> str:
    out = ", left out" if option.excluded else ""
    return f"{option.card.name} (place {option.position}, weight {option.weight}{out})"


def _tax(paid: CustomerTax) -> str:
    return paid.tax.name if paid.priority is None else f"{paid.tax.name} (priority {paid.priority})"


def _price(price: DidPrice) -> str:
    return f"{price.reseller.name}: {price.card.name}"


PARTS: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "ingress_route": ("options", _option),
    "customer": ("customer_taxes", _tax),
    "did": ("prices", _price),
    "sign_in_provider": ("groups", str),
    "account": ("journal_codes", str),
}
"""By table: the relation to the children, and one child in words."""
VALUES: Final[Mapping[str, str]] = {
    "tag_ids": "tags",
    "tax_ids": "customer_taxes",
    "taxes": "customer_taxes",
    "group_ids": "groups",
    "card_ids": "cards",
    "reseller_cards": "prices",
    "codes": "journal_codes",
}
"""The value that an argument sets, where it has another name."""
ANEW: Final[Mapping[str, frozenset[str]]] = {"customer_id": frozenset({"card_id", "destinations", "reseller_cards"})}
"""By an argument those that hold only where they are told with it, though they stay what they were."""
ADDED: Final = frozenset({"note"})
"""Arguments that change nothing which is there, so nothing of theirs can be in conflict."""

BY_ARGUMENTS: Final = frozenset({"entry", "task", "recalculation"})
"""Tables of records that say more than was asked for, such as a balance of the moment: what was asked is told."""
THEN: Final = "when it is done"


def asked(record: models.Model, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody asked for, as people read it; of whom an entry is its title tells, of many how many."""
    left_out = UNTOLD | {"key", "wallet_id", "customer_ids"} | ({"customer_id"} if isinstance(record, Entry) else set())
    told = {name: plain(value) for name, value in arguments.items() if name not in left_out}
    return told | ({"customers_count": len(arguments["customer_ids"])} if "customer_ids" in arguments else {})


def untimed(values: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Values in which the moment of a trial, `at`, is the one at which it will be done."""
    return {name: THEN if value == plain(at) else value for name, value in values.items()}


def values_of(row: models.Model, *, secrets: bool = False) -> dict[str, Any]:
    """What a person may change of a record, by name; `secrets` adds those, to be compared and then hidden."""
    meta = row._meta  # noqa: SLF001 - Django's public name
    columns = [field.attname for field in meta.concrete_fields]
    found = {
        name: plain(getattr(row, name)) for name in columns if name not in UNTOLD and (secrets or name not in SECRETS)
    }
    for field in meta.many_to_many:
        found[field.name] = sorted(str(other) for other in getattr(row, field.name).all())
    if meta.db_table in PARTS:
        relation, words = PARTS[meta.db_table]
        found[relation] = sorted(words(child) for child in getattr(row, relation).all())
    return found


def hide(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with each secret covered."""
    return {name: HIDDEN if name in SECRETS else value for name, value in values.items()}


def plain(value: object) -> Any:
    """A value as JSON carries it."""
    match value:
        case None | bool() | int():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case list() | tuple():
            return [plain(row) for row in value]
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case bytes() | memoryview():
            return f"a file, SHA-256 {hashlib.sha256(value).hexdigest()}"
    assert isinstance(value, TEXTS), f"{type(value).__name__} is no value of a record"
    return str(value)


def kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they wait: JSON, with the secrets sealed. Raises Invalid for a file."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, (bytes, memoryview)) or hasattr(value, "read"):
            raise refuse(name, "A file cannot be saved later: save it now.")
        if name in SECRET_ARGUMENTS and isinstance(value, (str, dict)):
            words = {"sealed": seal(value)} if isinstance(value, str) else {"sealed_object": seal(json.dumps(value))}
            found[name] = words
        else:
            found[name] = plain(value)
    return found


def read(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Kept arguments, ready for the act. Raises CannotUnseal."""
    return {
        name: _unsealed(value) if name in SECRET_ARGUMENTS and isinstance(value, dict) else value
        for name, value in arguments.items()
    }


def mixed(table: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments that wait with others over them, and which secrets stay: one that is given empty does."""
    found, stay = {**known, **given}, list[str]()
    for name in sorted(known.keys() & SECRET_ARGUMENTS):
        old, new = known[name], given.get(name)
        if isinstance(old, dict):
            typed = {key: one for key, one in new.items() if one} if isinstance(new, dict) else {}
            found[name] = old | typed
            left = any(one for key, one in old.items() if key not in typed)
        else:
            found[name] = new or old
            left = bool(old) and not new
        if left and not (name == "key" and table in KEYED):
            stay.append(name)
    return found, stay


def gives_secret(record: models.Model, arguments: Mapping[str, Any]) -> bool:
    """Whether arguments give a record a secret to send: it waits for the record as it is."""
    found = [one for name, one in arguments.items() if name in SECRET_ARGUMENTS]
    typed = any(any(one.values()) if isinstance(one, dict) else one for one in found)
    return typed and record._meta.db_table in SENT_TO  # noqa: SLF001 - Django's public name


def sent_to(table: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """To whom a secret among the arguments is given: of settings the addresses."""
    found = {name: arguments.get(name) for name in SENT_TO.get(table, ())}
    settings = found.get("settings")
    if isinstance(settings, dict):
        found["settings"] = {name: one for name, one in settings.items() if name.endswith("_url") and one}
    return found


def _unsealed(value: Mapping[str, str]) -> object:
    return json.loads(unseal(value["sealed_object"])) if "sealed_object" in value else unseal(value["sealed"])


def title(act_name: str, record: models.Model, names: list[str], *, new: bool) -> str:
    """What a delayed save is called: the record and what changes of it, or what is done."""
    if isinstance(record, Entry):
        owner = Customer.objects.filter(pk=record.wallet.owner_id if record.wallet.kind == "customer" else 0).first()
        amount = f"{format_micros(record.amount_micros, 2)} {record.currency}"
        return f"{field_words(act_name)}: {owner or record.account}, {amount}"
    if isinstance(record, Recalculation):
        return f"{field_words(act_name)}: {record.reason}"
    if isinstance(record, Task):
        return str(record)
    if new:
        return f"New {type(record)._meta.verbose_name}: {record}"  # noqa: SLF001 - Django's public name
    return f"{record}: {', '.join(field_words(name).lower() for name in names)}"


def account_id(record: models.Model) -> int:
    """Whose account a record belongs to; users and groups belong to the only one."""
    if isinstance(record, Account):
        return int(record.pk)
    for owner in (record, getattr(record, "customer", None), getattr(record, "carrier", None)):
        found = getattr(owner, "account_id", None)
        if found is not None:
            return int(found)
    return int(Account.objects.order_by("id").values_list("id", flat=True)[0])


def customer_id(record: models.Model) -> int | None:
    """The customer that a record is, or belongs to."""
    found = record.pk if isinstance(record, Customer) else getattr(record, "customer_id", None)
    return None if found is None else int(found)
