"""Measures the charging desk: whole calls (authorize, answered, ended), durable, on 2 cores.

Run by `make bench`: `python tests/bench/charging.py`. Prints JSON, and writes the table that docs/benchmarks.md
includes. To add a measurement, write a function that returns a `Figure` and name it in `main`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import uvloop

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.scale import SMALL, WHOLE, Scale, address_of, age, fill  # noqa: E402
from tollgate.charging import requests  # noqa: E402
from tollgate.charging.service import Service  # noqa: E402
from tollgate.core.calls import Invite  # noqa: E402
from tollgate.jobs.postgres import Postgres  # noqa: E402
from tollgate.switches import Answered, Ended  # noqa: E402

CALLERS: Final = 600
OVER: Final = 3
DEADLINE_MS: Final = 1500
AGAIN_S: Final = 0.5
TALK: Final = timedelta(seconds=3)
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured run."""

    calls_per_s: float
    python_ms_per_call: float
    postgres_ms_per_call: float
    authorize_p50_ms: float
    authorize_p99_ms: float
    mean_batch: float


@dataclass(frozen=True, slots=True)
class Overload:
    """What a desk carries of more than it can."""

    offered_per_s: float
    goodput_per_s: float
    """Calls that were allowed within their deadline."""
    share: float
    """Of what the desk carries when nothing is turned away."""
    accepted_p99_ms: float
    shed_p99_ms: float
    """How long a caller waits to be turned away."""


F = TypeVar("F", Figure, Overload)


class Load:
    """Callers who make one whole call after the other in this process, straight at the desk."""

    def __init__(self, service: Service, scale: Scale, *, seed: int, customers: Sequence[int] | None = None) -> None:
        self.service = service
        self.prefixes = scale.prefixes
        self.addresses = [address_of(customer) for customer in customers or range(1, scale.customers + 1)]
        self.random = Random(seed)
        self.calls = 0
        self.latencies_ms: list[float] = []
        self.shed_ms: list[float] = []
        self.snapshot = service.snapshots.by_edge["bench"]
        self.seed = seed

    async def call(self, deadline_ms: int = 30_000) -> None:
        """One whole call, unless it is turned away."""
        service, account_id, chance = self.service, self.snapshot.account.id, self.random.random
        self.calls += 1
        call_id = f"{self.seed}-{self.calls}"
        invite = Invite(
            edge="bench",
            call_id=call_id,
            source_ip=self.addresses[int(chance() * len(self.addresses))],
            cli="442071838750",
            cld=f"{100_001 + int(chance() * self.prefixes)}5550100",
        )
        began_s = time.perf_counter()
        decided: requests.Outcome | None = service.sheds(deadline_ms)
        if decided is None:
            decided = await service.authorize(service.planned(invite, self.snapshot), self.snapshot, deadline_ms)
        took_ms = (time.perf_counter() - began_s) * 1000
        if isinstance(decided, requests.Unavailable):
            self.shed_ms.append(took_ms)
            return
        self.latencies_ms.append(took_ms)
        assert isinstance(decided, requests.Allowed), decided
        key, at = (account_id, "bench", call_id), datetime.now(UTC)
        answered = await self.told(requests.Answer, key, Answered("bench", call_id, at, 0))
        assert isinstance(answered, requests.Known), answered
        ended = await self.told(requests.End, key, Ended("bench", call_id, at + TALK, at, 3000, 200, 16, "caller"))
        assert isinstance(ended, requests.Closed), ended

    async def told(self, kind: type[requests.Request], key: requests.Key, event: object) -> requests.Outcome:
        """What became of the call is told until it is taken, as edges do."""
        while True:
            outcome = await self.service.tell(kind, key, event)
            if not isinstance(outcome, requests.Unavailable):
                return outcome
            await asyncio.sleep(AGAIN_S)

    async def full(self, seconds: float, callers: int) -> None:
        """As many calls as go, each caller one at a time."""
        until_s = time.perf_counter() + seconds

        async def caller() -> None:
            while time.perf_counter() < until_s:
                await self.call()

        await asyncio.gather(*[caller() for _ in range(callers)])

    async def paced(self, seconds: float, calls_per_s: float, deadline_ms: int = 30_000) -> None:
        """Calls that come at their own pace, whatever the answers take."""
        began_s, tasks, made = time.perf_counter(), set(), 0
        while (elapsed_s := time.perf_counter() - began_s) < seconds:
            while made < elapsed_s * calls_per_s:
                task = asyncio.create_task(self.call(deadline_ms))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                made += 1
            await asyncio.sleep(0.001)  # half of it would round to nothing, and take a core to look at the clock
        await asyncio.gather(*tasks)


def postgres_cpu_s(pid: int) -> float:
    """Seconds of CPU that the postmaster and its children have used, ended ones included."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
            total += (int(fields[13]) + int(fields[14])) if int(entry.name) == pid else 0
    return total / TICKS_PER_S


async def measured(load: Load, pid: int, work: Callable[[], Awaitable[None]]) -> Figure:
    """Runs some work and measures it."""
    counts = load.service.desk.counts
    before = (time.perf_counter(), time.process_time(), postgres_cpu_s(pid), counts.batches, counts.requests)
    await work()
    calls = load.calls
    wall_s, python_s = time.perf_counter() - before[0], time.process_time() - before[1]
    postgres_s = postgres_cpu_s(pid) - before[2]
    ordered = sorted(load.latencies_ms)
    return Figure(
        calls_per_s=round(calls / wall_s),
        python_ms_per_call=round(python_s / calls * 1000, 4),
        postgres_ms_per_call=round(postgres_s / calls * 1000, 4),
        authorize_p50_ms=round(ordered[len(ordered) // 2], 2),
        authorize_p99_ms=round(ordered[len(ordered) * 99 // 100], 2),
        mean_batch=round((counts.requests - before[4]) / max(1, counts.batches - before[3]), 1),
    )


def median(figures: Sequence[F]) -> F:
    """The median of each value."""
    rows = [asdict(figure) for figure in figures]
    return type(figures[0])(**{name: statistics.median(row[name] for row in rows) for name in rows[0]})


async def overloaded(load: Load, seconds: float, capacity: float) -> Overload:
    """Three times as many calls as the desk carries."""
    offered = OVER * capacity
    began_s = time.perf_counter()
    await load.paced(seconds, offered, DEADLINE_MS)
    took_s = time.perf_counter() - began_s
    in_time = [took_ms for took_ms in load.latencies_ms if took_ms <= DEADLINE_MS]
    return Overload(
        offered_per_s=round(load.calls / took_s),
        goodput_per_s=round(len(in_time) / took_s),
        share=round(len(in_time) / took_s / capacity, 2),
        accepted_p99_ms=percentile(load.latencies_ms, 99),
        shed_p99_ms=percentile(load.shed_ms, 99),
    )


def percentile(values_ms: Sequence[float], hundredth: int) -> float:
    """Of none, zero."""
    ordered = sorted(values_ms)
    return round(ordered[len(ordered) * hundredth // 100], 2) if ordered else 0.0


async def bench(url: str, pid: int, scale: Scale, *, runs: int, seconds: float) -> tuple[dict[str, Figure], Overload]:
    """Every measurement in this process."""
    service = Service(url)
    await service.start()
    found: dict[str, list[Figure]] = {"10,000 customers": [], "one hot customer": [], "half load": []}
    over: list[Overload] = []
    warm = Load(service, scale, seed=10**6)
    await warm.full(seconds, CALLERS)
    for run in range(runs):
        full = Load(service, scale, seed=3 * run)
        found["10,000 customers"].append(await measured(full, pid, partial(full.full, seconds, CALLERS)))
        hot = Load(service, scale, seed=3 * run + 1, customers=[1])
        found["one hot customer"].append(await measured(hot, pid, partial(hot.full, seconds, CALLERS)))
        half = Load(service, scale, seed=3 * run + 2)
        pace = found["10,000 customers"][-1].calls_per_s / 2
        found["half load"].append(await measured(half, pid, partial(half.paced, seconds, pace)))
        much = Load(service, scale, seed=10**6 + run + 1)
        over.append(await overloaded(much, seconds, 2 * pace))
    await service.stop()
    return {name: median(figures) for name, figures in found.items()}, median(over)


SERVE: Final = """
import sys
from tollgate.charging.server import main
main(database_url=sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), secret="", log_level="warning")
"""


def process_cpu_s(pid: int) -> float:
    """Seconds of CPU that one process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def over_http(url: str, pid: int, scale: Scale, *, runs: int, seconds: float) -> dict[str, Figure]:
    """The same calls through the charging process's own socket, from a load process of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([sys.executable, "-c", SERVE, url, str(port)], env=environment)
    try:
        wait_for(port)
        figures: dict[str, list[Figure]] = {"through HTTP": [], "through HTTP, half load": []}
        for run in range(runs):
            full = http_run(port, scale, seconds, 100 + 2 * run, None, (server.pid, pid))
            figures["through HTTP"].append(full)
            half = http_run(port, scale, seconds, 101 + 2 * run, full.calls_per_s / 2, (server.pid, pid))
            figures["through HTTP, half load"].append(half)
    finally:
        server.terminate()
        server.wait()
    return {name: median(found) for name, found in figures.items()}


def wait_for(port: int) -> None:
    """Waits until the server accepts."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the charging process does not answer")


def http_run(port: int, scale: Scale, seconds: float, seed: int, pace: float | None, pids: tuple[int, int]) -> Figure:
    """One run of the load process."""
    command = [sys.executable, str(ROOT / "tests/bench/http_load.py"), str(port), str(seconds), "128"]
    command += [str(scale.customers), str(scale.prefixes), str(seed), *([] if pace is None else [str(pace)])]
    before = process_cpu_s(pids[0]), postgres_cpu_s(pids[1])
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    calls = found["calls_per_s"] * seconds
    return Figure(
        calls_per_s=round(found["calls_per_s"]),
        python_ms_per_call=round((process_cpu_s(pids[0]) - before[0]) / calls * 1000, 4),
        postgres_ms_per_call=round((postgres_cpu_s(pids[1]) - before[1]) / calls * 1000, 4),
        authorize_p50_ms=round(found["p50_ms"], 2),
        authorize_p99_ms=round(found["p99_ms"], 2),
        mean_batch=0.0,
    )


def table(figures: dict[str, Figure]) -> str:
    """Markdown for docs/benchmarks.md."""
    head = "| load | full calls/s | authorize p50 | p99 | CPU per call Python + PostgreSQL | requests a batch |\n"
    rule = "|---|---|---|---|---|---|\n"
    rows = [
        f"| {name} | {figure.calls_per_s:,.0f} | {figure.authorize_p50_ms} ms | {figure.authorize_p99_ms} ms | "
        f"{figure.python_ms_per_call} + {figure.postgres_ms_per_call} ms | {figure.mean_batch or '–'} |\n"
        for name, figure in figures.items()
    ]
    return head + rule + "".join(rows)


def main() -> None:
    """Measures on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--small", action="store_true", help="fewer customers and prefixes, for a smoke run")
    chosen = parser.parse_args()
    scale = SMALL if chosen.small else WHOLE
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder, Postgres(Path(folder)) as server:
        fill(server.url, scale)
        age(server.url, runs=chosen.runs)
        assert server.pid is not None
        figures, over = uvloop.run(bench(server.url, server.pid, scale, runs=chosen.runs, seconds=chosen.seconds))
        figures |= over_http(server.url, server.pid, scale, runs=chosen.runs, seconds=chosen.seconds)
    method = {
        "customers": scale.customers,
        "resellers": scale.resellers,
        "prefixes": scale.prefixes,
        "runs": chosen.runs,
        "seconds": chosen.seconds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    found = {name: asdict(figure) for name, figure in figures.items()}
    print(json.dumps({"method": method, "figures": found, "overload": asdict(over)}, indent=1))
    print(table(figures))


if __name__ == "__main__":
    main()
