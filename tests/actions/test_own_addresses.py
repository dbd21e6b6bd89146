"""Claims about what contacts may do with addresses: their own customer's only, small, public, and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions.acts import Actor, NotFound, NotPermitted, acting
from tollgate.actions.carriers import create_carrier
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.did_networks import NEUTRAL
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user
from tollgate.actions.own_addresses import create_own_ip_endpoint, delete_own_endpoint, update_own_ip_endpoint
from tollgate.actions.portal_rights import PORTAL_ACTS
from tollgate.store.models import Account, Audit, Customer, Endpoint


@contextmanager
def carla(customer: Customer) -> Iterator[None]:
    """A contact of the customer acts, as in the portal."""
    email = f"{customer.name.lower()}@cast.example"
    contact = create_contact(customer_id=customer.pk, email=email, first_name="Carla")
    with acting(Actor(contact.email, PORTAL_ACTS, kind="contact", id=contact.pk, ip="192.0.2.250")):
        yield


def test_a_contact_adds_changes_and_removes_an_address_of_its_customer(account: Account) -> None:
    customer = acme(account, ip_management=True)
    with carla(customer):
        made = create_own_ip_endpoint(customer_id=customer.pk, network="192.0.2.7", name="Office")
        assert (str(made.network), made.kind, made.customer_id) == ("192.0.2.7/32", "ip", customer.pk)
        changed = update_own_ip_endpoint(endpoint_id=made.pk, version=made.version, network="192.0.2.0/24", name="Site")
        assert (str(changed.network), changed.name) == ("192.0.2.0/24", "Site")
        assert "already" in refused("network", create_own_ip_endpoint, customer_id=customer.pk, network="192.0.2.0/24")
        assert update_own_ip_endpoint(endpoint_id=made.pk, name="Office").name == "Office"
        delete_own_endpoint(endpoint_id=made.pk)
    assert not Endpoint.objects.exists()
    kinds = Audit.objects.filter(table_name="endpoint").values_list("actor", "actor_kind").distinct()
    assert list(kinds) == [("acme@cast.example", "contact")]


def test_nothing_is_changed_unless_the_operator_allows_it(account: Account) -> None:
    customer = acme(account)
    endpoint = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7")
    with carla(customer):
        said = refused("network", create_own_ip_endpoint, customer_id=customer.pk, network="192.0.2.8")
        assert "Your provider" in said
        refused("network", update_own_ip_endpoint, endpoint_id=endpoint.pk, name="mine")
        refused("network", delete_own_endpoint, endpoint_id=endpoint.pk)
        with pytest.raises(NotPermitted):
            create_ip_endpoint(customer_id=customer.pk, network="192.0.2.8")


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("192.0.2.0/23", "at most a /24"),
        ("2001:db8::/48", "at most a /64"),
        ("10.1.2.3", "private address"),
        ("fd00::1", "private address"),
        ("127.0.0.1", "public Internet"),
        ("fe80::/64", "public Internet"),
        ("239.1.1.1", "public Internet"),
        ("192.0.2.7%eth0", "Leave the zone out"),
    ],
)
def test_an_address_is_small_and_public(account: Account, network: str, words: str) -> None:
    customer = acme(account, ip_management=True)
    with carla(customer):
        assert words in refused("network", create_own_ip_endpoint, customer_id=customer.pk, network=network)


def test_a_private_address_needs_the_setting(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_PORTAL_PRIVATE_ADDRESSES", "yes")
    customer = acme(account, ip_management=True)
    with carla(customer):
        assert str(create_own_ip_endpoint(customer_id=customer.pk, network="10.1.2.3").network) == "10.1.2.3/32"


def test_calls_of_another_customer_cannot_be_taken(account: Account) -> None:
    ours = acme(account)
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR", ip_management=True)
    create_ip_endpoint(customer_id=ours.pk, network="192.0.2.0/28")
    create_ip_endpoint(customer_id=ours.pk, network="192.0.2.64/28", tech_prefix="7#")
    with carla(baltic):
        for network, prefix in (("192.0.2.7", ""), ("192.0.2.0/24", "44"), ("192.0.2.65", "44")):
            given = {"customer_id": baltic.pk, "network": network, "tech_prefix": prefix}
            assert "Acme" not in refused("tech_prefix", create_own_ip_endpoint, **given)
        for prefix in ("7#", "7#1"):
            given = {"customer_id": baltic.pk, "network": "192.0.2.65", "tech_prefix": prefix}
            assert "taken" in refused("tech_prefix", create_own_ip_endpoint, **given)
        made = create_own_ip_endpoint(customer_id=baltic.pk, network="192.0.2.7", tech_prefix="9#")
        refused("tech_prefix", update_own_ip_endpoint, endpoint_id=made.pk, tech_prefix="")


def test_a_network_that_a_carrier_calls_from_is_taken_by_no_contact(account: Account) -> None:
    create_carrier(account_id=account.pk, name="Cirrus", currency="EUR", networks=["198.51.100.7"])
    customer = acme(account, ip_management=True)
    with carla(customer):
        given = {"customer_id": customer.pk, "network": "198.51.100.7"}
        assert refused("network", create_own_ip_endpoint, **given) == NEUTRAL
        own = create_own_ip_endpoint(customer_id=customer.pk, network="198.51.100.8")
        changed = {"endpoint_id": own.pk, "network": "198.51.100.7"}
        assert refused("network", update_own_ip_endpoint, **changed) == NEUTRAL


def test_an_endpoint_of_another_customer_is_not_found(account: Account) -> None:
    ours = acme(account, ip_management=True)
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR", ip_management=True)
    endpoint = create_ip_endpoint(customer_id=ours.pk, network="192.0.2.7")
    with carla(baltic):
        for call in (
            lambda: create_own_ip_endpoint(customer_id=ours.pk, network="192.0.2.8"),
            lambda: update_own_ip_endpoint(endpoint_id=endpoint.pk, name="mine"),
            lambda: delete_own_endpoint(endpoint_id=endpoint.pk),
        ):
            with pytest.raises(NotFound):
                call()


def test_sip_users_and_shared_addresses_stay_with_the_operator(account: Account) -> None:
    customer = acme(account, ip_management=True)
    user = create_sip_user(customer_id=customer.pk, username="desk", password=PASSWORD)
    shared = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7", cli_authentication=True)
    called = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.8", extensions="2000", sends_calls=False)
    office = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.9", extensions="2001")
    with carla(customer):
        for endpoint in (user, shared, called, office):
            refused("endpoint_id", update_own_ip_endpoint, endpoint_id=endpoint.pk, name="mine")
            refused("endpoint_id", delete_own_endpoint, endpoint_id=endpoint.pk)


def test_fifty_addresses_are_enough(account: Account) -> None:
    customer = acme(account)
    for number in range(50):
        create_ip_endpoint(customer_id=customer.pk, network=f"192.0.2.{number}")
    update_customer(customer_id=customer.pk, ip_management=True)
    with carla(customer):
        assert "50 addresses" in refused(
            "network", create_own_ip_endpoint, customer_id=customer.pk, network="198.51.100.7"
        )
