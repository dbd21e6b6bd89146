"""Claims about CLI rules in the panel: made where they belong, tried as calls are decided, proofs decided by a user."""

from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tollgate.store.models import CliProof, CliRule, Customer, Tag, VerifiedCli

pytestmark = pytest.mark.django_db
RULE = {"cli": "", "pai": "", "dialed": "", "rewrite_cli": "", "rewrite_pai": "", "position": "100", "weight": "100"}


def test_a_rule_is_made_for_a_customer_a_tag_or_all_and_listed_in_their_order(cast: Cast, ann: Client) -> None:
    tag = Tag.objects.get()
    cast.acme.tags.add(tag)
    for address, cli in (
        (f"/customers/{cast.acme.pk}/cli-rules/new/", "^11"),
        (f"/tags/{tag.pk}/cli-rules/new/", "^22"),
        ("/cli-rules/new/", "^33"),
    ):
        answer = ann.post(address, {**RULE, "cli": cli, "customer_id": ""})
        assert answer.status_code == 302, answer.content.decode()[-500:]
    answer = ann.post("/cli-rules/new/", {**RULE, "cli": "^44", "customer_id": "Baltic"})
    assert CliRule.objects.get(cli="^44").customer_id == cast.baltic.pk
    assert ann.post("/cli-rules/new/", {**RULE, "cli": "^44", "customer_id": "Nobody"}).status_code == 422
    page = ann.get(f"/customers/{cast.acme.pk}/routing/").content.decode()
    places = [page.index(cli) for cli in ("^3706", "^11", "^22", "^33")]
    assert places == sorted(places)
    assert "^44" not in page
    assert "^22" in ann.get(f"/tags/{tag.pk}/").content.decode()
    rule = CliRule.objects.get(cli="^11")
    ann.post(f"/cli-rules/{rule.pk}/", {**RULE, "cli": "^12", "version": "1", "save": "stay"})
    ann.post(f"/cli-rules/{rule.pk}/delete/", {"confirmation": "^11"})
    assert CliRule.objects.filter(cli="^12").exists()
    ann.post(f"/cli-rules/{rule.pk}/delete/", {"confirmation": "^12"})
    assert not CliRule.objects.filter(pk=rule.pk).exists()


def test_a_call_is_tried_with_a_rule_that_is_not_saved(cast: Cast, ann: Client) -> None:
    Customer.objects.filter(pk=cast.acme.pk).update(approved_clis_only=True)

    def tried(**given: str) -> str:
        return ann.get(f"/cli-rules/try/?{urlencode({**RULE, 'customer': cast.acme.pk, **given})}").content.decode()

    changed = tried(cli="^9(.*)$", rewrite_cli="44$1", try_cli="9123456789")
    assert "Passes" in changed
    assert "<b>44123456789</b>" in changed
    assert "Refused" in tried(cli="^9", try_cli="8")
    assert f"Rule {CliRule.objects.get().pk} fits" in tried(cli="^9", try_cli="37061")
    assert "not closed" in tried(cli="^(9", try_cli="8")
    assert "leaves the digit 0 out" in tried(cli="^0([1-9]+)$")
    assert "forced" in tried(cli="555", forced="on", try_cli="8")


def test_ann_decides_what_a_contact_has_proved(cast: Cast, ann: Client, bob: Client) -> None:
    proof = CliProof.objects.get()
    CliProof.objects.update(state="waiting")
    address = f"/clis/codes/{proof.pk}/"
    assert "Waits for you" in ann.get("/clis/codes/").content.decode()
    assert "Approve" in ann.get(address).content.decode()
    assert "Approve" not in bob.get(address).content.decode()
    assert bob.post(address, {"approve": ""}).status_code == 403
    ann.post(address, {"approve": ""})
    assert VerifiedCli.objects.filter(number=proof.number, customer=cast.acme).exists()
    assert "ann@demo.example" in ann.get(address).content.decode()
