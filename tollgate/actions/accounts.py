"""Acts on the account: the operator's own company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act
from tollgate.store.models import Account


class AccountFields(TypedDict, total=False):
    """What may be set on an account."""

    company: str
    email: str
    zone: str
    status: str
    channels: int
    cps_milli: int
    slice_s: int
    validity_s: int
    challenge_unknown: bool
    recording: bool


class AccountChanges(AccountFields, total=False):
    """What may be changed on an account."""

    name: str


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "company": checks.text(),
    "email": lambda value: "" if value == "" else checks.email(value),
    "zone": checks.zone,
    "status": checks.one_of(("active", "paused")),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "slice_s": checks.whole(0, 3600),
    "validity_s": checks.whole(5, 3600),
    "challenge_unknown": checks.yes_no,
    "recording": checks.yes_no,
}


@act
def create_account(*, name: str, currency: str, **fields: Unpack[AccountFields]) -> Account:
    """Makes an account with its wallet. The currency is fixed from now on."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    return records.create(Account, checks.cleaned({**CHECKS, "currency": checks.currency}, given))


@act
def update_account(*, account_id: int, version: int | None = None, **changes: Unpack[AccountChanges]) -> Account:
    """Changes settings and limits of the account."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(Account, account_id, version), values)
