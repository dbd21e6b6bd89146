"""Claims about `tollgate explain`."""

from tests.jobs.installation import Installation


def test_a_charged_call_is_told_from_the_gates_to_the_entries(demo: Installation) -> None:
    ((call_id, edge_call_id, cost),) = demo.rows(
        "SELECT cdr.id, edge_call_id, cost_micros FROM cdr JOIN customer ON customer.id = customer_id"
        " WHERE cdr.state = 'charged' AND customer.name = 'Fjord Voice' AND cost_micros > 0 ORDER BY cdr.id LIMIT 1"
    )
    said = demo.ok("explain", str(call_id))
    assert said == demo.ok("explain", edge_call_id)
    assert (said["state"], said["cost_micros"]) == ("charged", cost)
    assert [leg["kind"] for leg in said["legs"]] == ["customer", "reseller", "carrier"]
    assert said["entries"][0] == said["entries"][0] | {"book": "resale", "kind": "call", "amount_micros": -cost}
    words = demo.run("explain", str(call_id)).stdout
    assert "passed  status" in words
    assert "<- carried the call" in words
    assert "Price for reseller Nordic Resale by Wholesale A-Z" in words
    assert "customer Fjord Voice: -" in words


def test_a_refused_call_names_the_gate_and_the_answer(demo: Installation) -> None:
    ((call_id,),) = demo.rows("SELECT id FROM cdr WHERE refusal = 'status_penalty' LIMIT 1")
    words = demo.run("explain", str(call_id)).stdout
    assert "Refused: status_penalty, answered with SIP 403, Q.850 21" in words
    assert "REFUSED status_penalty" in words


def test_the_call_itself_is_told_and_not_one_refused_for_using_its_call_id(demo: Installation) -> None:
    ((edge_call_id, call_id),) = demo.rows(
        "SELECT edge_call_id, id FROM cdr WHERE state = 'charged' ORDER BY id DESC LIMIT 1"
    )
    demo.rows(
        "INSERT INTO cdr (id, account_id, edge, edge_call_id, state, started_at, ended_at, refusal)"
        " SELECT id + 1, account_id, edge, edge_call_id, 'refused', ended_at, ended_at, 'call_id_in_use' FROM cdr"
        f" WHERE id = {call_id} RETURNING id"
    )
    assert demo.ok("explain", edge_call_id)["call"] == call_id


def test_a_call_nobody_knows_is_said_so(demo: Installation) -> None:
    assert "no call is known by 12345" in demo.fails("explain", "12345")
    assert "no call is known" in demo.fails("explain", "a84b4c76e66710")
