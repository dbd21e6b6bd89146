"""Random rates and hard instants for the laws of rating."""

import random
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from tollgate.core.money import Method
from tollgate.core.rates import AtMaximum, Increments, Rate, Rounding, Step, Window

ROUNDINGS = st.builds(
    Rounding, st.integers(0, 6), st.sampled_from(Method), st.sampled_from(Method), st.sampled_from(Increments)
)
PRICES = st.one_of(st.just(0), st.integers(0, 10**9))
SECONDS_OF_DAY = st.sampled_from([0, 1, 3600, 5400, 7200, 9000, 10800, 43_200, 64_800, 86_399])
NANOS = st.one_of(st.just(0), st.integers(0, 2 * 10**9))


@st.composite
def steps(draw: st.DrawFn, shape: tuple[tuple[int, int], ...] | None = None) -> tuple[Step, ...]:
    if shape is None:
        begins = sorted({0, *draw(st.lists(st.integers(1, 200), max_size=3))})
        shape = tuple((begin, draw(st.sampled_from([1, 1, 6, 7, 30, 60]))) for begin in begins)
    per = st.sampled_from([1, 6, 60, 60, 7])
    return tuple(Step(begin, draw(PRICES), draw(per), increment) for begin, increment in shape)


@st.composite
def windows(draw: st.DrawFn, shape: tuple[tuple[int, int], ...] | None = None) -> Window:
    from_s = draw(SECONDS_OF_DAY)
    until_s = draw(st.one_of(st.none(), SECONDS_OF_DAY, st.just(86_400)))
    limits = st.one_of(st.none(), st.just(1), st.just(2))
    from_on = date(2026, 3, 29) if draw(limits) == 1 else None
    return Window(
        steps=draw(steps(shape)),
        connect_fee_nanos=draw(NANOS),
        weekdays=draw(st.one_of(st.none(), st.frozensets(st.integers(1, 7), min_size=1))),
        months=draw(st.one_of(st.none(), st.just(frozenset({3, 10})))),
        month_days=draw(st.one_of(st.none(), st.just(frozenset({1, 29})))),
        from_on=from_on,
        until_on=date(2026, 10, 25) if draw(limits) == 2 else None,
        from_s=from_s,
        until_s=until_s if until_s is None or until_s > from_s else None,
        weight=draw(st.sampled_from([10, 10, 20])),
    )


@st.composite
def rates(draw: st.DrawFn, fewest: int = 1) -> Rate:
    shape = tuple((step.at_s, step.increment_s) for step in draw(steps())) if draw(st.booleans()) else None
    minimum = draw(NANOS)
    return Rate(
        windows=tuple(draw(st.lists(windows(shape), min_size=fewest, max_size=3))),
        rounding=draw(ROUNDINGS),
        zone=draw(st.sampled_from(["UTC", "Europe/Vilnius", "America/New_York"])),
        included_s=draw(st.sampled_from([0, 0, 0, 1, 30])),
        grace_s=draw(st.sampled_from([0, 0, 0, 2, 40])),
        minimum_nanos=minimum,
        maximum_nanos=draw(st.one_of(st.none(), st.integers(minimum, 10**11))),
        at_maximum=draw(st.sampled_from(AtMaximum)),
    )


RATES = rates()
WINDOWED_RATES = rates(fewest=2)

# Midnights, both clock changes in two zones, days on which date limits begin and end.
_NEAR = [
    datetime(2026, 1, 5, 0, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
]
HARD_INSTANTS = st.builds(
    lambda near, shift_s, shift_us: near + timedelta(seconds=shift_s, microseconds=shift_us),
    st.sampled_from(_NEAR),
    st.one_of(st.integers(-200, 20), st.integers(-7200, 7200)),
    st.sampled_from([0, 0, 1, 500_000]),
)
INSTANTS = st.one_of(HARD_INSTANTS, st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)))


def any_rate(chance: random.Random) -> Rate:
    """A rate of one window, without the cost of drawing it from a strategy."""
    begins = sorted({0, *(chance.randrange(1, 300) for _ in range(chance.randrange(3)))})
    ladder = tuple(
        Step(begin, chance.randrange(10**9), chance.choice([1, 60, 60]), chance.choice([1, 6, 30, 60]))
        for begin in begins
    )
    methods = list(Method)
    return Rate(
        windows=(Window(ladder, chance.choice([0, chance.randrange(10**8)])),),
        rounding=Rounding(
            chance.randrange(7), chance.choice(methods), chance.choice(methods), chance.choice(list(Increments))
        ),
        included_s=chance.choice([0, 0, 10]),
        grace_s=chance.choice([0, 0, 2]),
        minimum_nanos=chance.choice([0, 0, 10**7]),
        maximum_nanos=chance.choice([None, None, 10**10]),
        at_maximum=chance.choice(list(AtMaximum)),
    )
