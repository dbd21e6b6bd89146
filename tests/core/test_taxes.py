"""Claims about taxes: who pays which, and that each is rounded once, on top of prices and within them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.taxes import (
    HOME_REVERSE_CHARGE_WORDS,
    REVERSE_CHARGE_WORDS,
    TaxChoice,
    TaxDoubt,
    TaxParty,
    TaxRule,
    chosen,
    due,
    on_net,
    parted,
    rules_within,
    to_minor,
    twins,
    within_gross,
)

VAT = TaxRule(id=1, name="VAT", rate_ppm=210_000)
ON = date(2024, 5, 1)


def party(**values: object) -> TaxParty:
    """A Lithuanian company's customer at home."""
    home: dict[str, object] = {
        "seller_country": "LT", "seller_vat": "LT100001919017", "country": "LT", "number_valid": False,
    }  # fmt: skip
    return TaxParty(**{**home, **values})  # type: ignore[arg-type]


rules = st.lists(
    st.builds(
        TaxRule,
        id=st.none(),
        name=st.just("Tax"),
        rate_ppm=st.integers(0, 400_000),
        fixed_micros=st.sampled_from((0, 0, 123_456)),
        compound=st.booleans(),
    ),
    max_size=4,
    unique=True,
)
currencies = st.sampled_from(("EUR", "JPY", "KWD"))


@given(gross=st.integers(-(10**12), 10**12), taxes=rules, currency=currencies)
def test_taxes_within_a_price_leave_its_total_and_agree_with_those_on_top(
    gross: int, taxes: list[TaxRule], currency: str
) -> None:
    gross = to_minor(gross, currency)
    found = within_gross(gross, taxes, currency)
    net = gross - sum(tax.amount_micros for tax in found)
    unit = to_minor(500_000 if currency == "JPY" else 5_000 if currency == "EUR" else 500, currency)
    for inside, above in zip(found, on_net(net, taxes, currency), strict=True):
        assert inside.amount_micros % unit == 0
        assert abs(inside.amount_micros - above.amount_micros) <= unit * (1 + 2 * len(taxes)) or not net


@given(net=st.integers(-(10**12), 10**12), taxes=rules, currency=currencies)
def test_a_credit_mirrors_what_it_takes_back(net: int, taxes: list[TaxRule], currency: str) -> None:
    plain = [TaxRule(id=None, name=rule.name, rate_ppm=rule.rate_ppm, compound=rule.compound) for rule in taxes]
    there, back = on_net(net, plain, currency), on_net(-net, plain, currency)
    assert [tax.amount_micros for tax in there] == [-tax.amount_micros for tax in back]


def test_parallel_compound_and_fixed_parts() -> None:
    levy = TaxRule(id=2, name="Levy", rate_ppm=50_000, compound=True, priority=20, fixed_micros=1_004_000)
    first, second = on_net(100_000_000, (VAT, levy), "EUR")
    assert (first.base_micros, first.amount_micros) == (100_000_000, 21_000_000)
    assert (second.base_micros, second.amount_micros) == (121_000_000, 6_050_000 + 1_000_000)
    inside = within_gross(128_050_000, (VAT, levy), "EUR")
    assert [tax.amount_micros for tax in inside] == [21_000_000, 7_050_000]
    assert [tax.amount_micros for tax in on_net(0, (VAT, levy), "EUR")] == [0, 0], "nothing bears no fixed part"
    assert within_gross(0, (levy,), "EUR")[0].amount_micros == 0
    assert on_net(100_000_000, (), "EUR") == ()


@pytest.mark.parametrize(
    ("who", "categories"),
    [
        (party(), ["S"]),
        (party(country="DE", number_valid=True), ["AE"]),
        (party(country="DE"), ["S"]),
        (party(country="DE", number_valid=True, treatment="taxed"), ["S"]),
        (party(country="US"), ["O"]),
        (party(country="US", treatment="taxed"), ["S"]),
        (party(country="US", seller_vat=""), ["S"]),
        (party(country=""), ["S"]),
        (party(seller_country="US", country="DE", number_valid=True), ["S"]),
        (party(treatment="exempt"), ["E"]),
        (party(number_valid=True, treatment="reverse_charge"), ["AE"]),
    ],
)
def test_who_the_customer_is_decides(who: TaxParty, categories: list[str]) -> None:
    found = due(who, [VAT], ON)
    assert not isinstance(found, TaxDoubt)
    assert [rule.category for rule in found] == categories
    assert all(rule.exemption_reason for rule in found if rule.category in ("AE", "E", "O"))
    if categories == ["AE"]:
        home = who.country == who.seller_country
        assert found[0].exemption_reason == (HOME_REVERSE_CHARGE_WORDS if home else REVERSE_CHARGE_WORDS)


def test_a_reverse_charge_says_the_reason_that_the_customer_was_given() -> None:
    article = TaxRule(id=7, name="Telecom resale", category="AE", exemption_reason="Article 199a(1)(g)")
    for who in (
        party(number_valid=True, treatment="reverse_charge"),
        party(country="DE", number_valid=True),
        party(),
    ):
        assert due(who, [article], ON) == (article,)
    assert isinstance(due(party(treatment="reverse_charge"), [article], ON), TaxDoubt), "the number is needed as well"
    british = party(seller_country="GB", seller_vat="GB1", country="GB", number_valid=True, treatment="reverse_charge")
    assert [rule.exemption_reason for rule in due(british, [], ON)] == [HOME_REVERSE_CHARGE_WORDS]  # type: ignore[union-attr]


LEVY = TaxRule(id=2, name="Levy", label="Levy", rate_ppm=10_000, is_vat=False)


@pytest.mark.parametrize(
    ("who", "held"),
    [
        (party(), []),
        (party(country=""), []),
        (party(), [LEVY]),
        (party(treatment="taxed"), [LEVY]),
        (party(), [TaxRule(id=3, name="Ended", rate_ppm=200_000, valid_until_on=date(2024, 4, 30))]),
        (party(), [TaxRule(id=3, name="Off", rate_ppm=200_000, enabled=False)]),
        (party(country="DE"), [TaxRule(id=3, name="PVM", rate_ppm=210_000, country="LT")]),
        (party(country="US", treatment="taxed"), [LEVY]),
        (party(seller_country="GB", seller_vat="GB1", country="GB"), []),
    ],
)
def test_who_should_bear_vat_and_has_none_that_holds_is_in_doubt(who: TaxParty, held: list[TaxRule]) -> None:
    found = due(who, held, ON)
    assert isinstance(found, TaxDoubt)
    assert "why it bears none" in found.sentence
    assert ("valid VAT number" in found.sentence) == (who.country == "DE")


@pytest.mark.parametrize(
    "who",
    [
        party(seller_vat=""),
        party(treatment="no_vat"),
        party(country="DE", number_valid=True, treatment="no_vat"),
        party(seller_country="GB", seller_vat="GB1", country="DE"),
    ],
)
def test_no_vat_is_no_doubt_for_who_charges_none_or_is_told_so(who: TaxParty) -> None:
    assert due(who, [], ON) == ()
    assert due(who, [LEVY], ON) == (LEVY,)
    if who.treatment == "no_vat":
        assert due(who, [VAT, LEVY], ON) == (LEVY,), "what is no VAT stays"


def test_a_fixed_part_is_never_more_than_the_price_it_is_within() -> None:
    stamp = TaxRule(id=3, name="Stamp", rate_ppm=200_000, fixed_micros=1_000_000)
    (bare,) = rules_within(100_000, (stamp,), "EUR")
    assert (bare.fixed_micros, bare.rate_ppm) == (0, 200_000)
    assert rules_within(1_000_000, (stamp,), "EUR") == (stamp,), "it takes all, and no more"
    assert rules_within(-100_000, (stamp,), "EUR") == (stamp,)


def test_what_is_no_vat_is_due_where_vat_falls_away() -> None:
    levy = TaxRule(id=2, name="Levy", label="Levy", rate_ppm=10_000, is_vat=False, priority=5)
    none = TaxRule(id=3, name="No levy there", category="O", exemption_reason="None", is_vat=False)
    for who in (
        party(country="DE", number_valid=True),
        party(country="US"),
        party(treatment="exempt"),
        party(number_valid=True, treatment="reverse_charge"),
    ):
        found = due(who, [levy, VAT, none], ON)
        assert not isinstance(found, TaxDoubt)
        assert found[0].is_vat
        assert found[1:] == (levy, none), "and they do not speak for VAT"
    assert due(party(), [VAT, levy], ON) == (levy, VAT)


def test_what_is_missing_is_a_doubt() -> None:
    for who, words in (
        (party(treatment="reverse_charge"), "number of the customer"),
        (party(treatment="reverse_charge", number_valid=True, seller_vat=""), "own VAT number"),
        (party(treatment="taxed"), "none of its taxes"),
    ):
        found = due(who, [], ON)
        assert isinstance(found, TaxDoubt)
        assert words in found.sentence


@pytest.mark.parametrize(
    ("choice", "who", "words"),
    [
        (TaxChoice((1, 9)), party(), "does not pay"),
        (TaxChoice((1,), "E", "Article 132"), party(), "bears VAT and says why not"),
        (TaxChoice((2,)), party(), "or neither"),
        (TaxChoice((), "AE", "x"), party(), "valid tax number"),
        (TaxChoice((), "K", "x"), party(number_valid=True, seller_vat=""), "own VAT number"),
    ],
)
def test_what_was_chosen_for_a_line_is_in_doubt_once_it_holds_no_more(
    choice: TaxChoice, who: TaxParty, words: str
) -> None:
    found = chosen(choice, [VAT, TaxRule(id=2, name="Levy", rate_ppm=1, is_vat=False)], ON, who)
    assert isinstance(found, TaxDoubt)
    assert words in found.sentence


def test_dates_countries_switches_and_words_of_ones_own_are_obeyed() -> None:
    old = TaxRule(id=1, name="Old", rate_ppm=190_000, valid_until_on=date(2024, 4, 30))
    new = TaxRule(id=2, name="New", rate_ppm=210_000, valid_from_on=date(2024, 5, 1), priority=5)
    off = TaxRule(id=3, name="Off", enabled=False)
    german = TaxRule(id=4, name="MwSt", country="DE")
    every = [old, new, off, german]
    assert due(party(), every, date(2024, 4, 30)) == (old,)
    assert due(party(), every, ON) == (new,)
    assert due(party(country="DE"), every, ON) == (new, german)
    export = TaxRule(id=5, name="Export", category="G", exemption_reason="Export")
    exempt = TaxRule(id=6, name="School", category="E", exemption_reason="Article 132")
    assert due(party(country="US"), [VAT, export], ON) == (export,)
    assert due(party(treatment="exempt"), [VAT, exempt], ON) == (exempt,)


def test_what_was_chosen_for_a_line_stands_in_the_order_of_taking() -> None:
    levy = TaxRule(id=2, name="Levy", rate_ppm=1, is_vat=False, priority=-1)
    assert chosen(TaxChoice((1, 2)), [VAT, levy], ON, party()) == (levy, VAT)
    exempt = chosen(TaxChoice((2,), "E", "Article 132"), [VAT, levy], ON, party())
    assert isinstance(exempt, tuple)
    assert [(rule.category, rule.exemption_reason) for rule in exempt] == [("E", "Article 132"), (levy.category, "")]


@given(amount=st.integers(-(10**9), 10**9), weights=st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_parts_sum_to_the_whole(amount: int, weights: list[int]) -> None:
    cents = amount * 10_000
    parts = parted(cents, weights, "EUR")
    assert (sum(parts), len(parts)) == (cents, len(weights))
    assert any(weights) or parts[0] == cents


def test_a_tax_of_another_document_is_the_own_where_it_is_the_same_at_the_same_rate() -> None:
    renamed = TaxRule(id=1, name="VAT, as it was called", rate_ppm=210_000, priority=3)
    dearer = TaxRule(id=1, name="VAT", rate_ppm=180_000)
    assert twins([renamed, dearer], [VAT]) == (VAT, dearer)
