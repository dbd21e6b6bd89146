"""The instant service that the edge is compared with: every answer is a constant, nothing is decided or kept.

`python -m tests.bench.stub HOST PORT` reads the answer to every INVITE from its standard input. It runs on the same
server as the charging service, so that the difference between the two is charging and nothing else.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

import uvloop

from tollgate.charging.listener import Answer, Listener, Message

DONE: Final = b'{"ok":true}'
ENDED: Final = b'"ended"'


class Stub:
    """`GET /ended` tells how many calls have ended."""

    def __init__(self, decision: bytes) -> None:
        self.decision = decision
        self.ended = 0

    async def answer(self, message: Message) -> Answer:
        """One request."""
        match message.path:
            case "/v1/kamailio/authorize":
                return Answer(200, self.decision)
            case "/ended":
                return Answer(200, b"%d" % self.ended)
            case _:
                self.ended += message.body.count(ENDED)
                return Answer(200, DONE)


async def serve(host: str, port: int) -> None:
    """Serves until it is told to stop."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    listener = Listener(Stub(sys.stdin.buffer.read()).answer)
    await listener.start(host, port)
    await told.wait()
    await listener.stop()


def main() -> None:
    """On the address that was given."""
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
