"""Finds what the program itself says: the texts and sentences in Python that reach a page.

A text is taken for words by its look and its place. In modules of pages, everything that begins like a sentence or has
several words, but for what is plainly no text (`_IGNORED_CALLS`, comparisons, keys, documentation); a small single word
only where words stand: a unit. In acts and rules, what they raise, refuse and warn of, and what is a whole sentence.
An f-string is a message with a hole for each value, named after it. Names of fields and stored values become words as
the pages make them: `first_name` is "First name".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

from tollgate.core.field_words import sentence
from tollgate.core.phrases import parse

_WORDS: Final = re.compile(r"[^\W\d_]{2}")
_NOT_WORDS: Final = re.compile(
    r"^[\w./:#?&=%+*|<>@\[\]{}()$^\\-]*[_/:=<>\\@#|\[{$^][\w./:#?&=%+*|<>@\[\]{}()$^\\-]*$"  # a path, a name, a pattern
    r"|^[A-Z_]+$|^%|^-c |[<>]\w+[ >]|^\s|\n|__|application/|^attachment;|max-age"
    r"|^(COPY|SELECT|INSERT|UPDATE|DELETE|WITH|SET|CREATE) |^[a-z]+-[a-z-]+$"
)
_ALTERNATIVES: Final = re.compile(r"[A-Z][a-z]+/[A-Z][a-z]+")
_SENTENCE: Final = re.compile(r"^[A-Z“].* .*[.?]$|^[a-z][^\"]* \S+ \S+ \S+.*\.$", re.DOTALL)
"""A whole sentence, or the most of one that follows a name: "Prefix: put alternatives into a group."."""
_IGNORED_CALLS: Final = frozenset(
    {
        *("path", "reverse", "getattr", "setattr", "hasattr", "render", "redirect", "compile", "fullmatch", "match"),
        *("strftime", "get", "pop", "setdefault", "startswith", "endswith", "removeprefix", "removesuffix", "split"),
        *("partition", "rpartition", "replace", "values", "values_list", "filter", "exclude", "order_by", "annotate"),
        *("select_related", "prefetch_related", "only", "defer", "F", "Q", "Value", "getLogger", "import_string"),
        *("format_html", "format_html_join", "execute", "encode", "decode", "add", "unsign", "sign", "Library"),
    }
)
_IGNORED_ARGUMENTS: Final = frozenset(
    {"template", "name", "widget", "attrs", "content_type", "headers", "charset", "icon", "kind", "key", "lookup"}
)
_SAYING_CALLS: Final = frozenset(
    {
        *("refuse", "warn", "matching", "Unfit", "Invalid", "NotEditable", "NotFound", "Refused", "PermissionDenied"),
        *("TimeUnfit", "Http404", "ValidationError", "add_error", "CheckFailed", "Misplaced", "Stale", "say"),
    }
)
_NAMING_CALLS: Final = frozenset({"told_html", "worded"})
"""Their first argument is a message with its holes written out."""
_NOWHERE: Final = slice(0)
_STORING_CALLS: Final = {"choices": slice(None), "Dropped": slice(2, 3)}
"""Those of their arguments that are stored, and shown as words."""
_SMALL_PLACES: Final = frozenset({"unit", "units", "blank"})
_FIELD_CALLS: Final = re.compile(r"Field$|^(note|pick|money|price|choice|flag)$")


def messages_of_page(source: str) -> list[str]:
    """What a module of pages says."""
    return list(dict.fromkeys(_Reader(everything=True).read(ast.parse(source))))


def messages_of_rules(source: str) -> list[str]:
    """What a module of acts or rules says: what it raises, refuses and warns of."""
    return list(dict.fromkeys(_Reader(everything=False).read(ast.parse(source))))


def named_at_source(source: str) -> frozenset[str]:
    """The messages that a module names with their values, so that they are found by their very text."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    named = (call.args[0] for call in calls if call.args and _name_of(call.func) in _NAMING_CALLS)
    return frozenset(str(ast.literal_eval(one)) for one in named if _is_string(one))


def acts(source: str) -> list[str]:
    """The acts of a module, as pages name them."""
    return [
        words_of_value(name)
        for node in ast.parse(source).body
        for name in [node.name if isinstance(node, ast.FunctionDef) else ""]
        if name and any(_name_of(mark) == "act" for mark in getattr(node, "decorator_list", ()))
    ]


def stored_values(source: str) -> list[str]:
    """The values of a module's enumerations, as pages show them."""
    kinds = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    lines = (line for kind in kinds if any(_name_of(base) == "StrEnum" for base in kind.bases) for line in kind.body)
    values = (line.value for line in lines if isinstance(line, ast.Assign))
    return [words_of_value(str(ast.literal_eval(value))) for value in values if _is_string(value)]


def words_of_value(value: str) -> str:
    """A stored value as the pages show it."""
    return sentence(value)


def is_text(text: str) -> bool:
    """Whether a literal looks like words for people."""
    if _ALTERNATIVES.fullmatch(text):
        return True
    return bool(_WORDS.search(text)) and not _NOT_WORDS.search(text) and (text[:1].isupper() or " " in text.strip())


class _Reader:
    """Walks a module; `everything` says whether a text counts wherever it stands."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything

    def read(self, module: ast.Module) -> Iterator[str]:
        for node in module.body:
            yield from self._node(node, said=False)

    def _node(self, node: ast.AST, *, said: bool) -> Iterator[str]:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Compare() | ast.Assert() | ast.arguments():
                return
            case ast.Constant(value=str(text)):
                if is_text(text) and (self._everything or said or _SENTENCE.search(text)):
                    yield from _constant(text)
            case ast.JoinedStr():
                yield from self._sentence(node, said=said)
            case ast.Call():
                yield from self._call(node, said=said)
            case _:
                if isinstance(node, ast.ClassDef):
                    yield from self._labels(node)
                elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                    yield from self._small_words(node)
                for child in _said_children(node):
                    yield from self._node(child, said=said or isinstance(node, ast.Raise))

    def _call(self, node: ast.Call, *, said: bool) -> Iterator[str]:
        name = _name_of(node.func)
        if name in _IGNORED_CALLS:
            for argument in node.args:
                if not isinstance(argument, (ast.Constant, ast.JoinedStr)):
                    yield from self._node(argument, said=said)
            if isinstance(node.func, ast.Attribute):
                yield from self._node(node.func.value, said=said)
            return
        if name in _NAMING_CALLS:
            yield from (text for text in _strings(node.args) if _WORDS.search("".join(parse(text).texts)))
        yield from map(words_of_value, _strings(node.args[_STORING_CALLS.get(name, _NOWHERE)]))
        said = said or name in _SAYING_CALLS
        if isinstance(node.func, ast.Attribute):
            yield from self._node(node.func.value, said=said)
        for argument in node.args:
            yield from self._node(argument, said=said)
        for keyword in node.keywords:
            if keyword.arg == "widget":
                yield from self._widget(keyword.value)
            elif keyword.arg in _SMALL_PLACES:
                yield from _small(keyword.value)
            elif keyword.arg not in _IGNORED_ARGUMENTS:
                yield from self._node(keyword.value, said=said)

    def _widget(self, node: ast.expr) -> Iterator[str]:
        """The hints that an input shows."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Dict):
                for key, value in zip(inner.keys, inner.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in ("placeholder", "title", "aria-label"):
                        yield from self._node(value, said=False)

    def _small_words(self, node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
        """Of a table of words, such as WORDS or KIND_WORDS, the single small ones."""
        name = _name_of(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        if self._everything and name.endswith("WORDS") and isinstance(node.value, ast.Dict):
            for value in node.value.values:
                yield from _small(value)

    def _labels(self, node: ast.ClassDef) -> Iterator[str]:
        """The labels that Django makes of the names of fields, and small words of the form's units."""
        for line in node.body:
            if isinstance(line, (ast.Assign, ast.AnnAssign)):
                target = line.targets[0] if isinstance(line, ast.Assign) else line.target
                name, value = _name_of(target), line.value
                if self._everything and name in _SMALL_PLACES and isinstance(value, ast.Dict):
                    for unit in value.values:
                        yield from _small(unit)
                if isinstance(value, ast.Call) and _FIELD_CALLS.search(_name_of(value.func)):
                    named = any(keyword.arg == "label" for keyword in value.keywords) or any(
                        map(_is_string, value.args)
                    )
                    if not named and self._everything:
                        yield name.replace("_", " ").capitalize()  # as Django names a field

    def _sentence(self, node: ast.JoinedStr, *, said: bool) -> Iterator[str]:
        message = message_of(node)
        texts = "".join(parse(message).texts)
        looks = is_text(texts.strip()) and (texts[:1].isupper() or "{" in message[:1] or " " in texts.strip())
        if (self._everything or said) and looks and re.search(r"[^\W\d_]{3}", texts):
            yield message
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from self._node(part.value, said=said)


def _said_children(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a node, but for keys, subscripts and types."""
    skipped: list[object] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    skipped += node.keys if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
    return (child for child in ast.iter_child_nodes(node) if not any(child is one for one in skipped))


def message_of(node: ast.JoinedStr) -> str:
    """An f-string as a message; values side by side are one hole."""
    written, taken, after_hole = "", set[str](), False
    for part in node.values:
        if isinstance(part, ast.Constant):
            written += str(part.value).replace("{", "{{").replace("}", "}}")
            after_hole = False
        elif not after_hole:
            assert isinstance(part, ast.FormattedValue)
            name, number = _hole(part.value), 1
            while (label := name if number == 1 else f"{name}{number}") in taken:
                number += 1
            taken.add(label)
            written += "{" + label + "}"
            after_hole = True
    return written


def _constant(text: str) -> Iterator[str]:
    """A literal as a message; the places that `format` fills are holes."""
    pieces = text.split("{}")
    if not any("{" in piece or "}" in piece for piece in pieces):
        yield pieces[0] + "".join(
            "{value" + (str(number) if number > 1 else "") + "}" + piece for number, piece in enumerate(pieces[1:], 1)
        )


def _hole(node: ast.expr) -> str:
    """What a value is called: by the last name in it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Attribute(value=inner, attr=("join" | "strip" | "lower" | "upper" | "capitalize"))):
            names = [found for found in map(_hole, [*node.args, inner]) if found != "value"]
            return names[0] if names else "value"
        case ast.Call(args=[first, *_]):
            return _hole(first)
        case ast.Call(func=function):
            return _hole(function)
        case ast.Subscript(value=inner) | ast.BinOp(left=inner) | ast.Starred(value=inner):
            return _hole(inner)
    return "value"


def _small(node: ast.expr) -> Iterator[str]:
    """A literal where a single small word may stand."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORDS.search(node.value):
        yield node.value


def _name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _strings(nodes: Iterable[ast.expr]) -> list[str]:
    return [ast.literal_eval(one) for one in nodes if _is_string(one)]


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
