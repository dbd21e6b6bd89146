"""Requests to a Kamailio edge and its answers, as bytes recorded from a real one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.switches import kamailio_rpc as rpc

LIST = (
    b'{"jsonrpc":"2.0","result":[{"h_entry":801,"h_id":1764,"call-id":"1-16679@127.0.231.2","start_ts":1795266322,'
    b'"state":4},{"h_entry":9,"h_id":1,"call-id":"ringing","start_ts":0,"state":2},'
    b'{"h_entry":9,"h_id":2,"call-id":"over","start_ts":1795266322,"state":5}],"id":1}'
)
SHUT_OUT = (
    b'{"jsonrpc":"2.0","result":[{"entry":97,"size":2,"slot":[{"name":"192.0.2.1","value":1,"type":"int"},'
    b'{"name":"2001:db8:0:0:0:0:0:7","value":1,"type":"int"}]}],"id":1}'
)
NOT_FOUND = b'{"jsonrpc":"2.0","error":{"code":404,"message":"Dialog not found"},"id":1}'


def test_a_list_tells_which_calls_are_answered_and_which_are_over() -> None:
    answered, ringing, over = rpc.parse_list(LIST)
    assert (answered.call_id, answered.handle, answered.answered) == ("1-16679@127.0.231.2", "801:1764", True)
    assert answered.started_at == datetime(2026, 11, 21, 13, 5, 22, tzinfo=UTC)
    assert (ringing.live, ringing.answered, ringing.started_at) == (True, False, None)
    assert (over.live, over.answered) == (False, False)


def test_no_calls_are_an_empty_list() -> None:
    assert rpc.parse_list(b'{"jsonrpc":"2.0","result":[],"id":1}') == []


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", NOT_FOUND, b'{"result":{}}'])
def test_an_answer_that_is_no_list_is_an_error(answer: bytes) -> None:
    with pytest.raises(rpc.RpcError):
        rpc.parse_list(answer)


def test_a_hang_up_names_the_dialog_and_its_reason() -> None:
    asked = json.loads(rpc.hangup_request(748, 1512, 'Q.850;cause=102;text="x"'))
    assert (asked["method"], asked["params"]) == ("tollgate.end", [748, 1512, 'Reason: Q.850;cause=102;text="x"\r\n'])
    assert json.loads(rpc.hangup_request(748, 1512))["params"] == [748, 1512]


def test_addresses_that_are_shut_out_are_read_as_the_edge_spells_them_and_heard_again() -> None:
    assert rpc.parse_addresses(SHUT_OUT) == ["192.0.2.1", "2001:db8:0:0:0:0:0:7"]
    assert rpc.parse_addresses(b'{"jsonrpc":"2.0","result":[],"id":1}') == []
    asked = [json.loads(body) for body in rpc.admit_requests("192.0.2.1")]
    assert [(body["method"], body["params"]) for body in asked] == [
        ("htable.seti", ["known", "192.0.2.1", 1]),
        ("htable.delete", ["ban", "192.0.2.1"]),
        ("htable.delete", ["ask", "192.0.2.1"]),
    ]


def test_what_is_not_there_needs_no_hang_up() -> None:
    rpc.check(NOT_FOUND)
    rpc.check(b'{"jsonrpc":"2.0","result":{},"id":1}')
    with pytest.raises(rpc.RpcError, match="internal"):
        rpc.check(b'{"jsonrpc":"2.0","error":{"code":500,"message":"internal"},"id":1}')


@given(st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 2**31), st.integers(1, 10**7)), max_size=20))
def test_an_extension_names_every_call_once(calls: list[tuple[int, int, int]]) -> None:
    asked = json.loads(rpc.extend_request(calls))
    assert asked["method"] == "tollgate.extend"
    assert [tuple(map(int, part.split(":"))) for part in asked["params"][0].split(";") if part] == calls


def test_too_many_calls_or_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        rpc.extend_request([(1, 1, 1000)] * (rpc.EXTEND_MOST + 1))
    with pytest.raises(ValueError, match="at least 1"):
        rpc.extend_request([(1, 1, 0)])


def test_an_extension_tells_which_calls_are_gone() -> None:
    done = rpc.parse_extended(b'{"jsonrpc":"2.0","result":{"extended":3,"gone":"1:2;3:4;"},"id":1}')
    assert (done.count, done.gone) == (3, ((1, 2), (3, 4)))


def test_a_handle_reads_as_the_events_write_it() -> None:
    assert rpc.read_handle("748:1512") == (748, 1512)
    with pytest.raises(ValueError, match="invalid"):
        rpc.read_handle("748")


def test_a_user_is_forgotten_by_name_and_all_of_them_by_a_star() -> None:
    assert json.loads(rpc.flush_ha1_request("carla"))["params"] == ["ha1", "carla"]
    assert json.loads(rpc.flush_ha1_request(rpc.FORGET_ALL))["method"] == "htable.flush"
    assert json.loads(rpc.unregister_request("1001"))["params"] == ["location", "1001"]


@given(st.text(), st.text(), st.text())
def test_the_secret_of_an_edge_is_its_own_and_not_the_one_it_comes_from(first: str, second: str, root: str) -> None:
    assert rpc.secret_of(first, root) not in {root, first}
    assert (rpc.secret_of(first, root) == rpc.secret_of(second, root)) == (first == second)
