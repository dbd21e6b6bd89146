"""The act that says that all money of a file for the bank has moved: a job, for a file may have 1,000 lines.

Each line is a row of it, done once and in a transaction of its own, so that calls, statements and people who confirm or
return single lines wait for no more than one. What of the file waits no more when its turn comes stays what it is.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions import records, tasks
from tollgate.actions.acts import NotPermitted, act, current, refuse
from tollgate.actions.bank_lines import hold
from tollgate.actions.payments import check_other, complete_payment
from tollgate.store.models import BankLine, BankRun, Task, TaskRow

KIND: Final = "bank_confirmation"
"""The kind of task that confirms the lines of a file."""


@act
def confirm_bank_run(*, bank_run_id: int) -> Task:
    """Begins a job that says that all money of a file that still waits has moved, where no statement tells it.

    The bank has the file then. Who asks again gets the job that is there, as long as it runs or has left nothing.
    """
    run = records.locked(BankRun, bank_run_id)  # a button that is pressed twice at once begins one
    if run.state == "canceled":
        raise refuse("bank_run_id", f"File {run} is canceled: nothing of it moves.")
    if not current.get().may_do(complete_payment.__name__):
        raise NotPermitted(complete_payment.__name__)
    waiting = list(run.lines.filter(state="waiting").select_related("payment").order_by("pk"))
    known = confirmation_of(run)
    if known is not None and (known.state in tasks.OPEN or not waiting):
        return known
    if not waiting:
        raise refuse("bank_run_id", f"Nothing of file {run} waits for the bank any more.")
    check_other(*(line.payment for line in waiting))
    if run.state == "made":
        run = records.change(run, {"state": "sent", "sent_at": records.now()})
    return tasks.begin(
        kind=KIND,
        noun="bank_line",
        act_name=confirm_bank_run.__name__,
        title=f"All of file {run} has moved",
        rows=(tasks.NewRow(place, line.pk, str(line)) for place, line in enumerate(waiting, start=1)),
        account_id=run.account_id,
        arguments={"bank_run_id": run.pk},
    )


def confirmation_of(run: BankRun) -> Task | None:
    """The job that confirms a file: the one at work, else the newest."""
    of_run = Task.objects.filter(account_id=run.account_id, kind=KIND, arguments={"bank_run_id": run.pk}).order_by(
        "-pk"
    )
    return of_run.filter(state__in=tasks.OPEN).first() or of_run.first()


def _confirm(_: Task, row: TaskRow) -> BankLine:
    line = records.find(BankLine, row.record_id)
    hold(line)
    line.refresh_from_db()
    if line.state == "waiting":
        complete_payment(payment_id=line.payment_id)
    return line


tasks.DOING[KIND] = _confirm
tasks.BY_AUTHOR.add(KIND)  # who says that money has moved says it for itself
