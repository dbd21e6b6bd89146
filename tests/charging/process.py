"""A charging process of its own, and the switch that talks to it over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3

from tests.charging.cast import ACME_IP, NUMBER
from tests.ports import free_port

PROGRAM = """
import sys
from tollgate.charging.server import main
main(database_url=sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), secret=sys.argv[3], log_level="warning")
"""


class Charging:
    """One process. The methods are the messages of a switch named `edge`."""

    def __init__(self, url: str, *, secret: str = "", edge: str = "sw1", port: int = 0) -> None:
        self.url, self.secret, self.edge = url, secret, edge
        self.port = port or free_port()
        self.http = urllib3.PoolManager(maxsize=64, retries=False, timeout=10)
        self.start()

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        command = [sys.executable, "-c", PROGRAM, self.url, str(self.port), self.secret]
        self.process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, "the charging process has ended"
            try:
                if self.http.request("GET", f"http://127.0.0.1:{self.port}/healthz").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the charging process does not answer")

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.http.clear()

    def stop(self) -> None:
        """A clean end."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.http.clear()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """One request; status and decoded body."""
        headers = {"X-Tollgate-Secret": self.secret} if self.secret else {}
        answer = self.http.request(
            method, f"http://127.0.0.1:{self.port}{path}", json=body if method == "POST" else None, headers=headers
        )
        kind = answer.headers.get("content-type", "")
        return answer.status, answer.json() if "json" in kind else answer.data.decode()

    def post(self, path: str, **body: Any) -> Any:
        """A request that has to succeed."""
        status, answer = self.send("POST", path, {"edge": self.edge} | body)
        assert status == 200, (status, answer)
        return answer

    def authorize(self, call_id: str, *, ip: str = ACME_IP, cld: str = NUMBER, **fields: Any) -> Any:
        """Asks for a call."""
        source = {"ip": ip, "port": 5060, "transport": "udp"}
        return self.post("/v1/authorize", call_id=call_id, source=source, cli="442071838750", cld=cld, **fields)

    def answered(self, call_id: str, at: datetime, **fields: Any) -> Any:
        """The call was answered."""
        return self.post("/v1/answered", call_id=call_id, at=at.isoformat(), **fields)

    def ended(self, call_id: str, at: datetime, answered_at: datetime | None = None, **fields: Any) -> Any:
        """The call is over."""
        answered = None if answered_at is None else answered_at.isoformat()
        return self.post("/v1/ended", call_id=call_id, at=at.isoformat(), answered_at=answered, **fields)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
