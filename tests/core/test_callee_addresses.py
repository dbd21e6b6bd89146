"""Claims about where calls to extensions may not go: an address has one writing, and none is of the machine itself."""

from ipaddress import ip_network

import pytest

from tollgate.core.callee_addresses import comparable, host_of, is_at, is_nowhere


def test_an_address_is_the_same_however_it_is_written() -> None:
    for one, other in (
        ("203.0.113.5", "::ffff:203.0.113.5"),
        ("[2001:db8::7]", "2001:DB8:0::7"),
        ("GW.carrier.example.", "gw.carrier.example"),
    ):
        assert comparable(one) == comparable(other)
    assert (host_of("https://[2001:db8::7]:8443/RPC"), host_of("http://kam1:80"), host_of(""), host_of("http://[")) == (
        "2001:db8::7", "kam1", "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("host", "nowhere"),
    [
        *((host, True) for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "0.1.2.3", "::", "169.254.1.1")),
        *((host, True) for host in ("fe80::1", "224.0.0.5", "ff02::1", "localhost", "LOCALHOST.", "a.localhost")),
        *(
            (host, False)
            for host in ("10.0.0.5", "203.0.113.5", "2001:db8::7", "pbx.acme.example", "localhost.example")
        ),
    ],
)
def test_a_machine_s_own_addresses_are_nowhere(host: str, nowhere: bool) -> None:
    assert is_nowhere(host) == nowhere


def test_who_calls_from_a_host_or_its_network_is_at_it() -> None:
    office = ip_network("203.0.113.0/28")
    assert is_at("::ffff:198.51.100.7", "198.51.100.7", None)
    assert is_at("203.0.113.9", "pbx.acme.example", office)
    assert not is_at("203.0.113.16", "198.51.100.7", office)
    assert not is_at("2001:db8::7", "pbx.acme.example", office)
    assert not is_at("", "", None)
