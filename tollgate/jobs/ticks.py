"""What runs again and again within seconds, beside the queue of the timetable: too often to be a job with a row each.

Every process of `tollgate work` runs all of it in threads, so what stands here must be right in several at once. To add
a tick, write its function and name it in `TICKS` with the seconds between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

from django.db import connections

from tollgate.actions import (
    call_files,
    delays,
    deliveries,
    payment_events,
    payment_janitor,
    reconciliation_work,
    summaries,
    tasks,
    vat_checks,
    webhook_deliveries,
)
from tollgate.actions.access_numbers import tell_wrong_pins
from tollgate.actions.account_balance import notify_account_balance
from tollgate.actions.acts import Actor, acting
from tollgate.actions.alert_watch import watch_alerts
from tollgate.actions.card_losses import look_at_resale
from tollgate.actions.holds import end_customer_holds
from tollgate.actions.low_balances import notify_low_balances
from tollgate.jobs import circuit_calls, cli_calls

SENDING: Final = timedelta(seconds=2)
WORKING: Final = timedelta(seconds=2)
log = logging.getLogger(__name__)


def delayed_saves(at: datetime) -> None:
    """Does what people have put off until now."""
    delays.run_due(at)


def messages(at: datetime) -> None:
    """Sends mail and SMS that are due, for a while; who stops the worker waits for one message at most."""
    while deliveries.deliver_next(at) and datetime.now(UTC) < at + SENDING:
        pass


def roll_ups(at: datetime) -> None:
    """Adds calls that have ended to the summaries."""
    del at
    summaries.roll_up()


def peaks(at: datetime) -> None:
    """Looks at how many calls there are at once."""
    summaries.note_peaks(at)


def events(at: datetime) -> None:
    """Sends what webhooks are to be told, for a while."""
    while webhook_deliveries.deliver_next(at) and datetime.now(UTC) < at + SENDING:
        pass


def customers(at: datetime) -> None:
    """Tells who runs low, the account among them, and gives back what alerts and unpaid invoices took for a time."""
    del at
    with acting(Actor("ticks", frozenset({"notify_low_balances", "notify_account_balance", "end_customer_holds"}))):
        notify_low_balances()
        notify_account_balance()
        end_customer_holds()


def resale(at: datetime) -> None:
    """Looks at prices of resellers that may be below what they pay, for a while."""
    with acting(Actor("ticks", frozenset({"look_at_resale"}))):
        while look_at_resale() and datetime.now(UTC) < at + WORKING:
            pass


def wrong_pins(at: datetime) -> None:
    """Tells webhooks of bursts of wrong PINs."""
    del at
    with acting(Actor("ticks", frozenset({"tell_wrong_pins"}))):
        tell_wrong_pins()


def vat_numbers(at: datetime) -> None:
    """Asks the register for VAT numbers that wait, for a while."""
    while vat_checks.ask_next(at) and datetime.now(UTC) < at + SENDING:
        pass


def alerts(at: datetime) -> None:
    """Looks at the figures that alerts watch."""
    del at
    with acting(Actor("alerts", frozenset({"watch_alerts"}))):
        watch_alerts()


def payment_notices(at: datetime) -> None:
    """Books what gateways have told, for a while."""
    while payment_events.process_next(at) and datetime.now(UTC) < at + WORKING:
        pass


def payment_questions(at: datetime) -> None:
    """Asks gateways about payments of unknown outcome and begins automatic top-ups, for a while."""
    payment_janitor.start_due_top_ups(at)
    while payment_janitor.ask_next(at) and datetime.now(UTC) < at + WORKING:
        pass


def code_calls(at: datetime) -> None:
    """Speaks a code to a number that waits for one; who stops the worker waits for this call at most."""
    cli_calls.call_next(at)


def circuit_tests(at: datetime) -> None:
    """Makes a circuit test that somebody waits for; who stops the worker waits for this call at most."""
    circuit_calls.call_next(at)


def begun_tasks(at: datetime) -> None:
    """Does rows of uploads and bulk edits, for a while; who stops the worker waits for one row at most."""
    tasks.work(lambda: datetime.now(UTC), at + WORKING)


def short_tasks(at: datetime) -> None:
    """The same, but for files of calls, whose rows last seconds each: they never hold up the others. And what became
    of mail and SMS to many."""
    tasks.work(lambda: datetime.now(UTC), at + WORKING, leave=(call_files.KIND,))
    tasks.follow()


def carrier_statements(at: datetime) -> None:
    """Compares a statement of a carrier that waits. A large one takes a minute; one that is cut short begins anew."""
    del at
    reconciliation_work.compare_next()


TICKS: Final[tuple[tuple[float, Callable[[datetime], None]], ...]] = (
    (1.0, delayed_saves),
    (10.0, vat_numbers),
    (2.0, roll_ups),
    (10.0, peaks),
    (1.0, messages),
    (1.0, messages),  # twice, so that one slow server does not hold up everybody
    (1.0, payment_notices),
    (5.0, payment_questions),
    (1.0, begun_tasks),
    (1.0, short_tasks),  # beside it, so that a long one does not hold up a short one
    (1.0, events),
    (1.0, events),
    (1.0, code_calls),
    (1.0, code_calls),  # twice: a call takes half a minute
    (1.0, circuit_tests),
    (1.0, circuit_tests),  # as well
    (5.0, customers),
    (15.0, alerts),
    (5.0, resale),
    (5.0, wrong_pins),
    (3.0, carrier_statements),
)


@contextmanager
def ticking() -> Iterator[None]:
    """Runs every tick while the block lasts; on leaving, waits for those at work."""
    ending = Event()
    threads = [Thread(target=_repeat, args=(every_s, tick, ending), name=tick.__name__) for every_s, tick in TICKS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _repeat(every_s: float, tick: Callable[[datetime], None], ending: Event) -> None:
    """One tick after another, on a connection of its own; a failed one is told and the next begins anew."""
    while not ending.wait(every_s):
        try:
            tick(datetime.now(UTC))
        except Exception:  # whatever it was, the next tick must come
            log.exception("%s failed", tick.__name__)
            connections.close_all()
    connections.close_all()
