"""The doors of the charging service: one function per address, from the bytes of a body to the bytes of an answer.

Bodies are read and written in `switches`; `server` carries them. To add a door: a function here and its
line in `DOORS`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from tollgate.charging import metrics, requests
from tollgate.charging.database import AWAY
from tollgate.charging.listener import JSON, PROBLEM, Answer
from tollgate.charging.reconcile import Shown, compare, live_calls, live_counts, request_hangup
from tollgate.charging.requests import Allowed, Closed, Known, Unavailable, Unknown
from tollgate.charging.service import EVENT_DEADLINE_MS, Service, challenged, knows
from tollgate.charging.simulate import dry_run
from tollgate.core.calls import Plan
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Network, Snapshot
from tollgate.switches import Answered, Attempted, AuthFailed, AuthLocked, Ended, MessageInvalid, kamailio, plain

log = logging.getLogger(__name__)

_UNAVAILABLE: Final = {
    "overload": Refusal(Key.charging_unavailable, variant="overload"),
}
_AWAY: Final = Refusal(Key.charging_unavailable)


class Asked(NamedTuple):
    """One HTTP request."""

    path: str
    query: bytes
    body: bytes


Door = Callable[[Service, Asked], Awaitable[Answer]]


def unavailable(outcome: Unavailable) -> Answer:
    """No decision: 503 with the time after which another try makes sense."""
    text = "the service is overloaded" if outcome.why == "overload" else "the database cannot be reached"
    body = plain.write_problem(status=503, title="Charging unavailable", field=None, detail=text)
    return Answer(503, body, PROBLEM, outcome.retry_after_s)


def invalid(problem: MessageInvalid, status: int = 400) -> Answer:
    """A message that cannot be obeyed, with the field that is wrong."""
    body = plain.write_problem(
        status=status, title="Invalid message", field=problem.field, detail=f"{problem.field}: {problem.problem}"
    )
    return Answer(status, body, PROBLEM)


async def authorize(service: Service, asked: Asked) -> Answer:
    """`POST /v1/authorize`."""
    began_s = time.monotonic()
    invite, deadline_ms = plain.read_authorize(asked.body)
    shed = service.sheds(deadline_ms)
    if shed is not None:
        return unavailable(shed)
    snapshot = await service.snapshot_for_calls(invite.edge, "plain")
    if invite.presented is not None:
        known = await service.identified(invite, snapshot, began_s + deadline_ms / 1000, trusted=True)
        if isinstance(known, Unavailable):
            return unavailable(known)
        invite, deadline_ms = known, _left_ms(began_s, deadline_ms)
    planned = service.planned(invite, snapshot)
    outcome = await service.authorize(planned, snapshot, deadline_ms)
    match outcome:
        case Allowed():
            body = plain.write_allowed(
                call=outcome.call_id,
                granted_s=outcome.granted_s,
                record=outcome.record,
                media=outcome.media,
                routes=outcome.routes,
                local=outcome.local,
                identity=_identity(planned),
            )
            return Answer(200, body)
        case Refusal():
            return Answer(200, plain.write_refused(outcome, planned.answers))
        case Unavailable():
            return unavailable(outcome)
        case _:
            raise AssertionError(outcome)


async def pin(service: Service, asked: Asked) -> Answer:
    """`POST /v1/pin`: whether a PIN is right, and what a voice may tell its holder before there is a call."""
    question = plain.read_pin(asked.body)
    snapshot = await service.snapshot_for_calls(question.edge, "plain")
    at = datetime.now(UTC)
    key = (snapshot.account.id, question.edge, "")
    holder = await service.pins.holder(question.presented, question.caller, key, at)
    customer = snapshot.customers.get(holder.customer_id or 0)
    if customer is None:
        refusal = holder.refusal or Refusal(Key.pin_unknown, "pin")
        return Answer(200, plain.write_refused(refusal, snapshot.answers, asked="ok"))
    money = await service.pins.money(customer.id)
    return Answer(200, plain.write_holder(customer=customer.id, status=customer.status_at(at), **money._asdict()))


async def answered(service: Service, asked: Asked) -> Answer:
    """`POST /v1/answered`."""
    told = plain.read_answered(asked.body)
    outcome = await service.tell(requests.Answer, await _key(service, told), told)
    return _told(outcome, Answer(200, b'{"ok":true}'))


async def ended(service: Service, asked: Asked) -> Answer:
    """`POST /v1/ended`."""
    told = plain.read_ended(asked.body)
    outcome = await service.tell(requests.End, await _key(service, told), told)
    if isinstance(outcome, Closed):
        body = plain.write_ended(cost_micros=outcome.cost_micros, currency=outcome.currency, already=outcome.already)
        return Answer(200, body)
    return _told(outcome, Answer(200, b"{}"))


async def calls(service: Service, asked: Asked) -> Answer:
    """`GET /v1/calls?edge=`."""
    edge = parse_qs(asked.query.decode("latin-1")).get("edge", [""])[0]
    if not edge:
        raise MessageInvalid("edge", "the query must name it: /v1/calls?edge=...")
    snapshot = await service.snapshot_of(edge, "plain")
    return Answer(200, plain.write_calls(await live_calls(service, snapshot.account.id, edge)))


async def hangup(service: Service, asked: Asked) -> Answer:
    """`POST /v1/calls/{call}/hangup`."""
    text = asked.path.split("/")[3]
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) >= 2**63:
        raise MessageInvalid("call", f"{text!r} is not the id of a call")
    if not await request_hangup(service, int(text)):
        return invalid(MessageInvalid("call", f"{text} is not live"), 404)
    return Answer(202, b'{"ok":true}')


async def sync(service: Service, asked: Asked) -> Answer:
    """`POST /v1/sync`."""
    told = plain.read_sync(asked.body)
    snapshot = await service.snapshot_of(told.edge, "plain")
    shown = [Shown(call_id, "", None, answered=True) for call_id in told.live]
    found = await compare(service, snapshot, told.edge, shown)
    unknown = [call_id for call_id, _ in found.hangup]
    return Answer(200, plain.write_synced(gone=found.settled, unknown=unknown, grants=found.grants))


async def simulate(service: Service, asked: Asked) -> Answer:
    """`POST /v1/simulate`: the decision on a call as it would be now, or at a moment; nothing is held or written."""
    question = plain.read_simulate(asked.body)
    snapshot = await service.snapshot_for_calls(question.invite.edge, "plain")
    return Answer(200, await dry_run(service, snapshot, question))


async def ha1(service: Service, asked: Asked) -> Answer:
    """`GET /v1/ha1?user=&realm=`: the digest secret and the networks of a SIP user, wherever it belongs."""
    query = parse_qs(asked.query.decode("latin-1"))
    user = query.get("user", [""])[0]
    if not user:
        raise MessageInvalid("user", "the query must name it: /v1/ha1?user=...&realm=...")
    secret, networks, failure_count = _secret(service, "", user, query.get("realm", [""])[0])
    return Answer(200, kamailio.write_ha1(secret, networks, failure_count=failure_count))


async def kamailio_authorize(service: Service, asked: Asked) -> Answer:
    """`POST /v1/kamailio/authorize`."""
    began_s, deadline_ms = time.monotonic(), kamailio.DEADLINE_MS
    question = kamailio.read_authorize(asked.body)
    snapshot = await service.snapshot_for_calls(question.invite.edge, "kamailio")
    shed = service.sheds(kamailio.DEADLINE_MS)
    if shed is not None:
        return _kamailio_refused(_UNAVAILABLE.get(shed.why, _AWAY), question, snapshot)
    invite = question.invite
    if invite.presented is not None:
        until_s = began_s + deadline_ms / 1000
        known = await service.identified(invite, snapshot, until_s, trusted=False, dialog=question.dialog)
        if isinstance(known, Unavailable):
            return _kamailio_refused(_UNAVAILABLE.get(known.why, _AWAY), question, snapshot)
        invite, deadline_ms = known, _left_ms(began_s, deadline_ms)
    planned = service.planned(invite, snapshot)
    if question.circuit:
        planned = service.tested(planned, question.circuit)
    if challenged(planned, snapshot):
        return Answer(200, kamailio.CHALLENGE)
    outcome = await service.authorize(planned, snapshot, deadline_ms, dialog=question.dialog)
    match outcome:
        case Allowed():
            body = kamailio.write_allowed(
                question,
                call=outcome.call_id,
                granted_s=outcome.granted_s,
                record=outcome.record,
                media=outcome.media,
                routes=outcome.routes,
                handling=planned.handling,
                identity=_identity(planned),
            )
            return Answer(200, body)
        case Refusal():
            return _kamailio_refused(outcome, question, snapshot)
        case Unavailable():
            return _kamailio_refused(_UNAVAILABLE.get(outcome.why, _AWAY), question, snapshot)
        case _:
            raise AssertionError(outcome)


def _kamailio_refused(refusal: Refusal, question: kamailio.Asked, snapshot: Snapshot) -> Answer:
    return Answer(
        200, kamailio.write_refused(refusal, snapshot.answers, is_endpoint=knows(snapshot, question.invite.source_ip))
    )


async def kamailio_ha1(service: Service, asked: Asked) -> Answer:
    """`POST /v1/kamailio/ha1`."""
    question = kamailio.read_ha1(asked.body)
    secret, networks, failure_count = _secret(service, question.edge, question.user, question.realm)
    return Answer(200, kamailio.write_ha1(secret, networks, failure_count=failure_count))


async def kamailio_event(service: Service, asked: Asked) -> Answer:
    """`POST /v1/kamailio/event`: 200 done, 5xx come again, 4xx never again."""
    outcome = await _event(service, kamailio.read_event(asked.body))
    return unavailable(outcome) if isinstance(outcome, Unavailable) else Answer(200, kamailio.DONE)


async def kamailio_events(service: Service, asked: Asked) -> Answer:
    """`POST /v1/kamailio/events`: 200 when all are done. Otherwise some may be: the edge tells each again by itself."""
    told = kamailio.read_events(asked.body)
    outcomes = await asyncio.gather(*[_event(service, message) for message in told])
    missed = next((outcome for outcome in outcomes if isinstance(outcome, Unavailable)), None)
    return Answer(200, kamailio.DONE) if missed is None else unavailable(missed)


async def _event(service: Service, told: kamailio.Message) -> requests.Outcome:
    if isinstance(told, AuthLocked):
        service.metrics.auth_locks += 1
        log.warning("edge %s: too many wrong passwords of %r from %s", told.edge, told.user, told.source_ip)
        return Known()
    key = await _key(service, told, "kamailio")
    match told:
        case Answered():
            return await service.tell(requests.Answer, key, told)
        case Attempted():
            return await service.tell(requests.Attempt, key, told)
        case Ended():
            return await service.tell(requests.End, key, told)
        case AuthFailed():
            request = service.request(requests.Reject, key, EVENT_DEADLINE_MS)
            request.told = told
            endpoint = (await service.snapshot_of(told.edge, "kamailio")).users.get(told.user.lower())
            request.customer_id = None if endpoint is None else endpoint.customer_id
            return await service.ask(request)


async def healthz(service: Service, _asked: Asked) -> Answer:
    """`GET /healthz`: 503 while the database is away, and while records that changed cannot be read."""
    trouble = service.snapshots.trouble
    if service.desk.is_up and not trouble:
        return Answer(200, b'{"ok":true}')
    why = f"the records cannot be read: {trouble}" if service.desk.is_up else "the database cannot be reached"
    return Answer(503, b'{"ok":false,"why":"%b"}' % why.encode(), JSON, 5)


async def figures(service: Service, _asked: Asked) -> Answer:
    """`GET /metrics`."""
    try:
        live = await live_counts(service)
    except AWAY:
        live = {}
    return Answer(200, service.metrics.text(live), metrics.CONTENT_TYPE)


def _identity(planned: Plan) -> str:
    """The Identity header that a granted call leaves with: signed only now. Empty where it leaves without."""
    attestation = planned.attestation
    return "" if attestation is None else attestation.header(datetime.now(UTC))


def _left_ms(began_s: float, deadline_ms: int) -> int:
    """What is left of a deadline since it began."""
    return max(0, deadline_ms - round((time.monotonic() - began_s) * 1000))


async def _key(service: Service, told: Answered | Attempted | Ended | AuthFailed, kind: str = "plain") -> requests.Key:
    snapshot = await service.snapshot_of(told.edge, kind)
    return snapshot.account.id, told.edge, told.call_id


def _told(outcome: requests.Outcome, done: Answer) -> Answer:
    if isinstance(outcome, Unavailable):
        return unavailable(outcome)
    if isinstance(outcome, Unknown):
        return invalid(MessageInvalid("call_id", "no such call was ever authorized here"), 404)
    return done


def _secret(service: Service, edge: str, user: str, realm: str) -> tuple[str, tuple[Network, ...], int]:
    """The HA1 and the networks of a user in a realm, within the account of the edge when that is known.

    And how many wrong passwords it may give, which holds for who is no user as well.
    """
    found = service.snapshots.by_edge.get(edge)
    for snapshot in [found] if found is not None else service.snapshots.by_account.values():
        own_realm, secret = snapshot.ha1.get(user.lower(), ("", ""))
        if secret and own_realm == (realm or own_realm):
            return secret, snapshot.users[user.lower()].allowed, snapshot.auth_failure_count
    return "", (), 0 if found is None else found.auth_failure_count


DOORS: Final[Mapping[tuple[str, str], Door]] = {
    ("POST", "/v1/authorize"): authorize,
    ("POST", "/v1/pin"): pin,
    ("POST", "/v1/answered"): answered,
    ("POST", "/v1/ended"): ended,
    ("POST", "/v1/sync"): sync,
    ("POST", "/v1/simulate"): simulate,
    ("GET", "/v1/calls"): calls,
    ("GET", "/v1/ha1"): ha1,
    ("POST", "/v1/kamailio/authorize"): kamailio_authorize,
    ("POST", "/v1/kamailio/ha1"): kamailio_ha1,
    ("POST", "/v1/kamailio/event"): kamailio_event,
    ("POST", "/v1/kamailio/events"): kamailio_events,
    ("GET", "/healthz"): healthz,
    ("GET", "/metrics"): figures,
}
OPEN: Final = frozenset({"/healthz", "/metrics"})
"""Doors that need no secret: they tell nothing about customers."""
