"""Claims about mail: what reaches a real server, how it is protected, what is written down, and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import socket
from datetime import UTC, datetime

import pytest

from tests.gateways.sink import PASSWORD, Certificate, Sink, mail_sink
from tests.ports import free_port
from tollgate.gateways.addresses import Unreachable, is_inside, reachable
from tollgate.gateways.mail import (
    Attachment,
    Letter,
    NotSent,
    Server,
    check,
    compose,
    read_server,
    send,
    write_server,
)

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LETTER = Letter(
    sender="billing@demo.example", sender_name="Demö Telecom", recipient="carla@acme.example", subject="Grüße, Carla",
    text="Zwölf Wörter\n.\nend", html="<p>Zwölf</p>", sent_at=AT,
)  # fmt: skip


def at(sink: Sink, **more: str) -> Server:
    """The sink as a server."""
    return Server(host="127.0.0.1", port=sink.port, **more)  # type: ignore[arg-type]


def refused(server: Server, letter: Letter = LETTER) -> NotSent:
    """Why the mail was not sent."""
    with pytest.raises(NotSent) as caught:
        send(server, letter)
    return caught.value


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mail.example.com", "mail.example.com", 25),
        ("Mail.yourdomain.com:465", "mail.yourdomain.com", 465),
        ("192.0.2.1:587", "192.0.2.1", 587),
        ("[2001:db8::25]", "2001:db8::25", 25),
        ("[2001:db8::25]:465", "2001:db8::25", 465),
    ],
)
def test_a_server_is_written_with_or_without_its_port(text: str, host: str, port: int) -> None:
    assert read_server(text) == (host, port)
    assert read_server(write_server(host, port)) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "a:0", "a:65536", "a:b", "2001:db8::25", "smtp://a", "a b", "[a]:25", "a/b", "u@a"]
)
def test_what_is_no_server_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"mail\.example\.com:465"):
        read_server(text)


def test_a_port_decides_the_protection_unless_a_mode_is_chosen() -> None:
    server = Server(host="mail.example.com")
    found = {port: dataclasses.replace(server, port=port).protection for port in (25, 465, 587, 2525)}
    assert found == {25: "auto", 465: "tls", 587: "starttls", 2525: "auto"}
    assert dataclasses.replace(server, port=465, mode="none").protection == "none"


@pytest.mark.usefixtures("inside_allowed")
def test_a_mail_arrives_whole() -> None:
    attachment = Attachment(name="Preise für Ω.csv", content_type="text/csv", content=b"44,0.06\r\n")
    letter = dataclasses.replace(
        LETTER, attachments=(attachment,), unsubscribe_url="https://demo.example/u/1/", message_id="<7@demo.example>"
    )
    with mail_sink() as sink:
        dialogue = send(at(sink), letter)
    (got,) = sink.letters
    assert sink.envelopes == [("billing@demo.example", ["carla@acme.example"])]
    assert (got["Subject"], got["To"], got["Message-ID"]) == ("Grüße, Carla", "carla@acme.example", "<7@demo.example>")
    assert got["From"].addresses[0].display_name == "Demö Telecom"
    assert got["Date"].datetime == AT
    assert got["List-Unsubscribe"] == "<https://demo.example/u/1/>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    bodies = {part.get_content_type(): part for part in got.walk() if not part.is_multipart()}
    assert bodies["text/plain"].get_content().splitlines() == LETTER.text.splitlines()
    assert bodies["text/html"].get_content().splitlines() == [LETTER.html]
    assert bodies["text/csv"].get_filename() == "Preise für Ω.csv"
    assert bodies["text/csv"].get_payload(decode=True) == b"44,0.06\r\n"
    for said in (
        "> mail FROM:<billing@demo.example>",
        "> rcpt TO:<carla@acme.example>",
        "< 250 taken",
        "-- the mail: ",
    ):
        assert said in dialogue


@pytest.mark.parametrize("place", ["subject", "sender_name", "recipient", "sender", "unsubscribe_url", "message_id"])
def test_no_line_break_gets_into_a_header(place: str) -> None:
    for sign in ("\n", "\r", "\r\n"):
        with pytest.raises(ValueError):
            compose(dataclasses.replace(LETTER, **{place: f"<a@b.example>{sign}Bcc: eve@evil.example"}))  # type: ignore[arg-type]


@pytest.mark.usefixtures("inside_allowed")
@pytest.mark.parametrize("mode", ["auto", "starttls", "tls"])
def test_a_protected_connection_carries_mail_and_login_but_no_secret_is_written_down(
    mode: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with mail_sink(certificate=certificate, implicit=mode == "tls", with_login=True) as sink:
        dialogue = send(at(sink, mode=mode, username="ann", password=PASSWORD), LETTER)
        assert check(at(sink, mode=mode, username="ann", password=PASSWORD))
        wrong = refused(at(sink, mode=mode, username="ann", password="another one"))
    assert (sink.protected, sink.logins[:2], len(sink.letters)) == ([True], ["ann", "ann"], 1)
    assert "login: 535" in str(wrong)
    assert not wrong.permanent
    for told in (dialogue, wrong.dialogue):
        assert "-- protected by TLS" in told
        assert "AUTH" in told
        assert "(hidden)" in told
        for secret in (PASSWORD, "another one"):
            for word in (secret, f"\0ann\0{secret}", f"ann\0ann\0{secret}"):
                assert base64.b64encode(word.encode()).decode() not in told
            assert secret not in told


@pytest.mark.usefixtures("inside_allowed")
def test_a_certificate_that_nobody_signed_is_only_taken_where_protection_is_a_bonus(certificate: Certificate) -> None:
    with mail_sink(certificate=certificate) as sink:
        assert "certificate" in str(refused(at(sink, mode="starttls")))
        send(at(sink), LETTER)
    with mail_sink(certificate=certificate, implicit=True) as strict:
        assert "certificate" in str(refused(at(strict, mode="tls")))
    assert (sink.protected, strict.letters) == ([True], [])


@pytest.mark.usefixtures("inside_allowed")
def test_a_password_is_not_given_in_clear_unless_that_is_chosen() -> None:
    with mail_sink(with_login=True) as sink:
        assert "not sent" in str(refused(at(sink, username="ann", password=PASSWORD)))
        assert "does not offer STARTTLS" in str(refused(at(sink, mode="starttls")))
        assert sink.logins == []
        send(at(sink, mode="none", username="ann", password=PASSWORD), LETTER)
        assert sink.logins == ["ann"]


@pytest.mark.usefixtures("inside_allowed")
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_says_whether_it_is_final(command: str) -> None:
    with mail_sink() as sink:
        for answer, final in (("550 no such mailbox", True), ("451 come back later", False)):
            sink.refuse = {command: answer}
            problem = refused(at(sink))
            assert problem.permanent is final
            assert answer in str(problem)
            assert f"< {answer}" in problem.dialogue


@pytest.mark.usefixtures("inside_allowed")
def test_a_server_that_is_away_is_a_reason_to_try_again() -> None:
    problem = refused(Server(host="127.0.0.1", port=free_port()))
    assert not problem.permanent
    assert "connecting to 127.0.0.1" in problem.dialogue
    assert "not found" in str(refused(Server(host="no-such-host.invalid")))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:0:0:0:0:80ff:fffe", "2130706433", "0x7f.1",
        "fec0::1", "::127.0.0.1", "::ffff:0:7f00:1",
    ],
)  # fmt: skip
def test_nobody_reaches_inside_by_naming_a_server(host: str) -> None:
    with pytest.raises(Unreachable, match=r"inside|not found"):
        reachable(host, 25)
    assert refused(Server(host=host)).dialogue == ""


def test_the_public_internet_is_not_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipaddress import ip_address

    for text in ("1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "::ffff:0:101:101"):
        assert not is_inside(ip_address(text)), text
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "10.0.0.0/8")
    assert reachable("10.1.2.3", 25) == ["10.1.2.3"]
    with pytest.raises(Unreachable):
        reachable("127.0.0.1", 25)


def test_a_name_that_leads_inside_as_well_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 25)) for text in ("1.1.1.1", "192.168.0.9")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(Unreachable, match=r"192\.168\.0\.9"):
        reachable("rebind.example", 25)


@pytest.mark.usefixtures("inside_allowed")
def test_the_connection_goes_to_the_very_address_that_was_checked(rebound: str) -> None:
    with mail_sink() as sink:
        send(Server(host=rebound, port=sink.port), LETTER)
    assert len(sink.letters) == 1
