"""Claims about access numbers and PINs in the panel: a PIN is shown once, and callers that wait may try again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.test_forms import errors_of
from tollgate.store.models import AccessNumber, Audit, DelayedSave, Endpoint, Pin, PinTry
from tollgate.store.pins import mark

pytestmark = pytest.mark.django_db


def test_a_pin_is_shown_once_and_the_customers_page_says_that_it_is_set(cast: Cast, ann: Client) -> None:
    page, draw = f"/customers/{cast.acme.pk}/auth/", f"/customers/{cast.acme.pk}/pin/draw/"
    place = AccessNumber.objects.get()
    assert "No PIN" in ann.get(page).content.decode()
    assert b"Save later" not in ann.get(draw).content
    answer = ann.post(draw, {"access_number_id": str(place.pk), "save": "delay"})
    assert answer.status_code == 422  # nothing of a PIN is put off
    answer = ann.post(draw, {"access_number_id": str(place.pk)})
    assert answer["Cache-Control"] == "no-store"
    (pin,) = re.findall(r'class="secret-shown">(\d{6})<', answer.content.decode())
    held = Pin.objects.get(customer=cast.acme)
    assert (held.mark, held.access_number) == (mark(cast.account.pk, pin), place)
    shown = ann.get(page).content.decode()
    assert "holds at" in shown
    assert "Vilnius, local" in shown
    assert pin not in shown
    assert "(hidden)" in ann.get(f"/audit/{Audit.objects.filter(table_name='pin').latest('id').pk}/").content.decode()
    choose = f"/customers/{cast.acme.pk}/pin/choose/"
    assert "first that anybody would try" in errors_of(ann.post(choose, {"pin": "123456"}))["pin"][0]
    assert ann.post(choose, {"pin": "482915", "access_number_id": ""}).status_code == 302
    held.refresh_from_db()
    assert (held.mark, held.access_number) == (mark(cast.account.pk, "482915"), None)
    taken = ann.post(f"/customers/{cast.baltic.pk}/pin/choose/", {"pin": "482915", "access_number_id": str(place.pk)})
    assert "Another customer has this PIN" in errors_of(taken)["pin"][0]
    ann.post(f"/customers/{cast.acme.pk}/pin/remove/")
    assert not Pin.objects.exists()
    assert not DelayedSave.objects.exists()


def test_an_access_number_shows_who_waits_and_lets_them_try_again(cast: Cast, ann: Client, bob: Client) -> None:
    place = AccessNumber.objects.get()
    page = f"/access-numbers/{place.pk}/"
    PinTry.objects.create(
        access_number=place, caller="447700900001", since_at=datetime.now(UTC), wrong_count=5, full=True
    )
    PinTry.objects.create(
        access_number=place,
        caller="447700900002",
        since_at=datetime.now(UTC) - timedelta(minutes=15),
        wrong_count=5,
        full=True,
    )
    shown = ann.get(page).content.decode()
    assert "447700900001" in shown
    assert "447700900002" not in shown  # its time is over
    assert [row.waiting_count for row in ann.get("/access-numbers/").context["grid"].rows] == [1]
    assert "Let them try again" not in bob.get(page).content.decode()
    ann.post(f"{page}try-again/")
    assert not PinTry.objects.exists()
    fields = {"number": "+370 5 200 0009", "name": "", "wrong_most": "5", "enabled": "on"}
    assert ann.post("/access-numbers/new/", fields).status_code == 302
    ann.post(f"{page}delete/", {"confirmation": place.number})
    assert [found.number for found in AccessNumber.objects.all()] == ["37052000009"]


def test_a_box_on_an_endpoint_lets_a_server_present_pins(cast: Cast, ann: Client) -> None:
    endpoint = cast.ip_endpoint
    form = ann.get(f"/endpoints/{endpoint.pk}/").context["form"]
    values = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in values.items() if value is not None and value is not False}
    assert ann.post(f"/endpoints/{endpoint.pk}/", {**given, "presents_pins": "on"}).status_code == 302
    assert Endpoint.objects.get(pk=endpoint.pk).presents_pins
