"""The groups of a day: its calls added up by all that a breakout asks of them, in files beside the file of the day.

Each file is a level (`LEVELS`): all groups, and of these those that are left when nobody asks for numbers, for CLIs or
for hours. A question is asked of the smallest level that knows what it asks for (`level_of`).

A number stands there as one whole number as well, whose order is that of the text, because engines group and compare
whole numbers several times as fast as texts: `coded`; a text that is no number of up to 17 digits stays a text, `odd`.
To let the groups know another column, add it to `KEYS`: its name changes that of the files, so all are made anew. To
add a level, add it to `LEVELS`, smaller ones first, and its name to `store.lake_groups.SMALLER`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tollgate.core.lake import DERIVED, Engine
from tollgate.core.lake_text import TEXT_TYPES
from tollgate.core.summaries import MEASURES

NUMBERS: Final = ("number", "cli")
KEYS: Final = ("account_id", "customer_id", "carrier_id", "ingress_route_id", "prefix", "destination", "number")
"""The columns of a call that its group keeps, beside the hour of its start (`started_us`), the CLI and one currency
(`code`)."""
ALL_GROUPS: Final = "lake_group"
BY_CLI: Final = "lake_group_by_cli"
BY_HOUR: Final = "lake_group_by_hour"


@dataclass(frozen=True, slots=True)
class Level:
    """Groups that know less than all of them do: of `NUMBERS` only `numbers`, and the hour only if `hours`."""

    numbers: tuple[str, ...] = ()
    hours: bool = True


LEVELS: Final[Mapping[str, Level]] = {
    BY_HOUR: Level(),
    BY_CLI: Level(("cli",), hours=False),
    ALL_GROUPS: Level(NUMBERS),
}
"""By the names of their tables, the smallest first; the last knows everything, and the others are made of it."""
UNCORRECTED: Final = "correction_micros"
"""The measure that no call has: what corrects calls are entries of their own."""
ADDED: Final = tuple(name for name in MEASURES if name != UNCORRECTED)
VALUES: Final[Mapping[str, str]] = {
    "attempts": "1",
    "refused": "CASE WHEN state = 'refused' THEN 1 ELSE 0 END",
    "connected": "CASE WHEN answered_us IS NULL THEN 0 ELSE 1 END",
    "profitable_micros": "CASE WHEN profit_micros IS NULL THEN 0 ELSE cost_micros END",
    UNCORRECTED: "0",
}
"""What one call adds to a measure that is no column of it."""
ELSEWHERE: Final = "carrier_currency <> COALESCE(currency, '')"
"""Whether the carrier is paid in another currency than the caller pays in: then its cost is a row of its own."""
SIDES: Final = "(SELECT 0 AS n UNION ALL SELECT 1 AS n) AS side"
OF_SIDE: Final = f"(n = 0 OR {ELSEWHERE})"
CODE: Final = "CASE WHEN n = 0 THEN COALESCE(currency, '') ELSE carrier_currency END"
COUNTRY: Final = f"COALESCE({DERIVED['calling_code']}, '')"
DIGITS: Final = 17
LENGTHS: Final = DIGITS + 1


def whole(expression: str) -> str:
    """A figure of a row: 18 digits, or the engine says that it does not fit; sums of these are exact."""
    return f"CAST({expression} AS DECIMAL(18, 0))"


def value_of_call(name: str) -> str:
    """What a call adds to a measure in the currency of the price (n = 0), or in the carrier's where that is another."""
    if name == "carrier_cost_micros":
        return whole(f"CASE WHEN (n = 1) = COALESCE({ELSEWHERE}, false) THEN COALESCE({name}, 0) ELSE 0 END")
    return whole(f"CASE WHEN n = 0 THEN COALESCE({VALUES.get(name, name)}, 0) ELSE 0 END")


def coded(text: str) -> str:
    """A text of digits as a whole number in the order of such texts: the digits, filled up, and how many there are."""
    digits = f"CAST(rpad({text}, {DIGITS}, '0') AS BIGINT)"
    return f"CASE WHEN {_is_number(text)} THEN {digits} * {LENGTHS} + length({text}) END"


def odd(text: str) -> str:
    """A text that is no such number, as it is."""
    return f"CASE WHEN NOT ({_is_number(text)}) THEN {text} END"


def decoded(code: str, other: str, engine: Engine) -> str:
    """The text again."""
    digits = f"lpad(CAST({code} {engine.div} {LENGTHS} AS {TEXT_TYPES[engine]}), {DIGITS}, '0')"
    return f"COALESCE(left({digits}, CAST(mod({code}, {LENGTHS}) AS INT)), {other})"


def making() -> str:
    """The groups of the calls in `lake_call`, in the order of their numbers.

    `number_once` says of a row that the day has no other of this number and currency.
    """
    kept = ", ".join(KEYS)
    numbers = ", ".join(f"{coded(name)} AS {name}_code, {odd(name)} AS {name}_odd" for name in NUMBERS)
    rows = ", ".join(f"{value_of_call(name)} AS {name}" for name in ADDED)
    added = ", ".join(f"{whole(f'sum({name})')} AS {name}" for name in ADDED)
    return (
        f"SELECT * EXCLUDE (cli), {numbers}, {COUNTRY} AS country,"  # noqa: S608 - known expressions
        " count(*) OVER (PARTITION BY number, code) = 1 AS number_once FROM ("
        f"SELECT {kept}, cli, started_us, code, {added} FROM ("
        f"SELECT {kept}, cli, {DERIVED['hour_us']} AS started_us, {CODE} AS code, {rows}"
        f" FROM lake_call CROSS JOIN {SIDES} WHERE {OF_SIDE}) AS called"
        f" GROUP BY {kept}, cli, started_us, code) AS told ORDER BY number_code, number_odd, code, started_us"
    )


def making_of(table: str) -> str:
    """The groups of a level: of the calls in `lake_call`, or of all groups."""
    if table == ALL_GROUPS:
        return making()
    level = LEVELS[table]
    numbers = [f"{name}_{key}" for name in level.numbers for key in ("code", "odd")]
    keys = [*(name for name in KEYS if name not in NUMBERS), *numbers, "code", "country"]
    start = "started_us" if level.hours else DERIVED["day_us"]
    added = ", ".join(f"{whole(f'sum({name})')} AS {name}" for name in ADDED)
    return (
        f"SELECT {', '.join(keys)}, at_us AS started_us, {added}"  # noqa: S608 - known expressions
        f" FROM (SELECT *, {start} AS at_us FROM {ALL_GROUPS}) AS told GROUP BY {', '.join(keys)}, at_us"
        f" ORDER BY {', '.join([*numbers, 'code', 'at_us'])}"
    )


def level_of(asked: Collection[str], *, whole_days: bool) -> str:
    """The smallest level that knows what is asked: names of dimensions and filters, of a whole day or of some hours."""
    numbers = {name for name in NUMBERS if name in asked}
    hours = "hour" in asked or not whole_days
    return next(name for name, level in LEVELS.items() if numbers <= {*level.numbers} and (level.hours or not hours))


def sums(table: str, *, hours: bool = True) -> str:
    """What the groups of a day come to by hour or by day, and by currency, or its calls: both must say the same."""
    grouped = table in LEVELS
    values = {name: name if grouped else value_of_call(name) for name in ADDED}
    code, side = ("code", "") if grouped else (CODE, f" CROSS JOIN {SIDES} WHERE {OF_SIDE}")
    start = DERIVED["hour_us" if hours else "day_us"]
    return f"SELECT {start}, {code}, {_sums(values.values())} FROM {table}{side} GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608 - known expressions


def _sums(values: Iterable[str]) -> str:
    return ", ".join(f"sum({value})" for value in values)


def _is_number(text: str) -> str:
    return f"length({text}) <= {DIGITS} AND translate({text}, '0123456789', '') = ''"
