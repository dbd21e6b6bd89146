"""Claims about the pages of what is paid to carriers."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tollgate.actions.carrier_statements import wallet_of
from tollgate.store.models import CarrierPayment, CarrierStatement, Entry, UserGroup

pytestmark = pytest.mark.django_db
EURO = 1_000_000


def test_ann_books_a_payment_to_a_carrier_says_what_it_is_for_and_undoes_it(cast: Cast, ann: Client) -> None:
    statement = CarrierStatement.objects.get()
    owed, page = wallet_of(cast.cirrus).balance_micros, f"/carriers/{cast.cirrus.pk}/payments/new/"
    assert "hand-" in ann.get(page).content.decode()
    form = {"amount_micros": "400", "kind": "payment", "paid_on": "2026-11-02", "external_id": "B7", "note": "October"}
    for _ in range(2):
        assert ann.post(page, form)["Location"] == f"/carriers/{cast.cirrus.pk}/"
    paid = CarrierPayment.objects.get(external_id="B7")
    assert wallet_of(cast.cirrus).balance_micros == owed - 400 * EURO
    shown = ann.get(f"/carriers/{cast.cirrus.pk}/").content.decode()
    assert ("400.00" in shown, "October" in shown, f"/carrier-payments/{paid.pk}/" in shown) == (True,) * 3
    own = f"/carrier-payments/{paid.pk}/"
    change = {"statement_id": str(statement.pk), "note": "INV-1", "version": str(paid.version)}
    assert ann.post(own, change).status_code == 302
    assert ann.post(own, {**change, "note": "late"}).status_code == 409, "somebody else has saved it"
    of_statement = ann.get(f"/reconciliation/{statement.pk}/").content.decode()
    assert ("401.00" in of_statement, own in of_statement) == (True, True), "with what was paid for it before"
    assert "401.00" in ann.get("/reconciliation/").content.decode()
    assert "400.00" in ann.get("/carrier-payments/?q=cirrus").content.decode()
    ann.post(f"{own}reverse/", {"confirmation": "no"})
    assert not hasattr(CarrierPayment.objects.get(pk=paid.pk), "reversed_by")
    ann.post(f"{own}reverse/", {"confirmation": str(paid.pk), "reason": "bounced"})
    assert wallet_of(cast.cirrus).balance_micros == owed
    assert "Undone" in ann.get(own).content.decode()
    assert Entry.objects.filter(book="payments", amount_micros=400 * EURO).count() == 1


def test_whoever_may_not_book_it_sees_what_was_paid_and_no_button(cast: Cast, bob: Client, ann: Client) -> None:
    paid = CarrierPayment.objects.get()
    page = f"/carriers/{cast.cirrus.pk}/"
    shown = bob.get(page).content.decode()
    assert (f"/carrier-payments/{paid.pk}/" in shown, f"{page}payments/new/" in shown) == (True, False)
    assert bob.get(f"/carrier-payments/{paid.pk}/").status_code == 200
    for address in (f"{page}payments/new/", f"/carrier-payments/{paid.pk}/", f"/carrier-payments/{paid.pk}/reverse/"):
        assert bob.post(address).status_code == 403
    UserGroup.objects.filter(pk=cast.group.pk).update(acts=["adjust", "create_payment"])
    assert ann.get(f"{page}payments/new/").status_code == 403, "it is a right of its own"
