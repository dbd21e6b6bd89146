"""A statement of account as both faces show it: its period in the address, its lines as a grid.

To show another column, add it to `statement_grid`; what a line says is `core.statement`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.http import Http404

from tollgate.core.statement import Statement, words_for
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid
from tollgate.ui.sources import ListSource

MOST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Line:
    """One line: an opening or closing balance has no amount."""

    id: int
    on: date
    words: str
    amount_micros: int | None
    balance_micros: int
    currency: str
    invoice_id: int | None = None
    payment_id: int | None = None


def statement_grid(link: Callable[[Any], str | None]) -> Grid:
    """The lines in the order in which they happened; `link` gives the page of a line's document."""
    return Grid(
        name="statement",
        columns=(
            Column("on", "Date"),
            Column("words", "What", link=link),
            Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency"),
            Column("balance", "Balance", value="balance_micros", kind=Kind.MONEY, currency="currency"),
        ),
        sort="id",
        searchable=False,
        page_size=200,
    )


def lines_of(statement: Statement) -> ListSource:
    """Opening, movements, closing."""
    return ListSource(items=tuple(_lines(statement)))


def _lines(statement: Statement) -> Iterator[Line]:
    money = statement.currency
    yield Line(0, statement.from_on, "Opening balance", None, statement.opening_micros, money)
    for place, one in enumerate(statement.movements, start=1):
        yield Line(
            place, one.on, words_for(one), one.amount_micros, one.balance_micros, money, one.invoice_id, one.payment_id
        )
    last = len(statement.movements) + 1
    yield Line(last, statement.last_on, "Closing balance", None, statement.closing_micros, money)


def last_month(today: date) -> tuple[date, date]:
    """The first and the last day of the month before."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def days_asked(asked: Mapping[str, str], otherwise: tuple[date, date]) -> tuple[date, date]:
    """The first and the last day that a form asks for; what is missing or no day is as `otherwise`."""
    try:
        first, last = date.fromisoformat(asked.get("from", "")), date.fromisoformat(asked.get("to", ""))
    except ValueError:
        return otherwise
    return (first, last) if _fits(first, last) else otherwise


def days_read(first: str, last: str) -> tuple[date, date]:
    """The first and the last day of an address. Raises Http404 where they are none."""
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise Http404 from None
    if not _fits(*days):
        raise Http404
    return days


def _fits(first: date, last: date) -> bool:
    return first <= last <= first + timedelta(days=MOST_DAYS) and first.year >= 2000 and last.year <= 2200
