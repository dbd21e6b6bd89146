"""The edge alone for tests: one edge, an instant service that decides what the test planned, carriers of several kinds.

The fixture `rig` stands in `conftest.py`. Numbers are last bytes of addresses: `rig.address(CIRRUS)`.
"""

from __future__ import annotations

from typing import Any

from tests.sip.fake_service import FakeService
from tests.sip.harness import SipEdge
from tests.sip.party import Party
from tests.sip.sipp import CallResult, Sipp, until

CLI_OUT = "441632960001"
ACME, BALTIC, CARLA, STRANGER, SCANNER = 2, 3, 30, 40, 41
CIRRUS, REFUSING, BUSY, RINGING, QUIET, HANGING_UP = 11, 12, 13, 14, 15, 16
LATE_S = 1.0
"""Ends are to the second: so late a busy machine may make one, though the edge means to be early."""
BUSY_S = 0.5
"""So long a busy machine may take between a message and the line that SIPp writes of it."""


class Rig:
    """One edge, one service, Cirrus's gateways; `plans` says what the service decides for a dialed number."""

    def __init__(self, edge: SipEdge, service: FakeService) -> None:
        self.edge, self.service = edge, service
        self.plans: dict[str, dict[str, Any]] = {}
        self.carriers: dict[int, Sipp] = {}
        self.parties: list[Party] = []

    def decide(self, question: dict[str, Any]) -> dict[str, Any]:
        known = question.get("auth_user") or question["src_ip"] in {self.edge.address(ACME), self.edge.address(BALTIC)}
        return self.plans[question["cld"]] if known else {"action": "challenge"}

    def plan(self, cld: str, *gateways: int, ring_ms: int = 20_000, transport: str = "udp", **more: Any) -> None:
        """Calls to `cld` go to these gateways in turn."""
        routes = [
            {
                "uri": f"sip:00{cld}@{self.edge.address(gateway)}",
                "dst_uri": f"sip:{self.edge.address(gateway)}:5060;transport={transport}",
                "carrier": "Cirrus",
                "headers": {
                    "from": {"display": "", "uri": f"sip:{CLI_OUT}@edge.test"},
                    "extra": f"P-Asserted-Identity: <sip:{CLI_OUT}@edge.test>\r\n",
                },
                "fr_timer": 700 if gateway == QUIET else 5000,
                "fr_inv_timer": ring_ms,
            }
            for gateway in gateways
        ]
        base = {"action": "route", "call_ref": f"ref{cld}", "max_duration": 600, "media": 0, "record": 0}
        self.plans[cld] = {**base, "version": "1.0", "routing": "serial", "routes": routes, **more}

    def refuse(self, cld: str, *, code: int, reason: str, hdrs: str) -> None:
        self.plans[cld] = {"action": "refuse", "code": code, "reason": reason, "hdrs": hdrs}

    def address(self, last: int) -> str:
        return self.edge.address(last)

    def party(self, last: int, **more: Any) -> Party:
        """A side of calls that the test leads by hand; closed with the rig."""
        settings = self.edge.settings
        party = Party(self.address(last), edge=f"{settings.listen_ip}:{settings.sip_port}", **more)
        self.parties.append(party)
        return party

    def assert_lasted(self, event: dict[str, Any], result: CallResult, *, carrier: int = CIRRUS) -> None:
        """The end tells what both sides saw: no less than the caller talked, no more than the carrier was called."""
        told_s = float(event["at"]) - float(event["answered_at"])
        over = self.carriers[carrier].wait_for("BYE", call_id=result.call_id)
        said = [m for m in self.carriers[carrier].messages if m.header("Call-ID") == result.call_id]
        answered = next(m for m in said if m.code == 200 and m.method == "INVITE")
        assert result.duration_s - BUSY_S < told_s < (over.at - answered.at).total_seconds() + BUSY_S

    def events(self, call_id: str, *, last: str) -> list[dict[str, Any]]:
        """The events of a call, once the one named `last` is there."""
        until(lambda: any(e["event"] == last for e in self.service.events_of(call_id)), what=f"{last} of {call_id}")
        return self.service.events_of(call_id)
