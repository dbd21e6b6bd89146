"""The cast at the portal: Carla of Acme and Dan of Baltic, who must never see Acme; Ann may look in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from tests.panel.cast import PASSWORD, Cast, assemble
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact
from tollgate.actions.dids import create_did
from tollgate.actions.endpoints import create_ip_endpoint
from tollgate.actions.messages import body
from tollgate.actions.portal_access import Opened, Place, log_in
from tollgate.actions.portal_passwords import keep
from tollgate.store.models import Contact, Message

SETUP = Actor("setup", frozenset({"*"}))
HERE = "127.0.0.1"


@dataclass(frozen=True)
class PortalCast:
    """The panel's cast, and who logs in to the portal."""

    panel: Cast
    carla: Contact
    dan: Contact


def gather() -> PortalCast:
    """The panel's cast with passwords, and something of every section for both customers."""
    panel = assemble()
    with acting(SETUP):
        dan = create_contact(
            customer_id=panel.baltic.pk, email="dan@baltic.example", first_name="Dan", password=PASSWORD
        )
        keep(dan, PASSWORD, must_change=False)
        keep(panel.contact, PASSWORD, must_change=False)
        create_ip_endpoint(customer_id=panel.baltic.pk, network="198.51.100.99", name="riga")
        add_verified_cli(customer_id=panel.baltic.pk, number="+37129123456")
        sold = create_card(
            account_id=panel.account.pk, kind="customer", name="Numbers", currency="EUR", direction="origination"
        )
        for customer, number, host in ((panel.acme, "+37052070001", "60"), (panel.baltic, "+37167070001", "61")):
            create_did(
                account_id=panel.account.pk, number=number, customer_id=customer.pk, card_id=sold.pk,
                carrier_id=panel.cirrus.pk, destinations=f"sip:203.0.113.{host}", private_note="pays late",
            )  # fmt: skip
    return PortalCast(panel, panel.contact, dan)


def knock(email: str, password: str = PASSWORD, **place: Any) -> object:
    """One attempt to log in."""
    at = place.pop("at", datetime.now(UTC))
    return log_in(email=email, password=password, place=Place(**{"domain_id": 0, "ip": HERE, **place}), at=at)


def visiting(contact: Contact, **place: Any) -> Client:
    """A browser in which the contact has logged in."""
    answer = knock(contact.email, **place)
    assert isinstance(answer, Opened), answer
    client = Client()
    client.cookies["tollgate_portal"] = answer.key
    return client


def newest_mail(template: str) -> Message:
    """The message queued last of that kind."""
    return Message.objects.filter(template=template).latest("id")


def link_in(message: Message) -> str:
    """The path of the address in a message, as its reader would open it."""
    address = next(line for line in body(message).text.splitlines() if "/portal/" in line)
    return address[address.index("/portal/") :]
