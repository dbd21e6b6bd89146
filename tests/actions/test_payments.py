"""Claims about payments by hand: each moves money once, in both directions, and settles what is owed."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actions.bills import Talk, charged
from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_customers import refused
from tollgate.actions.acts import Actor, Done, acting
from tollgate.actions.allocations import (
    allocate_from,
    allocate_payment,
    allocate_to,
    release_all,
    release_allocation,
)
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_usage import Doubt
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.own_payments import tell_bank_transfer
from tollgate.actions.payments import (
    ANOTHER,
    assign_payment,
    cancel_payment,
    complete_payment,
    create_payment,
    import_payment,
    refund_payment,
    reverse_payment,
)
from tollgate.actions.wallets import top_up
from tollgate.store.models import (
    Account,
    Allocation,
    Customer,
    CustomerTax,
    Entry,
    Invoice,
    Message,
    Payment,
    Tax,
    Wallet,
    WebhookEvent,
)
from tollgate.store.queries.books import aged_debt

OTTO = Actor("Otto", frozenset({"*"}), "approves")


def balance(customer: Customer) -> int:
    """What the customer holds."""
    return Wallet.objects.get(kind="customer", owner_id=customer.pk).balance_micros


def baltic(account: Account) -> Customer:
    """A postpaid customer."""
    return create_customer(account_id=account.pk, name="Baltic", currency="EUR", billing_type="postpaid")


def owed(customer: Customer, euros: int, number: int) -> Invoice:
    """An issued invoice over so many euros, dated in the order of the numbers."""
    return Invoice.objects.create(
        account_id=customer.account_id,
        customer=customer,
        state="issued",
        number=f"T-{customer.pk}-{number}",
        currency="EUR",
        total_micros=euros * EURO,
        issued_at=f"2026-01-{number:02d}T00:00:00Z",
        due_on=date(2026, 2, number),
    )


def test_a_payment_by_hand_is_booked_once_and_told(account: Account) -> None:
    customer = acme(account, notification_emails=["money@acme.example"])
    given = {
        "customer_id": customer.pk,
        "amount_micros": 50 * EURO,
        "external_id": "bank 7",
        "email_confirmation": True,
    }
    paid = create_payment(**given, public_note="May", private_note="late again")  # type: ignore[arg-type]
    assert create_payment(**given).pk == paid.pk  # type: ignore[arg-type]
    entry = Entry.objects.get(ref=f"payment:{paid.pk}")
    assert (entry.kind, entry.book, entry.amount_micros, entry.note) == ("topup", "payments", 50 * EURO, "May")
    assert (paid.status, paid.entry_id, paid.created_by, balance(customer)) == ("completed", entry.pk, "Ann", 50 * EURO)
    assert Message.objects.get(template="payment_received").recipient == "money@acme.example"
    assert WebhookEvent.objects.get(event="payment.completed").body["amount_micros"] == 50 * EURO
    refused("external_id", create_payment, customer_id=customer.pk, amount_micros=EURO, external_id="bank 7")
    refused("amount_micros", create_payment, customer_id=customer.pk, amount_micros=0)


def test_what_follows_a_hash_is_private_when_payments_are_imported(account: Account) -> None:
    customer = acme(account)
    text = "Invoice 7 # paid late, call them #2"
    paid = import_payment(customer_id=customer.pk, amount_micros=EURO, description=text, status="Pending")
    assert (paid.public_note, paid.private_note) == ("Invoice 7", "paid late, call them #2")
    assert (paid.status, create_payment(customer_id=customer.pk, amount_micros=EURO, public_note=text).public_note) == (
        "pending",
        text,
    )


def test_a_pending_payment_moves_nothing_until_it_is_approved(account: Account) -> None:
    customer = acme(account)
    waiting = create_payment(
        customer_id=customer.pk, amount_micros=10 * EURO, status="pending", gateway="bank_transfer"
    )
    assert (balance(customer), waiting.status) == (0, "pending")
    assert complete_payment(payment_id=waiting.pk, amount_micros=9 * EURO).approved_by == "Ann"
    assert balance(customer) == 9 * EURO
    refused("payment_id", complete_payment, payment_id=waiting.pk)
    refused("payment_id", cancel_payment, payment_id=waiting.pk)
    other = create_payment(customer_id=customer.pk, amount_micros=EURO, status="pending")
    assert cancel_payment(payment_id=other.pk, reason="never came").status == "canceled"
    assert balance(customer) == 9 * EURO


def test_where_two_people_are_asked_for_nobody_approves_the_own_payment(account: Account) -> None:
    Account.objects.update(two_person_payments=True)
    customer = acme(account)
    waiting = create_payment(customer_id=customer.pk, amount_micros=EURO)
    assert (waiting.status, balance(customer)) == ("pending", 0)
    refused("payment_id", complete_payment, payment_id=waiting.pk)
    refused("customer_id", top_up, customer_id=customer.pk, amount_micros=EURO)
    with acting(OTTO):
        complete_payment(payment_id=waiting.pk)
    assert balance(customer) == EURO
    back = refund_payment(payment_id=waiting.pk)
    assert (back.status, balance(customer)) == ("pending", EURO)
    refused("payment_id", refund_payment, payment_id=waiting.pk)
    with acting(OTTO):
        complete_payment(payment_id=back.pk)
    assert balance(customer) == 0


def test_two_people_are_two_whatever_one_of_them_is_called_and_however_much_has_come(account: Account) -> None:
    Account.objects.update(two_person_payments=True, payment_details="IBAN LT12")
    customer = acme(account)
    ann, otto = (Actor(f"{name}@demo.example", frozenset({"*"}), kind="user", id=n) for n, name in enumerate("ao", 7))
    looking_in = Actor("a@demo.example as carla@acme.example", frozenset({"*"}), kind="user", id=7)
    renamed = Actor("new@demo.example", frozenset({"*"}), kind="user", id=7)
    carla = Actor("carla@acme.example", frozenset({"*"}), kind="contact", id=7)
    with acting(looking_in):
        own = tell_bank_transfer(customer_id=customer.pk, amount_micros=5 * EURO)
    with acting(carla):
        hers = tell_bank_transfer(customer_id=customer.pk, amount_micros=6 * EURO)
    for same in (ann, renamed):
        with acting(same):
            refused("payment_id", complete_payment, payment_id=own.pk)
    with acting(ann):
        refused("amount_micros", complete_payment, payment_id=hers.pk, amount_micros=10**6 * EURO)
        complete_payment(payment_id=hers.pk, amount_micros=5 * EURO)
    with acting(otto):
        complete_payment(payment_id=own.pk)
    assert balance(customer) == 10 * EURO


def test_an_id_that_was_entered_before_is_booked_once_or_refused_and_never_passed_over(
    account: Account, done: Done
) -> None:
    mine: dict[str, Any] = {"customer_id": acme(account).pk, "amount_micros": 7 * EURO}
    customer = Customer.objects.get()
    waiting = create_payment(**mine, external_id="b1", status="pending")
    assert create_payment(**mine, external_id="b1", status="pending") == waiting
    refused("external_id", create_payment, **mine, external_id="b1", kind="bonus")
    assert [create_payment(**mine, external_id="b1").status for _ in range(2)] == ["completed"] * 2
    assert (balance(customer), Payment.objects.get().approved_by) == (7 * EURO, "Ann")
    for name in ("b2", "b3"):
        create_payment(**mine, external_id=name, status="pending")
    entry = top_up(**mine, key="b2")
    assert (top_up(**mine, key="b2"), entry.amount_micros, balance(customer)) == (entry, 7 * EURO, 14 * EURO)
    gone = cancel_payment(payment_id=Payment.objects.get(external_id="b3").pk)
    assert f"Payment {gone.pk}" in refused("external_id", create_payment, **mine, external_id="b3")
    refused("external_id", import_payment, **mine, external_id="b3")
    refused("key", top_up, **mine, key="b3")
    Account.objects.update(two_person_payments=True)
    again = [create_payment(**mine, external_id="b4") for _ in range(2)]
    assert (again[0], again[1].status, done.warnings.count(ANOTHER)) == (again[1], "pending", 2)
    refused("customer_id", top_up, **mine, key="b4")
    assert top_up(**mine, key="b2") == entry, "what was booked before two people were asked for"
    assert balance(customer) == 14 * EURO


def test_what_is_given_back_is_a_payment_of_its_own_and_never_more_than_came(account: Account) -> None:
    customer = acme(account)
    paid = create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
    part = refund_payment(payment_id=paid.pk, amount_micros=30 * EURO, reason="too much")
    assert (part.amount_micros, part.reverses_id, balance(customer)) == (-30 * EURO, paid.pk, 70 * EURO)
    refused("amount_micros", refund_payment, payment_id=paid.pk, amount_micros=71 * EURO)
    whole = reverse_payment(payment_id=paid.pk, reason="the transfer bounced")
    assert (whole.kind, whole.amount_micros, balance(customer)) == ("reversal", -70 * EURO, 0)
    refused("payment_id", reverse_payment, payment_id=paid.pk, reason="again")
    refused("payment_id", refund_payment, payment_id=whole.pk)
    kinds = Entry.objects.filter(wallet__owner_id=customer.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["topup", "refund", "reversal"]


def test_who_pays_ahead_pays_the_tax_with_the_money_and_gets_it_back_with_it(account: Account) -> None:
    customer = acme(account, create_invoice_on_payment=True)
    vat = Tax.objects.create(account=account, name="VAT 21", rate_ppm=210_000)
    CustomerTax.objects.create(customer=customer, tax=vat)
    paid = create_payment(customer_id=customer.pk, amount_micros=121 * EURO)
    assert (paid.tax_micros, balance(customer)) == (21 * EURO, 100 * EURO)
    receipt = Invoice.objects.get(payment=paid)
    assert (receipt.kind, receipt.total_micros, receipt.tax_micros) == ("receipt", 121 * EURO, 21 * EURO)
    refund_payment(payment_id=paid.pk)
    assert balance(customer) == 0
    assert tax_book() == 0
    levy = Tax.objects.create(account=account, name="Levy", rate_ppm=210_000, fixed_micros=5 * EURO)
    CustomerTax.objects.filter(tax=vat).update(tax=levy)
    small = create_payment(customer_id=customer.pk, amount_micros=EURO)
    assert (small.tax_micros, balance(customer)) == (170_000, 830_000), "too small for the fixed part"
    assert Invoice.objects.get(payment=small).tax_micros == 170_000
    assert create_payment(customer_id=customer.pk, amount_micros=1215 * EURO // 10).tax_micros > 5 * EURO


def tax_book() -> int:
    """What is owed to the tax office, below zero."""
    return sum(Entry.objects.filter(book="tax").values_list("amount_micros", flat=True))


def test_the_tax_of_a_payment_comes_back_in_whole_coins_whatever_the_customer_is_by_then(account: Account) -> None:
    customer = create_customer(account_id=account.pk, name="Nippon", currency="JPY")
    vat = Tax.objects.create(account=account, name="CT 10", rate_ppm=100_000)
    CustomerTax.objects.create(customer=customer, tax=vat)
    paid = create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
    update_customer(customer_id=customer.pk, billing_type="postpaid")
    backs = [refund_payment(payment_id=paid.pk, amount_micros=yen * EURO) for yen in (33, 33, 34)]
    assert [back.tax_micros for back in backs] == [3 * EURO] * 3
    assert (balance(customer), tax_book()) == (0, 0)


def test_who_turned_prepaid_pays_open_invoices_first_and_tax_on_the_rest_alone(account: Account) -> None:
    customer = acme(account, create_invoice_on_payment=True)
    vat = Tax.objects.create(account=account, name="VAT 21", rate_ppm=210_000)
    CustomerTax.objects.create(customer=customer, tax=vat)
    invoice = owed(customer, 121, 1)
    part = create_payment(customer_id=customer.pk, amount_micros=21 * EURO)
    paid = create_payment(customer_id=customer.pk, amount_micros=221 * EURO)
    invoice.refresh_from_db()
    assert (invoice.payment_state, part.tax_micros, paid.tax_micros) == ("paid", 0, 21 * EURO)
    receipts = [(row.total_micros, row.tax_micros) for row in Invoice.objects.filter(kind="receipt").order_by("id")]
    assert receipts == [(21 * EURO, 0), (121 * EURO, 21 * EURO)], "the invoice has the other tax"
    assert refund_payment(payment_id=paid.pk, amount_micros=121 * EURO).tax_micros == 21 * EURO
    invoice.refresh_from_db()
    assert (invoice.payment_state, tax_book()) == ("paid", 0)
    assert refund_payment(payment_id=paid.pk).tax_micros == 0
    invoice.refresh_from_db()
    assert (invoice.open_micros, balance(customer)) == (100 * EURO, 21 * EURO)


@pytest.mark.django_db(transaction=True)
def test_money_paid_ahead_settles_invoices_only_as_far_as_it_was_left_at_the_switch() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        paid = create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
        charged(customer, [Talk(datetime(2026, 1, 1, tzinfo=UTC), 70 * EURO)])
        update_customer(customer_id=customer.pk, billing_type="postpaid")
        first, second = by_hand(customer, 20), by_hand(customer, 40)
        assert (first.settled_micros, second.settled_micros) == (20 * EURO, 10 * EURO)
        assert (second.open_micros, balance(customer)) == (30 * EURO, -30 * EURO)
        debt = aged_debt(customer.account, date(2026, 6, 1))[0]
        assert (debt.open_micros, debt.unused_micros) == (30 * EURO, None)
        create_payment(customer_id=customer.pk, amount_micros=30 * EURO)
        second.refresh_from_db()
        assert (second.payment_state, balance(customer)) == ("paid", 0)
        refund_payment(payment_id=paid.pk, amount_micros=75 * EURO)
        second.refresh_from_db()
        assert (second.open_micros, by_hand(customer, 5).open_micros) == (5 * EURO, 5 * EURO), "nothing is left"


def by_hand(customer: Customer, euros: int) -> Invoice:
    """An issued invoice with one line."""
    draft = draft_invoice(customer_id=customer.pk)
    add_invoice_line(invoice_id=draft.pk, description="Set-up", unit_price_nanos=euros * EURO * 1000)
    return issue_invoice(invoice_id=draft.pk)


def test_a_credit_note_settles_what_a_refund_has_opened(account: Account) -> None:
    customer = baltic(account)
    invoice = by_hand(customer, 100)
    paid = create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
    note = credit_invoice(invoice_id=invoice.pk, reason="never delivered")
    refund_payment(payment_id=paid.pk)
    for row in (invoice, note):
        row.refresh_from_db()
    assert (invoice.open_micros, note.open_micros, balance(customer)) == (0, 0, 0)


def test_a_receipt_in_doubt_loses_no_payment(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = acme(account, create_invoice_on_payment=True)

    def doubt(*_: object) -> None:
        raise Doubt("It does not add up.")

    monkeypatch.setattr("tollgate.actions.receipts.issue", doubt)
    create_payment(customer_id=customer.pk, amount_micros=EURO)
    customer.refresh_from_db()
    assert (balance(customer), Invoice.objects.count()) == (EURO, 0)
    assert "does not add up" in customer.parked_reason


def test_money_settles_the_oldest_invoice_first_and_comes_back_when_it_is_refunded(account: Account) -> None:
    customer = baltic(account)
    first, second = owed(customer, 100, 1), owed(customer, 50, 2)
    paid = create_payment(customer_id=customer.pk, amount_micros=120 * EURO)
    for invoice in (first, second):
        invoice.refresh_from_db()
    assert (first.payment_state, second.settled_micros, paid.unallocated_micros) == ("paid", 20 * EURO, 0)
    assert WebhookEvent.objects.filter(event="invoice.paid").count() == 1
    refund_payment(payment_id=paid.pk, amount_micros=30 * EURO)
    for row in (first, second, paid):
        row.refresh_from_db()
    assert (first.settled_micros, second.settled_micros) == (90 * EURO, 0), "newest first"
    assert (paid.allocated_micros, paid.refunded_micros, paid.unallocated_micros) == (90 * EURO, 30 * EURO, 0)
    refused("allocation_id", release_allocation, allocation_id=Allocation.objects.filter(invoice=second)[0].pk)


def test_allocating_by_hand_takes_what_is_there_and_gives_it_back(account: Account) -> None:
    customer, other = baltic(account), acme(account)
    paid = create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
    invoice, foreign = owed(customer, 80, 1), owed(other, 10, 2)
    refused("invoice_id", allocate_payment, payment_id=paid.pk, invoice_id=foreign.pk)
    refused("amount_micros", allocate_payment, payment_id=paid.pk, invoice_id=invoice.pk, amount_micros=81 * EURO)
    row = allocate_payment(payment_id=paid.pk, invoice_id=invoice.pk, amount_micros=30 * EURO)
    allocate_payment(payment_id=paid.pk, invoice_id=invoice.pk)
    refused("amount_micros", allocate_payment, payment_id=paid.pk, invoice_id=invoice.pk)
    release_allocation(allocation_id=row.pk)
    refused("allocation_id", release_allocation, allocation_id=Allocation.objects.latest("id").pk)
    invoice.refresh_from_db()
    assert invoice.settled_micros == 50 * EURO
    assert release_all(invoice) == 50 * EURO
    paid.refresh_from_db()
    assert paid.unallocated_micros == 100 * EURO
    assert allocate_to(invoice) == 80 * EURO
    assert balance(customer) == 100 * EURO, "allocations move no money"


@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bills=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    steps=st.lists(st.tuples(st.sampled_from(["pay", "refund", "release", "again"]), st.integers(1, 90)), max_size=8),
)
def test_allocations_never_give_more_than_either_side_has_and_agree(
    bills: list[int], steps: list[tuple[str, int]]
) -> None:
    with acting(ANN):
        customer = baltic(demo_account())
        invoices = [owed(customer, euros, number) for number, euros in enumerate(bills, 1)]
        for step, size in steps:
            _do(step, size, customer)
            _check_sums(customer)
    assert len(invoices) == len(bills)


def _do(step: str, size: int, customer: Customer) -> None:
    """One step of a random story."""
    payments = list(Payment.objects.filter(customer=customer, kind="payment").order_by("id"))
    if step == "pay":
        create_payment(customer_id=customer.pk, amount_micros=size * EURO)
    elif payments and step == "refund":
        paid = payments[size % len(payments)]
        left = paid.amount_micros - paid.refunded_micros
        if left:
            refund_payment(payment_id=paid.pk, amount_micros=min(left, size * EURO))
    elif payments and step == "again":
        allocate_from(payments[size % len(payments)])
    elif step == "release":
        for invoice in Invoice.objects.filter(customer=customer)[: size % 3]:
            release_all(invoice)


def _check_sums(customer: Customer) -> None:
    for invoice in Invoice.objects.filter(customer=customer):
        given = sum(row.amount_micros for row in invoice.allocations.all())
        assert 0 <= invoice.settled_micros == given <= invoice.total_micros
    for paid in Payment.objects.filter(customer=customer, kind="payment"):
        given = sum(row.amount_micros for row in paid.allocations.all())
        assert 0 <= paid.allocated_micros == given <= paid.amount_micros - paid.refunded_micros


def test_money_of_nobody_waits_until_somebody_says_whose_it_is(account: Account) -> None:
    stray = Payment.objects.create(
        account=account, gateway="paypal", status="pending", currency="EUR", amount_micros=20 * EURO,
        received_micros=20 * EURO, received_currency="EUR", fee_micros=EURO, payer="who@pays.example", external_id="X1",
    )  # fmt: skip
    refused("payment_id", complete_payment, payment_id=stray.pk)
    customer = acme(account)
    done = assign_payment(payment_id=stray.pk, customer_id=customer.pk, remember=True)
    assert (done.status, done.customer_id, balance(customer)) == ("completed", customer.pk, 19 * EURO)
    customer.refresh_from_db()
    assert customer.paypal_email == "who@pays.example"
    refused("payment_id", assign_payment, payment_id=stray.pk, customer_id=customer.pk)
