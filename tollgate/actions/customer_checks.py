"""How each field of a customer is checked by itself. To add a field, add its line to `CHECKS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import QuerySet
from django_countries import countries

from tollgate.actions import checks
from tollgate.actions.portal_domains import or_empty, sections, url
from tollgate.core.vars import MOST_CHARACTERS, VarsInvalid, parse
from tollgate.store.models import Localization, PortalDomain, Tag, User


def country(value: object) -> str:
    """An ISO 3166 code of two letters, or nothing."""
    code = value.strip().upper() if isinstance(value, str) else "?"
    if code and code not in dict(countries):
        raise checks.Unfit("Give a country code of ISO 3166, such as LT.")
    return code


def variables(value: object) -> str:
    """TOML; an error names its line."""
    text: str = checks.text(MOST_CHARACTERS)(value)
    try:
        parse(text)
    except VarsInvalid as problem:
        raise checks.Unfit(str(problem)) from None
    return text


def _ids(value: object) -> list[int]:
    if not isinstance(value, (list, tuple)):
        raise checks.Unfit("Give a list of ids.")
    return sorted({checks.record_id(row) for row in value})


def tags_of(account_id: int) -> QuerySet[Tag]:
    """The tags of an account."""
    return Tag.objects.filter(account_id=account_id)


REFERENCES: Final[Mapping[str, tuple[Callable[[int], QuerySet[Any]], str]]] = {
    "account_manager_id": (lambda _: User.objects.filter(is_active=True), "Choose an active user."),
    "domain_id": (lambda account: PortalDomain.objects.filter(account_id=account), "Choose one of the portal domains."),
    "localization_id": (
        lambda account: Localization.objects.filter(account_id=account),
        "Choose one of the localizations.",
    ),
}
"""Other records that a customer names by their id."""

CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(required=True),
    "number": checks.matching(r"[0-9]{4,20}", "Use 4 to 20 digits.", most=20),
    "parent_id": checks.optional(checks.record_id),
    "is_reseller": checks.yes_no,
    "company": checks.text(),
    "reference": checks.text(),
    "accounting_id": checks.optional(checks.text(100)),
    "status": checks.one_of(("active", "inactive", "penalty", "pending")),
    "status_reason": checks.text(500),
    "status_until": checks.optional(checks.instant),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "max_duration_s": checks.whole(1, 86_400),
    "debit_limit_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
    "daily_spend_limit_micros": checks.optional(checks.amount(0, checks.MOST_MICROS)),
    "expires_at": checks.optional(checks.instant),
    "valid_days": checks.optional(checks.whole(1, 36_500)),
    "zone": or_empty(checks.zone),
    "phone": or_empty(checks.phone),
    "website": url,
    "address_line1": checks.text(200),
    "address_line2": checks.text(200),
    "city": checks.text(100),
    "state": checks.text(100),
    "postcode": checks.text(20),
    "country": country,
    "account_manager_id": checks.optional(checks.record_id),
    "domain_id": checks.optional(checks.record_id),
    "portal_show": sections,
    "portal_hide": sections,
    "tag_ids": _ids,
    "vars_toml": variables,
    "pai_mode": checks.one_of(("default", "remove", "if_available", "required")),
    "first_reply_s": checks.optional(checks.whole(1, 120)),
    "pdd_s": checks.optional(checks.whole(1, 120)),
    "ring_s": checks.optional(checks.whole(1, 600)),
    "rtp_firewall": checks.one_of(("locked", "unlocked")),
    "recording": checks.yes_no,
    "recording_retention_days": checks.optional(checks.whole(1, 3650)),
    "attestation": checks.one_of(("A", "B", "C")),
    "approved_clis_only": checks.yes_no,
    "email_verification": checks.yes_no,
    "mobile_verification": checks.yes_no,
    "local_calls": checks.yes_no,
    "local_price_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "local_increment_s": checks.whole(1, 3600),
    "loss_making_calls": checks.yes_no,
    "ip_management": checks.yes_no,
    "localization_id": checks.optional(checks.record_id),
    "hours": checks.optional(checks.opening_hours),
}
