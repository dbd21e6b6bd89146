"""Questions about packages that customers hold now, on the day it is for their bills."""

from __future__ import annotations

from typing import Final

from django.db.models import CharField, DateField, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from tollgate.store.models import CustomerPackage

_ZONE: Final = Coalesce(
    NullIf(F("customer__billing_zone"), Value("")), NullIf(F("customer__zone"), Value("")), F("customer__account__zone")
)
TODAY: Final = Func(_ZONE, template="(now() AT TIME ZONE (%(expressions)s))::date", output_field=DateField())
"""The day it is for the bills of who holds a package."""


def recording_held() -> QuerySet[CustomerPackage]:
    """Of a customer of an outer query: the packages that have its calls recorded today. None where the account records
    nothing."""
    return CustomerPackage.objects.annotate(today=TODAY).filter(
        Q(ends_on=None) | Q(ends_on__gte=F("today")),
        customer=OuterRef("pk"),
        customer__account__recording=True,
        package__feature="recording",
        did_number="",
        starts_on__lte=F("today"),
    )


def recording_package() -> Subquery:
    """The name of the first of them; null without any."""
    return Subquery(recording_held().order_by("pk").values("package__name")[:1], output_field=CharField(null=True))
