"""Endpoints that overlap: by what their calls are told apart, and whether they can be at all.

The charging service takes the longest tech prefix that fits, then the narrowest network (core.calls_caller); where
endpoints with the same tech prefix have CLI authentication, the verified CLIs of their customers decide. What is said
here follows that; a new way to tell calls apart belongs into both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from tollgate.actions import checks
from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.did_networks import check_endpoint
from tollgate.store.models import Account, CliRule, Customer, Endpoint, VerifiedCli


def overlapping(account_id: int, network: checks.Network, *, without: int | None = None) -> QuerySet[Endpoint]:
    """The other endpoints of an account that send calls and whose networks share an address with this one."""
    shares = RawSQL('"endpoint"."network" && %s::cidr', (str(network),), output_field=BooleanField())
    return Endpoint.objects.filter(shares, account_id=account_id, kind="ip", sends_calls=True).exclude(pk=without or 0)


def take_turns(account_id: int) -> None:
    """Makes whoever else adds addresses or blocks to the account wait, whichever customers they may touch."""
    Account.objects.select_for_update(no_key=True).get(pk=account_id)


def check_sharing(customer: Customer, values: Mapping[str, Any], without: int | None = None) -> None:
    """Refuses an endpoint that could not be told apart from another; warns of others on its addresses.

    `values` has its network, and its tech prefix and CLI authentication unless they are not used. Where no calls come
    from, there is nothing to tell apart.
    """
    take_turns(customer.account_id)
    if not values.get("sends_calls", True):
        return
    check_endpoint(customer, values["network"])
    by_cli = bool(values.get("cli_authentication"))
    found = overlapping(customer.account_id, values["network"], without=without)
    for other in found.select_related("customer").order_by("id"):
        if other.network == values["network"] and other.tech_prefix == values.get("tech_prefix", ""):
            _check_same(customer, other, by_cli=by_cli)
        warn(_words(values, other, by_cli=by_cli))
    known = VerifiedCli.objects.filter(customer=customer).exists() or CliRule.objects.filter(customer=customer).exists()
    if by_cli and not known:
        tail = f"until it has, no call from {values['network']} is its own."
        warn(f"{customer.name} has no verified CLI yet, and no CLI rule: {tail}")


def _check_same(customer: Customer, other: Endpoint, *, by_cli: bool) -> None:
    """Of endpoints that are alike in network and tech prefix."""
    owner = _owner(other)
    if other.customer_id == customer.pk or not (by_cli or other.cli_authentication):
        hint = "use another tech prefix" if other.tech_prefix else "give one of them a tech prefix"
        if other.customer_id != customer.pk:
            hint += ", or CLI authentication to both"
        if _is_known_deleted(other):
            hint = f"remove that endpoint, or {hint}"
        raise refuse("network", f"Calls could not be told apart from those of {owner}: {hint}.")
    if not other.cli_authentication:
        sentence = f"{owner} does not have CLI authentication: turn it on there first, so that both have it."
        raise refuse("cli_authentication", sentence)
    if not by_cli:
        sentence = f"{owner} is told apart by CLI: every endpoint of this address needs CLI authentication."
        raise refuse("cli_authentication", sentence)


def _words(values: Mapping[str, Any], other: Endpoint, *, by_cli: bool) -> str:
    """Whose a call will be that comes from both."""
    network, owner = values["network"], _owner(other)
    same = other.network == network
    relation = "is also an endpoint of" if same else "overlaps an endpoint of"
    if other.tech_prefix != values.get("tech_prefix", ""):
        rule = "the tech prefix decides whose call it is"
        rule += "." if same else "; of two that fit the longer wins, whichever network is narrower."
    elif by_cli and other.cli_authentication:
        rule = "the CLI decides whose call it is."
    elif by_cli or other.cli_authentication:
        rule = "calls that show a verified CLI go to the one with CLI authentication, all others to the other one."
    else:
        rule = "the narrower network wins."
    return f"{network} {relation} {owner}: {rule}"


def _owner(other: Endpoint) -> str:
    """Who has the other endpoint, for those who may know that."""
    reach = current.get().reach
    if reach is not None and other.customer_id not in reach:
        return "another customer"
    deleted = ", deleted" if _is_known_deleted(other) else ""
    return f"{other.customer.name} ({other.network}{deleted})"


def _is_known_deleted(other: Endpoint) -> bool:
    """Whether it is one of a deleted customer whose page the actor can open, to remove it there."""
    reach = current.get().reach
    return other.customer.deleted_at is not None and (reach is None or other.customer_id in reach)
