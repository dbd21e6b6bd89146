"""Claims about endpoints: passwords are never kept, addresses stay distinguishable, channels are shared out."""

import hashlib
from typing import Any

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions.acts import Done, Invalid
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.endpoints import (
    create_ip_endpoint,
    create_ip_endpoints,
    create_sip_user,
    delete_endpoint,
    set_sip_password,
    update_endpoint,
)
from tollgate.store.models import Account, Audit, Endpoint


def test_of_a_password_only_the_digest_is_kept(account: Account) -> None:
    user = create_sip_user(customer_id=acme(account).pk, username="Desk1", password=PASSWORD, realm="sip.demo.example")
    assert user.username == "desk1"
    assert user.ha1 == hashlib.md5(f"desk1:sip.demo.example:{PASSWORD}".encode()).hexdigest()
    changed = set_sip_password(endpoint_id=user.pk, password="another secret")
    assert changed.ha1 == hashlib.md5(b"desk1:sip.demo.example:another secret").hexdigest()
    log = str(list(Audit.objects.values_list("before", "after")))
    assert PASSWORD not in log
    assert str(user.ha1) not in log


def test_a_password_has_ten_characters(account: Account) -> None:
    assert "10 characters" in refused(
        "password", create_sip_user, customer_id=acme(account).pk, username="desk", password="short"
    )


def test_a_user_name_belongs_to_one_sip_user(account: Account) -> None:
    customer = acme(account)
    create_sip_user(customer_id=customer.pk, username="desk", password=PASSWORD)
    sentence = refused("username", create_sip_user, customer_id=customer.pk, username="DESK", password=PASSWORD)
    assert sentence == "Duplicate User Detected"


def test_sip_users_share_the_channels_of_their_customer(account: Account) -> None:
    customer = acme(account, channels=5)
    first = create_sip_user(customer_id=customer.pk, username="a", password=PASSWORD, channels=3)
    create_sip_user(customer_id=customer.pk, username="b", password=PASSWORD, channels=2)
    full = "No channel capacity available for your account."
    one_more = {"customer_id": customer.pk, "username": "c", "password": PASSWORD, "channels": 1}
    assert refused("channels", create_sip_user, **one_more) == full
    assert refused("channels", update_endpoint, endpoint_id=first.pk, channels=4) == full
    assert update_endpoint(endpoint_id=first.pk, channels=2).channels == 2
    update_customer(customer_id=customer.pk, channels=0)
    assert create_sip_user(**one_more).channels == 1  # type: ignore[arg-type]


def test_two_customers_on_one_address_need_different_tech_prefixes(account: Account, done: Done) -> None:
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    create_ip_endpoint(customer_id=acme(account).pk, network="192.0.2.7")
    sentence = refused("network", create_ip_endpoint, customer_id=baltic.pk, network="192.0.2.7/32")
    assert "Acme (192.0.2.7/32)" in sentence
    assert not done.warnings
    told_apart = create_ip_endpoint(customer_id=baltic.pk, network="192.0.2.7", tech_prefix="77")
    assert "tech prefix decides" in done.warnings[0]
    refused("network", update_endpoint, endpoint_id=told_apart.pk, tech_prefix="")
    assert update_endpoint(endpoint_id=told_apart.pk, tech_prefix="77", name="Office").name == "Office"


def test_an_address_that_is_only_called_stands_in_nobodys_way(account: Account, done: Done) -> None:
    ours, theirs = acme(account), create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    refused("sends_calls", create_ip_endpoint, customer_id=ours.pk, network="192.0.2.7", sends_calls=False)
    called = create_ip_endpoint(customer_id=ours.pk, network="192.0.2.7", sends_calls=False, extensions="2000-2009")
    assert create_ip_endpoint(customer_id=theirs.pk, network="192.0.2.7").sends_calls
    assert not done.warnings
    refused("sends_calls", update_endpoint, endpoint_id=called.pk, extensions="")
    assert "Baltic" in refused("network", update_endpoint, endpoint_id=called.pk, sends_calls=True)
    assert update_endpoint(endpoint_id=called.pk, sends_calls=True, tech_prefix="77").sends_calls


def test_an_address_that_is_only_called_has_no_settings_of_calls_from_it(account: Account) -> None:
    place: dict[str, Any] = {"network": "192.0.2.7", "extensions": "2000-2009", "customer_id": acme(account).pk}
    rows = [{"target": "cld", "current": "00", "new": ""}]
    idle: dict[str, Any] = {"tech_prefix": "77", "cli_authentication": True, "presents_pins": True, "rewrites": rows}
    with pytest.raises(Invalid) as problem:
        create_ip_endpoint(**place, sends_calls=False, **idle)
    assert set(problem.value.errors) == set(idle)
    both = create_ip_endpoint(**place, tech_prefix="77", rewrites=rows)
    with pytest.raises(Invalid) as problem:
        update_endpoint(endpoint_id=both.pk, sends_calls=False)
    assert set(problem.value.errors) == {"tech_prefix", "rewrites"}
    called = update_endpoint(endpoint_id=both.pk, sends_calls=False, tech_prefix="", rewrites=[], channels=10)
    assert (called.sends_calls, called.channels) == (False, 10), "limits hold for calls to it"
    assert "sends none" in refused("tech_prefix", update_endpoint, endpoint_id=both.pk, tech_prefix="7")
    assert update_endpoint(endpoint_id=both.pk, cps_milli=2000).cps_milli == 2000


def test_overlapping_networks_are_saved_with_a_warning(account: Account, done: Done) -> None:
    customer = acme(account)
    create_ip_endpoint(customer_id=customer.pk, network="192.0.2.0/24")
    create_ip_endpoint(customer_id=customer.pk, network="2001:db8::/32")
    narrow = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7")
    assert str(narrow.network) == "192.0.2.7/32"
    assert len(done.warnings) == 1
    assert "the narrower network wins" in done.warnings[0]


def test_of_overlapping_networks_the_rule_that_decides_is_told(account: Account, done: Done) -> None:
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    create_ip_endpoint(customer_id=acme(account).pk, network="192.0.2.0/24")
    create_ip_endpoint(customer_id=baltic.pk, network="192.0.2.7", tech_prefix="77")
    assert "of two that fit the longer wins, whichever network is narrower" in done.warnings.pop()
    create_ip_endpoint(customer_id=baltic.pk, network="192.0.2.9", cli_authentication=True)
    without_cli, overlap = done.warnings.pop(), done.warnings.pop()
    assert "verified CLI go to the one with CLI authentication" in overlap
    assert "Baltic has no verified CLI yet" in without_cli


def test_customers_on_one_address_are_told_apart_by_cli_when_all_are(account: Account, done: Done) -> None:
    ours, baltic = acme(account), create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    for customer, number in ((ours, "+37061234567"), (baltic, "+37069999999")):
        add_verified_cli(customer_id=customer.pk, number=number)
    first = create_ip_endpoint(customer_id=ours.pk, network="192.0.2.7")
    shared = {"customer_id": baltic.pk, "network": "192.0.2.7"}
    said = refused("cli_authentication", create_ip_endpoint, **shared, cli_authentication=True)
    assert "turn it on there first" in said
    update_endpoint(endpoint_id=first.pk, cli_authentication=True)
    assert "every endpoint of this address" in refused("cli_authentication", create_ip_endpoint, **shared)
    second = create_ip_endpoint(customer_id=baltic.pk, network="192.0.2.7", cli_authentication=True)
    assert done.warnings == [
        "192.0.2.7/32 is also an endpoint of Acme (192.0.2.7/32): the CLI decides whose call it is."
    ]
    refused("cli_authentication", update_endpoint, endpoint_id=second.pk, cli_authentication=False)
    refused("network", create_ip_endpoint, customer_id=ours.pk, network="192.0.2.7", cli_authentication=True)
    delete_endpoint(endpoint_id=second.pk)
    assert not update_endpoint(endpoint_id=first.pk, cli_authentication=False).cli_authentication


def test_many_addresses_are_added_at_once_or_none(account: Account) -> None:
    customer = acme(account)
    create_ip_endpoint(customer_id=customer.pk, network="192.0.2.9")
    many = ["192.0.2.7", "198.51.100.0/28", "2001:db8::/48"]
    made = create_ip_endpoints(customer_id=customer.pk, networks=many, channels=5, tech_prefix="9#")
    assert [(str(one.network), one.channels, one.tech_prefix) for one in made] == [
        ("192.0.2.7/32", 5, "9#"), ("198.51.100.0/28", 5, "9#"), ("2001:db8::/48", 5, "9#"),
    ]  # fmt: skip
    with pytest.raises(Invalid) as refusal:
        create_ip_endpoints(customer_id=customer.pk, networks=["192.0.2.8", "192.0.2.9"])
    assert refusal.value.errors["networks"][0].startswith("Line 2: Calls could not be told apart")
    assert Endpoint.objects.count() == 4
    refused("networks", create_ip_endpoints, customer_id=customer.pk, networks=[])
    refused("networks", create_ip_endpoints, customer_id=customer.pk, networks=["fe80::1%eth0"])


def test_an_address_is_kept_as_calls_are_looked_up(account: Account) -> None:
    customer = acme(account)
    refused("network", create_ip_endpoint, customer_id=customer.pk, network="fe80::1%eth0")
    assert str(create_ip_endpoint(customer_id=customer.pk, network="::ffff:192.0.2.7").network) == "192.0.2.7/32"


def test_rewrites_are_checked_and_their_traps_told(account: Account, done: Done) -> None:
    customer = acme(account)
    bad = [{"target": "cld", "current": "^(0", "new": "44"}]
    said = refused("rewrites", create_ip_endpoint, customer_id=customer.pk, network="192.0.2.7", rewrites=bad)
    assert said == "Row 1, current: Sign 2: this ( is not closed."
    refused("rewrites", create_ip_endpoint, customer_id=customer.pk, network="192.0.2.7", rewrites="0")
    refused("rewrites", create_ip_endpoint, customer_id=customer.pk, network="192.0.2.7", rewrites=["0"])
    good = [{"target": "cld", "current": "^0([1-9]+)$", "new": r"44\1"}]
    user = create_sip_user(customer_id=customer.pk, username="desk", password=PASSWORD, rewrites=good)
    assert user.rewrites == [{"target": "cld", "current": "^0([1-9]+)$", "new": "44$1"}]
    assert "leaves the digit 0 out" in done.warnings.pop()
    update_endpoint(endpoint_id=user.pk, rewrites=user.rewrites, name="Desk")
    assert not done.warnings
    assert update_endpoint(endpoint_id=user.pk, rewrites=[]).rewrites == []


def test_each_kind_has_its_own_fields(account: Account) -> None:
    customer = acme(account)
    address = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7")
    user = create_sip_user(
        customer_id=customer.pk, username="desk", password=PASSWORD, allowed_networks=["192.0.2.0/24"]
    )
    refused("allowed_networks", update_endpoint, endpoint_id=address.pk, allowed_networks=[])
    refused("network", update_endpoint, endpoint_id=user.pk, network="192.0.2.9")
    many = [f"10.0.{number}.0/24" for number in range(201)]
    refused("allowed_networks", update_endpoint, endpoint_id=user.pk, allowed_networks=many)
    refused("endpoint_id", set_sip_password, endpoint_id=address.pk, password=PASSWORD)
    assert [str(net) for net in update_endpoint(endpoint_id=user.pk, enabled=False).allowed_networks] == [
        "192.0.2.0/24"
    ]


def test_a_deleted_endpoint_is_gone(account: Account) -> None:
    address = create_ip_endpoint(customer_id=acme(account).pk, network="192.0.2.7")
    delete_endpoint(endpoint_id=address.pk)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("username", ["", "a b", "a@b", "-a", "ä"])
def test_a_user_name_is_what_phones_can_type(account: Account, username: str) -> None:
    refused("username", create_sip_user, customer_id=acme(account).pk, username=username, password=PASSWORD)
