"""Claims about reading uploaded records: columns in any order, cells that mean one thing, errors that name a field."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.upload_fields import NOUNS
from tollgate.core.uploads import (
    CellInvalid,
    Field,
    Kind,
    Line,
    cell,
    guess,
    lacking,
    read_row,
    repeated,
    rows_of_text,
    table,
)

FIELDS = NOUNS["customer"].fields
CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    width = max(map(len, rows))
    rows = [["Name", "Currency", "x", "y"][:width]] * 2 + [row + [""] * (width - len(row)) for row in rows]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    if any(sign in "".join(map("".join, rows)) for sign in ",;\t"):
        return  # the file then has two signs that could part its columns
    assert [list(row) for _, row in rows_of_text(text.getvalue())] == rows


@given(st.permutations(range(len(FIELDS))))
def test_the_order_of_columns_does_not_matter(order: list[int]) -> None:
    headers = [FIELDS[place].title.upper() for place in order]
    found = guess(headers, FIELDS)
    assert {name: headers[index] for name, index in found.items()} == {f.name: f.title.upper() for f in FIELDS}


def test_every_spelling_of_a_noun_means_one_field() -> None:
    for noun in NOUNS.values():
        spellings = [spelling for field in noun.fields for spelling in field.headers]
        assert len(spellings) == len(set(spellings)), noun.one


def test_titles_may_stand_above_the_header_and_its_line_may_be_said() -> None:
    rows = rows_of_text("Our customers;;\n\nName;Currency;Notes\n Acme ;EUR;x\n;;\n")
    read = table(rows, FIELDS)
    assert (read.headers, read.header_line) == (("Name", "Currency", "Notes"), 3)
    assert read.lines == (Line(4, ("Acme", "EUR", "x")),)
    assert table(rows, FIELDS, header_line=4).headers == ("Acme", "EUR", "x")
    assert table(rows, FIELDS, header_line=99).header_line == 3
    for text in ("", "\n;;\n"):
        with pytest.raises(CellInvalid, match="empty"):
            table(rows_of_text(text), FIELDS)
    with pytest.raises(CellInvalid, match="line 1"):
        rows_of_text('a,"b\n')


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "'=SUM", "=SUM"),
        (Kind.TEXT, "O'Hara", "O'Hara"),
        (Kind.WORD, "Pending Approval", "pending_approval"),
        (Kind.NUMBER_TEXT, "'+370", "+370"),
        (Kind.WHOLE, "-5", -5),
        (Kind.MILLI, "2.5", 2500),
        (Kind.MONEY, "-1.25", -1_250_000),
        (Kind.YES_NO, "Yes", True),
        (Kind.YES_NO, "off", False),
        (Kind.MONEY, "'-5.00", -5_000_000),
        (Kind.PRICE, "0.0123", 12_300_000),
        (Kind.WHOLE, "'+5", 5),
        (Kind.LIST, "a; b,c|", ["a", "b", "c"]),
        (Kind.LIST, '"a; b",c "d", "e ""f"""', ["a; b", 'c "d"', 'e "f"']),
        (Kind.LIST, 'N = "a, b"; 19" rack', ['N = "a, b"', '19" rack']),
        (Kind.INSTANT, "2027-01-31", "2027-01-31T00:00:00+00:00"),
        (Kind.INSTANT, "2027-01-31T10:00+02:00", "2027-01-31T10:00:00+02:00"),
        (
            Kind.HOURS,
            "UTC; Sun 10:00-24:00; not 2026-12-25",
            {"zone": "UTC", "windows": [{"weekday": 7, "from": "10:00", "until": "24:00"}], "holidays": ["2026-12-25"]},
        ),
    ],
)
def test_a_cell_is_read_as_its_field_is(kind: Kind, text: str, value: object) -> None:
    assert read_row([text], {"x": 0}, [Field("x", "X", kind)]) == ({"x": value}, [])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.TEXT, "x" * 10_001),
        (Kind.NUMBER_TEXT, "3.7061E+10"),
        (Kind.WHOLE, "1.5"),
        (Kind.MILLI, "-1"),
        (Kind.MONEY, "1,5"),
        (Kind.MONEY, "1e3"),
        (Kind.MONEY, "ten"),
        (Kind.PRICE, "0,01"),
        (Kind.YES_NO, "perhaps"),
        (Kind.INSTANT, "soon"),
        (Kind.HOURS, "UTC; Sun 10-24"),
    ],
)
def test_a_cell_that_means_nothing_or_two_things_is_an_error_of_its_field(kind: Kind, text: str) -> None:
    values, errors = read_row([text], {"x": 0}, [Field("x", "X", kind)])
    assert values == {}
    assert [name for name, _ in errors] == ["x"]


def test_what_is_required_and_what_stands_twice_is_told() -> None:
    fields = (Field("name", "Name", required=True, unique=True), Field("note", "Note"))
    assert lacking({}, fields) == ["Say which column is the Name."]
    assert lacking({"name": 0}, fields) == []
    assert read_row(["", "x"], {"name": 0, "note": 1}, fields) == ({"note": "x"}, [("name", "This is required.")])
    assert read_row(["Acme", ""], {"name": 0, "note": 1}, fields) == ({"name": "Acme"}, []), "empty leaves it out"
    lines = [Line(2, ("Acme",)), Line(3, ("acme",)), Line(4, ("",)), Line(5, ("",)), Line(6, ())]
    assert repeated(lines, {"name": 0}, fields) == {3: [("name", "This is also in line 2: list it once.")]}
    assert cell((), {"name": 0}, "name") == ""
