"""What runs without a person, and when: one function per job, each doing one thing that may be done again.

`app` is the queue in our own database (procrastinate), worked by `tollgate work`. To add a job, write its function with
a crontab (UTC); a job that changes records calls one act.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.core.management import call_command
from django.db import connection
from procrastinate.contrib.django import app

from tollgate import environment
from tollgate.jobs import doctor

DAYS_AHEAD: Final = 7
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


@app.periodic(cron="30 3 * * *")
@app.task(name="doctor", queueing_lock="doctor")
def examine(timestamp: int) -> None:
    """Every night: the books. What breaks a law is told loudly; monitoring looks for the word ALARM."""
    del timestamp
    for finding in doctor.examine(environment.database_url()):
        if finding.state == doctor.WRONG:
            log.critical("ALARM %s: %s %s", finding.check, finding.words, finding.rows[: doctor.SHOWN_ROWS])


@app.periodic(cron="50 3 * * *")
@app.task(name="sessions", queueing_lock="sessions")
def sessions(timestamp: int) -> None:
    """Every night: sessions that have ended are forgotten."""
    del timestamp
    call_command("clearsessions")


@app.periodic(cron="55 3 * * *")
@app.task(name="old_jobs", queueing_lock="old_jobs", pass_context=True)
async def old_jobs(context: object, timestamp: int) -> None:
    """Every night: jobs done a month ago are forgotten."""
    del context, timestamp
    await app.job_manager.delete_old_jobs(nb_hours=30 * 24, include_failed=True, include_cancelled=True)
