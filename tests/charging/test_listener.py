"""HTTP as switches speak it: on real sockets, with a handler that tells what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from tollgate.charging import listener
from tollgate.charging.listener import Answer, Listener, Message

HOST: Final = b"Host: charging\r\n"


async def echo(message: Message) -> Answer:
    """What was heard; `/slow` takes its time, `/broken` fails."""
    if message.path == "/slow":
        await asyncio.sleep(0.05)
    if message.path == "/broken":
        raise ValueError("on purpose")
    heard = b"|".join([message.method.encode(), message.path.encode(), message.query, message.secret, message.body])
    return Answer(200, heard, b"text/plain")


def talk(*parts: bytes, pause_s: float = 0.0) -> bytes:
    """Sends parts to a listener of its own; all that comes back until the end of the connection."""

    async def run() -> bytes:
        served = Listener(echo)
        await served.start("127.0.0.1", 0)
        assert served._server is not None
        reader, writer = await asyncio.open_connection(*served._server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause_s)
        heard = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await served.stop()
        assert served.connections == set()
        return heard

    return asyncio.run(run())


def post(path: bytes, body: bytes, *more: bytes) -> bytes:
    head = b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n%b\r\n" % (path, HOST, len(body), b"".join(more))
    return head + body


LAST: Final = b"Connection: close\r\n"


def test_a_request_says_its_method_address_question_secret_and_body() -> None:
    heard = talk(post(b"/v1/authorize?a=1", b"{}", b"X-Tollgate-Secret: open\r\n", LAST))
    assert heard.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 30\r\n")
    assert heard.endswith(b"connection: close\r\n\r\nPOST|/v1/authorize|a=1|open|{}")


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    heard = talk(post(b"/slow", b"first") + post(b"/fast", b"second") + post(b"/slow", b"third", LAST))
    assert [heard.find(word) > 0 for word in (b"first", b"second", b"third")] == [True] * 3
    assert heard.find(b"first") < heard.find(b"second") < heard.find(b"third")


def test_more_requests_than_may_wait_are_all_answered() -> None:
    count = 3 * listener.WAITING_MOST
    heard = talk(
        *[post(b"/slow", b"") for _ in range(2)], *[post(b"/", b"") for _ in range(count)], post(b"/", b"", LAST)
    )
    assert heard.count(b"HTTP/1.1 200 OK") == count + 3


def test_a_request_may_come_byte_by_byte() -> None:
    request = post(b"/v1/ended", b"0123456789", LAST)
    assert talk(*[request[place : place + 1] for place in range(len(request))]).endswith(b"POST|/v1/ended|||0123456789")


def test_a_switch_that_asks_whether_to_go_on_is_told_so() -> None:
    request = post(b"/", b"body", b"Expect: 100-continue\r\n", LAST)
    heard = talk(request[:-4], request[-4:], pause_s=0.05)
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"HELO charging\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % (b"x" * listener.HEAD_MOST), b"431 Request Header Fields Too Large"),
        (post(b"/", b"x" * (listener.BODY_MOST + 1)), b"413 Request Entity Too Large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_ends_the_connection(request_bytes: bytes, status: bytes) -> None:
    assert b"HTTP/1.1 " + status in talk(request_bytes)


def test_what_fails_is_told_as_our_failure_and_the_connection_goes_on() -> None:
    heard = talk(post(b"/broken", b"") + post(b"/", b"after", LAST))
    assert heard.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert heard.endswith(b"after")


def test_a_switch_that_has_sent_its_last_request_still_hears_the_answer() -> None:
    async def run() -> bytes:
        served = Listener(echo)
        await served.start("127.0.0.1", 0)
        assert served._server is not None
        reader, writer = await asyncio.open_connection(*served._server.sockets[0].getsockname())
        writer.write(post(b"/slow", b"last"))
        writer.write_eof()
        heard = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await served.stop()
        return heard

    assert asyncio.run(run()).endswith(b"last")


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "IDLE_S", 0.01)
    monkeypatch.setattr(listener, "SWEEP_S", 0.02)
    assert talk(post(b"/slow", b"answered")).endswith(b"answered")


def test_a_listener_that_stops_answers_what_was_asked() -> None:
    async def run() -> bytes:
        served = Listener(echo)
        await served.start("127.0.0.1", 0)
        assert served._server is not None
        reader, writer = await asyncio.open_connection(*served._server.sockets[0].getsockname())
        writer.write(post(b"/slow", b"asked"))
        await until(lambda: any(one.is_busy for one in served.connections))
        await served.stop()
        heard = await reader.read()
        writer.close()
        return heard

    assert b"asked" in asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to hold")
