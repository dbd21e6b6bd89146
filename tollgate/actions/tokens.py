"""Acts on the API tokens of users: made by their owner within the owner's own rights, shown once, revoked at once.

Those of contacts are in contact_tokens.py.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models.functions import Now

from tollgate.actions import checks, records
from tollgate.actions.acts import ACTS, EVERY_ACT, NotFound, act, current, refuse
from tollgate.core.areas import AREAS, EVERY_AREA, OWN_ACTS, OWN_AREA
from tollgate.store.models import ApiToken

PREFIX: Final = "tg_"
SHOWN: Final = 8
READ: Final = "read:"
"""A scope is the name of an act, or `read:` and an area; `*` is everything its owner may do."""


def _scopes(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or not value:
        raise checks.Unfit("Give a list of scopes, such as read:customers or top_up, or * for all your rights.")
    known = {*ACTS, *(f"{READ}{area}" for area in (*AREAS, OWN_AREA)), f"{READ}{EVERY_AREA}", EVERY_ACT}
    unknown = [str(name) for name in value if name not in known]
    if unknown:
        raise checks.Unfit(f"These scopes do not exist: {', '.join(unknown)}.")
    return sorted({str(name) for name in value})


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(100, required=True),
    "scopes": _scopes,
    "expires_at": checks.optional(checks.instant),
    "allowed_networks": checks.networks,
}


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its secret, which is told once."""

    row: ApiToken
    secret: str


@act
def create_api_token(
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | str | None = None,
    allowed_networks: Sequence[str] = (),
) -> NewToken:
    """Makes a token of the user who asks. Only its hash is kept: the secret is told this once."""
    given = {"name": name, "scopes": scopes, "expires_at": expires_at, "allowed_networks": list(allowed_networks)}
    values = checks.cleaned(CHECKS, given)
    owner = current.get()
    if owner.id is None or owner.kind != "user":
        raise refuse("name", "Only a user has such tokens.")
    _check_own(values["scopes"])
    return keep(values, user_id=owner.id)


@act
def revoke_api_token(*, token_id: int) -> None:
    """Ends a token of one's own, from the next request on. Those of others end by `revoke_user_token`."""
    owner = current.get()
    if owner.kind != "user" or owner.id is None:
        raise NotFound(f"There is no token {token_id}.")
    end(token_id, user_id=owner.id)


def end(token_id: int, *, user_id: int) -> ApiToken:
    """Ends a token of this user. Raises NotFound."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id, user_id=user_id).first()
    if token is None:
        raise NotFound(f"There is no token {token_id}.")
    return token if token.revoked_at is not None else records.change(token, {"revoked_at": Now()})


def keep(values: Mapping[str, Any], *, user_id: int | None = None, contact_id: int | None = None) -> NewToken:
    """A new token of a user or of a contact, with a secret of its own. Raises Invalid for one that has ended."""
    if values["expires_at"] is not None and values["expires_at"] <= records.now():
        raise refuse("expires_at", "This is past: give a moment to come, or none.")
    secret = PREFIX + secrets.token_urlsafe(30)
    made = {"user_id": user_id, "contact_id": contact_id, "shown": secret[:SHOWN], "secret_hash": hashed(secret)}
    return NewToken(records.create(ApiToken, {**values, **made}), secret)


def hashed(secret: str) -> str:
    """All that is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_own(scopes: Sequence[str]) -> None:
    owner = current.get()
    if EVERY_ACT in scopes:
        return  # scopes only ever narrow: `*` is whatever the owner may do at the time of a request
    acts = [name for name in scopes if not name.startswith(READ) and name not in OWN_ACTS]
    areas = {name: name.removeprefix(READ) for name in scopes if name.startswith(READ)}
    lacking = [name for name in acts if not owner.may_do(name)]
    if EVERY_AREA not in owner.areas:
        lacking += [name for name, area in areas.items() if area not in owner.areas | {OWN_AREA}]
    if lacking:
        raise refuse("scopes", f"You do not have these rights yourself: {', '.join(lacking)}.")
