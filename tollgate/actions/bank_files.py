"""Acts that make files for the bank, of collections or of transfers: each begins a job, for a file may have 1,000
lines.

A file is made once: who asks for the same again, be it a request that is repeated, gets the job that makes it or has
made it, until that file is canceled or something of it came back. The job has one row, the file: whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, Final

from django.db import connection

from tollgate.actions import checks, delay_values, records, tasks
from tollgate.actions.acts import act
from tollgate.actions.bank_runs import OVER
from tollgate.actions.debits import debit_run, execution_day, id_list, own_party
from tollgate.actions.payouts import payout_day, transfer_run
from tollgate.store.models import Account, BankRun, Task, TaskRow

KIND: Final = "bank_run"
"""The kind of task that makes a file."""
_IDS: Final = {"invoice_ids": id_list, "bank_line_ids": id_list}


@act
def make_debit_run(*, account_id: int, execute_on: date | str, invoice_ids: Sequence[int]) -> Task:
    """Begins a job that makes the file which collects these invoices on a day, each for what is open of it.

    Whom the invoice has not announced that day and amount is told by mail. Who asks for the same again gets the job
    that is there.
    """
    ids = checks.cleaned(_IDS, {"invoice_ids": invoice_ids})["invoice_ids"]
    account = records.find(Account, account_id)
    on = execution_day(execute_on, records.now().astimezone(UTC).date())
    own_party(account, collects=True)
    return _begun(account, make_debit_run.__name__, f"File that collects {len(ids):,} invoices on {on}", on, ids)


@act
def make_transfer_run(*, account_id: int, execute_on: date | str, bank_line_ids: Sequence[int]) -> Task:
    """Begins a job that makes the file which pays these transfers on a day. Who asks for the same again gets the job
    that is there."""
    ids = checks.cleaned(_IDS, {"bank_line_ids": bank_line_ids})["bank_line_ids"]
    account, on = records.find(Account, account_id), payout_day(execute_on)
    own_party(account, collects=False)
    return _begun(account, make_transfer_run.__name__, f"File that pays {len(ids):,} transfers on {on}", on, ids)


def run_of(task: Task) -> BankRun | None:
    """The file that a job has made."""
    row = task.rows.filter(state="done").first()
    if row is None or row.record_id is None:
        return None
    return BankRun.objects.filter(account_id=task.account_id, pk=row.record_id).first()


def _begun(account: Account, act_name: str, title: str, on: date, ids: Sequence[int]) -> Task:
    wanted: dict[str, Any] = {"execute_on": on.isoformat(), "ids": list(ids)}
    with connection.cursor() as cursor:  # a button that is pressed twice at once begins one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{__name__} {account.pk}"])
    same = Task.objects.filter(account=account, kind=KIND, act=act_name, arguments=wanted)
    for known in same.exclude(state__in=("failed", "canceled")).order_by("-pk"):
        if known.state in tasks.OPEN or _stands(run_of(known)):
            return known
    return tasks.begin(
        kind=KIND,
        noun="bank_run",
        act_name=act_name,
        title=title,
        rows=[tasks.NewRow(1, title="The file")],
        account_id=account.pk,
        arguments=wanted,
    )


def _stands(run: BankRun | None) -> bool:
    """Whether a file still asks for all that it was made for."""
    return run is not None and run.state != "canceled" and not run.lines.filter(state__in=OVER).exists()


def _make(task: Task, _: TaskRow) -> BankRun:
    wanted = delay_values.read(task.arguments)
    given = {"account_id": task.account_id, "execute_on": wanted["execute_on"]}
    if task.act == make_debit_run.__name__:
        return debit_run(**given, invoice_ids=wanted["ids"])
    return transfer_run(**given, bank_line_ids=wanted["ids"])


tasks.DOING[KIND] = _make
