"""How figures are written in a country: after a decimal point or a decimal comma, as CLDR tells of its main language.

What stands between thousands is a space everywhere (ISO 80000-1, 7.3.1). To write another country's figures otherwise,
put it into `COMMA` or take it out; what was issued before keeps the sign that it was issued with.
"""

from __future__ import annotations

from typing import Final

POINT: Final = "."
_COMMA: Final = """
AD AL AM AO AR AT AZ BA BE BG BO BR BY CL CO CR CV CY CZ DE DK DZ EC EE ES FI FO FR GA GE GL GR GW HR HU ID IS IT KG KZ
LT LU LV MA MC MD ME MG MK MN MZ NL NO PL PT PY RO RS RU SE SI SK SM SN ST TG TJ TL TM TN TR UA UY UZ VA VE VN XK
"""
COMMA: Final = frozenset(_COMMA.split())
"""Countries of ISO 3166, and Kosovo, where decimals stand after a comma."""


def decimal_sign(country: str) -> str:
    """What stands before decimals in a country; a point where none is named."""
    return "," if country in COMMA else POINT
