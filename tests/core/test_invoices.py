"""Claims about lines and totals: every line and tax rounded once, and the difference told to the last unit."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.invoice_periods import period_of
from tollgate.core.invoice_words import WORDS
from tollgate.core.invoices import (
    InvoiceLine,
    Usage,
    borne,
    charge_line,
    correction_line,
    credit_line,
    joined,
    manual_line,
    payment_line,
    totals,
    usage_line,
)
from tollgate.core.money import minor_digits
from tollgate.core.taxes import TaxRule, to_minor

JANUARY = period_of(date(2024, 1, 1), date(2024, 2, 1), "UTC")
VAT = TaxRule(id=1, name="VAT", rate_ppm=210_000)
LEVY = TaxRule(id=2, name="Levy", rate_ppm=33_333, compound=True)


def line(micros: int) -> InvoiceLine:
    """A line of so much."""
    return manual_line(
        description="x", quantity_milli=1000, unit_price_nanos=micros * 1000, from_on=None, until_on=None
    )


@given(
    amounts=st.lists(st.integers(-(10**9), 10**10), min_size=1, max_size=40),
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    rules=st.sampled_from(((), (VAT,), (VAT, LEVY))),
    inclusive=st.booleans(),
)
def test_a_document_adds_up_to_the_unit(
    amounts: list[int], currency: str, rules: tuple[TaxRule, ...], inclusive: bool
) -> None:
    found = totals([line(micros) for micros in amounts], rules, currency=currency, prices_include_tax=inclusive)
    unit = 10 ** (6 - minor_digits(currency))
    assert found.exact_micros == sum(amounts)
    assert found.net_micros == sum(row.net_micros for row in found.lines)
    assert found.tax_micros == sum(tax.amount_micros for tax in found.taxes)
    assert found.total_micros == found.net_micros + found.tax_micros
    assert all(value % unit == 0 for value in (found.net_micros, found.tax_micros, found.total_micros))
    assert all(row.net_micros % unit == 0 for row in found.lines)
    inside = found.total_micros if inclusive and rules else found.net_micros
    assert found.rounding_micros == inside - found.exact_micros
    assert 2 * abs(found.rounding_micros) <= unit * len(amounts)


REDUCED = TaxRule(id=3, name="VAT, reduced", rate_ppm=90_000, fixed_micros=150_000)
EXEMPT = TaxRule(id=None, name="Exempt", category="E", exemption_reason="Article 132")
BORNE = (None, (), (VAT,), (REDUCED,), (EXEMPT,), (VAT, LEVY), (EXEMPT, LEVY))


@given(
    amounts=st.lists(st.tuples(st.integers(-(10**9), 10**10), st.sampled_from(BORNE)), min_size=1, max_size=12),
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    inclusive=st.booleans(),
)
def test_a_document_of_lines_with_taxes_of_their_own_adds_up_by_each_tax(
    amounts: list[tuple[int, tuple[TaxRule, ...] | None]], currency: str, inclusive: bool
) -> None:
    lines = [replace(line(micros), rules=own) for micros, own in amounts]
    found = totals(lines, (VAT, LEVY), currency=currency, prices_include_tax=inclusive)
    unit = 10 ** (6 - minor_digits(currency))
    assert found.net_micros == sum(row.net_micros for row in found.lines)
    assert found.tax_micros == sum(tax.amount_micros for tax in found.taxes)
    assert found.total_micros == found.net_micros + found.tax_micros
    assert all(row.net_micros % unit == 0 for row in found.lines)
    if inclusive and found.taxes:
        assert found.total_micros == sum(to_minor(micros, currency) for micros, _ in amounts)
    places = range(1, len(found.taxes) + 1)
    for own, row in zip((own for _, own in amounts), found.lines, strict=True):
        borne_by = [
            found.taxes[place - 1].rule.id for place in (row.tax_positions or ())
        ]  # little use bears no fixed part
        assert row.tax_positions is None or borne_by == [rule.id for rule in ((VAT, LEVY) if own is None else own)]
    for place, tax in zip(places, found.taxes, strict=True):
        net = sum(row.net_micros for row in found.lines if row.tax_positions is None or place in row.tax_positions)
        if not tax.rule.compound:
            assert tax.base_micros == net, "the base of a tax is what its lines come to"
        if not inclusive:
            fixed = to_minor(tax.rule.fixed_micros, currency) if net else 0
            rate = tax.base_micros * tax.rule.rate_ppm
            assert abs((tax.amount_micros - fixed) * 10**6 - rate) * 2 <= unit * 10**6, "rounded once"


def test_a_compound_tax_is_taken_of_the_taxes_of_its_own_lines_alone() -> None:
    lines = [replace(line(100_000_000), rules=(VAT, LEVY)), replace(line(50_000_000), rules=(VAT,))]
    found = totals(lines, (), currency="EUR", prices_include_tax=False)
    assert [(due.base_micros, due.amount_micros) for due in found.taxes] == [
        (150_000_000, 31_500_000),
        (121_000_000, 4_030_000),
    ]
    assert [row.tax_positions for row in found.lines] == [(1, 2), (1,)]


def test_a_compound_tax_comes_after_what_it_is_taken_of_whatever_other_lines_bear() -> None:
    lines = [line(100_000_000), replace(line(100_000_000), rules=(VAT, LEVY))]
    found = totals(lines, (EXEMPT, LEVY), currency="EUR", prices_include_tax=False)
    assert [(due.rule, due.base_micros, due.amount_micros) for due in found.taxes] == [
        (VAT, 100_000_000, 21_000_000),
        (LEVY, 221_000_000, 7_370_000),
        (EXEMPT, 100_000_000, 0),
    ]
    assert [row.tax_positions for row in found.lines] == [(3, 2), (1, 2)]
    inside = totals(lines, (EXEMPT, LEVY), currency="EUR", prices_include_tax=True)
    net, levied = inside.lines[1].net_micros, inside.taxes[1]
    assert levied.base_micros == inside.net_micros + inside.taxes[0].amount_micros
    assert abs(levied.base_micros * LEVY.rate_ppm // 10**6 - levied.amount_micros) <= 10_000
    assert inside.taxes[0].base_micros == net


@given(
    periods=st.lists(st.integers(0, 10**8), min_size=1, max_size=5),
    back=st.lists(st.integers(-(10**8), 10**7), max_size=5),
    fee=st.integers(-(10**8), -1),
)
def test_what_is_given_back_is_carried_over_and_nothing_of_it_lost(
    periods: list[int], back: list[int], fee: int
) -> None:
    late = [correction_line(JANUARY, micros) for micros in back]
    waits = [
        charge_line(charge_id=1, description="x", from_on=JANUARY.from_on, until_on=JANUARY.until_on,
                    quantity_milli=1000, unit_price_nanos=fee * 1000, amount_micros=fee, posted=False)
    ]  # fmt: skip
    said = 0
    for used in periods:
        lines, late = borne([line(used), *late, *waits], (), currency="EUR", prices_include_tax=False)
        assert totals(lines, (), currency="EUR", prices_include_tax=False).net_micros >= 0
        again = borne(lines, (), currency="EUR", prices_include_tax=False)
        assert again == (lines, []), "saying it again changes nothing"
        waits = [] if any(row.kind == "charge" for row in lines) else waits
        said += sum(row.exact_micros for row in lines)
    assert said + sum(row.exact_micros for row in (*late, *waits)) == sum(periods) + sum(back) + fee
    assert not late or sum(periods) + sum(back) < 10_000 * (len(periods) + len(back)), "only what found no room waits"


@given(
    used=st.lists(st.tuples(st.integers(0, 10**8), st.sampled_from(BORNE)), min_size=1, max_size=5),
    back=st.lists(st.tuples(st.integers(-(10**8), 10**7), st.sampled_from(BORNE)), max_size=5),
    fees=st.lists(st.tuples(st.integers(-(10**8), 10**7), st.sampled_from(BORNE)), max_size=3),
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    inclusive=st.booleans(),
)
def test_no_mix_of_lines_and_corrections_brings_a_document_below_zero_with_or_without_its_taxes(
    used: list[tuple[int, tuple[TaxRule, ...] | None]],
    back: list[tuple[int, tuple[TaxRule, ...] | None]],
    fees: list[tuple[int, tuple[TaxRule, ...] | None]],
    currency: str,
    inclusive: bool,
) -> None:
    late = [replace(correction_line(JANUARY, micros), rules=own) for micros, own in back]
    charges = [replace(line(micros), kind="charge", charge_id=place, rules=own) for place, (micros, own) in
               enumerate(fees)]  # fmt: skip
    own_lines = [replace(line(micros), rules=own) for micros, own in used]
    lines, rest = borne([*own_lines, *late, *charges], (VAT, LEVY), currency=currency, prices_include_tax=inclusive)
    found = totals(lines, (VAT, LEVY), currency=currency, prices_include_tax=inclusive)
    assert min(found.net_micros, found.total_micros) >= 0
    assert borne(lines, (VAT, LEVY), currency=currency, prices_include_tax=inclusive) == (lines, [])
    told = sum(row.exact_micros for row in (*lines, *rest) if row.kind == "correction")
    assert told == sum(micros for micros, _ in back), "nothing of corrections is lost"
    coin = 10 ** (6 - minor_digits(currency))
    if rest and not charges:
        more = replace(rest[0], exact_micros=max(rest[0].exact_micros, -coin))
        beyond = totals([*lines, more], (VAT, LEVY), currency=currency, prices_include_tax=inclusive)
        assert to_minor(more.exact_micros, currency) == 0 or min(beyond.net_micros, beyond.total_micros) < 0


def test_a_correction_uses_the_room_of_lines_with_other_taxes_as_far_as_its_own_tax_leaves_any() -> None:
    fee = replace(line(5_000_000), rules=(EXEMPT,))
    lines, (rest,) = borne(
        [fee, correction_line(JANUARY, -5_000_000)], (VAT,), currency="EUR", prices_include_tax=False
    )
    found = totals(lines, (VAT,), currency="EUR", prices_include_tax=False)
    assert (lines[1].exact_micros, rest.exact_micros) == (-4_130_000, -870_000)
    assert (found.net_micros, found.tax_micros, found.total_micros) == (870_000, -870_000, 0)


def test_calls_of_periods_that_follow_one_another_become_those_of_one_to_the_unit() -> None:
    february = period_of(date(2024, 2, 1), date(2024, 3, 1), "UTC")
    both = period_of(date(2024, 1, 1), date(2024, 3, 1), "UTC")
    used = [
        usage_line(
            Usage(destination=place, calls_count=1, billed_s=60, charged_micros=micros), period, "destination", {}
        )
        for place, micros, period in (("Latvia", 1, JANUARY), ("Latvia", 2, february), ("Malta", 4, february))
    ]
    late = correction_line(JANUARY, -5)
    latvia, told, malta = joined([used[0], late, *used[1:]], both)
    assert (latvia.exact_micros, latvia.unit_price_nanos, latvia.calls_count, latvia.billed_s) == (3, 3000, 2, 120)
    assert (latvia.usage, latvia.from_on, latvia.until_on) == (both, both.from_on, both.until_on)
    assert (malta.exact_micros, malta.usage, told) == (4, both, late)


def test_prices_that_include_tax_total_what_they_say() -> None:
    found = totals([line(90_000)] * 3, [VAT], currency="EUR", prices_include_tax=True)
    assert (found.total_micros, found.tax_micros, found.net_micros) == (270_000, 50_000, 220_000)
    assert [row.net_micros for row in found.lines] == [70_000, 80_000, 70_000]
    assert found.lines[0].unit_price_nanos == 70_000_000
    level = totals([line(90_000), line(-90_000)], [VAT], currency="EUR", prices_include_tax=True)
    assert (level.total_micros, [row.net_micros for row in level.lines]) == (0, [90_000, -90_000])


def test_little_use_within_prices_bears_the_rates_and_not_a_fixed_part_that_is_more() -> None:
    stamp = TaxRule(id=9, name="Stamp", rate_ppm=250_000, fixed_micros=1_000_000)
    little = totals([line(100_000)], (stamp,), currency="EUR", prices_include_tax=True)
    assert (little.net_micros, little.tax_micros, little.total_micros) == (80_000, 20_000, 100_000)
    enough = totals([line(6_000_000)], (stamp,), currency="EUR", prices_include_tax=True)
    assert (enough.net_micros, enough.tax_micros, enough.total_micros) == (4_000_000, 2_000_000, 6_000_000)
    each = [line(100_000), replace(line(50_000), rules=(stamp, VAT))]
    both = totals(each, (stamp,), currency="EUR", prices_include_tax=True)
    assert (both.total_micros, min(row.net_micros for row in both.lines) > 0) == (150_000, True)


@pytest.mark.parametrize(
    ("grouping", "words", "from_on"),
    [
        ("day", "Calls on 2024-01-05", date(2024, 1, 5)),
        ("destination", "Calls to Latvia", date(2024, 1, 1)),
        ("route", "Calls by Trunk", date(2024, 1, 1)),
        ("total", "Calls", date(2024, 1, 1)),
    ],
)
def test_calls_become_a_line_by_their_grouping(grouping: str, words: str, from_on: date) -> None:
    usage = Usage(
        on=date(2024, 1, 5), destination="Latvia", ingress_route_id=7, calls_count=3, billed_s=90, charged_micros=12_345
    )
    row = usage_line(usage, JANUARY, grouping, {7: "Trunk"})
    assert (row.description, row.from_on, row.exact_micros, row.usage) == (words, from_on, 12_345, JANUARY)
    assert (row.posted, row.calls_count, row.unit_price_nanos) == (True, 3, 12_345_000)


def test_lines_speak_the_language_of_their_document() -> None:
    usage = Usage(on=date(2024, 1, 5), calls_count=1, billed_s=1, charged_micros=1)
    told = [usage_line(usage, JANUARY, by, {}, words=WORDS["de"]).description for by in ("day", "destination", "total")]
    assert told == ["Anrufe am 2024-01-05", "Anrufe nach anderen Zielen", "Anrufe"]
    late = correction_line(JANUARY, -5, words=WORDS["pt"])
    assert late.description == "Correção de chamadas de 2024-01-01 a 2024-01-31"


def test_what_is_not_named_is_told_so() -> None:
    nameless = Usage(calls_count=1, billed_s=1, charged_micros=1)
    assert usage_line(nameless, JANUARY, "destination", {}).description == "Calls to other destinations"
    assert usage_line(nameless, JANUARY, "route", {}).description == "Calls to your numbers and within your net"
    gone = replace(nameless, ingress_route_id=7)
    assert usage_line(gone, JANUARY, "route", {}).description == "Calls by a route that is gone"


def test_the_other_kinds_of_line() -> None:
    first, until = date(2024, 1, 1), date(2024, 2, 1)
    fee = charge_line(charge_id=9, description="Fee", from_on=first, until_on=until, quantity_milli=1500,
                      unit_price_nanos=10**9, amount_micros=1_500_000, posted=False)  # fmt: skip
    assert (fee.kind, fee.charge_id, fee.exact_micros, fee.posted) == ("charge", 9, 1_500_000, False)
    late = correction_line(JANUARY, -5)
    assert (late.kind, late.exact_micros, late.description) == (
        "correction", -5, "Correction of calls from 2024-01-01 to 2024-01-31",
    )  # fmt: skip
    paid = payment_line("Payment", first, 7)
    assert (paid.kind, paid.until_on, paid.posted) == ("payment", date(2024, 1, 2), True)
    back = credit_line(line_id=3, description="Fee", net_micros=11)
    assert (back.kind, back.corrects_line_id, back.unit_price_nanos) == ("credit", 3, 11_000)
