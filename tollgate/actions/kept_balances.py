"""What customers' wallets held at the end of each day that is over: kept by night, so that a statement of account reads
the entries of its own days alone, however long the wallet's history is.

No acts: nothing is entered or decided here. The law `kept_balances_are_the_sums_of_entries` proves it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import connection, transaction

from tollgate.actions.statements import fetch

OVER: Final = timedelta(days=1)
"""So long after its end nothing is posted on a day any more."""


def keep_balances(at: datetime) -> None:
    """Keeps the balances of the days that were over a day ago, as far as they are not kept yet."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # the first time it is all history
        cursor.execute("LOCK TABLE wallet_day IN SHARE ROW EXCLUSIVE MODE")  # one at a time
        fetch("books", "keep_balances", (at.astimezone(UTC) - OVER).date())


def keep_anew(since_on: date, at: datetime) -> None:
    """Forgets what was kept of a day and all after it, and keeps them as the entries are now."""
    with transaction.atomic():
        fetch("books", "forget_balances", since_on)
        keep_balances(at)
