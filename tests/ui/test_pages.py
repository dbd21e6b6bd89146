"""The furniture in a real browser, under the Content-Security-Policy of the real pages.

Every test ends with a console free of errors: a violation of the policy is one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect, sync_playwright

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AMOUNT, PROFIT, DURATION = 6, 7, 4  # columns of the gallery's grid, the ticks being column 0


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The gallery's address."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "tests.ui.gallery", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    with closing(browser.new_context(viewport={"width": 1440, "height": 860}, base_url=site)) as made:
        made.grant_permissions(["clipboard-read", "clipboard-write"])
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # A form refused with 422 or 409 is an answer that Chromium reports as a failure to load.
        if message.type in ("error", "warning") and "422" not in message.text and "409" not in message.text:
            complaints.append(message.text)

    made = context.new_page()
    made.on("console", listen)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    assert complaints == []


def cell(page: Page, row: int, column: int) -> Locator:
    return page.locator("data-grid tbody tr").nth(row).locator("td").nth(column)


def choose(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    cell(page, *start).click(position={"x": 3, "y": 3})
    cell(page, *end).click(modifiers=["Shift"], position={"x": 3, "y": 3})


def stats(page: Page) -> str:
    return " ".join(page.locator("[data-stats]").inner_text().split())


@pytest.mark.parametrize("address", ["/", "/customer/", "/calls/", "/empty/", "/login/"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_breaks_no_policy_and_fits_its_width(
    browser: Browser, site: str, address: str, width: int, theme: Literal["light", "dark"]
) -> None:
    complaints: list[str] = []
    with closing(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)) as context:
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site + address)
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_a_range_sums_exactly(page: Page) -> None:
    page.goto("/calls/")
    choose(page, (0, AMOUNT), (3, AMOUNT))
    # 0.000001 + 0.005588 + 0.011175 + 0.016762, which floats would not add to this
    assert stats(page) == "Count 4 Sum 0.033526 EUR Average 0.008382 EUR"


def test_a_column_title_chooses_the_column_and_negative_amounts_count_as_such(page: Page) -> None:
    page.goto("/calls/")
    page.locator("th[data-name=profit] .grid-title").click()
    assert stats(page) == "Count 100 Sum 1.23400 EUR Average 0.01234 EUR"


def test_cells_of_different_columns_give_no_sum(page: Page) -> None:
    page.goto("/calls/")
    choose(page, (0, AMOUNT), (3, PROFIT))
    assert stats(page) == "Count 8"
    choose(page, (0, DURATION), (3, AMOUNT))
    assert "Sum" not in stats(page)


def test_amounts_of_two_currencies_are_never_added(page: Page) -> None:
    page.goto("/calls/?sort=cost_micros")
    page.locator("th[data-name=cost] .grid-title").click()
    assert stats(page) == "Count 100 EUR and USD are not added together"


def test_a_price_has_no_sum(page: Page) -> None:
    page.goto("/calls/")
    choose(page, (0, 5), (3, 5))
    assert stats(page) == "Count 4"


def test_copy_with_headers_carries_titles_and_plain_numbers(page: Page) -> None:
    page.goto("/calls/")
    choose(page, (1, 3), (2, DURATION))
    page.keyboard.press("Control+Shift+C")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "CLD\tDuration, s\n4989590007919\t37\n4989590015838\t74"
    page.keyboard.press("Control+C")
    assert page.evaluate("navigator.clipboard.readText()") == "4989590007919\t37\n4989590015838\t74"


def test_the_menu_copies_an_amount_with_its_code(page: Page) -> None:
    page.goto("/calls/")
    cell(page, 1, AMOUNT).click(button="right")
    page.get_by_role("menuitem", name="Copy with headers").click()
    assert page.evaluate("navigator.clipboard.readText()") == "Amount\n0.005588 EUR"
    assert page.locator(".grid-menu").count() == 0


def test_the_keyboard_moves_stretches_and_ticks(page: Page) -> None:
    page.goto("/calls/")
    cell(page, 0, AMOUNT).click(position={"x": 3, "y": 3})
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    assert stats(page) == "Count 2 Sum 0.016763 EUR Average 0.008382 EUR"
    chosen = page.locator("td[aria-selected=true]")
    assert chosen.count() == 2
    page.keyboard.press("Space")
    assert page.locator("tbody input:checked").count() == 1
    assert page.evaluate("document.activeElement.cellIndex") == AMOUNT
    page.keyboard.press("Escape")
    assert chosen.count() == 0


def test_a_column_keeps_the_width_it_was_given(page: Page) -> None:
    page.goto("/calls/")
    title = page.locator("th[data-name=customer]")
    box = title.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 77, box["y"] + 10)
    page.mouse.up()
    page.reload()
    after = page.locator("th[data-name=customer]").bounding_box()
    assert after is not None
    assert round(after["width"] - box["width"]) == 80


def test_columns_are_chosen_and_ordered_in_their_dialog(page: Page) -> None:
    page.goto("/calls/")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Rate, EUR/min").uncheck()
    page.get_by_role("button", name="Move CLD up").click()
    page.get_by_role("button", name="Show these").click()
    names = page.locator("th[data-name]").evaluate_all("all => all.map(th => th.dataset.name)")
    assert names == ["started_at", "cld", "customer", "duration_s", "cost", "profit", "state"]


def test_a_phone_folds_the_filters_and_leaves_out_minor_columns(page: Page) -> None:
    page.goto("/calls/?f.state=refused")
    state, fold = page.get_by_label("State", exact=True).first, page.locator("summary")
    expect(state).to_be_visible()
    expect(fold).to_be_hidden()
    expect(page.locator("th[data-name=price]")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    expect(state).to_be_hidden()
    expect(page.locator("th[data-name=price]")).to_be_hidden()
    expect(cell(page, 0, 5)).to_be_hidden()
    assert fold.inner_text().strip() == "Filters (1)"
    fold.click()
    expect(state).to_be_visible()
    page.goto("/calls/?columns=price,cld")
    expect(page.locator("th[data-name=price]")).to_be_visible()


def test_a_filter_and_its_error_are_shown(page: Page) -> None:
    page.goto("/calls/")
    page.get_by_label("State", exact=True).first.select_option("refused")
    page.get_by_role("button", name="Apply").click()
    assert set(page.locator("tbody .badge").all_inner_texts()) == {"refused"}
    page.get_by_label("From (UTC)").fill("yesterday")
    page.get_by_role("button", name="Apply").click()
    assert "From (UTC): write a date and time" in page.get_by_role("alert").inner_text()


def test_an_empty_list_says_what_to_do_next(page: Page) -> None:
    page.goto("/empty/")
    assert page.get_by_role("link", name="Add a carrier").is_visible()


def test_the_csv_holds_every_row_found(page: Page) -> None:
    page.goto("/calls/?f.state=refused")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert 'Amount,Amount currency,"Profit, EUR"' in lines[0]
    assert len(lines) - 1 == sum(i % 11 % 3 == 2 for i in range(250))
    assert any("'=HYPERLINK(1)" in line for line in lines)


def test_slash_focuses_the_search_but_not_while_typing(page: Page) -> None:
    page.goto("/customer/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.get_by_label("Customer name").fill("")
    page.keyboard.press("/")
    assert page.get_by_label("Customer name").input_value() == "/"


def test_the_theme_is_chosen_in_the_menu_and_persists(page: Page) -> None:
    page.goto("/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    page.get_by_role("button", name="Ann").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.goto("/calls/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_a_theme_stored_for_the_user_wins_over_what_this_browser_remembers(context: BrowserContext, page: Page) -> None:
    page.goto("/")
    page.evaluate("localStorage.setItem('theme', 'light')")
    context.add_cookies([{"name": "stored", "value": "dark", "url": page.url}])
    page.goto("/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.get_by_role("button", name="Ann").click()
    with page.expect_response("**/theme/") as stored:
        page.get_by_role("button", name="Light").click()
    assert stored.value.status == 204
    page.goto("/calls/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"


def test_errors_are_answered_with_422_and_counted_on_their_tab(page: Page) -> None:
    page.goto("/customer/")
    page.get_by_role("tab", name="Address").click()
    page.get_by_label("Contact email").fill("noc@acme")
    page.get_by_label("Address or network").fill("192.0.2.1/24")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button", name="Save", exact=True).click()
    assert answer.value.status == 422
    assert page.get_by_role("tab", name="Address 2 errors").get_attribute("aria-selected") == "true"
    email = page.get_by_label("Contact email")
    assert email.is_visible()
    assert email.get_attribute("aria-invalid") == "true"
    assert "did you mean 192.0.2.0/24" in page.locator("#id_network_error").inner_text()


def test_a_change_by_somebody_else_shows_both_values_and_asks(page: Page) -> None:
    page.goto("/customer/")
    page.get_by_label("Customer name").fill("conflict")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button", name="Save", exact=True).click()
    assert answer.value.status == 409
    panel = page.get_by_role("alert")
    assert "10.00 EUR" in panel.inner_text()
    assert "20.00 EUR" in panel.inner_text()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/")
    assert page.locator("h1").inner_text().startswith("Dashboard")


def test_leaving_with_unsaved_changes_warns_and_without_does_not(page: Page) -> None:
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.goto("/customer/")
    page.wait_for_load_state("load")
    page.goto("/calls/")
    assert asked == []
    page.goto("/customer/")
    page.get_by_label("Customer name").fill("Acme 2")
    page.goto("/calls/")
    assert asked == ["beforeunload"]


def test_a_zone_is_found_by_typing(page: Page) -> None:
    page.goto("/customer/")
    options = page.locator("#id_zone + .ts-wrapper .ts-dropdown .option")
    page.locator("#id_zone + .ts-wrapper .ts-control input").press_sequentially("honolulu")
    expect(options).to_have_count(1)
    expect(options).to_have_text("Pacific/Honolulu")
    page.keyboard.press("Enter")
    expect(page.locator("#id_zone")).to_have_value("Pacific/Honolulu")


def hours(page: Page) -> dict[str, object]:
    read: dict[str, object] = json.loads(page.locator("#id_hours").input_value())
    return read


def test_hours_are_painted_and_written_exactly(page: Page) -> None:
    page.goto("/customer/")
    page.get_by_role("tab", name="Day/Time").click()
    stored = {"zone": "Europe/Vilnius", "holidays": ["2026-12-25"]}
    week = [{"weekday": day, "from": "08:00", "until": "19:30"} for day in range(1, 6)]
    assert hours(page) == {**stored, "windows": week}
    page.get_by_label("Sat 10:00").hover()
    page.mouse.down()
    page.get_by_label("Sat 11:00").hover()
    page.get_by_label("Sat 12:00").hover()
    page.mouse.up()
    assert hours(page)["windows"] == [*week, {"weekday": 6, "from": "10:00", "until": "13:00"}]
    page.get_by_label("Until").first.fill("24:00")
    page.get_by_label("Until").first.blur()
    exact = hours(page)["windows"]
    assert isinstance(exact, list)
    assert exact[0] == {"weekday": 1, "from": "08:00", "until": "24:00"}
    assert page.get_by_label("Mon 23:00").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Always").click()
    assert hours(page) == {**stored, "windows": []}


def test_a_dangerous_act_waits_for_the_name_of_the_thing(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Close Acme").click()
    dangerous = page.get_by_role("button", name="Close the customer")
    assert dangerous.is_disabled()
    page.get_by_label("Type Acme to go on").fill("acme")
    assert dangerous.is_disabled()
    page.get_by_label("Type Acme to go on").fill("Acme")
    assert dangerous.is_enabled()


def test_htmx_swaps_an_answer_of_422_and_sends_the_token(page: Page) -> None:
    page.goto("/live/")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name="Send").click()
    assert sent.value.headers["x-csrftoken"]
    page.get_by_text("That is odd.").wait_for()


def test_a_chart_draws_its_lines_in_utc_and_follows_the_theme(page: Page) -> None:
    page.goto("/")
    chart = page.locator("line-chart")
    assert chart.locator("canvas").count() == 1
    chart.hover(position={"x": 400, "y": 100})
    assert "UTC" in chart.locator(".u-legend").inner_text()
    assert "calls" in chart.locator(".u-legend").inner_text()
    light = chart.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="Ann").click()
    page.get_by_role("button", name="Dark").click()
    assert chart.locator("canvas").count() == 1
    assert chart.locator("canvas").evaluate("canvas => canvas.toDataURL()") != light


def test_a_chart_tells_an_hour_for_the_second_time_with_its_offset(page: Page) -> None:
    page.goto("/")
    first = 1_792_890_000  # 2026-10-25 01:00, as the clock of Vilnius tells it
    times = [first + 3600 * hour for hour in range(6)]
    turns = [{"at": times[3], "back": 3600, "offset": "+02:00"}]
    calls = [{"name": "Calls", "values": [0] * 6}]
    data = {"unit": "", "height": 240, "zone": "Europe/Vilnius", "times": times, "turns": turns, "series": calls}
    told = page.locator("line-chart").evaluate(
        """(chart, data) => {
          chart.data = data;
          chart.draw();
          return chart.data.times.map((_, idx) => {
            chart.plot.setLegend({idx});
            return chart.querySelector(".u-legend .u-value").textContent;
          });
        }""",
        data,
    )
    hours = ("01:00", "02:00", "03:00", "03:00 +02:00", "04:00", "05:00")
    assert told == [f"2026-10-25 {hour} Europe/Vilnius" for hour in hours]


def test_on_a_phone_the_navigation_opens_by_its_button(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/calls/")
    link = page.get_by_role("link", name="Live calls")
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").click()
    link.wait_for(state="visible")
