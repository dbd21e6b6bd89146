"""Claims about SMS: what a provider is asked, what its answer means, and that its key stays a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.gateways.sink import Certificate
from tollgate.gateways.sms import HttpProvider, NotSent, Sms, provider_of

KEY = "key-of-the-provider"
SMS = Sms(sender="DEMO", recipient="+37061234567", text="482913 is your code", reference="17")


class Provider(BaseHTTPRequestHandler):
    """Answers what the server is told to answer."""

    def do_POST(self) -> None:
        server: Answering = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.asked.append((self.path, dict(self.headers), json.loads(body)))
        status, text = server.answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Answering(HTTPServer):
    """A provider on this machine."""

    answer = (200, '{"id": "sms-1", "status": "accepted"}')

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Provider)
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []


@pytest.fixture
def provider() -> Iterator[Answering]:
    """Started."""
    with Answering() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("inside_allowed")
def test_a_provider_is_asked_once_with_its_key_and_its_answer_read(provider: Answering) -> None:
    url = f"http://127.0.0.1:{provider.server_port}/send?route=1"
    sent = HttpProvider(url, KEY).send(SMS)
    assert (sent.provider_id, sent.status) == ("sms-1", "accepted")
    ((path, headers, body),) = provider.asked
    assert (path, headers["Authorization"]) == ("/send?route=1", f"Bearer {KEY}")
    assert body == {"from": "DEMO", "to": "+37061234567", "text": SMS.text, "reference": "17"}
    assert KEY not in sent.dialogue
    assert SMS.text not in sent.dialogue
    assert KEY not in repr(HttpProvider(url, KEY))


@pytest.mark.usefixtures("inside_allowed")
@pytest.mark.parametrize(("status", "final"), [(400, True), (401, True), (429, False), (500, False), (302, False)])
def test_an_answer_says_whether_to_try_again(provider: Answering, status: int, final: bool) -> None:
    provider.answer = (status, "no")
    with pytest.raises(NotSent, match=str(status)) as caught:
        HttpProvider(f"http://127.0.0.1:{provider.server_port}/", KEY).send(SMS)
    assert caught.value.permanent is final
    assert len(provider.asked) == 1


@pytest.mark.usefixtures("inside_allowed")
def test_the_address_that_was_checked_is_the_one_that_is_asked(provider: Answering, rebound: str) -> None:
    HttpProvider(f"http://{rebound}:{provider.server_port}/", KEY).send(SMS)
    ((_, headers, _body),) = provider.asked
    assert headers["Host"] == f"{rebound}:{provider.server_port}"


@pytest.mark.usefixtures("inside_allowed")
def test_a_provider_is_only_told_when_its_certificate_is_its_own(
    provider: Answering, certificate: Certificate, rebound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.socket = certificate.context().wrap_socket(provider.socket, server_side=True)
    address = f"https://127.0.0.1:{provider.server_port}/"
    with pytest.raises(NotSent, match="certificate verify failed"):
        HttpProvider(address, KEY).send(SMS)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    assert HttpProvider(address, KEY).send(SMS).provider_id == "sms-1"
    with pytest.raises(NotSent, match="doesn't match"):
        HttpProvider(f"https://{rebound}:{provider.server_port}/", KEY).send(SMS)
    assert len(provider.asked) == 1


def test_a_provider_inside_is_not_asked() -> None:
    with pytest.raises(NotSent, match="inside") as caught:
        HttpProvider("http://169.254.169.254/latest/meta-data/", KEY).send(SMS)
    assert not caught.value.permanent


def test_the_log_provider_sends_nothing_and_says_so() -> None:
    sent = provider_of("log", url="", key="").send(SMS)
    assert (sent.provider_id, sent.status) == ("log-17", "logged")
    assert "not sent" in sent.dialogue


@pytest.mark.usefixtures("inside_allowed")
def test_the_log_keeps_neither_the_key_in_an_address_nor_the_answer_to_a_secret(provider: Answering) -> None:
    url = f"http://user:pass@127.0.0.1:{provider.server_port}/send?apikey={KEY}"
    provider.answer = (200, json.dumps({"id": 7, "status": {"text": SMS.text}, "text": SMS.text}))
    open_one, secret = HttpProvider(url, KEY).send(SMS), HttpProvider(url, KEY).send(replace(SMS, secret=True))
    assert SMS.text in open_one.dialogue
    assert SMS.text not in str(secret)
    assert (secret.provider_id, secret.status) == ("7", "")
    assert f"POST http://127.0.0.1:{provider.server_port}/send\n" in secret.dialogue
    assert KEY not in open_one.dialogue + secret.dialogue
    provider.answer = (400, f"no: {SMS.text}")
    with pytest.raises(NotSent) as caught:
        HttpProvider(url, KEY).send(replace(SMS, secret=True))
    assert SMS.text not in str(caught.value) + caught.value.dialogue
    with pytest.raises(NotSent) as caught:
        HttpProvider(f"http://127.0.0.1:port/?apikey={KEY}", KEY).send(SMS)
    assert KEY not in str(caught.value) + caught.value.dialogue
