"""Claims about documents as files: what is mailed is what was issued, and a template is refused with what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actions.cast import EURO
from tests.actions.test_customers import refused
from tests.actions.test_messages import serve, sink
from tests.gateways.sink import Sink
from tollgate.actions import document_lines
from tollgate.actions.country_names import country_name
from tollgate.actions.customer_statements import statement_of
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.deliveries import deliver_next
from tollgate.actions.document_lines import SaidLines
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.invoice_documents import document_of, factur_x_of, file_of, mail_invoice, pdf_of, ubl_of
from tollgate.actions.invoice_issue import issue_invoice, void_invoice
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_templates import (
    create_invoice_template,
    delete_invoice_template,
    update_invoice_template,
)
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.notices import invoice_values
from tollgate.actions.taxes import create_tax
from tollgate.actions.templates import create_template, update_template
from tollgate.core.invoice_document import address_lines
from tollgate.core.invoice_paper import paper
from tollgate.core.invoice_words import WORDS
from tollgate.core.templates_dates import date_format
from tollgate.gateways import documents, e_invoices
from tollgate.gateways.e_invoices import EInvoiceRefused
from tollgate.store.models import Account, Invoice, InvoiceFile, Message

__all__ = ["sink"]
SCRIPT = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjxzY3JpcHQvPjwvc3ZnPg=="  # <svg><script/></svg>
AT = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def issued(account: Account, sink: Sink) -> Invoice:
    """An invoice of Baltic, on its way to two addresses."""
    serve(account, sink)
    Account.objects.filter(pk=account.pk).update(country="LT", vat_id="LT100001919017")
    template = create_invoice_template(account_id=account.pk, name="Plain", language="de", title="{{company.name}}")
    baltic = create_customer(
        account_id=account.pk, name="Baltic", currency="EUR", billing_type="postpaid", country="US",
        invoice_template_id=template.pk, notification_emails=["a@baltic.example", "b@baltic.example"],
    )  # fmt: skip
    draft = draft_invoice(customer_id=baltic.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=40 * 10**9)
    return issue_invoice(invoice_id=draft.pk)


def test_what_is_mailed_is_what_was_issued_also_when_it_is_sent_late(issued: Invoice, sink: Sink) -> None:
    before = factur_x_of(issued)
    assert issued.sent_at is not None
    Account.objects.update(company="Another Ltd", vat_id="")
    mail_invoice(invoice_id=issued.pk)
    while deliver_next(AT) is not None:
        pass
    assert [letter["To"] for letter in sink.letters] == ["a@baltic.example", "b@baltic.example"] * 2
    for letter in sink.letters:
        (attached,) = letter.iter_attachments()
        assert attached.get_filename() == f"invoice-{issued.number}.pdf"
        assert attached.get_content_type() == "application/pdf"
        assert attached.get_content() == before
    assert document_of(issued).looks.title == "Baltic"
    assert WORDS["de"]["invoice"] != document_of(issued).looks.title


def test_a_file_that_went_out_is_kept_whatever_a_later_program_would_make(
    issued: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_invoice(customer_id=issued.customer_id)
    went_out = [made(issued) for made in (pdf_of, factur_x_of, ubl_of)]
    pdf_of(draft)

    def later(_: object) -> bytes:
        return b"made by a later program"

    for module, name in ((documents, "pdf"), (e_invoices, "factur_x"), (e_invoices, "ubl")):
        monkeypatch.setattr(module, name, later)
    assert [made(issued) for made in (pdf_of, factur_x_of, ubl_of)] == went_out
    assert file_of(issued)[1] == went_out[1]
    assert pdf_of(draft) == later(draft), "a draft says what is true now"
    assert InvoiceFile.objects.filter(invoice=issued).count() == 3
    issued.state = "void"
    assert pdf_of(issued) == later(issued), "a void document says that it is void"


def test_a_mail_that_could_bear_no_e_invoice_is_sent_again_as_it_was(
    issued: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused_here(_: object) -> bytes:
        raise EInvoiceRefused("No VAT number.")

    monkeypatch.setattr(e_invoices, "factur_x", refused_here)
    before = file_of(issued)
    monkeypatch.undo()
    assert file_of(issued) == before
    assert factur_x_of(issued) != before[1]
    assert file_of(issued) == before


def test_a_country_is_printed_by_its_name_and_what_was_issued_before_keeps_its_code(issued: Invoice) -> None:
    assert [party["country_name"] for party in (issued.issuer, issued.buyer)] == [
        country_name(code, "de-AT") for code in ("LT", "US")
    ]
    assert address_lines(document_of(issued).issuer)[-1] == "Litauen"
    assert country_name("LT", "pt") == "Lituânia"
    assert country_name("LT", "xx") == "Lithuania"
    assert b">LT</" in ubl_of(issued), "programs read the code"
    assert b"Litauen" not in ubl_of(issued)
    statement = statement_of(issued.customer, from_on=AT.date(), until_on=AT.date() + timedelta(days=1))
    assert [party.country_name for party in (statement.issuer, statement.customer)] == [
        country_name(code, "") for code in ("LT", "US")
    ]
    for kept in (issued.issuer, issued.buyer):
        del kept["country_name"]
    assert [address_lines(party)[-1] for party in (document_of(issued).issuer, document_of(issued).buyer)] == [
        "LT",
        "US",
    ]


def test_figures_are_written_as_in_the_buyers_country_of_that_day(issued: Invoice) -> None:
    update_customer(customer_id=issued.customer_id, country="DE", tax_treatment="no_vat")
    again = draft_invoice(customer_id=issued.customer_id)
    add_invoice_line(invoice_id=again.pk, description="Router", unit_price_nanos=40_500_000_000)
    assert paper(document_of(again))["rows"][0][-1] == "40,50"  # type: ignore[index]
    later = issue_invoice(invoice_id=again.pk)
    update_customer(customer_id=issued.customer_id, country="US")
    assert [document_of(one).decimal for one in (issued, later)] == [".", ","]
    assert b">40.5" in ubl_of(later), "programs read a point"
    del later.issuer["decimal"]
    assert document_of(later).decimal == ".", "what was issued before stays as it is"


def test_taxes_are_told_by_the_rate_of_the_day_of_issue_for_ever_and_notes_follow(account: Account) -> None:
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    delta = create_customer(
        account_id=account.pk, name="Delta", currency="USD", billing_type="postpaid", tax_ids=[vat.pk]
    )

    def billed() -> Invoice:
        draft = draft_invoice(customer_id=delta.pk)
        add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=100 * 10**9)
        return issue_invoice(invoice_id=draft.pk)

    def rated(nanos: int) -> None:
        set_exchange_rate(account_id=account.pk, base="USD", quote="EUR", on="2024-01-01", rate_nanos=nanos)

    draft = draft_invoice(customer_id=delta.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=100 * 10**9)
    told = refused("invoice_id", issue_invoice, invoice_id=draft.pk)
    assert "no exchange rate between that and USD is known" in told
    update_customer(customer_id=delta.pk, tax_ids=[])
    assert document_of(billed()).books is None, "without tax there is nothing to tell"
    update_customer(customer_id=delta.pk, tax_ids=[vat.pk])
    rated(900_000_000)
    found = billed()
    rated(800_000_000)
    note = credit_invoice(invoice_id=found.pk, reason="Down")
    for document in (found, Invoice.objects.get(pk=note.pk)):
        books = document_of(document).books
        assert books is not None
        assert (books.currency, books.told(21 * EURO)) == ("EUR", 18_900_000)
    assert [document_of(billed()).books.rate_nanos] == [800_000_000]  # type: ignore[union-attr]


def test_what_was_mailed_is_credited_or_its_reader_is_told_that_it_is_void(account: Account, issued: Invoice) -> None:
    assert "credit it" in refused("invoice_id", void_invoice, invoice_id=issued.pk, reason="A slip")
    credit_invoice(invoice_id=issued.pk, reason="A slip")
    acme = create_customer(
        account_id=account.pk, name="Acme", currency="EUR", notification_emails=["bills@acme.example"]
    )
    draft = draft_invoice(customer_id=acme.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=40 * 10**9)
    receipt = issue_invoice(invoice_id=draft.pk)
    void_invoice(invoice_id=receipt.pk, reason="Another was meant")
    sent = Message.objects.filter(recipient="bills@acme.example").latest("id")
    assert (sent.template, sent.attachments) == ("invoice_voided", [{"invoice_id": receipt.pk}])
    assert f"{receipt.number} of {receipt.invoice_on} for Acme over 40.00 EUR is void" in sent.text


def test_a_void_document_says_so_and_is_sent_to_nobody(issued: Invoice) -> None:
    Invoice.objects.filter(pk=issued.pk).update(sent_at=None)
    before = pdf_of(issued)
    void_invoice(invoice_id=issued.pk, reason="A slip")
    issued.refresh_from_db()
    assert pdf_of(issued) != before
    assert document_of(issued).state == "void"
    refused("invoice_id", mail_invoice, invoice_id=issued.pk)


def test_own_words_of_its_mail_say_what_an_invoice_is_made_of_and_how_to_pay_it(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(payment_details="Demo Bank LT60")
    vat = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
    delta = create_customer(
        account_id=account.pk, name="Delta", currency="EUR", billing_type="postpaid", tax_ids=[vat.pk],
        notification_emails=["bills@delta.example"],
    )  # fmt: skip
    says = "{{invoice_date}}: {{sub_total}} + {{tax}} = {{total}} {{currency}}, to {{payment_details}}"
    for key in ("invoice_issued", "credit_note_issued"):
        create_template(account_id=account.pk, key=key, language="en", subject="{{number}}", text=says)
    draft = draft_invoice(customer_id=delta.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=100 * 10**9)
    found = issue_invoice(invoice_id=draft.pk)
    Account.objects.filter(pk=account.pk).update(payment_details="Another Bank")
    credit_invoice(invoice_id=found.pk, reason="Down")
    invoice, note = Message.objects.filter(recipient="bills@delta.example").order_by("id")
    assert invoice.text == f"{found.invoice_on}: 100.00 + 21.00 = 121.00 EUR, to Demo Bank LT60"
    assert note.text == invoice.text.replace("Demo Bank LT60", "Another Bank")


def test_a_mail_about_a_document_may_say_its_first_lines(
    account: Account, sink: Sink, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    serve(account, sink)
    monkeypatch.setattr(document_lines, "LINES_MOST", 2)
    delta = create_customer(
        account_id=account.pk, name="Delta", currency="EUR", billing_type="postpaid", country="LT", language="de",
        notification_emails=["bills@delta.example"],
    )  # fmt: skip
    says = (
        "{{#each lines}}{{description}}: {{quantity}} x {{unit_price}} = {{currencyFormat net}}{{#unless @last}}; "
        "{{/unless}}{{/each}} ({{lines.length}}), {{invoice.id}} {{dateFormat date 'D. MMMM YYYY'}} "
        "{{numberFormat (math total '*' 2) 2}} {{account.config.payment_details}}"
    )
    create_template(account_id=account.pk, key="invoice_issued", text=says, html="<p>{{lines.0.description}}</p>")
    draft = draft_invoice(customer_id=delta.pk)
    for number in range(3):
        priced = {"unit_price_nanos": 1500 * 10**9, "quantity_milli": 1500}
        add_invoice_line(invoice_id=draft.pk, description=f"<Router {number}>", **priced)
    found = issue_invoice(invoice_id=draft.pk)
    message = Message.objects.get(recipient="bills@delta.example")
    line = "1,5 x 1500,00 = 2\u00a0250,00 EUR"
    on = found.invoice_on
    assert on is not None
    day = date_format(on.isoformat(), "D. MMMM YYYY", language="de", zone="UTC")
    assert message.text == (f"<Router 0>: {line}; <Router 1>: {line} (2), {found.number} {day} 13\u00a0500,00 ")
    assert message.html == "<p>&lt;Router 0&gt;</p>"
    assert len(SaidLines(found)) == 2
    with django_assert_max_num_queries(0):
        invoice_values(found)


def test_own_words_that_cannot_be_filled_give_way_to_those_in_stock(
    account: Account, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    serve(account, sink)
    delta = create_customer(
        account_id=account.pk, name="Delta", currency="EUR", billing_type="postpaid",
        notification_emails=["bills@delta.example"],
    )  # fmt: skip
    own = create_template(account_id=account.pk, key="invoice_issued", text="{{math total '/' tax}} {{log number}}")
    draft = draft_invoice(customer_id=delta.pk)
    add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=100 * 10**9)
    with caplog.at_level("INFO"):
        found = issue_invoice(invoice_id=draft.pk)
    message = Message.objects.get(recipient="bills@delta.example")
    assert f"here is invoice {found.number}" in message.text
    assert "own words of invoice_issued are left out" in caplog.text
    assert "divided by zero" in caplog.text
    update_template(template_id=own.pk, text="{{log 'sent' number}}fine")
    mail_invoice(invoice_id=found.pk)
    with caplog.at_level("INFO"):
        mail_invoice(invoice_id=found.pk)
    assert Message.objects.latest("id").text == "fine"
    assert f"template invoice_issued says: sent {found.number}" in caplog.text


def test_texts_of_a_document_reckon_as_it_is_printed(account: Account, issued: Invoice) -> None:
    assert issued.template_id is not None
    says = "{{total}} {{numberFormat (math total '/' 2) 2}} {{currencyFormat sub_total}} {{dateFormat date 'MMMM'}}"
    update_invoice_template(template_id=issued.template_id, footer_text=says)
    assert "divided by zero" in refused(
        "header_text", update_invoice_template, template_id=issued.template_id, header_text="{{math total '/' 0}}"
    )


def test_nobody_gets_a_document_whose_customer_wants_none(issued: Invoice) -> None:
    update_customer(customer_id=issued.customer_id, notification_opt_outs=["invoice.issued"])
    count = Message.objects.count()
    mail_invoice(invoice_id=issued.pk)
    assert Message.objects.count() == count


def test_a_template_is_checked_whole_and_stays_while_it_is_used(account: Account, issued: Invoice) -> None:
    for field, value in (
        ("logo", SCRIPT), ("logo", "no base64!"), ("color", "red"), ("language", "xx"), ("footer_text", "{{nobody}}"),
        ("header_text", "{{#if total}}"), ("name", ""),
    ):  # fmt: skip
        assert issued.template_id is not None
        refused(field, update_invoice_template, template_id=issued.template_id, **{field: value})
    refused("name", create_invoice_template, account_id=account.pk, name="Plain")
    refused("template_id", delete_invoice_template, template_id=issued.template_id)
    other = create_invoice_template(account_id=account.pk, name="Other")
    delete_invoice_template(template_id=other.pk)
