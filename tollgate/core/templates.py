"""Templates of messages: a part of Handlebars in which nothing is executed. Pure text in, pure text out.

    {{name}}  {{company.name}}           a value; where the template is HTML it is escaped and keeps its lines
    {{#if link}}...{{else}}...{{/if}}    whether a value is there; {{#unless link}} is its opposite
    {{#each lines}}{{this.text}}{{/each}}  once per item; {{this}} is the item, {{@index}} its place from 0
    {{! a remark }}

A name that is no value is an error, never a hole in a letter: `problems` finds every one of them, also in branches that
are not taken. To add a block, give it a node class, its line in `_block`, and its cases in `_pieces` and `_unknown`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tollgate.core.number_formats import written

Value: TypeAlias = "str | bool | Sequence[Value] | Mapping[str, Value]"


class Figure(str):
    """A number among the values, as programs write it: who reads the message decides how it is written there."""

    __slots__ = ()


def as_read(values: Mapping[str, Value], sign: str) -> dict[str, Value]:
    """The values of a message with their numbers as its reader writes them: with that sign before decimals."""
    return {name: written(value, sign) if isinstance(value, Figure) else value for name, value in values.items()}


MOST_DEPTH: Final = 10
MOST_SIGNS: Final = 1_000_000
BLOCKS: Final = ("if", "unless", "each")
# A block's tag that has its line for itself takes the line away with it.
ALONE: Final = r"^[ \t]*\{\{([#/!][^{}]*|[ \t]*else[ \t]*)\}\}[ \t]*\n"
TAG: Final = re.compile(ALONE + r"|\{\{(!--.*?--|.*?)\}\}", re.DOTALL | re.MULTILINE)
PATH: Final = re.compile(r"@index|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


class TemplateInvalid(ValueError):
    """A template that cannot be read or filled; the sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Name:
    """A value."""

    path: str


@dataclass(frozen=True, slots=True)
class If:
    """One of two parts; `wanted` is False for `unless`."""

    path: str
    wanted: bool
    then: tuple[Node, ...]
    other: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A part per item, or another part when there is none."""

    path: str
    body: tuple[Node, ...]
    other: tuple[Node, ...]


Node: TypeAlias = "str | Name | If | Each"
Template: TypeAlias = "tuple[Node, ...]"
Scope: TypeAlias = "tuple[Mapping[str, Value], ...]"


def parse(text: str) -> Template:
    """The template of a text. Raises TemplateInvalid with the line."""
    reader = _Reader(text)
    nodes, closer = reader.part(depth=0)
    if closer is not None:
        raise reader.error(f"{{{{{closer}}}}} closes nothing.")
    return nodes


def render(template: Template, values: Mapping[str, Value], *, markup: bool = False) -> str:
    """The text with its values, which `markup` writes as HTML. Raises TemplateInvalid for a name without a value."""
    escape: Callable[[str], str] = _as_html if markup else str
    pieces, signs = [], 0
    for piece in _pieces(template, (values,), escape):
        pieces.append(piece)
        signs += len(piece)
        if signs > MOST_SIGNS:
            raise TemplateInvalid(f"This becomes longer than {MOST_SIGNS} signs.")
    return "".join(pieces)


def _as_html(value: str) -> str:
    """A value that cannot become markup, each of its lines on a line of its own."""
    return html.escape(value).replace("\r\n", "\n").replace("\n", "<br>\n")


def problems(text: str, examples: Mapping[str, Value]) -> list[str]:
    """What is wrong with a text, given an example of every value it may use; nothing when it is fine."""
    try:
        template = parse(text)
    except TemplateInvalid as problem:
        return [str(problem)]
    unknown = dict.fromkeys(_unknown(template, (examples,)))
    return [f"{{{{{path}}}}} is not a value of this message." for path in unknown]


def names(template: Template) -> Iterator[str]:
    """The values that a template writes, in every branch; what it only asks about is none of them."""
    for node in template:
        match node:
            case str():
                continue
            case Name(path):
                yield path
            case If(_, _, then, other):
                yield from names((*then, *other))
            case _:
                yield from names((*node.body, *node.other))


class _Reader:
    """Walks through the tags of a text."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.start = text, 0, 0

    def part(self, depth: int) -> tuple[Template, str | None]:
        """The nodes up to the tag that ends this part, and that tag: `else`, `/if`, or None at the end of the text."""
        nodes: list[Node] = []
        while found := TAG.search(self.text, self.place):
            if found.start() > self.place:
                nodes.append(self.text[self.place : found.start()])
            self.start, self.place = found.start(), found.end()
            tag = (found[1] or found[2]).strip()
            if tag == "else" or tag.startswith("/"):
                return tuple(nodes), "else" if tag == "else" else f"/{tag[1:].strip()}"
            if tag.startswith("#"):
                nodes.append(self._block(tag[1:].split(), depth + 1))
            elif not tag.startswith("!"):
                nodes.append(Name(self._path(tag)))
        if self.place < len(self.text):
            nodes.append(self.text[self.place :])
        self.start = self.place = len(self.text)
        return tuple(nodes), None

    def _block(self, words: list[str], depth: int) -> If | Each:
        start, kind = self.start, words[0] if words else ""
        if kind not in BLOCKS:
            raise self.error(f"There is no block {{{{#{kind}}}}}: use one of {', '.join(BLOCKS)}.")
        if len(words) != 2:
            raise self.error(f"{{{{#{kind}}}}} takes one name.")
        if depth > MOST_DEPTH:
            raise self.error(f"Blocks are nested deeper than {MOST_DEPTH}.")
        other: Template = ()
        path = self._path(words[1])
        body, closer = self.part(depth)
        if closer == "else":
            other, closer = self.part(depth)
        if closer != f"/{kind}":
            self.start = start
            raise self.error(f"{{{{#{kind} {path}}}}} is not closed by {{{{/{kind}}}}}.")
        return Each(path, body, other) if kind == "each" else If(path, kind == "if", body, other)

    def _path(self, word: str) -> str:
        if word.startswith(("{", "&")):
            raise self.error("Values are always escaped: write two braces, {{name}}.")
        if not PATH.fullmatch(word):
            raise self.error(f"{{{{{word}}}}} is no name: nothing is computed here.")
        return word

    def error(self, sentence: str) -> TemplateInvalid:
        """The sentence with its line."""
        return TemplateInvalid(f"Line {self.text.count(chr(10), 0, self.start) + 1}: {sentence}")


def _pieces(nodes: Template, scope: Scope, escape: Callable[[str], str]) -> Iterator[str]:
    for node in nodes:
        match node:
            case str():
                yield node
            case Name(path):
                yield escape(_written(path, _known(path, scope)))
            case If(path, wanted, then, other):
                yield from _pieces(then if bool(_known(path, scope)) is wanted else other, scope, escape)
            case _:
                items = _items(node.path, _known(node.path, scope))
                for index, item in enumerate(items):
                    yield from _pieces(node.body, (_item(item, index), *scope), escape)
                if not items:
                    yield from _pieces(node.other, scope, escape)


def _unknown(nodes: Template, scope: Scope) -> Iterator[str]:
    """The names without a value, in every branch."""
    for node in nodes:
        match node:
            case str():
                continue
            case Name(path):
                if not isinstance(_found(path, scope), str):
                    yield path
            case If(path, _, then, other):
                if _found(path, scope) is None:
                    yield path
                yield from _unknown((*then, *other), scope)
            case _:
                value = _found(node.path, scope)
                if isinstance(value, Sequence) and not isinstance(value, str) and value:
                    yield from _unknown(node.body, (_item(value[0], 0), *scope))
                else:
                    yield node.path
                yield from _unknown(node.other, scope)


def _known(path: str, scope: Scope) -> Value:
    value = _found(path, scope)
    if value is None:
        raise TemplateInvalid(f"{{{{{path}}}}} is not a value of this message.")
    return value


def _found(path: str, scope: Scope) -> Value | None:
    """The value of a name: of the item first, then of what surrounds it."""
    first, *rest = path.split(".")
    value: Value | None = next((values[first] for values in scope if first in values), None)
    for step in rest:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _item(item: Value, index: int) -> Mapping[str, Value]:
    """What an item of a list adds to the names."""
    own = item if isinstance(item, Mapping) else {}
    return {**own, "this": item, "@index": str(index)}


def _items(path: str, value: Value) -> Sequence[Value]:
    if isinstance(value, (str, bool, Mapping)):
        raise TemplateInvalid(f"{{{{#each {path}}}}} needs a list.")
    return value


def _written(path: str, value: Value) -> str:
    if not isinstance(value, str):
        raise TemplateInvalid(f"{{{{{path}}}}} is not a text.")
    return value
