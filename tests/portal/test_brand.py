"""Claims about how a portal looks: its colors in both themes, the operator's sheet, the foot of its pages."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from tests.portal.cast import PortalCast, visiting
from tests.portal.test_entrance import LOGIN
from tollgate.core.colors import DARK, readable
from tollgate.store.models import Customer, PortalDomain

pytestmark = pytest.mark.django_db
HOST = "talk.acme.example"
SHEET = ".card { border-radius: 0 }"


def test_a_domains_colors_sheet_and_foot_are_on_its_pages_and_a_broken_sheet_is_left_out_on_request(
    cast: PortalCast,
) -> None:
    domain = PortalDomain.objects.create(
        account=cast.panel.account, host=HOST, brand="Acme Talk", sections=["dashboard"], color="#663399",
        background="#f4f0fa", sidebar_color="#112233", custom_css=SHEET, footer_text="Acme Talk Ltd",
        terms_url="https://acme.example/terms", support_email="help@acme.example",
    )  # fmt: skip
    Customer.objects.filter(pk=cast.panel.acme.pk).update(domain=domain)
    with override_settings(ALLOWED_HOSTS=["*"]):
        browser = Client(HTTP_HOST=HOST)
        for path in ("/portal/login/", "/portal/dashboard/"):
            answer = browser.get(path)
            page = answer.content.decode()
            assert f'href="/portal/sheet/{domain.version}.css"' in page, path
            assert "Acme Talk Ltd" in page, path
            assert 'href="https://acme.example/terms"' in page, path
            assert 'href="mailto:help@acme.example"' in page, path
            assert (
                "style-src 'self'" in answer["Content-Security-Policy"]
                or "default-src 'self'" in answer["Content-Security-Policy"]
            )
            assert "unsafe" not in answer["Content-Security-Policy"]
            plain = browser.get(path, {"plain": ""}).content.decode()
            assert "/portal/sheet/" not in plain, path
            assert "/portal/brand/" in plain, path
            browser.post("/portal/login/", LOGIN)
        assert browser.get("/portal/sheet/1.css").content.decode() == SHEET
        style = browser.get("/portal/brand/1.css").content.decode()
        light, dark = style.splitlines()
        assert "--tblr-primary: #663399" in light
        assert "--tblr-body-bg: #f4f0fa" in light
        assert "--tblr-body-bg" not in dark
        made = dark.partition("--tblr-primary: ")[2][:7]
        assert made != "#663399"
        assert readable(made, on=DARK)
    page = visiting(cast.dan).get("/portal/dashboard/").content.decode()
    assert "portal-foot" not in page, "Baltic is of no domain"
    assert Client().get("/portal/sheet/1.css").status_code == 404
