"""Claims about texts: what is written is JSON, is read back whole, and explains itself without a snapshot."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import (
    ACCOUNT_WALLET,
    AT,
    BUY,
    INVITE,
    SAAR_INVITE,
    SELL,
    card,
    live,
    row,
    world,
)
from tests.core.rate_strategies import RATES
from tollgate.core import calls_text
from tollgate.core.calls import call_detail, rate_text, read_plan, read_rate, refusal_detail, settle
from tollgate.core.calls_text import gate_line, quote, value_text
from tollgate.core.calls_types import StoredRoute
from tollgate.core.rates import Rate, simple

HOSTILE = 'Ac"me\t\n,"rate":{}\\ Ü \0'


@pytest.mark.parametrize("invite", [INVITE, SAAR_INVITE])
def test_a_plan_read_by_a_process_that_never_saw_it_is_the_same(invite: object) -> None:
    usual = world(acme={"name": HOSTILE}, saar={"name": HOSTILE}, carrier={"name": HOSTILE})
    grant = usual.granted(SAAR_INVITE if invite is SAAR_INVITE else INVITE)
    text, known = grant.plan_json, grant.stored
    calls_text._known_rates.clear()
    read = read_plan(text)
    clean = HOSTILE.replace("\0", "")
    assert read.legs[0].name == clean
    assert [leg._replace(name="") for leg in read.legs] == [leg._replace(name="") for leg in known.legs]
    for found, tried in zip(read.routes, known.routes, strict=True):
        for name in StoredRoute._fields:
            assert name == "carrier" or getattr(found, name) == getattr(tried, name)
    assert read[2:] == known[2:]
    assert read.routes[0].meters == usual.plan(invite).routes[0].meters  # type: ignore[arg-type]


def test_a_plan_is_one_json_text_of_gates_legs_routes_and_what_was_dropped() -> None:
    dropping = world(cards={101: card(101, [row("33", BUY)], carrier_id=1)})
    data = json.loads(dropping.granted().plan_json)
    assert [leg["name"] for leg in data["legs"]] == ["Acme"]
    assert [route["carrier"] for route in data["routes"]] == ["Delta"]
    assert data["dropped"] == [
        {"carrier": "Cirrus", "gateway": "", "why": "no_rate", "values": {"card": "card 101", "number": INVITE.cld}}
    ]
    assert data["gates"][-1]["gate"] == "grant"


def test_the_detail_of_a_charged_call_tells_every_leg_step_and_attempt() -> None:
    usual = world(slice_s=60)
    call = live(usual.plan(), usual.granted(), AT)
    call.attempts = '[{"route":0,"sip":503}]'
    done = settle(call, ended_at=AT, answered_at=AT, duration_ms=1000, at=AT)
    detail = json.loads(call_detail(call, done))
    leg = detail["legs"][0]
    assert (leg["name"], leg["cost"], leg["held"], leg["billed_s"], leg["overrun"]) == ("Acme", 60_000, 120_000, 60, 0)
    assert read_rate(json.dumps(leg["rate"])) == SELL
    assert detail["carrier"]["cost"] == 200
    assert detail["attempts"] == [{"route": 0, "sip": 503}]
    assert detail["gates"][-1]["values"]["granted_s"] == 120


def test_the_detail_of_an_unanswered_call_has_no_carrier_to_pay() -> None:
    usual = world()
    call = live(usual.plan(), usual.granted(), AT)
    done = settle(call, ended_at=AT, answered_at=None, duration_ms=None, at=AT)
    assert json.loads(call_detail(call, done))["carrier"] is None


def test_the_detail_of_a_refused_call_ends_with_the_gate_that_said_no() -> None:
    full = world(purses={ACCOUNT_WALLET: {"channels": 1, "channels_max": 1}})
    detail = json.loads(refusal_detail(full.plan(), full.refused()))
    assert detail["gates"][-1] == {
        "gate": "channels_customer",
        "ok": False,
        "scope": "account",
        "values": {"name": "Demo Telecom", "channels": 1, "channels_max": 1},
    }
    assert detail["refusal_values"]["channels_max"] == 1
    assert [leg["name"] for leg in detail["legs"]] == ["Acme"]


@given(RATES)
def test_a_rate_and_its_roundings_survive_the_text(rate: Rate) -> None:
    text = rate_text(rate)
    assert "\n" not in text
    assert "\t" not in text
    calls_text._known_rates.clear()
    assert read_rate(text) == rate
    assert read_rate(text) is read_rate(text)


@given(st.text())
def test_any_text_is_quoted_so_that_json_and_postgresql_take_it(text: str) -> None:
    quoted = quote(text)
    assert quoted.isascii()
    assert "\\u0000" not in quoted
    assert json.loads(quoted).encode() is not None


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (True, "true"), (None, "null"), ("a", '"a"')])
def test_values_are_written_as_what_they_are(value: int | bool | str | None, text: str) -> None:
    assert value_text(value) == text
    assert json.loads(gate_line("g", True, "s", [("v", value)]))["values"] == {"v": value}


def test_the_memory_of_rates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_text, "_MOST_RATES", 3)
    calls_text._known_rates.clear()
    rates = [simple(price_nanos=price) for price in range(5)]
    assert [read_rate(rate_text(rate)) for rate in rates] == rates
    assert len(calls_text._known_rates) <= 3
