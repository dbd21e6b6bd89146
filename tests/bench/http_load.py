"""The load process of the benchmark: whole calls over HTTP from one process, answered by another.

Run by `charging.py` as `python tests/bench/http_load.py PORT SECONDS CONNECTIONS CUSTOMERS SEED [CALLS_PER_S]`; prints
JSON. Every connection carries one call at a time and never waits between calls, unless a pace is given.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import uvloop

HEAD = "POST /v1/{} HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n"


class Connection(asyncio.Protocol):
    """One keep-alive connection that carries one request at a time."""

    def __init__(self) -> None:
        self.buffer = b""
        self.waiting: asyncio.Future[bytes] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers where to write."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Gives the body when it is whole."""
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length and self.waiting is not None:
            self.buffer = b""
            assert head.startswith(b"HTTP/1.1 200"), self.buffer
            self.waiting.set_result(body)

    async def post(self, door: str, body: str) -> bytes:
        """One request."""
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write((HEAD.format(door, len(body)) + body).encode())
        return await self.waiting


class Load:
    """Calls of random customers to random numbers."""

    def __init__(self, *, customers: int, seed: int) -> None:
        self.random, self.customers, self.seed = Random(seed), customers, seed
        self.calls = 0
        self.latencies_ms: list[float] = []

    async def call(self, connection: Connection) -> None:
        """One whole call."""
        self.calls += 1
        customer, call_id = self.random.randint(1, self.customers), f"h{self.seed}-{self.calls}"
        cld = 100_001 + self.random.randrange(50_000)
        ip = f"10.{customer >> 16}.{customer >> 8 & 255}.{customer & 255}"
        common = f'{{"edge":"bench","call_id":"{call_id}"'
        began_s = time.perf_counter()
        decided = await connection.post(
            "authorize",
            f'{common},"source":{{"ip":"{ip}"}},"cli":"442071838750","cld":"{cld}5550100","deadline_ms":9000}}',
        )
        self.latencies_ms.append((time.perf_counter() - began_s) * 1000)
        assert b'"allow":true' in decided, decided
        at = datetime.now(UTC)
        text, end = at.isoformat(), (at + timedelta(seconds=3)).isoformat()
        await connection.post("answered", f'{common},"at":"{text}","route":0}}')
        await connection.post("ended", f'{common},"at":"{end}","answered_at":"{text}","sip":200}}')


async def main(port: int, seconds: float, connections: int, load: Load, pace: float | None) -> None:
    """Opens the connections, makes calls for some seconds and prints what was measured."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    began_s = time.perf_counter()

    async def caller(number: int, connection: Connection) -> None:
        made = 0
        while (elapsed_s := time.perf_counter() - began_s) < seconds:
            due_s = (made + number / connections) * connections / pace if pace else 0
            if due_s > elapsed_s:
                await asyncio.sleep(due_s - elapsed_s)
            made += 1
            await load.call(connection)

    await asyncio.gather(*[caller(number, connection) for number, connection in enumerate(opened)])
    wall_s, ordered = time.perf_counter() - began_s, sorted(load.latencies_ms)
    result = {
        "calls_per_s": load.calls / wall_s,
        "p50_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[len(ordered) * 99 // 100],
        "cpu_s": time.process_time(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    port, seconds, connections, customers, seed, *pace = sys.argv[1:]
    load = Load(customers=int(customers), seed=int(seed))
    uvloop.run(main(int(port), float(seconds), int(connections), load, float(pace[0]) if pace else None))
