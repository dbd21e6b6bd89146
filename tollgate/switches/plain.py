"""The neutral charging API (docs/reference/charging-api.md): JSON bodies of any switch, read and written.

Unknown fields are ignored; a wrong one is named. To add a field to a message: the struct here, the message in
`switches`, and the reference page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from tollgate.core.calls import Dropped, Gate, Grant, Invite, RouteChoice
from tollgate.core.calls_types import Presented
from tollgate.core.money import format_micros
from tollgate.core.refusals import Answer, Refusal, answer
from tollgate.core.routes import sip_host
from tollgate.switches import Answered, Attempt, Ended, MessageInvalid, Sync

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
CallId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Meta(max_length=4096)]
Number = Annotated[str, Meta(max_length=255)]
AccessNumber = Annotated[str, Meta(min_length=1, max_length=32)]
Pin = Annotated[str, Meta(max_length=32)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Small = Annotated[int, Meta(ge=0, le=32767)]
SipCode = Annotated[int, Meta(ge=0, le=699)]
LEAST_CODE: Final = 100
Milliseconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Instant = datetime | int
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class SourceBody(Struct):
    """Where the call came from."""

    ip: Annotated[str, Meta(min_length=1, max_length=64)]
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls", "ws", "wss"] = "udp"


class AuthorizeBody(Struct):
    """May this call be carried?"""

    edge: Name
    call_id: CallId
    source: SourceBody
    cld: Number
    user: Number | None = None
    cli: Number = ""
    cli_name: Number = ""
    pai: Text | None = None
    privacy: Text | None = None
    diversion: Text | None = None
    identity: Annotated[str, Meta(max_length=16384)] | None = None
    codecs: list[Annotated[str, Meta(max_length=64)]] | None = None
    user_agent: Text = ""
    deadline_ms: Annotated[int, Meta(ge=1, le=60_000)] = 1500
    access_number: AccessNumber | None = None
    pin: Pin | None = None


class PinBody(Struct):
    """Whose PIN is this?"""

    edge: Name
    access_number: AccessNumber
    pin: Pin
    caller: Number = ""


class SimulateBody(AuthorizeBody):
    """What would be decided? `customer` stands for a caller who has no way in yet."""

    customer: Annotated[int, Meta(ge=1)] | None = None
    at: Instant | None = None


class AnsweredBody(Struct):
    """The call was answered."""

    edge: Name
    call_id: CallId
    at: Instant
    route: Small | None = None


class AttemptBody(Struct):
    """One route that was tried and failed."""

    route: Small
    sip: SipCode | None = None
    pdd_ms: Milliseconds | None = None


class EndedBody(Struct):
    """The call is over."""

    edge: Name
    call_id: CallId
    at: Instant
    answered_at: Instant | None = None
    duration_ms: Annotated[int, Meta(ge=0, le=10**10)] | None = None
    route: Small | None = None
    sip: SipCode | None = None
    q850: Annotated[int, Meta(ge=0, le=127)] | None = None
    released_by: Literal["caller", "callee", "tollgate", "edge"] | None = None
    pdd_ms: Milliseconds | None = None
    ring_ms: Milliseconds | None = None
    attempts: Annotated[list[AttemptBody], Meta(max_length=64)] = []


class SyncBody(Struct):
    """Every call that the switch has live now."""

    edge: Name
    live: list[CallId]


def reader(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder of one body."""
    return msgspec.json.Decoder(kind)


_authorize = reader(AuthorizeBody)
_simulate = reader(SimulateBody)
_answered = reader(AnsweredBody)
_ended = reader(EndedBody)
_pin = reader(PinBody)
_sync = reader(SyncBody)


def read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body, or MessageInvalid with the field that is wrong."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as problem:
        sentence, _, path = str(problem).partition(" - at `$")
        missing = sentence.split("`")[1] if "missing required field" in sentence else ""
        field = ".".join(part for part in (path.strip("`.").strip(), missing) if part)
        raise MessageInvalid(field or "body", sentence) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise MessageInvalid("body", f"it is not JSON: {problem}") from None
    except RecursionError:
        raise MessageInvalid("body", "it is nested too deeply") from None


def _code(value: int | None, field: str) -> int | None:
    """A SIP code; none where a switch writes 0 because nobody gave one. Raises MessageInvalid."""
    if value is not None and 0 < value < LEAST_CODE:
        raise MessageInvalid(field, f"it must be {LEAST_CODE} to 699, or 0 where there is none")
    return value or None


def instant(value: Instant, field: str) -> datetime:
    """RFC 3339 or epoch milliseconds as an aware UTC moment."""
    if isinstance(value, int):
        moment = _EPOCH + timedelta(milliseconds=value) if 0 <= value < 10**13 else None
    else:
        moment = _in_utc(value)
    if moment is None or not EARLIEST <= moment < LATEST:
        raise MessageInvalid(field, "it must be a time with its zone (RFC 3339), or milliseconds since 1970")
    return moment


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.astimezone(UTC) if value.tzinfo is not None else None
    except OverflowError:  # the last hours of the year 9999, seen from elsewhere
        return None


def read_authorize(body: bytes) -> tuple[Invite, int]:
    """The invite and its deadline in ms."""
    asked = read(_authorize, body)
    return _invite(asked), asked.deadline_ms


@dataclass(frozen=True, slots=True)
class Supposed:
    """A call that might be: who would ask, and when (None: now)."""

    invite: Invite
    customer_id: int | None
    at: datetime | None


def read_simulate(body: bytes) -> Supposed:
    """`POST /v1/simulate`."""
    asked = read(_simulate, body)
    if asked.pin is not None or asked.access_number is not None:
        raise MessageInvalid("pin", "PINs are not tried here: name the customer instead")
    return Supposed(_invite(asked), asked.customer, None if asked.at is None else instant(asked.at, "at"))


def _invite(asked: AuthorizeBody) -> Invite:
    try:
        scoped = getattr(ip_address(asked.source.ip), "scope_id", None) is not None
    except ValueError:
        scoped = True
    if scoped:
        raise MessageInvalid("source.ip", f"{asked.source.ip!r} is not an IP address")
    return Invite(
        edge=asked.edge,
        call_id=asked.call_id,
        source_ip=asked.source.ip,
        source_port=asked.source.port,
        transport=asked.source.transport,
        user=asked.user or None,
        cli=asked.cli,
        cld=asked.cld,
        cli_name=asked.cli_name,
        pai=asked.pai,
        privacy=asked.privacy,
        diversion=asked.diversion,
        identity=asked.identity,
        codecs=tuple(asked.codecs or ()),
        user_agent=asked.user_agent,
        presented=_presented(asked),
    )


def _presented(asked: AuthorizeBody) -> Presented | None:
    if asked.pin is None and asked.access_number is None:
        return None
    if asked.pin is None or asked.access_number is None:
        missing = "pin" if asked.pin is None else "access_number"
        raise MessageInvalid(missing, "a PIN and the access number it was dialed at come together")
    if asked.user:
        raise MessageInvalid("user", "a call belongs to a SIP user or to the holder of a PIN, not to both")
    return Presented(asked.access_number, asked.pin)


@dataclass(frozen=True, slots=True)
class PinQuestion:
    """A PIN that a voice has asked for, before there is a call."""

    edge: str
    presented: Presented
    caller: str


def read_pin(body: bytes) -> PinQuestion:
    """`POST /v1/pin`."""
    asked = read(_pin, body)
    return PinQuestion(asked.edge, Presented(asked.access_number, asked.pin), asked.caller)


def read_answered(body: bytes) -> Answered:
    """`POST /v1/answered`."""
    told = read(_answered, body)
    return Answered(told.edge, told.call_id, instant(told.at, "at"), told.route)


def read_ended(body: bytes) -> Ended:
    """`POST /v1/ended`."""
    told = read(_ended, body)
    at = instant(told.at, "at")
    answered_at = None if told.answered_at is None else instant(told.answered_at, "answered_at")
    if answered_at is not None and answered_at > at:
        raise MessageInvalid("answered_at", "it must not be after `at`")
    return Ended(
        edge=told.edge,
        call_id=told.call_id,
        at=at,
        answered_at=answered_at,
        duration_ms=told.duration_ms,
        sip=_code(told.sip, "sip"),
        q850=told.q850,
        released_by=told.released_by,
        attempts=tuple(
            Attempt(tried.route, _code(tried.sip, f"attempts[{place}].sip"), "", tried.pdd_ms, None)
            for place, tried in enumerate(told.attempts)
        ),
        pdd_ms=told.pdd_ms,
        ring_ms=told.ring_ms,
        route=told.route,
    )


def read_sync(body: bytes) -> Sync:
    """`POST /v1/sync`."""
    told = read(_sync, body)
    return Sync(told.edge, tuple(told.live))


def write_allowed(
    *,
    call: int,
    granted_s: int,
    record: bool,
    media: str,
    routes: Sequence[RouteChoice],
    local: str | None,
    identity: str = "",
) -> bytes:
    """The grant, with the routes in the order to try them. `identity` is the Identity header for carriers, if any."""
    return msgspec.json.encode(
        {
            "allow": True,
            "call": str(call),
            "max_s": granted_s,
            "record": record,
            "media": media,
            "local": local,
            "routes": [_route(route, identity) for route in routes],
        }
    )


def _route(route: RouteChoice, identity: str = "") -> dict[str, object]:
    headers = {"P-Asserted-Identity": f"<sip:{route.pai}@{sip_host(route.host)}>"} if route.pai else {}
    if identity:
        headers["Identity"] = identity
    return {
        "gateway": f"sip:{sip_host(route.host)}:{route.port};transport={route.transport}",
        "carrier": route.carrier,
        "cli": route.cli,
        "cld": route.cld,
        "headers": headers,
        "first_reply_s": route.first_reply_s,
        "pdd_s": route.pdd_s,
        "ring_s": route.ring_s,
        "codecs": None,
    }


def write_refused(refusal: Refusal, answers: Mapping[str, Answer] | None = None, *, asked: str = "allow") -> bytes:
    """The refusal with its SIP answer, in the operator's own words where there are any."""
    given = answer(refusal, answers)
    return msgspec.json.encode(
        {
            asked: False,
            "refusal": refusal.key.value,
            "sip": given.sip,
            "reason": given.reason,
            "q850": given.q850,
            "retry_after_s": given.retry_after_s,
        }
    )


def write_holder(
    *, customer: int, status: str, balance_micros: int, available_micros: int, currency: str, language: str
) -> bytes:
    """`POST /v1/pin`: who holds the PIN, and what a voice may tell."""
    return msgspec.json.encode(
        {
            "ok": True,
            "customer": customer,
            "status": status,
            "balance": format_micros(balance_micros),
            "available": format_micros(available_micros),
            "currency": currency,
            "language": language or None,
        }
    )


def write_simulated(
    *,
    customer: int | None,
    decision: Grant | Refusal,
    gates: Sequence[Gate],
    routes: Sequence[RouteChoice],
    dropped: Sequence[Dropped],
    answers: Mapping[str, Answer],
) -> bytes:
    """What would be decided, step by step, and for which customer: the one whom the call belongs to."""
    told: dict[str, object] = {
        "allow": isinstance(decision, Grant),
        "customer": customer,
        "max_s": decision.granted_s if isinstance(decision, Grant) else None,
        "gates": [gate._asdict() for gate in gates],
        "routes": [_route(route) for route in routes],
        "dropped": [drop._asdict() | {"values": dict(drop.values)} for drop in dropped],
    }
    if isinstance(decision, Refusal):
        given = answer(decision, answers)
        told |= {"refusal": decision.key.value, "sip": given.sip, "reason": given.reason, "q850": given.q850}
    return msgspec.json.encode(told)


def write_ended(*, cost_micros: int, currency: str | None, already: bool) -> bytes:
    """What the call cost."""
    cost = format_micros(cost_micros)
    return msgspec.json.encode({"cost": cost, "currency": currency, "already": already})


def write_calls(calls: Sequence[Mapping[str, object]]) -> bytes:
    """`GET /v1/calls`."""
    return msgspec.json.encode({"calls": calls})


def write_synced(*, gone: Sequence[str], unknown: Sequence[str], grants: Mapping[str, int]) -> bytes:
    """`POST /v1/sync`: calls we closed, calls the switch must end, and until which second the others may last."""
    return msgspec.json.encode({"settled": gone, "hangup": unknown, "grants": grants})


def write_problem(*, status: int, title: str, field: str | None, detail: str) -> bytes:
    """RFC 9457, with the field that is wrong."""
    errors = [] if field is None else [{"field": field, "code": "invalid", "message": detail}]
    return msgspec.json.encode({"title": title, "status": status, "detail": detail, "errors": errors})
