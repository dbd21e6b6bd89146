"""CDRs by conditions (core/call_search.py), from the days that the database holds and those of the lake as one list.

A row is a `CDR` with the records it names, whichever side it came from; only its `detail` is left out. To let a
condition name another kind of record, add it to `NAMED` and its field to `core.call_search.FIELDS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Min, Q
from psycopg.errors import QueryCanceled

from tollgate import environment
from tollgate.core.call_search import NUMBERED, RulesInvalid
from tollgate.core.lake import TABLES, Breakout, Condition, Group, Row, Search, Span, day_begins, instant_of, instant_us
from tollgate.store.lake_engines import QuestionTooLong
from tollgate.store.models import CDR, Account, Carrier, Customer, Gateway, IngressRoute, LakeFile, Tag
from tollgate.store.queries import lake
from tollgate.store.queries.calls import Sums, folded
from tollgate.store.queries.customers import below
from tollgate.store.queries.statements import rows as asked

COLUMNS: Final = tuple(name for name in TABLES["call"] if name != "detail")
INSTANTS: Final = {"started_us": "started_at", "answered_us": "answered_at", "ended_us": "ended_at"}
RELATED: Final[dict[str, type[Any]]] = {
    "customer": Customer,
    "carrier": Carrier,
    "gateway": Gateway,
    "ingress_route": IngressRoute,
}
"""What a row names beside its own columns, by the name of its key and of its table."""
NAMED: Final[dict[str, tuple[type[Any], str]]] = {
    "customer": (Customer, "account"),
    "reseller": (Customer, "account"),
    "tag": (Tag, "account"),
    "carrier": (Carrier, "account"),
    "gateway": (Gateway, "carrier__account"),
    "route": (IngressRoute, "card__account"),
}
"""The kinds of records that conditions name, and the way from each to its account."""
NUMBERED_KINDS: Final = frozenset({"route", "gateway"})
OF_CUSTOMERS: Final = frozenset({"customer", "reseller", "tag"})
LOOKUPS: Final = {"is": "name__iexact", "has": "name__icontains", "begins": "name__istartswith"}
NAMES_MOST: Final = 10_000
NOTED_MOST: Final = 200_000
"""The calls that a note may tell of: those of one task."""
PAGE_ROWS: Final = 5_000
MEASURES: Final = (
    "attempts",
    "connected",
    "duration_ms",
    "billed_s",
    "cost_micros",
    "carrier_cost_micros",
    "profit_micros",
)
FOLDED: Final = (
    *("currency", "carrier_currency", "attempts", "connected", "duration_total", "billed_total"),
    *("cost_total", "carrier_cost_total", "profit_total"),
)
"""The keys and measures of a sum as `calls.folded` knows them."""
AHEAD: Final = timedelta(days=1)
"""How far the clocks of edges may be ahead of ours."""


class TooLong(Exception):
    """The question took longer than a page may; the message says what to do, in words for people."""


@dataclass(slots=True)
class CallSearch:
    """A question about an account's CDRs: `group` must hold, of the calls that began in a period.

    `reach` are the ids of the only customers that count; None for all. Which side holds which day is read once. Of a
    period that is `short` nobody asks when the first call began: it needs a `from_at`.
    """

    account: Account
    group: Group
    from_at: datetime | None
    until_at: datetime | None
    at: datetime
    reach: frozenset[int] | None = None
    short: bool = False
    _sides: lake.Sides | None = field(default=None, init=False)
    _span: Span | None = field(default=None, init=False)

    @property
    def span(self) -> Span:
        """The period, no longer than from the first call until now."""
        if self._span is None:
            first_at = self.from_at if self.short else _first_start(self.account)
            first_at = first_at or self.at
            from_at = max(self.from_at or first_at, first_at)
            until_at = min(self.until_at or self.at + AHEAD, self.at + AHEAD)
            self._span = Span(self.account.pk, from_at, max(from_at, until_at))
        return self._span

    def rows(self, limit: int, place: tuple[datetime, int] | None = None, *, oldest_first: bool = False) -> list[CDR]:
        """The first rows after a place in the order, with the records they name."""
        found = self.values(COLUMNS, limit, place, oldest_first=oldest_first)
        return _with_records([CDR(**row) for row in found])

    def values(
        self,
        columns: Sequence[str],
        limit: int,
        place: tuple[datetime, int] | None = None,
        *,
        oldest_first: bool = False,
    ) -> list[dict[str, Any]]:
        """The same by the names of the CDR's columns, without other records; `columns` are those of the lake."""
        before = None if place is None else (instant_us(place[0]), place[1])
        question = replace(self._search(columns), limit=limit, before=before, oldest_first=oldest_first)
        with in_time():
            found = lake.search(question, self.span, self.at, sides=self._known(), limit_s=limit_s())
        return [cdr_values(columns, row) for row in found]

    def stream(self, *, oldest_first: bool = False) -> Iterator[CDR]:
        """Every row, without holding all of them."""
        place = None
        while found := self.rows(PAGE_ROWS, place, oldest_first=oldest_first):
            yield from found
            place = (found[-1].started_at, found[-1].pk)

    def count(self, most: int) -> int:
        """How many, counted no further than `most`."""
        with in_time():
            return lake.count(
                self._search(("id",)), self.span, self.at, most=most, sides=self._known(), limit_s=limit_s()
            )

    def sums(self) -> list[Sums]:
        """What all of them add up to, one line per currency."""
        question = Breakout("call", MEASURES, ("currency", "carrier_currency"), self._group())
        with in_time():
            found = lake.breakout(question, self.span, self.at, sides=self._known(), limit_s=limit_s())
        return folded(dict(zip(FOLDED, row, strict=True)) for row in found)

    def csv_blocks(
        self, written: lake.Written, *, oldest_first: bool = False, span: Span | None = None
    ) -> Iterator[bytes]:
        """Every row as lines of CSV; of `span` alone, if it is given, without asking when the first call began."""
        question = replace(self._search(("id",)), oldest_first=oldest_first)
        return lake.csv_blocks(question, span or self.span, self.at, written)

    def _search(self, columns: Sequence[str]) -> Search:
        return Search("call", tuple(columns), self._group())

    def _group(self) -> Group:
        if self.reach is None:
            return self.group
        return Group((Condition("customer_id", "in", tuple(sorted(self.reach)) or (-1,)), self.group))

    def _known(self) -> lake.Sides:
        if self._sides is None:
            self._sides = lake.sides_of("call", self.span, self.at)
        return self._sides


def names_of(account: Account, reach: frozenset[int] | None = None) -> Callable[[str, str, Sequence[str]], list[int]]:
    """What finds the records that a condition names (`core.call_search.Names`).

    Of routes and gateways "#12" is the one of that number. Notes stand for the calls that they correct.
    """

    def find(kind: str, way: str, texts: Sequence[str]) -> list[int]:
        if kind == "note":
            return _noted(account, texts, reach)
        table, to_account = NAMED[kind]
        condition = Q()
        for text in texts:
            numbered = NUMBERED.search(text) if kind in NUMBERED_KINDS else None
            condition |= Q(pk=int(numbered[1])) if numbered else Q(**{LOOKUPS[way]: text})
        found = table.objects.filter(condition, **{to_account: account})
        if kind == "tag":
            found = Customer.objects.filter(account=account, tags__in=found).distinct()
        if kind == "reseller":
            resellers = list(found.filter(is_reseller=True).values_list("pk", flat=True)[: NAMES_MOST + 1])
            found = Customer.objects.filter(pk__in={*resellers, *below(*resellers)})
        if reach is not None and kind in OF_CUSTOMERS:
            found = found.filter(pk__in=reach)
        ids = list(found.order_by().values_list("pk", flat=True)[: NAMES_MOST + 1])
        if len(ids) > NAMES_MOST:
            raise RulesInvalid(f"more than {NAMES_MOST:,} are called so: write more of the name.")
        return sorted(ids)

    return find


def _noted(account: Account, numbers: Sequence[str], reach: frozenset[int] | None) -> list[int]:
    """The calls whose corrections some credit or debit notes tell."""
    wanted, of_customers = [number.lower() for number in numbers], None if reach is None else list(reach)
    found = asked("invoices", "calls_of_notes", account.pk, wanted, of_customers, NOTED_MOST + 1)
    if len(found) > NOTED_MOST:
        raise RulesInvalid(f"more than {NOTED_MOST:,} calls are behind them: name fewer.")
    return [row.id for row in found]


def names_beside(account: Account) -> dict[str, tuple[str, list[tuple[int, str]]]]:
    """The names that a file of CDRs tells, by the table and the column that leads to it."""
    return {
        key: (
            f"{key}_id",
            list(table.objects.filter(_own(table, account)).values_list("pk", "name")),
        )
        for key, table in RELATED.items()
    }


def limit_s() -> int:
    """After how many seconds a question of a page is given up; 0 for never."""
    return environment.number("TOLLGATE_STATEMENT_LIMIT_S", 30)


@contextmanager
def in_time() -> Iterator[None]:
    """Raises TooLong when the database or the lake gives up; what is within a transaction can then go on.

    Begins none of its own: the database would wait in it for as long as the lake takes, and end the session.
    """
    with given_up(), transaction.atomic() if connection.in_atomic_block else nullcontext():
        yield


@contextmanager
def given_up() -> Iterator[None]:
    """The same without a transaction of its own, for what is not within another one."""
    try:
        yield
    except QuestionTooLong:
        raise TooLong(_too_long()) from None
    except OperationalError as problem:
        if isinstance(problem.__cause__, QueryCanceled):
            raise TooLong(_too_long()) from None
        raise


def _too_long() -> str:
    return f"This took longer than {limit_s()} seconds: choose a shorter period or further conditions."


def _own(table: type[Any], account: Account) -> Q:
    return Q(**{next(way for known, way in NAMED.values() if known is table): account})


def _first_start(account: Account) -> datetime | None:
    """When the first call began that database or lake has; a day's file counts from its midnight."""
    live = asked("lake", "first_start", account.pk)[0].started_at
    day = LakeFile.objects.filter(account=account, kind="call", replaced_at=None, erased_at=None).aggregate(
        first=Min("day_on")
    )["first"]
    known = [at for at in (live, None if day is None else day_begins(day)) if at is not None]
    return min(known) if known else None


def cdr_values(columns: Sequence[str], row: Row) -> dict[str, Any]:
    """What a row of either side says of a call, by the names of the CDR's columns."""
    values: dict[str, Any] = dict(zip(columns, row, strict=True))
    for told in INSTANTS.keys() & values.keys():
        us = values.pop(told)
        values[INSTANTS[told]] = None if us is None else instant_of(us).astimezone(UTC)
    if values.get("detail"):
        values["detail"] = json.loads(values["detail"])
    return values


def _with_records(found: list[CDR]) -> list[CDR]:
    """The rows with the records they name, each kind read at once."""
    for key, table in RELATED.items():
        ids = {getattr(row, f"{key}_id") for row in found} - {None}
        known = {record.pk: record for record in table.objects.filter(pk__in=ids).only("pk", "name")}
        for row in found:
            setattr(row, key, known.get(getattr(row, f"{key}_id")))
    return found
