"""A real mail server on this machine that keeps what it gets, and refuses what it is told to refuse.

with mail_sink(certificate=made) as sink:
    send(Server(host="127.0.0.1", port=sink.port), letter)
    sink.letters[0]["Subject"]
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ports import free_port

PASSWORD = "s3cret of the sink"


@dataclass
class Sink:
    """What came in. `refuse` maps a command (MAIL, RCPT, DATA) to the answer it gets."""

    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    protected: list[bool] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    port: int = 0
    implicit: bool = False

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.refuse.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refuse:
            return self.refuse["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        assert isinstance(envelope.content, bytes)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos))
        self.protected.append(self.implicit or session.ssl is not None)
        return "250 taken"

    def log_in(self, _: SMTP, __: Session, ___: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword), mechanism
        self.logins.append(given.login.decode())
        return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


@dataclass(frozen=True)
class Certificate:
    """A certificate of our own and its key."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@contextmanager
def mail_sink(
    *, certificate: Certificate | None = None, implicit: bool = False, with_login: bool = False
) -> Iterator[Sink]:
    """A server on a free port; with a certificate it offers STARTTLS, or speaks TLS from the first byte."""
    sink = Sink(port=free_port(), implicit=implicit)
    context = certificate.context() if certificate else None
    options: dict[str, Any] = {"authenticator": sink.log_in, "auth_require_tls": False} if with_login else {}
    if context and not implicit:
        options["tls_context"] = context
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=sink.port,
        ssl_context=context if implicit else None,
        ready_timeout=10,
        **options,
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def make_certificate(folder: Path) -> Certificate:
    """A certificate for localhost and 127.0.0.1 that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / "server.pem", folder / "server.key")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
