"""Measures authorize while a long report runs beside the calls, in the same database and in another one.

A report keeps a snapshot open; as long as it does, no dead row version may be removed, and the rows that every call
changes collect them. The same load runs three times: alone, beside a snapshot in the same database, and beside one in
another database of the same server. docs/decisions/0010 follows from the figures. To try another remedy, add a
`Beside` and its line in `report`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psycopg
import uvloop

from tests.bench.charging import Load, postgres_cpu_s
from tests.bench.scale import CUSTOMERS, age, fill
from tollgate.charging.service import Service
from tollgate.jobs.postgres import Postgres

ROOT: Final = Path(__file__).parents[2]
ELSEWHERE: Final = "elsewhere"

Beside = Literal["nothing", "same database", "other database"]
EVERY_BESIDE: Final[Sequence[Beside]] = ("nothing", "same database", "other database")


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


FULL: Final = Pace(runs=3, seconds=15, calls_per_s=500)
QUICK: Final = Pace(runs=1, seconds=2, calls_per_s=100)


@contextmanager
def report(beside: Beside, server: Postgres) -> Iterator[None]:
    """A report that has begun and does not come to its end; afterwards what it kept from being cleaned is cleaned."""
    if beside == "nothing":
        yield
        return
    url = server.url if beside == "same database" else server.url_of(ELSEWHERE)
    with closing(psycopg.connect(url)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM pg_class")
        yield
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute("VACUUM wallet")
        connection.execute("VACUUM call")


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
    load = Load(service, customers=range(1, CUSTOMERS + 1), seed=seed)
    marks: list[int] = []

    async def mark() -> None:
        while True:
            await asyncio.sleep(1)
            marks.append(len(load.latencies_ms))

    marking = asyncio.create_task(mark())
    began_s, cpu_s = time.perf_counter(), postgres_cpu_s(server.pid)
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
    warm = Load(service, customers=range(1, CUSTOMERS + 1), seed=99)
    await warm.paced(1, pace.calls_per_s)
    found: dict[Beside, list[Beneath]] = {beside: [] for beside in EVERY_BESIDE}
    for number in range(pace.runs):
        turn = number % len(EVERY_BESIDE)  # none always goes first
        for place, beside in enumerate([*EVERY_BESIDE[turn:], *EVERY_BESIDE[:turn]]):
            with report(beside, server):
                seed = 100 + number * 10 + place
                found[beside].append(await run(service, beside, pace, seed=seed, server=server))
    await service.stop()
    return [median(runs) for runs in found.values()]


def measure(pace: Pace) -> list[Beneath]:
    """On a database of its own."""
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder, Postgres(Path(folder)) as server:
        fill(server.url)
        age(server.url, runs=pace.runs)
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {ELSEWHERE}")
        return uvloop.run(bench(server, pace))


def main() -> None:
    """The report alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    os.chdir(ROOT)
    for found in measure(QUICK if parser.parse_args().quick else FULL):
        print(found)


if __name__ == "__main__":
    main()
