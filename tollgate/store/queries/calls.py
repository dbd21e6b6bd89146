"""Live calls of an account, and the sums of a list of CDRs (call_search.py, call_sums.py).

Amounts of different currencies are never added: `folded` gives one line per ISO code. To add a measure, add it to
`Sums` and `folded`, and to those two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import BigIntegerField, QuerySet
from django.db.models.expressions import RawSQL

from tollgate.core.calls import read_plan
from tollgate.store.models import Account, Call


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


def folded(groups: Iterable[Mapping[str, object]]) -> list[Sums]:
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
