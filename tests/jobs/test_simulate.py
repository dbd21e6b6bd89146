"""Claims about the commands that ask the running charging service: `simulate` and `test-call`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.jobs.installation import Installation


@pytest.fixture(scope="module")
def served(copy_demo: Callable[[str], Installation]) -> Iterator[Installation]:
    """A copy of the demo with its charging service running."""
    installation = copy_demo("demo_served")
    with installation.charging():
        yield installation


def test_a_simulated_call_passes_its_gates_and_changes_nothing(served: Installation) -> None:
    before = served.rows("SELECT count(*) FROM cdr"), served.rows("SELECT sum(held_micros), sum(channels) FROM wallet")
    said = served.ok("simulate", "--customer", "Acme", "--to", "442071838750")
    assert said["allow"] is True
    assert {gate["gate"] for gate in said["gates"]} >= {"status", "credit", "channels_customer"}
    assert said["routes"][0]["carrier"] == "Cirrus"
    after = served.rows("SELECT count(*) FROM cdr"), served.rows("SELECT sum(held_micros), sum(channels) FROM wallet")
    assert after == before


def test_a_simulated_refusal_names_gate_and_answer(served: Installation) -> None:
    said = served.ok("simulate", "--customer", "Harbor Callshop", "--to", "442071838750")
    assert (said["allow"], said["refusal"], said["sip"]) == (False, "status_penalty", 403)
    words = served.run("simulate", "--customer", "Acme", "--to", "881612345678").stdout
    assert "The call would be refused: destination_type, SIP 403" in words
    assert "user (none)" in words
    assert "_micros" not in words, "amounts are told as `explain` tells them"


def test_the_way_in_is_one_that_the_customer_may_call_from(served: Installation) -> None:
    """An address that only receives calls is none, and a customer that has no other calls as its SIP user."""
    acme, first = served.rows(
        "SELECT customer_id, min(id) FROM endpoint WHERE kind = 'ip' AND customer_id ="
        " (SELECT id FROM customer WHERE name = 'Acme') GROUP BY 1"
    )[0]
    with psycopg.connect(served.url, autocommit=True) as connection:
        connection.execute("UPDATE endpoint SET sends_calls = false, extensions = '7000-7001' WHERE id = %s", [first])
        ways = connection.execute(
            "SELECT kind FROM endpoint WHERE customer_id = %s AND enabled AND id <> %s", [acme, first]
        )
        assert ways.fetchall() != []
        try:
            served.obeyed()
            said = served.ok("simulate", "--customer", "Acme", "--to", "442071838750")
            tried = served.ok("test-call", "--customer", "Acme", "--to", "442071838750", "--hold", "0")
        finally:
            connection.execute("UPDATE endpoint SET sends_calls = true, extensions = '' WHERE id = %s", [first])
    assert (said["allow"], said["customer"], tried["answer"]) == (True, acme, "200 OK")


def test_nobody_is_answered_with_the_decision_on_another_customers_call(served: Installation) -> None:
    (address,) = served.rows(
        "SELECT host(network) FROM endpoint JOIN customer ON customer.id = customer_id"
        " WHERE kind = 'ip' AND enabled AND customer.name = 'Baltic' LIMIT 1"
    )[0]
    words = served.fails("simulate", "--customer", "Acme", "--to", "442071838750", "--ip", address)
    assert f"a call from {address} is Baltic's, not Acme's" in words
    said = served.ok("simulate", "--customer", "Baltic", "--to", "442071838750", "--ip", address)
    assert {gate["gate"] for gate in said["gates"]} >= {"identity", "status"}


def test_what_is_no_address_is_named(served: Installation) -> None:
    words = served.fails("simulate", "--customer", "Acme", "--to", "442071838750", "--ip", "office")
    assert "source.ip: 'office' is not an IP address" in words


def test_an_address_that_nobody_owns_is_refused(served: Installation) -> None:
    said = served.ok("simulate", "--customer", "Acme", "--to", "442071838750", "--ip", "203.0.113.9")
    assert said["refusal"] == "ip_unknown"


def test_a_test_call_without_sip_is_charged_and_says_how_it_was_placed(served: Installation) -> None:
    said = served.ok("test-call", "--customer", "Acme", "--to", "442071838750", "--hold", "1")
    assert "no SIP was spoken" in said["by"]
    assert (said["answer"], said["state"], said["billed_s"]) == ("200 OK", "charged", 1)
    assert said["balance_before_micros"] - said["balance_after_micros"] == said["cost_micros"] > 0


def test_a_refused_test_call_costs_nothing(served: Installation) -> None:
    said = served.ok("test-call", "--customer", "Harbor Callshop", "--to", "442071838750")
    assert (said["answer"], said["refusal"]) == ("403 Account Penalty", "status_penalty")
    assert said["balance_before_micros"] == said["balance_after_micros"]


def test_without_the_service_the_commands_say_how_to_start_it(own_demo: Installation) -> None:
    assert "tollgate run" in own_demo.fails("simulate", "--customer", "Acme", "--to", "44")
    assert "tollgate run" in own_demo.fails("test-call", "--customer", "Acme", "--to", "44")
    assert "there are: Acme" in own_demo.fails("simulate", "--customer", "Nobody", "--to", "44")
