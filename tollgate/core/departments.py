"""Departments: where a contact works at its customer. Six are built in, an operator adds its own (store/models).

A contact, and a customer whose notices go to some departments, keep a department's key. The key of an own one is made
of its name once and stays; the name may change.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from itertools import count
from typing import Final

DEPARTMENTS: Final[Mapping[str, str]] = {
    "general": "General",
    "billing": "Billing",
    "technical": "Technical",
    "sales": "Sales",
    "legal": "Legal",
    "noc": "NOC",
}
"""Those that are built in: title by key."""
KEY_MOST: Final = 40
KEY: Final = rf"[a-z][a-z0-9_]{{0,{KEY_MOST - 1}}}"
"""How a key is written."""
_OTHER_SIGNS: Final = re.compile(r"[^a-z0-9]+")
_NAMELESS: Final = "department"


def is_built_in(name: str) -> bool:
    """Whether a built-in department is called so, by title or key."""
    wanted = name.strip().casefold()
    return any(wanted in (key, title.casefold()) for key, title in DEPARTMENTS.items())


def key_for(name: str, taken: Collection[str]) -> str:
    """A free key that reads like the name: "Field engineers" is "field_engineers", a second one "field_engineers_2"."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii")
    spoken = _OTHER_SIGNS.sub("_", plain).strip("_")
    if not spoken[:1].isalpha():
        spoken = f"{_NAMELESS}_{spoken}".rstrip("_")
    keys = (_numbered(spoken, number) for number in count(1))
    return next(key for key in keys if key not in taken and key not in DEPARTMENTS)


def _numbered(spoken: str, number: int) -> str:
    end = f"_{number}" if number > 1 else ""
    return f"{spoken[: KEY_MOST - len(end)].rstrip('_')}{end}"
