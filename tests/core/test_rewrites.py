"""Claims about rewrites: which row is applied, what it makes of a number, and what is warned of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.rewrite_hints import hints
from tollgate.core.rewrites import MOST_ROWS, RewriteInvalid, apply, parse, to_json

CLD, CLI = "cld", "cli"


def rows(*rows: tuple[str, str, str]) -> list[dict[str, object]]:
    """Rows as they are stored."""
    return [{"target": target, "current": current, "new": new} for target, current, new in rows]


def dialed(number: str, *given: tuple[str, str]) -> str:
    """A dialed number after rows of its own."""
    return apply(parse(rows(*((CLD, current, new) for current, new in given))), cli="", cld=number).cld


@pytest.mark.parametrize(
    ("current", "new", "number", "result"),
    [
        ("00", "", "00442071838750", "442071838750"),
        ("0", "44", "02071838750", "442071838750"),
        ("0", "44", "12071838750", "12071838750"),
        ("", "#1#", "442071838750", "#1#442071838750"),
        ("", "#1#", "+442071838750", "#1#442071838750"),
        ("44", "0", "+442071838750", "02071838750"),
        ("+44", "0", "+442071838750", "02071838750"),
        ("+44", "0", "442071838750", "442071838750"),
        ("+", "00", "+442071838750", "00442071838750"),
        ("*67", "", "*6712025550100", "12025550100"),
        (r"^9(.*)$", "44$1", "9123456789", "44123456789"),
        (r"^0([1-9]+)$", r"44\1", "01782123456", "441782123456"),
        (r"^0([1-9]+)$", r"44\1", "02071838750", "02071838750"),
        (r"^1", "222222222222", "1555", "222222222222555"),
        (r"^(00|\+)(\d+)", "$2", "+442071838750", "442071838750"),
        (r"^44(\d{2})", "0$1#", "+442071838750", "020#71838750"),
        (r"^.*$", "#1#$0", "4420", "#1#4420"),
        (r"^[^1]", "9", "+18005551212", "+18005551212"),
        (r"^..", "0", "+442071838750", "02071838750"),
        (r"^(1)?(2)", "$1$2", "2345", "2345"),
    ],
)
def test_what_fits_gives_way_and_the_rest_is_kept(current: str, new: str, number: str, result: str) -> None:
    assert dialed(number, (current, new)) == result


def test_the_first_row_that_fits_is_the_only_one_applied() -> None:
    assert dialed("0044", ("00", ""), ("0", "49"), ("44", "1")) == "44"
    assert dialed("044", ("00", ""), ("0", "49"), ("44", "1")) == "4944"


def test_each_number_has_rows_of_its_own_and_the_steps_tell_what_was_done() -> None:
    done = apply(parse(rows((CLI, "0", "44"), (CLD, "00", ""), (CLD, "9", "1"))), cli="0207", cld="0033")
    assert (done.cli, done.cld) == ("44207", "33")
    assert [(step.target, step.row, step.before, step.after) for step in done.steps] == [
        (CLI, 1, "0207", "44207"),
        (CLD, 2, "0033", "33"),
    ]


def test_a_number_that_is_not_there_stays_away() -> None:
    assert apply(parse(rows((CLI, "", "44"))), cli="", cld="33") == ("", "33", ())


@given(cli=st.text(max_size=20), cld=st.text(max_size=20))
def test_without_a_row_that_fits_nothing_changes(cli: str, cld: str) -> None:
    given = parse(rows((CLI, "##########", "1"), (CLD, "^#{20}0$", "1")))
    assert apply(given, cli=cli, cld=cld) == (cli, cld, ())


def test_rows_are_kept_as_they_were_written() -> None:
    given = rows((CLD, "^0(.*)$", r"44\1"), (CLI, "+", "00"))
    assert to_json(parse(given)) == rows((CLD, "^0(.*)$", "44$1"), (CLI, "+", "00"))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ({"target": "to", "current": "0", "new": ""}, "target", "choose cld or cli"),
        ({"current": "0", "new": ""}, "target", "choose cld or cli"),
        ({"target": CLD, "current": "", "new": ""}, "current", "the row is empty"),
        ({"target": CLD, "current": "a", "new": ""}, "current", "a prefix has"),
        ({"target": CLD, "current": "789$", "new": ""}, "current", "a prefix has"),
        ({"target": CLD, "current": "^(0", "new": ""}, "current", "Sign 2: this"),
        ({"target": CLD, "current": 0, "new": ""}, "current", "give text"),
        ({"target": CLD, "current": "0", "new": "$1"}, "new", "there is no group in Current"),
        ({"target": CLD, "current": "^(0)", "new": "$2"}, "new", "there are 1 groups"),
        ({"target": CLD, "current": "0", "new": "x"}, "new", "use the signs"),
        ({"target": CLD, "current": "0", "new": "1" * 61}, "new", "at most 60"),
        ({"target": CLD, "current": "0", "new": "1", "then": "2"}, "then", "does not exist"),
    ],
)
def test_a_row_that_cannot_be_obeyed_is_named_with_its_column(row: dict[str, object], column: str, words: str) -> None:
    with pytest.raises(RewriteInvalid, match=words) as refused:
        parse([*rows((CLD, "00", "")), row])
    assert (refused.value.row, refused.value.column) == (2, column)


def test_all_rows_together_have_a_bound() -> None:
    with pytest.raises(RewriteInvalid, match="at most 50 rows") as many:
        parse(rows(*[(CLD, "0", "")] * (MOST_ROWS + 1)))
    assert many.value.row == MOST_ROWS + 1
    with pytest.raises(RewriteInvalid, match="together are too long") as long:
        parse(rows(*[(CLD, "^[0-9]{99}(?:0{99}){3}", "")] * 4))
    assert long.value.row == 3


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("^0([1-9]+)$", "44$1", "leaves the digit 0 out"),
        ("^0(.*)$", "44", "Every number that fits becomes 44"),
        ("^0(.*)$", "", "Nothing is left"),
        ("^(.*)$", "$12", "is read as $1, then 2"),
        ("^(0|00)", "", "00 and is preferred"),
        ("^(?:1|1[23])0", "4", "1 stands before 1"),
        ("44", "44", "It changes nothing"),
        ("^44", "$0", "It changes nothing"),
    ],
)
def test_a_trap_is_warned_of(current: str, new: str, words: str) -> None:
    (hint,) = hints(parse(rows((CLD, current, new))))
    assert hint.row == 1
    assert words in hint.sentence


@pytest.mark.parametrize(
    ("above", "below"), [("0", "00"), ("", "44"), ("^(.*)$", "^0"), ("00", "^00(.*)"), ("^0[12]", "^0[12]")]
)
def test_a_row_that_is_never_reached_is_warned_of(above: str, below: str) -> None:
    given = parse(rows((CLD, above, "1"), (CLD, below, "2")))
    assert next(hint.row for hint in hints(given) if "never reached: row 1" in hint.sentence) == 2


@pytest.mark.parametrize(
    ("current", "new"),
    [("00", ""), ("^0([0-9]+)$", "44$1"), ("^112$", "911"), ("^(00|0)", ""), ("^0[1-9]", "44"), ("^(0*)1", "4#$1#")],
)
def test_ordinary_rows_are_not_warned_of(current: str, new: str) -> None:
    assert hints(parse(rows((CLD, current, new), (CLI, current, new)))) == ()
