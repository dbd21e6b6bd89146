"""Claims about collections: whom a mandate lets us collect from, once, after notice, and what the bank makes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.bank import IBAN, TODAY, Move, collecting, confirmed, entry, part, today, told, with_mandate
from tests.actions.bills import balance
from tests.actions.cast import EURO
from tests.actions.test_bank_credits import owing
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import postpaid
from tollgate.actions import debits
from tollgate.actions.acts import Invalid
from tollgate.actions.bank_confirmations import confirm_bank_run
from tollgate.actions.bank_credits import import_bank_credit
from tollgate.actions.bank_runs import cancel_bank_run, export_bank_run, return_bank_line, send_bank_run
from tollgate.actions.customers import update_customer
from tollgate.actions.debits import debit_run, offers
from tollgate.actions.dunning import dun_invoice
from tollgate.actions.invoice_issue import void_invoice
from tollgate.actions.mandates import create_mandate, end_mandate, standing, update_mandate
from tollgate.actions.payments import cancel_payment, complete_payment, create_payment, refund_payment
from tollgate.actions.payouts import pay_out_payment
from tollgate.store.models import Account, Audit, BankLine, BankRun, DunningEvent, Invoice, Mandate, Message, Payment

__all__ = ["today"]
pytestmark = pytest.mark.django_db
DUE = date(2026, 12, 4)
"""The day that an invoice of `TODAY` announces: due after 14 days, a Friday."""


def run_of(account: Account, *invoices: Invoice, on: date = DUE) -> BankRun:
    """A file that collects these."""
    return debit_run(account_id=account.pk, execute_on=on, invoice_ids=[one.pk for one in invoices])


def line_of(invoice: Invoice) -> BankLine:
    """The newest collection of an invoice."""
    return BankLine.objects.filter(invoice=invoice).order_by("-pk")[0]


def opened(invoice: Invoice) -> int:
    """What is open of an invoice, in euro."""
    invoice.refresh_from_db()
    return invoice.open_micros // EURO


def test_an_invoice_is_collected_paid_returned_opened_and_collected_again(account: Account, today: Move) -> None:
    baltic, mandate = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 100)
    assert invoice.issuer["debit"] == {
        "on": "2026-12-04", "mandate": mandate.reference, "creditor_id": "DE98ZZZ09999999999",
        "account": "LT12 **** 1000",
    }  # fmt: skip
    run = run_of(account, invoice)
    assert not Message.objects.filter(template="debit_announced").exists(), "the invoice has announced it"
    assert (opened(invoice), balance(baltic)) == (100, -100 * EURO), "nothing has moved yet"
    assert line_of(invoice).sequence == "FRST"
    today(DUE)
    credit = entry("100.00", DUE, reference="E1", batch=f"{run.message_id}-1")
    for _ in range(2):
        assert [one.status for one in told(account, credit)] == ["completed"]
    assert (opened(invoice), balance(baltic), Payment.objects.count()) == (0, 0, 1)
    run.refresh_from_db()
    assert run.state == "sent", "the bank had it"
    back = DUE + timedelta(days=3)
    today(back)
    returned = entry(
        "103.50", back, part(str(invoice.number), amount="100.00", reason="AM04"), kind="DBIT", reference="E2"
    )
    for notice in (False, True, False):
        told(account, returned, notice=notice)
    assert (opened(invoice), balance(baltic)) == (100, -100 * EURO)
    assert Payment.objects.filter(kind="reversal").count() == 1
    mail = Message.objects.get(template="debit_returned")
    assert "there was not enough money" in mail.text
    assert (line_of(invoice).state, line_of(invoice).return_code) == ("returned", "AM04")
    again = date(2026, 12, 21)
    assert f"from {date(2026, 12, 21)} on" in why(account, invoice, on=date(2026, 12, 18))
    second = run_of(account, invoice, on=again)
    assert second.lines.get().sequence == "RCUR"
    assert f"on {again}" in Message.objects.get(template="debit_announced").text
    today(again)
    told(account, entry("100.00", again, part(str(invoice.number), reference="T9")))
    told(account, returned, credit)
    assert (opened(invoice), balance(baltic)) == (0, 0), "what was told before moves nothing"


def test_nothing_is_collected_before_its_notice_has_run_or_it_is_due(account: Account, today: Move) -> None:
    baltic, mandate = with_mandate(collecting(account), "Baltic", notice_days=3)
    invoice = owing(baltic, 100)
    assert "is due on 2026-12-04" in why(account, invoice, on=date(2026, 12, 3))
    end_mandate(mandate_id=mandate.pk)
    create_mandate(customer_id=baltic.pk, signed_on=TODAY, holder="Baltic UAB", iban=IBAN, notice_days=14)
    today(DUE)
    assert "2026-12-18" in why(account, invoice, on=date(2026, 12, 17)), "another mandate: it is announced anew"
    assert "Banks rest that day: the next is 2026-12-21" in refused(
        "execute_on", debit_run, account_id=account.pk, execute_on="2026-12-19", invoice_ids=[invoice.pk]
    )
    run_of(account, invoice, on=date(2026, 12, 18))
    assert Message.objects.filter(template="debit_announced").count() == 1


def why(account: Account, invoice: Invoice, *, on: date) -> str:
    """Why an invoice is not collected on a day."""
    with pytest.raises(Invalid) as caught:
        run_of(account, invoice, on=on)
    return caught.value.errors["invoice_ids"][0]


def test_an_invoice_is_collected_once_at_a_time_by_a_constraint_of_the_database(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 100)
    run = run_of(account, invoice)
    assert "not open" in why(account, invoice, on=DUE)
    line = line_of(invoice)
    line.pk, line.payment = None, create_payment(customer_id=baltic.pk, amount_micros=EURO, status="pending")  # type: ignore[assignment]
    line.end_to_end_id = "another"
    with pytest.raises(IntegrityError, match="bank_line_invoice_once"), transaction.atomic():
        line.save(force_insert=True)
    assert "being collected" in refused("invoice_id", void_invoice, invoice_id=invoice.pk, reason="wrong")
    assert "cancel that" in refused("payment_id", cancel_payment, payment_id=line_of(invoice).payment_id)
    cancel_bank_run(bank_run_id=run.pk)
    assert Payment.objects.get(pk=line_of(invoice).payment_id).status == "canceled"
    again = run_of(account, invoice)
    assert again.lines.get().sequence == "FRST", "what was never sent was not the first"


def test_a_file_is_the_same_to_the_byte_each_time_and_canceled_only_until_it_is_sent(
    account: Account, today: Move
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    run = run_of(account, owing(baltic, 100))
    first = export_bank_run(bank_run_id=run.pk)
    assert IBAN in first
    update_mandate(mandate_id=line_of(run.lines.get().invoice).mandate_id, note="moved")  # type: ignore[arg-type]
    assert export_bank_run(bank_run_id=run.pk) == first
    assert IBAN not in str(
        list(BankRun.objects.values()) + list(Mandate.objects.values()) + list(BankLine.objects.values())
    )
    assert IBAN not in str(list(Audit.objects.values_list("before", "after")))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        BankRun.objects.filter(pk=run.pk).update(content_sealed="")
    send_bank_run(bank_run_id=run.pk)
    assert "The bank has file" in refused("bank_run_id", cancel_bank_run, bank_run_id=run.pk)
    assert export_bank_run(bank_run_id=run.pk) == first


def test_the_operator_confirms_by_hand_and_a_statement_that_tells_it_later_moves_nothing(
    account: Account, today: Move
) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    old, new = owing(baltic, 50), owing(baltic, 100)
    run = run_of(account, new)
    complete_payment(payment_id=line_of(new).payment_id)
    assert (opened(old), opened(new)) == (50, 0), "the invoice that was collected, not the oldest"
    other = owing(baltic, 60)
    assert "Nothing of file" in refused("bank_run_id", confirm_bank_run, bank_run_id=run.pk)
    today(DUE)
    told(account, entry("100.00", DUE, part(str(new.number), reference="T1")))
    told(account, entry("100.00", DUE, part(str(new.number)), reference="E1"), notice=True)
    assert balance(baltic) == -110 * EURO
    own = date(2026, 12, 11)
    told(account, entry("100.00", own, part(str(new.number), reference="T8")))
    assert balance(baltic) == -10 * EURO, "a transfer of the customer's own that is called the same is other money"
    assert "just this amount" in refused(
        "amount_micros", complete_payment, payment_id=line_of(other_line(account, other)).payment_id, amount_micros=EURO
    )


def other_line(account: Account, invoice: Invoice) -> Invoice:
    """An invoice that is being collected now."""
    run_of(account, invoice, on=date(2026, 12, 9))
    return invoice


def test_one_sum_settles_what_waits_of_a_batch_and_another_sum_is_left_to_a_person(
    account: Account, today: Move
) -> None:
    customers = [with_mandate(collecting(account), name)[0] for name in ("Baltic", "Nordic", "Wester")]
    invoices = [owing(customer, 100) for customer in customers]
    run = run_of(account, *invoices)
    return_bank_line(bank_line_id=line_of(invoices[0]).pk, reason_code="AC04")
    assert line_of(invoices[0]).state == "rejected"
    assert not Mandate.objects.get(customer=customers[0]).collects, "the next would come back too"
    assert "pays by itself" in why(account, invoices[0], on=date(2026, 12, 21))
    today(DUE)
    batch = f"{run.message_id}-1"
    with pytest.raises(Invalid, match=r"200\.00 EUR of .* wait"):
        told(account, entry("150.00", DUE, reference="E1", batch=batch))
    told(account, entry("200.00", DUE, reference="E1", batch=batch))
    told(account, entry("200.00", DUE, reference="X7", batch=batch), notice=True)
    assert [opened(one) for one in invoices] == [100, 0, 0]


def test_a_mandate_collects_first_then_again_and_at_last(account: Account, today: Move) -> None:
    baltic, mandate = with_mandate(collecting(account), "Baltic")
    first = [owing(baltic, euros) for euros in (10, 20)]
    assert [line.sequence for line in run_of(account, *first).lines.order_by("pk")] == ["FRST", "RCUR"]
    update_mandate(mandate_id=mandate.pk, final=True)
    last = [owing(baltic, euros) for euros in (30, 40)]
    assert [line.sequence for line in run_of(account, *last).lines.order_by("pk")] == ["RCUR", "FNAL"]
    assert standing(mandate, TODAY).state == "used up"
    assert "is used up" in why(account, owing(baltic, 50), on=DUE)
    nordic, once = with_mandate(account, "Nordic", one_off=True)
    pair = [owing(nordic, euros) for euros in (10, 20)]
    assert "for one collection" in why_of(account, pair)
    assert run_of(account, pair[0]).lines.get().sequence == "OOFF"
    assert standing(once, TODAY).state == "used up"
    create_mandate(customer_id=nordic.pk, signed_on=TODAY, holder="Nordic UAB", iban=IBAN)
    once.refresh_from_db()
    assert once.status == "ended", "it makes place"


def why_of(account: Account, invoices: list[Invoice]) -> str:
    """Why several are not collected together."""
    with pytest.raises(Invalid) as caught:
        run_of(account, *invoices)
    return caught.value.errors["invoice_ids"][0]


def test_a_mandate_expires_and_a_customer_has_one_that_is_active(account: Account, today: Move) -> None:
    baltic, mandate = with_mandate(collecting(account), "Baltic")
    again = {"customer_id": baltic.pk, "signed_on": "2026-11-02", "holder": "Baltic", "iban": IBAN}
    assert "is active: end it first" in refused("customer_id", create_mandate, **again)
    today(date(2029, 11, 1))
    assert standing(mandate, date(2029, 10, 31)).state == "active"
    assert standing(mandate, date(2029, 11, 1)).state == "expired"
    other = create_mandate(**again)  # type: ignore[arg-type]
    mandate.refresh_from_db()
    assert (mandate.status, other.reference) == ("ended", f"{baltic.number}-2")
    refused(
        "reference",
        create_mandate,
        **{**again, "customer_id": postpaid(account, "Nordic").pk},
        reference=other.reference,
    )
    dollars = postpaid(account, "Wester", "USD")
    assert "SEPA moves euro" in refused("customer_id", create_mandate, **{**again, "customer_id": dollars.pk})
    for field, wrong in (
        ("iban", "LT1"),
        ("bic", "X"),
        ("notice_days", 15),
        ("signed_on", "2030-01-01"),
        ("reference", "Ü"),
    ):
        refused(field, create_mandate, **{**again, "customer_id": postpaid(account, f"N{field}").pk, field: wrong})


def test_two_people_confirm_what_one_collects(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    Account.objects.update(two_person_payments=True)
    run = run_of(account, owing(baltic, 100))
    assert "Another user approves" in refused("payment_id", confirm_bank_run, bank_run_id=run.pk)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 500), min_size=1, max_size=4),
    steps=st.lists(
        st.tuples(st.sampled_from(["collect", "cancel", "confirm", "credit", "return"]), st.integers(0, 3)), max_size=10
    ),
)
def test_whatever_happens_in_whatever_order_each_invoice_is_collected_once_and_sums_agree(
    account: Account, today: Move, amounts: list[int], steps: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        _anything(account, amounts, steps)
        transaction.set_rollback(True)


def paid_otherwise(invoice: Invoice) -> bool:
    """Whether money that was not collected has settled part of an invoice."""
    return invoice.allocations.exclude(payment__gateway="direct_debit").exists()


def _anything(account: Account, amounts: list[int], steps: list[tuple[str, int]]) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoices = [owing(baltic, euros) for euros in amounts]
    runs: list[BankRun] = []
    for what, which in steps:
        invoice = invoices[which % len(invoices)]
        line = BankLine.objects.filter(invoice=invoice).order_by("-pk").first()
        try:
            if what == "collect":
                runs.append(run_of(account, invoice, on=date(2026, 12, 21)))
            elif what == "credit" and line is not None:
                told(
                    account,
                    entry(
                        f"{line.amount_micros // EURO}.00",
                        date(2026, 12, 21),
                        part(line.end_to_end_id, reference=f"T{line.pk}"),
                    ),
                )
            elif what == "return" and line is not None:
                return_bank_line(bank_line_id=line.pk, reason_code="AM04")
            elif runs and what == "cancel":
                cancel_bank_run(bank_run_id=runs[which % len(runs)].pk)
            elif runs:
                confirmed(runs[which % len(runs)])
        except Invalid:
            continue
    for run in runs:
        run.refresh_from_db()
        text = debits.opened(run.content_sealed)
        assert sum(line.amount_micros for line in run.lines.all()) == run.total_micros
        assert f"<CtrlSum>{run.total_micros // EURO}.00</CtrlSum>" in text
    others = Payment.objects.filter(customer=baltic, gateway="bank_transfer")
    never_moved = BankLine.objects.filter(customer=baltic, state__in=("canceled", "rejected"))
    assert others.count() <= never_moved.count(), "only a credit of what was not collected is other money"
    paid = sum(others.values_list("amount_micros", flat=True))
    for invoice in invoices:
        invoice.refresh_from_db()
        moved = BankLine.objects.filter(invoice=invoice, state="settled").count()
        assert moved + BankLine.objects.filter(invoice=invoice, state="waiting").count() <= 1
        if not paid_otherwise(invoice):
            assert invoice.open_micros == (0 if moved else invoice.total_micros)
        paid += moved * invoice.total_micros
    assert balance(baltic) == paid - sum(amounts) * EURO
    pending = Payment.objects.filter(customer=baltic, status="pending").count()
    assert pending == BankLine.objects.filter(customer=baltic, state="waiting").count()


def test_nobody_is_reminded_of_an_invoice_that_is_being_collected(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 10)
    run = run_of(account, invoice)
    late = datetime(2026, 12, 8, 10, tzinfo=UTC)
    dun_invoice(invoice_id=invoice.pk, at=late)
    assert not DunningEvent.objects.exists()
    cancel_bank_run(bank_run_id=run.pk)
    dun_invoice(invoice_id=invoice.pk, at=late)
    assert DunningEvent.objects.exists()


def test_who_could_not_be_collected_from_is_not_restricted_at_once(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    update_customer(customer_id=baltic.pk, overdue_action="restrict")
    invoice = owing(baltic, 10)
    run_of(account, invoice)
    late = datetime(2026, 12, 14, 10, tzinfo=UTC)
    today(late.date())
    return_bank_line(bank_line_id=line_of(invoice).pk, reason_code="AM04", returned_on=DUE)
    words = []
    for day in range(3):
        dun_invoice(invoice_id=invoice.pk, at=late + timedelta(days=day))
        words.append(sorted(DunningEvent.objects.values_list("words", flat=True)))
    began = ["Event invoice.overdue", "Unpaid again: the steps begin anew"]
    assert words == [began, [began[0], "Status inactive", began[1]], [began[0], "Status inactive", began[1]]]


def test_offers_say_why_not(account: Account, today: Move) -> None:
    baltic, mandate = with_mandate(collecting(account), "Baltic")
    owing(baltic, 10)
    owing(postpaid(account, "Nordic"), 10)
    (found,) = offers(account, DUE, TODAY)
    assert (found.why_not, found.sequence, found.earliest_on) == ("", "FRST", DUE)
    update_mandate(mandate_id=mandate.pk, collects=False)
    (found,) = offers(account, DUE, TODAY)
    assert found.why_not == "Its customer pays by itself."


def test_what_was_refunded_and_then_taken_back_by_the_bank_is_owed_twice(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 100)
    confirmed(run_of(account, invoice))
    line = line_of(invoice)
    refund_payment(payment_id=line.payment_id, amount_micros=40 * EURO)
    assert balance(baltic) == -40 * EURO
    for _ in range(2):
        return_bank_line(bank_line_id=line.pk, reason_code="MD06")
    assert balance(baltic) == -140 * EURO, "the invoice, and the refund that came on top"
    assert opened(invoice) == 100


def test_a_refund_that_waits_keeps_a_return_for_a_person(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 100)
    confirmed(run_of(account, invoice))
    line = line_of(invoice)
    waiting = pay_out_payment(payment_id=line.payment_id, amount_micros=40 * EURO)
    assert "waits" in refused("bank_line_id", return_bank_line, bank_line_id=line.pk, reason_code="MD06")
    cancel_payment(payment_id=waiting.pk)
    return_bank_line(bank_line_id=line.pk, reason_code="MD06")
    assert balance(baltic) == -100 * EURO


def test_a_customers_own_transfer_never_makes_the_banks_sum_of_the_batch_vanish(account: Account, today: Move) -> None:
    customers = [with_mandate(collecting(account), name)[0] for name in ("Baltic", "Nordic")]
    invoices = [owing(customer, 100) for customer in customers]
    run = run_of(account, *invoices)
    today(DUE)
    told(account, entry("100.00", DUE, part(str(invoices[0].number), reference="T9")))
    with pytest.raises(Invalid, match=r"100\.00 EUR of .* wait"):
        told(account, entry("200.00", DUE, reference="E1", batch=f"{run.message_id}-1"))


def test_a_return_without_a_day_told_twice_leaves_the_next_collection_alone(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic", notice_days=1)
    invoice = owing(baltic, 100)
    confirmed(run_of(account, invoice))
    row = {
        "account_id": account.pk, "amount_micros": 100 * EURO, "currency": "EUR", "external_id": "R1", "paid_for": "",
        "end_to_end_id": str(invoice.number), "return_reason": "AM04", "reversal": True,
    }  # fmt: skip
    import_bank_credit(**row)
    today(DUE)
    run_of(account, invoice, on=date(2026, 12, 8))
    import_bank_credit(**row)
    assert line_of(invoice).state == "waiting"
    assert opened(invoice) == 100


def test_a_transfer_of_the_same_day_and_words_as_a_collection_is_other_money(account: Account, today: Move) -> None:
    baltic, _ = with_mandate(collecting(account), "Baltic")
    invoice = owing(baltic, 100)
    run_of(account, invoice)
    today(DUE)
    for reference in ("T1", "T2", "T1", "T2"):
        told(account, entry("100.00", DUE, part(str(invoice.number), reference=reference)))
    assert balance(baltic) == 100 * EURO, "collected, and paid once more by the customer"
    told(account, entry("100.00", DUE, part(str(invoice.number)), reference="E1"), notice=True)
    assert balance(baltic) == 100 * EURO
