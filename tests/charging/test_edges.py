"""Speaking to edges: what an edge must forget it is told until it has, and each edge is shown a secret of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.charging.edge_double import EdgeDouble
from tollgate.charging import edges as module
from tollgate.charging.edges import Edges
from tollgate.core.snapshot import EdgeInfo
from tollgate.switches import kamailio_rpc as rpc


class Line:
    """An edge's RPC address that may be cut off; keeps what it was asked, and with which secret."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.secrets: set[str] = set()
        self.is_up = False
        self._server: asyncio.Server | None = None

    async def start(self, name: str) -> EdgeInfo:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return EdgeInfo(id=1, name=name, kind="kamailio", rpc_url=f"http://127.0.0.1:{port}/RPC")

    async def stop(self) -> None:
        """What is being said is said to its end."""
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0.05)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if self.is_up:
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            question = json.loads(await reader.readexactly(int(fields["Content-Length"])))
            self.asked.append((question["method"], question["params"]))
            self.secrets.add(fields[rpc.SECRET_HEADER])
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"result":{}}')
        writer.close()


async def tick_until(done: Callable[[], bool], *, tick: Callable[[], None]) -> None:
    """What the timers do every second, faster."""
    deadline_s = time.monotonic() + 5
    while not done():
        assert time.monotonic() < deadline_s
        tick()
        await asyncio.sleep(0.01)


def test_an_edge_that_was_away_is_told_what_to_forget_when_it_is_back() -> None:
    async def story() -> None:
        edges, here, away = Edges(secret="root"), Line(), Line()
        known = [await here.start("kam1"), await away.start("kam2")]
        here.is_up = True
        edges.forget_users(known, ["carla", "dan"])
        await tick_until(lambda: len(here.asked) == 4, tick=lambda: edges.forget_users(known, []))
        assert away.asked == []
        away.is_up = True
        await tick_until(lambda: len(away.asked) == 4, tick=lambda: edges.forget_users(known, []))
        for _ in range(5):
            edges.forget_users(known, [])
            await asyncio.sleep(0.01)
        told = [
            (method, [table, user])
            for user in ("carla", "dan")
            for method, table in (("htable.delete", "ha1"), ("ul.rm", "location"))
        ]
        assert (here.asked, away.asked) == (told, told)
        assert (here.secrets, away.secrets) == ({rpc.secret_of("kam1", "root")}, {rpc.secret_of("kam2", "root")})
        await here.stop()
        await away.stop()

    asyncio.run(story())


def test_the_passwords_of_very_many_are_forgotten_in_one_word_and_where_they_registered_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FORGET_MOST", 200)

    async def story() -> None:
        edges, line = Edges(secret="root"), Line()
        known = [await line.start("kam1")]
        users = [f"user{number}" for number in range(250)]
        line.is_up = True
        edges.forget_users(known, users)
        await tick_until(lambda: len(line.asked) > len(users), tick=lambda: edges.forget_users(known, []))
        assert line.asked == [("htable.flush", ["ha1"]), *(("ul.rm", ["location", user]) for user in users)]
        await line.stop()

    asyncio.run(story())


def test_what_an_edge_has_forgotten_by_itself_it_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REGISTRATION_MOST_S", 0.05)

    async def story() -> None:
        edges, line = Edges(secret="root"), Line()
        known = [await line.start("kam1")]
        edges.forget_users(known, ["carla"])
        await asyncio.sleep(0.1)
        line.is_up = True
        for _ in range(5):
            edges.forget_users(known, [])
            await asyncio.sleep(0.01)
        assert line.asked == []
        await line.stop()

    asyncio.run(story())


def test_a_call_that_the_edge_cannot_end_keeps_no_other_waiting() -> None:
    async def story() -> None:
        edges = Edges(secret="root")
        edge = EdgeInfo(id=1, name="kam1", kind="kamailio", rpc_url=double.url)
        with pytest.raises(rpc.RpcError):
            await edges.hang_up(edge, [("a", "1:1"), ("b", "1:2"), ("c", "1:3")], "Q.850;cause=31")

    with EdgeDouble() as double:
        double.refusing = {(1, 1)}
        asyncio.run(story())
        assert double.hung_up == [(1, 2), (1, 3)]


def test_an_edge_that_was_away_hears_endpoints_again_when_it_is_back_and_nobody_else() -> None:
    async def story() -> None:
        edges = Edges(secret="root")
        edge = EdgeInfo(id=1, name="kam1", kind="kamailio", rpc_url="http://127.0.0.1:1/RPC")
        edges.admit(edge, is_endpoint, changed=True)
        await asyncio.sleep(0.05)
        back = replace(edge, rpc_url=double.url)
        await tick_until(lambda: bool(double.admitted), tick=lambda: edges.admit(back, is_endpoint, changed=False))
        await asyncio.sleep(0.05)
        double.admitted.clear()
        edges.admit(back, is_endpoint, changed=False)  # nothing is owed any more
        await asyncio.sleep(0.05)
        assert double.admitted == []

    def is_endpoint(address: str) -> bool:
        told.append(address)
        return address == "192.0.2.1"

    told: list[str] = []
    with EdgeDouble() as double:
        double.shut_out = ["192.0.2.1", "192.0.2.2"]
        asyncio.run(story())
        assert told == ["192.0.2.1", "192.0.2.2"]
