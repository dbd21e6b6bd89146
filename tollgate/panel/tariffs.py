"""A rate in words: when which price holds, what a call costs at least and at most. For the pages of cards.

To tell a new property of a rate, add its words to `_pieces`, in the order in which it is applied.
"""

from collections.abc import Iterable, Iterator

from tollgate.core.money import format_nanos
from tollgate.core.rates import AtMaximum, Rate, Step, Window
from tollgate.ui.words import AsIs, as_is, figure, told, worded

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_S = 86_400


def tariff_words(rate: Rate) -> AsIs:
    """The whole rate on one line, told in the language of whoever reads."""
    return as_is("; ".join(str(told(piece)) for piece in _pieces(rate)))


def _pieces(rate: Rate) -> Iterator[str]:
    windows = sorted(((_when(window), window) for window in rate.windows), key=lambda pair: not pair[0])
    for when, window in windows:
        always = worded("at other times") if len(windows) > 1 else as_is("")
        yield as_is(f"{when or told(always)} {', '.join(_prices(window))}".strip())
    if windows[0][0]:
        yield as_is(rate.zone)
    if rate.included_s:
        yield worded("first {seconds} s included", seconds=rate.included_s)
    if rate.grace_s:
        yield worded("free up to {seconds} s", seconds=rate.grace_s)
    if rate.minimum_nanos:
        yield worded("at least {amount} a call", amount=format_nanos(rate.minimum_nanos))
    if rate.maximum_nanos is not None:
        amount = format_nanos(rate.maximum_nanos)
        ends = rate.at_maximum is AtMaximum.disconnect
        yield worded("ended at {amount}", amount=amount) if ends else worded("at most {amount} a call", amount=amount)


def _prices(window: Window) -> Iterator[str]:
    """What a window costs, each part told."""
    if window.connect_fee_nanos:
        yield str(told(worded("connect fee {amount}", amount=format_nanos(window.connect_fee_nanos))))
    steps = window.steps
    for number, step in enumerate(steps):
        if number == 1 and _is_increment(steps[0], step):
            continue
        later = steps[number + 1] if number == 0 and len(steps) > 1 and _is_increment(step, steps[1]) else step
        price = figure(format_nanos(step.price_nanos)) + ("/min" if step.per_s == 60 else f"/{step.per_s} s")
        price += f" {step.increment_s}/{later.increment_s}"
        later_on = worded("from second {second} {price}", second=step.at_s, price=price)
        yield str(told(later_on)) if step.at_s else price


def _is_increment(first: Step, second: Step) -> bool:
    """Whether the second only says in which increments the first goes on: 60/6."""
    same = (first.price_nanos, first.per_s) == (second.price_nanos, second.per_s)
    return same and second.at_s == first.increment_s


def _when(window: Window) -> str:
    """When a window is in force; empty for always."""
    parts = [
        _some(window.weekdays, DAYS),
        _some(window.months, MONTHS),
        "" if window.month_days is None else _runs(window.month_days, [f"{day}." for day in range(1, 32)]),
        "" if window.from_on is None else f"≥ {window.from_on}",
        "" if window.until_on is None else f"≤ {window.until_on}",
    ]
    if window.from_s or window.until_s not in (None, DAY_S):
        parts.append(f"{_clock(window.from_s)}-{_clock(window.until_s or DAY_S)}")
    return " ".join(part for part in parts if part)


def _some(members: frozenset[int] | None, names: Iterable[str]) -> str:
    return "" if members is None else _runs(members, [str(told(name)) for name in names])


def _runs(members: frozenset[int], names: list[str]) -> str:
    """Mon-Fri, Sun."""
    runs: list[list[int]] = []
    for member in sorted(members):
        if runs and runs[-1][-1] == member - 1:
            runs[-1].append(member)
        else:
            runs.append([member])
    return ", ".join(
        names[run[0] - 1] if len(run) == 1 else f"{names[run[0] - 1]}-{names[run[-1] - 1]}" for run in runs
    )


def _clock(second: int) -> str:
    hours, minutes, seconds = second // 3600, second // 60 % 60, second % 60
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
