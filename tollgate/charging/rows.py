"""Rows: how calls, CDRs, entries and wallets go into the tables and come back.

Each is a tuple in the order of its type in `store/sql/ledger_charge.sql`; a new column is one place in both.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import asyncpg

from tollgate.core.calls import (
    Grant,
    Leg,
    LiveCall,
    Plan,
    RouteChoice,
    Settlement,
    StoredPlan,
    StoredRoute,
    call_detail,
    refusal_detail,
)
from tollgate.core.ledger import Entry, Purse
from tollgate.core.packages import SECOND_MICROS
from tollgate.core.rates import price_per_minute_nanos
from tollgate.core.refusals import Refusal, answer, q850_of
from tollgate.switches import AuthFailed, Ended

NEW_CDR: Final = (
    "id", "account_id", "edge", "edge_call_id", "customer_id", "endpoint_id", "ingress_route_id", "carrier_id",
    "gateway_id", "state", "started_at", "answered_at", "ended_at", "cli", "cld", "number", "prefix",
    "destination", "duration_ms", "billed_s", "currency", "price_nanos", "cost_micros", "held_micros",
    "customer_card_id", "customer_revision_id", "carrier_billed_s", "carrier_currency", "carrier_price_nanos",
    "carrier_cost_micros", "carrier_card_id", "carrier_revision_id", "profit_micros", "refusal", "sip_sent",
    "sip_received", "q850", "released_by", "pdd_ms", "ring_ms", "source_ip", "detail",
)  # fmt: skip
"""The attributes of the type `new_cdr`, in order."""

NORMAL_CLEARING: Final = 16
"""The Q.850 cause of an answered call that was hung up without another."""

Row = tuple[Any, ...]


def read_call(row: asyncpg.Record, plan: StoredPlan) -> LiveCall:
    """A row of `call`, whose columns come in the order of `LiveCall`; the plan in its place."""
    held, legs_count = tuple(row[21]), len(plan.legs)
    wallets: tuple[Any, ...] = (tuple(row[19]), tuple(row[20]), held[:legs_count])
    call = LiveCall(*(*row[:19], *wallets, *row[22:25], plan, *row[25:]))
    call.minutes_s = tuple([micros // SECOND_MICROS for micros in held[legs_count:]])
    return call


def new_call(call_id: int, plan: Plan, grant: Grant, *, dialog: str, at: datetime) -> LiveCall:
    """The call of a grant, as it will be in the table."""
    invite, customer, endpoint = plan.invite, plan.customer, plan.endpoint
    assert customer is not None
    return LiveCall(
        call_id,
        customer.parents[-1].id,
        invite.edge,
        invite.call_id,
        customer.id,
        None if endpoint is None else endpoint.id,
        plan.ingress[0].id if plan.ingress else None,
        printable(invite.cli),
        printable(invite.cld),
        plan.number,
        plan.destination,
        "authorized",
        at,
        None,
        grant.granted_s,
        at + timedelta(seconds=grant.ring_s),
        grant.max_s,
        0,
        0,
        grant.carrier_wallet_ids,
        grant.meters,
        grant.holds,
        plan.legs[0].currency,
        at,
        None,
        grant.stored,
        "[]",
        dialog,
        minutes_s=grant.minutes_s,
    )


def new_row(call: LiveCall, plan_json: str) -> Row:
    """A call as `new_call`."""
    return (
        call.id,
        call.account_id,
        call.edge,
        call.edge_call_id,
        call.dialog,
        call.customer_id,
        call.endpoint_id,
        call.ingress_route_id,
        call.cli,
        call.cld,
        call.number,
        call.destination,
        call.authorized_at,
        call.granted_s,
        call.granted_until,
        call.max_s,
        array_text(call.carrier_wallet_ids),
        array_text(call.wallet_ids),
        array_text(_holds(call)),
        call.currency,
        plan_json,
    )


@lru_cache(maxsize=1 << 16)
def array_text(numbers: tuple[int, ...]) -> str:
    """An array as PostgreSQL reads it."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _holds(call: LiveCall) -> tuple[int, ...]:
    """What the wallets of the legs hold, then those of the bundles: the order in which `read_call` takes them apart."""
    if not call.minutes_s:
        return call.held_micros
    return call.held_micros + tuple([seconds * SECOND_MICROS for seconds in call.minutes_s])


def changed_call(call: LiveCall) -> Row:
    """A call as `changed_call`."""
    return (
        call.account_id,
        call.id,
        call.turn,
        call.state,
        call.answered_at,
        call.granted_s,
        call.granted_until,
        call.extended_count,
        call.route_index,
        array_text(call.carrier_wallet_ids),
        array_text(_holds(call)),
        call.last_seen_at,
        call.attempts,
    )


def settled_cdr(call: LiveCall, settlement: Settlement, *, told: Ended | None, why: str) -> Row:
    """A row in the order of `NEW_CDR`: a call that was granted, and is over. Without `told` it is unresolved."""
    leg: Leg = call.plan.legs[0]
    index = call.route_index or 0
    route: StoredRoute | RouteChoice | None = call.plan.routes[index] if index < len(call.plan.routes) else None
    carrier = settlement.carrier
    talked = settlement.answered_at is not None
    state = "unresolved" if told is None else "charged" if talked else "failed"
    sip = (200 if talked else None) if told is None or told.sip is None else told.sip
    cause = None if told is None else told.q850
    if cause is None and told is not None and sip is not None:
        cause = NORMAL_CLEARING if talked else q850_of(sip)
    return (
        call.id,
        call.account_id,
        call.edge,
        call.edge_call_id,
        call.customer_id,
        call.endpoint_id,
        call.ingress_route_id,
        (route.carrier_id or None) if route is not None else None,
        (route.gateway_id or None) if route is not None else None,
        state,
        call.authorized_at,
        settlement.answered_at,
        settlement.ended_at,
        call.cli,
        call.cld,
        call.number,
        leg.prefix,
        call.destination,
        settlement.used_ms,
        settlement.billed_s,
        call.currency,
        price_per_minute_nanos(leg.rate, call.authorized_at),
        settlement.leg_costs[0].cost_micros,
        call.held_micros[0],
        leg.card_id or None,
        leg.revision_id or None,
        None if carrier is None else carrier.billed_s,
        None if route is None else route.currency,
        None if route is None else price_per_minute_nanos(route.rate, call.authorized_at),
        None if carrier is None else carrier.cost_micros,
        (route.card_id or None) if route is not None else None,
        (route.revision_id or None) if route is not None else None,
        settlement.profit_micros,
        None,
        sip,
        sip if talked else _received(call.attempts, index, told) or sip,
        cause,
        "edge" if told is None else told.released_by,
        None if told is None else told.pdd_ms,
        None if told is None else told.ring_ms,
        _ip_of(call),
        with_notes(call_detail(call, settlement), why=why, dialog=call.dialog),
    )


def refused_cdr(*, call_id: int, account_id: int, plan: Plan, refusal: Refusal, dialog: str, at: datetime) -> Row:
    """A row in the order of `NEW_CDR`: a call that was not let through."""
    invite, leg = plan.invite, plan.legs[0] if plan.legs else None
    given = answer(refusal, plan.answers)
    own_words = given.reason if refusal.key in plan.answers else ""
    return (
        call_id,
        account_id,
        invite.edge,
        invite.call_id,
        None if plan.customer is None else plan.customer.id,
        None if plan.endpoint is None else plan.endpoint.id,
        plan.ingress[0].id if plan.ingress else None,
        None,
        None,
        "refused",
        at,
        None,
        at,
        printable(invite.cli),
        printable(invite.cld),
        plan.number,
        None if leg is None else leg.prefix,
        plan.destination,
        0,
        0,
        None if plan.customer is None else plan.customer.currency,
        None if leg is None else price_per_minute_nanos(leg.rate, at),
        0,
        0,
        None if leg is None else leg.card_id or None,
        None if leg is None else leg.revision_id or None,
        *(None,) * 7,
        refusal.key.value,
        given.sip,
        None,
        given.q850,
        "tollgate",
        None,
        None,
        address(invite.source_ip),
        with_notes(
            refusal_detail(plan, refusal),
            variant=refusal.variant,
            scope=refusal.scope,
            dialog=dialog,
            reason=own_words,
        ),
    )


def rejected_cdr(
    *, call_id: int, account_id: int, told: AuthFailed, customer_id: int | None, refusal: Refusal, detail: str
) -> Row:
    """A row in the order of `NEW_CDR`: a caller whose password was wrong at the edge."""
    given = answer(refusal)
    head = (call_id, account_id, told.edge, told.call_id, customer_id, None, None, None, None, "refused", told.at, None)
    numbers = (told.at, printable(told.cli), printable(told.cld), "", None, "", 0, 0, None, None, 0, 0, None, None)
    tail = (refusal.key.value, given.sip, None, given.q850, "tollgate", None, None, address(told.source_ip), detail)
    return (*head, *numbers, *(None,) * 7, *tail)


def new_entry(account_id: int, at: datetime, entry: Entry) -> Row:
    """An entry as `new_entry`."""
    return (account_id, at, *entry)


def changed_wallet(purse: Purse) -> Row:
    """A wallet as `changed_wallet`."""
    return (
        purse.id,
        purse.turn,
        purse.balance_micros,
        purse.held_micros,
        purse.channels,
        purse.cps_tokens_milli,
        purse.cps_at,
        purse.spent_micros,
        purse.spent_on,
        purse.first_used_at,
    )


def with_notes(detail: str, **notes: str) -> str:
    """A CDR's detail with a few more words, those that say something."""
    said = {name: text for name, text in notes.items() if text} if any(notes.values()) else None
    return detail[:-1] + "," + json.dumps(said)[1:] if said else detail


def printable(text: str) -> str:
    """What a stranger dialed, fit for a text column."""
    return text if text.isprintable() and len(text) <= 128 else "".join(c for c in text[:128] if c.isprintable())


@lru_cache(maxsize=10_000)
def address(text: str) -> IPv4Address | IPv6Address | None:
    """An address that the column `source_ip` takes, or nothing."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _received(attempts: str, index: int, told: Ended | None) -> int | None:
    """What the carrier of a call that was not answered has answered: the route that is named as its own."""
    if told is not None and told.attempts:  # a switch that tells the routes that failed before: its code is the newest
        return told.sip or told.attempts[-1].sip
    of_route = [tried["sip"] for tried in json.loads(attempts) if tried["route"] == index]
    return of_route[-1] if of_route else None


def _ip_of(call: LiveCall) -> IPv4Address | IPv6Address | None:
    """Where the call came from, from the first gate of its decision."""
    begin = call.plan.gates_json.find('"ip":"') + 6
    return address(call.plan.gates_json[begin : call.plan.gates_json.find('"', begin)])
