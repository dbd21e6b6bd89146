"""`tollgate run`: the whole installation on one machine, from an empty folder to the first call.

It owns the embedded database and supervises the parts; Ctrl-C stops all of it in order: first what
takes calls, then what serves people, then charging, the database last.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tollgate import environment
from tollgate.jobs import charge, demo, sip, web
from tollgate.jobs.children import Ending
from tollgate.jobs.console import CommandFailed, Commands, add_command, lines_of, say
from tollgate.jobs.edge_programs import install_line, missing
from tollgate.jobs.migrate import is_migrated, migrate
from tollgate.jobs.postgres import NotStarted, Postgres
from tollgate.jobs.supervisor import Part, Supervisor

LOOK_EVERY_S: Final = 0.2
READY_WITHIN_S: Final = 60.0


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(commands, "run", run=run, words="run everything on this machine", machine=True)
    parser.add_argument("--no-sip", action="store_true", help="leave out the SIP edge (Kamailio and rtpengine)")
    parser.add_argument("--no-demo", action="store_true", help="start with an empty database instead of demo data")


def run(arguments: Namespace) -> int:
    """Starts everything, watches it, stops it."""
    folder = environment.data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with_sip = not (arguments.no_sip or missing())
    with only_one(folder):
        check_ports(with_sip=with_sip)
        supervise(arguments, folder, with_sip=with_sip)
    say(arguments, "stopped", stopped=True)
    return 0


def supervise(arguments: Namespace, folder: Path, *, with_sip: bool) -> None:
    """Runs the database and the parts until we are asked to end."""
    surroundings = environment.copy()  # what the parts get: migrating changes some settings for itself
    with database(folder) as (server, url):
        prepare(arguments, url)
        surroundings |= {"TOLLGATE_DATABASE_URL": url, "TOLLGATE_CHARGING_SECRET": charge.secret()}
        supervisor = Supervisor(parts(folder, with_sip=with_sip), folder=folder, environment=surroundings)
        ending = Ending()  # from here on Ctrl-C is obeyed in order; before, it simply interrupts
        try:
            supervisor.start()
            attend(arguments, supervisor, server, ending)
        finally:
            supervisor.stop()


def parts(folder: Path, *, with_sip: bool) -> list[Part]:
    """What runs beside the database, in starting order."""
    tollgate = (sys.executable, "-m", "tollgate.jobs.command_line")
    found = [
        Part("charge", (*tollgate, "charge"), f"http://{where(charge.address())}/healthz"),
        Part("web", (*tollgate, "web"), f"http://{where(web.address())}/healthz"),
        Part("work", (*tollgate, "work"), None),
    ]
    if with_sip:
        found.append(Part("sip", (*tollgate, "sip"), folder / sip.READY_FILE))
    return found


def where(address: tuple[str, int]) -> str:
    """Host and port as others on this machine reach them."""
    host, port = address
    return f"{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104  # compared, not bound


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Refuses a second `tollgate run` on the same data folder."""
    with (folder / "run.lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailed(f"Tollgate already runs on {folder}; TOLLGATE_DATA names another folder") from None
        yield


@contextmanager
def database(folder: Path) -> Iterator[tuple[Postgres | None, str]]:
    """The database given, or the embedded one while we run."""
    given = environment.given_database_url()
    if given:
        yield None, given
        return
    with Postgres(folder) as server:
        yield server, server.url


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part will listen, and the settings that move it."""

    address: tuple[str, int]
    port_setting: str
    host_setting: str
    kind: socket.SocketKind = socket.SOCK_STREAM
    of_sip: bool = False

    def check(self) -> None:
        """Raises CommandFailed with what helps when nobody could listen there."""
        host, port = self.address
        with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, self.kind)) as probe:
            if self.kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(self.address)
            except OSError as problem:
                elsewhere = problem.errno == errno.EADDRNOTAVAIL
                help_ = f"set {self.host_setting if elsewhere else self.port_setting}"
                help_ += ", or leave the SIP edge out with --no-sip" if self.of_sip else ""
                raise CommandFailed(f"{host}:{port} cannot be used ({problem.strerror}); {help_}") from None


def places(*, with_sip: bool) -> Iterator[Place]:
    """Every port that a part needs for itself."""
    yield Place(web.address(), "TOLLGATE_WEB_PORT", "TOLLGATE_WEB_HOST")
    yield Place(charge.address(), "TOLLGATE_CHARGING_PORT", "TOLLGATE_CHARGING_HOST")
    if not with_sip:
        return
    packets = socket.SOCK_DGRAM
    for kind in (packets, socket.SOCK_STREAM):
        yield Place(sip.address(), "TOLLGATE_SIP_PORT", "TOLLGATE_SIP_IP", kind, of_sip=True)
        if (second := sip.address6()) is not None:
            yield Place(second, "TOLLGATE_SIP_PORT", "TOLLGATE_SIP_IP6", kind, of_sip=True)
    yield Place(sip.rpc_address(), "TOLLGATE_EDGE_RPC_PORT", "TOLLGATE_EDGE_RPC_IP", of_sip=True)
    yield Place(sip.control_address(), "TOLLGATE_EDGE_CONTROL_PORT", "TOLLGATE_SIP_IP", packets, of_sip=True)


def check_ports(*, with_sip: bool) -> None:
    """Says which setting moves a port that some other program holds."""
    for place in places(with_sip=with_sip):
        place.check()


def prepare(arguments: Namespace, url: str) -> None:
    """Brings the database up to date and fills a new one with demo data."""
    if not is_migrated(url):
        migrate(url)
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT EXISTS (SELECT FROM account)").fetchone()
    if known == (False,) and not arguments.no_demo:
        say(arguments, "loading demo data ...", loading="demo")
        demo.load(url)


def attend(arguments: Namespace, supervisor: Supervisor, server: Postgres | None, ending: Ending) -> None:
    """Announces the installation once all of it answers, or late without what does not; keeps it alive."""
    awaited: set[str] | None = None  # those that did not answer when it was announced; None: it was not yet
    late_s = time.monotonic() + READY_WITHIN_S
    while not ending.wait(LOOK_EVERY_S):
        for sentence in [*revive(server), *supervisor.look_after()]:
            say(arguments, sentence, event=sentence)
        if awaited == set():
            continue
        silent = supervisor.silent()
        names = {child.part.name for child in silent}
        if awaited is None and (not silent or time.monotonic() > late_s):
            for child in silent:
                sentence = f"{child.part.name} does not answer yet; the end of {child.log}:\n{child.last_words()}"
                say(arguments, sentence, event=sentence)
            announce(arguments, supervisor, names)
            awaited = names
        elif awaited is not None:
            for name in sorted(awaited - names):
                say(arguments, f"{name} answers now", event=f"{name} answers now")
            awaited &= names


def revive(server: Postgres | None) -> list[str]:
    """Starts the embedded database again when it has died."""
    if server is None or server.running:
        return []
    try:
        server.start()
    except NotStarted as problem:
        return [f"the database had ended and does not start: {problem}"]
    return ["the database had ended and was started again; nothing committed is lost"]


def announce(arguments: Namespace, supervisor: Supervisor, silent: Collection[str] = ()) -> None:
    """Prints where everything is, who may log in, and what is missing: `silent` are parts that do not answer."""
    names = [child.part.name for child in supervisor.children]
    pages = f"http://{where(web.address())}/"
    facts: dict[str, str] = {
        "panel": pages,
        "portal": f"{pages}portal/",
        "api": f"{pages}api/v1/openapi.json",
        "charging": f"http://{where(charge.address())}/",
        "data": str(environment.data_folder()),
    }
    words = ["Tollgate runs."]
    if silent:
        words = [f"Tollgate runs, but for {', '.join(sorted(silent))}: see above; it is tried again and again."]
    if "sip" in names and "sip" not in silent:
        ip, port = sip.address()
        facts["sip"] = f"sip:{ip}:{port}"
    words.append(lines_of(facts))
    logins = environment.data_folder() / demo.LOGINS_FILE
    if logins.exists():
        words.append("Demo logins:\n" + logins.read_text(encoding="utf-8").strip())
    absent = [] if arguments.no_sip else missing()
    if absent:
        words.append(f"Calls by SIP need Debian packages that are not installed; run:\n  {install_line(absent)}")
    words.append("Ctrl-C stops everything.")
    say(arguments, "\n".join(words), running=facts, parts=names, missing=absent, silent=sorted(silent))
