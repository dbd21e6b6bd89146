"""Claims about the stylesheets of operators: they color and move, and ask for nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tollgate.core.stylesheets import MOST_CHARACTERS, StylesheetRefused, check

GOOD = """/* Rounder, "and so on */
@media (width < 40rem) { .card { border-radius: calc(1px + .5rem); } }
.card::after { content: "} @import"; color: var(--tblr-primary); grid-template-columns: [a] 1fr; }
"""


def test_a_sheet_that_asks_for_nothing_is_taken() -> None:
    check(GOOD)
    check("")


@pytest.mark.parametrize(
    ("sheet", "line", "words"),
    [
        ('a {}\n@import "//evil.example/a.css";', 2, "@import"),
        ("@font-face { src: local(x); }", 1, "@font-face"),
        ("@charset 'utf-7';", 1, "@charset"),
        ("a {\n background: url(//evil.example/?)\n}", 2, "url()"),
        ("a { background: URL('data:image/png;base64,AA') }", 1, "URL()"),
        ("a { background: image-set('//evil.example' 1x) }", 1, "image-set()"),
        ("a { background: -WebKit-Image-Set('//evil.example' 1x) }", 1, "Image-Set()"),
        (r"a { background: u\72l(//evil.example) }", 1, "backslash may not be used"),
        ("a { width: expression(alert(1)) }", 1, "expression()"),
        ("a { color: red", 1, "never closed"),
        ("a { color: red } }", 1, "closes nothing"),
        ("a { color: (red } )", 1, "closes nothing"),
        ("\n\na { content: 'x\n' }", 3, "not closed on its line"),
        ("/* a", 1, "comment"),
        (r"a { content: '\'' url(//evil.example) ' ' }", 1, "backslash in it"),
        ("a { content: '\r' }", 1, "not closed on its line"),
        ("a{}" * MOST_CHARACTERS, 1, "at most"),
    ],
)
def test_whatever_could_ask_for_something_is_refused_with_its_line(sheet: str, line: int, words: str) -> None:
    with pytest.raises(StylesheetRefused, match=f"^Line {line}: ") as refusal:
        check(sheet)
    assert words in str(refusal.value)


PIECES = some.sampled_from(
    ["url(", "/*", "*/", '"', "'", "@import ", "a", "{", "}", "(", ")", "\\", "\n", ";", "image-set(", "//evil.example"]
)

FETCHES = re.compile(r"(?<![-\w])(url|image-set)\(|@import|\\")
"""`aurl(` is a function of nobody's, and asks for nothing."""


@given(some.lists(PIECES, max_size=12).map("".join))
def test_a_sheet_that_is_taken_names_no_address_outside_of_texts_and_comments(sheet: str) -> None:
    try:
        check(sheet)
    except StylesheetRefused:
        return
    bare, inside = "", ""
    place = 0
    while place < len(sheet):
        if not inside and sheet.startswith("/*", place):
            place = sheet.index("*/", place + 2) + 2
            continue
        sign = sheet[place]
        if inside:
            inside = "" if sign == inside else inside
        elif sign in "\"'":
            inside = sign
        else:
            bare += sign
        place += 1
    assert not FETCHES.search(bare)
