"""Calls as the API reads them: from the days that the database holds and from those of the lake, by conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tollgate.actions import checks
from tollgate.api.access import Caller
from tollgate.api.answers import Refused, error, plain, unfit
from tollgate.api.noun_rows import BOUGHT
from tollgate.core.call_search import FIELDS, Rules, RulesInvalid, lake_group, rules_of
from tollgate.core.lake import Condition, Group
from tollgate.store.models import Customer
from tollgate.store.queries.archived import archived_cdr
from tollgate.store.queries.call_search import INSTANTS, CallSearch, TooLong, names_of
from tollgate.store.queries.portal import own_calls

COLUMNS: Final = {name: told for told, name in INSTANTS.items()}
SINCE, BEFORE, WHERE = "started_at__gte", "started_at__lt", "where"


def archived_rows(
    caller: Caller, given: Mapping[str, Any], *, fields: Sequence[str], limit: int, place: Sequence[Any]
) -> list[dict[str, Any]]:
    """The newest calls after a place, as JSON tells them. Raises Refused for conditions that cannot be."""
    question = CallSearch(
        account=caller.account,
        group=_group(caller, given),
        from_at=given[SINCE],
        until_at=given.get(BEFORE),
        at=datetime.now(UTC),
        reach=caller.actor.reach,
    )
    return _found(question, fields, limit, place)


def archived_row(caller: Caller, row_id: int, fields: Sequence[str]) -> dict[str, Any] | None:
    """One call that only the lake has; None when there is none that the caller may read."""
    cdr = archived_cdr(caller.account.pk, row_id, datetime.now(UTC))
    if cdr is None or (caller.actor.reach is not None and cdr.customer_id not in caller.actor.reach):
        return None
    return {name: plain(getattr(cdr, name)) for name in fields}


def own_rows(
    customer: Customer, given: Mapping[str, Any], *, fields: Sequence[str], limit: int, place: Sequence[Any]
) -> list[dict[str, Any]]:
    """The same for a contact's program: the calls of its customer alone."""
    conditions = [Condition(name, "eq", value) for name, value in given.items() if name not in (SINCE, BEFORE)]
    from_at, until_at = given[SINCE], given.get(BEFORE)
    at = datetime.now(UTC)
    question = own_calls(customer, *conditions, from_at=from_at, until_at=until_at, at=at, short=False)
    return _found(question, fields, limit, place)


def own_row(customer: Customer, row_id: int, fields: Sequence[str]) -> dict[str, Any] | None:
    """One call of the customer that only the lake has."""
    cdr = archived_cdr(customer.account_id, row_id, datetime.now(UTC))
    if cdr is None or cdr.customer_id != customer.pk:
        return None
    return {name: plain(getattr(cdr, name)) for name in fields}


def _found(question: CallSearch, fields: Sequence[str], limit: int, place: Sequence[Any]) -> list[dict[str, Any]]:
    after = (checks.instant(place[0]), int(place[1])) if place else None
    try:
        found = question.values([COLUMNS.get(name, name) for name in fields], limit, after)
    except TooLong as problem:
        raise Refused(422, "This takes too long.", str(problem)) from None
    return [{name: plain(row[name]) for name in fields} for row in found]


def _group(caller: Caller, given: Mapping[str, Any]) -> Group:
    """What the filters and the conditions ask."""
    parts: list[Condition | Group] = [
        Condition(name, "eq", value) for name, value in given.items() if name not in (SINCE, BEFORE, WHERE)
    ]
    rules: Rules | None = given.get(WHERE)
    try:
        for rule in rules_of(rules) if rules else ():
            if FIELDS[rule.field].bought and not caller.reads(BOUGHT):
                raise RulesInvalid(f"There is no field {rule.field}.")
        if rules:
            parts.append(lake_group(rules, names_of(caller.account, caller.actor.reach)))
    except RulesInvalid as problem:
        raise unfit(error(WHERE, str(problem))) from None
    return Group(tuple(parts))
