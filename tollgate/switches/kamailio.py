"""The Kamailio edge: the JSON that its routing script asks and tells (docs/reference/kamailio-edge.md).

The script wants its own shape: routes as its `rtjson` module takes them, refusals with ready-made header lines, moments
as text of seconds with a fraction. To add a field: the struct here, and the script in deploy/kamailio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from tollgate.core.calls import Invite, RouteChoice
from tollgate.core.calls_types import Delivery, Handling, Presented
from tollgate.core.refusals import Answer, Refusal, answer, headers
from tollgate.core.routes import sip_host, sip_user
from tollgate.core.snapshot import Network
from tollgate.switches import Answered, Attempt, Attempted, AuthFailed, AuthLocked, Ended, MessageInvalid
from tollgate.switches.plain import CallId, Name, Number, Port, Small, Text, read, reader

DEADLINE_MS: Final = 1500
"""The script waits 2 s for a decision; less the way there and back."""
DECISION_MOST: Final = 16_000  # bytes: Kamailio's `pv_buffer_size` is little more
HA1_TTL_S: Final = 300
REGISTRATION_MOST_S: Final = 3600
"""The longest that an edge keeps where a SIP user is: `max_expires` of its registrar."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_S: Final = 7_258_118_400
_CAUSES: Final = {"max_duration": 102, "vanished": 27, "no_media": 41, "edge": 31}
"""The Q.850 causes of our own BYEs (deploy/kamailio/ends.cfg; of `edge`: what `charging.reconcile` has it say)."""
_RELEASED_BY: Final = {
    "caller_bye": "caller",
    "callee_bye": "callee",
    "max_duration": "tollgate",
    "vanished": "tollgate",
    "no_media": "tollgate",
    "edge": "tollgate",
}

Handle = Annotated[str, Meta(max_length=32, pattern=r"^[0-9:]*$")]
"""How the edge itself names a dialog: `h_entry:h_id`. Callers choose Call-IDs, so this tells their calls apart."""
Message = Attempted | Answered | Ended | AuthFailed | AuthLocked


class AuthorizeBody(Struct):
    """An INVITE at the edge."""

    edge: Name
    call_id: CallId
    src_ip: Annotated[str, Meta(min_length=1, max_length=64)]
    cld: Number = ""
    h: Handle = ""
    src_port: Port = 5060
    proto: str = "udp"
    dst_ip: Number = ""
    auth_user: Number | None = None
    cli: Number = ""
    cli_name: Number = ""
    pai: Text | None = None
    privacy: Text | None = None
    diversion: Text | None = None
    identity: Annotated[str, Meta(max_length=16384)] | None = None
    ua: Text = ""
    access_number: Number | None = None
    pin: Number | None = None
    circuit: Text = ""


class Ha1Body(Struct):
    """A digest that the edge wants to check."""

    user: Number
    realm: Number = ""
    src_ip: Number = ""
    edge: Number = ""


class EventBody(Struct):
    """What became of a call."""

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    edge: Name
    event: Literal["attempt", "answered", "ended", "failed", "auth_failed", "auth_locked"]
    at: str
    call_id: CallId | None = None
    h: Handle = ""
    route: Small | None = None
    sip_code: int | None = None
    why: str | None = None
    answered_at: str | None = None
    lifetime: int | None = None
    reason_hdr: str | None = None  # what a stranger wrote: no end is refused for it
    pdd_ms: int | None = None
    ring_ms: int | None = None
    user: Number = ""
    src_ip: Number = ""
    cli: Number = ""
    cld: Number = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorize request: the invite, and the edge's own address for the headers of its routes."""

    invite: Invite
    edge_ip: str
    dialog: str = ""
    circuit: str = ""
    """What the call says of the gateways that it may take, as a circuit test of ours does (core.circuits)."""


_authorize = reader(AuthorizeBody)
_ha1 = reader(Ha1Body)
_event = reader(EventBody)
_events = reader(list[EventBody])


def read_authorize(body: bytes) -> Asked:
    """`POST /v1/kamailio/authorize`."""
    asked = read(_authorize, body)
    invite = Invite(
        edge=asked.edge,
        call_id=asked.call_id,
        source_ip=asked.src_ip,
        source_port=asked.src_port,
        transport=asked.proto.lower(),
        user=asked.auth_user or None,
        cli=asked.cli,
        cld=asked.cld,
        cli_name=asked.cli_name,
        pai=asked.pai,
        privacy=asked.privacy,
        diversion=asked.diversion,
        identity=asked.identity,
        user_agent=asked.ua,
        presented=_presented(asked),
    )
    return Asked(invite, asked.dst_ip, asked.h, asked.circuit)


def _presented(asked: AuthorizeBody) -> Presented | None:
    """What the headers say, if there is any: one alone is a PIN that does not fit."""
    if asked.pin is None and asked.access_number is None:
        return None
    return Presented(asked.access_number or "", asked.pin or "")


def read_ha1(body: bytes) -> Ha1Body:
    """`POST /v1/kamailio/ha1`."""
    return read(_ha1, body)


def read_event(body: bytes) -> Message:
    """`POST /v1/kamailio/event`."""
    return _message(read(_event, body))


def read_events(body: bytes) -> list[Message]:
    """`POST /v1/kamailio/events`: several at once, in the order they happened."""
    return [_message(told) for told in read(_events, body)]


def _message(told: EventBody) -> Message:
    at = _instant(told.at, "at")
    if told.event == "auth_failed":
        call_id, locked = told.call_id or told.id, told.why == "locked"
        return AuthFailed(told.edge, call_id, at, told.user, told.src_ip, told.cli, told.cld, locked)
    if told.event == "auth_locked":
        return AuthLocked(told.edge, told.user, told.src_ip)
    if told.call_id is None:
        raise MessageInvalid("call_id", "it is missing")
    match told.event:
        case "attempt":
            return Attempted(told.edge, told.call_id, _attempt(told, at), told.h)
        case "answered":
            return Answered(
                told.edge, told.call_id, at, told.route, _positive(told.pdd_ms), _positive(told.ring_ms), told.h
            )
        case _:
            return _ended(told, told.call_id, at)


def _attempt(told: EventBody, at: datetime) -> Attempt:
    if told.route is None:
        raise MessageInvalid("route", "an attempt must say which route it tried")
    return Attempt(told.route, _sip(told.sip_code), told.why or "", _positive(told.pdd_ms), at, told.id)


def _ended(told: EventBody, call_id: str, at: datetime) -> Ended:
    answered_at = None if told.answered_at is None else _instant(told.answered_at, "answered_at")
    if answered_at is not None and answered_at > at:
        answered_at = at
    failed = told.event == "failed"
    return Ended(
        edge=told.edge,
        call_id=call_id,
        at=at,
        answered_at=None if failed else answered_at,
        duration_ms=None,
        sip=_sip(told.sip_code) if failed else 200,
        q850=_cause(told.reason_hdr) or _CAUSES.get(told.why or ""),
        released_by=_RELEASED_BY.get(told.why or "", None if failed else "edge"),
        pdd_ms=_positive(told.pdd_ms),
        ring_ms=_positive(told.ring_ms),
        failed=failed,
        dialog=told.h,
        route=told.route,
    )


def _instant(text: str, field: str) -> datetime:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal(0)
    if not seconds.is_finite() or not 0 < seconds < _LATEST_S:
        raise MessageInvalid(field, f"{text!r} is not a time in seconds since 1970")
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _positive(value: int | None) -> int | None:
    return value if value is not None and 0 <= value < 2**31 else None


def _sip(code: int | None) -> int | None:
    return code if code is not None and 100 <= code <= 699 else None


def _cause(reason: str | None) -> int | None:
    """The Q.850 cause in a Reason header (RFC 3326)."""
    if reason is None or not reason.upper().lstrip().startswith("Q.850"):
        return None
    digits = reason.partition("cause=")[2].partition(";")[0].partition(",")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 3 else None


def write_allowed(
    asked: Asked,
    *,
    call: int,
    granted_s: int,
    record: bool,
    media: str,
    routes: Sequence[RouteChoice],
    handling: Handling,
    identity: str = "",
) -> bytes:
    """A decision to carry the call, with the routes in the order to try them, or the phone of ours it goes to.

    `identity` is the Identity header for carriers, empty for none. The edge reads no more than `DECISION_MOST` bytes:
    of more routes than that names, the last are left out.
    """
    decided = partial(
        _decision, asked, call, granted_s, record=record, media=media, handling=handling, identity=identity
    )
    body = decided(routes=routes)
    while len(body) > DECISION_MOST and len(routes) > 1:
        routes = routes[: max(1, len(routes) * DECISION_MOST // len(body))]
        body = decided(routes=routes)
    return body


def _decision(
    asked: Asked,
    call: int,
    granted_s: int,
    *,
    record: bool,
    media: str,
    routes: Sequence[RouteChoice],
    handling: Handling,
    identity: str,
) -> bytes:
    decision: dict[str, object] = {
        "action": "route",
        "call_ref": str(call),
        "max_duration": granted_s,
        "media": 1 if record or media == "proxy" else 0,
        "record": 1 if record else 0,
        "version": "1.0",
        "routing": "serial",
        "routes": [_route(route, asked, identity) for route in routes],
        "rings": ";".join([str(route.ring_s * 1000) for route in routes]),
        "locked": 1 if handling.media_locked else 0,
    }
    if handling.inbound:
        decision["inbound"] = 1
    if handling.removed_headers:
        decision["strip"] = handling.removed_headers
    if handling.local is not None:
        decision |= _local(handling.local, asked)
    return msgspec.json.encode(decision)


def _local(local: Delivery, asked: Asked) -> dict[str, object]:
    """The phone to deliver to, what it is shown, and how long it may take."""
    edge = _host(asked)
    extra = f"P-Asserted-Identity: <sip:{local.pai}@{edge}>\r\n" if local.pai else ""
    if local.number:
        extra += f"P-Called-Party-ID: <sip:{sip_user(local.number)}@{edge}>\r\n"  # RFC 7315 section 4.2
    shown = f"sip:{sip_user(local.cli)}@{edge}" if local.cli else "sip:anonymous@anonymous.invalid"
    return {
        "local": local.user,
        "from": "" if local.cli == asked.invite.cli else shown,  # as it stands in the INVITE
        "extra": extra,
        "fr_timer": local.first_reply_s * 1000,
        "fr_inv_timer": local.pdd_s * 1000,
        "rings": str(local.ring_s * 1000),
    }


def _host(asked: Asked) -> str:
    return sip_host(asked.edge_ip) if asked.edge_ip else "localhost"


def _route(route: RouteChoice, asked: Asked, identity: str) -> dict[str, object]:
    edge = _host(asked)
    shown = f"sip:{sip_user(route.cli)}@{edge}" if route.cli else "sip:anonymous@anonymous.invalid"
    extra = f"P-Asserted-Identity: <sip:{sip_user(route.pai)}@{edge}>\r\n" if route.pai else ""
    if asked.invite.privacy and "id" in asked.invite.privacy.lower():
        extra += "Privacy: id\r\n"
    if identity:
        extra += f"Identity: {identity}\r\n"
    return {
        "uri": route.uri,
        "dst_uri": f"sip:{sip_host(route.host)}:{route.port};transport={route.transport}",
        "carrier": route.carrier,
        "headers": {"from": {"display": "", "uri": shown}, "extra": extra},
        "fr_timer": route.first_reply_s * 1000,
        "fr_inv_timer": route.pdd_s * 1000,
    }


def write_refused(refusal: Refusal, answers: Mapping[str, Answer] | None = None, *, is_endpoint: bool = False) -> bytes:
    """A refusal with the headers that say why, in the operator's own words where there are any.

    `is_endpoint`: the address is a customer's, which the edge must go on hearing however much it sends.
    """
    given = answer(refusal, answers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers(refusal, given))
    decision = {"action": "refuse", "code": given.sip, "reason": given.reason, "hdrs": lines, "known": int(is_endpoint)}
    return msgspec.json.encode(decision)


CHALLENGE: Final = msgspec.json.encode({"action": "challenge"})
"""An address nobody knows: the edge asks for a digest."""


def write_ha1(ha1: str, networks: Iterable[Network] = (), *, failure_count: int = 0) -> bytes:
    """The secret of a SIP user for the edge's digest check, empty for an unknown user, and where it may register from.

    No networks: from anywhere. So many wrong passwords from one address, and it is turned away there; 0: any number.
    """
    told = {"ha1": ha1, "networks": ",".join(map(str, networks)), "failures": failure_count, "ttl": HA1_TTL_S}
    return msgspec.json.encode(told)


DONE: Final = b'{"ok":true}'
