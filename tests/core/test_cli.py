"""Claims about the caller's number: which may be shown, and what is asserted of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.call_cast import INVITE, world
from tollgate.core import cli
from tollgate.core.refusals import Key

OWN = "442079460999"


@pytest.mark.parametrize(
    ("header", "number"),
    [
        (None, ""),
        ("", ""),
        (f'"Acme" <sip:+{OWN}@acme.example;user=phone>', f"+{OWN}"),
        (f"sips:{OWN}@acme.example", OWN),
        ("tel:+44-20-7946-0999", f"+{OWN}"),
        (f"<sip:{OWN}@a>, <tel:1>", OWN),
        ("<sip:anonymous@anonymous.invalid>", ""),
        ("<sip:+@a>", ""),
        (f"<sip:{OWN}%0d%0aX:1@a>", ""),
    ],
)
def test_only_a_number_counts_as_an_assertion(header: str | None, number: str) -> None:
    assert cli.asserted(header) == number


@given(st.text(max_size=80))
def test_whatever_is_asserted_nothing_but_digits_goes_on(text: str) -> None:
    found = cli.asserted(f"sip:{text}")
    assert found == "" or found.removeprefix("+").isdigit()


@pytest.mark.parametrize(
    ("mode", "pai", "expected"),
    [
        ("default", "", "CLI"),
        ("default", OWN, OWN),
        ("remove", OWN, ""),
        ("if_available", OWN, OWN),
        ("if_available", "", ""),
        ("required", OWN, OWN),
    ],
)
def test_the_customer_s_mode_says_what_is_asserted(mode: str, pai: str, expected: str) -> None:
    assert cli.sent(mode, pai, "CLI") == expected


@pytest.mark.parametrize(
    ("mode", "wanted", "pai", "expected"),
    [
        ("default", OWN, "", OWN),
        ("default", "", OWN, ""),
        ("remove", OWN, OWN, ""),
        ("if_available", OWN, OWN, OWN),
        ("if_available", OWN, "", ""),
        ("required", OWN, "", OWN),
        ("required", "", OWN, None),
    ],
)
def test_the_carrier_s_mode_comes_last(mode: str, wanted: str, pai: str, expected: str | None) -> None:
    assert cli.sent_to(mode, wanted, pai) == expected


def test_without_the_box_every_number_may_be_shown() -> None:
    assert world().granted(INVITE._replace(cli="1", pai="<sip:2@a>")).routes[0].pai == "2"


@pytest.mark.parametrize("shown", [OWN, f"+{OWN}", "44 20 7946 0999"])
def test_with_the_box_an_approved_number_passes_however_it_is_written(shown: str) -> None:
    acme = {"approved_clis_only": True, "approved_clis": frozenset({OWN})}
    granted = world(acme=acme).granted(INVITE._replace(cli=shown))
    gate = next(gate for gate in granted.gates if gate.gate == "cli_restricted")
    assert (gate.ok, gate.values["cli"]) == (True, shown)


@pytest.mark.parametrize(("shown", "pai"), [("1", None), ("", None), ("rubbish", None), (OWN, "<sip:1@a>")])
def test_with_the_box_anything_else_is_refused(shown: str, pai: str | None) -> None:
    acme = {"approved_clis_only": True, "approved_clis": frozenset({OWN, ""})}
    refusal = world(acme=acme).refused(INVITE._replace(cli=shown, pai=pai))
    assert (refusal.key, refusal.scope) == (Key.cli_restricted, "customer")
    assert "no_rate" not in [gate.gate for gate in world(acme=acme).plan(INVITE._replace(cli=shown, pai=pai)).gates]


def test_an_assertion_that_is_not_passed_on_needs_no_approval() -> None:
    acme = {"approved_clis_only": True, "approved_clis": frozenset({OWN}), "pai_mode": "remove"}
    assert world(acme=acme).granted(INVITE._replace(cli=OWN, pai="<sip:1@a>")).routes[0].pai == ""


def test_a_customer_that_must_assert_itself_is_refused_without() -> None:
    strict = world(acme={"pai_mode": "required"})
    refusal = strict.refused()
    assert (refusal.key, refusal.scope) == (Key.paid_required, "customer")
    assert strict.granted(INVITE._replace(pai=f"<sip:{OWN}@a>")).routes[0].pai == OWN
