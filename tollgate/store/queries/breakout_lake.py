"""The lake's part of a breakout: what it is asked of its days, and the tables that tell what no file says.

A dimension that no column of a call says is told by a table of id and value: its line in `core.lake_breakout.LOOKED_UP`
and its rows in `_pairs` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tollgate.core.breakout import ALL_DIDS, LISTED, Question
from tollgate.core.call_search import Rule, asked
from tollgate.core.lake import Condition, Group, Span, Statement, where
from tollgate.core.lake_breakout import CALLS, LOOKED_UP, TEXTS
from tollgate.store.models import Account, Customer, Did, IngressRoute
from tollgate.store.queries.breakout_days import LakeDays
from tollgate.store.queries.breakout_names import named_ids
from tollgate.store.queries.call_search import names_of

FILTERS: Final[Mapping[str, str]] = {"destination": "has", "prefix": "begins", "number": "begins"}


def conditions(account: Account, question: Question) -> Group:
    """What the question asks of each call beside its period: the same of the database and of the lake."""
    names = names_of(account, question.reach)
    parts: list[Condition | Group] = [
        Condition(f"{name}_id", "in", tuple(named_ids(account, question, name)) or (-1,))
        if name in LISTED
        else _of_dids(account, question.reach, value)
        if name == "did"
        else asked(Rule(name, FILTERS[name], value), names)
        for name, value in question.filters.items()
    ]
    if question.reach is not None:
        parts.append(Condition("customer_id", "in", tuple(sorted(question.reach)) or (-1,)))
    return Group(tuple(parts))


def _of_dids(account: Account, reach: frozenset[int] | None, value: str) -> Condition:
    """The CLI is one of the account's DIDs, or of those of customers within reach, however it is written: of all where
    the filter says so, else of those that begin with its digits."""
    begins = value.strip().removeprefix("+")
    found = Did.objects.filter(account=account, number__startswith="" if begins.lower() == ALL_DIDS else begins)
    if reach is not None:
        found = found.filter(customer__in=reach)
    numbers = found.order_by("number").values_list("number", flat=True)
    written = tuple(text for number in numbers for text in (number, f"+{number}"))
    return Condition("cli", "in", written or ("+",))  # which is no number


def tables_of(days: LakeDays) -> dict[str, list[Path]]:
    """The lake's files by the names of their tables: groups of each level, and calls of the days that have none."""
    calls = [path for day, path in days.files.items() if day not in days.grouped]
    tables = {**{name: list(files.values()) for name, files in {**days.groups, **days.whole}.items()}, CALLS: calls}
    return {name: files for name, files in tables.items() if files}


def held_in(
    account: Account, question: Question, held: Group, days: LakeDays, statement: Statement, *, whole: bool = False
) -> dict[str, str]:
    """What must hold of a row in the lake's files by the names of their tables, as SQL of the statement; of those that
    tell only what all come to, if that is asked."""
    span = Span(account.pk, question.from_at, question.until_at)
    found = {}
    groups = days.whole if whole else days.groups
    for table in (name for name in tables_of(days) if name in groups or name == CALLS):
        late = table == CALLS and days.late
        among = Group((held, Condition("id", "not_in", days.late))) if late else held
        found[table] = where(among, span, statement)
    return found


def looked_up(account: Account, question: Question) -> dict[str, Any]:
    """The tables that the lines name."""
    return {
        LOOKED_UP[name][0]: _table(_pairs(name, account), pa.string() if name in TEXTS else pa.int64())
        for name in question.dimensions
        if name in LOOKED_UP
    }


def _table(pairs: Iterable[tuple[int, Any]], of: Any) -> Any:
    known = [pair for pair in pairs if pair[1] is not None]
    columns = [[pair[0] for pair in known], [pair[1] for pair in known]]
    schema = pa.schema([("id", pa.int64()), ("value", of)])
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _pairs(dimension: str, account: Account) -> Iterable[tuple[int, Any]]:
    """Id and value."""
    match dimension:
        case "reseller":
            return Customer.objects.filter(account=account).values_list("pk", "parent_id")
        case "account_manager":
            return Customer.objects.filter(account=account).values_list("pk", "account_manager_id")
        case _:
            return IngressRoute.objects.filter(card__account=account).values_list("pk", "tech_prefix")
