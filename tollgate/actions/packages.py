"""Acts on the account's packages: what of the platform it holds besides calls, such as call recording.

A day that has begun is charged by the terms that it began with: quantity, unit, basis and price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import Any, Final, TypedDict, Unpack

from django.db.models import QuerySet

from tollgate.actions import checks, records
from tollgate.actions.account_pause import check_active
from tollgate.actions.acts import act, refuse
from tollgate.actions.statements import fetch
from tollgate.store.models import Account, AccountPackage, AccountPackageTerms

RECORDING: Final = "recording"
RECORDING_PRICE_NANOS: Final = 300_000
"""What a recorded minute costs unless the account's tariff says otherwise: 0.0003."""
RECORDED_CALLS: Final = ("finish", "end")
"""What becomes of calls being recorded when recording is taken away."""


class PackageFields(TypedDict, total=False):
    """What may be set on a package."""

    description: str
    unit: str
    basis: str
    price_nanos: int
    quantity: int


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(100, required=True),
    "description": checks.text(1000),
    "unit": checks.text(30, required=True),
    "basis": checks.one_of(("unit_day", "minute")),
    "price_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "quantity": checks.whole(0, 10**6),
}


@act
def create_account_package(*, account_id: int, name: str, **fields: Unpack[PackageFields]) -> AccountPackage:
    """Adds a package, charged from today (UTC) on."""
    given: dict[str, Any] = {"unit": "units", **fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    check_active(account)
    today = records.now().astimezone(UTC).date()
    return records.create(AccountPackage, {**values, "kind": "other", "account_id": account.pk, "starts_on": today})


@act
def update_account_package(
    *, package_id: int, version: int | None = None, **changes: Unpack[PackageFields]
) -> AccountPackage:
    """Changes a package. What it costs changes with the next UTC day: days that have begun keep their terms."""
    package = records.locked(AccountPackage, package_id, version)
    check_active(package.account)
    with _terms_kept(package):
        return records.change(package, checks.cleaned(CHECKS, changes))


@act
def end_account_package(*, package_id: int) -> AccountPackage:
    """Ends a package with today: the day that has begun is charged."""
    package = records.locked(AccountPackage, package_id)
    check_active(package.account)
    if package.kind == RECORDING:
        raise refuse("package_id", "Switch call recording off instead.")
    return _end(package)


@act
def enable_call_recording(*, account_id: int) -> AccountPackage:
    """Adds call recording to the account, the first of two gates: the ingress route is the second. Twice is once."""
    account = records.locked(Account, account_id)
    check_active(account)
    records.change(account, {"recording": True})
    held = _recording(account)
    if held is not None:
        return records.change(held, {"ends_on": None}) if held.ends_on is not None else held
    return records.create(
        AccountPackage,
        {
            "account_id": account.pk,
            "kind": RECORDING,
            "name": "Call recording",
            "unit": "minutes",
            "basis": "minute",
            "price_nanos": RECORDING_PRICE_NANOS,
            "starts_on": records.now().astimezone(UTC).date(),
        },
    )


@act
def disable_call_recording(*, account_id: int, recorded_calls: str = "") -> Account:
    """Takes call recording away: new calls are not recorded. Twice is once.

    `recorded_calls` says what becomes of calls that are being recorded now, and is needed where there are some:
    `finish` has them recorded to their end, `end` ends them now. What was recorded is kept either way.
    """
    wish = checks.cleaned({"recorded_calls": checks.one_of(("", *RECORDED_CALLS))}, {"recorded_calls": recorded_calls})
    account = records.locked(Account, account_id)
    check_active(account)
    count = being_recorded_count(account)
    if count and not wish["recorded_calls"]:
        said = f"Calls being recorded now: {count}. Say whether they {' or '.join(RECORDED_CALLS)}."
        raise refuse("recorded_calls", said)
    held = _recording(account)
    if held is not None:
        _end(held)
    changed = records.change(account, {"recording": False})
    if wish["recorded_calls"] == "end":
        fetch("panel_calls", "ask_recorded_to_end", account.pk)
    return changed


def being_recorded_count(account: Account) -> int:
    """How many live calls are being recorded."""
    return int(fetch("panel_calls", "recorded", account.pk)[0]["calls"])


def recording_price_nanos(account: Account) -> int:
    """What a recorded minute costs, or would: one that ends today goes on at its own price."""
    held = _recordings(account).first()
    return held.price_nanos if held else RECORDING_PRICE_NANOS


def package_terms_on(package: AccountPackage, on: date) -> AccountPackageTerms:
    """The terms of a package on a UTC day: those that held when the day began, or when the package did."""
    held = AccountPackageTerms.objects.filter(package=package, from_on__lte=on).order_by("-from_on").first()
    return held or AccountPackageTerms(package=package, from_on=on, **_terms_of(package))


@contextmanager
def _terms_kept(package: AccountPackage) -> Iterator[None]:
    before = _terms_of(package)
    yield
    after = _terms_of(package)
    if after == before:
        return
    if not AccountPackageTerms.objects.filter(package=package).exists():
        AccountPackageTerms.objects.create(package=package, from_on=date(2000, 1, 1), **before)
    tomorrow = records.now().astimezone(UTC).date() + timedelta(days=1)
    AccountPackageTerms.objects.update_or_create(package=package, from_on=tomorrow, defaults=after)


def _terms_of(package: AccountPackage) -> dict[str, Any]:
    return {name: getattr(package, name) for name in ("unit", "basis", "price_nanos", "quantity")}


def _recording(account: Account) -> AccountPackage | None:
    """The package that is charged today: one that ends today goes on when recording is switched on again."""
    return _recordings(account).select_for_update().first()


def _recordings(account: Account) -> QuerySet[AccountPackage]:
    today = records.now().astimezone(UTC).date()
    held = AccountPackage.objects.filter(account=account, kind=RECORDING).exclude(ends_on__lt=today)
    return held.order_by("-pk")


def _end(package: AccountPackage) -> AccountPackage:
    today = records.now().astimezone(UTC).date()
    if package.starts_on > today:
        today = package.starts_on - timedelta(days=1)
    return records.change(package, {"ends_on": today}) if package.ends_on is None else package
