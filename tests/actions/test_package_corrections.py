"""Claims about a minimum spend whose calls are corrected after its period was charged: the difference follows, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.actions.bills import Talk, balance, charged, correct
from tests.actions.cast import EURO, acme
from tests.actions.test_customer_packages import DAY, NANOS, midnight, package
from tests.moments import today
from tollgate.actions import package_runs
from tollgate.actions.customer_packages import assign_package, end_customer_package
from tollgate.actions.customers import create_customer
from tollgate.actions.invoices import draft_invoice
from tollgate.actions.options import update_options
from tollgate.actions.package_dues import Due, charge_due
from tollgate.actions.package_runs import customers_due, run_packages
from tollgate.store.models import Account, Charge, Customer, CustomerPackage


def spent(account: Account, micros: int, **fields: object) -> tuple[Customer, CustomerPackage]:
    """A customer with a minimum spend of 50 a day, whose calls of yesterday cost so much; yesterday is charged."""
    customer = acme(account)
    update_options(account_id=account.pk, invoice_lag_h=0)
    charged(customer, [Talk(midnight(today() - DAY) + timedelta(hours=5), micros)])
    sold = package(account, minimum_spend=True, retail_nanos=50 * NANOS)
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today() - DAY, **fields)  # type: ignore[arg-type]
    return customer, held


def amounts(customer: Customer) -> list[int]:
    """What was charged, in its order."""
    return list(Charge.objects.filter(customer=customer).order_by("id").values_list("amount_micros", flat=True))


def test_calls_that_cost_more_after_a_correction_give_the_difference_back_once(account: Account) -> None:
    customer, held = spent(account, 25 * EURO)
    assert (amounts(customer), balance(customer), customers_due()) == ([25 * EURO], -50 * EURO, [])
    correct(customer, -25 * EURO)
    assert customers_due() == [customer.pk]
    (told,) = run_packages(customer_id=customer.pk, simulate=True)
    assert (told["amount_micros"], told["used_micros"], told["from_on"]) == (-25 * EURO, 50 * EURO, today() - DAY)
    assert amounts(customer) == [25 * EURO], "a simulation only tells"
    assert [due["amount_micros"] for due in run_packages(customer_id=customer.pk)] == [-25 * EURO]
    assert (amounts(customer), balance(customer)) == ([25 * EURO, -25 * EURO], -50 * EURO), "75 were paid before"
    assert (run_packages(customer_id=customer.pk), customers_due()) == ([], [])
    after = Charge.objects.latest("id")
    assert "calls were corrected" in after.description
    assert (after.kind, after.from_on, after.entry_id is not None) == ("minimum_spend", today() - DAY, True)
    assert after.detail["customer_package"] == held.pk


def test_calls_that_cost_less_are_charged_up_to_the_minimum_also_where_nothing_was_missing(account: Account) -> None:
    customer, _ = spent(account, 60 * EURO)
    assert amounts(customer) == []
    correct(customer, 20 * EURO)
    assert [due["amount_micros"] for due in run_packages(customer_id=customer.pk)] == [10 * EURO]
    correct(customer, -15 * EURO)
    correct(customer, 1 * EURO)
    assert [due["amount_micros"] for due in run_packages(customer_id=customer.pk)] == [-10 * EURO], "all at once"
    assert (amounts(customer), balance(customer)) == ([10 * EURO, -10 * EURO], -54 * EURO)


def test_a_correction_is_compared_with_the_terms_of_its_period_also_when_the_package_is_over(account: Account) -> None:
    customer, held = spent(account, 25 * EURO)
    end_customer_package(customer_package_id=held.pk, ends_on=today())
    held.package.retail_nanos = 900 * NANOS
    held.package.save()
    CustomerPackage.objects.update(ends_on=today() - DAY, next_on=None)
    correct(customer, -5 * EURO)
    assert [due["amount_micros"] for due in run_packages(customer_id=customer.pk)] == [-5 * EURO]


def test_corrections_of_other_days_and_of_other_customers_change_nothing(account: Account) -> None:
    customer, _ = spent(account, 25 * EURO)
    other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    for whose, begun in ((customer, today() - 3 * DAY), (other, today() - DAY)):
        charged(whose, [Talk(midnight(begun), 9 * EURO)])
        correct(whose, 9 * EURO)
    assert customers_due() == [customer.pk], "there is something to look at"
    assert (run_packages(customer_id=customer.pk), customers_due()) == ([], [])
    assert amounts(customer) == [25 * EURO]
    assert run_packages(customer_id=other.pk) == []


def test_the_difference_is_a_line_of_its_own_on_the_next_invoice(account: Account) -> None:
    customer, _ = spent(account, 25 * EURO, auto_decrement=False)
    correct(customer, -10 * EURO)
    run_packages(customer_id=customer.pk)
    draft = draft_invoice(customer_id=customer.pk, from_on=today() - 2 * DAY, until_on=today())
    lines = [(line.kind, line.exact_micros) for line in draft.lines.order_by("position")]
    assert ("charge", 25 * EURO) in lines
    assert ("charge", -10 * EURO) in lines


def test_a_correction_that_comes_while_the_first_period_is_charged_is_compared_by_the_next_run(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = acme(account)
    update_options(account_id=account.pk, invoice_lag_h=0)
    charged(customer, [Talk(midnight(today() - DAY) + timedelta(hours=5), 25 * EURO)])
    sold = package(account, minimum_spend=True, retail_nanos=50 * NANOS)

    def corrected_meanwhile(held: CustomerPackage, due: Due) -> None:
        correct(customer, -5 * EURO)
        charge_due(held, due)

    monkeypatch.setattr(package_runs, "charge_due", corrected_meanwhile)
    assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today() - DAY)
    monkeypatch.undo()
    assert amounts(customer) == [25 * EURO], "what the calls had cost when it was asked"
    assert customers_due() == [customer.pk]
    assert [due["amount_micros"] for due in run_packages(customer_id=customer.pk)] == [-5 * EURO]
    assert (run_packages(customer_id=customer.pk), customers_due()) == ([], [])
