"""Acts on portal domains: the addresses where customers log in, with their brand and the sections they show."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.core.pictures import PictureRefused, read_picture
from tollgate.store.models import Account, PortalDomain

SECTIONS: Final = ("dashboard", "calls", "invoices", "payments", "contacts", "details", "endpoints", "clis")
"""The parts of the portal that a domain or a customer shows or hides; the portal obeys exactly these."""


MOST_WAYS: Final = 50


class PortalDomainFields(TypedDict, total=False):
    """What may be set on a portal domain. `logo` is a PNG or SVG file as base64; None takes it away."""

    color: str
    logo: str | None
    sections: Sequence[str]
    support_url: str
    support_phone: str
    support_email: str
    welcome_text: str
    payment_gateways: Sequence[str] | None


class PortalDomainChanges(PortalDomainFields, total=False):
    """What may be changed on a portal domain."""

    host: str
    brand: str


def sections(value: object) -> list[str]:
    """Sections of the portal, in their own order."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise checks.Unfit("Give a list of sections.")
    unknown = sorted(set(value) - set(SECTIONS))
    if unknown:
        raise checks.Unfit(f"These sections do not exist: {', '.join(unknown)}.")
    return [name for name in SECTIONS if name in value]


def shown_sections(domain: PortalDomain | None, *, show: Collection[str], hide: Collection[str]) -> list[str]:
    """What a customer's portal shows: its domain's sections, or all, with the customer's own word winning."""
    offered = SECTIONS if domain is None else domain.sections
    return [name for name in SECTIONS if name in show or (name in offered and name not in hide)]


def url(value: object) -> str:
    """The address of a web page, or nothing."""
    text = checks.text(200)(value)
    parts = urlsplit(text) if re.fullmatch(r"[\x21-\x7e]*", text) else None
    if text and (parts is None or parts.scheme not in ("http", "https") or not parts.hostname):
        raise checks.Unfit("Give an address such as https://www.example.com.")
    return str(text)


def _host(value: object) -> str:
    name = checks.host(value)
    if "." not in name or name.replace(".", "").isdigit() or ":" in name:
        raise checks.Unfit("Give a host name such as portal.example.com.")
    return name


def _ways_to_pay(value: object) -> list[str]:
    """Names of gateways; one that is gone opens nothing."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_WAYS:
        raise checks.Unfit("Give a list of gateways.")
    name = checks.matching(r"[a-z][a-z0-9_]{0,29}", "Give names of gateways.")
    return list(dict.fromkeys(name(row) for row in value))


def _logo(value: object) -> bytes | None:
    if value is None or value == "":
        return None
    try:
        data = base64.b64decode(value if isinstance(value, str) and value.isascii() else "!", validate=True)
        read_picture(data)
    except binascii.Error:
        raise checks.Unfit("Give the file as base64.") from None
    except PictureRefused as problem:
        raise checks.Unfit(str(problem)) from None
    return data


def or_empty(inner: checks.Check) -> checks.Check:
    """The same, or an empty text."""
    return lambda value: "" if value == "" else inner(value)


CHECKS: Mapping[str, checks.Check] = {
    "host": _host,
    "brand": checks.text(100, required=True),
    "color": checks.matching(r"(#[0-9a-fA-F]{6})?", "Give a color such as #1f6feb."),
    "logo": _logo,
    "sections": sections,
    "support_url": url,
    "support_phone": or_empty(checks.phone),
    "support_email": or_empty(checks.email),
    "welcome_text": checks.text(5000),
    "payment_gateways": checks.optional(_ways_to_pay),
}


@act
def create_portal_domain(
    *, account_id: int, host: str, brand: str, **fields: Unpack[PortalDomainFields]
) -> PortalDomain:
    """Makes a portal domain. It shows every section unless told otherwise."""
    given: dict[str, Any] = {"sections": list(SECTIONS), **fields, "host": host, "brand": brand}
    account = records.find(Account, account_id)
    return records.create(PortalDomain, {**_values(given), "account_id": account.pk})


@act
def update_portal_domain(
    *, domain_id: int, version: int | None = None, **changes: Unpack[PortalDomainChanges]
) -> PortalDomain:
    """Changes a portal domain. Its next page shows it."""
    values = _values(changes)
    return records.change(records.locked(PortalDomain, domain_id, version), values)


@act
def delete_portal_domain(*, domain_id: int, version: int | None = None) -> None:
    """Removes a portal domain that no customer uses any more."""
    domain = records.locked(PortalDomain, domain_id, version)
    if domain.customers.exists():
        raise refuse("domain_id", "Customers log in at this domain: move them first.")
    domain.delete()


def _values(given: Mapping[str, object]) -> dict[str, Any]:
    values = checks.cleaned(CHECKS, given)
    if "logo" in values:
        values["logo_type"] = read_picture(values["logo"]) if values["logo"] else ""
    return values
