"""Acts on tags: labels of customers, which sort their lists and carry template routes, alerts and CLI rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.store.models import Account, Tag

COLORS = ("blue", "green", "yellow", "red", "gray")


class TagFields(TypedDict, total=False):
    """What may be set on a tag."""

    color: str


class TagChanges(TagFields, total=False):
    """What may be changed on a tag."""

    name: str


CHECKS: Mapping[str, checks.Check] = {"name": checks.text(50, required=True), "color": checks.one_of(COLORS)}


@act
def create_tag(*, account_id: int, name: str, **fields: Unpack[TagFields]) -> Tag:
    """Makes a tag."""
    given: dict[str, Any] = {"color": "gray", **fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    return records.create(Tag, {**values, "account_id": records.find(Account, account_id).pk})


@act
def update_tag(*, tag_id: int, version: int | None = None, **changes: Unpack[TagChanges]) -> Tag:
    """Changes a tag on every customer that has it."""
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(Tag, tag_id, version), values)


@act
def delete_tag(*, tag_id: int, version: int | None = None) -> None:
    """Removes a tag that no customer has any more. For a week `restore_tag` undoes it."""
    tag = records.locked(Tag, tag_id, version)
    count = tag.customers.count()
    if count == 1:
        raise refuse("tag_id", "1 customer has this tag: take it off first.")
    if count:
        raise refuse("tag_id", f"{count} customers have this tag: take it off them first.")
    if tag.ingress_routes.exists():
        raise refuse("tag_id", "Ingress routes belong to this tag: delete them first.")
    if tag.cli_rules.exists():
        raise refuse("tag_id", "CLI rules belong to this tag: delete them first.")
    remove(tag, account_id=tag.account_id)


@act
def restore_tag(*, tag_id: int) -> Tag:
    """Brings a deleted tag back, with the alerts that watched it."""
    return deleted(Tag, tag_id, "tag_id").restore()
