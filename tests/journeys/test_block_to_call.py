"""A story over browser, panel, edge and charging: an extension of a new number block registers and calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.panel_session import make_operator, web_process
from tests.journeys.test_operator import CHROMIUM, QUIET
from tests.sip.scene import Scene, Seller, require_programs, whole_path
from tests.sip.sipp import until
from tollgate.jobs.postgres import Postgres

pytestmark = [pytest.mark.sip, pytest.mark.browser]
NUMBER = "442071838750"
EMAIL, PASSWORD = "ann@demo.example", "correct horse battery"


@pytest.fixture(scope="module")
def scene(postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Charging, edge and database, started; blocks of a thousand from 1000 on."""
    require_programs()
    with whole_path(postgres, template=migrated_template, folder=tmp_path_factory.mktemp("scene")) as whole:
        whole.world.update("account", whole.world.account, block_start=1000, block_size=1000)
        yield whole


@pytest.fixture(scope="module")
def page(scene: Scene) -> Iterator[Page]:
    """Ann in a browser at the panel of the same installation."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    url = scene.charging.database_url
    make_operator(url, email=EMAIL, password=PASSWORD)
    complaints: list[str] = []
    with (
        web_process(scene.charging.folder, database_url=url) as address,
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)) as browser,
    ):
        opened = browser.new_page(base_url=address, viewport={"width": 1440, "height": 1000})
        opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto("/")
        opened.get_by_label("Email").fill(EMAIL)
        opened.get_by_label("Password").fill(PASSWORD)
        opened.get_by_role("button", name="Log in").click()
        expect(opened.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield opened
    assert complaints == []


def give_block(page: Page, customer: int) -> None:
    """The button on the customer's main page."""
    page.goto(f"/customers/{customer}/")
    page.get_by_role("button", name="Add the next block").click()
    expect(page.locator("data-grid[data-name='number_blocks']")).to_contain_text("1999")


def add_phone(page: Page, scene: Scene, customer: int, extension: str) -> str:
    """A SIP user on a number of the block, with a row that takes 00 away; gives the password, seen this once."""
    page.goto(f"/customers/{customer}/auth/")
    page.get_by_role("link", name="Add a SIP user").click()
    expect(page.get_by_label("User name")).to_have_value("1000")
    page.get_by_role("button", name=extension, exact=True).click()
    expect(page.get_by_label("User name")).to_have_value(extension)
    page.get_by_role("button", name="Generate").click()
    password = page.get_by_label("Password").input_value()
    page.get_by_label("Realm").fill(scene.edge.settings.realm)
    page.get_by_role("textbox", name="Current").fill("00")
    page.locator("#try-cld").fill(f"00{NUMBER}")
    expect(page.locator("#tried b")).to_have_text(NUMBER)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name=extension, exact=True)).to_be_visible()
    assert password not in page.content()
    return password


def test_an_extension_of_a_new_block_registers_and_calls(scene: Scene, page: Page) -> None:
    acme: Seller = scene.seller()
    give_block(page, acme.customer)
    password = add_phone(page, scene, acme.customer, "1002")
    phone = scene.edge.address(200)
    until(
        lambda: scene.edge.register(ip=phone, user="1002", password=password).code == 200,
        timeout_s=5,
        what="the registration",
    )
    other = scene.edge.address(201)
    called = scene.edge.call(caller=other, cld=f"00{NUMBER}", user="1002", password=password, hold_ms=500)
    assert called.code == 200
    cdr = scene.cdr(called.call_id)
    assert (cdr["customer_id"], cdr["state"], cdr["number"]) == (acme.customer, "charged", NUMBER)
    assert cdr["endpoint_id"] == scene.world.one("SELECT id FROM endpoint WHERE username = '1002'")["id"]
    page.goto(f"/customers/{acme.customer}/endpoints/new-sip-user/")
    expect(page.get_by_role("button", name="1002", exact=True)).to_be_disabled()
    scene.assert_books()
