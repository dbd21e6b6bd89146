"""Claims about the pages of certificates: a form tells what is wrong at its field and never shows a key again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tests.panel.test_cli_rules import RULE
from tests.panel.test_reseller_users import rita as rita  # noqa: PLC0414 - a fixture
from tests.stir_authority import URL, issued
from tollgate.core.stir_certificates import read_key
from tollgate.store.models import Account, CliRule, Customer, StirCertificate, VerifiedCli

pytestmark = pytest.mark.django_db
NEXT = issued()
FORM = {"name": "Next", "chain": NEXT.chain, "key": NEXT.key, "url": URL, "enabled": "on"}


def text(answer: Any) -> str:
    found: str = answer.content.decode()
    return found


def test_a_certificate_is_taken_in_shown_and_removed(cast: Cast, ann: Client) -> None:
    assert ann.post("/stir-certificates/new/", FORM).status_code == 302
    listed = text(ann.get("/stir-certificates/"))
    assert ("Vouching" in listed, "Next" in listed, "709J" in listed) == (True, True, True)
    assert "Signs" in listed
    made = StirCertificate.objects.get(name="Next")
    address = f"/stir-certificates/{made.pk}/"
    page = text(ann.get(address))
    assert "CN=SHAKEN 709J" in page
    assert "BEGIN CERTIFICATE" in page
    assert "PRIVATE KEY" not in page
    kept = {**FORM, "key": "", "name": "Renamed", "is_default": "on", "version": str(made.version)}
    assert ann.post(address, kept).status_code == 302
    assert list(StirCertificate.objects.filter(is_default=True).values_list("name", flat=True)) == ["Renamed"]
    assert ann.post(address, {**kept, "version": "1"}).status_code == 409
    ann.post(f"{address}delete/", {"confirmation": "Next"})
    assert StirCertificate.objects.filter(pk=made.pk).exists()
    ann.post(f"{address}delete/", {"confirmation": "Renamed"})
    assert not StirCertificate.objects.filter(pk=made.pk).exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"key": issued().key}, "This key is not the certificate"),
        ({"key": "-----BEGIN nonsense"}, "Give a private key in PEM"),
        ({"chain": issued(until=timedelta(days=-1)).own}, "The certificate expired on"),
        ({"chain": issued("123A", key=read_key(NEXT.key)).own}, "is for 123A, but the account"),
        ({"chain": "nothing"}, "Give certificates in PEM"),
        ({"url": "ftp://x"}, "Give the https address"),
    ],
)
def test_a_form_with_a_bad_certificate_says_so_and_forgets_the_key(
    cast: Cast, ann: Client, given: dict[str, str], words: str
) -> None:
    Account.objects.update(ocn="709J")
    answer = ann.post("/stir-certificates/new/", {**FORM, **given})
    assert answer.status_code == 422
    assert words in text(answer)
    assert FORM["key"].splitlines()[1] not in text(answer)
    assert StirCertificate.objects.count() == 1


def test_its_state_says_whether_it_signs(cast: Cast, ann: Client) -> None:
    found = StirCertificate.objects.get()
    for change, words in (
        ({"enabled": False}, "Disabled"),
        ({"enabled": True, "starts_at": found.expires_at}, "Not valid yet"),
        ({"starts_at": found.starts_at, "expires_at": found.starts_at}, "Expired"),
    ):
        StirCertificate.objects.update(**change)
        assert words in text(ann.get("/stir-certificates/"))
        assert words in text(ann.get(f"/stir-certificates/{found.pk}/"))


def test_a_rule_is_given_a_certificate_in_its_form(cast: Cast, ann: Client) -> None:
    vouching = StirCertificate.objects.get()
    rule = CliRule.objects.get()
    address = f"/cli-rules/{rule.pk}/"
    assert "Vouching" in text(ann.get(address))
    given = {**RULE, "cli": "^3706", "attestation": "A", "certificate_id": str(vouching.pk), "version": "1"}
    assert ann.post(address, {**given, "signature_replaced": "on", "signature_required": "on"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.attestation, rule.certificate, rule.signature_replaced, rule.signature_required) == (
        "A", vouching, True, True,
    )  # fmt: skip
    assert "1" in text(ann.get("/stir-certificates/"))
    wrong = ann.post(address, {**given, "attestation": "", "version": "2"})
    assert "choose what the certificate says of the caller" in text(wrong)


def test_a_resellers_user_sees_nothing_of_what_is_signed(cast: Cast, rita: Client) -> None:
    corso = Customer.objects.get(name="Corso")
    assert rita.get("/stir-certificates/").status_code == 403
    assert "STIR/SHAKEN" not in text(rita.get("/customers/"))
    for address in (f"/customers/{corso.pk}/cli-rules/new/", f"/customers/{corso.pk}/clis/new/"):
        page = text(rita.get(address))
        assert "attestation" not in page
        assert "Vouching" not in page
    assert rita.post(f"/customers/{corso.pk}/cli-rules/new/", {**RULE, "cli": "^7[0-9]"}).status_code == 302
    assert rita.post(f"/customers/{corso.pk}/clis/new/", {"number": "+37061230000"}).status_code == 302
    assert VerifiedCli.objects.get(number="37061230000").attestation == "C"
    assert "STIR/SHAKEN attestation" not in text(rita.get(f"/customers/{corso.pk}/edit/"))


def test_a_reader_reads_no_key_and_changes_nothing(cast: Cast, bob: Client) -> None:
    found = StirCertificate.objects.get()
    page = text(bob.get(f"/stir-certificates/{found.pk}/"))
    assert "BEGIN CERTIFICATE" in page
    assert "PRIVATE KEY" not in page
    assert found.key_sealed not in page
    assert logged_in(cast.nils).get("/stir-certificates/").status_code == 403
