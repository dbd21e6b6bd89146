"""Claims about documents: what they say is exact, complete, in the reader's language, and adds up in every syntax."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    amount_text,
    book_currency_of,
    day_text,
    debit_of,
    duration_text,
    file_name,
    party_of,
    period_text,
    price_text,
    quantity_text,
    rate_text,
    template_values,
)
from tollgate.core.invoice_paper import paper
from tollgate.core.invoice_terms import reasons_against, terms
from tollgate.core.invoice_words import KEYS, LANGUAGES, WORDS, words_of
from tollgate.core.money import parse_micros
from tollgate.core.templates import problems

AMOUNTS = st.integers(min_value=-(10**15), max_value=10**15)
CENTS = st.integers(min_value=0, max_value=10**9).map(lambda cents: cents * 10_000)


@given(AMOUNTS, st.sampled_from((0, 2, 3)))
def test_a_printed_amount_reads_back_to_the_last_unit(micros: int, digits: int) -> None:
    text = amount_text(micros, digits)
    assert parse_micros(text.replace("\u00a0", "")) == micros
    decimals = text.partition(".")[2]
    assert len(decimals) >= digits
    assert all(len(part) <= 3 for part in text.lstrip("-").partition(".")[0].split("\u00a0"))


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (amount_text(1_234_567_890_000, 2), "1\u00a0234\u00a0567.89"),
        (amount_text(-1_000_000_000, 0), "-1\u00a0000"),
        (price_text(15_000_000, 2), "0.015"),
        (price_text(2_000_000_000, 2), "2.00"),
        (price_text(2_000_000_000, 0), "2"),
        (quantity_text(1500), "1.5"),
        (rate_text(55_000), "5.5\u00a0%"),
        (duration_text(3_725), "1:02:05"),
        (day_text(None), ""),
        (period_text(date(2026, 1, 1), date(2026, 2, 1)), "2026-01-01 – 2026-01-31"),
        (period_text(date(2026, 1, 1), date(2026, 1, 2)), "2026-01-01"),
        (period_text(date(2026, 1, 1), None), "2026-01-01"),
        (file_name("invoice", "A/7 ü"), "invoice-A-7-ü"),
        (file_name("credit_note", None), "credit-note-draft"),
    ],
)
def test_figures_are_printed_in_one_way(shown: str, text: str) -> None:
    assert shown == text


HOLE = re.compile(r"{\w+}")


def test_a_party_is_kept_and_read_back_whole() -> None:
    assert party_of(EXAMPLE.buyer.as_json()) == EXAMPLE.buyer
    assert party_of({"name": "Old", "of_later": 1, "city": None}) == Party(name="Old")


def test_every_language_says_everything() -> None:
    assert set(LANGUAGES) == set(WORDS)
    for language, words in WORDS.items():
        assert set(words) == set(KEYS)
        assert all(text.strip() for text in words.values()), language
        for key, text in words.items():
            assert sorted(HOLE.findall(text)) == sorted(HOLE.findall(WORDS["en"][key])), (language, key)
    assert words_of("de-AT") is WORDS["de"]
    assert words_of("xx") is WORDS["en"]


def test_texts_of_a_template_may_say_every_value_and_no_other() -> None:
    values = template_values(EXAMPLE)
    said = "{{account.config.payment_details}} {{#each lines}}{{description}} {{net}} {{tax}}{{/each}} {{total}}"
    assert problems(said, values) == []
    assert problems("{{account.password}}", values)
    empty = template_values(replace(EXAMPLE, lines=(Line(position=1, kind="manual", description="x"),), taxes=()))
    assert problems("{{#each lines}}{{start_date}}{{end_date}}{{/each}}{{sub_total}}", empty) == []


def words_in(said: object) -> list[str]:
    """Every text on the paper."""
    if isinstance(said, str):
        return [said]
    found = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    return [text for one in found for text in words_in(one)]


def test_the_page_says_what_the_law_wants_and_hides_what_is_not_there() -> None:
    reverse = TaxLine(name="Reverse charge", category="AE", base_micros=1, exemption_reason="Article 196")
    document = replace(
        EXAMPLE,
        kind="credit_note",
        state="void",
        corrects=Corrected(number="2025-9", invoice_on=date(2025, 12, 1)),
        reason="Down for a day",
        paid_by="bank",
        prices_include_tax=True,
        taxes=(reverse, TaxLine(name="Levy", label="Levy", rate_ppm=10_000, fixed_micros=500_000, amount_micros=1)),
    )
    said = words_in(paper(document))
    for words in (
        "Credit note",
        "Void",
        "2025-9, 2025-12-01",
        "Down for a day",
        "Article 196",
        "Prices include the taxes shown.",
    ):
        assert words in said, words
    assert WORDS["en"]["reverse_charge"] in said
    assert "Levy 1\u00a0% + 0.50\u00a0EUR on 0.00\u00a0EUR" in said
    assert not [text for text in said if "How to pay" in text], "a credit note is not to be paid"
    bare = Looks(language="zz", show_calls=False, show_duration=False)
    plain = paper(replace(EXAMPLE, rounding_micros=0, looks=bare))
    assert plain["exact"] == []
    assert plain["language"] == "en"
    assert "Calls" not in words_in(plain["columns"])
    manual = replace(EXAMPLE, lines=(Line(position=1, kind="manual", description="x", unit="MIN"),))
    assert paper(manual)["rows"] == [["x", "", "1\u00a0min", "0.00", "0.00"]]


def test_taxes_are_told_in_the_currency_of_the_books_too_where_that_is_another() -> None:
    books = BookCurrency(currency="EUR", rate_nanos=921_500_000, on=date(2026, 1, 30))
    assert book_currency_of(books.as_json()) == books
    assert book_currency_of(None) is None
    vat = TaxLine(name="VAT", rate_ppm=210_000, base_micros=100_000_000, amount_micros=21_000_000)
    levy = TaxLine(name="Levy", label="Levy", amount_micros=1_000_000)
    dollars = taxed([100_000_000], [vat, levy], currency="USD", books=books)
    line = paper(dollars)["sums"][-1]  # type: ignore[index]
    assert line == ["Taxes in EUR (1\u00a0USD = 0.9215\u00a0EUR, 2026-01-30)", "20.27\u00a0EUR"], "22 x 0.9215 = 20.273"
    said = terms(dollars)
    assert (said["BT-5"], said["BT-6"], said["BT-110"], said["BT-111"]) == ("USD", "EUR", "21.00", "19.35")
    rupiah = BookCurrency(currency="EUR", rate_nanos=17_500 * 10**9, on=date(2026, 1, 30), inverse=True)
    assert book_currency_of(rupiah.as_json()) == rupiah
    assert rupiah.told(10**15) == 57_142_860_000, "by the rate itself, not by its inverse to nine decimals (57,143.00)"
    assert rupiah.rate_text("IDR") == "1\u00a0EUR = 17500\u00a0IDR"
    untaxed = taxed([100_000_000], [], currency="USD", books=books)
    dinars = replace(dollars, books=replace(books, currency="KWD", rate_nanos=307_123_456))
    assert dinars.books is not None
    assert dinars.books.told(21_000_000) == 6_450_000
    for document in (
        untaxed,
        replace(dollars, books=None),
        replace(dinars, taxes=(replace(vat, amount_micros=1_000_000),)),
    ):
        assert "BT-6" not in terms(document)
    assert "EUR" not in words_in(paper(untaxed)["sums"])[-1]


def taxed(nets: list[int], taxes: list[TaxLine], **more: Any) -> Document:
    """A document of such lines with its sums."""
    lines = tuple(
        Line(position=place, kind="usage", description="Calls", unit_price_nanos=net * 1000, net_micros=net)
        for place, net in enumerate(nets, start=1)
    )
    net, tax = sum(nets), sum(one.amount_micros for one in taxes)
    values = {"lines": lines, "taxes": tuple(taxes), "net_micros": net, "tax_micros": tax, "total_micros": net + tax}
    return replace(EXAMPLE, **{**values, **more})


@given(st.lists(CENTS, min_size=1, max_size=5), CENTS, CENTS, CENTS, st.booleans(), st.sampled_from(("S", "O")))
def test_terms_always_add_up_to_the_total(
    nets: list[int], levy: int, vat: int, fixed: int, compound: bool, category: str
) -> None:
    before = TaxLine(name="Levy", label="Levy", base_micros=sum(nets), amount_micros=levy)
    base = sum(nets) + levy if compound else sum(nets)
    main = TaxLine(
        name="VAT", category=category, rate_ppm=210_000, compound=compound, base_micros=base, fixed_micros=fixed,
        amount_micros=vat + fixed,
    )  # fmt: skip
    document = taxed(nets, [before, main])
    assert reasons_against(document) == []
    said = terms(document)

    def sum_of(rows: list[dict[str, Any]], name: str) -> int:
        return sum(parse_micros(row[name]) for row in rows)

    assert sum_of(said["BG-25"], "BT-131") == parse_micros(said["BT-106"]) == sum(nets)
    charges = sum_of(said["BG-21"], "amount") if "BG-21" in said else 0
    assert parse_micros(said["BT-109"]) == sum(nets) + charges
    assert sum_of(said["BG-23"], "BT-117") == parse_micros(said["BT-110"])
    assert sum_of(said["BG-23"], "BT-116") == parse_micros(said["BT-109"]), "everything is of one category"
    assert parse_micros(said["BT-109"]) + parse_micros(said["BT-110"]) == parse_micros(said["BT-112"])
    assert parse_micros(said["BT-112"]) == document.total_micros


def test_a_quantity_is_told_where_it_multiplies_to_the_amount() -> None:
    def told(**fields: Any) -> tuple[str, str, str]:
        line = Line(position=1, kind="charge", description="x", **fields)
        row = terms(replace(EXAMPLE, lines=(line,)))["BG-25"][0]
        return row["BT-129"], row["BT-130"], row["BT-146"]

    minutes = told(quantity_milli=2500, unit="MIN", unit_price_nanos=4_000_000, net_micros=10_000)
    assert minutes == ("2.5", "MIN", "0.004")
    assert told(quantity_milli=2500, unit_price_nanos=4_000_000, net_micros=20_000) == ("1", "C62", "0.02")
    assert told(quantity_milli=1000, unit_price_nanos=-(10**9), net_micros=-(10**6)) == ("-1", "C62", "1.00")


@pytest.mark.parametrize(
    ("document", "count"),
    [
        (EXAMPLE, 0),
        (replace(EXAMPLE, state="draft", lines=()), 2),
        (replace(EXAMPLE, issuer=Party(), buyer=Party()), 3),
        (taxed([10_000], [TaxLine(name="x", category="AE", base_micros=10_000)], buyer=Party(country="DE")), 1),
        (taxed([10_000], [TaxLine(name="x", category="Z", base_micros=10_000)], tax_micros=1), 1),
        (taxed([10_000], [TaxLine(name="x", category="Z", base_micros=20_000)]), 1),
        (taxed([10_000], [], kind="receipt"), 1),
    ],
)
def test_what_an_e_invoice_lacks_is_told_each_by_a_sentence(document: Document, count: int) -> None:
    assert len(reasons_against(document)) == count


def test_a_note_names_in_its_terms_what_it_corrects() -> None:
    note = replace(EXAMPLE, kind="credit_note", corrects=Corrected(number="7", invoice_on=date(2026, 1, 5)))
    assert terms(note)["BG-3"] == [{"BT-25": "7", "BT-26": date(2026, 1, 5)}]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_that_is_collected_says_when_and_by_which_mandate_and_not_how_to_pay(language: str) -> None:
    kept = {"on": "2026-02-04", "account": "LT12 **** 1000", "mandate": "100042-1", "creditor_id": "DE98ZZZ09999999999"}
    debit = debit_of(kept)
    assert debit == Debit(
        on=date(2026, 2, 4), account=kept["account"], mandate="100042-1", creditor_id=kept["creditor_id"]
    )
    assert debit_of(None) is None
    told = str(paper(replace(EXAMPLE, debit=debit, looks=Looks(language=language))))
    assert all(said in told for said in kept.values())
    assert "Demo Bank" not in told
    said = terms(replace(EXAMPLE, debit=debit))
    assert (said["BT-81"], said["BT-89"], said["BT-90"]) == ("59", "100042-1", "DE98ZZZ09999999999")
    assert "BT-20" not in said


def test_an_iban_among_the_payment_details_is_told_as_one() -> None:
    assert terms(EXAMPLE)["BT-84"] == "LT121000011101001000"
    wrong = terms(replace(EXAMPLE, payment_details="IBAN LT99 1000 0111 0100 1000", due_on=None, until_on=None))
    assert (wrong["BT-81"], "BT-84" in wrong) == ("1", False)
    assert terms(replace(EXAMPLE, payment_details="", due_on=None))["BT-20"] == "-"
    bare = replace(EXAMPLE, buyer=Party(name="x", country="LT"), kind="receipt")
    assert terms(bare)["BT-115"] == "0.00"
