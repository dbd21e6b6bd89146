"""A real edge with real callers and carriers on private loopback addresses, for every test that speaks SIP.

`SipEdge` gives a block of addresses nobody else uses (`address(2)` = 127.0.x.2), starts Kamailio and rtpengine there,
places calls and keeps carriers. The edge asks whatever service the test names. Fixtures stand in `conftest.py`.

    carrier = edge.carrier(edge.address(11), "answer")
    result = edge.call(caller=edge.address(2), cld="4412345678", hold_ms=1500)
    assert (result.code, result.ended_by) == (200, "caller")
"""

from __future__ import annotations

import random
import re
import socket
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from tests.sip.sipp import (
    CARRIERS,
    FOREVER_MS,
    PATIENCE_S,
    CallResult,
    LoadResult,
    Sipp,
    call_results,
    read_statistics,
    render,
    until,
)
from tollgate.jobs.edge import Edge
from tollgate.jobs.edge_settings import EdgeSettings
from tollgate.jobs.edge_store import spooled_count
from tollgate.switches import kamailio_rpc
from tollgate.switches.kamailio_rpc import EdgeCall, Extended

REALM = "edge.test"
CLI = "02079460001"


def free_block() -> str:
    """The first three numbers of a loopback network on which nothing of SIP listens."""
    while True:
        block = f"127.0.{random.SystemRandom().randrange(20, 250)}"  # whatever the tests are seeded with
        try:
            for kind, port in ((socket.SOCK_DGRAM, 5060), (socket.SOCK_STREAM, 8060), (socket.SOCK_STREAM, 8080)):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((f"{block}.1", port))
            return block
        except OSError:
            continue


class Caller:
    """A call under way; `result()` waits for its end."""

    def __init__(self, sipp: Sipp) -> None:
        self.sipp = sipp

    @property
    def call_id(self) -> str:
        """Known as soon as the INVITE is out."""
        return until(lambda: next((m.header("Call-ID") for m in self.sipp.messages), None), what="the INVITE")

    def wait_for_answer(self, timeout_s: float = PATIENCE_S) -> None:
        until(
            lambda: any(m.received and m.code == 200 and m.method == "INVITE" for m in self.sipp.messages),
            timeout_s=timeout_s,
            what=f"an answer at {self.sipp.ip}",
        )

    @property
    def answered_at(self) -> datetime:
        """When the 200 came, by this machine's clock, without a zone."""
        return next(m.at for m in self.sipp.messages if m.received and m.code == 200 and m.method == "INVITE")

    def result(self, timeout_s: float = 2 * PATIENCE_S) -> CallResult:
        return self.results(timeout_s)[0]

    def results(self, timeout_s: float = 2 * PATIENCE_S) -> list[CallResult]:
        code = self.sipp.wait(timeout_s)
        found = list(call_results(self.sipp.messages, code))
        assert found, f"no call was placed: {self.sipp.trouble()} {self.sipp.output.read_text(errors='replace')[-500:]}"
        return found


class SipEdge:
    """One edge in a block of addresses of its own: .1 is the edge; the rest is for callers and carriers."""

    def __init__(
        self, folder: Path, *, database_url: str, service_url: str = "", block: str = "", **more: object
    ) -> None:
        self.block = block or free_block()
        self.folder = folder
        (folder / "sipp").mkdir(parents=True, exist_ok=True)
        settings = EdgeSettings(
            name="kam1",  # also a role of the database server: two at once on one server need names of their own
            listen_ip=self.address(1),
            rpc_ip=self.address(1),
            service_url=service_url or f"http://{self.address(9)}:8080",
            secret="open-sesame",
            database_url=database_url,
            run_dir=folder / "edge",
            realm=REALM,
        )
        self.edge = Edge(replace(settings, **more))  # type: ignore[arg-type]
        self._running: list[Sipp] = []

    @property
    def settings(self) -> EdgeSettings:
        return self.edge.settings

    @property
    def rpc_url(self) -> str:
        return f"http://{self.settings.rpc_ip}:{self.settings.rpc_port}"

    def address(self, last: int) -> str:
        return f"{self.block}.{last}"

    def start(self) -> SipEdge:
        self.edge.start()
        return self

    def stop(self) -> None:
        for sipp in self._running:
            sipp.stop()
        self.edge.stop()

    # ---- callers, carriers, phones

    def place(
        self,
        *,
        caller: str,
        cld: str,
        cli: str = CLI,
        name: str = "Acme",
        hold_ms: int | None = 1000,
        cancel_after_ms: int | None = None,
        user: str = "",
        password: str = "",
        headers: str = "",
        media: Path | None = None,
        count: int = 1,
        rate: int = 10,
        port: int = 5060,
        transport: str = "udp",
        call_id: str = "",
    ) -> Caller:
        """Starts a call (or `count` of them, `rate` a second) and returns at once.

        `hold_ms=None` waits for the other side to end it; `headers` are whole header lines; `media` is a file of raw
        PCMA (8000 bytes a second) spoken once after the answer; `call_id` is a pattern with %u for the call's number.
        """
        scenario = "caller_cancel" if cancel_after_ms is not None else "caller_digest" if user else "caller"
        spoken = f'<nop><action><exec rtp_stream="{media},1,8"/></action></nop>' if media else ""
        words = {
            "NAME": name,
            "CLI": user or cli,
            "HEADERS": headers,
            "HOLD": str(FOREVER_MS if hold_ms is None else hold_ms),
            "CANCEL": str(cancel_after_ms or 0),
            "REALM": self.settings.realm,
            "MEDIA": spoken,
        }
        arguments = ["-s", cld, "-m", str(count), "-r", str(rate), "-l", str(max(10, count))]
        if user:
            arguments += ["-au", user, "-ap", password]
        if call_id:
            arguments += ["-cid_str", call_id]
        if transport == "tcp":
            arguments += ["-t", "t1"]
        target = f"{self.settings.listen_ip}:{self.settings.sip_port}"
        file = render(scenario, folder=self.folder / "sipp", words=words)
        return Caller(self._start(Sipp(file, caller, port, (*arguments, target))))

    def call(self, *, caller: str, cld: str, timeout_s: float = 2 * PATIENCE_S, **more: object) -> CallResult:
        """Places a call and waits for its end; the same arguments as `place`."""
        return self.place(caller=caller, cld=cld, **more).result(timeout_s)  # type: ignore[arg-type]

    def load(self, *, caller: str, cld: str, rate: int, seconds: int, hold_ms: int = 1000) -> LoadResult:
        """`rate` calls a second for so many seconds, no message kept: for measuring. Carriers: `traced=False`."""
        words = {"NAME": "Acme", "CLI": CLI, "HEADERS": "", "HOLD": str(hold_ms), "MEDIA": ""}
        file = render("caller", folder=self.folder / "sipp", words=words)
        statistics = file.with_suffix(".csv")
        arguments = ["-s", cld, "-m", str(rate * seconds), "-r", str(rate), "-l", "20000", "-trace_stat", "-fd", "1"]
        arguments += ["-stf", str(statistics), f"{self.settings.listen_ip}:{self.settings.sip_port}"]
        begun = time.monotonic()
        sipp = self._start(Sipp(file, caller, 5060, tuple(arguments), traced=False))
        sipp.wait(seconds + hold_ms / 1000 + 60)
        return read_statistics(statistics, took_s=time.monotonic() - begun)

    def carrier(
        self,
        ip: str,
        kind: str = "answer",
        *,
        ring_ms: int = 0,
        hold_ms: int = 1000,
        echo: bool = False,
        traced: bool = True,
        transport: str = "udp",
    ) -> Sipp:
        """A carrier that does the same with every call until it is stopped: one of `sipp.CARRIERS`."""
        scenario, words = CARRIERS[kind]
        file = render(
            scenario, folder=self.folder / "sipp", words={"RING": str(ring_ms), "HOLD": str(hold_ms), **words}
        )
        arguments = (*(("-rtp_echo",) if echo else ()), *(("-t", "t1") if transport == "tcp" else ()))
        sipp = self._start(Sipp(file, ip, 5060, arguments, traced=traced))
        until(lambda: sipp.assert_runs() and _is_bound(ip, 5060, transport=transport), what=f"the carrier at {ip}")
        return sipp

    def register(self, *, ip: str, user: str, password: str, contact_ip: str = "") -> CallResult:
        """A phone registers from `ip`, saying it is at `contact_ip` (a private one: behind NAT). 200 or the refusal."""
        words = {"REALM": self.settings.realm, "CONTACT": contact_ip or ip, "HEADERS": ""}
        file = render("phone_registers", folder=self.folder / "sipp", words=words)
        target = f"{self.settings.listen_ip}:{self.settings.sip_port}"
        sipp = self._start(Sipp(file, ip, 5060, ("-s", user, "-m", "1", "-au", user, "-ap", password, target)))
        code = sipp.wait()
        final = [m for m in sipp.messages if m.received and m.code >= 200][-1]
        return CallResult(
            code=final.code,
            reason=final.first_line.split(" ", 2)[2],
            answer=final,
            call_id=final.header("Call-ID"),
            duration_s=0.0,
            ended_by="",
            setup_s=0.0,
            exit_code=code,
            messages=tuple(sipp.messages),
        )

    def send_raw(self, data: bytes, *, ip: str, wait_s: float = 0.5) -> bytes:
        """One datagram from `ip` to the edge, and the first answer beyond "trying" (empty when none comes)."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.bind((ip, 0))
            link.settimeout(wait_s)
            link.sendto(data, (self.settings.listen_ip, self.settings.sip_port))
            try:
                while (answer := link.recv(65535)).startswith(b"SIP/2.0 100 "):
                    pass
                return answer
            except TimeoutError:
                return b""

    # ---- the edge itself

    def live(self) -> list[EdgeCall]:
        """Answered calls on the edge."""
        return [call for call in self._dialogs() if call.answered]

    def ringing(self, call_id: str) -> EdgeCall:
        """A call that is not answered yet, as soon as the edge has it."""

        def found() -> EdgeCall | None:
            rings = [call for call in self._dialogs() if call.live and not call.answered]
            return next((call for call in rings if call.call_id == call_id), None)

        return until(found, what=f"call {call_id}")

    def _dialogs(self) -> list[EdgeCall]:
        return kamailio_rpc.parse_list(self.edge.rpc(kamailio_rpc.list_request()))

    def find(self, call_id: str) -> EdgeCall:
        return until(lambda: next((c for c in self.live() if c.call_id == call_id), None), what=f"call {call_id}")

    def hang_up(self, call: EdgeCall, *, reason: str = "") -> None:
        kamailio_rpc.check(self.edge.rpc(kamailio_rpc.hangup_request(call.h_entry, call.h_id, reason)))

    def extend(self, call: EdgeCall, *, left_ms: int) -> Extended:
        """Moves the end of a call to `left_ms` from now."""
        request = kamailio_rpc.extend_request([(call.h_entry, call.h_id, left_ms)])
        return kamailio_rpc.parse_extended(self.edge.rpc(request))

    def forget_user(self, user: str) -> None:
        kamailio_rpc.check(self.edge.rpc(kamailio_rpc.flush_ha1_request(user)))

    def kill_kamailio(self) -> None:
        """kill -9 of all its processes."""
        self.edge.kill("kamailio")

    def start_kamailio(self) -> None:
        self.edge.start_kamailio()

    def spooled(self) -> int:
        """Events that the edge keeps for a service that was away."""
        return spooled_count(self.settings.spool)

    def kept(self, call_id: str) -> bool:
        """Whether a crash of Kamailio would leave this call in its database."""
        return self.kept_until(call_id) is not None

    def kept_until(self, call_id: str) -> int | None:
        """When Kamailio would end this call after a crash, in whole seconds since 1970; None if it would be lost."""
        with closing(psycopg.connect(self.settings.database_url)) as link:
            table = sql.Identifier(self.settings.database_name, "dialog")
            question = sql.SQL("SELECT timeout FROM {} WHERE callid = %s").format(table)
            row = link.execute(question, [call_id]).fetchone()
            return None if row is None else int(row[0])

    def errors(self) -> list[str]:
        """Lines in Kamailio's log that no traffic may cause: lost events, its own faults, mistakes in the routing."""
        wrong = r".*(?:BUG:|EVENT LOST|EVENT REFUSED|lval_assign|rval_expr).*"
        return re.findall(wrong, self.edge.log_text())

    def _start(self, sipp: Sipp) -> Sipp:
        self._running.append(sipp)
        return sipp


def _is_bound(ip: str, port: int, *, transport: str) -> bool:
    """Whether a socket has that address, by the kernel's list: a try of ours could keep its owner from it."""
    place = f"{int.from_bytes(socket.inet_aton(ip), sys.byteorder):08X}:{port:04X}"
    lines = Path("/proc/net", transport).read_text().splitlines()[1:]
    return any(line.split()[1] == place for line in lines)
