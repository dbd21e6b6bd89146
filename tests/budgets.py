"""How much each page of a face asks of the database, kept in a file beside its tests, and which pages have no figure.

A test opens every address, gives what it has found to `agreed`, and says of each address that did not open by `drawn`
whether a page is missing: buttons that only do something and lead elsewhere need no figure.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from django.test import Client

DRAWING = frozenset({"render", "render_form", "respond", "form_page"})
"""What a view calls that shows something."""


def asked(client: Client, address: str) -> tuple[HttpResponseBase, str, int]:
    """What an address answers, its text, and how many queries both took."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
        text = answer.getvalue().decode(errors="replace")  # a file is asked for while it is sent
    return answer, text, len(queries)


def drawn(view: Callable[..., Any], answer: HttpResponseBase) -> bool:
    """Whether an address that answered a GET so has a page all the same: one that the test failed to open."""
    names = frozenset(inspect.unwrap(view).__code__.co_names)
    if answer.status_code == 302:  # to itself with what it needs, or away
        there = answer["Location"].partition("?")[0]
        return bool(names & DRAWING) and inspect.unwrap(resolve(there).func) is not inspect.unwrap(view)
    return answer.status_code != 405 and (bool(names & DRAWING) or "redirect" not in names)


def agreed(file: Path, found: Mapping[str, int]) -> bool:
    """Whether the pages take what they took. Without the file they are written, for review."""
    if not file.exists():
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    kept = json.loads(file.read_text(encoding="utf-8"))
    names = sorted(kept.keys() | found)
    differ = {name: (kept.get(name), found.get(name)) for name in names if kept.get(name) != found.get(name)}
    assert not differ, f"kept and found: {differ}"
    return True
