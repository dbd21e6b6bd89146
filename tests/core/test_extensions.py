"""Claims about extensions: how they are written, and that each number has the owner it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.extensions import Book, ExtensionsInvalid, Span, beside, joined, number_of, parse, write

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)).map(lambda row: Span(row[0], row[0] + row[1])))


def numbers(spans: object) -> set[int]:
    assert isinstance(spans, (list, tuple))
    return {number for span in spans for number in range(span.first, span.last + 1)}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2000-2049, 2060", "2000-2049, 2060"),
        (" 7 ;5 - 6\n0", "0, 5-7"),
        ("2000\u20132004,2002-2009", "2000-2009"),
        ("", ""),
        (",", ""),
    ],
)
def test_numbers_and_ranges_are_stored_in_one_way(text: str, stored: str) -> None:
    assert write(parse(text)) == stored
    assert write(parse(stored)) == stored


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("desk", "desk is no number"),
        ("007", "007 is no number"),
        ("1-2-3", "no number or range"),
        ("9" * 13, "no number or range"),
        ("\u0661", "no number or range"),
        ("20-10", "ends before it starts"),
        ("0-10000", "at most 10000 extensions; these are 10001"),
        (",".join(str(2 * number) for number in range(51)), "at most 50 numbers or ranges; these are 51"),
    ],
)
def test_what_names_no_extensions_is_told(text: str, words: str) -> None:
    with pytest.raises(ExtensionsInvalid, match=words):
        parse(text)


def test_what_an_endpoint_names_is_read_once() -> None:
    assert parse("7000-7999, 8100") is parse("7000-7999, 8100")


@given(SPANS, SPANS)
def test_spans_are_the_numbers_in_them(wanted: list[Span], known: list[Span]) -> None:
    assert numbers(joined(wanted)) == numbers(wanted)
    assert all(one.last + 1 < two.first for one, two in zip(joined(wanted), joined(wanted)[1:], strict=False))
    assert numbers(beside(wanted, known)) == numbers(wanted) - numbers(known)


@given(SPANS, st.integers(0, 80))
def test_who_has_a_number_is_found_and_nobody_else(spans: list[Span], dialed: int) -> None:
    book = Book([(span, str(span)) for span in reversed(joined(spans))])
    holder = next((str(span) for span in joined(spans) if span.first <= dialed <= span.last), None)
    assert book.find(str(dialed)) == holder
    assert {book.find(text) for text in ("", f"0{dialed}", f"+{dialed}", f"{dialed}#", "desk", "1" * 13)} == {None}


def test_a_name_is_an_extension_where_it_is_a_number_without_a_zero_before_it() -> None:
    assert [number_of(text) for text in ("0", "1001", "9" * 12)] == [0, 1001, 10**12 - 1]
    assert {number_of(text) for text in ("", "01", "9" * 13, "desk", "1 ", "\u0661")} == {None}


def test_a_book_without_spans_is_empty() -> None:
    assert not Book()
    assert Book([(Span(1, 2), "Acme")])
