"""Claims about departments in the portal: contacts choose among those that the operator has added, too."""

import pytest

from tests.portal.cast import SETUP, PortalCast, visiting
from tollgate.actions.acts import acting
from tollgate.actions.departments import create_department
from tollgate.store.models import Contact

pytestmark = pytest.mark.django_db


def test_contacts_choose_and_read_departments_of_the_operators_own(cast: PortalCast) -> None:
    with acting(SETUP):
        create_department(account_id=cast.panel.account.pk, name="Bills & more", key="bills")
    carla = visiting(cast.carla)
    option = '<option value="bills">Bills &amp; more</option>'
    for address in ("/portal/contacts/new/", "/portal/details/"):
        assert option in carla.get(address).content.decode(), address
    given = {"first_name": "Emil", "email": "emil@acme.example"}
    assert carla.post("/portal/contacts/new/", {**given, "kind": "boss"}).status_code == 422
    assert carla.post("/portal/contacts/new/", {**given, "kind": "bills"}).status_code == 302
    emil = Contact.objects.get(email="emil@acme.example")
    assert emil.kind == "bills"
    assert ">Bills &amp; more</td>" in carla.get("/portal/contacts/").content.decode()
    assert option.replace('"bills"', '"bills" selected') in carla.get(f"/portal/contacts/{emil.pk}/").content.decode()
    mine = {"first_name": "Carla", "kind": "bills", "version": cast.carla.version}
    assert carla.post("/portal/details/", mine).status_code == 302
    assert Contact.objects.get(pk=cast.carla.pk).kind == "bills"
