"""Claims about how much each page of the portal asks of the database."""

from pathlib import Path

import pytest
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from tests.budgets import agreed, asked, drawn
from tests.gateways.payments import moneris
from tests.portal.cast import PortalCast, link_in, newest_mail, visiting
from tests.portal.test_isolation import addresses
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import update_customer
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.portal_passwords import send_password_link
from tollgate.portal.urls import urlpatterns
from tollgate.store.models import Checkout, Payment, PortalDomain

pytestmark = pytest.mark.django_db
COUNTS = Path(__file__).parent / "query_counts.json"
AWAY = {"enter", "sign_in", "signed_in"}
"""They only lead into the portal, or to who says whom somebody is."""


def test_every_page_keeps_its_number_of_queries(cast: PortalCast) -> None:
    """After a change that needs more queries, delete the file: the next run writes it anew, for review."""
    carla = visiting(cast.carla)
    with acting(Actor("setup", frozenset({"*"}))):
        update_customer(customer_id=cast.panel.acme.pk, ip_management=True, approved_clis_only=True)
    carla.get("/portal/dashboard/")  # what is read once per process is read
    views = {str(pattern.name): pattern.callback for pattern in urlpatterns}
    found: dict[str, int] = {}
    left = set()
    for name, address, _ in addresses(cast):
        who = carla if name not in ("login", "forgot") else Client()
        answer, _, count = asked(who, address)
        if answer.status_code == 200:
            found[name] = count
        elif name not in AWAY and drawn(views[name], answer):
            left.add(name)
    with override_settings(ALLOWED_HOSTS=["*"]):
        for name, (who, address) in opened(cast).items():
            answer, _, found[name] = asked(who, address)
            assert answer.status_code == 200, (name, answer.status_code)
    closed = sorted(left - found.keys())
    assert not closed, f"say in `opened` how one comes to these pages: {closed}"
    assert agreed(COUNTS, found)


def opened(cast: PortalCast) -> dict[str, tuple[Client, str]]:
    """What an address alone does not open: by name who opens it, and where."""
    PortalDomain.objects.update(color="#224466", custom_css="a { color: red }")
    domain = PortalDomain.objects.get()
    there = Client(HTTP_HOST=domain.host)
    with acting(Actor("setup", frozenset({"*"}))):
        send_password_link(contact_id=cast.dan.pk)
        gateway = create_payment_gateway(
            account_id=cast.panel.account.pk,
            name="moneris",
            provider="moneris",
            settings=moneris.settings_of("https://moneris.example"),
            secrets=moneris.SECRETS,
        )
    acme = cast.panel.acme
    waiting = Payment.objects.create(
        account=acme.account, customer=acme, gateway="moneris", status="pending", currency="EUR", amount_micros=10**7
    )
    Checkout.objects.create(payment=waiting, gateway=gateway, reference="page-of-ours", session=moneris.TICKET)
    files = {name: (there, reverse(f"portal:{name}", args=[domain.version])) for name in ("brand", "sheet", "logo")}
    return {
        **files,
        "set_password": (Client(), link_in(newest_mail("set_password"))),
        "pay": (visiting(cast.carla), reverse("portal:pay", args=[waiting.pk])),
    }
