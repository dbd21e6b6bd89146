"""What countries are called in the languages that documents are written in. To add a language: its line in `CATALOGS`.

The names are those of the list that people choose countries from, and its translations. A name is found out when a
document is issued and kept with it, so that a later list changes nothing of what was sent.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Final

import django_countries
from django_countries import countries

from tollgate.core.invoice_document import Party

LOCALE: Final = Path(django_countries.__file__).parent / "locale"
CATALOGS: Final = {"de": "de", "es": "es", "fr": "fr", "lt": "lt", "pt": "pt_PT"}


def country_name(code: str, language: str) -> str:
    """The country's name in a language such as "de" or "de-AT"; in English where documents are not written in it."""
    name = str(countries.name(code)) if code else ""
    return _catalog(language.partition("-")[0]).gettext(name) if name else ""


def with_country(party: Party, language: str) -> Party:
    """The party with its country's name as a document in that language prints it."""
    return replace(party, country_name=country_name(party.country, language))


@cache
def _catalog(language: str) -> NullTranslations:
    known = CATALOGS.get(language)
    return translation("django", LOCALE, [known]) if known else NullTranslations()
