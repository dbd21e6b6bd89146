"""Claims about payouts in transit: their money is spent once, and statements confirm or bring back each once."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.bank import IBAN, Move, collecting, entry, part, today, told, with_mandate
from tests.actions.bills import balance
from tests.actions.cast import EURO
from tests.actions.test_bank_credits import owing
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import postpaid
from tests.actions.test_payment_settling import paid as by_paypal
from tests.actions.test_payment_settling import paypal, says
from tests.actions.test_payments import OTTO
from tests.actions.test_payouts import file_of
from tollgate.actions.acts import Done, Invalid, acting
from tollgate.actions.bank_runs import cancel_bank_run, export_bank_run, return_bank_line, send_bank_run
from tollgate.actions.customer_statements import statement_of
from tollgate.actions.customers import create_customer
from tollgate.actions.payments import (
    assign_payment,
    cancel_payment,
    complete_payment,
    create_payment,
    refund_payment,
    reverse_payment,
)
from tollgate.actions.payouts import pay_out_credit, pay_out_payment
from tollgate.actions.postings import wallet_of
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, BankLine, BankRun, Customer, Entry, Payment
from tollgate.store.queries.bank_runs import with_waiting
from tollgate.store.sql import load

__all__ = ["today"]
pytestmark = pytest.mark.django_db
ON = date(2026, 11, 23)
"""The day of the files that `file_of` makes."""
LAWS = (
    *("lines_sum_to_zero", "balance_is_the_sum_of_entries", "payments_have_their_entries"),
    *("what_is_in_transit_waits_for_the_bank", "what_is_given_back_was_paid", "a_payment_settles_no_more_than_it_is"),
    "payments_say_what_reached_the_account",
)


def broken() -> dict[str, list[object]]:
    """What breaks a law of the books."""
    found = {}
    with connection.cursor() as cursor:
        for name in LAWS:
            cursor.execute(load("ledger_laws")[name])
            found[name] = cursor.fetchall()
    return {name: rows for name, rows in found.items() if rows}


def in_transit() -> int:
    """What the book of payouts on their way comes to, in euro."""
    return -sum(Entry.objects.filter(book="in_transit").values_list("amount_micros", flat=True)) // EURO


def paid(customer: Customer, euros: int = 100) -> Payment:
    """Money received."""
    return create_payment(customer_id=customer.pk, amount_micros=euros * EURO)


def debit(line: BankLine, on: date = ON, *, reference: str = "", own: str = "") -> str:
    """The bank's entry of one transfer, that has gone out."""
    euros = f"{line.amount_micros // EURO}.00"
    return entry(euros, on, part(line.end_to_end_id, amount=euros, reference=own), kind="DBIT", reference=reference)


def back(line: BankLine, on: date = ON, *, reason: str = "AC04", own: str = "") -> str:
    """The bank's entry of one transfer, that has come back."""
    euros = f"{line.amount_micros // EURO}.00"
    return entry(euros, on, part(line.end_to_end_id, amount=euros, reference=own, reason=reason))


def sent(account: Account, *euros: int) -> tuple[Customer, BankRun, list[BankLine]]:
    """Payouts that the bank has."""
    baltic, _ = with_mandate(collecting(account), "Baltic")
    payouts = []
    for one in euros:
        paid(baltic, one)
        payouts.append(pay_out_credit(customer_id=baltic.pk, amount_micros=one * EURO))
    run = file_of(account, *payouts)
    send_bank_run(bank_run_id=run.pk)
    return baltic, run, [BankLine.objects.get(payment=one) for one in payouts]


def states(lines: list[BankLine]) -> list[str]:
    """What became of lines."""
    for line in lines:
        line.refresh_from_db()
    return [line.state for line in lines]


def test_what_is_paid_out_is_spent_by_nothing_else_while_it_waits(account: Account, today: Move, done: Done) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    payment = paid(baltic)
    waiting = pay_out_payment(payment_id=payment.pk, amount_micros=70 * EURO)
    payment.refresh_from_db()
    assert (wallet_of(baltic).available_micros, payment.unallocated_micros) == (30 * EURO, 30 * EURO)
    assert (in_transit(), broken()) == (70, {})
    refused("amount_micros", pay_out_credit, customer_id=baltic.pk, amount_micros=31 * EURO)
    refused("amount_micros", refund_payment, payment_id=payment.pk, amount_micros=31 * EURO)
    invoice = owing(baltic, 100)
    assert invoice.open_micros == 70 * EURO, "only what stays settles it"
    cancel_payment(payment_id=waiting.pk)
    invoice.refresh_from_db()
    assert (invoice.open_micros, balance(baltic)) == (0, 0), "it stayed, and settles the rest"
    assert (in_transit(), broken()) == (0, {})
    assert not done.warnings


def test_who_has_spent_it_already_is_told_of(account: Account, today: Move, done: Done) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    payment = paid(baltic)
    owing(baltic, 40)
    pay_out_payment(payment_id=payment.pk)
    assert ["40.00 EUR below zero" in warning for warning in done.warnings] == [True]


def test_the_tax_that_returns_with_it_is_not_missing(account: Account, today: Move, done: Done) -> None:
    tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=250_000)
    collecting(account)
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR", tax_ids=[tax.pk])
    payment = paid(baltic)
    assert balance(baltic) == 80 * EURO
    payout = pay_out_payment(payment_id=payment.pk, iban=IBAN)
    assert (balance(baltic), done.warnings) == (-20 * EURO, [])
    file_of(account, payout)
    complete_payment(payment_id=payout.pk)
    assert (balance(baltic), broken()) == (0, {})


def test_what_is_on_its_way_is_left_for_no_refund_that_waits_for_a_second_person(account: Account, today: Move) -> None:
    baltic, gateway = postpaid(collecting(account), "Baltic"), paypal(account)
    payment = by_paypal(baltic, 100 * EURO, amount_micros=100 * EURO)
    payout = pay_out_payment(payment_id=payment.pk, amount_micros=70 * EURO, iban=IBAN)
    Account.objects.update(two_person_payments=True)
    by_hand = reverse_payment(payment_id=payment.pk, reason="a chargeback, said the mail")
    assert by_hand.amount_micros == -30 * EURO
    says(gateway, "refunded", "R", 25 * EURO, parent_id="P")
    with acting(OTTO):
        assert "Only 5.00 EUR" in refused("payment_id", complete_payment, payment_id=by_hand.pk)
        (said,) = says(gateway, "reversed", "D", 30 * EURO, parent_id="P")
        assert "Only 5.00 EUR" in said
        file_of(account, payout)
        complete_payment(payment_id=payout.pk)
    payment.refresh_from_db()
    assert (payment.refunded_micros, payment.leaving_micros, broken()) == (95 * EURO, 0, {})


def test_what_a_gateway_takes_back_is_no_payout_and_waits_while_one_is_on_its_way(
    account: Account, today: Move
) -> None:
    baltic, gateway = postpaid(collecting(account), "Baltic"), paypal(account)
    payment = by_paypal(baltic, 50 * EURO, amount_micros=50 * EURO)
    waiting = pay_out_payment(payment_id=payment.pk, iban=IBAN)
    (said,) = says(gateway, "reversed", "D", 50 * EURO, parent_id="P")
    assert "is left" in said
    assert "being paid out" in said
    waiting.refresh_from_db()
    assert waiting.status == "pending", "no gateway has paid it"
    reversal = Payment.objects.get(external_id="D")
    assert "payout of it" in refused("payment_id", assign_payment, payment_id=reversal.pk, customer_id=baltic.pk)
    cancel_payment(payment_id=waiting.pk)
    assign_payment(payment_id=reversal.pk, customer_id=baltic.pk)
    payment.refresh_from_db()
    assert (payment.refunded_micros, balance(baltic), broken()) == (50 * EURO, 0, {})


@pytest.mark.parametrize("notice", [False, True])
def test_a_statement_confirms_a_transfer_once(account: Account, today: Move, notice: bool) -> None:
    baltic, run, lines = sent(account, 40)
    for kind in (notice, not notice, notice, not notice):
        told(account, debit(lines[0], reference="" if kind else "B1", own="T1" if kind else ""), notice=kind)
        assert states(lines) == ["settled"]
    assert (balance(baltic), in_transit(), lines[0].told_on) == (0, 0, ON)
    assert not with_waiting(BankRun.objects.filter(pk=run.pk)).get().unconfirmed
    assert broken() == {}


def test_one_sum_confirms_a_file_and_another_sum_is_left_to_a_person(account: Account, today: Move) -> None:
    baltic, run, lines = sent(account, 40, 60)
    batch = f"{run.message_id}-1"
    with pytest.raises(Invalid, match=r"100\.00 EUR of .* wait"):
        told(account, entry("99.00", ON, kind="DBIT", reference="E1", batch=batch))
    assert with_waiting(BankRun.objects.filter(pk=run.pk)).get().waiting_count == 2
    for notice in (False, True, False):
        told(account, entry("100.00", ON, kind="DBIT", reference="E1", batch=batch), notice=notice)
    told(account, debit(lines[0], own="T1"), notice=True)
    assert (states(lines), balance(baltic), in_transit()) == (["settled", "settled"], 0, 0)
    with pytest.raises(Invalid, match=r"0\.00 EUR of .* wait"):
        told(account, entry("100.00", date(2026, 11, 25), kind="DBIT", reference="E9", batch=batch))


def test_what_the_bank_pays_twice_or_of_another_amount_is_told_and_not_booked(account: Account, today: Move) -> None:
    baltic, _, lines = sent(account, 40)
    with pytest.raises(Invalid, match=r"PAYOUT-\d+ is of 40\.00 EUR"):
        told(account, debit(lines[0]).replace("40.00", "50.00"))
    told(account, debit(lines[0], reference="B1"))
    with pytest.raises(Invalid, match="may have paid it twice"):
        told(account, debit(lines[0], date(2026, 11, 25), reference="B2"))
    with pytest.raises(Invalid, match="may have paid it twice"):
        told(account, debit(lines[0], reference="B3"))
    assert balance(baltic) == 0
    with pytest.raises(Invalid, match="No transfer or file of ours"):
        told(account, debit(lines[0]).replace(lines[0].end_to_end_id, "PAYOUT-999999"))


@pytest.mark.parametrize("reason", ["AC04", ""])
@pytest.mark.parametrize("order", ["out first", "back first"])
def test_a_transfer_that_came_back_is_the_customers_again_once(
    account: Account, today: Move, reason: str, order: str
) -> None:
    baltic, _, lines = sent(account, 40)
    later = date(2026, 11, 24)
    rows = [debit(lines[0], reference="B1"), back(lines[0], later, reason=reason, own="R1")]
    for notice in (False, True, False):
        for row in rows if order == "out first" else rows[::-1]:
            told(account, row, notice=notice)
    assert (balance(baltic), in_transit(), broken()) == (40 * EURO, 0, {})
    assert states(lines) == ["returned" if order == "out first" else "rejected"]
    again = pay_out_credit(customer_id=baltic.pk, amount_micros=40 * EURO)
    assert again.pk != lines[0].payment_id, "it may be paid out again"
    if order == "back first":
        with pytest.raises(Invalid, match="said to have come back"):
            told(account, debit(lines[0], date(2026, 11, 26), reference="B8"))


def test_a_file_that_was_fetched_is_canceled_only_by_who_says_that_the_bank_never_had_it(
    account: Account, today: Move
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    paid(baltic)
    payout = pay_out_credit(customer_id=baltic.pk, amount_micros=40 * EURO)
    run = file_of(account, payout)
    export_bank_run(bank_run_id=run.pk)
    assert "may do it twice" in refused("never_sent", cancel_bank_run, bank_run_id=run.pk)
    cancel_bank_run(bank_run_id=run.pk, never_sent=True)
    assert export_bank_run(bank_run_id=run.pk), "it may be looked at again"
    line = BankLine.objects.get(payment=payout)
    assert (line.state, line.run, in_transit()) == ("waiting", None, 40), "it waits for another file"
    with pytest.raises(Invalid, match="in no file"):
        told(account, debit(line, reference="B1"))
    with pytest.raises(Invalid, match="was canceled here"):
        told(account, entry("40.00", ON, kind="DBIT", reference="B1", batch=f"{run.message_id}-1"))
    unseen = file_of(account, payout)
    cancel_bank_run(bank_run_id=unseen.pk)
    assert "make another" in refused("bank_run_id", export_bank_run, bank_run_id=unseen.pk)
    file_of(account, payout)
    told(account, debit(line, reference="B1"))
    assert (states([line]), balance(baltic)) == (["settled"], 60 * EURO)


def test_a_statement_of_account_tells_a_payout_once_when_it_left(account: Account, today: Move) -> None:
    baltic, _, lines = sent(account, 40)
    told(account, debit(lines[0], reference="B1"))
    made = statement_of(baltic, from_on=date(2020, 1, 1), until_on=date(2040, 1, 1))
    assert [(one.kind, one.amount_micros // EURO) for one in made.movements] == [("payment", 40), ("refund", -40)]
    assert made.closing_micros == 0


STEPS = ("pay", "out", "file", "cancel file", "cancel", "told", "notice", "back", "by hand", "undo", "invoice")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=4, max_size=14))
def test_whatever_happens_in_whatever_order_money_goes_out_once_and_the_books_agree(
    account: Account, today: Move, steps: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        baltic, _ = with_mandate(collecting(account), "Baltic")
        for what, which in [("pay", 0), ("out", 0), *steps]:
            try:
                with transaction.atomic():
                    _step(account, baltic, what, which)
            except Invalid:
                continue
        assert broken() == {}
        waiting = BankLine.objects.filter(customer=baltic, state="waiting")
        assert in_transit() == sum(waiting.values_list("amount_micros", flat=True)) // EURO
        for payment in Payment.objects.filter(customer=baltic, kind="payment", status="completed"):
            gone = BankLine.objects.filter(payment__reverses=payment, state__in=("waiting", "settled"))
            left = payment.amount_micros - sum(gone.values_list("amount_micros", flat=True))
            assert left >= 0, "never more than came"
            assert payment.allocated_micros <= payment.amount_micros - payment.refunded_micros
        transaction.set_rollback(True)


def _step(account: Account, baltic: Customer, what: str, which: int) -> None:
    lines = list(BankLine.objects.filter(customer=baltic).order_by("pk"))
    line = lines[which % len(lines)] if lines else None
    payments = list(Payment.objects.filter(customer=baltic, kind="payment", status="completed").order_by("pk"))
    if what == "pay":
        paid(baltic, 10 * (which + 1))
    elif what == "invoice":
        owing(baltic, 10 * (which + 1))
    elif what == "undo" and payments:
        reverse_payment(payment_id=payments[which % len(payments)].pk, reason="bounced")
    elif what == "out" and payments:
        pay_out_payment(payment_id=payments[which % len(payments)].pk, amount_micros=10 * EURO)
    elif line is None:
        return
    elif what == "file":
        file_of(account, line.payment)
    elif what == "cancel file" and line.run is not None:
        cancel_bank_run(bank_run_id=line.run.pk)
    elif what == "cancel":
        cancel_payment(payment_id=line.payment_id)
    elif what in ("told", "notice"):
        told(account, debit(line, reference=f"B{line.pk}"), notice=what == "notice")
    elif what == "back":
        told(account, back(line, date(2026, 11, 24), own=f"R{line.pk}"))
    elif what == "by hand":
        return_bank_line(bank_line_id=line.pk, reason_code="AC04")


def test_documents_are_found_by_their_number_in_small_letters_by_an_index(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM invoice WHERE account_id = %s AND lower(number) IN ('inv-1', 'inv-2')", [account.pk]
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "invoice_number_lower" in plan
