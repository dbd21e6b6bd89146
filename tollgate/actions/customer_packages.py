"""Acts on packages and on who holds them. What falls due is charged by `package_runs`.

A price that changes holds for what is charged from then on: a charge keeps the price it was made with. To add a field
to a package: its column, its check here, its place in `package_runs` where it is obeyed, and in the form of the panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypedDict, Unpack

from django.db.models import Q

from tollgate.actions import checks, records
from tollgate.actions.acts import act, because, refuse, warn
from tollgate.actions.charges import day, today_of
from tollgate.actions.did_packages import check_did, lock_did
from tollgate.actions.in_service import check_in_service
from tollgate.actions.package_runs import close, lock_held, next_day, run_held, schedule_of
from tollgate.core.packages import (
    DAY,
    Frequency,
    PackageInvalid,
    check_days,
    earliest_end_on,
    first_period,
    read_prefixes,
)
from tollgate.store.models import Account, Customer, CustomerPackage, Package

KINDS: Final = ("standard", "free_minutes")
FEATURES: Final = ("", "recording")
"""What of the platform may come with a package."""
NOT_RECORDING: Final = "Call recording is not enabled: enable it in System > Account first."
MOST_PRICE_NANOS: Final = 10**15
"""A million units."""
MOST_MINUTES: Final = 10**6
MOST_QUANTITY: Final = 10_000
MOST_BUNDLE_S: Final = 10**9
MOST_LATE: Final = timedelta(days=366)
"""How far back a package may begin: all that has fallen due since is charged at once."""


class PackageFields(TypedDict, total=False):
    """What may be set on a package."""

    description: str
    kind: str
    cost_nanos: int
    retail_nanos: int
    setup_cost_nanos: int
    setup_retail_nanos: int
    frequency: str
    match_days: Sequence[int]
    prorate: bool
    minimum_days: int
    minimum_spend: bool
    minutes: int
    prefixes: str | Sequence[str]
    rollover: bool
    feature: str


class PackageChanges(PackageFields, total=False):
    """What may be changed on a package."""

    name: str


def _prefixes(value: object) -> list[str]:
    text = "|".join(map(str, value)) if isinstance(value, (list, tuple)) else value
    if not isinstance(text, str):
        raise checks.Unfit("Give prefixes of digits, such as 44|91|1.")
    try:
        return list(read_prefixes(text))
    except PackageInvalid as problem:
        raise checks.Unfit(str(problem)) from None


def _days(value: object) -> list[int]:
    if not isinstance(value, (list, tuple)) or any(isinstance(row, bool) or not isinstance(row, int) for row in value):
        raise checks.Unfit("Give a list of days, such as 15 and 31.")
    return list(value)


_PRICE = checks.amount(0, MOST_PRICE_NANOS, price=True)
CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(100, required=True),
    "description": checks.text(1000),
    "kind": checks.one_of(KINDS),
    "currency": checks.currency,
    "cost_nanos": _PRICE,
    "retail_nanos": _PRICE,
    "setup_cost_nanos": _PRICE,
    "setup_retail_nanos": _PRICE,
    "frequency": checks.one_of(tuple(Frequency)),
    "match_days": _days,
    "prorate": checks.yes_no,
    "minimum_days": checks.whole(0, 3660),
    "minimum_spend": checks.yes_no,
    "minutes": checks.whole(0, MOST_MINUTES),
    "prefixes": _prefixes,
    "rollover": checks.yes_no,
    "feature": checks.one_of(FEATURES),
}
HELD_CHECKS: Mapping[str, checks.Check] = {
    "quantity": checks.whole(1, MOST_QUANTITY),
    "starts_on": day,
    "ends_on": checks.optional(day),
    "auto_decrement": checks.yes_no,
    "minutes": checks.optional(checks.whole(1, MOST_MINUTES)),
}
FIXED: Final = ("kind", "frequency", "match_days", "prorate", "minimum_spend")
"""What never changes while somebody holds the package: their periods are counted by it."""


@act
def create_package(*, account_id: int, name: str, currency: str, **fields: Unpack[PackageFields]) -> Package:
    """Makes a package that may be sold in one currency."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    values = checks.cleaned(CHECKS, given)
    package = Package(**values, account=records.find(Account, account_id))
    _check_gate(package)
    return records.create(Package, {**values, **_together(package), "account_id": package.account_id})


@act
def update_package(*, package_id: int, version: int | None = None, **changes: Unpack[PackageChanges]) -> Package:
    """Changes a package: for everybody who holds it, from the next charge on."""
    given: dict[str, Any] = {**changes}
    values = checks.cleaned({name: check for name, check in CHECKS.items() if name != "currency"}, given)
    package = records.locked(Package, package_id, version)
    if package.holders.exclude(next_on=None).exists():
        for name in FIXED:
            if name in values and values[name] != getattr(package, name):
                raise refuse(name, "Customers hold this package, and their periods go by it: make another package.")
    another = values.get("feature", package.feature) != package.feature
    if another and package.holders.filter(_held_on(records.now().date() - DAY)).exists():
        raise refuse("feature", "Customers hold this package, and their calls obey it: make another package.")
    for name, value in values.items():
        setattr(package, name, value)
    if another:
        _check_gate(package)
    return records.change(package, {**values, **_together(package)})


@act
def delete_package(*, package_id: int, version: int | None = None) -> None:
    """Deletes a package that nobody has ever held."""
    package = records.locked(Package, package_id, version)
    if package.holders.exists():
        raise refuse("package_id", "Customers hold this package or have held it: their charges name it.")
    package.delete()


@act
def assign_package(
    *,
    customer_id: int,
    package_id: int,
    quantity: int = 1,
    starts_on: date | str | None = None,
    ends_on: date | str | None = None,
    auto_decrement: bool = True,
    minutes: int | None = None,
    did_id: int | None = None,
) -> CustomerPackage:
    """Gives a customer a package, or a DID that the customer has, and the customer pays for it. What has fallen due is
    charged at once. `ends_on` is its last day."""
    did = None if did_id is None else lock_did(did_id)
    customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    package = records.find(Package, package_id)
    if package.account_id != customer.account_id or package.currency != customer.currency:
        raise refuse("package_id", f"{customer.name} is billed in {customer.currency}: choose a package sold in it.")
    today = today_of(customer)
    given = {
        "quantity": quantity,
        "starts_on": starts_on or today,
        "ends_on": ends_on,
        "auto_decrement": auto_decrement,
        "minutes": minutes,
    }
    values = checks.cleaned(HELD_CHECKS, given)
    if did is not None:
        check_did(did, customer, package)
        values |= {"did_id": did.pk, "did_number": did.number}
    _check_minutes(package, values)
    if values["starts_on"] < today - MOST_LATE:
        raise refuse("starts_on", "Give a day of the last twelve months, or one to come.")
    least = earliest_end_on(values["starts_on"], package.minimum_days)
    if values["ends_on"] is not None and values["ends_on"] < least:
        raise refuse("ends_on", f"This package is held for {package.minimum_days} days at least: until {least}.")
    if package.feature and not customer.account.recording:
        warn(f"Nothing is recorded yet. {NOT_RECORDING}")
    return hold_package(customer, package, values)


def hold_package(customer: Customer, package: Package, values: Mapping[str, Any]) -> CustomerPackage:
    """A package in a customer's hands, by values that are checked; what has fallen due of it is charged."""
    held = CustomerPackage(**values, customer=customer, package=package)
    due = next_day(held, first_period(schedule_of(held)))
    made = records.create(
        CustomerPackage, {**values, "customer_id": customer.pk, "package_id": package.pk, "next_on": due}
    )
    run_held(made, today_of(customer))
    made.refresh_from_db()
    return made


@act
def change_customer_package(
    *,
    customer_package_id: int,
    version: int | None = None,
    quantity: int | None = None,
    auto_decrement: bool | None = None,
    minutes: int | None = None,
) -> CustomerPackage:
    """Changes how much of a package a customer holds and how it pays, from the next charge on."""
    held = lock_held(customer_package_id, version)
    check_in_service(held.customer, "customer_package_id")
    given = {"quantity": quantity, "auto_decrement": auto_decrement, "minutes": minutes}
    values = checks.cleaned(HELD_CHECKS, {name: value for name, value in given.items() if value is not None})
    _check_minutes(held.package, {"quantity": held.quantity, "minutes": held.minutes, **values})
    return records.change(held, values)


@act
def end_customer_package(
    *,
    customer_package_id: int,
    ends_on: date | str | None = None,
    override: bool = False,
    reason: str = "",
    version: int | None = None,
) -> CustomerPackage:
    """Ends a package with a day, that included; without one, with the last day that is paid. Nothing is given back.

    Before its minimum days it ends only by `override`, with the reason.
    """
    held = lock_held(customer_package_id, version)
    last = _last_day(held, ends_on)
    least = earliest_end_on(held.starts_on, held.package.minimum_days)
    if held.starts_on <= last < least:  # one that ends before it begins is held for no day at all
        if not override:
            raise refuse("ends_on", f"This package is held for {held.package.minimum_days} days: until {least}.")
        words = checks.text(500, required=True)
        because(checks.cleaned({"reason": words}, {"reason": reason})["reason"])
        warn(f"It ends before its minimum days are over, which would be on {least}.")
    return close(held, last)


def _last_day(held: CustomerPackage, given: date | str | None) -> date:
    """The day given, or the last one that is paid. Raises Invalid for one that cannot be."""
    today = today_of(held.customer)
    if given is None or given == "":
        paid_until = held.done_until_on
        last = today if paid_until is None or paid_until <= today else paid_until - DAY
    else:
        last = checks.cleaned({"ends_on": day}, {"ends_on": given})["ends_on"]
    if held.ends_on is not None and last > held.ends_on:
        raise refuse("ends_on", f"It ends on {held.ends_on} already: assign it again for a longer time.")
    if last < today:
        raise refuse("ends_on", "Give today or a day to come: what was used is charged.")
    return last


def _held_on(day: date) -> Q:
    """Those that are not over on a day."""
    return Q(ends_on=None) | Q(ends_on__gte=day)


def _check_gate(package: Package) -> None:
    """Recording is sold where the account has it."""
    if package.feature and not package.account.recording:
        raise refuse("feature", NOT_RECORDING)


def _together(package: Package) -> dict[str, Any]:
    """What must fit together in a package; gives the days in their order."""
    frequency = Frequency(package.frequency)
    try:
        match_days = list(check_days(frequency, package.match_days))
    except PackageInvalid as problem:
        raise refuse("match_days", str(problem)) from None
    with_minutes = package.kind == "free_minutes"
    if with_minutes and not package.minutes:
        raise refuse("minutes", "Say how many minutes one of it holds.")
    if not with_minutes:
        for name in ("minutes", "prefixes", "rollover"):
            if getattr(package, name):
                raise refuse(name, "This is for packages of free minutes.")
    if package.minimum_spend and with_minutes:
        raise refuse("minimum_spend", "Free minutes are paid ahead, a minimum spend afterwards: make two packages.")
    if package.minimum_spend and frequency is Frequency.none:
        raise refuse("minimum_spend", "A minimum spend is for each period: choose how often.")
    return {"match_days": match_days}


def _check_minutes(package: Package, values: Mapping[str, Any]) -> None:
    minutes = values.get("minutes")
    if package.kind != "free_minutes":
        if minutes is not None:
            raise refuse("minutes", "This package has no free minutes.")
    elif (minutes or package.minutes) * 60 * values["quantity"] > MOST_BUNDLE_S:
        raise refuse("quantity", "These are more minutes than can be kept: make several packages.")
