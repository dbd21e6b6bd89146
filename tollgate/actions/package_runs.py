"""What falls due of packages: charged once for each period, with its free minutes; told before it renews.

`due_of` says what a day would charge and changes nothing; `run_held` charges it. What a period comes to is reckoned in
package_dues.py; where calls of a minimum spend are corrected after it was charged, spend_periods.py compares it anew.
What falls due while a customer is inactive is let go (an option charges it all the same), also where the run comes
later. Who is parked or waits for approval is charged later. A run for everybody is a task (tasks.py) with a row for
each customer, which keeps what it charged or would charge.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from tollgate.actions import checks, records, spend_periods, task_searches, tasks
from tollgate.actions.acts import act, current, refuse
from tollgate.actions.charges import charge_amount, day, today_of, zone_of
from tollgate.actions.notices import notify
from tollgate.actions.package_dues import Due, charge_due, days_words, dues_of, product_words
from tollgate.actions.postings import post, wallet_of
from tollgate.actions.statements import fetch, without_limit
from tollgate.actions.webhook_bodies import customer_body
from tollgate.actions.webhooks import emit
from tollgate.core.hours import zone_info
from tollgate.core.money import format_micros
from tollgate.core.packages import (
    DAY,
    SECOND_MICROS,
    Frequency,
    Period,
    Schedule,
    first_period,
    following,
    granted_s,
    midnight,
    minutes_end_on,
    period_from,
    setup_key,
)
from tollgate.core.templates import Figure
from tollgate.store.models import Audit, Bundle, Charge, Customer, CustomerPackage, Task, Wallet
from tollgate.store.queries.finding import among
from tollgate.store.queries.packages import TODAY

KIND: Final = "package_run"
"""The kind of task that is a run for everybody."""
NOT_AHEAD: Final = "Nothing is charged ahead of its day: simulate it, or give today or a day before."
AHEAD: Final = timedelta(days=1)
"""Somewhere it is tomorrow already."""
MOST_PERIODS: Final = 400
"""Of one package in one run; what is left comes with the next."""
log = logging.getLogger(__name__)


def schedule_of(held: CustomerPackage) -> Schedule:
    """When a package falls due for who holds it."""
    package = held.package
    return Schedule(
        Frequency(package.frequency), held.starts_on, held.ends_on, tuple(package.match_days), package.prorate
    )


def next_day(held: CustomerPackage, period: Period | None) -> date | None:
    """The day on which a period is charged: its first; for a minimum spend that on which its bill may come."""
    if period is None:
        return None
    if not held.package.minimum_spend:
        return period.from_on
    return _closes_at(held, period).astimezone(zone_info(zone_of(held.customer))).date()


def lock_held(customer_package_id: int, version: int | None = None) -> CustomerPackage:
    """A package that a customer holds, locked until the act ends."""
    return records.locked(CustomerPackage, customer_package_id, version)


def due_of(held: CustomerPackage, on: date) -> Iterator[tuple[Period, list[Due]]]:
    """The periods that have fallen due by a day, and what each charges."""
    schedule = schedule_of(held)
    period = open_period(held, schedule)
    setup = _setup_open(held)
    for _ in range(MOST_PERIODS):
        due_on = next_day(held, period)
        if period is None or due_on is None or due_on > on:
            return
        if held.package.minimum_spend and not _all_known(held, period, on):
            return
        skipped = _skipped(held.customer, due_on)
        yield period, dues_of(held, period, setup=setup and not skipped, skipped=skipped)
        setup = setup and bool(skipped)
        period = following(schedule, period)


def run_held(held: CustomerPackage, on: date) -> list[Due]:
    """Charges what has fallen due of a locked package, and brings its minutes.

    What corrections of calls have changed of a minimum spend that was charged comes first.
    """
    done: list[Due] = []
    schedule = schedule_of(held)
    if waits(held.customer):
        return done
    without_limit()  # a minimum spend counts the calls of a period
    seen = spend_periods.look(held)
    if seen is not None:
        for due in seen.dues:
            charge_due(held, due)
        spend_periods.settle(held, seen)
        done += seen.dues
    known_id = spend_periods.newest_correction(held) if held.package.minimum_spend else 0
    for period, dues in due_of(held, on):
        for due in dues:
            if not due.skipped:
                charge_due(held, due)
                if due.kind == "minimum_spend":
                    spend_periods.keep(held, period, due, known_id=known_id)
        if not any(due.skipped for due in dues):
            _bring_minutes(held, schedule, period)
        done += dues
        after = following(schedule, period)
        values = {"done_until_on": period.until_on or period.from_on + DAY, "next_on": next_day(held, after)}
        records.change(held, values)
    return done


def close(held: CustomerPackage, last: date) -> CustomerPackage:
    """Ends a locked package with a day, that included: its minutes end with it, and what falls due later is not."""
    held.ends_on = last
    values: dict[str, Any] = {"ends_on": last, "next_on": next_day(held, open_period(held, schedule_of(held)))}
    end_at = midnight(last + DAY, zone_of(held.customer))
    later = Bundle.objects.filter(Q(ends_at=None) | Q(ends_at__gt=end_at), customer_package=held)
    for bundle in later.order_by("id"):
        records.change(bundle, {"ends_at": max(end_at, bundle.starts_at)})
    return records.change(held, values)


def waits(customer: Customer) -> bool:
    """Whether the charges of a customer wait: nothing is let go, all is charged later."""
    return customer.status == "pending" or customer.parked_at is not None or customer.deleted_at is not None


def customers_due() -> list[int]:
    """The customers of whose packages something falls due by now, where they are."""
    held = CustomerPackage.objects.annotate(today=TODAY).filter(next_on__lte=F("today"))
    waiting = Q(customer__status="pending") | Q(customer__parked_at__isnull=False)
    found = held.exclude(waiting).filter(customer__deleted_at=None).select_related("customer__account", "package")
    due = {row.customer_id for row in found.order_by("customer_id", "id") if _comes_due(row)}
    return sorted(due | {customer_id for _, customer_id in spend_periods.corrected()})


@act
def run_packages(*, customer_id: int, on: date | str | None = None, simulate: bool = False) -> list[dict[str, Any]]:
    """Charges all packages of a customer that have fallen due by a day; gives what it charged.

    With `simulate` it only tells. A second run of the same day charges nothing.
    """
    given = _day(on)
    customer = records.find(Customer, customer_id)
    result: list[Due] = []
    corrected = [held_id for held_id, _ in spend_periods.corrected(customer.pk)]
    holders = _holders(given or records.now().date() + AHEAD, corrected).filter(customer_id=customer.pk)
    for held in holders.select_related("customer__account", "package"):
        today = today_of(held.customer)
        if given is not None and given > today and not simulate:
            raise refuse("on", NOT_AHEAD)
        if simulate:
            if not waits(held.customer):
                seen = spend_periods.look(held)
                result += seen.dues if seen else ()
                result += [due for _, dues in due_of(held, given or today) for due in dues]
        else:
            result += run_held(lock_held(held.pk), given or today)
    return [asdict(due) for due in result]


@act
def start_package_run(*, account_id: int, on: date | str | None = None, simulate: bool = False) -> Task:
    """Begins a task that charges every customer's packages which have fallen due by a day, one after the other, or with
    `simulate` only tells. Who asks for the same again gets the task that is under way."""
    given, simulated = _day(on), checks.cleaned({"simulate": checks.yes_no}, {"simulate": simulate})["simulate"]
    if not simulated and given is not None and given > records.now().date() + AHEAD:
        raise refuse("on", NOT_AHEAD)
    arguments = {"on": given and given.isoformat(), "simulate": simulated}
    with connection.cursor() as cursor:  # a button that is pressed twice at once begins one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{__name__} {account_id}"])
    under_way = Task.objects.filter(account_id=account_id, kind=KIND, state__in=tasks.OPEN, author=current.get().name)
    known = under_way.filter(arguments=arguments).order_by("pk").first()
    if known is not None:
        return known
    told = "Simulated run of packages" if simulated else "Run of packages"
    return task_searches.begin(
        kind=KIND,
        noun="customer",
        act_name="run_packages",
        title=f"{told} by {given or 'today'}",
        looked_for="Customers of whose packages something is due",
        account_id=account_id,
        arguments=arguments,
    )


@act
def notify_package_renewals() -> int:
    """Tells customers of packages that renew within the days the account's option says, once each; gives how many.

    Everybody who is charged, so also who is blocked, and by the option who is inactive.
    """
    today = records.now().date()
    told = 0
    coming = CustomerPackage.objects.filter(
        Q(noticed_on=None) | ~Q(noticed_on=F("next_on")),
        Q(customer__status__in=("active", "penalty"))
        | Q(customer__status="inactive", customer__account__inactive_packages=True),
        next_on__gt=today,
        done_until_on__isnull=False,
        package__frequency__in=("weekly", "monthly"),
        package__minimum_spend=False,
        customer__deleted_at=None,
        customer__parked_at=None,
        customer__account__package_notice_days__isnull=False,
    ).select_related("customer__account", "package")
    for held in coming.select_for_update(no_key=True, of=("self",)).order_by("id"):
        try:
            with transaction.atomic():
                told += _told_renewal(held)
        except Exception:  # whatever befalls one, the others are told
            log.exception("ALARM package %s: its renewal is not told", held.pk)
    return told


def open_period(held: CustomerPackage, schedule: Schedule) -> Period | None:
    """The first period that is not done with."""
    if held.done_until_on is None:
        return first_period(schedule)
    return None if schedule.frequency is Frequency.none else period_from(schedule, held.done_until_on)


def _comes_due(held: CustomerPackage) -> bool:
    """Whether something falls due of it on its day; a minimum spend waits for calls that still talk."""
    period = open_period(held, schedule_of(held)) if held.package.minimum_spend else None
    return period is None or _all_known(held, period, today_of(held.customer))


def _closes_at(held: CustomerPackage, period: Period) -> datetime:
    """When a period is over for its bill, the lag of invoices included: its minimum spend comes with that."""
    assert period.until_on is not None
    lag = timedelta(hours=held.customer.account.invoice_lag_h)
    return midnight(period.until_on, zone_of(held.customer)) + lag


def _all_known(held: CustomerPackage, period: Period, on: date) -> bool:
    """Whether a period of a minimum spend is over by a day, with the lag, and no call of it talks on.

    Of today it is asked as of now, of another day as of its end; which calls will talk on a day to come nobody knows.
    """
    customer, today = held.customer, today_of(held.customer)
    zone = zone_of(customer)
    if _closes_at(held, period) > (records.now() if on == today else midnight(on + DAY, zone)):
        return False
    if on > today:
        return True
    assert period.until_on is not None
    over_at = midnight(period.until_on, zone)
    asked = fetch("packages", "talks_on", customer.account_id, wallet_of(customer).pk, over_at)
    return not asked[0]["talks"]


def _day(on: date | str | None) -> date | None:
    given: date | None = checks.cleaned({"on": checks.optional(day)}, {"on": on})["on"]
    return given


def _customers_of_run(task: Task) -> Iterator[tuple[int, str]]:
    """Of whose packages something may be due by the day of a run, in the order of their names."""
    on, simulated = _day(task.arguments["on"]), task.arguments["simulate"]
    known = Customer.objects.filter(account_id=task.account_id, deleted_at=None)
    if simulated:
        corrected = [held_id for held_id, _ in spend_periods.corrected()]
        holders = _holders(on or records.now().date() + AHEAD, corrected)
        found = known.filter(pk__in=holders.order_by().values("customer_id"))
    else:
        found = known.filter(among("pk", customers_due()))
    return found.order_by("name", "pk").values_list("pk", "name").iterator()


def _holders(on: date, corrected: Sequence[int]) -> QuerySet[CustomerPackage]:
    """Those of which something falls due by a day, and those whose charged periods are compared anew."""
    found = CustomerPackage.objects.filter(Q(next_on__lte=on) | among("pk", corrected))
    return found.order_by("customer_id", "id")


def _setup_open(held: CustomerPackage) -> bool:
    """Whether its start is still to be charged: it comes with the first period that is not let go."""
    if not held.package.setup_retail_nanos and not held.package.setup_cost_nanos:
        return False
    return not Charge.objects.filter(account_id=held.customer.account_id, key=setup_key(held.pk)).exists()


def _skipped(customer: Customer, due_on: date) -> str:
    """Why nothing is charged of what fell due on a day: what the customer was then counts, however late the run is."""
    if customer.account.inactive_packages:
        return ""
    is_now = due_on >= today_of(customer)
    status = customer.status if is_now else _status_at(customer, midnight(due_on, zone_of(customer)))
    return "the customer is inactive" if status == "inactive" else ""


def _status_at(customer: Customer, at: datetime) -> str:
    """The status of a customer at a moment, by what the log says was changed since."""
    changes = Audit.objects.filter(table_name="customer", row_id=customer.pk, verb="UPDATE", at__gt=at)
    since = changes.filter(before__has_key="status").order_by("id").values_list("before", flat=True).first()
    return str(since["status"]) if since else customer.status


def _bring_minutes(held: CustomerPackage, schedule: Schedule, period: Period) -> None:
    """The bundle of a period, unless it is over already."""
    package, customer = held.package, held.customer
    if package.kind != "free_minutes":
        return
    zone = zone_of(customer)
    ends_on = minutes_end_on(schedule, period, rollover=package.rollover)
    ends_at = None if ends_on is None else midnight(ends_on, zone)
    seconds = granted_s(held.minutes or package.minutes, held.quantity, period)
    if not seconds or (ends_at is not None and ends_at <= records.now()):
        return
    bundle = records.create(
        Bundle,
        {
            "account_id": customer.account_id,
            "customer_id": customer.pk,
            "customer_package_id": held.pk,
            "name": package.name,
            "from_on": period.from_on,
            "starts_at": midnight(period.from_on, zone),
            "ends_at": ends_at,
            "prefixes": package.prefixes,
            "granted_s": seconds,
        },
    )
    wallet = Wallet.objects.get(account_id=customer.account_id, kind="bundle", owner_id=bundle.pk)
    post(
        wallet,
        "minutes",
        "package",
        amount_micros=seconds * SECOND_MICROS,
        note=f"{package.name}, {days_words(period)}",
        key=f"minutes {bundle.pk}",
        ref=f"bundle:{bundle.pk}",
    )


def _told_renewal(held: CustomerPackage) -> bool:
    """Whether it renews soon; then that is told."""
    if not _renews_soon(held):
        return False
    _tell_renewal(held)
    records.change(held, {"noticed_on": held.next_on})
    return True


def _renews_soon(held: CustomerPackage) -> bool:
    days_count = held.customer.account.package_notice_days
    assert days_count is not None
    assert held.next_on is not None
    return today_of(held.customer) >= held.next_on - days_count * DAY


def _tell_renewal(held: CustomerPackage) -> None:
    period = period_from(schedule_of(held), held.next_on or held.starts_on)
    assert period is not None
    customer = held.customer
    amount = charge_amount(period.share(held.package.retail_nanos), held.quantity * 1000)
    renews_on = period.from_on.isoformat()
    told = {"package": held.package.name, "renews_on": renews_on, "currency": held.package.currency}
    words = {**told, "package": product_words(held), "amount": Figure(format_micros(amount, 2))}
    notify(customer, "package.renewal", words)
    body = {**customer_body(customer), **told, "amount_micros": amount}
    emit(account_id=customer.account_id, event="package.renewal", ref=f"customer_package:{held.pk}", body=body)


task_searches.looking(KIND, _customers_of_run, tells=True)
