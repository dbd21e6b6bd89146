"""A migrated database without migrating again: the first run keeps a dump of it, later ones read the dump.

The dump is kept with pytest's cache, by the server's version and a fingerprint of everything that makes the tables, so
a changed migration is run anew. It is written and read by what `tollgate backup` and `restore` use; runs that begin at
once take turns. To make something else of the tables, add where it stands to `SOURCES`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg

from tollgate.jobs.backup import read_dump, run_program
from tollgate.jobs.postgres_programs import DEBIAN
from tollgate.store.sql import load

ROOT: Final = Path(__file__).parents[1]
KEPT: Final = ROOT / ".pytest_cache" / "d" / "migrated"
WITHIN_S: Final = 900
"""Migrating takes half a minute on a machine at rest; so long it may take on a busy one."""
SOURCES: Final = ("tollgate/store/migrations/*.py", "tollgate/store/sql/*.sql", "requirements.lock")


def fingerprint() -> str:
    """Another one for every other set of tables."""
    found = hashlib.sha256(version("django").encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:24]


def debian(major: str) -> Path:
    """The programs of Debian's PostgreSQL of a version; where they are not, the test fails and says how to get them."""
    programs = DEBIAN / major / "bin"
    assert (programs / "postgres").exists(), f"{programs}/postgres is missing: deploy/setup packages test installs it"
    return programs


def migrate(url: str) -> None:
    """Brings the database behind `url` up to date, by the command that operators use."""
    command = [sys.executable, "-m", "tollgate.jobs.command_line", "migrate"]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=os.environ | {"TOLLGATE_DATABASE_URL": url, "TOLLGATE_SECRET_KEY": "of no installation"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout


def kept_of(url: str) -> Path:
    """Where the dump for a server like that behind `url` is, or will be, kept."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(url) as connection:
        return KEPT / f"{connection.info.server_version // 10_000}-{fingerprint()}.dump"


def keep(url: str) -> None:
    """Keeps the migrated database behind `url` for later runs, in place of those made by other migrations."""
    kept = kept_of(url)
    aside = kept.with_suffix(f".{os.getpid()}")
    run_program("pg_dump", url, "--format=custom", "--no-owner", "--schema=public", f"--file={aside}")
    for old in KEPT.glob(f"{kept.name.partition('-')[0]}-*.dump"):
        old.unlink(missing_ok=True)
    aside.replace(kept)


def fill(url: str) -> None:
    """Brings the empty database behind `url` up to date: from the dump that is kept, or by `migrate`, then kept."""
    kept = kept_of(url)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            migrate(url)
            keep(url)
            return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public")
        connection.execute("CREATE SCHEMA public")
    read_dump(kept, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(load("summaries")["moved"].encode())
