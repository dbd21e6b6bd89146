"""Where tests put their databases: in memory, where the system offers enough of it, else on the disk.

A copy of a database is some 1,300 files, and tests make hundreds of copies. Nothing is lost that a test claims: what is
killed in tests are processes, and files in memory outlive those as files on a disk do. A run that was killed itself
leaves its folder behind; the next one takes it away. Whatever else writes much takes `new_folder` too.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

MEMORY: Final = Path("/dev/shm")
PREFIX: Final = "tollgate-tests-"
ROOM_BYTES: Final = 3 * 2**30
"""Enough for two processes of tests, each with its servers, their logs of changes and their copies."""


def new_folder() -> TemporaryDirectory[str]:
    """A folder of this process's own, gone at the end of the block or by `cleanup`."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return TemporaryDirectory(prefix=PREFIX)
    for left in MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY)
