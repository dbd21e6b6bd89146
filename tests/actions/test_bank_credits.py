"""Claims about money that bank statements tell of: it is found to be whose, entered once, and settles what it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.actions.bills import balance
from tests.actions.cast import EURO
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import postpaid
from tests.actions.test_tasks import actor_of, errors_of, user, work
from tests.core.test_bank_statements import HEAD, TAIL, detail, entry
from tollgate.actions import bank_credits
from tollgate.actions.acts import NotPermitted, acting
from tollgate.actions.bank_credits import import_bank_credit
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.own_payments import tell_bank_transfer
from tollgate.actions.payments import cancel_payment, create_payment
from tollgate.actions.uploads import read_file, start_upload
from tollgate.core.upload_fields import NOUNS
from tollgate.core.uploads import guess
from tollgate.store.models import Account, Customer, Invoice, Payment, Task, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    """Who may do everything."""
    return user("ann@demo.example", "*")


def owing(customer: Customer, euros: int) -> Invoice:
    """An issued invoice."""
    draft = draft_invoice(customer_id=customer.pk)
    add_invoice_line(invoice_id=draft.pk, description="Trunk", unit_price_nanos=euros * 10**9)
    return issue_invoice(invoice_id=draft.pk)


def uploaded(ann: User, account: Account, *entries: str) -> Task:
    """A statement that Ann brings, once its job is over."""
    read = read_file((HEAD.format(version="08") + "".join(entries) + TAIL).encode(), "bank_credit")
    with acting(actor_of(ann)):
        task = start_upload(
            account_id=account.pk,
            noun="bank_credit",
            headers=list(read.headers),
            rows=[line.cells for line in read.lines],
            lines=[line.number for line in read.lines],
            mapping=guess(read.headers, NOUNS["bank_credit"].fields),
        )
    work()
    task.refresh_from_db()
    return task


def paying(reference: str, euros: str, told: str, **more: str) -> str:
    """The entry of a payment."""
    return entry(euros, detail(reference, told=f"<Ustrd>{told}</Ustrd>", **more))


def test_a_statement_settles_the_invoices_that_it_names_first_and_whoever_brings_it_again_moves_nothing(
    account: Account, ann: User
) -> None:
    baltic, nordic = postpaid(account, "Baltic"), postpaid(account, "Nordic")
    old, new, other = owing(baltic, 50), owing(baltic, 100), owing(nordic, 10)
    entries = (
        paying("B1", "100.00", f"Rechnung: {str(new.number).lower()}, danke"),
        paying("B2", "10.00", f"customer no {nordic.number}.", name="<Pty><Nm>Nordic</Nm></Pty>"),
        paying("B3", "5.00", f"{new.number} {other.number}"),
        paying("B4", "5.00", "for calls"),
    )
    task = uploaded(ann, account, *entries)
    assert (task.done_count, task.failed_count) == (2, 2)
    words = {line: told[0][1] for line, told in errors_of(task).items()}
    assert "several customers" in words[4]
    assert "names no invoice and no customer" in words[5]
    for invoice, left in ((old, 50), (new, 0), (other, 0)):
        invoice.refresh_from_db()
        assert invoice.open_micros == left * EURO
    found = Payment.objects.get(external_id="B2")
    assert (found.gateway, found.payer, found.status) == ("bank_transfer", "Nordic LT12", "completed")
    assert found.received_at == datetime(2026, 11, 20, tzinfo=UTC)
    again = uploaded(ann, account, *entries[:2])
    assert (again.done_count, Payment.objects.count(), balance(baltic)) == (2, 2, -50 * EURO)
    twice = uploaded(ann, account, paying("B1", "99.00", str(new.number)))
    assert "has this id of the bank: 100.00 EUR, Baltic" in errors_of(twice)[2][0][1]


def test_a_transfer_that_was_announced_is_completed(account: Account) -> None:
    Account.objects.update(payment_details="IBAN LT12")
    baltic = postpaid(account, "Baltic")
    old, new = owing(baltic, 50), owing(baltic, 100)
    announced = tell_bank_transfer(customer_id=baltic.pk, amount_micros=100 * EURO, payer="Dan")
    told = {"account_id": account.pk, "currency": "eur", "paid_for": new.number, "amount_micros": 100 * EURO}
    for _ in range(2):
        done = import_bank_credit(**told, external_id="B1")
        assert (done.pk, done.status, done.external_id, done.payer) == (announced.pk, "completed", "B1", "Dan")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.open_micros, new.open_micros) == (50 * EURO, 0)


@pytest.mark.parametrize("gateway", ["manual", "bank_transfer"])
def test_what_may_be_entered_by_hand_already_is_asked_and_nothing_is_lost_or_entered_twice(
    account: Account, gateway: str
) -> None:
    baltic = postpaid(account, "Baltic")
    named = {"account_id": account.pk, "currency": "EUR", "paid_for": baltic.number}
    told = {**named, "amount_micros": 50 * EURO}
    by_hand = create_payment(customer_id=baltic.pk, amount_micros=50 * EURO, gateway=gateway, external_id="receipt 7")
    assert f"payment {by_hand.pk} (" in refused("entered_as", import_bank_credit, **told, external_id="B2")
    for answer in ("yes", "-1", str(by_hand.pk + 999)):
        refused("entered_as", import_bank_credit, **told, external_id="B2", entered_as=answer)
    for _ in range(2):
        same = import_bank_credit(**told, external_id="B2", entered_as=str(by_hand.pk))
        assert (same.pk, same.noticed_as, same.external_id) == (by_hand.pk, "B2", "receipt 7")
    more = import_bank_credit(**told, external_id="B3")
    assert more.pk != by_hand.pk, "what the bank tells twice came twice"
    assert balance(baltic) == 100 * EURO
    create_payment(customer_id=baltic.pk, amount_micros=50 * EURO, gateway=gateway)
    import_bank_credit(**told, external_id="B4", entered_as="New")
    assert balance(baltic) == 200 * EURO, "and so did what is new"


def test_of_two_workers_with_the_same_statement_the_slower_finds_what_the_faster_has_done(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    baltic = postpaid(account, "Baltic")
    by_hand = create_payment(customer_id=baltic.pk, amount_micros=EURO)
    told = {"account_id": account.pk, "currency": "EUR", "paid_for": baltic.number, "amount_micros": EURO}

    def faster(customer: Customer) -> None:
        assert customer == baltic
        monkeypatch.undo()
        import_bank_credit(**told, external_id="B1", entered_as=str(by_hand.pk))

    monkeypatch.setattr(bank_credits, "take_turns", faster)
    assert import_bank_credit(**told, external_id="B1").pk == by_hand.pk
    assert balance(baltic) == EURO


def test_what_another_statement_tells_without_an_id_of_the_bank_is_asked(account: Account) -> None:
    baltic = postpaid(account, "Baltic")
    day = {"received_at": "2026-11-20T00:00:00+00:00"}
    told = {"account_id": account.pk, "currency": "EUR", "paid_for": baltic.number, "amount_micros": EURO, **day}
    first = import_bank_credit(**told, external_id="~LT1 S-7 1")
    for other in ("~LT1 S-8 1", "B1"):
        refused("entered_as", import_bank_credit, **told, external_id=other)
    assert import_bank_credit(**told, external_id="B1", entered_as=str(first.pk)).pk == first.pk
    later = {**told, "received_at": "2026-11-21T00:00:00+00:00"}
    import_bank_credit(**later, external_id="~LT1 S-8 1")
    import_bank_credit(**later, external_id="~LT1 S-8 2")
    assert balance(baltic) == 3 * EURO, "what one statement tells twice came twice"


def test_an_id_that_a_bank_uses_again_books_nothing_silently(account: Account) -> None:
    baltic, nordic = postpaid(account, "Baltic"), postpaid(account, "Nordic")
    told = {"account_id": account.pk, "currency": "EUR", "amount_micros": EURO, "external_id": "1"}
    first = {**told, "paid_for": baltic.number, "received_at": "2026-11-20T00:00:00+00:00"}
    entered = import_bank_credit(**first)
    assert import_bank_credit(**first).pk == entered.pk
    refused("external_id", import_bank_credit, **{**first, "received_at": "2026-11-21T00:00:00+00:00"})
    refused("external_id", import_bank_credit, **{**first, "paid_for": owing(nordic, 1).number})
    Account.objects.update(two_person_payments=True)
    waits = import_bank_credit(**{**first, "external_id": "2"})
    cancel_payment(payment_id=waits.pk)
    assert "moved nothing" in refused("external_id", import_bank_credit, **{**first, "external_id": "2"})


def test_a_reversal_is_told_and_never_booked(account: Account, ann: User) -> None:
    baltic = postpaid(account, "Baltic")
    number = str(baltic.number)
    back = entry("9.00", detail("B1", told=f"<Ustrd>{number}</Ustrd>"), more="<RvslInd>true</RvslInd>")
    task = uploaded(ann, account, back, paying("B2", "1.00", number))
    assert (task.done_count, task.failed_count, balance(baltic)) == (1, 1, EURO)
    assert "booked something back" in errors_of(task)[2][0][1]


def test_what_a_statement_cannot_decide_is_left_to_a_person(account: Account, ann: User) -> None:
    baltic, nordic = postpaid(account, "Baltic"), postpaid(account, "Nordic")
    told = {"account_id": account.pk, "amount_micros": EURO, "external_id": "B1", "customer_id": baltic.pk}
    assert "pays in EUR" in refused("currency", import_bank_credit, **told, currency="USD")
    Account.objects.update(two_person_payments=True)
    waiting = import_bank_credit(**told, currency="EUR")
    assert (waiting.status, balance(baltic)) == ("pending", 0), "another person approves it"
    for other in ({"customer_id": nordic.pk}, {"amount_micros": 2 * EURO}):
        refused("external_id", import_bank_credit, **{**told, **other}, currency="EUR")
    with acting(actor_of(ann, reach=frozenset({baltic.pk}))), pytest.raises(NotPermitted):
        import_bank_credit(**told, currency="EUR")
