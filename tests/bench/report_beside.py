"""Measures authorize beside a long report, in the same database and in another one, and beside big cards that change.

A report keeps a snapshot open; as long as it does, no dead row version may be removed, and the rows that every call
changes collect them. A card that is published is read and indexed while calls are decided by the revision before. The
same load runs in every case, alone as well. docs/decisions/0010 follows from the figures of reports. To try another
case, add a `Beside` and its lines in `beside_calls`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psycopg
import uvloop

from tests.bench.charging import Load, postgres_cpu_s
from tests.bench.scale import SMALL, WHOLE, Scale, age, fill
from tollgate.charging.service import Service
from tollgate.jobs.postgres import Postgres

ROOT: Final = Path(__file__).parents[2]
ELSEWHERE: Final = "elsewhere"

Beside = Literal["nothing", "same database", "other database", "new cards"]
EVERY_BESIDE: Final[Sequence[Beside]] = ("nothing", "same database", "other database", "new cards")
COPIED: Final = """
INSERT INTO rate (revision_id, prefix, destination, blocked, price_nanos, connect_fee_nanos, initial_s, increment_s,
                  grace_s, included_s)
SELECT %s, prefix, destination, blocked, price_nanos, connect_fee_nanos, initial_s, increment_s, grace_s, included_s
FROM rate WHERE revision_id = %s
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """What authorize took within a part of a run, in milliseconds."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Beneath:
    """One run: the whole of it, and second by second as the report grows older."""

    beside: Beside
    calls_per_s: float
    whole: Latency
    last: Latency
    """The last quarter: the report is then as old as it gets."""
    postgres_ms: float
    """CPU of PostgreSQL for one call, which a busy machine does not blur."""
    pages: float
    """How many pages PostgreSQL reads to find the account's wallet, the row that every batch changes, at the end."""
    by_second_ms: tuple[float, ...]
    """The median of each second."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured."""

    runs: int
    seconds: int
    calls_per_s: int
    cards_apart_s: float
    scale: Scale


FULL: Final = Pace(runs=3, seconds=60, calls_per_s=500, cards_apart_s=10, scale=WHOLE)
QUICK: Final = Pace(runs=1, seconds=2, calls_per_s=100, cards_apart_s=0.5, scale=SMALL)


@contextmanager
def beside_calls(beside: Beside, server: Postgres, pace: Pace) -> Iterator[None]:
    """What happens beside the calls; afterwards what it kept from being cleaned is cleaned."""
    match beside:
        case "nothing":
            yield
        case "same database" | "other database":
            with report(server.url if beside == "same database" else server.url_of(ELSEWHERE)):
                yield
        case "new cards":
            with new_cards(server.url, pace.cards_apart_s):
                yield
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute("VACUUM wallet")
        connection.execute("VACUUM call")


@contextmanager
def report(url: str) -> Iterator[None]:
    """A report that has begun and does not come to its end."""
    with closing(psycopg.connect(url)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM pg_class")
        yield


@contextmanager
def new_cards(url: str, apart_s: float) -> Iterator[None]:
    """The card that all calls are sold by gets a new revision, as large as the one before, again and again."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(apart_s):
            publish(url)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def publish(url: str) -> None:
    """One revision of the card Retail, with the prices of the last."""
    with closing(psycopg.connect(url)) as connection, connection:
        found = connection.execute(
            "SELECT revision.id, card_id, number, rate_count FROM revision JOIN card ON card.id = card_id"
            " WHERE card.name = 'Retail' ORDER BY number DESC LIMIT 1"
        ).fetchone()
        assert found is not None
        last, card, number, count = found
        ((new,),) = connection.execute(
            "INSERT INTO revision (card_id, number, effective_at, rate_count, note) VALUES (%s, %s, now(), %s, '')"
            " RETURNING id",
            [card, number + 1, count],
        ).fetchall()
        connection.execute(COPIED, [new, last])
        connection.execute("UPDATE revision SET published_at = now() WHERE id = %s", [new])


def pages_to_the_account(url: str) -> int:
    """Pages touched in reading the hottest row by its key."""
    with closing(psycopg.connect(url)) as connection:
        connection.execute("SET enable_seqscan = off")
        ((wallet,),) = connection.execute("SELECT id FROM wallet WHERE kind = 'account'").fetchall()
        question = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id, balance_micros FROM wallet WHERE id = {wallet}"
        (((found,),),) = connection.execute(question).fetchall()
        return int(found["Plan"]["Shared Hit Blocks"]) + int(found["Plan"]["Shared Read Blocks"])


async def run(service: Service, beside: Beside, pace: Pace, *, seed: int, server: Postgres) -> Beneath:
    """One load at a constant pace."""
    assert server.pid is not None
    load = Load(service, pace.scale, seed=seed)
    marks: list[int] = []

    async def mark() -> None:
        for second in itertools.count(1):
            await asyncio.sleep(began_s + second - time.perf_counter())  # by the clock: a late mark delays no other
            marks.append(len(load.latencies_ms))

    began_s, cpu_s = time.perf_counter(), postgres_cpu_s(server.pid)
    marking = asyncio.create_task(mark())
    await load.paced(pace.seconds, pace.calls_per_s)
    took_s, cpu_s = time.perf_counter() - began_s, postgres_cpu_s(server.pid) - cpu_s
    marking.cancel()
    found = load.latencies_ms
    ends = [*(place for place in marks if place < len(found)), len(found)]
    parts = [found[begin:end] for begin, end in zip([0, *ends], ends, strict=False) if end > begin]
    return Beneath(
        beside=beside,
        calls_per_s=round(load.calls / took_s),
        whole=latency(found),
        last=latency(found[len(found) * 3 // 4 :]),
        pages=pages_to_the_account(server.url),
        postgres_ms=round(cpu_s * 1000 / load.calls, 3),
        by_second_ms=tuple(latency(part).p50_ms for part in parts),
    )


def latency(values_ms: Sequence[float]) -> Latency:
    """Median and 99th percentile."""
    ordered = sorted(values_ms)
    return Latency(round(ordered[len(ordered) // 2], 2), round(ordered[len(ordered) * 99 // 100], 2))


def median(runs: Sequence[Beneath]) -> Beneath:
    """The median of each value."""

    def middle(value: Callable[[Beneath], float]) -> float:
        return round(statistics.median([value(one) for one in runs]), 2)

    seconds = min(len(one.by_second_ms) for one in runs)
    by_second_ms = [[one.by_second_ms[second] for one in runs] for second in range(seconds)]
    return Beneath(
        beside=runs[0].beside,
        calls_per_s=middle(lambda one: one.calls_per_s),
        whole=Latency(middle(lambda one: one.whole.p50_ms), middle(lambda one: one.whole.p99_ms)),
        last=Latency(middle(lambda one: one.last.p50_ms), middle(lambda one: one.last.p99_ms)),
        pages=middle(lambda one: one.pages),
        postgres_ms=round(statistics.median(one.postgres_ms for one in runs), 3),
        by_second_ms=tuple(round(statistics.median(values), 2) for values in by_second_ms),
    )


async def bench(server: Postgres, pace: Pace) -> list[Beneath]:
    """Every case, taking turns."""
    service = Service(server.url)
    await service.start()
    warm = Load(service, pace.scale, seed=99)
    await warm.paced(1, pace.calls_per_s)
    found: dict[Beside, list[Beneath]] = {beside: [] for beside in EVERY_BESIDE}
    for number in range(pace.runs):
        turn = number % len(EVERY_BESIDE)  # none always goes first
        for place, beside in enumerate([*EVERY_BESIDE[turn:], *EVERY_BESIDE[:turn]]):
            with beside_calls(beside, server, pace):
                seed = 100 + number * 10 + place
                found[beside].append(await run(service, beside, pace, seed=seed, server=server))
    await service.stop()
    return [median(runs) for runs in found.values()]


def measure(pace: Pace) -> list[Beneath]:
    """On a database of its own."""
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder, Postgres(Path(folder)) as server:
        fill(server.url, pace.scale)
        age(server.url, runs=pace.runs)
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {ELSEWHERE}")
        return uvloop.run(bench(server, pace))


def main() -> None:
    """These alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    os.chdir(ROOT)
    for found in measure(QUICK if parser.parse_args().quick else FULL):
        print(found)


if __name__ == "__main__":
    main()
