"""Claims about how figures are written in a country: on documents and statements, and never for programs."""

from dataclasses import replace
from datetime import date

import pytest
from django_countries.data import COUNTRIES
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.invoice_document import EXAMPLE, NO_BREAK, Party, TaxLine, amount_text, rate_text, template_values
from tollgate.core.invoice_paper import paper
from tollgate.core.money import format_micros, parse_micros
from tollgate.core.number_formats import COMMA, SPACE, decimal_sign, reader_sign, typed, written
from tollgate.core.statement import Movement, Statement, running, statement_paper
from tollgate.core.templates import render
from tollgate.core.templates_syntax import parse


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
    template = parse("{{total}}; {{#each lines}}{{unit_price}} {{/each}}")
    said, said_with_comma = render(template, values), render(template, written)
    assert "; 41.25 " in said
    assert said_with_comma == said.replace(".", ",")


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


@pytest.mark.parametrize(
    ("language", "country", "sign"),
    [
        ("de", "", ","), ("fr", "", ","), ("pt-BR", "", ","), ("es", "", ","), ("en", "", "."), ("", "", "."),
        ("de", "DE", ","), ("fr", "FR", ","), ("pt-BR", "BR", ","), ("en", "GB", "."), ("en", "US", "."),
        ("en", "DE", ","), ("en", "LT", ","), ("de", "US", ","), ("fr", "CA", ","), ("pt", "US", ","),
        ("de", "CH", "."), ("fr-CH", "CH", "."), ("es", "MX", "."), ("es_AR", "AR", ","),
    ],
)  # fmt: skip
def test_a_reader_writes_decimals_as_the_country_does_and_elsewhere_as_the_language(
    language: str, country: str, sign: str
) -> None:
    assert reader_sign(language, country) == sign


def test_only_what_is_a_number_is_written_anew() -> None:
    for text, shown in (
        ("12.50", "12,50"), ("-0.003", "-0,003"), ("12.50 EUR", "12,50 EUR"), ("7.5 %", "7,5 %"), ("7.5%", "7,5%"),
        ("10,000", f"10{SPACE}000"), ("10,000+", f"10{SPACE}000+"), ("1,234,567.5", f"1{SPACE}234{SPACE}567,5"),
        ("<= 4.5%", "<= 4,5%"), ("2.5/s", "2,5/s"), ("0.9 s", "0,9 s"), (f"1.5{SPACE}MB", f"1,5{SPACE}MB"),
        ("17", "17"),
    ):  # fmt: skip
        assert (written(text, ","), written(text, ".")) == (shown, text)
    for data in ("192.0.2.1", "1.2.3", "Acme 1.5", "v1.5", "12,5", "1,2", "2026-11-22", "", "1.5 Acme", "44.", ".5"):
        assert written(data, ",") == data


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_what_is_shown_can_be_typed_again(micros: int) -> None:
    for sign in ",.":
        assert parse_micros(typed(written(format_micros(micros, 2), sign), sign)) == micros


def test_who_writes_a_comma_may_type_a_point_that_cannot_part_thousands() -> None:
    assert [typed(text, ",") for text in (" 12,5", "12.5", "0.015", "1000", "1,500", "-3.25", "")] == [
        "12.5", "12.5", "0.015", "1000", "1.500", "-3.25", ""
    ]  # fmt: skip
    for doubtful in ("1.500", "1.500.000", "12.000", "1.500,25", "1,500.25", "1,2,3"):
        with pytest.raises(ValueError, match="after a comma"):
            typed(doubtful, ",")
    assert typed("1,500", ".") == "1,500", "which an amount refuses"
