"""How templates say their texts in the language of the request; built into every template of ours.

{{ title|told }}              a variable that holds words of ours
{{ field.errors|told_each }}  a list of them
{% spoken_language %}         the code for <html lang>; {% said_by_scripts %} gives scripts their words there, and
                              {% written_by_scripts %} how they write numbers
{{ asr_percent|figure }}      a number as the reader writes it

The rest is written by `ui.template_text` when a template is read: {% say %}, |said and the filters that end in _said.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.template.base import Node, NodeList, Parser, TextNode, Token
from django.template.context import Context
from django.template.defaultfilters import default, default_if_none, yesno
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from tollgate.core.number_formats import POINT
from tollgate.core.phrases import split
from tollgate.ui import words

register = template.Library()
Piece = tuple[str, bool]


class SaidText(Node):
    """A text without variables."""

    child_nodelists = ()

    def __init__(self, message: str, source: str) -> None:
        self.message = message
        self.source = mark_safe(source)  # noqa: S308 - what the template says

    def render(self, context: Context) -> SafeString:
        """The text, or its translation."""
        speaking = words.speaking()
        found = speaking.find(self.message) if speaking is not None else None
        return self.source if found is None else escape(found)


class SaidRun(Node):
    """A text with variables or inline elements: a translation may put them in another order."""

    child_nodelists = ("nodelist",)

    def __init__(self, message: str, labels: list[str], pieces: list[NodeList]) -> None:
        self.message = message
        self.nodelist = NodeList(node for piece in pieces for node in piece)
        self.pieces = {label: piece for label, piece in zip(labels, pieces, strict=True) if label}
        self.known: dict[str, list[Piece]] = {}

    def render(self, context: Context) -> SafeString:
        """The text, or its translation with the pieces put in; a piece it does not know is text."""
        speaking = words.speaking()
        found = speaking.find(self.message) if speaking is not None else None
        if found is None:
            return self.nodelist.render(context)
        parts = self.known.get(found)
        if parts is None:
            parts = self.known[found] = split(found)
        shown = (
            self.pieces[text].render(context) if is_label and text in self.pieces else escape(text)
            for text, is_label in parts
        )
        return mark_safe("".join(shown))  # noqa: S308 - texts are escaped, pieces are the template's


@register.tag
def say(parser: Parser, token: Token) -> Node:
    """`{% say "message" ["", "{name}"] %}first piece{% piece %}second{% endsay %}`."""
    _, rest = token.contents.split(maxsplit=1)
    message, end = json.JSONDecoder().raw_decode(rest)
    labels = json.loads(rest[end:])
    pieces = [parser.parse(("piece", "endsay"))]
    while parser.next_token().contents == "piece":
        pieces.append(parser.parse(("piece", "endsay")))
    first = pieces[0]
    if len(pieces) == 1 and all(type(node) is TextNode for node in first):
        return SaidText(message, "".join(node.s for node in first if isinstance(node, TextNode)))
    return SaidRun(message, labels, pieces)


@register.simple_tag
def spoken_language() -> str:
    """The code of the language that the page is in."""
    return words.language()


@register.simple_tag
def said_by_scripts() -> SafeString | str:
    """What scripts say in other words than they are written with, for <html> (`words.js`)."""
    speaking = words.speaking()
    if speaking is None or not speaking.of_scripts:
        return ""
    return format_html(' data-said="{}"', json.dumps(speaking.of_scripts, ensure_ascii=False))


@register.simple_tag
def written_by_scripts() -> SafeString | str:
    """How scripts write decimals, for <html> (`words.js`): nothing where it is after a point."""
    return format_html(' data-decimal="{}"', words.sign()) if words.sign() != POINT else ""


@register.filter
def figure(number: object) -> str:
    """A number as the reader writes it, or a text that is one; nothing for None."""
    if number is None:
        return ""
    return words.figure(f"{number:f}" if isinstance(number, Decimal) else str(number))


@register.filter
def told(text: Any) -> Any:
    """Words of ours, translated; data marked as such stays."""
    return words.told(text)


@register.filter
def told_each(texts: Iterable[Any]) -> list[Any]:
    """Each of them."""
    return words.told_each(texts)


@register.filter
def said(literal: Any) -> Any:
    """A literal of a template, translated."""
    speaking = words.speaking()
    return literal if speaking is None else speaking.say(literal)


@register.filter
def default_said(value: Any, literal: str) -> Any:
    """`default` with words."""
    return value or said(default(value, literal))


@register.filter
def default_if_none_said(value: Any, literal: str) -> Any:
    """`default_if_none` with words."""
    return said(default_if_none(value, literal)) if value is None else value


@register.filter
def yesno_said(value: Any, literal: str) -> Any:
    """`yesno` with words."""
    return said(yesno(value, literal))
