"""The groups of a day: its calls added up by all that a breakout asks of them, in a file beside the file of the day.

A number stands there as one whole number as well, whose order is that of the text, because engines group and compare
whole numbers several times as fast as texts: `coded`; a text that is no number of up to 17 digits stays a text, `odd`.
To let the groups know another column, add it to `KEYS`: its name changes that of the files, so all are made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tollgate.core.lake import DERIVED, Engine
from tollgate.core.lake_text import TEXT_TYPES
from tollgate.core.summaries import MEASURES

NUMBERS: Final = ("number", "cli")
KEYS: Final = ("account_id", "customer_id", "carrier_id", "ingress_route_id", "prefix", "destination", "number")
"""The columns of a call that its group keeps, beside the hour of its start (`started_us`), the CLI and one currency
(`code`)."""
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


def sums(table: str) -> str:
    """What the groups of a day come to by hour and currency, or its calls: both must say the same."""
    values = {name: name if table == "lake_group" else value_of_call(name) for name in ADDED}
    hour, code = ("started_us", "code") if table == "lake_group" else (DERIVED["hour_us"], CODE)
    side = "" if table == "lake_group" else f" CROSS JOIN {SIDES} WHERE {OF_SIDE}"
    return f"SELECT {hour}, {code}, {_sums(values.values())} FROM {table}{side} GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608 - known expressions


def _sums(values: Iterable[str]) -> str:
    return ", ".join(f"sum({value})" for value in values)


def _is_number(text: str) -> str:
    return f"length({text}) <= {DIGITS} AND translate({text}, '0123456789', '') = ''"
