"""Notes on invoices for calls that were corrected: of which kind, how much, and with which taxes.

The ledger has moved what the calls cost more or less; a note tells it and its tax. It takes back no more than is left
of the invoice: what is beyond waits for a line of the next document. To let notes say less or more, see `note_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tollgate.core.invoices import InvoiceLine, Totals
from tollgate.core.taxes import TaxDue, TaxRule, on_net, to_minor, within_gross


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """An invoice as it stands: its lines of the calls of its period, and what notes have taken back of it.

    `exact_micros` and `net_micros` are what these lines bill, `noted_*` what notes of corrections took back of them,
    less what such notes added; `credited_micros` the net of them that a person credited. `rest_micros` is what is left
    of the net of the whole document. `rules` are the taxes of its calls, `taxes_left_micros` what is left of each, and
    `taxes_noted_micros` what notes of corrections took back of each; `fixed_*` are the fixed parts within these.
    """

    exact_micros: int
    net_micros: int
    noted_exact_micros: int = 0
    noted_net_micros: int = 0
    credited_micros: int = 0
    rest_micros: int
    rules: tuple[TaxRule, ...] = ()
    taxes_left_micros: tuple[int, ...] = ()
    taxes_noted_micros: tuple[int, ...] = ()
    fixed_left_micros: tuple[int, ...] = ()
    fixed_noted_micros: tuple[int, ...] = ()
    currency: str
    prices_include_tax: bool = False

    @property
    def left_exact_micros(self) -> int:
        """What of the ledger's charges is left on it."""
        credited = self.credited_micros
        if self.prices_include_tax:
            credited += sum(due.amount_micros for due in on_net(credited, self._rates, self.currency))
        return self.exact_micros - self.noted_exact_micros - credited

    @property
    def left_net_micros(self) -> int:
        """What is left of the net of its calls."""
        return self.net_micros - self.noted_net_micros - self.credited_micros

    @property
    def _rates(self) -> tuple[TaxRule, ...]:
        """Its taxes without their fixed parts: those are of the invoice alone."""
        return tuple(replace(rule, fixed_micros=0) for rule in self.rules)

    def taxes_of(self, exact_micros: int) -> tuple[TaxDue, ...]:
        """The taxes of so much of the ledger's charges."""
        whole = to_minor(exact_micros, self.currency)
        if self.prices_include_tax:
            return within_gross(whole, self._rates, self.currency)
        return on_net(whole, self._rates, self.currency)

    def net_of(self, exact_micros: int) -> int:
        """The net of so much of the ledger's charges."""
        whole = to_minor(exact_micros, self.currency)
        return whole - sum(due.amount_micros for due in self.taxes_of(exact_micros)) * self.prices_include_tax

    def taxes_on(self, net_micros: int) -> tuple[TaxDue, ...]:
        """The taxes on a net."""
        return on_net(net_micros, self._rates, self.currency)


def note_on(billed: Billed, line: InvoiceLine) -> tuple[str, Totals] | None:
    """The kind of the note and what it says, for corrections of what `line` holds: above zero the customer owes more.

    None where nothing is to be told, or nothing is left of the invoice, or all is less than the smallest coin.
    """
    if line.exact_micros < 0:
        told = _credited(-line.exact_micros, billed)
        return None if told is None else ("credit_note", _totals(billed, line, *told))
    told = _debited(line.exact_micros, billed)
    return None if told is None else ("debit_note", _totals(billed, line, *told))


def _credited(wanted_micros: int, billed: Billed) -> tuple[int, int, tuple[TaxDue, ...]] | None:
    """What a credit note tells of the ledger's charges, its net and its taxes."""
    left, most = billed.left_exact_micros, min(billed.left_net_micros, billed.rest_micros)
    exact = min(wanted_micros, left)
    if exact <= 0 or most <= 0:
        return None
    net = billed.left_net_micros if exact == left else billed.net_of(exact)
    if net > most:
        within = sum(due.amount_micros for due in billed.taxes_on(most)) * billed.prices_include_tax
        exact, net = min(exact, most + within), most
    if net <= 0:
        return None
    dues = _dues(billed, exact, net)
    if net == billed.rest_micros:  # the last of the invoice takes back all that is left of its taxes
        return exact, net, _amounts(billed, dues, billed.taxes_left_micros, billed.fixed_left_micros)
    most_of_each = zip(dues, billed.taxes_left_micros, strict=True)
    return exact, net, tuple(replace(due, amount_micros=min(due.amount_micros, left)) for due, left in most_of_each)


def _debited(exact_micros: int, billed: Billed) -> tuple[int, int, tuple[TaxDue, ...]] | None:
    """What a debit note tells of the ledger's charges, its net and its taxes."""
    noted = billed.noted_net_micros
    if exact_micros == billed.noted_exact_micros and noted > 0:  # what was taken back is charged again, to the coin
        dues = billed.taxes_on(noted)
        return exact_micros, noted, _amounts(billed, dues, billed.taxes_noted_micros, billed.fixed_noted_micros)
    net = billed.net_of(exact_micros)
    return (exact_micros, net, _dues(billed, exact_micros, net)) if net > 0 else None


def _dues(billed: Billed, exact_micros: int, net_micros: int) -> tuple[TaxDue, ...]:
    plain = net_micros == billed.net_of(exact_micros)
    return billed.taxes_of(exact_micros) if plain else billed.taxes_on(net_micros)


def _amounts(
    billed: Billed, dues: Sequence[TaxDue], amounts: Sequence[int], fixed: Sequence[int]
) -> tuple[TaxDue, ...]:
    """Taxes that come to given amounts, with the fixed parts that are in these."""
    told = zip(billed.rules, dues, amounts, fixed, strict=True)
    return tuple(TaxDue(replace(rule, fixed_micros=part), due.base_micros, amount) for rule, due, amount, part in told)


def _totals(billed: Billed, line: InvoiceLine, exact_micros: int, net_micros: int, dues: tuple[TaxDue, ...]) -> Totals:
    tax = sum(due.amount_micros for due in dues)
    price = exact_micros * 1000 if net_micros == to_minor(exact_micros, billed.currency) else net_micros * 1000
    told = replace(line, exact_micros=exact_micros, net_micros=net_micros, unit_price_nanos=price)
    whole = net_micros + tax if billed.prices_include_tax else net_micros
    return Totals((told,), dues, exact_micros, net_micros, whole - exact_micros, tax, net_micros + tax)
