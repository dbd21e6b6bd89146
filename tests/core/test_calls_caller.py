"""Claims about identity: who a call belongs to, by address, tech prefix, SIP user or CLI, and in which numbers."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from tests.core.call_cast import (
    ENDPOINT_WALLET,
    INVITE,
    Addresses,
    World,
    world,
)
from tollgate.core import localization, rewrites
from tollgate.core.calls import Grant
from tollgate.core.localization import Localization
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


SHARED = ip_network("198.51.100.7/32")
OWN, OTHER = "442079460999", "442079460111"


def sharers(*endpoints: Endpoint) -> World:
    """Acme and Baltic behind one address, each with a verified CLI."""
    known = world(networks=Addresses(tuple((SHARED, endpoint) for endpoint in endpoints)))
    customers = known.snapshot.customers
    shown = {
        1: replace(customers[1], approved_clis=frozenset({OWN, "1"})),
        2: replace(customers[2], approved_clis=frozenset({OTHER, "1"})),
    }
    known.snapshot = replace(known.snapshot, customers={**customers, **shown})
    return known


def flagged(endpoint_id: int, customer_id: int, **fields: Any) -> Endpoint:
    return Endpoint(endpoint_id, customer_id, "ip", 20 + endpoint_id, cli_authentication=True, **fields)


def test_customers_on_one_address_are_told_apart_by_their_cli() -> None:
    both = sharers(flagged(1, 1), flagged(2, 2))
    for cli, name in ((OWN, "Acme"), (f"+{OTHER}", "Baltic")):
        planned = both.plan(INVITE._replace(cli=cli))
        assert planned.customer is not None
        assert planned.customer.name == name


@pytest.mark.parametrize(("cli", "customers_count"), [("1", 2), ("2", 0), ("", 0)])
def test_a_cli_of_nobody_or_of_two_belongs_to_nobody(cli: str, customers_count: int) -> None:
    refusal = sharers(flagged(1, 1), flagged(2, 2)).refused(INVITE._replace(cli=cli))
    assert (refusal.key, dict(refusal.values)["customers_count"]) == (Key.cli_restricted, customers_count)


def test_a_customer_who_needs_no_cli_gets_what_no_other_owns() -> None:
    mixed = sharers(Endpoint(2, 2, "ip", 22), flagged(1, 1))
    for cli, name in ((OWN, "Acme"), ("7", "Baltic")):
        planned = mixed.plan(INVITE._replace(cli=cli))
        assert planned.customer is not None
        assert planned.customer.name == name
    doubly = sharers(flagged(1, 1), flagged(3, 2), Endpoint(2, 2, "ip", 22))
    assert doubly.refused(INVITE._replace(cli="1")).key is Key.cli_restricted


def test_a_tech_prefix_goes_before_the_cli() -> None:
    known = sharers(flagged(1, 1), Endpoint(2, 2, "ip", 22, tech_prefix="7"))
    planned = known.plan(INVITE._replace(cli=OWN, cld="7442079460001"))
    assert planned.customer is not None
    assert planned.customer.name == "Baltic"


def test_every_gate_sees_the_rewritten_and_localized_numbers_and_the_trace_shows_both() -> None:
    rows = ({"target": "cld", "current": "9", "new": ""}, {"target": "cli", "current": "7", "new": "0"})
    own = Localization(
        "London",
        originate_cli_in=localization.parse("0/44"),
        originate_cli_out=localization.parse("44/0044"),
        originate_cld=localization.parse("0/44"),
    )
    known = world(
        endpoint={"rewrites": rewrites.parse(rows)},
        acme={"localization": own, "approved_clis_only": True, "approved_clis": frozenset({OWN})},
    )
    invite = INVITE._replace(cli="7" + OWN[2:], cld="902079460001")
    granted = known.granted(invite)
    assert (granted.routes[0].cld, granted.routes[0].cli, granted.routes[0].pai) == ("442079460001",) + (
        "00" + OWN,
    ) * 2
    assert known.plan(invite).invite == invite
    told = {gate.gate: gate.values for gate in granted.gates}
    assert (told["rewrite"]["before"], told["rewrite"]["after"]) == ("7" + OWN[2:], "0" + OWN[2:])
    assert (told["localization"]["cld"], told["localization"]["cld_to"]) == ("02079460001", "442079460001")


def test_numbers_that_no_pair_fits_stay_as_they_are() -> None:
    own = Localization("London", originate_cld=localization.parse("0/44"))
    granted = world(acme={"localization": own}, endpoint={"rewrites": rewrites.parse(())}).granted()
    assert not {"localization", "rewrite"} & {gate.gate for gate in granted.gates}
