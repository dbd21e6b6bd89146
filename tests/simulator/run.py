"""Plays many seeds: `python -m tests.simulator.run --seeds 100000`, or one again with all it does: `--seed 17`.

A seed that breaks a law is printed with the shortest history that breaks it still, and what happened in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable

from tests.simulator.history import History, history_of, shortened
from tests.simulator.world import World, play


def report(history: History) -> str:
    """A failing history made short, its steps, what happened, and what broke."""
    law = play(history)[0].split(":", maxsplit=1)[0]
    short = shortened(history, lambda other: any(problem.startswith(law) for problem in play(other)))
    world = World(short, tracing=True)
    problems = world.play()
    return "\n".join([short.text(), *(world.trace or []), *problems])


def first_failure(seeds: Iterable[int]) -> str | None:
    """The report of the first seed that breaks a law; None when all laws hold."""
    for seed in seeds:
        if play(history_of(seed)):
            return report(history_of(seed))
    return None


def main() -> int:
    """The command line; 1 when a law is broken."""
    parser = argparse.ArgumentParser(
        description="Play histories of the charging service against the laws of the books."
    )
    parser.add_argument("--seeds", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed, told in full")
    asked = parser.parse_args()
    if asked.seed is not None:
        world = World(history_of(asked.seed), tracing=True)
        problems = world.play()
        print("\n".join([history_of(asked.seed).text(), *(world.trace or []), *(problems or ["all laws hold"])]))
        return bool(problems)
    began_s = time.process_time()
    failure = first_failure(range(asked.first, asked.first + asked.seeds))
    print(failure or f"{asked.seeds} histories, all laws hold: {time.process_time() - began_s:.0f} s of CPU")
    return failure is not None


if __name__ == "__main__":
    sys.exit(main())
