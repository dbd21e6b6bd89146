"""Claims about expressions: they match as everybody's engine does, and no number makes them slow."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tollgate.core.patterns import MOST_INSTRUCTIONS, PatternInvalid, match, parse

ATOMS = st.sampled_from(["0", "1", "2", "#", r"\+", r"\d", ".", "[0-2]", "[^1]", r"[\d#-]", "[2-]"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "??", "{1,3}?"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ways = st.lists(st.lists(inner, max_size=3).map("".join), min_size=1, max_size=3).map("|".join)
    group = st.builds("({}{}){}".format, st.sampled_from(["", "?:"]), ways, REPEATS)
    return st.one_of(st.builds("{}{}".format, ATOMS, REPEATS), group)


EXPRESSIONS = st.builds(
    "^{}{}".format,
    st.lists(st.recursive(st.builds("{}{}".format, ATOMS, REPEATS), _grown, max_leaves=6), max_size=4).map("".join),
    st.sampled_from(["", "$"]),
)
NUMBERS = st.text("012#+", max_size=9)


@settings(max_examples=400, deadline=None)
@given(text=EXPRESSIONS, number=NUMBERS)
def test_what_is_matched_is_what_the_engine_of_the_language_matches(text: str, number: str) -> None:
    try:
        pattern = parse(text)
    except PatternInvalid:
        assume(False)
    known = re.compile(text.removesuffix("$") + (r"\Z" if text.endswith("$") else ""), re.DOTALL).match(number)
    spans = match(pattern, number).spans
    assert (spans is None) is (known is None)
    if known is not None and spans is not None:
        expected = tuple(place for group in range(pattern.groups_count + 1) for place in known.span(group))
        assert spans == expected


@settings(max_examples=150, deadline=None)
@given(text=EXPRESSIONS, number=st.text("01#", max_size=128))
def test_each_place_of_a_number_takes_at_most_two_steps_for_each_instruction(text: str, number: str) -> None:
    try:
        pattern = parse(text)
    except PatternInvalid:
        assume(False)
    assert match(pattern, number).steps_count <= 2 * len(pattern.program) * (len(number) + 1)


@pytest.mark.parametrize("text", [r"^(0+)+$", r"^(0|00)*1$", r"^0*0*0*0*0*0*1", r"^(0?){0}$", r"^(\d*#?\d){9}x$"])
def test_expressions_that_stop_other_engines_are_quick_or_refused(text: str) -> None:
    try:
        pattern = parse(text)
    except PatternInvalid:
        return
    assert match(pattern, "0" * 127 + "2").steps_count < 128 * 2 * len(pattern.program)
    assert match(pattern, "0" * 127 + "2").spans is None


@pytest.mark.parametrize(
    ("text", "sign", "words"),
    [
        ("0", 1, r"starts with \^"),
        ("^0|00", 3, "put alternatives into a group"),
        ("^0)", 3, "closes nothing"),
        ("^0$0", 3, "at the very end only"),
        ("^(0$)", 4, "at the very end only"),
        ("^(0", 2, "not closed"),
        ("^[0", 2, "not closed"),
        ("^[]", 2, "at least one sign"),
        ("^[9-0]", 5, "from a lower sign"),
        (r"^[\d-z]", 6, "from a lower sign"),
        ("^[é]", 3, "cannot stand in a class"),
        ("^0^", 3, "at the very start only"),
        ("^+44", 2, r"Write \\\+ for the sign"),
        ("^é", 2, "cannot stand here"),
        ("^(0*)*", 2, "may be empty cannot be repeated"),
        ("^(0?|1)+", 2, "may be empty cannot be repeated"),
        ("^0**", 4, "a repeat cannot be repeated"),
        ("^0{", 4, "write a repeat as"),
        ("^0{,3}", 4, "write a repeat as"),
        ("^0{100}", 4, "at most 99 times"),
        ("^0{3,2}", 4, "not below the first"),
        ("^0{0}", 4, "not below the first"),
        (r"^(0)\1", 5, "is not known here"),
        ("^0\\", 3, "a sign has to follow"),
        ("^(?=0)", 3, "looking ahead"),
        ("^(?<a>0)", 3, "looking ahead"),
        ("^" + "(0)" * 10, 30, "at most 9 groups"),
        ("^" + "0" * 200, 201, "at most 200 signs"),
        ("^(?:(?:0{99}){99}){99}", 1, "too long when its repeats are written out"),
        ("^(?:0{99}){5}0{5}", 1, "too long when its repeats are written out"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_with_its_place(text: str, sign: int, words: str) -> None:
    with pytest.raises(PatternInvalid, match=words) as refused:
        parse(text)
    assert refused.value.sign == sign


def test_the_longest_program_is_the_longest_that_is_taken() -> None:
    assert len(parse("^(?:0{99}){5}0{4}").program) == MOST_INSTRUCTIONS


ANYWHERE = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "^", "(?!^0)", "(?=.1)", "(?=(?:0|1){2,}2)", "0|^"]),
    st.lists(st.recursive(st.builds("{}{}".format, ATOMS, REPEATS), _grown, max_leaves=5), max_size=3).map("".join),
    st.sampled_from(["", "$", "(?!0)", "(?=1|2$)", "|12$"]),
)


@settings(max_examples=400, deadline=None)
@given(text=ANYWHERE, number=NUMBERS)
def test_what_is_found_anywhere_is_what_the_engine_of_the_language_finds(text: str, number: str) -> None:
    try:
        pattern = parse(text, anywhere=True)
    except PatternInvalid:
        assume(False)
    known = re.compile(text.replace("$", r"\Z"), re.DOTALL).search(number)
    found = match(pattern, number)
    assert (found.spans is None) is (known is None)
    if known is not None and found.spans is not None:
        assert found.spans == tuple(place for group in range(pattern.groups_count + 1) for place in known.span(group))
    size = len(pattern.program) + sum(map(len, pattern.looks))
    assert found.steps_count <= 3 * size * (len(number) + 1)


def test_a_look_ahead_is_as_quick_on_a_number_that_nobody_should_send() -> None:
    freephone = parse("^((?!^1(800|833|844|855|866|877|888)).)*$", anywhere=True)
    run = match(freephone, "1" * 128)
    assert run.spans is not None
    assert run.steps_count < 129 * 3 * (len(freephone.program) + len(freephone.looks[0]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(?<a>0)(?<a>1)", "two groups are named a"),
        ("(?<=0)1", "write a named group as"),
        ("(?=0(?!1))", "looking ahead while looking ahead"),
        ("(?!0)*", "may be empty cannot be repeated"),
        ("^*", "may be empty cannot be repeated"),
        ("0)", "closes nothing"),
        ("(?!0", "not closed"),
    ],
)
def test_what_cannot_be_obeyed_anywhere_is_refused_as_well(text: str, words: str) -> None:
    with pytest.raises(PatternInvalid, match=words):
        parse(text, anywhere=True)
