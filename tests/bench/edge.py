"""Measures calls a second through a real edge: with the real charging service, and with an instant stub in its place.

One Kamailio, one PostgreSQL and one pair of SIPp serve both; only who listens at the service's address changes. A call
is INVITE, 180, 200, ACK, BYE with 50 ms of ringing and 1 s of talk. The rate climbs in steps; the highest step without
a failed call counts. To measure another kind of call, change `CALL` and the seller in `Rig`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tests import migrated
from tests.bench.scale import age
from tests.sip.scene import SECRET, Charging, Scene
from tests.sip.sipp import Sipp, read_statistics, render, until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

ROOT: Final = Path(__file__).parents[2]
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
RING_MS: Final = 50
HOLD_MS: Final = 1000
LATE_S: Final = 1.0
"""What is not set up and over this long after it should be counts as failed."""
BEHIND_MOST_S: Final = 1.0
"""Events may reach the service this long after the last call; the books are further behind otherwise."""
QUIET_S: Final = 1.5
"""When no end comes for so long, none will."""
EDGE: Final = "kam1"
CALL: Final = {"NAME": "Acme", "CLI": "02079460001", "HEADERS": "", "MEDIA": "", "HOLD": str(HOLD_MS)}
NUMBER: Final = "442071838750"

Kind = Literal["stub", "charging"]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Milliseconds of CPU for one call."""

    kamailio_ms: float
    service_ms: float
    postgres_dialogs_ms: float
    """What the edge's own sessions cost."""
    postgres_charging_ms: float
    """Every other process of the server."""
    sipp_ms: float

    @property
    def total_ms(self) -> float:
        return self.kamailio_ms + self.service_ms + self.postgres_dialogs_ms + self.postgres_charging_ms + self.sipp_ms


@dataclass(frozen=True, slots=True)
class Step:
    """So many calls a second for some seconds."""

    rate: int
    calls: int
    failed: int
    setup_ms: float
    behind_s: float
    """From the end of the last call until the service has dealt with every end."""
    cpu: Cpu

    @property
    def carried(self) -> bool:
        """No call failed."""
        return self.failed == 0

    @property
    def clean(self) -> bool:
        """No call failed, and the books kept step."""
        return self.carried and self.behind_s <= BEHIND_MOST_S


@dataclass(frozen=True, slots=True)
class Found:
    """The highest rates of one climb, and the step that was too much."""

    carried: Step
    """No call failed."""
    clean: Step
    """Besides, the events were no more than a second behind."""
    beyond: Step | None
    """The first step that was not clean; None when the climb ended with the grid."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how finely is searched: rates from `first`, each higher by `factor`."""

    runs: int
    seconds: int
    first: int
    factor: float
    steps: int
    budget_s: float
    """No further run begins after so long."""

    @property
    def rates(self) -> list[int]:
        return [round(self.first * self.factor**number) for number in range(self.steps)]


FULL: Final = Pace(runs=5, seconds=3, first=40, factor=1.05, steps=100, budget_s=420)
QUICK: Final = Pace(runs=1, seconds=1, first=20, factor=1.5, steps=3, budget_s=60)
STRIDE: Final = 14
"""Rates passed over while the first climb looks for its neighborhood: of the fine pace, about twice the rate."""


class StubProcess:
    """The instant service at the address of the charging service."""

    def __init__(self, charging: Charging) -> None:
        self.host, self.port, self.url = charging.host, charging.port, charging.url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, decision: bytes) -> None:
        """Starts it with its one answer and waits until it gives it."""
        command = [sys.executable, "-m", "tests.bench.stub", self.host, str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
        assert self.process.stdin is not None
        with self.process.stdin as pipe:
            pipe.write(decision)
        until(self._answers, timeout_s=20, what="the stub")

    def _answers(self) -> bool:
        try:
            self.ended()
        except OSError:
            return False
        return True

    def ended(self) -> int:
        """How many calls have ended."""
        with urllib.request.urlopen(f"{self.url}/ended", timeout=5) as answer:
            return int(answer.read())

    def stop(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


class Rig:
    """The edge under load, and whichever service stands behind it."""

    def __init__(self, folder: Path, server: Postgres) -> None:
        assert server.pid is not None
        self.folder, self.server_pid = folder, server.pid
        self.scene = Scene(folder, database_url=server.url, name=EDGE, media=False)
        self.charging = self.scene.charging
        self.stub = StubProcess(self.charging)
        self.kind: Kind = "charging"
        self.carrier: Sipp | None = None
        self.ip = ""
        self.decision = b""

    def start(self) -> None:
        """Edge, carrier, one seller with enough money, and the answer that the stub will repeat."""
        self.scene.start()
        carrier = {"first_reply_s": 3, "pdd_s": 5, "ring_s": 60}
        seller = self.scene.seller(money_micros=1_000_000 * EURO, carriers=("down",), carrier=carrier)
        self.ip = seller.ip
        self.carrier = self.scene.edge.carrier(seller.gateways[0], "answer", ring_ms=RING_MS, traced=False)
        time.sleep(1)  # the service reads the seller
        self.decision = self._decide()

    def stop(self) -> None:
        """Everything down."""
        self.stub.stop()
        self.scene.stop()

    def serve(self, kind: Kind) -> None:
        """Puts this service behind the edge, and lets a few calls open the connections."""
        if kind != self.kind:
            if kind == "stub":
                self.charging.stop()
                self.stub.start(self.decision)
            else:
                self.stub.stop()
                self.charging.start()
            self.kind = kind
        self.step(10, 1)
        time.sleep(2)  # the edge looks every 2 s whether events that found nobody can go now

    def _decide(self) -> bytes:
        """The real answer to a real question; the call is closed again."""
        call = {"edge": EDGE, "call_id": "the answer for the stub"}
        question = {"src_ip": self.ip, "cld": NUMBER, "cli": CALL["CLI"], "dst_ip": self.scene.edge.address(1)}
        decision = self._post("/v1/kamailio/authorize", call | question)
        assert json.loads(decision)["action"] == "route", decision
        end = {"id": "the end", "event": "failed", "at": f"{time.time():.6f}", "sip_code": 487}
        self._post("/v1/kamailio/event", call | end)
        return decision

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        headers = {"X-Tollgate-Secret": SECRET, "Content-Type": "application/json"}
        request = urllib.request.Request(self.charging.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    def step(self, rate: int, seconds: int) -> Step:
        """Calls at a constant rate. Bounded: what hangs is ended and counts as failed."""
        calls = rate * seconds
        most_s = seconds + (RING_MS + HOLD_MS) / 1000 + LATE_S
        ended, before, begun = self._ended(), self._cpu_s(), time.monotonic()
        statistics_file = self._call(rate, calls, most_s)
        took_s = time.monotonic() - begun
        behind_s = self._wait_for_ends(ended + calls)
        spent = [(now - then) * 1000 / calls for now, then in zip(self._cpu_s(), before, strict=True)]
        kamailio, service, dialogs, other, carrier, caller = spent
        load = read_statistics(statistics_file, took_s=took_s)
        failed = calls - load.succeeded or int(took_s > most_s + 0.5)  # the caller leaves when its last call is over
        return Step(
            rate=rate,
            calls=calls,
            failed=failed,
            setup_ms=load.setup_ms,
            behind_s=round(behind_s, 2),
            cpu=Cpu(kamailio, service, dialogs, other, carrier + caller),
        )

    def _call(self, rate: int, calls: int, most_s: float) -> Path:
        """The caller's part of a step; its statistics."""
        file = render("caller", folder=self.folder / "sipp", words=CALL)
        found = file.with_suffix(".csv")
        target = f"{self.scene.edge.settings.listen_ip}:{self.scene.edge.settings.sip_port}"
        arguments = ["-s", NUMBER, "-m", str(calls), "-r", str(rate), "-l", "20000", "-timeout", str(round(most_s + 1))]
        arguments += ["-trace_stat", "-fd", "1", "-stf", str(found), target]
        caller = Sipp(file, self.ip, 5060, tuple(arguments), traced=False)
        try:
            caller.wait(most_s + 3)
        except subprocess.TimeoutExpired:
            caller.stop()
        return found

    def _ended(self) -> int:
        """How many calls the service knows to be over."""
        if self.kind == "stub":
            return self.stub.ended()
        return int(self.scene.world.rows("SELECT count(*) FROM cdr")[0][0])

    def _wait_for_ends(self, count: int) -> float:
        """Seconds until the service has heard of every end, or of the last that came."""
        begun = last = time.monotonic()
        seen = self._ended()
        while seen < count and time.monotonic() < last + QUIET_S:
            time.sleep(0.05)
            now = self._ended()
            if now != seen:
                seen, last = now, time.monotonic()
        return last - begun

    def _cpu_s(self) -> tuple[float, ...]:
        """Seconds of CPU so far: Kamailio, the service, PostgreSQL for the edge, the rest of it, carrier, callers."""
        role = self.scene.edge.settings.database_name
        found = self.scene.world.rows("SELECT pid FROM pg_stat_activity WHERE usename = %s", role)
        sessions = {pid for (pid,) in found}
        groups = {"kamailio": 0.0, "service": 0.0, "dialogs": 0.0, "other": 0.0, "carrier": 0.0}
        service = self.stub.process if self.kind == "stub" else self.charging.process
        carrier = self.carrier.process.pid if self.carrier else 0
        for pid, parent, group, seconds in _processes():
            if group == self.scene.edge.edge.pid():
                groups["kamailio"] += seconds
            elif service and pid == service.pid:
                groups["service"] += seconds
            elif pid in sessions:
                groups["dialogs"] += seconds
            elif self.server_pid in (pid, parent):
                groups["other"] += seconds
            elif pid == carrier:
                groups["carrier"] += seconds
        times = os.times()
        return *groups.values(), times.children_user + times.children_system


def _processes() -> Iterator[tuple[int, int, int, float]]:
    """Id, parent, group and seconds of CPU of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            yield int(entry.name), int(fields[1]), int(fields[2]), (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Climb:
    """One search for the highest rates, on the grid of a pace."""

    def __init__(self, step: Callable[[int], Step], pace: Pace) -> None:
        self._step = step
        self._pace = pace
        self._steps: dict[int, Step] = {}

    def at(self, place: int) -> Step:
        """The step at a place of the grid, measured once."""
        if place not in self._steps:
            self._steps[place] = self._step(self._pace.rates[place])
        return self._steps[place]

    def neighborhood(self) -> int:
        """Where to begin when nothing is known: great strides while they are clean, then halves of the last one."""
        place, beyond = 0, STRIDE
        while beyond < self._pace.steps and self.at(beyond).clean:
            place, beyond = beyond, beyond + STRIDE
        beyond = min(beyond, self._pace.steps)
        while beyond - place > 1:
            middle = (place + beyond) // 2
            if self.at(middle).clean:
                place = middle
            else:
                beyond = middle
        return place

    def highest(self, passes: Callable[[Step], bool], near: int) -> int:
        """The highest place that passes, searched from `near`. Raises when none does."""
        place = near
        while not passes(self.at(place)):
            place -= 1
            if place < 0:
                raise RuntimeError(f"not even {self._pace.first} calls a second pass: {self._steps}")
        while place + 1 < self._pace.steps and passes(self.at(place + 1)):
            place += 1
        return place

    def found(self, clean: int, carried: int) -> Found:
        """The figures of the climb."""
        return Found(self.at(carried), self.at(clean), self._steps.get(clean + 1))


@contextmanager
def rig(*, runs: int) -> Iterator[Rig]:
    """Database, edge and service in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as name, Postgres(Path(name) / "data") as server:
        migrated.fill(server.url)
        age(server.url, runs=runs)
        whole = Rig(Path(name), server)
        try:
            whole.start()
            yield whole
        finally:
            whole.stop()


def measure(pace: Pace, *, tell: Callable[[str], None] = lambda _: None) -> dict[Kind, list[Found]]:
    """Alternates stub and charging service; one `Found` for each and run."""
    found: dict[Kind, list[Found]] = {"stub": [], "charging": []}
    near: dict[Kind, tuple[int, int]] = {}
    with rig(runs=pace.runs) as whole:

        def step(rate: int) -> Step:
            done = whole.step(rate, pace.seconds)
            tell(
                f"{whole.kind} {rate}/s: {done.failed} failed, set-up {done.setup_ms:.0f} ms, {done.behind_s} s behind"
            )
            return done

        until_s = time.monotonic() + pace.budget_s
        while len(found["charging"]) < pace.runs and (not near or time.monotonic() < until_s):
            for kind, runs in found.items():
                whole.serve(kind)
                climb = Climb(step, pace)
                first, second = near.get(kind) or (climb.neighborhood(), 0)
                clean = climb.highest(lambda one: one.clean, first)
                carried = climb.highest(lambda one: one.carried, max(clean, second))
                near[kind] = clean, carried
                runs.append(climb.found(clean, carried))
        whole.serve("charging")
        whole.scene.assert_books()
        assert not whole.scene.edge.errors(), whole.scene.edge.errors()
    return found


def median_step(steps: Sequence[Step]) -> Step:
    """The median of each value."""

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    cpu = Cpu(*(middle([getattr(step.cpu, name) for step in steps]) for name in Cpu.__slots__))
    return Step(
        rate=round(middle([step.rate for step in steps])),
        calls=round(middle([step.calls for step in steps])),
        failed=0,
        setup_ms=middle([step.setup_ms for step in steps]),
        behind_s=middle([step.behind_s for step in steps]),
        cpu=cpu,
    )


def main() -> None:
    """The edge alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    pace = QUICK if parser.parse_args().quick else FULL
    os.chdir(ROOT)
    for kind, runs in measure(pace, tell=print).items():
        print(kind, median_step([run.carried for run in runs]), median_step([run.clean for run in runs]), sep="\n  ")


if __name__ == "__main__":
    main()
