"""Where the HTML of a message may show a secret value, such as the link that sets a password.

In the text that a reader sees, or as the whole `href` of an `<a>`. Anywhere else (an image's address, a style) it would
reach somebody else as soon as the mail is opened. `misplaced` walks through the parsed template as a browser
walks through HTML, and refuses what two browsers might read in two ways. To allow another place, add it to `_check`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from tollgate.core.templates_syntax import (
    Call,
    Each,
    Expression,
    If,
    Literal,
    Node,
    Path,
    Show,
    Template,
    With,
    is_log,
    parse,
    said,
)

_STRANGE = "script xmp iframe noembed noframes noscript plaintext textarea form svg math object embed template"
STRANGE: Final = frozenset(_STRANGE.split())
"""Elements whose inside is read by rules of its own, or which send what is in them."""
RAW: Final = frozenset({"style", "title"})
DOCTYPE: Final = re.compile(r"<!doctype[^<>]*>", re.IGNORECASE)
BLANK: Final = " \t\n\r\f"
"""What HTML takes for a blank; Python knows more of them."""
TAG_START: Final = re.compile(rf"</?([A-Za-z][A-Za-z0-9:-]*)(?=[{BLANK}/>])")
SIGN: Final = re.compile(rf"<[{BLANK}0-9=]")
ATTRIBUTE: Final = re.compile(
    rf"""[{BLANK}/]*(?:(>)|([^{BLANK}/>=]+)(?:[{BLANK}]*=[{BLANK}]*(?:(["'])|([^{BLANK}"'>]+)))?)"""
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a template is: in text, in the raw text of an element, in a tag, or in the value of an attribute."""

    raw: str = ""
    tag: str = ""
    closing: bool = False
    attribute: str = ""
    quote: str = ""


class _Unclear(ValueError):
    """HTML that cannot be followed; the sentence says why."""


def misplaced(text: str, secrets: Collection[str]) -> str:
    """What is wrong with where the HTML of a message shows these values; nothing when it is fine.

    The text must be a template without problems (`core.templates.problems`).
    """
    try:
        end = _walk(parse(text), _Place(), secrets)
    except _Unclear as problem:
        return str(problem)
    return "" if end == _Place() else "A tag or a value is not closed at the end."


def revealed(what: Expression, secrets: Collection[str]) -> str:
    """The secret value that this could show, however it is written; empty for none."""
    match what:
        case Path():
            return next((step for step in what.steps if step in secrets), "")
        case Literal(value):
            return str(value) if value in secrets else ""
        case Call("lookup", (_, key)) if not isinstance(key, Literal):
            return next(iter(secrets), "")  # which one it shows is known when it is too late
        case Call(_, values):
            return next(filter(None, (revealed(one, secrets) for one in values)), "")


def _walk(nodes: Template, place: _Place, secrets: Collection[str]) -> _Place:
    joined = _joined(nodes)
    for before, node, after in zip(("", *joined), joined, (*joined[1:], ""), strict=False):
        match node:
            case str():
                place = _text(node, place)
            case Show() if is_log(node):
                continue
            case Show(what):
                if place.tag and not place.quote:
                    raise _Unclear(f"Put {{{{{said(what)}}}}} in quotes: it stands bare in a tag.")
                if revealed(what, secrets) and place != _Place():
                    whole = str(before).endswith(place.quote) and str(after).startswith(place.quote)
                    _check(said(what), place, whole=whole and isinstance(what, Path))
            case If():
                _closed((node.then, node.other), place, secrets)
            case Each() | With():
                _closed((node.body, node.other), place, secrets)
    return place


def _joined(nodes: Template) -> Template:
    """The nodes with texts in one piece that only a remark of the template parts, as the reader gets them."""
    joined: list[Node] = []
    for node in nodes:
        if isinstance(node, str) and joined and isinstance(joined[-1], str):
            joined[-1] += node
        else:
            joined.append(node)
    return tuple(joined)


def _closed(branches: tuple[Template, ...], place: _Place, secrets: Collection[str]) -> None:
    """Each branch must end where it began, so that what follows is read alike after all of them."""
    for branch in branches:
        if _walk(branch, place, secrets) != place:
            raise _Unclear("A block must close the tags and values that it opens, and no others.")


def _check(path: str, place: _Place, *, whole: bool) -> None:
    if not (whole and (place.tag, place.attribute) == ("a", "href")):
        only = "in the text or as the whole href of an <a>"
        raise _Unclear(f"Show {{{{{path}}}}} only {only}: elsewhere others get to see it.")


def _text(text: str, place: _Place) -> _Place:
    at = 0
    while at < len(text):
        if place.quote:
            at, place = _value(text, at, place)
        elif place.tag:
            at, place = _in_tag(text, at, place)
        else:
            at, place = _outside(text, at, place)
    # What comes next could go on with a word that has begun here.
    if place.tag and not place.quote and text[-1] not in BLANK + "\"'":
        raise _unreadable(place)
    return place


def _value(text: str, at: int, place: _Place) -> tuple[int, _Place]:
    end = text.find(place.quote, at)
    return (len(text), place) if end < 0 else (end + 1, replace(place, attribute="", quote=""))


def _in_tag(text: str, at: int, place: _Place) -> tuple[int, _Place]:
    found = ATTRIBUTE.match(text, at)
    if found is None:
        if text[at:].strip(BLANK):
            raise _unreadable(place)
        return len(text), place
    end, name, quote, bare = found.groups("")
    if end:
        return found.end(), _Place(raw=place.tag if place.tag in RAW and not place.closing else "")
    if set("\"'<`") & set(name + bare):
        raise _unreadable(place)
    attribute = name.lower()
    if attribute == "ping" or attribute.startswith("on"):
        raise _Unclear(f"Leave the attribute {attribute} out of a message that shows a link or a code.")
    return found.end(), replace(place, attribute=attribute if quote else "", quote=quote)


def _outside(text: str, at: int, place: _Place) -> tuple[int, _Place]:
    start = text.find("<", at)
    if start < 0:
        return len(text), place
    found = TAG_START.match(text, start)
    tag = found[1].lower() if found else ""
    closing = text.startswith("</", start)
    if place.raw and not (closing and tag == place.raw):
        return start + 1, place
    if found is None:
        return _no_tag(text, start, place)
    if tag in STRANGE:
        raise _Unclear(f"Leave <{tag}> out of a message that shows a link or a code.")
    return found.end(), _Place(tag=tag, closing=closing)


def _no_tag(text: str, start: int, place: _Place) -> tuple[int, _Place]:
    if doctype := DOCTYPE.match(text, start):
        return doctype.end(), place
    if SIGN.match(text, start):
        return start + 1, place
    raise _Unclear("Leave remarks and signs < that open no tag out of a message that shows a link or a code.")


def _unreadable(place: _Place) -> _Unclear:
    return _Unclear(f"The tag <{place.tag}> cannot be read: write its attributes with quotes and blanks between them.")
