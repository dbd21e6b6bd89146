"""The template tags of the furniture: `{% load ui %}`.

icon       {% icon "phone" %}                      an icon of the sprite; `title=` gives it a name for screen readers
badge      {% badge "Active" "green" %}            a status badge; tones: green, blue, yellow, red, gray
confirm    {% confirm "close-acme" url name="Acme" title="Close this customer" text="..." button="Close" %}
           with <button type="button" data-dialog="close-acme">: asks to type the name, then posts to the url
options    {% options choices chosen %}             what a <select> offers, as pairs of a value and its words
line_chart {% line_chart chart %}                  a tollgate.ui.charts.LineChart
money      {{ micros|money:"EUR" }}                 12.50 EUR as its reader writes it, red below zero; nothing for None
even       {% even %}<tbody>...</tbody>{% endeven %}  its amounts with as many decimals, the points below each other
clock_time {{ at|clock_time:"Europe/Vilnius" }}      a moment to the minute, where the title says the zone
get        {{ mapping|get:'data-width' }}            a value by a name that a template cannot write after a dot
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context, RequestContext
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from tollgate.core.money import format_micros
from tollgate.ui.charts import LineChart
from tollgate.ui.words import figure, told

register = template.Library()

TONES = frozenset({"green", "blue", "yellow", "red", "gray"})
AMOUNT: Final = re.compile(r'(<span class="num(?: below-zero)?">-?\d+[.,])(\d+)(?= <span class="unit">)')
"""An amount as `money` writes it."""


@register.simple_tag
def icon(name: str, title: str = "") -> SafeString:
    """One icon of the sprite; hidden from screen readers unless it has a title."""
    address = f"{_sprite()}#{name}"
    if title:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', title, address)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', address)


@cache
def _sprite() -> str:
    """Where the icons are: asked for once, because a page shows more than a hundred."""
    return static("ui/icons.svg")


@register.simple_tag
def badge(text: object, tone: str = "gray") -> SafeString:
    """A status badge in one of the five tones."""
    assert tone in TONES, tone
    return format_html('<span class="badge tone-{}">{}</span>', tone, text)


@register.filter
def clock_time(at: datetime, zone: str) -> str:
    """A moment by the clock of a zone, without naming it."""
    return f"{at.astimezone(ZoneInfo(zone or 'UTC')):%Y-%m-%d %H:%M}"


@register.simple_tag
def options(choices: Iterable[tuple[str, str]], chosen: str) -> SafeString:
    """Every option with the chosen one selected: written here, because a template takes long for every country."""
    selected = {chosen: " selected"}
    lines = (
        f'<option value="{escape(str(value))}"{selected.get(value, "")}>{_escaped(told(words))}</option>'
        for value, words in choices
    )
    return mark_safe("".join(lines))  # noqa: S308 - escaped above


def _escaped(text: object) -> str:
    """As `conditional_escape`, which asks more of every text."""
    return text if isinstance(text, SafeString) else escape(str(text))


@register.inclusion_tag("ui/confirm.html", takes_context=True)
def confirm(
    context: RequestContext, dialog_id: str, action: str, *, name: str, title: str, text: str = "", button: str
) -> dict[str, object]:
    """A dialog that posts to `action` once the user has typed `name`."""
    return {
        "dialog_id": dialog_id,
        "action": action,
        "name": name,
        "title": title,
        "text": text,
        "button": button,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("ui/line_chart.html")
def line_chart(chart: LineChart) -> dict[str, object]:
    """The chart as an element with its numbers beside it in a data block."""
    return {"chart": chart, "data": json.dumps(chart.data())}


@register.filter
def get(mapping: dict[str, object], name: str) -> object:
    """One value of a mapping by a name that a template cannot write after a dot; empty when missing."""
    return mapping.get(name, "")


@register.filter
def money(micros: int | None, currency: str | None) -> SafeString | str:
    """An exact amount with its ISO code."""
    if micros is None or not currency:
        return ""
    below = " below-zero" if micros < 0 else ""
    amount = figure(format_micros(micros, 2))
    return format_html('<span class="num{}">{} <span class="unit">{}</span></span>', below, amount, currency)


class Even(Node):
    """A part of a page in which the decimal points of amounts stand below each other."""

    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """The part, every amount with as many decimals as the longest."""
        text = self.nodelist.render(context)
        most = max((len(found[2]) for found in AMOUNT.finditer(text)), default=0)
        return mark_safe(AMOUNT.sub(lambda found: found[1] + found[2].ljust(most, "0"), text))  # noqa: S308 - zeros only


@register.tag
def even(parser: Parser, token: Token) -> Node:
    """Everything up to {% endeven %}."""
    nodelist = parser.parse(("endeven",))
    parser.delete_first_token()
    return Even(nodelist)
