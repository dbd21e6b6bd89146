"""Login by a provider of OpenID Connect: what its tokens must say, and what they say of a person.

The rules are those of OpenID Connect Core 1.0, section 3.1.3.7; the signature was checked before (gateways.sign_in).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

LEEWAY: Final = timedelta(seconds=60)
"""So far two clocks may differ."""
SUBJECT_MOST: Final = 255
MOMENT_MOST: Final = 2**37
"""Some thousand years from now: later is no moment."""
Claims = Mapping[str, object]


class ClaimsUnfit(Exception):
    """A token that is not for us, not now, or not the one we asked for; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in at the provider. `email` belongs to them for sure only if it is `email_verified`."""

    subject: str
    email: str
    email_verified: bool
    name: str
    groups: frozenset[str]


def check_claims(claims: Claims, *, issuer: str, client_id: str, nonce: str, at: datetime) -> None:
    """Raises ClaimsUnfit for a token that this login must not believe."""
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    said = claims.get("nonce")
    if claims.get("iss") != issuer:
        raise ClaimsUnfit("It was issued by somebody else.")
    if client_id not in meant or (len(meant) > 1 and claims.get("azp") != client_id):
        raise ClaimsUnfit("It is meant for another program.")
    if claims.get("azp") not in (None, client_id):
        raise ClaimsUnfit("It was given to another program.")
    if _moment(claims, "exp") <= at - LEEWAY:
        raise ClaimsUnfit("Its time is over.")
    if _moment(claims, "iat") > at + LEEWAY:
        raise ClaimsUnfit("It was issued in the future: a clock is wrong.")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise ClaimsUnfit("It answers another login.")


def person_of(claims: Claims, *, groups_claim: str) -> Person:
    """The person that claims speak of. Raises ClaimsUnfit without a subject, or with what is no text."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_MOST:
        raise ClaimsUnfit("It does not say who it is about.")
    if not all(_can_be_kept(text) for text in (subject, _text(claims, "email"), _text(claims, "name"))):
        raise ClaimsUnfit("It says what no text can hold.")
    return Person(
        subject=subject,
        email=_text(claims, "email").strip().lower(),
        email_verified=claims.get("email_verified") is True,
        name=_text(claims, "name").strip(),
        groups=_groups(claims, groups_claim),
    )


def has_claim(claims: Claims, path: str) -> bool:
    """Whether claims say this, by its name or by a path such as `realm_access.roles`."""
    return _found(claims, path) is not None


def _groups(claims: Claims, path: str) -> frozenset[str]:
    told = _found(claims, path)
    several = told if isinstance(told, list) else [told]
    return frozenset(one for one in several if isinstance(one, str) and one)


def _found(claims: Claims, path: str) -> object:
    """A claim by its name; names may have dots in them, so a path is only tried after that."""
    if path in claims:
        return claims[path]
    here: object = claims
    for step in path.split("."):
        here = here.get(step) if isinstance(here, Mapping) else None
    return here


def _moment(claims: Claims, name: str) -> datetime:
    """A moment that is told in whole seconds since 1970 (RFC 7519 section 2, NumericDate)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOMENT_MOST:
        raise ClaimsUnfit(f"It does not say {name}.")
    return datetime.fromtimestamp(value, UTC)


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _can_be_kept(text: str) -> bool:
    """JSON can write a NUL and half a sign of two, which no database takes."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
