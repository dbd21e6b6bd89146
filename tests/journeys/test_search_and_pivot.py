"""A story in a real browser: Ann puts conditions together, keeps them as a view, and turns a breakout into a pivot."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_operator import aside, cast, log_in, page
from tests.journeys.test_summary_to_invoice import rebuilt_from_the_beginning
from tests.panel.cast import Cast
from tests.panel.test_summaries import NOON_AT, calls
from tollgate.actions import customers as acts
from tollgate.actions.acts import Actor, acting
from tollgate.core.summaries import Totals
from tollgate.store.models import Account, Customer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["cast", "page"]


def traffic(cast: Cast) -> None:
    """Acme's and Baltic's calls of two days; one of four is answered here, all are there."""
    for customer, days, connected, failed, cost in (
        (cast.acme, 0, 1, 3, 100_001), (cast.acme, 1, 10, 0, 50_000), (cast.baltic, 1, 2, 1, 70_000),
    ):  # fmt: skip
        at = NOON_AT - timedelta(days=days)
        calls(cast, customer, connected=connected, failed=failed, cost=cost, at=at, written=0)
    rebuilt_from_the_beginning()


def test_ann_searches_by_conditions_and_keeps_them(page: Page, cast: Cast) -> None:
    log_in(page, "ann@demo.example")
    page.goto("/cdrs/?f.from=2026-01-01T00:00")
    rows = page.locator("data-grid[data-name='cdrs']").locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_text("none: everything of the period is shown").click()
    builder = page.locator("call-rules")
    builder.get_by_label("Value").press_sequentially("acm")
    expect(builder.locator("datalist option")).to_have_attribute("value", "Acme")
    builder.get_by_label("Value").fill("Acme")
    builder.get_by_role("button", name="Group").click()
    inner = builder.locator(".rule-group .rule-group")
    inner.get_by_label("Field").select_option("state")
    inner.get_by_label("Value").select_option("refused")
    inner.get_by_role("button", name="Condition", exact=True).click()
    inner.locator(".rule").nth(1).get_by_label("Field").select_option("cost")
    inner.locator(".rule").nth(1).get_by_label("Comparison").select_option("more")
    inner.locator(".rule").nth(1).get_by_label("Value").fill("100")
    builder.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Customer is Acme and (State is Refused or Charge > 100)")).to_be_visible()
    expect(rows).to_have_count(1)
    asked = json.loads(parse_qs(urlsplit(page.url).query)["f.rules"][0])
    assert asked == ["all", ["customer", "is", "Acme"], ["any", ["state", "is", "refused"], ["cost", "more", "100"]]]
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Keep the list as it is now").fill("Acme's refusals")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.goto("/cdrs/")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="Acme's refusals").click()
    expect(rows).to_have_count(1)
    builder.get_by_role("button", name="Leave this condition out").last.click()
    inner.get_by_label("Value").select_option("charged")
    builder.get_by_role("button", name="Search").click()
    expect(rows).to_contain_text(["Charged"])
    builder.get_by_role("button", name="Without conditions").click()
    expect(rows).to_have_count(2)
    loads_on(page, cast)


def loads_on(page: Page, cast: Cast) -> None:
    """A list of some pages is walked to its end by scrolling, chosen from, and come back to."""
    others = [
        Customer(account=cast.account, name=f"Zest {n:03}", number=f"77{n:08}", currency="EUR") for n in range(248)
    ]
    aside(lambda: Customer.objects.bulk_create(others))
    page.goto("/customers/")
    rows = page.locator("data-grid[data-name='customers']").locator("tbody tr")
    rows.last.scroll_into_view_if_needed()
    expect(page.get_by_text("100 of")).to_be_visible()
    expect(rows).to_have_count(100)
    aside(lambda: update(cast.account, smart_lists=True))
    page.reload()
    expect(rows).to_have_count(100)
    for shown in (200, 250):
        rows.last.scroll_into_view_if_needed()
        expect(rows).to_have_count(shown)
        expect(page.get_by_role("status").filter(has_text=f"{shown} rows are shown.")).to_be_attached()
    expect(page.get_by_text("250 of 250")).to_be_visible()
    expect(page.locator("nav a[rel=next]")).to_have_count(0)
    last = rows.last
    last.get_by_role("checkbox").check()
    page.get_by_role("checkbox", name="Choose all rows of this page").check()
    assert page.locator("tbody input[name=id]:checked").count() == 250
    place = page.locator("th[data-name=balance]").evaluate("title => title.cellIndex")
    last.locator("td").nth(place).click()
    rows.first.locator("td").nth(place).click(modifiers=["Shift"])
    expect(page.locator("[data-stats]")).to_contain_text("Count 250    Sum 25.00 EUR")
    last.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Zest 247")).to_be_visible()
    page.go_back()
    expect(rows.filter(has_text="Zest 247")).to_be_visible()
    expect(page.locator("nav a[rel=prev]")).to_be_visible()


def update(account: Account, **values: object) -> None:
    """Changes the account's row."""
    Account.objects.filter(pk=account.pk).update(**values)


def test_the_pivot_adds_parts_and_never_averages_ratios(page: Page, cast: Cast) -> None:
    aside(lambda: traffic(cast))
    log_in(page, "ann@demo.example")
    page.goto("/breakout/?f.by=customer,destination,day&f.period=last_7_days")
    page.get_by_text("rows by columns, with subtotals").click()
    table = page.locator("pivot-table table")
    expect(table).to_contain_text("Total of Acme")
    page.get_by_label("Figure").select_option("asr_percent")
    days = [f"{NOON_AT - timedelta(days=back):%Y-%m-%d}" for back in (1, 0)]
    acme = Totals(connected=11, attempts=14), Totals(connected=13, attempts=17)
    assert lines(page)[0] == ["Customer", "Destination", *days, "Total"]
    assert ["Total of Acme", "100.00", "25.00", str(acme[0].asr_percent)] in [
        [cell for cell in line if cell and cell != "Acme"] for line in lines(page)
    ]
    assert lines(page)[-1] == ["Total", "", "92.31", "25.00", str(acme[1].asr_percent)]
    page.get_by_label("Figure").select_option("cost_micros")
    page.get_by_label("Subtotals").uncheck()
    page.get_by_label("Destination stands in").select_option("")
    told = [
        ["Customer", *days, "Total"],
        ["Acme", "0.50 EUR", "0.100001 EUR", "0.600001 EUR"],
        ["Baltic", "0.14 EUR", "", "0.14 EUR"],
        ["Total", "0.64 EUR", "0.100001 EUR", "0.740001 EUR"],
    ]
    even = [[re.sub(r"(\.\d\d) EUR$", r"\g<1>0000 EUR", text) for text in line] for line in told]
    assert lines(page) == even, "points stand below each other"
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert [line.split("\t") for line in str(page.evaluate("window.copied")).split("\n")] == told
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert list(csv.reader(io.StringIO(text))) == told
    page.reload()
    expect(page.get_by_label("Figure")).to_have_value("cost_micros")
    expect(table).to_contain_text("0.740001 EUR")


def test_a_list_becomes_a_pivot_and_is_come_back_to(page: Page, cast: Cast) -> None:
    def more() -> None:
        update(cast.account, smart_lists=False)
        Customer.objects.filter(pk=cast.baltic.pk).update(status="inactive", country="LT")
        for number, currency in enumerate(("USD", "EUR")):
            Customer.objects.create(account=cast.account, name=f"C{number}", number=f"55500{number}", currency=currency)

    aside(more)
    log_in(page, "ann@demo.example")
    page.goto("/customers/?f.shown=in_service")
    page.get_by_role("link", name="Pivot").click()
    page.get_by_label("Group by").get_by_label("Status").check()
    page.get_by_label("Group by").get_by_label("Country").check()
    page.get_by_role("button", name="Group by these").click()
    table = page.locator("pivot-table table")
    expect(table).to_contain_text("Inactive")
    page.get_by_label("Country stands in").select_option("")
    counts = {line[0]: line[-1] for line in lines(page)}
    assert (counts["Inactive"], counts["Total"]) == ("1", "4")
    page.get_by_label("Figure").select_option("balance")
    assert sorted(lines(page)[-1][-1].split("\n")) == ["0.00 USD", "25.00 EUR"], "never added together"
    page.get_by_role("link", name="As a list").click()
    expect(page.locator("data-grid[data-name='customers'] tbody tr")).to_have_count(4)
    assert "f.shown=in_service" in page.url


def test_a_name_with_a_tab_in_it_stays_one_cell_of_what_is_copied(page: Page, cast: Cast) -> None:
    aside(lambda: update_customer(cast.acme, name="Acme\tand\nsons"))
    log_in(page, "ann@demo.example")
    page.goto("/customers/?pivot_by=name,status")
    expect(page.locator("pivot-table table")).to_contain_text("sons")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    told = [line.split("\t") for line in str(page.evaluate("window.copied")).split("\n")]
    assert {len(line) for line in told} == {len(told[0])}
    assert "Acme and; sons" in [line[0] for line in told]


def test_enter_does_nothing_where_all_records_were_changed_meanwhile(page: Page, cast: Cast) -> None:
    log_in(page, "ann@demo.example")
    page.goto(f"/bulk/customer/edit/?id={cast.acme.pk}&field=channels")
    page.get_by_label("Channels").fill("77")
    aside(lambda: saved_by_another(cast.acme))
    page.get_by_role("button", name="Change 1").click()
    expect(page.get_by_text("Changed meanwhile")).to_be_visible()
    page.evaluate("document.getElementById('record').addEventListener('submit', () => { window.sent = true; })")
    page.get_by_label("Channels").press("Enter")
    assert page.evaluate("window.sent") is None
    page.get_by_role("button", name="Change all 1").click()
    expect(page.get_by_text("1 of 1 row done")).to_be_visible()


def saved_by_another(customer: Customer) -> None:
    """Somebody else's save, by its act."""
    with acting(Actor("eve@demo.example", frozenset({"*"}), kind="user")):
        acts.update_customer(customer_id=customer.pk, channels=5)


def update_customer(customer: Customer, **values: object) -> None:
    """Changes the customer's row."""
    Customer.objects.filter(pk=customer.pk).update(**values)


def lines(page: Page) -> list[list[str]]:
    """The cells of the pivot."""
    rows = page.locator("pivot-table tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
