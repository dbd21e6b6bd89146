"""Claims about caller numbers on the wire: rules refuse, rewrite and force; codes are spoken; hours end calls."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.sip.harness import CLI
from tests.sip.party import Party, describe
from tests.sip.scene import Scene, Seller
from tests.sip.sipp import CallResult, Message, until
from tests.world import EURO
from tollgate.core.vars import MOST_PERSIST_S
from tollgate.jobs import law
from tollgate.jobs.sip_phone import Dialing, Outcome, speak
from tollgate.store.secrets import seal

pytestmark = [pytest.mark.sip, pytest.mark.timeout(400)]
NUMBER = "442071838750"
SECRET = "correct-horse-7"
SOUNDS = Path(law.__file__).with_name("sounds")
CODE = "490127"
EAR = 21_000
"""The port at which carriers hear."""


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the processes look for time zones first."""
    folder, patch = tmp_path_factory.mktemp("zones"), pytest.MonkeyPatch()
    patch.setenv("PYTHONTZPATH", str(folder))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def scene(zones: Path, scene: Scene) -> Scene:
    """The whole path, with zones of our own."""
    return scene


def call(scene: Scene, seller: Seller, **more: object) -> CallResult:
    return scene.edge.call(caller=seller.ip, **{"cld": NUMBER, "hold_ms": 100, **more})


def test_an_invite_is_refused_rewritten_and_forced_by_rules(scene: Scene) -> None:
    seller = scene.seller(approved_clis_only=True)
    own = {"account_id": scene.world.account, "customer_id": seller.customer}
    scene.world.insert("cli_rule", cli="^9(.*)$", rewrite_cli="44$1", rewrite_pai="442079460999", **own)
    scene.obeyed()
    refused = call(scene, seller)
    scene.assert_refused(refused, "cli_restricted", seller.customer)
    rewritten = call(scene, seller, cli="9123456789")
    assert rewritten.code == 200
    assert shown(scene, seller, rewritten) == ("44123456789", "442079460999")
    gates = {gate["gate"]: gate["values"] for gate in scene.cdr(rewritten.call_id)["detail"]["gates"]}
    assert (gates["cli_restricted"]["cli"], gates["cli_restricted"]["cli_to"]) == ("9123456789", "44123456789")
    scene.world.insert("cli_rule", cli="111111111111", forced=True, **own)
    scene.obeyed()
    assert shown(scene, seller, call(scene, seller)) == ("111111111111", "111111111111")
    scene.world.insert("cli_rule", cli="222222222222", forced=True, position=200, **own)
    for place, number in ((1, "222222222222"), (0, "111111111111")):
        scene.world.update("customer", seller.customer, vars_toml=f"[cli]\npersist = {persisting(place, of=2)}")
        scene.obeyed()
        assert [shown(scene, seller, call(scene, seller)) for _ in range(2)] == [(number, number)] * 2


def persisting(place: int, *, of: int) -> int:
    """A time for each of several numbers by which that one is shown for an hour from now on."""
    now_s = int(datetime.now(UTC).timestamp())
    fitting = (s for s in range(7200, MOST_PERSIST_S) if now_s // s % of == place and (now_s + 3600) // s == now_s // s)
    return next(fitting)


def shown(scene: Scene, seller: Seller, result: CallResult) -> tuple[str, str]:
    """Whom the carrier's INVITE says to be from, and what it asserts."""
    invite: Message = scene.carrier_at(seller.gateways[0]).wait_for("INVITE", call_id=result.call_id)
    return tuple(invite.header(name).partition("sip:")[2].partition("@")[0] for name in ("From", "P-Asserted-Identity"))  # type: ignore[return-value]


def test_an_invite_for_an_alias_rings_where_the_alias_says(scene: Scene) -> None:
    seller = scene.seller()
    world = scene.world
    alias = world.insert("alias", account_id=world.account, customer_id=seller.customer, current="9000", new=NUMBER)
    scene.obeyed()
    carried = call(scene, seller, cld="9000")
    assert carried.code == 200
    assert dialed(scene, seller, carried) == NUMBER
    told = scene.cdr(carried.call_id)
    gates = {gate["gate"]: gate["values"] for gate in told["detail"]["gates"]}
    assert gates["alias"] == {"alias": alias, "current": "9000", "cld": "9000", "cld_to": NUMBER}
    assert (told["cld"], told["number"]) == ("9000", NUMBER)
    world.update("alias", alias, enabled=False)
    scene.obeyed()
    assert call(scene, seller, cld="9000").code != 200


def dialed(scene: Scene, seller: Seller, result: CallResult) -> str:
    """Whom the carrier's INVITE is for."""
    invite: Message = scene.carrier_at(seller.gateways[0]).wait_for("INVITE", call_id=result.call_id)
    return invite.uri.partition("sip:")[2].partition("@")[0]


def soon(zones: Path, seconds: int) -> dict[str, object]:
    """Hours that end so soon: windows end with a minute, so the clocks of their zone are some seconds ahead."""
    ahead_s = 60 - seconds - datetime.now(UTC).second
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)  # RFC 8536: one kind of time, no transitions
    (zones / "Soon").write_bytes(b"TZif" + bytes(16) + counts + struct.pack(">lbb", ahead_s, 0, 0) + b"TST\0")
    ends = datetime.now(UTC) + timedelta(seconds=ahead_s + seconds)
    minute = ends.hour * 60 + ends.minute or 1440
    weekday = (ends - timedelta(minutes=1)).isoweekday()
    until_ = f"{minute // 60:02d}:{minute % 60:02d}"
    return {"zone": "Soon", "windows": [{"weekday": weekday, "from": "00:00", "until": until_}]}


def test_a_call_ends_where_the_hours_do(scene: Scene, zones: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=9)
    seller = scene.seller(hours=soon(zones, 9), hours_hang_up=True)
    scene.obeyed()
    result = call(scene, seller, hold_ms=20_000)
    assert result.code == 200
    ended = scene.cdr(result.call_id)["ended_at"]
    assert timedelta(seconds=-2) < ended - ends < timedelta(seconds=3), (ended, ends)
    until(lambda: datetime.now(UTC) > ends, what="the end of the hours")
    assert call(scene, seller).reason == "Disallowed by Date/Time Restriction"
    scene.assert_books()


class Ear(Thread):
    """Where a carrier hears: the sounds that came, in their order."""

    def __init__(self, ip: str) -> None:
        super().__init__()
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.bind((ip, EAR))
        self._link.settimeout(0.1)
        self._heard: dict[int, bytes] = {}
        self.types: set[int] = set()
        self.deaf = Event()

    def run(self) -> None:
        while not self.deaf.is_set():
            with suppress(TimeoutError):
                packet = self._link.recv(2048)
                _, kind, _, stamp, _ = struct.unpack("!BBHII", packet[:12])
                self.types.add(kind & 0x7F)
                self._heard[stamp] = packet[12:]
        self._link.close()

    def sound(self) -> bytes:
        heard = dict(self._heard)
        return b"".join(heard[stamp] for stamp in sorted(heard))


@contextmanager
def hearing(carrier: Party) -> Iterator[Ear]:
    """Listens while the block lasts."""
    ear = Ear(carrier.ip)
    ear.start()
    try:
        yield ear
    finally:
        ear.deaf.set()
        ear.join()


@contextmanager
def carrier_of(scene: Scene, seller: Seller) -> Iterator[Party]:
    """The seller's carrier, led by hand."""
    edge = scene.edge.settings
    party = Party(seller.gateways[0], edge=f"{edge.listen_ip}:{edge.sip_port}")
    try:
        yield party
    finally:
        party.close()


@contextmanager
def worker(scene: Scene) -> Iterator[None]:
    """A process that does what runs without a person."""
    settings = scene.edge.settings
    told = {
        "TOLLGATE_SIP_IP": settings.listen_ip,
        "TOLLGATE_SIP_PORT": str(settings.sip_port),
        "TOLLGATE_SECRET_KEY": "testing",
        "TOLLGATE_DATA_KEY": "a key for tests",
    }
    with (scene.charging.folder / "work.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tollgate.jobs.command_line", "work"],
            env=scene.charging.environment | told,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_a_code_is_called_and_spoken_charged_and_explained(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA_KEY", "a key for tests")
    house, acme = scene.seller(carriers=("down", "down")), scene.seller(approved_clis_only=True)
    user = scene.world.sip_user(house.customer, "codes", SECRET, realm=scene.edge.settings.realm)
    scene.world.update("account", scene.world.account, verification_user_id=user, verification_cli=CLI)
    proof = scene.world.insert(
        "cli_proof", customer_id=acme.customer, number=NUMBER, way="call", state="queued", words="", code_hash="",
        code_sealed=seal(CODE), tries_count=0, expires_at=datetime.now(UTC) + timedelta(minutes=10), call_id="",
        decided_by="",
    )  # fmt: skip
    told = b"".join(law.to_alaw((SOUNDS / "en" / f"{name}.ul").read_bytes()) for name in ("intro", *CODE))
    state = "SELECT state, words, code_sealed, call_id FROM cli_proof WHERE id = %s"
    with carrier_of(scene, house) as carrier, hearing(carrier) as ear, worker(scene):
        invite = carrier.expect("INVITE", timeout_s=120)
        assert f"sip:{CLI}@" in invite.header("From")
        carrier.reply(180, "Ringing")
        carrier.reply(200, "OK", body=describe(carrier.ip, port=EAR))
        carrier.expect("ACK")
        until(lambda: len(ear.sound()) > len(told) + 8000 * 2, timeout_s=30, what="the code and more")
        carrier.request("BYE")
        assert carrier.final("BYE").code == 200
        until(lambda: scene.world.rows(state, proof)[0][0] == "told", what="the end of the proof")
        assert_circuit_is_tested(scene, house, user)
        assert carrier.receive(0.2) is None, "the test was of the other carrier's gateway"
    row = scene.world.rows(state, proof)[0]
    assert row[:3] == ("told", "The code was spoken.", "")
    sound, place = ear.sound(), 0
    assert ear.types == {law.PCMA}
    for name in ("intro", *CODE):
        spoken = law.to_alaw((SOUNDS / "en" / f"{name}.ul").read_bytes())
        place = sound.find(spoken, place)
        assert place >= 0, f"{name} was not heard in its place"
        place += len(spoken)
    cdr = scene.cdr(row[3])
    assert (cdr["state"], cdr["customer_id"], cdr["cost_micros"] >= 8_000) == ("charged", house.customer, True)
    ((spent_micros,),) = scene.world.rows("SELECT sum(cost_micros) FROM cdr WHERE customer_id = %s", house.customer)
    assert scene.world.wallet("customer", house.customer)["balance_micros"] == 5 * EURO - spent_micros
    scene.assert_books()


def assert_circuit_is_tested(scene: Scene, house: Seller, user: int) -> None:
    """A circuit test of the second carrier's gateway calls there alone, ends by itself, is charged and tells of it."""
    world = scene.world
    world.update("account", world.account, circuit_user_id=user)
    ((gateway,),) = world.rows("SELECT id FROM gateway WHERE carrier_id = %s", house.carriers[1])
    test = world.insert(
        "circuit_test", account_id=world.account, endpoint_id=user, gateway_ids=[gateway], way="second", number=NUMBER,
        cli="", talk_s=1, state="queued", words="", call_id="", steps=[], codec="", asked_by="Ann",
    )  # fmt: skip
    edge = scene.edge.settings
    phone = Party(house.gateways[1], edge=f"{edge.listen_ip}:{edge.sip_port}")
    try:
        invite = phone.expect("INVITE")
        assert not invite.header("X-Tollgate-Circuit")
        phone.reply(180, "Ringing")
        phone.receive(0.3)  # nobody speaks: it rings
        phone.reply(200, "OK", body=describe(phone.ip, port=EAR))
        phone.expect("ACK")
        phone.expect("BYE")
        phone.reply(200, "OK")
    finally:
        phone.close()
    told = "SELECT state, sip, pdd_ms, ring_ms, talk_ms, codec, steps, call_id FROM circuit_test WHERE id = %s"
    until(lambda: world.rows(told, test)[0][0] == "done", what="the end of the test")
    _, sip, pdd_ms, ring_ms, talk_ms, codec, steps, call_id = world.rows(told, test)[0]
    assert (sip, codec) == (200, "PCMA")
    assert [step["sip"] for step in steps if step["sip"] > 100] == [407, 180, 200]
    assert pdd_ms < steps[-1]["at_ms"]
    assert ring_ms >= 250
    assert 1000 <= talk_ms < 10_000
    cdr = scene.cdr(call_id)
    assert (cdr["state"], cdr["customer_id"], cdr["gateway_id"]) == ("charged", house.customer, gateway)
    assert [drop["why"] for drop in cdr["detail"]["dropped"]] == ["circuit_test"]


def test_the_phone_says_it_three_times_and_hangs_up(scene: Scene) -> None:
    house = scene.seller(carriers=("down",))
    realm = scene.edge.settings.realm
    scene.world.sip_user(house.customer, "again", SECRET, realm=realm)
    ha1 = hashlib.md5(f"again:{realm}:{SECRET}".encode(), usedforsecurity=False).hexdigest()
    edge = (scene.edge.settings.listen_ip, scene.edge.settings.sip_port)
    dialing = Dialing(edge=edge, call_id="phone-1", cli=CLI, number=NUMBER, user="again", ha1=ha1)
    scene.obeyed()
    said = b"\x12" * 320
    with carrier_of(scene, house) as carrier, hearing(carrier) as ear, ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(lambda: asyncio.run(speak(dialing, said, times=3)))
        carrier.expect("INVITE")
        carrier.reply(200, "OK", body=describe(carrier.ip, port=EAR))
        carrier.expect("ACK")
        carrier.expect("BYE")
        carrier.reply(200, "OK")
        assert outcome.result(10) == Outcome(200, "OK", 3)
        assert ear.sound().count(law.to_alaw(said)) == 3
        refused = Dialing(edge=edge, call_id="phone-2", cli=CLI, number="999", user="again", ha1=ha1)
        assert asyncio.run(speak(refused, said, times=3)).code == 503
