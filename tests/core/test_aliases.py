"""Claims about aliases: what fits, what it becomes, whose is asked first, and that it is one step."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import INVITE, World, world
from tollgate.core.aliases import MOST_DIGITS, Alias, Aliases, AliasInvalid, alias, aliases, hints, translated
from tollgate.core.calls import read_gates
from tollgate.core.localization import Localization, parse
from tollgate.core.refusals import Key
from tollgate.core.rewrites import parse as parse_rewrites
from tollgate.core.snapshot import Endpoint

LONDON = "442079460001"


def made(*rows: tuple[str, str], owner: str = "customer", first: int = 1) -> Aliases | None:
    """Aliases in this order."""
    return aliases(
        alias({"id": place, "current": current, "new": new, "owner": owner})
        for place, (current, new) in enumerate(rows, start=first)
    )


def becomes(number: str, *rows: tuple[str, str]) -> str:
    found = translated(made(*rows), None, number)
    return number if found is None else found[1]


@pytest.mark.parametrize(
    ("current", "new", "number", "result"),
    [
        ("9000", LONDON, "9000", LONDON),
        ("9000", LONDON, "90001", "90001"),
        ("9000", LONDON, "+9000", LONDON),
        ("+9000", LONDON, "9000", "9000"),
        ("*98", "1#$0", "*98", "1#*98"),
        ("^0([1-9][0-9]*)$", "44$1", "02079460001", LONDON),
        ("^00", "", "00442079460001", LONDON),
        ("^112", "44112", "1123", "441123"),
        ("^9+$", LONDON, "9" * MOST_DIGITS, LONDON),
        ("^9+$", LONDON, "9" * (MOST_DIGITS + 1), "9" * (MOST_DIGITS + 1)),
        ("^9+$", LONDON, "+" + "9" * MOST_DIGITS, LONDON),
        ("9" * 30, LONDON, "9" * 30, LONDON),
        ("9000", LONDON, "", ""),
    ],
)
def test_a_number_fits_whole_and_an_expression_by_what_it_fits(
    current: str, new: str, number: str, result: str
) -> None:
    assert becomes(number, (current, new)) == result


def test_the_first_that_fits_is_applied_and_what_comes_out_is_no_alias_again() -> None:
    assert becomes("9000", ("9000", "9001"), ("9001", LONDON), ("9000", "1")) == "9001"
    assert becomes("9000", ("^9", "8"), ("9000", LONDON)) == "8000"
    assert becomes("9000", ("9000", "9000"), ("^9", "8")) == "9000"
    assert becomes("+9000", ("+9000", "1"), ("9000", "2")) == "1"
    assert becomes("+9000", ("9000", "2"), ("+9000", "1")) == "2"


def test_the_customers_own_are_asked_before_those_of_all() -> None:
    own, shared = made(("9000", "1"), ("^8", "2")), made(("^9", "3"), ("7000", "4"), owner="account", first=10)
    told = [translated(own, shared, number) for number in ("9000", "9001", "7000", "6000")]
    found = [(one[0].owner, one[0].id, one[1]) if one else None for one in told]
    assert found == [("customer", 1, "1"), ("account", 10, "3001"), ("account", 11, "4"), None]
    assert translated(None, None, "9000") is None


SHORT = st.text("0123+", max_size=4)
CURRENT = st.one_of(SHORT.filter(lambda text: text and "+" not in text[1:]), st.sampled_from(["^0", "^(0|1)$", "^.2+"]))


@given(own=st.lists(st.tuples(CURRENT, SHORT), max_size=6), number=SHORT)
def test_looking_numbers_up_decides_as_asking_one_by_one_does(own: list[tuple[str, str]], number: str) -> None:
    rows = [(current, new or "5") for current, new in own]
    listed = made(*rows)
    one_by_one = next(
        ((one, after) for one in (listed.listed if listed else ()) if (after := one.apply(number)) is not None), None
    )
    assert translated(listed, None, number) == one_by_one


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("", "1", "current"),
        ("9000", "", "new"),
        ("90x0", "1", "current"),
        ("^9(", "1", "current"),
        ("9000", "$1", "new"),
    ],
)
def test_what_cannot_be_obeyed_names_its_field(current: str, new: str, field: str) -> None:
    with pytest.raises(AliasInvalid) as told:
        alias({"current": current, "new": new})
    assert told.value.field == field


def test_traps_are_told() -> None:
    number, loose = alias({"id": 2, "current": "9000", "new": "1"}), alias({"id": 3, "current": "^9", "new": "1"})
    assert hints(number, aliases([loose, number])) == ["It is never reached: ^9 comes before it and fits 9000 too."]
    assert hints(number, aliases([number, loose])) == hints(number, None) == []
    assert any("End it with $" in sentence for sentence in hints(loose, None))
    assert hints(alias({"current": "^9([1-9]+)$", "new": "$1"}), None)[0].startswith("[1-9] leaves the digit 0 out")


def trace(known: World, cld: str) -> Mapping[str, Any]:
    """What the steps of a granted call say, by gate."""
    return {gate.gate: gate.values for gate in known.granted(INVITE._replace(cld=cld)).gates}


def test_an_alias_acts_behind_rewrites_and_localization_and_before_every_gate() -> None:
    own = Localization("UK", originate_cld=parse("0/9"))
    known = world(
        acme={"localization": own, "aliases": made(("9000", LONDON))},
        endpoint={"rewrites": parse_rewrites([{"target": "cld", "current": "7", "new": "0"}])},
        aliases=made(("9001", LONDON), ("66", "999"), owner="account"),
    )
    told = trace(known, "7000")
    assert [gate for gate in told if gate in ("rewrite", "localization", "alias", "no_rate")] == [
        "rewrite", "localization", "alias", "no_rate",
    ]  # fmt: skip
    assert (told["alias"]["cld"], told["alias"]["cld_to"]) == ("9000", LONDON)
    assert told["no_rate"]["number"] == LONDON
    planned = known.plan(INVITE._replace(cld="9001"))
    assert (planned.invite.cld, planned.number) == ("9001", LONDON)
    refused = known.refused(INVITE._replace(cld="66"))
    assert (refused.key, dict(refused.values)["number"]) == (Key.no_rate, "999")
    assert "alias" not in trace(known, LONDON)


def test_an_alias_reaches_a_phone_of_our_own_net() -> None:
    users = {"1001": Endpoint(7, 1, "sip_user", 27, name="1001")}
    planned = world(users=users, acme={"aliases": made(("100", "1001"))}).plan(INVITE._replace(cld="100"))
    assert planned.local_user == "1001"


def test_a_long_result_is_cut_like_every_number() -> None:
    outcome = world(acme={"aliases": made(("^(9+)$", "$1" * 20))}).decide(INVITE._replace(cld="9" * MOST_DIGITS))
    told = {gate.gate: gate.values for gate in read_gates(outcome.gates)}
    assert told["alias"]["cld_to"] == "9" * 128


def test_sizes_count_expressions_alone() -> None:
    listed = made(("9000", "1"), ("^9$", "1"))
    assert listed is not None
    assert [isinstance(one, Alias) and one.size > 0 for one in listed.listed] == [False, True]
    assert listed.size == listed.listed[1].size
