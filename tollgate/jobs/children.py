"""Child processes that never outlive us: how every program of the installation is started."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """What a new child does before it becomes the program: ask the kernel for `how` when we are gone.

    The kernel watches the thread that starts the child, so children are started from the main thread.
    """
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, how.value, 0, 0, 0)
        if os.getppid() != parent:  # we died in between
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def start_child(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    uid: int | None = None,
    gid: int | None = None,
    descriptors: Sequence[int] = (),
    orphan_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Starts a program in its own session, so that Ctrl-C reaches only us and we stop it in order."""
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        pass_fds=descriptors,
        preexec_fn=die_with_parent(orphan_signal),  # noqa: PLW1509  # two system calls, no locks
    )


def stop_child(process: subprocess.Popen[bytes], *, how: signal.Signals = signal.SIGTERM, patience_s: float) -> int:
    """Asks a program to end and waits; kills it when it has not ended after `patience_s`. Its exit code."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Ending:
    """Notices Ctrl-C and a request to end, without interrupting what is being done."""

    def __init__(self) -> None:
        self.asked = False
        self._listen, wake = socket.socketpair()
        for end in (self._listen, wake):
            end.setblocking(False)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def wait(self, seconds: float) -> bool:
        """Waits, at most until we are asked to end; whether we were."""
        if not self.asked:
            select.select([self._listen], [], [], seconds)
        return self.asked

    def _note(self, *_: object) -> None:
        self.asked = True
