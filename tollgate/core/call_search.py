"""Conditions on calls as people and programs write them: nested groups of rules, as a text that fits an address.

    ["all", ["customer", "is", "Acme"], ["any", ["sip", "is", "486"], ["refusal", "is", "credit"]]]

A group begins with `all` or `any`; a rule is a field, a way to compare and a value, all of them texts. `read_rules`
reads it, `lake_group` makes of it the question that `core.lake` asks database and lake alike. To add a field: its line
in `FIELDS`; a way to compare, its words in `WORDS` and the kinds that take it in `WAYS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tollgate.core.lake import Condition, Group
from tollgate.core.money import AmountError, parse_micros
from tollgate.core.number_formats import without_thousands
from tollgate.core.refusals import Key

RULES_MOST: Final = 30
DEPTH_MOST: Final = 4
TEXT_MOST: Final = 2_000
"""As long as an address may carry."""
VALUE_MOST: Final = 200
WHOLE_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be asked at once."""

    rules: int = RULES_MOST
    depth: int = DEPTH_MOST
    characters: int = TEXT_MOST


USUAL_LIMITS: Final = Limits()
BESIDE_LIMITS: Final = Limits(rules=RULES_MOST + 10, depth=DEPTH_MOST + 1, characters=2 * TEXT_MOST + 1_000)
"""Of conditions that a page has joined with those of its filters."""
PPM_MOST: Final = 10**9
BETWEEN_SIGN: Final = ".."
NUMBERED: Final = re.compile(r"#(\d{1,18})$", re.ASCII)
"""A route or gateway told by its number, such as "World #12": their names are not unique."""
NONE: Final = Group((Condition("id", "empty", 1),))
"""Holds for no call."""


class RulesInvalid(ValueError):
    """The conditions cannot be asked; the message is a sentence that names the field."""


class Of(StrEnum):
    """What a field is compared with."""

    TEXT = "text"
    WHOLE = "whole"
    SECONDS = "seconds"
    AMOUNT = "amount"
    PERCENT = "percent"
    CHOICE = "choice"
    NAME = "name"
    NOTE = "note"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Field:
    """A field: what it is called, what it is compared with, and the column of the lake behind it.

    `bought` ones tell of carriers: not for who may not read what calls cost us. A NAME is that of a record: `named`
    says of which kind, and the column holds its id. A NOTE is the number of a credit or debit note, and stands for the
    calls whose corrections that tells. `unit` stands behind the value.
    """

    title: str
    of: Of
    column: str
    choices: tuple[tuple[str, str], ...] = ()
    named: str = ""
    unit: str = ""
    bought: bool = False


STATES: Final = (("charged", "Charged"), ("failed", "Failed"), ("refused", "Refused"), ("unresolved", "Unresolved"))
RELEASED: Final = (
    ("caller", "The caller"),
    ("callee", "The callee"),
    ("tollgate", "Tollgate"),
    ("edge", "The edge"),
)
ENDED_BY_US: Final[Mapping[int, str]] = {
    102: "Its time or money was used up",
    27: "A side did not answer any more",
    41: "No media",
    31: "Ended by the operator",
}
"""Why Tollgate ended an answered call, by the Q.850 cause that it gave."""
RELEASE_WORDS: Final[Mapping[str, str]] = {
    "caller": "The caller hung up",
    "callee": "The callee hung up",
    "edge": "The edge",
}
"""Why an answered call ended that Tollgate did not end, by who released it."""
FIELDS: Final[Mapping[str, Field]] = {
    "customer": Field("Customer", Of.NAME, "customer_id", named="customer"),
    "reseller": Field("Reseller, with its customers", Of.NAME, "customer_id", named="reseller"),
    "tag": Field("Tag of the customer", Of.NAME, "customer_id", named="tag"),
    "note": Field("Corrected on credit or debit note", Of.NOTE, "id", named="note"),
    "route": Field("Ingress route", Of.NAME, "ingress_route_id", named="route"),
    "carrier": Field("Carrier", Of.NAME, "carrier_id", named="carrier", bought=True),
    "gateway": Field("Gateway", Of.NAME, "gateway_id", named="gateway", bought=True),
    "edge": Field("Edge", Of.TEXT, "edge"),
    "call_id": Field("Call-ID", Of.TEXT, "edge_call_id"),
    "source_ip": Field("Source address", Of.TEXT, "source_ip"),
    "cli": Field("CLI", Of.TEXT, "cli"),
    "cld": Field("CLD", Of.TEXT, "cld"),
    "number": Field("Number as rated", Of.TEXT, "number"),
    "prefix": Field("Prefix", Of.TEXT, "prefix"),
    "destination": Field("Destination", Of.TEXT, "destination"),
    "state": Field("State", Of.CHOICE, "state", choices=STATES),
    "answered": Field("Answered", Of.YES, "answered_us"),
    "refusal": Field("Refusal", Of.CHOICE, "refusal", choices=tuple((key.value, key.value) for key in Key)),
    "sip": Field("SIP code", Of.WHOLE, "sip"),
    "sip_sent": Field("SIP code sent", Of.WHOLE, "sip_sent"),
    "sip_received": Field("SIP code received", Of.WHOLE, "sip_received"),
    "q850": Field("Q.850 cause", Of.WHOLE, "q850"),
    "released_by": Field("Released by", Of.CHOICE, "released_by", choices=RELEASED),
    "duration": Field("Talked", Of.SECONDS, "duration_ms", unit="s"),
    "billed": Field("Billed", Of.WHOLE, "billed_s", unit="s"),
    "pdd": Field("Post-dial delay", Of.WHOLE, "pdd_ms", unit="ms"),
    "ring": Field("Rang", Of.WHOLE, "ring_ms", unit="ms"),
    "cost": Field("Charge", Of.AMOUNT, "cost_micros"),
    "currency": Field("Currency", Of.TEXT, "currency"),
    "card": Field("Card ID", Of.WHOLE, "customer_card_id"),
    "revision": Field("Revision ID", Of.WHOLE, "customer_revision_id"),
    "carrier_card": Field("Carrier card ID", Of.WHOLE, "carrier_card_id", bought=True),
    "carrier_revision": Field("Carrier revision ID", Of.WHOLE, "carrier_revision_id", bought=True),
    "carrier_billed": Field("Billed by the carrier", Of.WHOLE, "carrier_billed_s", unit="s", bought=True),
    "carrier_cost": Field("Carrier cost", Of.AMOUNT, "carrier_cost_micros", bought=True),
    "profit": Field("Profit", Of.AMOUNT, "profit_micros", bought=True),
    "margin": Field("Margin", Of.PERCENT, "margin_ppm", unit="%", bought=True),
}
WORDS: Final[Mapping[str, str]] = {
    "is": "is",
    "is_not": "is not",
    "has": "contains",
    "has_not": "does not contain",
    "begins": "begins with",
    "begins_not": "does not begin with",
    "one_of": "is one of",
    "less": "<",
    "most": "≤",
    "more": ">",
    "least": "≥",
    "between": "between",
    "empty": "is empty",
    "filled": "is not empty",
}
ALONE: Final = frozenset({"empty", "filled"})
"""They take no value."""
_EITHER: Final = ("is", "is_not", "one_of", "empty", "filled")
_LETTERS: Final = ("is", "is_not", "has", "has_not", "begins", "begins_not", "one_of", "empty", "filled")
_SIGNS: Final[Mapping[str, str]] = {"is": "eq", "is_not": "ne", "less": "lt", "most": "le", "more": "gt", "least": "ge"}
WAYS: Final[Mapping[Of, tuple[str, ...]]] = {
    Of.TEXT: _LETTERS,
    Of.NAME: _LETTERS,
    Of.NOTE: ("is", "one_of"),
    Of.CHOICE: _EITHER,
    Of.WHOLE: (*_SIGNS, "one_of", "between", "empty", "filled"),
    Of.SECONDS: (*_SIGNS, "between", "empty", "filled"),
    Of.AMOUNT: (*_SIGNS, "between", "empty", "filled"),
    Of.PERCENT: ("less", "most", "more", "least", "between"),
    Of.YES: ("is",),
}
YES_NO: Final = (("yes", "Yes"), ("no", "No"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One field compared with a value, as it was typed."""

    field: str
    way: str
    value: str = ""

    def words(self) -> str:
        """As people read it."""
        field = FIELDS[self.field]
        value = dict((*field.choices, *(YES_NO if field.of is Of.YES else ()))).get(self.value, self.value)
        return f"{field.title} {WORDS[self.way]} {value}{f' {field.unit}' if field.unit else ''}".strip()


@dataclass(frozen=True, slots=True)
class Rules:
    """All parts hold, or any of them."""

    parts: tuple[Rule | Rules, ...] = ()
    any: bool = False

    def words(self) -> str:
        """As people read it."""
        told = [f"({part.words()})" if isinstance(part, Rules) else part.words() for part in self.parts]
        return (" or " if self.any else " and ").join(told)


def release_reason(released_by: str | None, q850: int | None) -> str | None:
    """Why an answered call ended, in words."""
    if released_by == "tollgate":
        return ENDED_BY_US.get(q850 or 0, "Tollgate")
    return RELEASE_WORDS.get(released_by or "")


Names = Callable[[str, str, Sequence[str]], Sequence[int]]
"""The ids of the records of a kind ("customer") whose name `is`, `has` or `begins` with one of some texts."""


def read_rules(text: str, limits: Limits = USUAL_LIMITS) -> Rules:
    """The rules of a text. Raises RulesInvalid with a sentence."""
    if len(text) > limits.characters:
        raise RulesInvalid(f"At most {limits.characters:,} characters of conditions fit an address.")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise RulesInvalid('Write conditions as ["all", ["customer", "is", "Acme"]].') from None
    found = _group(told, 1, limits.depth)
    if sum(1 for _ in rules_of(found)) > limits.rules:
        raise RulesInvalid(f"At most {limits.rules} conditions are asked at once.")
    return found


def write_rules(rules: Rules) -> str:
    """The rules as a text, the same for the same rules."""
    return json.dumps(_told(rules), ensure_ascii=False, separators=(",", ":"))


def rules_of(rules: Rules) -> Iterator[Rule]:
    """Every rule, in all groups."""
    for part in rules.parts:
        if isinstance(part, Rules):
            yield from rules_of(part)
        else:
            yield part


def lake_group(rules: Rules, names: Names) -> Group:
    """The rules as `core.lake` asks them."""
    parts = tuple(lake_group(part, names) if isinstance(part, Rules) else asked(part, names) for part in rules.parts)
    return Group(parts, any=rules.any and bool(parts))


def asked(rule: Rule, names: Names) -> Condition | Group:
    """One rule as `core.lake` asks it. Raises RulesInvalid for a value that cannot be."""
    field = FIELDS[rule.field]
    column = field.column
    if rule.way in ALONE:
        return Condition(column, "empty", int(rule.way == "empty"))
    try:
        match field.of:
            case Of.YES:
                return Condition(column, "empty", int(rule.value == "no"))
            case Of.NAME | Of.NOTE:
                return _named(rule, field, names)
            case Of.TEXT | Of.CHOICE:
                return _text(rule, field)
            case _:
                return _number(rule, field)
    except (AmountError, ValueError) as problem:
        raise RulesInvalid(f"{field.title}: {problem}") from None


def _named(rule: Rule, field: Field, names: Names) -> Condition | Group:
    negative = rule.way.endswith("_not")
    way = "is" if rule.way == "one_of" else rule.way.removesuffix("_not")
    ids = tuple(names(field.named, way, _listed(rule)))
    if not ids:
        return Group(()) if negative else NONE
    return Condition(field.column, "not_in" if negative else "in", ids)


def _text(rule: Rule, field: Field) -> Condition | Group:
    if rule.way == "one_of":
        return Group(tuple(_text(Rule(rule.field, "is", value), field) for value in _listed(rule)), any=True)
    exact = field.of is Of.CHOICE or rule.field == "call_id"  # a Call-ID has its case, and an index
    way = {"is": "eq", "is_not": "ne"}.get(rule.way, rule.way) if exact else rule.way
    return Condition(field.column, way, rule.value)


def _number(rule: Rule, field: Field) -> Condition | Group:
    column = field.column
    if rule.way == "one_of":
        return Condition(column, "in", tuple(_whole(field, value) for value in _listed(rule)))
    if rule.way != "between":
        return Condition(column, _SIGNS[rule.way], _whole(field, rule.value))
    least, sign, most = rule.value.partition(BETWEEN_SIGN)
    if not sign:
        raise ValueError("write it as 10 .. 20.")
    return Group((Condition(column, "ge", _whole(field, least)), Condition(column, "le", _whole(field, most))))


def _whole(field: Field, text: str) -> int:
    """The typed number in the unit of the column."""
    told = text.strip().removesuffix("%").strip()
    plain = without_thousands(told)
    if "," in plain:
        raise ValueError("write decimals with a point, such as 0.05, and nothing between thousands.")
    micros = parse_micros(plain)
    if field.of is Of.AMOUNT:
        return _fitting(micros)
    per_unit = {Of.SECONDS: 1_000, Of.PERCENT: 10_000}.get(field.of, 1)
    whole, rest = divmod(micros * per_unit, 1_000_000)
    if rest:
        raise ValueError("so many decimals are not kept.")
    return _fitting(whole, PPM_MOST if field.of is Of.PERCENT else WHOLE_MOST)


def _fitting(number: int, most: int = WHOLE_MOST) -> int:
    if abs(number) > most:
        raise ValueError("this number is too large.")
    return number


def _listed(rule: Rule) -> list[str]:
    """The values of a list, which commas part; one value may have commas in it."""
    if rule.way != "one_of":
        return [rule.value]
    found = [part.strip() for part in rule.value.split(",") if part.strip()]
    if not found:
        raise ValueError("give one value at least.")
    return found


def _group(told: object, depth: int, most: int) -> Rules:
    if not isinstance(told, list) or not told or told[0] not in ("all", "any"):
        raise RulesInvalid('A group of conditions begins with "all" or "any".')
    if depth > most:
        raise RulesInvalid(f"Groups stand in groups at most {most} deep.")
    parts = tuple(_group(part, depth + 1, most) if _is_group(part) else _rule(part) for part in told[1:])
    return Rules(parts, any=told[0] == "any")


def _is_group(told: object) -> bool:
    return isinstance(told, list) and bool(told) and told[0] in ("all", "any")


def _rule(told: object) -> Rule:
    if not isinstance(told, list) or not 2 <= len(told) <= 3 or not all(isinstance(part, str) for part in told):
        raise RulesInvalid('A condition is a field, a comparison and a value: ["cld", "begins", "44"].')
    name, way, value = (*told, "")[:3]
    field = FIELDS.get(name)
    if field is None:
        raise RulesInvalid(f"There is no field {name}.")
    if way not in WAYS[field.of]:
        raise RulesInvalid(f"{field.title}: it cannot be asked whether it {WORDS.get(way, way)} something.")
    value = "" if way in ALONE else value.strip()
    if way not in ALONE:
        _check_value(field, value, way)
    return Rule(name, way, value)


def _check_value(field: Field, value: str, way: str) -> None:
    if not value:
        raise RulesInvalid(f"{field.title}: write what it is compared with.")
    if len(value) > VALUE_MOST or "\0" in value:
        raise RulesInvalid(f"{field.title}: at most {VALUE_MOST} characters.")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise RulesInvalid(f"{field.title}: a character of it is none.")
    known = dict((*field.choices, *(YES_NO if field.of is Of.YES else ())))
    for one in [part.strip() for part in value.split(",")] if way == "one_of" else [value]:
        if known and one not in known:
            raise RulesInvalid(f"{field.title}: {one} is not one of the choices.")


def _told(part: Rule | Rules) -> list[object]:
    if isinstance(part, Rules):
        return ["any" if part.any else "all", *(_told(one) for one in part.parts)]
    return [part.field, part.way] if part.way in ALONE else [part.field, part.way, part.value]
