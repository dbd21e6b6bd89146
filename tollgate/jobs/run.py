"""`tollgate run`: the whole installation on one machine, from an empty folder to the first call.

It owns the embedded database and supervises the parts; Ctrl-C stops all of it in order: first what
takes calls, then what serves people, then charging, the database last.
"""

from __future__ import annotations

import fcntl
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tollgate import environment
from tollgate.jobs import charge, demo, sip, web
from tollgate.jobs.children import Ending
from tollgate.jobs.console import CommandFailed, Commands, add_command, lines_of, say
from tollgate.jobs.edge_programs import install_line, missing
from tollgate.jobs.migrate import migrate
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
    with only_one(folder):
        check_ports()
        supervise(arguments, folder)
    say(arguments, "stopped", stopped=True)
    return 0


def supervise(arguments: Namespace, folder: Path) -> None:
    """Runs the database and the parts until we are asked to end."""
    surroundings = environment.copy()  # what the parts get: migrating changes some settings for itself
    with database(folder) as (server, url):
        prepare(arguments, url)
        surroundings |= {"TOLLGATE_DATABASE_URL": url, "TOLLGATE_CHARGING_SECRET": charge.secret()}
        wanted = parts(folder, with_sip=not (arguments.no_sip or missing()))
        supervisor = Supervisor(wanted, folder=folder, environment=surroundings)
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


def check_ports() -> None:
    """Says which setting moves a port that some other program holds."""
    for name, address in (("TOLLGATE_WEB_PORT", web.address()), ("TOLLGATE_CHARGING_PORT", charge.address())):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as problem:
                host, port = address
                raise CommandFailed(f"{host}:{port} cannot be used ({problem.strerror}); set {name}") from None


def prepare(arguments: Namespace, url: str) -> None:
    """Brings the database up to date and fills a new one with demo data."""
    migrate(url)
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT EXISTS (SELECT FROM account)").fetchone()
    if known == (False,) and not arguments.no_demo:
        say(arguments, "loading demo data ...", loading="demo")
        demo.load(url)


def attend(arguments: Namespace, supervisor: Supervisor, server: Postgres | None, ending: Ending) -> None:
    """Announces the installation once all of it answers; keeps it alive until we are asked to end."""
    announced = False
    late_s = time.monotonic() + READY_WITHIN_S
    while not ending.wait(LOOK_EVERY_S):
        for sentence in [*revive(server), *supervisor.look_after()]:
            say(arguments, sentence, event=sentence)
        if announced:
            continue
        silent = supervisor.silent()
        if not silent:
            announce(arguments, supervisor)
            announced = True
        elif time.monotonic() > late_s:
            late_s = float("inf")
            for child in silent:
                sentence = f"{child.part.name} does not answer yet; the end of {child.log}:\n{child.last_words()}"
                say(arguments, sentence, event=sentence)


def revive(server: Postgres | None) -> list[str]:
    """Starts the embedded database again when it has died."""
    if server is None or server.running:
        return []
    try:
        server.start()
    except NotStarted as problem:
        return [f"the database had ended and does not start: {problem}"]
    return ["the database had ended and was started again; nothing committed is lost"]


def announce(arguments: Namespace, supervisor: Supervisor) -> None:
    """Prints where everything is, who may log in, and what is missing."""
    names = [child.part.name for child in supervisor.children]
    facts: dict[str, str] = {
        "panel": f"http://{where(web.address())}/",
        "charging": f"http://{where(charge.address())}/",
        "data": str(environment.data_folder()),
    }
    words = ["Tollgate runs."]
    if "sip" in names:
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
    say(arguments, "\n".join(words), running=facts, parts=names, missing=absent)
