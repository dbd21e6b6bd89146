"""The unattended run: every customer's periods that are over and on no document, one transaction for each customer.

Doing it again does nothing again, doing it late catches up, two at once share the customers. What does not add up
parks that customer (`parked_at`) and the run goes on; by `release_customer` a person puts it back. The preview of a
person is the same code, taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from django.db import DataError, InterfaceError, OperationalError, transaction
from django.db.models import Max, Min, Q

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, Invalid, act, acting, because, current, refuse
from tollgate.actions.billing_progress import Look, borne_since, keep, look
from tollgate.actions.charges import kind_of, unbilled_charges, zone_of
from tollgate.actions.invoice_issue import issue
from tollgate.actions.invoice_lines import charges_of, lines_from_charges, rules_for, with_own_taxes, write
from tollgate.actions.invoice_usage import (
    Doubt,
    billing_switches,
    correction_lines,
    grouping_of,
    taken_late,
    usage_lines,
    words_for,
)
from tollgate.actions.invoices import draft_of, kind_at
from tollgate.actions.left_charges import left_charges
from tollgate.actions.postings import wallet_id_of, wallet_of
from tollgate.actions.statements import fetch, without_limit
from tollgate.core.hours import zone_info
from tollgate.core.invoice_periods import (
    FREQUENCIES,
    Frequency,
    Period,
    Schedule,
    closed_periods,
    first_instant,
    uncovered,
)
from tollgate.core.invoices import InvoiceLine, borne, joined, may_wait
from tollgate.core.taxes import to_minor
from tollgate.store.models import Account, Customer, Invoice

RUNS: Final = "the invoice run"
MOST_AT_ONCE: Final = 12
AT_A_LOOK: Final = 6
"""So many periods are asked for at a time: what a long catch-up leaves for its next transaction is not read twice."""
MOST_CARRIED: Final = 12
"""Of so many periods what came to less than the smallest coin is carried on; then it gets its document all the same."""
MOST_REASON: Final = 500
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A document that was made, or in a preview would be; `invoice_id` is 0 in a preview."""

    invoice_id: int
    number: str
    kind: str
    from_on: date
    until_on: date
    lines_count: int
    currency: str
    net_micros: int
    tax_micros: int
    total_micros: int


@dataclass(slots=True)
class _Waiting:
    """What is for the next document, whatever its period: what came late to others, by the kind that bore them, and
    charges that none bears, by the kind that may."""

    late: dict[str, list[InvoiceLine]]
    charges: dict[str, list[InvoiceLine]]

    @property
    def begins(self) -> set[datetime]:
        """The beginnings of the stretches of which something waits."""
        return {line.usage.from_at for lines in self.late.values() for line in lines if line.usage}

    def bear(self, lines: Sequence[InvoiceLine]) -> None:
        """The charges among the lines of a document wait no longer."""
        taken = {line.charge_id for line in lines if line.charge_id is not None}
        for kind, charges in self.charges.items():
            self.charges[kind] = [line for line in charges if line.charge_id not in taken]


class _TakenBack(Exception):
    """Ends a preview."""


@act
def generate_missing_invoices(*, customer_id: int, preview: bool = False, issued: bool = True) -> list[Made]:
    """Makes a document for every period of a customer's schedule that is over and on none yet, since its first call.

    `preview` shows what would be made; `issued` false leaves them as drafts. Doing it again makes nothing again.
    """
    given = checks.cleaned({"preview": checks.yes_no, "issued": checks.yes_no}, {"preview": preview, "issued": issued})
    customer = records.locked(Customer, customer_id)
    if schedule_of(customer) is None:
        raise refuse("customer_id", "The customer has no invoice schedule: choose one, or draft a period by hand.")
    if not customer.generate_invoices:
        raise refuse("customer_id", "Invoices are switched off for this customer.")
    if customer.parked_at is not None:
        raise refuse("customer_id", f"The customer's billing rests: {customer.parked_reason} Release it first.")
    at = records.now()
    without_limit()
    try:
        if not given["preview"]:
            return [made(row) for row in bill(customer, closed_at=at, at=at, issued=given["issued"])]
        return _previewed(customer, at)
    except Doubt as doubt:
        raise refuse("customer_id", str(doubt)) from None
    except DataError:
        raise refuse("customer_id", "An amount is larger than can be kept.") from None


@act
def run_customer_invoices(*, customer_id: int, at: datetime | str) -> list[Invoice]:
    """Bills one customer as the timetable does: what was over some hours ago by the account's lag.

    At most `MOST_AT_ONCE` documents; none when another run has the customer in hand or its billing rests. What is in
    doubt parks it.
    """
    moment: datetime = checks.cleaned({"at": checks.instant}, {"at": at})["at"]
    if moment > records.now():
        raise refuse("at", "This moment is still to come.")
    found = Customer.objects.select_related("account").select_for_update(no_key=True, skip_locked=True, of=("self",))
    customer = found.filter(pk=customer_id).first()
    if customer is None or customer.parked_at is not None or not customer.generate_invoices:
        return []
    account: Account = customer.account
    without_limit()
    try:
        with transaction.atomic():
            closed_at = moment - timedelta(hours=account.invoice_lag_h)
            return bill(customer, closed_at=closed_at, at=moment, issued=True, most=MOST_AT_ONCE)
    except (OperationalError, InterfaceError):  # a database in trouble: the next run tries again
        raise
    except (Doubt, Invalid) as doubt:
        park(customer, str(doubt)[:MOST_REASON], moment)
    except Exception as error:
        log.exception("ALARM customer %s is not billed", customer.pk)
        words = f"Its bills could not be made: {type(error).__name__}, {' '.join(str(error).split())}"
        park(customer, words[:MOST_REASON], moment)
    return []


@act
def release_customer(*, customer_id: int, reason: str) -> Customer:
    """Lets the billing of a customer go on that rested because something did not add up."""
    words = checks.cleaned({"reason": checks.text(500, required=True)}, {"reason": reason})["reason"]
    because(words)
    customer = records.locked(Customer, customer_id)
    if customer.parked_at is None:
        raise refuse("customer_id", "The customer's billing does not rest.")
    return records.change(customer, {"parked_at": None, "parked_reason": ""})


def run_invoices(
    at: datetime, *, account_id: int | None = None, customer_ids: Sequence[int] | None = None
) -> list[Invoice]:
    """Bills every customer with a schedule, or these alone; whatever befalls one, the others are billed."""
    made_now: list[Invoice] = []
    with acting(Actor("timetable", frozenset({"run_customer_invoices"}), RUNS)):
        for customer_id in due_customers(account_id) if customer_ids is None else customer_ids:
            try:
                made_now += _billed_up(customer_id, at)
            except Exception:  # whatever it was, the next customer is billed all the same
                log.exception("ALARM customer %s is not billed", customer_id)
    return made_now


def _billed_up(customer_id: int, at: datetime) -> list[Invoice]:
    """All that one customer is to be billed, a few documents in each transaction: its calls wait for none for long."""
    found: list[Invoice] = []
    while True:
        more = run_customer_invoices(customer_id=customer_id, at=at)
        found += more
        if len(more) <= MOST_AT_ONCE - AT_A_LOOK:
            return found


def due_customers(account_id: int | None = None) -> list[int]:
    """Whom the run looks at."""
    scheduled = Q(invoice_schedule__in=FREQUENCIES) | Q(billing_type="prepaid", daily_receipts=True)
    found = Customer.objects.filter(scheduled, generate_invoices=True, parked_at=None)
    if account_id is not None:
        found = found.filter(account_id=account_id)
    return list(found.order_by("pk").values_list("pk", flat=True))


def schedule_of(customer: Customer) -> Schedule | None:
    """How often a customer is billed; None for never by itself."""
    found = customer.invoice_schedule
    if customer.billing_type == "prepaid" and customer.daily_receipts:
        found = "daily"
    known: dict[str, Frequency] = {frequency: frequency for frequency in FREQUENCIES}
    return Schedule(known[found], customer.billing_day, zone_of(customer)) if found in known else None


def bill(
    customer: Customer, *, closed_at: datetime, at: datetime, issued: bool, most: int | None = None
) -> list[Invoice]:
    """The documents of the missing periods of a customer whose row is locked, about `most` of them. Raises Doubt."""
    schedule = schedule_of(customer)
    if schedule is None:
        return []
    seen, switches = look(customer), billing_switches(customer)
    closed = list(closed_periods(schedule, since=_since(customer, schedule, seen), at=closed_at))
    periods = _missing(customer, schedule, closed, switches)
    looked_at = max(
        (moment for moment in (seen.since_at, *(one.until_at for one in closed[-1:])) if moment), default=None
    )
    if not periods:
        if seen.again is not None:
            keep(customer, seen, until_at=looked_at, looked_at=looked_at, waiting=seen.again)
        return left_charges(customer, switches, looked_at=looked_at, at=at, issued=issued)
    if wallet_of(customer).currency != customer.currency:
        raise Doubt("The wallet and the customer are in different currencies.")
    left: list[Invoice] = []
    if switches and periods[0].from_at >= switches[-1][0]:  # gifts of before the switch find their room there first
        left = left_charges(customer, switches, looked_at=looked_at, at=at, issued=issued)
    own, late = correction_lines(customer, periods, again=seen.again)
    kinds = {kind_at(customer, period.from_at, switches) for period in periods}
    charges = {kind: lines_from_charges(customer, kind, date.max) for kind in kinds}
    run = _Run(customer, switches, _Waiting(late, charges), at, issued)
    for place in range(0, len(periods), AT_A_LOOK):
        if most is not None and len(run.found) > most - AT_A_LOOK:
            looked_at = _earlier(looked_at, periods[place].from_at)
            break
        part = periods[place : place + AT_A_LOOK]
        usage = usage_lines(customer, part, grouping_of(customer))
        for period, calls, before in zip(part, usage, own[place:], strict=False):
            run.bear(_Stretch(period, [*calls, *before], is_changed=bool(before)))
    done_at = looked_at if run.open_at is None else _earlier(looked_at, run.open_at)
    keep(customer, seen, until_at=done_at, looked_at=looked_at, waiting=run.waiting.begins)
    return [*left, *run.found, *left_charges(customer, switches, looked_at=looked_at, at=at, issued=issued)]


def _earlier(done_at: datetime | None, at: datetime) -> datetime:
    return at if done_at is None else min(done_at, at)


@dataclass(slots=True)
class _Stretch:
    """What one document is to bear of calls. `is_changed` where other documents have billed of it already; `count` is
    of how many periods it is."""

    period: Period
    lines: list[InvoiceLine]
    is_changed: bool = False
    count: int = 1

    def joined(self, following: _Stretch) -> _Stretch:
        """With the stretch after it, as one."""
        last = following.period
        period = Period(self.period.from_at, last.until_at, self.period.from_on, last.until_on)
        lines = joined([*self.lines, *following.lines], period)
        return _Stretch(period, lines, following.is_changed, self.count + following.count)


@dataclass(slots=True)
class _Run:
    """The documents of a customer that one look makes. `carried` is use that came to less than the smallest coin and
    that the next document bears; `open_at` the first moment of what the next run looks at again."""

    customer: Customer
    switches: list[tuple[datetime, str]]
    waiting: _Waiting
    at: datetime
    issued: bool
    found: list[Invoice] = field(default_factory=list)
    carried: _Stretch | None = None
    uncovered_at: datetime | None = None

    @property
    def open_at(self) -> datetime | None:
        moments = [self.uncovered_at, self.carried.period.from_at if self.carried else None]
        return min((moment for moment in moments if moment), default=None)

    def bear(self, stretch: _Stretch) -> None:
        """Makes the document of a stretch, with what is carried to it, or carries it on."""
        before = self.carried
        if before is not None and self._follows(before, stretch):
            stretch = before.joined(stretch)
        elif before is not None:
            self._document(before, [*before.lines])
        self.carried = None
        lines = self._lines(stretch)
        if lines is not None:
            self._document(stretch, lines)
        elif stretch.is_changed:  # no document has room for it: the next run looks at this period again
            self.uncovered_at = self.uncovered_at or stretch.period.from_at
        elif any(line.exact_micros for line in stretch.lines):
            self._carry(stretch)

    def _carry(self, stretch: _Stretch) -> None:
        if stretch.count < MOST_CARRIED:
            self.carried = stretch
        else:
            self._document(stretch, [*stretch.lines])

    def _follows(self, before: _Stretch, stretch: _Stretch) -> bool:
        """Whether one document can bear both: nothing lies between them, and what they are told by is the same."""
        kinds = {self._kind(before), self._kind(stretch)}
        return before.period.until_at == stretch.period.from_at and len(kinds) == 1

    def _kind(self, stretch: _Stretch) -> str:
        return kind_at(self.customer, stretch.period.from_at, self.switches)

    def _lines(self, stretch: _Stretch) -> list[InvoiceLine] | None:
        """The lines for the document of a stretch, with what waits for one; None where there is to be none, since what
        is to be billed comes to nothing."""
        kind, customer = self._kind(stretch), self.customer
        waiting = self.waiting
        charges = charges_of(customer, kind, stretch.period, waiting.charges[kind], self.switches)
        late = taken_late(customer, kind, waiting.late)
        lines = [*stretch.lines, *late, *charges]
        told = (line for line in lines if not may_wait(line))
        if wants_empty(customer) or any(to_minor(line.exact_micros, customer.currency) for line in told):
            return lines
        waiting.late[kind] = late
        return None

    def _document(self, stretch: _Stretch, lines: Sequence[InvoiceLine]) -> None:
        """The document of a stretch: what it bears waits no longer."""
        customer, period, waiting = self.customer, stretch.period, self.waiting
        run_key = f"customer {customer.pk} {period.from_at.isoformat()} {period.until_at.isoformat()}"
        draft = draft_of(customer, period, run_key=run_key, created_by=current.get().name)
        rules = rules_for(draft, self.at)
        lines, rest = borne(
            with_own_taxes(draft, lines, rules),
            rules,
            currency=draft.currency,
            prices_include_tax=draft.prices_include_tax,
        )
        still = waiting.late.get(draft.kind, [])  # of a document that bears its own stretch alone
        waiting.late[draft.kind] = [*still, *(replace(line, rules=None) for line in rest)]
        waiting.bear(lines)
        draft = write(draft, lines or [_nothing_used(customer, period)], rules, is_new=True)
        if draft.net_micros < 0 or draft.total_micros < 0:
            words = f"More was given back than charged for calls from {period.from_on} on: look at their corrections."
            raise Doubt(words)
        self.found.append(issue(draft, self.at) if self.issued else draft)


def wants_empty(customer: Customer) -> bool:
    """Whether a customer gets a document of a period in which nothing was used: not once it is deleted."""
    return customer.zero_invoices and customer.deleted_at is None


def _missing(
    customer: Customer, schedule: Schedule, closed: Sequence[Period], switches: Sequence[tuple[datetime, str]]
) -> list[Period]:
    """Those of some periods that follow one another which no document bears, oldest first."""
    if not closed:
        return []
    # a period in which a customer was made prepaid or postpaid is two: their taxes fall due at different points
    borne_by = [*borne_since(customer, closed[0].from_at), *((at, at) for at, _ in switches)]
    return [piece for period in closed for piece in uncovered(period, borne_by, schedule.zone)]


def park(customer: Customer, reason: str, at: datetime) -> Customer:
    """Lets the billing of a customer rest until a person has looked (R12)."""
    log.warning("ALARM billing of customer %s rests: %s", customer.pk, reason)
    because(reason)
    return records.change(customer, {"parked_at": at, "parked_reason": reason})


def made(invoice: Invoice) -> Made:
    """What is told of a document that was made."""
    days = invoice.lines.aggregate(first=Min("from_on"), until=Max("until_on"))  # one of left charges is of no period
    return Made(
        invoice_id=invoice.pk,
        number=invoice.number or "",
        kind=invoice.kind,
        from_on=invoice.from_on or days["first"],
        until_on=invoice.until_on or days["until"],
        lines_count=invoice.lines.count(),
        currency=invoice.currency,
        net_micros=invoice.net_micros,
        tax_micros=invoice.tax_micros,
        total_micros=invoice.total_micros,
    )


def _nothing_used(customer: Customer, period: Period) -> InvoiceLine:
    """The one line of a document of a period in which nothing was used, for who wants one all the same."""
    return InvoiceLine(
        kind="usage",
        description=words_for(customer)["no_calls"],
        exact_micros=0,
        unit_price_nanos=0,
        from_on=period.from_on,
        until_on=period.until_on,
        usage=period,
        posted=True,
    )


def _previewed(customer: Customer, at: datetime) -> list[Made]:
    """What would be made: made as drafts, told, and taken back."""
    told: list[Made] = []
    try:
        with transaction.atomic():
            told = [made(row) for row in bill(customer, closed_at=at, at=at, issued=False)]
            raise _TakenBack
    except _TakenBack:
        return [replace(row, invoice_id=0) for row in told]


def _since(customer: Customer, schedule: Schedule, seen: Look) -> datetime:
    """From when on periods are looked at: where the last run ended, or before that what has come since. Who has none
    before, or wants a document of each period: from its first call, or when it was made."""
    if seen.since_at is None or wants_empty(customer):
        wallet_id = wallet_id_of(customer)
        first: datetime | None = fetch("invoices", "first_call", customer.account_id, customer.pk, wallet_id)[0]["at"]
        return min(first, customer.created_at) if first is not None else customer.created_at
    done_on = seen.since_at.astimezone(zone_info(schedule.zone)).date()
    charges = unbilled_charges(customer, kind=kind_of(customer.billing_type), before_on=done_on)
    owed = charges.filter(amount_micros__gt=0).first()
    return seen.since_at if owed is None else min(seen.since_at, first_instant(owed.from_on, schedule.zone))
