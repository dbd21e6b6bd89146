"""Finds what a template says, so that it can be said in another language without a mark in the template.

`rewritten` gives the template's source with every text that is for people put between `{% say %}` and `{% endsay %}`
(`templatetags/said.py`, which renders it unchanged in English); `messages` gives those texts.

    <p>Type <strong>{{ name }}</strong> to go on</p>     one message: Type <strong>{name}</strong> to go on
    <button>{% icon "x" %}Cancel</button>                the message: Cancel
    <a title="Open {{ page }}" href="...">               the message: Open {page}
    {{ count|default:"none" }}, {% badge "Active" %}      the messages: none, Active

A run of text, variables and inline elements is one message, with named holes for the variables; block elements and
template tags end it. Data is what variables hold, and stays. Text that is nobody's to translate stands in an element
with `translate="no"`. To let another attribute hold words, name it in `ATTRIBUTES`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from typing import Final

from tollgate.core.phrases import quoted

ATTRIBUTES: Final = frozenset({"title", "placeholder", "aria-label", "alt", "label", "data-confirm", "data-words"})
INLINE: Final = frozenset({"a", "abbr", "b", "br", "em", "i", "small", "strong", "sub", "sup", "code", "kbd", "samp"})
NO_WORDS: Final = frozenset({"script", "style", "svg", "textarea", "pre"})
CODE: Final = frozenset({"code", "kbd", "samp"})
WORD: Final = re.compile(r"[^\W\d_]{2}")
SAYING_TAGS: Final = frozenset({"badge", "confirm", "include", "with", "icon", "firstof"})
"""Template tags whose literals, where they look like words, are words."""
_PIECES: Final = re.compile(r"(\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\})", re.DOTALL)
_SKIPPED: Final = re.compile(
    r"\{%\s*(?P<tag>comment|verbatim)\b.*?%\}.*?\{%\s*end(?P=tag)\b.*?%\}|<!--.*?-->|<!.*?>", re.DOTALL
)
_ATTRIBUTE: Final = re.compile(r"(?P<name>[\w:.@-]+)\s*=\s*(?P<quote>[\"'])")
_SAID_FILTER: Final = re.compile(r"\|(default|default_if_none|yesno):(\"[^\"]*\"|'[^']*')")
_LITERAL: Final = re.compile(r"(?P<before>[\s=])(?P<said>\"[^\"]*\"|'[^']*')(?=[\s%])")
_NAME: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a template: `kind` is text, variable, block (a template tag), tag (of HTML) or raw (left alone)."""

    kind: str
    source: str
    name: str = ""
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A message and what of the source it was made of: pieces, each with the label it has in the message, if any."""

    message: str
    pieces: tuple[tuple[str, str], ...]


def rewritten(source: str) -> str:
    """The source with its texts between tags that say them."""
    return "".join(_written(part) for part in _parts(source))


def messages(source: str) -> list[str]:
    """Every message of the source, in order."""
    return [message for part in _parts(source) for message in _messages_of(part)]


def _messages_of(part: str | Found) -> Iterator[str]:
    if isinstance(part, Found):
        yield part.message
        for piece, _ in part.pieces:
            yield from _messages_in(piece)
    else:
        yield from _messages_in(part)


def _messages_in(written: str) -> Iterator[str]:
    """What the rewritten source of one piece says."""
    for found in re.finditer(r"\{% say (\".*?\") (\[.*?\]) %\}", written):
        yield str(json.loads(found[1]))
    for found in re.finditer(r"(\"[^\"]*\"|'[^']*')\|said\b", written):
        yield unescape(found[1][1:-1])
    for found in re.finditer(r"\|(default|default_if_none|yesno)_said:(\"[^\"]*\"|'[^']*')", written):
        literal = unescape(found[2][1:-1])
        yield from (word for word in literal.split(",") if WORD.search(word)) if found[1] == "yesno" else (literal,)


def _parts(source: str) -> list[str | Found]:
    """The source as what stays and what is said, in order."""
    parts: list[str | Found] = []
    run: list[Atom] = []
    for atom in [*_quiet(_atoms(source)), Atom("raw", "")]:
        if atom.kind in ("text", "variable") or (atom.kind == "tag" and atom.name in INLINE):
            run.append(atom)
            continue
        parts += _run(run)
        run = []
        parts.append(_dressed(atom))
    parts += _run(run)
    return parts


def _written(part: str | Found) -> str:
    if isinstance(part, str):
        return part
    told = json.dumps(part.message).replace("%", "\\u0025").replace("{", "\\u007b").replace("}", "\\u007d")
    names = json.dumps([label for _, label in part.pieces]).replace("{", "\\u007b").replace("}", "\\u007d")
    return f"{{% say {told} {names} %}}" + "{% piece %}".join(piece for piece, _ in part.pieces) + "{% endsay %}"


def _quiet(atoms: Sequence[Atom]) -> Iterator[Atom]:
    """The atoms, those left alone that stand in an element without words."""
    inside, depth = "", 0
    for atom in atoms:
        if inside:
            if atom.kind == "tag" and atom.name == inside:
                depth += -1 if atom.closing else 1
            if not depth:
                inside = ""
                yield atom
            else:
                yield replace(atom, kind="raw")
            continue
        yield atom
        opens = atom.kind == "tag" and not atom.closing and not atom.source.endswith("/>")
        if opens and (atom.name in NO_WORDS or 'translate="no"' in atom.source) and atom.name not in ("br", "input"):
            inside, depth = atom.name, 1


def _atoms(source: str) -> list[Atom]:
    """The source taken apart; an HTML tag is one atom with all template tags in it."""
    atoms: list[Atom] = []
    at = 0
    while at < len(source):
        skipped = _SKIPPED.match(source, at)
        piece = _PIECES.match(source, at)
        if skipped is not None:
            atoms.append(Atom("raw", skipped[0]))
            at = skipped.end()
        elif piece is not None:
            kind = {"{%": "block", "{{": "variable", "{#": "raw"}[piece[0][:2]]
            atoms.append(Atom(kind, piece[0]))
            at = piece.end()
        elif source[at] == "<" and re.match(r"</?[A-Za-z]", source[at : at + 3]):
            end = _end_of_tag(source, at)
            tag = source[at:end]
            named = re.match(r"<(/?)([A-Za-z][\w:-]*)", tag)
            assert named is not None
            atoms.append(Atom("tag", tag, named[2].lower(), bool(named[1])))
            at = end
        else:
            end = _end_of_text(source, at)
            atoms.append(Atom("text", source[at:end]))
            at = end
    return atoms


def _end_of_tag(source: str, at: int) -> int:
    """Where the HTML tag that begins here ends; template tags and quoted values may hold any sign."""
    quote = ""
    while at < len(source):
        piece = _PIECES.match(source, at)
        if piece is not None:
            at = piece.end()
            continue
        sign = source[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == ">":
            return at + 1
        at += 1
    return at


def _end_of_text(source: str, at: int) -> int:
    """Where the text that begins here ends: before the next sign that may begin something else."""
    found = re.compile(r"<|\{[%{#]").search(source, at + 1)
    return found.start() if found else len(source)


def _run(run: list[Atom]) -> list[str | Found]:
    """What a run of text, variables and inline elements says: one message, or one for each piece of it."""
    lead, body, trail = _peeled(run)
    if _balanced(body) and _speaks(body):
        return [*(_dressed(atom) for atom in lead), *_message(body), *(_dressed(atom) for atom in trail)]
    parts: list[str | Found] = []
    piece: list[Atom] = []
    inside_code = 0
    for atom in run:
        if atom.kind != "tag":
            piece.append(atom)
            continue
        parts += _message(piece) if not inside_code else [_dressed(one) for one in piece]
        piece = []
        parts.append(_dressed(atom))
        if atom.name in CODE:
            inside_code += -1 if atom.closing else 1
    return [*parts, *(_message(piece) if not inside_code else [_dressed(one) for one in piece])]


def _peeled(run: list[Atom]) -> tuple[list[Atom], list[Atom], list[Atom]]:
    """A run without the element that holds all of it, and without line breaks at its ends."""
    lead: list[Atom] = []
    body = list(run)
    trail: list[Atom] = []
    while body and (_is_empty(body[0]) or body[0].name == "br"):
        lead.append(body.pop(0))
    while body and (_is_empty(body[-1]) or body[-1].name == "br"):
        trail.insert(0, body.pop())
    if len(body) > 1 and _holds_all(body):
        more, body, less = _peeled(body[1:-1])
        opening, closing = run[len(lead)], run[len(run) - len(trail) - 1]
        return [*lead, opening, *more], body, [*less, closing, *trail]
    return lead, body, trail


def _is_empty(atom: Atom) -> bool:
    return atom.kind == "text" and not atom.source.strip()


def _holds_all(body: list[Atom]) -> bool:
    """Whether the first tag is closed by the last one."""
    first, last = body[0], body[-1]
    if first.kind != "tag" or first.closing or first.name in CODE or not (last.kind == "tag" and last.closing):
        return False
    depth = 0
    for atom in body[:-1]:
        if atom.kind == "tag" and atom.name != "br":
            depth += -1 if atom.closing else 1
        if not depth:
            return False
    return first.name == last.name


def _balanced(body: list[Atom]) -> bool:
    """Whether every inline element of the run is opened and closed in it."""
    open_names: list[str] = []
    for atom in body:
        if atom.kind == "tag" and atom.name != "br":
            if not atom.closing:
                open_names.append(atom.name)
            elif not open_names or open_names.pop() != atom.name:
                return False
    return not open_names


def _speaks(body: list[Atom]) -> bool:
    """Whether there are words outside of its inline elements."""
    depth = 0
    for atom in body:
        if atom.kind == "tag" and atom.name != "br":
            depth += -1 if atom.closing else 1
        elif atom.kind == "text" and not depth and WORD.search(unescape(atom.source)):
            return True
    return False


def _message(body: list[Atom]) -> list[str | Found]:
    """The message of a run, the white space around it left outside; the run itself where it has no words."""
    if not any(atom.kind == "text" and WORD.search(unescape(atom.source)) for atom in body):
        return [_dressed(atom) for atom in body]
    before, body = _stripped(body)
    after, body = _stripped(body[::-1], last=True)
    body = body[::-1]
    pieces: list[tuple[str, str]] = []
    labels: set[str] = set()
    for atom in body:
        label = _label(atom, labels)
        labels.add(label)
        pieces.append((_dressed(atom), label))
    words = "".join(
        label or quoted(re.sub(r"\s+", " ", unescape(atom.source)))
        for atom, (_, label) in zip(body, pieces, strict=True)
    )
    return [*([before] if before else []), Found(words, tuple(pieces)), *([after] if after else [])]


def _stripped(body: list[Atom], *, last: bool = False) -> tuple[str, list[Atom]]:
    """The white space at this end of a run, and the run without it."""
    first = body[0]
    if first.kind != "text":
        return "", body
    text = first.source.rstrip() if last else first.source.lstrip()
    space = first.source[len(text) :] if last else first.source[: len(first.source) - len(text)]
    return space, ([replace(first, source=text), *body[1:]] if text else body[1:])


def _label(atom: Atom, taken: set[str]) -> str:
    """How the piece is written in the message: as a hole, as a bare tag; empty for text."""
    if atom.kind == "text":
        return ""
    if atom.kind == "tag":
        return _numbered("<", "/" + atom.name if atom.closing else atom.name, ">", taken)
    inner = atom.source[2:-2].strip()
    path, _, filters = inner.partition("|")
    names = _NAME.findall(path)
    name = "plural" if "pluralize" in filters else names[-1] if names else "value"
    return _numbered("{", name, "}", taken)


def _numbered(before: str, name: str, after: str, taken: set[str]) -> str:
    label, number = f"{before}{name}{after}", 1
    while label in taken:
        number += 1
        label = f"{before}{name}{number}{after}"
    return label


def _dressed(atom: Atom) -> str:
    """The source of one atom that is no text, with what it says itself between tags that say it."""
    if atom.kind == "tag" and not atom.closing:
        return _attributes(atom.source)
    if atom.kind == "variable":
        return _SAID_FILTER.sub(_said_filter, atom.source)
    if atom.kind == "block":
        name = atom.source[2:-2].split(maxsplit=1)[0]
        return _LITERAL.sub(_said_literal, atom.source) if name in SAYING_TAGS else atom.source
    return atom.source


def _said_filter(found: re.Match[str]) -> str:
    return f"|{found[1]}_said:{found[2]}" if WORD.search(found[2]) else found[0]


def _said_literal(found: re.Match[str]) -> str:
    """A literal is words if it begins like a sentence or has a space; a name of a file, an icon or a tone does not."""
    text = found["said"][1:-1]
    words = bool(WORD.search(text)) and (text[:1].isupper() or " " in text)
    return f"{found['before']}{found['said']}|said" if words else found[0]


def _attributes(tag: str) -> str:
    """The tag, with the values of attributes that hold words between tags that say them."""
    parts: list[str] = []
    at = 0
    while (found := _next_attribute(tag, at)) is not None:
        name, start, end = found
        parts.append(tag[at:start])
        value = tag[start:end]
        parts.append("".join(map(_written, _value(value))) if name in ATTRIBUTES else value)
        at = end
    return "".join([*parts, tag[at:]])


def _next_attribute(tag: str, at: int) -> tuple[str, int, int] | None:
    """The next attribute with a quoted value: its name, where the value begins and ends."""
    while at < len(tag):
        piece = _PIECES.match(tag, at)
        found = _ATTRIBUTE.match(tag, at)
        if piece is not None:
            at = piece.end()
        elif found is not None:
            end = found.end()
            while end < len(tag) and tag[end] != found["quote"]:
                inner = _PIECES.match(tag, end)
                end = inner.end() if inner is not None else end + 1
            return found["name"].lower(), found.end(), end
        else:
            at += 1
    return None


def _value(value: str) -> list[str | Found]:
    """What the value of an attribute says: template tags end a message."""
    parts: list[str | Found] = []
    run: list[Atom] = []
    for piece in _PIECES.split(value):
        kind = {"{%": "block", "{{": "variable", "{#": "raw"}.get(piece[:2], "text")
        if kind in ("text", "variable"):
            run += [Atom(kind, piece)] if piece else []
        else:
            parts += [*_message(run), piece]
            run = []
    return [*parts, *_message(run)]
