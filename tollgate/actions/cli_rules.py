"""Acts on CLI rules: which callers' numbers pass, and what becomes of them. What a rule means is in core.cli_rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from django.db.models import QuerySet

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import NotEditable, act, refuse, warn
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.in_service import check_in_service
from tollgate.core import cli_rules
from tollgate.store.models import Account, CliRule, Customer, StirCertificate, Tag


class CliRuleFields(TypedDict, total=False):
    """What may be set on a rule."""

    position: int
    cli: str
    pai: str
    dialed: str
    rewrite_cli: str
    rewrite_pai: str
    forced: bool
    weight: int
    attestation: str
    certificate_id: int | None
    signature_required: bool
    signature_replaced: bool
    notes: str


CHECKS: Mapping[str, checks.Check] = {
    "position": checks.whole(0, 10_000),
    "cli": checks.text(200),
    "pai": checks.text(200),
    "dialed": checks.text(200),
    "rewrite_cli": checks.text(100),
    "rewrite_pai": checks.text(100),
    "forced": checks.yes_no,
    "weight": checks.whole(0, 10_000),
    "attestation": checks.one_of(("", "A", "B", "C")),
    "certificate_id": checks.optional(checks.record_id),
    "signature_required": checks.yes_no,
    "signature_replaced": checks.yes_no,
    "notes": checks.text(2000),
}
SIGNING: Final = ("attestation", "certificate_id", "signature_required", "signature_replaced")
"""Fields that say what the operator signs: nothing for a reseller's users."""


@act
def create_cli_rule(
    *, account_id: int, customer_id: int | None = None, tag_id: int | None = None, **fields: Unpack[CliRuleFields]
) -> CliRule:
    """Makes a rule of a customer, of a tag, or, with neither, of all customers of the account."""
    values = checks.cleaned(CHECKS, dict(fields))
    account = records.find(Account, account_id)
    if customer_id is not None and tag_id is not None:
        raise refuse("tag_id", "A rule has one owner: a customer, a tag, or all customers.")
    _check_owner(account, customer_id, tag_id)
    _check_signing(account.pk, values)
    owner = {"account_id": account.pk, "customer_id": customer_id, "tag_id": tag_id}
    rule = CliRule(**owner, **values)
    _check(rule)
    rule = records.create(CliRule, {**owner, **values})
    _advise(rule)
    return rule


@act
def update_cli_rule(*, cli_rule_id: int, version: int | None = None, **changes: Unpack[CliRuleFields]) -> CliRule:
    """Changes a rule; the next call obeys it."""
    values = checks.cleaned(CHECKS, dict(changes))
    rule = records.locked(CliRule, cli_rule_id, version)
    _check_signing(rule.account_id, values)
    _check_not_signed_by(rule)
    check_in_service(rule.customer, "cli_rule_id")
    for name, value in values.items():
        setattr(rule, name, value)
    _check(rule)
    records.change(rule, values)
    _advise(rule)
    return rule


@act
def delete_cli_rule(*, cli_rule_id: int, version: int | None = None) -> None:
    """Removes a rule. For a week `restore_cli_rule` undoes it."""
    rule = records.locked(CliRule, cli_rule_id, version)
    _check_not_signed_by(rule)
    remove(rule, account_id=rule.account_id)


@act
def restore_cli_rule(*, cli_rule_id: int) -> CliRule:
    """Brings a deleted rule back as it was, where calls can obey it beside the others."""
    was = deleted(CliRule, cli_rule_id, "cli_rule_id")
    _check_not_signed_by(was.record)
    _check(was.record)
    rule = was.restore()
    _advise(rule)
    return rule


def _check_not_signed_by(rule: CliRule) -> None:
    """What the operator demands of signatures stays as it is, whoever else may change rules."""
    signing = rule.attestation or rule.signature_required or rule.signature_replaced
    if signing and acts.current.get().reach is not None:
        raise refuse("cli", "The operator signs calls by this rule: ask for the change, or make another rule.")


def row_of(rule: CliRule) -> dict[str, Any]:
    """The rule as the core reads it."""
    fields = ("id", *cli_rules.FIELDS, "forced", "weight", *SIGNING)
    owner = "customer" if rule.customer_id is not None else "tag" if rule.tag_id is not None else "account"
    name = "" if rule.tag is None else rule.tag.name
    return {**{field: getattr(rule, field) or 0 if field == "id" else getattr(rule, field) for field in fields},
            "owner": owner, "name": name}  # fmt: skip


def rules_of(customer: Customer) -> list[CliRule]:
    """All that a customer's calls are asked by, in their order: its own, those of its tags, those of all customers."""
    every = CliRule.objects.filter(account_id=customer.account_id).select_related("tag").order_by("position", "id")
    own = list(every.filter(customer=customer))
    tagged = sorted(every.filter(tag__customers=customer), key=lambda rule: rule.tag_id or 0)
    return [*own, *tagged, *every.filter(customer=None, tag=None)]


def _check_owner(account: Account, customer_id: int | None, tag_id: int | None) -> None:
    if customer_id is not None:
        customer = records.find(Customer, customer_id)
        if customer.account_id != account.pk or customer.deleted_at is not None:
            raise refuse("customer_id", "There is no such customer.")
        return
    if acts.current.get().reach is not None:
        raise refuse("customer_id", "Choose a customer.")
    if tag_id is not None and records.find(Tag, tag_id).account_id != account.pk:
        raise refuse("tag_id", "There is no such tag.")


def _check_signing(account_id: int, values: Mapping[str, Any]) -> None:
    """What is signed is the operator's to say, by a certificate of the account."""
    named = [name for name in SIGNING if name in values]
    if acts.current.get().reach is not None and named:
        raise NotEditable({name: ["Only the operator says what is signed: leave it out."] for name in named})
    certificate_id = values.get("certificate_id")
    if certificate_id and not StirCertificate.objects.filter(pk=certificate_id, account_id=account_id).exists():
        raise refuse("certificate_id", "There is no such certificate.")


def _check(rule: CliRule) -> None:
    """Whether calls can obey it beside the others of its owner. Raises Invalid."""
    try:
        made = cli_rules.rule(row_of(rule))
    except cli_rules.CliRuleInvalid as problem:
        raise refuse(problem.field, problem.sentence) from None
    others = list(_beside(rule))
    if len(others) >= cli_rules.MOST_RULES:
        raise refuse("cli", f"There are {cli_rules.MOST_RULES} rules here: merge some, or verify numbers instead.")
    size = made.size + cli_rules.size([cli_rules.rule(row_of(other)) for other in others])
    if size > cli_rules.MOST_INSTRUCTIONS:
        raise refuse("cli", "The expressions of all rules together are too long.")


def _beside(rule: CliRule) -> QuerySet[CliRule]:
    others = CliRule.objects.filter(account_id=rule.account_id, customer=rule.customer, tag=rule.tag)
    return others.exclude(pk=rule.pk).select_related("tag")


def _advise(rule: CliRule) -> None:
    """The traps of the rule, and that nothing is refused by rules alone."""
    for sentence in cli_rules.hints(row_of(rule)):
        warn(sentence)
    customer = rule.customer
    if customer is not None and not customer.approved_clis_only and not rule.forced:
        warn(f"Numbers that no rule fits still pass: “Approved CLIs only” of {customer.name} would have them refused.")
