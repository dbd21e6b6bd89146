"""Lines and totals of documents, by EN 16931: each line rounded once, each tax rounded once, the difference told.

A kind of line is one function that returns an `InvoiceLine`: add one here, its word to the check of the table, and call
it where the line comes to be. Amounts are micros, prices nanos; `until_on` is always the first day after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final

from tollgate.core.invoice_periods import Period
from tollgate.core.invoice_words import LANGUAGE, WORDS
from tollgate.core.money import Method, divide, minor_digits
from tollgate.core.taxes import Part, TaxChoice, TaxDue, TaxRule, every, fitting, on_nets, to_minor, within_grosses

MOST_DESCRIPTION: Final = 300
ENGLISH: Final = WORDS[LANGUAGE]
MAY_WAIT: Final = ("correction", "charge")
"""The kinds of line that wait while they would bring a document below zero; the first are borne first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line. `exact_micros` is what it is made of to the last unit; `net_micros` that without tax, rounded once.

    `posted` tells that the ledger has charged it already. `tax_choice` is what a person chose in place of the taxes of
    the document, `rules` what that is on its day; `tax_positions` are the document's taxes it bears, None for all.
    """

    kind: str
    description: str
    exact_micros: int
    unit_price_nanos: int
    net_micros: int = 0
    from_on: date | None = None
    until_on: date | None = None
    usage: Period | None = None
    quantity_milli: int = 1000
    calls_count: int = 0
    billed_s: int = 0
    destination: str = ""
    ingress_route_id: int | None = None
    charge_id: int | None = None
    corrects_line_id: int | None = None
    posted: bool = False
    tax_choice: TaxChoice | None = None
    rules: tuple[TaxRule, ...] | None = None
    tax_positions: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Calls of one period that make one line together: those of a day, to a destination, by a route, or all."""

    on: date | None = None
    destination: str = ""
    ingress_route_id: int | None = None
    calls_count: int
    billed_s: int
    charged_micros: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a document comes to. `rounding_micros` is what rounding added to what the ledger charged."""

    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxDue, ...]
    exact_micros: int
    net_micros: int
    rounding_micros: int
    tax_micros: int
    total_micros: int


def usage_line(
    usage: Usage, period: Period, grouping: str, routes: Mapping[int, str], *, words: Mapping[str, str] = ENGLISH
) -> InvoiceLine:
    """Calls of a period as the ledger charged them, told in the words of the document's language."""
    of_route = usage.ingress_route_id is not None
    route = routes.get(usage.ingress_route_id or 0, words["route_gone"])
    told = {
        "day": words["calls_on"].format(on=usage.on),
        "destination": words["calls_to"].format(place=usage.destination or words["elsewhere"]),
        "route": words["calls_by"].format(route=route) if of_route else words["no_route"],
    }.get(grouping, words["calls"])
    by_day = grouping == "day" and usage.on is not None
    return InvoiceLine(
        kind="usage",
        description=told[:MOST_DESCRIPTION],
        exact_micros=usage.charged_micros,
        unit_price_nanos=usage.charged_micros * 1000,
        from_on=usage.on if by_day else period.from_on,
        until_on=usage.on + timedelta(days=1) if by_day and usage.on else period.until_on,
        usage=period,
        calls_count=usage.calls_count,
        billed_s=usage.billed_s,
        destination=usage.destination,
        ingress_route_id=usage.ingress_route_id,
        posted=True,
    )


def correction_line(period: Period, micros: int, *, words: Mapping[str, str] = ENGLISH) -> InvoiceLine:
    """What came to a period after it was billed, or was billed with another document already (below zero)."""
    last_on = period.until_on - timedelta(days=1)
    return InvoiceLine(
        kind="correction",
        description=words["correction"].format(first=period.from_on, last=last_on),
        exact_micros=micros,
        unit_price_nanos=micros * 1000,
        from_on=period.from_on,
        until_on=period.until_on,
        usage=period,
        posted=True,
    )


def charge_line(
    *,
    charge_id: int,
    description: str,
    from_on: date,
    until_on: date,
    quantity_milli: int,
    unit_price_nanos: int,
    amount_micros: int,
    posted: bool,
    tax_choice: TaxChoice | None = None,
) -> InvoiceLine:
    """A package, a fee, a minimum spend."""
    return InvoiceLine(
        kind="charge",
        description=description[:MOST_DESCRIPTION],
        exact_micros=amount_micros,
        unit_price_nanos=unit_price_nanos,
        from_on=from_on,
        until_on=until_on,
        quantity_milli=quantity_milli,
        charge_id=charge_id,
        posted=posted,
        tax_choice=tax_choice,
    )


def manual_line(
    *,
    description: str,
    quantity_milli: int,
    unit_price_nanos: int,
    from_on: date | None,
    until_on: date | None,
    tax_choice: TaxChoice | None = None,
) -> InvoiceLine:
    """What a person adds."""
    return InvoiceLine(
        kind="manual",
        description=description[:MOST_DESCRIPTION],
        exact_micros=divide(unit_price_nanos * quantity_milli, 10**6, Method.half_up),
        unit_price_nanos=unit_price_nanos,
        from_on=from_on,
        until_on=until_on,
        quantity_milli=quantity_milli,
        tax_choice=tax_choice,
    )


def payment_line(description: str, on: date, amount_micros: int) -> InvoiceLine:
    """Money received, tax included."""
    return InvoiceLine(
        kind="payment",
        description=description[:MOST_DESCRIPTION],
        exact_micros=amount_micros,
        unit_price_nanos=amount_micros * 1000,
        from_on=on,
        until_on=on + timedelta(days=1),
        posted=True,
    )


def credit_line(
    *, line_id: int, description: str, net_micros: int, tax_positions: tuple[int, ...] | None = None
) -> InvoiceLine:
    """A line of another document taken back, in part or whole, with the taxes of that document it bore."""
    return InvoiceLine(
        kind="credit",
        description=description[:MOST_DESCRIPTION],
        exact_micros=net_micros,
        unit_price_nanos=net_micros * 1000,
        corrects_line_id=line_id,
        tax_positions=tax_positions,
    )


def borne(
    lines: Sequence[InvoiceLine], rules: Sequence[TaxRule], *, currency: str, prices_include_tax: bool
) -> tuple[list[InvoiceLine], list[InvoiceLine]]:
    """The lines that a document can bear without falling below zero, before its taxes or with them, and what is left of
    corrections for the next one.

    Corrections below zero are borne first, in part if need be; a charge below zero whole, or not yet.
    """

    def fits(more: InvoiceLine) -> bool:
        sums = totals([*found.values(), more], rules, currency=currency, prices_include_tax=prices_include_tax)
        return sums.net_micros >= 0 and sums.total_micros >= 0

    waiting = [place for place, line in enumerate(lines) if may_wait(line)]
    found: dict[int, InvoiceLine] = {place: line for place, line in enumerate(lines) if place not in waiting}
    rest: list[InvoiceLine] = []
    for place in sorted(waiting, key=lambda place: MAY_WAIT.index(lines[place].kind)):
        line = lines[place]
        if fits(line):
            found[place] = line
        elif line.kind == "correction":
            part = _most(line, fits, currency)
            if part:
                found[place] = _worth(line, -part)
            rest.append(_worth(line, line.exact_micros + part))
    return [found[place] for place in sorted(found)], rest


def may_wait(line: InvoiceLine) -> bool:
    """Whether a line is left to the next document while it would bring this one below zero."""
    return line.exact_micros < 0 and line.kind in MAY_WAIT


def _most(line: InvoiceLine, fits: Callable[[InvoiceLine], bool], currency: str) -> int:
    """The most of a line below zero that fits, in whole coins."""
    coin: int = 10 ** (6 - minor_digits(currency))
    fitting_coins, too_many = 0, -line.exact_micros // coin + 1
    while too_many - fitting_coins > 1:
        coins = (fitting_coins + too_many) // 2
        if fits(_worth(line, -coins * coin)):
            fitting_coins = coins
        else:
            too_many = coins
    return fitting_coins * coin


def joined(lines: Iterable[InvoiceLine], period: Period) -> list[InvoiceLine]:
    """The lines of calls of periods that follow one another as those of one period: what would say the same is one."""
    found: dict[object, InvoiceLine] = {}
    for place, line in enumerate(lines):
        if line.kind != "usage":
            found[place] = line
            continue
        key = (line.description, line.destination, line.ingress_route_id)
        before = found.get(key)
        found[key] = replace(line, usage=period) if before is None else _together(before, line)
    return list(found.values())


def _together(one: InvoiceLine, two: InvoiceLine) -> InvoiceLine:
    exact = one.exact_micros + two.exact_micros
    calls, seconds = one.calls_count + two.calls_count, one.billed_s + two.billed_s
    return replace(_worth(one, exact), until_on=two.until_on, calls_count=calls, billed_s=seconds)


def _worth(line: InvoiceLine, micros: int) -> InvoiceLine:
    return replace(line, exact_micros=micros, unit_price_nanos=micros * 1000)


def totals(
    lines: Iterable[InvoiceLine], rules: Sequence[TaxRule], *, currency: str, prices_include_tax: bool
) -> Totals:
    """The document of some lines. With prices that include tax the total is what the lines come to, else their net."""
    found = tuple(lines)
    rounded = [to_minor(line.exact_micros, currency) for line in found]
    exact = sum(line.exact_micros for line in found)
    groups = _alike(found, rules)
    parts: list[Part] = [(sum(rounded[place] for place in places), borne_by) for borne_by, places in groups.items()]
    if prices_include_tax and every(parts):
        parts = fitting(parts, currency)
        groups = {tuple(borne_by): places for (_, borne_by), places in zip(parts, groups.values(), strict=True)}
        taxes, part_nets = within_grosses(parts, currency)
        nets = list(rounded)
        for places, net in zip(groups.values(), part_nets, strict=True):
            shares = _shared_out([rounded[place] for place in places], net, currency)
            for place, share in zip(places, shares, strict=True):
                nets[place] = share
        lines_out = [
            replace(line, net_micros=net, unit_price_nanos=_unit_price(net, line.quantity_milli))
            for line, net in zip(found, nets, strict=True)
        ]
    else:
        taxes = on_nets(parts, currency)
        lines_out = [replace(line, net_micros=net) for line, net in zip(found, rounded, strict=True)]
    tax, net = sum(due.amount_micros for due in taxes), sum(line.net_micros for line in lines_out)
    total = net + tax
    inside = total if prices_include_tax and taxes else net
    return Totals(_with_positions(lines_out, groups, taxes), taxes, exact, net, inside - exact, tax, total)


def _alike(lines: Sequence[InvoiceLine], rules: Sequence[TaxRule]) -> dict[tuple[TaxRule, ...], list[int]]:
    """The places of the lines by the taxes they bear; those of the document itself first."""
    groups: dict[tuple[TaxRule, ...], list[int]] = {tuple(rules): []}
    for place, line in enumerate(lines):
        groups.setdefault(tuple(rules) if line.rules is None else line.rules, []).append(place)
    return {borne_by: places for borne_by, places in groups.items() if places or len(groups) == 1}


def _with_positions(
    lines: Sequence[InvoiceLine], groups: Mapping[tuple[TaxRule, ...], Sequence[int]], taxes: Sequence[TaxDue]
) -> tuple[InvoiceLine, ...]:
    """The lines with the positions of their taxes; all bear all where there is one group."""
    found = list(lines)
    positions = {due.rule: position for position, due in enumerate(taxes, start=1)}
    for borne_by, places in groups.items() if len(groups) > 1 else ():
        for place in places:
            found[place] = replace(found[place], tax_positions=tuple(positions[rule] for rule in borne_by))
    return tuple(found)


def _shared_out(gross: Sequence[int], net_micros: int, currency: str) -> list[int]:
    """The net of each line so that they sum to the net of all: every sum from the top is rounded, not every line."""
    whole = sum(gross)
    share = Fraction(net_micros, whole) if whole else Fraction(1)
    sums = [0, *(to_minor(share * reached, currency) for reached in accumulate(gross))]
    return [after - before for before, after in pairwise(sums)]


def _unit_price(net_micros: int, quantity_milli: int) -> int:
    return divide(net_micros * 10**6, quantity_milli, Method.half_up)
