"""Taxes of a document: which fall due, on what, how much. Exact, and each rounded once to the currency's smallest unit.

`due` chooses what a customer pays (its taxes, reverse charge, none) or says what is in doubt; `on_net` adds taxes to
prices, `within_gross` finds them inside. The categories are those of EN 16931 (UNTDID 5305); sections named below are
those of Directive 2006/112/EC. To add a rule of a country, add a tax with its country and dates, not a line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from tollgate.core.money import Method, divide, minor_digits

PPM: Final = 10**6
EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
VAT_PREFIXES: Final[Mapping[str, str]] = {"GR": "EL"}
"""Where a VAT number does not begin with the country's own code."""
REVERSE_CHARGE_WORDS: Final = "Reverse charge: VAT is due by the customer (Articles 44 and 196, Directive 2006/112/EC)"
OUTSIDE_WORDS: Final = "Service supplied outside the scope of EU VAT (Article 44, Directive 2006/112/EC)"
EXEMPT_WORDS: Final = "Exempt from VAT"
ALIKE: Final = frozenset({"E", "AE", "K", "G", "O", "Z"})
"""Categories whose rate is zero by their nature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """One tax as it is kept: parts per million of its base, and a fixed part per document.

    A compound tax is taken of the net and of the taxes before it; the others of the net alone. One that is no VAT, such
    as a levy, stays where VAT falls away. `fixed_micros` is in the currency of the document.
    """

    id: int | None
    name: str
    label: str = "VAT"
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


def due(party: TaxParty, rules: Sequence[TaxRule], on: date) -> tuple[TaxRule, ...] | TaxDoubt:
    """The taxes of a document whose tax point is on a day, in the order they are taken."""
    held = sorted((rule for rule in rules if rule.holds_on(on, party.country)), key=lambda rule: rule.priority)
    vat = _in_place_of_vat(party, held)
    if isinstance(vat, TaxDoubt):
        return vat
    if vat is not None:
        return (vat, *(rule for rule in held if not rule.is_vat))
    if party.treatment == "taxed" and not held:
        return TaxDoubt("It is to be taxed, and none of its taxes holds on that day.")
    return tuple(held)


def _in_place_of_vat(party: TaxParty, held: Sequence[TaxRule]) -> TaxRule | TaxDoubt | None:
    """What a document says in place of VAT, which falls away; None where VAT is taken as any tax."""
    if party.treatment == "reverse_charge":
        return _reverse_charge(party)
    if party.treatment == "exempt":
        exempt = TaxRule(id=None, name=EXEMPT_WORDS, category="E", exemption_reason=EXEMPT_WORDS)
        return next((rule for rule in held if rule.is_vat and rule.category == "E"), exempt)
    if party.treatment == "auto" and party.seller_country in EU and party.seller_vat and party.country:
        if party.country not in EU:
            outside = TaxRule(id=None, name="Outside the EU", category="O", exemption_reason=OUTSIDE_WORDS)
            return next((rule for rule in held if rule.is_vat and rule.category in ("G", "O")), outside)
        if party.country != party.seller_country and party.number_valid:
            return _reverse_charge(party)
    return None


def _reverse_charge(party: TaxParty) -> TaxRule | TaxDoubt:
    """Zero, with the reason; both numbers are printed (Article 226, BR-AE-02 of EN 16931)."""
    if not party.seller_vat:
        return TaxDoubt("Reverse charge needs the account's own VAT number.")
    if not party.number_valid:
        return TaxDoubt("Reverse charge needs a valid tax number of the customer.")
    return TaxRule(id=None, name="Reverse charge", category="AE", exemption_reason=REVERSE_CHARGE_WORDS)


def on_net(net_micros: int, rules: Sequence[TaxRule], currency: str) -> tuple[TaxDue, ...]:
    """Taxes on top of a net sum, each rounded once (BR-CO-17). A sum of nothing bears no fixed part."""
    found: list[TaxDue] = []
    above = 0
    for rule in rules:
        base = net_micros + above if rule.compound else net_micros
        fixed = to_minor(rule.fixed_micros, currency) if net_micros else 0
        amount = to_minor(Fraction(base * rule.rate_ppm, PPM), currency) + fixed
        found.append(TaxDue(rule, base, amount))
        above += amount
    return tuple(found)


def within_gross(gross_micros: int, rules: Sequence[TaxRule], currency: str) -> tuple[TaxDue, ...]:
    """The taxes inside a gross sum, each rounded once; the net is what they leave, so the total is the gross."""
    shares = _shares(rules, bool(gross_micros), currency)
    whole = 1 + sum((share for share, _ in shares), Fraction())
    fixed = sum((part for _, part in shares), Fraction())
    exact_net = (gross_micros - fixed) * Fraction(whole.denominator, whole.numerator)
    amounts = [to_minor(share * exact_net + part, currency) for share, part in shares]
    net = gross_micros - sum(amounts)
    found: list[TaxDue] = []
    above = 0
    for rule, amount in zip(rules, amounts, strict=True):
        found.append(TaxDue(rule, net + above if rule.compound else net, amount))
        above += amount
    return tuple(found)


def _shares(rules: Sequence[TaxRule], anything: bool, currency: str) -> list[tuple[Fraction, Fraction]]:
    """Each tax as a share of the net and a part beside it."""
    shares: list[tuple[Fraction, Fraction]] = []
    share_above, part_above = Fraction(), Fraction()
    for rule in rules:
        rate = Fraction(rule.rate_ppm, PPM)
        fixed = to_minor(rule.fixed_micros, currency) if anything else 0
        share = rate * (1 + share_above) if rule.compound else rate
        part = rate * part_above + fixed if rule.compound else Fraction(fixed)
        shares.append((share, part))
        share_above, part_above = share_above + share, part_above + part
    return shares


def to_minor(micros: int | Fraction, currency: str) -> int:
    """An amount rounded half up to the currency's smallest unit, in micros. A credit mirrors what it takes back."""
    scale: int = 10 ** (6 - minor_digits(currency))
    exact = Fraction(micros)
    return divide(exact.numerator, exact.denominator * scale, Method.half_up) * scale
