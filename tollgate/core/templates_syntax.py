"""How templates of messages are read: from a text to nodes, in one pass, with the line and column of what is wrong.

A tag is a name, a helper with its values, `{{dateFormat due_on "D MMMM YYYY"}}`, or a block; values may be names, texts
in quotes, numbers, and helpers in brackets. To add a block, give it a node class and its line in `_block`; the rest of
the way is in `core.templates`. A helper is a line of `HELPERS` and its function in `core.templates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

MOST_DEPTH: Final = 10
MOST_CALLS_DEPTH: Final = 5
MOST_WORDS: Final = 40
"""Of one tag: names, texts and brackets."""
BLOCKS: Final = ("if", "unless", "each", "with")
HELPERS: Final[dict[str, tuple[int, int]]] = {
    "dateFormat": (2, 2),
    "numberFormat": (1, 2),
    "currencyFormat": (1, 2),
    "math": (3, 3),
    "sec2min": (1, 1),
    "nl2br": (1, 1),
    "nlb2r": (1, 1),
    "lookup": (2, 2),
    "log": (1, 5),
}
"""Each with the fewest and the most values that it takes."""
NAME: Final = r"[A-Za-z_]\w*"
STEP: Final = rf"(?:{NAME}|\d{{1,6}}|\[\d{{1,6}}\])"
PATH: Final = re.compile(
    rf"(?P<ups>(?:\.\./)*)(?:(?P<own>\./|this\.)?(?P<steps>{NAME}(?:\.{STEP})*)|(?P<this>this|\.))", re.ASCII
)
ABOVE: Final = re.compile(r"(?:\.\./)*\.\.", re.ASCII)
DATA: Final = re.compile(r"@(?P<ups>(?:\.\./)*)(?P<name>index|first|last)", re.ASCII)
ROOT: Final = re.compile(rf"@root(?P<steps>(?:\.{STEP})*)", re.ASCII)
NUMBER: Final = re.compile(r"-?\d{1,30}(?:\.\d{1,12})?", re.ASCII)
WORD: Final = re.compile(r"""\s*(?:([()])|"([^"]*)"|'([^']*)'|([^\s()"']+))""")
SHOWN_MOST: Final = 60


class TemplateInvalid(ValueError):
    """A template that cannot be read or filled; the sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tag begins, from 1."""

    line: int
    column: int

    def error(self, sentence: str) -> TemplateInvalid:
        """The sentence with its place."""
        return TemplateInvalid(f"Line {self.line}, column {self.column}: {sentence}")


@dataclass(frozen=True, slots=True)
class Path:
    """A name, `ups` groups further out; `start` says where it is looked for: outwards from here, in this item alone,
    among what `#each` tells of its items, or among all values."""

    text: str
    ups: int
    start: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A text in quotes, a number, or whether something is."""

    value: str | bool


@dataclass(frozen=True, slots=True)
class Call:
    """A helper with its values."""

    helper: str
    values: tuple[Expression, ...]


Expression: TypeAlias = "Path | Literal | Call"


@dataclass(frozen=True, slots=True)
class Show:
    """A value; a `log` shows nothing."""

    what: Expression
    place: Place


@dataclass(frozen=True, slots=True)
class If:
    """One of two parts; `wanted` is False for `unless`."""

    what: Expression
    place: Place
    wanted: bool
    then: tuple[Node, ...]
    other: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A part per item, or another part when there is none."""

    what: Expression
    place: Place
    body: tuple[Node, ...]
    other: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class With:
    """A part about one group of values, or another part when it is empty."""

    what: Expression
    place: Place
    body: tuple[Node, ...]
    other: tuple[Node, ...]


Node: TypeAlias = "str | Show | If | Each | With"
Template: TypeAlias = "tuple[Node, ...]"


def parse(text: str) -> Template:
    """The template of a text. Raises TemplateInvalid with the line and column."""
    reader = _Reader(text)
    nodes, closer = reader.part(depth=0)
    if closer is not None:
        raise reader.place.error(f"{{{{{_cut(closer)}}}}} closes nothing.")
    return nodes


def parts(text: str) -> Iterator[tuple[str, bool]]:
    """A text as it is written, in parts, each with whether it is a tag of a template."""
    return _Reader(text).parts()


def paths(what: Expression) -> Iterator[Path]:
    """The names in a value."""
    match what:
        case Path():
            yield what
        case Call(_, values):
            for value in values:
                yield from paths(value)
        case _:
            return


def said(what: Expression) -> str:
    """A value as it is written in a template."""
    match what:
        case Path(text):
            return text
        case Literal(value):
            return str(value).lower() if isinstance(value, bool) else f'"{value}"'
        case Call(helper, values):
            return " ".join((helper, *(f"({said(one)})" if isinstance(one, Call) else said(one) for one in values)))


def names(nodes: Template) -> Iterator[str]:
    """The values that a template writes as they are, in every branch."""
    for shown in shows(nodes):
        match shown.what:
            case Path(text) | Call("nl2br" | "nlb2r", (Path(text),)):
                yield text


def shows(nodes: Template) -> Iterator[Show]:
    """What a template writes or logs, in every branch."""
    for node in nodes:
        match node:
            case str():
                continue
            case Show():
                yield node
            case If(_, _, _, then, other):
                yield from shows((*then, *other))
            case _:
                yield from shows((*node.body, *node.other))


def is_log(shown: Show) -> bool:
    """Whether it goes to the log."""
    return isinstance(shown.what, Call) and shown.what.helper == "log"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_MOST else f"{text[:SHOWN_MOST]}…"


class _Reader:
    """Walks through the tags of a text; each sign of it is looked at a bounded number of times."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.place, self._counted, self._line, self._line_start = Place(1, 1), 0, 1, 0
        self._remarks = True
        """Whether a remark of the long kind may still end somewhere."""

    def part(self, depth: int) -> tuple[Template, str | None]:
        """The nodes up to the tag that ends this part, and that tag: `else`, `else if ...`, `/if`; None at the end."""
        nodes: list[Node] = []
        while (found := self._next()) is not None:
            before, tag = found
            if before:
                nodes.append(before)
            if _is_else(tag) or tag.startswith("/"):
                return tuple(nodes), f"/{tag[1:].strip()}" if tag.startswith("/") else " ".join(tag.split())
            if tag.startswith("#"):
                nodes.append(self._block(tag[1:].strip(), depth + 1))
            elif not tag.startswith("!"):
                nodes.append(Show(self._shown(tag), self.place))
        if self.at < len(self.text):
            nodes.append(self.text[self.at :])
        self._note(len(self.text))
        self.at = len(self.text)
        return tuple(nodes), None

    def parts(self) -> Iterator[tuple[str, bool]]:
        """The tags, and what is between them."""
        while (start := self.text.find("{{", self.at)) >= 0 and (ends := self._end(start)) is not None:
            yield self.text[self.at : start], False
            yield self.text[start : ends[1]], True
            self.at = ends[1]
        yield self.text[self.at :], False

    def _next(self) -> tuple[str, str] | None:
        """The text before the next tag, and the tag; None when no other is whole."""
        start = self.text.find("{{", self.at)
        ends = self._end(start) if start >= 0 else None
        if ends is None:
            return None
        inner, end = ends
        first, tag = start, self.text[start + 2 : inner].strip()
        if (tag.startswith(("#", "/", "!")) or _is_else(tag)) and not {"{", "}"} & set(tag):
            first, end = self._alone(start, end)
        before = self.text[self.at : first]
        self._note(start)
        self.at = end
        return before, tag

    def _end(self, start: int) -> tuple[int, int] | None:
        """Where the inside of a tag ends, and the tag itself."""
        if self._remarks and self.text.startswith("!--", start + 2):
            found = self.text.find("--}}", start + 5)
            if found >= 0:
                return found + 2, found + 4
            self._remarks = False
        found = self.text.find("}}", start + 2)
        return (found, found + 2) if found >= 0 else None

    def _alone(self, start: int, end: int) -> tuple[int, int]:
        """A block's tag that has its line for itself takes the line away with it."""
        first, last = start, end
        while first > self.at and self.text[first - 1] in " \t":
            first -= 1
        while last < len(self.text) and self.text[last] in " \t":
            last += 1
        begins = first == 0 or self.text[first - 1] == "\n"
        return (first, last + 1) if begins and self.text[last : last + 1] == "\n" else (start, end)

    def _note(self, at: int) -> None:
        """What is read now begins there."""
        last = self.text.rfind("\n", self._counted, at)
        if last >= 0:
            self._line += self.text.count("\n", self._counted, at)
            self._line_start = last + 1
        self._counted = at
        self.place = Place(self._line, at - self._line_start + 1)

    def _block(self, tag: str, depth: int) -> Node:
        place = self.place
        kind, words = (*tag.split(None, 1), "", "")[:2]
        if kind not in BLOCKS:
            raise place.error(f"There is no block {{{{#{_cut(kind)}}}}}: use one of {', '.join(BLOCKS)}.")
        return self._rest(kind, self._about(kind, words), place, depth)

    def _rest(self, kind: str, what: Expression, place: Place, depth: int) -> Node:
        """A block from behind its first tag, or behind an `else if` that goes on with it."""
        if depth > MOST_DEPTH:
            raise place.error(f"Blocks are nested deeper than {MOST_DEPTH}.")
        other: Template = ()
        body, closer = self.part(depth)
        if closer is not None and closer.startswith("else if ") and kind in ("if", "unless"):
            # It is a block within the other part, and ends with this one.
            inner = self._about("if", closer.removeprefix("else if "))
            return If(what, place, kind == "if", body, (self._chained(kind, inner, depth + 1),))
        if closer == "else":
            other, closer = self.part(depth)
        if closer != f"/{kind}":
            raise place.error(f"{{{{#{kind} {_cut(said(what))}}}}} is not closed by {{{{/{kind}}}}}.")
        match kind:
            case "each":
                return Each(what, place, body, other)
            case "with":
                return With(what, place, body, other)
        return If(what, place, kind == "if", body, other)

    def _chained(self, closing: str, what: Expression, depth: int) -> Node:
        """The part of an `else if`, which the block's own closing tag ends."""
        node = self._rest(closing, what, self.place, depth)
        assert isinstance(node, If)
        return If(node.what, node.place, True, node.then, node.other)

    def _about(self, kind: str, words: str) -> Expression:
        """The one value of a block."""
        found = self._words(words)
        if not found:
            raise self.place.error(f"{{{{#{kind}}}}} takes one name.")
        what = self._value(found, 0)
        if found:
            raise self.place.error(f"{{{{#{kind}}}}} takes one name.")
        return what

    def _shown(self, tag: str) -> Expression:
        if tag.startswith(("{", "&")):
            raise self.place.error("Values are always escaped: write two braces, {{name}}.")
        found = self._words(tag)
        if not found or (len(found) == 1 and found[0] not in HELPERS):
            return self._path(found[0] if found else tag)
        return self._call(found, 0, bare=True)

    def _words(self, text: str) -> list[str]:
        """The words of a tag, those in quotes with a quote before them."""
        found: list[str] = []
        at = 0
        while at < len(text):
            word = WORD.match(text, at)
            if word is None:
                raise self.place.error("A text is not closed by its quote.")
            bracket, double, single, bare = word.groups()
            quoted = double if double is not None else single
            found.append(f'"{quoted}' if quoted is not None else bracket or bare)
            at = word.end()
            if len(found) > MOST_WORDS:
                raise self.place.error(f"A tag has more than {MOST_WORDS} words.")
        return found

    def _value(self, words: list[str], depth: int) -> Expression:
        """The first value of these words, which are taken away."""
        word = words.pop(0)
        if word == "(":
            if depth >= MOST_CALLS_DEPTH:
                raise self.place.error(f"Helpers are nested deeper than {MOST_CALLS_DEPTH}.")
            return self._call(words, depth + 1, bare=False)
        if word.startswith('"'):
            return Literal(word[1:])
        if word in ("true", "false"):
            return Literal(word == "true")
        return Literal(word) if NUMBER.fullmatch(word) else self._path(word)

    def _call(self, words: list[str], depth: int, *, bare: bool) -> Call:
        """A helper with its values: all the words, or those up to the bracket that closes it."""
        helper = words.pop(0) if words else ""
        if helper not in HELPERS:
            self._refuse_helper(helper)
        if helper == "log" and not bare:
            raise self.place.error("{{log}} gives no value: write it by itself.")
        values: list[Expression] = []
        while words and words[0] != ")":
            values.append(self._value(words, depth))
        if bare is bool(words):
            raise self.place.error("A bracket has no other that belongs to it.")
        if not bare:
            words.pop(0)
        least, most = HELPERS[helper]
        if not least <= len(values) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.place.error(f"{{{{{helper}}}}} takes {wanted} values.")
        return Call(helper, tuple(values))

    def _refuse_helper(self, word: str) -> NoReturn:
        known = ", ".join(HELPERS)
        raise self.place.error(f"There is no helper {_cut(word.removeprefix(chr(34)))}: use one of {known}.")

    def _path(self, word: str) -> Path:
        if found := PATH.fullmatch(word):
            ups, steps = found["ups"].count("/"), _steps(found["steps"] or "")
            if found["this"] or (not found["own"] and steps == ("this",)):
                return Path(word, ups, "this", ())
            return Path(word, ups, "this" if found["own"] else "name", steps)
        if found := DATA.fullmatch(word):
            return Path(word, found["ups"].count("/"), "data", (f"@{found['name']}",))
        if found := ROOT.fullmatch(word):
            return Path(word, 0, "root", _steps(found["steps"]))
        if ABOVE.fullmatch(word):
            return Path(word, word.count(".."), "this", ())
        raise self.place.error(f"{{{{{_cut(word)}}}}} is no name.")


def _is_else(tag: str) -> bool:
    return tag.split(None, 1)[:1] == ["else"]


def _steps(text: str) -> tuple[str, ...]:
    return tuple(step.strip("[]") for step in text.split(".") if step)
