"""Claims about runs of packages for everybody: a job charges each customer once, whatever befalls it or another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from tests.actions.cast import ANN, EURO, demo_account
from tests.actions.test_customer_packages import DAY, charges, package
from tests.actions.test_customers import refused
from tests.actions.test_tasks import actor_of, by_another_worker, errors_of, user, work
from tests.moments import today
from tollgate.actions import package_runs, tasks
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customer_packages import assign_package
from tollgate.actions.customers import create_customer
from tollgate.actions.package_runs import run_packages, start_package_run
from tollgate.actions.tasks import cancel_task, retry_task
from tollgate.store.models import Account, Charge, Customer, CustomerPackage, Task

pytestmark = pytest.mark.django_db


def holders(account: Account, count: int) -> list[Customer]:
    """Customers of whose package a day is due, each."""
    sold = package(account)
    made = [create_customer(account_id=account.pk, name=f"C{n:02}", currency="EUR") for n in range(count)]
    Customer.objects.update(parked_at=datetime.now(UTC))  # so that it waits for the run
    for customer in made:
        assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today())
    Customer.objects.update(parked_at=None)
    return made


def told(task: Task) -> dict[str, list[int]]:
    """What each customer's row has kept."""
    rows = task.rows.exclude(outcome=None).values_list("title", "outcome")
    return {title: [due["amount_micros"] for due in outcome or ()] for title, outcome in rows}


@pytest.fixture
def operator(account: Account) -> Actor:
    return actor_of(user("ann@demo.example", "*"))


def test_a_run_for_everybody_is_a_job_that_keeps_what_it_charged_and_a_repeat_charges_nothing(
    account: Account, operator: Actor
) -> None:
    made = holders(account, 3)
    with acting(operator):
        seen = start_package_run(account_id=account.pk, on=today() + DAY, simulate=True)
        begun = start_package_run(account_id=account.pk, on=today())
        assert start_package_run(account_id=account.pk, on=today().isoformat()) == begun, "a button pressed twice"
        refused("on", start_package_run, account_id=account.pk, on=today() + 3 * DAY)
    assert not Charge.objects.exists(), "nothing is charged by who only begins it"
    work(task=seen)
    assert not Charge.objects.exists(), "and nothing by a simulation"
    assert told(seen) == {customer.name: [30 * EURO] * 2 for customer in made}
    work()
    begun.refresh_from_db()
    assert (begun.state, begun.done_count, begun.total_count) == ("completed", 4, 4)
    assert told(begun) == {customer.name: [30 * EURO] for customer in made}
    assert all(len(charges(customer)) == 1 for customer in made)
    with acting(operator):
        again = start_package_run(account_id=account.pk, on=today())
    work()
    assert (again.pk != begun.pk, told(again)) == (True, {}), "nobody is due any more"
    assert Charge.objects.count() == 3


def test_it_is_canceled_between_customers_goes_on_and_tells_whom_it_could_not_charge(
    account: Account, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = holders(account, 3)
    run_held = package_runs.run_held

    def failing(held: CustomerPackage, on: object) -> list[package_runs.Due]:
        if held.customer == made[0]:
            raise ZeroDivisionError
        return run_held(held, today())

    monkeypatch.setattr(package_runs, "run_held", failing)
    with acting(operator):
        begun = start_package_run(account_id=account.pk, on=today())
    work(3)  # the search and two customers
    with acting(operator):
        cancel_task(task_id=begun.pk)
    assert (work(), Charge.objects.count()) == (0, 1)
    assert "ZeroDivisionError" in errors_of(begun)[2][0][1]
    monkeypatch.undo()
    with acting(operator):
        retry_task(task_id=begun.pk)
    work()
    assert [len(charges(customer)) for customer in made] == [1, 1, 1]
    assert told(begun) == {customer.name: [30 * EURO] for customer in made}


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_one_that_is_killed_charge_every_customer_once() -> None:
    with acting(ANN):
        account = demo_account()
        made = holders(account, 6)
    with acting(actor_of(user("ann@demo.example", "*"))):
        begun = start_package_run(account_id=account.pk, on=today())
    for _ in range(2):  # killed in the search, and in a customer: it never commits
        with transaction.atomic():
            assert tasks._one_row(tasks.Shift(), datetime.now(UTC))
            transaction.set_rollback(True)
        work(1)
    assert (begun.rows.count(), Charge.objects.count()) == (7, 1)
    with transaction.atomic():
        Task.objects.select_for_update(no_key=True).get(pk=begun.pk)
        assert by_another_worker() == 0, "somebody else has it in hand"
    together = Barrier(3)

    def worker() -> None:
        together.wait()
        while tasks.Task.objects.get(pk=begun.pk).state in tasks.OPEN:
            work()
        connection.close()

    def timetable() -> None:
        together.wait()
        for customer in made[1:]:
            with acting(ANN):
                run_packages(customer_id=customer.pk)
        connection.close()

    threads = [Thread(target=worker), Thread(target=worker), Thread(target=timetable)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begun.refresh_from_db()
    assert (begun.state, begun.done_count) == ("completed", 7)
    assert [charges(customer) for customer in made] == [[("package", str(today()), 30 * EURO)]] * 6
    assert {customer.name: len(amounts) for customer, amounts in zip(made, told(begun).values(), strict=True)}
    assert Charge.objects.filter(entry_id=None).count() == 0
    assert CustomerPackage.objects.exclude(next_on=today() + timedelta(days=1)).count() == 0
