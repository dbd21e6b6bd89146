"""Claims about taxes as they are kept: how documents name them."""

import pytest

from tests.actions.cast import acme
from tollgate.actions.records import now
from tollgate.actions.taxes import create_tax, set_customer_taxes, taxes_of, update_tax
from tollgate.store.models import Account


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


def test_a_name_that_is_taken_away_becomes_the_countrys_and_one_that_is_there_stays(account: Account) -> None:
    Account.objects.update(country="US")
    tax = create_tax(account_id=account.pk, name="State", rate_ppm=80_000, label="Tax")
    assert update_tax(tax_id=tax.pk, country="CA").label == "Tax"
    assert update_tax(tax_id=tax.pk, label="").label == "GST"
    assert update_tax(tax_id=tax.pk, label=" ", country="").label == "Sales tax"
