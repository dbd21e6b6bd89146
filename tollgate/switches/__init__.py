"""How soft-switches speak to us: bytes in, messages out, and back. No network, no tables, no Django.

`plain` is the neutral API of docs/reference, `kamailio` the adapter of the Kamailio edge, `kamailio_rpc` what we ask of
that edge. All read their bodies into `core.calls.Invite` or the messages below. A new switch is one file with the same
readers and writers; its doors are named in `charging.doors`.

The messages that every call sends are named tuples, which cost less to make.

A call is known by its edge, the edge's `call_id` and, where that is the caller's choice as in SIP, by the edge's own
name of the `dialog`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class MessageInvalid(Exception):
    """A message that cannot be obeyed: the field, and what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Attempt:
    """A route that was tried and failed. `event_id` tells a repeat, where the switch gives one."""

    route: int
    sip: int | None
    why: str
    pdd_ms: int | None
    at: datetime | None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Attempted:
    """One failed route, told while the call goes on."""

    edge: str
    call_id: str
    attempt: Attempt
    dialog: str = ""


class Answered(NamedTuple):
    """The call was answered over a route."""

    edge: str
    call_id: str
    at: datetime
    route: int | None
    pdd_ms: int | None = None
    ring_ms: int | None = None
    dialog: str = ""


class Ended(NamedTuple):
    """The call is over: `answered_at` and `duration_ms` by the switch's own clock, both None for one never answered."""

    edge: str
    call_id: str
    at: datetime
    answered_at: datetime | None
    duration_ms: int | None
    sip: int | None
    q850: int | None
    released_by: str | None
    attempts: tuple[Attempt, ...] = ()
    pdd_ms: int | None = None
    ring_ms: int | None = None
    failed: bool = False
    dialog: str = ""
    route: int | None = None
    """The route that talked, or was tried last: this message may overtake those that told of it."""


@dataclass(frozen=True, slots=True)
class AuthFailed:
    """A SIP user's password was wrong: nothing was asked of us, but the attempt is kept."""

    edge: str
    call_id: str
    at: datetime
    user: str
    source_ip: str
    cli: str
    cld: str
    locked: bool = False
    """Its password was not even looked at: too many had been wrong from that address."""


@dataclass(frozen=True, slots=True)
class AuthLocked:
    """From now on an edge turns a SIP user away where it comes from this address: too many passwords were wrong."""

    edge: str
    user: str
    source_ip: str


@dataclass(frozen=True, slots=True)
class Sync:
    """All calls a switch has live."""

    edge: str
    live: tuple[str, ...]
