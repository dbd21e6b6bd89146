"""Alerts: when one fires, is told again, and is armed again. Pure: figures come in, what to do goes out.

armed -> fired (tell, penalty) -> told again each interval while it holds -> armed once the figure is past the reset.
Minutes count from the last telling; days are those of a clock on the wall, at one hour, whatever was late or missed.
A figure nobody can know (no calls in the sample) changes nothing. To add an area: its line in `AREAS`, and its figure
in `actions.alert_figures`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from tollgate.core.money import Method, divide, format_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One figure: its name, its unit ("" is a number, "money" the currency), whose it may be, how it is taken."""

    title: str
    unit: str
    customers: bool = True
    carriers: bool = True
    sampled: bool = False


AREAS: Final[Mapping[str, Area]] = {
    "balance": Area(title="Balance", unit="money"),
    "asr": Area(title="ASR", unit="%", sampled=True),
    "acd": Area(title="ACD", unit="s", sampled=True),
    "pdd": Area(title="PDD", unit="s", sampled=True),
    "cps": Area(title="CPS", unit="/s", sampled=True),
    "channels": Area(title="Channels", unit=""),
    "failovers": Area(title="Consecutive failovers", unit="", customers=False, sampled=True),
    "change": Area(title="Change of an endpoint", unit="", carriers=False),
}
ALWAYS: Final = "always"
MEASURED: Final = frozenset({"%", "s"})
"""Units of figures that are averages and shares: they seldom come out even."""
TENTH_MICROS: Final = 100_000
COMPARED: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDay:
    """Told again each so many days after the one on which it fired, at a full hour of the clock."""

    days: int
    hour: int

    def last_before(self, at: datetime, fired_at: datetime, zone: tzinfo) -> datetime | None:
        """The last moment until `at` at which it was to be told again, in UTC; None before the first.

        An hour that the clock leaves out comes when it has gone forward, one that it shows twice the first time.
        """
        fired_on = fired_at.astimezone(zone).date()
        turns = (at.astimezone(zone).date() - fired_on).days // self.days
        due_at = self._moment(fired_on, turns, zone)
        if due_at > at:
            turns -= 1
            due_at = self._moment(fired_on, turns, zone)
        return due_at if turns > 0 else None

    def _moment(self, fired_on: date, turns: int, zone: tzinfo) -> datetime:
        return datetime.combine(fired_on + timedelta(days=turns * self.days), time(self.hour), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alert fires and when it is armed again; thresholds in millionths of the area's unit."""

    operator: str
    threshold_micros: int
    reset_micros: int | None
    repeat: timedelta | ByDay | None

    def holds(self, value_micros: int) -> bool:
        """Whether the figure is one that fires."""
        if self.operator == ALWAYS:
            return True
        return COMPARED[self.operator](value_micros, self.threshold_micros)

    def is_past_reset(self, value_micros: int) -> bool:
        """Whether the figure is beyond the reset (without one: the threshold), on the side that does not fire."""
        if self.holds(value_micros):
            return False
        reset = self.reset_micros
        if reset is None or self.operator == "=":
            return True
        return value_micros > reset if self.operator in ("<", "<=") else value_micros < reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where an alert stands: since when it has fired (None while armed), and when it was told last."""

    fired_at: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens now: `fired`, `repeated`, `cleared` or nothing (""), and where the alert stands then."""

    kind: str
    stand: Stand


def decide(rule: Rule, stand: Stand, value_micros: int | None, at: datetime, *, zone: tzinfo = UTC) -> Move:
    """The next move for a figure of this moment; None is a figure that cannot be known. Days are those of `zone`."""
    if value_micros is None:
        return Move(kind="", stand=stand)
    if stand.fired_at is None:
        if rule.holds(value_micros):
            return Move(kind="fired", stand=Stand(fired_at=at, told_at=at))
        return Move(kind="", stand=stand)
    if rule.is_past_reset(value_micros):
        return Move(kind="cleared", stand=Stand())
    told_at = stand.told_at or stand.fired_at
    if rule.holds(value_micros) and _is_due_again(rule.repeat, stand.fired_at, told_at, at, zone):
        return Move(kind="repeated", stand=Stand(fired_at=stand.fired_at, told_at=at))
    return Move(kind="", stand=stand)


def _is_due_again(
    repeat: timedelta | ByDay | None, fired_at: datetime, told_at: datetime, at: datetime, zone: tzinfo
) -> bool:
    match repeat:
        case None:
            return False
        case timedelta():
            return at >= told_at + repeat
        case ByDay():
            due_at = repeat.last_before(at, fired_at, zone)
            return due_at is not None and told_at < due_at


def reset_fits(rule: Rule) -> bool:
    """Whether the reset lies on the far side of the threshold: `< 30` is armed again at 31, not at 29."""
    if rule.reset_micros is None or rule.operator in (ALWAYS, "="):
        return rule.reset_micros is None
    if rule.operator in ("<", "<="):
        return rule.reset_micros >= rule.threshold_micros
    return rule.reset_micros <= rule.threshold_micros


def shown(area: str, value_micros: int | None, currency: str = "") -> str:
    """A figure as people read it: measured ones to a tenth, halves up."""
    if value_micros is None:
        return "unknown"
    unit = AREAS[area].unit
    if unit == "money":
        return f"{format_micros(value_micros, 2)} {currency}".strip()
    if unit in MEASURED:
        value_micros = divide(value_micros, TENTH_MICROS, Method.half_up) * TENTH_MICROS
    return _with_unit(area, value_micros)


def condition(area: str, rule: Rule, currency: str = "") -> str:
    """What an alert watches for, as people read it."""
    if area == "change":
        return "any change"
    if rule.operator == ALWAYS:
        return "always"
    threshold = rule.threshold_micros
    exact = shown(area, threshold, currency) if AREAS[area].unit == "money" else _with_unit(area, threshold)
    return f"{rule.operator} {exact}"


def _with_unit(area: str, value_micros: int) -> str:
    unit, number = AREAS[area].unit, format_micros(value_micros)
    return number + (unit if unit in ("%", "/s", "") else f" {unit}")
