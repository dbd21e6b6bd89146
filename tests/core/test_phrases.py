"""Claims about messages with values in them: filled and recognized again, and what a translation has to keep."""

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.phrases import (
    Phrasebook,
    fill,
    labels,
    match,
    misplaced,
    missing,
    parse,
    quoted,
    spaced,
    split,
    unknown,
)

TEXTS = st.text(alphabet="abc {}.:“é", max_size=8)
VALUES = st.text(alphabet="0123456789-", max_size=6)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A message with up to four holes, texts between them, and the names of the holes."""
    names = [f"v{number}" for number in range(draw(st.integers(0, 4)))]
    written = quoted(draw(TEXTS))
    for place, name in enumerate(names):
        between = draw(TEXTS.filter(bool)) if place < len(names) - 1 else draw(TEXTS)
        written += "{" + name + "}" + quoted(between)
    return written, names


@given(messages(), st.lists(VALUES, min_size=4, max_size=4))
def test_a_filled_message_gives_its_values_back(made: tuple[str, list[str]], given_values: list[str]) -> None:
    message, names = made
    values = dict(zip(names, given_values, strict=False))
    assert match(parse(message), fill(message, values)) == values


@given(messages(), st.text(max_size=40))
def test_what_is_matched_is_the_whole_sentence(made: tuple[str, list[str]], sentence: str) -> None:
    found = match(parse(made[0]), sentence)
    assert found is None or fill(made[0], found) == sentence


@given(st.text(max_size=30))
def test_quoted_text_says_itself(text: str) -> None:
    assert fill(quoted(text), {}) == text
    assert labels(quoted(text)) == [label for label in labels(text) if label.startswith("<")]


@given(st.lists(messages(), max_size=8), st.data())
def test_a_phrasebook_gives_the_very_values_back_or_none(
    made: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    book = Phrasebook(message for message, _ in made)
    for message, names in made:
        values = {name: data.draw(st.text(alphabet="abc0 .:", max_size=8)) for name in names}
        found = book.find(fill(message, values))
        if names and found is not None:
            assert parse(found[0]).texts == parse(message).texts
            assert list(found[1].values()) == list(values.values())


def test_what_two_messages_could_say_or_one_in_two_ways_is_not_recognized() -> None:
    book = Phrasebook(["There is no {what}.", "There is no {word} {number}.", "{a} of {b} is left."])
    assert book.find("There is no 7.") == ("There is no {what}.", {"what": "7"})
    assert book.find("There is no customer 7.") is None
    assert book.find("3 of 9 is left.") == ("{a} of {b} is left.", {"a": "3", "b": "9"})
    assert book.find("Jones of London of 9 is left.") is None
    assert book.find("Acme") is None


def test_a_message_tells_enough_by_eight_letters_or_as_a_sentence() -> None:
    assert not any(parse(text).is_telling for text in ("{a} of {b}", "by {a}", "Edit {a}"))
    assert all(parse(text).is_telling for text in ("{a} is set.", "Revision {a}"))


def test_a_long_sentence_takes_no_longer_than_its_length() -> None:
    book = Phrasebook(["{a} a {b} a {c} a {d} b {e} c"])
    assert book.find("a " * 200_000) is None  # a search that went back would not end


def test_a_translation_keeps_holes_and_tags_but_not_an_english_ending() -> None:
    message = "{count} call{plural} of <a>{name}</a>"
    assert missing(message, "Llamadas de <a>{name}</a>: {count}") == []
    assert missing(message, "Llamadas de {name}") == ["{count}", "<a>", "</a>"]
    assert unknown(message, "{count} {precio}") == ["{precio}"]
    assert split("<a>{name}</a> & {{co}}") == [
        ("<a>", True), ("{name}", True), ("</a>", True), (" & ", False), ("{", False), ("co", False), ("}", False),
    ]  # fmt: skip


def test_a_translation_writes_each_tag_once_and_closes_first_what_it_opened_last() -> None:
    message = "<a>See <strong>{name}</strong></a>"
    assert misplaced(message, "<strong>{name}</strong>: <a>aquí</a> <b>") == []
    assert misplaced(message, "<a>{name}<strong></a></strong>") == ["</a>"]
    assert misplaced(message, "</a>{name}<a><strong></strong>") == ["</a>"]
    assert misplaced(message, "<a>{name}</a><a></a><strong></strong>") == ["<a>", "</a>"]


def test_a_translation_keeps_the_blanks_around_its_message() -> None:
    assert spaced(" of {name} ", "de {name}") == " de {name} "
    assert spaced("of", " de ") == "de"
