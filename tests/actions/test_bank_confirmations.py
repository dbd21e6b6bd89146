"""Claims about the job that confirms a file for the bank: each line once, whoever else says what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Thread
from time import sleep

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.actions.bank import IBAN, Move, collecting, confirmed, today, told, with_mandate
from tests.actions.bills import balance
from tests.actions.cast import ANN, EURO, demo_account
from tests.actions.test_bank_credits import owing
from tests.actions.test_bank_payouts import back, broken, debit, sent, states
from tests.actions.test_customers import refused
from tests.actions.test_debits import run_of
from tests.actions.test_payouts import file_of
from tests.actions.test_tasks import actor_of, by_another_worker, errors_of, user, work
from tollgate.actions import tasks
from tollgate.actions.acts import Actor, NotPermitted, acting
from tollgate.actions.allocations import take_all_turns
from tollgate.actions.bank_confirmations import confirm_bank_run
from tollgate.actions.bank_runs import cancel_bank_run, return_bank_line
from tollgate.actions.payments import cancel_payment, complete_payment, create_payment
from tollgate.actions.payouts import pay_out_credit
from tollgate.actions.tasks import retry_task
from tollgate.store.models import Account, BankLine, BankRun, Customer, Entry, Payment, Task

__all__ = ["today"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(account: Account) -> Actor:
    """A user, in whose name jobs go on."""
    return actor_of(user("ann@demo.example", "*"))


def arrivals() -> list[int]:
    """How often each payout was booked as paid."""
    paid = Payment.objects.filter(kind="refund").order_by("pk").values_list("pk", flat=True)
    return [Entry.objects.filter(key=f"payment:{pk}:arrived").count() for pk in paid]


def test_a_file_is_confirmed_line_by_line_by_one_job_however_often_that_is_asked_for(
    account: Account, today: Move, operator: Actor
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    run = run_of(account, *(owing(baltic, euros) for euros in (10, 20, 30)))
    lines = list(run.lines.order_by("pk"))
    with acting(operator):
        task = confirm_bank_run(bank_run_id=run.pk)
        assert confirm_bank_run(bank_run_id=run.pk) == task, "a button pressed twice"
    assert (states(lines), balance(baltic)) == (["waiting"] * 3, -60 * EURO), "nothing moves by who only begins it"
    assert "The bank has file" in refused("bank_run_id", cancel_bank_run, bank_run_id=run.pk)
    work(1, task)
    assert (states(lines), balance(baltic)) == (["settled", "waiting", "waiting"], -50 * EURO)
    work()
    with acting(operator):
        assert confirm_bank_run(bank_run_id=run.pk) == task, "nor is it done again"
    work()
    task.refresh_from_db()
    assert (task.state, task.done_count, task.total_count, task.kind) == ("completed", 3, 3, "bank_confirmation")
    assert (states(lines), balance(baltic), broken()) == (["settled"] * 3, 0, {})


def test_what_came_back_or_was_told_meanwhile_stays_as_it_is(account: Account, today: Move, operator: Actor) -> None:
    baltic, run, lines = sent(account, 10, 20, 30, 40)
    with acting(operator):
        task = confirm_bank_run(bank_run_id=run.pk)
    return_bank_line(bank_line_id=lines[0].pk, reason_code="AC04")
    told(account, debit(lines[1], reference="B1"), back(lines[1], reason="AC01", own="R1"))
    told(account, debit(lines[2], reference="B2"))
    work()
    task.refresh_from_db()
    assert (task.state, task.done_count, task.failed_count) == ("completed", 4, 0)
    assert states(lines) == ["rejected", "returned", "settled", "settled"]
    assert (balance(baltic), arrivals(), broken()) == (30 * EURO, [0, 1, 1, 1], {})
    told(account, debit(lines[3], reference="B3"), debit(lines[2], reference="B2"))
    assert (balance(baltic), arrivals()) == (30 * EURO, [0, 1, 1, 1]), "told later, nothing moves"


def test_who_may_not_approve_the_payments_confirms_no_file_of_them(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    run = file_of(account, pay_out_credit(customer_id=baltic.pk, amount_micros=30 * EURO))
    with acting(actor_of(user("bob@demo.example", "confirm_bank_run"))), pytest.raises(NotPermitted):
        confirm_bank_run(bank_run_id=run.pk)
    Account.objects.update(two_person_payments=True)
    assert "Another user approves" in refused("payment_id", confirm_bank_run, bank_run_id=run.pk)
    assert not Task.objects.exists()
    assert confirmed(run).done_count == 1


def test_lines_that_were_refused_wait_and_are_tried_again(account: Account, today: Move, operator: Actor) -> None:
    with acting(operator):
        _, run, lines = sent(account, 10, 20)
        task = confirm_bank_run(bank_run_id=run.pk)
    work(1, task)
    Account.objects.update(two_person_payments=True)
    work()
    assert "Another user approves" in errors_of(task)[2][0][1]
    assert states(lines) == ["settled", "waiting"]
    Account.objects.update(two_person_payments=False)
    with acting(actor_of(user("another@demo.example", "*"))):
        assert "Only who began it" in refused("task_id", retry_task, task_id=task.pk)
    with acting(operator):
        retry_task(task_id=task.pk)
    work()
    assert (states(lines), broken()) == (["settled", "settled"], {})


def test_a_file_of_which_nothing_waits_is_not_confirmed(account: Account, today: Move) -> None:
    _, run, lines = sent(account, 10)
    told(account, debit(lines[0], reference="B1"))
    assert "Nothing of file" in refused("bank_run_id", confirm_bank_run, bank_run_id=run.pk)
    assert not Task.objects.exists()


def a_file(count: int) -> tuple[list[Customer], BankRun, list[BankLine], Actor]:
    """One that the bank does not have yet, of a payout to each of so many customers; and a user."""
    with acting(ANN):
        account = collecting(demo_account())
        customers, payouts = [], []
        for number in range(count):
            customer, _ = with_mandate(account, f"C{number}")
            create_payment(customer_id=customer.pk, amount_micros=50 * EURO)
            customers.append(customer)
            payouts.append(pay_out_credit(customer_id=customer.pk, amount_micros=30 * EURO, iban=IBAN))
        with transaction.atomic():
            run = file_of(account, *payouts)
    lines = [BankLine.objects.get(payment=one) for one in payouts]
    return customers, run, lines, actor_of(user("ann@demo.example", "*"))


def at_once(*doings: Callable[[], object]) -> None:
    """All of them at the same time, each by a connection of its own. Raises what one has raised."""

    def one(doing: Callable[[], object]) -> None:
        try:
            doing()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(doings)) as pool:
        for ended in [pool.submit(one, doing) for doing in doings]:
            ended.result()


@pytest.mark.django_db(transaction=True)
def test_two_workers_a_kill_a_person_and_a_statement_move_the_money_of_each_line_once(today: Move) -> None:
    customers, run, lines, ann = a_file(8)
    with acting(ann):
        task = confirm_bank_run(bank_run_id=run.pk)
    with transaction.atomic():  # a killed one never commits
        assert tasks._one_row(tasks.Shift(), datetime.now(UTC))
        assert states(lines)[0] == "settled"
        transaction.set_rollback(True)
    assert states(lines)[0] == "waiting"
    with transaction.atomic():
        Task.objects.select_for_update(no_key=True).get(pk=task.pk)
        assert by_another_worker() == 0, "somebody else has it in hand"

    def worker() -> None:
        while Task.objects.get(pk=task.pk).state in tasks.OPEN:
            work()

    def person() -> None:
        with acting(ann):
            for line in lines[::-2]:
                return_bank_line(bank_line_id=line.pk, reason_code="AC04")

    def statement() -> None:
        with acting(ann):
            for line in lines[::-3]:
                told(task.account, back(line, reason="AC04", own=f"R{line.pk}"))

    at_once(worker, worker, person, statement)
    task.refresh_from_db()
    assert (task.state, task.done_count, task.failed_count) == ("completed", 8, 0)
    assert not task.rows.exclude(attempt_count=0).exists(), "none had to be tried again: no two waited for each other"
    ended = states(lines)
    assert set(ended[::2]) <= {"settled", "returned", "rejected"}
    assert set(ended[::-2]) <= {"returned", "rejected"}
    gone = [30 * EURO if state == "settled" else 0 for state in ended]
    assert [balance(customer) for customer in customers] == [50 * EURO - micros for micros in gone]
    assert arrivals() == [0 if state == "rejected" else 1 for state in ended]
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["the job", "who approves", "who returns", "who cancels"])
def test_a_statement_that_holds_the_file_gets_the_wallets_whoever_else_waits_for_it(today: Move, who: str) -> None:
    customers, run, (line,), ann = a_file(1)
    if who == "the job":
        with acting(ann):
            confirm_bank_run(bank_run_id=run.pk)

    def other() -> None:
        if who == "the job":
            work()
            return
        with acting(ann):
            if who == "who approves":
                complete_payment(payment_id=line.payment_id)
            elif who == "who cancels":
                refused("payment_id", cancel_payment, payment_id=line.payment_id)
            else:
                return_bank_line(bank_line_id=line.pk)

    while_it_waits(other, run, customers)
    assert states([line]) == [{"who returns": "rejected", "who cancels": "waiting"}.get(who, "settled")]


def while_it_waits(other: Callable[[], None], run: BankRun, customers: Sequence[Customer]) -> None:
    """Somebody who holds a file gets its wallets, payments and lines, in this order, while another waits for it."""
    waits = Thread(target=at_once, args=(other,))
    try:
        with transaction.atomic():
            BankRun.objects.select_for_update(no_key=True).get(pk=run.pk)
            waits.start()
            while not one_waits():
                assert waits.is_alive(), "it moves money of a file without holding it"
                sleep(0.01)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '1s'")
            take_all_turns(customers)
            list(Payment.objects.select_for_update().filter(bank_line__run=run))
            list(BankLine.objects.select_for_update().filter(run=run))
    finally:
        waits.join()


def one_waits() -> bool:
    """Whether somebody waits for a lock of somebody else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() != (0,)


@pytest.mark.django_db(transaction=True)
def test_who_cancels_a_collection_that_a_file_holds_waits_for_the_file_before_anything_of_it(today: Move) -> None:
    with acting(ANN):
        baltic, _ = with_mandate(collecting(demo_account()), "Baltic")
        with transaction.atomic():
            run = run_of(baltic.account, owing(baltic, 10))
    line = run.lines.get()

    def cancel() -> None:
        with acting(ANN):
            assert "It is in file" in refused("payment_id", cancel_payment, payment_id=line.payment_id)

    while_it_waits(cancel, run, [baltic])
    assert states([line]) == ["waiting"]


def test_a_payment_is_locked_before_its_line_by_whoever_says_what_became_of_it(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    for say in (
        lambda line: complete_payment(payment_id=line.payment_id),
        lambda line: return_bank_line(bank_line_id=line.pk),
        lambda line: refused("payment_id", cancel_payment, payment_id=line.payment_id),
    ):
        line = run_of(account, owing(baltic, 10)).lines.get()
        with CaptureQueriesContext(connection) as asked:
            say(line)
        locks = [query["sql"].split(" FROM ")[1].split()[0] for query in asked if "FOR NO KEY" in query["sql"]]
        first = [name for name in dict.fromkeys(locks) if name in ('"bank_run"', '"payment"', '"bank_line"')]
        assert first == ['"bank_run"', '"payment"', '"bank_line"']
