"""`tollgate sip`: the SIP edge, Kamailio and rtpengine, run by us."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Final

from tollgate import environment
from tollgate.jobs import charge
from tollgate.jobs.children import Ending
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.edge import Edge, EdgeMissing, EdgeNotStarted
from tollgate.jobs.edge_settings import EdgeSettings, EdgeSettingsInvalid
from tollgate.jobs.edge_store import EdgeStoreRefused
from tollgate.jobs.postgres import serving
from tollgate.jobs.recordings import collect

READY_FILE: Final = "sip.ready"
HEAL_EVERY_S: Final = 1.0


def register(commands: Commands) -> None:
    """Adds the command."""
    add_command(commands, "sip", run=run, words="run the SIP edge: Kamailio and rtpengine", machine=True)


def address() -> tuple[str, int]:
    """Where phones and switches reach the edge."""
    ip = environment.text("TOLLGATE_SIP_IP", "127.0.0.1")
    return ip, environment.number("TOLLGATE_SIP_PORT", 5060, least=1024, most=65535)


def address6() -> tuple[str, int] | None:
    """The same by IPv6, if there is one."""
    ip = environment.text("TOLLGATE_SIP_IP6", "")
    return (ip, address()[1]) if ip else None


def rpc_address() -> tuple[str, int]:
    """Where the charging service tells Kamailio what to do."""
    ip = environment.text("TOLLGATE_EDGE_RPC_IP", "127.0.0.1")
    return ip, environment.number("TOLLGATE_EDGE_RPC_PORT", 8060, least=1024, most=65535)


def control_address() -> tuple[str, int]:
    """Where Kamailio tells rtpengine what to do."""
    return address()[0], environment.number("TOLLGATE_EDGE_CONTROL_PORT", 22_222, least=1024, most=65535)


def settings(folder: Path, url: str) -> EdgeSettings:
    """The edge of this installation."""
    ip, port = address()
    ip6, rpc = address6(), rpc_address()
    host, charging_port = charge.address()
    ports = [
        environment.number("TOLLGATE_RTP_FIRST_PORT", 30_000, least=1024, most=65535),
        environment.number("TOLLGATE_RTP_LAST_PORT", 39_999, least=1024, most=65535),
    ]
    return EdgeSettings(
        name=environment.text("TOLLGATE_EDGE", "kam1"),
        listen_ip=ip,
        sip_port=port,
        listen_ip6="" if ip6 is None else ip6[0],
        public_ip=environment.text("TOLLGATE_SIP_PUBLIC_IP", ""),
        realm=environment.text("TOLLGATE_SIP_REALM", "tollgate.local"),
        rpc_ip=rpc[0],
        rpc_port=rpc[1],
        control_port=control_address()[1],
        dialogs_at_once=environment.flag("TOLLGATE_EDGE_DIALOGS_AT_ONCE", False),
        rtp_ports=(ports[0], ports[1]),
        service_url=f"http://{host}:{charging_port}",
        secret=charge.secret(),
        database_url=url,
        run_dir=folder / "sip",
    )


def run(arguments: Namespace) -> int:
    """Runs the edge and brings back what dies, until told to stop."""
    ending = Ending()
    folder = environment.data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = folder / READY_FILE
    try:
        with serving(folder) as url, Edge(settings(folder, url)) as edge:
            ready.touch()
            where = f"sip:{edge.settings.listen_ip}:{edge.settings.sip_port}"
            say(arguments, f"the SIP edge answers at {where}", sip=where)
            while not ending.wait(HEAL_EVERY_S):
                for name in edge.heal():
                    sentence = f"{name} had ended and was started again"
                    say(arguments, sentence, event=sentence)
                keep_recordings(arguments, edge.settings.recording_dir, folder / "recordings")
    except (EdgeMissing, EdgeNotStarted, EdgeSettingsInvalid, EdgeStoreRefused) as problem:
        raise CommandFailed(str(problem)) from None
    finally:
        ready.unlink(missing_ok=True)
    say(arguments, "stopped", stopped=True)
    return 0


def keep_recordings(arguments: Namespace, recorded: Path, into: Path) -> None:
    """Makes playable files of what was recorded. A full disk must not end anybody's call, so it is only told."""
    try:
        collect(recorded, into)
    except OSError as problem:
        sentence = f"recordings wait: {problem}"
        say(arguments, sentence, event=sentence)
