"""Claims about charges of customers who are made prepaid and postpaid in turn: each is on one document, of its kind."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.actions.bills import Talk, charged
from tests.actions.cast import EURO
from tests.actions.test_invoice_runs import BEGIN
from tests.actions.test_what_documents_bear import fee, lawful, prepaid, told, turned
from tollgate.actions.acts import Done, Invalid
from tollgate.actions.charges import charge_customer
from tollgate.actions.customers import delete_customer, update_customer
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_runs import generate_missing_invoices, run_invoices
from tollgate.actions.invoices import add_invoice_line, draft_invoice, remove_invoice_line
from tollgate.actions.payments import create_payment
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, Charge, Customer, Invoice, InvoiceLine

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = BEGIN + 500 * DAY
STEPS = ("fee", "fee ahead", "fee on the bill", "gift", "call", "top-up", "switch", "run", "void")


def bearing(charge: Charge) -> list[str]:
    """The kinds of the documents on which a charge stands."""
    lines = InvoiceLine.objects.filter(charge=charge).exclude(invoice__state="void")
    return list(lines.values_list("invoice__kind", flat=True))


def test_a_charge_taken_ahead_for_a_later_day_is_on_the_last_receipt_before_the_switch(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, EURO)])
    ahead = fee(acme, 30, "2024-02-20", post_now=True)
    waiting = fee(acme, 7, "2024-02-21")
    turned(acme, "postpaid", BEGIN + 9 * DAY)
    found = run_invoices(BEGIN + 80 * DAY)
    assert told(found) == [("receipt", 31 * EURO, 0), ("invoice", 7 * EURO, 1_470_000)]
    assert (bearing(ahead), bearing(waiting)) == (["receipt"], ["invoice"])
    assert run_invoices(LATER) == []
    assert lawful(acme)


def test_a_charge_taken_for_a_later_day_is_on_the_last_invoice_before_the_switch_to_prepaid(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk], billing_type="postpaid")
    later = fee(acme, 30, "2024-02-20", post_now=True)
    turned(acme, "prepaid", BEGIN + 9 * DAY)
    assert told(run_invoices(BEGIN + 80 * DAY)) == [("invoice", 30 * EURO, 6_300_000)]
    assert bearing(later) == ["invoice"]
    assert lawful(acme)


def test_the_receipt_by_hand_of_the_days_before_a_switch_bears_what_was_taken_for_later(account: Account) -> None:
    acme = prepaid(account, invoice_schedule="none")
    ahead = fee(acme, 30, "2024-02-20", post_now=True)
    turned(acme, "postpaid", datetime.fromisoformat("2024-02-01T00:00:00Z"))
    draft = draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    assert (draft.kind, bearing(ahead)) == ("receipt", ["receipt"])


@pytest.mark.parametrize("was", ["prepaid", "postpaid"])
def test_one_taken_off_the_last_document_of_its_kind_gets_one_of_its_own(account: Account, was: str) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk], billing_type=was)
    charged(acme, [Talk(BEGIN, EURO)])
    first, second = fee(acme, 30, "2024-01-20", post_now=True), fee(acme, 5, "2024-03-01", post_now=True)
    turned(acme, "postpaid" if was == "prepaid" else "prepaid", datetime.fromisoformat("2024-02-01T00:00:00Z"))
    draft = draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    for charge in (first, second):
        remove_invoice_line(line_id=draft.lines.get(charge=charge).pk)
    issue_invoice(invoice_id=draft.pk)
    kind, tax = ("receipt", 0) if was == "prepaid" else ("invoice", 7_350_000)
    seen = generate_missing_invoices(customer_id=acme.pk, preview=True)
    assert [(one.kind, one.net_micros, str(one.from_on), str(one.until_on)) for one in seen] == [
        (kind, 35 * EURO, "2024-01-20", "2024-03-02")
    ]
    (made,) = generate_missing_invoices(customer_id=acme.pk, issued=False)
    own = issue_invoice(invoice_id=made.invoice_id)
    assert told([own]) == [(kind, 35 * EURO, tax)], "a draft of it stays of its kind when it is issued"
    assert bearing(first) == bearing(second) == [kind]
    assert lawful(acme)
    void_invoice(invoice_id=own.pk, reason="anew")
    assert told(run_invoices(LATER)) == [(kind, 35 * EURO, tax)]
    assert lawful(acme)


def test_what_is_taken_off_the_document_of_what_was_left_gets_another_and_nothing_is_added(
    account: Account,
) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, EURO)])
    charges = [fee(acme, 30, "2024-01-20", post_now=True), fee(acme, 5, "2024-03-01", post_now=True)]
    turned(acme, "postpaid", datetime.fromisoformat("2024-02-01T00:00:00Z"))
    draft = draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    for charge in charges:
        remove_invoice_line(line_id=draft.lines.get(charge=charge).pk)
    issue_invoice(invoice_id=draft.pk)
    (made,) = generate_missing_invoices(customer_id=acme.pk, issued=False)
    left = Invoice.objects.get(pk=made.invoice_id)
    with pytest.raises(Invalid, match="before the account type was changed"):
        add_invoice_line(invoice_id=left.pk, description="more", unit_price_nanos=50 * EURO * 1000)
    remove_invoice_line(line_id=left.lines.get(charge=charges[0]).pk)
    assert told([issue_invoice(invoice_id=left.pk)]) == [("receipt", 5 * EURO, 0)]
    assert told(run_invoices(LATER)) == [("receipt", 30 * EURO, 0)]
    assert lawful(acme)


def test_a_gift_is_on_the_receipt_of_what_was_left_before_it_is_on_an_invoice(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    charged(acme, [Talk(BEGIN, EURO)])
    charges = [fee(acme, 30, "2024-01-20", post_now=True), fee(acme, -5, "2024-01-21", post_now=True)]
    turned(acme, "postpaid", datetime.fromisoformat("2024-02-01T00:00:00Z"))
    draft = draft_invoice(customer_id=acme.pk, from_on="2024-01-01", until_on="2024-02-01")
    for charge in reversed(charges):
        remove_invoice_line(line_id=draft.lines.get(charge=charge).pk)
    issue_invoice(invoice_id=draft.pk)
    charged(acme, [Talk(datetime.fromisoformat("2024-02-15T12:00:00Z"), 20 * EURO)])
    assert told(run_invoices(LATER)) == [("receipt", 25 * EURO, 0), ("invoice", 20 * EURO, 4 * EURO)]
    assert lawful(acme)


def test_a_gift_that_no_receipt_had_room_for_is_on_the_next_invoice(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=200_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    gift = fee(acme, -5, "2024-01-05", post_now=True)
    turned(acme, "postpaid", BEGIN + 9 * DAY)
    charged(acme, [Talk(BEGIN + 15 * DAY, 20 * EURO)])
    assert told(run_invoices(BEGIN + 80 * DAY)) == [("invoice", 15 * EURO, 3 * EURO)]
    assert bearing(gift) == ["invoice"]
    assert lawful(acme)


def test_who_switches_an_account_type_over_money_that_is_left_is_told_of_its_tax(account: Account, done: Done) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = prepaid(account, tax_ids=[vat.pk])
    for billing_type in ("postpaid", "prepaid"):
        update_customer(customer_id=acme.pk, billing_type=billing_type)
    assert done.warnings == [], "nothing is left"
    create_payment(customer_id=acme.pk, amount_micros=121 * EURO)
    update_customer(customer_id=acme.pk, billing_type="postpaid")
    assert ["100 EUR was paid ahead with its tax" in words for words in done.warnings] == [True]
    update_customer(customer_id=acme.pk, company="Acme Ltd")
    assert len(done.warnings) == 1
    update_customer(customer_id=acme.pk, billing_type="prepaid")
    assert "What of its balance of 100 EUR was paid while postpaid" in done.warnings[1]


@settings(
    max_examples=15,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(1, 20), st.integers(-20, 70)), min_size=4, max_size=14
    ),
    closes=st.booleans(),
)
@example(steps=[("fee ahead", 3, 60), ("switch", 3, 0), ("run", 40, 0), ("void", 1, 0), ("switch", 1, 0)], closes=True)
def test_whatever_switches_come_between_each_charge_is_on_one_document_of_its_kind(
    account: Account, steps: list[tuple[str, int, int]], closes: bool
) -> None:
    with transaction.atomic():
        vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
        acme = prepaid(account, tax_ids=[vat.pk])
        at = BEGIN
        for what, days, which in [*steps, ("run", 1, 0)]:
            at += days * DAY
            try:
                with transaction.atomic():
                    _step(acme, what, at, which)
            except Invalid:
                continue
        charged(acme, [Talk(at + 100 * DAY, 1000 * EURO)])  # room for what gives money back
        if closes:
            delete_customer(customer_id=acme.pk)
        run_invoices(LATER)
        assert lawful(acme)
        for charge in Charge.objects.filter(customer=acme):
            own = "receipt" if charge.billing_type == "prepaid" else "invoice"
            kinds = bearing(charge)
            assert len(kinds) == 1, (charge.description, charge.from_on, kinds)
            assert kinds == [own] or (charge.amount_micros < 0 and charge.entry_id is not None)
        for receipt in Invoice.objects.filter(customer=acme, kind="receipt", payment=None):
            assert receipt.tax_micros == 0, "its tax came with the money"
        assert run_invoices(LATER) == []
        transaction.set_rollback(True)


_made: Counter[str] = Counter()


def _step(acme: Customer, what: str, at: datetime, which: int) -> None:
    acme.refresh_from_db()
    if what.startswith("fee") or what == "gift":
        _made["charge"] += 1
        charge_customer(
            customer_id=acme.pk,
            description=what,
            key=str(_made["charge"]),
            unit_price_nanos=(-3 if what == "gift" else 2) * EURO * 1000,
            from_on=(at + (abs(which) if what == "fee ahead" else which) * DAY).date(),
            post_now=what != "fee on the bill",
        )
    elif what == "call":
        charged(acme, [Talk(at, EURO + which)])
    elif what == "top-up":
        create_payment(customer_id=acme.pk, amount_micros=EURO * (which + 21))
    elif what == "switch":
        turned(acme, "postpaid" if acme.billing_type == "prepaid" else "prepaid", at)
    elif what == "run":
        run_invoices(at)
    elif what == "void":
        found = list(Invoice.objects.filter(customer=acme, state="issued", payment=None).order_by("pk"))
        if found:
            void_invoice(invoice_id=found[which % len(found)].pk, reason="anew")
