"""What the books tell: what customers hold and owe, debt by its age, the account's profit. See store/sql/books.sql."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from tollgate.core.profit import DatedRate, Earned, Profit, profits
from tollgate.store.models import Account, ExchangeRate
from tollgate.store.queries.statements import rows

Owed = Any
"""A row of a statement: `id` is the customer's."""
DEBTS: Final = (
    ("not_due_micros", "Not due"),
    ("late_30_micros", "0–30 days"),
    ("late_60_micros", "31–60 days"),
    ("late_90_micros", "61–90 days"),
    ("late_more_micros", "Over 90 days"),
)
"""The ages of debt: the column of the statement, its words."""


def standing(account: Account, on: date) -> list[Owed]:
    """Every customer with its balance and what is open and overdue on a day."""
    return rows("books", "standing", account.pk, on)


def aged_debt(account: Account, on: date) -> list[Owed]:
    """What each debtor owes in each currency on a day, by how long it is due."""
    return rows("books", "aged_debt", account.pk, on)


def profit_of(account: Account, *, from_on: date, until_on: date, by_month: bool) -> tuple[Profit, ...]:
    """What the account earned by UTC day or month, in its currency, the newest first."""
    earned = [Earned(*row) for row in rows("books", "earned", account.pk, from_on, until_on)]
    known = ExchangeRate.objects.filter(account=account, on__lt=until_on).values_list(
        "on", "base", "quote", "rate_nanos"
    )
    rates = [DatedRate(*row) for row in known]
    return profits(earned, rates, currency=account.currency, by_month=by_month)


def debt_by_currency(found: Iterable[Owed]) -> list[tuple[str, int, list[int]]]:
    """Currency, what is owed in it, and the same by age."""
    sums: dict[str, tuple[int, list[int]]] = {}
    for row in found:
        owed, ages = sums.get(row.currency, (0, [0] * len(DEBTS)))
        more = [int(getattr(row, name) or 0) for name, _ in DEBTS]
        sums[row.currency] = (owed + int(row.open_micros), [old + new for old, new in zip(ages, more, strict=True)])
    return [(currency, owed, ages) for currency, (owed, ages) in sorted(sums.items())]
