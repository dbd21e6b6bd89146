"""A story in a real browser: Ann makes a customer that can call, gives it money, and sees it; Bob only looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from playwright.sync_api import Page, expect, sync_playwright

from tests.panel.cast import PASSWORD, Cast, assemble

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
Open = Callable[[str], Page]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast, committed, so that the server's threads see it."""
    return assemble()


@pytest.fixture
def page(cast: Cast, live_server: LiveServer) -> Iterator[Page]:
    """A page of the running panel; the test fails when its console has an error or a policy violation. A conflict is an
    answer, which Chromium reports as a failure to load."""
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
    assert [words for words in complaints if "409 (Conflict)" not in words] == []


def aside(change: Callable[[], object]) -> None:
    """Changes the database in a thread of its own, and raises what it raises: the browser's driver runs a loop here."""

    def run() -> None:
        try:
            change()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def log_in(page: Page, email: str) -> None:
    """Through the login page, as people do."""
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_ann_makes_a_customer_that_can_call(page: Page, cast: Cast) -> None:
    log_in(page, "ann@demo.example")
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("link", name="Add a customer").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Dunder")
    page.get_by_label("Channels").fill("4")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Dunder is created.")).to_be_visible()
    expect(page.get_by_text("This customer has no endpoint and cannot call.")).to_be_visible()

    page.get_by_role("link", name="Auth").click()
    page.get_by_role("link", name="Add a SIP user").click()
    page.get_by_label("User name").fill("dunder-desk")
    page.get_by_role("button", name="Generate").click()
    assert len(page.get_by_label("Password").input_value()) == 20
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="dunder-desk")).to_be_visible()

    page.get_by_role("link", name="Routing").click()
    page.get_by_role("link", name="Add a route").click()
    page.get_by_role("textbox", name="Name").fill("Everywhere")
    page.get_by_label("Customer card").click()
    expect(page.locator("#id_card_id ~ datalist option")).to_have_count(1)
    page.get_by_label("Customer card").fill(cast.customer_card.name)
    page.get_by_role("tab", name="Carriers").click()
    page.get_by_label("Use Cirrus A-Z").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Everywhere")).to_be_visible()

    page.get_by_role("navigation", name="Pages of this customer").get_by_role("link", name="Payments").click()
    expect(page.get_by_text("This customer has no")).to_have_count(0)
    page.get_by_role("button", name="Top up").first.click()
    page.get_by_role("dialog").get_by_label("Amount").fill("12.5")
    page.get_by_role("dialog").get_by_role("button", name="Top up").click()
    expect(page.locator(".stat", has_text="Balance")).to_contain_text("12.50 EUR")
    expect(page.locator("data-grid[data-name='entries']")).to_contain_text("Top-up")

    page.keyboard.press("/")
    page.keyboard.type("dunder-desk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="dunder-desk")).to_be_visible()


def test_live_parts_renew_themselves(page: Page, cast: Cast) -> None:
    from tollgate.store.models import Call

    log_in(page, "ann@demo.example")
    channels = page.locator(".stat", has_text="Live channels")
    expect(channels).to_contain_text("2")
    page.goto("/live/")
    expect(page.locator("data-grid[data-name='live']").locator("tbody tr")).to_have_count(2)
    aside(lambda: Call.objects.filter(state="authorized").delete())
    expect(page.locator("data-grid[data-name='live']").locator("tbody tr")).to_have_count(1, timeout=8_000)
    page.get_by_role("link", name="End call").click()
    page.get_by_role("button", name="End call").click()
    expect(page.get_by_text("The call is being ended.")).to_be_visible()
    expect(page.get_by_text("Ending", exact=True)).to_be_visible()
    page.get_by_role("link", name="Dashboard").click()
    expect(channels).to_contain_text("1")
    aside(lambda: Call.objects.all().delete())
    expect(channels).to_contain_text("0", timeout=10_000)


def test_bob_looks_and_finds_nothing_to_press(page: Page, cast: Cast) -> None:
    log_in(page, "bob@demo.example")
    page.goto(f"/customers/{cast.acme.pk}/")
    expect(page.get_by_role("button", name="Top up")).to_have_count(0)
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Bob").click()
    with page.expect_response("**/me/theme/"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto("/me/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Bob").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_second_factor_is_asked_for_once_it_is_set_up(page: Page, cast: Cast) -> None:
    import time

    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    log_in(page, "bob@demo.example")
    page.goto("/me/")
    page.get_by_role("link", name="Authenticator app and recovery codes").click()
    page.get_by_role("link", name="Activate").click()
    if page.get_by_role("heading", name="Confirm Access").is_visible():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret").input_value()
    page.get_by_label("Authenticator code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("button", name="Make recovery codes").click()
    code = page.locator("#recovery_codes").inner_text().split()[0]
    page.goto("/")
    page.get_by_role("button", name="Bob").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Email").fill("bob@demo.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Two-Factor Authentication")).to_be_visible()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
