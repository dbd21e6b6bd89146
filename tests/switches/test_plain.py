"""The neutral charging API: what bodies become, and what becomes a body."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.core.call_cast import world
from tollgate.core.calls_types import Handling
from tollgate.core.refusals import Key, Refusal
from tollgate.switches import MessageInvalid, kamailio, plain

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def body(**fields: object) -> bytes:
    """A JSON body."""
    return json.dumps(fields).encode()


def test_unknown_fields_are_ignored_and_missing_ones_have_defaults() -> None:
    source = {"ip": "198.51.100.7", "colour": "red"}
    invite, deadline_ms = plain.read_authorize(body(edge="sw1", call_id="c", source=source, cld="1", moon="full"))
    assert (invite.source_ip, invite.source_port, invite.user, deadline_ms) == ("198.51.100.7", 5060, None, 1500)


@pytest.mark.parametrize(
    "told",
    ["2026-11-21T12:00:00Z", "2026-11-21T14:00:00+02:00", int(AT.timestamp() * 1000), "2026-11-21T12:00:00.000Z"],
)
def test_a_moment_is_the_same_in_every_form(told: object) -> None:
    assert plain.read_answered(body(edge="sw1", call_id="c", at=told)).at == AT


@pytest.mark.parametrize(
    "told", ["2026-11-21T12:00:00", "now", -1, 10**15, 1.5, None, "1999-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_moment_is_named(told: object) -> None:
    with pytest.raises(MessageInvalid) as problem:
        plain.read_answered(body(edge="sw1", call_id="c", at=told))
    assert problem.value.field == "at"


@pytest.mark.parametrize(
    "ip", ["office", "192.0.2.300", "192.0.2", "198.051.100.007", "2001:db8::/32", "192.0.2.7\x00"]
)
def test_what_is_no_address_is_named(ip: str) -> None:
    for reads in (plain.read_authorize, plain.read_simulate):
        with pytest.raises(MessageInvalid) as problem:
            reads(body(edge="sw1", call_id="c", source={"ip": ip}, cld="1"))
        assert problem.value.field == "source.ip"


def test_a_body_that_is_nested_too_deeply_is_no_failure_of_ours() -> None:
    with pytest.raises(MessageInvalid, match="nested"):
        plain.read_answered(b'{"moon":' + b"[" * 100_000)


@pytest.mark.parametrize("sip", [-1, 99, 700, 9999, "200"])
def test_what_is_no_sip_code_is_named(sip: object) -> None:
    with pytest.raises(MessageInvalid, match=r"^sip: "):
        plain.read_ended(body(edge="sw1", call_id="c", at=1_795_255_949_000, sip=sip))
    with pytest.raises(MessageInvalid, match=r"^attempts\[0\].sip: "):
        plain.read_ended(body(edge="sw1", call_id="c", at=1_795_255_949_000, attempts=[{"route": 0, "sip": sip}]))


def test_no_end_is_refused_because_nobody_gave_a_code() -> None:
    tried = [{"route": 0, "sip": 0}]
    ended = plain.read_ended(body(edge="sw1", call_id="c", at=1_795_255_949_000, sip=0, attempts=tried))
    assert (ended.sip, ended.attempts[0].sip) == (None, None)


def test_an_answer_after_the_end_is_named() -> None:
    with pytest.raises(MessageInvalid, match="answered_at"):
        plain.read_ended(body(edge="sw1", call_id="c", at=1_795_255_949_000, answered_at=1_795_255_950_000))


def test_a_refusal_carries_its_sip_answer() -> None:
    written = json.loads(plain.write_refused(Refusal(Key.credit)))
    assert written == {
        "allow": False,
        "refusal": "credit",
        "sip": 402,
        "reason": "Insufficient Credit",
        "q850": 21,
        "retry_after_s": None,
    }


def test_a_cost_is_written_exactly() -> None:
    assert json.loads(plain.write_ended(cost_micros=3000, currency="EUR", already=False))["cost"] == "0.003"


def test_a_signature_is_among_the_headers_of_every_route_where_there_is_one() -> None:
    routes = world().plan().routes
    known = {"call": 1, "granted_s": 60, "record": False, "media": "proxy", "routes": routes, "local": None}
    for identity in ("a.b.c", ""):
        told = json.loads(plain.write_allowed(**known, identity=identity))  # type: ignore[arg-type]
        assert [route["headers"].get("Identity", "") for route in told["routes"]] == [identity] * len(routes)


def test_an_address_of_ipv6_stands_in_brackets_wherever_a_route_goes() -> None:
    (route,) = [found._replace(host="2001:db8::5") for found in world().plan().routes[:1]]
    told = plain.write_allowed(call=1, granted_s=60, record=False, media="proxy", routes=[route], local=None)
    assert json.loads(told)["routes"][0]["gateway"] == "sip:[2001:db8::5]:5060;transport=udp"
    asked = kamailio.read_authorize(body(edge="kam1", call_id="a", src_ip="192.0.2.1", cld="1", cli="2"))
    sent = kamailio.write_allowed(
        asked, call=1, granted_s=60, record=False, media="proxy", routes=[route], handling=Handling()
    )
    assert json.loads(sent)["routes"][0]["dst_uri"] == "sip:[2001:db8::5]:5060;transport=udp"
