"""A program that calls the API with a token."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tollgate.actions.acts import Actor, acting
from tollgate.actions.tokens import create_api_token
from tollgate.store.models import ApiToken, User


@dataclass
class Api:
    """One token; `get` and `act` ask with it."""

    token: ApiToken
    secret: str
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    @classmethod
    def of(cls, user: User, *scopes: str, **fields: Any) -> Api:
        """A new token of this user."""
        owner = Actor(user.email, frozenset({"*"}), kind="user", id=user.pk, areas=frozenset({"*"}))
        with acting(owner):
            made = create_api_token(name="program", scopes=list(scopes) or ["*"], **fields)
        return cls(made.row, made.secret)

    def get(self, address: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        """The answer to a GET below /api/v1/."""
        named = {"Authorization": f"Bearer {self.secret}", **headers}
        return self.client.get(f"/api/v1/{address}", query or {}, headers=named)

    def act(self, act_name: str, headers: dict[str, str] | None = None, /, **arguments: Any) -> Any:
        """The answer to an act."""
        return self.post(f"acts/{act_name}", json.dumps(arguments), headers)

    def post(self, address: str, body: str | bytes, headers: dict[str, str] | None = None, **more: Any) -> Any:
        """The answer to a POST of this very body."""
        named = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        kind = more.pop("content_type", "application/json")
        return self.client.post(f"/api/v1/{address}", body, content_type=kind, headers=named, **more)


def fields_of(answer: HttpResponse) -> set[tuple[str, str]]:
    """The bad fields of a problem, with their codes."""
    assert answer["Content-Type"] == "application/problem+json"
    return {(one["field"], one["code"]) for one in json.loads(answer.content)["errors"]}
