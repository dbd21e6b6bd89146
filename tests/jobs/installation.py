"""An installation for tests of commands: its own database and data folder, commands run as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.ports import free_port
from tollgate.core.snapshot import OBEYED

ROOT = Path(__file__).parents[2]
OLDEST: Final = "15"
"""The oldest version of PostgreSQL that `TOLLGATE_DATABASE_URL` may name."""
MODULE = (sys.executable, "-m", "tollgate.jobs.command_line")


@dataclass
class Installation:
    """Where it is, and what its commands answer."""

    url: str
    folder: Path
    settings: dict[str, str] = field(default_factory=lambda: {"TOLLGATE_CHARGING_PORT": str(free_port())})

    def environment(self) -> dict[str, str]:
        """Settings that keep it away from every other installation."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("TOLLGATE_", "DJANGO_"))}
        mine = {"TOLLGATE_DATA": str(self.folder), "TOLLGATE_DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)}
        return own | mine | self.settings

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command."""
        return subprocess.run(
            [*MODULE, *words], cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False
        )

    def ok(self, *words: str) -> dict[str, Any]:
        """The last facts of a command that must succeed."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def fails(self, *words: str) -> str:
        """The words of a command that must fail."""
        done = self.run(*words)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def obeyed(self) -> None:
        """Waits until the charging service has read every change so far."""
        saves = "table_name = ANY(%s) AND verb IN ('INSERT', 'UPDATE', 'DELETE')"
        ((change,),) = self.rows(f"SELECT coalesce(max(id), 0) FROM audit WHERE {saves}", list(OBEYED))
        told, deadline = "SELECT coalesce(max(change_id), 0) FROM charging_process", time.monotonic() + 60
        while self.rows(told)[0][0] < change:
            assert time.monotonic() < deadline, f"change {change} is not obeyed"
            time.sleep(0.05)

    @contextmanager
    def charging(self) -> Iterator[None]:
        """The charging service, while the block lasts."""
        with (self.folder / "charge.log").open("wb") as log:
            process = subprocess.Popen(
                [*MODULE, "charge"], cwd=ROOT, env=self.environment(), stdout=log, stderr=subprocess.STDOUT
            )
        try:
            _until_healthy(int(self.settings["TOLLGATE_CHARGING_PORT"]), process)
            yield
        finally:
            process.terminate()
            process.wait(60)


def _until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the charging service does not answer")
