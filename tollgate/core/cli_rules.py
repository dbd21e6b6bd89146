"""CLI rules: which callers' numbers may be shown, and what they are turned into (behaviour.md 12.1 and 12.2).

A rule fits a call by its CLI, by its P-Asserted-Identity, by what was dialed: by all that it names. A number or an
expression fits anywhere within, unless `^` or `$` stand at its ends; a `+` before a number is there only for one that
has a `+`, and more than `MOST_DIGITS` signs fit nothing. What a rule that fits writes takes the place of
the whole number: `$1` or `\\1` is a group of the CLI, `$0` all that fitted of it, `$<name>` a named group of either. A
`forced` rule is also the number shown where no rule fits. To warn of another trap, write a function and name it in
`TRAPS`; what is decided by the rules is in `cli`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from tollgate.core.patterns import DIGITS, Pattern, PatternInvalid, Repeat, Signs, inside, match, parse

MOST_RULES: Final = 200
"""Of one customer or tag, or of all customers together."""
MOST_INSTRUCTIONS: Final = 2000
"""Of all of those: what one call can cost at most."""
MOST_DIGITS: Final = 40
"""A number of more signs fits no filter: how long one call can take does not hang on what a caller sends."""
FIELDS: Final = ("cli", "pai", "dialed", "rewrite_cli", "rewrite_pai")
SELECTIONS: Final = ("first", "random", "weighted", "round_robin")
_PLAIN = re.compile(r"(?P<start>\^?)(?P<plain>[0-9#]+)(?P<end>\$?)", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9#*]{1,40}", re.ASCII)
_PIECE = re.compile(
    r"[$\\](?P<group>[0-9])|\$(?:<(?P<name>[A-Za-z][A-Za-z0-9_]*)>|\{(?P<braced>[A-Za-z][A-Za-z0-9_]*)\})"
    r"|(?P<text>[0-9#*+]+)",
    re.ASCII,
)
_MOST_NEW = 100
_MOST_SHOWN = 60


class CliRuleInvalid(ValueError):
    """A rule that cannot be obeyed: in which field, and what is wrong with it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


class Fitting(NamedTuple):
    """What fitted: all of it, and the groups."""

    groups: tuple[str, ...]
    names: Mapping[str, str]


class Written(NamedTuple):
    """Both numbers as a rule leaves them; `asserts`: it named the assertion that came, or wrote this one."""

    cli: str
    pai: str
    asserts: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A number or an expression. Digits alone, with or without `^` and `$`, are compared without an engine."""

    text: str
    pattern: Pattern

    def fits(self, number: str) -> Fitting | None:
        """What fits of a number: without its plus, unless the filter has one, because ours are written so."""
        number = self.pattern.sees(number)
        if len(number) > MOST_DIGITS:
            return None
        plain = _plain(self.text)
        if plain is not None:
            return Fitting((plain.digits,), {}) if plain.within(number) else None
        spans = match(self.pattern, number).spans
        if spans is None:
            return None
        groups = tuple(
            number[first:last] if first >= 0 and last >= 0 else ""
            for first, last in zip(spans[::2], spans[1::2], strict=True)
        )
        return Fitting(groups, {name: groups[group] for name, group in self.pattern.names})


class _Plain(NamedTuple):
    """Digits which a number has at its start, its end, both or anywhere."""

    digits: str
    start: bool
    end: bool

    def within(self, number: str) -> bool:
        if self.start:
            return number == self.digits if self.end else number.startswith(self.digits)
        return number.endswith(self.digits) if self.end else self.digits in number


@lru_cache(maxsize=10_000)
def _plain(text: str) -> _Plain | None:
    """What a text says that has only digits between its anchors; None for an expression."""
    found = _PLAIN.fullmatch(text)
    return None if found is None else _Plain(found["plain"], bool(found["start"]), bool(found["end"]))


Pieces = tuple[str | int, ...]
"""Texts as they are, groups by number; a named group is a text that starts with `<`."""


@dataclass(frozen=True, slots=True)
class CliRule:
    """One rule as calls obey it. `owner` is whose it is: customer, tag or account."""

    id: int
    owner: str
    name: str
    cli: Filter | None
    pai: Filter | None
    dialed: Filter | None
    rewrite_cli: Pieces
    rewrite_pai: Pieces
    forced: str = ""  # the number shown where no rule fits
    weight: int = 100
    attestation: str = ""  # what our signature says of the caller; empty: the rule has none made
    certificate_id: int | None = None  # what it is made with; None: the account's default
    signature_required: bool = False  # a call that would leave without a signature is refused
    signature_replaced: bool = False  # ours takes the place of the one that came with the call

    @property
    def size(self) -> int:
        """Instructions of its expressions."""
        filters = (self.cli, self.pai, self.dialed)
        return sum(one.pattern.size for one in filters if one is not None and _plain(one.text) is None)

    def allows(self, pai: str, dialed: str) -> bool:
        """Whether all that it names but the CLI fits."""
        if self.dialed is not None and self.dialed.fits(dialed) is None:
            return False
        return self.pai is None or (pai != "" and self.pai.fits(pai) is not None)

    def fitting(self, cli: str) -> Fitting | None:
        """What fits of the CLI; a forced number fits itself alone."""
        if self.forced:
            return Fitting((self.forced,), {}) if cli.removeprefix("+") == self.forced.removeprefix("+") else None
        return Fitting((cli,), {}) if self.cli is None else self.cli.fits(cli)

    def written(self, fitting: Fitting, cli: str, pai: str) -> Written:
        """The CLI and the assertion after its rewrites."""
        names = dict(fitting.names)
        if self.pai is not None:
            asserted = self.pai.fits(pai)
            names |= asserted.names if asserted is not None else {}
        known = Fitting(fitting.groups, names)
        new_pai = _put(self.rewrite_pai, known)
        return Written(_put(self.rewrite_cli, known) or cli, new_pai or pai, self.pai is not None or new_pai != "")


CliRules = tuple[CliRule, ...]


def rule(row: Mapping[str, object]) -> CliRule:
    """The rule of a row: its fields as they are stored. Raises CliRuleInvalid."""
    texts = {name: _text(row, name) for name in FIELDS}
    forced = bool(row.get("forced"))
    if forced:
        _check_forced(texts)
    elif not any(texts[name] for name in ("cli", "pai", "dialed")):
        raise CliRuleInvalid("cli", "name a CLI, a P-Asserted-ID or a dialed number; .* fits every CLI.")
    attestation, certificate_id = str(row.get("attestation") or ""), _whole(row, "certificate_id") or None
    if certificate_id is not None and not attestation:
        raise CliRuleInvalid("attestation", "choose what the certificate says of the caller.")
    filters = {name: _filter(name, texts[name]) for name in ("cli", "pai", "dialed")}
    return CliRule(
        id=_whole(row, "id"),
        owner=str(row.get("owner", "customer")),
        name=str(row.get("name", "")),
        cli=None if forced else filters["cli"],
        pai=filters["pai"],
        dialed=filters["dialed"],
        rewrite_cli=_pieces("rewrite_cli", texts["rewrite_cli"], filters),
        rewrite_pai=_pieces("rewrite_pai", texts["rewrite_pai"], filters),
        forced=texts["cli"] if forced else "",
        weight=_whole(row, "weight"),
        attestation=attestation,
        certificate_id=certificate_id,
        signature_required=bool(row.get("signature_required")),
        signature_replaced=bool(row.get("signature_replaced")),
    )


def hints(row: Mapping[str, object]) -> list[str]:
    """What a rule that can be obeyed does that its author may not want, one sentence each."""
    return [sentence for trap in TRAPS if (sentence := trap(row))]


def anywhere(row: Mapping[str, object]) -> str:
    """Digits alone fit within longer numbers too."""
    text = _text(row, "cli")
    plain = None if row.get("forced") else _plain(text)
    if plain is None or plain.start or plain.end:
        return ""
    return f"{text} fits every number that has these digits anywhere. Write ^{text}$ for this number alone."


def without_zero(row: Mapping[str, object]) -> str:
    """`[1-9]+` does not fit a number with a zero anywhere."""
    found = None if row.get("forced") else _filter("cli", _text(row, "cli"))
    for part in inside(found.pattern.parts) if found is not None else ():
        signs = part.what if isinstance(part, Repeat) and part.most != 1 else None
        if isinstance(signs, Signs) and not signs.negated and signs.these == DIGITS - {"0"}:
            return "[1-9] leaves the digit 0 out: numbers with a 0 there do not fit. Write [0-9] if they should."
    return ""


TRAPS: Final[tuple[Callable[[Mapping[str, object]], str], ...]] = (anywhere, without_zero)


def _check_forced(texts: Mapping[str, str]) -> None:
    if not _NUMBER.fullmatch(texts["cli"]):
        raise CliRuleInvalid("cli", "a forced rule names one number, such as 37052000000.")
    if texts["rewrite_cli"]:
        raise CliRuleInvalid("rewrite_cli", "a forced number is shown as it is.")


def _filter(field: str, text: str) -> Filter | None:
    if not text:
        return None
    try:
        return Filter(text, parse(text.replace("+", r"\+", 1) if _NUMBER.fullmatch(text) else text, anywhere=True))
    except PatternInvalid as problem:
        raise CliRuleInvalid(field, f"{problem}") from None


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str):
        raise CliRuleInvalid(name, "give text.")
    return value.strip()


def _whole(row: Mapping[str, object], name: str) -> int:
    value = row.get(name) or 0
    assert isinstance(value, int)
    return value


def _pieces(field: str, new: str, filters: Mapping[str, Filter | None]) -> Pieces:
    if len(new) > _MOST_NEW:
        raise CliRuleInvalid(field, f"use at most {_MOST_NEW} signs.")
    pieces: list[str | int] = []
    place = 0
    while place < len(new):
        found = _PIECE.match(new, place)
        if found is None:
            raise CliRuleInvalid(field, "use the signs 0-9 # * +, $1 to $9 for groups, $0 for all, $<name> for a name.")
        place = found.end()
        pieces.append(_piece(field, found, filters))
    return tuple(pieces)


def _piece(field: str, found: re.Match[str], filters: Mapping[str, Filter | None]) -> str | int:
    if found["text"] is not None:
        return found["text"]
    if found["group"] is not None:
        group, there = int(found["group"]), filters["cli"]
        count = 0 if there is None else there.pattern.groups_count
        if group > count:
            raise CliRuleInvalid(field, f"${group} is not possible: the CLI has {count} groups.")
        return group
    name = found["name"] or found["braced"]
    known = {one for found_in in (filters["cli"], filters["pai"]) if found_in for one, _ in found_in.pattern.names}
    if name not in known:
        raise CliRuleInvalid(field, f"no group is named {name}: write (?<{name}> ) in the CLI or the P-Asserted-ID.")
    return f"<{name}"


def _put(pieces: Pieces, fitting: Fitting) -> str:
    written = [_one(piece, fitting) for piece in pieces]
    return "".join(written)[:_MOST_SHOWN]


def _one(piece: str | int, fitting: Fitting) -> str:
    if isinstance(piece, int):
        return fitting.groups[piece]
    return fitting.names.get(piece[1:], "") if piece.startswith("<") else piece


def size(rules: Sequence[CliRule]) -> int:
    """Instructions of all rules together."""
    return sum(one.size for one in rules)
