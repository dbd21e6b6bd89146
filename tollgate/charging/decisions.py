"""What each request does to the rows that its batch has locked: one function per kind, all in memory.

`Work` is a batch's desk top: purses and calls as locked, past calls as found, and what is to be written. The functions
hold the `if`s; the rules themselves are in `core`. A new kind of request gets its function here and its place in `_DO`.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import randbelow
from typing import Any, Final, cast

import asyncpg

from tollgate.charging import requests, rows
from tollgate.charging.requests import (
    Allowed,
    Closed,
    Extended,
    Key,
    Known,
    Outcome,
    Request,
    Unavailable,
    Unknown,
)
from tollgate.core.calls import (
    Grant,
    LiveCall,
    Plan,
    Settlement,
    apply_entries,
    apply_extension,
    apply_grant,
    apply_settlement,
    decide,
    extend,
    late_end,
    move_carrier,
    read_settled,
    settle,
)
from tollgate.core.calls_money import longest_s
from tollgate.core.calls_text import refused_line
from tollgate.core.ledger import Purse
from tollgate.core.refusals import Key as RefusalKey
from tollgate.core.refusals import Refusal
from tollgate.switches import Attempt, Ended

log = logging.getLogger(__name__)

TOLERANCE: Final = timedelta(seconds=5)
"""How far an edge's clock may run ahead of ours."""
UNHEARD: Final = "the grant came too late to be heard"
RETRY_AFTER_S: Final = 5
DECIDED_ANEW: Final = frozenset(
    key.value
    for key in (
        RefusalKey.ip_unknown,
        RefusalKey.digest_failed,
        RefusalKey.pin_unknown,
        RefusalKey.pin_locked,
        RefusalKey.access_number_unknown,
    )
)
"""Refusals that a caller may mend within the same call, by a password or another PIN: `charge` names the same."""
_PROCESS: Final = randbelow(4096)
_last_id = 0


class Again(Exception):
    """The request needs rows that were not locked: it comes again with the next batch."""


def new_id() -> int:
    """An id that no other call has: microseconds, and a number drawn by this process.

    Should two processes draw the same number, the primary key refuses the second call and its batch is tried again.
    """
    global _last_id  # noqa: PLW0603 - ids of one process never repeat
    _last_id = max(_last_id + 1, time.time_ns() // 1000)
    return _last_id << 12 | _PROCESS


@dataclass(slots=True)
class Work:
    """One batch: what is known of its calls and wallets, and what is to be written."""

    at: datetime
    purses: dict[int, Purse] = field(default_factory=dict)
    live: dict[Key, LiveCall] = field(default_factory=dict)
    past: dict[Key, list[asyncpg.Record]] = field(default_factory=lambda: defaultdict(list))
    """CDRs of a key, newest first."""
    corrections: Mapping[int, int] = field(default_factory=dict)
    """Call -> what its late end has already changed for its customer, in micros."""
    new_calls: dict[Key, LiveCall] = field(default_factory=dict)
    new_rows: list[rows.Row] = field(default_factory=list)
    changed_calls: dict[Key, LiveCall] = field(default_factory=dict)
    ended_calls: dict[Key, LiveCall] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    cdrs: list[rows.Row] = field(default_factory=list)
    entries: list[rows.Row] = field(default_factory=list)


def carry_out(request: Request, work: Work) -> Outcome:
    """Does what the request asks, in memory, and returns what to answer once it is durable."""
    return _DO[type(request)](request, work)


def live_of(request: Request, work: Work) -> LiveCall | None:
    """The live call that a request is about: of its key and of its dialog, where both name one."""
    call = work.live.get(request.key)
    return call if call is not None and _same_dialog(request.dialog, call.dialog) else None


def past_of(request: Request, work: Work) -> asyncpg.Record | None:
    """The newest CDR of the request's key and dialog; for an event one that was granted, if there is any.

    A question that comes again after its call has ended is refused, and that CDR is newer than the call's own.
    """
    asks = isinstance(request, requests.Authorize)
    found = [
        row
        for row in work.past.get(request.key, ())
        if not (asks and row["refusal"] in DECIDED_ANEW)
        and (not request.dialog or _same_dialog(request.dialog, json.loads(row["detail"] or "{}").get("dialog", "")))
    ]
    if not asks:
        found.sort(key=lambda row: row["refusal"] is not None)
    return found[0] if found else None


def _same_dialog(one: str, other: str) -> bool:
    return one == other or not one or not other


def _authorize(request: requests.Authorize, work: Work) -> Outcome:
    """A repeat gets the first answer. A grant is never given twice: not to another dialog beside a live call of the
    same id, which callers choose, and not after its call has ended."""
    call, past = live_of(request, work), past_of(request, work)
    if call is not None:
        if call.state == "authorized":
            _prove(call, work.at, work)
            work.changed_calls[request.key] = call
        return _first_grant(request, call)
    first = None if past is None else _first_answer(past)
    if first is not None:
        return first
    if past is not None or request.key in work.live:
        values = (("call_id", request.key[2]), ("live", request.key in work.live))
        taken = Refusal(RefusalKey.call_id_in_use, "call", values)
        return _refused(request, replace(taken, gates=(refused_line(taken),)), request.plan, work)
    plan = request.plan
    decision = decide(plan, work.purses, work.at)
    if isinstance(decision, Refusal):
        work.refused.append(request.key[2])
        return _refused(request, decision, plan, work)
    apply_grant(decision, work.purses, work.at)
    call = rows.new_call(new_id(), plan, decision, dialog=request.dialog, at=work.at)
    work.new_calls[request.key] = call
    work.new_rows.append(rows.new_row(call, decision.plan_json))
    return _allowed(request, call.id, decision)


def _refused(request: requests.Authorize, refusal: Refusal, plan: Plan, work: Work) -> Refusal:
    cdr = rows.refused_cdr(
        call_id=new_id(), account_id=request.key[0], plan=plan, refusal=refusal, dialog=request.dialog, at=work.at
    )
    work.cdrs.append(cdr)
    return refusal


def _allowed(request: requests.Authorize, call_id: int, grant: Grant) -> Allowed:
    routes = () if request.local is not None else grant.routes
    return Allowed(call_id, grant.granted_s, grant.record, grant.media, routes, request.local, fresh=True)


def _first_grant(request: requests.Authorize, call: LiveCall) -> Allowed | Unavailable:
    """The answer that a repeated question had the first time."""
    plan = request.plan
    if plan.did is not None:  # its destinations have no gateway of their own
        return _first_delivery(request, call)
    choices = {choice.gateway_id: choice for choice in plan.routes}
    granted = () if request.local is not None else call.plan.routes
    routes = tuple(choices[route.gateway_id] for route in granted if route.gateway_id in choices)
    return Allowed(call.id, call.granted_s, plan.record, plan.media, routes, request.local)


def _first_delivery(request: requests.Authorize, call: LiveCall) -> Allowed | Unavailable:
    """The same of a call to a DID. Where its destinations have been changed since, the first answer cannot be given
    again, and no other may be."""
    plan, known = request.plan, {route.gateway: route for route in request.plan.routes}
    granted = [route.gateway for route in call.plan.routes]
    if not all(name in known for name in granted):
        return Unavailable("changed", RETRY_AFTER_S)
    routes = () if request.local is not None else tuple([known[name] for name in granted])
    return Allowed(call.id, call.granted_s, plan.record, plan.media, routes, request.local)


def _first_answer(past: asyncpg.Record) -> Refusal | Unavailable | None:
    """What a repeated question was told the first time, when that gave nothing; None for a call that was granted."""
    detail = json.loads(past["detail"])
    if past["refusal"] is not None:
        values = tuple(detail.get("refusal_values", {}).items())
        return Refusal(RefusalKey(past["refusal"]), detail.get("scope", ""), values, detail.get("variant", ""))
    return Unavailable("overload", RETRY_AFTER_S) if detail.get("why") == UNHEARD else None


def _answer(request: requests.Answer, work: Work) -> Outcome:
    call, told = live_of(request, work), request.told
    if call is None:
        past = past_of(request, work)
        _tell_carried(past, talked=True)
        return Known(already=True, live=False) if past is not None else Unknown()
    if call.state == "answered":
        return Known(already=True)
    if told.route is not None and told.route != (call.route_index or 0) and told.route < len(call.plan.routes):
        move_carrier(call, work.purses, told.route, work.at)
    call.state = "answered"
    call.answered_at = min(max(told.at, call.authorized_at), work.at + TOLERANCE)
    call.granted_until = call.answered_at + timedelta(seconds=min(call.granted_s, longest_s(call)))
    _prove(call, call.answered_at, work)
    work.changed_calls[request.key] = call
    return Known()


def _prove(call: LiveCall, moment: datetime, work: Work) -> None:
    """What an event tells proves that the call lived at its moment, not when the event came: it may come late."""
    call.last_seen_at = max(call.last_seen_at, min(moment, work.at))


def _attempt(request: requests.Attempt, work: Work) -> Outcome:
    call, tried = live_of(request, work), request.told.attempt
    if call is None:
        return Known(already=True, live=False) if past_of(request, work) is not None else Unknown()
    attempts = json.loads(call.attempts)
    if tried.event_id is not None and any(found.get("id") == tried.event_id for found in attempts):
        return Known(already=True)
    call.attempts = json.dumps([*attempts, _attempt_json(tried, call)])
    following = tried.route + 1
    goes_on = tried.why in ("no_reply", "no_ringing") or tried.sip is None or 500 <= tried.sip <= 599
    if goes_on and call.state == "authorized" and (call.route_index or 0) < following < len(call.plan.routes):
        move_carrier(call, work.purses, following, work.at)
    _prove(call, tried.at or work.at, work)
    work.changed_calls[request.key] = call
    return Known()


def _attempt_json(tried: Attempt, call: LiveCall) -> dict[str, Any]:
    route = call.plan.routes[tried.route] if tried.route < len(call.plan.routes) else None
    return {
        "route": tried.route,
        "carrier": None if route is None else route.carrier,
        "gateway": None if route is None else route.gateway,
        "sip": tried.sip,
        "why": tried.why,
        "pdd_ms": tried.pdd_ms,
        "at": None if tried.at is None else tried.at.isoformat(),
        "id": tried.event_id,
    }


def _void(request: requests.Void, work: Work) -> Outcome:
    """Another process may have told the switch of the grant, when it asked again: then the call goes on."""
    call = live_of(request, work)
    if call is None:
        return Unknown()
    if call.state == "answered" or call.last_seen_at > call.authorized_at:
        return Known()
    return _settle(request.told, call, work, why=UNHEARD)


def _end(request: requests.End, work: Work) -> Outcome:
    call, told = live_of(request, work), request.told
    if call is None:
        past = past_of(request, work)
        return Unknown() if past is None else _end_again(request, past, work)
    if told.route is not None and told.route < len(call.plan.routes):
        call.route_index = told.route
    return _settle(told, call, work)


def _settle(told: Ended, call: LiveCall, work: Work, why: str = "") -> Outcome:
    settlement = settle(call, ended_at=told.at, answered_at=told.answered_at, duration_ms=told.duration_ms, at=work.at)
    if told.attempts and call.attempts == "[]":
        call.attempts = json.dumps([_attempt_json(tried, call) for tried in told.attempts])
    _close(call, settlement, work, rows.settled_cdr(call, settlement, told=told, why=why))
    overrun = any(cost.overrun_micros for cost in settlement.leg_costs)
    return Closed(settlement.leg_costs[0].cost_micros, call.currency, already=False, overrun=overrun)


def _close(call: LiveCall, settlement: Settlement, work: Work, cdr: rows.Row) -> None:
    key = (call.account_id, call.edge, call.edge_call_id)
    work.cdrs.append(cdr)
    work.ended_calls[key] = call
    work.changed_calls.pop(key, None)
    for entry in apply_settlement(call, settlement, work.purses):
        work.entries.append(rows.new_entry(call.account_id, work.at, entry))


def _end_again(request: requests.End, past: asyncpg.Record, work: Work) -> Outcome:
    """A call that has its CDR: nothing happens twice. One closed without its end is corrected, once."""
    cost, currency = past["cost_micros"], past["currency"]
    _tell_carried(past, talked=bool(request.told.duration_ms or request.told.answered_at))
    if past["state"] != "unresolved":
        return Closed(cost, currency, already=True)
    if past["id"] in work.corrections:
        return Closed(cost - work.corrections[past["id"]], currency, already=True)
    settled = read_settled(past["id"], past["detail"], request.told.route)
    answered_at, duration_ms = _talked(request.told, past)
    entries = () if answered_at is None else late_end(settled, answered_at=answered_at, duration_ms=duration_ms)
    wanted = frozenset(entry.wallet_id for entry in entries)
    if not wanted <= work.purses.keys():
        request.corrected = wanted
        raise Again
    apply_entries(entries, work.purses)
    for entry in entries:
        work.entries.append(rows.new_entry(past["account_id"], work.at, entry))
    customer = settled.legs[0].wallet_id
    changed = sum(entry.amount_micros for entry in entries if entry.wallet_id == customer)
    return Closed(cost - changed, currency, already=not entries)


def _tell_carried(past: asyncpg.Record | None, *, talked: bool) -> None:
    """A switch that carries what was refused gives calls away: monitoring looks for the word ALARM."""
    if talked and past is not None and past["state"] == "refused":
        log.critical("ALARM a call that was refused (%s) is carried by its switch: CDR %s", past["refusal"], past["id"])


def _talked(told: Ended, past: asyncpg.Record) -> tuple[datetime | None, int]:
    """When the call was answered and how long it lasted; a call never answered has neither."""
    answered_at: datetime | None = None if told.failed else told.answered_at or past["answered_at"]
    if answered_at is None and told.duration_ms:
        answered_at = told.at - timedelta(milliseconds=told.duration_ms)
    if answered_at is None:
        return past["answered_at"], 0
    if told.duration_ms is not None:
        return answered_at, told.duration_ms
    return answered_at, max(0, (told.at - answered_at) // timedelta(milliseconds=1))


def _extend(request: requests.Extend, work: Work) -> Outcome:
    """Another process may have been first: then there is nothing to do."""
    call = work.live.get(request.key)
    if call is None:
        return Unknown()
    if call.granted_until > request.before or call.answered_at is None:
        return Extended(call.id, call.granted_s, call.granted_until, more=False)
    extension = extend(call, work.purses, work.at, request.slice_s)
    if extension is None:
        return Extended(call.id, call.granted_s, call.granted_until, more=False)
    apply_extension(call, extension, work.purses)
    work.changed_calls[request.key] = call
    return Extended(call.id, call.granted_s, call.granted_until, more=True)


def _lose(request: requests.Lose, work: Work) -> Outcome:
    call = work.live.get(request.key)
    if call is None:
        return Unknown()
    if call.last_seen_at > request.quiet_since:
        return Known()
    proven_at = max(call.last_seen_at, call.answered_at or call.authorized_at)
    settlement = settle(
        call, ended_at=proven_at, answered_at=call.answered_at, duration_ms=None, at=work.at, unresolved=True
    )
    _close(call, settlement, work, rows.settled_cdr(call, settlement, told=None, why=request.why))
    return Closed(settlement.leg_costs[0].cost_micros, call.currency, already=False)


def _reject(request: requests.Reject, work: Work) -> Outcome:
    told = request.told
    values = (("user", told.user), ("ip", told.source_ip), *((("locked", True),) if told.locked else ()))
    refusal = Refusal(RefusalKey.digest_failed, "sip_user", values, "locked" if told.locked else "")
    gate = {"gate": "identity", "ok": False, "scope": "sip_user", "values": dict(values)}
    empty: dict[str, Any] = {"legs": [], "routes": [], "dropped": [], "attempts": []}
    detail = {"gates": [gate], "refusal_values": dict(values)}
    work.cdrs.append(
        rows.rejected_cdr(
            call_id=new_id(),
            account_id=request.key[0],
            told=told,
            customer_id=request.customer_id,
            refusal=refusal,
            detail=json.dumps(detail | empty).replace("\\u0000", ""),
        )
    )
    return Known()


_DO: Final = cast(
    "Mapping[type[Request], Callable[[Request, Work], Outcome]]",
    {
        requests.Authorize: _authorize,
        requests.Answer: _answer,
        requests.Attempt: _attempt,
        requests.End: _end,
        requests.Void: _void,
        requests.Extend: _extend,
        requests.Lose: _lose,
        requests.Reject: _reject,
    },
)
