"""Claims about the sending of webhooks, against a real server."""

from __future__ import annotations

import socket
import time
from threading import Thread

import pytest

from tollgate.gateways import webhooks


def test_a_receiver_that_speaks_drop_by_drop_is_cut_off(inside_allowed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            link, _ = server.accept()
            with link:
                link.recv(65_536)
                try:
                    for piece in (b"HTTP/1.1 200 OK\r\n", *[b"X-Drop: 1\r\n"] * 5, b"Content-Length: 0\r\n\r\n"):
                        link.sendall(piece)
                        time.sleep(0.4)
                except OSError:
                    return

        dripping = Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises(webhooks.NotReached):
                webhooks.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        finally:
            dripping.join()
