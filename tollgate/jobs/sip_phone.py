"""A SIP phone of ours: it calls a number through the edge, speaks into the call and hangs up (RFC 3261, 3550, 7616).

`speak` does all of it and says what became of the call; `probe` does it for a time, and tells of each answer as it
comes. One call per phone, over UDP, PCMU or PCMA, nothing is heard.
To offer another codec, add it to `law`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, NamedTuple, cast

from tollgate.jobs import law

FRAME: Final = 160
FRAME_S: Final = 0.02
FIRST_AGAIN_S: Final = 0.5
"""T1 of RFC 3261: what is not answered is sent again, each time after twice as long."""
NO_REPLY_S: Final = 8.0
BYE_TRIES: Final = 4
MOST_PORT: Final = 65_535
PAUSE: Final = law.SILENCE * (8000 // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialing:
    """Whom to call, through which edge, as which SIP user."""

    edge: tuple[str, int]
    call_id: str
    cli: str
    number: str
    user: str
    ha1: str
    ring_s: float = 30.0
    header: str = ""
    """A line of the INVITE beside the usual ones."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final answer to the call, and how often all was spoken before somebody hung up."""

    code: int
    reason: str
    spoken_count: int = 0
    codec: str = ""
    talk_s: float = 0.0


class Heard(NamedTuple):
    """One answer to our INVITE."""

    after_s: float
    """Since the INVITE was sent first."""
    code: int
    reason: str


Listener = Callable[[Heard], None]


class CannotSpeak(Exception):
    """Somebody answered and wants to hear where nothing can be sent."""


class Message:
    """A request or an answer."""

    __slots__ = ("body", "first", "lines")

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")
        self.first, *self.lines = head.split("\n")

    @property
    def code(self) -> int:
        """Of an answer; 0 of a request."""
        found = re.match(r"SIP/2\.0 (\d{3})", self.first)
        return int(found[1]) if found else 0

    @property
    def reason(self) -> str:
        """The words behind the code, without what cannot be seen: the database keeps no NUL."""
        return "".join(filter(str.isprintable, self.first.partition(" ")[2].partition(" ")[2])).strip()

    @property
    def method(self) -> str:
        """Of a request, or of the request that is answered."""
        return self.header("CSeq").partition(" ")[2].strip().upper()

    def headers(self, name: str) -> list[str]:
        """Every value of a header."""
        start = f"{name.lower()}:"
        return [line.partition(":")[2].strip() for line in self.lines if line.lower().startswith(start)]

    def header(self, name: str) -> str:
        """The first value, or nothing."""
        return next(iter(self.headers(name)), "")


class Phone(asyncio.DatagramProtocol):
    """One call. What comes in is answered as it comes; answers to our requests wait in `answers`."""

    def __init__(self, dialing: Dialing, ip: str, listener: Listener | None = None) -> None:
        self.dialing, self.ip, self.listener = dialing, ip, listener
        self.began_s = 0.0
        self.answers: asyncio.Queue[Message] = asyncio.Queue()
        self.ended = False
        self.uri = f"sip:{dialing.number}@{_host(dialing.edge[0])}:{dialing.edge[1]}"
        self.to, self.target, self.routes = f"<{self.uri}>", self.uri, list[str]()
        self.tag, self.branch, self.cseq = secrets.token_hex(4), "", 0
        self.port = 0
        self._ack = b""
        self._transport: asyncio.DatagramTransport | None = None
        self.media = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind((ip, 0))
        self.media.setblocking(False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Something came in; strangers are not heard."""
        del addr
        message = Message(data)
        if message.header("Call-ID") != self.dialing.call_id:
            return
        if not message.code:
            self._serve(message)
        elif message.method == "INVITE" and 200 <= message.code < 300 and self._ack:
            self.send(self._ack)  # it was lost
        elif message.header("CSeq").partition(" ")[0] == str(self.cseq):  # others are repeats of what is over
            self.answers.put_nowait(message)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: the answer that does not come says so."""

    def send(self, data: bytes) -> None:
        """To the edge, whatever the address in it."""
        assert self._transport is not None
        self._transport.sendto(data, self.dialing.edge)

    def close(self) -> None:
        """Gives both sockets back."""
        self.media.close()
        if self._transport is not None:
            self._transport.close()

    async def invite(self) -> Message | None:
        """Calls; the final answer, or None where nobody answered in time. The edge asks for the password once."""
        self.began_s = asyncio.get_running_loop().time()
        final = await self._asked("")
        if final is not None and final.code in (401, 407):
            final = await self._asked(_credentials(final, self.dialing, self.uri))
        if final is not None and final.code < 300:
            self.to, self.routes = final.header("To"), _each(final.headers("Record-Route"))[::-1]
            self.target = _uri(final.header("Contact")) or self.uri
            self._ack = self.request("ACK", number=self.cseq, uri=self.target, routes=self.routes)
            self.send(self._ack)
        return final

    async def say(self, answer: Message, audio: bytes, times: int) -> int:
        """Speaks mu-law frames to where the answer wants them; how often all was said. Raises CannotSpeak."""
        there, payload_type = _media(answer.body, self.ip)
        sound = audio + PAUSE if payload_type == law.PCMU else law.to_alaw(audio + PAUSE)
        sequence, stamp, source = secrets.randbits(15), secrets.randbits(31), secrets.randbits(32)
        loop = asyncio.get_running_loop()
        due, first = loop.time(), True
        for spoken in range(times):
            for start in range(0, len(sound), FRAME):
                if self.ended:
                    return spoken
                head = struct.pack("!BBHII", 0x80, payload_type | (0x80 if first else 0), sequence, stamp, source)
                with suppress(OSError):
                    self.media.sendto(head + sound[start : start + FRAME], there)
                sequence, stamp, first = (sequence + 1) & 0xFFFF, (stamp + FRAME) & 0xFFFFFFFF, False
                due += FRAME_S
                await asyncio.sleep(max(0.0, due - loop.time()))
        return times

    async def hang_up(self) -> None:
        """Ends the call, unless the other side has."""
        self.cseq += 1
        bye = self.request("BYE", number=self.cseq, uri=self.target, routes=self.routes)
        for turn in range(BYE_TRIES):
            if self.ended:
                return
            self.send(bye)
            if await self._final("BYE", FIRST_AGAIN_S * 2**turn) is not None:
                return

    def request(
        self, method: str, *, number: int, uri: str = "", routes: Iterable[str] = (), more: str = "", body: str = ""
    ) -> bytes:
        """A request of the call. CANCEL and the ACK of a refusal keep the branch of the INVITE."""
        here = f"{_host(self.ip)}:{self.port}"
        branch = self.branch or f"z9hG4bK{secrets.token_hex(8)}"
        lines = [
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};rport;branch={branch}",
            *(f"Route: {route}" for route in routes),
            f"From: <sip:{self.dialing.cli}@{_host(self.ip)}>;tag={self.tag}",
            f"To: {self.to}",
            f"Call-ID: {self.dialing.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self.dialing.cli}@{here}>",
            "Max-Forwards: 70",
            *([more] if more else []),
            *([self.dialing.header] if self.dialing.header and method == "INVITE" else []),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    async def _asked(self, credentials: str) -> Message | None:
        """One INVITE and its final answer; a refusal is acknowledged, a phone that rings too long is left alone."""
        self.cseq += 1
        self.branch = f"z9hG4bK{secrets.token_hex(8)}"
        invite = self.request("INVITE", number=self.cseq, more=credentials, body=self._offer())
        final = await self._rung(invite)
        if final is None:
            self.send(self.request("CANCEL", number=self.cseq))
            final = await self._final("INVITE", NO_REPLY_S)
        if final is not None and final.code >= 300:
            self.to = final.header("To")
            self.send(self.request("ACK", number=self.cseq))
            self.to = f"<{self.uri}>"
        self.branch = ""
        return final

    async def _rung(self, invite: bytes) -> Message | None:
        """The final answer within the time of ringing; sent again until anything is heard."""
        loop = asyncio.get_running_loop()
        began, again_s, heard = loop.time(), FIRST_AGAIN_S, False
        while (passed_s := loop.time() - began) < (self.dialing.ring_s if heard else NO_REPLY_S):
            if not heard:
                self.send(invite)
            wait_s = self.dialing.ring_s - passed_s if heard else again_s
            with suppress(TimeoutError):
                message = await asyncio.wait_for(self.answers.get(), wait_s)
                if message.method == "INVITE":
                    heard = True
                    if self.listener is not None:
                        self.listener(Heard(loop.time() - self.began_s, message.code, message.reason))
                    if message.code >= 200:
                        return message
            again_s *= 2
        return None

    async def _final(self, method: str, timeout_s: float) -> Message | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    message = await self.answers.get()
                    if message.method == method and message.code >= 200:
                        return message
        return None

    def _serve(self, asked: Message) -> None:
        """What the other side asks: an end is taken, a look whether we live too, nothing else."""
        if asked.method == "ACK":
            return
        code = {"BYE": "200 OK", "OPTIONS": "200 OK", "INVITE": "488 Not Acceptable Here"}.get(asked.method, "")
        self.ended = self.ended or asked.method == "BYE"
        lines = [
            f"SIP/2.0 {code or '405 Method Not Allowed'}",
            *(f"Via: {via}" for via in asked.headers("Via")),
            *(f"{name}: {asked.header(name)}" for name in ("From", "To", "Call-ID", "CSeq")),
            "Content-Length: 0",
            "",
            "",
        ]
        self.send("\r\n".join(lines).encode())

    def _offer(self) -> str:
        kind = "IP6" if ":" in self.ip else "IP4"
        lines = [
            *("v=0", f"o=- 1 1 IN {kind} {self.ip}", "s=-", f"c=IN {kind} {self.ip}", "t=0 0"),
            f"m=audio {self.media.getsockname()[1]} RTP/AVP {law.PCMU} {law.PCMA}",
            *("a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=sendrecv", ""),
        ]
        return "\r\n".join(lines)


async def speak(dialing: Dialing, audio: bytes, *, times: int) -> Outcome:
    """Calls, says all of it so many times, hangs up.

    Raises OSError where the machine has no way to the edge, CannotSpeak where the answer names nobody who could hear.
    """
    ip = own_ip(dialing.edge)
    phone = Phone(dialing, ip)
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: phone, local_addr=(ip, 0))
        answer = await phone.invite()
        if answer is None:
            return Outcome(408, "No answer")
        if answer.code >= 300:
            return Outcome(answer.code, answer.reason)
        try:
            spoken = await phone.say(answer, audio, times)
        finally:
            await phone.hang_up()
        return Outcome(answer.code, answer.reason, spoken)
    finally:
        phone.close()


async def probe(dialing: Dialing, audio: bytes, *, talk_s: float, listener: Listener) -> Outcome:
    """Calls, says all of it again and again for so long, hangs up; tells of each answer as it comes.

    Raises OSError where the machine has no way to the edge, CannotSpeak where the answer names nobody who could hear.
    """
    ip = own_ip(dialing.edge)
    phone = Phone(dialing, ip, listener)
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: phone, local_addr=(ip, 0))
        answer = await phone.invite()
        if answer is None:
            return Outcome(408, "No answer")
        if answer.code >= 300:
            return Outcome(answer.code, answer.reason)
        began_s = asyncio.get_running_loop().time()
        try:
            _, payload_type = _media(answer.body, ip)
            with suppress(TimeoutError):
                async with asyncio.timeout(talk_s):
                    await phone.say(answer, audio, sys.maxsize)
        finally:
            await phone.hang_up()
        talked_s = asyncio.get_running_loop().time() - began_s
        return Outcome(answer.code, answer.reason, codec=law.NAMES[payload_type], talk_s=talked_s)
    finally:
        phone.close()


def own_ip(edge: tuple[str, int]) -> str:
    """The address from which this machine reaches the edge."""
    with socket.socket(socket.AF_INET6 if ":" in edge[0] else socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(edge)
        return str(link.getsockname()[0])


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _uri(header: str) -> str:
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.partition(";")[0]


def _each(values: Iterable[str]) -> list[str]:
    """Headers that hold several values, separated by commas between brackets."""
    return [found for value in values for found in re.findall(r"<[^>]+>[^,]*", value)]


def _media(body: str, own: str) -> tuple[tuple[str, int], int]:
    """Where the other side hears, and which of our codecs it took first. Raises CannotSpeak.

    A name would be looked up for each frame, and no socket takes another port: neither is tried.
    """
    addresses = re.findall(r"(?m)^c=IN IP[46] (\S+)", body)
    found = re.search(r"(?m)^m=audio ([0-9]{1,5}) \S+ ([0-9 ]+)", body)
    if not addresses or found is None:
        raise CannotSpeak("the answer says nowhere to speak to")
    try:
        ip = ip_address(addresses[-1])
    except ValueError:
        raise CannotSpeak(f"{addresses[-1][:100]!r} is no IP address to speak to") from None
    if ip.version != ip_address(own).version or ip.is_unspecified or ip.is_multicast:
        raise CannotSpeak(f"{ip} cannot be spoken to from {own}")
    if not 0 < int(found[1]) <= MOST_PORT:
        raise CannotSpeak(f"{found[1]} is no port to speak to")
    codecs = {str(kind): kind for kind in (law.PCMU, law.PCMA)}
    known = [codecs[kind] for kind in found[2].split() if kind in codecs]
    return (str(ip), int(found[1])), known[0] if known else law.PCMU


def _credentials(challenge: Message, dialing: Dialing, uri: str) -> str:
    """The header that meets a challenge of MD5 and qop=auth, from the hash of the password alone."""
    name = "Authorization" if challenge.code == 401 else "Proxy-Authorization"
    asked = challenge.header("WWW-Authenticate") or challenge.header("Proxy-Authenticate")
    told = {key.lower(): quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', asked)}
    own, nonce = secrets.token_hex(8), told.get("nonce", "")
    second = _md5(f"INVITE:{uri}")
    answer = _md5(f"{dialing.ha1}:{nonce}:00000001:{own}:auth:{second}")
    return (
        f'{name}: Digest username="{dialing.user}", realm="{told.get("realm", "")}", nonce="{nonce}", uri="{uri}", '
        f'response="{answer}", algorithm=MD5, qop=auth, cnonce="{own}", nc=00000001'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # what digest of SIP is made of
