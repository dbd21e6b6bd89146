"""Claims about the page Numbers: what of a DID its customer reads, and to whom the page is shown at all."""

import pytest

from tests.portal.cast import PortalCast, visiting
from tollgate.store.models import Customer, Did, PortalDomain

pytestmark = pytest.mark.django_db
PAGE = "/portal/numbers/"


def test_contacts_read_their_numbers_and_where_calls_to_them_go(cast: PortalCast) -> None:
    Did.objects.filter(customer=cast.panel.acme).update(
        destinations="sip:203.0.113.60\nsip:203.0.113.61", public_note="Front desk", enabled=False
    )
    page = visiting(cast.carla).get(PAGE).content.decode()
    for words in ("37052070001", "sip:203.0.113.60, sip:203.0.113.61", "Front desk", "Disabled"):
        assert words in page, words
    for words in ("Cirrus", "pays late", "37167070001", '"Numbers (EUR)"'):
        assert words not in page, words
    carla = visiting(cast.carla)
    for text, found in (("0001", True), ("front", True), ("113.61", True), ("7", True), ("late", False)):
        assert ("37052070001" in carla.get(f"{PAGE}?q={text}").content.decode()) is found, text
    assert carla.post(PAGE, {"enabled": "on"}).status_code in (200, 405)
    assert not Did.objects.get(customer=cast.panel.acme).enabled


def test_the_page_is_shown_only_where_the_customer_has_numbers(cast: PortalCast) -> None:
    carla, home = visiting(cast.carla), "/portal/dashboard/"
    assert PAGE in carla.get(home).content.decode()
    Did.objects.filter(customer=cast.panel.acme).update(customer=None, card=None, destinations="")
    assert PAGE not in carla.get(home).content.decode()
    assert carla.get(PAGE).status_code == 404
    assert PAGE in visiting(cast.dan).get(home).content.decode(), "others have theirs"


def test_the_page_is_hidden_and_shown_by_its_switch(cast: PortalCast) -> None:
    carla, acme = visiting(cast.carla), Customer.objects.filter(pk=cast.panel.acme.pk)
    acme.update(portal_hide=["dids"])
    assert carla.get(PAGE).status_code == 404
    assert PAGE not in carla.get("/portal/dashboard/").content.decode()
    domain = PortalDomain.objects.get()
    PortalDomain.objects.update(sections=["dashboard"], host="testserver")
    acme.update(portal_hide=[], domain=domain)
    assert carla.get(PAGE).status_code == 404, "its domain does not show it"
    acme.update(portal_show=["dids"])
    assert carla.get(PAGE).status_code == 200
