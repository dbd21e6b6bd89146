"""Stylesheets that operators write for their portal: which are taken. Nothing is rewritten: what may not stand is told.

A sheet says how things look and asks for nothing: no addresses, no other sheets, no escapes that could hide either.
So whatever it says stays within the page, and the Content-Security-Policy of the portal needs no exception for it.
To let another rule of `@` stand, add it to `_RULES`.
"""

from __future__ import annotations

import re
from typing import Final

MOST_CHARACTERS: Final = 20_000
_RULES: Final = frozenset({"media", "supports", "keyframes", "layer", "container", "property", "starting-style"})
_FETCHING: Final = frozenset(
    {"url", "src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade", "element"}
    | {"expression", "paint", "-moz-element"}
)
_TOKEN: Final = re.compile(
    r"""(?P<comment>/\*.*?\*/)
      | (?P<open_comment>/\*)
      | (?P<text>"[^"\n\r\f\\]*"|'[^'\n\r\f\\]*')
      | (?P<open_text>["'])
      | (?P<rule>@[-\w]*)
      | (?P<function>[-\w]+(?=\())
      | (?P<bracket>[{}()\[\]])
      | (?P<escape>\\)""",
    re.DOTALL | re.VERBOSE,
)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


class StylesheetRefused(ValueError):
    """A sheet that is not taken: the line (from 1), and what is wrong there."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}")
        self.line = line


def check(text: str) -> None:
    """Reads a stylesheet. Raises StylesheetRefused."""
    if len(text) > MOST_CHARACTERS:
        raise StylesheetRefused(1, f"at most {MOST_CHARACTERS:,} characters are allowed.")
    opened: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        sentence = _wrong(found)
        if sentence:
            raise StylesheetRefused(line, sentence)
        if found.lastgroup != "bracket":
            continue
        bracket = found[0]
        if bracket not in _PAIRS:
            opened.append((bracket, line))
        elif not opened or opened.pop()[0] != _PAIRS[bracket]:
            raise StylesheetRefused(line, f"this {bracket} closes nothing.")
    if opened:
        raise StylesheetRefused(opened[-1][1], f"this {opened[-1][0]} is never closed.")


def _wrong(found: re.Match[str]) -> str:
    """What is wrong with a piece by itself; empty when nothing is."""
    match found.lastgroup:
        case "open_comment":
            return "this comment is never closed."
        case "open_text":
            return "this text is not closed on its line, or has a backslash in it."
        case "escape":
            return "a backslash may not be used: write the sign itself."
        case "rule" if found[0][1:].lower() not in _RULES:
            return f"{found[0]} may not be used: only @{', @'.join(sorted(_RULES))} are."
        case "function" if found[0].lower() in _FETCHING:
            return f"{found[0]}() may not be used: a sheet asks for nothing; the logo has a field of its own."
    return ""
