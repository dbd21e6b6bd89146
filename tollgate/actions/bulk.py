"""Bulk edits and deletions: begins a task that does for each chosen record what its form does for one.

A bulk edit that tells the versions which its author saw leaves a record as it is that somebody else has saved since.
To offer another noun, add its line to `EDITS`: the act, which takes `<noun>_id` (or another name: `NAMED`), and how its
fields are checked. One that may be deleted in bulk needs an act and its line in `DELETES`; what an act `restore_<noun>`
brings back after a `delete_<noun>` is restored by `undo_task` (deleted_records.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Model, Q, QuerySet

from tollgate.actions import (
    access_numbers,
    alerts,
    aliases,
    cards,
    carriers,
    checks,
    cli_rules,
    conferences,
    contacts,
    custom_pages,
    customer_checks,
    customer_packages,
    dids,
    dunning,
    edges,
    endpoints,
    invoice_templates,
    localizations,
    mandates,
    payment_gateways,
    portal_domains,
    records,
    reports,
    routes,
    sign_in,
    tags,
    taxes,
    users,
    vouchers,
    webhooks,
)
from tollgate.actions.acts import Actor, OutOfDate, act, call_act, current, refuse
from tollgate.actions.tasks import ARGUMENTS, DOING, MOST_ROWS, NAMED, TITLE_MOST, NewRow, begin
from tollgate.core.field_words import counted, field_words, kept_beside, value_words
from tollgate.store.models import (
    AccessNumber,
    Alert,
    Alias,
    Card,
    Carrier,
    CarrierDispute,
    CarrierStatement,
    CliRule,
    ConferenceRoom,
    Contact,
    Customer,
    CustomPage,
    Department,
    Did,
    DunningStep,
    Edge,
    Endpoint,
    ExchangeRate,
    Gateway,
    IngressRoute,
    Invoice,
    InvoiceTemplate,
    Localization,
    Mandate,
    NumberBlock,
    Package,
    PaymentGateway,
    PortalDomain,
    SavedReport,
    SignInProvider,
    Tag,
    Task,
    TaskRow,
    Tax,
    Template,
    User,
    UserGroup,
    VerifiedCli,
    VoucherBatch,
    Webhook,
)
from tollgate.store.queries.meanwhile import saved_since

TITLE_FIELDS: Final = 3
KIND: Final = "edit"
CHANGED: Final = "Somebody else has changed this record in the meantime"
LATEST: Final = timedelta(days=366)
"""How far ahead a task may be begun."""


@dataclass(frozen=True, slots=True)
class Edit:
    """How records of a noun are edited: the act, its checks, and what may not be the same for many."""

    act: str
    many: str
    model: type[Model]
    checks: Mapping[str, checks.Check]
    single: frozenset[str]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is deleted by which act, so that the job can name what is gone; `account` and `owner` are the paths to the
    account and to the customer whose it is, empty without one. `own` says which are an actor's in their place."""

    act: str
    many: str
    model: type[Model]
    account: str = "account_id"
    owner: str = "customer_id"
    own: Callable[[Actor], Q] | None = None

    def of(self, actor: Actor) -> Q | None:
        """Those of them that an actor may see; None where they are the operator's."""
        if actor.reach is None:
            return Q()
        if self.own is not None:
            return self.own(actor)
        return Q((f"{self.owner}__in", actor.reach)) if self.owner else None


EDITS: Final[Mapping[str, Edit]] = {
    "customer": Edit(
        "update_customer",
        "customers",
        Customer,
        {**customer_checks.CHECKS, **customer_checks.BESIDE},
        frozenset({"name", "number", "accounting_id"}),
    ),
    "contact": Edit("update_contact", "contacts", Contact, contacts.CHECKS, frozenset({"email", "mobile", "phone"})),
    "endpoint": Edit("update_endpoint", "endpoints", Endpoint, endpoints.COMMON, frozenset({"name", "rewrites"})),
    "alias": Edit("update_alias", "aliases", Alias, aliases.CHECKS, frozenset({"current"})),
    "cli_rule": Edit("update_cli_rule", "CLI rules", CliRule, cli_rules.CHECKS, frozenset({"cli"})),
    "ingress_route": Edit("update_ingress_route", "ingress routes", IngressRoute, routes.CHECKS, frozenset({"name"})),
    "did": Edit("update_did", "DIDs", Did, dids.CHECKS, frozenset()),
    "conference_room": Edit(
        "update_conference_room",
        "conference rooms",
        ConferenceRoom,
        conferences.CHECKS,
        frozenset({"name", "extension"}),
    ),
    "carrier": Edit("update_carrier", "carriers", Carrier, carriers.CARRIER_CHECKS, frozenset({"name"})),
    "gateway": Edit("update_gateway", "gateways", Gateway, carriers.GATEWAY_CHECKS, frozenset({"name", "host"})),
    "alert": Edit("update_alert", "alerts", Alert, alerts.CHECKS, frozenset({"title", "area", *alerts.OWNERS})),
    "tag": Edit("update_tag", "tags", Tag, tags.CHECKS, frozenset({"name"})),
    "tax": Edit("update_tax", "taxes", Tax, taxes.CHECKS, frozenset({"name"})),
    "localization": Edit(
        "update_localization", "localizations", Localization, localizations.CHECKS, frozenset({"name"})
    ),
    "domain": Edit(
        "update_portal_domain", "portal domains", PortalDomain, portal_domains.CHECKS, frozenset({"host", "logo"})
    ),
    "webhook": Edit("update_webhook", "webhooks", Webhook, webhooks.CHECKS, frozenset({"title", "url"})),
    "edge": Edit("update_edge", "edges", Edge, edges.CHECKS, frozenset({"name", "rpc_url"})),
    "user": Edit("update_user", "users", User, users.CHECKS, frozenset({"name", "email", "password"})),
    "group": Edit("update_user_group", "groups", UserGroup, users.GROUP_CHECKS, frozenset({"name", "acts", "areas"})),
    "package": Edit("update_package", "packages", Package, customer_packages.CHECKS, frozenset({"name", "currency"})),
    "card": Edit("update_card", "cards", Card, cards.CHECKS, frozenset({"name"})),
    "access_number": Edit(
        "update_access_number", "access numbers", AccessNumber, access_numbers.CHECKS, frozenset({"number", "name"})
    ),
    "custom_page": Edit(
        "update_custom_page", "custom pages", CustomPage, custom_pages.CHECKS, frozenset({"name", "content"})
    ),
    "report": Edit(
        "update_report", "reports", SavedReport, reports.CHECKS, frozenset({"name", "dimensions", "filters"})
    ),
    "payment_gateway": Edit(
        "update_payment_gateway",
        "payment gateways",
        PaymentGateway,
        payment_gateways.CHECKS,
        frozenset({"name", "provider", "title", "mode", "settings", "secrets"}),
    ),
    "dunning_step": Edit("update_dunning_step", "dunning steps", DunningStep, dunning.CHECKS, frozenset({"title"})),
    "invoice_template": Edit(
        "update_invoice_template",
        "invoice templates",
        InvoiceTemplate,
        invoice_templates.CHECKS,
        frozenset({"name", "logo"}),
    ),
    "sign_in_provider": Edit(
        "update_sign_in_provider",
        "login providers",
        SignInProvider,
        sign_in.CHECKS,
        frozenset({"title", "serves", "domain_id", "issuer", "client_id", "secret"}),
    ),
    "mandate": Edit(
        "update_mandate",
        "mandates",
        Mandate,
        mandates.CHECKS,
        frozenset({"reference", "signed_on", "holder", "iban", "bic", "note"}),
    ),
    "voucher_batch": Edit("update_voucher_batch", "voucher batches", VoucherBatch, vouchers.CHANGED, frozenset()),
}
DELETES: Final[Mapping[str, Deletion]] = {
    "customer": Deletion("delete_customer", "customers", Customer, owner="pk"),
    "contact": Deletion("delete_contact", "contacts", Contact, account="customer__account_id"),
    "endpoint": Deletion("delete_endpoint", "endpoints", Endpoint),
    "alias": Deletion("delete_alias", "aliases", Alias),
    "cli_rule": Deletion("delete_cli_rule", "CLI rules", CliRule),
    "cli": Deletion("remove_verified_cli", "verified CLIs", VerifiedCli, account="customer__account_id"),
    "ingress_route": Deletion("delete_ingress_route", "ingress routes", IngressRoute, account="card__account_id"),
    "did": Deletion("delete_did", "DIDs", Did, owner=""),
    "conference_room": Deletion("delete_conference_room", "conference rooms", ConferenceRoom),
    "gateway": Deletion("delete_gateway", "gateways", Gateway, account="carrier__account_id", owner=""),
    "alert": Deletion("delete_alert", "alerts", Alert),
    "tag": Deletion("delete_tag", "tags", Tag, owner=""),
    "tax": Deletion("delete_tax", "taxes", Tax, owner=""),
    "department": Deletion("delete_department", "departments", Department, owner=""),
    "localization": Deletion("delete_localization", "localizations", Localization, owner=""),
    "domain": Deletion("delete_portal_domain", "portal domains", PortalDomain, owner=""),
    "webhook": Deletion("delete_webhook", "webhooks", Webhook, owner=""),
    "group": Deletion("delete_user_group", "groups", UserGroup, account="", owner=""),
    "package": Deletion("delete_package", "packages", Package, owner=""),
    "card": Deletion("delete_card", "cards", Card, owner="", own=cards.own_of),
    "access_number": Deletion("delete_access_number", "access numbers", AccessNumber, owner=""),
    "custom_page": Deletion("delete_custom_page", "custom pages", CustomPage, owner=""),
    "report": Deletion("delete_report", "reports", SavedReport, owner=""),
    "payment_gateway": Deletion("delete_payment_gateway", "payment gateways", PaymentGateway, owner=""),
    "dunning_step": Deletion("delete_dunning_step", "dunning steps", DunningStep, owner=""),
    "invoice_template": Deletion("delete_invoice_template", "invoice templates", InvoiceTemplate, owner=""),
    "template": Deletion("reset_template", "own templates", Template, owner=""),
    "sign_in_provider": Deletion("delete_sign_in_provider", "login providers", SignInProvider, owner=""),
    "exchange_rate": Deletion("delete_exchange_rate", "exchange rates", ExchangeRate, owner=""),
    "invoice": Deletion("delete_invoice_draft", "drafts", Invoice),
    "number_block": Deletion("delete_number_block", "number blocks", NumberBlock),
    "carrier_statement": Deletion("delete_carrier_statement", "carrier statements", CarrierStatement, owner=""),
    "dispute": Deletion("delete_dispute", "disputes", CarrierDispute, owner=""),
}
NAMED.update(
    {
        "dunning_step": "step_id",
        "invoice_template": "template_id",
        "sign_in_provider": "provider_id",
        "carrier_statement": "statement_id",
    }
)


@act
def start_bulk_edit(
    *,
    account_id: int,
    noun: str,
    record_ids: Sequence[int],
    changes: dict[str, Any],
    versions: Sequence[int] | None = None,
    due_at: datetime | str | None = None,
) -> Task:
    """Begins a task that changes these fields of every record. Raises Invalid for a field that cannot be so.

    With `versions`, one for each of `record_ids`, a record that has another one by then stays as it is, and its row
    says what was changed meanwhile and by whom. Nothing is done before `due_at`.
    """
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
    rows = _seen(_rows(record_ids), record_ids, versions)
    return begin(
        kind=KIND,
        noun=noun,
        act_name=edit.act,
        title=f"Change {', '.join(named[:TITLE_FIELDS])}{more} of {counted(len(rows), edit.many)}",
        rows=rows,
        account_id=account_id,
        arguments=changes,
        due_at=_later(due_at),
    )


@act
def start_bulk_delete(
    *, account_id: int, noun: str, record_ids: Sequence[int], due_at: datetime | str | None = None
) -> Task:
    """Begins a task that deletes these records, not before `due_at`. What there is an act `restore_<noun>` for is
    restored by `undo_task` for a week."""
    if noun not in DELETES:
        raise refuse("noun", f"Choose one of {', '.join(DELETES)}.")
    deletion = DELETES[noun]
    rows = _named(deletion, account_id, _rows(record_ids))
    title = f"Delete {counted(len(rows), deletion.many)}"
    which = {"kind": "delete", "noun": noun, "act_name": deletion.act, "title": title}
    return begin(rows=rows, account_id=account_id, due_at=_later(due_at), **which)


def _later(due_at: datetime | str | None) -> datetime | None:
    """When a task is begun; None at once. Raises Invalid."""
    given: datetime | None = checks.cleaned({"due_at": checks.optional(checks.instant)}, {"due_at": due_at})["due_at"]
    now = records.now()
    if given is None or given <= now:
        return None
    if given > now + LATEST:
        raise refuse("due_at", "Choose a moment within a year.")
    return given


def _seen(rows: list[NewRow], record_ids: Sequence[int], versions: object) -> list[NewRow]:
    """With the versions that the author saw."""
    if versions is None:
        return rows
    if not isinstance(versions, (list, tuple)) or len(versions) != len(record_ids):
        raise refuse("versions", "Give one version for each record, in the same order.")
    seen = dict(zip(_ids(record_ids, "record_ids"), _ids(versions, "versions"), strict=True))
    return [replace(row, version=seen[row.record_id]) for row in rows if row.record_id is not None]


def _edit(task: Task, row: TaskRow) -> object:
    """One row of a bulk edit; a record that somebody else has saved since it was seen stays as it is."""
    try:
        return call_act(task.act, ARGUMENTS[KIND](task, row))
    except OutOfDate:
        raise refuse("", _meanwhile(task, row)) from None


def _meanwhile(task: Task, row: TaskRow) -> str:
    """Who has changed the record, and what of the fields that the edit is about."""
    assert row.record_id is not None
    assert row.version is not None
    (saved,) = saved_since(QuerySet(EDITS[task.noun].model), {row.record_id: row.version})
    names = [name for name in saved.after if name in task.arguments]
    told = [
        f"{field_words(name)}: {value_words(name, saved.before[name])} → {value_words(name, saved.after[name])}"
        for name in names
    ]
    beside = kept_beside(saved.after, task.arguments)
    told += [field_words(name) for name in beside]
    others = [name for name in saved.after if name not in names and not kept_beside([name], beside)]
    if others or not told:
        told.append("other fields" if told else "fields that this job does not change")
    by = ", ".join(name for name, _ in saved.who if name) if current.get().reach is None else ""
    return f"{CHANGED}{f' by {by}' if by else ''} ({'; '.join(told)}). It stays as it is: edit it again to change it."


def _named(deletion: Deletion, account_id: int, rows: Sequence[NewRow]) -> list[NewRow]:
    """With the titles of those that the author may see: afterwards nobody can ask what they were called."""
    whose = deletion.of(current.get())
    if whose is None:  # it is the operator's, and each row is refused
        return list(rows)
    asked: dict[str, Any] = {deletion.account: account_id} if deletion.account else {}
    records: QuerySet[Any] = QuerySet(deletion.model)
    seen = records.filter(whose, pk__in=[row.record_id for row in rows], **asked)
    titles = {record.pk: str(record)[:TITLE_MOST] for record in seen.iterator()}
    return [replace(row, title=titles.get(row.record_id, "")) for row in rows]


def _rows(record_ids: Sequence[int]) -> list[NewRow]:
    if not isinstance(record_ids, (list, tuple)) or len(record_ids) > MOST_ROWS:
        raise refuse("record_ids", f"Give a list of at most {MOST_ROWS:,} ids.")
    ids = dict.fromkeys(_ids(record_ids, "record_ids"))
    return [NewRow(place, record_id) for place, record_id in enumerate(ids, start=1)]


def _ids(given: Sequence[int], name: str) -> list[int]:
    """Whole numbers above zero, as ids and versions are. Raises Invalid."""
    return [checks.cleaned({name: checks.record_id}, {name: one})[name] for one in given]


DOING[KIND] = _edit
