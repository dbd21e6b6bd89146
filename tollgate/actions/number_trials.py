"""What becomes of numbers by an alias or a CLI rule that is typed, kept or not: the testers of panel and API ask here.

Nothing is changed: who asks makes the record in memory, of a customer that the asker may see.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tollgate.actions.aliases import asked_beside, asked_of_all, book, rank
from tollgate.actions.aliases import row_of as alias_row
from tollgate.actions.cli_rules import row_of, rules_of
from tollgate.core import aliases, cli, cli_rules
from tollgate.core.cli_pools import DISABLED, CliPool
from tollgate.core.snapshot import Payer, Still
from tollgate.core.vars import obeyed
from tollgate.store.models import Alias, CliRule, Customer


class AliasTried(NamedTuple):
    """The number that takes the place of a dialed one, and the alias that says so, if one does."""

    becomes: str
    found: aliases.Alias | None
    this: bool  # the alias that was typed


def alias_hints(typed: Alias) -> list[str]:
    """What an alias does that its author may not want. Raises AliasInvalid for one that cannot be."""
    made = aliases.alias(alias_row(typed))
    before = [other for other in asked_beside(typed, typed.current) if rank(other) < rank(typed)]
    return aliases.hints(made, book([*before, typed]))


def tried_alias(typed: Alias, dialed: str) -> AliasTried:
    """What becomes of a dialed number by an alias that can be, among the others that are asked."""
    listed = asked_beside(typed, dialed)
    if typed.enabled:
        listed = sorted([*listed, typed], key=rank)
    own, shared = book(listed), None
    if typed.customer_id is not None:
        shared = book(asked_of_all(typed.account_id, dialed))
    found = aliases.translated(own, shared, dialed)
    if found is None:
        return AliasTried(dialed, None, this=False)
    return AliasTried(found[1], found[0], this=found[0].id == (typed.pk or 0))


def tried_cli_rule(typed: CliRule, *, numbers: tuple[str, str, str], at: datetime) -> cli.Shown:
    """What a call with this CLI, P-Asserted-Identity and number dialed would show, by a rule that can be among the
    others of its owner. Raises CliRuleInvalid for one that cannot."""
    return cli.show(payer_of(typed), cli.Asked("try", *numbers, at), Still())


def payer_of(typed: CliRule) -> Payer:
    """Who calls: the customer with the typed rule in its place; of a tag or of all, somebody who has it alone."""
    customer = typed.customer
    others = rules_of(customer) if customer else []
    kept = [(rule, _rank(rule)) for rule in others if rule.pk != typed.pk]
    listed = [rule for rule, _ in sorted([*kept, (typed, _rank(typed))], key=lambda pair: pair[1])]
    verified = customer.verified_clis.values_list("number", flat=True) if customer else ()
    return Payer(
        kind="customer", id=0, name="", wallet_id=0, depth=1, currency="", status="active",
        pai_mode=customer.pai_mode if customer else "default",
        approved_clis_only=customer.approved_clis_only if customer else True,
        approved_clis=frozenset(map(cli.comparable, verified)),
        cli_rules=tuple(cli_rules.rule(row_of(rule)) for rule in listed),
        cli_selection=customer.cli_selection if customer else "first",
        cli_persist_s=obeyed(customer.vars_toml)[0].cli_persist_s if customer else 0,
        cli_pool=_pool(customer) if customer and customer.cli_pool != DISABLED else None,
    )  # fmt: skip


def _pool(customer: Customer) -> CliPool:
    dids = customer.dids.filter(enabled=True).values_list("number", flat=True)
    verified = customer.verified_clis.values_list("number", flat=True)
    return CliPool(customer.cli_pool, tuple(dids), tuple(map(cli.comparable, verified)), customer.non_cli_card_id)


def _rank(rule: CliRule) -> tuple[int, int, int, int]:
    place = 0 if rule.customer_id is not None else 1 if rule.tag_id is not None else 2
    return place, rule.tag_id or 0, rule.position, rule.pk or 2**62
