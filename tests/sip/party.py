"""A side of a call whose every line the test writes: for what SIPp would never send, and for following a call by hand.

`Party` speaks SIP over UDP or TCP from an address of its own, calling (`invite`) or called (`answer`).
It has no timers and repeats nothing: a test sends one message and waits for one.
"""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count

from tests.sip.sipp import PATIENCE_S, Message

_numbers = count(1)
SDP = "application/sdp"
MIXED = "multipart/mixed;boundary=part"


def describe(ip: str, *, port: int = 20_000, way: str = "sendrecv") -> str:
    """A session description of one PCMA stream."""
    family = "IP6" if ":" in ip else "IP4"
    lines = ["v=0", f"o=u 1 1 IN {family} {ip}", "s=-", f"c=IN {family} {ip}", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "\r\n".join([*lines, "a=rtpmap:8 PCMA/8000", f"a={way}", ""])


def mixed(description: str) -> str:
    """The description beside a part of another kind."""
    other = "--part\r\nContent-Type: text/plain\r\n\r\nhello\r\n--part--\r\n"
    return f"--part\r\nContent-Type: {SDP}\r\n\r\n{description}\r\n{other}"


def body_of(message: Message) -> str:
    return message.text.partition("\n\n")[2]


class Party:
    """One side of one call at a time."""

    def __init__(
        self, ip: str, *, edge: str, port: int = 5060, transport: str = "udp", realm: str = "edge.test"
    ) -> None:
        self.ip, self.port, self.transport, self.realm = ip, port, transport, realm
        self.edge = edge
        """Address and port of the edge, as in a SIP URI."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self._link = socket.socket(family, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self._link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._link.bind((ip, port if transport == "udp" else 0))
        host, _, edge_port = edge.rpartition(":")
        self._target = (host.strip("[]"), int(edge_port))
        if transport == "tcp":
            self._link.connect(self._target)
            self.port = self._link.getsockname()[1]
        self._buffer = b""
        self.heard: list[Message] = []
        self.contact_uri = ""
        """What it says its contact is, when that is not where it is."""
        self.call_id = self.contact = self.mine = self.theirs = ""
        self.routes: Sequence[str] = ()
        self.cseq = 0
        self._told: Message | None = None

    def close(self) -> None:
        with suppress(OSError):
            self._link.close()

    @property
    def host(self) -> str:
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    @property
    def own_uri(self) -> str:
        tail = ";transport=tcp" if self.transport == "tcp" else ""
        return f"sip:party@{self.host}:{self.port}{tail}"

    # ---- messages

    def send(self, first: str, headers: Sequence[str], *, body: str = "", kind: str = SDP) -> None:
        lines = [
            first,
            *headers,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        data = "\r\n".join(lines).encode()
        if self.transport == "udp":
            self._link.sendto(data, self._target)
        else:
            self._link.sendall(data)

    def receive(self, timeout_s: float = 5.0) -> Message | None:
        """The next message, None when none comes."""
        self._link.settimeout(timeout_s)
        try:
            data = self._link.recv(65535) if self.transport == "udp" else self._receive_framed()
        except TimeoutError:
            return None
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        message = Message(at=datetime.now(), received=True, text=text)
        self.heard.append(message)
        return message

    def expect(self, what: str | int, *, of: str = "", timeout_s: float = PATIENCE_S) -> Message:
        """The next request of a method, or answer of a code (to a method), of this call; others are passed over."""

        def fits(message: Message) -> bool:
            right = message.code == what if isinstance(what, int) else not message.code and message.method == what
            return right and of in ("", message.method)

        return self._await(fits, what=f"{what} {of}", timeout_s=timeout_s)

    def final(self, method: str, *, timeout_s: float = PATIENCE_S) -> Message:
        """The next final answer to a method."""
        return self._await(
            lambda message: message.code >= 200 and message.method == method,
            what=f"a final answer to {method}",
            timeout_s=timeout_s,
        )

    def _await(self, fits: Callable[[Message], bool], *, what: str, timeout_s: float) -> Message:
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            message = self.receive(left_s)
            if message is None:
                break
            begins = message.method == "INVITE" and not message.code and "tag=" not in message.header("To")
            if fits(message) and (begins or message.header("Call-ID") == self.call_id):
                self._learn(message)
                return message
        raise AssertionError(f"{self.ip} waited for {what} and heard {[m.first_line for m in self.heard]}")

    # ---- calling

    def invite(
        self, cld: str, *, cseq: int = 1, headers: Sequence[str] = (), body: str | None = None, kind: str = SDP
    ) -> None:
        """A new call; its answer is to be expected."""
        uri = f"sip:{cld}@{self.edge}"
        self.begin(uri, here=f"<sip:02079460001@{self.host}>", there=f"<{uri}>")
        self.cseq = cseq
        self.request("INVITE", cseq=cseq, headers=headers, body=describe(self.ip) if body is None else body, kind=kind)

    def begin(self, uri: str, *, here: str, there: str) -> None:
        """A new Call-ID, with From and To as given."""
        self.call_id = f"{time.monotonic_ns()}-{next(_numbers)}@{self.ip}"
        self.mine, self.theirs, self.contact, self.routes = f"m{next(_numbers)}", "", "", ()
        self.cseq, self.uri, self._sides = 0, uri, (here, there)

    def request(
        self,
        method: str,
        *,
        uri: str = "",
        cseq: int | None = None,
        routes: Sequence[str] | None = None,
        headers: Sequence[str] = (),
        body: str = "",
        kind: str = SDP,
    ) -> None:
        """A request of the call, as it should be but for what is given."""
        if cseq is None:
            self.cseq += method != "ACK"
            cseq = self.cseq
        here, there = self._sides
        branch = f"z9hG4bK{time.monotonic_ns()}{next(_numbers)}"
        lines = [
            f"Via: SIP/2.0/{self.transport.upper()} {self.host}:{self.port};branch={branch};rport",
            *[f"Route: {route}" for route in (self.routes if routes is None else routes)],
            f"From: {here};tag={self.mine}",
            f"To: {there}" + (f";tag={self.theirs}" if self.theirs else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <{self.contact_uri or self.own_uri}>",
            *(() if any(line.startswith("Max-Forwards:") for line in headers) else ("Max-Forwards: 70",)),
            *headers,
        ]
        self.send(f"{method} {uri or self.contact or self.uri} SIP/2.0", lines, body=body, kind=kind)

    def credentials(self, challenge: Message, method: str, uri: str, *, user: str, password: str, nc: int = 1) -> str:
        """The header line that meets a challenge; with `nc=0` as a client that does not count (RFC 2069)."""
        name = "Authorization" if challenge.code == 401 else "Proxy-Authorization"
        asked = challenge.header("WWW-Authenticate") or challenge.header("Proxy-Authenticate")
        found = re.search(r'nonce="([^"]+)"', asked)
        assert found, challenge.text
        ha1, ha2 = _md5(f"{user}:{self.realm}:{password}"), _md5(f"{method}:{uri}")
        counted = f"{nc:08x}:c0ffee:auth:" if nc else ""
        response = _md5(f"{ha1}:{found[1]}:{counted}{ha2}")
        line = f'{name}: Digest username="{user}", realm="{self.realm}", nonce="{found[1]}", uri="{uri}", '
        line += f'response="{response}", algorithm=MD5'
        return f'{line}, qop=auth, cnonce="c0ffee", nc={nc:08x}' if nc else line

    # ---- called

    def reply(
        self,
        code: int,
        reason: str,
        *,
        to: Message | None = None,
        headers: Sequence[str] = (),
        recorded: Sequence[str] = (),
        body: str = "",
        kind: str = SDP,
    ) -> None:
        """Answers the last request expected, or the one given; `recorded` are proxies on this side."""
        asked = to or self._told
        assert asked is not None
        tail = "" if "tag=" in asked.header("To") else f";tag={self.mine}"
        lines = [
            *[f"Via: {via}" for via in asked.headers("Via")],
            *[f"Record-Route: {route}" for route in (*recorded, *asked.headers("Record-Route"))],
            f"From: {asked.header('From')}",
            f"To: {asked.header('To')}{tail}",
            f"Call-ID: {asked.header('Call-ID')}",
            f"CSeq: {asked.header('CSeq')}",
            f"Contact: <{self.contact_uri or self.own_uri}>",
            *headers,
        ]
        self.send(f"SIP/2.0 {code} {reason}", lines, body=body, kind=kind)

    def answer(self, **more: object) -> Message:
        """Takes the next call: 200 with a description, and the ACK is awaited. Returns the INVITE."""
        invite = self.expect("INVITE")
        self.reply(200, "OK", **{"body": describe(self.ip, port=21_000), **more})  # type: ignore[arg-type]
        self.expect("ACK")
        return invite

    def _learn(self, message: Message) -> None:
        """What this side now knows of its call."""
        if message.code:
            if 100 < message.code < 300 and message.method == "INVITE":  # the nearest proxy is the last recorded
                self.theirs = _tag(message.header("To"))
                self.contact = _uri(message.header("Contact"))
                self.routes = self.routes or message.headers("Record-Route")[::-1]
            return
        if message.method != "ACK":
            self._told = message
        if message.method == "INVITE" and "tag=" not in message.header("To"):
            self.mine, self.theirs = f"c{next(_numbers)}", _tag(message.header("From"))
            self.call_id, self.cseq, self.routes = message.header("Call-ID"), 0, ()
            self._sides = (message.header("To"), message.header("From").partition(";tag=")[0])
        if message.method == "INVITE":
            self.contact, self.routes = _uri(message.header("Contact")), self.routes or message.headers("Record-Route")

    def _receive_framed(self) -> bytes:
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if found:
                length = int(re.search(rb"Content-Length:\s*(\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return head + found + rest[:length]
            more = self._link.recv(65535)
            if not more:
                raise TimeoutError
            self._buffer += more


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # the digest of RFC 2617


def _tag(header: str) -> str:
    found = re.search(r";tag=([^;\s]+)", header)
    return found[1] if found else ""


def _uri(header: str) -> str:
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header
