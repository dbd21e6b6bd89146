"""The breakout: calls grouped by chosen dimensions, from the lake, the summaries, and the calls themselves.

Days that are closed and written are told by the lake (`breakout_days`), all others by the database (`breakout_here`).
To add a dimension: its line in `core.breakout.DIMENSIONS`, how the database makes it in `breakout_here.EXPRESSIONS` and
the lake in `core.lake_breakout.LAKE_KEYS`; one that holds the id of a record also says in `NAMED` of which.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any, Final

import phonenumbers
from django.db import connection, transaction
from django_countries import countries

from tollgate.core.breakout import MOMENTS, Cut, Question
from tollgate.core.lake import Engine, Statement, instant_of
from tollgate.core.lake import Group as Held
from tollgate.core.lake_breakout import HERE, TEXTS, LakeBreakout, first_ones, groups
from tollgate.core.summaries import MEASURES, Totals
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.lake_engines import Beside, DuckLake, LakeEngine, engine_of_installation
from tollgate.store.models import Account, Carrier, Customer, IngressRoute, User
from tollgate.store.queries.breakout_days import Corrected, LakeDays, lake_days
from tollgate.store.queries.breakout_here import here_lines, rows_of, table_of
from tollgate.store.queries.breakout_lake import conditions, held_in, looked_up, tables_of
from tollgate.store.queries.call_search import given_up, limit_s

NAMED: Final[Mapping[str, type[Any]]] = {
    "customer": Customer,
    "reseller": Customer,
    "account_manager": User,
    "carrier": Carrier,
    "route": IngressRoute,
}
SHARED_CODES: Final = {"1": "North America", "7": "Russia and Kazakhstan"}
CODE_DIGITS_MOST: Final = 3
FIRST: Final = Cut()
CODES: Final = sorted({*map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE), *SHARED_CODES})


class OnlyInLake(Exception):
    """Calls of the period that have left the database cannot be told; the message says which, in words for people."""


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a breakout: its keys, how they are called, its one currency; calls without a price have none."""

    keys: tuple[Any, ...]
    words: Mapping[str, Any]
    currency: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Answer:
    """The groups that are told, in the order of their keys; how many there are in all; and what the others come to, a
    line per currency, where not all are told."""

    groups: list[Group]
    groups_count: int
    others: list[Group]


NOTHING: Final = Answer([], 0, [])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what it is asked of."""

    account: Account
    question: Question
    held: Held
    days: LakeDays
    countries: Sequence[str]
    engine: LakeEngine

    def here(self) -> tuple[str, dict[str, Any]]:
        """The groups that the database tells, as a statement, and its values."""
        told, values = here_lines(self.account, self.question, self.held, self.days)
        return groups(told, self.question.dimensions, self.countries), values

    def first_ones(self, cut: Cut) -> list[tuple[Any, ...]]:
        """The first groups, and what all come to."""
        if not self.days.files:
            found, values = self.here()
            return rows_of(first_ones(found, self.question.dimensions, cut, Engine.postgresql), values)
        beside = self._beside()
        try:
            return self.first_of_lake(cut, beside)
        except DayUnreadable:
            if not self.days.groups:
                raise
        return self.by_calls().first_of_lake(cut, beside)

    def all_of_them(self, cut: Cut) -> Iterator[list[tuple[Any, ...]]]:
        """Every group."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")  # its title has been sent: the file must not end here
            beside = self._beside()
        asked, statement = self._statement(beside)
        statement.text = asked.all_of_them(cut)
        return self.engine.batches(statement, tables_of(replace(self.days, whole={})), beside=beside)

    def first_of_lake(self, cut: Cut, beside: Beside) -> list[tuple[Any, ...]]:
        """The same of the lake and of what the database told beside it."""
        asked, statement = self._statement(beside, come_to=True)
        statement.text = asked.first_ones(cut)
        return self.engine.rows(statement, tables_of(self.days), beside=beside, limit_s=limit_s())

    def by_calls(self) -> _Asked:
        """The same without the files of groups, one of which cannot be read."""
        return replace(self, days=replace(self.days, groups={}, whole={}))

    def _statement(self, beside: Beside, *, come_to: bool = False) -> tuple[LakeBreakout, Statement]:
        """The question of the lake; with what all groups come to, if that is told too."""
        statement = Statement(self.engine.engine)
        asked = (self.account, self.question, self.held, self.days, statement)
        held = held_in(*asked)
        whole = held_in(*asked, whole=True) if come_to and self.days.whole else {}
        if beside[HERE].num_rows or not held:
            held[HERE] = "true"
            whole |= {HERE: "true"} if whole else {}
        return LakeBreakout(self.question.dimensions, held, self.engine.engine, self.countries, whole), statement

    def _beside(self) -> Beside:
        """The tables beside the files."""
        here = table_of(self.question.dimensions, *self.here())
        return {**(looked_up(self.account, self.question) if self.days.files else {}), HERE: here}


def breakout(
    account: Account, question: Question, at: datetime, *, cut: Cut = FIRST, engine: LakeEngine | None = None
) -> Answer:
    """What is told of a question at a moment. A carrier's cost stands in the line of its own currency.

    Raises OnlyInLake when single calls are asked for that were corrected after they had left the database, and
    `call_search.TooLong` when the database or the lake takes longer than a page may.
    """
    with given_up():
        rows = _asked(account, question, at, engine).first_ones(cut)
    told = _grouped(question, [row[1:-1] for row in rows if row[0] == 0])
    told.sort(key=lambda group: [*map(_order, group.words.values()), group.currency])
    come_to = _come_to([row[-2 - len(MEASURES) :] for row in rows if row[0] == 1])
    many = sum(count for _, count in come_to.values())
    return Answer(told, many, _others(come_to, told) if many > len(told) else [])


def every_group(
    account: Account, question: Question, at: datetime, *, cut: Cut = FIRST, engine: LakeEngine | None = None
) -> Iterator[Group]:
    """All groups in the order of `cut`, however many. Raises OnlyInLake like `breakout`.

    They wait in a file: the engine has ended before the first is given, so who reads slowly holds up nobody.
    """
    asked = _asked(account, question, at, engine)
    with TemporaryFile("w+", encoding="utf-8") as kept:
        try:
            _keep(asked, cut, kept)
        except DayUnreadable:
            if not asked.days.groups:
                raise
            _keep(asked.by_calls(), cut, kept)
        kept.seek(0)
        for line in kept:
            yield from _grouped(question, json.loads(line))


def _keep(asked: _Asked, cut: Cut, kept: IO[str]) -> None:
    """Every group into a file, from its beginning."""
    kept.seek(0)
    kept.truncate()
    for rows in asked.all_of_them(cut):
        kept.write(json.dumps(rows, default=int) + "\n")


def sums(groups: Iterable[Group]) -> list[Group]:
    """All groups together, a line per currency."""
    found: dict[str, list[Totals]] = {}
    for group in groups:
        found.setdefault(group.currency, []).append(group.totals)
    return [Group((), {}, code, Totals.of_all(totals)) for code, totals in sorted(found.items())]


def _asked(account: Account, question: Question, at: datetime, engine: LakeEngine | None) -> _Asked:
    """The question with its days on their sides."""
    try:
        days = lake_days(account, question, at)
    except Corrected as found:
        raise OnlyInLake(
            f"Calls of {found.day} (UTC) were corrected after the database had forgotten them: by number such a day is"
            " not told. Begin after it, or ask by another dimension."
        ) from None
    known = [code for code in CODES if country_of(code)] if "country" in question.dimensions else []
    of_files = engine or engine_of_installation() if days.files else DuckLake()
    return _Asked(account, question, conditions(account, question), days, known, of_files)


def _come_to(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[Totals, int]]:
    """What all groups come to by currency, and how many they are."""
    found: dict[str, tuple[Totals, int]] = {}
    for code, *values, count in rows:
        totals, known = found.get(code, (Totals(), 0))
        found[code] = totals + _totals(values), known + int(count)
    return found


def _others(come_to: Mapping[str, tuple[Totals, int]], told: Sequence[Group]) -> list[Group]:
    """What the groups come to that are not told."""
    shown = {group.currency: group.totals for group in sums(told)}
    counts = Counter(group.currency for group in told)
    return [
        Group((), {}, code, totals - shown.get(code, Totals()))
        for code, (totals, count) in sorted(come_to.items())
        if count > counts[code]
    ]


def _totals(values: Sequence[Any]) -> Totals:
    return Totals(**dict(zip(MEASURES, map(int, values), strict=True)))


def _grouped(question: Question, rows: Collection[Sequence[Any]]) -> list[Group]:
    """Rows of keys, currency and measures, with the names of the records among them."""
    found = [tuple(_key(name, value) for name, value in zip(question.dimensions, row, strict=False)) for row in rows]
    names = {name: _names(name, {keys[place] for keys in found}) for place, name in enumerate(question.dimensions)}
    return [_group(question, names, keys, row) for keys, row in zip(found, rows, strict=True)]


def _key(dimension: str, value: Any) -> Any:
    """A key as people know it: an instant, a country, an id or a text."""
    if dimension in MOMENTS:
        return instant_of(int(value))
    if dimension == "country":
        return country_of(value)
    return value if value is None or dimension in TEXTS else int(value)


def country_of(prefix: str) -> str:
    """The country of a prefix by its calling code; empty for one that is of none."""
    for digits in range(1, CODE_DIGITS_MOST + 1):
        code = prefix[:digits]
        if code in SHARED_CODES:
            return SHARED_CODES[code]
        if len(code) == digits and code.isdecimal():
            region = phonenumbers.region_code_for_country_code(int(code))
            if region not in ("ZZ", "001"):
                return str(countries.name(region))
    return ""


def _names(dimension: str, ids: Collection[Any]) -> Mapping[int, str] | None:
    """How those records are called; None for a dimension that says it itself."""
    table = NAMED.get(dimension)
    return None if table is None else {record.pk: str(record) for record in table.objects.filter(pk__in=ids)}


def _group(
    question: Question, names: Mapping[str, Mapping[int, str] | None], keys: tuple[Any, ...], row: Sequence[Any]
) -> Group:
    words = {}
    for dimension, key in zip(question.dimensions, keys, strict=True):
        known = names[dimension]
        words[dimension] = key if known is None else known.get(key) if key is not None else None
    return Group(keys, words, str(row[len(keys)]), _totals(row[len(keys) + 1 :]))


def _order(value: Any) -> tuple[bool, str]:
    if isinstance(value, datetime):
        return False, value.isoformat()
    return value in (None, ""), str(value or "").lower()
