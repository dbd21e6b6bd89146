"""The demo's past: every attempt is planned, decided, held, extended and settled by the real rules, then written as the
charging service writes it, so that each CDR explains itself and the books balance.

`Past` plays the attempts in order of time; `write` stores what became of them. Money comes in by `_pay`: to give a
customer another habit of paying, change it there.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, NamedTuple

import psycopg
from django.db import connection

from tollgate.core.calls import (
    Grant,
    Invite,
    LiveCall,
    Plan,
    Settlement,
    apply_entries,
    apply_extension,
    apply_grant,
    apply_settlement,
    call_detail,
    decide,
    extend,
    move_carrier,
    plan,
    refusal_detail,
    settle,
)
from tollgate.core.ledger import Entry, Purse
from tollgate.core.rates import price_per_minute_nanos
from tollgate.core.refusals import Refusal, answer
from tollgate.core.snapshot import Snapshot
from tollgate.jobs.demo_traffic import Attempt
from tollgate.store.sql import load

EURO: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
EDGE: Final = "kam1"
PREPAID_MICROS: Final = 25 * EURO
DAYS_AHEAD: Final = 7


class Cdr(NamedTuple):
    """One row of `cdr`, its fields named like the columns."""

    id: int
    account_id: int
    edge: str
    edge_call_id: str
    customer_id: int | None
    endpoint_id: int | None
    ingress_route_id: int | None
    carrier_id: int | None
    gateway_id: int | None
    state: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    cli: str
    cld: str
    number: str
    prefix: str | None
    destination: str
    duration_ms: int = 0
    billed_s: int = 0
    currency: str | None = None
    price_nanos: int | None = None
    cost_micros: int = 0
    held_micros: int = 0
    customer_card_id: int | None = None
    customer_revision_id: int | None = None
    carrier_billed_s: int | None = None
    carrier_currency: str | None = None
    carrier_price_nanos: int | None = None
    carrier_cost_micros: int | None = None
    carrier_card_id: int | None = None
    carrier_revision_id: int | None = None
    profit_micros: int | None = None
    refusal: str | None = None
    sip_sent: int | None = None
    sip_received: int | None = None
    q850: int | None = None
    released_by: str | None = None
    pdd_ms: int | None = None
    ring_ms: int | None = None
    source_ip: str | None = None
    detail: str = "{}"


class Ending(NamedTuple):
    """A live call and when it will be over; `serial` keeps the order of equals."""

    at: datetime
    serial: int
    call: LiveCall
    attempt: Attempt


@dataclass(slots=True)
class Past:
    """What happened so far."""

    snapshot: Snapshot
    purses: dict[int, Purse]
    cdrs: list[Cdr] = field(default_factory=list)
    entries: list[tuple[datetime, Entry]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    serials: Iterable[int] = field(default_factory=lambda: count(1))
    paid_on: datetime | None = None

    def play(self, attempts: Sequence[Attempt], until: datetime) -> None:
        """Everything in order of time: payments, ends, new calls."""
        self._pay(attempts[0].at if attempts else until, opening=True)
        for attempt in attempts:
            self._end_until(attempt.at)
            if self.paid_on is None or attempt.at.date() != self.paid_on.date():
                self._pay(attempt.at)
            self._start(attempt)
        self._end_until(until)
        self._pay(until)

    def _start(self, attempt: Attempt) -> None:
        serial = next(iter(self.serials))
        call_id = (attempt.at - EPOCH) // MICROSECOND << 12 | serial % 4096
        invite = Invite(
            edge=EDGE,
            call_id=f"{call_id:x}@{attempt.source_ip}",
            source_ip=attempt.source_ip,
            user=attempt.user,
            cli=attempt.cli,
            cld=attempt.cld,
        )
        planned = plan(invite, self.snapshot, attempt.at)
        decision = decide(planned, self.purses, attempt.at)
        if isinstance(decision, Refusal):
            self.cdrs.append(_refused(call_id, self.snapshot.account.id, planned, decision, attempt.at))
            return
        apply_grant(decision, self.purses, attempt.at)
        call = _live(call_id, planned, decision, attempt.at)
        self._fail_over(call, attempt)
        lasts_ms = attempt.pdd_ms + attempt.ring_ms + attempt.talk_ms
        over_at = attempt.at + timedelta(milliseconds=lasts_ms)
        heapq.heappush(self.endings, Ending(over_at, serial, call, attempt))

    def _fail_over(self, call: LiveCall, attempt: Attempt) -> None:
        """The carrier tried first may not take the call; the next one does."""
        if not attempt.first_fails or len(call.plan.routes) < 2:
            return
        first = call.plan.routes[0]
        move_carrier(call, self.purses, 1, attempt.at)
        at = attempt.at + timedelta(milliseconds=attempt.pdd_ms // 2)
        tried = {
            "route": 0,
            "carrier": first.carrier,
            "gateway": first.gateway,
            "sip": 503,
            "why": "rejected",
            "pdd_ms": attempt.pdd_ms // 2,
            "at": at.isoformat(),
            "id": None,
        }
        call.attempts = json.dumps([tried])

    def _end_until(self, at: datetime) -> None:
        while self.endings and self.endings[0].at <= at:
            self._end(heapq.heappop(self.endings))

    def _end(self, ending: Ending) -> None:
        """Extends an answered call as far as its talk goes, or its money; settles it."""
        call, attempt = ending.call, ending.attempt
        answered_at, talk_ms, released_by = None, None, attempt.released_by
        if attempt.sip == 200:
            answered_at = attempt.at + timedelta(milliseconds=attempt.pdd_ms + attempt.ring_ms)
            call.state, call.answered_at = "answered", answered_at
            talk_ms = self._talk_ms(call, attempt.talk_ms)
            released_by = attempt.released_by if talk_ms == attempt.talk_ms else "tollgate"
        ended_at = (
            ending.at if talk_ms is None or answered_at is None else answered_at + timedelta(milliseconds=talk_ms)
        )
        settlement = settle(call, ended_at=ended_at, answered_at=answered_at, duration_ms=talk_ms, at=ending.at)
        self.entries += [(ended_at, entry) for entry in apply_settlement(call, settlement, self.purses)]
        self.cdrs.append(_settled(call, settlement, attempt)._replace(released_by=released_by))

    def _talk_ms(self, call: LiveCall, wanted_ms: int) -> int:
        """How long the call really talks: what is granted in the end, when that is less."""
        while call.granted_s * 1000 < wanted_ms:
            assert call.answered_at is not None
            extension = extend(call, self.purses, call.answered_at, self.snapshot.slice_s)
            if extension is None:
                return call.granted_s * 1000
            apply_extension(call, extension, self.purses)
        return wanted_ms

    def _pay(self, at: datetime, *, opening: bool = False) -> None:
        """Acme fills up to its usual balance every night, the others pay what they owe on Mondays."""
        self.paid_on = at
        for customer in self.snapshot.customers.values():
            purse = self.purses[customer.wallet_id]
            if customer.name == "Acme":
                amount, note = PREPAID_MICROS - purse.balance_micros, "automatic top-up"
            elif at.isoweekday() == 1 and not opening:
                amount, note = -purse.balance_micros, "bank transfer"
            else:
                continue
            if amount > 0:
                entry = Entry(purse.id, "payments", "topup", amount, customer.currency, None, note)
                apply_entries([entry], self.purses)
                self.entries.append((at, entry))


def write(past: Past, at: datetime) -> None:
    """Stores CDRs, entries and wallets in the caller's transaction. Every call is over, so nothing is held."""
    ahead = {at.date() + timedelta(days) for days in range(DAYS_AHEAD + 1)}
    account_id = past.snapshot.account.id
    entries = [(account_id, moment, *entry) for moment, entry in past.entries]
    wallets = [
        (purse.id, purse.balance_micros, purse.spent_micros, purse.spent_on, purse.first_used_at)
        for purse in past.purses.values()
        if purse.dirty
    ]
    postings = load("ledger_postings")
    connection.ensure_connection()
    with psycopg.RawCursor(connection.connection) as cursor:
        for day in sorted(ahead | {cdr.started_at.date() for cdr in past.cdrs}):
            cursor.execute("SELECT cdr_make_partition($1::date)", [day])
        with cursor.copy(f"COPY cdr ({', '.join(Cdr._fields)}) FROM STDIN") as copy:
            for cdr in past.cdrs:
                copy.write_row(cdr)
        rows_of: dict[str, Sequence[Sequence[object]]] = {"load_entries": entries, "load_wallets": wallets}
        for statement, rows in rows_of.items():
            cursor.execute(postings[statement].encode(), [list(column) for column in zip(*rows, strict=True)])


def _live(call_id: int, planned: Plan, grant: Grant, at: datetime) -> LiveCall:
    assert planned.customer is not None
    assert planned.endpoint is not None
    return LiveCall(
        id=call_id,
        account_id=planned.payers[-1].id,
        edge=EDGE,
        edge_call_id=planned.invite.call_id,
        customer_id=planned.customer.id,
        endpoint_id=planned.endpoint.id,
        ingress_route_id=planned.ingress[0].id,
        cli=planned.invite.cli,
        cld=planned.invite.cld,
        number=planned.number,
        destination=planned.destination,
        state="authorized",
        authorized_at=at,
        answered_at=None,
        granted_s=grant.granted_s,
        granted_until=at + timedelta(seconds=grant.ring_s),
        max_s=grant.max_s,
        extended_count=0,
        route_index=0,
        carrier_wallet_ids=grant.carrier_wallet_ids,
        wallet_ids=grant.meters,
        held_micros=grant.holds,
        currency=planned.legs[0].currency,
        last_seen_at=at,
        hangup_at=None,
        plan=grant.stored,
    )


def _settled(call: LiveCall, settlement: Settlement, attempt: Attempt) -> Cdr:
    """The record of a call that was let through."""
    leg, route, carrier = call.plan.legs[0], call.plan.routes[call.route_index or 0], settlement.carrier
    return Cdr(
        id=call.id,
        account_id=call.account_id,
        edge=EDGE,
        edge_call_id=call.edge_call_id,
        customer_id=call.customer_id,
        endpoint_id=call.endpoint_id,
        ingress_route_id=call.ingress_route_id,
        carrier_id=route.carrier_id,
        gateway_id=route.gateway_id,
        state="failed" if settlement.answered_at is None else "charged",
        started_at=attempt.at,
        answered_at=settlement.answered_at,
        ended_at=settlement.ended_at,
        cli=call.cli,
        cld=call.cld,
        number=call.number,
        prefix=leg.prefix,
        destination=call.destination,
        duration_ms=settlement.used_ms,
        billed_s=settlement.billed_s,
        currency=call.currency,
        price_nanos=price_per_minute_nanos(leg.rate, attempt.at),
        cost_micros=settlement.leg_costs[0].cost_micros,
        held_micros=call.held_micros[0],
        customer_card_id=leg.card_id,
        customer_revision_id=leg.revision_id,
        carrier_billed_s=None if carrier is None else carrier.billed_s,
        carrier_currency=route.currency,
        carrier_price_nanos=price_per_minute_nanos(route.rate, attempt.at),
        carrier_cost_micros=None if carrier is None else carrier.cost_micros,
        carrier_card_id=route.card_id,
        carrier_revision_id=route.revision_id,
        profit_micros=settlement.profit_micros,
        sip_sent=attempt.sip,
        sip_received=attempt.sip,
        q850=attempt.q850,
        pdd_ms=attempt.pdd_ms,
        ring_ms=attempt.ring_ms,
        source_ip=attempt.source_ip,
        detail=call_detail(call, settlement),
    )


def _refused(call_id: int, account_id: int, planned: Plan, refusal: Refusal, at: datetime) -> Cdr:
    leg = planned.legs[0] if planned.legs else None
    given = answer(refusal)
    said = {name: word for name, word in (("variant", refusal.variant), ("scope", refusal.scope)) if word}
    return Cdr(
        id=call_id,
        account_id=account_id,
        edge=EDGE,
        edge_call_id=planned.invite.call_id,
        customer_id=None if planned.customer is None else planned.customer.id,
        endpoint_id=None if planned.endpoint is None else planned.endpoint.id,
        ingress_route_id=planned.ingress[0].id if planned.ingress else None,
        carrier_id=None,
        gateway_id=None,
        state="refused",
        started_at=at,
        answered_at=None,
        ended_at=at,
        cli=planned.invite.cli,
        cld=planned.invite.cld,
        number=planned.number,
        prefix=None if leg is None else leg.prefix,
        destination=planned.destination,
        currency=None if planned.customer is None else planned.customer.currency,
        price_nanos=None if leg is None else price_per_minute_nanos(leg.rate, at),
        customer_card_id=None if leg is None else leg.card_id,
        customer_revision_id=None if leg is None else leg.revision_id,
        refusal=refusal.key.value,
        sip_sent=given.sip,
        q850=given.q850,
        released_by="tollgate",
        source_ip=planned.invite.source_ip,
        detail=refusal_detail(planned, refusal)[:-1] + "," + json.dumps(said)[1:],
    )
