"""A story in a real browser: Ann invites Emil of Acme, who sets a password and comes in from the office, and from there
alone. What Ann sees of it, and how she looks in, belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.journeys.test_operator import CHROMIUM, QUIET, aside, log_in
from tests.panel.cast import Cast, assemble

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OFFICE, ELSEWHERE = "192.0.2.7", "203.0.113.9"
SECRET = "rain on the harbor roof"
From = Callable[[str], Page]


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast, committed, so that the server's threads see it."""
    return assemble()


@pytest.fixture
def seen_from(cast: Cast, live_server: LiveServer) -> Iterator[From]:
    """Opens a page of a browser of its own at some address, which a proxy before the pages tells them."""
    complaints: list[str] = []
    with override_settings(BEHIND_PROXY=True), browser() as chromium:

        def at(ip: str) -> Page:
            page = chromium.new_page(base_url=live_server.url, extra_http_headers={"X-Forwarded-For": ip})
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
            return page

        yield at
    assert complaints == []


def invitation() -> str:
    """The path of the link in the message that waits for Emil."""
    from tollgate.actions.messages import body
    from tollgate.store.models import Message

    found: list[str] = []

    def read() -> None:
        text = body(Message.objects.get(recipient="emil@acme.example", template="set_password")).text
        found.extend(line[line.index("/portal/") :] for line in text.splitlines() if "/portal/" in line)

    aside(read)
    return found[0]


def come_in(page: Page) -> None:
    """Through the login page of the portal."""
    page.goto("/portal/")
    page.get_by_label("Email").fill("emil@acme.example")
    page.get_by_label("Password").fill(SECRET)
    page.get_by_role("button", name="Log in").click()


def test_an_invited_contact_comes_in_from_the_office_and_from_nowhere_else(seen_from: From, cast: Cast) -> None:
    ann = seen_from("198.51.100.200")
    log_in(ann, "ann@demo.example")
    ann.goto(f"/customers/{cast.acme.pk}/")
    ann.get_by_role("link", name="Add a contact").click()
    form = ann.get_by_role("dialog")
    form.get_by_label("First name").fill("Emil")
    form.get_by_label("Email").fill("emil")
    form.get_by_label("First name").focus()
    expect(form.locator("#id_email_error")).to_contain_text("@")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.locator("#id_email_error")).to_have_text("Enter a valid email address.")
    expect(form.get_by_label("First name")).to_have_value("Emil")
    form.get_by_label("Email").fill("emil@acme.example")
    form.get_by_label("First name").focus()
    expect(form.locator("#id_email_error")).to_have_count(0)
    expect(form.get_by_role("button", name="Generate")).to_be_visible()
    expect(ann.get_by_label("Send a link to set a password")).to_be_checked()
    ann.get_by_role("tab", name="Login").click()
    ann.get_by_label("Login only from").fill(OFFICE)
    ann.get_by_role("button", name="Save", exact=True).click()
    expect(ann.get_by_text("Emil is added. A link is on its way to emil@acme.example.")).to_be_visible()
    assert ann.url.endswith(f"/customers/{cast.acme.pk}/"), "the page is still the customer's"
    link = invitation()

    emil = seen_from(OFFICE)
    emil.goto(link)
    emil.get_by_label("Password").fill(SECRET)
    emil.get_by_label("The same again").fill(SECRET)
    emil.get_by_role("button", name="Set password").click()
    expect(emil.get_by_text("Your password is set.")).to_be_visible()
    come_in(emil)
    expect(emil.locator(".stat", has_text="Balance")).to_contain_text("25.00 EUR")
    emil.get_by_role("link", name="Contacts").click()
    expect(emil.locator("data-grid[data-name='contacts']")).to_contain_text("carla@acme.example")
    assert emil.goto(link).status == 410  # type: ignore[union-attr]  # a page of ours always answers

    stranger = seen_from(ELSEWHERE)
    come_in(stranger)
    expect(stranger.get_by_role("alert")).to_have_text("This email and password do not open a portal here.")
    stranger.context.add_cookies(emil.context.cookies())  # type: ignore[arg-type]  # what one gives the other takes
    stranger.goto("/portal/dashboard/")
    expect(stranger.get_by_role("heading", name="Log in")).to_be_visible()
    emil.goto("/portal/dashboard/")
    expect(emil.get_by_role("heading", name="Log in")).to_be_visible()

    row = ann.get_by_role("row", name="emil@acme.example")
    row.get_by_role("button").click()
    ann.get_by_role("link", name="Sessions and failed logins").click()
    expect(ann.get_by_text("address of an open session")).to_be_visible()
    expect(ann.get_by_text(ELSEWHERE).first).to_be_visible()
    ann.go_back()
    row.get_by_role("button").click()
    ann.get_by_role("link", name="Portal login").click()
    ann.get_by_role("button", name="Open the portal").click()
    expect(ann.get_by_text("look in as Emil of Acme, without changing anything")).to_be_visible()
    expect(ann.get_by_role("link", name="Add a contact")).to_have_count(0)
    ann.get_by_role("button", name="Leave").click()
    expect(ann.get_by_role("heading", name="Log in")).to_be_visible()
