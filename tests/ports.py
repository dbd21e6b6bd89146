"""Ports for servers that tests start: below those that the kernel gives to connections, which could take any other one
between the moment it was found free and the start of its server. No process gives one twice.
"""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Iterator
from typing import Final

PORTS: Final = range(10_000, 20_000)
"""Below 20,000, where the embedded PostgreSQL begins to choose."""
APART: Final = 16
"""Processes of tests choose from ports of their own, but for one in so many."""


def _chances() -> Iterator[int]:
    own = PORTS[os.getpid() % APART :: APART]
    while True:
        yield from random.SystemRandom().sample(own, len(own))  # another order in every process, whatever its seed is


_left = _chances()


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens and nothing is received."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = next(_left)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(family, kind) as probe:
                    probe.bind((host, port))
        except OSError as problem:
            if problem.errno == errno.EADDRNOTAVAIL:  # nor on any other port
                raise
            continue
        return port
