"""A walk through every page of the panel and the portal in a real browser, on a phone in the dark.

A page that is new is walked to by itself: the addresses are those of the URL confs. What a page must not do is said in
`page_faults.js`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from tests.journeys.test_operator import CHROMIUM, QUIET, aside
from tests.panel import test_access as panel
from tests.panel.cast import PASSWORD, assemble
from tests.panel.conftest import logged_in
from tests.portal import test_isolation as portal
from tests.portal.cast import PortalCast, visiting
from tollgate.actions.acts import Actor, acting
from tollgate.actions.portal_passwords import keep

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PHONE: Final = {"width": 390, "height": 844}
PATIENCE_S: Final = 5.0
LEAST_CONTRAST: Final = 4.5  # WCAG 2.2, 1.4.3 (AA)
FAULTS: Final = (Path(__file__).parent / "page_faults.js").read_text(encoding="utf-8")
TURN: Final = """
(text) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (!page.querySelector("main")) return null;
  document.body.replaceWith(document.adoptNode(page.body));
  return [...page.head.querySelectorAll("script, link")].map((e) => e.src || e.href);
}
"""
"""Puts a page into the place of the one before, a tenth of the time of going there; gives its scripts and styles."""


@pytest.fixture
def everybody(transactional_db: None) -> PortalCast:
    """The panel's cast, committed, so that the server's threads see it; Carla may log in to the portal."""
    cast = assemble()
    with acting(Actor("setup", frozenset({"*"}))):
        keep(cast.contact, PASSWORD, must_change=False)
    return PortalCast(panel=cast, carla=cast.contact, dan=cast.contact)


@pytest.fixture
def phone(everybody: PortalCast, live_server: LiveServer) -> Iterator[Page]:
    """A phone's browser in which Ann has logged in to the panel, and Carla to the portal."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    cookies: list[dict[str, str]] = []

    def come() -> None:
        for client in (logged_in(everybody.panel.ann), visiting(everybody.carla)):
            cookies.extend({"name": n, "value": c.value, "url": live_server.url} for n, c in client.cookies.items())

    aside(come)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(base_url=live_server.url, color_scheme="dark", viewport=PHONE)  # type: ignore[arg-type]
        context.add_cookies(cookies)  # type: ignore[arg-type]  # plain mappings
        yield context.new_page()
        browser.close()


def walked(everybody: PortalCast) -> list[tuple[str, str]]:
    """Every page with its address, in the order of the URL confs; not what only takes forms, is a file or a drawing.

    They are made without the server: a browser that asks for each waits for a connection to the database of its own.
    What breaks while a page is made is raised here.
    """
    found: list[tuple[str, str]] = []

    def look(client: Client, addresses: Iterable[str]) -> None:
        for address in addresses:
            answer = client.get(address, follow=True)
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, address
            if answer.status_code == HTTPStatus.OK and answer["Content-Type"].startswith("text/html"):
                found.append((address, answer.content.decode()))

    def look_everywhere() -> None:
        look(logged_in(everybody.panel.ann), [address for _, address, _ in panel.addresses(everybody.panel)])
        entered = [address for name, address, _ in portal.addresses(everybody) if name not in portal.WITHOUT_LOGIN]
        look(visiting(everybody.carla), entered)

    aside(look_everywhere)
    return found


def settled(phone: Page) -> list[str]:
    """What is wrong with the page, once it stands still: scripts may still be dressing it."""
    found: list[str] = phone.evaluate(FAULTS, LEAST_CONTRAST)
    until_s = time.monotonic() + PATIENCE_S
    while found and time.monotonic() < until_s:
        phone.wait_for_timeout(200)
        found = phone.evaluate(FAULTS, LEAST_CONTRAST)
    return found


def test_every_page_fits_a_phone_is_read_in_the_dark_and_complains_of_nothing(
    phone: Page, everybody: PortalCast
) -> None:
    wrong: dict[str, list[str]] = {}
    said: list[str] = []
    here: set[str] = set()
    phone.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    phone.on("pageerror", lambda error: said.append(str(error)))
    phone.goto("/")
    seen_count = 0
    for address, text in walked(everybody):
        said.clear()
        needs = phone.evaluate(TURN, text)
        if needs is None:
            continue  # a part of a page
        if not here >= set(needs):  # other scripts or styles than those of the page that was gone to
            phone.goto(address)
            here = set(needs)
        seen_count += 1
        if faults := [*settled(phone), *said]:
            wrong[address] = faults
    assert wrong == {}
    assert seen_count > 250, "the walk goes somewhere"
