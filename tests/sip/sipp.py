"""SIPp as caller, carrier and phone: one class per role, scenarios in `scenarios/`, messages parsed from its own log.

A scenario is a SIPp file with words in `@...@` that `render` fills in. To add one: the file, and a line in `CARRIERS`
or a method on the harness.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
SCENARIOS = Path(__file__).with_name("scenarios")
REFUSAL_CODES = (
    *(
        300,
        301,
        302,
        305,
        380,
        400,
        401,
        402,
        403,
        404,
        405,
        406,
        407,
        408,
        410,
        413,
        414,
        415,
        416,
        420,
        421,
        423,
        428,
        429,
    ),
    *(433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494),
    *(500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606, 607, 608),
)
CARRIERS = {
    "answer": ("carrier_answer", {}),
    "hang_up": ("carrier_hang_up", {}),
    "busy": ("carrier_refuse", {"CODE": "486 Busy Here", "HEADERS": "Reason: Q.850;cause=17"}),
    "refuse503": ("carrier_refuse", {"CODE": "503 Service Unavailable", "HEADERS": "Reason: Q.850;cause=42"}),
    "moved": ("carrier_refuse", {"CODE": "302 Moved Temporarily", "HEADERS": "Contact: <sip:1029@192.0.2.99>"}),
    "silent": ("carrier_silent", {}),
    "ring": ("carrier_ring", {}),
    "try": ("carrier_tries", {}),
}
FOREVER_MS = 600_000
PATIENCE_S = 30.0
_numbers = count(1)
_HEAD = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d)[ \t](\d\d:\d\d:\d\d\.\d+).*\n\S+ message (sent|received)[^\n]*\n\n", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message as SIPp saw it."""

    at: datetime
    """By this machine's clock, without a zone."""
    received: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.split("\n", 1)[0].strip()

    @property
    def code(self) -> int:
        """The status of an answer, 0 for a request."""
        return int(self.first_line.split(" ")[1]) if self.first_line.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The request's method; of an answer, the method it answers."""
        return self.header("CSeq").split(" ")[-1] if self.code else self.first_line.split(" ", 1)[0]

    @property
    def uri(self) -> str:
        return "" if self.code else self.first_line.split(" ")[1]

    def header(self, name: str) -> str:
        """The first header of that name, empty when there is none."""
        found = re.search(rf"^{re.escape(name)}[ \t]*:[ \t]*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""

    def headers(self, name: str) -> list[str]:
        return [
            value.strip()
            for value in re.findall(rf"^{re.escape(name)}[ \t]*:(.*)$", self.text, re.MULTILINE | re.IGNORECASE)
        ]


def read_messages(path: Path) -> list[Message]:
    """All messages of a SIPp message log, in order."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    return [
        Message(
            at=datetime.fromisoformat(f"{head[1]} {head[2][:15]}"),
            received=head[3] == "received",
            text=text[head.end() : end],
        )
        for head, end in zip(heads, ends, strict=True)
    ]


def render(scenario: str, *, folder: Path, words: Mapping[str, str]) -> Path:
    """The scenario with its words filled in, as a file of its own."""
    text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
    refusals = "\n".join(f'  <recv response="{code}" optional="true" next="2"/>' for code in REFUSAL_CODES)
    for word, value in {"REFUSALS": refusals, **words}.items():
        if value:
            text = text.replace(f"@{word}@", value)
        else:  # a header that is not wanted leaves no line behind
            text = re.sub(rf"^[ \t]*@{word}@[ \t]*\n", "", text, flags=re.MULTILINE).replace(f"@{word}@", "")
    left = re.findall(r"@[A-Z]+@", text)
    assert not left, f"{scenario}: no value for {left}"
    path = folder / f"{next(_numbers):04d}_{scenario}.xml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass
class Sipp:
    """One running SIPp."""

    scenario: Path
    ip: str
    port: int = 5060
    arguments: tuple[str, ...] = ()
    traced: bool = True
    """Keep every message; without, SIPp carries ten times the load."""
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.scenario.with_suffix(".messages")
        self.output = self.scenario.with_suffix(".out")
        command = f"sipp -sf {self.scenario} -i {self.ip} -mi {self.ip} -p {self.port} -nostdin -aa".split()
        if self.traced:
            command += ["-trace_msg", "-message_file", str(self.log), "-trace_err", "-error_file", str(self.errors)]
        command += self.arguments
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.scenario.parent,
                env={"TERM": "dumb", "PATH": "/usr/bin:/bin"},
            )

    @property
    def errors(self) -> Path:
        return self.scenario.with_suffix(".errors")

    @property
    def messages(self) -> list[Message]:
        return read_messages(self.log)

    def received(self, method: str, *, call_id: str = "") -> list[Message]:
        """Requests of that method which this end received."""
        return [
            message
            for message in self.messages
            if message.received
            and not message.code
            and message.method == method
            and call_id in message.header("Call-ID")
        ]

    def wait_for(self, method: str, *, call_id: str = "", timeout_s: float = PATIENCE_S) -> Message:
        """The first request of that method, as soon as it is there."""

        def found() -> Message | None:
            return next(iter(self.received(method, call_id=call_id)), None)

        return until(found, timeout_s=timeout_s, what=f"{method} at {self.ip}")

    def wait(self, timeout_s: float = 2 * PATIENCE_S) -> int:
        """The exit code: 0 when every call went as the scenario says."""
        return self.process.wait(timeout_s)

    def assert_runs(self) -> bool:
        """True, or an error with what it said before it ended."""
        said = self.output.read_text(errors="replace")[-500:]
        assert self.process.poll() is None, f"SIPp at {self.ip} ended: {self.trouble()} {said}"
        return True

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def trouble(self) -> str:
        """What went wrong, in SIPp's words."""
        return self.errors.read_text(encoding="utf-8", errors="replace") if self.errors.exists() else ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a run of many calls came to."""

    offered: int
    succeeded: int
    failed: int
    retransmissions: int
    setup_ms: float
    """INVITE to 200, mean."""
    took_s: float


def read_statistics(path: Path, *, took_s: float) -> LoadResult:
    """The last line of SIPp's statistics file."""
    lines = path.read_text(encoding="utf-8").strip().split("\n")
    row = dict(zip(lines[0].split(";"), lines[-1].split(";"), strict=False))
    hours, minutes, seconds = row["ResponseTime1(C)"].rsplit(":", 1)[0].split(":")
    micros = int(row["ResponseTime1(C)"].rsplit(":", 1)[1])
    return LoadResult(
        offered=int(row["TotalCallCreated"]),
        succeeded=int(row["SuccessfulCall(C)"]),
        failed=int(row["FailedCall(C)"]),
        retransmissions=int(row["Retransmissions(C)"]),
        setup_ms=(int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + micros / 1000,
        took_s=took_s,
    )


@dataclass(frozen=True, slots=True)
class CallResult:
    """What the caller saw of one call."""

    code: int
    """The final answer to the INVITE (not a challenge that was met), 0 when none came."""
    reason: str
    answer: Message | None
    call_id: str
    duration_s: float
    """From the 200 to the BYE, as the caller saw them; 0 when it was not answered."""
    ended_by: str
    """"caller", "edge" (a BYE came from there, whoever began it) or "" when it was not answered."""
    setup_s: float
    """From the first INVITE to the final answer."""
    exit_code: int
    messages: tuple[Message, ...]

    def header(self, name: str) -> str:
        """A header of the final answer."""
        return self.answer.header(name) if self.answer else ""


def call_results(messages: list[Message], exit_code: int) -> Iterator[CallResult]:
    """One result per call placed; what is left of another's call (a repeated answer to the same port) is none."""
    by_call: dict[str, list[Message]] = {}
    for message in messages:
        by_call.setdefault(message.header("Call-ID"), []).append(message)
    for call_id, part in by_call.items():
        if any(message.method == "INVITE" and not message.received for message in part):
            yield _call_result(part, call_id=call_id, exit_code=exit_code)


def _call_result(part: list[Message], *, call_id: str, exit_code: int) -> CallResult:
    sent = [m for m in part if m.method == "INVITE" and not m.received]
    finals = [m for m in part if m.received and m.code >= 200 and m.method == "INVITE"]
    answer = finals[-1] if finals else None
    bye = next((m for m in part if m.method == "BYE" and not m.code), None)
    answered = next((m for m in finals if m.code == 200), None)
    return CallResult(
        code=answer.code if answer else 0,
        reason=answer.first_line.split(" ", 2)[2] if answer else "",
        answer=answer,
        call_id=call_id,
        duration_s=(bye.at - answered.at).total_seconds() if bye and answered else 0.0,
        ended_by=("edge" if bye.received else "caller") if bye and answered else "",
        setup_s=(answer.at - sent[0].at).total_seconds() if answer and sent else 0.0,
        exit_code=exit_code,
        messages=tuple(part),
    )


def until(probe: Callable[[], T | None], *, timeout_s: float = PATIENCE_S, what: str = "it") -> T:
    """The first true value that `probe` gives; fails when none comes in time.

    `timeout_s` is no claim but an end of waiting: long enough for a machine that is busy and slow.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain for {what}"
        time.sleep(0.02)
