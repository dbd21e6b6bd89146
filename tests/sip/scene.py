"""The whole path for tests: a real database, the real charging service, a real edge, callers and carriers.

`Scene` starts all of it in a block of loopback addresses; `scene.seller()` gives one customer with an address, a route,
a card and a carrier of its own, so that tests do not meet. `whole_path` gives a started scene on a database of its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from tests.sip.harness import SipEdge
from tests.sip.sipp import PATIENCE_S, CallResult, Message, Sipp, until
from tests.world import EURO, World
from tollgate.core.refusals import ANSWERS, VARIANTS, Answer, Key
from tollgate.core.snapshot import OBEYED
from tollgate.jobs.edge_programs import install_line, missing, program
from tollgate.jobs.postgres import Postgres
from tollgate.store.sql import load

SECRET: Final = "open-sesame"
PER_SECOND: Final = {"prefix": "44", "destination": "United Kingdom", "price_nanos": 60_000_000}
"""0.001 a second, by the second."""


@dataclass(frozen=True, slots=True)
class Seller:
    """One customer and what its calls need: ids, its address and its carriers' addresses."""

    customer: int
    endpoint: int
    route: int
    card: int
    ip: str
    carriers: tuple[int, ...]
    gateways: tuple[str, ...]


class Charging:
    """A charging process, to be killed and started again."""

    def __init__(self, folder: Path, *, host: str, port: int, database_url: str) -> None:
        self.folder, self.host, self.port, self.database_url = folder, host, port, database_url
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of this installation is told."""
        return os.environ | {
            "TOLLGATE_DATABASE_URL": self.database_url,
            "TOLLGATE_CHARGING_HOST": self.host,
            "TOLLGATE_CHARGING_PORT": str(self.port),
            "TOLLGATE_CHARGING_SECRET": SECRET,
            "TOLLGATE_DATA": str(self.folder),
        }

    def start(self) -> Charging:
        """Start it and wait until it answers."""
        with (self.folder / "charging.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tollgate.jobs.command_line", "charge"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self.healthy, timeout_s=60, what=f"charging: {self.log()}")
        return self

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)

    def log(self) -> str:
        path = self.folder / "charging.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""


class Scene:
    """Everything one call passes."""

    def __init__(self, folder: Path, *, database_url: str, **edge: Any) -> None:
        self.edge = SipEdge(folder, database_url=database_url, secret=SECRET, **edge)
        self.world = World(database_url)
        self.charging = Charging(folder, host=self.edge.address(9), port=8080, database_url=database_url)
        self._last = count(30)
        self._names = count(1)
        self._carriers: dict[str, Sipp] = {}

    def start(self) -> Scene:
        self.world.insert("edge", account_id=self.world.account, name="kam1", rpc_url=self.edge.rpc_url)
        self.edge.start()
        self.charging.start()
        return self

    def stop(self) -> None:
        self.edge.stop()
        self.charging.stop()
        self.world.close()

    def reconnect(self) -> None:
        """A new connection of our own, after the database was killed."""
        self.world.connection.close()
        self.world.connection = psycopg.connect(self.charging.database_url, autocommit=True)

    def seller(
        self,
        *,
        money_micros: int = 5 * EURO,
        rates: tuple[dict[str, Any], ...] = (PER_SECOND,),
        costs: tuple[dict[str, Any], ...] = (PER_SECOND,),
        carriers: tuple[str, ...] = ("answer",),
        card: dict[str, Any] | None = None,
        carrier_card: dict[str, Any] | None = None,
        route: dict[str, Any] | None = None,
        endpoint: dict[str, Any] | None = None,
        carrier: dict[str, Any] | None = None,
        gateway: dict[str, Any] | None = None,
        **customer: Any,
    ) -> Seller:
        """A customer that may call; every part may be given other columns. `carriers` say what each carrier does."""
        world, name = self.world, f"customer {next(self._names)}"
        ip = self.edge.address(next(self._last))
        customer_id = world.customer(name, money_micros=money_micros, **customer)
        carrier_ids, gateways, cards = [], [], []
        for number, kind in enumerate(carriers, 1):
            host = self.edge.address(next(self._last))
            if kind != "down":
                self._carriers[host] = self.edge.carrier(host, kind)
            carrier_ids.append(world.carrier(f"{name} carrier {number}", [host], **(carrier or {})))
            if gateway:
                ((gateway_id,),) = world.rows("SELECT id FROM gateway WHERE carrier_id = %s", carrier_ids[-1])
                world.update("gateway", gateway_id, **gateway)
            cards.append(world.card(f"{name} buys {number}", costs, carrier_id=carrier_ids[-1], **(carrier_card or {})))
            gateways.append(host)
        card_id = world.card(f"{name} sells", rates, **(card or {}))
        route_id = world.route(customer_id, card_id, cards, **(route or {}))
        endpoint_id = world.ip_endpoint(customer_id, ip, **(endpoint or {}))
        self.obeyed()
        return Seller(customer_id, endpoint_id, route_id, card_id, ip, tuple(carrier_ids), tuple(gateways))

    def carrier_at(self, host: str) -> Sipp:
        """The carrier that listens on `host`."""
        return self._carriers[host]

    def cdr(self, call_id: str, *, timeout_s: float = PATIENCE_S) -> Any:
        """The CDR of a call, as soon as it is written."""
        statement = "SELECT count(*) FROM cdr WHERE edge_call_id = %s"
        until(lambda: self.world.rows(statement, call_id)[0][0], timeout_s=timeout_s, what=f"the CDR of {call_id}")
        return self.world.one("SELECT * FROM cdr WHERE edge_call_id = %s", call_id)

    def live_count(self) -> int:
        """Calls the books believe alive."""
        return int(self.world.rows("SELECT count(*) FROM call")[0][0])

    def obeyed(self) -> None:
        """Waits until calls obey every change so far. That this takes a second at most is a claim of `test_calls`."""
        saves = "table_name = ANY(%s) AND verb IN ('INSERT', 'UPDATE', 'DELETE')"
        ((change,),) = self.world.rows(f"SELECT coalesce(max(id), 0) FROM audit WHERE {saves}", list(OBEYED))
        told = "SELECT coalesce(max(change_id), 0) FROM charging_process"
        until(lambda: self.world.rows(told)[0][0] >= change, what=f"change {change} to be obeyed")

    def doctor(self) -> tuple[int, str]:
        """What `tollgate doctor` says of this installation: exit code and words."""
        done = subprocess.run(
            [sys.executable, "-m", "tollgate.jobs.command_line", "doctor"],
            env=self.charging.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def assert_refused(self, result: CallResult, key: str, customer: int | None, *, variant: str = "") -> None:
        """The SIP answer is the table's, and a CDR says why."""
        assert result.answer is not None
        answer = assert_told(result.answer, key, variant=variant)
        cdr = self.cdr(result.call_id)
        assert (cdr["refusal"], cdr["state"], cdr["sip_sent"], cdr["q850"]) == (key, "refused", answer.sip, answer.q850)
        assert (cdr["customer_id"], cdr["cost_micros"]) == (customer, 0)

    def assert_books(self) -> None:
        """Every law of the books holds now."""
        assert self.world.laws_broken(load("ledger_laws")) == {}


def assert_told(told: Message, key: str, *, variant: str = "") -> Answer:
    """A SIP answer says what the table says for a refusal: code, words, cause, key and when to try again."""
    answer = VARIANTS[Key(key), variant] if variant else ANSWERS[Key(key)]
    assert told.first_line == f"SIP/2.0 {answer.sip} {answer.reason}"
    assert re.match(rf"Q\.850;cause={answer.q850}(;|$)", told.header("Reason")), told.header("Reason")
    assert told.header("X-Tollgate-Refusal") == key
    assert told.header("Retry-After") == ("" if answer.retry_after_s is None else str(answer.retry_after_s))
    return answer


def require_programs() -> None:
    """Kamailio, rtpengine and SIPp; where they are not, the test fails and says how to get them."""
    absent = missing() + ([] if program("sipp") else ["sip-tester"])
    if absent:
        pytest.fail(f"SIP tests need: {install_line(absent)}")


@contextmanager
def whole_path(postgres: Postgres, *, template: str, folder: Path) -> Iterator[Scene]:
    """A started scene on a copy of the template; all of it is gone afterwards."""
    name = f"scene_{uuid4().hex[:8]}"
    with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as link:
        link.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    scene = Scene(folder, database_url=postgres.url_of(name))
    try:
        yield scene.start()
    finally:
        scene.stop()
        with closing(psycopg.connect(postgres.url_of("postgres"), autocommit=True)) as link:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


def audible(path: Path, *, seconds: int) -> Path:
    """A file of raw PCMA: a soft square tone of 500 Hz."""
    path.write_bytes((b"\x95" * 8 + b"\x15" * 8) * (500 * seconds))
    return path
