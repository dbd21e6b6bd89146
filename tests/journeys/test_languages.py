"""Stories of languages: Ann reads the panel in Spanish in a real browser, scripts and all; a second process says an own
text that the first one has taken; Carla reads the portal in Spanish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.charging.cast import World
from tests.journeys.panel_session import Session, make_operator, web_process
from tests.journeys.test_operator import CHROMIUM, QUIET, aside, cast
from tests.panel.cast import PASSWORD, Cast

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.browser
__all__ = ["cast"]
EMAIL: Final = "ann@demo.example"
OWN: Final[Mapping[str, str]] = {
    "Log in": "Pase (es)",
    "Dashboard": "Tablero (es)",
    "Customers": "Clientela (es)",
    "Calls": "Llamadas (es)",
    "Name": "Nombre (es)",
    "Basic": "Lo básico (es)",
    "Create": "Crear (es)",
    "no limit": "sin tope (es)",
    "Count {count}": "Celdas (es): {count}",
    "Sum {sum}": "Suma (es): {sum}",
    "Average {average}": "Media (es): {average}",
    "Choose cells of one column to see their sum": "Elija celdas (es)",
    "Mon": "lun (es)",
}
"""Words that no catalog has, so that the story is the same whatever is translated."""


def speak(cast: Cast) -> None:
    """The account's own words in Spanish; Ann's language is Spanish, and the one of Acme's contact."""
    from tollgate.actions.acts import Actor, acting
    from tollgate.actions.texts import set_own_text
    from tollgate.store.models import User

    with acting(Actor("Ann", frozenset({"*"}))):
        for message, text in OWN.items():
            set_own_text(account_id=cast.account.pk, language="es", message=message, text=text)
    User.objects.filter(pk=cast.ann.pk).update(language="es")


@pytest.fixture
def page(cast: Cast, live_server: LiveServer) -> Iterator[Page]:
    """A page of the running panel in a Spanish browser. A refused form is an answer, which Chromium calls a failure."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    complaints: list[str] = []
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)) as browser,
    ):
        opened = browser.new_page(base_url=live_server.url, locale="es-ES", viewport={"width": 1440, "height": 1000})
        opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
    assert [words for words in complaints if "422" not in words] == []


@pytest.mark.django_db(transaction=True)
def test_ann_reads_the_panel_in_spanish(page: Page, cast: Cast) -> None:
    aside(lambda: speak(cast))
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.locator("#id_login").fill(EMAIL)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Pase (es)").click()
    expect(page.get_by_role("heading", name="Tablero (es)")).to_be_visible()

    page.get_by_role("link", name="Clientela (es)").click()
    grid = page.locator("data-grid[data-name='customers']")
    expect(grid.get_by_role("gridcell", name="sin tope (es)").first).to_be_visible()
    expect(grid).to_contain_text("25,00")
    status = page.locator("[data-stats]")
    expect(status).to_have_text("Elija celdas (es)")
    grid.locator("td[data-value='25.00']").click()
    expect(status).to_have_text("Celdas (es): 1    Suma (es): 25,00 EUR    Media (es): 25,00 EUR")

    page.goto("/customers/new/")
    expect(page.get_by_role("tab", name="Lo básico (es)")).to_be_visible()
    expect(page.locator(".hours-day").first).to_have_text("lun (es)")
    page.get_by_role("button", name="Crear (es)").click()
    expect(page.locator("#id_name_error")).to_have_text("Este campo es obligatorio.")
    page.locator("#id_name").fill("Customers")
    page.get_by_role("button", name="Crear (es)").click()
    expect(page.locator("h1")).to_contain_text("Customers")


@pytest.mark.django_db(transaction=True)
def test_carla_reads_the_portal_in_spanish_in_a_german_browser(cast: Cast, page: Page, live_server: LiveServer) -> None:
    from tollgate.actions.acts import Actor, acting
    from tollgate.actions.portal_passwords import keep
    from tollgate.store.models import Contact

    def come() -> None:
        speak(cast)
        with acting(Actor("Ann", frozenset({"*"}))):
            keep(cast.contact, PASSWORD, must_change=False)
        Contact.objects.filter(pk=cast.contact.pk).update(language="es")

    aside(come)
    browser = page.context.browser
    assert browser is not None
    carla = browser.new_page(base_url=live_server.url, locale="de-DE")
    carla.goto("/portal/login/")
    expect(carla.locator("html")).to_have_attribute("lang", "de")
    carla.locator("#id_email").fill("carla@acme.example")
    carla.locator("#id_password").fill(PASSWORD)
    carla.locator("button[type=submit]").click()
    expect(carla.get_by_role("link", name="Llamadas (es)")).to_be_visible()
    expect(carla.locator("html")).to_have_attribute("lang", "es")
    expect(carla.locator("main")).to_contain_text("25,00 EUR")


def test_a_second_process_says_an_own_text_within_a_second(database_url: str, tmp_path: Path) -> None:
    from tollgate.panel.texts import digest_of

    make_operator(database_url, email=EMAIL, password=PASSWORD)
    with ExitStack() as running:
        running.enter_context(World(database_url))
        folders = [tmp_path / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        first, second = (
            Session(running.enter_context(web_process(folder, database_url=database_url))) for folder in folders
        )
        for session in (first, second):
            session.log_in(EMAIL, PASSWORD)
        assert "Skip to the page" in second.read("/customers/")
        first.save(f"/texts/en/{digest_of('Skip to the page')}/", text="Go to what matters")
        sleep(1)
        said = second.read("/customers/")
        assert "Go to what matters" in said
        assert "Skip to the page" not in said
