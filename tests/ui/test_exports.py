"""Files of a grid: the same columns, exact numbers, nothing that a spreadsheet would run."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tollgate.ui.columns import Column, Kind
from tollgate.ui.exports import csv_lines, xlsx_response
from tollgate.ui.sources import ListSource, Query

COLUMNS = (
    Column("name", "Customer"),
    Column("cost", "Amount", kind=Kind.MONEY, currency="currency"),
    Column("profit", "Profit", kind=Kind.MONEY, unit="EUR"),
)
ROWS = [
    {"id": 1, "name": "Acme", "cost": 10_900, "currency": "USD", "profit": -123},
    {"id": 2, "name": '=HYPERLINK("x")', "cost": None, "currency": None, "profit": 9_007_199_254_740_993_000_001},
]


def read_csv(rows: list[dict[str, object]]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(csv_lines(COLUMNS, rows)))))


def xlsx_sheet(rows: list[dict[str, object]]) -> Worksheet:
    answer = xlsx_response("calls", COLUMNS, ListSource(items=rows), Query(sort="id"))
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    answer.close()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    return sheet


def read_xlsx(rows: list[dict[str, object]]) -> list[list[object]]:
    return [[cell.value for cell in row] for row in xlsx_sheet(rows).iter_rows()]


def test_csv_has_titles_with_units_and_a_column_of_codes() -> None:
    lines = read_csv(ROWS)
    assert lines[0] == ["Customer", "Amount", "Amount currency", "Profit, EUR"]
    assert lines[1] == ["Acme", "0.0109", "USD", "-0.000123"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_neutralized_in_csv(start: str) -> None:
    lines = read_csv([{**ROWS[0], "name": f"{start}1+1"}])
    assert lines[1][0] == f"'{start}1+1"


def test_a_negative_amount_stays_a_number() -> None:
    assert read_csv(ROWS)[1][3] == "-0.000123"


def test_xlsx_holds_numbers_as_numbers_and_formulas_as_text() -> None:
    titles, first, second = read_xlsx(ROWS)
    assert titles == ["Customer", "Amount", "Amount currency", "Profit, EUR"]
    assert first[:3] == ["Acme", 0.0109, "USD"]
    assert second[0] == '=HYPERLINK("x")'
    assert xlsx_sheet(ROWS)["A3"].data_type == "s"


def test_xlsx_writes_a_number_too_long_for_it_as_text() -> None:
    assert read_xlsx(ROWS)[2][3] == "9007199254740993.000001"


@settings(max_examples=50)
@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_csv_keeps_every_micro(micros: int) -> None:
    text = read_csv([{**ROWS[0], "profit": micros}])[1][3]
    assert Decimal(text) * 10**6 == micros
