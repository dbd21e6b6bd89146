"""Laws of notes on corrected calls: never more than the invoice bore, all of it to the coin, and back again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.correction_notes import Billed, note_on
from tollgate.core.invoices import InvoiceLine, Totals, totals
from tollgate.core.taxes import TaxRule

VAT = TaxRule(id=1, name="VAT", rate_ppm=210_000, fixed_micros=370_000)
LEVY = TaxRule(id=2, name="Levy", rate_ppm=20_000, compound=True)


def line(micros: int) -> InvoiceLine:
    """A line of calls or of corrections."""
    return InvoiceLine(kind="usage", description="Calls", exact_micros=micros, unit_price_nanos=micros * 1000)


def issued(micros: list[int], rules: tuple[TaxRule, ...], currency: str, *, gross: bool) -> Billed:
    """An invoice of calls on these lines that nothing corrects yet."""
    found = totals([line(one) for one in micros], rules, currency=currency, prices_include_tax=gross)
    return Billed(
        exact_micros=found.exact_micros,
        net_micros=found.net_micros,
        rest_micros=found.net_micros,
        rules=rules,
        taxes_left_micros=tuple(due.amount_micros for due in found.taxes),
        taxes_noted_micros=tuple(0 for _ in found.taxes),
        fixed_left_micros=tuple(due.rule.fixed_micros if due.amount_micros else 0 for due in found.taxes),
        fixed_noted_micros=tuple(0 for _ in found.taxes),
        currency=currency,
        prices_include_tax=gross,
    )


def after(billed: Billed, kind: str, told: Totals) -> Billed:
    """The invoice once this note stands."""
    sign = 1 if kind == "credit_note" else -1
    taxes = [sign * due.amount_micros for due in told.taxes]
    fixed = [sign * due.rule.fixed_micros for due in told.taxes]
    return replace(
        billed,
        noted_exact_micros=billed.noted_exact_micros + sign * told.exact_micros,
        noted_net_micros=billed.noted_net_micros + sign * told.net_micros,
        rest_micros=billed.rest_micros - sign * told.net_micros,
        taxes_left_micros=tuple(a - b for a, b in zip(billed.taxes_left_micros, taxes, strict=True)),
        taxes_noted_micros=tuple(a + b for a, b in zip(billed.taxes_noted_micros, taxes, strict=True)),
        fixed_left_micros=tuple(a - b for a, b in zip(billed.fixed_left_micros, fixed, strict=True)),
        fixed_noted_micros=tuple(a + b for a, b in zip(billed.fixed_noted_micros, fixed, strict=True)),
    )


INVOICES = st.builds(
    issued,
    st.lists(st.integers(0, 10**8), min_size=1, max_size=5),
    st.sampled_from([(), (VAT,), (VAT, LEVY)]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    gross=st.booleans(),
).filter(lambda billed: billed.net_micros >= 0)
"""What may be issued: prices that include a fixed part and are less than it may not."""


@given(billed=INVOICES, parts=st.lists(st.integers(-(10**8), 10**8), max_size=6))
def test_notes_never_take_back_more_than_the_invoice_bore_and_say_what_they_are_made_of(
    billed: Billed, parts: list[int]
) -> None:
    whole = billed
    for micros in parts:
        found = note_on(billed, line(micros))
        if found is None:
            continue
        kind, told = found
        assert kind == ("credit_note" if micros < 0 else "debit_note")
        tax = sum(due.amount_micros for due in told.taxes)
        assert (told.tax_micros, told.total_micros) == (tax, told.net_micros + tax)
        inside = tax if billed.prices_include_tax else 0
        assert told.rounding_micros == told.net_micros + inside - told.exact_micros
        assert told.net_micros > 0
        assert 0 < told.exact_micros <= abs(micros)
        if kind == "credit_note":
            assert told.net_micros <= billed.rest_micros
            assert all(
                due.amount_micros <= left for due, left in zip(told.taxes, billed.taxes_left_micros, strict=True)
            )
        else:
            assert told.exact_micros == micros
        billed = after(billed, kind, told)
    assert billed.rest_micros >= 0
    assert billed.noted_exact_micros <= whole.exact_micros


@given(billed=INVOICES, first=st.integers(1, 10**8))
def test_all_that_is_left_is_taken_back_to_the_coin_and_charged_again_to_the_coin(billed: Billed, first: int) -> None:
    left = billed
    for micros in (first, billed.exact_micros):
        found = note_on(left, line(-min(micros, left.left_exact_micros))) if left.left_exact_micros else None
        left = left if found is None else after(left, *found)
    if left.left_exact_micros == 0:
        assert (left.rest_micros, sum(left.taxes_left_micros)) == (0, 0)
        back = note_on(left, line(left.noted_exact_micros)) if left.noted_exact_micros else None
        assert after(left, *back) == billed if back else left == billed


def test_the_fixed_part_of_a_tax_goes_back_with_the_last_of_the_invoice_alone_and_comes_again_with_all_of_it() -> None:
    billed = issued([10_000_000], (VAT,), "EUR", gross=False)
    told = []
    for micros in (-4_000_000, 4_000_000, -4_000_000, -6_000_000, 10_000_000):
        found = note_on(billed, line(micros))
        assert found is not None
        billed = after(billed, *found)
        told.append((found[0], found[1].tax_micros, found[1].taxes[0].rule.fixed_micros))
    part, all_of_it = 840_000, 2_470_000
    assert told == [
        ("credit_note", part, 0),
        ("debit_note", part, 0),
        ("credit_note", part, 0),
        ("credit_note", all_of_it - part, 370_000),
        ("debit_note", all_of_it, 370_000),
    ]
    less = replace(billed, noted_exact_micros=4_000, noted_net_micros=0)
    assert note_on(less, line(4_000)) is None, "what notes took back of it is less than a coin"


def test_what_a_person_credited_is_not_taken_back_again() -> None:
    billed = issued([10_000_000], (VAT,), "EUR", gross=False)
    credited = replace(billed, credited_micros=9_000_000, rest_micros=1_000_000)
    found = note_on(credited, line(-4_000_000))
    assert found is not None
    assert (found[1].exact_micros, found[1].net_micros) == (1_000_000, 1_000_000)
    within = issued([12_100_000], (replace(VAT, fixed_micros=0),), "EUR", gross=True)
    little = replace(within, credited_micros=9_000_000, rest_micros=500_000, taxes_left_micros=(110_000,))
    part = note_on(little, line(-9_000_000))
    assert part is not None
    assert (part[1].exact_micros, part[1].net_micros, part[1].total_micros) == (610_000, 500_000, 610_000)
    assert note_on(replace(billed, rest_micros=0), line(-1)) is None
    assert note_on(billed, line(4_999)) is None, "less than a coin"
    assert note_on(billed, line(-4_999)) is None
