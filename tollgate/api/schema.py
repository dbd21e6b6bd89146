"""The types of the acts, read once for two uses: to check what JSON gives, and to describe it (JSON Schema 2020-12).

To let acts take a new kind of argument, add it to `fit` and to `schema_of`.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints, is_typeddict

from tollgate.actions import checks
from tollgate.actions.acts import ACTS
from tollgate.actions.portal_rights import OWN_ONLY
from tollgate.api.answers import Error, error
from tollgate.core.areas import NOT_GIVEN, OWN_ACTS, OWN_AREA, area_of_acts

MOST: Final = 2**63 - 1
TABLE: Final = "CHECKS"
"""How acts call the table of the checks of their fields, or how its name ends."""
NOT_EDITABLE: Final = "not_editable"
_ID: Final[Mapping[str, Any]] = {"minimum": 1}
_PLAIN: Final[Mapping[Any, tuple[str, str]]] = {
    bool: ("boolean", "Give true or false."),
    int: ("integer", "Give a whole number."),
    str: ("string", "Give text."),
    type(None): ("null", "Give null."),
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an act."""

    kind: Any
    required: bool
    default: Any = None
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an act takes and gives. `others` is the kind of further arguments of any name, if it takes those.

    `elsewhere` are fields that people look for here, each with the sentence that says where they are changed, or that
    they never are: the table of that name (in capitals) in the act's file, which the act itself refuses them by.
    """

    arguments: Mapping[str, Argument]
    others: Any
    returns: Any
    words: str
    elsewhere: Mapping[str, str]


def served() -> dict[str, str]:
    """The acts that the API does, each with its area: those that a group can give, and what every user does for himself
    alone."""
    areas = {name: area_of_acts(function.__module__) for name, function in ACTS.items()} | own()
    return {name: area for name, area in areas.items() if area and name not in NOT_GIVEN and name not in OWN_ONLY}


def own() -> dict[str, str]:
    """The acts that no group gives and nobody needs one for."""
    return dict.fromkeys(OWN_ACTS, OWN_AREA)


@functools.cache
def shape(act_name: str) -> Shape:
    """The shape of an act, from its annotations."""
    function = inspect.unwrap(ACTS[act_name])
    hints = get_type_hints(function)
    arguments: dict[str, Argument] = {}
    others = None
    for name, one in inspect.signature(function).parameters.items():
        if one.kind is not one.VAR_KEYWORD:
            required = one.default is one.empty
            arguments[name] = Argument(hints[name], required, None if required else one.default)
        elif get_args(hints[name]):
            fields = get_args(hints[name])[0]
            needed = fields.__required_keys__
            arguments |= {key: Argument(kind, key in needed) for key, kind in get_type_hints(fields).items()}
        else:
            others = hints[name]
    for name, known in _limits(function, arguments).items():
        arguments[name] = replace(arguments[name], limits=known)
    elsewhere = function.__globals__["ELSEWHERE"] if "ELSEWHERE" in function.__code__.co_names else {}
    return Shape(arguments, others, hints["return"], inspect.getdoc(function) or "", elsewhere)


def _limits(function: Any, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What the checks of an act tell of its arguments: those in the tables that it names, or that its file has."""
    known = function.__globals__
    named = [known[name] for name in function.__code__.co_names if name.endswith(TABLE) and name in known]
    table = {name: check for one in named or [known.get(TABLE, {})] for name, check in one.items()}
    told = {name: checks.limits(table[name]) for name in names if name in table}
    whole = {name: _ID for name in names if name.endswith(("_id", "version")) and name not in table}
    return whole | told


def fit_arguments(act_name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Error]]:
    """The arguments as the act takes them, and what is wrong with those that it cannot."""
    known = shape(act_name)
    errors: list[Error] = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        kind = known.arguments[name].kind if name in known.arguments else known.others
        if name in known.elsewhere:
            errors.append(error(name, known.elsewhere[name], code=NOT_EDITABLE))
        elif kind is None:
            errors.append(error(name, "This field does not exist here.", code="unknown"))
        else:
            values[name] = fit(kind, value, name, errors)
    missing = [name for name, one in known.arguments.items() if one.required and name not in given]
    errors += [error(name, "This is required.", code="required") for name in missing]
    return values, errors


def fit(kind: Any, value: Any, place: str, errors: list[Error]) -> Any:
    """The value as the kind wants it; what is wrong goes to `errors` with its place, such as `options.0.card_id`."""
    if kind in _PLAIN:
        right = isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
        if not right or (kind is int and abs(value) > MOST):
            errors.append(error(place, _PLAIN[kind][1], code="type"))
        return value
    if kind in (Any, object):
        return value
    if kind is datetime:
        try:
            return checks.instant(value)
        except checks.Unfit as problem:
            errors.append(error(place, str(problem)))
            return value
    if _is_union(kind):
        return _fit_union(kind, value, place, errors)
    if _is_list(kind):
        return _fit_list(get_args(kind)[0], value, place, errors)
    return _fit_object(kind, value, place, errors)


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a kind."""
    if kind in _PLAIN:
        limits = {"minimum": -MOST, "maximum": MOST} if kind is int else {}
        return {"type": _PLAIN[kind][0], **limits}
    if kind in (Any, object):
        return {}
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    if _is_union(kind):
        members = [schema_of(member) for member in _members(kind)]
        return members[0] if len(members) == 1 else {"anyOf": members}
    if _is_list(kind):
        return {"type": "array", "items": schema_of(get_args(kind)[0])}
    if is_typeddict(kind):
        fields = {name: schema_of(inner) for name, inner in get_type_hints(kind).items()}
        required = sorted(kind.__required_keys__)
        return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
    return {"type": "object", "additionalProperties": schema_of(get_args(kind)[1])}


def _members(kind: Any) -> list[Any]:
    """What JSON can give of a union: a moment comes as its text, a row of ours as an object."""
    members = get_args(kind)
    if datetime in members:
        return [member for member in members if member is not str]
    return [member for member in members if member in _PLAIN or _is_list(member) or _is_object(member)]


def _fit_union(kind: Any, value: Any, place: str, errors: list[Error]) -> Any:
    members = _members(kind)
    if value is None and type(None) in members:
        return None
    found: list[Error] = []
    for member in (member for member in members if member is not type(None)):
        found = []
        fitting = fit(member, value, place, found)
        if not found:
            return fitting
    errors += found
    return value


def _fit_list(inner: Any, value: Any, place: str, errors: list[Error]) -> Any:
    if not isinstance(value, list):
        errors.append(error(place, "Give a list.", code="type"))
        return value
    return [fit(inner, row, f"{place}.{number}", errors) for number, row in enumerate(value)]


def _fit_object(kind: Any, value: Any, place: str, errors: list[Error]) -> Any:
    assert _is_object(kind), kind
    if not isinstance(value, dict):
        errors.append(error(place, "Give an object.", code="type"))
        return value
    if not is_typeddict(kind):
        return {name: fit(get_args(kind)[1], inner, f"{place}.{name}", errors) for name, inner in value.items()}
    fields = get_type_hints(kind)
    errors += [
        error(f"{place}.{name}", "This field does not exist here.", code="unknown")
        for name in value
        if name not in fields
    ]
    lacking = kind.__required_keys__ - set(value)
    errors += [error(f"{place}.{name}", "This is required.", code="required") for name in sorted(lacking)]
    return {
        name: fit(fields[name], inner, f"{place}.{name}", errors) for name, inner in value.items() if name in fields
    }


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (Sequence, list)


def _is_object(kind: Any) -> bool:
    return is_typeddict(kind) or get_origin(kind) in (Mapping, dict)
