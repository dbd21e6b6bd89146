"""Claims about what of a document's taxes is VAT, and what stands beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tollgate.core.invoice_document import EXAMPLE, Document, Party, TaxLine
from tollgate.core.invoice_terms import terms
from tollgate.core.invoice_vat import Group, breakdown, charges, reasons_against_taxes, vat_micros

VAT = TaxLine(name="VAT", rate_ppm=210_000, base_micros=100_000_000, amount_micros=21_000_000)
LEVY = TaxLine(name="Levy", label="Levy", rate_ppm=10_000, base_micros=130_000_000, amount_micros=1_300_000)
HALF = TaxLine(name="VAT, reduced", rate_ppm=90_000, base_micros=50_000_000, amount_micros=4_500_000)
EXEMPT = TaxLine(name="Exempt", category="E", base_micros=30_000_000, exemption_reason="Article 132")
ABOVE = replace(VAT, compound=True, base_micros=101_000_000, amount_micros=21_210_000)


def document(lines: list[tuple[int, tuple[int, ...]]], taxes: tuple[TaxLine, ...]) -> Document:
    """A document whose lines, so many euros each, bear these of the taxes."""
    rows = tuple(
        replace(EXAMPLE.lines[0], position=place, net_micros=euros * 10**6, unit_price_nanos=euros * 10**9, taxes=own)
        for place, (euros, own) in enumerate(lines, start=1)
    )
    net, tax = sum(row.net_micros for row in rows), sum(one.amount_micros for one in taxes)
    return replace(EXAMPLE, lines=rows, taxes=taxes, net_micros=net, tax_micros=tax, total_micros=net + tax)


def test_a_levy_is_in_the_base_of_a_compound_vat_as_far_as_that_takes_of_it() -> None:
    told = document([(100, (0, 2)), (30, (0, 1))], (LEVY, EXEMPT, ABOVE))
    assert [(one.amount_micros, one.category) for one in charges(told)] == [(1_000_000, "S"), (300_000, "E")]
    assert reasons_against_taxes(told) == []
    groups = breakdown(told)
    assert groups[0] == Group("S", 210_000, 101_000_000, 21_210_000, "")
    assert sum(group.base_micros for group in groups) == 131_300_000
    assert vat_micros(told) == 21_210_000


def test_a_levy_that_every_line_of_a_compound_vat_bears_is_whole_in_its_base() -> None:
    levy = replace(LEVY, base_micros=100_000_000, amount_micros=1_000_000)
    told = document([(100, (0, 1))], (levy, ABOVE))
    assert [(one.amount_micros, one.within) for one in charges(told)] == [(1_000_000, ABOVE)]


def test_what_is_vat_is_what_its_tax_says_whatever_the_labels() -> None:
    levy = replace(LEVY, label="VAT", base_micros=100_000_000, amount_micros=1_000_000, is_vat=False)
    told = document([(100, (0, 1))], (levy, replace(ABOVE, label="GST", is_vat=True)))
    assert (vat_micros(told), [one.amount_micros for one in charges(told)]) == (21_210_000, [1_000_000])
    assert breakdown(told) == [Group("S", 210_000, 101_000_000, 21_210_000, "")]
    alone = document([(100, (0,))], (levy,))
    assert (vat_micros(alone), [(one.amount_micros, one.category) for one in charges(alone)]) == (0, [(1_000_000, "O")])


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            document([(100, (0,))], (replace(VAT, rate_ppm=0, amount_micros=0),)),
            "A VAT of category S has a rate above zero: its tax needs another category, such as Z or E.",
        ),
        (document([(100, (0, 1)), (50, (1,))], (VAT, HALF)), "One line bears two taxes that other lines bear as VAT."),
        (
            document([(100, (0,)), (30, (1,))], (VAT, replace(EXEMPT, category="O"))),
            "Lines outside the scope of VAT stand on a document of their own.",
        ),
        (document([(90, (0,))], (VAT,)), "Its lines do not add up to what was taxed."),
    ],
)
def test_what_the_standard_cannot_tell_is_said(told: Document, sentence: str) -> None:
    assert sentence in reasons_against_taxes(told)


def test_what_is_taxed_where_it_arrives_names_that_place() -> None:
    abroad = replace(EXEMPT, category="K", base_micros=100_000_000)
    told = replace(document([(100, (0,))], (abroad,)), buyer=Party(name="Baltic", country="DE"))
    assert terms(told)["BG-13"] == {"name": "Baltic", "country_code": "DE"}
    assert "BG-13" not in terms(replace(told, taxes=(VAT,), invoice_on=date(2026, 1, 5)))
