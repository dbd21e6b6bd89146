"""Claims about taxes as they are kept: how documents name them."""

from typing import Any

import pytest

from tests.actions.cast import EURO, acme
from tests.actions.test_payments import balance
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.payments import create_payment
from tollgate.actions.records import now
from tollgate.actions.taxes import create_tax, set_customer_taxes, taxes_of, update_tax
from tollgate.core.taxes import NO_TAX_HOLDS, TaxDoubt
from tollgate.store.models import Account, Customer, Invoice


@pytest.mark.parametrize(
    ("seller", "country", "label", "printed"),
    [
        ("GB", "", "", "VAT"),
        ("LT", "", "", "VAT"),
        ("", "", "", "VAT"),
        ("US", "", "", "Sales tax"),
        ("AU", "", "", "GST"),
        ("LT", "US", "", "Sales tax"),
        ("US", "GB", "", "VAT"),
        ("US", "", "NY sales tax", "NY sales tax"),
    ],
)
def test_a_tax_is_printed_as_its_country_calls_it_unless_it_is_named(
    account: Account, seller: str, country: str, label: str, printed: str
) -> None:
    Account.objects.update(country=seller)
    customer = acme(account, country=country or "DE", tax_treatment="taxed")
    tax = create_tax(account_id=account.pk, name="State", rate_ppm=80_000, country=country, label=label)
    set_customer_taxes(customer_id=customer.pk, taxes=[{"tax_id": tax.pk, "priority": None}])
    (due,) = taxes_of(customer, now().date())  # type: ignore[misc]  # a doubt would fail here
    assert (tax.label, due.label) == (printed, printed)


def test_new_customers_begin_with_the_taxes_of_their_country_unless_others_are_given(account: Account) -> None:
    Account.objects.update(country="LT", vat_id="LT100001919017")
    lithuanian = create_tax(account_id=account.pk, name="PVM", rate_ppm=210_000, country="LT", is_default=True)
    german = create_tax(account_id=account.pk, name="MwSt", rate_ppm=190_000, country="DE", is_default=True)
    create_tax(account_id=account.pk, name="Old", rate_ppm=180_000, is_default=True, enabled=False)
    own = create_tax(account_id=account.pk, name="Reduced", rate_ppm=90_000)
    on = now().date()

    def new(name: str, **fields: Any) -> Customer:
        return create_customer(account_id=account.pk, name=name, currency="EUR", **fields)

    vilnius, berlin = new("Vilnius", country="LT"), new("Berlin", country="DE")
    assert vilnius.tax_ids == [lithuanian.pk, german.pk]
    assert [rule.name for rule in taxes_of(vilnius, on)] == ["PVM"]  # type: ignore[union-attr]
    assert [rule.name for rule in taxes_of(berlin, on)] == ["MwSt"]  # type: ignore[union-attr]
    moved = update_customer(customer_id=vilnius.pk, country="DE")
    assert [rule.name for rule in taxes_of(moved, on)] == ["MwSt"], "who moves pays where it is"  # type: ignore[union-attr]
    assert new("Museum", country="LT", tax_ids=[own.pk]).tax_ids == [own.pk]
    assert isinstance(taxes_of(new("Nobody", country="LT", tax_ids=[]), on), TaxDoubt), "none is a choice as well"
    held = Actor("Rita", frozenset({"create_customer"}), reach=frozenset())
    with acting(held):
        assert new("Below", country="LT", tax_ids=[]).tax_ids == [lithuanian.pk, german.pk], "it was offered none"


def test_money_of_who_has_no_vat_that_holds_is_booked_and_its_billing_rests(account: Account) -> None:
    Account.objects.update(country="LT", vat_id="LT100001919017")
    customer = acme(account, country="LT", create_invoice_on_payment=True)
    create_payment(customer_id=customer.pk, amount_micros=100 * EURO)
    customer.refresh_from_db()
    assert (balance(customer), customer.parked_reason) == (100 * EURO, NO_TAX_HOLDS)
    assert not Invoice.objects.exists(), "and no receipt says that nothing is due"
    free = create_customer(account_id=account.pk, name="Free", currency="EUR", country="LT", tax_treatment="no_vat")
    create_payment(customer_id=free.pk, amount_micros=100 * EURO)
    free.refresh_from_db()
    assert free.parked_at is None


def test_a_name_that_is_taken_away_becomes_the_countrys_and_one_that_is_there_stays(account: Account) -> None:
    Account.objects.update(country="US")
    tax = create_tax(account_id=account.pk, name="State", rate_ppm=80_000, label="Tax")
    assert update_tax(tax_id=tax.pk, country="CA").label == "Tax"
    assert update_tax(tax_id=tax.pk, label="").label == "GST"
    assert update_tax(tax_id=tax.pk, label=" ", country="").label == "Sales tax"
