"""Claims about vars: what is known is obeyed, what is not known is told, and mistakes are named by their line."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.vars import MOST_CHARACTERS, MOST_DEPTH, Vars, VarsInvalid, as_json, parse


def test_an_empty_text_says_nothing() -> None:
    assert parse("") == parse("# only words\n") == Vars()


def test_the_expression_for_headers_is_taken() -> None:
    assert parse('[headers]\nremove_regex = "^X-.*$"').removed_headers == "^X-.*$"
    assert parse('[headers]\nremove_regex = ""') == Vars()


def test_what_nothing_obeys_is_told() -> None:
    told = parse('limit = 3\n[headers]\nremoved = "^X"\n[cli]\npersist = 600')
    assert told.removed_headers == ""
    assert [warning.partition(" ")[0] for warning in told.warnings] == ["limit", "headers.removed", "cli"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = = 2", 2, "Invalid value"),
        ("a = 1\nb = [", 2, "Invalid value"),
        ("a = 1\na = 2", 2, "overwrite"),
        ("\nheaders = 3", 2, "must be a table"),
        ("[headers]\n\nremove_regex = 3", 3, "must be a text"),
        ("[headers]\nremove_regex = 3.5", 2, "must be a text"),
        ('[headers]\nremove_regex = "("', 2, "is no expression"),
        ('[headers]\nremove_regex = "a{9}"', 2, "may have"),
        (f'[headers]\nremove_regex = "{"a" * 201}"', 2, "may have"),
        ('"head\\u0065rs" = 3', 1, "must be a table"),
        ("#" * (MOST_CHARACTERS + 1), 1, "at most"),
        ("a = " + "[" * 5000, 1, "nested too deeply"),
        ("a" + ".a" * MOST_DEPTH + " = 1", 1, "nested too deeply"),
        ("a" + ".a" * 4000 + " = 1", 1, "nested too deeply"),
        ("a = [{b = " + "[" * 19 + "]" * 19 + "}]\nb = 1", 1, "nested too deeply"),
        (f"a = {2**63}", 1, "64 bits"),
        ("a = [0x" + "f" * 9000 + "]", 1, "64 bits"),
        ("a = " + "9" * 9000, 1, "64 bits"),
        ('a = 1\nb = "\\u0000"', 2, "cannot be kept"),
        ('"\\u0000" = 1', 1, "cannot be kept"),
    ],
)
def test_a_mistake_is_named_by_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(VarsInvalid, match=words) as raised:
        parse(text)
    assert (raised.value.line, raised.value.sentence in str(raised.value)) == (line, True)


def test_all_of_it_is_given_to_other_programs_without_a_float() -> None:
    text = 'rate = 0.10\nyes = true\nat = 2026-11-21T10:00:00Z\non = 2026-11-21\n[crm]\ntier = "gold"\nids = [1, [1e3]]'
    assert as_json(text) == {
        "rate": "0.10", "yes": True, "at": "2026-11-21T10:00:00+00:00", "on": "2026-11-21",
        "crm": {"tier": "gold", "ids": [1, ["1e3"]]},
    }  # fmt: skip
    assert parse("deep" + ".a" * (MOST_DEPTH - 1) + f" = {-(2**63)}").warnings
    with pytest.raises(VarsInvalid):
        as_json("a = = 1")


@given(st.text(max_size=60))
def test_any_text_is_obeyed_or_named(text: str) -> None:
    with suppress(VarsInvalid):
        parse(text)
        json.dumps(as_json(text), allow_nan=False)
