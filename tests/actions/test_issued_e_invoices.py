"""Claims about documents as acts issue them: both syntaxes of each pass the schematron, or it is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from facturx import get_xml_from_pdf

from tests.actions.bills import Talk, charged, correct
from tests.actions.cast import EURO
from tests.actions.test_correction_notes import World, billed
from tests.actions.test_invoice_runs import BEGIN, born, postpaid
from tests.gateways.test_e_invoices import broken_rules
from tollgate.actions.charges import charge_customer, make_charge
from tollgate.actions.customers import create_customer
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.invoice_documents import document_of, factur_x_of, ubl_of
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.invoice_runs import run_invoices
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.payments import create_payment, refund_payment
from tollgate.actions.taxes import create_tax
from tollgate.core.invoice_terms import reasons_against
from tollgate.core.taxes import LATE_FEE_CATEGORY, LATE_FEE_WORDS
from tollgate.store.models import Account, Customer, Invoice

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SELLER = {"company": "Demo Telecom UAB", "country": "LT", "vat_id": "LT100001919017", "address_line1": "Gedimino pr. 1",
          "city": "Vilnius", "postcode": "01103"}  # fmt: skip
BUYER = {"country": "LT", "address_line1": "Laisves al. 2", "city": "Kaunas", "postcode": "44001"}


@pytest.fixture
def seller(account: Account) -> Account:
    """The account, with all that an invoice says of it."""
    Account.objects.filter(pk=account.pk).update(**SELLER)
    account.refresh_from_db()
    return account


def vat(account: Account, **fields: Any) -> int:
    return int(create_tax(account_id=account.pk, **{"name": "PVM", "rate_ppm": 210_000, **fields}).pk)


def afterwards(account: Account, name: str = "Baltic", **fields: Any) -> Customer:
    """Baltic, who pays afterwards and has used something in January and February."""
    baltic = postpaid(account, name, **{**BUYER, "invoice_grouping": "destination", **fields})
    talks = [Talk(BEGIN + place * 9 * DAY, 12_345_678 + place, 61, place_name) for place, place_name in enumerate(
        ("Lithuania", "Latvia mobile", "Estonia", "Lithuania", "Poland"))]  # fmt: skip
    charged(baltic, talks)
    return baltic


def extras(customer: Customer, *, late_fee: bool = True) -> None:
    """A trunk twice, a discount, and a late fee without tax, which says so where other lines bear some."""
    told = {"customer_id": customer.pk, "from_on": "2024-01-05"}
    coin = 10**9
    charge_customer(**told, description="Trunk", unit_price_nanos=30 * coin, quantity_milli=2000)
    charge_customer(**told, description="Discount", unit_price_nanos=-7 * coin)
    if not late_fee:
        return
    make_charge(
        customer=customer, kind="late_fee", key=f"late {customer.pk}", description="Late fee",
        unit_price_nanos=5 * coin, from_on=BEGIN.date(), until_on=BEGIN.date() + DAY, post_now=True,
        tax_category=LATE_FEE_CATEGORY, exemption_reason=LATE_FEE_WORDS,
    )  # fmt: skip


def noted(invoice: Invoice) -> None:
    """Part of its first line back, something forgotten, and then all that is left back."""
    line = invoice.lines.order_by("position")[0]
    whole = line.net_micros // EURO // 2 * EURO
    credit_invoice(invoice_id=invoice.pk, reason="too dear", lines=[{"line_id": line.pk, "net_micros": whole}])
    debit_invoice(
        invoice_id=invoice.pk, reason="forgotten", lines=[{"description": "Router", "unit_price_nanos": 40 * 10**9}]
    )
    credit_invoice(invoice_id=invoice.pk, reason="all of it")


def billed_and_noted(customer: Customer, *, late_micros: int = 3 * EURO) -> None:
    """January's invoice with notes on it; a correction of January on February's."""
    january, *_ = run_invoices(BEGIN + 33 * DAY, customer_ids=[customer.pk])
    correct(customer, late_micros)
    run_invoices(BEGIN + 62 * DAY, customer_ids=[customer.pk])
    noted(january)


def by_hand(customer: Customer, **line: Any) -> Invoice:
    draft = draft_invoice(customer_id=customer.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=40 * 10**9)
    add_invoice_line(
        invoice_id=draft.pk, description="Cable, meters", unit_price_nanos=123_456_789, quantity_milli=1500
    )
    add_invoice_line(invoice_id=draft.pk, description="Rebate", unit_price_nanos=-10 * 10**9)
    if line:
        add_invoice_line(invoice_id=draft.pk, description="Course", unit_price_nanos=15 * 10**9, **line)
    return issue_invoice(invoice_id=draft.pk)


def several_taxes(account: Account) -> None:
    levy = vat(account, name="Levy", label="Levy", rate_ppm=10_000, fixed_micros=EURO // 2, priority=5, is_vat=False)
    baltic = afterwards(account, tax_ids=[vat(account, compound=True), levy])
    extras(baltic)
    billed_and_noted(baltic)
    noted(by_hand(baltic, tax_ids=[], tax_category="E", exemption_reason="Article 132 (1) (i)"))


def reduced_beside_normal(account: Account) -> None:
    normal, reduced = vat(account), vat(account, name="PVM 9", rate_ppm=90_000, priority=20)
    baltic = postpaid(account, "Baltic", **BUYER, tax_ids=[normal, reduced])
    draft = draft_invoice(customer_id=baltic.pk)
    for words, tax_id in (("Router", normal), ("Books", reduced)):
        add_invoice_line(invoice_id=draft.pk, description=words, unit_price_nanos=40 * 10**9, tax_ids=[tax_id])
    noted(issue_invoice(invoice_id=draft.pk))


def reverse_charge(account: Account) -> None:
    where = {**BUYER, "country": "DE", "city": "Berlin", "tax_number": "DE136695976"}
    baltic = afterwards(account, **where, tax_ids=[vat(account)], tax_treatment="reverse_charge")
    extras(baltic)
    billed_and_noted(baltic)
    noted(by_hand(baltic))


def exempt(account: Account) -> None:
    baltic = afterwards(account, tax_ids=[vat(account)], tax_treatment="exempt")
    extras(baltic)
    billed_and_noted(baltic)


def outside_the_union(account: Account) -> None:
    where = {**BUYER, "country": "US", "city": "Boston"}
    levy = vat(account, name="Levy", label="Levy", rate_ppm=10_000, is_vat=False)
    normal = vat(account)
    for name, taxes in (("Boston Calls", [normal]), ("Boston Talks", [normal, levy])):
        baltic = afterwards(account, name, **where, tax_ids=taxes)
        extras(baltic, late_fee=False)
        billed_and_noted(baltic)


def prices_with_tax(account: Account) -> None:
    baltic = afterwards(account, tax_ids=[vat(account)], prices_include_tax=True)
    extras(baltic)
    billed_and_noted(baltic)
    noted(by_hand(baltic))


def _in(account: Account, currency: str, rate_nanos: int, micros: int) -> None:
    set_exchange_rate(account_id=account.pk, base=currency, quote="EUR", on="2024-01-01", rate_nanos=rate_nanos)
    baltic = postpaid(account, "Baltic", currency, **BUYER, tax_ids=[vat(account)], invoice_grouping="destination")
    charged(
        baltic, [Talk(BEGIN, micros), Talk(BEGIN + DAY, 2 * micros + 1, 60, "Latvia"), Talk(BEGIN + 40 * DAY, micros)]
    )
    extras(baltic)
    billed_and_noted(baltic, late_micros=micros // 3)


def no_decimals(account: Account) -> None:
    _in(account, "JPY", 6_100_000, 1_234_567_890)


def three_decimals(account: Account) -> None:
    _in(account, "KWD", 3 * 10**9, 12_345_678)


def paid_ahead(account: Account) -> None:
    levy = vat(account, name="Levy", label="Levy", rate_ppm=10_000, priority=5, is_vat=False)
    acme = create_customer(
        account_id=account.pk, name="Acme", currency="EUR", email_invoices=False, create_invoice_on_payment=True,
        daily_receipts=True, tax_ids=[vat(account, compound=True), levy], **BUYER,
    )  # fmt: skip
    born(acme, BEGIN)
    paid = create_payment(customer_id=acme.pk, amount_micros=121_330_000)
    refund_payment(payment_id=paid.pk, amount_micros=20 * EURO)
    refund_payment(payment_id=paid.pk)
    charged(acme, [Talk(BEGIN, 3 * EURO)])
    run_invoices(BEGIN + 3 * DAY, customer_ids=[acme.pk])


STORIES: tuple[Callable[[Account], None], ...] = (
    several_taxes, reduced_beside_normal, reverse_charge, exempt, outside_the_union, prices_with_tax, no_decimals,
    three_decimals, paid_ahead,
)  # fmt: skip


def check(invoice: Invoice, *, refused: tuple[str, ...] = ()) -> bool:
    """Whether it has e-invoices, both sound; one that has none is refused for one of these reasons."""
    if reasons := reasons_against(document_of(invoice)):
        assert set(reasons) <= {*refused, "A receipt of what was used is no invoice: its tax came with the payment."}
        return False
    _, xml = get_xml_from_pdf(BytesIO(factur_x_of(invoice)), check_xsd=True)
    told = (invoice.kind, [(row.name, row.base_micros, row.amount_micros) for row in invoice.taxes.all()])
    assert broken_rules(xml, "cii") == [], told
    assert broken_rules(ubl_of(invoice), "ubl") == [], told
    return True


MORE_DECIMALS = "The standard allows 2 decimals, and an amount has more."


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_document_of_a_story_passes_the_schematron(seller: Account, story: Callable[[Account], None]) -> None:
    story(seller)
    found = list(Invoice.objects.exclude(state="draft").order_by("pk"))
    assert all(invoice.state == "issued" for invoice in found)
    refused = (MORE_DECIMALS,) if story is three_decimals else ()
    kinds = {invoice.kind for invoice in found if check(invoice, refused=refused)}
    if story is paid_ahead:
        assert kinds == {"receipt", "credit_note"}
    elif story is not three_decimals:
        assert kinds == {"invoice", "credit_note", "debit_note"}
    assert len(found) >= 4


@pytest.mark.django_db(transaction=True)
def test_notes_on_recalculated_calls_pass_the_schematron() -> None:
    world = World(**BUYER)
    Account.objects.filter(pk=world.account.pk).update(**SELLER)
    world.talks([world.baltic], 40 * EURO, 7 * EURO)
    billed(world.baltic)
    for cost in (20, 35):  # 47 become 40, and then 70
        world.costs(cost * EURO)
        world.recalculated()
    found = Invoice.objects.filter(customer=world.baltic).order_by("pk")
    assert {invoice.kind for invoice in found if check(invoice)} == {"invoice", "credit_note", "debit_note"}
