"""Claims about the networks that carriers call DIDs from: whose each is, and what is told of those that overlap."""

from __future__ import annotations

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import refused
from tollgate.actions.acts import Actor, Done, acting
from tollgate.actions.carriers import create_carrier, create_gateway, update_carrier, update_gateway
from tollgate.actions.conferences import create_conference_room, update_conference_room
from tollgate.actions.did_networks import NEUTRAL
from tollgate.actions.endpoints import create_ip_endpoint, update_endpoint
from tollgate.store.models import Account, Card, Carrier, Did

NETWORKS = ["203.0.113.0/28", "198.51.100.7"]


@pytest.fixture
def cirrus(account: Account) -> Carrier:
    """A carrier that calls from two networks."""
    return create_carrier(account_id=account.pk, name="Cirrus", currency="EUR", networks=NETWORKS)


def test_a_carrier_has_networks_each_once_as_calls_are_looked_up(account: Account, cirrus: Carrier) -> None:
    given = ["203.0.113.0/28", "::ffff:198.51.100.9", "198.51.100.9/32", "2001:db8::/48"]
    changed = update_carrier(carrier_id=cirrus.pk, networks=given)
    assert [str(network) for network in changed.networks] == ["203.0.113.0/28", "198.51.100.9/32", "2001:db8::/48"]
    assert update_carrier(carrier_id=cirrus.pk, networks=[]).networks == []
    for wrong in ("203.0.113.1/28", "0.0.0.0/0", "gw.example.com", "fe80::1%eth0"):
        refused("networks", update_carrier, carrier_id=cirrus.pk, networks=[wrong])
    assert "at most 200" in refused(
        "networks", update_carrier, carrier_id=cirrus.pk, networks=[f"10.0.0.{n}" for n in range(201)]
    )
    refused("networks", create_carrier, account_id=account.pk, name="Delta", currency="EUR", networks="203.0.113.9")


def test_no_network_is_of_two_carriers_nor_of_a_carrier_and_a_customer(account: Account, cirrus: Carrier) -> None:
    delta = create_carrier(account_id=account.pk, name="Delta", currency="EUR")
    words = refused("networks", update_carrier, carrier_id=delta.pk, networks=["203.0.113.0/28"])
    assert words == "203.0.113.0/28 belongs to Cirrus already."
    refused("networks", create_carrier, account_id=account.pk, name="Eta", currency="EUR", networks=NETWORKS[1:])
    gateway = create_gateway(carrier_id=delta.pk, name="gw", host="192.0.2.9")
    assert "belongs to Delta" in refused("networks", update_carrier, carrier_id=cirrus.pk, networks=["192.0.2.9"])
    create_ip_endpoint(customer_id=acme(account).pk, network="192.0.2.32/29")
    words = refused("networks", update_carrier, carrier_id=cirrus.pk, networks=["192.0.2.32/29"])
    assert "belongs to Acme" in words
    assert "belongs to Cirrus" in refused("host", create_gateway, carrier_id=delta.pk, name="g", host="198.51.100.7")
    assert "belongs to Cirrus" in refused("host", update_gateway, gateway_id=gateway.pk, host="198.51.100.7")
    own = create_gateway(carrier_id=cirrus.pk, name="own", host="198.51.100.7")
    assert update_gateway(gateway_id=own.pk, host="gw.cirrus.example").host == "gw.cirrus.example"


def test_an_address_of_a_carrier_becomes_no_endpoint_and_customers_hear_nothing_of_carriers(
    account: Account, cirrus: Carrier, done: Done
) -> None:
    customer = acme(account)
    words = refused("network", create_ip_endpoint, customer_id=customer.pk, network="198.51.100.7")
    assert words == "198.51.100.7/32 belongs to the carrier Cirrus: its calls come from there."
    endpoint = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7")
    refused("network", update_endpoint, endpoint_id=endpoint.pk, network="198.51.100.7")
    assert not done.warnings
    create_ip_endpoint(customer_id=customer.pk, network="203.0.113.4")
    assert "203.0.113.4/32 overlaps 203.0.113.0/28 of the carrier Cirrus" in done.warnings[0]
    rita = Actor("rita", frozenset({"*"}), reach=frozenset({customer.pk}))
    for who in (rita, Actor("Carla", frozenset({"*"}), kind="contact")):
        with acting(who) as said:
            words = refused("network", create_ip_endpoint, customer_id=customer.pk, network="198.51.100.7")
            assert words == NEUTRAL
            update_endpoint(endpoint_id=endpoint.pk, network="203.0.113.5")
            update_endpoint(endpoint_id=endpoint.pk, network="192.0.2.7")
        assert not said.warnings


def test_networks_that_only_overlap_are_told(account: Account, cirrus: Carrier, done: Done) -> None:
    create_ip_endpoint(customer_id=acme(account).pk, network="192.0.2.32/29")
    delta = create_carrier(account_id=account.pk, name="Delta", currency="EUR", networks=["203.0.113.3", "192.0.2.33"])
    assert [words.split(":")[0] for words in done.warnings] == [
        "203.0.113.3/32 overlaps 203.0.113.0/28 of Cirrus",
        "192.0.2.33/32 overlaps 192.0.2.32/29 of Acme",
    ]
    done.warnings.clear()
    update_carrier(carrier_id=delta.pk, networks=["203.0.113.3", "192.0.2.33"], name="Delta Ltd")
    assert not done.warnings, "only what is new is told"
    create_gateway(carrier_id=delta.pk, name="gw", host="203.0.113.8")
    assert "overlaps 203.0.113.0/28 of Cirrus" in done.warnings[0]


def test_a_gateway_and_an_endpoint_at_one_address_are_told_of_whichever_comes_first(
    account: Account, cirrus: Carrier, done: Done
) -> None:
    customer = acme(account)
    create_ip_endpoint(customer_id=customer.pk, network="192.0.2.32/29")
    gateway = create_gateway(carrier_id=cirrus.pk, name="gw", host="192.0.2.33")
    words = "192.0.2.33/32 overlaps 192.0.2.32/29 of Acme: there the number dialed decides whose a call is."
    assert done.warnings == [words]
    update_gateway(gateway_id=gateway.pk, host="192.0.2.41")
    update_gateway(gateway_id=gateway.pk, name="gw 1")
    assert done.warnings == [words]
    update_gateway(gateway_id=gateway.pk, host="192.0.2.34")
    assert "192.0.2.34/32 overlaps" in done.warnings[1]
    endpoint = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.34", tech_prefix="9")
    words = "A gateway of the carrier Cirrus is at 192.0.2.34: its calls to DIDs are none of this endpoint."
    assert words in done.warnings
    with acting(Actor("rita", frozenset({"*"}), reach=frozenset({customer.pk}))) as said:
        update_endpoint(endpoint_id=endpoint.pk, network="192.0.2.33")
        update_endpoint(endpoint_id=endpoint.pk, network="192.0.2.34")
    assert not any("Cirrus" in told for told in said.warnings)


def test_no_call_is_sent_to_where_a_carrier_calls_from(account: Account, cirrus: Carrier, done: Done) -> None:
    customer = acme(account)
    new = {"customer_id": customer.pk, "name": "Monday", "extension": 5000}
    words = "A carrier calls from there: it would bill calls to these extensions."
    assert refused("host", create_conference_room, **new, host="198.51.100.7") == words
    office = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7", extensions="2000")
    moved = {"endpoint_id": office.pk, "delivery_host": "::ffff:198.51.100.7"}
    assert refused("delivery_host", update_endpoint, **moved) == words
    assert not done.warnings
    room = create_conference_room(**new, host="203.0.113.4")
    assert done.warnings == [
        "203.0.113.4 is within 203.0.113.0/28 of the carrier Cirrus: it would bill calls to its switches."
    ]
    done.warnings.clear()
    update_conference_room(conference_room_id=room.pk, host="conference.example")
    assert not done.warnings


def test_a_carrier_at_what_is_called_there_closes_it_and_that_is_told(
    account: Account, cirrus: Carrier, done: Done
) -> None:
    customer = acme(account)
    create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7", sends_calls=False, extensions="2000-2009")
    create_conference_room(customer_id=customer.pk, name="Monday", extension=5000, host="meet.example")
    create_conference_room(customer_id=customer.pk, name="Friday", extension=5001, host="192.0.2.70")
    done.warnings.clear()
    told = "No more calls are sent to extensions 2000-2009, which are at 192.0.2.7 too: give those another address."
    update_carrier(carrier_id=cirrus.pk, networks=[*NETWORKS, "192.0.2.7"])
    assert told in done.warnings
    done.warnings.clear()
    card = Card.objects.create(account=account, kind="customer", name="In", currency="EUR", direction="origination")
    owner = {"account": account, "customer": customer, "card": card}
    for number in range(4):
        Did.objects.create(**owner, number=f"44207183875{number}", destinations="sip:a@meet.example\nsip:192.0.2.9")
    gateway = create_gateway(carrier_id=cirrus.pk, name="gw", host="Meet.Example")
    names = "conference room Monday, DID 442071838750, DID 442071838751, …"
    assert done.warnings == [
        f"No more calls are sent to {names}, which are at meet.example too: give those another address."
    ]
    done.warnings.clear()
    update_gateway(gateway_id=gateway.pk, host="192.0.2.8")
    assert not done.warnings
