"""`tollgate messages`: writes the catalogs of the pages' texts anew from the program, for translators."""

from __future__ import annotations

from argparse import Namespace

from tollgate.jobs.console import Commands, add_command, say


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "write the catalogs of the pages' texts anew, in a checkout of the program"
    add_command(commands, "messages", run=run, words=words, machine=True)


def run(arguments: Namespace) -> int:
    """New messages come in, vanished ones go, translations stay."""
    from tollgate.store import catalogs
    from tollgate.ui.extraction import rewrite_all

    changed = rewrite_all()
    for language, (came, went) in changed.items():
        parts = {part: catalogs.entries(language, part) for part in catalogs.PARTS}
        counts = {part: len(found) for part, found in parts.items()}
        done = sum(bool(entry.translation) for found in parts.values() for entry in found)
        told = ", ".join(f"{part} {count}" for part, count in counts.items())
        say(
            arguments,
            f"{language}: {told}; {came} new, {went} gone, {done} translated",
            language=language, new=came, gone=went, translated=done, **counts,
        )  # fmt: skip
    return 0
