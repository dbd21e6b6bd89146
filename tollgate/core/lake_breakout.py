"""Breakouts as one text that every engine reads alike: lines of the database, files of the lake, or both together.

Lines are sums by the keys of the question and by both currencies (`own`, what callers pay in, and `bought`). Of these
come groups, each of one currency; the groups that are told and, beside them, what all of them come to. To let the lake
tell another dimension, add to `LAKE_KEYS` how it is made of a call's columns, or of a table named in `LOOKED_UP`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tollgate.core.breakout import MOMENTS, Cut
from tollgate.core.lake import DAY_US, DERIVED, Engine
from tollgate.core.lake import MEASURES as SUMS
from tollgate.core.summaries import MEASURES

HERE: Final = "here"
"""The table of groups that the database has told, where the lake is asked for all of them."""
LAKE_KEYS: Final[Mapping[str, str]] = {
    "week": f"started_us - mod(started_us + {3 * DAY_US}, {7 * DAY_US})",  # 1970 began on a Thursday
    "day": DERIVED["day_us"],
    "hour": DERIVED["hour_us"],
    "customer": "customer_id",
    "reseller": "reseller_of.value",
    "account_manager": "manager_of.value",
    "carrier": "carrier_id",
    "country": f"COALESCE({DERIVED['calling_code']}, '')",
    "destination": "destination",
    "prefix": "COALESCE(prefix, '')",
    "route": "ingress_route_id",
    "tech_prefix": "tech_prefix_of.value",
    "number": "number",
    "cli": "cli",
}
MONTHS: Final[Mapping[Engine, str]] = {
    Engine.duckdb: "epoch_us(date_trunc('month', make_timestamp(started_us)))",
    Engine.spark: "unix_micros(date_trunc('MONTH', timestamp_micros(started_us)))",
}
LOOKED_UP: Final[Mapping[str, tuple[str, str]]] = {
    "reseller": ("reseller_of", "customer_id"),
    "account_manager": ("manager_of", "customer_id"),
    "tech_prefix": ("tech_prefix_of", "ingress_route_id"),
}
"""Dimensions that are told by a table of id and value, and the column that leads to it."""
TEXTS: Final = frozenset({"country", "destination", "prefix", "tech_prefix", "number", "cli"})
"""Dimensions whose values are texts; all others are whole numbers, instants as microseconds since 1970."""
BY_NUMBER: Final = frozenset({"number", "cli"})
ELSEWHERE: Final = "bought <> COALESCE(own, '')"
"""Whether the carrier is paid in another currency than the caller pays in."""
UNCORRECTED: Final = "correction_micros"
"""The measure that no call has: what corrects calls are entries of their own."""


def lake_lines(dimensions: Sequence[str], held: str, engine: Engine, *, measures: Sequence[str] = MEASURES) -> str:
    """The lines of the calls in the lake's files for which a condition holds."""
    keys = [MONTHS[engine] if name == "month" else LAKE_KEYS[name] for name in dimensions]
    columns = [*_named(keys), "currency AS own", "carrier_currency AS bought"]
    sums = [f"{'0' if name == UNCORRECTED else SUMS['call'][name]} AS {name}" for name in measures]
    looked_up = dict.fromkeys(LOOKED_UP[name] for name in dimensions if name in LOOKED_UP)
    joins = "".join(f" LEFT JOIN {table} ON {table}.id = called.{column}" for table, column in looked_up)
    return (
        f"SELECT {', '.join([*columns, *sums])} FROM (SELECT * FROM lake_call WHERE {held}) AS called{joins}"  # noqa: S608 - known expressions
        f" GROUP BY {_places(len(columns))}"
    )


def groups(
    lines: Sequence[str],
    dimensions: Sequence[str],
    engine: Engine,
    countries: Iterable[str],
    *,
    measures: Sequence[str] = MEASURES,
    here: str = "",
) -> str:
    """The groups of these lines: keys, `code`, measures. Those of `HERE` are added for which a condition holds, if it
    is given.

    A carrier's cost stands in its own currency. Of calling codes those in `countries` are told, all others as one.
    """
    keys = _keys(dimensions)
    told = _named(_final(name, place, engine, countries) for place, name in enumerate(dimensions))
    code = "CASE WHEN n = 0 THEN COALESCE(own, '') ELSE bought END AS code"
    known = f"SELECT {keys}code, {', '.join(measures)} FROM {HERE} WHERE {here}"  # noqa: S608 - known names
    parts = [known] if here else []
    if lines:
        parts.append(
            f"SELECT {', '.join([*told, code, *map(_part, measures)])} FROM ({' UNION ALL '.join(lines)}) AS line"  # noqa: S608 - known expressions
            f" CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1 AS n) AS side WHERE n = 0 OR {ELSEWHERE}"
        )
    added = ", ".join(f"sum({name}) AS {name}" for name in measures)
    return (
        f"SELECT {keys}code, {added} FROM ({' UNION ALL '.join(parts)}) AS told"  # noqa: S608 - known names
        f" GROUP BY {_places(len(dimensions) + 1)}"
    )


def first_ones(found: str, dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    """The first of these groups (0 in front), and what all of them come to by currency (1), with how many."""
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    return (
        f"WITH found AS {_kept(engine)}({found}) {_first(dimensions, cut, engine)}"  # noqa: S608 - known names
        f" UNION ALL SELECT 1, {'NULL, ' * len(dimensions)}code, {sums}, count(*) FROM found GROUP BY code"
    )


def first_of_many(dimensions: Sequence[str], held: str, cut: Cut, engine: Engine, *, here: str = "") -> str:
    """The same of the lake by number, where groups may be as many as calls: which are the first is found out by the one
    figure, and only these are summed."""
    place = next(place for place, name in enumerate(dimensions) if name in BY_NUMBER)
    among = f"IN (SELECT k{place} FROM chosen)"  # noqa: S608 - known names
    by = [cut.by]
    narrow = groups([lake_lines(dimensions, held, engine, measures=by)], dimensions, engine, (), measures=by, here=here)
    some = lake_lines(dimensions, f"{held} AND {dimensions[place]} {among}", engine)
    found = groups([some], dimensions, engine, (), here=here and f"{here} AND k{place} {among}")
    whole = groups([lake_lines((), held, engine)], (), engine, (), here=here)
    empty = f"1, {'NULL, ' * len(dimensions)}code"
    first = f"SELECT k{place} FROM narrow ORDER BY {order(dimensions, cut, engine)} LIMIT {cut.most}"  # noqa: S608 - known names
    chosen = f"SELECT DISTINCT k{place} FROM ({first}) AS first_ones"  # noqa: S608 - known names
    return (
        f"WITH narrow AS {_kept(engine)}({narrow}), chosen AS {_kept(engine)}({chosen}),"  # noqa: S608 - known names
        f" found AS ({found}), whole AS ({whole}) {_first(dimensions, cut, engine)}"
        f" UNION ALL SELECT {empty}, {', '.join(MEASURES)}, 0 FROM whole"
        f" UNION ALL SELECT {empty}, {'0, ' * len(MEASURES)}count(*) FROM narrow GROUP BY code"
    )


def all_of_them(found: str, dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    """All of these groups in order, whatever `cut` says of how many."""
    return (
        f"SELECT {_keys(dimensions)}code, {', '.join(MEASURES)} FROM ({found}) AS found"  # noqa: S608 - known names
        f" ORDER BY {order(dimensions, cut, engine)}"
    )


def order(dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    """By the figure, then by the keys, nothing last: one order, whoever answers."""
    keys = [
        f"k{place} IS NULL, k{place}"
        + (' COLLATE "C"' if name in TEXTS and engine is Engine.postgresql else "")
        + (" DESC" if cut.falling and cut.by == name else "")
        for place, name in enumerate(dimensions)
    ]
    if cut.by in dimensions:
        keys.insert(0, keys.pop(list(dimensions).index(cut.by)))
    else:
        keys.insert(0, f"{cut.by} {'DESC' if cut.falling else 'ASC'}")
    return ", ".join([*keys, "code"])


def _final(name: str, place: int, engine: Engine, countries: Iterable[str]) -> str:
    """A key as the groups have it."""
    if name == "country":
        known = ", ".join(f"'{code}'" for code in countries)
        return f"CASE WHEN k{place} IN ({known}) THEN k{place} ELSE '' END"
    if name in MOMENTS and engine is Engine.postgresql:
        return f"CAST(extract(epoch FROM k{place}) * 1000000 AS bigint)"
    return f"k{place}"


def _part(name: str) -> str:
    """What of a line's measure stands in the currency of the price (n = 0), and what in the carrier's (n = 1)."""
    there = f"(n = 1) = COALESCE({ELSEWHERE}, false)" if name == "carrier_cost_micros" else "n = 0"
    return f"CASE WHEN {there} THEN {name} ELSE 0 END AS {name}"


def _first(dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    return (
        f"SELECT * FROM (SELECT 0 AS part, {_keys(dimensions)}code, {', '.join(MEASURES)}, 1 AS many FROM found"  # noqa: S608 - known names
        f" ORDER BY {order(dimensions, cut, engine)} LIMIT {cut.most}) AS first_ones"
    )


def _kept(engine: Engine) -> str:
    """What keeps an engine from working out twice what is read twice."""
    return "" if engine is Engine.spark else "MATERIALIZED "


def _keys(dimensions: Sequence[str]) -> str:
    return "".join(f"k{place}, " for place in range(len(dimensions)))


def _named(keys: Iterable[str]) -> list[str]:
    return [f"{key} AS k{place}" for place, key in enumerate(keys)]


def _places(count: int) -> str:
    return ", ".join(str(place + 1) for place in range(count))
