"""The rate: frozen records of everything a price of a call can depend on, checked when they are made.

Public through `tollgate.core.rates`. To add a property of a price, add a field here with its check, obey it in
`rates_engine` (and in `rates_grants`, when it moves the cost up), show it in `rates_explain` and carry it in
`rates_json`.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from tollgate.core.hours import ZoneUnknown, zone_info
from tollgate.core.money import Method

DAY_S = 86_400


class RateInvalid(ValueError):
    """A rate that cannot be. `path` names the bad field, such as "windows[0].steps[1].per_s"."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path = path
        self.sentence = sentence


def _require(holds: bool, path: str, sentence: str) -> None:
    if not holds:
        raise RateInvalid(path, sentence)


def _require_members(members: frozenset[int] | None, most: int, path: str) -> None:
    if members is not None:
        _require(bool(members), path, "must not be empty: leave it out for every one.")
        _require(all(1 <= member <= most for member in members), path, f"must be numbers from 1 to {most}.")


class Increments(StrEnum):
    """What is grown to whole increments.

    `initial_then_increment`: each step's usage, counted from where the step begins to bill (10/6, 11 s -> 16 s).
    `whole_to_increment`: the usage counted from the start of the call (10/6, 11 s -> 12 s).
    """

    initial_then_increment = "initial_then_increment"
    whole_to_increment = "whole_to_increment"


class AtMaximum(StrEnum):
    """At the maximum cost the rest of the call is `free`, or the call is not granted any further: `disconnect`."""

    free = "free"
    disconnect = "disconnect"


@dataclass(frozen=True, slots=True)
class Rounding:
    """The card's roundings: of the duration to whole seconds, then once of the charge, to `precision` decimals."""

    precision: int = 4
    method: Method = Method.up
    duration: Method = Method.up
    increments: Increments = Increments.initial_then_increment

    def __post_init__(self) -> None:
        _require(0 <= self.precision <= 6, "precision", "must be 0 to 6 decimals.")


USUAL = Rounding()


@dataclass(frozen=True, slots=True)
class Step:
    """From `at_s` seconds of billed time: `price_nanos` per `per_s` seconds, in whole increments."""

    at_s: int
    price_nanos: int
    per_s: int = 60
    increment_s: int = 1

    def __post_init__(self) -> None:
        _require(self.at_s >= 0, "at_s", "must not be negative.")
        _require(self.price_nanos >= 0, "price_nanos", "must not be negative.")
        _require(self.per_s >= 1, "per_s", "must be at least 1.")
        _require(self.increment_s >= 1, "increment_s", "must be at least 1.")


@dataclass(frozen=True, slots=True)
class Window:
    """Prices, and when they are in force by the wall clock of the rate's zone; None means without limit.

    Weekdays are ISO (1 = Monday); `until_on` is the last day, included; `until_s` is excluded and None is midnight. At
    any instant the window in force is the matching one of highest weight, then of latest `from_s`, then listed first.
    """

    steps: tuple[Step, ...]
    connect_fee_nanos: int = 0
    weekdays: frozenset[int] | None = None
    months: frozenset[int] | None = None
    month_days: frozenset[int] | None = None
    from_on: date | None = None
    until_on: date | None = None
    from_s: int = 0
    until_s: int | None = None
    weight: int = 10

    def __post_init__(self) -> None:
        _require(bool(self.steps), "steps", "needs at least one step.")
        _require(self.steps[0].at_s == 0, "steps[0].at_s", "the first step must begin at 0.")
        for number in range(1, len(self.steps)):
            later = self.steps[number].at_s > self.steps[number - 1].at_s
            _require(later, f"steps[{number}].at_s", "must be later than the step before.")
        _require(self.connect_fee_nanos >= 0, "connect_fee_nanos", "must not be negative.")
        _require_members(self.weekdays, 7, "weekdays")
        _require_members(self.months, 12, "months")
        _require_members(self.month_days, 31, "month_days")
        ordered = self.from_on is None or self.until_on is None or self.from_on <= self.until_on
        _require(ordered, "until_on", "must not be before from_on.")
        _require(0 <= self.from_s < DAY_S, "from_s", "must be a second of the day, 0 to 86399.")
        ends = self.until_s is None or self.from_s < self.until_s <= DAY_S
        _require(ends, "until_s", "must be after from_s and at most 86400; past midnight takes a second window.")


Segment = tuple[int, int, int, int, int]  # begins at, increment, origin of the increments, unit price, cost before it
Plan = tuple[int, tuple[Segment, ...]]  # connect fee, segments with the last one first
Numbers = tuple[int, int, int, Plan | None, int, int | None, int, int, int]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rate as plain integers, made by `rates_engine.compiled` at the first use.

    Amounts are counted in nanos / `denominator`. `numbers` is what the hot path unpacks: duration bias, grace (-1 for
    none), included seconds, the plan when one window rates everything, minimum, cap, rounding bias, rounding unit,
    micros per rounded unit.
    """

    numbers: Numbers
    denominator: int
    plans: tuple[Plan, ...]
    by_priority: tuple[int, ...]
    boundaries_s: tuple[int, ...]
    worst_plans: dict[tuple[int, ...], Plan]
    always: int | None  # the window in force at every instant, when there is one
    free: bool  # no call can ever cost anything
    minute_nanos: tuple[int, ...]  # the dearest minute of each window, rounded up
    costs: dict[int, int]  # duration in ms -> cost in micros, of durations that are asked for again and again
    slices: dict[int, tuple[int, int]]  # normal seconds -> first slice and its hold, where no window matters


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a call to one destination, whole. What no window covers is rated by the window listed first.

    Calls of at most `grace_s` cost nothing at all. The first `included_s` cost no more than the connect fee; steps
    begin to count after them. Minimum and maximum concern the whole cost of a charged call, before rounding.
    """

    windows: tuple[Window, ...]
    rounding: Rounding = USUAL
    zone: str = "UTC"
    included_s: int = 0
    grace_s: int = 0
    minimum_nanos: int = 0
    maximum_nanos: int | None = None
    at_maximum: AtMaximum = AtMaximum.free
    compiled: Compiled | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require(bool(self.windows), "windows", "needs at least one window.")
        try:
            zone_info(self.zone)
        except ZoneUnknown as unknown:
            raise RateInvalid("zone", str(unknown)) from unknown
        _require(self.included_s >= 0, "included_s", "must not be negative.")
        _require(self.grace_s >= 0, "grace_s", "must not be negative.")
        _require(self.minimum_nanos >= 0, "minimum_nanos", "must not be negative.")
        fits = self.maximum_nanos is None or self.maximum_nanos >= self.minimum_nanos
        _require(fits, "maximum_nanos", "must not be below the minimum.")


def simple(
    *,
    price_nanos: int,
    connect_fee_nanos: int = 0,
    initial_s: int = 1,
    increment_s: int = 1,
    per_s: int = 60,
    rounding: Rounding = USUAL,
    included_s: int = 0,
    grace_s: int = 0,
    minimum_nanos: int = 0,
    maximum_nanos: int | None = None,
    at_maximum: AtMaximum = AtMaximum.free,
) -> Rate:
    """The common case: one price all week, billed at least `initial_s` seconds (MCD), then by `increment_s` (pulse)."""
    _require(initial_s >= 0, "initial_s", "must not be negative.")
    _require(increment_s >= 1, "increment_s", "must be at least 1.")
    first = Step(0, price_nanos, per_s, initial_s or increment_s)
    steps = (first,) if first.increment_s == increment_s else (first, Step(initial_s, price_nanos, per_s, increment_s))
    return Rate(
        windows=(Window(steps, connect_fee_nanos),),
        rounding=rounding,
        included_s=included_s,
        grace_s=grace_s,
        minimum_nanos=minimum_nanos,
        maximum_nanos=maximum_nanos,
        at_maximum=at_maximum,
    )
