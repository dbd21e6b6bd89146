"""Claims about IPv6: a call crosses from one kind of address to the other, with its media, and ends on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ports import free_port
from tests.sip.conftest import StartEdge
from tests.sip.fake_service import FakeService
from tests.sip.harness import free_block
from tests.sip.party import Party, body_of, describe
from tests.sip.sipp import until

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]

SIX = "::1"


@pytest.fixture
def call(start_edge: StartEdge, edge_database: str) -> Iterator[tuple[FakeService, Any]]:
    """An edge on both kinds of addresses."""
    block = free_block()
    service = FakeService(f"{block}.9").start()
    edge = start_edge(
        block=block, database_url=edge_database, service_url=service.url, sip_port=free_port(SIX), listen_ip6=SIX
    )
    yield service, edge
    service.stop()


def route_to(carrier: Party, **more: Any) -> dict[str, Any]:
    address = f"sip:{carrier.host}:{carrier.port};transport=udp"
    attempt = {
        "uri": f"sip:1@{carrier.host}",
        "dst_uri": address,
        "headers": {},
        "fr_timer": 2000,
        "fr_inv_timer": 9000,
    }
    return {
        "action": "route", "call_ref": "ref6", "max_duration": 60, "media": 1, "record": 0,
        "version": "1.0", "routing": "serial", "routes": [attempt], **more,
    }  # fmt: skip


def ends_of(service: FakeService, call_id: str) -> list[dict[str, Any]]:
    return [event for event in service.events_of(call_id) if event["event"] == "ended"]


def test_a_call_crosses_between_ipv4_and_ipv6_both_ways(call: tuple[FakeService, Any]) -> None:
    service, edge = call
    port, four = edge.settings.sip_port, edge.settings.listen_ip
    old = Party(edge.address(2), edge=f"{four}:{port}")
    new = Party(SIX, edge=f"[{SIX}]:{port}", port=free_port(SIX))
    connections = {old: f"c=IN IP4 {four}", new: f"c=IN IP6 {SIX}"}
    for caller, called in ((old, new), (new, old)):
        service.decide = lambda _, called=called: route_to(called)
        caller.invite("1")
        assert connections[called] in body_of(called.expect("INVITE"))
        called.reply(200, "OK", body=describe(called.ip, port=21_000))
        assert connections[caller] in body_of(caller.expect(200, of="INVITE"))
        caller.request("ACK", cseq=1)
        called.expect("ACK")
        called.request("INVITE", body=describe(called.ip, way="sendonly"))
        assert connections[caller] in body_of(caller.expect("INVITE"))
        caller.reply(200, "OK", body=describe(caller.ip, way="recvonly"))
        assert connections[called] in body_of(called.final("INVITE"))
        called.request("ACK", cseq=called.cseq)
        caller.expect("ACK")
        assert service.question_of(caller.call_id)["src_ip"] == caller.ip
        caller.request("BYE")
        called.expect("BYE")
        called.reply(200, "OK")
        assert caller.final("BYE").code == 200
        until(lambda: ends_of(service, caller.call_id), what="the end")  # noqa: B023
    old.close()
    new.close()


def test_a_call_from_ipv6_that_still_rings_may_be_ended(call: tuple[FakeService, Any]) -> None:
    service, edge = call
    port = edge.settings.sip_port
    old, new = (
        Party(edge.address(2), edge=f"{edge.address(1)}:{port}"),
        Party(SIX, edge=f"[{SIX}]:{port}", port=free_port(SIX)),
    )
    service.decide = lambda _: route_to(old)
    new.invite("1")
    old.expect("INVITE")
    old.reply(180, "Ringing")
    edge.hang_up(edge.ringing(new.call_id), reason="Q.850;cause=31")
    old.expect("CANCEL")
    old.close()
    new.close()
