"""An instant decision service, for checks of the edge alone and for the bench that compares with it.

It answers the doors of the Kamailio adapter over HTTP/1.1 with keep-alive, remembers what it was asked, and can be
stopped, started and made to refuse events. Whole calls with charging are tested against the real service.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any

Decide = Callable[[dict[str, Any]], dict[str, Any]]


class FakeService:
    """Answers on its own thread; `decide` gets the question of an INVITE and gives the answer as the adapter would."""

    def __init__(
        self, host: str, decide: Decide = lambda _: {"action": "refuse"}, *, port: int = 8080, realm: str = "edge.test"
    ) -> None:
        self.host, self.port, self.realm = host, port, realm
        self.decide = decide
        self.passwords: dict[str, str] = {}
        self.failures = 0
        """Wrong passwords of a user from an address that are too many; 0: none are."""
        self.questions: list[dict[str, Any]] = []
        self.ha1_questions: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.secrets: set[str] = set()
        self.refusing_events = False
        self.failing_calls: set[str] = set()
        """At events of these calls the service fails."""
        self.events_take_s = 0.0
        """So long each of them takes."""
        self.health = 200
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread: threading.Thread | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> FakeService:
        self._started.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(30), f"nothing listens on {self.url}"
        return self

    def stop(self) -> None:
        """As a killed service: no more connections, those there are closed."""
        if self._thread is not None:
            assert self._loop is not None
            assert self._stop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5)
            self._thread = None

    def events_of(self, call_id: str) -> list[dict[str, Any]]:
        """Events of one call, each id once."""
        unique = {event["id"]: event for event in self.events if event.get("call_id") == call_id}
        return list(unique.values())

    def question_of(self, call_id: str) -> dict[str, Any]:
        return next(question for question in self.questions if question["call_id"] == call_id)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, self.host, self.port)
        self._started.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                path = lines[0].split(" ")[1]
                if path != "/healthz":  # whether we live is asked without a secret
                    self.secrets.add(headers.get("x-tollgate-secret", ""))
                status, answer = self._answer(path, json.loads(body or b"{}"))
                if "/event" in path:
                    await asyncio.sleep(self.events_take_s)
                data = json.dumps(answer).encode()
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % (status, len(data))
                )
                writer.write(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, path: str, q: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/v1/kamailio/authorize":
            self.questions.append(q)
            return 200, self.decide(q)
        if path == "/v1/kamailio/ha1":
            self.ha1_questions.append(q)
            password = self.passwords.get(q["user"])
            text = f"{q['user']}:{self.realm}:{password}"
            return 200, {
                "ha1": hashlib.md5(text.encode()).hexdigest() if password else "",
                "failures": self.failures,
                "ttl": 300,
            }
        if path == "/v1/kamailio/event":
            if self.refusing_events:
                return 503, {}
            if q.get("call_id") in self.failing_calls:
                return 500, {}
            self.events.append(q)
            return 200, {}
        return (self.health, {}) if path == "/healthz" else (404, {})
