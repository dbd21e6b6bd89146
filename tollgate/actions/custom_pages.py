"""Acts on custom pages: the operator's own words, shown beside the dashboard to everybody or to some groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.store.models import Account, CustomPage, UserGroup

LONGEST: Final = 50_000
MOST_PAGES: Final = 20
"""Tabs that still can be looked through."""
MOST_GROUPS: Final = 100


class CustomPageFields(TypedDict, total=False):
    """What may be set on a page."""

    content: str
    position: int
    everybody: bool
    group_ids: Sequence[int]
    resellers: bool
    enabled: bool


class CustomPageChanges(CustomPageFields, total=False):
    """What may be changed on a page."""

    name: str


def _groups(value: object) -> list[int]:
    """Ids of groups, each once."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_GROUPS:
        raise checks.Unfit(f"Give a list of at most {MOST_GROUPS} groups.")
    ids = sorted({checks.record_id(one) for one in value})
    if UserGroup.objects.filter(pk__in=ids).count() != len(ids):
        raise checks.Unfit("Choose groups that there are.")
    return ids


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(60, required=True),
    "content": checks.text(LONGEST),
    "position": checks.whole(0, 10_000),
    "everybody": checks.yes_no,
    "group_ids": _groups,
    "resellers": checks.yes_no,
    "enabled": checks.yes_no,
}


@act
def create_custom_page(*, account_id: int, name: str, **fields: Unpack[CustomPageFields]) -> CustomPage:
    """Makes a page; its content is Markdown, in which HTML is text like any other."""
    given: dict[str, Any] = {**fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    account = _with_room(account_id, "name")
    return records.create(CustomPage, {**values, "account": account})


@act
def update_custom_page(
    *, custom_page_id: int, version: int | None = None, **changes: Unpack[CustomPageChanges]
) -> CustomPage:
    """Changes a page."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(CustomPage, custom_page_id, version), values)


@act
def delete_custom_page(*, custom_page_id: int, version: int | None = None) -> None:
    """Removes a page; the audit log keeps what it said. For a week `restore_custom_page` undoes it."""
    page = records.locked(CustomPage, custom_page_id, version)
    remove(page, account_id=page.account_id)


@act
def restore_custom_page(*, custom_page_id: int) -> CustomPage:
    """Brings a deleted page back as it was."""
    was = deleted(CustomPage, custom_page_id, "custom_page_id")
    _with_room(was.record.account_id, "custom_page_id")
    return was.restore()


def _with_room(account_id: int, field: str) -> Account:
    """The account, locked, when it may have one more page."""
    account = records.locked(Account, account_id)
    if CustomPage.objects.filter(account=account).count() >= MOST_PAGES:
        raise refuse(field, f"There are {MOST_PAGES} pages, which is the most: remove one first.")
    return account
