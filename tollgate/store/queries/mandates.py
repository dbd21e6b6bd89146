"""What SEPA mandates may still collect, told in one way to acts, lists and programs.

A mandate is used up after its last collection, and expired after 36 months without one.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db.models import Case, DateField, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import LessThanOrEqual

from tollgate.core import sepa
from tollgate.store.models import BankLine, Mandate

NOT_SENT: Final = ("canceled", "rejected")
"""Lines that count as no collection of their mandate: what was refused is sent as the first once more."""
STANDINGS: Final = ("active", "used up", "expired", "ended")
UTC_TODAY: Final = Func(template="(now() AT TIME ZONE 'UTC')::date", output_field=DateField())
_LINES: Final = BankLine.objects.filter(mandate=OuterRef("pk"))
_SENT: Final = _LINES.exclude(state__in=NOT_SENT)
_LAST_ON: Final = Subquery(
    _LINES.exclude(state="canceled").order_by("-run__execute_on").values("run__execute_on")[:1],
    output_field=DateField(),
)
_EXPIRES_ON: Final = Func(
    Greatest(F("signed_on"), Coalesce(_LAST_ON, F("signed_on"))),
    template=f"(%(expressions)s + interval '{sepa.EXPIRES_MONTHS} months')::date",
    output_field=DateField(),
)


def standing_on(today: date | Combinable) -> Case:
    """Which of `STANDINGS` a mandate has on a day."""
    return Case(
        When(Q(status="ended"), then=Value("ended")),
        When(Exists(_SENT.filter(sequence__in=sepa.LAST)), then=Value("used up")),
        When(LessThanOrEqual(_EXPIRES_ON, today), then=Value("expired")),
        default=Value("active"),
        output_field=TextField(),
    )


def with_standing(found: QuerySet[Mandate], today: date) -> QuerySet[Any]:
    """Adds `standing` on a day, `last_on` and `expires_on`, and `collected`: whether a collection was not refused."""
    told: QuerySet[Any] = found.annotate(
        last_on=_LAST_ON, expires_on=_EXPIRES_ON, collected=Exists(_SENT), standing=standing_on(today)
    )
    return told
