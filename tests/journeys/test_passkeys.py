"""A story in a real browser: Bob adds a passkey of his phone, logs in by it alone, and takes it away again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.test_operator import CHROMIUM, QUIET, aside, log_in
from tests.panel.cast import PASSWORD, Cast, assemble

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast, committed, so that the server's threads see it."""
    return assemble()


@pytest.fixture
def page(cast: Cast, live_server: LiveServer) -> Iterator[Page]:
    """A page of the running panel in a browser with a phone at hand; its console stays silent."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        opened = browser.new_page(base_url=live_server.url)
        opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert complaints == []


def log_out(page: Page) -> None:
    """By the menu."""
    page.goto("/")
    page.get_by_role("button", name="Bob").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def confirmed(page: Page) -> None:
    """The passkey again, or the password of who has none, before something that changes the login."""
    if page.get_by_role("button", name="Use a security key").is_visible():
        page.get_by_role("button", name="Use a security key").click()
    elif page.get_by_role("heading", name="Confirm Access").is_visible():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()


def begin(page: Page) -> None:
    """The password, which is not enough any more."""
    page.get_by_label("Email").fill("bob@demo.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Two-Factor Authentication")).to_be_visible()


def test_a_passkey_logs_its_owner_in_and_nobody_else(page: Page, cast: Cast) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    phone = devices.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})["authenticatorId"]
    aside(lambda: type(cast.bob).objects.filter(pk=cast.bob.pk).update(email_verified_at=datetime.now(UTC)))
    log_in(page, "bob@demo.example")
    page.goto("/me/")
    page.get_by_role("link", name="Passkeys for logging in").click()
    page.get_by_role("link", name="Add a passkey").click()
    confirmed(page)
    page.get_by_label("Name").fill("Bob's phone")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    log_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    expect(page.get_by_role("button", name="Bob")).to_be_visible()

    log_out(page)
    begin(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()

    log_out(page)
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": False})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was shown")
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": True})
    aside(lambda: type(cast.bob).objects.filter(pk=cast.bob.pk).update(allowed_networks=["192.0.2.0/24"]))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    aside(lambda: type(cast.bob).objects.filter(pk=cast.bob.pk).update(allowed_networks=[]))

    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    page.goto("/account/2fa/webauthn/")
    expect(page.get_by_role("heading", name="Bob's phone")).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    confirmed(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    log_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    aside(lambda: told(cast))


def told(cast: Cast) -> None:
    """Every step is in the audit log of Bob's record, and so are the failures."""
    from tollgate.store.models import Audit, Message

    mails = Message.objects.filter(template="factor_changed", recipient="bob@demo.example").order_by("id")
    assert [mail.text.splitlines()[2].partition(".")[0] for mail in mails] == [
        "a passkey was added",
        "a passkey was taken away",
    ]
    verbs = Audit.objects.filter(table_name="app_user", actor_kind="user").order_by("id").values_list("verb", flat=True)
    happened = [verb for verb in verbs if verb not in ("INSERT", "UPDATE")]
    assert happened == [
        "LOGIN", "PASSKEY_ADDED", "LOGOUT", "LOGIN", "LOGOUT", "LOGIN", "LOGOUT", "LOGIN_FAILED", "LOGIN",
        "PASSKEY_REMOVED", "LOGOUT", "LOGIN_FAILED",
    ]  # fmt: skip
