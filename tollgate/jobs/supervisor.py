"""Keeps the parts of an installation running: starts them, starts them again when they die, stops them in order.

A part is a child process with its own log file. To add one, add a `Part` to the list in run.py.
"""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tollgate.jobs.children import start_child, stop_child

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
SETTLED_S: Final = 60.0
PATIENCE_S: Final = 15.0
MOMENT_S: Final = 1.5
LAST_BYTES: Final = 1_500
LOG_MOST_BYTES: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One program of the installation and how to tell that it works.

    `health` is an address that answers 200, or a file that the part writes once it works; without
    one it works when it has lived for a moment.
    """

    name: str
    command: Sequence[str]
    health: str | Path | None


@dataclass(slots=True)
class Child:
    """A part as it runs now."""

    part: Part
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    wait_s: float = FIRST_WAIT_S
    due_s: float = field(default=0.0)
    restarts: int = 0

    def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Starts the program with its output added to its log."""
        if isinstance(self.part.health, Path):
            self.part.health.unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_MOST_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as file:
            self.process = start_child(self.part.command, folder=folder, environment=environment, log=file)
        self.started_s = time.monotonic()

    @property
    def healthy(self) -> bool:
        """Whether the part answers."""
        if self.process is None or self.process.poll() is not None:
            return False
        match self.part.health:
            case None:
                return time.monotonic() - self.started_s > MOMENT_S
            case Path() as file:
                return file.exists()
            case address:
                return answers(address)

    def last_words(self) -> str:
        """The end of the log."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LAST_BYTES))
            return file.read().decode(errors="replace").strip()


class Supervisor:
    """The parts, in starting order; they are stopped in the opposite order."""

    def __init__(self, parts: Sequence[Part], *, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        logs = folder / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        self.children = [Child(part, logs / f"{part.name}.log") for part in parts]

    def start(self) -> None:
        """Starts every part."""
        for child in self.children:
            child.start(self.folder, self.environment)

    def silent(self) -> list[Child]:
        """The parts that do not answer."""
        return [child for child in self.children if not child.healthy]

    def look_after(self) -> list[str]:
        """Starts again what died and is due; one sentence for each thing that happened."""
        now_s = time.monotonic()
        happened: list[str] = []
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                happened.append(self._bury(child, code, now_s))
            elif child.process is None and now_s >= child.due_s:
                child.restarts += 1
                child.start(self.folder, self.environment)
        return happened

    def _bury(self, child: Child, code: int, now_s: float) -> str:
        if now_s - child.started_s > SETTLED_S:
            child.wait_s = FIRST_WAIT_S
        child.process, child.due_s = None, now_s + child.wait_s
        sentence = f"{child.part.name} ended with {code}; it starts again in {child.wait_s:g} s ({child.log})"
        child.wait_s = min(child.wait_s * 2, LONGEST_WAIT_S)
        return sentence

    def stop(self) -> None:
        """Stops the parts, last started first, each before the next."""
        for child in reversed(self.children):
            if child.process is not None:
                stop_child(child.process, patience_s=PATIENCE_S)
                child.process = None


def answers(address: str) -> bool:
    """Whether `address` answers 200 at once."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310  # an address of our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
