"""The OpenAPI 3.1 document, written from the acts' own types and the table of nouns, so that it cannot drift.

A new answer that every act may give belongs into `PROBLEMS`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tollgate import __version__
from tollgate.api import books, files, portal, summaries, trials
from tollgate.api.access import check_method
from tollgate.api.answers import Answer, Refused
from tollgate.api.noun_rows import Noun, all_fields, field_schema
from tollgate.api.nouns import BY_MODEL, BY_NAME, NOUNS
from tollgate.api.reads import ROWS, ROWS_MOST
from tollgate.api.schema import Argument, schema_of, served, shape

PROBLEMS: Final = {
    "401": "no token that holds",
    "403": "not permitted",
    "404": "there is no such record",
    "405": "another method: `Allow` names it",
    "429": "the token asks too often: `Retry-After` says for how many seconds to wait",
    "503": "calls of some days cannot be read: the detail says which, and what helps",
}
OF_ACTS: Final = {
    "400": "the body is no JSON",
    "409": "out of date (`current`: its values now), a used Idempotency-Key, too early, or not possible as things are",
    "413": "the body is too long",
    "415": "the body is not called JSON",
}
WHERE: Final = (
    'nested conditions: ["all", ["cld", "begins", "44"], ["any", ["sip", "is", "486"], ["cost", "more", "1"]]]'
)
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
            },
        },
        "current": {"type": "object"},
    },
}


def openapi(request: HttpRequest) -> HttpResponseBase:
    """The document; it tells no data and needs no token."""
    try:
        check_method(request, "GET")
    except Refused as refused:
        return refused.answer.response()
    return Answer(200, document()).response()


def missing(request: HttpRequest) -> HttpResponseBase:
    """Every other address."""
    del request
    return Refused(404, "There is no such address.").answer.response()


@functools.cache
def document() -> dict[str, Any]:
    """The whole of it."""
    paths: dict[str, Any] = {}
    for noun in NOUNS:
        paths[f"/{noun.name}"] = {"get": _list(noun)}
        paths[f"/{noun.name}/{{id}}"] = {"get": _read(noun)}
    for noun_name, kinds in files.FILES.items():
        for name, kind in kinds.items():
            paths[f"/{noun_name}/{{id}}/{name}"] = {"get": _file(noun_name, name, kind)}
    for name, book in books.BOOKS.items():
        paths[f"/books/{name}"] = {"get": _book(name, book)}
    for name, trial in trials.TRIALS.items():
        paths[f"/try/{name}"] = {"post": _trial(name, trial)}
    paths[f"/{summaries.NAME}"] = {"get": _summaries()}
    for name, area in sorted(served().items()):
        paths[f"/acts/{name}"] = {"post": _act(name, area)}
    for shown in portal.NOUNS.values():
        paths[f"/portal/{shown.noun.name}"] = {"get": _list(shown.noun, "own_")}
        paths[f"/portal/{shown.noun.name}/{{id}}"] = {"get": _read(shown.noun, "own_")}
    for name, done in sorted(portal.ACTS.items()):
        paths[f"/portal/acts/{name}"] = {"post": _own_act(name, done)}
    paths["/portal/balance"] = {"get": _balance()}
    paths["/portal/ways-to-pay"] = {"get": _ways_to_pay()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tollgate", "version": __version__},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "problem": _PROBLEM,
                **{noun.name: _record(noun) for noun in NOUNS},
                summaries.NAME: {"type": "object", "properties": dict(summaries.FIELDS)},
                **{f"own_{name}": _record(shown.noun) for name, shown in portal.NOUNS.items()},
            },
        },
    }


def _record(noun: Noun) -> dict[str, Any]:
    return {"type": "object", "properties": {name: field_schema(noun, name) for name in all_fields(noun)}}


def _list(noun: Noun, own: str = "") -> dict[str, Any]:
    moments = ("since", "before") if noun.moment else ()
    filters = {name: _filter_schema(noun, name) for name in noun.filters}
    filters |= {name: {"type": "string", "format": "date-time"} for name in moments}
    if noun.archived and not own:
        filters["where"] = {"type": "string", "description": WHERE}
    return {
        "operationId": f"list_{own}{noun.name}",
        "tags": [noun.area],
        "parameters": _asked(filters, required=("since",) if noun.ranged else ()),
        "responses": {"200": _content("a page", _page(own + noun.name)), **_problems()},
    }


def _summaries() -> dict[str, Any]:
    """The list whose rows have no id."""
    page = _page(summaries.NAME)
    page["properties"]["as_of"] = {"type": "string", "format": "date-time"}
    return {
        "operationId": f"list_{summaries.NAME}",
        "tags": [summaries.AREA],
        "parameters": _asked(summaries.PARAMETERS, required=("since",)),
        "responses": {"200": _content("a page", page), **_problems()},
    }


def _asked(filters: Mapping[str, Any], *, required: Collection[str]) -> list[dict[str, Any]]:
    """The parameters of a list."""
    limit: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": ROWS_MOST, "default": ROWS}
    text: dict[str, Any] = {"type": "string"}
    asked = {"limit": limit, "cursor": text, "fields": text, **filters}
    return [_parameter(name, kind, required=name in required) for name, kind in asked.items()]


def _page(name: str) -> dict[str, Any]:
    """A page of these rows."""
    return {
        "type": "object",
        "required": ["data", "next"],
        "properties": {"data": {"type": "array", "items": _ref(name)}, "next": {"type": ["string", "null"]}},
    }


def _read(noun: Noun, own: str = "") -> dict[str, Any]:
    return {
        "operationId": f"read_{own}{noun.name}",
        "tags": [noun.area],
        "parameters": [
            _parameter("id", {"type": "integer"}, place="path", required=True),
            _parameter("fields", {"type": "string"}),
        ],
        "responses": {"200": _content("the record", _ref(own + noun.name)), **_problems()},
    }


def _file(noun: str, name: str, kind: files.Kind) -> dict[str, Any]:
    """What belongs to a record as a file."""
    content = _content("the file", {"type": "string", "format": "binary"}, kind.media)
    return {
        "operationId": f"read_{noun}_{name}".replace("-", "_"),
        "summary": kind.words,
        "tags": [BY_NAME[noun].area],
        "parameters": [_parameter("id", {"type": "integer"}, place="path", required=True)],
        "responses": {"200": content, **_problems(), **(_told({"409": kind.conflict}) if kind.conflict else {})},
    }


def _book(name: str, book: books.Book) -> dict[str, Any]:
    """What the books tell of some days."""
    given = _content("the file", {"type": "string", "format": "binary"}, book.media)
    if not book.media:
        given = _content("what the books tell", {"type": "object", "properties": dict(book.tells)})
    return {
        "operationId": f"read_books_{name}".replace("-", "_"),
        "summary": book.words,
        "tags": [books.AREA],
        "parameters": [
            _parameter(asked, dict(kind), required=asked in book.required) for asked, kind in book.takes.items()
        ],
        "responses": {"200": given, **_problems()},
    }


def _trial(name: str, trial: trials.Trial) -> dict[str, Any]:
    """A tester of numbers."""
    fields = {key: _argument(one) for key, one in trial.takes.items()}
    body = {"type": "object", "properties": fields, "additionalProperties": False}
    refused = {status: words for status, words in OF_ACTS.items() if status != "409"}
    answer = {"type": "object", "required": list(trial.tells), "properties": dict(trial.tells)}
    return {
        "operationId": f"try_{name}".replace("-", "_"),
        "summary": trial.words,
        "tags": [trial.area],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _content("what becomes of the numbers", answer), **_problems(), **_told(refused)},
    }


def _own_act(name: str, done: portal.Done) -> dict[str, Any]:
    """An act of a contact's program: less to give, less to be told."""
    known = {"id": {"type": "integer"}, "version": {"type": ["integer", "null"]}, **done.tells}
    told = {"type": "object", "properties": known}
    answer = {
        "type": "object",
        "required": ["result", "warnings"],
        "properties": {
            "result": {"anyOf": [told, {"type": "boolean"}, {"type": "null"}]},
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    }
    return {
        "operationId": f"own_{name}",
        "summary": shape(name).words.split("\n\n")[0].replace("\n", " "),
        "tags": [done.section],
        "parameters": [_parameter("Idempotency-Key", {"type": "string"}, place="header")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(name, done.takes)}}},
        "responses": {"2XX": _content("done", answer), **_problems(), **_told(OF_ACTS)},
    }


def _balance() -> dict[str, Any]:
    amounts = ("balance_micros", "held_micros", "limit_micros", "spent_today_micros")
    told = {"currency": {"type": "string"}, **{name: {"type": ["integer", "null"]} for name in amounts}}
    return {
        "operationId": "own_balance",
        "tags": ["dashboard"],
        "responses": {"200": _content("the wallet", {"type": "object", "properties": told}), **_problems()},
    }


def _ways_to_pay() -> dict[str, Any]:
    way = {
        **{name: {"type": "string"} for name in ("name", "title", "details")},
        **{name: {"type": "integer"} for name in ("surcharge_micros", "surcharge_ppm")},
        "currencies": {"type": "array", "items": {"type": "string"}},
    }
    rows = {"type": "array", "items": {"type": "object", "properties": way}}
    told = {"type": "object", "required": ["data"], "properties": {"data": rows}}
    return {
        "operationId": "own_ways_to_pay",
        "tags": ["payments"],
        "responses": {"200": _content("the ways", told), **_problems()},
    }


def _body(name: str, takes: Collection[str] | None = None) -> dict[str, Any]:
    """The arguments of an act, or those of them that are taken."""
    known = shape(name)
    arguments = {key: one for key, one in known.arguments.items() if takes is None or key in takes}
    return {
        "type": "object",
        "properties": {key: _argument(one) for key, one in arguments.items()},
        "required": [key for key, one in arguments.items() if one.required],
        "additionalProperties": schema_of(known.others) if known.others is not None and takes is None else False,
    }


def _act(name: str, area: str) -> dict[str, Any]:
    known = shape(name)
    done = {
        "type": "object",
        "required": ["result", "warnings"],
        "properties": {"result": _result(known.returns), "warnings": {"type": "array", "items": {"type": "string"}}},
    }
    headers = ("Idempotency-Key", "If-Match") if "version" in known.arguments else ("Idempotency-Key",)
    return {
        "operationId": name,
        "summary": known.words.split("\n\n")[0].replace("\n", " "),
        "description": known.words,
        "tags": [area],
        "parameters": [
            *(_parameter(header, {"type": "string"}, place="header") for header in headers),
            _parameter("reason", {"type": "string"}),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(name)}}},
        "responses": {"2XX": _content("done", done), **_problems(), **_told(OF_ACTS)},
    }


def _argument(one: Argument) -> dict[str, Any]:
    simple = isinstance(one.default, (bool, int, str))
    return {**schema_of(one.kind), **one.limits, **({"default": one.default} if simple else {})}


def _result(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, models.Model):
        return _ref(BY_MODEL[kind].name) if kind in BY_MODEL else {"type": "object"}
    return {"type": "null"} if kind is type(None) else {}


def _filter_schema(noun: Noun, name: str) -> dict[str, Any]:
    schema = field_schema(noun, name)
    kind = schema["type"]
    return {**schema, "type": kind[0] if isinstance(kind, list) else kind}


def _parameter(name: str, schema: dict[str, Any], *, place: str = "query", required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(words: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": words, "content": {kind: {"schema": schema}}}


def _problems() -> dict[str, Any]:
    long = {"description": "the address is longer than 8190 signs: told by the web server, as HTML"}
    return {**_told({**PROBLEMS, "422": "some fields cannot be"}), "414": long}


def _told(problems: dict[str, str]) -> dict[str, Any]:
    return {status: _content(words, _ref("problem"), "application/problem+json") for status, words in problems.items()}
