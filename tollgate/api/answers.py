"""What the API says: JSON, and problems by RFC 9457. A refusal is raised as `Refused` and answered by the door.

To say a new kind of value, add it to `plain`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, TypedDict

from django.db import models
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from tollgate.actions import records

HIDDEN: Final = records.SECRETS | {"secret_hash", "key_hash", "arguments"}
"""Columns that no answer to an act holds; of records that are nouns, their fields are told instead."""
_ADDRESSES = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)


class Error(TypedDict):
    """One bad field."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: kept as it is for repeats."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> HttpResponseBase:
        """The same for Django."""
        kind = "application/problem+json" if self.status >= 400 else "application/json"
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        headers = {"Cache-Control": "no-store", **self.headers}
        return HttpResponse(text, status=self.status, content_type=kind, headers=headers)


class Refused(Exception):
    """The request is not answered with what it asks for."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[Error] = (),
        headers: Mapping[str, str] | None = None,
        current: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        told: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "errors": list(errors)}
        if detail:
            told["detail"] = detail
        if current is not None:
            told["current"] = plain(current)
        self.answer: Final = Answer(status, told, headers or {})


def unfit(*errors: Error) -> Refused:
    """The refusal of bad fields."""
    return Refused(422, "Some fields cannot be.", errors=errors)


def error(name: str, message: str, *, code: str = "invalid") -> Error:
    """One bad field."""
    return {"field": name, "code": code, "message": message}


def plain(value: Any) -> Any:
    """A value as JSON carries it: instants by RFC 3339 in UTC, money as whole micros or nanos."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, _ADDRESSES):
        return str(value)
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, models.Model):
        return {name: plain(getattr(value, name)) for name in columns(type(value)) if name not in HIDDEN}
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    assert isinstance(value, (list, tuple, set, frozenset)), type(value)
    return [plain(inner) for inner in value]


def columns(model: type[models.Model]) -> list[str]:
    """The columns of a model, keys of other rows as `<name>_id`."""
    return [column.attname for column in model._meta.concrete_fields]  # noqa: SLF001 - Django's public name
