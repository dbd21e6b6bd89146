"""How commands answer: words for people, JSON for machines, and one exception for what went wrong."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Commands(Protocol):
    """Where commands are added: what `ArgumentParser.add_subparsers` returns."""

    def add_parser(self, name: str, *, help: str, description: str) -> ArgumentParser:  # noqa: A002  # argparse's word
        """Adds one command."""


class CommandFailed(Exception):
    """A command could not do its work; the message says why and what helps."""


def add_command(
    commands: Commands, name: str, *, run: Callable[[Namespace], int], words: str, machine: bool = False
) -> ArgumentParser:
    """Adds a command: `run` gets the arguments and returns the exit code; `machine` offers `--json`."""
    parser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(run=run, json=False)
    if machine:
        parser.add_argument("--json", action="store_true", help="print JSON for machines")
    return parser


def say(arguments: Namespace, words: str, **facts: Any) -> None:
    """Prints what was done: the words, or the facts as one line of JSON."""
    print(json.dumps(facts) if arguments.json else words, flush=True)


def complain(arguments: Namespace | None, words: str) -> None:
    """Prints what went wrong, on the error stream."""
    machine = arguments is not None and getattr(arguments, "json", False)
    print(json.dumps({"error": words}) if machine else f"tollgate: {words}", file=sys.stderr, flush=True)


def lines_of(facts: Mapping[str, object]) -> str:
    """Facts as aligned lines."""
    width = max((len(name) for name in facts), default=0)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in facts.items())
