"""What the desk is asked, and what it answers.

Every request names its call by a key; requests of one call are carried out one after the other, in the order they came.
A new kind is a class here and its function in `decisions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tollgate.core.calls import LiveCall, Plan, RouteChoice
from tollgate.core.ledger import payers_wallet_ids, settlement_wallet_ids
from tollgate.core.refusals import Refusal
from tollgate.switches import Answered, Attempted, AuthFailed, Ended

Key = tuple[int, str, str]
"""Account, edge, and the edge's own id of the call."""


class Allowed(NamedTuple):
    """The call may ring, over these routes, and talk `granted_s` seconds. `local` is the SIP user to deliver it to."""

    call_id: int
    granted_s: int
    record: bool
    media: str
    routes: tuple[RouteChoice, ...]
    local: str | None = None
    fresh: bool = False
    """False for the answer to a repeated question."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No decision in time, and nothing held: the switch may try again in `retry_after_s`."""

    why: str
    retry_after_s: int


class Known(NamedTuple):
    """The message is durable. `already`: it had been before."""

    already: bool = False
    live: bool = True


class Closed(NamedTuple):
    """The call is over and cost this much; `already`: it had been over."""

    cost_micros: int
    currency: str | None
    already: bool
    overrun: bool = False


class Extended(NamedTuple):
    """The call may last until `granted_until`; `more` tells whether that is later than before."""

    call_id: int
    granted_s: int
    granted_until: datetime
    more: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """No such call, live or past."""


Outcome = Allowed | Refusal | Unavailable | Known | Closed | Extended | Unknown


class Request:
    """One question about one call, and the place for its answer."""

    __slots__ = ("answered", "asked_s", "deadline_s", "dialog", "future", "key")

    kind = "request"
    early = True
    """Carried out before the requests that need money and channels."""
    careful = False
    """Decided on what only locked rows can tell."""

    def __init__(self, key: Key, future: asyncio.Future[Outcome], asked_s: float, deadline_s: float) -> None:
        self.key = key
        self.future = future
        self.asked_s = asked_s
        self.deadline_s = deadline_s
        self.dialog = ""
        """The edge's own name of the call, where its id is the caller's choice; empty fits every call of the key."""
        self.answered = False
        """Whether the desk is done with it; its future may be done before, when nobody waits any longer."""

    def wallets(self, call: LiveCall | None) -> Collection[int]:
        """The wallets that this request may change."""
        return ()

    @property
    def looks_back(self) -> bool:
        """Whether a call that is not live has to be looked for among the past ones."""
        return True


class Authorize(Request):
    """May this call be carried?"""

    __slots__ = ("local", "plan")
    kind = "authorize"
    early = False

    plan: Plan
    local: str | None

    def wallets(self, call: LiveCall | None) -> tuple[int, ...]:
        """Those of the decision; none when the call is known already."""
        return self.plan.wallet_ids if call is None else ()


class Answer(Request):
    """The call was answered."""

    __slots__ = ("told",)
    kind = "answered"
    told: Answered

    def wallets(self, call: LiveCall | None) -> set[int]:
        """The carrier's, when another route than the expected one answered."""
        return moved_wallets(call, self.told.route)


class Attempt(Request):
    """A route failed; the edge goes on to the next."""

    __slots__ = ("told",)
    kind = "attempt"
    told: Attempted

    def wallets(self, call: LiveCall | None) -> set[int]:
        """The carriers' of this route and the next."""
        return moved_wallets(call, self.told.attempt.route + 1)


class End(Request):
    """The call is over."""

    __slots__ = ("corrected", "told")
    kind = "ended"
    told: Ended
    corrected: frozenset[int]
    """Wallets to lock, learned from its CDR, when the call was closed before its end came."""

    def wallets(self, call: LiveCall | None) -> Collection[int]:
        """All that the call touched."""
        return self.corrected if call is None else settlement_wallet_ids(call)


class Void(End):
    """The grant of the call came too late for who asked: close it, unless a repeated question was heard."""

    __slots__ = ()
    kind = "void"
    careful = True


class Extend(Request):
    """The grant is nearly used up: hold more, if there is more."""

    __slots__ = ("before", "slice_s")
    kind = "extend"
    early = False
    before: datetime
    slice_s: int

    def wallets(self, call: LiveCall | None) -> set[int]:
        """Every payer's, those of minutes too."""
        return set() if call is None else payers_wallet_ids(call)

    @property
    def looks_back(self) -> bool:
        """A call that has ended needs no more time."""
        return False


class Lose(Request):
    """Nobody has heard of the call for too long: close it at the last moment it was proven."""

    __slots__ = ("quiet_since", "why")
    kind = "lost"
    careful = True
    quiet_since: datetime
    why: str

    def wallets(self, call: LiveCall | None) -> set[int]:
        """All that the call touched."""
        return set() if call is None else settlement_wallet_ids(call)

    @property
    def looks_back(self) -> bool:
        """A call that has ended is not lost."""
        return False


class Reject(Request):
    """A caller was turned away at the edge itself: only a CDR is written."""

    __slots__ = ("customer_id", "told")
    kind = "rejected"
    told: AuthFailed
    customer_id: int | None

    @property
    def looks_back(self) -> bool:
        """The edge tells each rejection once."""
        return False


def moved_wallets(call: LiveCall | None, route: int | None) -> set[int]:
    """The carriers' wallets that count a channel less or more when the call goes to another route."""
    if call is None or route is None or route == (call.route_index or 0) or route >= len(call.plan.routes):
        return set()
    return {*call.carrier_wallet_ids, *call.plan.routes[route].meters}
