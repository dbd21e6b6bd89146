"""One world: tables, processes, edge, network, and the steps of a history that trouble them.

`play` runs a history to its quiet end and returns what broke. After the last step everything is repaired: then all
calls must end, all events arrive, and nothing may stay held.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import timedelta
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Final

import asyncpg

from tests.core import call_cast as cast
from tests.simulator import history as steps
from tests.simulator.clock import Clock, Journal, Loop, installed
from tests.simulator.history import History
from tests.simulator.laws import BUNDLE_WALLET, Laws
from tests.simulator.service import Process
from tests.simulator.store import Committed, Connection, Key, Row, Tables
from tests.simulator.switch import EDGE, Message, Switch
from tollgate.charging import requests
from tollgate.charging.database import AWAY
from tollgate.charging.reconcile import request_hangup
from tollgate.charging.requests import Allowed, Outcome
from tollgate.core.ledger import Purse
from tollgate.core.packages import SECOND_MICROS
from tollgate.core.rates import Rate, simple
from tollgate.core.refusals import Refusal
from tollgate.core.snapshot import Bundle, EdgeInfo, Snapshot
from tollgate.switches import Answered, Attempted

VALIDITY_S: Final = 30
RECONCILE_S: Final = 30.0
LATEST_S: Final = 2 * VALIDITY_S + 120
"""How long after its grant a call may be open, when all is well: lost after 2 x validity, of which a process that has
just started has to hear nothing too."""
DB_S: Final = (0.0, 0.0, 0.0, 0.0, 0.0004, 0.002)
KINDS: Final = {Answered: requests.Answer, Attempted: requests.Attempt}
BY_STEPS: Final = simple(price_nanos=60_000_000, initial_s=6, increment_s=6, connect_fee_nanos=10_000_000)
RATES: Final[dict[tuple[str, int], Rate]] = {
    **{("44", wallet): cast.SELL for wallet in (cast.ACME_WALLET, cast.BALTIC_WALLET, cast.SAAR_WALLET)},
    **{("33", wallet): BY_STEPS for wallet in (cast.ACME_WALLET, cast.BALTIC_WALLET, cast.SAAR_WALLET)},
    **{(prefix, cast.RHINE_WALLET): cast.RESALE for prefix in ("44", "33")},
    **{(prefix, cast.CARRIER_WALLET): cast.BUY for prefix in ("44", "33")},
    **{(prefix, cast.CARRIER_2_WALLET): simple(price_nanos=13_000_000) for prefix in ("44", "33")},
}


BUNDLE: Final = Bundle(1, "Free", BUNDLE_WALLET, cast.LONG_AGO)


@lru_cache
def snapshot(longest_s: int) -> Snapshot:
    """The records, which no history changes."""
    wallets = {1: cast.ACME_WALLET, 3: cast.RHINE_WALLET, 101: cast.CARRIER_WALLET, 102: cast.CARRIER_2_WALLET}
    cards = {
        card_id: cast.card(
            card_id,
            [cast.row(prefix, RATES[prefix, wallet]) for prefix in ("44", "33")],
            carrier_id=card_id - 100 if card_id > 100 else None,
        )
        for card_id, wallet in wallets.items()
    }
    made = cast.world(
        cards=cards,
        acme={"max_duration_s": longest_s, "bundles": (BUNDLE,)},
        slice_s=60,
        validity_s=VALIDITY_S,
        edges={EDGE: EdgeInfo(1, EDGE, "kamailio", "http://edge")},
    ).snapshot
    return replace(made, challenge_unknown=False)


@lru_cache
def usual_wallets() -> dict[int, Row]:
    """The purses as rows, before a history says how much is in them."""
    free = Purse(BUNDLE_WALLET, 1, "bundle", 1, None, 98, "SEC")
    rows = {wallet_id: asdict(purse) for wallet_id, purse in {**cast.world().purses, BUNDLE_WALLET: free}.items()}
    for row in rows.values():
        del row["dirty"]
    return rows


def wallets_of(history: History) -> dict[int, Row]:
    """The purses at the start, as rows."""
    money = history.money
    changes = {
        cast.ACME_WALLET: {"balance_micros": money.acme_micros, "channels_max": money.acme_channels},
        cast.BALTIC_WALLET: {"balance_micros": 0, "limit_micros": money.baltic_limit_micros},
        cast.RHINE_WALLET: {"balance_micros": money.rhine_micros},
        cast.SAAR_WALLET: {"balance_micros": money.saar_micros},
        cast.CARRIER_WALLET: {"channels_max": money.carrier_channels},
        BUNDLE_WALLET: {"balance_micros": money.acme_free_s * SECOND_MICROS},
    }
    return {wallet_id: {**row, **changes.get(wallet_id, {})} for wallet_id, row in usual_wallets().items()}


class World:
    """Everything of one history."""

    def __init__(self, history: History, *, tracing: bool = False) -> None:
        self.history = history
        self.clock = Clock()
        self.journal = Journal()
        self.loop = Loop(self.clock)
        self.laws = Laws(self, RATES, VALIDITY_S)
        self.tables = Tables(wallets_of(history), self._committed)
        self.switch = Switch(self, history.edge_skew_s)
        self.processes: list[Process] = []
        self.asked_to_end = False
        self.is_quiet = False
        self.trace: list[str] | None = [] if tracing else None
        self._chance = Random(history.seed)
        self._on_air = 0
        self._partitions = 0
        self._crashes: dict[int, list[tuple[int, float]]] = {}
        self._faults: list[tuple[int, str]] = []
        self._commit_faults: list[bool] = []
        self._deadline_s = 0.0

    # The play.

    def play(self) -> list[str]:
        """What broke, as sentences; none when all laws held."""
        opened = [row for row in self.tables.wallets.values() if row["balance_micros"]]
        for row in opened:
            self.tables.balances[row["id"]] += row["balance_micros"]
        connections = SimpleNamespace(open=self._open)
        with installed(self.clock, self.journal, connections), self.loop.entered():
            for number in range(self.history.processes):
                self._start(number)
            for step in self.history.steps:
                self.loop.at(step.at_s, self._do, step)
            self.loop.at(_over_s(self.history), self._repair)
            self.loop.at(RECONCILE_S, self._reconcile)
            self._run()
        return self.laws.problems + self.journal.problems

    def _run(self) -> None:
        for _ in range(50_000):
            self.loop.advance(self._is_busy)
            if self.laws.problems or self.journal.problems:
                return
            if self.is_quiet and self._is_over():
                self.laws.at_the_end()
                return
            if self.is_quiet and self.clock.true_s > self._deadline_s:
                open_ = [key[2] for key in self.tables.calls] + [f"{m.kind} untold" for m in self.switch.spool]
                self.laws.problems.append(f"R5: still open when all has been quiet for long: {open_}")
                return
        self.laws.problems.append("R5: the history does not end")

    def _is_busy(self) -> bool:
        return any(process.is_busy for process in self.processes)

    def _is_over(self) -> bool:
        switch = self.switch
        if self.tables.calls or self._on_air or switch.spool or self._is_busy():
            return False
        return all(dialog.state == "over" for dialog in switch.dialogs)

    def note(self, sentence: str, *values: object) -> None:
        """For the printed history of a failure."""
        if self.trace is not None:
            self.trace.append(f"{self.clock.true_s:10.3f}  {sentence % values}")

    def _committed(self, committed: Committed) -> None:
        if self.trace is not None:
            self.note("committed: %s", self._books(committed))
        self.laws.after_commit(committed)

    def _books(self, committed: Committed) -> str:
        calls = [
            f"{key[2]} {call['state']} holds {call['held_micros']} for {call['granted_s']} s"
            f" until {call['granted_until']:%H:%M:%S}"
            for key, call in self.tables.calls.items()
        ]
        cdrs = [f"{row['edge_call_id']} {row['state']} {row['duration_ms']} ms" for row in committed.cdrs]
        entries = [f"{row['kind']} {row['amount_micros']} on {row['wallet_id']}" for row in committed.entries]
        return f"live {calls} over {cdrs} entries {entries}"

    # Processes.

    async def _open(self, name: str) -> Connection:
        if self.tables.down:
            raise OSError("the database is away")
        return self.processes[int(name)].connect()

    def _start(self, number: int) -> None:
        if number < len(self.processes) and self.processes[number].is_up:
            return
        process = Process(self, snapshot(self.history.longest_s), str(number))
        if number < len(self.processes):
            self.processes[number] = process
        else:
            self.processes.append(process)
        process.start()
        self.note("process %s starts", number)
        self.loop.after(0.05, self._pulse, process)
        if not number:
            self.loop.after(0.1, self._round)

    def _up(self) -> list[Process]:
        return [process for process in self.processes if process.is_up]

    def _pulse(self, process: Process) -> None:
        """The second hand of one process: it ticks when a tick would find something."""
        if not process.is_up:
            return
        due_s = self._due_s()
        if due_s <= 0 or any(process.timers._untold.values()):
            process.alone("tick", self._guarded, process.timers.tick, self.clock.now())
            due_s = self._chance.choice((1.0, 3.0, 6.0))
        self.loop.after(max(1.0, min(due_s, 30.0)), self._pulse, process)

    def _due_s(self) -> float:
        """How long until the timers may have something to do."""
        now, due_s = self.clock.now(), 3600.0
        lead, silence = timedelta(seconds=12), timedelta(seconds=2 * VALIDITY_S)
        for call in self.tables.calls.values():
            until = call["granted_until"]
            lost_s = (max(until, call["last_seen_at"]) + silence - now).total_seconds()
            due_s = min(due_s, lost_s)
            if call["hangup_at"] is not None:
                due_s = 0.0
            elif call["state"] == "answered" and until > now - lead:
                due_s = min(due_s, (until - lead - now).total_seconds())
        return due_s

    def _reconcile(self) -> None:
        self._round()
        self.loop.after(RECONCILE_S, self._reconcile)

    def _round(self) -> None:
        """One process compares the edge with the tables, if there is anything to compare."""
        up = self._up()
        if up and (self.tables.calls or any(dialog.is_live for dialog in self.switch.dialogs)):
            up[0].alone("round", self._guarded, up[0].reconciler.round)

    async def _guarded(self, work: Callable[..., Awaitable[object]], *values: object) -> None:
        """As the loops of timers and reconciler do."""
        try:
            with contextlib.suppress(*AWAY):
                await work(*values)
        except Exception:  # noqa: BLE001 - kept in the journal, which fails the history
            self.journal.exception("a timer failed")

    async def step(self, process: Process, connection: Connection, what: str) -> None:
        """One step on the database: it takes its time, and it may be the last."""
        delay_s = self._chance.choice(DB_S)
        if delay_s:
            await asyncio.sleep(delay_s)
        number = int(process.name)
        if number in self._crashes:
            left = [(count - 1, away_s) for count, away_s in self._crashes[number]]
            self._crashes[number] = [fault for fault in left if fault[0] > 0]
            for away_s in [away_s for count, away_s in left if count <= 0]:
                self.note("process %s dies at %s", number, what)
                process.kill()
                self.loop.after(away_s, self._start, number)
                return
        if self._faults:
            due = [kind for count, kind in self._faults if count <= 1]
            self._faults = [(count - 1, kind) for count, kind in self._faults if count > 1]
            for kind in due:
                self.note("%s at %s", kind, what)
                await self._fault(kind, connection)

    async def _fault(self, kind: str, connection: Connection) -> None:
        match kind:
            case "deadlock":
                raise asyncpg.DeadlockDetectedError("deadlock detected")
            case "broken":
                connection.close()
            case "commit_lost":
                self._commit_faults.append(False)
            case "commit_unheard":
                self._commit_faults.append(True)
            case "stall":
                await asyncio.sleep(7.0)
            case "pause":
                await asyncio.sleep(1.7)

    def commit_fault(self) -> bool | None:
        """Whether this commit loses its answer, and is carried out (True) or not (False)."""
        return self._commit_faults.pop() if self._commit_faults else None

    # The network.

    def put_on_air(self, delay_s: float, message: Message) -> None:
        """A message leaves the edge."""
        self._on_air += 1
        self.loop.after(delay_s, self._deliver, message)

    def _deliver(self, message: Message) -> None:
        self._on_air -= 1
        up = self._up()
        if self._partitions or not up:
            return
        process = self._chance.choice(up)
        self.note("%s of %s reaches process %s", message.kind, message.dialog.step.name, process.name)
        process.spawn(self._serve(process, message))

    async def _serve(self, process: Process, message: Message) -> None:
        service, dialog = process.service, message.dialog
        known = snapshot(self.history.longest_s)
        key: Key = (known.account.id, EDGE, dialog.step.name)
        outcome: Outcome
        if message.told is None:
            planned = service.planned(self.switch.invite(dialog), known)
            outcome = await service.authorize(planned, known, 1500, dialog=self.switch.name_of(dialog))
        else:
            outcome = await service.tell(KINDS.get(type(message.told), requests.End), key, message.told)
        if not process.is_up:
            return
        self.note("%s of %s: %s", message.kind, dialog.step.name, _words(outcome))
        self.laws.heard(message, key, outcome)
        lost = dialog.step.noise and not self.is_quiet and dialog.chance.random() < 0.15
        if not lost and not self._partitions:
            self.loop.after(0.004, self.switch.hear, message, outcome)

    async def rpc(self, body: bytes) -> bytes:
        """A question of the service to the edge."""
        chance, noisy = self._chance, not self.is_quiet and any(d.step.noise for d in self.switch.dialogs)
        if self._partitions or not self.switch.is_up or (noisy and chance.random() < 0.1):
            raise TimeoutError
        if chance.random() < 0.3:
            await asyncio.sleep(chance.choice((0.002, 0.4)))
        if not self.switch.is_up:
            raise OSError("connection reset")
        answer = self.switch.rpc(body)
        self.note("rpc %s: %s", body.decode(), answer.decode())
        if noisy and chance.random() < 0.1:
            raise TimeoutError
        return answer

    # Steps of a history.

    def _do(self, step: steps.Step) -> None:
        self.note("step %s", step)
        match step:
            case steps.Call():
                self.switch.dial(step)
            case steps.Crash():
                self._crashes.setdefault(step.process % self.history.processes, []).append((step.steps, step.away_s))
            case steps.Fault():
                self._faults.append((step.steps, step.kind))
            case steps.Outage():
                self._outage(step)
            case steps.Partition():
                self._partitions += 1
                self.loop.after(step.away_s, self._join)
            case steps.EdgeDeath():
                self._edge_death(step)
            case steps.ClockStep():
                self.clock.step(step.by_s)
            case steps.HangUp():
                self._hang_up()

    def _join(self) -> None:
        self._partitions = max(0, self._partitions - 1)

    def _outage(self, step: steps.Outage) -> None:
        self.tables.down = True
        for process in self.processes:
            for connection in process.connections:
                connection.close()
        self.loop.after(step.away_s, self._back)

    def _back(self) -> None:
        self.tables.down = False

    def _edge_death(self, step: steps.EdgeDeath) -> None:
        if self.switch.is_up:
            self.switch.die(spool=step.spool)
            self.loop.after(step.away_s, self._edge_back, step.late)

    def _edge_back(self, late: bool) -> None:
        self.switch.return_(late=late)

    def _hang_up(self) -> None:
        self.asked_to_end = True
        up = self._up()
        for call in self.tables.calls.values():
            if up:
                up[0].spawn(self._guarded(request_hangup, up[0].service, call["id"]))

    def _repair(self) -> None:
        """No more trouble: what is open now has to end by itself."""
        self.note("all is well from here")
        self.is_quiet = True
        self._crashes.clear()
        self._faults.clear()
        self._commit_faults.clear()
        self._partitions = 0
        self.tables.down = False
        for number in range(len(self.processes)):
            self._start(number)
        latest = [max(call["granted_until"], call["last_seen_at"]) for call in self.tables.calls.values()]
        wait_s = max([0.0, *[(moment - self.clock.now()).total_seconds() for moment in latest]])
        talking = any(dialog.state != "over" for dialog in self.switch.dialogs)
        self._deadline_s = self.clock.true_s + wait_s + LATEST_S + (5000 if talking else 0)


def _over_s(history: History) -> float:
    """When the last trouble is over, and all calls that may still be heard of."""
    ends = [0.0]
    for step in history.steps:
        lasting_s = step.ring_s + step.talk_s if isinstance(step, steps.Call) else getattr(step, "away_s", 0.0)
        ends.append(step.at_s + lasting_s)
    return max(ends) + 3.0


def _words(outcome: Outcome) -> str:
    if isinstance(outcome, Allowed):
        return f"allowed for {outcome.granted_s} s"
    return f"refused, {outcome.key}" if isinstance(outcome, Refusal) else str(outcome)


def play(history: History) -> list[str]:
    """What broke in a history."""
    return World(history).play()
