"""Claims about jobs that make files for the bank: each file is made once and whole, however often it is asked for."""

from __future__ import annotations

import pytest

from tests.actions.bank import Move, collecting, today, with_mandate
from tests.actions.cast import EURO
from tests.actions.test_bank_credits import owing
from tests.actions.test_customers import refused
from tests.actions.test_debits import DUE
from tests.actions.test_tasks import actor_of, errors_of, user, work
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bank_files import make_debit_run, make_transfer_run, run_of
from tollgate.actions.bank_runs import cancel_bank_run, return_bank_line, send_bank_run
from tollgate.actions.payments import create_payment
from tollgate.actions.payouts import pay_out_credit
from tollgate.actions.tasks import retry_task
from tollgate.store.models import Account, BankLine, BankRun, Payment, Task

__all__ = ["today"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(account: Account) -> Actor:
    """A user, in whose name jobs go on."""
    return actor_of(user("ann@demo.example", "*"))


def test_a_file_of_collections_is_made_by_a_job_once_however_often_it_is_asked_for(
    account: Account, today: Move, operator: Actor
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    ids = [owing(baltic, euros).pk for euros in (10, 20, 30)]
    asked = {"account_id": account.pk, "execute_on": DUE, "invoice_ids": ids}
    with acting(operator):
        task = make_debit_run(**asked)
        assert make_debit_run(**{**asked, "invoice_ids": ids[::-1]}) == task, "a button pressed twice"
    assert not BankRun.objects.exists(), "nothing is made by who only begins it"
    work(task=task)
    with acting(operator):
        assert make_debit_run(**{**asked, "execute_on": str(DUE)}) == task, "nor is it made again"
    work()
    run = BankRun.objects.get()
    assert (run_of(task), run.lines_count, run.total_micros) == (run, 3, 60 * EURO)
    task.refresh_from_db()
    assert (task.state, task.done_count, task.total_count) == ("completed", 1, 1)
    assert run.created_by == operator.name


def test_what_is_canceled_or_has_come_back_is_asked_for_anew(account: Account, today: Move, operator: Actor) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    asked = {"account_id": account.pk, "execute_on": DUE, "invoice_ids": [owing(baltic, 10).pk]}
    seen = []
    for end in ("cancel", "return", ""):
        with acting(operator):
            task = make_debit_run(**asked)
        work()
        run = run_of(task)
        assert run is not None
        seen.append(run)
        if end == "cancel":
            cancel_bank_run(bank_run_id=run.pk)
        if end == "return":
            send_bank_run(bank_run_id=run.pk)
            return_bank_line(bank_line_id=run.lines.get().pk, reason_code="FF01")
    assert len(set(seen)) == 3


def test_a_file_is_whole_or_not_made_and_the_job_says_why(account: Account, today: Move, operator: Actor) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    good, paid = owing(baltic, 10), owing(baltic, 20)
    asked = {"account_id": account.pk, "execute_on": DUE, "invoice_ids": [good.pk, paid.pk]}
    refused("execute_on", make_debit_run, **{**asked, "execute_on": "2026-12-05"})
    refused("invoice_ids", make_debit_run, **{**asked, "invoice_ids": []})
    with acting(operator):
        task = make_debit_run(**asked)
    create_payment(customer_id=baltic.pk, amount_micros=10 * EURO)
    work()
    assert "are not open" in errors_of(task)[1][0][1]
    assert not Payment.objects.filter(gateway="direct_debit").exists()
    with acting(operator):
        retry_task(task_id=task.pk)
        again = make_debit_run(**{**asked, "invoice_ids": [paid.pk]})
    work()
    assert run_of(task) is None
    assert run_of(again) == BankRun.objects.get()


def test_a_file_of_transfers_is_made_by_a_job_in_its_authors_name(
    account: Account, today: Move, operator: Actor
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    Account.objects.update(two_person_payments=True)
    with acting(operator):
        payout = pay_out_credit(customer_id=baltic.pk, amount_micros=30 * EURO)
    line = BankLine.objects.get(payment=payout)
    asked = {"account_id": account.pk, "execute_on": "2026-11-23", "bank_line_ids": [line.pk]}
    with acting(operator):
        task = make_transfer_run(**asked)
    work()
    assert "Another user approves" in errors_of(task)[1][0][1]
    with acting(actor_of(user("nils@demo.example", "*"))):
        other = make_transfer_run(**asked)
    work()
    run = run_of(other)
    assert run is not None
    assert (run.kind, run.created_by, Task.objects.count()) == ("transfer", "nils@demo.example", 2)
