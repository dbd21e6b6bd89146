"""A story in a real browser: Carla pays in Moneris' own form on a page of the portal, after thinking better of it once.

Moneris' script and form are stand-ins that keep to what their documentation says of callbacks; whether anything was
paid is told by the receipt alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.gateways.payments import moneris
from tests.gateways.payments.desk import Desk, desk
from tests.journeys.test_operator import aside
from tests.journeys.test_portal_invitation import browser
from tests.panel.cast import PASSWORD
from tests.portal.cast import SETUP, gather
from tollgate.actions.acts import acting
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payment_janitor import ask_next
from tollgate.store.models import Account, Checkout, Customer, ExchangeRate, Payment

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCRIPT = """
window.monerisCheckout = class {
  #told = {};
  setMode(mode) { this.mode = mode; }
  setCheckoutDiv(id) { this.place = document.getElementById(id); }
  setCallback(name, tell) { this.#told[name] = tell; }
  startCheckout(ticket) {
    const style = document.createElement("link");
    Object.assign(style, {rel: "stylesheet", href: "HOUSE/chktv2/style/loading-spinner.css"});
    document.head.append(style);
    const frame = document.createElement("iframe");
    frame.title = "Payment Details";
    frame.style.cssText = "width: 100%; height: 20rem";
    frame.src = `HOUSE/chktv2/display/index.php?tck=${ticket}&mode=${this.mode}`;
    this.place.append(frame);
    const said = (handler) => JSON.stringify({handler, ticket, response_code: "001"});
    addEventListener("message", ({data}) => this.#told[data]?.(said(data)));
  }
};
"""
FORM = """<!doctype html><title>Moneris</title><p id="asked"></p>
<button onclick="parent.postMessage('payment_complete', '*')">Pay</button>
<button onclick="parent.postMessage('cancel_transaction', '*')">Cancel</button>
<button onclick="parent.postMessage('error_event', '*')">Break</button>
<script>asked.textContent = location.search; parent.postMessage("page_loaded", "*")</script>"""


@pytest.fixture
def house(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Moneris' stand-in, by which Carla may pay in dollars."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.0/8")
    with desk() as found, acting(SETUP):
        gather()
        account = Account.objects.get()
        Customer.objects.update(topup_currencies=[], payment_gateways=["moneris"])
        rate = {"base": "CAD", "quote": "EUR", "on": date(2020, 1, 1), "rate_nanos": 700_000_000}
        ExchangeRate.objects.create(account=account, **rate)
        settings = moneris.settings_of(found.url)
        create_payment_gateway(
            account_id=account.pk, name="moneris", provider="moneris", settings=settings, secrets=moneris.SECRETS
        )
        found.answers[moneris.REQUEST] = moneris.preloaded()
        yield found


@pytest.fixture
def carla(house: Desk, live_server: LiveServer) -> Iterator[Page]:
    """Carla at the portal; her browser finds nothing to complain of."""
    complaints: list[str] = []
    with browser() as chromium:
        page = chromium.new_page(base_url=live_server.url)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        script = SCRIPT.replace("HOUSE", house.url)
        page.route(f"{house.url}/chktv2/js/*", lambda asked: asked.fulfill(body=script, content_type="text/javascript"))
        page.route(f"{house.url}/chktv2/style/*", lambda asked: asked.fulfill(body="", content_type="text/css"))
        page.route(f"{house.url}/chktv2/display/**", lambda asked: asked.fulfill(body=FORM, content_type="text/html"))
        page.goto("/portal/")
        page.get_by_label("Email").fill("carla@acme.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Acme")).to_be_visible()
        yield page
    assert complaints == []


def test_carla_pays_in_moneris_form_and_is_led_back(carla: Page, house: Desk) -> None:
    carla.goto("/portal/payments/top-up/")
    carla.get_by_label("Amount").fill("40.00")
    carla.get_by_role("button", name="Next: see what it costs").click()
    there = carla.get_by_role("link", name="Pay by Moneris")
    there.click()
    form = carla.frame_locator("iframe[title='Payment Details']")
    expect(form.locator("#asked")).to_have_text(f"?tck={moneris.TICKET}&mode=qa")
    expect(carla.get_by_text("40.00")).to_be_visible()
    for wide, least in ((390, 370), (1440, 700)):
        carla.set_viewport_size({"width": wide, "height": 900})
        assert carla.locator("#moneris-checkout").evaluate("widget => widget.clientWidth") >= least, (
            "the width there is"
        )
        assert carla.evaluate("document.documentElement.scrollWidth") <= wide
    form.get_by_role("button", name="Break").click()
    expect(carla.get_by_role("alert")).to_contain_text("cannot be shown")
    carla.get_by_role("link", name="Back to the payment").click()
    there.click()
    form.get_by_role("button", name="Cancel").click()
    expect(there).to_be_visible()
    there.click()
    form.get_by_role("button", name="Pay").click()
    expect(carla.get_by_text("Thank you. Moneris is asked")).to_be_visible()

    def work() -> None:
        checkout = Checkout.objects.get()
        house.answers[moneris.REQUEST] = moneris.receipt(checkout.reference, "40.00")
        while ask_next(datetime.now(UTC)):
            pass
        paid = Payment.objects.get(pk=checkout.payment_id)
        assert (paid.status, paid.amount_micros) == ("completed", 28_000_000)

    aside(work)
    carla.reload()
    expect(carla.get_by_text("Completed")).to_be_visible()
