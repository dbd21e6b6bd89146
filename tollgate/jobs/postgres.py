"""The embedded PostgreSQL: made, tuned, started, recovered and stopped by us.

The data folder holds `postgres/` (the cluster and its socket, mode 0700), and beside it
`postgres.password`, `postgres.port` and `postgres.url` (mode 0600). A server setting goes into
`tuning`; it is written anew at every start.
"""

from __future__ import annotations

import fcntl
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self

import psycopg
from psycopg import sql

from tollgate import environment
from tollgate.jobs.children import start_child, stop_child
from tollgate.jobs.postgres_programs import ENVIRONMENT, Programs, Servant, find_programs, servant_for

ROLE: Final = "tollgate"
DATABASE: Final = "tollgate"
PORTS: Final = range(20_000, 32_000)  # below the range the kernel gives to outgoing connections
PATIENCE_S: Final = 60.0
PORT_PATIENCE_S: Final = 5.0
STILL_THERE: Final = "pre-existing shared memory block"
PORT_TAKEN: Final = "could not bind"


class WrongVersion(RuntimeError):
    """The data folder belongs to another major version of PostgreSQL."""


class NotStarted(RuntimeError):
    """PostgreSQL did not come up; the message carries the end of its log."""


class AlreadyRunning(RuntimeError):
    """Another process runs the database of this data folder."""


def tuning(memory_mb: int, *, durable: bool) -> dict[str, str]:
    """Server settings for a machine with `memory_mb`; not durable is for tests only."""
    shared_mb = max(64, min(2048, memory_mb // 8)) if durable else 64
    settings = {
        "listen_addresses": "127.0.0.1",
        "max_connections": "200",
        "shared_buffers": f"{shared_mb}MB",
        "effective_cache_size": f"{max(256, memory_mb // 2)}MB",
        "wal_level": "replica",
        "max_wal_size": "4GB" if durable else "512MB",
        "min_wal_size": "1GB" if durable else "80MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "wal_compression": "on",
        "synchronous_commit": "on",
        "autovacuum_naptime": "10s",
        "autovacuum_vacuum_cost_limit": "2000",
        "jit": "off",
        "random_page_cost": "1.1",
        "parallel_setup_cost": "10000",  # a page's short question leaves the other cores to the calls
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal"}
        settings |= {"max_wal_senders": "0"}
    return settings


class Postgres:
    """One embedded server: `start`, use `url`, `stop`; `running` tells whether it still lives."""

    def __init__(self, data: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.folder = data / "postgres"
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "server.log"
        self.durable = durable
        self.settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._log_begun_at = 0
        self._has_served = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of our database for every client: Django, psycopg, asyncpg, Kamailio."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of another database on this server."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def password(self) -> str:
        """The generated password of our role."""
        return (self.data / "postgres.password").read_text(encoding="ascii").strip()

    @property
    def port(self) -> int:
        """The loopback port: chosen free at the first start, kept while free, not moved once we have served."""
        return int((self.data / "postgres.port").read_text(encoding="ascii"))

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the server we started still lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Makes the cluster if there is none, starts the server, recovers what a crash left. Idempotent."""
        if self.running:
            return self
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            servant = servant_for(self.folder)
            programs = find_programs(servant)
            self._check_version(programs)
            if not (self.cluster / "PG_VERSION").exists():
                self._make_cluster(programs, servant)
            self._serve(programs, servant)
            self._make_database()
        except BaseException:
            self.stop()
            raise
        _write_private(self.data / environment.DATABASE_URL_FILE, self.url)
        self._has_served = True
        return self

    def stop(self) -> None:
        """Ends all sessions and stops the server with everything on disk. Idempotent."""
        if self._process is not None:
            stop_child(self._process, how=signal.SIGINT, patience_s=PATIENCE_S)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        descriptor = os.open(self.data / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(f"The database in {self.data} is already run by another Tollgate") from None
        self._lock = descriptor

    def _check_version(self, programs: Programs) -> None:
        mark = self.cluster / "PG_VERSION"
        if mark.exists() and (found := mark.read_text(encoding="ascii").strip()) != str(programs.major):
            raise WrongVersion(
                f"{self.cluster} was made by PostgreSQL {found}, but this Tollgate brings PostgreSQL {programs.major}. "
                f"Nothing was changed. Dump it with PostgreSQL {found} and restore into a new data folder, "
                f"or set TOLLGATE_DATABASE_URL to a PostgreSQL {found} server"
            )

    def _make_cluster(self, programs: Programs, servant: Servant | None) -> None:
        password = self.data / "postgres.password"
        if not password.exists():
            _write_private(password, secrets.token_hex(24))
        for folder in (self.folder, self.cluster):
            folder.mkdir(mode=0o700, exist_ok=True)
            _give(folder, servant)
        with (
            self._entrance() as (place, descriptors),
            tempfile.NamedTemporaryFile("w", dir="/var/tmp", encoding="ascii") as file,
        ):  # reachable by the servant
            file.write(self.password)
            file.flush()
            _give(Path(file.name), servant)
            command = [
                str(programs.folder / "initdb"),
                *("--pgdata", place, "--username", ROLE, "--pwfile", file.name),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--data-checksums", "--no-instructions", *([] if self.durable else ["--no-sync"])),
            ]
            done = subprocess.run(
                command,
                check=False,
                cwd="/",
                env=ENVIRONMENT,
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                user=servant.uid if servant else None,
                group=servant.gid if servant else None,
                extra_groups=[] if servant else None,
            )
        if done.returncode:
            raise NotStarted(f"initdb failed in {self.cluster}:\n{done.stdout[-2000:]}")

    @contextmanager
    def _entrance(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The cluster as the server sees it, and the descriptors that it needs for that.

        The server enters the cluster through a folder that we opened for it, so it runs even where
        an unprivileged user may not walk the path, as in root's home.
        """
        if sys.platform != "linux":
            yield str(self.cluster), ()
            return
        descriptor = os.open(self.cluster, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}", (descriptor,)
        finally:
            os.close(descriptor)

    def _configure(self, place: str, port: int, servant: Servant | None) -> None:
        settings = tuning(memory_mb(), durable=self.durable) | self.settings
        settings |= {
            "port": str(port),
            "unix_socket_directories": place,
            "unix_socket_permissions": "0700",
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        own = self.cluster / "tollgate.conf"
        own.write_text("".join(lines), encoding="utf-8")
        _give(own, servant)
        main = self.cluster / "postgresql.conf"
        if "include 'tollgate.conf'" not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write("\ninclude 'tollgate.conf'\n")

    def _serve(self, programs: Programs, servant: Servant | None) -> None:
        """Starts the server; waits out what a killed one left behind; takes another port when ours is gone."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with self._entrance() as (place, descriptors):
                self._configure(place, self._choose_port(), servant)
                self._launch(programs, servant, place, descriptors)
            said = self._complaint(deadline)
            if said is None:
                return
            if time.monotonic() > deadline or (STILL_THERE not in said and PORT_TAKEN not in said):
                raise NotStarted(f"PostgreSQL did not start in {self.cluster}:\n{said[-2000:]}")
            time.sleep(0.1)

    def _launch(self, programs: Programs, servant: Servant | None, place: str, descriptors: Sequence[int]) -> None:
        self._clear_stale_pid()
        with self.log.open("ab") as file:
            self._log_begun_at = file.tell()
            self._process = start_child(
                [programs.folder / "postgres", "-D", place],
                folder=Path("/"),
                environment=ENVIRONMENT,
                log=file,
                uid=servant.uid if servant else None,
                gid=servant.gid if servant else None,
                descriptors=descriptors,
                orphan_signal=signal.SIGINT,
            )

    def _complaint(self, deadline: float) -> str | None:
        """None once the server accepts connections, else what it said before it ended."""
        assert self._process is not None
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._ready(self._process.pid):
                return None
            time.sleep(0.005)
        stop_child(self._process, how=signal.SIGINT, patience_s=PATIENCE_S)
        with self.log.open("rb") as file:
            file.seek(self._log_begun_at)
            return file.read().decode(errors="replace")

    def _ready(self, pid: int) -> bool:
        """A killed server's file also says ready, so the process id must be ours."""
        lines = self._pid_file()
        return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _pid_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return []

    def _clear_stale_pid(self) -> None:
        """Removes the file of a dead server whose process id now belongs to some other program."""
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit():
            return
        program = Path("/proc") / lines[0].strip() / "comm"
        if sys.platform == "linux" and not (program.exists() and program.read_text().strip() == "postgres"):
            (self.cluster / "postmaster.pid").unlink()

    def _choose_port(self) -> int:
        path = self.data / "postgres.port"
        kept = [int(path.read_text(encoding="ascii"))] if path.exists() else []
        if self._has_served:
            return self._wait_for(kept[0])
        chances = random.sample(PORTS, 100)
        port = next(port for port in [*kept, *chances] if _free(port))
        if [port] != kept:
            _write_private(path, str(port))
        return port

    def _wait_for(self, port: int) -> int:
        """The port that our clients have been told, once it is free again."""
        deadline = time.monotonic() + PORT_PATIENCE_S
        while not _free(port):
            if time.monotonic() > deadline:
                raise NotStarted(f"another program holds port {port}, where PostgreSQL served {self.cluster} until now")
            time.sleep(0.05)
        return port

    def _make_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The address of the database of `data` while it is needed.

    `TOLLGATE_DATABASE_URL` when set; the embedded server when it already runs; else it is started
    here and stopped at the end.
    """
    given = environment.given_database_url()
    if given:
        yield given
        return
    server = Postgres(data)
    try:
        server.start()
    except AlreadyRunning:
        yield server.url
        return
    with server:
        yield server.url


def memory_mb() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _give(path: Path, servant: Servant | None) -> None:
    if servant is not None:
        os.chown(path, servant.uid, servant.gid)


def _write_private(path: Path, value: str) -> None:
    """Replaces the file at once, readable by its owner only."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value + "\n")
    aside.replace(path)
