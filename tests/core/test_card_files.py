"""Claims about rate card files: any order of columns, one strict result, every mistake named with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.card_columns import FIELDS, SPELLINGS, guess
from tollgate.core.card_files import CardRow, Parsed, parse, parse_rows, unreadable
from tollgate.core.card_tariffs import tariff_rate, terms_of
from tollgate.core.money import format_nanos
from tollgate.core.rates import Rate, Step, Window, simple

UK = CardRow("44", "United Kingdom", price_nanos=15_000_000, connect_fee_nanos=10_000_000, initial_s=60, increment_s=6)


def only_error(text: str) -> tuple[int, str, str]:
    """Line, column and sentence of the one thing that is wrong."""
    parsed = parse(text)
    assert len(parsed.errors) == 1
    error = parsed.errors[0]
    return error.line, error.column, error.message


@pytest.mark.parametrize(
    "text",
    [
        "prefix,destination,rate,setup,increment\n44,United Kingdom,0.015,0.01,60/6\n",
        "Country;Dial Code;Billing Increments;Connection Fee;Price\nUnited Kingdom;44;60/6;0,01;0,015\n",
        "\ufeffRate (EUR)\tCODE\tName\tMcd\tNext interval\tRate Connect\n.015\t+44\tUnited Kingdom\t60\t6\t0.01",
        (
            'Our rates,,,,\nfrom Monday,,\n"Prefix","Name","Price","Setup","Billing"\n'
            '"44","United Kingdom","0.015","0.0100","60 / 6"\n\n,,\n'
        ),
        "prefix,destination,rate,setup,interval,mcd\r\n'44,United Kingdom,0.015,0.01,6,60\r\n",
    ],
)
def test_one_rate_in_many_forms_is_the_same_rate(text: str) -> None:
    parsed = parse(text)
    assert parsed.errors == ()
    assert parsed.rows == (UK,)


def test_every_column_is_read() -> None:
    parsed = parse(
        "prefix,name,rate,connect,initial,increment s,grace,included,status,remark\n"
        "1,USA,0.005,0.02,6,3,2,10,open,new\n2,Nowhere,,,,,,,blocked,\n"
    )
    assert parsed.rows == (
        CardRow("1", "USA", False, 5_000_000, 20_000_000, 6, 3, 2, 10),
        CardRow("2", "Nowhere", True),
    )
    assert parsed.ignored_columns == ("remark",)
    assert parsed.mapping["price"] == 2
    assert parsed.notes == ()


@pytest.mark.parametrize(
    ("cell", "prefixes"),
    [
        ('"4420, 4421"', ["4420", "4421"]),
        ('"4420;4421|4422"', ["4420", "4421", "4422"]),
        ("4420-4423", ["4420", "4421", "4422", "4423"]),
        ("0998 - 1001", ["0998", "0999", "1000", "1001"]),
        ('"+4420, 4430-4431"', ["4420", "4430", "4431"]),
        ("*", [""]),
        ("Default", [""]),
    ],
)
def test_a_cell_may_hold_several_prefixes(cell: str, prefixes: list[str]) -> None:
    parsed = parse(f"code,rate\n{cell},0.01\n")
    assert parsed.errors == ()
    assert [row.prefix for row in parsed.rows] == prefixes


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1E+05", "scientific notation"),
        ("44 20", "not a prefix"),
        ("UK", "not a prefix"),
        ("1234567890123456789", "not a prefix"),
        ("44-", "not a prefix"),
        ("44-4410", "not a range"),
        ("4424-4420", "not a range"),
        ("100000-300000", "more than 10000"),
        ("٤٤", "not a prefix"),
        (";", "names no prefix"),
    ],
)
def test_a_prefix_that_is_none_is_named_with_its_place(cell: str, words: str) -> None:
    line, column, sentence = only_error(f"rate,Dial Code\n0.1,33\n0.1,{cell}\n")
    assert (line, column) == (3, "Dial Code")
    assert words in sentence


def test_a_prefix_is_listed_once() -> None:
    assert only_error("code,rate\n44,0.1\n45,0.1\n\n44,0.2\n")[::2] == (
        5,
        "44 is also in line 2: list each prefix once.",
    )
    assert "twice in this cell" in only_error('code,rate\n"44,44",0.1\n')[2]
    assert only_error("code,rate\n*,0.1\n*,0.1\n")[2].startswith("* is also in line 2")


def test_a_missing_prefix_or_price_is_an_error() -> None:
    assert only_error("code,rate,name\n,0.1,UK\n")[1] == "code"
    assert "price is missing" in only_error("code,rate,name\n44,,UK\n")[2]
    assert "price is missing" in only_error("code,name,rate\n44,UK\n")[2]
    assert parse("code,rate,blocked\n44,,yes\n").errors == ()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1.5E-05", "scientific notation"),
        ("cheap", "not a decimal number"),
        ("-0.1", "not a price from 0"),
        ("10000.1", "not a price from 0"),
        ("0.0000000001", "more than 9 decimals"),
        ('"1,234"', "thousands or decimals"),
        ('"1,234.5"', "thousands or decimals"),
        ("€0.1", "not a decimal number"),
    ],
)
def test_a_price_that_is_unclear_is_named_with_its_place(cell: str, words: str) -> None:
    line, column, sentence = only_error(f"code,rate\n33,{cell}\n")
    assert (line, column) == (2, "rate")
    assert words in sentence


def test_a_decimal_comma_is_known_by_the_whole_file() -> None:
    parsed = parse("code;rate\n33;1,234\n34;0,5\n")
    assert [row.price_nanos for row in parsed.rows] == [1_234_000_000, 500_000_000]
    assert "A comma separates the decimals." in parsed.notes
    mixed = parse("code;rate\n33;0,5\n34;0.5\n")
    assert [error.line for error in mixed.errors] == [2]


@pytest.mark.parametrize(
    ("headers", "cells", "expected"),
    [
        ("increment", "60/6", (60, 6)),
        ("increment", "30", (30, 30)),
        ("increment", "0/1", (0, 1)),
        ("mcd", "30", (30, 30)),
        ("pulse", "6", (6, 6)),
        ("mcd,pulse", "30,6", (30, 6)),
        ("mcd,pulse", "0,6", (0, 6)),
        ("increment,mcd", "60/6,30", (30, 6)),
        ("increment,pulse", "60/6,10", (60, 10)),
        ("increment", "", (1, 1)),
    ],
)
def test_increments_are_a_pair_or_two_columns(headers: str, cells: str, expected: tuple[int, int]) -> None:
    (row,) = parse(f"code,rate,{headers}\n33,0.1,{cells}\n").rows
    assert (row.initial_s, row.increment_s) == expected


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("increment", "Jan-60"),
        ("increment", "0"),
        ("increment", "60/0"),
        ("pulse", "0"),
        ("mcd", "1 min"),
        ("grace", "100000"),
        ("grace", "9" * 5000),
        ("increment", f"{'9' * 5000}/6"),
        ("status", "maybe"),
        ("enabled", "maybe"),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_its_column(header: str, cell: str) -> None:
    assert only_error(f"code,rate,{header}\n33,0.1,{cell}\n")[:2] == (2, header)


@pytest.mark.parametrize(
    ("header", "cell", "blocked"),
    [
        ("blocked", "Yes", True),
        ("blocked", "0", False),
        ("status", "Closed", True),
        ("status", "Open", False),
        ("enabled", "no", True),
        ("enabled", "1", False),
        ("active", "", False),
    ],
)
def test_a_status_is_read_in_both_directions(header: str, cell: str, blocked: bool) -> None:
    (row,) = parse(f"code,rate,{header}\n33,0.1,{cell}\n").rows
    assert row.blocked is blocked


def test_what_was_assumed_is_said() -> None:
    assert parse("code,rate\n33,0.1\n").notes == (
        "There is no column of increments: calls are billed by the second (1/1).",
    )


def test_columns_that_could_both_be_the_price_are_not_guessed() -> None:
    parsed = parse("code,rate,price\n33,0.1,0.2\n")
    assert [error.message for error in parsed.errors] == [
        "The columns 'rate' and 'price' could both be the price: say which one is."
    ]
    assert parsed.headers == ("code", "rate", "price")
    assert parse("code,rate,price\n33,0.1,0.2\n", mapping={"prefix": 0, "price": 2}).rows[0].price_nanos == 200_000_000


def test_of_several_names_the_plainest_is_taken_and_the_others_are_listed() -> None:
    parsed = parse("country,destination,code,rate\nUK,UK mobile,447,0.1\n")
    assert parsed.rows[0].destination == "UK mobile"
    assert parsed.ignored_columns == ("country",)


def test_a_mapping_of_ones_own_wins_over_the_headers() -> None:
    parsed = parse("A,B,C\nUK,0.1,44\n", mapping={"prefix": 2, "price": 1, "destination": 0})
    assert parsed.rows == (CardRow("44", "UK", price_nanos=100_000_000),)
    headless = parse("44,0.1,UK\n45,0.2\n", mapping={"prefix": 0, "price": 1, "destination": 2})
    assert [row.prefix for row in headless.rows] == ["44", "45"]
    assert headless.ignored_columns == ()
    assert parse("44,x\n", mapping={"prefix": 0, "price": 1}).errors[0].column == "column 2"


def test_a_mapping_that_cannot_be_is_refused() -> None:
    text = "A,B\n44,0.1\n"
    assert "no column 6" in parse(text, mapping={"prefix": 0, "price": 5}).errors[0].message
    assert "not a field" in parse(text, mapping={"prefix": 0, "price": 1, "color": 1}).errors[0].message
    assert [error.message for error in parse(text).errors] == [
        "No column could be recognized as the prefix: say which one is.",
        "No column could be recognized as the price: say which one is.",
    ]
    assert parse("44,0.1\n45,0.1", mapping={"prefix": 0}).headers == ("44", "0.1")


def test_what_is_no_file_says_so() -> None:
    assert parse("\n , \n").errors[0].message == "The file is empty."
    assert "not a CSV file" in parse('code,rate\n"44"x,0.1\n').errors[0].message
    assert unreadable("No.") == Parsed((), parse("").errors[:0] + unreadable("No.").errors, {})


def test_lines_are_counted_as_an_editor_shows_them() -> None:
    text = 'code,name,rate\n44,"United\nKingdom",0.1\nxx,Y,0.1\n'
    assert only_error(text)[0] == 4


def test_every_spelling_means_one_field() -> None:
    spellings = [spelling for spellings in SPELLINGS.values() for spelling in spellings]
    assert len(spellings) == len(set(spellings))
    for field in FIELDS:
        for spelling in SPELLINGS[field]:
            assert guess([f" {spelling.title()} "]).mapping == {field: 0}


ROWS = st.dictionaries(
    st.from_regex(r"[1-9][0-9]{0,8}", fullmatch=True),
    st.tuples(st.integers(0, 10**12), st.integers(0, 600), st.integers(1, 600), st.booleans()),
    max_size=20,
)


@given(rows=ROWS, order=st.permutations(["prefix", "rate", "mcd", "pulse", "blocked"]))
def test_what_is_written_is_read_back_in_any_order_of_columns(
    rows: dict[str, tuple[int, int, int, bool]], order: list[str]
) -> None:
    lines = [order]
    for prefix, (price, initial_s, increment_s, blocked) in rows.items():
        cells = {
            "prefix": prefix,
            "rate": format_nanos(price),
            "mcd": str(initial_s),
            "pulse": str(increment_s),
            "blocked": "yes" if blocked else "no",
        }
        lines.append([cells[name] for name in order])
    parsed = parse_rows(lines)
    assert parsed.errors == ()
    assert parsed.rows == tuple(
        CardRow(prefix, "", blocked, price, 0, initial_s, increment_s)
        for prefix, (price, initial_s, increment_s, blocked) in rows.items()
    )
    assert parsed == parse("\n".join(";".join(line) for line in lines))


@pytest.mark.parametrize(("name", "words"), [("Li\0thuania", "control characters"), ("a" * 5000, "at most 200")])
def test_a_name_that_cannot_be_kept_is_refused_with_its_row(name: str, words: str) -> None:
    line, column, sentence = only_error(f"code,name,rate\n370,{name},0.01\n")
    assert (line, column) == (2, "name")
    assert words in sentence


PEAK = (
    '{"windows":[{"steps":[{"at_s":0,"price_nanos":6000000}]},'
    '{"weekdays":[1,2],"from_s":28800,"weight":20,"connect_fee_nanos":7,"steps":[{"at_s":0,"price_nanos":8000000}]}]}'
)


def sheet(*rows: str, headers: str = "prefix|rate|minimum cost|maximum charge|own tariff") -> Parsed:
    """A file with the columns that say more than one price."""
    return parse_rows([row.split("|") for row in (headers, *rows)])


def test_a_minimum_and_a_maximum_cost_are_kept_as_a_rate_in_full() -> None:
    parsed = sheet("44|0.06|0.02|0.5|", "45|0.06|||", "46|0.06|0||", "47|0.06||0.1|")
    assert parsed.errors == ()
    rates = {row.prefix: row for row in parsed.rows}
    assert rates["45"].tariff is None
    assert rates["46"].tariff is None
    kept = tariff_rate(rates["44"].tariff)
    assert kept == simple(price_nanos=60_000_000, minimum_nanos=20_000_000, maximum_nanos=500_000_000)
    assert tariff_rate(rates["47"].tariff).maximum_nanos == 100_000_000
    assert rates["44"].price_nanos == 60_000_000, "lists show and sort by it"


def test_a_maximum_of_nothing_gives_no_calls_away() -> None:
    """Other systems write 0 where there is no maximum."""
    (error,) = sheet("44|0.06||0|").errors
    assert (error.line, error.column) == (2, "maximum charge")
    assert "leave it empty" in error.message


def test_a_maximum_below_the_minimum_is_named_with_its_column() -> None:
    (error,) = sheet("44|0.06|0.5|0.02|").errors
    assert (error.line, error.column) == (2, "maximum charge")
    assert "below the minimum" in error.message


def test_a_tariff_of_its_own_alone_rates_its_row_and_the_other_columns_show_it() -> None:
    parsed = sheet(f"44|9.99|1|2|{PEAK}", "45|0.01|||")
    assert parsed.errors == ()
    row = parsed.rows[0]
    assert (row.tariff, row.price_nanos, row.connect_fee_nanos) == (PEAK, 6_000_000, 0)
    assert any("rated by it alone" in note for note in parsed.notes)
    assert tariff_rate(json.loads(PEAK)) == tariff_rate(PEAK)
    assert sheet(f"44|{PEAK}", headers="prefix|tariff json").rows == (row,), "then a file needs no price"


def test_a_tariff_may_stand_in_a_file_with_commas_and_keeps_a_rounding_of_its_own() -> None:
    tariff = '{"windows":[{"steps":[{"at_s":0,"price_nanos":1}]}],"rounding":{"precision":6}}'
    quoted = tariff.replace('"', '""')
    parsed = parse(f'code,own tariff,name,status\n44,"{quoted}",UK,blocked\n')
    assert parsed.rows == (CardRow("44", "UK", True, 1, tariff=tariff),)


@pytest.mark.parametrize(
    ("tariff", "words"),
    [
        ("{", "must be JSON"),
        ("[" * 19_999, "must be JSON"),
        ("[" * 20_001, "at most 20000 characters"),
        ('{"windows":[]}', "needs at least one window"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":1.5}]}]}', "windows[0].steps[0].price_nanos"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":10000000000001}]}]}', "must be at most"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":1,"increment_s":86401}]}]}', "increment_s: must be at most"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":1,"per_s":86401}]}]}', "per_s: must be at most"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":1}]}],"grace_s":3000000000}', "grace_s: must be at most"),
        ('{"windows":[{"steps":[{"at_s":0,"price_nanos":1}]}],"included_s":3000000000}', "included_s: must be at most"),
    ],
)
def test_a_tariff_that_cannot_be_is_named_with_its_place(tariff: str, words: str) -> None:
    (error,) = sheet(f"44||||{tariff}").errors
    assert (error.line, error.column) == (2, "own tariff")
    assert words in error.message


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((Step(0, 60, 60, 30), Step(30, 60, 60, 6)), (60, 30, 6)),
        ((Step(0, 60, 60, 30), Step(30, 50, 60, 6)), (60, 30, 30)),
        ((Step(0, 1, 7, 2),), (9, 2, 2)),
    ],
)
def test_the_usual_columns_of_a_tariff_show_its_first_steps(
    steps: tuple[Step, ...], shown: tuple[int, int, int]
) -> None:
    terms = terms_of(Rate((Window(steps, 5),), grace_s=3, included_s=4))
    assert (terms.price_nanos, terms.initial_s, terms.increment_s) == shown
    assert (terms.connect_fee_nanos, terms.grace_s, terms.included_s) == (5, 3, 4)
