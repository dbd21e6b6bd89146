"""The list of CDRs behind its pages: conditions of the address, rows of database and lake, and the file of all of them.

`RulesFilter` reads nested conditions (core/call_search.py), `CallSource` feeds a grid. What a file carries of a column
is said in core/call_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.urls import reverse

from tollgate.core.call_file import texts
from tollgate.core.call_search import (
    ALONE,
    FIELDS,
    WAYS,
    WORDS,
    YES_NO,
    Field,
    Of,
    Rule,
    Rules,
    RulesInvalid,
    asked,
    lake_group,
    read_rules,
    rules_of,
    write_rules,
)
from tollgate.core.lake import EVERYTHING, Condition, Group
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import CDR, Account
from tollgate.store.queries.call_search import CallSearch, TooLong, names_beside, names_of
from tollgate.store.queries.call_sums import by_summaries
from tollgate.store.queries.calls import Sums, folded
from tollgate.store.queries.lake import Written
from tollgate.ui.columns import Column
from tollgate.ui.grid import Filter
from tollgate.ui.sources import Key, Query

RULES: Final = "rules"
LOOKUPS: Final[Mapping[str, tuple[str, str]]] = {
    "customer__name__icontains": ("customer", "has"),
    "carrier__name__icontains": ("carrier", "has"),
    "ingress_route": ("route", "has"),
    "state": ("state", "is"),
    "refusal": ("refusal", "is"),
    "number__startswith": ("number", "begins"),
    "cli__startswith": ("cli", "begins"),
    "destination__icontains": ("destination", "has"),
    "duration": ("duration", "least"),
}
"""What each filter of the list means as a condition."""


@dataclass(frozen=True, slots=True)
class RulesFilter(Filter):
    """Nested conditions; `bought` for readers who may know what carriers cost."""

    bought: bool = False

    def read(self, text: str) -> Rules:
        """The conditions; raises ValueError with a sentence."""
        rules = read_rules(text)
        for rule in rules_of(rules):
            if FIELDS[rule.field].bought and not self.bought:
                raise RulesInvalid(f"There is no field {rule.field}.")
        lake_group(rules, lambda *_: [1])  # numbers are read here, names when they are looked up
        return rules


@dataclass(slots=True)
class CallSource:
    """CDRs of an account, from database and lake, for a grid; `always` holds of all of them.

    `problem` says why nothing is shown, in words for people.
    """

    account: Account
    reach: frozenset[int] | None
    at: datetime
    always: Group = EVERYTHING
    problem: str = ""
    _asked: dict[str, CallSearch] = field(default_factory=dict)

    def rows(self, query: Query, limit: int) -> Sequence[CDR]:
        """One page by key."""
        if self.problem:
            return []
        place = None if query.after is None else (query.after.value, int(query.after.row_id))
        try:
            return self.search(query).rows(limit, place, oldest_first=query.descending == query.back)
        except (TooLong, RulesInvalid, DayUnreadable) as problem:
            self.problem = str(problem)
            return []

    def stream(self, query: Query) -> Iterator[CDR]:
        """All rows."""
        return self.search(query).stream(oldest_first=not query.descending)

    def count(self, query: Query, most: int) -> int:
        """Counted no further than `most`; nothing after a problem."""
        try:
            return 0 if self.problem else self.search(query).count(most)
        except (TooLong, RulesInvalid, DayUnreadable) as problem:
            self.problem = str(problem)
            return 0

    def key(self, row: CDR, sort: str) -> Key:
        """When it began, and its id."""
        assert sort == "started_at", "CDRs have one order"
        return Key(row.started_at, row.pk)

    def csv_blocks(self, query: Query, columns: Sequence[Column]) -> Iterator[bytes]:
        """All rows as lines of CSV."""
        names = [column.name for column in columns]
        written = Written(partial(texts, names), names_beside(self.account))
        return self.search(query).csv_blocks(written, oldest_first=not query.descending)

    def sums(self, query: Query) -> list[Sums]:
        """What everything found adds up to: by the summaries where they can tell."""
        if self.problem:
            return []
        filters = dict(query.filters)
        if "ingress_route" in filters and _number(filters["ingress_route"]):
            filters["ingress_route_id"] = _number(filters.pop("ingress_route"))
        try:
            groups = None if self.always.parts else by_summaries(self.account, filters, self.reach, self.at)
            return self.search(query).sums() if groups is None else folded(groups)
        except (TooLong, RulesInvalid, DayUnreadable) as problem:
            self.problem = str(problem)
            return []

    def wanted(self, query: Query, columns: Sequence[Column]) -> dict[str, Any]:
        """The same file as `csv_blocks` writes, as the act asks for it that makes large ones."""
        rules = [_rule(lookup, value) for lookup, value in query.filters.items() if lookup in LOOKUPS]
        asked_for: Rules | None = query.filters.get(RULES)
        if rules:
            more = () if asked_for is None else (asked_for,) if asked_for.any else asked_for.parts
            asked_for = Rules((*rules, *more))
        bounds = {"from_at": query.filters.get("started_at__gte"), "until_at": query.filters.get("started_at__lt")}
        own = (part for part in self.always.parts if isinstance(part, Condition) and part.column == "customer_id")
        return {
            "columns": [column.name for column in columns],
            **{name: at.isoformat() for name, at in bounds.items() if at is not None},
            "where": write_rules(asked_for) if asked_for else "",
            "customer_id": next((part.value for part in own), None),
            "oldest_first": not query.descending,
        }

    def search(self, query: Query) -> CallSearch:
        """The question of a query. Raises RulesInvalid for names that are too many."""
        place = repr(query.filters)
        if place not in self._asked:
            parts: list[Condition | Group] = [*self.always.parts]
            names = names_of(self.account, self.reach)
            for lookup, value in query.filters.items():
                if lookup in LOOKUPS:
                    parts.append(asked(_rule(lookup, value), names))
            if RULES in query.filters:
                parts.append(lake_group(query.filters[RULES], names))
            self._asked[place] = CallSearch(
                account=self.account,
                group=Group(tuple(parts)),
                from_at=query.filters.get("started_at__gte"),
                until_at=query.filters.get("started_at__lt"),
                at=self.at,
                reach=self.reach,
            )
        return self._asked[place]


def readable(text: str) -> Rules | None:
    """Conditions that cannot be asked, so that they can be put right; None where not even they can be read."""
    try:
        return read_rules(text)
    except RulesInvalid:
        return None


def builder(rules: Rules | None, *, bought: bool) -> dict[str, Any]:
    """What the template of the builder needs: the conditions, and every field with how it is compared."""
    return {
        "text": write_rules(rules) if rules else "",
        "words": rules.words() if rules else "",
        "fields": [
            (name, told, " ".join(WAYS[told.of]), _suggestions(told))
            for name, told in FIELDS.items()
            if bought or not told.bought
        ],
        "choices": [
            (name, YES_NO if told.of is Of.YES else told.choices) for name, told in FIELDS.items() if _listed(told)
        ],
        "ways": tuple(WORDS.items()),
        "alone": " ".join(sorted(ALONE)),
    }


def _listed(told: Field) -> bool:
    return bool(told.choices) or told.of is Of.YES


def _suggestions(told: Field) -> str:
    return reverse("panel:suggestions", args=[told.named]) if told.named else ""


def _rule(lookup: str, value: Any) -> Rule:
    name, way = LOOKUPS[lookup]
    text = str(value)
    if lookup == "ingress_route" and _number(text):
        return Rule(name, "is", f"#{_number(text)}")
    return Rule(name, way, text)


def _number(text: Any) -> int:
    """The number of a record that is told by it, "12" or "#12"; 0 for a name."""
    digits = str(text).rpartition("#")[2]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else 0
