"""Claims about CLI rules: the worked cases of the rules, their order, and what of them cannot be obeyed."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import INVITE, World, world
from tollgate.core import cli, cli_rules
from tollgate.core.cli_rules import CliRule, CliRuleInvalid, hints, rule
from tollgate.core.patterns import match
from tollgate.core.refusals import Key
from tollgate.core.snapshot import Still

MAIN = "442079460999"
FREEPHONE = "^((?!^1(800|833|844|855|866|877|888)).)*$"


def made(cli: str = "", *, owner: str = "customer", rule_id: int = 1, **fields: Any) -> CliRule:
    return rule({"id": rule_id, "cli": cli, "weight": 100, "owner": owner, **fields})


def acme(*rules: CliRule, only: bool = True, **fields: Any) -> World:
    return world(acme={"cli_rules": rules, "approved_clis_only": only, **fields})


def shown(known: World, cli: str, pai: str = "", **fields: Any) -> tuple[str, str] | None:
    """The CLI and the assertion at the carrier; None for a call that was refused by them."""
    invite = INVITE._replace(cli=cli, pai=f"<sip:{pai}@a>" if pai else None, **fields)
    planned = known.plan(invite)
    if planned.hidden is not None:
        assert planned.hidden.key is Key.cli_restricted
        return None
    return planned.routes[0].cli, planned.routes[0].pai


FORCED = (made("111111111111", forced=True), made("222222222222", rule_id=2))
WORKED = [
    ((made("123456789"),), "123456789", "", ("123456789", "123456789")),
    ((made("123456789"),), "987654321", "", None),
    ((made("^123456[135][0-9]{1,2}$"),), "123456177", "", ("123456177", "123456177")),
    ((made("^123456[135][0-9]{1,2}$"),), "123456277", "", None),
    ((made("1122334455", pai="123456789"),), "1122334455", "123456789", ("1122334455", "123456789")),
    ((made("1122334455", pai="123456789"),), "1122334455", "1", None),
    ((made("1122334455", pai="123456789"),), "1122334455", "", None),
    ((made("1122334455", pai="123456789"),), "1", "123456789", None),
    ((made("^1", rewrite_cli="222222222222"),), "1555", "", ("222222222222", "222222222222")),
    ((made("^9(.*)$", rewrite_cli="44$1"),), "9123456789", "", ("44123456789", "44123456789")),
    (FORCED, "333333333333", "", ("111111111111", "111111111111")),
    (FORCED, "222222222222", "", ("222222222222", "222222222222")),
    (FORCED, "111111111111", "", ("111111111111", "111111111111")),
    ((made("^0([1-9]+)$", rewrite_cli=r"44\1"),), "01782123456", "", ("441782123456", "441782123456")),
    ((made(".*", rewrite_pai=MAIN),), "1555", "", ("1555", MAIN)),
    ((made(".*", rewrite_pai=MAIN),), "1555", "999", ("1555", MAIN)),
    ((made(FREEPHONE),), "18005551234", "", None),
    ((made(FREEPHONE),), "+18005551234", "", None),
    ((made(FREEPHONE),), "+14155551234", "", ("+14155551234", "+14155551234")),
    ((made(r"^\+44"),), "+44123", "", ("+44123", "+44123")),
    ((made("^[0+]*44"),), "+44123", "", ("+44123", "+44123")),
    ((made(r"^(?!\+1)"),), "+1800", "", None),
    ((made(r"^\+44"),), "44123", "", None),
    ((made("^.(.*)$", rewrite_cli="9$1"),), "+44123", "", ("94123", "94123")),
    ((made("^1+$"),), "1" * 40, "", ("1" * 40, "1" * 40)),
    ((made("^1+$"),), "1" * 41, "", None),
    ((made(FREEPHONE),), "14155551234", "", ("14155551234", "14155551234")),
    ((made("789$"),), "123789", "", ("123789", "123789")),
    ((made("789$"),), "7891", "", None),
    ((made("456"),), "+123456789", "", ("+123456789", "+123456789")),
    ((made("^44"),), "+44123", "", ("+44123", "+44123")),
    ((made("(?<a>^44)", pai="(?<rest>[0-9]{3})$", rewrite_cli="$<a>${rest}"),), "441", "77123", ("44123", "77123")),
    ((made("^44", rewrite_pai="00$0"),), "44123", "", ("44123", "0044")),
    ((), "1", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "cli", "pai", "expected"), WORKED)
def test_the_worked_cases_come_out(
    rules: tuple[CliRule, ...], cli: str, pai: str, expected: tuple[str, str] | None
) -> None:
    assert shown(acme(*rules), cli, pai) == expected


def test_a_rule_of_dialed_numbers_holds_for_these_alone() -> None:
    known = acme(made(".*", dialed="^4420", rewrite_cli="5", owner="customer"), made(".*", rule_id=2))
    assert shown(known, "1") == ("5", "5")
    assert shown(known, "1", cld="441632960000") == ("1", "1")


def test_a_plus_before_what_is_asserted_or_dialed_counts_for_no_rule_without_one() -> None:
    asserted, dialed = made(pai=FREEPHONE), made(dialed=FREEPHONE)
    for sign in ("", "+"):
        assert [rule.allows(f"{sign}18005551234", f"{sign}18005551234") for rule in (asserted, dialed)] == [
            False,
            False,
        ]
        assert [rule.allows(f"{sign}14155551234", f"{sign}14155551234") for rule in (asserted, dialed)] == [True, True]


def test_what_looks_ahead_counts_for_the_size_of_a_rule() -> None:
    alone, looking = made("^[0-9]"), made("^[0-9](?=1{50})(?!2{60})")
    assert looking.size > alone.size + 110
    assert cli_rules.size([alone, looking]) == alone.size + looking.size


def test_without_the_box_rules_change_numbers_and_refuse_none() -> None:
    known = acme(made("^1", rewrite_cli="2"), only=False)
    assert (shown(known, "1555"), shown(known, "999")) == (("2", "2"), ("999", "999"))
    assert shown(acme(*FORCED, only=False), "999") == ("111111111111", "111111111111")


def test_a_verified_number_passes_without_a_rule_and_is_not_replaced() -> None:
    known = acme(*FORCED, approved_clis=frozenset({MAIN}))
    assert shown(known, f"+{MAIN}") == (f"+{MAIN}", f"+{MAIN}")


def test_an_assertion_that_no_rule_speaks_of_has_to_be_approved_itself() -> None:
    assert shown(acme(made("^44")), "441", "999") is None
    assert shown(acme(made("^44")), "441", "442") == ("441", "442")
    assert shown(acme(made("^44"), only=False), "441", "999") == ("441", "999")
    assert shown(acme(made("^44"), pai_mode="remove"), "441", "999") == ("441", "")
    assert shown(acme(*FORCED), "999", "888") == ("111111111111", "111111111111")
    empty = made("^44([0-9]*)$", rewrite_pai="$1")
    assert shown(acme(empty), "44", "999") is None
    assert [shown(acme(empty), cli, pai) for cli, pai in (("44", "447"), ("44999", "999"))] == [
        ("44", "447"),
        ("44999", "999"),
    ]


def test_an_assertion_written_by_a_rule_is_one_for_who_needs_one() -> None:
    strict = acme(made(".*", rewrite_pai=MAIN), pai_mode="required")
    assert shown(strict, "1") == ("1", MAIN)
    assert acme(made(".*"), pai_mode="required").refused().key is Key.paid_required


def test_the_customers_own_rules_come_first_then_tags_then_everybodys() -> None:
    of = {"tag": made("^44", owner="tag", rewrite_cli="2"), "account": made(".*", owner="account", rewrite_cli="3")}
    own = made("^441", rewrite_cli="1")
    known = acme(own, of["tag"], of["account"])
    assert [shown(known, number) for number in ("441", "442", "5")] == [("1", "1"), ("2", "2"), ("3", "3")]
    forced = [made(number, owner=owner, forced=True) for number, owner in (("7", "tag"), ("8", "account"))]
    assert {shown(acme(*forced, cli_selection="random"), "5", call_id=str(i)) for i in range(9)} == {("7", "7")}


class Turning:
    """A rota that turns."""

    def __init__(self) -> None:
        self.turns = Counter[int]()

    def next(self, customer_id: int) -> int:
        self.turns[customer_id] += 1
        return self.turns[customer_id] - 1


@pytest.mark.parametrize(
    ("selection", "expected"),
    [("first", {"1": 300}), ("round_robin", {"1": 100, "2": 100, "3": 100}), ("random", None), ("weighted", None)],
)
def test_which_of_several_forced_numbers_is_shown_is_said(selection: str, expected: dict[str, int] | None) -> None:
    rules = [made(str(n), forced=True, rule_id=n, weight=weight) for n, weight in ((1, 80), (2, 20), (3, 0))]
    known = acme(*rules, cli_selection=selection)
    known.snapshot = replace(known.snapshot, rota=Turning())
    counted = Counter(found[0] for n in range(300) if (found := shown(known, "999", call_id=f"call {n}")))
    if expected is not None:
        assert counted == expected
    elif selection == "random":
        assert all(70 < counted[number] < 130 for number in "123")
    else:
        assert counted["1"] > 200 > counted["2"] > 30
        assert not counted["3"]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 100_000),
    st.integers(2, 7),
    st.sampled_from(cli_rules.SELECTIONS),
)
def test_forced_numbers_with_a_time_for_each_take_turns_by_the_clock_alone(
    at: datetime, persist_s: int, count: int, selection: str
) -> None:
    rules = [made(str(n), forced=True, rule_id=n + 1) for n in range(count)]
    payer = acme(*rules, cli_selection=selection, cli_persist_s=persist_s).snapshot.customers[1]

    def told(at: datetime) -> str:
        return cli.show(payer, cli.Asked(f"call {at}", "999", "", "442079460001", at), Still()).cli

    turn = int(at.replace(microsecond=0).timestamp()) // persist_s
    begun = datetime.fromtimestamp(turn * persist_s, UTC)
    length = timedelta(seconds=persist_s)
    assert [told(begun + n * length) for n in range(-1, count)] == [str((turn + n) % count) for n in range(-1, count)]
    assert told(begun) == told(at) == told(begun + length - timedelta(microseconds=1)), "all the time of its turn"


def test_the_steps_of_the_call_tell_the_rule_and_its_attestation() -> None:
    known = acme(made("^1", rewrite_cli="2", rule_id=17, attestation="B", owner="tag", name="Resold"))
    gate = next(gate for gate in known.granted(INVITE._replace(cli="1555")).gates if gate.gate == Key.cli_restricted)
    told = ("how", "rule", "of", "cli", "cli_to", "attestation")
    assert [gate.values[name] for name in told] == ["rule", 17, "Resold", "1555", "2", "B"]


def test_a_shared_address_is_told_apart_by_a_customers_own_rules() -> None:
    payer = acme(made("^44"), made("^99", owner="tag")).snapshot.customers[1]

    assert [cli.owns(payer, number, "", "") for number in ("441", "991", "5")] == [True, False, False]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "cli", "name a CLI"),
        ({"cli": "^4(4"}, "cli", "not closed"),
        ({"pai": "["}, "pai", "not closed"),
        ({"cli": "^44", "rewrite_cli": "$1"}, "rewrite_cli", "the CLI has 0 groups"),
        ({"cli": "1", "pai": "(2)", "rewrite_pai": "$1"}, "rewrite_pai", "the CLI has 0 groups"),
        ({"cli": "1", "rewrite_cli": "$<area>"}, "rewrite_cli", "no group is named area"),
        ({"cli": "1", "rewrite_cli": "x"}, "rewrite_cli", "use the signs"),
        ({"cli": "1", "rewrite_cli": "1" * 101}, "rewrite_cli", "at most 100"),
        ({"cli": "^44", "forced": True}, "cli", "names one number"),
        ({"cli": "44", "forced": True, "rewrite_cli": "1"}, "rewrite_cli", "shown as it is"),
        ({"cli": 5}, "cli", "give text"),
    ],
)
def test_a_rule_that_cannot_be_obeyed_is_refused_by_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(CliRuleInvalid, match=words) as refused:
        rule({"weight": 1, **fields})
    assert refused.value.field == field


def test_traps_are_told() -> None:
    assert "anywhere" in hints({"cli": "37061234567"})[0]
    assert "leaves the digit 0 out" in hints({"cli": "^0([1-9]+)$"})[0]
    for quiet in ({"cli": "^370$"}, {"cli": "37061234567", "forced": True}, {"cli": "^0[0-9]+"}, {"cli": ""}):
        assert hints(quiet) == []


@given(text=st.from_regex(r"\^?[0-9#]{1,4}\$?", fullmatch=True), number=st.text("0123456789#+", max_size=8))
def test_plain_digits_fit_as_the_expression_would(text: str, number: str) -> None:

    plain = made(text)
    assert plain.cli is not None
    spans = match(plain.cli.pattern, number).spans
    bare = match(plain.cli.pattern, number[1:]).spans if number.startswith("+") else None
    assert (plain.fitting(number) is not None) is (spans is not None or bare is not None)
    assert cli_rules.size([plain]) == 0
