"""Claims about the optimistic lock and what other tables keep of a record: who saves an older form is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.cast import acme
from tollgate.actions.accounting import journal_codes, set_journal_codes
from tollgate.actions.acts import OutOfDate
from tollgate.actions.customers import update_customer
from tollgate.actions.invoices import add_invoice_line, change_invoice_line, draft_invoice
from tollgate.actions.tags import create_tag
from tollgate.actions.taxes import create_tax, set_customer_taxes
from tollgate.store.models import Account, Audit, Customer


def version_of(record: Any) -> int:
    """Its version now."""
    record.refresh_from_db()
    return int(record.version)


@pytest.mark.parametrize("name", ["tag_ids", "tax_ids"])
def test_who_saves_a_customer_whose_tags_or_taxes_another_has_changed_is_told_of_them(
    account: Account, name: str
) -> None:
    made: Any = create_tag if name == "tag_ids" else create_tax
    first, second = (made(account_id=account.pk, name=one).pk for one in ("A", "B"))
    one: dict[str, Any] = {name: [first]}
    other: dict[str, Any] = {name: [second]}
    customer = acme(account)
    seen = version_of(customer)
    update_customer(customer_id=customer.pk, version=seen, **one)
    assert version_of(customer) == seen + 1
    with pytest.raises(OutOfDate) as caught:
        update_customer(customer_id=customer.pk, version=seen, **other)
    assert (caught.value.current[name], caught.value.current["version"]) == ([first], seen + 1)
    assert not [key for key in caught.value.current if key.endswith("_version")]
    assert getattr(Customer.objects.get(), name) == [first]
    update_customer(customer_id=customer.pk, version=seen + 1, channels=3, **one)
    assert version_of(customer) == seen + 2
    rows = Audit.objects.count()
    update_customer(customer_id=customer.pk, channels=3, **one)
    assert (version_of(customer), Audit.objects.count()) == (seen + 2, rows), "a save without a change leaves no trace"
    update_customer(customer_id=customer.pk, **other, channels=4)
    assert version_of(customer) == seen + 3, "what is saved together is one version"


def test_the_priorities_of_a_customers_taxes_are_a_part_of_it(account: Account) -> None:
    tax, customer = create_tax(account_id=account.pk, name="VAT"), acme(account)
    seen = version_of(customer)

    def pays(priority: int | None, **more: Any) -> Customer:
        paid: Any = [{"tax_id": tax.pk, "priority": priority}]
        return set_customer_taxes(customer_id=customer.pk, taxes=paid, **more)

    assert pays(None, version=seen).version == seen + 1
    with pytest.raises(OutOfDate):
        pays(3, version=seen)
    assert pays(3, version=seen + 1).version == seen + 2
    assert pays(3).version == seen + 2
    assert set_customer_taxes(customer_id=customer.pk, taxes=[]).version == seen + 3


def test_journal_codes_of_two_people_do_not_overwrite_one_another(account: Account) -> None:
    seen = version_of(account)
    assert set_journal_codes(account_id=account.pk, codes={"revenue": "8400"}, version=seen)
    with pytest.raises(OutOfDate) as caught:
        set_journal_codes(account_id=account.pk, codes={"revenue": "", "resale": "8410"}, version=seen)
    told = caught.value.current
    assert (told["revenue"], told["resale"], told["version"]) == ("8400", "", seen + 1)
    assert journal_codes(account) == {"revenue": "8400"}
    set_journal_codes(account_id=account.pk, codes={"revenue": "8400", "resale": ""}, version=seen + 1)
    assert version_of(account) == seen + 1, "the same codes are no change"


def test_a_draft_whose_line_says_something_else_is_another_version(account: Account) -> None:
    invoice = draft_invoice(customer_id=acme(account, billing_type="postpaid").pk)
    line: Any = {"description": "Setup", "unit_price_nanos": 5 * 10**9}
    after = add_invoice_line(invoice_id=invoice.pk, **line)
    worded = change_invoice_line(line_id=after.lines.get().pk, description="Port fee")
    assert (worded.total_micros, worded.version) == (after.total_micros, after.version + 1)
