"""Claims about documents: drafts are edited, issued ones corrected, never beyond what was billed; money adds up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from tests.actions.bills import Talk, balance, charged, unexplained
from tests.actions.cast import EURO
from tests.actions.test_customers import refused
from tests.actions.test_invoice_runs import BEGIN, postpaid
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import Invalid
from tollgate.actions.charges import charge_customer, make_charge
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.exchange_rates import convert, delete_exchange_rate, set_exchange_rate
from tollgate.actions.invoice_documents import document_of
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_notes import CreditedLine, credit_invoice, debit_invoice
from tollgate.actions.invoice_series import set_invoice_series
from tollgate.actions.invoices import (
    add_invoice_line,
    change_invoice_line,
    delete_invoice_draft,
    draft_invoice,
    remove_invoice_line,
    update_invoice,
)
from tollgate.actions.postings import post, wallet_of
from tollgate.actions.taxes import create_tax, delete_tax, set_customer_taxes, taxes_of, update_tax
from tollgate.actions.wallets import top_up
from tollgate.core.taxes import TaxDoubt
from tollgate.store.models import Account, Customer, Entry, Invoice

PRICE = 1_000_000_000  # nanos of one euro


def taxed(account: Account, *, inclusive: bool = False) -> Customer:
    """Baltic, who pays two taxes, one upon the other."""
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    levy = create_tax(account_id=account.pk, name="Levy", rate_ppm=50_000, compound=True, priority=20)
    return postpaid(
        account, "Baltic", tax_ids=[vat.pk, levy.pk], invoice_grouping="total", prices_include_tax=inclusive
    )


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_draft_becomes_an_invoice_and_notes_take_it_back_whole(account: Account, inclusive: bool) -> None:
    baltic = taxed(account, inclusive=inclusive)
    charged(baltic, [Talk(BEGIN, 1_004_999), Talk(BEGIN + timedelta(days=2), 3)])
    charge = charge_customer(
        customer_id=baltic.pk, description="Fee", unit_price_nanos=5 * PRICE, quantity_milli=1500, from_on="2024-01-02"
    )
    draft = draft_invoice(customer_id=baltic.pk, from_on="2024-01-01", until_on="2024-02-01")
    refused("from_on", draft_invoice, customer_id=baltic.pk, from_on="2024-01-31", until_on="2024-02-02")
    draft = add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=33 * PRICE, quantity_milli=333)
    usage = draft.lines.order_by("position")[0]
    refused("line_id", change_invoice_line, line_id=usage.pk, quantity_milli=1)
    refused("line_id", remove_invoice_line, line_id=usage.pk)
    draft = change_invoice_line(line_id=draft.lines.get(kind="manual").pk, quantity_milli=1000)
    charged(baltic, [Talk(BEGIN + timedelta(days=3), 10_000)])
    assert balance(baltic) == -1_015_002, "a draft moves no money"
    invoice = issue_invoice(invoice_id=draft.pk)
    assert (invoice.state, invoice.exact_micros) == ("issued", 1_015_002 + 7_500_000 + 33_000_000)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(total_micros=1)  # past every act
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        invoice.lines.update(description="Something else")
    rounded = 41_520_000
    assert (invoice.total_micros if inclusive else invoice.net_micros) == rounded
    assert balance(baltic) == -invoice.total_micros
    books = {(entry.book, entry.kind) for entry in Entry.objects.filter(ref=f"invoice:{invoice.pk}")}
    assert {("revenue", "invoice"), ("revenue", "fee"), ("adjustments", "rounding"), ("tax", "tax")} <= books
    charge.refresh_from_db()
    assert charge.entry_id is not None
    for refusal in (add_invoice_line, update_invoice):
        extra = {"description": "More", "unit_price_nanos": 1} if refusal is add_invoice_line else {"note": "x"}
        refused("invoice_id", refusal, invoice_id=invoice.pk, **extra)
    line = invoice.lines.get(kind="manual")
    refused("lines", credit_invoice, invoice_id=invoice.pk, reason="x",
            lines=[{"line_id": line.pk, "net_micros": line.net_micros + 10_000}])  # fmt: skip
    half = credit_invoice(
        invoice_id=invoice.pk, reason="too dear", lines=[{"line_id": line.pk, "net_micros": 10_010_000}]
    )
    assert (half.kind, half.state, half.corrects_id) == ("credit_note", "issued", invoice.pk)
    more = debit_invoice(
        invoice_id=invoice.pk, reason="forgotten", lines=[{"description": "Cable", "unit_price_nanos": PRICE}]
    )
    assert balance(baltic) == -invoice.total_micros + half.total_micros - more.total_micros
    refused("invoice_id", void_invoice, invoice_id=invoice.pk, reason="too late")
    rest = credit_invoice(invoice_id=invoice.pk, reason="all of it")
    for name in ("net_micros", "tax_micros", "total_micros"):
        assert getattr(half, name) + getattr(rest, name) == getattr(invoice, name)
    refused("lines", credit_invoice, invoice_id=invoice.pk, reason="again")
    assert balance(baltic) == -more.total_micros
    assert unexplained() == []
    post(wallet_of(baltic), "adjustments", "rounding", amount_micros=1, note="", key="stray", ref=f"invoice:{rest.pk}")
    assert unexplained() == [rest.pk]
    assert [half.number, rest.number] == [f"CN-{half.number_year}-00001", f"CN-{half.number_year}-00002"]


def test_the_lines_of_a_document_are_written_in_its_customers_language(account: Account) -> None:
    begun = BEGIN.date()
    days = {"from_on": begun, "until_on": begun + timedelta(days=1)}
    for language, calls in {"fr": "Appels", "lt": "Skambučiai"}.items():
        customer = postpaid(account, language, language=language)
        charged(customer, [Talk(BEGIN, EURO)])
        draft = draft_invoice(customer_id=customer.pk, grouping="total", **days)
        assert draft.lines.get().description == calls


def test_the_price_of_a_line_outlives_a_change_of_its_words(account: Account) -> None:
    draft = draft_invoice(customer_id=taxed(account).pk)
    add_invoice_line(invoice_id=draft.pk, description="Minutes", unit_price_nanos=1_234_567, quantity_milli=1000)
    change_invoice_line(line_id=draft.lines.get().pk, description="Minutes to Latvia")
    line = draft.lines.get()
    assert (line.description, line.unit_price_nanos) == ("Minutes to Latvia", 1_234_567)


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_line_bears_the_taxes_chosen_for_it_and_notes_take_back_those(account: Account, inclusive: bool) -> None:
    baltic = taxed(account, inclusive=inclusive)
    vat, levy = (row.tax_id for row in baltic.customer_taxes.order_by("tax_id"))
    update_tax(tax_id=levy, is_vat=False)
    draft = draft_invoice(customer_id=baltic.pk)
    told = {"invoice_id": draft.pk, "unit_price_nanos": 100 * PRICE}
    add_invoice_line(**told, description="Trunk")
    add_invoice_line(**told, description="Router", tax_ids=[vat])
    add_invoice_line(**told, description="Training", tax_category="E", exemption_reason="Article 132")
    add_invoice_line(**told, description="Fund", tax_ids=[levy], tax_category="Z")
    draft.refresh_from_db()
    nets = {line.description: line.net_micros for line in draft.lines.all()}
    rows = {row.name: row for row in draft.taxes.all()}
    assert rows["VAT"].base_micros == nets["Trunk"] + nets["Router"]
    assert (rows["Exempt from VAT"].category, rows["Exempt from VAT"].base_micros) == ("E", nets["Training"])
    assert (rows["Zero rated"].category, rows["Zero rated"].base_micros) == ("Z", nets["Fund"])
    if not inclusive:
        assert rows["VAT"].amount_micros == 42_000_000
        assert rows["Levy"].amount_micros == 6_050_000 + 5_000_000, "of the VAT on the trunk, and of no other"
    issued = issue_invoice(invoice_id=draft.pk)
    assert issued.total_micros == draft.total_micros == draft.net_micros + draft.tax_micros
    assert (issued.total_micros == 400_000_000) is inclusive
    assert balance(baltic) == -issued.total_micros
    more = debit_invoice(invoice_id=issued.pk, reason="forgotten", lines=[{"description": "x", "unit_price_nanos": 1}])
    assert [row.name for row in more.taxes.order_by("position")] == ["VAT", "Levy"], "those of lines as they fall due"
    training = issued.lines.get(description="Training")
    free = credit_invoice(
        invoice_id=issued.pk, reason="cut", lines=[{"line_id": training.pk, "net_micros": training.net_micros}]
    )
    assert (free.tax_micros, [row.name for row in free.taxes.all()]) == (0, ["Exempt from VAT"])
    router = issued.lines.get(description="Router")
    half = credit_invoice(invoice_id=issued.pk, reason="bent", lines=[{"line_id": router.pk, "net_micros": 33_330_000}])
    assert [(row.name, row.amount_micros) for row in half.taxes.all()] == [("VAT", 7_000_000)]
    rest = credit_invoice(invoice_id=issued.pk, reason="all of it")
    for name in ("net_micros", "tax_micros", "total_micros"):
        assert sum(getattr(note, name) for note in (free, half, rest)) == getattr(issued, name)
    assert unexplained() == []


def test_a_discount_that_bears_more_of_a_tax_than_its_lines_is_taken_back_with_it(account: Account) -> None:
    baltic = taxed(account)
    vat = baltic.customer_taxes.order_by("tax_id")[0].tax_id
    draft = draft_invoice(customer_id=baltic.pk)
    told = {"invoice_id": draft.pk, "description": "x"}
    add_invoice_line(**told, unit_price_nanos=80 * PRICE, tax_category="E", exemption_reason="Article 132")
    add_invoice_line(**told, unit_price_nanos=10 * PRICE, tax_ids=[vat])
    add_invoice_line(**told, unit_price_nanos=-20 * PRICE, tax_ids=[vat])
    issued = issue_invoice(invoice_id=draft.pk)
    assert (issued.net_micros, issued.tax_micros) == (70_000_000, -2_100_000)
    training, _, discount = (row.pk for row in issued.lines.order_by("position"))
    given: list[CreditedLine] = [{"line_id": training, "net_micros": 70_000_000}]
    refused("lines", credit_invoice, invoice_id=issued.pk, reason="more than was owed", lines=given)
    given = [{"line_id": training, "net_micros": 40_000_000}, {"line_id": discount, "net_micros": -5_000_000}]
    part = credit_invoice(invoice_id=issued.pk, reason="half", lines=given)
    assert (part.net_micros, part.tax_micros) == (35_000_000, -1_050_000)
    rest = credit_invoice(invoice_id=issued.pk, reason="all of it")
    assert part.total_micros + rest.total_micros == issued.total_micros
    assert unexplained() == []


def test_a_document_tells_the_fixed_part_of_a_tax_as_it_was_taken(account: Account) -> None:
    baltic = taxed(account)
    fee = create_tax(account_id=account.pk, name="Fee", fixed_micros=155_000).pk
    paid = [*(row.tax_id for row in baltic.customer_taxes.all()), fee]
    set_customer_taxes(customer_id=baltic.pk, taxes=[{"tax_id": tax_id, "priority": None} for tax_id in paid])
    draft = draft_invoice(customer_id=baltic.pk)
    told = {"invoice_id": draft.pk, "description": "x", "tax_ids": [fee]}
    add_invoice_line(**told, unit_price_nanos=5 * PRICE)
    row = draft.taxes.get()
    assert (row.amount_micros, row.fixed_micros) == (160_000, 160_000), "in whole coins"
    add_invoice_line(**told, unit_price_nanos=-5 * PRICE)
    row = draft.taxes.get()
    assert (row.amount_micros, row.fixed_micros) == (0, 0), "what comes to nothing bears none"


def test_what_does_not_go_together_in_the_taxes_of_a_line_is_named(account: Account) -> None:
    baltic = taxed(account)
    vat, levy = (row.tax_id for row in baltic.customer_taxes.order_by("tax_id"))
    update_tax(tax_id=levy, is_vat=False)
    other = create_tax(account_id=account.pk, name="Not Baltic's").pk
    draft = draft_invoice(customer_id=baltic.pk)
    told = {"invoice_id": draft.pk, "description": "x", "unit_price_nanos": PRICE}
    for field, given in (
        ("tax_ids", {"tax_ids": [other]}),
        ("tax_ids", {"tax_ids": "all"}),
        ("tax_category", {"tax_ids": [levy]}),
        ("tax_category", {"tax_ids": [vat], "tax_category": "E", "exemption_reason": "x"}),
        ("tax_category", {"tax_category": "S"}),
        ("tax_category", {"tax_category": "AE"}),
        ("exemption_reason", {"tax_category": "E"}),
        ("exemption_reason", {"tax_category": "Z", "exemption_reason": "x"}),
        ("exemption_reason", {"tax_ids": [vat], "exemption_reason": "x"}),
        ("exemption_reason", {"exemption_reason": "x"}),
    ):
        refused(field, add_invoice_line, **told, **given)
    add_invoice_line(**told, tax_ids=[levy], tax_category="E", exemption_reason="Article 132")
    line = draft.lines.get()
    refused("tax_category", change_invoice_line, line_id=line.pk, tax_ids=[vat])
    update_tax(tax_id=levy, is_vat=True)
    refused("invoice_id", issue_invoice, invoice_id=draft.pk)
    change_invoice_line(line_id=line.pk, tax_ids=[vat], tax_category="", exemption_reason="")
    set_customer_taxes(customer_id=baltic.pk, taxes=[])
    refused("invoice_id", issue_invoice, invoice_id=draft.pk)
    change_invoice_line(line_id=draft.lines.get().pk, tax_ids=None)
    assert issue_invoice(invoice_id=draft.pk).tax_micros == 0
    update_customer(customer_id=baltic.pk, billing_type="prepaid")
    receipt = draft_invoice(customer_id=baltic.pk)
    refused("tax_ids", add_invoice_line, **{**told, "invoice_id": receipt.pk, "tax_ids": [vat]})


def test_a_voided_invoice_leaves_no_money_and_a_gapless_series(account: Account) -> None:
    baltic = taxed(account)
    set_invoice_series(account_id=account.pk, kind="invoice", prefix="{year}/", width=3, start=17)
    refused("prefix", set_invoice_series, account_id=account.pk, kind="invoice", prefix="X")
    refused("prefix", set_invoice_series, account_id=account.pk, kind="receipt", prefix="{year}/")
    numbers = []
    for _ in range(2):
        draft = draft_invoice(customer_id=baltic.pk)
        refused("invoice_id", issue_invoice, invoice_id=draft.pk)
        add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=PRICE)
        invoice = issue_invoice(invoice_id=draft.pk)
        numbers.append((invoice.number or "").partition("/")[2])
        voided = void_invoice(invoice_id=invoice.pk, reason="twice")
        assert (voided.state, voided.number, balance(baltic)) == ("void", invoice.number, 0)
    assert unexplained() == []
    thrown = draft_invoice(customer_id=baltic.pk)
    delete_invoice_draft(invoice_id=thrown.pk)
    assert numbers == ["017", "018"]
    refused("invoice_id", delete_invoice_draft, invoice_id=invoice.pk)
    refused("prefix", set_invoice_series, account_id=account.pk, kind="invoice", prefix="", yearly=False)


def test_why_a_document_was_issued_stays_as_printed_when_it_is_voided(account: Account) -> None:
    baltic = taxed(account)
    draft = draft_invoice(customer_id=baltic.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=PRICE)
    invoice = issue_invoice(invoice_id=draft.pk)
    note = debit_invoice(
        invoice_id=invoice.pk, reason="forgotten", lines=[{"description": "Cable", "unit_price_nanos": PRICE}]
    )
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Invoice.objects.filter(pk=note.pk).update(reason="another")
    note = void_invoice(invoice_id=note.pk, reason="twice")
    assert (note.reason, note.void_reason) == ("forgotten", "twice")
    assert document_of(note).reason == "forgotten"


def test_a_debit_note_has_prices_as_its_invoice_has(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    for inclusive, told in ((True, (100_000_000, 21_000_000)), (False, (121_000_000, 25_410_000))):
        baltic = postpaid(account, f"Baltic {inclusive}", tax_ids=[vat.pk], prices_include_tax=inclusive)
        draft = draft_invoice(customer_id=baltic.pk)
        add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=PRICE)
        invoice = issue_invoice(invoice_id=draft.pk)
        note = debit_invoice(
            invoice_id=invoice.pk, reason="forgotten", lines=[{"description": "Desk", "unit_price_nanos": 121 * PRICE}]
        )
        assert (note.net_micros, note.tax_micros) == told
        assert balance(baltic) == -invoice.total_micros - note.total_micros
    assert unexplained() == []


def test_a_charge_is_made_once_by_its_key(account: Account) -> None:
    baltic = postpaid(account, "Baltic")
    one = charge_customer(customer_id=baltic.pk, description="Fee", unit_price_nanos=PRICE, key="may", post_now=True)
    assert charge_customer(customer_id=baltic.pk, description="Fee", unit_price_nanos=PRICE, key="may").pk == one.pk
    refused("key", charge_customer, customer_id=baltic.pk, description="Fee", unit_price_nanos=2 * PRICE, key="may")
    refused("until_on", charge_customer, customer_id=baltic.pk, description="Fee", unit_price_nanos=1,
            from_on="2024-02-01", until_on="2024-02-01")  # fmt: skip
    later = make_charge(customer=baltic, kind="late_fee", key="late 1", description="Late", from_on=one.from_on,
                        until_on=one.until_on, unit_price_nanos=PRICE, post_now=False)  # fmt: skip
    assert (one.entry_id is None, later.entry_id is None, balance(baltic)) == (False, True, -EURO)


def test_a_prepaid_customer_pays_the_tax_with_the_money_and_gets_a_receipt(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", tax_ids=[vat.pk],
                           create_invoice_on_payment=True)  # fmt: skip
    top_up(customer_id=acme.pk, amount_micros=100 * EURO)
    receipt = Invoice.objects.get(kind="receipt", payment__isnull=False)
    assert (receipt.total_micros, receipt.tax_micros, receipt.open_micros) == (100 * EURO, 17_360_000, 0)
    assert balance(acme) == 82_640_000 == receipt.net_micros
    refused("invoice_id", void_invoice, invoice_id=receipt.pk, reason="no")
    update_customer(customer_id=acme.pk, tax_treatment="reverse_charge")
    top_up(customer_id=acme.pk, amount_micros=EURO)
    assert balance(acme) == 83_640_000, "money is never turned away"
    acme.refresh_from_db()
    assert "Reverse charge needs" in acme.parked_reason


@pytest.mark.parametrize("alone", [True, False])
def test_a_fixed_part_is_taken_back_where_no_net_is_left_of_the_lines_that_bear_it(
    account: Account, alone: bool
) -> None:
    fee = create_tax(account_id=account.pk, name="Fee", rate_ppm=0, fixed_micros=500_000, is_vat=False)
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    baltic = postpaid(account, "Baltic", tax_ids=[fee.pk, vat.pk], prices_include_tax=True)
    draft = draft_invoice(customer_id=baltic.pk)
    told = {"invoice_id": draft.pk, "tax_category": "Z"}
    add_invoice_line(**told, description="Entry", unit_price_nanos=PRICE // 2, tax_ids=[fee.pk])
    if not alone:
        add_invoice_line(**told, description="Router", unit_price_nanos=100 * PRICE)
    issued = issue_invoice(invoice_id=draft.pk)
    assert issued.lines.get(description="Entry").net_micros == 0, "all of it is the fixed part"
    assert issued.total_micros == 500_000 + (not alone) * 100_000_000
    note = credit_invoice(invoice_id=issued.pk, reason="all of it")
    assert (note.net_micros, note.tax_micros, note.total_micros) == (
        issued.net_micros, issued.tax_micros, issued.total_micros,
    )  # fmt: skip
    assert balance(baltic) == 0
    refused("lines", credit_invoice, invoice_id=issued.pk, reason="again")
    assert unexplained() == []


def test_reverse_charge_needs_both_numbers_and_prints_its_reason(account: Account) -> None:
    baltic = taxed(account)
    Account.objects.filter(pk=account.pk).update(country="LT", vat_id="LT100001919017")
    update_customer(customer_id=baltic.pk, country="DE", tax_number="DE 136 695 976")
    draft = draft_invoice(customer_id=baltic.pk)
    invoice = add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=PRICE)
    told = invoice.taxes.get()
    assert (told.category, told.amount_micros, told.exemption_reason[:14]) == ("AE", 0, "Reverse charge")
    update_customer(customer_id=baltic.pk, tax_number="DE136695977")
    assert add_invoice_line(invoice_id=draft.pk, description="More", unit_price_nanos=PRICE).taxes.count() == 2
    update_customer(customer_id=baltic.pk, tax_treatment="reverse_charge")
    refused("invoice_id", issue_invoice, invoice_id=draft.pk)


def test_a_credit_note_never_exceeds_its_invoice_also_with_lines_below_zero(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    baltic = postpaid(account, "Baltic", tax_ids=[vat.pk])
    draft = draft_invoice(customer_id=baltic.pk)
    for price in (100, -40):
        add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=price * PRICE)
    invoice = issue_invoice(invoice_id=draft.pk)
    above, below = invoice.lines.order_by("position")
    for euros in (100, 61):
        with pytest.raises(Invalid, match="60 EUR are left before tax"):
            credit_invoice(invoice_id=invoice.pk, reason="x", lines=[{"line_id": above.pk, "net_micros": euros * EURO}])
    credit_invoice(invoice_id=invoice.pk, reason="x", lines=[{"line_id": above.pk, "net_micros": 30 * EURO}])
    both = [{"line_id": above.pk, "net_micros": 70 * EURO}, {"line_id": below.pk, "net_micros": -40 * EURO}]
    credit_invoice(invoice_id=invoice.pk, reason="x", lines=both)  # type: ignore[arg-type]
    assert balance(baltic) == 0


def test_taxes_are_kept_whole(account: Account) -> None:
    refused("rate_ppm", create_tax, account_id=account.pk, name="Zero", category="Z", rate_ppm=1)
    refused("exemption_reason", create_tax, account_id=account.pk, name="None", category="E")
    refused("valid_until_on", create_tax, account_id=account.pk, name="Old", valid_from_on="2024-01-02",
            valid_until_on="2024-01-01")  # fmt: skip
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    refused("name", create_tax, account_id=account.pk, name="VAT")
    baltic = postpaid(account, "Baltic", tax_ids=[vat.pk])
    refused("tax_id", delete_tax, tax_id=vat.pk)
    refused("taxes", set_customer_taxes, customer_id=baltic.pk, taxes=[{"tax_id": 10**9, "priority": None}])
    set_customer_taxes(customer_id=baltic.pk, taxes=[{"tax_id": vat.pk, "priority": 3}])
    assert baltic.customer_taxes.get().priority == 3
    assert update_tax(tax_id=vat.pk, rate_ppm=220_000).rate_ppm == 220_000
    set_customer_taxes(customer_id=baltic.pk, taxes=[])
    delete_tax(tax_id=vat.pk)


def test_the_fixed_part_of_a_tax_is_in_the_account_s_currency(account: Account) -> None:
    on = datetime(2024, 5, 2, tzinfo=UTC).date()
    levy = create_tax(account_id=account.pk, name="Levy", rate_ppm=10_000, fixed_micros=2 * EURO)
    japan = postpaid(account, "Tokyo", currency="JPY", tax_ids=[levy.pk])
    doubt = taxes_of(japan, on)
    assert isinstance(doubt, TaxDoubt)
    assert "from EUR to JPY" in doubt.sentence
    set_exchange_rate(account_id=account.pk, base="EUR", quote="JPY", on="2024-05-01", rate_nanos=169_123_000_000)
    found = taxes_of(japan, on)
    assert not isinstance(found, TaxDoubt)
    assert [rule.fixed_micros for rule in found] == [338 * EURO], "338.246 yen have no decimals"
    home = taxes_of(postpaid(account, "Vilnius", tax_ids=[levy.pk]), on)
    assert not isinstance(home, TaxDoubt)
    assert [rule.fixed_micros for rule in home] == [2 * EURO]


def test_a_draft_made_while_prepaid_is_issued_by_the_prices_of_who_pays_afterwards(account: Account) -> None:
    acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", prices_include_tax=True)
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    set_customer_taxes(customer_id=acme.pk, taxes=[{"tax_id": vat.pk, "priority": None}])
    draft = draft_invoice(customer_id=acme.pk)
    update_customer(customer_id=acme.pk, billing_type="postpaid")
    add_invoice_line(invoice_id=draft.pk, description="Setup", unit_price_nanos=121 * EURO * 1000)
    issued = issue_invoice(invoice_id=draft.pk)
    assert (issued.kind, issued.total_micros, issued.tax_micros) == ("invoice", 121 * EURO, 21 * EURO)


def test_a_conversion_uses_the_last_rate_up_to_its_day_and_tells_it(account: Account) -> None:
    on = datetime(2024, 5, 2, tzinfo=UTC).date()
    set_exchange_rate(account_id=account.pk, base="EUR", quote="JPY", on="2024-05-01", rate_nanos=169_123_000_000)
    rate = set_exchange_rate(
        account_id=account.pk, base="EUR", quote="JPY", on="2024-05-03", rate_nanos=1, source="ECB"
    )
    there = convert(account.pk, 10 * EURO, base="EUR", quote="JPY", on=on)
    assert (there.amount_micros, there.rate_nanos) == (1_691 * EURO, 169_123_000_000)
    assert convert(account.pk, 1691 * EURO, base="JPY", quote="EUR", on=on).amount_micros == 10 * EURO
    set_exchange_rate(account_id=account.pk, base="EUR", quote="IDR", on="2024-05-01", rate_nanos=17_500 * 10**9)
    back = convert(account.pk, 10**9 * EURO, base="IDR", quote="EUR", on=on)
    assert back.amount_micros == 57_142_860_000, "by the rate itself, not by its inverse to nine decimals (57,143.00)"
    with pytest.raises(Invalid, match="enter one"):
        convert(account.pk, EURO, base="EUR", quote="USD", on=on)
    refused("quote", set_exchange_rate, account_id=account.pk, base="EUR", quote="EUR", on="2024-05-01", rate_nanos=1)
    delete_exchange_rate(exchange_rate_id=rate.pk)


def test_credit_is_for_postpaid_customers_alone(account: Account) -> None:
    acme = create_customer(account_id=account.pk, name="Acme", currency="EUR")
    refused("debit_limit_micros", update_customer, customer_id=acme.pk, debit_limit_micros=1)
    update_customer(customer_id=acme.pk, debit_limit_micros=5 * EURO, billing_type="postpaid")
    refused("debit_limit_micros", update_customer, customer_id=acme.pk, billing_type="prepaid")
    derived = create_customer(account_id=account.pk, name="Dunder", currency="EUR", debit_limit_micros=EURO)
    assert derived.billing_type == "postpaid"
    update_account(account_id=account.pk, zone="Europe/Vilnius")
    refused("billing_day", update_customer, customer_id=acme.pk, invoice_schedule="weekly", billing_day=8)
