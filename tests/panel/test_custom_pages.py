"""Claims about the operator's own pages: who sees them, and that their words are words."""

import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
from tollgate.panel.page_text import html_of
from tollgate.store.models import Audit, Customer, CustomPage

PAGE = {"name": "Fire drill", "position": "5", "enabled": "on", "everybody": "on", "content": "# Out\n\n**Walk.**"}
HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](data:text/html,x)",
    "![x](https://evil.example/x.png)", '[x](https://e.example "a\\" onclick=b")', "<iframe src=//e.example>",
    "[x](//evil.example)", "[x](vbscript:x)", "<https://e.example/><b>", "| a |\n|:-:|\n| b |", "```js x=y\n1\n```",
)  # fmt: skip
TAG = re.compile(r"<[^>]*>")
PLAIN = re.compile(r"</?[a-z][a-z0-9]*(?: /)?>")
LINK = re.compile(r'<a href="(?:https?:|mailto:|tel:|/(?!/)|#)[^"]*" rel="noreferrer">')
TABLE = ('<div class="table-scroll">', '<table class="plain-table">')


def assert_harmless(text: str) -> None:
    html = str(html_of(text))
    for tag in TAG.findall(html):
        name = tag.strip("</> ").split()[0]
        assert name not in {"script", "iframe", "img", "style", "form", "object", "link", "meta", "base"}, tag
        assert PLAIN.fullmatch(tag) or LINK.fullmatch(tag) or tag in TABLE, tag


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_do_something_is_shown_or_left_out(text: str) -> None:
    assert_harmless(text)


@given(st.text(max_size=200), st.sampled_from(HOSTILE))
def test_no_text_becomes_more_than_words(text: str, hostile: str) -> None:
    assert_harmless(f"{text}{hostile}{text}")


def test_markdown_is_shown_below_the_title_of_the_page() -> None:
    html = str(html_of("# Out\n\n- [map](https://maps.example/x)\n- [us](/customers/)\n\n![plan](/p.png)"))
    assert "<h2>Out</h2>" in html
    assert '<a href="https://maps.example/x" rel="noreferrer">map</a>' in html
    assert '<a href="/customers/"' in html
    assert "plan</p>" in html


@pytest.mark.django_db
def test_a_page_is_made_shown_as_a_tab_changed_and_removed(cast: Cast, ann: Client, bob: Client) -> None:
    assert bob.post("/custom-pages/new/", PAGE).status_code == 403
    assert ann.post("/custom-pages/new/", PAGE).status_code == 302
    assert ann.post("/custom-pages/new/", PAGE).status_code == 422, "the name is taken"
    page = CustomPage.objects.get()
    for reader in (ann, bob):
        assert f'href="/pages/{page.pk}/">Fire drill</a>' in reader.get("/").content.decode()
        assert "<strong>Walk.</strong>" in reader.get(f"/pages/{page.pk}/").content.decode()
    address = f"/custom-pages/{page.pk}/"
    ann.post(address, {**PAGE, "version": "1", "content": "Run."})
    assert "Run." in bob.get(f"/pages/{page.pk}/").content.decode()
    ann.post(address, {**PAGE, "version": "2", "enabled": ""})
    assert bob.get(f"/pages/{page.pk}/").status_code == 404
    assert "Fire drill" not in bob.get("/").content.decode()
    ann.post(f"{address}delete/", {"confirmation": "Fire drill"})
    assert not CustomPage.objects.exists()
    acts = Audit.objects.filter(table_name="custom_page").order_by("id").values_list("act", flat=True)
    assert list(acts) == ["create_custom_page", *["update_custom_page"] * 2, "delete_custom_page"]


@pytest.mark.django_db
def test_groups_see_their_pages_and_resellers_users_only_what_is_meant_for_them(cast: Cast, bob: Client) -> None:
    Customer.objects.filter(pk=cast.baltic.pk).update(is_reseller=True)
    with acting(Actor("setup", frozenset({"*"}))):
        group = create_user_group(name="Night", acts=[], areas=["dashboard", "customers"])
        made = {"password": PASSWORD, "group_ids": [group.pk]}
        nora = logged_in(create_user(name="Nora", email="nora@demo.example", **made))
        resold = logged_in(create_user(name="Rhea", email="rhea@demo.example", reseller_id=cast.baltic.pk, **made))
    own = {"account": cast.account, "content": "x"}
    pages = {
        "all": CustomPage.objects.create(name="All", **own),
        "night": CustomPage.objects.create(name="Night", everybody=False, group_ids=[group.pk], **own),
        "both": CustomPage.objects.create(name="Both", resellers=True, **own),
        "theirs": CustomPage.objects.create(
            name="Theirs", everybody=False, group_ids=[group.pk], resellers=True, **own
        ),
    }

    def seen(reader: Client) -> set[str]:
        return {name for name, page in pages.items() if reader.get(f"/pages/{page.pk}/").status_code == 200}

    assert seen(bob) == {"all", "both"}
    assert seen(nora) == {"all", "night", "both", "theirs"}
    assert seen(resold) == {"both", "theirs"}
    assert Client().get(f"/pages/{pages['both'].pk}/").status_code == 302
