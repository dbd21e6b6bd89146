"""What runs without a person, and when: one function per job, each doing one thing that may be done again.

`app` is the queue in our own database (procrastinate), worked by `tollgate work`. To add a job, write its function with
a crontab (UTC); a job that changes records calls one act.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.core.management import call_command
from django.db import connection
from procrastinate.contrib.django import app

from tollgate import environment
from tollgate.actions import (
    access_numbers,
    alert_watch,
    audit,
    call_files,
    delays,
    deleted_records,
    deliveries,
    kept_balances,
    package_runs,
    payment_forgetting,
    portal_access,
    tasks,
    uploads,
    vat_checks,
    vouchers,
    webhook_deliveries,
)
from tollgate.actions.account_billing import charge_account_days
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cli_lapses import lapse_verified_clis
from tollgate.actions.customer_status import end_customer_blocks, notify_expiring_customers
from tollgate.actions.dunning import run as run_dunning
from tollgate.actions.examinations import tell_of_books
from tollgate.actions.reports import mail_due_reports
from tollgate.actions.summaries import rebuild_summaries
from tollgate.jobs import doctor, recording_space, retention
from tollgate.jobs.invoices import run_on_every_core
from tollgate.store import lake_days
from tollgate.store.models import Account

DAYS_AHEAD: Final = 7
SUMMARIES: Final = "summaries_are_the_records"
SUMMED: Final = (SUMMARIES, "resold_calls_are_in_the_summaries", "outcomes_are_the_records")
"""The laws whose findings are hours that are made anew."""
KEPT: Final = "kept_balances_are_the_sums_of_entries"
"""That whose findings are days that are kept anew."""
log = logging.getLogger(__name__)


def make_partitions(today: date) -> list[date]:
    """The CDR partitions of today and the week ahead; gives the days that were made."""
    made = []
    with connection.cursor() as cursor:
        for day in (today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)):
            cursor.execute("SELECT cdr_make_partition(%s)", [day])
            if cursor.fetchone() == (True,):
                made.append(day)
    return made


@app.periodic(cron="10 0 * * *")
@app.task(name="partitions", queueing_lock="partitions", pass_context=False)
def partitions(timestamp: int) -> None:
    """Every night: a home for the CDRs of the coming days."""
    for day in make_partitions(datetime.fromtimestamp(timestamp, UTC).date()):
        log.info("CDR partition of %s made", day)


@app.periodic(cron="* * * * *")
@app.task(name="audit_seals", queueing_lock="audit_seals")
def audit_seals(timestamp: int) -> None:
    """Every minute: the new rows of the audit log are chained to those before."""
    del timestamp
    audit.seal_audit()


@app.periodic(cron="* * * * *")
@app.task(name="customer_blocks", queueing_lock="customer_blocks")
def customer_blocks(timestamp: int) -> None:
    """Every minute: a penalty or a rest that is over is taken off; calls have obeyed its end to the second already."""
    del timestamp
    with acting(Actor("timetable", frozenset({"end_customer_blocks"}))):
        end_customer_blocks()


@app.periodic(cron="20 * * * *")
@app.task(name="expiry_notices", queueing_lock="expiry_notices")
def expiry_notices(timestamp: int) -> None:
    """Every hour: contacts are told once that their customer may call for less than another week."""
    del timestamp
    with acting(Actor("timetable", frozenset({"notify_expiring_customers"}))):
        notify_expiring_customers()


@app.periodic(cron="40 * * * *")
@app.task(name="cli_lapses", queueing_lock="cli_lapses")
def cli_lapses(timestamp: int) -> None:
    """Every hour: contacts are told which caller numbers they have to verify again; what they did not is taken off."""
    del timestamp
    with acting(Actor("timetable", frozenset({"lapse_verified_clis"}))):
        lapse_verified_clis()


@app.periodic(cron="* * * * *")
@app.task(name="packages", queueing_lock="packages")
def packages(timestamp: int) -> None:
    """Every minute: what falls due of packages, customer by customer; one that cannot be charged stops no other."""
    del timestamp
    with acting(Actor("timetable", frozenset({"run_packages"}))):
        for customer_id in package_runs.customers_due():
            try:
                package_runs.run_packages(customer_id=customer_id)
            except Exception:  # whatever befalls one, the others are charged
                log.exception("ALARM packages of customer %s are not charged", customer_id)


@app.periodic(cron="25 * * * *")
@app.task(name="package_renewals", queueing_lock="package_renewals")
def package_renewals(timestamp: int) -> None:
    """Every hour: customers are told once of packages that renew soon."""
    del timestamp
    with acting(Actor("timetable", frozenset({"notify_package_renewals"}))):
        package_runs.notify_package_renewals()


@app.periodic(cron="10 3 * * *")
@app.task(name="platform_charges", queueing_lock="platform_charges")
def platform_charges(timestamp: int) -> None:
    """Every night: the days that are over are charged to the account, each once."""
    del timestamp
    with acting(Actor("timetable", frozenset({"charge_account_days"}))):
        for account_id in Account.objects.values_list("pk", flat=True):
            charge_account_days(account_id=account_id)


@app.periodic(cron="25 * * * *")
@app.task(name="invoices", queueing_lock="invoices")
def invoices(timestamp: int) -> None:
    """Every hour: the periods that are over are billed, each once; what was missed is caught up."""
    count = run_on_every_core(datetime.fromtimestamp(timestamp, UTC))
    log.info("%s documents issued", count)


@app.periodic(cron="*/15 * * * *")
@app.task(name="reports", queueing_lock="reports")
def reports(timestamp: int) -> None:
    """Every quarter of an hour: reports that are due are mailed."""
    del timestamp
    with acting(Actor("timetable", frozenset({"mail_due_reports"}))):
        mail_due_reports()


@app.periodic(cron="30 3 * * *")
@app.task(name="doctor", queueing_lock="doctor")
def examine(timestamp: int) -> None:
    """Every night: the books. What breaks a law is told loudly: monitoring looks for the word ALARM, people get a mail.

    Hours that are not the sum of their calls are told and then made anew: the calls are the truth. So are balances of
    days that are not the sums of their entries.
    """
    findings = doctor.examine(environment.database_url())
    for finding in findings:
        if finding.state == doctor.WRONG:
            log.critical("ALARM %s: %s %s", finding.check, finding.words, finding.rows[: doctor.SHOWN_ROWS])
    with acting(Actor("timetable", frozenset({"tell_of_books"}))):
        for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
            _tell_of_books(account_id, findings)
    for finding in findings:
        if finding.state == doctor.WRONG and finding.check == KEPT and finding.rows:
            kept_balances.keep_anew(min(row["day_on"] for row in finding.rows), datetime.fromtimestamp(timestamp, UTC))
        if finding.state == doctor.WRONG and finding.check in SUMMED:
            with acting(Actor("timetable", frozenset({"rebuild_summaries"}))):
                rebuild_summaries(hours=[row["hour_at"] for row in finding.rows])


def _tell_of_books(account_id: int, findings: Sequence[doctor.Finding]) -> None:
    """One account is told by itself: what goes wrong with its mail keeps none of the others from theirs."""
    try:
        if told := doctor.told_to(account_id, findings):
            tell_of_books(account_id=account_id, findings=told)
    except Exception:  # whatever it was, it is told and the next account follows
        log.critical("ALARM account %s is not told of its books", account_id, exc_info=True)


@app.periodic(cron="20 1 * * *")
@app.task(name="balances", queueing_lock="balances")
def balances(timestamp: int) -> None:
    """Every night: what wallets held at the end of the days that are over is kept, for statements of account."""
    kept_balances.keep_balances(datetime.fromtimestamp(timestamp, UTC))


@app.periodic(cron="40 1 * * *")
@app.task(name="lake", queueing_lock="lake")
def lake(timestamp: int) -> None:
    """Every night: the days that are closed go to the lake, and those that changed go there again."""
    at = datetime.fromtimestamp(timestamp, UTC)
    log.info("%s files written to the lake", len(lake_days.write_closed_days(at)))
    retention.obey_cdr_days(at)
    lake_days.delete_replaced(at)


@app.periodic(cron="45 3 * * *")
@app.task(name="old_recordings", queueing_lock="old_recordings")
def old_recordings(timestamp: int) -> None:
    """Every night: recordings whose days are over are deleted."""
    deleted = retention.delete_old_recordings(
        environment.data_folder() / "recordings", datetime.fromtimestamp(timestamp, UTC)
    )
    log.info("%s recordings deleted", deleted)


@app.periodic(cron="*/5 * * * *")
@app.task(name="recording_space", queueing_lock="recording_space")
def space_of_recordings(timestamp: int) -> None:
    """Every five minutes: recordings that are new or gone count for their customers, or no longer."""
    del timestamp
    new, gone = recording_space.count_recordings(environment.data_folder() / "recordings")
    if new or gone:
        log.info("%s recordings are new, %s are gone", new, gone)


@app.periodic(cron="50 3 * * *")
@app.task(name="sessions", queueing_lock="sessions")
def sessions(timestamp: int) -> None:
    """Every night: sessions that have ended are forgotten, codes of contacts, wrong vouchers and wrong PINs too."""
    call_command("clearsessions")
    portal_access.forget_old(datetime.fromtimestamp(timestamp, UTC))
    vouchers.forget_attempts(datetime.fromtimestamp(timestamp, UTC))
    access_numbers.forget_old(datetime.fromtimestamp(timestamp, UTC))


@app.periodic(cron="55 3 * * *")
@app.task(name="old_jobs", queueing_lock="old_jobs", pass_context=True)
async def old_jobs(context: object, timestamp: int) -> None:
    """Every night: jobs done a month ago are forgotten."""
    del context, timestamp
    await app.job_manager.delete_old_jobs(nb_hours=30 * 24, include_failed=True, include_cancelled=True)


@app.periodic(cron="40 3 * * *")
@app.task(name="old_messages", queueing_lock="old_messages")
def old_messages(timestamp: int) -> None:
    """Every night: messages older than 90 days are forgotten, events after 30 days, what alerts did after a year, how
    notices of payments came after 400 days."""
    del timestamp
    at = datetime.now(UTC)
    deliveries.forget_old(at)
    webhook_deliveries.forget_old(at)
    alert_watch.forget_old(at)
    payment_forgetting.forget_old(at)


@app.periodic(cron="15 0 * * *")
@app.task(name="vat_numbers", queueing_lock="vat_numbers")
def vat_numbers(timestamp: int) -> None:
    """Every night, before the day's documents: numbers that were proved a month ago are asked for anew."""
    log.info("%s VAT numbers are asked for again", vat_checks.ask_again(datetime.fromtimestamp(timestamp, UTC)))


@app.periodic(cron="35 * * * *")
@app.task(name="dunning", queueing_lock="dunning")
def dunning(timestamp: int) -> None:
    """Every hour, because days end in every zone: reminders, late fees and restrictions that are due, each once."""
    run_dunning(datetime.fromtimestamp(timestamp, UTC))


@app.periodic(cron="42 3 * * *")
@app.task(name="old_tasks", queueing_lock="old_tasks")
def old_tasks(timestamp: int) -> None:
    """Every night: jobs of people and delayed saves that ended 90 days ago are forgotten; files of people too, and what
    was deleted too long ago to be restored."""
    del timestamp
    tasks.forget_old(datetime.now(UTC))
    delays.forget_old(datetime.now(UTC))
    deleted_records.forget_old(datetime.now(UTC))
    uploads.forget_waiting_files(datetime.now(UTC))
    call_files.forget_old(datetime.now(UTC))
