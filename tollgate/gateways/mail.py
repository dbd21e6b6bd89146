"""Mail by SMTP, with the whole dialogue kept, and no secret in it.

    server = Server(host="mail.example.com", port=587, username="ann", password="...")
    dialogue = send(server, Letter(sender="hello@demo.example", recipient="carla@acme.example", subject=..., text=...))

`mode` says how a connection is protected: `none`, `starttls` (required), `tls` (from the first byte), or `auto`, which
means `tls` on port 465, `starttls` on 587, and elsewhere STARTTLS where the server offers it, whatever its certificate.
Certificates are checked in every other case. In `auto` a password is only given over a protected connection.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from ipaddress import IPv6Address
from typing import Any, Final

from tollgate.gateways.addresses import Unreachable, reachable

DEFAULT_PORT: Final = 25
TIMEOUT_S: Final = 15
LINE_MOST: Final = 400
GO_ON: Final = 354
"""The server's answer to DATA: the mail itself comes next."""
MODES: Final = ("auto", "none", "starttls", "tls")
_SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/@]+))(?::([0-9]{1,5}))?", re.ASCII)


class NotSent(Exception):
    """A mail that the server did not take, or a server that was not reached.

    `permanent` tells that trying again is useless; `dialogue` is what was said until then.
    """

    def __init__(self, sentence: str, *, dialogue: str, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.dialogue, self.permanent = dialogue, permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server; `username` empty: no AUTH."""

    host: str
    port: int = DEFAULT_PORT
    mode: str = "auto"
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def protection(self) -> str:
        """The mode in force: `auto` is decided by the port, and stays `auto` where STARTTLS is taken if offered."""
        return {465: "tls", 587: "starttls"}.get(self.port, "auto") if self.mode == "auto" else self.mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file sent with a mail."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail to one person. `unsubscribe_url` adds the headers by which a reader ends a mailing with one click."""

    sender: str
    sender_name: str = ""
    recipient: str
    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    unsubscribe_url: str = ""
    message_id: str = ""
    sent_at: datetime


def read_server(text: str) -> tuple[str, int]:
    """Host and port of `host`, `host:port` or `[v6]:port`; 25 without a port. Raises ValueError with a sentence."""
    match = _SERVER.fullmatch(text.strip())
    port = int(match[3] or DEFAULT_PORT) if match else 0
    try:
        host = str(IPv6Address(match[1])) if match and match[1] else match[2].lower() if match else ""
    except ValueError:
        host = ""
    if not host or not 1 <= port <= 65535:
        raise ValueError("Write host, host:port or [IPv6 address]:port, such as mail.example.com:465.")
    return host, port


def write_server(host: str, port: int) -> str:
    """Host and port as a person writes them."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == DEFAULT_PORT else f"{shown}:{port}"


def send(server: Server, letter: Letter) -> str:
    """Gives a mail to the server; returns the dialogue. Raises NotSent."""
    try:
        message = compose(letter)
    except ValueError as problem:
        raise NotSent(f"This mail cannot be written: {problem}.", dialogue="", permanent=True) from None
    with _connected(server) as client:
        client.deliver(message, letter)
        return client.dialogue()


def check(server: Server) -> str:
    """Connects, protects and logs in as for a mail, without sending one; returns the dialogue. Raises NotSent."""
    with _connected(server) as client:
        return client.dialogue()


def compose(letter: Letter) -> EmailMessage:
    """The mail as it goes out. Raises ValueError for a header that would break its line, or an address that is none."""
    message = EmailMessage()
    message["From"] = Address(letter.sender_name, addr_spec=letter.sender)
    message["To"] = Address(addr_spec=letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.sent_at)
    domain = letter.sender.rpartition("@")[2]
    message["Message-ID"] = letter.message_id or make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text, charset="utf-8")
    if letter.html:
        message.add_alternative(letter.html, subtype="html", charset="utf-8")
    for attachment in letter.attachments:
        maintype, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=attachment.name)
    return message


class _Client(smtplib.SMTP):
    """SMTP to one checked address, writing down what is said."""

    def __init__(self, server: Server, address: str, lines: list[str]) -> None:
        self.server, self.address, self.lines = server, address, lines
        self._hidden, self._length = False, 0
        super().__init__(timeout=TIMEOUT_S)
        self._host = server.host  # whom the certificate must name

    def open(self) -> None:
        """Connects, protects and logs in."""
        server = self.server
        self.lines.append(f"-- connecting to {self.address} port {server.port}")
        code, words = self.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        self.ehlo_or_helo_if_needed()
        if server.protection in ("starttls", "auto") and self._offers_protection():
            self.starttls(context=_context(checked=server.protection == "starttls"))
            self._note_protection()
            self.ehlo()
        if server.username:
            self._log_in()

    def deliver(self, message: EmailMessage, letter: Letter) -> None:
        """Gives one mail; the server's refusal is final when its code says so."""
        try:
            self.send_message(message, letter.sender, [letter.recipient])
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            raise self.failure(code, words, "The server refuses the recipient") from None
        except smtplib.SMTPSenderRefused as refused:
            raise self.failure(refused.smtp_code, refused.smtp_error, "The server refuses the sender") from None
        except smtplib.SMTPDataError as refused:
            raise self.failure(refused.smtp_code, refused.smtp_error, "The server refuses the mail") from None
        except smtplib.SMTPNotSupportedError as problem:
            raise NotSent(f"{problem}", dialogue=self.dialogue(), permanent=True) from None

    def failure(self, code: int, words: bytes | str, what: str) -> NotSent:
        """A refusal in words; codes from 500 are final."""
        return NotSent(f"{what}: {code} {_text(words)}", dialogue=self.dialogue(), permanent=code >= 500)

    def dialogue(self) -> str:
        """What was said so far."""
        return "\n".join(self.lines)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Writes down what we say; of a login only its kind."""
        said = f"{cmd} {args}".strip()
        if self._hidden:
            said = " ".join(said.split()[:2]) if cmd.upper() == "AUTH" else ""
            said = f"{said} (hidden)".strip()
        self.lines.append(f"> {said[:LINE_MOST]}")
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Writes down what the server says."""
        code, words = super().getreply()
        for line in _text(words).splitlines() or [""]:
            self.lines.append(f"< {code} {'(hidden)' if self._hidden and code == 334 else line}"[:LINE_MOST])
        if code == GO_ON:
            self.lines.append(f"-- the mail: {self._length} bytes")
        return code, words

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Sends the mail itself, of which only the length is written down."""
        self._length = len(msg)
        return super().data(msg)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        """A connection to the address that was checked, protected from the first byte where that is the mode."""
        plain = socket.create_connection((self.address, port), timeout)
        if self.server.protection != "tls":
            return plain
        try:
            protected = _context(checked=True).wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self.sock = protected
        self._note_protection()
        return protected

    def _offers_protection(self) -> bool:
        if self.has_extn("starttls"):
            return True
        if self.server.protection == "starttls":
            raise NotSent("The server does not offer STARTTLS, which is required here.", dialogue=self.dialogue())
        return False

    def _note_protection(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket):
            self.lines.append(f"-- protected by {self.sock.version()}")

    def _log_in(self) -> None:
        if self.server.protection == "auto" and not isinstance(self.sock, ssl.SSLSocket):
            raise NotSent(
                "The server offers no STARTTLS, so the password was not sent: the mode “none” sends it in clear.",
                dialogue=self.dialogue(),
            )
        self._hidden = True
        try:
            self.login(self.server.username, self.server.password)
        finally:
            self._hidden = False


@contextlib.contextmanager
def _connected(server: Server) -> Iterator[_Client]:
    """A client that is ready for a mail. What goes wrong on the way, also later, becomes NotSent."""
    lines: list[str] = []
    client: _Client | None = None
    try:
        client = _opened(server, lines)
        yield client
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client.quit()
    except Unreachable as problem:
        raise NotSent(str(problem), dialogue="\n".join(lines)) from None
    except ssl.SSLCertVerificationError as problem:
        sentence = f"The certificate of {server.host} is not accepted: {problem.verify_message}."
        raise NotSent(sentence, dialogue="\n".join(lines)) from None
    except smtplib.SMTPAuthenticationError as refused:
        sentence = f"The server refuses the login: {refused.smtp_code} {_text(refused.smtp_error)}"
        raise NotSent(sentence, dialogue="\n".join(lines)) from None
    except (smtplib.SMTPException, OSError, ValueError) as problem:
        raise NotSent(f"{server.host} port {server.port}: {_told(problem)}", dialogue="\n".join(lines)) from None
    finally:
        if client is not None:
            client.close()


def _opened(server: Server, lines: list[str]) -> _Client:
    """The first of the host's addresses that lets us in."""
    addresses = reachable(server.host, server.port)
    for place, address in enumerate(addresses, 1):
        client = _Client(server, address, lines)
        try:
            client.open()
        except (ConnectionRefusedError, TimeoutError) as problem:
            client.close()
            lines.append(f"-- {_told(problem)}")
            if place == len(addresses):
                raise
        except BaseException:
            client.close()
            raise
        else:
            return client
    raise AssertionError("a host has at least one address")


def _context(*, checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _told(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        return f"{problem.smtp_code} {_text(problem.smtp_error)}"
    return str(problem) or type(problem).__name__


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
