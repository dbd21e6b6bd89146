"""Speaking to edges: one HTTP POST to the edge's RPC address.

The bytes are made and read in `switches.kamailio_rpc`. An edge without an address is never spoken to: it asks us.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from tollgate.core.snapshot import EdgeInfo
from tollgate.switches import kamailio_rpc as rpc
from tollgate.switches.kamailio import REGISTRATION_MOST_S

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 5
FORGET_MOST: Final = 1000
"""The passwords of so many users an edge is told to forget one by one; of more, it forgets all in one word."""
Call = tuple[str, str]
"""The edge's call id, and its own name of the dialog."""
UNREACHABLE: Final = (OSError, TimeoutError, EOFError, ValueError, rpc.RpcError)
"""What is raised when an edge cannot be reached or answers nonsense."""


async def post(url: str, body: bytes, *, secret: str) -> bytes:
    """One HTTP/1.1 POST; the answer's body. Raises OSError, TimeoutError, EOFError or ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r} is not an http address")
    path = parts.path if parts.path not in ("", "/") else rpc.PATH
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"{rpc.SECRET_HEADER}: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            writer.write(head.encode("latin-1") + body)
            await writer.drain()
            return await _read_answer(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = head[0].split(" ")[1:2]
    if status not in (["200"], ["404"], ["500"]):  # an error of the RPC itself is in the body
        raise ValueError(f"HTTP status {' '.join(status)}")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    return await reader.readexactly(int(fields["content-length"]))


class Edges:
    """Every edge that can be spoken to."""

    def __init__(self, *, secret: str) -> None:
        self._secret = secret
        self.up: dict[str, bool] = {}
        """Whether the edge answered the last time it was spoken to."""
        self._owed: dict[str, dict[str, float]] = {}
        """Edge -> user it must forget -> the monotonic second at which it will have by itself."""
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._shut: dict[str, float] = {}
        """Edge that may not hear an endpoint -> the monotonic second at which it will by itself."""
        self._admitting: dict[str, asyncio.Task[None]] = {}

    async def calls(self, edge: EdgeInfo) -> list[rpc.EdgeCall]:
        """The dialogs the edge has live. Raises one of `UNREACHABLE`."""
        return [call for call in rpc.parse_list(await self._ask(edge, rpc.list_request())) if call.live]

    async def hang_up(self, edge: EdgeInfo, calls: Iterable[Call], reason: str) -> None:
        """Ends calls; those the edge does not know are over already. Raises one of `UNREACHABLE`.

        Where the edge refuses to end one, the others are ended all the same.
        """
        refused: rpc.RpcError | None = None
        for handle in (await self._handles(edge, calls)).values():
            try:
                rpc.check(await self._ask(edge, rpc.hangup_request(*handle, reason)))
            except rpc.RpcError as problem:
                refused = problem
        if refused is not None:
            raise refused

    async def extend(self, edge: EdgeInfo, ends: Mapping[Call, datetime], at: datetime) -> None:
        """Moves the ends of calls. Raises one of `UNREACHABLE`."""
        millisecond = timedelta(milliseconds=1)
        handles = await self._handles(edge, ends)
        rows = [(*handle, max(1, (ends[call] - at) // millisecond)) for call, handle in handles.items()]
        for start in range(0, len(rows), rpc.EXTEND_MOST):
            rpc.parse_extended(await self._ask(edge, rpc.extend_request(rows[start : start + rpc.EXTEND_MOST])))

    async def _handles(self, edge: EdgeInfo, calls: Iterable[Call]) -> dict[Call, tuple[int, int]]:
        """How the edge names these calls; a call that came without its name is looked for in the edge's list."""
        wanted = list(calls)
        shown: dict[str, tuple[int, int]] = {}
        if any(not dialog for _, dialog in wanted):
            shown = {call.call_id: (call.h_entry, call.h_id) for call in await self.calls(edge)}
        found = {call: rpc.read_handle(call[1]) if call[1] else shown.get(call[0]) for call in wanted}
        return {call: handle for call, handle in found.items() if handle is not None}

    def forget_users(self, edges: Iterable[EdgeInfo], users: Iterable[str]) -> None:
        """Makes edges ask us again for the secrets of SIP users, and forget where they registered.

        `FORGET_ALL` among them: for what we tell of every user, who stay where they are.

        Waits for none. An edge that cannot be reached is told again by the next call, whatever its users, until it was
        told or has forgotten by itself.
        """
        until_s = time.monotonic() + REGISTRATION_MOST_S
        changed = dict.fromkeys(users, until_s)
        for edge in edges:
            owed = self._owed.get(edge.name, {}) | changed
            self._owed[edge.name] = owed
            if owed and edge.name not in self._telling:
                self._telling[edge.name] = asyncio.create_task(self._forget(edge))

    async def _forget(self, edge: EdgeInfo) -> None:
        try:
            await self._tell_owed(edge)
        except UNREACHABLE:
            pass  # the next call tells it again
        finally:
            del self._telling[edge.name]

    async def _tell_owed(self, edge: EdgeInfo) -> None:
        owed = list(self._owed[edge.name].items())
        at_once = len(owed) > FORGET_MOST or rpc.FORGET_ALL in self._owed[edge.name]
        if at_once:
            rpc.check(await self._ask(edge, rpc.flush_ha1_request(rpc.FORGET_ALL)))
        for user, until_s in owed:
            if until_s > time.monotonic():
                if not at_once:
                    rpc.check(await self._ask(edge, rpc.flush_ha1_request(user)))
                # after the password, or the old phone might register once more in between
                if user != rpc.FORGET_ALL:
                    rpc.check(await self._ask(edge, rpc.unregister_request(user)))
            if self._owed[edge.name].get(user) == until_s:  # else it changed once more meanwhile
                del self._owed[edge.name][user]

    def admit(self, edge: EdgeInfo, is_endpoint: Callable[[str], bool], *, changed: bool) -> None:
        """Makes an edge hear the addresses that it shut out and that are endpoints now; `changed`: some are new.

        Waits for nothing. An edge that cannot be reached is told again by the next call, for as long as it shuts out.
        """
        if changed:
            self._shut[edge.name] = time.monotonic() + rpc.BAN_S
        if self._shut.get(edge.name, 0.0) > time.monotonic() and edge.name not in self._admitting:
            self._admitting[edge.name] = asyncio.create_task(self._admit(edge, is_endpoint))

    async def _admit(self, edge: EdgeInfo, is_endpoint: Callable[[str], bool]) -> None:
        try:
            while (until_s := self._shut.get(edge.name)) is not None:
                for request in (rpc.banned_request(), rpc.challenged_request()):
                    for address in rpc.parse_addresses(await self._ask(edge, request)):
                        if is_endpoint(address):
                            for told in rpc.admit_requests(address):
                                rpc.check(await self._ask(edge, told))
                if self._shut[edge.name] == until_s:  # else endpoints changed once more meanwhile
                    del self._shut[edge.name]
        except UNREACHABLE:
            pass  # the next call tells it again
        finally:
            del self._admitting[edge.name]

    async def _ask(self, edge: EdgeInfo, body: bytes) -> bytes:
        try:
            answer = await post(edge.rpc_url, body, secret=rpc.secret_of(edge.name, self._secret))
        except UNREACHABLE as problem:
            if self.up.get(edge.name, True):
                log.warning("edge %s cannot be reached: %s", edge.name, problem)
            self.up[edge.name] = False
            raise
        self.up[edge.name] = True
        return answer
