"""Breakouts as one text that every engine reads alike: of lines of the database, or of rows of the lake.

Lines are the database's sums by the keys of the question and by both currencies (`own`, what callers pay in, and
`bought`); of these come groups, each of one currency. Rows are what the lake adds up: the groups of its days, of any
level (`core.lake_groups`), calls of days that have none, and the groups that the database told (`HERE`). To let the
lake tell another dimension, add to `LAKE_KEYS` how it is made of a call's columns, or of a table named in `LOOKED_UP`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from tollgate.core.breakout import MOMENTS, Cut
from tollgate.core.lake import DAY_US, DERIVED, Engine
from tollgate.core.lake_groups import (
    ALL_GROUPS,
    CODE,
    COUNTRY,
    LEVELS,
    NUMBERS,
    OF_SIDE,
    SIDES,
    UNCORRECTED,
    coded,
    decoded,
    odd,
    value_of_call,
    whole,
)
from tollgate.core.lake_text import TEXT_TYPES
from tollgate.core.summaries import MEASURES

CALLS: Final = "lake_call"
GROUPS: Final = ALL_GROUPS
HERE: Final = "here"
"""The tables that rows are of; the last is of groups that the database has told, where the lake is asked for all."""
LAKE_KEYS: Final[Mapping[str, str]] = {
    "week": f"started_us - mod(started_us + {3 * DAY_US}, {7 * DAY_US})",  # 1970 began on a Thursday
    "day": DERIVED["day_us"],
    "hour": DERIVED["hour_us"],
    "customer": "customer_id",
    "reseller": "reseller_of.value",
    "account_manager": "manager_of.value",
    "carrier": "carrier_id",
    "country": COUNTRY,
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
BY_NUMBER: Final = frozenset(NUMBERS)
WITHIN_A_DAY: Final = frozenset({"day", "hour"})
ELSEWHERE: Final = "bought <> COALESCE(own, '')"
"""Whether the carrier is paid in another currency than the caller pays in."""


def groups(lines: Sequence[str], dimensions: Sequence[str], countries: Iterable[str]) -> str:
    """The groups of these lines of the database: keys, `code`, measures.

    A carrier's cost stands in its own currency. Of calling codes those in `countries` are told, all others as one.
    """
    told = _named(_told(name, f"k{place}", countries) for place, name in enumerate(dimensions))
    code = "CASE WHEN n = 0 THEN COALESCE(own, '') ELSE bought END AS code"
    sides = (
        f"SELECT {', '.join([*told, code, *map(_part, MEASURES)])} FROM ({' UNION ALL '.join(lines)}) AS line"  # noqa: S608 - known expressions
        f" CROSS JOIN {SIDES} WHERE n = 0 OR {ELSEWHERE}"
    )
    return _summed([sides], [f"k{place}" for place in range(len(dimensions))], MEASURES)


def first_ones(found: str, dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    """The first of these groups (0 in front), and what all of them come to by currency (1), with how many."""
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    return (
        f"WITH found AS {_kept(engine)}({found}) {_first(dimensions, cut, engine)}"  # noqa: S608 - known names
        f" UNION ALL SELECT 1, {'NULL, ' * len(dimensions)}code, {sums}, count(*) FROM found GROUP BY code"
    )


def all_of_them(found: str, dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    """All of these groups in order, whatever `cut` says of how many."""
    return (
        f"SELECT {_keys(dimensions)}code, {', '.join(MEASURES)} FROM ({found}) AS found"  # noqa: S608 - known names
        f" ORDER BY {order(dimensions, cut, engine)}"
    )


def order(dimensions: Sequence[str], cut: Cut, engine: Engine, *, texts: str = "k") -> str:
    """By the figure, then by the keys, nothing last: one order, whoever answers.

    The keys of numbers begin with `texts`, where they are not named like all others.
    """
    keys = [
        f"{texts if name in BY_NUMBER else 'k'}{place}"
        + (' COLLATE "C"' if name in TEXTS and engine is Engine.postgresql else "")
        + (" DESC" if cut.falling and cut.by == name else "")
        + " NULLS LAST"
        for place, name in enumerate(dimensions)
    ]
    if cut.by in dimensions:
        keys.insert(0, keys.pop(list(dimensions).index(cut.by)))
    else:
        keys.insert(0, f"{cut.by} {'DESC' if cut.falling else 'ASC'}")
    return ", ".join([*keys, "code"])


@dataclass(frozen=True, slots=True)
class LakeBreakout:
    """A breakout of the lake. `held` says of each table whose rows are added up what must hold of them; `whole` the
    same of tables that tell sooner what all calls come to, where there are such.

    The keys of a number are two until the end: k and o, `coded` and `odd`.
    """

    dimensions: Sequence[str]
    held: Mapping[str, str]
    engine: Engine
    countries: Sequence[str] = ()
    whole: Mapping[str, str] = field(default_factory=dict)

    def first_ones(self, cut: Cut) -> str:
        """The first groups (0 in front), and what all of them come to by currency (1), with how many."""
        if not self._places():
            return first_ones(self.groups(), self.dimensions, cut, self.engine)
        return self._first_of_many(self._places()[0], cut)

    def all_of_them(self, cut: Cut) -> str:
        """All groups in order, whatever `cut` says of how many."""
        return all_of_them(self._decoded(self.groups()), self.dimensions, cut, self.engine)

    def groups(self) -> str:
        """The groups, in no order, with both keys of each number."""
        return _summed([self._rows(table, MEASURES) for table in self.held], self._keys(), MEASURES)

    def _first_of_many(self, place: int, cut: Cut) -> str:
        """The same of numbers, where groups may be as many as calls: which are the first is found out by one figure,
        and only these are summed."""
        by = [cut.by if cut.by in MEASURES else MEASURES[0]]
        several, once = self._several(by), self._once(by)
        parts = ["several"] + ["once"] * bool(once)
        leading = " UNION ALL ".join(keys for part in parts for keys in self._leading(part, cut))
        chosen = f"SELECT DISTINCT k{place}, o{place} FROM ({leading}) AS first_keys"  # noqa: S608 - known names
        empty = f"1, {'NULL, ' * len(self.dimensions)}code"
        counts = [
            f"SELECT {empty}, {'0, ' * len(MEASURES)}count(*) FROM {part} GROUP BY code"  # noqa: S608 - known names
            for part in parts
        ]
        total = replace(self, dimensions=(), held=self.whole or self.held).groups()
        tables = {
            "several": f"{_kept(self.engine)}({several})",
            **({"once": f"{_anew(self.engine)}({once})"} if once else {}),
            "chosen": f"{_kept(self.engine)}({chosen})",
            "found": f"({self._decoded(self._chosen(place))})",
            "total": f"({total})",
        }
        first = _first(self.dimensions, cut, self.engine)
        whole = f"SELECT {empty}, {', '.join(MEASURES)}, 0 FROM total"  # noqa: S608 - known names
        known = ", ".join(f"{name} AS {text}" for name, text in tables.items())
        return f"WITH {known} {' UNION ALL '.join([first, whole, *counts])}"

    def _several(self, by: Sequence[str]) -> str:
        """Keys, currency and one figure of the groups, but of those that are told by `_once`."""
        rows = {table: self._rows(table, by) for table in self.held}
        alone = self._alone()
        if alone:
            rows[GROUPS] = self._rows(GROUPS, by, also=f"NOT ({alone})")
            if HERE in rows:
                again = self._rows(GROUPS, by, also=f"{alone} AND number_code IN ({self._numbers_here()})")
                rows[GROUPS] += f" UNION ALL {again}"
        return " UNION ALL ".join(self._apart(list(rows.values()), by))

    def _apart(self, rows: Sequence[str], by: Sequence[str]) -> Iterator[str]:
        """The groups of these rows, each kind of them by itself: a key of one column takes less time than one of two,
        of which one is always missing."""
        places = self._places()
        for kinds in product("ko", repeat=len(places)):
            known = dict(zip(places, kinds, strict=True))
            absent = {f"{'o' if kind == 'k' else 'k'}{place}": kind for place, kind in known.items()}
            types = {"k": TEXT_TYPES[self.engine], "o": "BIGINT"}
            keys = [f"CAST(NULL AS {types[absent[key]]}) AS {key}" if key in absent else key for key in self._keys()]
            kept = [key for key in self._keys() if key not in absent]
            among = " AND ".join(f"o{place} IS {'' if kind == 'k' else 'NOT '}NULL" for place, kind in known.items())
            yield (
                f"SELECT {', '.join(keys)}, code, {_added(by)} FROM ({' UNION ALL '.join(rows)}) AS told"  # noqa: S608 - known names
                f" WHERE {among} GROUP BY {', '.join([*kept, 'code'])}"
            )

    def _once(self, by: Sequence[str]) -> str:
        """Those groups that are one row of the lake: of each day the numbers that it has once, where a group is of one
        day and of one number, and the database adds nothing."""
        alone = self._alone()
        if alone and HERE in self.held:
            alone += f" AND number_code NOT IN ({self._numbers_here()})"
        return self._rows(GROUPS, by, also=alone) if alone else ""

    def _alone(self) -> str:
        if GROUPS in self.held and "number" in self.dimensions and WITHIN_A_DAY.intersection(self.dimensions):
            return "number_once AND number_code IS NOT NULL"
        return ""

    def _numbers_here(self) -> str:
        column = coded(f"k{list(self.dimensions).index('number')}")
        return f"SELECT {column} FROM {HERE} WHERE {column} IS NOT NULL"  # noqa: S608 - known names

    def _leading(self, part: str, cut: Cut) -> list[str]:
        """The keys of the first groups of these: of numbers alone, which are compared as such; and of all others."""
        places = self._places()
        keys = ", ".join(self._keys())
        texts = ", ".join(f"{decoded(f'k{place}', f'o{place}', self.engine)} AS t{place}" for place in places)
        of_numbers = " AND ".join(f"o{place} IS NULL" for place in places)
        as_texts = f"(SELECT *, {texts} FROM {part} WHERE NOT ({of_numbers})) AS odd"  # noqa: S608 - known names
        first, others = (order(self.dimensions, cut, self.engine, texts=letter) for letter in "kt")
        sources = {f"{part} WHERE {of_numbers}": first, as_texts: others}
        return [
            f"SELECT * FROM (SELECT {keys} FROM {source} ORDER BY {by} LIMIT {cut.most}) AS first_ones"  # noqa: S608 - known names
            for source, by in sources.items()
        ]

    def _chosen(self, place: int) -> str:
        """All groups of the chosen numbers."""
        code, other = f"k{place}", f"COALESCE(o{place}, '')"
        numbers = f"{code} IN (SELECT {code} FROM chosen)"  # noqa: S608 - known names
        others = f"{code} IS NULL AND {other} IN (SELECT {other} FROM chosen WHERE {code} IS NULL)"  # noqa: S608 - known names
        return _summed(
            [
                f"SELECT * FROM ({self._rows(table, MEASURES)}) AS told WHERE {among}"  # noqa: S608 - known names
                for table in self.held
                for among in (numbers, others)
            ],
            self._keys(),
            MEASURES,
        )

    def _rows(self, table: str, measures: Sequence[str], *, also: str = "true") -> str:
        """The rows of a table: keys, currency, figures."""
        keys = ", ".join(f"{key} AS {name}" for key, name in zip(self._made(table), self._keys(), strict=True))
        code, side = ("code", "") if table != CALLS else (CODE, f" CROSS JOIN {SIDES}")
        values = ", ".join(f"{self._value(table, name)} AS {name}" for name in measures)
        looked_up = dict.fromkeys(LOOKED_UP[name] for name in self.dimensions if name in LOOKED_UP)
        joins = "".join(f" LEFT JOIN {other} ON {other}.id = told.{column}" for other, column in looked_up)
        return (
            f"SELECT {keys}{', ' if keys else ''}{code} AS code, {values}"  # noqa: S608 - known expressions
            f" FROM (SELECT * FROM {table} WHERE {self.held[table]} AND {also}) AS told"
            f"{side}{joins if table != HERE else ''}{f' WHERE {OF_SIDE}' if side else ''}"
        )

    def _value(self, table: str, name: str) -> str:
        if table == CALLS:
            return value_of_call(name)
        return whole("0") if table in LEVELS and name == UNCORRECTED else name

    def _made(self, table: str) -> list[str]:
        """How the keys are made of a table's columns."""
        found: list[str] = []
        for place, name in enumerate(self.dimensions):
            if name in BY_NUMBER:
                column = f"k{place}" if table == HERE else name
                known = (f"{name}_code", f"{name}_odd") if table in LEVELS else (coded(column), odd(column))
                found += known
            elif table == HERE:
                found.append(f"k{place}")
            elif name == "month":
                found.append(MONTHS[self.engine])
            elif name == "country":
                found.append(_country(name if table in LEVELS else COUNTRY, self.countries))
            else:
                found.append(LAKE_KEYS[name])
        return found

    def _places(self) -> list[int]:
        """Where the dimensions of numbers are."""
        return [place for place, name in enumerate(self.dimensions) if name in BY_NUMBER]

    def _keys(self) -> list[str]:
        """How the keys are called."""
        keys = enumerate(self.dimensions)
        return [f"{letter}{place}" for place, name in keys for letter in ("ko" if name in BY_NUMBER else "k")]

    def _decoded(self, found: str) -> str:
        """These groups, with each number as its text."""
        keys = [
            f"{decoded(f'k{place}', f'o{place}', self.engine)} AS k{place}" if name in BY_NUMBER else f"k{place}"
            for place, name in enumerate(self.dimensions)
        ]
        return f"SELECT {', '.join([*keys, 'code', *MEASURES])} FROM ({found}) AS told"  # noqa: S608 - known names


def _told(name: str, key: str, countries: Iterable[str]) -> str:
    """A key of the database's lines as the groups have it."""
    if name in MOMENTS:
        return f"CAST(extract(epoch FROM {key}) * 1000000 AS bigint)"
    return _country(key, countries) if name == "country" else key


def _country(key: str, countries: Iterable[str]) -> str:
    known = ", ".join(f"'{code}'" for code in countries)
    return f"CASE WHEN {key} IN ({known}) THEN {key} ELSE '' END"


def _part(name: str) -> str:
    """What of a line's measure stands in the currency of the price (n = 0), and what in the carrier's (n = 1)."""
    there = f"(n = 1) = COALESCE({ELSEWHERE}, false)" if name == "carrier_cost_micros" else "n = 0"
    return f"CASE WHEN {there} THEN {name} ELSE 0 END AS {name}"


def _first(dimensions: Sequence[str], cut: Cut, engine: Engine) -> str:
    return (
        f"SELECT * FROM (SELECT 0 AS part, {_keys(dimensions)}code, {', '.join(MEASURES)}, 1 AS many FROM found"  # noqa: S608 - known names
        f" ORDER BY {order(dimensions, cut, engine)} LIMIT {cut.most}) AS first_ones"
    )


def _summed(rows: Sequence[str], keys: Sequence[str], measures: Sequence[str]) -> str:
    """The groups of these rows."""
    return (
        f"SELECT {', '.join([*keys, 'code'])}, {_added(measures)} FROM ({' UNION ALL '.join(rows)}) AS told"  # noqa: S608 - known names
        f" GROUP BY {_places(len(keys) + 1)}"
    )


def _added(measures: Iterable[str]) -> str:
    return ", ".join(f"sum({name}) AS {name}" for name in measures)


def _anew(engine: Engine) -> str:
    """What makes an engine read twice what is too much to keep."""
    return "" if engine is Engine.spark else "NOT MATERIALIZED "


def _kept(engine: Engine) -> str:
    """What keeps an engine from working out twice what is read twice."""
    return "" if engine is Engine.spark else "MATERIALIZED "


def _keys(dimensions: Sequence[str]) -> str:
    return "".join(f"k{place}, " for place in range(len(dimensions)))


def _named(keys: Iterable[str]) -> list[str]:
    return [f"{key} AS k{place}" for place, key in enumerate(keys)]


def _places(count: int) -> str:
    return ", ".join(str(place + 1) for place in range(count))
