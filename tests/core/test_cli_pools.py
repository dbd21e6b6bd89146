"""Claims about CLI pools: what becomes of a call by whose its number is, in each of the nine modes."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import AT, INVITE, SAAR_INVITE, World, card, row, world
from tests.core.test_cli_rules import made
from tollgate.core import cli
from tollgate.core.calls_types import Invite
from tollgate.core.cli_pools import DISABLED, MODES, CliPool, prices, replaces, takes_clis, takes_dids
from tollgate.core.rates import simple
from tollgate.core.refusals import Key

DID, OTHER_DID = "37052070001", "37052070002"
CLI, OTHER_CLI = "442079460999", "442079460888"
STRANGER = "12025550123"
NON_CLI = 9
"""The card of calls from numbers that are not the customer's: it is twice as dear."""
CARDS = {NON_CLI: card(NON_CLI, [row("44", simple(price_nanos=120_000_000, initial_s=60, increment_s=60))])}
POOLS = [mode for mode in MODES if mode != DISABLED]


def pooled(
    mode: str,
    *rules: Any,
    card_id: int | None = NON_CLI,
    dids: tuple[str, ...] = (DID,),
    clis: tuple[str, ...] = (CLI,),
    **acme: Any,
) -> World:
    pool = None if mode == DISABLED else CliPool(mode, dids, clis, card_id)
    fields = {"cli_pool": pool, "approved_clis": frozenset(clis), "cli_rules": rules, **acme}
    return world(acme=fields, cards=CARDS)


def from_(number: str, pai: str = "", **fields: Any) -> Invite:
    return INVITE._replace(cli=number, pai=f"<sip:{pai}@a>" if pai else None, **fields)


def fate(known: World, number: str, pai: str = "", **fields: Any) -> str:
    """The number shown, with the card where it is the other one; or why the call is refused."""
    planned = known.plan(from_(number, pai, **fields))
    if planned.hidden is not None:
        return planned.hidden.key.value
    assert planned.late is None, planned.late
    card_id = planned.legs[0].card_id
    return planned.routes[0].cli if card_id == 1 else f"{planned.routes[0].cli} by card {card_id}"


OTHERWISE = f"{STRANGER} by card {NON_CLI}"
FATES = {
    "disabled": (DID, CLI, STRANGER),
    "did_or_random": (DID, DID, DID),
    "cli_or_random": (CLI, CLI, CLI),
    "non_cli_unless_did": (DID, f"{CLI} by card {NON_CLI}", OTHERWISE),
    "non_cli_unless_cli": (f"{DID} by card {NON_CLI}", CLI, OTHERWISE),
    "non_cli_unless_either": (DID, CLI, OTHERWISE),
    "refuse_unless_did": (DID, "cli_unknown", "cli_unknown"),
    "refuse_unless_cli": ("cli_unknown", CLI, "cli_unknown"),
    "refuse_unless_either": (DID, CLI, "cli_unknown"),
}
"""By mode: what becomes of a call from a DID, from a verified CLI, from a stranger's number."""


def test_the_nine_modes_are_those_of_the_trade() -> None:
    assert tuple(FATES) == MODES
    assert len(MODES) == 9


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_does_with_a_call_what_it_says(mode: str) -> None:
    known = pooled(mode)
    assert (fate(known, DID), fate(known, CLI), fate(known, STRANGER)) == FATES[mode]
    assert fate(known, f"+{DID}") == FATES[mode][0].replace(DID, f"+{DID}"), "as it came, however it is written"


@pytest.mark.parametrize("mode", POOLS)
@pytest.mark.parametrize("number", ["", "anonymous", "+", "37052070001x", DID[:-1], f"{DID}0"])
def test_what_is_no_number_of_the_pool_is_a_strangers(mode: str, number: str) -> None:
    told = FATES[mode][2].replace(STRANGER, number)
    assert fate(pooled(mode), number) == told


def test_a_refusal_and_the_trace_tell_why() -> None:
    refusal = pooled("refuse_unless_either").refused(from_(STRANGER))
    told = dict(refusal.values)
    assert (refusal.key, refusal.scope, told["why"], told["cli"]) == (Key.cli_unknown, "customer", "refused", STRANGER)
    assert (told["pool"], told["header"], told["numbers_count"]) == ("refuse_unless_either", "From", 2)
    (gate,) = [gate for gate in pooled("non_cli_unless_did").granted(from_(CLI)).gates if gate.gate == "cli_unknown"]
    assert (gate.ok, gate.values["how"], gate.values["card"]) == (True, "not own", f"card {NON_CLI}")
    (gate,) = [gate for gate in pooled("did_or_random").granted(from_(CLI)).gates if gate.gate == "cli_unknown"]
    assert (gate.values["how"], gate.values["cli"], gate.values["cli_to"]) == ("replaced", CLI, DID)
    (gate,) = [gate for gate in pooled("did_or_random").granted(from_(DID)).gates if gate.gate == "cli_unknown"]
    assert gate.values == {"cli": DID, "pool": "did_or_random", "how": "own"}
    assert "cli_unknown" not in [gate.gate for gate in pooled(DISABLED).granted(from_(CLI)).gates]


def test_where_the_pool_is_empty_or_has_no_card_a_strangers_call_is_refused() -> None:
    for known, why in (
        (pooled("did_or_random", dids=()), "no number"),
        (pooled("cli_or_random", clis=()), "no number"),
        (pooled("non_cli_unless_either", card_id=None), "no card"),
    ):
        assert dict(known.refused(from_(STRANGER)).values)["why"] == why
    assert fate(pooled("non_cli_unless_either", card_id=None), DID) == DID
    gone = pooled("non_cli_unless_either", card_id=77)
    assert gone.refused(from_(STRANGER)).key is Key.no_rate


@given(call_id=st.text(max_size=40), dids=st.sets(st.from_regex("[1-9][0-9]{5,14}", fullmatch=True), min_size=1))
def test_a_call_shows_the_same_number_however_often_it_is_asked_about(call_id: str, dids: set[str]) -> None:
    one, again = CliPool("did_or_random", tuple(dids)), CliPool("did_or_random", tuple(sorted(dids, reverse=True)))
    assert one.drawn(call_id) == again.drawn(call_id)
    assert one.drawn(call_id) in dids


def test_all_numbers_of_a_pool_have_their_turn() -> None:
    known = pooled("did_or_random", dids=(DID, OTHER_DID))
    counted = Counter(fate(known, STRANGER, call_id=f"call {n}") for n in range(300))
    assert set(counted) == {DID, OTHER_DID}
    assert min(counted.values()) > 100


@given(
    mode=st.sampled_from(POOLS),
    number=st.sampled_from([DID, CLI, STRANGER, f"+{CLI}", "anonymous"]),
    pai=st.sampled_from(["", DID, CLI, STRANGER]),
    only=st.booleans(),
    pai_mode=st.sampled_from(["default", "remove", "if_available"]),
)
def test_no_call_at_the_usual_price_shows_or_asserts_a_strangers_number(
    mode: str, number: str, pai: str, only: bool, pai_mode: str
) -> None:
    known = pooled(mode, approved_clis_only=only, pai_mode=pai_mode)
    planned = known.plan(from_(number, pai))
    if planned.hidden is not None:
        assert not (replaces(mode) and not only), "one of its own is shown instead"
        return
    assert only or not mode.startswith("refuse") or number != STRANGER
    own = {*([DID] if takes_dids(mode) else []), *([CLI] if takes_clis(mode) else [])}
    route = planned.routes[0]
    foreign = any(text and cli.comparable(text) not in own for text in (route.cli, route.pai))
    assert (planned.legs[0].card_id == NON_CLI) == foreign
    assert not foreign or prices(mode)


def test_an_assertion_is_asked_as_the_number_is() -> None:
    assert fate(pooled("refuse_unless_did"), DID, CLI) == "cli_unknown"
    assert dict(pooled("refuse_unless_did").refused(from_(DID, CLI)).values)["header"] == "P-Asserted-Identity"
    assert fate(pooled("refuse_unless_did", pai_mode="remove"), DID, CLI) == DID
    assert fate(pooled("non_cli_unless_did"), DID, STRANGER) == f"{DID} by card {NON_CLI}"
    known = pooled("did_or_random", dids=(DID, OTHER_DID))
    assert [known.plan(from_(OTHER_DID, pai)).routes[0].pai for pai in ("", STRANGER, DID)] == [
        OTHER_DID, OTHER_DID, DID
    ]  # fmt: skip
    route = known.plan(from_(STRANGER, STRANGER)).routes[0]
    assert route.pai == route.cli
    assert known.plan(from_(STRANGER, STRANGER)).routes[0].cli in (DID, OTHER_DID)
    written = pooled("refuse_unless_did", made(".*", rewrite_pai=STRANGER))
    assert written.plan(from_(DID)).routes[0].pai == STRANGER, "a rule speaks of it"


def test_the_number_is_the_one_that_rules_and_localization_have_made_of_it() -> None:
    short = pooled("refuse_unless_did", made("^0(.*)$", rewrite_cli="3705$1"))
    assert fate(short, "02070001") == DID
    gates = [gate for gate in short.granted(from_("02070001")).gates if gate.gate.startswith("cli_")]
    assert [(gate.gate, gate.values["cli"]) for gate in gates] == [("cli_restricted", "02070001"), ("cli_unknown", DID)]
    forced = pooled("did_or_random", made(CLI, forced=True))
    assert fate(forced, STRANGER) == DID, "the pool has the last word"
    told = {gate.gate: gate.values for gate in forced.granted(from_(STRANGER)).gates}
    assert (told["cli_restricted"]["cli_to"], told["cli_unknown"]["cli"], told["cli_unknown"]["cli_to"]) == (
        CLI, CLI, DID,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "number", "told"),
    [
        (made("^1202"), STRANGER, STRANGER),
        (made("^1202", owner="tag"), STRANGER, "cli_unknown"),
        (made(dialed="^44"), STRANGER, "cli_unknown"),
        (made(OTHER_CLI, forced=True), STRANGER, OTHER_CLI),
        (made(OTHER_CLI, forced=True, owner="account"), STRANGER, "cli_unknown"),
        (made("^1202", rewrite_cli=CLI, owner="account"), STRANGER, CLI),
    ],
)
def test_a_number_that_a_rule_of_its_own_names_is_one_of_its_caller_ids(rule: Any, number: str, told: str) -> None:
    assert fate(pooled("refuse_unless_cli", rule), number) == told
    assert fate(pooled("refuse_unless_did", rule), number) == "cli_unknown"


def test_approved_clis_only_stays_the_stricter_word_and_takes_dids_of_the_pool_for_approved() -> None:
    only: dict[str, Any] = {"approved_clis_only": True, "clis": ()}
    assert fate(pooled("non_cli_unless_did", **only), STRANGER) == "cli_restricted"
    assert fate(pooled("non_cli_unless_did", **only), DID) == DID
    assert fate(pooled("refuse_unless_cli", **only), DID) == "cli_unknown"
    assert fate(pooled("did_or_random", **only), STRANGER) == DID
    assert fate(pooled("did_or_random", **only), DID, STRANGER) == "cli_restricted"
    assert fate(pooled(DISABLED, **only), DID) == "cli_restricted"


def test_calls_on_our_own_net_ask_no_pool() -> None:
    payer = pooled("refuse_unless_did").snapshot.customers[1]
    asked = cli.Asked("call", "101", "", "102", AT, local=True)
    assert cli.show(payer, asked, pooled(DISABLED).snapshot.rota).refusal is None


def test_the_other_card_prices_holds_and_is_asked_for_losses_and_caps() -> None:
    known = pooled("non_cli_unless_did")
    assert known.granted(from_(STRANGER)).holds[0] == 2 * known.granted(from_(DID)).holds[0] > 0
    cheap = {NON_CLI: card(NON_CLI, [row("44", simple(price_nanos=1_000_000))])}
    acme = {"cli_pool": CliPool("non_cli_unless_did", (DID,), (), NON_CLI)}
    lossy = world(acme=acme, cards=cheap, route={"profit_assurance": True})
    assert lossy.granted(from_(DID)).routes
    refusal = lossy.refused(from_(STRANGER))
    assert (refusal.key, refusal.variant) == (Key.no_carrier, "profit_assurance")
    capped = world(acme=acme, cards=CARDS, route={"capped_price_nanos": 60_000_000})
    assert capped.granted(from_(DID)).routes
    assert capped.refused(from_(STRANGER)).key is Key.rate_capped
    nowhere = world(acme=acme, cards={NON_CLI: card(NON_CLI, [row("1", simple(price_nanos=1))])})
    refusal = nowhere.refused(from_(STRANGER))
    assert (refusal.key, dict(refusal.values)["card"]) == (Key.no_rate, f"card {NON_CLI}")


def test_resellers_pay_as_they_do_and_only_the_callers_own_pool_is_asked() -> None:
    pool = CliPool("non_cli_unless_did", (DID,), (), NON_CLI)
    known = world(saar={"cli_pool": pool}, cards=CARDS)
    legs = {number: known.plan(SAAR_INVITE._replace(cli=number)).legs for number in (DID, STRANGER)}
    assert [[leg.card_id for leg in found] for found in legs.values()] == [[1, 3], [NON_CLI, 3]]
    above = world(rhine={"cli_pool": CliPool("refuse_unless_did", (DID,))})
    assert above.plan(SAAR_INVITE._replace(cli=STRANGER)).hidden is None
