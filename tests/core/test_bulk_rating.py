"""Claims about rating many calls at once: it says what the rules say call by call, to the micro."""

import random
from collections.abc import Callable
from dataclasses import astuple, fields
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from tollgate.core.bulk_rating import Keys, RateLine, keys_of, rate_line, rating_text, spans
from tollgate.core.calls_minutes import own_cost
from tollgate.core.calls_types import Leg
from tollgate.core.digits import PrefixIndex
from tollgate.core.lake import Engine
from tollgate.core.money import Method
from tollgate.core.rates import AtMaximum, Increments, Rate, Rounding, Step, Window, billed_s, cost_micros

AT = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
REVISIONS = (1, 2, 900_000)
NOBODYS = (None, 3, 7_000_000_000)
"""Revisions whose rates are not given."""
LEG: dict[str, Any] = {
    "kind": "customer", "owner_id": 1, "name": "Acme", "wallet_id": 1, "book": "revenue", "currency": "EUR",
    "card_id": 1, "revision_id": 1, "prefix": "", "destination": "", "text": "", "free": False,
}  # fmt: skip
Calls = list[tuple[int, int | None, str, int, int]]


def any_rate(chance: random.Random, rounding: Rounding) -> Rate:
    """A rate with any of its properties, often at the edges; one in eight is not plain."""
    windows = [_any_window(chance) for _ in range(chance.choice([1, 1, 1, 1, 1, 1, 1, 2]))]
    minimum = chance.choice([0, 0, chance.randrange(10**9)])
    return Rate(
        windows=tuple(windows),
        rounding=rounding,
        included_s=chance.choice([0, 0, 10, 60, 3600]),
        grace_s=chance.choice([0, 0, 3, 40]),
        minimum_nanos=minimum,
        maximum_nanos=chance.choice([None, None, minimum, minimum + chance.randrange(10**9)]),
        at_maximum=chance.choice(list(AtMaximum)),
    )


def _any_window(chance: random.Random) -> Window:
    begins = sorted({0, *(chance.choice([1, 6, 60, chance.randrange(1, 400)]) for _ in range(chance.randrange(4)))})
    steps = tuple(
        Step(
            at_s,
            chance.choice([0, 1, chance.randrange(10**9), chance.randrange(10**12)]),
            per_s=chance.choice([60, 60, 1, 7, 3600]),
            increment_s=chance.choice([1, 6, 30, 60, chance.randrange(1, 100)]),
        )
        for at_s in begins
    )
    return Window(steps, connect_fee_nanos=chance.choice([0, 0, chance.randrange(10**9)]))


def any_rounding(chance: random.Random) -> Rounding:
    """Any of a card's roundings."""
    methods = list(Method)
    return Rounding(
        chance.randrange(7), chance.choice(methods), chance.choice(methods), chance.choice(list(Increments))
    )


def _by_lengths(lines: list[RateLine]) -> None:
    """How an engine without an ASOF join finds the prefix."""
    assert lines


@pytest.mark.parametrize(("keys_from", "count"), [(keys_of, 100_000), (_by_lengths, 20_000)])
def test_a_hundred_thousand_random_calls_cost_what_the_rules_say(
    keys_from: Callable[[list[RateLine]], Keys | None], count: int
) -> None:
    chance = random.Random(4)
    lines: list[RateLine] = []
    rates: list[Rate] = []
    indexes: dict[int | None, PrefixIndex] = {revision: PrefixIndex.build([]) for revision in NOBODYS}
    for revision in REVISIONS:
        rounding = any_rounding(chance)
        prefixes = {str(chance.randrange(10 ** chance.randrange(1, 7))) for _ in range(400)}
        prefixes |= {prefix + "0" for prefix in list(prefixes)[:50]} | ({""} if revision == 2 else set())
        placed = []
        for prefix in sorted(prefixes):
            rate, place = any_rate(chance, rounding), len(lines)
            lines.append(rate_line(place, revision, prefix, rate))
            rates.append(rate)
            placed.append((prefix, place))
        indexes[revision] = PrefixIndex.build(placed)
    plain = sum(line.plain for line in lines)
    assert 0.5 * len(lines) < plain < 0.95 * len(lines), "several windows and more steps are left to the rules"
    calls: Calls = [
        (
            number,
            chance.choice([*REVISIONS * 5, *NOBODYS]),
            str(chance.randrange(10 ** chance.randrange(1, 19))),
            chance.choice([0, 1, 499, 500, 501, 999, 1000, chance.randrange(90_000), chance.randrange(86_400_000)]),
            chance.choice([0, 0, 0, 1, 30, chance.randrange(120)]),
        )
        for number in range(count)
    ]
    found = rated(lines, calls, keys_from(lines))
    for number, revision, dialed, duration_ms, free_s in calls:
        place = indexes[revision].find(dialed)
        if place is None or not lines[place].plain:
            assert found[number] == (place, None, None)
        else:
            rate = rates[place]
            own = own_cost(
                Leg(rate=rate, **LEG), AT, duration_ms, granted_ms=duration_ms, held_micros=2**62, minutes_s=[free_s]
            )
            expected = (place, own.billed_s, own.cost_micros)
            assert found[number] == expected, (lines[place], duration_ms, free_s)
            if not free_s:
                assert found[number] == (place, billed_s(rate, AT, duration_ms), cost_micros(rate, AT, duration_ms))


def test_what_could_leave_the_range_of_whole_numbers_is_left_to_the_rules() -> None:
    dear = Rate(windows=(Window((Step(0, 10**13, per_s=7), Step(5, 10**13, per_s=60))),))
    assert rate_line(0, 1, "44", dear).plain == 0
    assert keys_of([rate_line(0, 1, "4" * 18, dear)]) is None
    assert keys_of([rate_line(0, 1, "4" * 12, dear), rate_line(1, 10**6, "4", dear)]) is None


def rated(lines: list[RateLine], calls: Calls, keys: Keys | None) -> dict[int, tuple[int | None, ...]]:
    """Place, billed seconds and charge of each call, by DuckDB."""
    columns = [f"{field.name} {'VARCHAR' if field.type is str else 'BIGINT'}" for field in fields(RateLine)]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rate_line ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO rate_line VALUES ({marks})", [astuple(line) for line in lines])
        if keys is not None:
            begins, places = zip(*spans(lines, keys), strict=True)
            connection.execute(
                "CREATE TABLE rate_span AS SELECT unnest($1::BIGINT[]) AS begin_key, unnest($2::BIGINT[]) AS place",
                [list(begins), list(places)],
            )
        numbers, revisions, dialed, durations, free = zip(*calls, strict=True)
        connection.execute(
            "CREATE TABLE rated_call AS SELECT unnest($1::BIGINT[]) AS id, unnest($2::BIGINT[]) AS revision_id,"
            " unnest($3::VARCHAR[]) AS number, unnest($4::BIGINT[]) AS duration_ms, unnest($5::BIGINT[]) AS free_s",
            [list(numbers), list(revisions), list(dialed), list(durations), list(free)],
        )
        text = rating_text(Engine.duckdb, {len(line.prefix) for line in lines}, keys)
        rows = connection.execute(f"SELECT id, place, new_billed_s, new_cost_micros FROM ({text})").fetchall()
    assert len(rows) == len(calls)
    return {row[0]: row[1:] for row in rows}


def test_a_longer_prefix_of_the_same_rate_is_no_stretch_of_its_own() -> None:
    rate = Rate(windows=(Window((Step(0, 10**9),)),))
    lines = [rate_line(0, 1, "4", rate), rate_line(0, 1, "42", rate)]
    keys = keys_of(lines)
    assert keys is not None
    assert [span.place for span in spans(lines, keys)] == [None, 0, None]
    assert keys_of([]) is None
