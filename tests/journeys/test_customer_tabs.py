"""A story in a real browser: Ann makes a customer with every tab of its form, and its pages show what she wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.test_operator import CHROMIUM, QUIET, aside, cast, log_in
from tests.panel.cast import Cast

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["cast"]


@pytest.fixture
def page(cast: Cast, live_server: LiveServer) -> Iterator[Page]:
    """A page of the running panel. A refused form is an answer, which Chromium reports as a failure to load."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    complaints: list[str] = []
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)) as browser,
    ):
        opened = browser.new_page(base_url=live_server.url, viewport={"width": 1440, "height": 1000})
        opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
    assert [words for words in complaints if "422" not in words] == []


def choose(page: Page, field: str, *values: str) -> None:
    """Picks from a searchable list, whose own select is hidden behind it."""
    page.locator(f"select#id_{field}").select_option(list(values), force=True)


def fill_basic(page: Page) -> None:
    """Names, status and limits."""
    page.get_by_role("textbox", name="Name", exact=True).fill("Dunder")
    page.get_by_label("Company", exact=True).fill("Dunder Mifflin UAB")
    page.locator("#id_status").select_option("pending")
    page.get_by_label("Channels").fill("12")
    page.get_by_label("Flow speed").fill("2.5")
    page.get_by_label("Kind").select_option("credit")
    page.get_by_label("Amount").fill("250")
    page.get_by_label("Daily spend limit").fill("40")
    page.get_by_label("Valid days").fill("365")


def fill_config(page: Page, cast: Cast) -> None:
    """Who it belongs to, and how its calls are treated; the variables have a mistake."""
    page.get_by_role("tab", name="Config").click()
    page.get_by_label("Reference").fill("PO 4711")
    page.get_by_label("Accounting id").fill("D-100")
    page.get_by_label("Website").fill("https://dunder.example/")
    page.get_by_label("Reseller", exact=True).fill(cast.baltic.name)
    choose(page, "account_manager_id", str(cast.ann.pk))
    choose(page, "portal_hide", "calls")
    page.get_by_label("P-Asserted-Identity").select_option("remove")
    page.get_by_label("STIR/SHAKEN attestation").select_option("B")
    page.get_by_label("Price of local calls").fill("0.01")
    page.get_by_label("Loss-making calls").select_option("refuse")
    page.get_by_label("Variables").fill("[headers]\nremove_regex = ")


def fill_the_rest(page: Page) -> None:
    """Timeouts, address, verification, a note and hours."""
    page.get_by_role("tab", name="Timeout").click()
    page.get_by_label("First reply within").fill("4")
    page.get_by_label("Answer within").fill("0:45")
    page.get_by_role("tab", name="Address").click()
    choose(page, "country", "LT")
    page.locator("#id_address_line1").fill("Gedimino 1")
    page.locator("#id_city").fill("Vilnius")
    page.locator("#id_postcode").fill("SW1A 1AA")
    page.get_by_role("tab", name="Verification").click()
    page.get_by_label("Approved CLIs only").check()
    page.get_by_label("Calls only after a contact's email is verified").check()
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("A new note").fill("Asked for a trial by phone")
    page.get_by_role("tab", name="Day/Time").click()
    page.get_by_role("button", name="Mon–Fri 08–20").click()


def open_all(page: Page) -> None:
    """Each tab of the form shows its own sheet and hides the others."""
    tabs = page.get_by_role("tab")
    titles = [title.split("\n")[0].strip() for title in tabs.all_inner_texts()]
    assert titles[:7] == ["Basic", "Config", "Timeout", "Address", "Verification", "Notes", "Day/Time"]
    for number, _ in enumerate(titles):
        tabs.nth(number).click()
        expect(page.locator("[role=tab][aria-selected=true]")).to_have_count(1)
        expect(tabs.nth(number)).to_have_attribute("aria-selected", "true")
        expect(page.locator("[role=tabpanel]:visible")).to_have_count(1)
        expect(page.locator("[role=tabpanel]:visible .form-label").first).to_be_visible()


def test_ann_makes_a_customer_with_all_its_tabs(page: Page, cast: Cast) -> None:
    log_in(page, "ann@demo.example")
    page.goto("/customers/new/")
    fill_basic(page)
    fill_config(page, cast)
    fill_the_rest(page)
    open_all(page)
    page.get_by_role("button", name="Create").click()

    # The tabs with a mistake say so, and the first of them is open.
    expect(page.get_by_role("tab", name="Config")).to_contain_text("1")
    expect(page.get_by_text("Line 2:")).to_be_visible()
    page.get_by_label("Variables").fill("[headers]\nremove_regex = '^X-'")
    page.get_by_role("tab", name="Address").click()
    page.locator("#id_postcode").fill("LT-01103")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Dunder is created.")).to_be_visible()

    facts = page.locator(".facts")
    for words in ("Dunder Mifflin UAB", "PO 4711", "D-100", "Baltic", "Ann", "Gedimino 1", "LT-01103 Vilnius"):
        expect(facts).to_contain_text(words)
    expect(facts).to_contain_text("approved CLIs only")
    expect(page.locator(".record-figures")).to_contain_text("credit line 250.00 EUR")
    expect(page.locator(".record-figures")).to_contain_text("0 of 12")

    expect(page.locator(".notes")).to_contain_text("Asked for a trial by phone")
    page.get_by_label("A new note").fill("Signed on Friday")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".notes")).to_contain_text("Signed on Friday")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Dunder is approved.")).to_be_visible()
    pages = [title.strip() for title in page.locator(".record-tabs").get_by_role("link").all_inner_texts()]
    assert {"Main", "Auth", "Routing", "Payments", "Invoices", "CDRs", "Audit"} <= set(pages)
    for title in pages:
        page.locator(".record-tabs").get_by_role("link", name=title, exact=True).click()
        expect(page.locator(".record-tabs [aria-current=page]")).to_have_text(title)
    aside(lambda: kept(cast))


def kept(cast: Cast) -> None:
    """Every tab's values are in the record."""
    from tollgate.store.models import Customer

    dunder = Customer.objects.get(name="Dunder")
    assert (dunder.status, dunder.channels, dunder.cps_milli, dunder.valid_days) == ("active", 12, 2500, 365)
    assert (dunder.debit_limit_micros, dunder.daily_spend_limit_micros) == (250_000_000, 40_000_000)
    assert (dunder.parent, dunder.account_manager, dunder.portal_hide) == (cast.baltic, cast.ann, ["calls"])
    assert (dunder.pai_mode, dunder.attestation, dunder.local_price_nanos) == ("remove", "B", 10_000_000)
    assert (dunder.loss_making_calls, dunder.local_calls) == ("refuse", True)
    assert (dunder.first_reply_s, dunder.pdd_s, dunder.ring_s) == (4, None, 45)
    assert (dunder.country, dunder.approved_clis_only, dunder.email_verification) == ("LT", True, True)
    assert dunder.hours is not None
    assert {row["weekday"] for row in dunder.hours["windows"]} == {1, 2, 3, 4, 5}
    assert [(note.author, note.text) for note in dunder.notes.order_by("id")] == [
        ("ann@demo.example", "Asked for a trial by phone"), ("ann@demo.example", "Signed on Friday"),
    ]  # fmt: skip
