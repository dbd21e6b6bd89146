"""Postal codes: how they are written in each country that has a form of its own.

`fits` accepts any text for a country without a line here, because a wrong refusal is worse than none. To add a
country, add its ISO 3166 code: `9` stands for a digit, `A` for a letter, `*` for either, a blank or
hyphen may be left out by people, and everything else stands for itself; several forms are divided by `|`.
"""

import re
from functools import cache
from typing import Final

FORMS: Final = {
    "AT": "9999",
    "AU": "9999",
    "BE": "9999",
    "BG": "9999",
    "BR": "99999-999",
    "CA": "A9A 9A9",
    "CH": "9999",
    "CY": "9999",
    "CZ": "999 99",
    "DE": "99999",
    "DK": "9999",
    "EE": "99999",
    "ES": "99999",
    "FI": "99999",
    "FR": "99999",
    "GB": "A9 9AA|A99 9AA|AA9 9AA|AA99 9AA|A9A 9AA|AA9A 9AA",
    "GR": "999 99",
    "HR": "99999",
    "HU": "9999",
    "IE": "A99 ****|D6W ****",
    "IN": "999999|999 999",
    "IT": "99999",
    "JP": "999-9999",
    "LT": "99999|LT-99999",
    "LU": "9999|L-9999",
    "LV": "LV-9999|9999",
    "MT": "AAA 9999",
    "MX": "99999",
    "NL": "9999 AA",
    "NO": "9999",
    "NZ": "9999",
    "PL": "99-999",
    "PT": "9999-999",
    "RO": "999999",
    "SE": "999 99",
    "SG": "999999",
    "SI": "9999",
    "SK": "999 99",
    "TR": "99999",
    "UA": "99999",
    "US": "99999|99999-9999",
    "ZA": "9999",
}
_PARTS: Final = {"9": "[0-9]", "A": "[A-Z]", "*": "[0-9A-Z]", " ": " ?", "-": "[- ]?"}


def fits(country: str, postcode: str) -> bool:
    """Whether the code is written as its country does; capitals or not."""
    return country not in FORMS or _pattern(country).fullmatch(postcode.strip().upper()) is not None


def example(country: str) -> str:
    """What a code of the country looks like, for an error's sentence: `9` is a digit, `A` a letter."""
    return " or ".join(FORMS[country].split("|")[:2])


@cache
def _pattern(country: str) -> re.Pattern[str]:
    forms = FORMS[country].split("|")
    return re.compile("|".join("".join(_PARTS.get(sign, re.escape(sign)) for sign in form) for form in forms))
