"""Claims about whom we ask by HTTP: whoever speaks drop by drop is cut off, in the headers and in the body."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Thread
from types import ModuleType

import pytest

from tollgate.gateways import sms, vat, webhooks
from tollgate.gateways.payments import http, model

HEADERS = (b"HTTP/1.1 200 OK\r\n", *[b"X-Drop: 1\r\n"] * 3, b"Content-Length: 2\r\n\r\n", b"{}")
BODY = (b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 3, b"{}")
ASKED: dict[str, tuple[ModuleType, type[Exception], Callable[[str], object]]] = {
    "webhook": (webhooks, webhooks.NotReached, lambda url: webhooks.post(url, b"{}", {})),
    "register": (vat, vat.NotAnswered, lambda url: vat.Vies(url).ask(vat.Question(number="LT1"))),
    "gateway": (http, model.NotReached, lambda url: http.post_json(url, {}, {})),
    "sms": (
        sms,
        sms.NotSent,
        lambda url: sms.HttpProvider(url, "k").send(sms.Sms(sender="a", recipient="b", text="c", reference="1")),
    ),
}


@pytest.mark.parametrize("pieces", [HEADERS, BODY], ids=["headers", "body"])
@pytest.mark.parametrize("asked", sorted(ASKED))
@pytest.mark.usefixtures("inside_allowed")
def test_whoever_speaks_drop_by_drop_is_cut_off(
    asked: str, pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, refusal, ask = ASKED[asked]
    monkeypatch.setattr(module, "TIMEOUT_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            link, _ = server.accept()
            with link:
                link.recv(65_536)
                try:
                    for piece in pieces:
                        link.sendall(piece)
                        time.sleep(0.2)
                except OSError:
                    return

        dripping = Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises(refusal):
                ask(f"http://127.0.0.1:{server.getsockname()[1]}/")
        finally:
            dripping.join()
