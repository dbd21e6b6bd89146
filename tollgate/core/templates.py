"""Templates of messages: a part of Handlebars in which nothing is executed. Pure text in, pure text out.

    {{name}}  {{company.name}}  {{lines.0.net}}   a value; where the template is HTML it is escaped and keeps its lines
    {{#if link}}...{{else if a}}...{{else}}...{{/if}}    whether a value is there; {{#unless link}} is its opposite
    {{#each lines}}{{this.text}}{{/each}}    once per item; {{@index}} is its place from 0, {{@first}} and {{@last}} say
                                             whether it is one, ../ leads to what is around
    {{#with company}}{{name}}{{/with}}       a group of values
    {{numberFormat (math total "/" 2) 2}}    helpers: core.templates_syntax lists them
    {{! a remark }}

A name that is no value is an error, never a hole in a letter: `problems` finds every one of them, also in branches that
are not taken. To add a block, see `core.templates_syntax` and give it its case in `_pieces` and `_faults`; to add a
helper, its line in `_helped`. How much a template may do is bounded: `MOST_STEPS`, `MOST_SIGNS`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self, TypeAlias

from tollgate.core.number_formats import written
from tollgate.core.templates_dates import PATTERN_MOST, date_format
from tollgate.core.templates_helpers import (
    HelperRefused,
    Manner,
    currency_format,
    math,
    number_format,
    number_of,
    sec2min,
)
from tollgate.core.templates_syntax import (
    Call,
    Each,
    Expression,
    If,
    Literal,
    Node,
    Path,
    Place,
    Show,
    Template,
    TemplateInvalid,
    With,
    parse,
    said,
)

Value: TypeAlias = "str | bool | Sequence[Value] | Mapping[str, Value]"


class Figure(str):
    """A number among the values, as programs write it: who reads the message decides how it is written there, unless
    `shown` says so already."""

    __slots__ = ("shown",)
    shown: str

    def __new__(cls, exact: str, shown: str = "") -> Self:
        """The number and, where it is not for the reader to decide, how it is written."""
        made = super().__new__(cls, exact)
        made.shown = shown
        return made


class Computed(Figure):
    """A number that a template has made: there is nothing of it when it is zero."""

    __slots__ = ()


MOST_SIGNS: Final = 1_000_000
MOST_STEPS: Final = 200_000
"""Values looked up, items gone through, helpers called, and every two signs of a date's pattern."""
MOST_PROBLEMS: Final = 20
MOST_LOGGED: Final = 100
LOGGED_SIGNS: Final = 500
Logger: TypeAlias = Callable[[str], object]


def render(
    template: Template,
    values: Mapping[str, Value],
    *,
    markup: bool = False,
    manner: Manner | None = None,
    logged: Logger | None = None,
) -> str:
    """The text with its values, which `markup` writes as HTML; `logged` is told what a `log` says.

    Raises TemplateInvalid for a name without a value, and for what a helper refuses.
    """
    filling = _Filling(_in_currency(manner or Manner(), values), _as_html if markup else str, logged)
    pieces, signs = [], 0
    for piece in _pieces(template, _Scope(values), filling):
        pieces.append(piece)
        signs += len(piece)
        if signs > MOST_SIGNS:
            raise TemplateInvalid(f"This becomes longer than {MOST_SIGNS} signs.")
    return "".join(pieces)


def problems(text: str, examples: Mapping[str, Value]) -> list[str]:
    """What is wrong with a text, given an example of every value it may use; nothing when it is fine."""
    try:
        template = parse(text)
    except TemplateInvalid as problem:
        return [str(problem)]
    checking = _Filling(_in_currency(Manner(), examples), str, None, checking=True)
    found: dict[str, str] = {}
    try:
        for place, sentence in _faults(template, _Scope(examples), checking):
            found.setdefault(sentence, str(place.error(sentence)))
            if len(found) == MOST_PROBLEMS:
                break
    except TemplateInvalid as problem:
        return [str(problem)]
    return list(found.values())


def _in_currency(manner: Manner, values: Mapping[str, Value]) -> Manner:
    """Amounts are in the currency of the message, else of its customer."""
    company = values.get("company")
    own = values.get("currency") or (company.get("currency") if isinstance(company, Mapping) else None)
    return manner if manner.currency or not isinstance(own, str) else replace(manner, currency=own)


def _as_html(value: str) -> str:
    """A value that cannot become markup, each of its lines on a line of its own."""
    return html.escape(value).replace("\r\n", "\n").replace("\n", "<br>\n")


class _Refused(ValueError):
    """A value that cannot be; the sentence says why."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where names are looked up: here, then in what is around."""

    here: Value
    data: Mapping[str, Value] = field(default_factory=dict)
    around: _Scope | None = None

    def outwards(self) -> Iterator[_Scope]:
        """This one and those around it."""
        scope: _Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.around


@dataclass(slots=True)
class _Filling:
    """One template being filled: how, and how much it has done already.

    `checking` is with examples: of a list any item is the first one, and whatever is not there is an error.
    """

    manner: Manner
    escape: Callable[[str], str]
    logged: Logger | None
    checking: bool = False
    steps_count: int = 0
    logged_count: int = 0

    def step(self, count: int = 1) -> None:
        """Raises TemplateInvalid after too many."""
        self.steps_count += count
        if self.steps_count > MOST_STEPS:
            raise TemplateInvalid(f"This takes more than {MOST_STEPS} steps.")

    def text(self, value: Value, what: Expression) -> str:
        """A value as it is read."""
        if isinstance(value, Figure):
            return value.shown or written(value, self.manner.sign)
        if not isinstance(value, str):
            raise _Refused(f"{{{{{said(what)}}}}} is not a text.")
        return value

    def log(self, call: Call, scope: _Scope) -> None:
        """Tells the log what a template wants it to know."""
        words = " ".join(self.text(_value(one, scope, self), one)[:LOGGED_SIGNS] for one in call.values)
        self.logged_count += 1
        if self.logged is not None and self.logged_count <= MOST_LOGGED:
            self.logged(" ".join(words[:LOGGED_SIGNS].split()))


def _pieces(nodes: Template, scope: _Scope, filling: _Filling) -> Iterator[str]:
    for node in nodes:
        filling.step()
        if isinstance(node, str):
            yield node
            continue
        try:
            value = None if _logs(node) else _value(node.what, scope, filling)
            if isinstance(node, Show):
                yield _shown(node, value, scope, filling)
                continue
            parts = _taken(node, value, scope)
        except (_Refused, HelperRefused) as problem:
            raise node.place.error(str(problem)) from None
        for part, inner in parts:
            filling.step()
            yield from _pieces(part, inner, filling)


def _logs(node: Node) -> bool:
    return isinstance(node, Show) and isinstance(node.what, Call) and node.what.helper == "log"


def _shown(node: Show, value: Value | None, scope: _Scope, filling: _Filling) -> str:
    if value is not None:
        return filling.escape(filling.text(value, node.what))
    assert isinstance(node.what, Call)
    filling.log(node.what, scope)
    return ""


def _taken(node: If | Each | With, value: Value | None, scope: _Scope) -> Iterable[tuple[tuple[Node, ...], _Scope]]:
    """The parts of a block that are written, each with where its names are looked up. Raises _Refused."""
    assert value is not None
    match node:
        case If():
            return [(node.then if _there(value) is node.wanted else node.other, scope)]
        case Each():
            return _each(node, _items(node.what, value), scope)
        case With():
            group = _group(node.what, value)
            return [(node.body, _Scope(group, around=scope)) if group else (node.other, scope)]


def _each(node: Each, items: Sequence[Value], scope: _Scope) -> Iterator[tuple[tuple[Node, ...], _Scope]]:
    last = len(items) - 1
    for index, item in enumerate(items):
        data: dict[str, Value] = {"@index": Computed(str(index)), "@first": index == 0, "@last": index == last}
        yield node.body, _Scope(item, data, scope)
    if not items:
        yield node.other, scope


def _faults(nodes: Template, scope: _Scope, filling: _Filling) -> Iterator[tuple[Place, str]]:
    """What is wrong, in every branch; a value of which something is wrong has an empty part."""
    for node in nodes:
        filling.step()
        if isinstance(node, str):
            continue
        try:
            if isinstance(node, Show) and _logs(node):
                _shown(node, None, scope, filling)
                continue
            value = _value(node.what, scope, filling)
            inner = _inside(node, value, scope, filling)
        except (_Refused, HelperRefused) as problem:
            yield node.place, str(problem)
            inner = None
        for part, within in _branches(node, inner, scope):
            yield from _faults(part, within, filling)


def _inside(node: Show | If | Each | With, value: Value, scope: _Scope, filling: _Filling) -> _Scope | None:
    """Where the names of a block are looked up, by its example. Raises _Refused for one of the wrong kind."""
    match node:
        case Show():
            filling.text(value, node.what)
            return None
        case If():
            return scope
        case Each():
            items = _items(node.what, value)
            if not items:
                raise _Refused(f"{{{{#each {said(node.what)}}}}} needs a list.")
            return next(_each(node, items, scope))[1]
        case With():
            group = _group(node.what, value)
            if not group:
                raise _Refused(f"{{{{#with {said(node.what)}}}}} needs a group of values.")
            return _Scope(group, around=scope)


def _branches(
    node: Show | If | Each | With, inner: _Scope | None, scope: _Scope
) -> Iterator[tuple[tuple[Node, ...], _Scope]]:
    match node:
        case Show():
            return
        case If():
            yield node.then, scope
        case _:
            if inner is not None:
                yield node.body, inner
    yield node.other, scope


def _value(what: Expression, scope: _Scope, filling: _Filling) -> Value:
    filling.step(max(1, len(what.steps)) if isinstance(what, Path) else 1)
    match what:
        case Path():
            return _known(what, scope, filling)
        case Literal(value):
            return value
        case Call():
            return _helped(what, [_value(one, scope, filling) for one in what.values], filling)


def _helped(call: Call, values: Sequence[Value], filling: _Filling) -> Value:
    """What a helper makes of values. Raises HelperRefused and _Refused."""
    if call.helper == "lookup":
        return _looked_up(call, values[0], values[1], filling)
    texts = []
    for one, value in zip(call.values, values, strict=True):
        if not isinstance(value, str):
            raise _Refused(f"{{{{{said(one)}}}}} is not a text.")
        texts.append(value)
    first, second = texts[0], texts[1] if len(texts) > 1 else None
    match call.helper:
        case "dateFormat":
            filling.step(min(len(second or ""), PATTERN_MOST) // 2)  # to write a sign takes half as long as a step
            return date_format(first, second or "", language=filling.manner.language, zone=filling.manner.zone)
        case "numberFormat":
            return number_format(first, second, filling.manner)
        case "currencyFormat":
            return currency_format(first, second, filling.manner)
        case "math":
            return Computed(math(first, second or "", texts[2]))
        case "sec2min":
            return sec2min(first)
    return first  # nl2br: a value keeps its lines in HTML, and needs nothing in a text


def _looked_up(call: Call, value: Value, key: Value, filling: _Filling) -> Value:
    """One of a list or group, by its place or name; nothing where there is none."""
    if not isinstance(key, str) or isinstance(value, (str, bool)):
        raise _Refused(f"{{{{{said(call)}}}}} needs a list and a place, or a group of values and a name.")
    if isinstance(value, Mapping):
        if filling.checking and key not in value and isinstance(call.values[1], Literal):
            raise _Refused(f"{{{{{said(call)}}}}} is not a value of this message.")
        return value.get(key, "")
    return _at(value, key, filling)


def _at(items: Sequence[Value], key: str, filling: _Filling) -> Value:
    """An item of a list by its place from 0; nothing where the list is shorter."""
    if key == "length":
        return Computed(str(len(items)))
    if not key.isdecimal() or not key.isascii() or len(key) > 6:
        raise _Refused(f"“{key[:20]}” is no place in a list: count from 0.")
    if filling.checking:
        return items[0] if items else ""
    return items[int(key)] if int(key) < len(items) else ""


def _known(path: Path, scope: _Scope, filling: _Filling) -> Value:
    value = _found(path, scope, filling)
    if value is None:
        raise _Refused(f"{{{{{path.text}}}}} is not a value of this message.")
    return value


def _found(path: Path, scope: _Scope, filling: _Filling) -> Value | None:
    """The value of a name: of the item first, then of what surrounds it."""
    scopes = list(scope.outwards())
    if path.ups >= len(scopes):
        return None
    within = scopes[path.ups :]
    match path.start:
        case "root":
            return _stepped(scopes[-1].here, path.steps, filling)
        case "data":
            return next((one.data[path.steps[0]] for one in within if path.steps[0] in one.data), None)
        case "this":
            return _stepped(within[0].here, path.steps, filling)
    first, *rest = path.steps
    groups = (one.here for one in within if isinstance(one.here, Mapping))
    value = next((group[first] for group in groups if first in group), None)
    return None if value is None else _stepped(value, rest, filling)


def _stepped(value: Value, steps: Sequence[str], filling: _Filling) -> Value | None:
    """A part of a value; nothing of an item that a list does not have."""
    missing = False
    for step in steps:
        if isinstance(value, Mapping):
            if step not in value:
                return None
            value = value[step]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if not (step.isdecimal() or step == "length"):
                return None
            missing = step != "length" and int(step) >= len(value) and not filling.checking
            value = _at(value, step, filling)
        elif not missing:
            return None
    return value


def _there(value: Value) -> bool:
    """Whether there is something of a value: a text, an item, a number that a template has made and that is not 0."""
    return bool(number_of(value)) if isinstance(value, Computed) else bool(value)


def _items(what: Expression, value: Value) -> Sequence[Value]:
    if isinstance(value, (str, bool, Mapping)):
        raise _Refused(f"{{{{#each {said(what)}}}}} needs a list.")
    return value


def _group(what: Expression, value: Value) -> Mapping[str, Value]:
    """A group of values; an item that is not there is an empty one."""
    if value == "" and isinstance(value, str):
        return {}
    if not isinstance(value, Mapping):
        raise _Refused(f"{{{{#with {said(what)}}}}} needs a group of values.")
    return value
