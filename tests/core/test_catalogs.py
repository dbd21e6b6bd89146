"""Claims about catalogs: what is written is read again, and what no catalog has is told with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.catalogs import CatalogUnreadable, Entry, read_catalog, write_catalog
from tollgate.core.languages import asked_for, first_known, known

TEXTS = st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=30)
ENTRIES = st.builds(Entry, TEXTS.filter(bool), TEXTS, st.lists(st.sampled_from(["a.py", "b.html"])).map(tuple))


@given(st.lists(ENTRIES, max_size=5))
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    assert read_catalog(write_catalog("es", entries)) == entries


def test_strings_over_lines_are_one_and_a_fuzzy_translation_is_none() -> None:
    text = (
        'msgid ""\n"Two "\n"lines"\nmsgstr "Dos\\n"\n"líneas"\n\n#, fuzzy\nmsgid "A"\nmsgstr "B"\n\n#~ msgid "gone"\n'
    )
    assert read_catalog(text) == [Entry("Two lines", "Dos\nlíneas"), Entry("A", "")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('msgid "A"\nmsgid "B"', 2), ('msgstr "A"', 1), ('msgid A\nmsgstr "B"', 1), ('msgctxt "c"', 1),
        ('msgid "A"', 2), ('msgid "A\\x"\nmsgstr "B"', 1), ('"A"', 1),
    ],
)  # fmt: skip
def test_what_is_no_catalog_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(CatalogUnreadable, match=f"Line {line}:"):
        read_catalog(text)


def test_the_browser_is_asked_for_its_languages_by_weight() -> None:
    assert asked_for("da, en-GB;q=0.8, pt-BR;q=0.9, xx;q=0, de;q=much") == ["da", "pt-BR", "en-GB"]
    assert first_known(["", *asked_for("da, en-GB;q=0.8, pt-BR;q=0.9")]) == "pt"
    assert first_known(asked_for("tlh")) == "en"
    assert known("de_AT") == "de"
    assert known("lt") == ""
