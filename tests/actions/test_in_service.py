"""Claims about deleted customers: they are given nothing and nothing of theirs is changed, by whatever door, until they
are back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actions.cast import ANN, acme, sold_by
from tests.actions.test_customers import refused
from tests.actions.test_delays import PASSWORD
from tollgate.actions.acts import ACTS, Actor, acting
from tollgate.actions.alerts import create_alert
from tollgate.actions.aliases import create_alias
from tollgate.actions.cli_rules import create_cli_rule
from tollgate.actions.clis import add_verified_cli, remove_verified_cli
from tollgate.actions.conferences import create_conference_room
from tollgate.actions.contacts import create_contact, delete_contact
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.customer_packages import assign_package, change_customer_package, create_package
from tollgate.actions.customers import delete_customer, restore_customer, update_customer
from tollgate.actions.delays import delay_save, run_due
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user, delete_endpoint
from tollgate.actions.options import update_options
from tollgate.actions.pins import clear_pin
from tollgate.actions.retention import place_legal_hold
from tollgate.actions.routes import create_ingress_route, delete_ingress_route
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import Account, Card, Contact, Customer, CustomerPackage, DelayedSave, Endpoint, IngressRoute

LATER = datetime(2031, 5, 1, 12, tzinfo=UTC)
REASON = {"reason": "asked by phone"}
LOGIN = {"username": "desk", "password": "a long secret"}
NEW: dict[str, dict[str, Any]] = {
    "create_contact": {"email": "dan@acme.example", "first_name": "Dan"},
    "create_ip_endpoint": {"network": "192.0.2.7"},
    "create_ip_endpoints": {"networks": ["192.0.2.7"]},
    "create_sip_user": {**LOGIN, "username": "hall"},
    "create_conference_room": {"name": "Weekly", "extension": 4001, "host": "192.0.2.9"},
    "assign_number_block": {},
    "generate_pin": {},
    "set_pin": {"pin": "730194"},
    "add_verified_cli": {"number": "+37061234568"},
    "set_customer_taxes": {"taxes": []},
    "update_customer": {"channels": 3},
    "set_customer_status": {"status": "inactive"},
    "hold_for_fraud": REASON,
    "extend_customer": {"until": "2100-01-01T00:00:00Z"},
    "create_successor_customer": {"name": "Acme USD", "currency": "USD"},
}
"""What is refused of a customer that is deleted, by act."""
CHANGED: dict[str, tuple[str, dict[str, Any]]] = {
    "update_contact": ("contact_id", {"first_name": "C."}),
    "send_password_link": ("contact_id", {}),
    "set_contact_password": ("contact_id", {"password": "a good phrase"}),
    "verify_contact_email": ("contact_id", REASON),
    "update_endpoint": ("endpoint_id", {"channels": 2}),
    "set_sip_password": ("endpoint_id", {"password": "another secret"}),
    "update_ingress_route": ("ingress_route_id", {"name": "World"}),
    "update_conference_room": ("conference_room_id", {"channels": 2}),
    "update_alias": ("alias_id", {"notes": "x"}),
    "update_cli_rule": ("cli_rule_id", {"notes": "x"}),
}


@dataclass(frozen=True)
class Scene:
    """Acme with one of everything, deleted."""

    account: Account
    acme: Customer
    card: Card
    ids: dict[str, int]


@pytest.fixture
def scene(account: Account) -> Scene:
    """Acme, deleted."""
    update_options(account_id=account.pk, block_start=2000, block_size=10)
    customer, card = acme(account), sold_by(account)
    owner = {"customer_id": customer.pk}
    route = create_ingress_route(**owner, name="all", card_id=card.pk)
    found = {
        "contact_id": create_contact(**owner, email="carla@acme.example", first_name="Carla").pk,
        "endpoint_id": create_sip_user(**owner, **LOGIN).pk,
        "ingress_route_id": route.pk,
        "conference_room_id": create_conference_room(**owner, name="Daily", extension=4000, host="192.0.2.9").pk,
        "alias_id": create_alias(account_id=account.pk, current="800", new="442079460001", **owner).pk,
        "cli_rule_id": create_cli_rule(account_id=account.pk, cli="^370", forced=False, **owner).pk,
        "cli_id": add_verified_cli(**owner, number="+37061234567").pk,
    }
    delete_customer(customer_id=customer.pk)
    return Scene(account, customer, card, found)


@pytest.mark.parametrize("name", NEW)
def test_a_deleted_customer_is_given_nothing_until_it_is_restored(scene: Scene, name: str) -> None:
    given = {"customer_id": scene.acme.pk, **NEW[name]}
    assert "restore it first" in refused("customer_id", ACTS[name], **given)
    restore_customer(customer_id=scene.acme.pk)
    if name == "extend_customer":
        update_customer(customer_id=scene.acme.pk, expires_at="2099-01-01T00:00:00Z")
    ACTS[name](**given)


@pytest.mark.parametrize("name", ["approve_customer", "reject_customer"])
def test_nobody_decides_about_a_deleted_customer_that_waits(scene: Scene, name: str) -> None:
    Customer.objects.update(status="pending")
    given = {"customer_id": scene.acme.pk, **(REASON if name == "reject_customer" else {})}
    assert "restore it first" in refused("customer_id", ACTS[name], **given)
    restore_customer(customer_id=scene.acme.pk)
    ACTS[name](**given)


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_deleted_customer_has_stays_as_it_is_until_it_is_restored(scene: Scene, name: str) -> None:
    field, given = CHANGED[name]
    assert "restore it first" in refused(field, ACTS[name], **{field: scene.ids[field], **given})
    restore_customer(customer_id=scene.acme.pk)
    ACTS[name](**{field: scene.ids[field], **given})


def test_routes_alerts_and_packages_are_not_given_either(scene: Scene) -> None:
    owner = {"customer_id": scene.acme.pk}
    refused("customer_id", create_ingress_route, **owner, name="more", card_id=scene.card.pk)
    watch: dict[str, Any] = {"title": "Low", "area": "balance", "operator": "<", "threshold_micros": 1}
    watch |= {"account_id": scene.account.pk, "recipients": ["noc@demo.example"]}
    refused("customer_id", create_alert, **owner, **watch)
    package = create_package(
        account_id=scene.account.pk, name="Line", kind="standard", currency="EUR", frequency="monthly"
    )
    refused("customer_id", assign_package, **owner, package_id=package.pk)
    restore_customer(**owner)
    assign_package(**owner, package_id=package.pk)
    delete_customer(**owner)
    held = CustomerPackage.objects.get()
    refused("customer_package_id", change_customer_package, customer_package_id=held.pk, quantity=2)


def test_what_a_deleted_customer_has_may_be_taken_away_and_what_was_be_told_of(scene: Scene) -> None:
    add_customer_note(customer_id=scene.acme.pk, text="Will not come back")
    place_legal_hold(customer_id=scene.acme.pk, reason="a lawsuit")
    delete_contact(contact_id=scene.ids["contact_id"])
    delete_endpoint(endpoint_id=scene.ids["endpoint_id"])
    delete_ingress_route(ingress_route_id=scene.ids["ingress_route_id"])
    remove_verified_cli(cli_id=scene.ids["cli_id"])
    clear_pin(customer_id=scene.acme.pk)
    assert [model.objects.count() for model in (Contact, Endpoint, IngressRoute)] == [0, 0, 0]


def test_a_save_that_was_put_off_gives_a_customer_deleted_meanwhile_nothing(account: Account) -> None:
    customer = acme(account)
    every = create_user_group(name="All", acts=["*"])
    eve = create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[every.pk])
    who = Actor(eve.email, frozenset({"*"}), "promised", "user", eve.pk)
    with acting(who):
        for act, given in (("create_sip_user", LOGIN), ("create_contact", NEW["create_contact"])):
            delay_save(act=act, arguments={"customer_id": customer.pk, **given}, due_at=LATER)
    with acting(ANN):
        delete_customer(customer_id=customer.pk)
    assert run_due(LATER + timedelta(hours=1)) == 2
    ended = list(DelayedSave.objects.values_list("state", "result"))
    assert [(state, "restore it first" in words) for state, words in ended] == [("refused", True)] * 2
    assert (Endpoint.objects.count(), Contact.objects.count()) == (0, 0)
    with acting(ANN):
        restore_customer(customer_id=customer.pk)
        assert create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7").pk
