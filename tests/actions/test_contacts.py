"""Claims about contacts: names, logins that are one person's at one portal, verification that ends with a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.actions.cast import acme
from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions import customers, portal_passwords
from tollgate.actions.acts import Actor, Done, NotPermitted, acting
from tollgate.actions.contacts import (
    create_contact,
    delete_contact,
    delete_contacts,
    update_contact,
    verify_contact_email,
    verify_contact_mobile,
)
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.portal_access import impersonate_contact
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.store.models import Account, Audit, Contact, Customer, Message, PortalDomain, SignInProvider


def carla_of(customer: Customer, **fields: object) -> Contact:
    """Carla, or somebody like her."""
    given = {"first_name": "Carla", "email": "carla@acme.example", **fields}
    return create_contact(customer_id=customer.pk, **given)  # type: ignore[arg-type]


def test_a_contact_has_a_name_and_numbers_that_can_be_dialed(account: Account) -> None:
    customer = acme(account)
    refused("first_name", create_contact, customer_id=customer.pk, email="carla@acme.example", first_name=" ")
    refused("kind", create_contact, customer_id=customer.pk, email="c@acme.example", first_name="C", kind="boss")
    carla = carla_of(customer, mobile="+370 612 34567")
    assert carla.mobile == "+37061234567"
    refused("phone", update_contact, contact_id=carla.pk, phone="0612345678")
    refused("first_name", update_contact, contact_id=carla.pk, first_name="")
    refused("allowed_networks", update_contact, contact_id=carla.pk, allowed_networks=["0.0.0.0/0"])
    refused("zone", update_contact, contact_id=carla.pk, zone="Mars/Olympus")
    refused(
        "password", carla_of, customer=customer, email="d@acme.example", invite=True, password="typed too, and long"
    )


def test_an_email_is_one_login_at_one_portal(account: Account) -> None:
    customer, domain = acme(account), PortalDomain.objects.create(account=account, host="a.example", brand="A")
    other = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    carla = carla_of(customer)
    refused("email", carla_of, customer=other, email="CARLA@acme.example")
    second = carla_of(other, email="c2@acme.example")
    refused("email", update_contact, contact_id=second.pk, email="carla@acme.example")
    Customer.objects.filter(pk=other.pk).update(domain=domain)
    assert update_contact(contact_id=second.pk, email="carla@acme.example").login_domain == domain.pk
    carla.refresh_from_db()
    assert carla.login_domain == 0
    delete_contacts(contact_ids=[carla.pk])
    delete_contact(contact_id=second.pk)
    assert not Contact.objects.exists()


def test_a_customer_stays_at_its_portal_where_its_contacts_could_not_log_in_at_another(account: Account) -> None:
    blue = create_portal_domain(account_id=account.pk, host="portal.example.com", brand="Blue")
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    below = {"account_id": account.pk, "currency": "EUR", "parent_id": nordic.pk}
    mine = create_customer(name="Fjord", **below)
    there = create_customer(name="Sund", domain_id=blue.pk, **below)
    other = acme(account, domain_id=blue.pk)
    for number, customer in enumerate((mine, mine, there, other)):
        email = ("carla@x.example", "dan@x.example", "Carla@X.example", "Dan@x.example")[number]
        create_contact(customer_id=customer.pk, email=email, first_name="C.")
    move = {"customer_id": mine.pk, "domain_id": blue.pk}
    words = refused("domain_id", update_customer, **move)
    assert "carla@x.example, dan@x.example:" in words
    rita = Actor(
        "rita", frozenset({"*"}), "asked", "user", areas=frozenset({"*"}), reseller_id=nordic.pk,
        reach=frozenset({mine.pk, there.pk}),
    )  # fmt: skip
    with acting(rita):
        words = refused("domain_id", update_customer, **move)
    assert ("carla@x.example, …:" in words, "dan@" in words) == (True, False), "of others nobody hears"
    with acting(replace(rita, areas=frozenset({"customers"}))):
        assert "@" not in refused("domain_id", update_customer, **move)
    Contact.objects.exclude(customer=mine).delete()
    assert update_customer(**move).domain_id == blue.pk


def test_an_email_taken_at_that_moment_is_told_at_the_field_that_the_form_has(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = create_portal_domain(account_id=account.pk, host="portal.example.com", brand="Blue")
    mine, other = acme(account), create_customer(account_id=account.pk, name="B", currency="EUR", domain_id=blue.pk)
    for customer in (mine, other):
        create_contact(customer_id=customer.pk, email="carla@x.example", first_name="C.")
    monkeypatch.setattr(customers, "check_logins", lambda *_: None)  # the other contact is made after it looked
    words = refused("domain_id", update_customer, customer_id=mine.pk, domain_id=blue.pk)
    assert words == "An email of its contacts cannot be used at this portal domain: choose another."


def test_who_is_held_to_some_customers_does_not_learn_who_else_logs_in(account: Account) -> None:
    carla_of(acme(account))
    baltic = create_customer(account_id=account.pk, name="Baltic", currency="EUR")
    with acting(Actor("Dan", frozenset({"create_contact"}), kind="contact", id=1, reach=frozenset({baltic.pk}))):
        said = refused("email", carla_of, customer=baltic)
    assert said == "This email cannot be used here: choose another."
    assert "logs in" in refused("email", carla_of, customer=baltic)


def test_a_verification_by_hand_has_a_reason_and_ends_with_a_new_address(account: Account) -> None:
    carla = carla_of(acme(account))
    assert verify_contact_email(contact_id=carla.pk, reason="saw the passport").email_verified_how == "Ann"
    assert Audit.objects.filter(table_name="contact", reason="saw the passport").exists()
    refused("reason", verify_contact_email, contact_id=carla.pk, reason="")
    refused("mobile", verify_contact_mobile, contact_id=carla.pk, reason="called her")
    update_contact(contact_id=carla.pk, mobile="+37061234567", email="CARLA@acme.example")
    assert verify_contact_mobile(contact_id=carla.pk, reason="called her").email_verified_at is not None
    assert not Message.objects.exists(), "the same email in other letters is no news"
    changed = update_contact(contact_id=carla.pk, mobile="+37061234568", email="new@acme.example")
    assert (changed.email_verified_at, changed.mobile_verified_at) == (None, None)
    told = Message.objects.filter(template="email_changed").values_list("recipient", flat=True)
    assert set(told) == {"CARLA@acme.example", "new@acme.example"}
    verify_contact_email(contact_id=carla.pk, reason="wrote to us")
    again = verify_contact_email(contact_id=carla.pk, reason="mail comes back", verified=False)
    assert (again.email_verified_at, again.email_verified_how) == (None, "")


@pytest.mark.parametrize(
    ("note", "warned"),
    [
        ("Password: hunter22", True),
        ("his PIN is 4711", True),
        ("api-key=abcd1234", True),
        ("Asks for a new password often", False),
        ("passes on greetings: 1234", False),
    ],
)
def test_a_note_that_holds_a_secret_is_warned_of(account: Account, done: Done, note: str, warned: bool) -> None:
    carla_of(acme(account), private_notes=note)
    assert any("A note looks" in sentence for sentence in done.warnings) is warned


def test_a_contact_who_cannot_log_in_yet_is_told_of(account: Account, done: Done) -> None:
    customer = acme(account)
    carla_of(customer)
    assert done.warnings.pop() == "Carla has no password and cannot log in: send a link to set one."
    carla_of(customer, email="a@acme.example", invite=True)
    carla_of(customer, email="b@acme.example", password=PASSWORD)
    carla_of(customer, email="c@acme.example", login_enabled=False)
    SignInProvider.objects.create(
        account=account, title="Okta", serves="contacts", issuer="https://okta.example", client_id="tollgate"
    )
    carla_of(customer, email="d@acme.example")
    assert done.warnings == []


def test_a_contact_and_its_invitation_are_both_there_or_neither(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = acme(account)
    carla_of(customer, invite=True)
    assert Message.objects.get(template="set_password").recipient == "carla@acme.example"
    refused("email", carla_of, customer=customer, invite=True)
    assert Message.objects.count() == 1, "who is not kept is not invited"

    def fails(contact: Contact) -> None:
        Message.objects.update(subject="half done")
        raise RuntimeError("the queue is shut")

    monkeypatch.setattr(portal_passwords, "send_link", fails)
    with pytest.raises(RuntimeError, match="shut"):
        carla_of(customer, email="dan@acme.example", invite=True)
    assert list(Contact.objects.values_list("email", flat=True)) == ["carla@acme.example"]
    assert Message.objects.get().subject != "half done"


def test_no_job_and_no_contact_looks_in_as_somebody(account: Account) -> None:
    carla = carla_of(acme(account))
    refused("contact_id", impersonate_contact, contact_id=carla.pk)
    with acting(Actor("dan@baltic.example", frozenset(), kind="contact", id=5)), pytest.raises(NotPermitted):
        impersonate_contact(contact_id=carla.pk)
