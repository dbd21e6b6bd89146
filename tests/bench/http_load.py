"""The load process of the benchmark: whole calls over HTTP from one process, answered by another.

Run by `charging.py` as `http_load.py PORT SECONDS CONNECTIONS CUSTOMERS PREFIXES SEED [CALLS_PER_S]`; prints JSON. Each
connection carries one call at a time and never waits between calls, unless a pace is given. The load shares the cores
with what it measures, so a connection is a few callbacks and no task.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import uvloop

HEAD: Final = b"POST /v1/%b HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b"
TALK: Final = timedelta(seconds=3)


class Load:
    """Calls of random customers to random numbers, for some seconds."""

    def __init__(self, *, customers: int, prefixes: int, seed: int, seconds: float) -> None:
        self.random, self.customers, self.prefixes, self.seed = Random(seed), customers, prefixes, seed
        self.until_s = time.perf_counter() + seconds
        self.calls = 0
        self.latencies_ms: list[float] = []

    def call(self) -> tuple[bytes, bytes]:
        """What every message of the next call begins with, and the question whether it may be carried."""
        self.calls += 1
        chance = self.random.random
        customer, cld = 1 + int(chance() * self.customers), 100_001 + int(chance() * self.prefixes)
        common = b'{"edge":"bench","call_id":"h%d-%d"' % (self.seed, self.calls)
        ip = b"10.%d.%d.%d" % (customer >> 16, customer >> 8 & 255, customer & 255)
        asked = b'"source":{"ip":"%b"},"cli":"442071838750","cld":"%d5550100","deadline_ms":9000}' % (ip, cld)
        return common, common + b"," + asked


class Caller(asyncio.Protocol):
    """One keep-alive connection and the call on it: authorize, answered, ended, and the next when it is due."""

    def __init__(self, load: Load, *, first_s: float, every_s: float) -> None:
        self.load, self.due_s, self.every_s = load, first_s, every_s
        self.done = asyncio.get_running_loop().create_future()
        self.transport: Any = None
        self.buffer = self.common = self.answered_at = b""
        self.step = 0
        self.began_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers where to write."""
        self.transport = transport

    def connection_lost(self, problem: Exception | None) -> None:
        """A service that hangs up on a call ends the run."""
        if not self.done.done():
            self.done.set_exception(problem or ConnectionError("the service hung up"))

    def next(self) -> None:
        """The next call, as soon as it is due."""
        now_s = time.perf_counter()
        if max(now_s, self.due_s) >= self.load.until_s:
            self.done.set_result(None)
        elif self.due_s > now_s:
            asyncio.get_running_loop().call_later(self.due_s - now_s, self.authorize)
        else:
            self.authorize()

    def authorize(self) -> None:
        """May this call be carried?"""
        self.due_s += self.every_s
        self.common, question = self.load.call()
        self.step = 0
        self.began_s = time.perf_counter()
        self.post(b"authorize", question)

    def post(self, door: bytes, body: bytes) -> None:
        """One message."""
        self.transport.write(HEAD % (door, len(body), body))

    def data_received(self, data: bytes) -> None:
        """The next message when the answer is whole."""
        data = self.buffer = self.buffer + data
        head = data.find(b"\r\n\r\n")
        begin = data.find(b"content-length: ") + 16
        if head < 0 or len(data) < head + 4 + int(data[begin : data.find(b"\r", begin)]):
            return
        self.buffer = b""
        assert data.startswith(b"HTTP/1.1 200"), data
        self.step += 1
        if self.step == 1:
            self.load.latencies_ms.append((time.perf_counter() - self.began_s) * 1000)
            assert b'"allow":true' in data, data
            self.answer()
        elif self.step == 2:
            self.end()
        else:
            self.next()

    def answer(self) -> None:
        """The call is answered as soon as it may be carried."""
        self.answered_at = datetime.now(UTC).isoformat().encode()
        self.post(b"answered", b'%b,"at":"%b","route":0}' % (self.common, self.answered_at))

    def end(self) -> None:
        """And is over at once, having talked for some seconds."""
        at = (datetime.now(UTC) + TALK).isoformat().encode()
        self.post(b"ended", b'%b,"at":"%b","answered_at":"%b","sip":200}' % (self.common, at, self.answered_at))


async def main(port: int, connections: int, load: Load, pace: float | None) -> None:
    """Opens the connections, makes calls for some seconds and prints what was measured."""
    loop, callers = asyncio.get_running_loop(), []
    began_s, every_s = time.perf_counter(), connections / pace if pace else 0.0
    for number in range(connections):
        caller = Caller(load, first_s=began_s + every_s * number / connections, every_s=every_s)
        callers.append(caller)
        await loop.create_connection(lambda known=caller: known, "127.0.0.1", port)  # type: ignore[misc]
    for caller in callers:
        caller.next()
    await asyncio.gather(*[caller.done for caller in callers])
    wall_s, ordered = time.perf_counter() - began_s, sorted(load.latencies_ms)
    result = {
        "calls_per_s": load.calls / wall_s,
        "p50_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[len(ordered) * 99 // 100],
        "cpu_s": time.process_time(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    port, seconds, connections, customers, prefixes, seed, *pace = sys.argv[1:]
    load = Load(customers=int(customers), prefixes=int(prefixes), seed=int(seed), seconds=float(seconds))
    uvloop.run(main(int(port), int(connections), load, float(pace[0]) if pace else None))
