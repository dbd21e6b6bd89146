"""The scripts of a page share one scope: what one names at its top level, no other may name again."""

from __future__ import annotations

import re
from collections import defaultdict

from tests.house.tree import PACKAGE

_DECLARED = re.compile(r"^(?:async )?(const|let|var|class|function\*?)\s+(.*)$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NEXT = re.compile(r",\s*([A-Za-z_$][\w$]*)\s*=(?!=)")


def _names(text: str) -> set[str]:
    """What stands at the margin; of `const A = 1, B = 2` both. A name inside brackets is no such name."""
    found = set()
    for kind, rest in _DECLARED.findall(text):
        first = _NAME.match(rest)
        assert first is not None, f"{kind} {rest}: give it a name of its own"
        found.add(first[0])
        if kind in ("const", "let", "var"):
            flat, before = rest, ""
            while flat != before:
                flat, before = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|\"[^\"]*\"|`[^`]*`", "", flat), flat
            found.update(_NEXT.findall(flat))
    return found


def test_names_at_the_top_of_a_script_are_found() -> None:
    text = "const A = [1, b = 2], C = f(d, {e: 1});\nasync function g(h) {\n  const i = 1;\n}\nclass J extends K {\n"
    assert _names(text) == {"A", "C", "g", "J"}


def test_no_two_scripts_name_the_same_at_their_top() -> None:
    scripts = [path for path in sorted(PACKAGE.glob("*/static/**/*.js")) if "vendor" not in path.parts]
    owners = defaultdict(list)
    for path in scripts:
        for name in _names(path.read_text(encoding="utf-8")):
            owners[name].append(path.name)
    assert {"theme.js", "panel.js", "grid.js"} <= {path.name for path in scripts}
    assert {name: files for name, files in owners.items() if len(files) > 1} == {}
