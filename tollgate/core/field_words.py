"""Fields and values as people read them: `debit_limit_micros` and 25000000 are "Debit limit" and "25.00".

A name says its unit in its last word, so most fields need nothing. To give one words of its own, add it to `WORDS`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from tollgate.core.money import format_micros, format_nanos

HIDDEN: Final = "(hidden)"
EMPTY: Final = "(empty)"
COUNTERS: Final[Mapping[str, frozenset[str]]] = {
    "options_version": frozenset({"options"}),
    "prices_version": frozenset({"reseller_cards"}),
    "cards_version": frozenset({"card_ids"}),
    "groups_version": frozenset({"group_ids", "groups"}),
    "tags_version": frozenset({"tag_ids"}),
    "taxes_version": frozenset({"tax_ids"}),
    "codes_version": frozenset({"codes"}),
}
"""Columns that grow with what other tables keep of a record, so that its version does; by each the fields that are kept
there. Nobody is told of the columns themselves."""
WORDS: Final[Mapping[str, str]] = {
    "acts": "Permissions",
    "card_ids": "Cards",
    "cps_milli": "New calls per second",
    "customer_taxes": "Taxes",
    "dial_patterns": "Numbers",
    "first_reply_s": "First reply within, s",
    "group_ids": "Groups",
    "ha1": "Password",
    "hours": "Day and time",
    "is_active": "May log in",
    "is_reseller": "May own customers",
    "max_duration_s": "Longest call, s",
    "non_cli_card_id": "NON-CLI card",
    "options": "Carrier cards",
    "parent_id": "Reseller",
    "password_sealed": "Password",
    "key_sealed": "Key",
    "pdd_s": "Rings within, s",
    "prices": "Cards of resellers",
    "reseller_cards": "Cards of resellers",
    "ring_s": "Answered within, s",
    "rpc_url": "Control address",
    "tag_ids": "Tags",
    "tax_ids": "Taxes",
    "vars_toml": "Variables",
}
ABBREVIATIONS: Final = frozenset(
    {
        *("cli", "cld", "cps", "sip", "ip", "pdd", "pai", "pin", "url", "vat", "ocn", "frn", "sms"),
        *("did", "dnc", "dno", "ftc", "asr", "id"),
    }
)
KEYS: Final[Mapping[str, str]] = {"paid_required": "P-Asserted-Identity required"}
"""Stored values whose words their name does not tell."""
SILENT: Final = ("_micros", "_nanos", "_milli", "_at", "_on", "_id", "_ids", "_count")
"""Endings that the value itself tells."""
TOLD: Final = {"_s": ", s", "_ms": ", ms", "_days": ", days", "_min": ", min"}


def field_words(name: str) -> str:
    """The name of a column or an argument as a person says it."""
    if name in WORDS:
        return WORDS[name]
    unit = next((words for ending, words in TOLD.items() if name.endswith(ending)), "")
    for ending in (*TOLD, *SILENT):
        if name.endswith(ending):
            name = name.removesuffix(ending)
            break
    return f"{sentence(name)}{unit}"


def sentence(name: str) -> str:
    """A stored name or value as a sentence begins: "ip_unknown" is "IP unknown"."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.lower().split("_")]
    spoken = KEYS.get(name) or " ".join(words)
    return f"{spoken[:1].upper()}{spoken[1:]}"


def kept_beside(changed: Collection[str], fields: Collection[str]) -> list[str]:
    """Those of these fields that other tables keep and that may have changed, by the columns that did."""
    found = frozenset().union(*(COUNTERS.get(name, frozenset()) for name in changed))
    return sorted(found.intersection(fields))


def counted(count: int, many: str) -> str:
    """So many records of a kind: "1 tax", "1,200 taxes"."""
    return f"{count:,} {singular(many) if count == 1 else many}"


def singular(many: str) -> str:
    """One of a kind of records: "aliases" is "alias"."""
    return many[:-2] if many.endswith(("ses", "xes", "ches")) else many.removesuffix("s")


def value_words(name: str, value: object) -> str:
    """A value as it comes from JSON, in words and in whole units."""
    if value is None or value == "" or value == [] or value == {}:
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _number_words(name, value)
    if isinstance(value, dict):
        told = {key: value_words(key, one) for key, one in value.items()}
        return "; ".join(f"{field_words(key)}: {words}" for key, words in told.items() if words != EMPTY) or EMPTY
    if isinstance(value, list):
        return (" | " if isinstance(value[0], (dict, list)) else ", ").join(value_words("", row) for row in value)
    return _moment_words(str(value)) if name.endswith("_at") else str(value)


def _moment_words(text: str) -> str:
    """A moment as the pages tell it, in UTC to the second; what is none stays as it is written."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.astimezone(UTC) if at.tzinfo else at:%Y-%m-%d %H:%M:%S}"


def _number_words(name: str, value: int) -> str:
    if name.endswith("_micros"):
        return format_micros(value, 2)
    if name.endswith("_nanos"):
        return format_nanos(value)
    if name.endswith("_milli"):
        return format_micros(value * 1000)
    return str(value)
