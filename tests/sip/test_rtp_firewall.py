"""Claims about a customer's RTP firewall: whose media arrive at the other side, with RTP sent from two addresses."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest

from tests.sip.party import Party, body_of, describe
from tests.sip.scene import Scene, Seller
from tests.sip.sipp import Message

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"
PRIVATE = "10.9.8.7"
SILENT_S = 0.4
"""What was relayed has come by then."""
LEARNED_S = 4.2
"""rtpengine takes a source for known 3 s after the last description, by whole seconds."""
Address = tuple[str, int]


class Stream:
    """A place that sends and hears RTP."""

    def __init__(self, ip: str) -> None:
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.bind((ip, 0))
        self.ip, self.port = ip, int(self._link.getsockname()[1])
        self._number = 0

    def close(self) -> None:
        self._link.close()

    def send(self, to: Address, mark: int) -> None:
        """One packet of PCMA (RFC 3550 section 5.1) that is all one mark."""
        self._number += 1
        head = struct.pack("!BBHII", 0x80, 8, self._number, self._number * 160, self.port)
        self._link.sendto(head + bytes([mark]) * 160, to)

    def heard(self) -> list[int]:
        """The marks of what has come since it was asked last."""
        marks: list[int] = []
        self._link.settimeout(SILENT_S)
        while True:
            try:
                marks.append(self._link.recv(2048)[-1])
            except TimeoutError:
                return marks


@dataclass(frozen=True, slots=True)
class Talk:
    """A call that is up: its sides, a stranger who knows all ports, and where each side sends its media to."""

    caller: Party
    carrier: Party
    near: Stream
    far: Stream
    stranger: Stream
    near_to: Address
    far_to: Address

    def hang_up(self) -> None:
        self.caller.request("BYE")
        self.carrier.expect("BYE")
        self.carrier.reply(200, "OK")
        assert self.caller.final("BYE").code == 200


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def media_of(message: Message) -> Address:
    """Where a description says that media go to."""
    text = body_of(message)
    ip, port = re.search(r"c=IN IP4 (\S+)", text), re.search(r"m=audio (\d+)", text)
    assert ip, text
    assert port, text
    return ip[1], int(port[1])


def talk(scene: Scene, seller: Seller, stack: ExitStack, *, near_says: str = "", far_says: str = "") -> Talk:
    """A call through the media proxy; a side that says another address than its own is behind NAT."""
    edge = f"{scene.edge.settings.listen_ip}:{scene.edge.settings.sip_port}"
    caller = stack.enter_context(closing(Party(seller.ip, edge=edge)))
    carrier = stack.enter_context(closing(Party(seller.gateways[0], edge=edge)))
    places = (caller.ip, carrier.ip, scene.edge.address(251))
    near, far, stranger = (stack.enter_context(closing(Stream(ip))) for ip in places)
    caller.invite(NUMBER, body=describe(near_says or near.ip, port=20_000 if near_says else near.port))
    far_to = media_of(carrier.expect("INVITE"))
    carrier.reply(200, "OK", body=describe(far_says or far.ip, port=21_000 if far_says else far.port))
    near_to = media_of(caller.expect(200, of="INVITE"))
    caller.request("ACK", cseq=1)
    carrier.expect("ACK")
    return Talk(caller, carrier, near, far, stranger, near_to, far_to)


def test_a_locked_firewall_takes_media_from_the_negotiated_addresses_alone(scene: Scene, stack: ExitStack) -> None:
    seller = scene.seller(carriers=("down",), route={"media": "proxy"}, rtp_firewall="locked")
    up = talk(scene, seller, stack)
    for _ in range(2):  # the stranger is first, and comes again when the sides have been heard
        up.stranger.send(up.near_to, 91)
        up.stranger.send(up.far_to, 92)
        assert (up.far.heard(), up.near.heard()) == ([], [])
        up.near.send(up.near_to, 1)
        up.far.send(up.far_to, 2)
        assert (up.far.heard(), up.near.heard()) == ([1], [2])
    assert up.stranger.heard() == [], "nobody's media go to it"
    up.caller.request("INVITE", body=describe(up.stranger.ip, port=up.stranger.port))
    up.carrier.expect("INVITE")
    up.carrier.reply(200, "OK", body=describe(up.far.ip, port=up.far.port))
    up.caller.expect(200, of="INVITE")
    up.caller.request("ACK", cseq=up.caller.cseq)
    up.near.send(up.near_to, 3)
    up.stranger.send(up.near_to, 4)
    up.far.send(up.far_to, 5)
    assert (up.far.heard(), up.near.heard(), up.stranger.heard()) == ([4], [], [5]), "agreed anew: it is no stranger"
    up.hang_up()
    assert scene.edge.errors() == []


def test_an_unlocked_firewall_lets_media_move_to_another_address(scene: Scene, stack: ExitStack) -> None:
    seller = scene.seller(carriers=("down",), route={"media": "proxy"}, rtp_firewall="unlocked")
    up = talk(scene, seller, stack)
    up.near.send(up.near_to, 1)
    up.far.send(up.far_to, 2)
    assert (up.far.heard(), up.near.heard()) == ([1], [2])
    up.stranger.send(up.near_to, 3)
    assert up.far.heard() == [3]
    up.far.send(up.far_to, 4)
    assert (up.near.heard(), up.stranger.heard()) == ([], [4])
    up.near.send(up.near_to, 5)
    assert up.far.heard() == [5]
    up.hang_up()


@pytest.mark.parametrize("side", ["near", "far"])
def test_media_of_a_side_behind_nat_are_expected_from_where_its_signaling_comes(
    scene: Scene, stack: ExitStack, side: str
) -> None:
    seller = scene.seller(carriers=("down",), route={"media": "proxy"}, rtp_firewall="locked")
    up = talk(scene, seller, stack, **{f"{side}_says": PRIVATE})
    hidden, hidden_to, other, other_to = (
        (up.near, up.near_to, up.far, up.far_to) if side == "near" else (up.far, up.far_to, up.near, up.near_to)
    )
    up.stranger.send(hidden_to, 91)  # first of all: nothing better is known yet
    other.heard()
    hidden.send(hidden_to, 1)
    up.stranger.send(hidden_to, 92)
    assert 1 in other.heard()
    up.stranger.send(other_to, 93)
    other.send(other_to, 2)
    assert (hidden.heard(), up.stranger.heard()) == ([2], []), "though the stranger was first, and the port is another"
    time.sleep(LEARNED_S)
    hidden.send(hidden_to, 3)
    assert other.heard() == [3]
    up.stranger.send(hidden_to, 94)
    other.send(other_to, 4)
    assert (other.heard(), hidden.heard(), up.stranger.heard()) == ([], [4], [])
    up.hang_up()
    assert scene.edge.errors() == []


def test_where_no_media_come_from_there_the_first_source_after_the_learning_stays(
    scene: Scene, stack: ExitStack
) -> None:
    seller = scene.seller(carriers=("down",), route={"media": "proxy"}, rtp_firewall="locked")
    up = talk(scene, seller, stack, near_says=PRIVATE)
    gateway = stack.enter_context(closing(Stream(scene.edge.address(252))))
    up.stranger.send(up.near_to, 1)
    gateway.send(up.near_to, 2)
    assert up.far.heard() == [1, 2]
    time.sleep(LEARNED_S)
    gateway.send(up.near_to, 3)
    up.stranger.send(up.near_to, 91)
    up.far.send(up.far_to, 4)
    assert (up.far.heard(), gateway.heard(), up.stranger.heard()) == ([3], [4], [])
    up.hang_up()
