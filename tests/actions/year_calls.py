"""The calls of a year, placed at the charging desk as a switch places them, each at its own moment of a moving clock.

    with switch(url, clock, account) as carried:
        carried.addresses["Acme"] = carried.roads.line(customer, tariffs, below=False)      an address, a card, a route
        carried.will_call([("Acme", at, 61_500, "Place 1"), ...])                           calls that are to come
        carried.until(moment)               what happens before it: calls are asked for, answered, renewed, cut, ended

Nothing is held, cut or charged here: the service of the charging process does that, in this process, on connections of
its own. What a switch does is short: it asks, tells the answer, has a grant renewed as the timers do, and hangs up when
the caller does or the grant is over.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import psycopg
import pytest

from tests.actions.year_books import PLACES, Tariff
from tests.moving_clock import Clock
from tests.world import World
from tollgate.charging import desk, requests, service, snapshot
from tollgate.charging.requests import Allowed, Closed, Extended, Known
from tollgate.charging.service import Service
from tollgate.charging.timers import LEAD
from tollgate.core.calls import Invite
from tollgate.core.refusals import Refusal
from tollgate.core.snapshot import OBEYED
from tollgate.store.models import Account, Customer
from tollgate.switches import Answered, Ended

EDGE = "sw1"
RINGS = timedelta(seconds=4)
PATIENCE_MS = 60_000
"""How long the desk may take: no claim here is about time."""
MILLISECOND = timedelta(milliseconds=1)
CHANGED = "SELECT coalesce(max(id), 0) FROM audit WHERE table_name = ANY(%s) AND verb IN ('INSERT', 'UPDATE', 'DELETE')"


@dataclass(slots=True)
class Call:
    """A call of a customer: when it is asked for, what its caller would talk, and what became of it."""

    caller: str
    at: datetime
    wanted_ms: int
    place: str
    call_id: str
    answered_at: datetime | None = None
    until_at: datetime | None = None
    """When its grant is over, as far as it is known."""
    talked_ms: int = 0
    refusal: str = ""
    cut: bool = False
    cost_micros: int = 0

    @property
    def hangs_up_at(self) -> datetime:
        """When its caller would hang up."""
        assert self.answered_at is not None
        return self.answered_at + self.wanted_ms * MILLISECOND


class Roads(World):
    """Lines and prices in the tables of an account that is there already."""

    def __init__(self, url: str, account: Account) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.account = account.pk
        carrier = self.carrier("Cirrus", ["203.0.113.5"])
        self.bought = self.card("Cirrus", [rate(place, Tariff(30_000_000)) for place in PLACES], carrier_id=carrier)
        self._lines = count(1)

    def line(self, customer: Customer, tariffs: Mapping[str, Tariff], *, below: bool) -> str:
        """An address from which the customer calls at these prices; whoever is `below` has its reseller's carriers."""
        address = f"198.51.100.{next(self._lines)}"
        rates = [rate(place, tariff) for place, tariff in tariffs.items()]
        card = self.card(customer.name, rates, currency=customer.currency)
        self.ip_endpoint(customer.pk, address)
        self.route(customer.pk, card, [] if below else [self.bought])
        return address


def rate(place: str, tariff: Tariff) -> dict[str, object]:
    """A tariff as a row of a card."""
    times = {"initial_s": tariff.initial_s, "increment_s": tariff.increment_s}
    return {"prefix": PLACES[place], "destination": place, "price_nanos": tariff.price_nanos, **times}


@dataclass
class Switch:
    """The switch, the service that it asks, and what is to happen when."""

    clock: Clock
    service: Service
    roads: Roads
    loop: asyncio.Runner
    addresses: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    """Those that are over, or were refused."""
    agenda: list[tuple[datetime, int, Call]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def will_call(self, calls: Iterable[tuple[str, datetime, int, str]]) -> None:
        """Calls that are to come: whose, when, for how many milliseconds, where to."""
        for caller, at, wanted_ms, place in calls:
            number = next(self._numbers)
            self._put(at, Call(caller, at, wanted_ms, place, f"{caller}-{number}"))

    def until(self, moment: datetime) -> None:
        """All that happens before a moment, at the time that it happens."""
        self.loop.run(self._work(moment))

    async def _work(self, moment: datetime) -> None:
        await self._obeyed()
        while self.agenda and self.agenda[0][0] < moment:
            now = self.agenda[0][0]
            self.clock.at(now)
            due = []
            while self.agenda and self.agenda[0][0] == now:
                due.append(heapq.heappop(self.agenda)[2])
            await asyncio.gather(*map(self._step, due))

    async def _obeyed(self) -> None:
        """Waits until calls obey every change so far."""
        ((change,),), told = self.roads.rows(CHANGED, list(OBEYED)), "SELECT max(change_id) FROM charging_process"
        async with asyncio.timeout(60):
            while (self.roads.rows(told)[0][0] or 0) < change:  # noqa: ASYNC110  # another task obeys
                await asyncio.sleep(0.01)

    def _put(self, at: datetime, call: Call) -> None:
        heapq.heappush(self.agenda, (at, next(self._numbers), call))

    async def _step(self, call: Call) -> None:
        """What is next for a call."""
        now = self.clock.moment
        if now == call.at:
            await self._ask(call)
        elif call.answered_at is None:
            await self._answer(call)
        elif now >= min(call.hangs_up_at, call.until_at or now):
            await self._end(call)
        else:
            await self._renew(call)

    async def _ask(self, call: Call) -> None:
        known = await self.service.snapshot_for_calls(EDGE, "plain")
        number = f"{PLACES[call.place]}55501{next(self._numbers):06d}"
        invite = Invite(EDGE, call.call_id, self.addresses[call.caller], cli="442071838750", cld=number)
        outcome = await self.service.authorize(self.service.planned(invite, known), known, PATIENCE_MS)
        if isinstance(outcome, Refusal):
            call.refusal = outcome.key.value
            self.calls.append(call)
            return
        assert isinstance(outcome, Allowed), outcome
        call.until_at = call.at + timedelta(seconds=outcome.granted_s)
        self._put(call.at + RINGS, call)

    async def _answer(self, call: Call) -> None:
        now, granted = self.clock.moment, (call.until_at or call.at) - call.at
        told = Answered(EDGE, call.call_id, now, 0)
        outcome = await self.service.tell(requests.Answer, self._key(call), told)
        assert outcome == Known(), outcome
        call.answered_at, call.until_at = now, now + granted
        self._go_on(call)

    def _go_on(self, call: Call) -> None:
        """It ends, or its grant is renewed before that is over."""
        assert call.until_at is not None
        if call.cut:
            self._put(min(call.hangs_up_at, call.until_at), call)
        else:
            self._put(min(call.hangs_up_at, max(call.until_at - LEAD, self.clock.moment + MILLISECOND)), call)

    async def _renew(self, call: Call) -> None:
        """As the timers ask, once; a call that gets no more is cut when its grant is over."""
        known = await self.service.snapshot_of(EDGE, "plain")
        request = self.service.request(requests.Extend, self._key(call), PATIENCE_MS)
        assert call.until_at is not None
        request.before, request.slice_s = call.until_at, known.slice_s
        outcome = await self.service.ask(request)
        assert isinstance(outcome, Extended), outcome
        call.until_at, call.cut = outcome.granted_until, not outcome.more
        self._go_on(call)

    async def _end(self, call: Call) -> None:
        now = self.clock.moment
        assert call.answered_at is not None
        call.cut = now < call.hangs_up_at
        call.talked_ms = (now - call.answered_at) // MILLISECOND
        who = "tollgate" if call.cut else "caller"
        told = Ended(EDGE, call.call_id, now, call.answered_at, call.talked_ms, 200, 16, who, route=0)
        outcome = await self.service.tell(requests.End, self._key(call), told)
        assert isinstance(outcome, Closed), outcome
        assert (outcome.already, outcome.overrun) == (False, False), "no call outlives its money"
        call.cost_micros = outcome.cost_micros
        self.calls.append(call)

    def _key(self, call: Call) -> requests.Key:
        return self.roads.account, EDGE, call.call_id


@contextmanager
def switch(url: str, clock: Clock, account: Account) -> Iterator[Switch]:
    """A switch and the service that it asks, which live by the clock."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as loop:
        clock.tell(patch, desk, service, snapshot)
        patch.setattr(service, "EVENT_DEADLINE_MS", PATIENCE_MS)
        found = Switch(clock, Service(url), Roads(url, account), loop)
        try:
            loop.run(found.service.start())
            yield found
        finally:
            loop.run(found.service.stop())
            found.roads.close()
            gc.unfreeze()
            gc.enable()
