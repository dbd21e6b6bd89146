"""Claims about what customers share: tags, localizations, portal domains, and the CLIs they may show."""

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.panel.cast import LOGO, Cast
from tests.panel.test_forms import errors_of
from tollgate.store.models import Localization, PortalDomain, Tag, VerifiedCli

pytestmark = pytest.mark.django_db
DOMAIN = {"host": "portal.blue.example", "brand": "Blue", "color": "#1f6feb", "sections": ["dashboard", "clis"]}


def test_a_cli_is_added_to_the_customer_that_is_named(cast: Cast, ann: Client) -> None:
    given = {"customer_id": "nobody", "number": "+442071838750", "attestation": ""}
    assert set(errors_of(ann.post("/clis/new/", given))) == {"customer_id"}
    for name, number in ((cast.baltic.name.upper(), "+442071838750"), (cast.baltic.number, "442071838751")):
        assert ann.post("/clis/new/", {**given, "customer_id": name, "number": number}).status_code == 302
    assert list(cast.baltic.verified_clis.order_by("number").values_list("number", "attestation", "verified_by")) == [
        ("442071838750", "C", "ann@demo.example"),
        ("442071838751", "C", "ann@demo.example"),
    ]
    page = ann.get(f"/customers/{cast.baltic.pk}/routing/").content.decode()
    assert "442071838750" in page
    assert "37061234567" not in page


def test_a_cli_is_removed_when_its_number_was_typed(cast: Cast, ann: Client) -> None:
    cli = VerifiedCli.objects.get()
    for typed, left in (("", 1), (cli.number, 0)):
        ann.post(f"/clis/{cli.pk}/delete/", {"confirmation": typed})
        assert VerifiedCli.objects.count() == left


def test_a_record_that_nobody_uses_is_removed_by_its_name(cast: Cast, ann: Client) -> None:
    for noun, model in (("tags", Tag), ("localizations", Localization), ("portal-domains", PortalDomain)):
        record = model.objects.get()
        assert ann.post(f"/{noun}/{record.pk}/delete/", {"confirmation": "x"}).status_code == 302
        assert ann.get(f"/{noun}/{record.pk}/").status_code == 200
        ann.post(f"/{noun}/{record.pk}/delete/", {"confirmation": str(record)})
        assert ann.get(f"/{noun}/{record.pk}/").status_code == 404, noun


def test_a_tag_says_how_many_customers_have_it(cast: Cast, ann: Client) -> None:
    tag = Tag.objects.get()
    cast.acme.tags.add(tag)
    assert ann.get("/tags/").context["grid"].rows[0].customer_count == 1
    assert (
        "take it off" in ann.post(f"/tags/{tag.pk}/delete/", {"confirmation": tag.name}, follow=True).content.decode()
    )
    version = {"version": tag.version}
    assert ann.post(f"/tags/{tag.pk}/", {"name": "Retail", "color": "red", **version}).status_code == 302
    assert ann.post(f"/tags/{tag.pk}/", {"name": "Again", "color": "red", **version}).status_code == 409


def test_the_tester_answers_by_what_stands_in_the_form(ann: Client, bob: Client, cast: Cast) -> None:
    asked = {"number": "0061234567", "originate_cld": "00/*, 0/370", "terminate_cld": "wrong"}
    page = bob.get("/localizations/try/", asked).content.decode()
    assert "61234567" in page
    assert "Pair 1" in page
    assert "0061234567, as it is" in page
    answer = ann.post("/localizations/new/", {"name": "Wrong", "originate_cld": "0/370,,"})
    assert "Pair 2" in errors_of(answer)["originate_cld"][0]


def test_a_portal_domain_is_made_with_its_logo(cast: Cast, ann: Client) -> None:
    file = SimpleUploadedFile("logo.svg", base64.b64decode(LOGO), content_type="text/html")
    assert ann.post("/portal-domains/new/", {**DOMAIN, "logo": file}).status_code == 302
    domain = PortalDomain.objects.get(brand="Blue")
    assert domain.sections == ["dashboard", "clis"]
    shown = ann.get(f"/portal-domains/{domain.pk}/logo/")
    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/svg+xml", "nosniff")
    assert shown["Content-Security-Policy"] == "default-src 'none'"
    page = f"/portal-domains/{domain.pk}/"
    assert ann.post(page, {**DOMAIN, "brand": "Bluer", "version": domain.version}).status_code == 302
    domain.refresh_from_db()
    assert (domain.brand, bool(domain.logo)) == ("Bluer", True)
    assert ann.post(page, {**DOMAIN, "logo_removed": "on", "version": domain.version}).status_code == 302
    assert ann.get(f"{page}logo/").status_code == 404


def test_a_logo_that_could_do_harm_is_refused(cast: Cast, ann: Client) -> None:
    for content in (b"<svg><script>alert(1)</script></svg>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"x" * 300_000):
        file = SimpleUploadedFile("logo.png", content, content_type="image/png")
        answer = ann.post("/portal-domains/new/", {**DOMAIN, "logo": file})
        assert set(errors_of(answer)) == {"logo"}
    assert not PortalDomain.objects.filter(brand="Blue").exists()
