"""Acts on portal domains: the addresses where customers log in, with their brand and the sections they show.

To add a field: its line in `PortalDomainFields` and `CHECKS`; what one says about another is in `_check_together`. What
new customers of a domain begin with is given to them in domain_defaults.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

from django.db.models import F, QuerySet

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.did_cards import check_direction
from tollgate.core import colors, stylesheets
from tollgate.core.pictures import PictureRefused, read_picture
from tollgate.store.models import Account, Card, Customer, InvoiceTemplate, PortalDomain

SECTIONS: Final = (
    *("dashboard", "calls", "invoices", "payments", "packages", "contacts", "details", "endpoints", "dids", "clis"),
)
"""The parts of the portal that a domain or a customer shows or hides; the portal obeys exactly these."""

MOST_WAYS: Final = 50
MOST_CURRENCIES: Final = 200


class PortalDomainFields(TypedDict, total=False):
    """What may be set on a portal domain. `logo` is a PNG or SVG file as base64; None takes it away."""

    color: str
    color_dark: str
    sidebar_color: str
    background: str
    background_dark: str
    custom_css: str
    logo: str | None
    sections: Sequence[str]
    support_url: str
    support_phone: str
    support_email: str
    welcome_text: str
    footer_text: str
    terms_url: str
    privacy_url: str
    imprint_url: str
    payment_gateways: Sequence[str] | None
    currencies: Sequence[str]
    template_customer_id: int | None
    card_ids: Sequence[int]
    invoice_template_id: int | None


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


def _currencies(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_CURRENCIES:
        raise checks.Unfit("Give a list of currency codes.")
    return sorted({checks.currency(row) for row in value})


def _card_ids(value: object) -> list[int]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_CURRENCIES:
        raise checks.Unfit("Give a list of ids of cards.")
    return sorted({checks.record_id(row) for row in value})


def _stylesheet(value: object) -> str:
    text: str = checks.text(stylesheets.MOST_CHARACTERS)(value)
    try:
        stylesheets.check(text)
    except stylesheets.StylesheetRefused as problem:
        raise checks.Unfit(str(problem)) from None
    return text


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


_COLOR = checks.matching(r"(#[0-9a-fA-F]{6})?", "Give a color such as #1f6feb.")
CHECKS: Mapping[str, checks.Check] = {
    "host": _host,
    "brand": checks.text(100, required=True),
    **dict.fromkeys(colors.THEME, _COLOR),
    "custom_css": _stylesheet,
    "logo": _logo,
    "sections": sections,
    "support_url": url,
    "support_phone": or_empty(checks.phone),
    "support_email": or_empty(checks.email),
    "welcome_text": checks.text(5000),
    "footer_text": checks.text(500),
    "terms_url": url,
    "privacy_url": url,
    "imprint_url": url,
    "payment_gateways": checks.optional(_ways_to_pay),
    "currencies": _currencies,
    "template_customer_id": checks.optional(checks.record_id),
    "card_ids": _card_ids,
    "invoice_template_id": checks.optional(checks.record_id),
}


@act
def create_portal_domain(
    *, account_id: int, host: str, brand: str, **fields: Unpack[PortalDomainFields]
) -> PortalDomain:
    """Makes a portal domain. It shows every section unless told otherwise."""
    given: dict[str, Any] = {"sections": list(SECTIONS), **fields, "host": host, "brand": brand}
    account = records.find(Account, account_id)
    values = _values(given)
    _check_together(values, PortalDomain(account=account), [])
    card_ids = values.pop("card_ids", [])
    domain = records.create(PortalDomain, {**values, "account_id": account.pk})
    domain.cards.set(card_ids)
    return domain


@act
def update_portal_domain(
    *, domain_id: int, version: int | None = None, **changes: Unpack[PortalDomainChanges]
) -> PortalDomain:
    """Changes a portal domain. Its next page shows it; what new customers begin with changes for those to come."""
    values = _values(changes)
    domain = records.locked(PortalDomain, domain_id, version)
    _check_together(values, domain, domain.card_ids)
    card_ids = values.pop("card_ids", domain.card_ids)
    records.change(domain, values)
    if card_ids != domain.card_ids:
        domain.cards.set(card_ids)
        _next_version(domain)
    return domain


@act
def delete_portal_domain(*, domain_id: int, version: int | None = None) -> None:
    """Removes a portal domain that no customer uses any more; its mail server and words of messages go with it."""
    domain = records.locked(PortalDomain, domain_id, version)
    if domain.customers.exists():
        raise refuse("domain_id", "Customers log in at this domain: move them first.")
    titles = ", ".join(domain.sign_in_providers.order_by("title").values_list("title", flat=True))
    if titles:
        raise refuse(
            "domain_id", f"Contacts log in here by {titles}: remove that login, or let it serve another, first."
        )
    domain.delete()


def _next_version(domain: PortalDomain) -> None:
    """The cards are part of the domain as people see it: who holds an older form is told."""
    PortalDomain.objects.filter(pk=domain.pk).update(cards_version=F("cards_version") + 1)
    domain.refresh_from_db()


def _values(given: Mapping[str, object]) -> dict[str, Any]:
    values = checks.cleaned(CHECKS, given)
    if "logo" in values:
        values["logo_type"] = read_picture(values["logo"]) if values["logo"] else ""
    return values


def _check_together(values: Mapping[str, Any], before: PortalDomain, card_ids: Sequence[int]) -> None:
    """What fields say about other records and about one another, as they will stand together."""
    later = {name: values.get(name, getattr(before, name)) for name in ("template_customer_id", "currencies")}
    for name in colors.THEME.keys() & values.keys():
        _check_color(name, values[name], getattr(before, name))
    template_id = values.get("template_customer_id")
    if template_id is not None and not _templates(before.account_id).filter(pk=template_id).exists():
        raise refuse("template_customer_id", "Choose a customer in service that is yours, not a reseller's.")
    paper_id = values.get("invoice_template_id")
    if paper_id is not None and not InvoiceTemplate.objects.filter(account=before.account, pk=paper_id).exists():
        raise refuse("invoice_template_id", "Choose one of the invoice templates.")
    if {"card_ids", "currencies", "template_customer_id"} & values.keys():
        _check_cards(before.account_id, values.get("card_ids", card_ids), **later)


def _check_color(name: str, color: str, before: str) -> None:
    token = colors.THEME[name]
    if color and color != before and not colors.readable(color, on=token.against):
        raise refuse(name, f"This is not readable with {token.against_words}: it needs a contrast of 4.5 to 1.")


def _check_cards(
    account_id: int, card_ids: Sequence[int], *, template_customer_id: int | None, currencies: Sequence[str]
) -> None:
    """New customers pay by these cards on the template's routes: one in each currency, all of them yours."""
    if card_ids and template_customer_id is None:
        raise refuse("template_customer_id", "The cards are for the routes of a template customer: choose one.")
    found = Card.objects.filter(account_id=account_id, kind="customer", reseller=None, pk__in=card_ids)
    codes = list(found.values_list("currency", flat=True))
    if len(codes) != len(card_ids):
        raise refuse("card_ids", "Choose customer cards that are yours, not a reseller's.")
    for card in found:
        check_direction(card, "termination", "card_ids", f"{card.name}: ")
    if len(set(codes)) != len(codes):
        raise refuse("card_ids", "Two of these cards are in the same currency: choose one of each.")
    others = sorted(set(codes) - set(currencies))
    if currencies and others:
        raise refuse("card_ids", f"New customers of this domain cannot have {', '.join(others)}.")


def _templates(account_id: int) -> QuerySet[Customer]:
    return Customer.objects.filter(account_id=account_id, parent=None, deleted_at=None)
