"""Claims about destinations of DIDs as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.dids import MOST_PLACES, DestinationsInvalid, Place, drawn, parse, written

HOSTS = st.sampled_from(("192.0.2.7", "pbx.acme.example", "2001:db8::7", "a"))
PLACES = st.one_of(
    st.from_regex(r"[a-z0-9._-]{1,64}", fullmatch=True)
    .filter(lambda text: not text.startswith("sip:"))
    .map(lambda text: Place(extension=text)),
    st.builds(
        lambda user, host, port, transport: Place(user=user, host=host, port=port, transport=transport),
        st.sampled_from(("", "office", "442079460123", "+44")),
        HOSTS,
        st.integers(1, 65_535),
        st.sampled_from(("udp", "tcp", "tls")),
    ),
)


@given(st.lists(PLACES, unique=True, max_size=MOST_PLACES))
def test_what_is_written_is_read_as_it_was(places: list[Place]) -> None:
    assert parse(written(places)) == tuple(places)


@given(st.lists(PLACES, unique=True, max_size=MOST_PLACES), st.text(max_size=20))
def test_an_order_by_chance_has_every_place_once_and_is_the_same_for_the_same_call(
    places: list[Place], seed: str
) -> None:
    order = drawn(places, seed)
    assert sorted(order) == sorted(places)
    assert drawn(list(reversed(places)), seed) == order


def test_every_order_comes_by_chance() -> None:
    places = parse("sip:a\nsip:b\nsip:c")
    assert len({drawn(places, str(seed)) for seed in range(200)}) == 6


def test_ports_are_the_usual_ones_unless_said() -> None:
    assert parse("SIP:Office@PBX.example;transport=TLS") == (
        Place(user="Office", host="pbx.example", port=5061, transport="tls"),
    )
    assert parse("\n 3001 \n\nsip:[2001:DB8::7]:5080\n") == (
        Place(extension="3001"),
        Place(host="2001:db8::7", port=5080),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sip:", "Line 1: write a SIP URI"),
        ("3001\nsip:a b", "Line 2: write a SIP URI"),
        ("sip:a;transport=sctp", "the transport is udp, tcp or tls"),
        ("sip:a:70000", "a port is between 1 and 65535"),
        ("sip:300.1.1.1", "300.1.1.1 is no IP address"),
        ("tel:+442079460123", "give an extension or a SIP user"),
        ("sip:a\nsip:A", "Line 2: sip:a is there already"),
        ("x" * 500, "at most 400 characters"),
        ("\n".join(f"sip:h{n}" for n in range(11)), "Give at most 10 destinations: there are 11"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(DestinationsInvalid, match=said):
        parse(text)
