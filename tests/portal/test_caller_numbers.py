"""Claims about caller numbers in the portal: a contact has a code sent, types it, and her calls may show the number."""

from datetime import UTC, datetime

import pytest

from tests.portal.cast import PortalCast, visiting
from tollgate.actions.messages import body
from tollgate.store.models import CliProof, CliRule, Customer, Message, VerifiedCli

pytestmark = pytest.mark.django_db
NEW, PAGE = "/portal/caller-numbers/new/", "/portal/caller-numbers/"
NUMBER = "442079460123"


def test_carla_verifies_a_number_and_dan_never_sees_it(cast: PortalCast) -> None:
    carlas, dans = visiting(cast.carla), visiting(cast.dan)
    assert carlas.get(NEW).status_code == 404, "any number may be shown"
    Customer.objects.filter(pk=cast.carla.customer_id).update(approved_clis_only=True)
    CliRule.objects.create(account=cast.panel.account, customer=cast.carla.customer, cli="442079460999", forced=True)
    assert "442079460999" in carlas.get(PAGE).content.decode()
    assert "442079460999" not in dans.get(PAGE).content.decode()
    assert "Verify a number" in carlas.get(PAGE).content.decode()
    Customer.objects.filter(pk=cast.carla.customer_id).update(country="LV")
    assert '<option value="LV" selected>' in carlas.get(NEW).content.decode(), "numbers are typed as in its country"
    assert 'value="call"' not in carlas.get(NEW).content.decode(), "no SIP user is chosen to call"
    assert carlas.post(NEW, {"number": "+12", "way": "sms"}).status_code == 422
    answer = carlas.post(NEW, {"number": f"+{NUMBER}", "way": "sms"})
    proof = CliProof.objects.get(number=NUMBER)
    own = f"{PAGE}codes/{proof.pk}/"
    assert answer["Location"] == own
    page = carlas.get(own).content.decode()
    assert "4 tries left" not in page
    assert "5 tries left" in page
    assert "Send another SMS" in page
    for address in (own, f"{own}now/"):
        assert carlas.get(address).status_code == 200
        assert dans.get(address).status_code == 404
    code = body(Message.objects.get(pk=proof.message_id)).text[:6]
    assert dans.post(f"{own}type/", {"code": code}).status_code == 404
    assert carlas.post(f"{own}type/", {"code": "x"})["Location"] == own
    assert "4 tries left" in carlas.get(own).content.decode()
    renewed = carlas.post(f"{own}again/sms/")["Location"]
    assert renewed != own
    assert carlas.post(f"{own}again/call/").status_code == 404
    code = body(Message.objects.latest("id")).text[:6]
    assert carlas.post(f"{renewed}type/", {"code": code})["Location"] == PAGE
    assert VerifiedCli.objects.get(number=NUMBER).customer_id == cast.carla.customer_id
    assert NUMBER in carlas.get(PAGE).content.decode()
    assert NUMBER not in dans.get(PAGE).content.decode()
    assert "Verify again" not in carlas.get(PAGE).content.decode()
    VerifiedCli.objects.filter(number=NUMBER).update(reminded_at=datetime.now(UTC))
    assert f"{NEW}?number=%2B{NUMBER}" in carlas.get(PAGE).content.decode()
    assert f'value="+{NUMBER}"' in carlas.get(NEW, {"number": f"+{NUMBER}"}).content.decode()


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("cli_or_random", "shows one of these instead"),
        ("refuse_unless_cli", "are refused"),
        ("non_cli_unless_either", "have other prices"),
        ("refuse_unless_did", ""),
        ("disabled", ""),
    ],
)
def test_a_pool_that_takes_verified_numbers_has_contacts_verify_theirs(cast: PortalCast, pool: str, words: str) -> None:
    carlas = visiting(cast.carla)
    Customer.objects.filter(pk=cast.carla.customer_id).update(cli_pool=pool)
    page = carlas.get(PAGE).content.decode()
    assert ("Verify a number" in page) == bool(words)
    assert words in page
    assert carlas.get(NEW).status_code == (200 if words else 404)
    if words:
        answer = carlas.post(NEW, {"number": f"+{NUMBER}", "way": "sms"})
        code = body(Message.objects.latest("id")).text[:6]
        assert visiting(cast.carla).post(f"{answer['Location']}type/", {"code": code})["Location"] == PAGE
        assert VerifiedCli.objects.get(number=NUMBER).customer_id == cast.carla.customer_id
