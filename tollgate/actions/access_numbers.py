"""Acts on access numbers: what holders of calling cards dial before their PIN. The PINs are in pins.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict, Unpack

from django.db.models import Q

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.webhooks import emit
from tollgate.core.pins import ALL_WITHIN, CALLER_MOST, number_of
from tollgate.store.models import AccessNumber, Account, PinTry

MOST_WRONG: Final = 100_000
AT_ONCE: Final = 100
"""How many bursts of wrong PINs are told in one go."""
FORGOTTEN: Final = timedelta(days=1)


class AccessNumberFields(TypedDict, total=False):
    """What may be set. `wrong_most` wrong PINs of all callers are taken in an hour."""

    name: str
    wrong_most: int
    enabled: bool


class AccessNumberChanges(AccessNumberFields, total=False):
    """What may be changed."""

    number: str


def _number(value: object) -> str:
    text: str = checks.text(32)(value)
    number = number_of(text)
    if not 3 <= len(number) <= 15 or set(text) - set("+0123456789 -()./"):
        raise checks.Unfit("Give 3 to 15 digits: a number of E.164 such as +37052000000, or one of your own net.")
    return number


CHECKS: Mapping[str, checks.Check] = {
    "number": _number,
    "name": checks.text(100),
    "wrong_most": checks.whole(CALLER_MOST, MOST_WRONG),
    "enabled": checks.yes_no,
}


@act
def create_access_number(*, account_id: int, number: str, **fields: Unpack[AccessNumberFields]) -> AccessNumber:
    """Makes an access number, at which PINs say who calls."""
    given: dict[str, Any] = {**fields, "number": number}
    values = checks.cleaned(CHECKS, given)
    return records.create(AccessNumber, {**values, "account_id": records.find(Account, account_id).pk})


@act
def update_access_number(
    *, access_number_id: int, version: int | None = None, **changes: Unpack[AccessNumberChanges]
) -> AccessNumber:
    """Changes an access number. The next call obeys it; its PINs hold at the new number."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(AccessNumber, access_number_id, version), values)


@act
def delete_access_number(*, access_number_id: int, version: int | None = None) -> None:
    """Removes an access number that no PIN hangs on; PINs of all numbers hold at the others. For a week
    `restore_access_number` undoes it."""
    found = records.locked(AccessNumber, access_number_id, version)
    count = found.pins.count()
    if count == 1:
        raise refuse("access_number_id", "1 PIN holds at this number alone: give it another first.")
    if count:
        raise refuse("access_number_id", f"{count} PINs hold at this number alone: give them another first.")
    remove(found, account_id=found.account_id)


@act
def restore_access_number(*, access_number_id: int) -> AccessNumber:
    """Brings a deleted access number back as it was."""
    return deleted(AccessNumber, access_number_id, "access_number_id").restore()


@act
def forget_wrong_pins(*, access_number_id: int) -> int:
    """Lets everybody try again at once who waits after wrong PINs at this number; gives how many that were."""
    found = records.locked(AccessNumber, access_number_id)
    waiting = PinTry.objects.filter(access_number=found, full=True).exclude(caller="*").count()
    PinTry.objects.filter(access_number=found).delete()
    return waiting


@act
def tell_wrong_pins() -> int:
    """Tells webhooks of every burst of wrong PINs that has not been told; gives how many there were."""
    untold = PinTry.objects.select_for_update(skip_locked=True, of=("self",)).filter(full=True, told=False)
    bursts = list(untold.select_related("access_number").order_by("id")[:AT_ONCE])
    for burst in bursts:
        body = {
            "access_number_id": burst.access_number_id,
            "number": burst.access_number.number,
            "caller": None if burst.caller == "*" else burst.caller,
            "wrong_count": burst.wrong_count,
            "since_at": burst.since_at.isoformat(),
        }
        ref = f"access_number:{burst.access_number_id}"
        emit(account_id=burst.access_number.account_id, event="pin.locked", ref=ref, body=body)
    PinTry.objects.filter(pk__in=[burst.pk for burst in bursts]).update(told=True)
    return len(bursts)


def forget_old(at: datetime) -> None:
    """Forgets tries whose time is long over."""
    PinTry.objects.filter(Q(full=False) | Q(told=True), since_at__lt=at - max(FORGOTTEN, ALL_WITHIN)).delete()
