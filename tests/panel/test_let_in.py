"""Claims about what the panel lets in: areas by group, posts with their token, and no input that breaks a page."""

import pytest
from django.test import Client

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tests.panel.test_access import addresses, guarded
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
from tollgate.core.areas import area_of_page
from tollgate.store.models import Audit

pytestmark = pytest.mark.django_db


def test_a_group_opens_its_areas_and_no_other(cast: Cast) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Traffic", acts=["top_up"], areas=["calls", "audit"])
        tess = create_user(name="Tess", email="tess@demo.example", password=PASSWORD, group_ids=[group.pk])
    browser = logged_in(tess)
    for name, address, view in guarded(cast):
        answer = browser.get(address)
        if area_of_page(view.__module__) not in ("calls", "audit"):
            assert answer.status_code in (403, 405), name
            assert browser.post(address).status_code in (403, 405), name
    assert browser.get("/")["Location"] == "/live/"
    page = browser.get("/cdrs/", follow=True).content.decode()
    assert "/carriers/" not in page
    assert "Profit" not in page
    assert "Cirrus" not in browser.get("/live/").content.decode()
    assert "Acme" not in browser.get("/search/?q=Acme").content.decode().partition("<main")[2].replace("“Acme”", "")


def test_contacts_and_customers_are_read_made_changed_and_removed_by_a_right_each(cast: Cast) -> None:
    pages = {
        "create_contact": f"/customers/{cast.acme.pk}/contacts/new/",
        "update_contact": f"/contacts/{cast.contact.pk}/",
        "delete_contact": f"/contacts/{cast.contact.pk}/delete/",
        "create_customer": "/customers/new/",
        "update_customer": f"/customers/{cast.acme.pk}/edit/",
        "delete_customer": f"/customers/{cast.acme.pk}/delete/",
    }
    for given in pages:
        with acting(Actor("setup", frozenset({"*"}))):
            group = create_user_group(name=given, acts=[given], areas=["customers", "contacts"])
            email = f"{given.replace('_', '-')}@demo.example"
            browser = logged_in(create_user(name=given, email=email, password=PASSWORD, group_ids=[group.pk]))
        assert browser.get("/contacts/").status_code == 200
        for act, page in pages.items():
            assert (browser.post(page, {}).status_code == 403) is (act != given), (given, act)
    assert cast.acme.contacts.exists()


def test_input_that_cannot_be_is_no_error_of_ours(cast: Cast, ann: Client) -> None:
    long = "9" * 5000
    for address in (f"/search/?q={long}", "/search/?q=ab%00cd", f"/customers/?q={long}", f"/cdrs/?f.least={long}"):
        assert ann.get(address).status_code < 500, address
    for address, form in (
        ("/customers/new/", {"name": "x", "reason": "a\0b"}),
        ("/contacts/delete/", {"id": [long]}),
        (f"/contacts/{cast.contact.pk}/sessions/end/", {"session_id": long}),
        (f"/customers/{cast.acme.pk}/top-up/", {"amount_micros": long, "key": "k"}),
    ):
        assert ann.post(address, form).status_code < 500, address
    assert Client().post("/set-password/none/", {"save": "delay"}).status_code == 302


def test_a_post_without_its_token_is_refused(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.ann)
    of_each_noun = {view.__module__: address for _, address, view in addresses(cast) if hasattr(view, "act")}
    assert len(of_each_noun) > 40
    before = Audit.objects.count()
    for address in (*of_each_noun.values(), f"/customers/{cast.acme.pk}/top-up/", "/me/theme/", "/forgot/"):
        answer = strict.post(address, {"name": "Forged", "amount_micros": "5"})
        assert (answer.status_code, answer.reason_phrase) == (403, "Forbidden"), address
    assert Audit.objects.count() == before
