"""A story in a real browser: Ann changes the mail server, tests it, and the mail arrives at a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.gateways.sink import PASSWORD as MAIL_PASSWORD
from tests.gateways.sink import Sink, mail_sink, make_certificate
from tests.journeys.test_operator import cast, log_in, page
from tests.panel.cast import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["cast", "page"]


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A mail server with STARTTLS and a login, its certificate accepted here."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with mail_sink(certificate=certificate, with_login=True) as server:
        yield server


def test_ann_changes_the_mail_server_and_the_test_mail_arrives(page: Page, cast: Cast, sink: Sink) -> None:
    log_in(page, "ann@demo.example")
    page.get_by_role("link", name="Mail and SMS").click()
    page.get_by_role("link", name="Edit mail").click()
    page.get_by_label("From Email Address").fill("billing@demo.example")
    page.get_by_label("From name").fill("Demo Telecom")
    page.get_by_label("Server").fill(f"127.0.0.1:{sink.port}")
    page.get_by_label("Protection").select_option("starttls")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("does not let us in")).to_be_visible()
    page.get_by_role("button", name="Test Email").click()
    expect(page.get_by_text("Not sent: The server refuses the login: 535")).to_be_visible()

    page.get_by_role("link", name="Edit mail").click()
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill(MAIL_PASSWORD)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The mail server is saved.")).to_be_visible()
    expect(page.get_by_text("does not let us in")).to_have_count(0)
    page.get_by_label("Test Email to").fill("carla@acme.example")
    page.get_by_role("button", name="Test Email").click()
    expect(page.get_by_text("Sent to carla@acme.example.")).to_be_visible()
    dialogue = page.locator("#mail-tested pre")
    expect(dialogue).to_contain_text("-- protected by TLS")
    expect(dialogue).to_contain_text("< 250 taken")
    (letter,) = sink.letters
    assert (str(letter["From"]), str(letter["To"])) == ("Demo Telecom <billing@demo.example>", "carla@acme.example")
    assert (sink.protected, sink.logins[-1]) == ([True], "ann")

    page.get_by_role("link", name="Messages", exact=True).first.click()
    expect(page.locator("data-grid[data-name='messages']")).to_contain_text("carla@acme.example")
    page.goto("/templates/verify_email/en/")
    page.get_by_label("Subject").fill("Your number, {{nobody}}")
    expect(page.locator("#preview")).to_contain_text("{{nobody}} is not a value of this message.")
    page.get_by_label("Subject").fill("Your number, {{name}}")
    expect(page.locator("#preview")).to_contain_text("Your number, Carla Rossi")
    shown = page.frame_locator("#preview iframe").locator("body")
    expect(shown).to_contain_text("your code is 482913")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("has your own words now")).to_be_visible()
