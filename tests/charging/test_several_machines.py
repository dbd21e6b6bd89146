"""Three of everything on one database, as on three machines: counts are shared, any answers, one of each may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import urllib3

from tests.charging.cast import ACME_IP, BALTIC_IP, EURO, World
from tests.charging.process import Charging, free_port, now
from tests.journeys.panel_session import DATA_KEY, Session, make_operator
from tests.sip.sipp import until

EMAIL, PASSWORD = "ann@demo.example", "correct horse battery"
MACHINES = 3
ALLOWED = 4


class Machine:
    """The web process and the worker of one machine, each with its children a group of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        self.environment = os.environ | {
            "TOLLGATE_DATABASE_URL": url, "TOLLGATE_DATA": str(folder), "TOLLGATE_DATA_KEY": DATA_KEY,
            "TOLLGATE_SECRET_KEY": "one key for the web processes of every machine",
            "TOLLGATE_WEB_PORT": str(self.port), "TOLLGATE_WEB_WORKERS": "1",
        }  # fmt: skip
        self.web, self.work = self._start("web"), self._start("work")

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "tollgate.jobs.command_line", name]
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Until its pages answer."""
        until(self._healthy, timeout_s=60, what=f"pages in {self.folder}")

    def _healthy(self) -> bool:
        assert self.web.poll() is None, (self.folder / "web.log").read_text()
        with suppress(urllib3.exceptions.HTTPError):
            return urllib3.request("GET", f"{self.address}/healthz", retries=False, timeout=2).status == 200
        return False

    def end(self) -> None:
        """kill -9 for all of it."""
        for process in (self.web, self.work):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in (self.web, self.work):
            process.wait(30)


@pytest.fixture
def machines(world: World, tmp_path: Path) -> Iterator[list[Machine]]:
    """Three machines on the world's database; their pages answer."""
    found = [Machine(tmp_path / f"machine{number}", world.url) for number in range(MACHINES)]
    try:
        make_operator(world.url, email=EMAIL, password=PASSWORD)
        for one in found:
            one.wait()
        yield found
    finally:
        for one in found:
            one.end()


def flood(processes: list[Charging], prefix: str, ip: str, count: int) -> dict[str, int]:
    """So many calls at once, spread over the processes: which were allowed, and at which process."""

    def ask(number: int) -> bool:
        return bool(processes[number % len(processes)].authorize(f"{prefix}{number}", ip=ip)["allow"])

    with ThreadPoolExecutor(count) as pool:
        allowed = list(pool.map(ask, range(count)))
    return {f"{prefix}{number}": number % len(processes) for number, one in enumerate(allowed) if one}


def finish(process: Charging, calls: list[str]) -> None:
    """Each call was answered 9 s ago and has talked for 7."""
    for call in calls:
        answered_at = now() - timedelta(seconds=9)
        process.answered(call, answered_at, route=0)
        process.ended(call, answered_at + timedelta(seconds=7), answered_at, sip=200, released_by="caller")


def obeying(world: World) -> int:
    """How many charging processes obey all that has been changed."""
    newest = "(SELECT max(id) FROM audit WHERE act = 'update_customer')"
    return int(world.one(f"SELECT count(*) FROM charging_process WHERE change_id >= {newest}")["count"])


@pytest.mark.timeout(240)  # nine processes come up first
def test_three_of_everything_share_their_counts_and_the_death_of_one_of_each_is_missed_by_nobody(
    world: World, start: Callable[..., Charging], machines: list[Machine]
) -> None:
    processes = [start() for _ in range(MACHINES)]
    ann = Session(machines[0].address)
    ann.log_in(EMAIL, PASSWORD)
    ann.address = machines[1].address
    ann.save(f"/customers/{world.acme}/edit/", channels=str(ALLOWED))
    until(lambda: obeying(world) == MACHINES, timeout_s=15, what="the limit to be obeyed")
    mine = flood(processes, "acme", ACME_IP, 6 * ALLOWED)
    assert len(mine) == ALLOWED, "channels are counted over all processes, wherever the calls come"
    theirs = flood(processes, "baltic", BALTIC_IP, 6)
    assert len(theirs) == 6
    world.age(10)

    processes[0].kill()
    machines[0].end()
    finish(processes[1], list(mine))
    finish(processes[2], list(theirs))
    wallet = world.wallet("customer", world.acme)
    assert (wallet["balance_micros"], wallet["held_micros"], wallet["channels"]) == (50 * EURO - ALLOWED * 7_000, 0, 0)
    ann.save(f"/customers/{world.acme}/edit/", channels="1")
    ann.address = machines[2].address
    assert len(flood(processes[1:], "last", ACME_IP, 6)) == 1, "what the killed one had counted is counted on"
    finish(processes[2], [row["edge_call_id"] for row in world.live()])

    counted = "SELECT sum(attempts) AS attempts, sum(duration_ms) AS duration_ms FROM summary"
    true = world.one("SELECT count(*) AS attempts, sum(duration_ms) AS duration_ms FROM cdr")
    until(lambda: world.one(counted) == true, timeout_s=20, what=f"summaries of {true} by the workers that are left")
    ann.save(f"/customers/{world.acme}/edit/", channels="2")
    assert world.one("SELECT count(*) FROM audit WHERE act = 'update_customer'")["count"] == 3
