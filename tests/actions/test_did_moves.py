"""Claims about DIDs that go back into the inventory, and about those that are saved at the same moment."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction

from tests.actions.cast import ANN
from tests.actions.test_customers import refused
from tests.actions.test_dids import Scene, scene
from tollgate.actions.acts import acting
from tollgate.actions.dids import update_did
from tollgate.store.models import Card, Did

__all__ = ["scene"]


def test_a_did_that_goes_back_takes_nothing_with_it_that_only_a_customer_has(scene: Scene) -> None:
    did, other = scene.of_gull(destinations="sip:203.0.113.9"), scene.card_of("Other in", scene.sund)
    sellers = {str(one.reseller_id): one.card_id for one in did.prices.all()}
    for name, value in (("card_id", other.pk), ("destinations", "100"), ("reseller_cards", {"1": 1})):
        words = refused(name, update_did, did_id=did.pk, customer_id=None, **{name: value})
        assert "goes back into the inventory" in words
    assert Did.objects.get().customer_id == scene.gull.pk
    as_it_is = {"card_id": did.card_id, "destinations": did.destinations, "reseller_cards": sellers}
    assert update_did(did_id=did.pk, customer_id=None, **as_it_is).customer_id is None


@pytest.mark.django_db(transaction=True)
def test_dids_that_name_the_same_cards_in_other_places_never_wait_for_one_another_in_a_ring(scene: Scene) -> None:
    low, high = scene.card, scene.card_of("Other in")
    did = scene.did(customer_id=scene.sund.pk, reseller_cards={str(scene.nordic.pk): low.pk}, card_id=low.pk)

    def swapped() -> None:
        with acting(ANN):
            update_did(did_id=did.pk, card_id=high.pk, reseller_cards={str(scene.nordic.pk): low.pk}, channels=3)
        connection.close()

    other = threading.Thread(target=swapped)
    with transaction.atomic():
        Card.objects.select_for_update(no_key=True).get(pk=low.pk)
        other.start()
        end = time.monotonic() + 20
        while not waits_for_a_lock() and time.monotonic() < end:
            time.sleep(0.05)
        assert waits_for_a_lock()
        Card.objects.select_for_update(no_key=True, nowait=True).get(pk=high.pk)  # it has not taken the later one first
    other.join()
    did.refresh_from_db()
    assert (did.card_id, did.channels) == (high.pk, 3)


def waits_for_a_lock() -> bool:
    """Whether somebody waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone() == (True,)
