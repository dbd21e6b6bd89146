"""Claims about packages on pages: those for a DID, and those by which calls are recorded."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.moments import today
from tests.panel.cast import Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_dids import Cards, cards, given
from tests.panel.test_packages import HOSTED
from tollgate.actions.acts import Actor, acting
from tollgate.actions.packages import enable_call_recording
from tollgate.store.models import CustomerPackage, Package

pytestmark = pytest.mark.django_db
__all__ = ["cards"]


def of(sold: Package, **more: str) -> dict[str, str]:
    """The form that gives a package from today on."""
    return {"package_id": str(sold.pk), "quantity": "1", "starts_on": str(today()), "auto_decrement": "on", **more}


def text_of(client: Client, address: str) -> str:
    """A page's text with single spaces."""
    return " ".join(client.get(address).content.decode().split())


def test_a_package_for_a_did_is_given_by_its_number_and_stands_on_both_pages(
    cast: Cast, cards: Cards, ann: Client
) -> None:
    did = given(cast, cards)
    page = f"/dids/{did.pk}/"
    assert "No package is or was for this DID." in text_of(ann, page)
    ann.post("/packages/new/", HOSTED)
    sold = Package.objects.get(name="Hosted PBX")
    form = f"/customers/{cast.acme.pk}/packages/new/?did={did.number}"
    assert form.replace("&", "&amp;") in text_of(ann, page)
    assert f'value="{did.number}"' in text_of(ann, form)
    wrong = ann.post(form, of(sold, did_id="37052079999"))
    assert "This customer has no DID of this number." in wrong.content.decode()
    assert ann.post(form, of(sold, did_id="+370 5 207 0001")).status_code == 302
    held = CustomerPackage.objects.get(package=sold)
    assert (held.did, held.customer) == (did, cast.acme)
    assert f"/customer-packages/{held.pk}/" in text_of(ann, page)
    assert page in text_of(ann, f"/customers/{cast.acme.pk}/packages/")
    told = text_of(ann, f"/customer-packages/{held.pk}/")
    assert f"Hosted PBX, DID {did.number}: Acme" in told
    assert f"Hosted PBX, DID {did.number}, setup" in told


def test_a_resellers_user_sees_nothing_of_the_packages_for_a_did(cast: Cast, cards: Cards, ann: Client) -> None:
    user, mine = with_rita(cast)
    rita = logged_in(user)
    did = given(
        cast, cards, customer_id=mine.pk, card_id=cards.resold.pk, reseller_cards={str(cast.baltic.pk): cards.sold.pk}
    )
    assert "Packages" in text_of(ann, f"/dids/{did.pk}/")
    assert "No package is or was for this DID." not in text_of(rita, f"/dids/{did.pk}/")


def test_recording_is_offered_where_the_account_has_it_and_the_customers_page_tells_by_what_it_is_recorded(
    cast: Cast, ann: Client
) -> None:
    page, shown = f"/customers/{cast.acme.pk}/", "on by the package Hosted PBX"
    closed = ann.post("/packages/new/", {**HOSTED, "name": "Too early", "feature": "recording"})
    assert closed.status_code == 302
    assert Package.objects.get(name="Too early").feature == "", "the field is closed"
    assert "call recording is not enabled" in text_of(ann, "/packages/new/")
    with acting(Actor("setup", frozenset({"*"}))):
        enable_call_recording(account_id=cast.account.pk)
    assert ann.post("/packages/new/", {**HOSTED, "feature": "recording"}).status_code == 302
    sold = Package.objects.get(name="Hosted PBX")
    assert sold.feature == "recording"
    assert shown not in text_of(ann, page)
    ann.post(f"{page}packages/new/", of(sold))
    assert shown in text_of(ann, page)
    CustomerPackage.objects.filter(package=sold).update(starts_on=today().replace(year=2020), ends_on="2020-12-31")
    assert shown not in text_of(ann, page)
