"""Taxes of a document: which fall due, on what, how much. Exact, and each rounded once to the currency's smallest unit.

`due` chooses what a customer pays (its taxes, reverse charge, none) or says what is in doubt; `chosen` is what one line
bears in place of that. `on_nets` adds taxes to prices, `within_grosses` finds them inside; both take a document in
parts, each with taxes of its own. The categories are those of EN 16931 (UNTDID 5305); sections named below are those of
Directive 2006/112/EC. To add a rule of a country, add a tax with its country and dates, not a line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final

from tollgate.core.money import Method, divide, minor_digits

PPM: Final = 10**6
EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
VAT_PREFIXES: Final[Mapping[str, str]] = {"GR": "EL"}
"""Where a VAT number does not begin with the country's own code."""
VAT_LABEL: Final = "VAT"
LABELS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("US", "PR"), "Sales tax"),
    **dict.fromkeys(("AU", "CA", "IN", "NZ", "PG", "SG"), "GST"),
    "JP": "Consumption tax",
    "MY": "SST",
    "PK": "Sales tax",
}
"""What a tax on sales is called where it is not VAT, as in the United Kingdom and the EU."""
REVERSE_CHARGE_WORDS: Final = "Reverse charge: VAT is due by the customer (Articles 44 and 196, Directive 2006/112/EC)"
"""Between two countries of the EU; those articles are about no other supply."""
HOME_REVERSE_CHARGE_WORDS: Final = "Reverse charge: VAT is due by the customer"
"""What article 226 (11a) asks for; the law of a country that makes its customers owe VAT is the reason of a tax."""
OUTSIDE_WORDS: Final = "Service supplied outside the scope of EU VAT (Article 44, Directive 2006/112/EC)"
EXEMPT_WORDS: Final = "Exempt from VAT"
ALIKE: Final = frozenset({"E", "AE", "K", "G", "O", "Z"})
"""Categories whose rate is zero by their nature."""
NO_NUMBER: Final = "It has no valid VAT number for reverse charge."
NO_TAX_HOLDS: Final = (
    "None of its taxes is VAT that holds on that day: give it a tax, or choose at the customer why it bears none."
)
NO_VAT: Final[Mapping[str, str]] = {
    "E": EXEMPT_WORDS,
    "AE": "Reverse charge",
    "K": "Supply within the EU",
    "G": "Export outside the EU",
    "O": "Outside the scope of VAT",
    "Z": "Zero rated",
}
"""What a line without VAT says in its place, by category."""
NEEDS_BUYER_NUMBER: Final = frozenset({"AE", "K"})
CHARGED_WITHOUT: Final = tuple(category for category in NO_VAT if category not in NEEDS_BUYER_NUMBER)
"""What a charge may say in place of VAT; whether a customer owes VAT itself is decided by its documents."""
LATE_FEE_CATEGORY: Final = "E"
LATE_FEE_WORDS: Final = "Compensation for late payment, not subject to VAT"
"""What late fees say. E, as O may stand beside no other category (BR-O-11 of EN 16931)."""
UNREASONED: Final = frozenset({"Z"})
"""Zero rated goods have no reason (BR-Z-10 of EN 16931); all others have (BR-E-10 and its like)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """One tax as it is kept: parts per million of its base, and a fixed part per document.

    A compound tax is taken of the net and of the taxes before it; the others of the net alone. One that is no VAT, such
    as a levy, stays where VAT falls away. `fixed_micros` is in the currency of the document.
    """

    id: int | None
    name: str
    label: str = VAT_LABEL
    category: str = "S"
    rate_ppm: int = 0
    fixed_micros: int = 0
    compound: bool = False
    is_vat: bool = True
    priority: int = 10
    country: str = ""
    exemption_reason: str = ""
    valid_from_on: date | None = None
    valid_until_on: date | None = None
    enabled: bool = True

    def holds_on(self, on: date, country: str) -> bool:
        """Whether it is in force on a day for a customer of a country. `valid_until_on` is its last day."""
        begun = self.valid_from_on is None or self.valid_from_on <= on
        over = self.valid_until_on is not None and on > self.valid_until_on
        return self.enabled and begun and not over and self.country in ("", country)


@dataclass(frozen=True, slots=True)
class TaxDue:
    """One tax of a document with its base and its amount."""

    rule: TaxRule
    base_micros: int
    amount_micros: int


Part = tuple[int, Sequence[TaxRule]]
"""A sum of lines and the taxes that all of them bear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxParty:
    """What decides over taxes: the seller's and the customer's countries and VAT numbers.

    `number_valid` is what the form of the customer's number says and, once asked, the register: False is no number.
    """

    seller_country: str
    seller_vat: str
    country: str
    number_valid: bool
    treatment: str = "auto"


@dataclass(frozen=True, slots=True)
class TaxDoubt:
    """Why nobody should be billed before a person has looked."""

    sentence: str


def label_of(country: str) -> str:
    """How a tax is printed that nobody named otherwise, by the country in which it is paid."""
    return LABELS.get(country, VAT_LABEL)


def due(party: TaxParty, rules: Sequence[TaxRule], on: date) -> tuple[TaxRule, ...] | TaxDoubt:
    """The taxes of a document whose tax point is on a day, in the order they are taken."""
    held = sorted((rule for rule in rules if rule.holds_on(on, party.country)), key=lambda rule: rule.priority)
    if party.treatment == "no_vat":
        return tuple(rule for rule in held if not rule.is_vat)
    vat = _in_place_of_vat(party, held)
    if isinstance(vat, TaxDoubt):
        return vat
    if vat is not None:
        return (vat, *(rule for rule in held if not rule.is_vat))
    if party.treatment == "taxed" and not held:
        return TaxDoubt("It is to be taxed, and none of its taxes holds on that day.")
    if _should_bear_vat(party) and not any(rule.is_vat for rule in held):
        abroad = party.country in EU - {party.seller_country} and not party.number_valid
        return TaxDoubt(f"{NO_NUMBER} {NO_TAX_HOLDS}" if abroad else NO_TAX_HOLDS)
    return tuple(held)


def _should_bear_vat(party: TaxParty) -> bool:
    """Whether a document without any word on VAT would be wrong: of who charges VAT, to who is at home, elsewhere in
    the EU, or nobody knows where."""
    near = party.country in ("", party.seller_country) or {party.country, party.seller_country} <= EU
    return bool(party.seller_vat) and (near or party.treatment == "taxed")


@dataclass(frozen=True, slots=True)
class TaxChoice:
    """The taxes of one line in place of its document's: some of the customer's and, where none of them is VAT, why."""

    tax_ids: tuple[int, ...] = ()
    category: str = ""
    reason: str = ""


def chosen(choice: TaxChoice, rules: Sequence[TaxRule], on: date, party: TaxParty) -> tuple[TaxRule, ...] | TaxDoubt:
    """The taxes that a line with a choice bears on a day, in the order they are taken. `rules` are the customer's."""
    held = [rule for rule in rules if rule.id in choice.tax_ids and rule.holds_on(on, party.country)]
    if len(held) < len(choice.tax_ids):
        return TaxDoubt("A line bears a tax that the customer does not pay on that day.")
    if any(rule.is_vat for rule in held) == bool(choice.category):
        return TaxDoubt("A line bears VAT and says why not, or neither: a tax chosen for it is another by now.")
    if choice.category in NEEDS_BUYER_NUMBER and not (party.seller_vat and party.number_valid):
        return TaxDoubt("It needs the account's own VAT number and a valid tax number of the customer.")
    found = tuple(sorted(held, key=lambda rule: rule.priority))
    if not choice.category:
        return found
    name = NO_VAT[choice.category]
    return (TaxRule(id=None, name=name, category=choice.category, exemption_reason=choice.reason), *found)


def _in_place_of_vat(party: TaxParty, held: Sequence[TaxRule]) -> TaxRule | TaxDoubt | None:
    """What a document says in place of VAT, which falls away; None where VAT is taken as any tax."""
    if party.treatment == "reverse_charge":
        return _reverse_charge(party, held)
    if party.treatment == "exempt":
        exempt = TaxRule(id=None, name=EXEMPT_WORDS, category="E", exemption_reason=EXEMPT_WORDS)
        return next((rule for rule in held if rule.is_vat and rule.category == "E"), exempt)
    if party.treatment == "auto" and party.seller_country in EU and party.seller_vat and party.country:
        if party.country not in EU:
            outside = TaxRule(id=None, name="Outside the EU", category="O", exemption_reason=OUTSIDE_WORDS)
            return next((rule for rule in held if rule.is_vat and rule.category in ("G", "O")), outside)
        if party.country != party.seller_country and party.number_valid:
            return _reverse_charge(party, held)
    return None


def reverse_charge_words(party: TaxParty) -> str:
    """The reason of a reverse charge that nobody gave another."""
    abroad = party.country != party.seller_country and {party.country, party.seller_country} <= EU
    return REVERSE_CHARGE_WORDS if abroad else HOME_REVERSE_CHARGE_WORDS


def _reverse_charge(party: TaxParty, held: Sequence[TaxRule]) -> TaxRule | TaxDoubt:
    """Zero, with the reason, that of a tax of the customer first; both numbers are printed (Article 226, BR-AE-02)."""
    if not party.seller_vat:
        return TaxDoubt("Reverse charge needs the account's own VAT number.")
    if not party.number_valid:
        return TaxDoubt("Reverse charge needs a valid tax number of the customer.")
    plain = TaxRule(id=None, name="Reverse charge", category="AE", exemption_reason=reverse_charge_words(party))
    return next((rule for rule in held if rule.is_vat and rule.category == "AE"), plain)


def on_net(net_micros: int, rules: Sequence[TaxRule], currency: str) -> tuple[TaxDue, ...]:
    """Taxes on top of a net sum, each rounded once (BR-CO-17). A sum of nothing bears no fixed part."""
    return on_nets([(net_micros, rules)], currency)


def on_nets(parts: Sequence[Part], currency: str) -> tuple[TaxDue, ...]:
    """Taxes on top of a document whose parts bear different ones: each is of all parts that bear it, rounded once."""
    found: list[TaxDue] = []
    above = [0] * len(parts)
    for rule in every(parts):
        bases = [net + more if rule.compound else net for (net, _), more in zip(parts, above, strict=True)]
        fixed = _fixed(rule, parts, currency)
        bears = [rule in rules for _, rules in parts]
        exact = [
            Fraction(base * rule.rate_ppm, PPM) + part if own else Fraction()
            for base, part, own in zip(bases, fixed, bears, strict=True)
        ]
        amounts = rounded_sums(exact, currency)
        base_micros = sum(base for base, own in zip(bases, bears, strict=True) if own)
        found.append(TaxDue(rule, base_micros, sum(amounts)))
        above = [more + amount for more, amount in zip(above, amounts, strict=True)]
    return tuple(found)


def within_gross(gross_micros: int, rules: Sequence[TaxRule], currency: str) -> tuple[TaxDue, ...]:
    """The taxes inside a gross sum, each rounded once; the net is what they leave, so the total is the gross."""
    return within_grosses([(gross_micros, rules)], currency)[0]


def within_grosses(parts: Sequence[Part], currency: str) -> tuple[tuple[TaxDue, ...], tuple[int, ...]]:
    """The taxes inside a document whose parts bear different ones, and the net of each part."""
    order = every(parts)
    fixed = [_fixed(rule, parts, currency) for rule in order]
    exact = [
        _inside(part, dict(zip(order, (of[place] for of in fixed), strict=True))) for place, part in enumerate(parts)
    ]
    amounts = {rule: rounded_sums([inside.get(rule, Fraction()) for inside in exact], currency) for rule in order}
    nets = [gross - sum(of[place] for of in amounts.values()) for place, (gross, _) in enumerate(parts)]
    found: list[TaxDue] = []
    above = list(nets)
    for rule in order:
        bases = [
            (more if rule.compound else net) if rule in rules else 0
            for (_, rules), net, more in zip(parts, nets, above, strict=True)
        ]
        found.append(TaxDue(rule, sum(bases), sum(amounts[rule])))
        above = [more + amount for more, amount in zip(above, amounts[rule], strict=True)]
    return tuple(found), tuple(nets)


def fitting(parts: Sequence[Part], currency: str) -> list[Part]:
    """The parts as they are, or without fixed parts of taxes where these are more than the sum they are to be inside
    of: what is too small for them bears the rates alone."""
    _, nets = within_grosses(parts, currency)
    if sum(nets) >= 0 or sum(gross for gross, _ in parts) < 0:
        return list(parts)
    return [(gross, tuple(replace(rule, fixed_micros=0) for rule in rules)) for gross, rules in parts]


def rules_within(gross_micros: int, rules: Sequence[TaxRule], currency: str) -> tuple[TaxRule, ...]:
    """The taxes inside one gross sum, such as a payment, as `fitting` says."""
    return tuple(fitting([(gross_micros, rules)], currency)[0][1])


def every(parts: Sequence[Part]) -> list[TaxRule]:
    """The taxes of all parts, each once, in the order they are taken: that of the one part, or of all by priority."""
    found = list(dict.fromkeys(rule for _, rules in parts for rule in rules))
    return found if len(parts) == 1 else sorted(found, key=_turn)


def twins(rules: Sequence[TaxRule], own: Sequence[TaxRule]) -> tuple[TaxRule, ...]:
    """Taxes of another document, each as the document's own where that is the same tax at the same rate: then it is
    told once, with one base."""
    known = {_nature(rule): rule for rule in own}
    return tuple(known.get(_nature(rule), rule) for rule in rules)


def _nature(rule: TaxRule) -> tuple[int | None, str, int, bool, str]:
    return rule.id, rule.category, rule.rate_ppm, rule.compound, rule.exemption_reason


def _turn(rule: TaxRule) -> tuple[bool, int, int]:
    """As the taxes of each part stand; what stands in place of VAT takes nothing, so it may come last."""
    return rule.id is None, rule.priority, rule.id or 0


def rounded_sums(exact: Sequence[Fraction], currency: str) -> list[int]:
    """Amounts in the currency's smallest unit that sum to the sum, rounded once: each sum from the top is rounded."""
    sums = [0, *(to_minor(reached, currency) for reached in accumulate(exact))]
    return [after - before for before, after in pairwise(sums)]


def parted(amount_micros: int, weights: Sequence[int], currency: str) -> list[int]:
    """An amount in parts by their weights, which sum to it; all with the first where they weigh nothing together."""
    whole = sum(weights)
    if not whole:
        return [amount_micros, *([0] * (len(weights) - 1))]
    return rounded_sums([Fraction(amount_micros * weight, whole) for weight in weights], currency)


def _fixed(rule: TaxRule, parts: Sequence[Part], currency: str) -> list[int]:
    """The fixed part of a tax, which a document bears once: with the first part that has an amount."""
    bearing = [amount if rule in rules else 0 for amount, rules in parts]
    first = next((place for place, amount in enumerate(bearing) if amount), None) if sum(bearing) else None
    return [to_minor(rule.fixed_micros, currency) if place == first else 0 for place in range(len(parts))]


def _inside(part: Part, fixed: Mapping[TaxRule, int]) -> dict[TaxRule, Fraction]:
    """The taxes inside a gross sum, exactly: each is a share of the net and an amount beside it."""
    gross, rules = part
    shares: dict[TaxRule, tuple[Fraction, Fraction]] = {}
    share_above, beside_above = Fraction(), Fraction()
    for rule in rules:
        rate = Fraction(rule.rate_ppm, PPM)
        share = rate * (1 + share_above) if rule.compound else rate
        beside = (rate * beside_above if rule.compound else Fraction()) + fixed[rule]
        shares[rule] = (share, beside)
        share_above, beside_above = share_above + share, beside_above + beside
    whole = 1 + share_above
    net = (gross - beside_above) * Fraction(whole.denominator, whole.numerator)
    return {rule: share * net + beside for rule, (share, beside) in shares.items()}


def to_minor(micros: int | Fraction, currency: str) -> int:
    """An amount rounded half up to the currency's smallest unit, in micros. A credit mirrors what it takes back."""
    scale: int = 10 ** (6 - minor_digits(currency))
    exact = Fraction(micros)
    return divide(exact.numerator, exact.denominator * scale, Method.half_up) * scale
