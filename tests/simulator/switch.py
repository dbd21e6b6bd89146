"""The edge: it asks before it rings, keeps its own time limits, keeps untold events in a spool, and may die.

It never talks past the last second it was granted. What the network does to the messages of a call comes from the
call's own noise, so that a call behaves alike when other steps of a history are left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from tests.simulator.clock import START
from tests.simulator.history import Call
from tollgate.charging.requests import Allowed, Outcome, Unavailable
from tollgate.core.calls import Invite
from tollgate.core.refusals import Refusal
from tollgate.switches import Answered, Attempt, Attempted, Ended

if TYPE_CHECKING:
    from tests.simulator.world import World

EDGE: Final = "kam1"
PATIENCE_S: Final = 2.0
"""How long the edge waits for the answer to an INVITE's question."""
ADDRESSES: Final = {"acme": "198.51.100.7", "baltic": "198.51.100.8", "saar": "198.51.100.9"}
CUT_EARLY_S: Final = 0.1
"""The edge cuts within the 0.2 s before an end it was told."""
Told = Answered | Attempted | Ended


@dataclass(slots=True)
class Dialog:
    """One call at the edge, and the truth about it."""

    step: Call
    place: int
    chance: Random
    state: str = "asking"  # 'asking', 'ringing', 'talking', 'over'
    is_allowed: bool = False
    granted_s: int = 0
    route: int = 0
    carriers: tuple[int, ...] = ()  # the carrier's wallet of each route
    answered_s: float | None = None
    limit_s: float = 0.0
    over_s: float = 0.0
    hung_up_by_us: bool = False
    died: bool = False
    end_told: bool = False

    @property
    def is_live(self) -> bool:
        return self.state in ("ringing", "talking")

    @property
    def talk_ms(self) -> int:
        """How long it truly talked, by the edge's own count."""
        return 0 if self.answered_s is None else int((self.over_s - self.answered_s) * 1000 + 1e-6)


@dataclass(slots=True, eq=False)
class Message:
    """A question or an event on its way, sent again until it is done with."""

    dialog: Dialog
    told: Told | None  # None for the question whether the call may be carried
    tries: int = 0
    done: bool = False

    @property
    def kind(self) -> str:
        return "Authorize" if self.told is None else type(self.told).__name__


@dataclass(slots=True)
class Switch:
    """The edge of the world."""

    world: World
    skew_s: float
    is_up: bool = True
    dialogs: list[Dialog] = field(default_factory=list)
    spool: list[Message] = field(default_factory=list)

    def wall(self, true_s: float) -> datetime:
        """The edge's wall clock, which may be a little off."""
        return START + timedelta(seconds=true_s + self.skew_s)

    @property
    def now_s(self) -> float:
        return self.world.clock.true_s

    # Calls.

    def dial(self, step: Call) -> None:
        """A customer's INVITE comes in."""
        if not self.is_up:
            return
        dialog = Dialog(step, len(self.dialogs) + 1, Random(f"{step.name} {step.noise}"))
        self.dialogs.append(dialog)
        self._send(Message(dialog, None))
        self.world.loop.after(PATIENCE_S, self._give_up, dialog)

    def invite(self, dialog: Dialog) -> Invite:
        """What the service is asked."""
        step = dialog.step
        number = "33142000001" if step.prefix == "33" else "442079460001"
        return Invite(EDGE, step.name, ADDRESSES[step.customer], cli="442071838750", cld=number)

    def name_of(self, dialog: Dialog) -> str:
        """The edge's own name of a dialog, where it has one."""
        return "" if self.world.history.is_plain else f"{dialog.place}:{dialog.place}"

    def _give_up(self, dialog: Dialog) -> None:
        if dialog.state == "asking" and self.is_up:
            dialog.state = "over"
            if dialog.chance.random() < 0.5:
                self._tell(dialog, self._failed(dialog, 503))

    def _ring(self, dialog: Dialog, allowed: Allowed) -> None:
        dialog.state, dialog.is_allowed = "ringing", True
        dialog.granted_s = allowed.granted_s
        dialog.carriers = tuple(route.carrier_wallet_id for route in allowed.routes)
        self.world.loop.after(dialog.step.ring_s, self._rung, dialog)

    def _rung(self, dialog: Dialog) -> None:
        if dialog.state != "ringing":
            return
        step = dialog.step
        if dialog.route < min(step.bad_routes, len(dialog.carriers) - 1):
            self._tell(dialog, Attempted(EDGE, step.name, self._attempt(dialog), self.name_of(dialog)))
            dialog.route += 1
            self.world.loop.after(1.0, self._rung, dialog)
        elif step.fate == "answer":
            dialog.state, dialog.answered_s = "talking", self.now_s
            dialog.limit_s = self.now_s + dialog.granted_s
            at = self.wall(self.now_s)
            self._tell(dialog, Answered(EDGE, step.name, at, dialog.route, dialog=self.name_of(dialog)))
            self._talk(dialog)
        else:
            dialog.state, dialog.over_s = "over", self.now_s
            self._tell(dialog, self._failed(dialog, 486 if step.fate == "busy" else 487))

    def _talk(self, dialog: Dialog) -> None:
        """Talks on until somebody hangs up or the time that was granted is over."""
        assert dialog.answered_s is not None
        if dialog.state != "talking":
            return
        ends_s = min(dialog.answered_s + dialog.step.talk_s, dialog.limit_s)
        if ends_s > self.now_s + 1e-9:
            self.world.loop.at(ends_s, self._talk, dialog)
        else:
            self._end(dialog)

    def _end(self, dialog: Dialog) -> None:
        was = dialog.state
        dialog.state, dialog.over_s = "over", self.now_s
        self._tell(dialog, self._ended(dialog) if was == "talking" else self._failed(dialog, 480))

    def _ended(self, dialog: Dialog) -> Ended:
        assert dialog.answered_s is not None
        return Ended(
            edge=EDGE,
            call_id=dialog.step.name,
            at=self.wall(dialog.over_s),
            answered_at=self.wall(dialog.answered_s),
            duration_ms=dialog.talk_ms if self.world.history.is_plain else None,
            sip=200,
            q850=16,
            released_by="caller",
            route=dialog.route,
            dialog=self.name_of(dialog),
        )

    def _failed(self, dialog: Dialog, sip: int) -> Ended:
        return Ended(
            edge=EDGE,
            call_id=dialog.step.name,
            at=self.wall(self.now_s),
            answered_at=None,
            duration_ms=None,
            sip=sip,
            q850=None,
            released_by=None,
            failed=True,
            route=dialog.route,
            dialog=self.name_of(dialog),
        )

    def _attempt(self, dialog: Dialog) -> Attempt:
        at = self.wall(self.now_s)
        return Attempt(dialog.route, 503, "failed", None, at, f"{dialog.step.name}.{dialog.route}")

    # Messages.

    def _tell(self, dialog: Dialog, told: Told) -> None:
        message = Message(dialog, told)
        self.spool.append(message)
        self._send(message)

    def _send(self, message: Message) -> None:
        """Once, twice or not at all; events again and again until somebody has heard them."""
        if message.done or not self.is_up:
            return
        dialog, loop = message.dialog, self.world.loop
        message.tries += 1
        for delay_s in self._delays(dialog):
            self.world.put_on_air(delay_s, message)
        if message.told is not None:
            loop.after(min(60.0, 2.5 * 2**message.tries), self._send, message)
        elif message.tries == 1 and dialog.step.noise and dialog.chance.random() < 0.5:
            loop.after(0.6, self._send, message)

    def _delays(self, dialog: Dialog) -> list[float]:
        if not dialog.step.noise or self.world.is_quiet:
            return [0.005]
        chance = dialog.chance
        delays = [chance.choice((0.001, 0.01, 0.3, 1.2, 8.0)) for _ in range(chance.choice((0, 1, 1, 1, 2, 2)))]
        return sorted(delays)

    def hear(self, message: Message, outcome: Outcome) -> None:
        """An answer of the service."""
        if not self.is_up or message.done:
            return
        dialog = message.dialog
        if message.told is not None:
            if not isinstance(outcome, Unavailable):
                message.done = True
                self.spool.remove(message)
        elif dialog.state == "asking":
            if isinstance(outcome, Allowed):
                message.done = True
                self._ring(dialog, outcome)
            elif isinstance(outcome, Refusal):
                message.done = True
                dialog.state = "over"

    # Trouble.

    def die(self, *, spool: bool) -> None:
        """All calls are gone without a word."""
        self.is_up = False
        for dialog in self.dialogs:
            if dialog.state != "over":
                dialog.died = dialog.is_live
                dialog.state, dialog.over_s = "over", self.now_s
        if not spool:
            for message in self.spool:
                message.done = True
            self.spool.clear()

    def return_(self, *, late: bool) -> None:
        """Back again: the spool is sent, and what the accounting of dead calls says, if there is one."""
        self.is_up = True
        for message in list(self.spool):
            self._send(message)
        for dialog in self.dialogs:
            if late and dialog.died and dialog.answered_s is not None:
                for _ in range(2):
                    self._tell(dialog, self._ended(dialog))
            dialog.died = False

    # What the service asks of the edge.

    def rpc(self, body: bytes) -> bytes:
        """One request of `switches.kamailio_rpc`."""
        asked = json.loads(body)
        method, params = asked["method"], asked["params"]
        by_place = {(d.place, d.place): d for d in self.dialogs if d.is_live}
        result: object = "ok"
        if method == "dlg.briefing":
            result = [self._listed(dialog) for dialog in by_place.values()]
        elif method == "tollgate.end":
            dialog = by_place.get((params[0], params[1]))
            if dialog is not None:
                self.world.laws.hung_up(dialog)
                dialog.hung_up_by_us = True
                self._end(dialog)
        elif method == "htable.dump":
            result = []  # it shuts nobody out
        elif method == "tollgate.extend":
            result = self._extended(params[0].split(";"), by_place)
        return json.dumps({"result": result}).encode()

    def _listed(self, dialog: Dialog) -> dict[str, object]:
        answered = dialog.answered_s is not None
        started = int(self.wall(dialog.answered_s or 0.0).timestamp()) if answered else 0
        place = dialog.place
        state = 4 if answered else 2
        return {"call-id": dialog.step.name, "h_entry": place, "h_id": place, "state": state, "start_ts": started}

    def _extended(self, rows: list[str], by_place: dict[tuple[int, int], Dialog]) -> dict[str, object]:
        gone, count = [], 0
        for row in rows:
            entry, identity, left_ms = map(int, row.split(":"))
            dialog = by_place.get((entry, identity))
            if dialog is None or dialog.state != "talking":
                gone.append(f"{entry}:{identity}")
                continue
            count += 1
            dialog.limit_s = max(self.now_s, self.now_s + left_ms / 1000 - CUT_EARLY_S)
            self._talk(dialog)
        return {"extended": count, "gone": ";".join(gone)}
