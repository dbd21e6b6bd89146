"""What we ask of a Kamailio edge, and how to read its answers: bytes in, bytes out, no network.

Every request is the body of `POST /RPC` (JSON) to the edge's RPC address, with `secret_of` that edge in the header
`X-Tollgate-Secret` (else HTTP 403). Every answer has a JSON body, also those with HTTP 404 ("no such call") and 500:
give the body to `check` or a `parse_` function whatever the status. To add a request: one function that returns the
body, and one that reads the answer when it carries more than success.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

PATH = "/RPC"
SECRET_HEADER = "X-Tollgate-Secret"  # noqa: S105  # the name of the header
FORGET_ALL = "*"
"""As a user: every user."""
BAN_S = 300
"""How long the edge is deaf to an address that flooded it."""
EXTEND_MOST = 400
"""Calls that one extend request may carry."""

_ANSWERED_STATES = (3, 4)
_LIVE_STATES = (1, 2, 3, 4)


class RpcError(Exception):
    """The edge understood the request and refused it: its own words."""


@dataclass(frozen=True, slots=True)
class EdgeCall:
    """One dialog as the edge sees it now."""

    call_id: str
    h_entry: int
    h_id: int
    state: int
    started_at: datetime | None
    """The moment of the answer, to the second; None while it rings."""

    @property
    def answered(self) -> bool:
        return self.state in _ANSWERED_STATES

    @property
    def live(self) -> bool:
        """False for a dialog that has ended and waits to be forgotten."""
        return self.state in _LIVE_STATES

    @property
    def handle(self) -> str:
        """The same text as `h` in the edge's events."""
        return f"{self.h_entry}:{self.h_id}"


@dataclass(frozen=True, slots=True)
class Extended:
    """The answer to an extend request: how many calls have their new end, and which are not at the edge (any more)."""

    count: int
    gone: tuple[tuple[int, int], ...]


def secret_of(edge: str, installation_secret: str) -> str:
    """What an edge wants to be shown: its own, so that no edge learns what opens another's doors, or ours."""
    return hmac.digest(installation_secret.encode(), f"rpc:{edge}".encode(), "sha256").hex()


def read_handle(handle: str) -> tuple[int, int]:
    """`"748:1512"`, the `h` of an event, as (h_entry, h_id). Raises ValueError."""
    entry, _, identity = handle.partition(":")
    return int(entry), int(identity)


def list_request() -> bytes:
    """All dialogs of the edge, in few words (Call-ID, state, start)."""
    return _request("dlg.briefing", ["cSs"])


def parse_list(answer: bytes) -> list[EdgeCall]:
    """The dialogs of a list answer, ended ones that linger included (see `EdgeCall.live`)."""
    rows = _result(answer)
    if not isinstance(rows, list):
        raise RpcError(f"list expected, got {type(rows).__name__}")
    return [_edge_call(row) for row in rows]


def hangup_request(h_entry: int, h_id: int, reason_header: str = "") -> bytes:
    """End a call: BYE to both sides; while it rings, CANCEL to the called side and 487 to the caller.

    `reason_header` is the value of a Reason header, such as `Q.850;cause=102`.
    """
    headers = [f"Reason: {reason_header}\r\n"] if reason_header else []
    return _request("tollgate.end", [h_entry, h_id, *headers])


def extend_request(calls: Iterable[tuple[int, int, int]]) -> bytes:
    """Move the end of answered calls: (h_entry, h_id, milliseconds from now) each, at most `EXTEND_MOST` of them.

    The edge cuts within the 0.2 s before that moment, never after it.
    """
    rows = list(calls)
    if len(rows) > EXTEND_MOST:
        raise ValueError(f"calls: {len(rows)} in one request, at most {EXTEND_MOST}")
    if any(left_ms < 1 for _, _, left_ms in rows):
        raise ValueError("calls: milliseconds from now must be at least 1")
    return _request("tollgate.extend", [";".join(f"{entry}:{identity}:{left_ms}" for entry, identity, left_ms in rows)])


def parse_extended(answer: bytes) -> Extended:
    """The answer to an extend request."""
    result = _result(answer)
    if not isinstance(result, dict):
        raise RpcError(f"object expected, got {type(result).__name__}")
    gone = tuple(read_handle(pair) for pair in str(result.get("gone", "")).split(";") if pair)
    return Extended(count=int(result.get("extended", 0)), gone=gone)


def flush_ha1_request(user: str) -> bytes:
    """Forget the cached HA1 of a SIP user (after a new password, or a deleted user), or of all of them."""
    if user == FORGET_ALL:
        return _request("htable.flush", ["ha1"])
    return _request("htable.delete", ["ha1", user])


def banned_request() -> bytes:
    """The addresses to which the edge is deaf because they flooded it."""
    return _request("htable.dump", ["ban"])


def challenged_request() -> bytes:
    """The addresses that the edge asks for a password without asking us."""
    return _request("htable.dump", ["ask"])


def parse_addresses(answer: bytes) -> list[str]:
    """The addresses of either answer, as the edge spells them."""
    slots = _result(answer)
    if not isinstance(slots, list):
        raise RpcError(f"list expected, got {type(slots).__name__}")
    return [str(entry["name"]) for slot in slots for entry in slot["slot"]]


def admit_requests(address: str) -> tuple[bytes, ...]:
    """Hear an address again, spelled as the edge does, and hold no flood against it for the next while."""
    return (
        _request("htable.seti", ["known", address, 1]),
        _request("htable.delete", ["ban", address]),
        _request("htable.delete", ["ask", address]),
    )


def unregister_request(user: str) -> bytes:
    """Forget where a SIP user registered: calls reach its phones again once they have registered anew."""
    return _request("ul.rm", ["location", user])


def check(answer: bytes) -> None:
    """Raises RpcError unless the answer says success. "Not there" is success where something was to go."""
    error = _read(answer).get("error")
    if error is not None and not _is_absence(error):
        raise RpcError(_error_text(error))


def uptime_request() -> bytes:
    """Is the edge there?"""
    return _request("core.uptime", [])


def _request(method: str, params: list[str | int]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()


def _read(answer: bytes) -> dict[str, object]:
    try:
        data = json.loads(answer.decode("utf-8", "replace"))
    except ValueError as error:
        raise RpcError(f"no JSON: {answer[:80]!r}") from error
    if not isinstance(data, dict):
        raise RpcError(f"object expected, got {type(data).__name__}")
    return data


def _result(answer: bytes) -> object:
    data = _read(answer)
    if "error" in data:
        raise RpcError(_error_text(data["error"]))
    return data.get("result")


def _error_text(error: object) -> str:
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)


def _is_absence(error: object) -> bool:
    return isinstance(error, dict) and error.get("code") == 404


def _edge_call(row: dict[str, object]) -> EdgeCall:
    started = int(str(row.get("start_ts", 0)))
    return EdgeCall(
        call_id=str(row["call-id"]),
        h_entry=int(str(row["h_entry"])),
        h_id=int(str(row["h_id"])),
        state=int(str(row.get("state", 0))),
        started_at=datetime.fromtimestamp(started, UTC) if started else None,
    )
