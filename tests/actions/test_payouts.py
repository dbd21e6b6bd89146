"""Claims about money that is paid out by files for the bank: once, when the bank has moved it, and never too much."""

from __future__ import annotations

from datetime import date

import pytest

from tests.actions.bank import IBAN, TODAY, Move, collecting, confirmed, today, with_mandate
from tests.actions.bills import balance
from tests.actions.cast import ANN, EURO
from tests.actions.test_bank_credits import owing
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import postpaid
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bank_runs import cancel_bank_run, export_bank_run, return_bank_line
from tollgate.actions.payments import cancel_payment, create_payment
from tollgate.actions.payouts import pay_out_credit, pay_out_payment, transfer_run
from tollgate.store.models import Account, BankLine, BankRun, Payment

__all__ = ["today"]
pytestmark = pytest.mark.django_db


def file_of(account: Account, *payments: Payment) -> BankRun:
    """A file that pays these."""
    ids = [BankLine.objects.get(payment=one).pk for one in payments]
    return transfer_run(account_id=account.pk, execute_on=date(2026, 11, 23), bank_line_ids=ids)


def test_a_refund_by_transfer_moves_money_once_when_the_bank_has_paid_it(account: Account, today: Move) -> None:
    baltic = postpaid(collecting(account), "Baltic")
    paid = create_payment(customer_id=baltic.pk, amount_micros=100 * EURO)
    back = pay_out_payment(payment_id=paid.pk, amount_micros=40 * EURO, iban=IBAN)
    assert (back.status, balance(baltic)) == ("pending", 60 * EURO), "it is on its way"
    refused("amount_micros", pay_out_payment, payment_id=paid.pk, amount_micros=61 * EURO, iban=IBAN)
    refused("amount_micros", pay_out_credit, customer_id=baltic.pk, amount_micros=61 * EURO, iban=IBAN)
    run = file_of(account, back)
    text = export_bank_run(bank_run_id=run.pk)
    assert f"<IBAN>{IBAN}</IBAN>" in text
    assert "<CtrlSum>40.00</CtrlSum>" in text
    refused(
        "bank_line_ids",
        transfer_run,
        account_id=account.pk,
        execute_on="2026-11-23",
        bank_line_ids=[back.bank_line.pk],
    )
    for _ in range(2):
        assert confirmed(run).done_count == 1
    paid.refresh_from_db()
    assert (balance(baltic), paid.refunded_micros) == (60 * EURO, 40 * EURO)
    for _ in range(2):
        return_bank_line(bank_line_id=back.bank_line.pk, reason_code="AC04")
    paid.refresh_from_db()
    assert (balance(baltic), paid.refunded_micros) == (100 * EURO, 0), "it came back"


def test_credit_is_paid_to_the_account_of_the_mandate_and_never_beyond_what_is_left(
    account: Account, today: Move
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    first = pay_out_credit(customer_id=baltic.pk, amount_micros=30 * EURO)
    assert "20.00 EUR are" in refused("amount_micros", pay_out_credit, customer_id=baltic.pk, amount_micros=21 * EURO)
    run = file_of(account, first)
    assert "cancel that" in refused("payment_id", cancel_payment, payment_id=first.pk)
    cancel_bank_run(bank_run_id=run.pk)
    again = file_of(account, first)
    assert f"<IBAN>{IBAN}</IBAN>" in export_bank_run(bank_run_id=again.pk)
    return_bank_line(bank_line_id=first.bank_line.pk)
    first.refresh_from_db()
    assert (first.status, balance(baltic)) == ("canceled", 50 * EURO), "it never left"
    other = pay_out_credit(customer_id=baltic.pk, amount_micros=50 * EURO)
    cancel_payment(payment_id=other.pk)
    assert BankLine.objects.get(payment=other).state == "canceled"
    nordic = postpaid(account, "Nordic")
    create_payment(customer_id=nordic.pk, amount_micros=EURO)
    refused("iban", pay_out_credit, customer_id=nordic.pk, amount_micros=EURO)


def test_two_people_pay_out_where_the_account_asks_for_them(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    Account.objects.update(two_person_payments=True)
    back = pay_out_credit(customer_id=baltic.pk, amount_micros=30 * EURO)
    line_id = BankLine.objects.get(payment=back).pk
    given = {"account_id": account.pk, "execute_on": TODAY, "bank_line_ids": [line_id]}
    assert "Another user approves" in refused("payment_id", transfer_run, **given)
    with acting(Actor("Nils", ANN.may, "looked at it")):
        run = transfer_run(**given)  # type: ignore[arg-type]
    confirmed(run)
    assert balance(baltic) == 20 * EURO


def test_credit_that_is_paid_out_settles_no_invoice_and_is_not_paid_out_again(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    paid = create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    back = pay_out_credit(customer_id=baltic.pk, amount_micros=50 * EURO)
    assert back.reverses_id == paid.pk
    refused("payment_id", pay_out_payment, payment_id=paid.pk)
    confirmed(file_of(account, back))
    paid.refresh_from_db()
    assert (paid.refunded_micros, paid.unallocated_micros, balance(baltic)) == (50 * EURO, 0, 0)
    invoice = owing(baltic, 50)
    assert invoice.open_micros == 50 * EURO, "the money has gone"


def test_more_than_one_payment_is_left_of_is_not_one_transfer(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    for _ in range(2):
        create_payment(customer_id=baltic.pk, amount_micros=50 * EURO)
    words = refused("amount_micros", pay_out_credit, customer_id=baltic.pk, amount_micros=60 * EURO)
    assert "at most 50.00 EUR" in words
