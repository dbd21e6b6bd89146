"""`tollgate charge`: the charging service, which the switches ask about every call."""

from __future__ import annotations

import importlib
from argparse import Namespace

from tollgate import environment
from tollgate.jobs.console import Commands, add_command, say
from tollgate.jobs.postgres import serving


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "serve the switches: authorize, answer, extend and end calls"
    add_command(commands, "charge", run=run, words=words, machine=True)


def address() -> tuple[str, int]:
    """Where the switches reach the service."""
    host = environment.text("TOLLGATE_CHARGING_HOST", "127.0.0.1")
    return host, environment.number("TOLLGATE_CHARGING_PORT", 8080, most=65535)


def secret() -> str:
    """What the switches must show: the one given, else one that this installation made for itself."""
    return environment.secret("TOLLGATE_CHARGING_SECRET", "") or environment.kept_secret("charging.secret")


def run(arguments: Namespace) -> int:
    """Serves until it is told to stop. The service is another face on this floor, so it is found by its name."""
    folder = environment.data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with serving(folder) as url:
        host, port = address()
        service = importlib.import_module("tollgate.charging.server")
        level = environment.text("TOLLGATE_LOG_LEVEL", "WARNING")
        where = f"http://{host}:{port}/"
        service.main(
            database_url=url,
            host=host,
            port=port,
            secret=secret(),
            log_level=level,
            ready=lambda: say(arguments, f"switches are served at {where}", charging=where),
        )
    say(arguments, "stopped", stopped=True)
    return 0
