"""Claims about numbers and the longest prefix."""

import mmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.core.digits import NumberInvalid, PrefixIndex, normalize

DIGITS = st.text("0123456789", max_size=18)
NUMBERS = st.text("0123456789", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("+44 20 7183-8750", "442071838750"),
        ("(415) 555.0100", "4155550100"),
        ("7", "7"),
        ("011/44", "01144"),
        ("123456789012345678", "123456789012345678"),
    ],
)
def test_separators_and_a_leading_plus_are_dropped(typed: str, digits: str) -> None:
    assert normalize(typed) == digits


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "has no digits"),
        ("+ -", "has no digits"),
        ("1234567890123456789", "more than 18 digits"),
        ("12a4", "characters that are not digits"),
        ("++44", "characters that are not digits"),
        ("4+4", "characters that are not digits"),
        ("٣٤", "characters that are not digits"),
    ],
)
def test_what_cannot_be_dialed_is_refused_with_a_reason(typed: str, sentence: str) -> None:
    with pytest.raises(NumberInvalid, match=sentence):
        normalize(typed)


@settings(max_examples=300)
@given(prefixes=st.dictionaries(DIGITS, st.integers(0, 5), max_size=30), number=NUMBERS, data=st.data())
def test_the_longest_prefix_wins_as_in_a_naive_search(
    prefixes: dict[str, int], number: str, data: st.DataObject
) -> None:
    index = PrefixIndex.build(prefixes.items())
    restored = PrefixIndex.from_buffer(index.to_bytes())
    near = [prefix + number for prefix in prefixes] + [prefix[:-1] or "0" for prefix in prefixes]
    for dialed in (number, *near[:20], data.draw(st.sampled_from([*near, number]))):
        lengths = range(min(len(dialed), 18), -1, -1)
        expected = next((prefixes[dialed[:length]] for length in lengths if dialed[:length] in prefixes), None)
        assert index.find(dialed) == expected
        assert restored.find(dialed) == expected


def test_a_number_shorter_than_a_prefix_does_not_match_it() -> None:
    index = PrefixIndex.build([("120", 1), ("1200", 2)])
    assert index.find("12") is None
    assert index.find("120") == 1
    assert index.find("1200") == 2


def test_the_empty_prefix_catches_every_number() -> None:
    index = PrefixIndex.build([("", 9), ("44", 1)])
    assert (index.find("4420"), index.find("1"), index.find("999999999999999999")) == (1, 9, 9)
    assert PrefixIndex.build([]).find("1") is None


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([("44", 1), ("1", 2), ("44", 1)], "the prefix '44' is there twice"),
        ([("", 1), ("", 2)], "the prefix '' is there twice"),
        ([("4x", 1)], "the prefix '4x' is not 0 to 18 digits"),
        ([("1" * 19, 1)], "is not 0 to 18 digits"),
        ([("44", -1)], "the value of the prefix '44' is negative"),
    ],
)
def test_a_bad_prefix_is_named(pairs: list[tuple[str, int]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PrefixIndex.build(pairs)


@pytest.mark.parametrize("number", ["44a", "4 4", "+44", "4_4", "-4", "a", "٣"])
def test_what_is_not_digits_is_never_looked_up(number: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|ordinal not in range"):
        PrefixIndex.build([("", 1)]).find(number)


def test_an_index_works_from_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "card.prefixes"
    path.write_bytes(PrefixIndex.build([("44", 1), ("4420", 2), ("4421", 3)]).to_bytes())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        index = PrefixIndex.from_buffer(memoryview(mapped))
        assert [index.find(number) for number in ("44207", "44217", "44227", "33")] == [2, 3, 1, None]
        assert index.to_bytes() == path.read_bytes()
        del index  # a mapping cannot be closed while an index looks at it


@pytest.mark.parametrize("data", [b"", b"TGPREFX0" + bytes(16), b"TGPREFX1" + bytes(8)])
def test_other_bytes_are_not_taken_for_an_index(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a prefix index"):
        PrefixIndex.from_buffer(data)
