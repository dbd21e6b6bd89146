"""Claims about VAT numbers: their form offline, what the register is asked, what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tollgate.gateways.vat import NotAnswered, Question, Vies, number_fits, register_of

VALID = {"valid": True, "name": "UAB Baltic", "address": "---", "requestIdentifier": "WAPIAAAAY"}


class Register(BaseHTTPRequestHandler):
    """Answers what the server is told to answer, as VIES does."""

    def do_POST(self) -> None:
        server: Answering = self.server  # type: ignore[assignment]
        server.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        status, said = server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode() if isinstance(said, str) else json.dumps(said).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Answering(HTTPServer):
    """A register on this machine."""

    answer: tuple[int, object] = (200, VALID)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Register)
        self.asked: list[tuple[str, dict[str, str]]] = []


@pytest.fixture
def register() -> Iterator[Answering]:
    """Started."""
    with Answering() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("number", "country", "fits"),
    [
        ("LT100001919017", "LT", True),
        ("LT100001919018", "LT", False),
        ("LT100001919017", "DE", False),
        ("EL094259216", "GR", True),
        ("100001919017", "LT", False),
        ("980780684", "GB", True),
        ("980780685", "GB", False),
        ("12-3456789", "US", True),
        ("", "US", False),
        ("X", "", True),
    ],
)
def test_a_number_has_the_form_of_its_country(number: str, country: str, fits: bool) -> None:
    assert number_fits(number, country) is fits


@pytest.mark.usefixtures("inside_allowed")
def test_the_register_is_asked_with_our_own_number_and_its_proof_is_kept(
    register: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_VIES_URL", f"http://127.0.0.1:{register.server_port}/rest/")
    vies = register_of()
    answer = vies.ask(Question(number="DE136695976", own_number="LT100001919017"))
    assert (answer.valid, answer.name, answer.address, answer.consultation) == (True, "UAB Baltic", "", "WAPIAAAAY")
    assert json.loads(answer.text) == VALID
    asked = {"countryCode": "DE", "vatNumber": "136695976"}
    own = {"requesterMemberStateCode": "LT", "requesterNumber": "100001919017"}
    vies.ask(Question(number="DE136695976"))
    assert register.asked == [("/rest/check-vat-number", {**asked, **own}), ("/rest/check-vat-number", asked)]
    register.answer = (200, {"valid": False})
    assert vies.ask(Question(number="DE136695976")).valid is False
    register.answer = (400, {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]})
    assert vies.ask(Question(number="DE136695976")).valid is False


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}),
        (200, {"valid": True, "userError": "GLOBAL_MAX_CONCURRENT_REQ"}),
        (500, "oops"),
        (200, "<html>"),
        (200, "[]"),
        (302, {"valid": True}),
    ],
)
@pytest.mark.usefixtures("inside_allowed")
def test_no_answer_is_no_verdict(register: Answering, status: int, said: object) -> None:
    register.answer = (status, said)
    with pytest.raises(NotAnswered):
        Vies(f"http://127.0.0.1:{register.server_port}").ask(Question(number="DE136695976"))


def test_the_register_is_never_sought_inside() -> None:
    with pytest.raises(NotAnswered, match="inside"):
        Vies("http://127.0.0.1:9").ask(Question(number="DE136695976"))
