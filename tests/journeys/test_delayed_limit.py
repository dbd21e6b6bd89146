"""A story over browser, panel, worker and charging: Ann lowers a limit a few seconds ahead, and calls obey it then."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.charging.cast import BALTIC_IP, World
from tests.charging.process import Charging, now
from tests.jobs.installation import MODULE, ROOT, Installation
from tests.journeys.panel_session import make_operator, web_process
from tests.sip.sipp import until

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
EMAIL, PASSWORD = "ann@demo.example", "correct horse battery"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Baltic calls on its debit limit of 100.00."""
    with World(database_url) as found:
        yield found
        assert found.broken_laws() == {}


@pytest.fixture
def charging(world: World) -> Iterator[Charging]:
    """The charging service."""
    process = Charging(world.url)
    yield process
    process.stop()


@pytest.fixture
def worker(world: World, tmp_path: Path) -> Iterator[None]:
    """`tollgate work`."""
    environment = Installation(world.url, tmp_path).environment()
    with subprocess.Popen([*MODULE, "work"], cwd=ROOT, env=environment) as process:
        yield
        process.terminate()
        process.wait(20)


def decision(charging: Charging, call_id: str) -> str:
    """What Baltic's next call hears; one that is allowed ends at once."""
    answer = charging.authorize(call_id, ip=BALTIC_IP)
    if answer["allow"]:
        charging.ended(call_id, now(), sip=487, released_by="caller")
        return "allowed"
    return str(answer["refusal"])


@pytest.mark.usefixtures("worker")
def test_a_debit_limit_put_off_holds_before_its_time_and_not_after(
    world: World, charging: Charging, tmp_path: Path
) -> None:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    make_operator(world.url, email=EMAIL, password=PASSWORD)
    assert decision(charging, "first") == "allowed"
    with web_process(tmp_path, database_url=world.url) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(base_url=address)
        page.goto("/")
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        page.goto(f"/customers/{world.baltic}/edit/")
        page.locator("[name=debit_limit_micros_kind]").select_option(label="Prepaid")
        page.locator("[name=debit_limit_micros_amount]").fill("")
        page.get_by_role("button", name="Delay and save").click()
        due_at = datetime.now(UTC) + timedelta(seconds=5)
        page.get_by_label("Date and time in UTC").fill(f"{due_at:%Y-%m-%dT%H:%M:%S}")
        expect(page.get_by_role("radio", name="At")).to_be_checked()
        page.locator("#delay").get_by_role("button", name="Delay and save").click()
        expect(page.get_by_text("Debit limit: 100.00 → 0.00")).to_be_visible()
        assert decision(charging, "second") == "allowed"
        until(lambda: decision(charging, f"at {now()}") == "credit", timeout_s=15, what="the limit at its time")
        page.reload()
        expect(page.get_by_text("Put off until later")).to_have_count(0)
        page.goto("/delays/")
        expect(page.get_by_role("gridcell", name="Done", exact=True)).to_be_visible()
        browser.close()
    (saved,) = world.all("SELECT author, state, due_at, finished_at FROM delayed_save")
    assert (saved["author"], saved["state"]) == (EMAIL, "done")
    assert saved["finished_at"] >= saved["due_at"]
