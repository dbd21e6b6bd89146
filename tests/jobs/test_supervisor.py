"""The supervisor: starts what died, stops in order, leaves no orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tollgate.jobs.supervisor import FIRST_WAIT_S, Part, Supervisor

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def supervisor(folder: Path, *parts: Part) -> Supervisor:
    """A supervisor of these parts."""
    return Supervisor(parts, folder=folder, environment=dict(os.environ))


def wait_until(truth: Callable[[], bool]) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + 60
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_part_that_dies_is_started_again_after_a_growing_wait(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, Part("short", (sys.executable, "-c", "print('gone'); raise SystemExit(3)"), None))
    watched.start()
    said: list[str] = []

    def died_twice() -> bool:
        said.extend(watched.look_after())
        return len(said) == 2

    wait_until(died_twice)
    assert "short ended with 3; it starts again in 0.5 s" in said[0]
    assert "it starts again in 1 s" in said[1]
    assert watched.children[0].last_words() == "gone\ngone"
    assert watched.children[0].wait_s == FIRST_WAIT_S * 4
    watched.stop()


def test_parts_are_stopped_last_started_first(tmp_path: Path) -> None:
    note = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nopen(sys.argv[3], 'w').close()\ntime.sleep(60)\n"
    )
    parts = [
        Part(name, (sys.executable, "-c", code, str(note), name, str(ready)), ready)
        for name, ready in ((name, tmp_path / f"{name}.ready") for name in "abc")
    ]
    watched = supervisor(tmp_path, *parts)
    watched.start()
    wait_until(lambda: not watched.silent())
    watched.stop()
    assert note.read_text() == "cba"


def test_a_part_without_a_sign_of_health_is_silent_until_it_has_lived_for_a_moment(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, Part("quiet", SLEEP, None))
    watched.start()
    assert [child.part.name for child in watched.silent()] == ["quiet"]
    wait_until(lambda: not watched.silent())
    watched.stop()


def test_a_part_is_silent_until_its_file_is_there(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.touch()  # left by an earlier run
    watched = supervisor(tmp_path, Part("slow", SLEEP, ready))
    watched.start()
    assert [child.part.name for child in watched.silent()] == ["slow"]
    ready.touch()
    assert watched.silent() == []
    watched.stop()


def test_a_part_that_refuses_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollgate.jobs.supervisor.PATIENCE_S", 0.2)
    ready = tmp_path / "ready"
    code = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w').close(); time.sleep(60)"
    watched = supervisor(tmp_path, Part("deaf", (sys.executable, "-c", code), ready))
    watched.start()
    wait_until(lambda: not watched.silent())
    process = watched.children[0].process
    assert process is not None
    watched.stop()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_no_part_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom tollgate.jobs.supervisor import Part, Supervisor\n"
        f"s = Supervisor([Part('x', {SLEEP!r}, None)], folder=Path(sys.argv[1]), environment=dict(os.environ))\n"
        "s.start()\nprint(s.children[0].process.pid, flush=True)\ntime.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: gone(child))


def gone(pid: int) -> bool:
    """Whether the process has ended, even if nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
