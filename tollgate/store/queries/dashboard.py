"""The state of an account's traffic now and today, for the dashboard and whoever else asks.

Ratios are computed from totals, never averaged. To add a figure: a column in `store/sql/panel_dashboard.sql`, its field
here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tollgate.store.models import Account, Edge
from tollgate.store.queries.statements import rows

FILE = "panel_dashboard"
CPS_OVER_S = 60
SERIES_STEP_S = 300
SERIES_SPAN_S = 86_400
EDGE_SILENT_S = 90
WAITED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of some kind: how many were tried, refused and answered, and how long they talked."""

    attempts: int
    refused: int
    answered: int
    duration_ms: int

    @property
    def carried(self) -> int:
        """Attempts that we let through; a call we refuse says nothing about the network."""
        return self.attempts - self.refused

    @property
    def asr_percent(self) -> Decimal | None:
        """Answered among the carried, to one decimal; None without any."""
        return ratio(self.answered * 100, self.carried, places=1)

    @property
    def acd_s(self) -> int | None:
        """Average seconds of an answered call; None without any."""
        seconds = ratio(self.duration_ms, self.answered * 1000, places=0)
        return None if seconds is None else int(seconds)


@dataclass(frozen=True, slots=True)
class Spend:
    """Today's money in one currency: what callers spent, and who got it; `resale_micros` is the resellers' part."""

    currency: str
    cost_micros: int
    carrier_cost_micros: int
    profit_micros: int
    resale_micros: int


@dataclass(frozen=True, slots=True)
class CarrierHealth:
    """One carrier now and today."""

    id: int
    name: str
    status: str
    channels: int
    channels_max: int
    gateway_count: int
    traffic: Traffic
    pdd_ms: int | None


@dataclass(frozen=True, slots=True)
class EdgeHealth:
    """One switch node and when it last spoke to us."""

    id: int
    name: str
    kind: str
    enabled: bool
    last_seen_at: datetime | None
    heard: bool


@dataclass(frozen=True, slots=True)
class Now:
    """Everything that changes every few seconds."""

    live: int
    talking: int
    channels_max: int
    cps: Decimal
    cps_max_milli: int
    today: Traffic
    spends: tuple[Spend, ...]
    refusals: tuple[tuple[str, int], ...]
    carriers: tuple[CarrierHealth, ...]
    edges: tuple[EdgeHealth, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The last 24 hours in steps of five minutes; `times` are epoch seconds."""

    times: tuple[int, ...]
    attempts: tuple[int, ...]
    answered: tuple[int, ...]


def waiting(account: Account, at: datetime) -> dict[str, int]:
    """How much of each kind waits for a person, in one query; what was in vain is told for a month."""
    found: dict[str, int] = rows(FILE, "waiting", account.pk, at - WAITED)[0]._asdict()
    return found


def now(account: Account, at: datetime) -> Now:
    """The state at a moment, in four queries."""
    live = rows(FILE, "live", account.pk, at - timedelta(seconds=CPS_OVER_S))[0]
    today = rows(FILE, "today", account.pk, day_from(at))
    whole = next(row for row in today if row.part == "all")
    refusals = [(str(row.refusal), int(row.attempts)) for row in today if row.part == "refusal" and row.refusal]
    cps = ratio(live.begun, CPS_OVER_S, places=1)
    assert cps is not None
    return Now(
        live=live.live,
        talking=live.talking,
        channels_max=live.channels_max or 0,
        cps=cps,
        cps_max_milli=live.cps_max_milli or 0,
        today=_traffic(whole),
        spends=tuple(
            Spend(row.currency, row.cost_micros, row.carrier_cost_micros, row.profit_micros, row.resale_micros)
            for row in sorted((r for r in today if r.part == "currency" and r.currency), key=lambda r: str(r.currency))
        ),
        refusals=tuple(sorted(refusals, key=lambda pair: (-pair[1], pair[0]))),
        carriers=_carriers(account, {row.carrier_id: row for row in today if row.part == "carrier"}),
        edges=_edges(account, at),
    )


def series(account: Account, at: datetime) -> Series:
    """The last 24 hours, in one query; steps without calls are zero."""
    until_s = int(at.timestamp()) // SERIES_STEP_S * SERIES_STEP_S
    times = tuple(range(until_s - SERIES_SPAN_S, until_s + SERIES_STEP_S, SERIES_STEP_S))
    found = {
        int(row.at.timestamp()): (int(row.attempts), int(row.answered))
        for row in rows(FILE, "series", account.pk, datetime.fromtimestamp(times[0], UTC))
    }
    pairs = [found.get(moment, (0, 0)) for moment in times]
    return Series(times, tuple(attempts for attempts, _ in pairs), tuple(answered for _, answered in pairs))


def day_from(at: datetime) -> datetime:
    """The UTC midnight before a moment."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _carriers(account: Account, today: dict[int | None, object]) -> tuple[CarrierHealth, ...]:
    return tuple(
        CarrierHealth(
            row.id,
            row.name,
            row.status,
            row.channels,
            row.channels_max,
            row.gateways,
            _traffic(today.get(row.id)),
            getattr(today.get(row.id), "pdd_ms", None),
        )
        for row in rows(FILE, "carriers", account.pk)
    )


def _edges(account: Account, at: datetime) -> tuple[EdgeHealth, ...]:
    silent_since = at - timedelta(seconds=EDGE_SILENT_S)
    return tuple(
        EdgeHealth(
            edge.pk,
            edge.name,
            edge.kind,
            edge.enabled,
            edge.last_seen_at,
            edge.last_seen_at is not None and edge.last_seen_at >= silent_since,
        )
        for edge in Edge.objects.filter(account=account).order_by("name")
    )


def _traffic(row: object | None) -> Traffic:
    names = ("attempts", "refused", "answered", "duration_ms")
    return Traffic(*(int(getattr(row, name, 0)) for name in names))


def ratio(numerator: int, denominator: int, *, places: int) -> Decimal | None:
    if denominator == 0:
        return None
    return (Decimal(numerator) / denominator).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
