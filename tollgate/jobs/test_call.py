"""`tollgate test-call`: one call through the whole path, and what became of it.

With the SIP edge running, SIPp calls from the customer's own loopback address and answers on the loopback addresses of
the carriers' gateways (`scenarios/`). Without it, a bundled caller plays the switch and speaks the charging API; it
says so. Gateways elsewhere are never played: such a call really goes out.
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tollgate import environment
from tollgate.core.money import format_micros
from tollgate.jobs import sip
from tollgate.jobs.charging_link import post
from tollgate.jobs.children import start_child, stop_child
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.explain import story
from tollgate.jobs.records import records
from tollgate.jobs.simulate import find_customer, first_endpoint, source_of

if TYPE_CHECKING:
    from tollgate.store.models import CDR, Customer

SCENARIOS: Final = Path(__file__).with_name("scenarios")
EDGE: Final = "test-call"  # what the bundled caller calls itself
CLI: Final = "37052000000"
RING_S: Final = 1.0
SETUP_S: Final = 60
RECORDED_WITHIN_S: Final = 15.0
CALLER_PORT: Final = 5069
CODES: Final = (*range(400, 440), *range(480, 494), *range(500, 514), 580, 600, 603, 604, 606, 607, 608)


@dataclass(frozen=True, slots=True)
class Journey:
    """How the call went, as the caller saw it."""

    by: str
    call_id: str
    answer: str


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(commands, "test-call", run=run, words="place one call and tell what happened", machine=True)
    parser.add_argument("--customer", required=True, help="name or number of the customer who calls")
    parser.add_argument("--to", required=True, help="the number called")
    parser.add_argument("--hold", type=int, default=7, metavar="S", help="seconds to talk (default: 7)")
    parser.add_argument("--no-sip", action="store_true", help="speak the charging API instead of SIP")


def run(arguments: Namespace) -> int:
    """Places the call; exit 0 when it was answered and charged or refused as decided, 1 when it left no record."""
    if not 0 <= arguments.hold <= 3600:
        raise CommandFailed(f"--hold {arguments.hold}: give 0 to 3600 seconds")
    with records():
        customer = find_customer(arguments.customer)
        before = balance_of(customer)
        endpoint = first_endpoint(customer)
        if endpoint is None:
            raise CommandFailed(f"{customer.name} has no endpoint that it may call from")
        source = source_of(endpoint)
        if not arguments.no_sip and by_sip(source):
            journey = call_by_sip(source, arguments.to, arguments.hold)
        else:
            journey = call_by_http(source, endpoint.username, arguments.to, arguments.hold)
        cdr = recorded(journey.call_id)
        if cdr.customer_id not in (None, customer.pk):
            raise CommandFailed(
                f"the call from {source} was another customer's, not {customer.name}'s: see call {cdr.pk}"
            )
        words, facts = story(str(cdr.pk))
        after = balance_of(customer)
    money = f"{format_micros(before)} -> {format_micros(after)} {customer.currency}"
    say(
        arguments,
        f"{journey.by}\nanswer: {journey.answer}\n{words}\nbalance of {customer.name}: {money}",
        by=journey.by,
        answer=journey.answer,
        balance_before_micros=before,
        balance_after_micros=after,
        **facts,
    )
    return 0


def balance_of(customer: Customer) -> int:
    """The customer's balance now, in micros."""
    from tollgate.store.models import Wallet

    wallet = Wallet.objects.get(account_id=customer.account_id, kind="customer", owner_id=customer.pk)
    return wallet.balance_micros


def by_sip(source: str) -> bool:
    """Whether the edge runs, SIPp is there, and the customer calls from an address of this machine."""
    ready = (environment.data_folder() / sip.READY_FILE).exists()
    return ready and shutil.which("sipp") is not None and ip_address(source).is_loopback


def recorded(call_id: str) -> CDR:
    """The CDR of the call, which the edge may deliver a moment late."""
    from tollgate.store.models import CDR

    late_s = time.monotonic() + RECORDED_WITHIN_S
    while time.monotonic() < late_s:
        found = CDR.objects.filter(edge_call_id__startswith=call_id).order_by("-started_at").first()
        if found is not None:
            return found
        time.sleep(0.1)
    raise CommandFailed(
        f"the call left no CDR within {RECORDED_WITHIN_S:.0f} s; look at the logs of charging and the edge"
    )


def call_by_http(source: str, user: str | None, number: str, hold_s: int) -> Journey:
    """The bundled caller: a switch that rings for a second, talks, and hangs up when its time is over."""
    call_id = f"test-{secrets.token_hex(8)}"
    known = {"edge": EDGE, "call_id": call_id}
    asked = {"source": {"ip": source}, "user": user, "cli": CLI, "cld": number}
    granted = post("/v1/authorize", {**known, **asked})
    by = "placed by the bundled caller through the charging API: no SIP was spoken"
    if not granted["allow"]:
        return Journey(by, call_id, f"{granted['sip']} {granted['reason']}")
    time.sleep(RING_S)
    answered_at = datetime.now(UTC)
    post("/v1/answered", {**known, "at": answered_at.isoformat(), "route": 0})
    talk_s = min(hold_s, int(granted["max_s"]))
    time.sleep(talk_s)
    end: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "answered_at": answered_at.isoformat()}
    end |= {"duration_ms": talk_s * 1000, "sip": 200, "q850": 16, "pdd_ms": 0, "ring_ms": int(RING_S * 1000)}
    post("/v1/ended", {**known, **end, "released_by": "caller" if talk_s == hold_s else "tollgate"})
    return Journey(by, call_id, "200 OK")


def call_by_sip(source: str, number: str, hold_s: int) -> Journey:
    """SIPp on both ends of the running edge."""
    ip, port = sip.address()
    call_id = f"test-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="tollgate-call-") as work, ExitStack() as stack:
        folder = Path(work)
        for number_of, (host, gateway_port) in enumerate(loopback_gateways()):
            stack.enter_context(carrier(folder, f"carrier{number_of}", host, gateway_port))
        scenario = folder / "caller.xml"
        scenario.write_text(caller_scenario(hold_s), encoding="utf-8")
        log = folder / "caller.log"
        command = [
            *("sipp", f"{ip}:{port}", "-sf", scenario, "-i", source, "-mi", source, "-p", CALLER_PORT, "-s", number),
            *("-m", 1, "-cid_str", f"{call_id}-%u@%s", "-nostdin", "-trace_msg", "-message_file", log),
            "-aa",  # answers the edge, which asks every half minute whether the caller is still there
        ]
        try:
            subprocess.run(
                [str(word) for word in command],
                cwd=folder,
                env={"TERM": "dumb", "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=hold_s + SETUP_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"no end of the call after {hold_s + SETUP_S} s") from None
        answer = final_answer(log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")
    return Journey(f"placed by SIPp from {source} through the SIP edge at {ip}:{port}", call_id, answer)


def loopback_gateways() -> list[tuple[str, int]]:
    """The gateways that this machine can play."""
    from tollgate.store.models import Gateway

    rows = Gateway.objects.filter(enabled=True, transport="udp").order_by("pk").values_list("host", "port")
    return [(host, port) for host, port in rows if re.fullmatch(r"127(\.\d+){3}", host)]


@contextmanager
def carrier(folder: Path, name: str, host: str, port: int) -> Iterator[None]:
    """One carrier's gateway, answering while the block lasts."""
    command: list[str | Path] = [
        "sipp",
        "-sf",
        SCENARIOS / "carrier.xml",
        "-i",
        host,
        "-mi",
        host,
        "-p",
        str(port),
        "-nostdin",
        "-aa",
    ]
    with (folder / f"{name}.out").open("wb") as out:
        child = start_child(command, folder=folder, environment={"TERM": "dumb", "PATH": "/usr/bin:/bin"}, log=out)
    try:
        time.sleep(0.2)  # SIPp opens its port; an INVITE that is too early is sent again
        yield
    finally:
        stop_child(child, patience_s=2)


def caller_scenario(hold_s: int) -> str:
    """The caller with its number, its time and every refusal it may meet."""
    refusals = "\n".join(f'  <recv response="{code}" optional="true" next="2"/>' for code in CODES)
    text = (SCENARIOS / "caller.xml").read_text(encoding="utf-8")
    text = text.replace("<!-- REFUSALS -->", refusals).replace("sip:CLI@", f"sip:{CLI}@")
    return text.replace("HOLD_MS", str(max(1, hold_s * 1000)))


def final_answer(log: str) -> str:
    """The last answer to the INVITE that is more than a ringing tone."""
    found = re.findall(r"^SIP/2\.0 ([2-6]\d\d [^\r\n]*)(?:.*\r?\n)(?:.+\r?\n)*?CSeq: 1 INVITE", log, re.MULTILINE)
    return str(found[-1]).strip() if found else "no answer"
