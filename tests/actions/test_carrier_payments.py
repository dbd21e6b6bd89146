"""Claims about what is paid to carriers: it is owed no more, it costs nothing, and each is booked once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests.actions.cast import ANN, EURO, acme
from tests.actions.test_customers import refused
from tollgate.actions.accounting import journal_of
from tollgate.actions.acts import Actor, NotPermitted, OutOfDate, acting
from tollgate.actions.carrier_payments import pay_carrier, reverse_carrier_payment, update_carrier_payment
from tollgate.actions.carrier_statements import create_carrier_statement, delete_carrier_statement, wallet_of
from tollgate.actions.carriers import create_carrier
from tollgate.actions.postings import post
from tollgate.actions.wallets import adjust
from tollgate.jobs.doctor import LAWS
from tollgate.store.models import Account, Audit, Carrier, CarrierPayment, Entry
from tollgate.store.queries.books import profit_of
from tollgate.store.sql import load

pytestmark = pytest.mark.django_db
DAYS = {"from_on": date(2026, 1, 1), "until_on": datetime.now(UTC).date() + timedelta(days=2)}


@pytest.fixture
def cirrus(account: Account) -> Carrier:
    """A carrier whose calls cost 1,000."""
    carrier = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    post(wallet_of(carrier), "carrier_cost", "call", amount_micros=1000 * EURO, note="")
    return carrier


def stands(account: Account) -> dict[str, int]:
    """What the journal puts down on each account, debits less credits."""
    found: dict[str, int] = {}
    for line in journal_of(account, **DAYS):
        found[line.code] = found.get(line.code, 0) + line.debit_micros - line.credit_micros
    return {code: micros for code, micros in found.items() if micros}


def cost(account: Account) -> int:
    """What Money > Profit says that calls have cost, and that nothing else has."""
    rows = profit_of(account, **DAYS, by_month=True)
    assert sum(row.profit_micros - row.bought_micros for row in rows) == 0
    return -sum(row.bought_micros for row in rows)


def broken() -> list[str]:
    """The laws of the books that do not hold."""
    with connection.cursor() as cursor:
        found = []
        for name, statement in {name: law for file in LAWS for name, law in load(file).items()}.items():
            cursor.execute(statement)
            found += [name] if cursor.fetchall() else []
    return found


def test_what_is_paid_to_a_carrier_is_owed_no_more_and_costs_nothing(account: Account, cirrus: Carrier) -> None:
    paid = pay_carrier(
        carrier_id=cirrus.pk, amount_micros=400 * EURO, paid_on="2026-11-02", external_id="B7", note="Oct"
    )
    entry = Entry.objects.get(ref=f"carrier_payment:{paid.pk}")
    assert (entry.book, entry.kind, entry.amount_micros, entry.note) == ("payments", "payment", -400 * EURO, "Oct")
    assert (wallet_of(cirrus).balance_micros, cost(account)) == (600 * EURO, 1000 * EURO)
    assert stands(account) == {"5000": 1000 * EURO, "2000": -600 * EURO, "1000": -400 * EURO}
    assert [line.document for line in journal_of(account, **DAYS)][-2:] == ["B7", "B7"]
    back = pay_carrier(carrier_id=cirrus.pk, amount_micros=50 * EURO, kind="refund")
    assert (back.amount_micros, wallet_of(cirrus).balance_micros, cost(account)) == (
        -50 * EURO,
        650 * EURO,
        1000 * EURO,
    )
    assert (paid.paid_on, paid.created_by, broken()) == (date(2026, 11, 2), "Ann", [])
    assert Audit.objects.get(table_name="carrier_payment", row_id=paid.pk).act == "pay_carrier"


def test_an_adjustment_of_a_carriers_wallet_corrects_what_its_calls_cost(account: Account, cirrus: Carrier) -> None:
    wallet = wallet_of(cirrus)
    assert adjust(wallet_id=wallet.pk, amount_micros=-100 * EURO, note="a discount").book == "carrier_cost"
    assert (wallet_of(cirrus).balance_micros, cost(account)) == (900 * EURO, 900 * EURO)
    assert stands(account) == {"5000": 900 * EURO, "2000": -900 * EURO}
    assert broken() == []


def test_an_id_that_was_entered_before_is_booked_once_or_refused(account: Account, cirrus: Carrier) -> None:
    paid = pay_carrier(carrier_id=cirrus.pk, amount_micros=400 * EURO, external_id="B7")
    assert pay_carrier(carrier_id=cirrus.pk, amount_micros=400 * EURO, external_id="B7") == paid
    other = create_carrier(account_id=account.pk, name="Nimbus", currency="EUR")
    for wrong in (
        {"carrier_id": cirrus.pk, "amount_micros": 401 * EURO},
        {"carrier_id": other.pk, "amount_micros": 400 * EURO},
        {"carrier_id": cirrus.pk, "amount_micros": 400 * EURO, "kind": "refund"},
    ):
        refused("external_id", pay_carrier, **wrong, external_id="B7")
    assert (wallet_of(cirrus).balance_micros, CarrierPayment.objects.count()) == (600 * EURO, 1)
    reverse_carrier_payment(carrier_payment_id=paid.pk, reason="twice")
    assert "is undone" in refused(
        "external_id", pay_carrier, carrier_id=cirrus.pk, amount_micros=400 * EURO, external_id="B7"
    )


def test_a_payment_that_cannot_be_is_refused_by_its_field(account: Account, cirrus: Carrier) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for field, wrong in (
        ("amount_micros", {"amount_micros": 0}),
        ("amount_micros", {"amount_micros": EURO + 1}),
        ("kind", {"kind": "reversal"}),
        ("paid_on", {"paid_on": "soon"}),
        ("paid_on", {"paid_on": tomorrow}),
    ):
        refused(field, pay_carrier, **{"carrier_id": cirrus.pk, "amount_micros": EURO, **wrong})
    with acting(Actor("Bob", frozenset({"adjust"}))), pytest.raises(NotPermitted):
        pay_carrier(carrier_id=cirrus.pk, amount_micros=EURO)
    held = Actor("Rita", frozenset({"pay_carrier"}), reach=frozenset({acme(account).pk}))
    with acting(held), pytest.raises(NotPermitted):
        pay_carrier(carrier_id=cirrus.pk, amount_micros=EURO)
    assert not CarrierPayment.objects.exists()


def test_a_wrong_payment_is_undone_once_and_nothing_else_of_it_changes(account: Account, cirrus: Carrier) -> None:
    paid = pay_carrier(carrier_id=cirrus.pk, amount_micros=400 * EURO)
    refused("reason", reverse_carrier_payment, carrier_payment_id=paid.pk, reason=" ")
    undone = reverse_carrier_payment(carrier_payment_id=paid.pk, reason="another carrier's")
    assert (undone.amount_micros, undone.kind, undone.note) == (-400 * EURO, "reversal", "another carrier's")
    assert (wallet_of(cirrus).balance_micros, cost(account), broken()) == (1000 * EURO, 1000 * EURO, [])
    assert stands(account) == {"5000": 1000 * EURO, "2000": -1000 * EURO}
    for one in (paid, undone):
        refused("carrier_payment_id", reverse_carrier_payment, carrier_payment_id=one.pk, reason="again")
    for change in ({"amount_micros": EURO}, {"paid_on": "2020-01-01"}):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            CarrierPayment.objects.filter(pk=paid.pk).update(**change)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        undone.delete()
    changed = update_carrier_payment(carrier_payment_id=paid.pk, version=paid.version, note="Nimbus'")
    assert changed.note == "Nimbus'"
    with pytest.raises(OutOfDate):
        update_carrier_payment(carrier_payment_id=paid.pk, version=paid.version, note="late")


def test_a_payment_is_for_a_statement_of_its_carrier_which_then_stays(account: Account, cirrus: Carrier) -> None:
    bill = {"from_on": "2026-10-01", "until_on": "2026-11-01", "total_micros": 400 * EURO}
    own = create_carrier_statement(carrier_id=cirrus.pk, number="I-1", **bill)
    nimbus = create_carrier(account_id=account.pk, name="Nimbus", currency="EUR")
    foreign = create_carrier_statement(carrier_id=nimbus.pk, number="N-1", **bill)
    dollars = create_carrier_statement(carrier_id=cirrus.pk, number="I-2", currency="USD", **bill)
    given = {"carrier_id": cirrus.pk, "amount_micros": 400 * EURO}
    for wrong in (foreign, dollars):
        refused("statement_id", pay_carrier, **given, statement_id=wrong.pk)
    paid = pay_carrier(**given)
    assert update_carrier_payment(carrier_payment_id=paid.pk, statement_id=own.pk).statement == own
    refused("statement_id", update_carrier_payment, carrier_payment_id=paid.pk, statement_id=foreign.pk)
    assert "Payments are for this" in refused("statement_id", delete_carrier_statement, statement_id=own.pk)
    undone = reverse_carrier_payment(carrier_payment_id=paid.pk, reason="bounced")
    assert undone.statement == own, "what was paid for it is nothing again"
    for one in (paid, undone):
        refused("statement_id", update_carrier_payment, carrier_payment_id=one.pk, statement_id=dollars.pk)
        assert update_carrier_payment(carrier_payment_id=one.pk, statement_id=None).statement is None
    delete_carrier_statement(statement_id=own.pk)


def test_the_doctor_misses_what_a_payment_to_a_carrier_has_not_moved(account: Account, cirrus: Carrier) -> None:
    with acting(ANN):
        pay_carrier(carrier_id=cirrus.pk, amount_micros=400 * EURO)
    values = {"carrier": cirrus, "currency": "EUR", "amount_micros": EURO, "paid_on": "2026-11-01"}
    unbooked = CarrierPayment.objects.create(account=account, **values)
    assert broken() == ["carrier_payments_have_their_entries"]
    ref = f"carrier_payment:{unbooked.pk}"
    post(wallet_of(cirrus), "payments", "payment", amount_micros=-EURO, note="", ref=ref)
    assert broken() == []
    post(wallet_of(cirrus), "payments", "payment", amount_micros=-EURO, note="")
    assert broken() == ["carriers_are_paid_by_payments"]
