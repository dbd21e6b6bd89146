"""A story in a real browser: Ann looks at Acme's days, adds up cells, and makes an invoice of the days she ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_operator import aside, cast, log_in, page
from tests.panel.cast import Cast
from tests.panel.test_summaries import calls
from tollgate.actions.summaries import roll_up
from tollgate.core.summaries import Span, beginning

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["cast", "page"]
ASR, PROFIT, CHARGE = 2, 4, 6
COPIED = "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"


def traffic(cast: Cast) -> None:
    """Yesterday one call of ten was answered, the day before all ten: 11 of 20 together."""
    noon = beginning(datetime.now(UTC), Span.DAY) - timedelta(hours=12)
    calls(cast, cast.acme, connected=1, failed=9, cost=100_001, at=noon, written=0)
    calls(cast, cast.acme, connected=10, cost=50_000, at=noon - timedelta(days=1), written=0)
    rebuilt_from_the_beginning()


def rebuilt_from_the_beginning() -> None:
    """As the workers do, of all that was ever written."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE summary_progress SET reached = 0")
        cursor.execute("DELETE FROM summary")
        cursor.execute("DELETE FROM resale_summary")
    roll_up()


def test_ann_adds_up_cells_and_invoices_the_days_she_ticks(page: Page, cast: Cast) -> None:
    aside(lambda: traffic(cast))
    log_in(page, "ann@demo.example")
    page.goto(f"/customers/{cast.acme.pk}/")
    page.get_by_role("link", name="Daily").click()
    grid = page.locator("data-grid[data-name=summary]")
    stats, rows = grid.locator("[data-stats]"), grid.locator("tbody tr")
    for column, said in ((CHARGE, "Sum 0.600001 EUR"), (ASR, "Weighted average 55.00 %"), (PROFIT, "Sum 0.300001 EUR")):
        rows.nth(1).locator("td").nth(column).click()
        rows.nth(2).locator("td").nth(column).click(modifiers=["Shift"])
        expect(stats).to_contain_text(said)
    page.evaluate(COPIED)
    rows.nth(1).locator("td").nth(ASR).click()
    rows.nth(2).locator("td").nth(CHARGE).click(modifiers=["Shift"])
    rows.nth(1).locator("td").nth(ASR).click(button="right")
    page.get_by_role("menuitem", name="Copy with group headers").click()
    lines = str(page.evaluate("window.copied")).split("\n")
    assert lines[0].split("\t") == ["Quality", "", "Money", "", ""]
    assert lines[1].split("\t")[0] == "ASR, %"
    assert lines[2].split("\t")[0] == "10.00"
    for place in (1, 2):
        rows.nth(place).get_by_role("checkbox").check()
    page.get_by_role("button", name="Generate invoice").click()
    expect(page.get_by_text("is drafted")).to_be_visible()
    page.goto(f"/customers/{cast.acme.pk}/summary/day/")
    expect(rows.nth(1).get_by_role("checkbox")).to_have_count(0)
    expect(rows.nth(1).get_by_role("link", name="View draft")).to_be_visible()
    expect(rows.nth(3).get_by_role("checkbox")).to_be_visible()
