"""Claims about circuit tests in the panel: begun from what is to be tested, watched while they go on."""

import pytest
from django.test import Client

from tests.panel.cast import LIVE_ID, Cast
from tollgate.store.models import Account, CircuitTest, Gateway

pytestmark = pytest.mark.django_db
FORM = {"number": "442079460001", "way": "", "talk_s": "5", "cli": ""}


def test_a_gateway_is_tested_from_its_page_and_what_comes_back_is_shown(cast: Cast, ann: Client, bob: Client) -> None:
    begin = f"/circuits/new/?gateway={cast.gateway.pk}"
    for page in (f"/gateways/{cast.gateway.pk}/", f"/carriers/{cast.cirrus.pk}/", f"/routes/{cast.route.pk}/"):
        assert ["/circuits/new/?" in reader.get(page).content.decode() for reader in (ann, bob)] == [True, False]
    assert "choose a circuit test user" in ann.get(begin).content.decode()
    assert ann.post(begin, FORM).status_code == 422
    Account.objects.update(circuit_user=cast.sip_user)
    assert f'value="gateway-{cast.gateway.pk}" selected' in ann.get(begin).content.decode()
    assert ann.post("/circuits/new/", {**FORM, "way": f"gateway-{cast.gateway.pk}"}).status_code == 302
    test = CircuitTest.objects.get()
    assert (test.way, test.gateway_ids, test.talk_s) == ("Cirrus: west", [cast.gateway.pk], 5)
    assert ann.post("/circuits/new/", FORM).status_code == 422, "one at a time"
    page = f"/circuits/{test.pk}/"
    assert "Waits for a worker" in ann.get(page).content.decode()
    steps = [{"at_ms": 20, "sip": 100, "reason": "Trying"}, {"at_ms": 412, "sip": 180, "reason": "Ringing"}]
    CircuitTest.objects.update(state="calling", steps=steps, sip=180, pdd_ms=412, call_id="live@edge")
    now = ann.get(f"{page}now/").content.decode()
    assert [words in now for words in ("hx-get", "412 ms", "Trying", f"/calls/{LIVE_ID}/")] == [True] * 4
    CircuitTest.objects.update(state="done", sip=200, ring_ms=900, talk_ms=5004, codec="PCMA")
    over = bob.get(page).content.decode()
    assert [words in over for words in ("Answered", "5004 ms", "PCMA", "hx-get")] == [True, True, True, False]
    assert "Cirrus: west" in bob.get("/circuits/").content.decode()


def test_what_takes_no_calls_is_said_and_not_offered(cast: Cast, ann: Client) -> None:
    begin = f"/circuits/new/?gateway={cast.gateway.pk}"
    assert "takes no calls" not in ann.get(begin).content.decode()
    Gateway.objects.update(enabled=False)
    page = ann.get(begin).content.decode()
    assert "takes no calls" in page
    assert f"gateway-{cast.gateway.pk}" not in page
