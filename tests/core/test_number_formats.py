"""Claims about how figures are written in a country: on documents and statements, and never for programs."""

from dataclasses import replace
from datetime import date

import pytest
from django_countries.data import COUNTRIES

from tollgate.core.invoice_document import EXAMPLE, NO_BREAK, Party, TaxLine, amount_text, rate_text, template_values
from tollgate.core.invoice_paper import paper
from tollgate.core.number_formats import COMMA, decimal_sign
from tollgate.core.statement import Movement, Statement, running, statement_paper


@pytest.mark.parametrize(
    ("country", "sign"), [("DE", ","), ("LT", ","), ("BR", ","), ("GB", "."), ("US", "."), ("CH", "."), ("", ".")]
)
def test_a_country_has_its_decimal_sign(country: str, sign: str) -> None:
    assert decimal_sign(country) == sign
    assert COMMA - {"XK"} <= COUNTRIES.keys(), "each is a country of ISO 3166, or Kosovo"


def test_a_document_writes_every_figure_alike() -> None:
    pointed, comma = paper(EXAMPLE), paper(replace(EXAMPLE, decimal=","))
    assert "41.25" in str(pointed)
    assert str(comma).count(",") > str(pointed).count(",")

    def figures(told: object) -> str:
        return str([told[part] for part in ("rows", "sums", "total", "exact")])  # type: ignore[index]

    assert "." not in figures(comma).replace("Calls on", "")
    assert figures(comma) == figures(pointed).replace(".", ",")
    values, written = template_values(EXAMPLE), template_values(replace(EXAMPLE, decimal=","))
    assert written["total"] == str(values["total"]).replace(".", ",")
    assert written["lines"][0]["unit_price"] == "41,25"  # type: ignore[index,call-overload]


def test_programs_are_told_with_a_point() -> None:
    tax = TaxLine(name="VAT", rate_ppm=75_000)
    assert (tax.printed, tax.printed_with(",")) == (f"VAT 7.5{NO_BREAK}%", f"VAT 7,5{NO_BREAK}%")
    assert (amount_text(-1_234_500_000, 2), rate_text(75_000)) == (f"-1{NO_BREAK}234.50", f"7.5{NO_BREAK}%")
    assert amount_text(-1_234_500_000, 2, decimal=",") == f"-1{NO_BREAK}234,50"


def test_a_statement_is_written_as_in_the_customers_country() -> None:
    moved = (Movement(on=date(2026, 1, 2), kind="payment", amount_micros=1_500_000),)
    for country, shown in (("DE", "1,50"), ("US", "1.50")):
        statement = Statement(
            currency="EUR", language="en", from_on=date(2026, 1, 1), until_on=date(2026, 2, 1), issuer=Party(),
            customer=Party(country=country), opening_micros=0, movements=running(0, moved),
        )  # fmt: skip
        told = statement_paper(statement)
        assert [row[2] for row in told["rows"]] == ["", shown, ""]  # type: ignore[attr-defined]
        assert told["total"][1] == f"{shown}{NO_BREAK}EUR"  # type: ignore[index]
