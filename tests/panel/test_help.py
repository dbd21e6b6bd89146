"""Claims about help: every page leads to one that exists, links stay within it, and nothing else is ever read."""

import re

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.test_access import PUBLIC, addresses
from tollgate.panel.help_texts import EXPLAINED_BY, START, pages, pictures, slug

pytestmark = pytest.mark.django_db


def test_every_page_has_help_that_opens(cast: Cast, ann: Client) -> None:
    found = set()
    for name, address, _ in addresses(cast):
        answer = ann.get(address)
        if name not in PUBLIC and answer.status_code == 200 and answer.context and "help_url" in answer.context:
            found.add(answer.context["help_url"])
    assert "/help/how-to/connect-a-customer/" in found
    for address in found:
        assert ann.get(address).status_code == 200, address


def test_every_noun_is_explained_by_a_page_of_the_documentation() -> None:
    assert set(EXPLAINED_BY.values()) | {START} <= set(pages())


def test_a_link_between_pages_leads_to_the_help_page_and_its_heading(ann: Client) -> None:
    for name in pages():
        page = ann.get(f"/help/{name}/").content.decode()
        article = page[page.index("<article") : page.index("</article")]
        for target in re.findall(r'(?:href|src)="([^"]*)"', article):
            if target.startswith(("https:", "http:")):
                continue
            assert target.startswith(("/help/", "#")), (name, target)
            address, _, heading = target.partition("#")
            led = ann.get(address or f"/help/{name}/")
            assert led.status_code == 200, (name, target)
            assert not heading or f'id="{heading}"' in led.content.decode(), (name, target)


def test_help_needs_no_exception_from_the_policy(ann: Client) -> None:
    for name in pages():
        answer = ann.get(f"/help/{name}/")
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert " style=" not in answer.content.decode(), name


def test_pictures_of_the_documentation_are_shown(ann: Client) -> None:
    for name in pictures():
        answer = ann.get(f"/help/pictures/{name}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")


@pytest.mark.parametrize(
    "address",
    [
        "/help/no-such-page/",
        "/help/../README/",
        "/help/how-to/../../README/",
        "/help/..%2FREADME/",
        "/help/%2e%2e/README/",
        "/help//etc/passwd/",
        "/help/index.md/",
        "/help/pictures/../index.md",
        "/help/pictures/..%2Findex.md",
        "/help/pictures/none.png",
    ],
)
def test_nothing_but_the_documentation_is_served(ann: Client, address: str) -> None:
    assert ann.get(address, follow=True).status_code == 404


def test_nobody_reads_help_without_a_login(client: Client) -> None:
    assert client.get("/help/")["Location"].startswith("/account/login/")


def test_a_heading_is_found_by_the_anchor_that_code_hosts_give_it() -> None:
    assert slug("SIP edge") == "sip-edge"
    assert slug("`POST /v1/authorize`: the question") == "post-v1authorize-the-question"
