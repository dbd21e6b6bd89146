"""Why a call cost what it cost, in data: each line says what it did and how many nanos it added.

Public through `tollgate.core.rates`. The lines of an explanation always sum to the charge. To explain a new property of
a price, add a kind and a line here, in the order in which the property is applied.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction

from tollgate.core.money import divide, round_nanos
from tollgate.core.rates_engine import SECOND, parts, window_at
from tollgate.core.rates_model import AtMaximum, Rate


class LineKind(StrEnum):
    """What a line of an explanation is about."""

    duration = "duration"  # to_s: the duration rounded to whole seconds
    zero_call = "zero_call"  # an answered call of zero seconds bills its first increment
    grace = "grace"  # within the grace of to_s seconds: free
    included = "included"  # seconds from_s to to_s of the call cost no more than the connect fee
    connect_fee = "connect_fee"
    step = "step"  # billed seconds from_s to to_s at price_nanos per per_s, in increments of increment_s
    minimum = "minimum"
    maximum = "maximum"
    rounding = "rounding"


@dataclass(frozen=True, slots=True)
class Line:
    """One contribution; `window` is the index of the window it comes from, `amount_nanos` exact."""

    kind: LineKind
    amount_nanos: Fraction = Fraction(0)
    window: int | None = None
    from_s: int = 0
    to_s: int = 0
    price_nanos: int = 0
    per_s: int = 0
    increment_s: int = 0


@dataclass(frozen=True, slots=True)
class Explained:
    """A charge and its reasons: `exact_nanos` before rounding, `billed_s` after growing to increments."""

    cost_micros: int
    billed_s: int
    exact_nanos: Fraction
    duration_ms: int
    lines: tuple[Line, ...]


def explain(rate: Rate, answered_at: datetime, duration_ms: int) -> Explained:
    """The same charge as `cost_micros`, derived step by step from the rate itself."""
    duration_s = divide(duration_ms, 1000, rate.rounding.duration)
    lines = [Line(LineKind.duration, to_s=duration_s)]
    if rate.grace_s and duration_s <= rate.grace_s:
        lines.append(Line(LineKind.grace, to_s=rate.grace_s))
        return Explained(0, 0, Fraction(0), duration_ms, tuple(lines))
    if duration_s == 0:
        lines.append(Line(LineKind.zero_call, to_s=1))
    talk_s = max(duration_s, 1)
    if rate.included_s:
        lines.append(Line(LineKind.included, to_s=min(talk_s, rate.included_s)))
    first = window_at(rate, answered_at) or 0
    fee = rate.windows[first].connect_fee_nanos
    if fee:
        lines.append(Line(LineKind.connect_fee, Fraction(fee), first))
    steps = _step_lines(rate, answered_at, talk_s - rate.included_s)
    lines += steps
    lines += _limit_lines(rate, _total(lines))
    exact = _total(lines)
    rounding = rate.rounding
    cost = round_nanos(exact.numerator, exact.denominator, precision=rounding.precision, method=rounding.method)
    if cost * 1000 != exact:
        lines.append(Line(LineKind.rounding, cost * 1000 - exact))
    return Explained(cost, steps[-1].to_s if steps else 0, exact, duration_ms, tuple(lines))


def _step_lines(rate: Rate, answered_at: datetime, usage_s: int) -> list[Line]:
    """One line for each run of billed seconds at the same step of the same window."""
    lines: list[Line] = []
    if usage_s <= 0:
        return lines
    for part in parts(rate, answered_at.astimezone(UTC) + rate.included_s * SECOND, usage_s):
        step = part.step
        line = Line(
            LineKind.step,
            Fraction((part.to_s - part.from_s) * step.price_nanos, step.per_s),
            part.window,
            part.from_s,
            part.to_s,
            step.price_nanos,
            step.per_s,
            step.increment_s,
        )
        lines.append(line)
    return lines


def _limit_lines(rate: Rate, exact: Fraction) -> list[Line]:
    if exact < rate.minimum_nanos:
        return [Line(LineKind.minimum, rate.minimum_nanos - exact)]
    free = rate.at_maximum is AtMaximum.free
    if free and rate.maximum_nanos is not None and exact > rate.maximum_nanos:
        return [Line(LineKind.maximum, rate.maximum_nanos - exact)]
    return []


def _total(lines: list[Line]) -> Fraction:
    return sum((line.amount_nanos for line in lines), Fraction(0))
