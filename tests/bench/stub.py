"""The instant service that the edge is compared with: every answer is a constant, nothing is decided or kept.

`python -m tests.bench.stub HOST PORT` reads the answer to every INVITE from its standard input. It runs on the same
server as the charging service, so that the difference between the two is charging and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

DONE: Final = b'{"ok":true}'
ENDED: Final = b'"ended"'

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Stub:
    """A bare ASGI application. `GET /ended` tells how many calls have ended."""

    def __init__(self, decision: bytes) -> None:
        self.decision = decision
        self.ended = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        body: bytes = (await receive()).get("body", b"")
        match scope["path"]:
            case "/v1/kamailio/authorize":
                answer = self.decision
            case "/ended":
                answer = b"%d" % self.ended
            case _:
                self.ended += ENDED in body
                answer = DONE
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def main() -> None:
    """Serves until it is told to stop."""
    host, port = sys.argv[1], int(sys.argv[2])
    stub = Stub(sys.stdin.buffer.read())
    uvicorn.run(
        stub,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        backlog=4096,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
