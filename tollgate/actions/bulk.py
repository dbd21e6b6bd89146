"""Bulk edits and deletions: begins a task that does for each chosen record what its form does for one.

To offer another noun, add its line to `EDITS`: the act, which takes `<noun>_id`, and how its fields are checked. One
that may be deleted in bulk needs acts `delete_<noun>` and `restore_<noun>`, and its name in `DELETES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tollgate.actions import checks, contacts, customer_checks, endpoints
from tollgate.actions.acts import act, refuse
from tollgate.actions.tasks import MOST_ROWS, NewRow, begin
from tollgate.core.field_words import field_words
from tollgate.store.models import Task

TITLE_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """How records of a noun are edited: the act, its checks, and what may not be the same for many."""

    act: str
    many: str
    checks: Mapping[str, checks.Check]
    single: frozenset[str]


EDITS: Final[Mapping[str, Edit]] = {
    "customer": Edit(
        "update_customer",
        "customers",
        {**customer_checks.CHECKS, **customer_checks.BESIDE},
        frozenset({"name", "number", "accounting_id"}),
    ),
    "contact": Edit("update_contact", "contacts", contacts.CHECKS, frozenset({"email", "mobile", "phone"})),
    "endpoint": Edit("update_endpoint", "endpoints", endpoints.COMMON, frozenset({"name", "rewrites"})),
}
DELETES: Final[Mapping[str, str]] = {"customer": "customers"}


@act
def start_bulk_edit(*, account_id: int, noun: str, record_ids: Sequence[int], changes: dict[str, Any]) -> Task:
    """Begins a task that changes these fields of every record. Raises Invalid for a field that cannot be so."""
    if noun not in EDITS:
        raise refuse("noun", f"Choose one of {', '.join(EDITS)}.")
    edit = EDITS[noun]
    if not changes:
        raise refuse("changes", "Choose a field to change.")
    for name in sorted(edit.single & changes.keys()):
        raise refuse(name, "This cannot be the same for many.")
    checks.cleaned(edit.checks, changes)
    named = [field_words(name).lower() for name in changes]
    more = f" and {len(named) - TITLE_FIELDS} more" if len(named) > TITLE_FIELDS else ""
    rows = _rows(record_ids)
    return begin(
        kind="edit",
        noun=noun,
        act_name=edit.act,
        title=f"Change {', '.join(named[:TITLE_FIELDS])}{more} of {len(rows):,} {edit.many}",
        rows=rows,
        account_id=account_id,
        arguments=changes,
    )


@act
def start_bulk_delete(*, account_id: int, noun: str, record_ids: Sequence[int]) -> Task:
    """Begins a task that deletes these records softly; `undo_task` restores them for a week."""
    if noun not in DELETES:
        raise refuse("noun", f"Choose one of {', '.join(DELETES)}.")
    rows = _rows(record_ids)
    title = f"Delete {len(rows):,} {DELETES[noun]}"
    return begin(kind="delete", noun=noun, act_name=f"delete_{noun}", title=title, rows=rows, account_id=account_id)


def _rows(record_ids: Sequence[int]) -> list[NewRow]:
    if not isinstance(record_ids, (list, tuple)) or len(record_ids) > MOST_ROWS:
        raise refuse("record_ids", f"Give a list of at most {MOST_ROWS:,} ids.")
    ids = [checks.cleaned({"record_ids": checks.record_id}, {"record_ids": one})["record_ids"] for one in record_ids]
    return [NewRow(place, record_id) for place, record_id in enumerate(dict.fromkeys(ids), start=1)]
