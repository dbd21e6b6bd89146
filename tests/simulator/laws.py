"""What must hold: after every commit, after every answer, and when all is quiet.

Written against the tables and the truth of the switch, not against the code: the sums here share nothing with
`core.ledger`. A new law is a method that calls `_broken` with a sentence, named in `after_commit` or `at_the_end`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from tests.core import call_cast as cast
from tests.simulator.clock import START
from tests.simulator.store import Committed, Key, Row, key_of
from tests.simulator.switch import Dialog, Message
from tollgate.charging.requests import Allowed, Closed, Outcome, Unavailable, Unknown
from tollgate.core.packages import SECOND_MICROS
from tollgate.core.rates import Rate, cost_micros
from tollgate.core.refusals import Key as RefusalKey
from tollgate.core.refusals import Refusal
from tollgate.switches import Ended

if TYPE_CHECKING:
    from tests.simulator.world import World

HANGUP_DELAY_S: Final = 10
"""Until an edge that was told to has ended a call."""
PAYERS: Final = {
    "acme": (cast.ACME_WALLET,),
    "baltic": (cast.BALTIC_WALLET,),
    "saar": (cast.SAAR_WALLET, cast.RHINE_WALLET),
}
BUNDLE_WALLET: Final = 61
"""Acme's free seconds."""
CLOCKS_APART_S: Final = 5
"""How far the edge's clock may be from ours: grants end by ours, and begin by the edge's."""
SLACK_MS: Final = 15_000
"""Two clocks that differ, and messages on their way."""


class Laws:
    """Watches one world."""

    def __init__(self, world: World, rates: dict[tuple[str, int], Rate], validity_s: int) -> None:
        self._world = world
        self._rates = rates
        self._validity_s = validity_s
        self._legs: dict[int, tuple[int, ...]] = {}
        self._named: Counter[int] = Counter()
        self._answers: dict[tuple[Key, str], object] = {}
        self.problems: list[str] = []

    def _broken(self, law: str, sentence: str) -> None:
        self.problems.append(f"{law}: {sentence}")

    def after_commit(self, committed: Committed) -> None:
        """The laws of the books."""
        if committed.cdrs or committed.entries:
            self._charged_is_recorded(committed)
            self._overruns_have_names(committed)
        self._wallets()

    def _wallets(self) -> None:
        tables = self._world.tables
        held: Counter[int] = Counter()
        channels: Counter[int] = Counter()
        for call in tables.calls.values():
            channels.update(call["wallet_ids"])
            channels.update(call["carrier_wallet_ids"])
            for wallet_id, micros in zip(self._legs_of(call), call["held_micros"], strict=True):  # money, then minutes
                held[wallet_id] += micros
                if micros < 0:
                    self._broken("R5", f"call {call['edge_call_id']} holds {micros}")
        for wallet_id, wallet in tables.wallets.items():
            balance, hold = wallet["balance_micros"], wallet["held_micros"]
            if balance != tables.balances[wallet_id]:
                self._broken("R9", f"wallet {wallet_id}: balance {balance}, entries {tables.balances[wallet_id]}")
            if hold != held[wallet_id]:
                self._broken("R5", f"wallet {wallet_id}: held {hold}, calls hold {held[wallet_id]}")
            if wallet["channels"] != channels[wallet_id]:
                self._broken("R5", f"wallet {wallet_id}: {wallet['channels']} channels, {channels[wallet_id]} calls")
            left = balance + wallet["limit_micros"] - hold
            if wallet_id == BUNDLE_WALLET and (left < 0 or hold % SECOND_MICROS or balance % SECOND_MICROS):
                self._broken("N-061", f"{left} micros of a second are left of what was granted, {hold} held")
            if wallet["kind"] == "customer" and left < -self._named[wallet_id]:
                self._broken("R2", f"wallet {wallet_id}: available {left}, overruns {self._named[wallet_id]}")

    def _legs_of(self, call: Row) -> tuple[int, ...]:
        if call["id"] not in self._legs:
            plan = json.loads(call["plan"])
            self._legs[call["id"]] = tuple(leg["wallet"] for leg in plan["legs"] + plan.get("bundles", []))
        return self._legs[call["id"]]

    def _charged_is_recorded(self, committed: Committed) -> None:
        tables = self._world.tables
        posted = _by_call(entry for entry in committed.entries if entry["kind"] in ("call", "overrun"))
        for cdr in committed.cdrs:
            said = _said(cdr)
            if said != posted.pop(cdr["id"], {}):
                self._broken("R4", f"call {cdr['edge_call_id']}: its CDR says {said}, its entries say otherwise")
            granted = [row for row in tables.cdrs[key_of(cdr)] if row["state"] != "refused"]
            refused = cdr["state"] == "refused" and cdr["refusal"] != RefusalKey.call_id_in_use
            if len(granted) > 1 or (granted and refused):
                self._broken("R4", f"call {cdr['edge_call_id']} has {len(granted)} CDRs")
            if key_of(cdr) in tables.calls:
                self._broken("R4", f"call {cdr['edge_call_id']} is live and has a CDR")
        for call_id in posted:
            self._broken("R4", f"call {call_id} has entries without a CDR")
        adjusted = [(e["call_id"], e["wallet_id"]) for e in tables.entries if e["kind"] == "adjustment"]
        if len(adjusted) != len(set(adjusted)):
            self._broken("R6", "a late end was posted twice")

    def _overruns_have_names(self, committed: Committed) -> None:
        for entry in committed.entries:
            if entry["kind"] in ("overrun", "adjustment"):
                self._named[entry["wallet_id"]] += max(0, -entry["amount_micros"])
        for cdr in committed.cdrs:
            if cdr["state"] == "charged":
                beyond_ms = cdr["duration_ms"] - json.loads(cdr["detail"])["granted_s"] * 1000
                if beyond_ms > (self._validity_s + HANGUP_DELAY_S) * 1000:
                    self._broken("R2", f"call {cdr['edge_call_id']} talked {beyond_ms} ms beyond its grant")

    def heard(self, message: Message, key: Key, outcome: Outcome) -> None:
        """A durable answer has left the service: the same question always has the same."""
        if isinstance(outcome, Unavailable):
            if outcome.why == "error":
                self._broken("R4", f"{message.kind} of {key[2]} could not be carried out")
            return
        known: object = None
        message.dialog.end_told = message.dialog.end_told or isinstance(message.told, Ended)
        if isinstance(outcome, Allowed):
            known = outcome.call_id
        elif isinstance(outcome, Refusal) and outcome.key is RefusalKey.call_id_in_use:
            if key in self._world.tables.calls:
                self._broken("R3", f"{key[2]} is live and its question was refused when it came again")
        elif isinstance(outcome, Refusal):
            known = outcome.key
        elif isinstance(outcome, Unknown) and message.dialog.is_allowed:
            self._broken("R4", f"{message.kind} of {key[2]}: the call was allowed, and is unknown")
        elif isinstance(outcome, Closed) and isinstance(message.told, Ended):
            known = outcome.cost_micros
        if known is not None and self._answers.setdefault((key, message.kind), known) != known:
            first = self._answers[key, message.kind]
            self._broken("R3", f"{message.kind} of {key[2]} was answered {first} and {known}")

    def hung_up(self, dialog: Dialog) -> None:
        """The service ends a call at the edge: only one that somebody wants ended, or whose grant is over."""
        world = self._world
        early_s = dialog.limit_s - world.clock.true_s
        if world.clock.stepped or world.asked_to_end or dialog.state != "talking" or early_s < CLOCKS_APART_S:
            return
        self._broken("R6", f"call {dialog.step.name} was hung up {early_s:.1f} s before its grant ended")

    def at_the_end(self) -> None:
        """All is quiet: nothing is held, and every call cost what it lasted."""
        world = self._world
        for wallet_id, wallet in world.tables.wallets.items():
            if wallet["held_micros"] or wallet["channels"]:
                self._broken("R5", f"wallet {wallet_id} holds {wallet['held_micros']} for {wallet['channels']} calls")
        posted: dict[str, Counter[int]] = {}
        names = {row["id"]: key[2] for key, rows in world.tables.cdrs.items() for row in rows}
        for entry in world.tables.entries:
            if entry["call_id"] is not None:
                posted.setdefault(names[entry["call_id"]], Counter())[entry["wallet_id"]] += entry["amount_micros"]
        for dialog in world.switch.dialogs:
            self._dialog(dialog, posted.get(dialog.step.name, Counter()))

    def _dialog(self, dialog: Dialog, posted: Counter[int]) -> None:
        name, cdrs = dialog.step.name, [cdr for cdr in self._cdrs(dialog) if cdr["state"] != "refused"]
        if dialog.is_allowed and len(cdrs) != 1:
            self._broken("R4", f"call {name} was carried and has {len(cdrs)} CDRs")
            return
        paid = {wallet_id: micros for wallet_id, micros in posted.items() if micros}
        if dialog.answered_s is None:
            if paid:
                self._broken("R6", f"call {name} was never answered and cost {paid}")
            return
        if dialog.end_told:
            exact = self._costs(dialog, dialog.talk_ms, free_s=-posted[BUNDLE_WALLET] // SECOND_MICROS)
            if paid != exact:
                self._broken("R17" if self._world.clock.stepped else "R3", f"call {name} cost {paid}, not {exact}")
            return
        most_ms = json.loads(cdrs[0]["detail"])["granted_s"] * 1000
        if not self._world.clock.stepped:
            most_ms = min(most_ms, dialog.talk_ms + SLACK_MS)
        if -posted[BUNDLE_WALLET] > (most_ms + 999) // 1000 * SECOND_MICROS:
            self._broken("N-061", f"call {name} talked {dialog.talk_ms} ms and used {-posted[BUNDLE_WALLET]} micros")
        for wallet_id, most in self._costs(dialog, most_ms).items():
            if abs(posted[wallet_id]) > abs(most):
                self._broken("R6", f"call {name} talked {dialog.talk_ms} ms and cost {posted[wallet_id]}, most {most}")

    def _cdrs(self, dialog: Dialog) -> list[Row]:
        found: list[Row] = []
        for key, rows in self._world.tables.cdrs.items():
            if key[2] == dialog.step.name:
                found += rows
        return found

    def _costs(self, dialog: Dialog, talk_ms: int, *, free_s: int = 0) -> dict[int, int]:
        """What every wallet gains, by the rates of this world, alike at all hours; free seconds come first."""
        prefix, gains = dialog.step.prefix, {}
        for wallet_id in PAYERS[dialog.step.customer]:
            rest_ms = talk_ms if wallet_id != cast.ACME_WALLET else talk_ms - free_s * 1000
            if rest_ms > 0 or rest_ms == talk_ms:
                gains[wallet_id] = -cost_micros(self._rates[prefix, wallet_id], START, rest_ms)
        if free_s:
            gains[BUNDLE_WALLET] = -free_s * SECOND_MICROS
            if free_s > max(1, (talk_ms + 999) // 1000):
                self._broken("N-061", f"call {dialog.step.name} talked {talk_ms} ms and used {free_s} free seconds")
        carrier = dialog.carriers[dialog.route]
        gains[carrier] = cost_micros(self._rates[prefix, carrier], START, talk_ms)
        return {wallet_id: micros for wallet_id, micros in gains.items() if micros}


def _said(cdr: Row) -> dict[int, int]:
    """What a CDR says each wallet gains."""
    detail: dict[str, Any] = json.loads(cdr["detail"])
    if cdr["state"] == "refused":
        return {}
    gains = {leg["wallet"]: -leg["cost"] for leg in detail["legs"]}
    gains |= {bundle["wallet"]: -bundle["used_s"] * SECOND_MICROS for bundle in detail.get("minutes", ())}
    if detail["carrier"] is not None:
        gains[detail["carrier"]["wallet"]] = detail["carrier"]["cost"]
    return {wallet_id: micros for wallet_id, micros in gains.items() if micros}


def _by_call(entries: Iterable[Row]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for entry in entries:
        gains = found.setdefault(entry["call_id"], {})
        gains[entry["wallet_id"]] = gains.get(entry["wallet_id"], 0) + entry["amount_micros"]
    return found
