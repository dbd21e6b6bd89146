"""Claims about identity: who a call belongs to, by address, tech prefix or SIP user."""

from ipaddress import ip_network

import pytest

from tests.core.call_cast import (
    ENDPOINT_WALLET,
    INVITE,
    Addresses,
    world,
)
from tollgate.core.calls import Grant
from tollgate.core.refusals import Key, Refusal
from tollgate.core.snapshot import Endpoint


def test_an_unknown_address_is_refused_and_locks_nothing() -> None:
    planned = world().plan(INVITE._replace(source_ip="192.0.2.1"))
    assert planned.status_refusal is not None
    assert planned.status_refusal.key is Key.ip_unknown
    assert planned.wallet_ids == ()
    assert planned.customer is None


def test_customers_on_one_address_are_told_apart_by_their_tech_prefix() -> None:
    shared = ip_network("198.51.100.7/32")
    both = Addresses(
        (
            (shared, Endpoint(1, 1, "ip", ENDPOINT_WALLET, tech_prefix="71")),
            (shared, Endpoint(2, 2, "ip", 22, tech_prefix="7")),
        )
    )
    known = world(networks=both)
    acme = known.plan(INVITE._replace(cld="71442079460001"))
    baltic = known.plan(INVITE._replace(cld="7442079460001"))
    assert [p.customer and p.customer.name for p in (acme, baltic)] == ["Acme", "Baltic"]
    assert (acme.number, baltic.number) == ("442079460001", "442079460001")
    assert known.refused(INVITE._replace(cld="442079460001")).key is Key.ip_unknown


def test_the_narrower_network_wins_when_prefixes_do_not_decide() -> None:
    nested = Addresses(
        (
            (ip_network("198.51.100.0/24"), Endpoint(2, 2, "ip", 22)),
            (ip_network("198.51.100.7/32"), Endpoint(1, 1, "ip", ENDPOINT_WALLET)),
        )
    )
    planned = world(networks=nested).plan()
    assert planned.customer is not None
    assert planned.customer.name == "Acme"


def test_an_endpoint_of_a_customer_who_is_gone_is_unknown() -> None:
    orphan = Addresses(((ip_network("198.51.100.7/32"), Endpoint(1, 99, "ip", 1)),))
    assert world(networks=orphan).refused().key is Key.ip_unknown
    users = {"ann": Endpoint(7, 99, "sip_user", 27)}
    assert world(users=users).refused(INVITE._replace(user="ann")).key is Key.digest_failed


def sip_user(*allowed: str) -> dict[str, Endpoint]:
    return {"acme1": Endpoint(7, 1, "sip_user", 27, allowed=tuple(map(ip_network, allowed)), name="acme1")}


def test_a_sip_user_is_known_by_name_in_any_case_from_anywhere() -> None:
    usual = world(users=sip_user())
    assert isinstance(usual.decide(INVITE._replace(user="ACME1", source_ip="192.0.2.1")), Grant)
    assert usual.refused(INVITE._replace(user="nobody")).key is Key.digest_failed


@pytest.mark.parametrize(
    ("ip", "allowed"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1", False),
        ("rubbish", False),
    ],
)
def test_a_sip_user_with_a_list_calls_only_from_it(ip: str, allowed: bool) -> None:
    outcome = world(users=sip_user("192.0.2.0/24")).decide(INVITE._replace(user="acme1", source_ip=ip))
    assert isinstance(outcome, Grant) is allowed
    if isinstance(outcome, Refusal):
        assert outcome.key is Key.sip_user_ip_denied
