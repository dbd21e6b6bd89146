"""Makes pictures in docs/pictures from the demo installation, so that they show what there is today: the account, and
the newest invoice as it is printed (by `pdftoppm`, from Debian's poppler-utils).

    make run                                                   # in another terminal: prints the logins
    python -m tests.journeys.pictures http://127.0.0.1:8000 ann@demo.example PASSWORD

To add a picture: its line in `PICTURES`. Nothing is saved: forms are filled in and left.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Page, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZE: Final = {"width": 1100, "height": 900}


class Picture(NamedTuple):
    """A part of a page: where it is, what is typed into its form, and which part of it is shown."""

    page: str
    part: str = ".page-wrapper"
    typed: Mapping[str, str] = {}


PICTURES: Final[Mapping[str, Picture]] = {
    "account": Picture("/account-settings/"),
    "account-mail": Picture(
        "/mail-settings/new/",
        "#record",
        {
            "from_address": "noc@demo.example", "from_name": "Demo Telecom", "server": "mail.demo.example:587",
            "username": "noc@demo.example", "password": "not the real one",
        },
    ),
    "account-recording": Picture("/account-settings/", ".card:has(h2:text-is('Packages'))"),
    "account-agreement": Picture(
        "/account-settings/agreement/new/",
        "#record",
        {"title": "Terms of service 2026", "text": "1. Who we are\n\n2. What you get\n\n3. What it costs"},
    ),
}  # fmt: skip


def log_in(page: Page, address: str, email: str, password: str) -> None:
    """Through the login page of the panel."""
    page.goto(f"{address}/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/")


def print_invoice(page: Page, address: str) -> Path:
    """The first page of the newest invoice that is issued, as a customer gets it."""
    page.goto(f"{address}/invoices/?kind=invoice&state=issued")
    page.get_by_role("link", name=re.compile("^INV-")).first.click()
    link = page.get_by_role("link", name="PDF", exact=True).get_attribute("href")
    printed = page.request.get(f"{address}{link}").body()
    target = FOLDER / "invoice-pdf.png"
    subprocess.run(
        ["pdftoppm", "-png", "-r", "90", "-singlefile", "-", target.with_suffix("")], input=printed, check=True
    )
    return target


def main(address: str, email: str, password: str) -> None:
    """Makes all of them anew."""
    with (
        sync_playwright() as playwright,
        closing(
            playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        ) as browser,
    ):
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]  # a size is a mapping
        log_in(page, address, email, password)
        for name, picture in PICTURES.items():
            page.goto(address + picture.page)
            for field, words in picture.typed.items():
                page.locator(f"#id_{field}").fill(words)
            page.locator(picture.part).first.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
            print(FOLDER / f"{name}.png")
        print(print_invoice(page, address))


if __name__ == "__main__":
    main(*sys.argv[1:4])
