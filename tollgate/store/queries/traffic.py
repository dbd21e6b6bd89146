"""What one customer's calls came to, by hour and by day, by route and reason, and how many there were at once.

All of it is read from the summaries (store/sql/schema_outcomes.sql); only what begins now is counted. To show another
figure, add it to `core.traffic.Outcome` and to the statements in `store/sql/summaries.sql`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from tollgate.core.summaries import Span, Totals, beginning, following
from tollgate.core.traffic import MEASURES, Outcome, by_day, days_until, hours_until, since, summed
from tollgate.store.models import CDR, Call, Carrier, Customer, IngressRoute
from tollgate.store.queries.dashboard import ratio
from tollgate.store.queries.statements import rows
from tollgate.store.queries.summaries import of_customer

FILE: Final = "summaries"
CPS_OVER_S: Final = 60
LATEST_MOST: Final = 100
LATEST_DAYS: Final = 31
ROUTE_SPANS: Final[Mapping[str, int]] = {"hour": 2, "day": 24, "week": 168}
"""How many UTC hours each span of the route statistics has, the one that holds the instant among them."""


@dataclass(frozen=True, slots=True)
class Period:
    """What the calls of a period came to, what they cost, why others were refused, and the most at once."""

    outcome: Outcome
    totals: Totals
    refusals: tuple[tuple[str, int], ...]
    channels_most: int
    cps_most: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """One customer's traffic: the last 24 hours and 30 days, and both hour by hour and day by day."""

    hours: list[datetime]
    days: list[date]
    of_hours: Period
    of_days: Period
    attempts_by_hour: list[int]
    connected_by_hour: list[int]
    channels_by_hour: list[int]
    cps_by_hour: list[int]
    attempts_by_day: list[int]
    connected_by_day: list[int]
    talked_s_by_day: list[int]


@dataclass(frozen=True, slots=True)
class RouteLine:
    """What the attempts by one ingress route came to, of one carrier or of all; either may be none."""

    route: IngressRoute | None
    carrier: Carrier | None
    outcome: Outcome

    @property
    def id(self) -> str:
        """What tells it from the others."""
        return f"{self.route.pk if self.route else 0}-{self.carrier.pk if self.carrier else 0}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a customer: a live call, or the record of one that ended or was refused."""

    call: Call | CDR

    @property
    def id(self) -> int:
        """The id of the call."""
        return self.call.pk

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return self.call.authorized_at if isinstance(self.call, Call) else self.call.started_at

    @property
    def record(self) -> CDR | None:
        """Its record; none while it lives."""
        return None if isinstance(self.call, Call) else self.call


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is asked of a customer, by the hour."""

    outcomes: Mapping[datetime, Outcome]
    refusals: Mapping[datetime, Counter[str]]
    totals: Mapping[datetime, Totals]
    peaks: Mapping[datetime, Any]

    def period(self, hours: Collection[datetime]) -> Period:
        """What some hours come to."""
        refusals: Counter[str] = sum((self.refusals[at] for at in hours if at in self.refusals), Counter())
        peaks = [self.peaks[at] for at in hours if at in self.peaks]
        return Period(
            summed(self.outcomes[at] for at in hours if at in self.outcomes),
            sum((self.totals[at] for at in hours if at in self.totals), Totals()),
            tuple(sorted(refusals.items(), key=lambda pair: (-pair[1], pair[0]))),
            max((peak.channels for peak in peaks), default=0),
            max((peak.cps for peak in peaks), default=0),
        )


def traffic(customer: Customer, zone: ZoneInfo, at: datetime) -> Traffic:
    """The customer's traffic as of a moment, its days those of a zone; in three queries."""
    hours, days = hours_until(at), days_until(at, zone)
    known = _known(customer, since(days, zone), following(hours[-1], Span.HOUR))
    every = known.outcomes.keys() | known.totals.keys() | known.peaks.keys()
    attempts = {hour_at: found.attempts for hour_at, found in known.outcomes.items()}
    connected = {hour_at: found.connected for hour_at, found in known.outcomes.items()}
    talked = {hour_at: found.duration_ms for hour_at, found in known.outcomes.items()}
    return Traffic(
        hours,
        days,
        known.period(hours),
        known.period(every),
        [attempts.get(hour_at, 0) for hour_at in hours],
        [connected.get(hour_at, 0) for hour_at in hours],
        [known.peaks[hour_at].channels if hour_at in known.peaks else 0 for hour_at in hours],
        [known.peaks[hour_at].cps if hour_at in known.peaks else 0 for hour_at in hours],
        by_day(attempts, days, zone),
        by_day(connected, days, zone),
        [duration_ms // 1000 for duration_ms in by_day(talked, days, zone)],
    )


def cps_now(customer: Customer, at: datetime) -> Decimal:
    """New calls per second, over the last minute."""
    begun = rows(FILE, "begun_by_customer", customer.account_id, customer.pk, at - timedelta(seconds=CPS_OVER_S))[0]
    found = ratio(begun.begun, CPS_OVER_S, places=1)
    assert found is not None
    return found


def by_route(customer: Customer, span: str, at: datetime, *, bought: bool) -> list[RouteLine]:
    """What the attempts of a span came to by ingress route and, where carriers may be told, by carrier."""
    from_at, until_at = route_period(span, at)
    found = rows(FILE, "outcomes_of_routes", customer.account_id, customer.pk, from_at, until_at, bought)
    routes = IngressRoute.objects.in_bulk({row.ingress_route_id for row in found} - {None})
    carriers = Carrier.objects.in_bulk({row.carrier_id for row in found} - {None})
    return [
        RouteLine(
            routes.get(row.ingress_route_id),
            carriers.get(row.carrier_id),
            Outcome(**{name: getattr(row, name) for name in MEASURES}),
        )
        for row in found
    ]


def route_period(span: str, at: datetime) -> tuple[datetime, datetime]:
    """The whole UTC hours of a span of `ROUTE_SPANS`."""
    until_at = following(beginning(at, Span.HOUR), Span.HOUR)
    return following(until_at, Span.HOUR, -ROUTE_SPANS[span]), until_at


def latest(customer: Customer, at: datetime) -> list[Attempt]:
    """The customer's last attempts, the newest first: those that live, and those that ended or were refused within a
    month."""
    live = Call.objects.filter(account=customer.account_id, customer=customer).order_by("-authorized_at", "-id")
    ended = CDR.objects.filter(
        account=customer.account_id, customer=customer, started_at__gte=at - timedelta(days=LATEST_DAYS)
    ).order_by("-started_at", "-id")
    records = ended.select_related("carrier").defer("detail")
    both = [Attempt(call) for call in live[:LATEST_MOST]] + [Attempt(call) for call in records[:LATEST_MOST]]
    return sorted(both, key=lambda attempt: (attempt.started_at, attempt.id), reverse=True)[:LATEST_MOST]


def _known(customer: Customer, from_at: datetime, until_at: datetime) -> _Known:
    whose = (customer.account_id, customer.pk, from_at, until_at)
    outcomes: defaultdict[datetime, Outcome] = defaultdict(Outcome)
    refusals: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for row in rows(FILE, "outcomes_of_customer", *whose):
        refused = row.attempts if row.refusal else 0
        told = {name: getattr(row, name) for name in MEASURES if name != "refused"}
        outcomes[row.hour_at] += Outcome(refused=refused, **told)
        refusals[row.hour_at].update({row.refusal: refused} if row.refusal else {})
    sums = of_customer(customer, Span.HOUR, from_at, until_at)
    peaks = {row.hour_at: row for row in rows(FILE, "peaks_of_customer", *whose)}
    return _Known(outcomes, refusals, {one.begun_at: one.totals for one in sums}, peaks)
