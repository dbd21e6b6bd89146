"""`tollgate run`: one command brings everything up, keeps it up, and takes it down without a trace.

`Running` is one that runs. Its tests leave the SIP edge out (`BARE`), but for the one that carries a call. One begins
in an empty folder, the others where the tables are made already (`prepared`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests import migrated
from tests.ports import free_port
from tests.sip.harness import free_block
from tests.sip.scene import PER_SECOND, require_programs
from tests.world import EURO, World
from tollgate.jobs import run
from tollgate.jobs.children import Ending
from tollgate.jobs.console import CommandFailed
from tollgate.jobs.postgres import Postgres
from tollgate.jobs.supervisor import Part, Supervisor

TOLLGATE = (sys.executable, "-m", "tollgate.jobs.command_line")
COMMAND = (*TOLLGATE, "run", "--json")
BARE = ("--no-sip", "--no-demo")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)
PATIENCE_S = 180.0


class Running:
    """A `tollgate run` of this test's own: its ports, its folder, what it says."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.ports = free_ports(2)
        self.said: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """Settings that keep it away from every other installation."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("TOLLGATE_", "DJANGO_"))}
        web, charging = map(str, self.ports)
        return own | {
            "TOLLGATE_DATA": str(self.folder),
            "TOLLGATE_WEB_PORT": web,
            "TOLLGATE_CHARGING_PORT": charging,
            "PYTHONPATH": str(ROOT),
            **self.settings,
        }

    def ok(self, *words: str) -> dict[str, Any]:
        """The last facts of another command of this installation, which must succeed."""
        done = subprocess.run(
            [*TOLLGATE, *words, "--json"],
            check=False,
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def wait_for(self, key: str, words: str = "") -> dict[str, Any]:
        """The next thing it says that has `key`, and `words` in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            fact: dict[str, Any] = json.loads(line)
            self.said.append(fact)
            if key in fact and words in str(fact[key]):
                return fact
        raise AssertionError((self.said, self.process.communicate()))

    def get(self, place: int) -> int:
        """The status of a health page: 0 the panel's, 1 the charging service's."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[place]}/healthz", timeout=30) as answer:
            return int(answer.status)

    def children(self) -> dict[str, int]:
        """The processes it started, by the last word of their command."""
        found = {}
        for pid, (parent, command) in processes().items():
            if parent == self.process.pid and command[-1]:
                found["postgres" if command[0].endswith("/postgres") else command[-1]] = pid
        return found

    def descendants(self) -> dict[int, str]:
        """The programs of the processes that it started, and that those started."""
        return descendants(self.process.pid)

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def processes() -> dict[int, tuple[int, list[str]]]:
    """Every process of this machine: its parent and its command."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = (path.parent / "cmdline").read_text().rstrip("\0").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = (parent, command)
    return found


def descendants(root: int) -> dict[int, str]:
    """The program of a process, and those of all that it started, by their ids."""
    known, found = processes(), {root}
    while more := {pid for pid, (parent, _) in known.items() if parent in found} - found:
        found |= more
    return {pid: Path(known[pid][1][0]).name for pid in found if pid in known}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    return [free_port() for _ in range(count)]


def wait_until(truth: Callable[[], bool]) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + PATIENCE_S
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def prepared(folder: Path) -> Path:
    """A data folder whose database has its tables, as a start before would have left it."""
    with Postgres(folder) as server:
        migrated.fill(server.url)
    return folder


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running installation without demo data, for tests that leave it running."""
    running = Running(tmp_path_factory.mktemp("installation") / "data", *BARE)
    running.wait_for("running")
    yield running
    running.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    """One to be stopped or killed."""
    running = Running(prepared(tmp_path / "data"), *BARE)
    running.wait_for("running")
    yield running
    running.stop()


def test_everything_answers_before_it_is_announced(installation: Running) -> None:
    before = installation.said[: [("running" in fact) for fact in installation.said].index(True)]
    assert [fact for fact in before if "event" in fact] == []
    assert (installation.get(0), installation.get(1)) == (200, 200)
    assert set(installation.children()) == {"postgres", "charge", "web", "work"}


def test_ctrl_c_stops_everything_and_the_next_start_finds_it_as_it_was(own: Running) -> None:
    started = own.children()
    assert own.stop() == 0
    assert [name for name, pid in started.items() if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(OSError, match="refused"):
        own.get(0)
    url = (own.folder / "postgres.url").read_text()
    again = Running(own.folder, *BARE)
    again.wait_for("running")
    assert (own.folder / "postgres.url").read_text() == url
    assert again.stop() == 0


def test_whatever_is_killed_is_started_again(installation: Running) -> None:
    doomed: set[int] = set()
    for name, words in (("postgres", "database"), ("charge", "charge ended"), ("web", "web ended")):
        killed = installation.children()[name]
        doomed |= set(descendants(killed))
        os.kill(killed, signal.SIGKILL)
        installation.wait_for("event", words)
    wait_until(lambda: not any(alive(pid) for pid in doomed))  # what the killed left behind still answers for a moment

    def healthy() -> bool:
        try:
            return (installation.get(0), installation.get(1)) == (200, 200)
        except OSError:
            return False

    wait_until(healthy)


def test_nothing_outlives_a_killed_supervisor(own: Running) -> None:
    started = own.children()
    own.process.kill()
    wait_until(lambda: not any(alive(pid) for pid in started.values()))


@pytest.mark.sip
def test_a_call_crosses_all_of_it_is_charged_and_ctrl_c_leaves_no_process(tmp_path: Path, database_url: str) -> None:
    require_programs()
    block = free_block()
    caller, carrier = f"{block}.2", f"{block}.3"
    with closing(World(database_url)) as world:
        world.insert("edge", account_id=world.account, name="run1", rpc_url=f"http://{block}.1:8060")
        acme, cirrus = world.customer("Acme", money_micros=EURO), world.carrier("Cirrus", [carrier])
        sold, bought = world.card("Retail", [PER_SECOND]), world.card("Bought", [PER_SECOND], carrier_id=cirrus)
        world.route(acme, sold, [bought])
        world.ip_endpoint(acme, caller)
    running = Running(
        tmp_path / "data",
        TOLLGATE_DATABASE_URL=database_url,
        TOLLGATE_EDGE="run1",
        TOLLGATE_SIP_IP=f"{block}.1",
        TOLLGATE_EDGE_RPC_IP=f"{block}.1",
    )
    try:
        assert running.wait_for("running")["running"]["sip"] == f"sip:{block}.1:5060"
        hold = "32"  # past the first time that the edge asks both sides whether they are still there
        said = running.ok("test-call", "--customer", "Acme", "--to", "442071838750", "--hold", hold)
        found = {finding["check"]: finding["state"] for finding in running.ok("doctor")["findings"]}
        started = running.descendants()
    finally:
        code = running.stop()
    assert said["by"] == f"placed by SIPp from {caller} through the SIP edge at {block}.1:5060"
    assert (said["answer"], said["state"], said["duration_ms"] >= 32_000) == ("200 OK", "charged", True)
    assert said["balance_before_micros"] - said["balance_after_micros"] == said["cost_micros"] > 0
    assert (found["charging"], found["edge"]) == ("ok", "ok")
    assert {"kamailio", "rtpengine"} <= set(started.values())
    assert (code, [name for pid, name in started.items() if alive(pid)]) == (0, [])


def test_the_same_data_folder_is_not_run_twice(installation: Running) -> None:
    second = Running(installation.folder, *BARE)
    _, complaint = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert "already runs on" in json.loads(complaint)["error"]


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOLLGATE_")},
            "TOLLGATE_DATA": str(tmp_path / "data"),
            "TOLLGATE_WEB_PORT": str(taken.getsockname()[1]),
        }
        done = subprocess.run(
            COMMAND, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
    assert done.returncode == 1
    assert "set TOLLGATE_WEB_PORT" in json.loads(done.stderr)["error"]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be counted does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


PORTS_OF_SIP = {
    "TOLLGATE_SIP_PORT": (socket.SOCK_DGRAM, socket.SOCK_STREAM),
    "TOLLGATE_EDGE_RPC_PORT": (socket.SOCK_STREAM,),
    "TOLLGATE_EDGE_CONTROL_PORT": (socket.SOCK_DGRAM,),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in PORTS_OF_SIP.items() for kind in kinds])
def test_a_taken_port_of_the_sip_edge_is_named_before_anything_starts(
    name: str, kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for own, port in zip(("TOLLGATE_WEB_PORT", "TOLLGATE_CHARGING_PORT", *PORTS_OF_SIP), free_ports(5), strict=True):
        monkeypatch.setenv(own, str(port))
    run.check_ports(with_sip=True)
    with closing(socket.socket(socket.AF_INET, kind)) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        monkeypatch.setenv(name, str(taken.getsockname()[1]))
        with pytest.raises(CommandFailed, match=f"set {name}, or leave the SIP edge out with --no-sip"):
            run.check_ports(with_sip=True)
        run.check_ports(with_sip=False)


def test_an_address_that_this_machine_has_not_is_named_by_its_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for own, port in zip(("TOLLGATE_WEB_PORT", "TOLLGATE_CHARGING_PORT", *PORTS_OF_SIP), free_ports(5), strict=True):
        monkeypatch.setenv(own, str(port))
    monkeypatch.setenv("TOLLGATE_SIP_IP", "192.0.2.7")
    with pytest.raises(CommandFailed, match="set TOLLGATE_SIP_IP,"):
        run.check_ports(with_sip=True)


class Soon:
    """Asked to end once something is so."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self.holds = holds
        self.late_s = time.monotonic() + PATIENCE_S

    def wait(self, _seconds: float) -> bool:
        time.sleep(0.02)
        assert time.monotonic() < self.late_s
        return self.holds()


def test_what_runs_is_announced_without_a_part_that_does_not_answer_and_that_part_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "READY_WITHIN_S", 0.5)
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    ready = tmp_path / "sip.ready"
    sleep = (sys.executable, "-c", "import time; print('port 5060 is taken', flush=True); time.sleep(60)")
    supervisor = Supervisor([Part("sip", sleep, ready)], folder=tmp_path, environment=dict(os.environ))
    supervisor.start()
    wait_until(lambda: supervisor.children[0].last_words() != "")
    said = ""

    def announced(words: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return words in said

    def answers_late() -> bool:
        if announced("Ctrl-C stops everything."):
            ready.touch()
        return announced("sip answers now")

    arguments = Namespace(json=False, no_sip=True)
    try:
        run.attend(arguments, supervisor, None, cast("Ending", Soon(answers_late)))
    finally:
        supervisor.stop()
    assert "port 5060 is taken" in said, "the end of its log"
    assert "Tollgate runs, but for sip" in said
    assert "http://127.0.0.1:8000/portal/" in said
    assert said.index("but for sip") < said.index("sip answers now")
