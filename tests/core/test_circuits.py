"""Claims about circuit tests in a decision: only what we wrote names the gateways, and no other is tried."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import AT, INVITE, world
from tollgate.core.calls import Grant, decide
from tollgate.core.circuits import LEFT_OUT, read, through, written
from tollgate.core.refusals import Key, Refusal

SECRET, CALL = "open-sesame", "circuit-1"


@given(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=20))
def test_what_we_wrote_is_read_for_its_call_alone(gateway_ids: list[int]) -> None:
    value = written(SECRET, CALL, gateway_ids)
    assert read(SECRET, CALL, value) == frozenset(gateway_ids)
    assert read(SECRET, "circuit-2", value) is None
    assert read("another", CALL, value) is None
    assert read(SECRET, CALL, f"9{value}") is None


@given(st.text(max_size=100))
def test_what_others_write_is_no_circuit_test(value: str) -> None:
    assert read(SECRET, CALL, value) is None


def test_a_test_takes_its_gateway_alone_and_says_what_it_left_out() -> None:
    usual = world()
    assert [route.gateway_id for route in usual.plan().routes] == [1, 3]
    outcome = decide(through(usual.plan(), {3}), usual.purses, AT)
    assert isinstance(outcome, Grant)
    assert [route.gateway for route in outcome.routes] == ["delta-a"]
    assert [(drop.carrier, drop.gateway, drop.why) for drop in outcome.dropped] == [("Cirrus", "cirrus-a", LEFT_OUT)]


def test_a_gateway_that_no_route_reaches_is_refused_and_every_other_refusal_stays() -> None:
    usual = world()
    outcome = decide(through(usual.plan(), {99}), usual.purses, AT)
    assert isinstance(outcome, Refusal)
    assert (outcome.key, dict(outcome.values)["why"]) == (Key.no_carrier, LEFT_OUT)
    unpriced = through(usual.plan(INVITE._replace(cld="33123456789")), {3})
    assert isinstance(refused := decide(unpriced, usual.purses, AT), Refusal)
    assert refused.key is Key.no_rate
