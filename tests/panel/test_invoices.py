"""Claims about the pages of invoices: from a draft to the bank, every figure leads to what it is made of."""

import base64
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest
from django.test import Client

from tests.panel.cast import EURO, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_documents import document_of
from tollgate.actions.invoice_templates import update_invoice_template
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.money import format_micros
from tollgate.gateways import documents
from tollgate.store.models import (
    Account,
    Customer,
    Entry,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    InvoiceTemplate,
    Message,
    Package,
    Tax,
)
from tollgate.store.queries.invoice_lists import invoices_of

GREETING = "Dear {{company.name}}, {{total}} {{company.currency}}"
pytestmark = pytest.mark.django_db


@pytest.fixture
def billed(cast: Cast, ann: Client) -> Customer:
    """Baltic, postpaid, with a tax, a template and an address; the account has its own."""
    Account.objects.update(
        company="Demo Telecom UAB",
        registration_id="304123456",
        country="LT",
        vat_id="LT100001919017",
        payment_details="Demo Bank\nIBAN LT601010012345678901",
    )
    ann.post("/taxes/new/", {"name": "VAT 21 %", "label": "VAT", "category": "S", "rate_ppm": "21", "fixed_micros": "0",
                             "priority": "10", "is_vat": "on", "enabled": "on"})  # fmt: skip
    look = {"name": "Plain", "language": "en", "color": "#7a1fa2", "show_calls": "on", "show_duration": "on"}
    ann.post(
        "/invoice-templates/new/", {**look, "header_text": "Dear {{company.name}}, {{total}} {{company.currency}}"}
    )
    with acting(Actor("setup", frozenset({"*"}))):
        update_customer(
            customer_id=cast.baltic.pk,
            address_line1="Gedimino 1",
            address_line2="Door 7",
            city="Vilnius",
            postcode="01103",
            country="LT",
            tax_ids=[Tax.objects.latest("id").pk],
            invoice_note="Baltic's own",
            invoice_template_id=InvoiceTemplate.objects.latest("id").pk,
            notification_emails=["bills@baltic.example"],
            reference="PO-9",
        )
    return Customer.objects.get(pk=cast.baltic.pk)


def drafted(ann: Client, customer: Customer) -> Invoice:
    """A draft with two lines, made in the browser."""
    assert ann.post("/invoices/new/", {"customer_id": customer.name}).status_code == 302
    draft = Invoice.objects.latest("id")
    for words, price in (("SIP trunk", "15.25"), ("Set-up", "4.745")):
        form = {"description": words, "quantity_milli": "2", "unit_price_nanos": price}
        assert ann.post(f"/invoices/{draft.pk}/lines/new/", form).status_code == 302
    return draft


def test_a_package_fills_what_a_line_leaves_empty(ann: Client, billed: Customer) -> None:
    draft = drafted(ann, billed)
    kept = {"account": draft.account, "retail_nanos": 9_990_000_000}
    package = Package.objects.create(name="Trunk", currency="EUR", **kept)
    other = Package.objects.create(name="Trunk, dollars", currency="USD", **kept)
    page = f"/invoices/{draft.pk}/lines/new/"
    told = []
    for given in ({}, {"unit_price_nanos": "5"}, {"description": "Rent"}):
        assert ann.post(page, {"package_id": package.pk, "quantity_milli": "1", **given}).status_code == 302
        line = InvoiceLine.objects.latest("id")
        told.append((line.description, line.exact_micros))
    assert told == [("Trunk", 9_990_000), ("Trunk", 5_000_000), ("Rent", 9_990_000)]
    for given in ({}, {"package_id": other.pk}, {"description": "Rent"}, {"unit_price_nanos": "5"}):
        assert ann.post(page, {"quantity_milli": "1", **given}).status_code == 422


def test_a_draft_becomes_a_document_whose_files_say_the_same(ann: Client, billed: Customer) -> None:
    draft = drafted(ann, billed)
    line = draft.lines.get(description="Set-up")
    page = f"/invoices/{draft.pk}/"
    form = {"description": "Set-up fee", "quantity_milli": "1", "unit_price_nanos": "9.49"}
    assert ann.post(f"{page}lines/{line.pk}/", form).status_code == 302
    assert (
        ann.post(
            f"{page}edit/", {"grouping": "day", "note": "For this one", "reference": "", "version": ""}
        ).status_code
        == 422
    )
    assert "DRAFT" in text_of(ann.get(f"{page}pdf/").content)
    assert ann.get(f"{page}ubl/")["Location"] == page, "a draft has no e-invoice"
    ann.post(f"{page}issue/", {"version": Invoice.objects.get(pk=draft.pk).version})
    issued = Invoice.objects.get(pk=draft.pk)
    assert (issued.state, issued.net_micros, issued.total_micros) == ("issued", 39_990_000, 48_390_000)
    paper = text_of(ann.get(f"{page}pdf/").content)
    ubl = ann.get(f"{page}ubl/").content.decode()
    for words in (
        issued.number,
        "39,99 EUR",
        "48,39 EUR",
        "VAT 21 %",
        "Dear Baltic, 48,39 EUR",
        "Baltic's own",
        "PO-9",
        "Demo Telecom UAB",
        "304123456",
        "LT100001919017",
        "Gedimino 1",
        "Door 7",
        "01103 Vilnius",
    ):
        assert str(words) in paper, words
    assert re.search(r"<cbc:PayableAmount[^>]*>48.39<", ubl)
    assert "LT601010012345678901" in ubl
    assert b"factur-x.xml" in ann.get(f"{page}factur-x/").content
    assert ann.get(f"{page}pdf/").content == ann.get(f"{page}pdf/").content
    shown = ann.get(page).content.decode()
    assert "bills@baltic.example" in shown
    assert Message.objects.get(recipient="bills@baltic.example").attachments == [{"invoice_id": issued.pk}]
    assert sum(e.amount_micros for e in Entry.objects.filter(ref=f"invoice:{issued.pk}")) == -issued.total_micros


def test_a_line_is_told_while_it_is_typed_and_bears_the_taxes_chosen_for_it(ann: Client, billed: Customer) -> None:
    draft = drafted(ann, billed)
    vat = billed.customer_taxes.get().tax_id
    Tax.objects.update(is_vat=True)
    page = f"/invoices/{draft.pk}/"
    typed = {"quantity_milli": "3", "unit_price_nanos": "33.333"}
    shown = ann.post(f"{page}lines/totals/", typed).content.decode()
    for amount in ("100.00", "21.00", "121.00", "139.99", "29.40", "169.39"):
        assert amount in shown, "the line by itself, and the draft with it"
    assert "required" not in shown, "nobody has come to the words yet"
    free = {**typed, "tax_category": "E"}
    shown = ann.post(f"{page}lines/totals/", free).content.decode()
    assert re.search(r'id="id_exemption_reason_error"[^>]*>\s*<div>This category is printed with its reason', shown)
    shown = ann.post(
        f"{page}lines/totals/", {**free, "exemption_reason": "Article 132", "tax_ids": [vat]}
    ).content.decode()
    assert re.search(r'id="id_tax_category_error"[^>]*>\s*<div>A line bears VAT', shown)
    shown = ann.post(f"{page}lines/totals/", {"unit_price_nanos": "1,2,3"}).content.decode()
    assert "once a price is typed" in shown
    assert re.search(r'id="id_unit_price_nanos_error"[^>]*>\s*<div>', shown)
    shown = ann.post(f"{page}lines/totals/", {**free, "exemption_reason": "Article 132"}).content.decode()
    assert "148.39" in shown
    assert draft.lines.count() == 2, "nothing is written"
    form = {**free, "exemption_reason": "Article 132", "description": "Training"}
    assert ann.post(f"{page}lines/new/", {**free, "description": "Training"}).status_code == 422
    assert ann.post(f"{page}lines/new/", form).status_code == 302
    line = draft.lines.get(description="Training")
    shown = ann.get(f"{page}lines/{line.pk}/").content.decode()
    assert "Article 132" in shown
    taxed = {**typed, "description": "Training", "tax_ids": [vat]}
    shown = ann.post(f"{page}lines/totals/?line={line.pk}", taxed).content.decode()
    assert "169.39" in shown, "in place of what the line was"
    assert "Exempt from VAT" in ann.get(page).content.decode()
    ann.post(f"{page}issue/", {"version": Invoice.objects.get(pk=draft.pk).version})
    paper = text_of(ann.get(f"{page}pdf/").content)
    for words in ("148,39 EUR", "VAT 21 % on 39,99 EUR", "Exempt from VAT on 100,00 EUR", "Article 132"):
        assert words in paper, words
    ubl = ann.get(f"{page}ubl/").content.decode()
    assert re.search(r"<cbc:TaxableAmount[^>]*>100.00<.*?<cbc:ID>E<", ubl, re.DOTALL)


def test_before_a_draft_is_issued_its_page_tells_what_that_does_and_nothing_is_done(
    ann: Client, billed: Customer
) -> None:
    draft = drafted(ann, billed)
    page = f"/invoices/{draft.pk}/issue/"
    before = (Message.objects.count(), Entry.objects.count(), InvoiceSeries.objects.count())
    shown = ann.get(page).content.decode()
    assert (Message.objects.count(), Entry.objects.count(), InvoiceSeries.objects.count()) == before
    draft.refresh_from_db()
    assert draft.state == "draft"
    ann.post(page, {"version": draft.version - 1})
    draft.refresh_from_db()
    assert draft.state == "draft", "what was not shown is not issued"
    ann.post(page, {"version": draft.version})
    draft.refresh_from_db()
    total = f"{format_micros(draft.total_micros, 2)} EUR"
    for told in (f"{draft.number}, the next of its series", total, "bills@baltic.example", f"due {draft.due_on}"):
        assert told in shown, told
    assert ann.get(page)["Location"] == f"/invoices/{draft.pk}/", "it is issued already"


def square(color: str) -> str:
    """A logo, as it is given to acts."""
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path fill="{color}" d="M0 0h9v9H0z"/></svg>'
    )
    return base64.b64encode(picture.encode()).decode()


def test_an_issued_document_keeps_words_and_logo_when_everything_else_changes(ann: Client, billed: Customer) -> None:
    template = InvoiceTemplate.objects.latest("id")
    with acting(Actor("setup", frozenset({"*"}))):
        update_invoice_template(template_id=template.pk, logo=square("red"))
    draft = drafted(ann, billed)
    ann.post(f"/invoices/{draft.pk}/issue/", {"version": Invoice.objects.get(pk=draft.pk).version})
    before = ann.get(f"/invoices/{draft.pk}/pdf/").content
    with acting(Actor("setup", frozenset({"*"}))):
        update_invoice_template(template_id=template.pk, logo=square("blue"))
    later = drafted(ann, billed)
    ann.post(f"/invoices/{later.pk}/issue/", {"version": Invoice.objects.get(pk=later.pk).version})
    assert [document.looks.logo for document in map(document_of, (Invoice.objects.get(pk=draft.pk), later))] == [
        base64.b64decode(square(color)) for color in ("red", "blue")
    ]
    with acting(Actor("setup", frozenset({"*"}))):
        update_invoice_template(template_id=template.pk, logo=None)
    Account.objects.update(company="Another Ltd", vat_id="LT999999999999", payment_details="", invoice_footer="New")
    Customer.objects.filter(pk=billed.pk).update(company="Renamed", invoice_note="", country="DE")
    InvoiceTemplate.objects.update(header_text="Other words", color="#000000", show_calls=False)
    assert ann.get(f"/invoices/{draft.pk}/pdf/").content == before
    assert documents.pdf(document_of(Invoice.objects.get(pk=draft.pk))) == before, "made anew it is the same too"


def test_a_line_is_credited_and_the_rest_voided_by_nobody(ann: Client, billed: Customer) -> None:
    draft = drafted(ann, billed)
    page = f"/invoices/{draft.pk}/"
    ann.post(f"{page}issue/", {"version": Invoice.objects.get(pk=draft.pk).version})
    assert ann.post(f"{page}credit/", {"reason": "Down"}).status_code == 422
    assert ann.post(f"{page}credit/", {"reason": "Down", "line_1": "999"}).status_code == 422
    made = ann.post(f"{page}credit/", {"reason": "Down for a day", "line_1": "10"})
    note = Invoice.objects.get(kind="credit_note")
    assert note.number is not None
    assert made["Location"] == f"/invoices/{note.pk}/"
    assert (note.net_micros, note.tax_micros) == (10 * EURO, 2_100_000)
    paper = text_of(ann.get(f"/invoices/{note.pk}/pdf/").content)
    assert "Credit note" in paper
    assert str(Invoice.objects.get(pk=draft.pk)) in paper, "a credit note names what it corrects"
    form = ann.get(f"{page}credit/").content.decode()
    assert "Net; 20.50 is left" in form
    assert 'data-left="20.50"' in form, "what *Credit all shown* fills in"
    assert note.number in ann.get(page).content.decode()
    assert "Void" not in ann.get(page).content.decode().replace("Void · ", "")
    listed = {row.pk: row.standing for row in ann.get("/invoices/?f.customer=baltic").context["grid"].rows}
    assert listed == {draft.pk: "partly_paid", note.pk: "paid"}
    for choice, found in (("partly_paid", [draft.pk]), ("paid", [note.pk]), ("overdue", [])):
        assert [
            row.pk for row in ann.get(f"/invoices/?f.customer=baltic&f.standing={choice}").context["grid"].rows
        ] == found
    late: Any = invoices_of(billed, note.created_at.date() + timedelta(days=60)).get(pk=draft.pk)
    assert (late.standing, late.due_on) == ("overdue", late.invoice_on + timedelta(days=14))
    assert ann.get(f"/invoices/?f.reference=&f.number={note.number}").context["grid"].total == 1
    assert ann.get(f"/search/?q={note.number.lower()}")["Location"] == f"/invoices/{note.pk}/"


def test_a_parked_customer_is_shown_with_its_reason_and_released(ann: Client, billed: Customer) -> None:
    Customer.objects.filter(pk=billed.pk).update(parked_at=datetime.now(UTC), parked_reason="Currencies differ.")
    for page in ("/invoices/", f"/customers/{billed.pk}/invoices/"):
        assert "Currencies differ." in ann.get(page).content.decode()
    draft = drafted(ann, billed)
    assert "Issue" not in ann.get(f"/invoices/{draft.pk}/").content.decode().partition("<h1")[2].partition("stats")[0]
    assert ann.post(f"/customers/{billed.pk}/release/", {"reason": ""}).status_code == 422
    ann.post(f"/customers/{billed.pk}/release/", {"reason": "Looked: a slip"})
    assert "Currencies differ." not in ann.get("/invoices/").content.decode()


def test_a_template_shows_what_it_makes_before_it_is_saved(ann: Client, billed: Customer) -> None:
    template = InvoiceTemplate.objects.latest("id")
    page = f"/invoice-templates/{template.pk}/"
    draft = drafted(ann, billed)
    written = {"language": "de", "color": "#123456", "shown_with": str(draft.pk), "show_calls": "on"}
    shown = ann.post(f"{page}preview/", {**written, "header_text": "{{company.name}}"}).content.decode()
    assert "data:image/png;base64," in shown
    wrong = ann.post(f"{page}preview/", {**written, "header_text": "{{company.nmae}}"}).content.decode()
    assert "{{company.nmae}} is not a value of this message." in wrong
    assert "could not be printed" in ann.post(f"{page}preview/", {**written, "color": "red"}).content.decode()
    answer = ann.post(
        page, {"name": "Plain", "language": "de", "footer_text": "{{#if x}}", "version": template.version}
    )
    assert answer.status_code == 422
    assert "Plain" in ann.get("/invoice-templates/").content.decode()
    ann.post(f"{page}delete/", {"confirmation": "Plain"})
    assert InvoiceTemplate.objects.exists(), "a customer uses it"


def test_who_may_read_but_not_write_sees_no_button_that_writes(ann: Client, cast: Cast, billed: Customer) -> None:
    draft = drafted(ann, billed)
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Books", acts=[], areas=["invoices", "taxes"])
        user = create_user(name="Tom", email="tom@demo.example", password="long enough it is", group_ids=[group.pk])
    tom = logged_in(user)
    page = tom.get(f"/invoices/{draft.pk}/").content.decode()
    for words in ("/issue/", "Throw away", "Add a line", "Remove this line"):
        assert words not in page, words
    assert tom.post(f"/invoices/{draft.pk}/issue/").status_code == 403


def text_of(pdf: bytes) -> str:
    """The words of a PDF, with plain spaces."""
    assert pdf.startswith(b"%PDF")
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u00a0", " ")
