"""What happens in one history: the steps that a seed stands for, and how a failing history is made shorter.

A kind of step is a frozen class here and a method `_<kind>` in `world`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Money:
    """What the customers have and how many calls they may have at once; 0 is no limit; Acme's free seconds."""

    acme_micros: int
    baltic_limit_micros: int
    rhine_micros: int
    saar_micros: int
    acme_channels: int = 0
    carrier_channels: int = 0
    acme_free_s: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A customer dials. `noise` is the seed of what the network does to the call's messages, 0 for nothing."""

    at_s: float
    name: str
    customer: str
    fate: str  # 'answer', 'busy', or 'cancel'
    ring_s: float
    talk_s: float
    prefix: str = "44"  # sold by whole minutes; 33 has a connect fee and steps of 6 s
    bad_routes: int = 0
    noise: int = 0


@dataclass(frozen=True, slots=True)
class Crash:
    """A charging process dies at its n-th step from a moment, and comes back."""

    at_s: float
    process: int
    steps: int
    away_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """The n-th step on the database from a moment goes wrong in one of the ways of `FAULTS`."""

    at_s: float
    steps: int
    kind: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The database is away."""

    at_s: float
    away_s: float


@dataclass(frozen=True, slots=True)
class Partition:
    """Edge and service do not hear each other."""

    at_s: float
    away_s: float


@dataclass(frozen=True, slots=True)
class EdgeDeath:
    """The edge dies with its calls. `spool` tells whether its untold events survive, `late` whether the CDRs of the
    calls that died come after all."""

    at_s: float
    away_s: float
    spool: bool
    late: bool


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock of the service jumps."""

    at_s: float
    by_s: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Ann ends whatever call is live."""

    at_s: float


Step = Call | Crash | Fault | Outage | Partition | EdgeDeath | ClockStep | HangUp
FAULTS: Final = ("deadlock", "broken", "commit_lost", "commit_unheard", "stall", "pause")


@dataclass(frozen=True, slots=True)
class History:
    """All that happens; equal histories behave equally, to the last message."""

    seed: int
    money: Money
    edge_skew_s: float
    processes: int
    longest_s: int
    is_plain: bool  # a switch that tells durations and names no dialogs; else it does as Kamailio
    steps: tuple[Step, ...]

    def text(self) -> str:
        """For people: one line a step."""
        head = (
            f"seed {self.seed}: {self.money}, edge clock {self.edge_skew_s:+.1f} s, {self.processes} process(es), "
            f"calls of {self.longest_s} s at the most, is_plain={self.is_plain}"
        )
        return "\n".join([head, *[f"  {step}" for step in self.steps]])


def history_of(seed: int) -> History:
    """The history that a seed stands for. Each has its own mix of troubles, for some hide behind others."""
    chance = Random(seed)
    count = chance.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 8))
    noisy = chance.random() < 0.6
    calls = [_call(chance, number + 1, noisy=noisy) for number in range(count)]
    last_s = max(call.at_s + call.ring_s + call.talk_s for call in calls)
    steps: list[Step] = [*calls]
    for kind, share in _TROUBLES.items():
        while chance.random() < share:
            steps.append(kind(chance, chance.uniform(0, last_s)))
    steps.sort(key=lambda step: step.at_s)
    return History(
        seed=seed,
        money=replace(_money(chance), acme_free_s=Random(seed + 10**9).choice((0, 0, 0, 0, 7, 90, 200, 1000))),
        edge_skew_s=chance.choice((0.0, 0.0, -2.0, 2.0)),
        processes=chance.choice((1, 1, 2, 2)),
        is_plain=chance.random() < 0.3,
        longest_s=chance.choice((3600, 3600, 150)),
        steps=tuple(steps),
    )


def _money(chance: Random) -> Money:
    cents = 10_000
    return Money(
        acme_micros=chance.choice((5, 6, 12, 13, 20, 30, 100, 1000)) * cents,
        baltic_limit_micros=chance.choice((6, 12, 25, 1000)) * cents,
        rhine_micros=chance.choice((5, 11, 1000)) * cents,
        saar_micros=chance.choice((6, 18, 1000)) * cents,
        acme_channels=chance.choice((0, 0, 1, 2)),
        carrier_channels=chance.choice((0, 0, 1, 2)),
    )


def _call(chance: Random, number: int, *, noisy: bool) -> Call:
    at_s = chance.choice((0.0, chance.uniform(0, 1), chance.uniform(0, 30), chance.uniform(0, 200)))
    talk_s = chance.choice(
        (chance.uniform(0, 3), chance.uniform(3, 61), chance.uniform(58, 125), chance.uniform(0, 400))
    )
    return Call(
        at_s=round(at_s, 3),
        name=f"c{number}",
        customer=chance.choice(("acme", "acme", "acme", "baltic", "saar")),
        fate=chance.choice(("answer", "answer", "answer", "answer", "busy", "cancel")),
        ring_s=round(chance.choice((0.0, chance.uniform(0.2, 3), chance.uniform(3, 40))), 3),
        talk_s=round(talk_s, 3),
        prefix=chance.choice(("44", "44", "33")),
        bad_routes=chance.choice((0, 0, 0, 1)),
        noise=chance.randrange(1, 1 << 30) if noisy and chance.random() < 0.7 else 0,
    )


def _away_s(chance: Random) -> float:
    return chance.choice((0.5, 4.0, 10.0, 45.0, 100.0, 300.0, 3600.0))


def _clock_step(chance: Random, at_s: float) -> Step:
    return ClockStep(at_s, chance.choice((-1, 1)) * chance.choice((3600, 3600, 300, 40, 2)))


def _edge_death(chance: Random, at_s: float) -> Step:
    return EdgeDeath(at_s, _away_s(chance), chance.random() < 0.7, chance.random() < 0.5)


_TROUBLES: Final[dict[Callable[[Random, float], Step], float]] = {
    lambda chance, at_s: Crash(at_s, chance.randrange(2), chance.randrange(1, 12), _away_s(chance)): 0.3,
    lambda chance, at_s: Fault(at_s, chance.randrange(1, 10), chance.choice(FAULTS)): 0.4,
    lambda chance, at_s: Outage(at_s, _away_s(chance)): 0.12,
    lambda chance, at_s: Partition(at_s, _away_s(chance)): 0.15,
    lambda chance, at_s: HangUp(at_s): 0.05,
    _edge_death: 0.15,
    _clock_step: 0.2,
}


def shortened(history: History, fails: Callable[[History], bool]) -> History:
    """The same failure from fewer troubles: steps left out one by one, then the noise, then the second process."""
    changed = True
    while changed:
        changed = False
        for shorter in _simpler(history):
            if fails(shorter):
                history, changed = shorter, True
                break
    return history


def _simpler(history: History) -> list[History]:
    steps = history.steps
    found = [replace(history, steps=steps[:place] + steps[place + 1 :]) for place in range(len(steps))]
    for place, step in enumerate(steps):
        if isinstance(step, Call):
            if step.noise:
                found.append(_with(history, place, replace(step, noise=0)))
            if step.bad_routes:
                found.append(_with(history, place, replace(step, bad_routes=0)))
    if history.processes > 1:
        found.append(replace(history, processes=1))
    if history.edge_skew_s:
        found.append(replace(history, edge_skew_s=0.0))
    return found


def _with(history: History, place: int, step: Step) -> History:
    return replace(history, steps=(*history.steps[:place], step, *history.steps[place + 1 :]))
