"""Acts on localizations: how customers write numbers on their side and how we write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.core import localization
from tollgate.store.models import Account, Localization

SWAPS = (
    "originate_cli_in",
    "originate_cli_out",
    "originate_cld",
    "terminate_cli_in",
    "terminate_cli_out",
    "terminate_cld",
)


class LocalizationFields(TypedDict, total=False):
    """What may be set on a localization: each is a comma list of `from/to` swaps of prefixes."""

    originate_cli_in: str
    originate_cli_out: str
    originate_cld: str
    terminate_cli_in: str
    terminate_cli_out: str
    terminate_cld: str


class LocalizationChanges(LocalizationFields, total=False):
    """What may be changed on a localization."""

    name: str


def _swaps(value: object) -> str:
    text: str = checks.text(1000)(value)
    try:
        localization.parse(text)
    except ValueError as problem:
        raise checks.Unfit(str(problem)) from None
    return text


CHECKS: Mapping[str, checks.Check] = {"name": checks.text(100, required=True), **dict.fromkeys(SWAPS, _swaps)}


@act
def create_localization(*, account_id: int, name: str, **fields: Unpack[LocalizationFields]) -> Localization:
    """Makes a localization."""
    given: dict[str, Any] = {**fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    return records.create(Localization, {**values, "account_id": records.find(Account, account_id).pk})


@act
def update_localization(
    *, localization_id: int, version: int | None = None, **changes: Unpack[LocalizationChanges]
) -> Localization:
    """Changes a localization. The next call of its customers obeys it."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(Localization, localization_id, version), values)


@act
def delete_localization(*, localization_id: int, version: int | None = None) -> None:
    """Removes a localization that no customer uses any more. For a week `restore_localization` undoes it."""
    found = records.locked(Localization, localization_id, version)
    count = found.customers.count()
    if count == 1:
        raise refuse("localization_id", "1 customer uses this localization: give it another first.")
    if count:
        raise refuse("localization_id", f"{count} customers use this localization: give them another first.")
    remove(found, account_id=found.account_id)


@act
def restore_localization(*, localization_id: int) -> Localization:
    """Brings a deleted localization back as it was."""
    return deleted(Localization, localization_id, "localization_id").restore()
