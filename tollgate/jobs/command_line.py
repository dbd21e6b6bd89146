"""The `tollgate` command. Each sub-command lives in a file of its own in this room.

To add one: write `tollgate/jobs/<name>.py` with `register(commands)` that calls `console.add_command`,
and put its name into `COMMANDS`. Nothing here imports Django; a command does so when it runs.
"""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Final

from tollgate import __version__
from tollgate.environment import SettingInvalid
from tollgate.jobs.console import CommandFailed, complain
from tollgate.jobs.postgres import AlreadyRunning, NotStarted, WrongVersion
from tollgate.jobs.postgres_programs import ProgramsMissing

COMMANDS: Final = (
    "run",
    "web",
    "charge",
    "sip",
    "migrate",
    "demo",
    "price",
    "explain",
    "simulate",
    "import_card",
    "doctor",
    "lake",
    "messages",
    "backup",
    "test_call",
    "work",
    "new_account",
    "reset_login",
)
EXPECTED: Final = (SettingInvalid, CommandFailed, AlreadyRunning, NotStarted, WrongVersion, ProgramsMissing)


def parser(wanted: str = "") -> ArgumentParser:
    """The command line: all of it, or only the command in `wanted`, which starts sooner."""
    result = ArgumentParser(prog="tollgate", description="Customer accounts, call charging and billing for carriers.")
    result.add_argument("--version", action="version", version=f"tollgate {__version__}")
    commands = result.add_subparsers(metavar="command", required=True)
    for name in (module,) if (module := wanted.replace("-", "_")) in COMMANDS else COMMANDS:
        importlib.import_module(f"tollgate.jobs.{name}").register(commands)
    return result


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 wrongly asked."""
    words = sys.argv[1:] if words is None else words
    arguments = parser(words[0] if words else "").parse_args(words)
    try:
        return int(arguments.run(arguments))
    except EXPECTED as problem:
        complain(arguments, str(problem))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
