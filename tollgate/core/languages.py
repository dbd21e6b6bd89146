"""The languages of the pages, by code, each with its own name. To add one: a line here, catalogs in ui/languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

SOURCE: Final = "en"
"""The language in which messages are written; its catalog says only what an account puts in place of them."""
LANGUAGES: Final[Mapping[str, str]] = {
    SOURCE: "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "pt": "Português",
}
_WEIGHT: Final = re.compile(r"q=([01])(?:\.([0-9]{0,3}))?")


def known(language: str) -> str:
    """The language of these that is meant by a code such as `pt-BR`; empty for none."""
    first = language.strip().replace("_", "-").partition("-")[0].lower()
    return first if first in LANGUAGES else ""


def first_known(languages: Iterable[str]) -> str:
    """The first one that we write; English where there is none."""
    return next(filter(None, map(known, languages)), SOURCE)


def asked_for(header: str) -> list[str]:
    """The codes of an Accept-Language header (RFC 9110 section 12.5.4), the most wanted first."""
    wanted: list[tuple[int, int, str]] = []
    for place, part in enumerate(header[:1000].split(",")):
        code, _, weight = part.strip().partition(";")
        milli = _weight_milli(weight.strip())
        if code and milli:
            wanted.append((-milli, place, code))
    return [code for _, _, code in sorted(wanted)]


def _weight_milli(weight: str) -> int:
    """Thousandths of a weight such as `q=0.8`; all of it where none is given, nothing where it cannot be read."""
    if not weight:
        return 1000
    found = _WEIGHT.fullmatch(weight)
    return int(found[1] + (found[2] or "").ljust(3, "0")) if found else 0
