"""Acts on aliases: numbers that are dialed for others. What an alias means is in core.aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

from django.db.models import Q, QuerySet

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.in_service import check_in_service
from tollgate.core import aliases
from tollgate.store.models import Account, Alias, Customer


class AliasFields(TypedDict, total=False):
    """What may be set on a new alias beside what is dialed."""

    new: str
    position: int
    enabled: bool
    notes: str


class AliasChanges(AliasFields, total=False):
    """What may be changed of an alias."""

    current: str


CHECKS: Mapping[str, checks.Check] = {
    "current": checks.text(200),
    "new": checks.text(60),
    "position": checks.whole(0, 10_000),
    "enabled": checks.yes_no,
    "notes": checks.text(2000),
}


@act
def create_alias(
    *, account_id: int, current: str, customer_id: int | None = None, **fields: Unpack[AliasFields]
) -> Alias:
    """Makes an alias of a customer, or, with none, of all customers of the account."""
    values = checks.cleaned(CHECKS, {"current": current, **fields})
    account = records.find(Account, account_id)
    _check_owner(account, customer_id)
    owner = {"account_id": account.pk, "customer_id": customer_id}
    _check(Alias(**owner, **values))
    alias = records.create(Alias, {**owner, **values})
    _advise(alias)
    return alias


@act
def update_alias(*, alias_id: int, version: int | None = None, **changes: Unpack[AliasChanges]) -> Alias:
    """Changes an alias; the next call obeys it."""
    values = checks.cleaned(CHECKS, dict(changes))
    alias = records.locked(Alias, alias_id, version)
    check_in_service(alias.customer, "alias_id")
    for name, value in values.items():
        setattr(alias, name, value)
    _check(alias)
    records.change(alias, values)
    _advise(alias)
    return alias


@act
def delete_alias(*, alias_id: int, version: int | None = None) -> None:
    """Removes an alias. For a week `restore_alias` undoes it."""
    alias = records.locked(Alias, alias_id, version)
    remove(alias, account_id=alias.account_id)


@act
def restore_alias(*, alias_id: int) -> Alias:
    """Brings a deleted alias back as it was, where calls can obey it beside the others."""
    was = deleted(Alias, alias_id, "alias_id")
    _check(was.record)
    alias = was.restore()
    _advise(alias)
    return alias


def row_of(alias: Alias) -> dict[str, Any]:
    """The alias as the core reads it."""
    owner = "account" if alias.customer_id is None else "customer"
    return {"id": alias.pk or 0, "current": alias.current, "new": alias.new, "owner": owner}


def rank(alias: Alias) -> tuple[int, int]:
    """Its place among those of its owner; a new one comes last of its order."""
    return alias.position, alias.pk or 2**62


def asked_beside(alias: Alias, number: str) -> list[Alias]:
    """The other enabled aliases of its owner that could take a number, in their order."""
    others = _beside(alias).filter(enabled=True)
    named = Q(current__startswith="^") | Q(current__in={number, number.removeprefix("+")})
    return list(others.filter(named).order_by("position", "id"))


def asked_of_all(account_id: int, number: str) -> list[Alias]:
    """The enabled aliases of all customers that could take a number, in their order."""
    return asked_beside(Alias(account_id=account_id), number)


def book(listed: Iterable[Alias]) -> aliases.Aliases | None:
    """Aliases as calls obey them."""
    return aliases.aliases(aliases.alias(row_of(alias)) for alias in listed)


def _check_owner(account: Account, customer_id: int | None) -> None:
    if customer_id is None:
        if acts.current.get().reach is not None:
            raise refuse("customer_id", "Choose a customer.")
        return
    customer = records.find(Customer, customer_id)
    if customer.account_id != account.pk or customer.deleted_at is not None:
        raise refuse("customer_id", "There is no such customer.")


def _check(alias: Alias) -> None:
    """Whether calls can obey it beside the others of its owner. Raises Invalid."""
    try:
        made = aliases.alias(row_of(alias))
    except aliases.AliasInvalid as problem:
        raise refuse(problem.field, problem.sentence) from None
    if _beside(alias).count() >= aliases.MOST_ALIASES:
        raise refuse("current", f"There are {aliases.MOST_ALIASES:,} aliases here: an expression can replace many.")
    if made.size:
        most = aliases.MOST_INSTRUCTIONS if alias.customer_id is None else aliases.MOST_OWN_INSTRUCTIONS
        others = book(_beside(alias).filter(current__startswith="^"))
        if made.size + (0 if others is None else others.size) > most:
            raise refuse("current", "The expressions of all aliases together are too long.")


def _beside(alias: Alias) -> QuerySet[Alias]:
    of_owner = Q(account_id=alias.account_id, customer_id=alias.customer_id)
    return Alias.objects.filter(of_owner).exclude(pk=alias.pk)


def _advise(alias: Alias) -> None:
    """The traps of the alias; that what comes out is no alias again."""
    if not alias.enabled:
        return
    before = [other for other in asked_beside(alias, alias.current) if rank(other) < rank(alias)]
    for sentence in aliases.hints(aliases.alias(row_of(alias)), book([*before, alias])):
        warn(sentence)
    if Alias.objects.filter(_of_caller(alias), account_id=alias.account_id, current=alias.new, enabled=True).exists():
        warn(f"{alias.new} is an alias too, and only one is applied: calls go to {alias.new} itself.")


def _of_caller(alias: Alias) -> Q:
    """Whose aliases the calls with this one are asked by."""
    return Q() if alias.customer_id is None else Q(customer_id=alias.customer_id) | Q(customer_id=None)
