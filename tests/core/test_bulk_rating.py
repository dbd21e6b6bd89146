"""Claims about rating many calls at once: it says what the rules say call by call, to the micro."""

import random
from dataclasses import astuple, fields
from datetime import UTC, datetime

import duckdb

from tollgate.core.bulk_rating import RateLine, rate_line, rating_text
from tollgate.core.digits import PrefixIndex
from tollgate.core.lake import Engine
from tollgate.core.money import Method
from tollgate.core.rates import Increments, Rate, Rounding, billed_s, cost_micros, simple

AT = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
REVISIONS = (1, 2, 3)


def any_rate(chance: random.Random) -> dict[str, int]:
    """The fields of a plain rate, often at the edges."""
    return {
        "price_nanos": chance.choice([0, 1, chance.randrange(10**9), chance.randrange(10**12)]),
        "connect_fee_nanos": chance.choice([0, 0, chance.randrange(10**9)]),
        "initial_s": chance.choice([0, 1, 6, 30, 60, chance.randrange(100)]),
        "increment_s": chance.choice([1, 6, 60, chance.randrange(1, 100)]),
        "grace_s": chance.choice([0, 0, 3, 40]),
        "included_s": chance.choice([0, 0, 10, 60]),
    }


def any_rounding(chance: random.Random) -> Rounding:
    """Any of a card's roundings."""
    methods = list(Method)
    return Rounding(
        chance.randrange(7), chance.choice(methods), chance.choice(methods), chance.choice(list(Increments))
    )


def test_a_hundred_thousand_random_calls_cost_what_the_rules_say() -> None:
    chance = random.Random(4)
    lines: list[RateLine] = []
    prices: dict[int, Rate] = {}
    indexes: dict[int, PrefixIndex] = {}
    for revision in REVISIONS:
        rounding = any_rounding(chance)
        prefixes = {str(chance.randrange(10 ** chance.randrange(1, 7))) for _ in range(400)} | (
            {""} if revision == 2 else set()
        )
        placed = []
        for prefix in sorted(prefixes):
            rate, place = any_rate(chance), len(lines)
            lines.append(rate_line(place, revision, prefix, rounding=rounding, plain=place % 50 != 0, **rate))
            prices[place] = simple(**rate, rounding=rounding)
            placed.append((prefix, place))
        indexes[revision] = PrefixIndex.build(placed)
    calls = [
        (
            number,
            chance.choice(REVISIONS),
            str(chance.randrange(10 ** chance.randrange(1, 15))),
            chance.choice([0, 1, 499, 500, 501, 999, 1000, chance.randrange(90_000), chance.randrange(86_400_000)]),
        )
        for number in range(100_000)
    ]
    found = rated(lines, calls)
    for number, revision, dialed, duration_ms in calls:
        place = indexes[revision].find(dialed)
        if place is None or not lines[place].plain:
            assert found[number] == (place, None, None)
        else:
            rate = prices[place]
            expected = (place, billed_s(rate, AT, duration_ms), cost_micros(rate, AT, duration_ms))
            assert found[number] == expected, (lines[place], duration_ms)


def rated(lines: list[RateLine], calls: list[tuple[int, int, str, int]]) -> dict[int, tuple[int | None, ...]]:
    """Place, billed seconds and charge of each call, by DuckDB."""
    columns = [f"{field.name} {'VARCHAR' if field.type is str else 'BIGINT'}" for field in fields(RateLine)]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rate_line ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO rate_line VALUES ({marks})", [astuple(line) for line in lines])
        numbers, revisions, dialed, durations = zip(*calls, strict=True)
        connection.execute(
            "CREATE TABLE rated_call AS SELECT unnest($1::BIGINT[]) AS id, unnest($2::BIGINT[]) AS revision_id,"
            " unnest($3::VARCHAR[]) AS number, unnest($4::BIGINT[]) AS duration_ms",
            [list(numbers), list(revisions), list(dialed), list(durations)],
        )
        text = rating_text(Engine.duckdb, {len(line.prefix) for line in lines})
        rows = connection.execute(f"SELECT id, place, new_billed_s, new_cost_micros FROM ({text})").fetchall()
    assert len(rows) == len(calls)
    return {row[0]: row[1:] for row in rows}
