"""Claims about VAT numbers in the panel: what the register said stands at the customer, and it can be asked again."""

from __future__ import annotations

from datetime import UTC, datetime

from django.test import Client

from tests.actions.cast import ANN
from tests.panel.cast import Cast
from tollgate.actions.acts import acting
from tollgate.actions.customers import create_customer, update_customer
from tollgate.store.models import Account, Tax, VatCheck


def test_what_the_register_said_stands_on_the_customers_invoices_and_is_asked_for_again(
    cast: Cast, ann: Client, bob: Client
) -> None:
    Account.objects.update(country="LT", vat_id="LT100001919017")
    page = f"/customers/{cast.baltic.pk}/invoices/"
    assert "Ask again" not in ann.get(page).content.decode(), "it has no number"
    with acting(ANN):
        update_customer(customer_id=cast.baltic.pk, country="DE", tax_number="DE136695976")
    asked = ann.get(page).content.decode()
    assert ("Being asked" in asked, "Ask again" in asked) == (True, False)
    VatCheck.objects.update(
        state="valid",
        name="Muster GmbH",
        consultation="WAPIAAAAY",
        answered_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    )
    said = ann.get(page).content.decode()
    for words in ("DE136695976", "Valid", "2026-11-02 09:30", "Muster GmbH", "WAPIAAAAY", "Ask again"):
        assert words in said
    assert "Ask again" not in bob.get(page).content.decode(), "who reads asks for nothing"
    assert bob.post(f"/customers/{cast.baltic.pk}/vat-number/ask/").status_code == 403
    assert VatCheck.objects.count() == 1
    ann.post(f"/customers/{cast.baltic.pk}/vat-number/ask/")
    assert VatCheck.objects.filter(state="queued").count() == 1
    VatCheck.objects.filter(state="queued").update(state="unavailable")
    silent = ann.get(page).content.decode()
    assert ("No answer" in silent, "WAPIAAAAY" in silent) == (True, True), "the last proof stays to be seen"
    with acting(ANN):
        update_customer(customer_id=cast.baltic.pk, tax_number="DE136695977")
    wrong = ann.get(page).content.decode()
    assert ("Not of the form" in wrong, "Ask again" in wrong) == (True, False)


def test_the_form_of_a_new_customer_begins_with_the_taxes_for_new_ones(cast: Cast, ann: Client) -> None:
    ann.post("/taxes/new/", {"name": "PVM", "category": "S", "rate_ppm": "21", "fixed_micros": "0", "priority": "10",
                             "country": "LT", "is_default": "on", "enabled": "on"})  # fmt: skip
    tax = Tax.objects.get(name="PVM")
    assert tax.is_default
    shown = ann.get("/customers/new/").content.decode()
    assert f'<option value="{tax.pk}" selected>PVM' in shown
    with acting(ANN):
        assert create_customer(account_id=cast.account.pk, name="New", currency="EUR").tax_ids == [tax.pk]


def test_a_late_fee_says_what_it_bears_and_other_steps_say_nothing(cast: Cast, ann: Client) -> None:
    step = {"title": "Fee", "days": "9", "action": "late_fee", "fee_ppm": "1", "fee_micros": "0", "enabled": "on"}
    begun = ann.get("/dunning/new/").content.decode()
    assert "Compensation for late payment" in begun
    ann.post("/dunning/new/", {**step, "tax_category": "E", "exemption_reason": "Art. 1"})
    ann.post("/dunning/new/", {**step, "title": "Taxed", "tax_category": "", "exemption_reason": "left over"})
    ann.post("/dunning/new/", {**step, "title": "Soon", "action": "remind", "fee_ppm": "0", "tax_category": "E"})
    rows = cast.account.dunning_steps.filter(title__in=("Fee", "Taxed", "Soon")).values_list(
        "title", "tax_category", "exemption_reason"
    )
    assert set(rows) == {("Fee", "E", "Art. 1"), ("Taxed", "", ""), ("Soon", "", "")}
