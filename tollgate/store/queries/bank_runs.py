"""How much of the files for the bank nobody has confirmed yet: neither a statement nor a person."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from tollgate.store.models import BankLine, BankRun

_WAITING: Final = BankLine.objects.filter(run=OuterRef("pk"), state="waiting")
WAITING_COUNT: Final = Coalesce(
    Subquery(_WAITING.order_by().values("run").annotate(count=Count("pk")).values("count")), Value(0)
)
"""How many lines of a file wait for the bank."""


def with_waiting(found: QuerySet[BankRun]) -> QuerySet[Any]:
    """Adds `waiting_count`, and `unconfirmed`: whether any line waits."""
    told: QuerySet[Any] = found.annotate(waiting_count=WAITING_COUNT, unconfirmed=Exists(_WAITING))
    return told
