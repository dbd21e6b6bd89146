"""Live calls and CDRs of an account, and the sums of a list of CDRs.

Amounts of different currencies are never added: `sums` gives one line per ISO code. To add a measure, add it to
`Sums` and to the aggregate in `sums`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from tollgate.core.calls import read_plan
from tollgate.store.models import CDR, Account, Call
from tollgate.store.queries.call_sums import by_summaries


@dataclass(slots=True)
class Sums:
    """What a list of CDRs adds up to in one currency; calls that were never priced have none ("")."""

    currency: str
    attempts: int = 0
    connected: int = 0
    duration_ms: int = 0
    billed_s: int = 0
    cost_micros: int = 0
    carrier_cost_micros: int = 0
    profit_micros: int = 0

    @property
    def duration_s(self) -> int:
        """Whole seconds of talk."""
        return self.duration_ms // 1000


def live_calls(account: Account) -> QuerySet[Call]:
    """Live calls with their customer; `held_micros` is what is held of that customer's money."""
    held = RawSQL('"call"."held_micros"[1]', (), output_field=BigIntegerField())
    return Call.objects.filter(account=account).select_related("customer").annotate(held_micros=held)


def gateway_of(call: Call) -> str:
    """The carrier and gateway that a live call uses or tries first, such as "Cirrus / west"."""
    routes = read_plan(call.plan).routes
    place = call.route_index or 0
    return f"{routes[place].carrier} / {routes[place].gateway}" if place < len(routes) else ""


def cdrs(account: Account) -> QuerySet[CDR]:
    """The CDRs of an account with the names they refer to; the wide `detail` stays in the database."""
    related = ("customer", "carrier", "gateway", "ingress_route")
    return CDR.objects.filter(account=account).select_related(*related).defer("detail")


def sums(found: QuerySet[CDR]) -> list[Sums]:
    """The totals of those CDRs, one line per currency, in one query."""
    groups = (
        found.order_by()
        .values("currency", "carrier_currency")
        .annotate(
            attempts=Count("id"),
            connected=Count("id", filter=Q(answered_at__isnull=False)),
            duration_total=Sum("duration_ms"),
            billed_total=Sum("billed_s"),
            cost_total=Sum("cost_micros"),
            carrier_cost_total=Sum("carrier_cost_micros"),
            profit_total=Sum("profit_micros"),
        )
    )
    return _folded(groups)


def quick_sums(
    account: Account, found: QuerySet[CDR], filters: Mapping[str, Any], *, within: frozenset[int] | None, at: datetime
) -> list[Sums]:
    """The same, of the account's CDRs by these filters: by the summaries where they can tell, else one by one."""
    groups = by_summaries(account, filters, within, at)
    return sums(found.filter(**filters)) if groups is None else _folded(groups)


def _folded(groups: Iterable[Mapping[str, object]]) -> list[Sums]:
    """One line per code: a carrier's cost goes to the line of its own currency."""
    lines: dict[str, Sums] = {}
    for group in groups:
        line = lines.setdefault(str(group["currency"] or ""), Sums(str(group["currency"] or "")))
        line.attempts += _whole(group["attempts"])
        line.connected += _whole(group["connected"])
        line.duration_ms += _whole(group["duration_total"])
        line.billed_s += _whole(group["billed_total"])
        line.cost_micros += _whole(group["cost_total"])
        line.profit_micros += _whole(group["profit_total"])
        code = str(group["carrier_currency"] or group["currency"] or "")
        lines.setdefault(code, Sums(code)).carrier_cost_micros += _whole(group["carrier_cost_total"])
    return sorted(lines.values(), key=lambda line: line.currency)


def _whole(value: object) -> int:
    return int(str(value)) if value is not None else 0
