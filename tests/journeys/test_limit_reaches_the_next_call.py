"""A story over every process: Ann changes a limit in the panel's form, and the next INVITE obeys it; she puts one off
in her browser, and INVITEs obey it from its time on; Rita of a reseller publishes prices, and the next INVITE is
charged by them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.panel_session import DATA_KEY, Session, make_operator, web_process
from tests.journeys.test_operator import CHROMIUM, QUIET
from tests.sip.scene import PER_SECOND, Scene, Seller, require_programs, whole_path
from tests.sip.sipp import CallResult, until
from tests.world import EURO
from tollgate.jobs.postgres import Postgres

pytestmark = pytest.mark.sip
NUMBER = "442071838750"
EMAIL, PASSWORD = "ann@demo.example", "correct horse battery"


@pytest.fixture(scope="module")
def scene(postgres: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Charging, edge and database, started."""
    require_programs()
    with whole_path(postgres, template=migrated_template, folder=tmp_path_factory.mktemp("scene")) as whole:
        yield whole


@pytest.fixture(scope="module")
def ann(scene: Scene) -> Iterator[Session]:
    """Ann at the panel of the same installation, signed in."""
    make_operator(scene.charging.database_url, email=EMAIL, password=PASSWORD)
    with web_process(scene.charging.folder, database_url=scene.charging.database_url) as address:
        session = Session(address)
        session.log_in(EMAIL, PASSWORD)
        yield session


@pytest.fixture
def page(ann: Session) -> Iterator[Page]:
    """Ann in a browser at the same panel, signed in."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)) as browser,
    ):
        opened = browser.new_page(base_url=ann.address)
        opened.goto("/")
        opened.get_by_label("Email").fill(EMAIL)
        opened.get_by_label("Password").fill(PASSWORD)
        opened.get_by_role("button", name="Log in").click()
        expect(opened.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield opened


@pytest.fixture
def worker(scene: Scene) -> Iterator[None]:
    """`tollgate work` of the same installation."""
    environment = scene.charging.environment | {"TOLLGATE_DATA_KEY": DATA_KEY}
    with (scene.charging.folder / "work.log").open("wb") as log:
        command = [sys.executable, "-m", "tollgate.jobs.command_line", "work"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def change(ann: Session, acme: Seller, **fields: str) -> None:
    """Ann saves the form of Acme; then one second passes, no more."""
    ann.save(f"/customers/{acme.customer}/edit/", **fields)
    time.sleep(1)


def short_call(scene: Scene, acme: Seller) -> CallResult:
    """A call of half a second."""
    return scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500)


def test_a_customer_made_inactive_is_refused_by_the_next_call_and_rings_when_it_is_active_again(
    scene: Scene, ann: Session
) -> None:
    acme = scene.seller()
    assert short_call(scene, acme).code == 200
    change(ann, acme, status="inactive")
    refused = short_call(scene, acme)
    assert refused.code == 403
    assert scene.cdr(refused.call_id)["refusal"] == "status_inactive"
    change(ann, acme, status="active")
    assert short_call(scene, acme).code == 200
    scene.assert_books()


@pytest.mark.parametrize(("noun", "refusal"), [("endpoint", "ip_unknown"), ("ingress_route", "no_ingress_route")])
def test_what_a_job_deletes_carries_no_more_calls_and_undone_it_carries_the_next_as_before(
    scene: Scene, ann: Session, noun: str, refusal: str
) -> None:
    scene.world.update("account", scene.world.account, challenge_unknown=False)  # whom it does not know it refuses
    acme = scene.seller()
    before = scene.cdr(short_call(scene, acme).call_id)
    row_id = {"endpoint": acme.endpoint, "ingress_route": acme.route}[noun]
    ann.save(f"/bulk/{noun}/delete/?id={row_id}", confirmation="1")
    ((task_id,),) = scene.world.rows("SELECT max(id) FROM task")
    time.sleep(1)
    refused = short_call(scene, acme)
    assert scene.cdr(refused.call_id)["refusal"] == refusal
    ann.press(f"/tasks/{task_id}/", f"/tasks/{task_id}/undo/")
    time.sleep(1)
    answered = short_call(scene, acme)
    assert answered.code == 200
    after = scene.cdr(answered.call_id)
    same = ("customer_id", "endpoint_id", "ingress_route_id", "carrier_id", "gateway_id", "customer_card_id")
    assert [after[name] for name in same] == [before[name] for name in same]
    scene.assert_books()


def test_fewer_channels_hold_for_the_next_call_and_spare_the_live_one(scene: Scene, ann: Session) -> None:
    acme = scene.seller(channels=5)
    live = scene.edge.place(caller=acme.ip, cld=NUMBER, hold_ms=8000)
    live.wait_for_answer()
    change(ann, acme, channels="1")
    refused = scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500, port=5062)
    assert refused.code == 503
    assert scene.cdr(refused.call_id)["refusal"] == "channels_customer"
    change(ann, acme, channels="2")
    assert scene.edge.call(caller=acme.ip, cld=NUMBER, hold_ms=500, port=5064).code == 200
    ended = live.result()
    assert (ended.code, ended.ended_by) == (200, "caller")
    until(lambda: scene.world.wallet("customer", acme.customer)["channels"] == 0, what="free channels")
    scene.assert_books()


def test_a_credit_line_given_carries_the_next_call_and_taken_away_refuses_it(scene: Scene, ann: Session) -> None:
    acme = scene.seller(money_micros=0)
    assert short_call(scene, acme).code == 402
    change(ann, acme, billing_type="postpaid", debit_limit_micros_kind="credit", debit_limit_micros_amount="5")
    assert scene.world.wallet("customer", acme.customer)["limit_micros"] == 5 * EURO
    answered = short_call(scene, acme)
    assert answered.code == 200
    cost_micros = scene.cdr(answered.call_id)["cost_micros"]
    assert cost_micros > 0
    scene.world.top_up(acme.customer, cost_micros)  # a debt beyond the limit is a finding of the laws
    change(ann, acme, debit_limit_micros_kind="none", debit_limit_micros_amount="")
    refused = short_call(scene, acme)
    assert refused.code == 402
    assert scene.cdr(refused.call_id)["refusal"] == "credit"
    scene.assert_books()


def put_off(page: Page, customer: int) -> None:
    """No credit any more, in an hour."""
    page.goto(f"/customers/{customer}/edit/")
    page.locator("[name=debit_limit_micros_kind]").select_option(label="Prepaid")
    page.locator("[name=debit_limit_micros_amount]").fill("")
    page.get_by_role("button", name="Delay and save").click()
    due_at = datetime.now(UTC) + timedelta(hours=1)
    page.get_by_label("Date and time in UTC").fill(f"{due_at:%Y-%m-%dT%H:%M:%S}")
    expect(page.get_by_role("radio", name="At")).to_be_checked()
    page.locator("#delay").get_by_role("button", name="Delay and save").click()
    expect(page.get_by_text("Debit limit: 100.00 → 0.00")).to_be_visible()


def bring_forward(page: Page, delayed_save: int) -> None:
    """To five seconds from now; on a machine where saving takes longer, once more."""
    page.goto(f"/delays/{delayed_save}/")

    def moved() -> bool:
        due_at = datetime.now(UTC) + timedelta(seconds=5)
        page.locator("[name=due_at]").fill(f"{due_at:%Y-%m-%dT%H:%M:%S}")
        page.get_by_role("button", name="Change the time").click()
        page.wait_for_load_state()
        return page.url.endswith("/delays/")

    until(moved, timeout_s=60, what="another time")


@pytest.mark.browser
@pytest.mark.usefixtures("worker")
def test_a_debit_limit_put_off_holds_for_calls_before_its_time_and_not_after(scene: Scene, page: Page) -> None:
    baltic = scene.seller(money_micros=0, billing_type="postpaid", debit_limit_micros=100 * EURO)
    put_off(page, baltic.customer)
    answered = short_call(scene, baltic)
    assert answered.code == 200
    scene.world.top_up(baltic.customer, scene.cdr(answered.call_id)["cost_micros"])  # no debt beyond the new limit
    saved = "SELECT * FROM delayed_save WHERE row_id = %s"
    waiting = scene.world.one(saved, baltic.customer)
    assert (waiting["author"], waiting["state"]) == (EMAIL, "pending")
    bring_forward(page, waiting["id"])
    until(
        lambda: scene.world.one(saved, baltic.customer)["state"] == "done", timeout_s=60, what="the limit at its time"
    )
    scene.obeyed()
    refused = short_call(scene, baltic)
    scene.assert_refused(refused, "credit", baltic.customer)
    assert scene.world.wallet("customer", baltic.customer)["limit_micros"] == 0
    done = scene.world.one(saved, baltic.customer)
    assert done["due_at"] < waiting["due_at"]
    assert done["finished_at"] >= done["due_at"]
    page.goto(f"/customers/{baltic.customer}/edit/")
    expect(page.get_by_text("Put off until later")).to_have_count(0)
    page.goto("/delays/")
    expect(page.get_by_role("gridcell", name="Done", exact=True)).to_be_visible()
    scene.assert_books()


def test_prices_that_a_resellers_user_publishes_charge_the_next_call_at_its_level_alone(
    scene: Scene, ann: Session
) -> None:
    world, rate = scene.world, {**PER_SECOND, "price_nanos": 90_000_000}
    reseller = scene.seller(rates=({**PER_SECOND, "price_nanos": 30_000_000},), is_reseller=True)
    below = world.customer("below Rita", money_micros=EURO, parent_id=reseller.customer)
    card = world.card("Retail", [rate], reseller_id=reseller.customer)
    world.route(below, card, [])
    ip = scene.edge.address(251)
    world.ip_endpoint(below, ip)
    rita = Session(ann.address)
    email = "rita@reseller.example"
    make_operator(scene.charging.database_url, email=email, password=PASSWORD, reseller_id=reseller.customer)
    rita.log_in(email, PASSWORD)
    (sold,) = world.rows("SELECT name FROM card WHERE id = %s", reseller.card)
    rita.save(f"/cards/{card}/markup/", source_card_id=str(sold[0]), markup_ppm="50")
    time.sleep(1)
    result = scene.edge.call(caller=ip, cld=NUMBER, hold_ms=1300)
    cdr = scene.cdr(result.call_id)
    booked = dict(world.rows("SELECT book, amount_micros FROM entry WHERE call_id = %s", cdr["id"]))
    assert cdr["billed_s"] == 2
    assert booked == {"resale": -1500, "revenue": -1000, "carrier_cost": 2000}, "before it was 3000 to the reseller"
    scene.assert_books()
