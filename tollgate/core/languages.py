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


DATE_NAMES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "en": (
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Mon Tue Wed Thu Fri Sat Sun",
    ),
    "de": (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo. Di. Mi. Do. Fr. Sa. So.",
    ),
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom",
    ),
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun. mar. mer. jeu. ven. sam. dim.",
    ),
    "pt": (
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "seg. ter. qua. qui. sex. sáb. dom.",
    ),
    "lt": (
        "sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio",
        "saus. vas. kov. bal. geg. birž. liep. rugp. rugs. spal. lapkr. gruod.",
        "pirmadienis antradienis trečiadienis ketvirtadienis penktadienis šeštadienis sekmadienis",
        "pr an tr kt pn št sk",
    ),
}
"""Of each language the months, the months in short, the days from Monday on, and these in short; as CLDR has them where
they stand in a date."""
