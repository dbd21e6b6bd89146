"""Bulk edits and deletions: begins a task that does for each chosen record what its form does for one.

To offer another noun, add its line to `EDITS`: the act, which takes `<noun>_id`, and how its fields are checked. One
that may be deleted in bulk needs an act and its line in `DELETES`; what an act `restore_<noun>` brings back after a
`delete_<noun>` is restored by `undo_task`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Model, QuerySet

from tollgate.actions import (
    alerts,
    aliases,
    carriers,
    checks,
    cli_rules,
    conferences,
    contacts,
    customer_checks,
    endpoints,
    routes,
)
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.tasks import MOST_ROWS, TITLE_MOST, NewRow, begin
from tollgate.core.field_words import field_words
from tollgate.store.models import (
    Alert,
    Alias,
    CliRule,
    ConferenceRoom,
    Customer,
    Endpoint,
    Gateway,
    IngressRoute,
    Task,
    VerifiedCli,
)

TITLE_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """How records of a noun are edited: the act, its checks, and what may not be the same for many."""

    act: str
    many: str
    checks: Mapping[str, checks.Check]
    single: frozenset[str]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is deleted by which act, so that the job can name what is gone; `account` and `owner` are the paths to the
    account and to the customer whose it is."""

    act: str
    many: str
    model: type[Model]
    account: str = "account_id"
    owner: str = "customer_id"


EDITS: Final[Mapping[str, Edit]] = {
    "customer": Edit(
        "update_customer",
        "customers",
        {**customer_checks.CHECKS, **customer_checks.BESIDE},
        frozenset({"name", "number", "accounting_id"}),
    ),
    "contact": Edit("update_contact", "contacts", contacts.CHECKS, frozenset({"email", "mobile", "phone"})),
    "endpoint": Edit("update_endpoint", "endpoints", endpoints.COMMON, frozenset({"name", "rewrites"})),
    "alias": Edit("update_alias", "aliases", aliases.CHECKS, frozenset({"current"})),
    "cli_rule": Edit("update_cli_rule", "CLI rules", cli_rules.CHECKS, frozenset({"cli"})),
    "ingress_route": Edit("update_ingress_route", "ingress routes", routes.CHECKS, frozenset({"name"})),
    "conference_room": Edit(
        "update_conference_room", "conference rooms", conferences.CHECKS, frozenset({"name", "extension"})
    ),
    "carrier": Edit("update_carrier", "carriers", carriers.CARRIER_CHECKS, frozenset({"name"})),
    "gateway": Edit("update_gateway", "gateways", carriers.GATEWAY_CHECKS, frozenset({"name", "host"})),
    "alert": Edit("update_alert", "alerts", alerts.CHECKS, frozenset({"title", "area", *alerts.OWNERS})),
}
DELETES: Final[Mapping[str, Deletion]] = {
    "customer": Deletion("delete_customer", "customers", Customer, owner="pk"),
    "endpoint": Deletion("delete_endpoint", "endpoints", Endpoint),
    "alias": Deletion("delete_alias", "aliases", Alias),
    "cli_rule": Deletion("delete_cli_rule", "CLI rules", CliRule),
    "cli": Deletion("remove_verified_cli", "verified CLIs", VerifiedCli, account="customer__account_id"),
    "ingress_route": Deletion("delete_ingress_route", "ingress routes", IngressRoute, account="card__account_id"),
    "conference_room": Deletion("delete_conference_room", "conference rooms", ConferenceRoom),
    "gateway": Deletion("delete_gateway", "gateways", Gateway, account="carrier__account_id", owner=""),
    "alert": Deletion("delete_alert", "alerts", Alert),
}


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
    """Begins a task that deletes these records. Customers are deleted softly: `undo_task` restores them for a week."""
    if noun not in DELETES:
        raise refuse("noun", f"Choose one of {', '.join(DELETES)}.")
    deletion = DELETES[noun]
    rows = _named(deletion, account_id, _rows(record_ids))
    title = f"Delete {len(rows):,} {deletion.many}"
    return begin(kind="delete", noun=noun, act_name=deletion.act, title=title, rows=rows, account_id=account_id)


def _named(deletion: Deletion, account_id: int, rows: Sequence[NewRow]) -> list[NewRow]:
    """With the titles of those that the author may see: afterwards nobody can ask what they were called."""
    reach = current.get().reach
    if reach is not None and not deletion.owner:  # it is the operator's, and each row is refused
        return list(rows)
    asked: dict[str, Any] = {} if reach is None else {f"{deletion.owner}__in": reach}
    records: QuerySet[Any] = QuerySet(deletion.model)
    asked |= {deletion.account: account_id, "pk__in": [row.record_id for row in rows]}
    seen = records.filter(**asked)
    titles = {record.pk: str(record)[:TITLE_MOST] for record in seen.iterator()}
    return [replace(row, title=titles.get(row.record_id, "")) for row in rows]


def _rows(record_ids: Sequence[int]) -> list[NewRow]:
    if not isinstance(record_ids, (list, tuple)) or len(record_ids) > MOST_ROWS:
        raise refuse("record_ids", f"Give a list of at most {MOST_ROWS:,} ids.")
    ids = [checks.cleaned({"record_ids": checks.record_id}, {"record_ids": one})["record_ids"] for one in record_ids]
    return [NewRow(place, record_id) for place, record_id in enumerate(dict.fromkeys(ids), start=1)]
