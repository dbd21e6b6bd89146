"""Claims about routes: which one a number takes, in which order carriers are tried, what they are sent."""

import re
from collections import Counter
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.call_cast import card, ingress
from tollgate.core.routes import (
    by_weight,
    cld_sent,
    dial_match,
    in_order,
    select,
    select_above,
    sip_host,
    sip_user,
    unknown_patterns,
    without_prefix,
)
from tollgate.core.snapshot import Gateway, Route


def route(route_id: int, tech_prefix: str = "", *patterns: str) -> Route:
    return ingress(route_id, route_id, 1, tech_prefix=tech_prefix, patterns=patterns)


def test_the_longest_tech_prefix_wins_and_is_stripped() -> None:
    routes = (route(1), route(2, "99"), route(3, "9"))
    assert select(routes, "99442071838750") == (routes[1], "442071838750")
    assert select(routes, "442071838750") == (routes[0], "442071838750")


def test_after_the_tech_prefix_the_longest_dial_match_wins() -> None:
    routes = (route(1), route(2, "", "44"), route(3, "", "33", "4420"))
    assert select(routes, "442071838750").route == routes[2]
    assert select(routes, "441171838750").route == routes[1]
    assert select(routes, "31201838750").route == routes[0]


def test_a_tech_prefix_beats_any_dial_match() -> None:
    routes = (route(1, "", "994420"), route(2, "99"))
    assert select(routes, "99442071838750").route == routes[1]


def test_equal_matches_go_to_the_lowest_id() -> None:
    assert select((route(9), route(4), route(7)), "442071838750").route == route(4)


def test_patterns_are_tested_behind_the_tech_prefix() -> None:
    only = (route(1, "99", "44"),)
    assert select(only, "99442071838750") == (only[0], "442071838750")
    assert select(only, "9933171838750") == (None, "33171838750")


def test_a_pattern_may_be_a_regular_expression() -> None:
    patterns = ("^44(20|16)",)
    assert dial_match(patterns, "442071838750") == 4
    assert dial_match(patterns, "443071838750") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "^44(20|16)",
        "^(?:44|33)[1-9]",
        "^44|33",
        "^[^0]\\d{3}$",
        "^\\d+",
        "^00?",
        "^\\+?44",
        "^(?!44)\\d+",
        "^4{2}",
        "^.*5$",
        "^442",
    ],
)
@given(number=st.from_regex(r"(44|33|00)?[0-9]{0,12}", fullmatch=True))
def test_an_expression_covers_what_it_covers_in_other_engines(pattern: str, number: str) -> None:
    found = re.match(pattern, number)
    assert dial_match((pattern,), number) == (None if found is None else found.end())


def test_no_number_makes_an_expression_take_long() -> None:
    assert dial_match(("^(1+)+$",), "1" * 10_000 + "2") is None


def test_a_broken_expression_matches_nothing() -> None:
    assert dial_match(("^44(", "44"), "442071838750") == 2
    assert dial_match(("^44(",), "442071838750") is None
    assert unknown_patterns(("^44(", "44", "^44", "^4[45]", "^\\w")) == ["^44(", "^\\w"]


def test_a_tech_prefix_may_hold_signs_that_no_number_has() -> None:
    only = (route(1, "#1#"),)
    assert select(only, "#1#442071838750") == (only[0], "442071838750")
    assert select(only, "#2#442071838750") == (None, None)


def test_what_is_no_number_is_told_apart_from_what_has_no_route() -> None:
    assert select((), "442071838750") == (None, "442071838750")
    assert select((), "alice") == (None, None)
    assert select((route(1),), "alice") == (None, None)
    assert select((route(1, "99"),), "442071838750") == (None, "442071838750")


def test_a_plus_before_the_tech_prefix_is_no_obstacle() -> None:
    assert without_prefix("+9944", "99") == "44"
    assert without_prefix("9944", "99") == "44"
    assert without_prefix("+44", "") == "+44"
    assert without_prefix("44", "99") is None


def test_a_resellers_route_is_chosen_by_the_same_prefix_and_number() -> None:
    routes = (route(1), route(2, "99"), route(3, "", "44"))
    assert select_above(routes, "", "442071838750") == routes[2]
    assert select_above(routes, "99", "442071838750") == routes[1]
    assert select_above((routes[1],), "", "442071838750") is None


CARRIERS = (("dear", 30, 3, 1), ("cheap", 10, 2, 1), ("middle", 20, 1, 1))


def order(strategy: str, seed: str = "call") -> list[str]:
    ordered = in_order(CARRIERS, strategy, price=itemgetter(1), position=itemgetter(2), weight=itemgetter(3), seed=seed)
    return [name for name, *_ in ordered]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("lcr", ["cheap", "middle", "dear"]),
        ("reverse_lcr", ["dear", "middle", "cheap"]),
        ("manual", ["middle", "cheap", "dear"]),
        ("unheard of", ["middle", "cheap", "dear"]),
    ],
)
def test_strategies_order_by_price_or_place(strategy: str, expected: list[str]) -> None:
    assert order(strategy) == expected


def test_equal_prices_keep_the_listed_order_in_both_directions() -> None:
    same = (("b", 5, 2, 1), ("a", 5, 1, 1))
    for strategy in ("lcr", "reverse_lcr"):
        ordered = in_order(same, strategy, price=itemgetter(1), position=itemgetter(2), weight=itemgetter(3), seed="")
        assert [name for name, *_ in ordered] == ["a", "b"]


@pytest.mark.parametrize("strategy", ["weighted", "random"])
def test_chance_is_the_same_for_the_same_call_and_spreads_over_calls(strategy: str) -> None:
    assert order(strategy, "one") == order(strategy, "one")
    firsts = Counter(order(strategy, f"call {number}")[0] for number in range(3000))
    assert all(900 < count < 1100 for count in firsts.values())


def test_weights_of_10_and_1_share_first_attempts_10_to_1() -> None:
    gateways = (("a", 10), ("b", 1))
    firsts = Counter(by_weight(gateways, itemgetter(1), f"call {number}")[0][0] for number in range(11_000))
    assert abs(firsts["a"] - 10_000) < 150


@pytest.mark.parametrize("strategy", ["weighted", "random"])
def test_what_one_carrier_fails_the_other_connects(strategy: str) -> None:
    """Weights of 1 and 1 and ASRs of 100 % and 50 %: of the half that begins at the bad one, half comes back."""
    carriers, calls = (("good", 1), ("bad", 1)), 8_000
    connected: Counter[str] = Counter()
    begun: Counter[str] = Counter()
    for number in range(calls):
        tried = in_order(carriers, strategy, price=len, position=len, weight=itemgetter(1), seed=f"call {number}")
        first = tried[0][0]
        begun[first] += 1
        fails = first == "bad" and begun["bad"] % 2 == 0
        connected[tried[1][0] if fails else first] += 1
    assert connected.total() == calls
    assert connected["good"] == begun["good"] + begun["bad"] // 2
    assert abs(connected["good"] - calls * 3 // 4) < 150
    assert abs(connected["bad"] - calls // 4) < 150


def test_a_gateway_without_weight_is_only_a_last_resort() -> None:
    gateways = (("spare", 0), ("a", 1), ("b", 1))
    assert all(by_weight(gateways, itemgetter(1), f"{number}")[-1][0] == "spare" for number in range(50))


@settings(max_examples=50)
@given(weights=st.lists(st.integers(0, 5), max_size=6), seed=st.text(max_size=8))
def test_a_draw_loses_nobody_and_doubles_nobody(weights: list[int], seed: str) -> None:
    items = list(enumerate(weights))
    assert sorted(by_weight(items, itemgetter(1), seed)) == items


def test_the_number_sent_is_cut_and_prefixed_as_gateway_and_card_say() -> None:
    carrier_card = card(5, [], carrier_id=1, tech_prefix="7#")
    gateway = Gateway(1, "a", 1, False, "203.0.113.5", strip_digits=2, prefix="00")
    assert cld_sent("442071838750", gateway, carrier_card) == "7#002071838750"
    assert cld_sent("442071838750", Gateway(1, "a", 1, False, "h"), card(5, [], carrier_id=1)) == "442071838750"


def test_signs_in_a_user_part_are_escaped() -> None:
    assert sip_user("442071838750") == "442071838750"
    assert sip_user("7#44 ü@") == "7%2344%20%C3%BC%40"
    assert sip_user("+44*1") == "+44*1"


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert sip_host("2001:db8::1") == "[2001:db8::1]"
    assert sip_host("[2001:db8::1]") == "[2001:db8::1]"
    assert sip_host("sip.example.com") == "sip.example.com"
