"""The customer's packages: what it holds and when that renews, what is left of free minutes, what was charged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from tollgate.actions.portal_access import Visit
from tollgate.actions.statements import fetch
from tollgate.core.invoice_document import period_text
from tollgate.portal.access import visiting
from tollgate.store.models import CustomerPackage
from tollgate.store.queries.portal import charges_of, packages_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.packages import clock, falls_due, where_to
from tollgate.ui.sources import QuerysetSource

BUNDLES_MOST: Final = 100
KINDS: Final = {
    "package": "Package", "setup": "Setup", "minimum_spend": "Minimum spend", "fee": "Fee", "late_fee": "Late fee",
    "manual": "Other",
}  # fmt: skip
CHARGES: Final = Grid(
    name="charges",
    columns=(
        Column("description", "Charge"),
        Column("kind", "Kind", value=lambda row: KINDS[row.kind], sort="kind", says=True),
        Column("period", "Period", value=lambda row: period_text(row.from_on, row.until_on)),
        Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency", sort="amount_micros"),
        Column(
            "pays", "Paid", value=lambda row: "from the balance" if row.entry_id else "with the next invoice", says=True
        ),
    ),
    filters=(Filter("kind", "Kind", "kind", choices=tuple(KINDS.items())),),
    sort="-id",
    empty_text="Nothing was charged beside calls yet.",
)


@visiting("packages")
def packages(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """What is held, what is left of it, and what it has cost."""
    at = datetime.now(UTC)
    over = Q(next_on=None) & Q(ends_on__lt=at.date())
    held = packages_of(visit.customer).exclude(over).order_by("package__name", "id")
    source = QuerysetSource(queryset=charges_of(visit.customer), search=("description__icontains",))
    return respond(
        request,
        CHARGES,
        source,
        template="portal/packages.html",
        title="Packages",
        held=[_told(row) for row in held],
        bundles=_bundles(visit, at),
    )


def _told(row: CustomerPackage) -> dict[str, Any]:
    package = row.package
    return {
        "row": row,
        "due": falls_due(package),
        "price_micros": package.retail_nanos * row.quantity // 1000,
        "least": package.minimum_spend,
        "minutes": f"{row.minutes or package.minutes} min to {where_to(package.prefixes)}" if package.minutes else "",
    }


def _bundles(visit: Visit, at: datetime) -> list[dict[str, Any]]:
    """The free minutes that may still be used, those that end first at the top."""
    found = fetch("packages", "minutes_of_customer", visit.customer.pk, BUNDLES_MOST)
    left = [row for row in found if row["ends_at"] is None or row["ends_at"] > at]
    left.sort(key=lambda row: (row["ends_at"] is None, row["ends_at"] or at, row["id"]))
    return [
        {
            **row,
            "to": where_to(row["prefixes"]),
            "begun": row["starts_at"] <= at,
            **{f"{name}_shown": clock(row[f"{name}_s"]) for name in ("granted", "used", "held", "left")},
        }
        for row in left
    ]


urlpatterns = [path("packages/", packages, name="packages")]
