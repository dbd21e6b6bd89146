"""Acts on the account, the operator's own company: its names and limits. Who may change what is decided here.

Fields of the company are edited; the address is confirmed or asked to be changed and the email is confirmed where it
leads (account_identity.py), the billing method has rules of its own (account_billing.py), and the
currency never changes. To add a field: its line in `AccountFields` and `CHECKS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.account_billing import terms_kept
from tollgate.actions.account_pause import check_changes
from tollgate.actions.acts import NotEditable, act, refuse, warn
from tollgate.actions.portal_domains import or_empty
from tollgate.actions.stir_certificates import mismatched
from tollgate.store.models import Account

ELSEWHERE: Final[Mapping[str, str]] = {
    "currency": "The currency is fixed when the account is made.",
    "email": "A new email is confirmed at the new address: use update_account_email.",
    "billing_method": "Use change_billing_method: it is locked for 30 days after a change.",
    **dict.fromkeys(
        ("address_line1", "address_line2", "city", "state", "postcode", "country"),
        "The address is verified, not edited: confirm it, or ask for a change.",
    ),
}
"""What people look for among these fields and change elsewhere, or never."""


class AccountFields(TypedDict, total=False):
    """What may be set on an account."""

    company: str
    registration_id: str
    ocn: str
    frn: str
    vat_id: str
    phone: str
    mobile: str
    zone: str
    status: str
    channels: int
    cps_milli: int
    slice_s: int
    validity_s: int
    challenge_unknown: bool
    low_balance_micros: int | None


class AccountChanges(AccountFields, total=False):
    """What may be changed on an account."""

    name: str


def _ocn(value: object) -> str:
    """The Operating Company Number: four letters and digits."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if text and not re.fullmatch(r"[A-Z0-9]{4}", text):
        raise checks.Unfit("An OCN has 4 letters and digits, such as 123A.")
    return text


VAT_FORMS: Final[Mapping[str, str]] = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}",
    "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}", "GB": r"(\d{9}|\d{12}|(GD|HA)\d{3})", "HR": r"\d{11}", "HU": r"\d{8}",
    "IE": r"(\d{7}[A-Z]{1,2}|\d[A-Z+*]\d{5}[A-Z])", "IT": r"\d{11}", "LT": r"(\d{9}|\d{12})", "LU": r"\d{8}",
    "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"\d{9}B\d{2}", "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}",
    "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}", "XI": r"(\d{9}|\d{12}|(GD|HA)\d{3})",
}  # fmt: skip
"""How VAT numbers are written after their country, as VIES takes them (Greece is EL, Northern Ireland XI)."""


def vat_id(value: object) -> str:
    """A VAT number with its country in front; checked by its form, not asked of anybody."""
    text = re.sub(r"[\s.-]", "", value).upper() if isinstance(value, str) else ""
    if not text:
        return ""
    pattern = VAT_FORMS.get(text[:2])
    if pattern is None and not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*]{2,13}", text):
        raise checks.Unfit("Begin with the country, such as LT123456789.")
    if pattern is not None and not re.fullmatch(pattern, text[2:]):
        raise checks.Unfit(f"This is not how VAT numbers of {text[:2]} are written.")
    return text


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "company": checks.text(),
    "registration_id": checks.text(100),
    "ocn": _ocn,
    "frn": checks.text(50),
    "vat_id": vat_id,
    "phone": or_empty(checks.phone),
    "mobile": or_empty(checks.phone),
    "zone": checks.zone,
    "status": checks.one_of(("active", "paused")),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "slice_s": checks.whole(0, 3600),
    "validity_s": checks.whole(5, 3600),
    "challenge_unknown": checks.yes_no,
    "low_balance_micros": checks.optional(checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS)),
}


@act
def create_account(*, name: str, currency: str, email: str = "", **fields: Unpack[AccountFields]) -> Account:
    """Makes an account with its wallet. The currency is fixed from now on."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    values = checks.cleaned({**CHECKS, "currency": checks.currency}, given)
    return records.create(Account, {**values, "email": email and checks.cleaned(_EMAIL, {"email": email})["email"]})


_EMAIL: Final = {"email": checks.email}


@act
def update_account(*, account_id: int, version: int | None = None, **changes: Unpack[AccountChanges]) -> Account:
    """Changes names and limits of the account. A new phone or mobile is not verified any more.

    A paused account only becomes active again.
    """
    elsewhere = {name: [sentence] for name, sentence in ELSEWHERE.items() if name in changes}
    if elsewhere:
        raise NotEditable(elsewhere)
    values = checks.cleaned(CHECKS, changes)
    account = records.locked(Account, account_id, version)
    check_changes(account, values)
    if account.country == "US" and values.get("frn") and not re.fullmatch(r"\d{10}", values["frn"]):
        raise refuse("frn", "An FCC Registration Number has 10 digits.")
    for name in ("phone", "mobile"):
        if name in values and values[name] != getattr(account, name):
            values[f"{name}_verified_at"] = None
    if values.get("low_balance_micros", account.low_balance_micros) != account.low_balance_micros:
        values["low_balance_noticed_at"] = None  # another threshold is told of anew
    for name in mismatched(account, values.get("ocn", account.ocn)):
        warn(f"The certificate {name}, which calls are signed with, is not for this OCN.")
    with terms_kept(account):
        return records.change(account, values)
