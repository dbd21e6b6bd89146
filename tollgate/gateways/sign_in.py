"""How we speak to a provider of OpenID Connect: authorization code flow with PKCE, tokens checked by its public keys.

    question = new_question()
    address_to_ask(client, question, redirect_uri=...)                       # where the browser goes
    claims = claims_for(client, question, code=..., redirect_uri=..., at=at)  # when it comes back

Every address that a provider names is checked like one that a user names (addresses.py). Its description is kept for
ten minutes and its keys for an hour; a token signed by a key not known yet makes us ask for the keys again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from django.core.cache import cache
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from tollgate.core.sign_in import Claims, check_claims, has_claim
from tollgate.gateways.addresses import Unreachable, is_inside, reachable
from tollgate.gateways.payments import http
from tollgate.gateways.payments.model import NotReached

DESCRIPTION_LIFE_S: Final = 600
FAILURE_LIFE_S: Final = 30
"""Not sooner is a provider asked again that gave no description: anybody's browser can make us ask."""
KEYS_LIFE_S: Final = 3600
KEYS_AGAIN_S: Final = 60
"""Not sooner are the keys asked for again, whatever tokens come."""
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519", "EdDSA"),
)
"""Signatures by a private key of the provider; never `none`, nor one by a secret that we know too."""
NEEDED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class SignInFailed(Exception):
    """The provider did not answer as it must; the sentence says how, and never tells a secret."""


@dataclass(frozen=True, slots=True)
class Client:
    """Us, as the provider knows us. `groups_claim` is what is asked for by a second question if a token lacks it."""

    issuer: str
    client_id: str
    secret: str
    scopes: str
    groups_claim: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What one login is recognized by: the browser brings `state` back, the token `nonce`; `verifier` is only ours."""

    state: str
    nonce: str
    verifier: str


def new_question() -> Question:
    """Three words that nobody guesses."""
    return Question(*(secrets.token_urlsafe(32) for _ in range(3)))


def description(issuer: str, *, anew: bool = False) -> dict[str, Any]:
    """What the provider says of itself (OpenID Connect Discovery 1.0, section 4). Raises SignInFailed.

    A failure is kept for a while like the description; `anew` asks in spite of one.
    """
    place = _place(issuer)
    known = cache.get(place)
    if isinstance(known, dict):
        return known
    if isinstance(known, str) and not anew:
        raise SignInFailed(known)
    try:
        told = _described(issuer)
    except SignInFailed as problem:
        cache.set(place, str(problem), FAILURE_LIFE_S)
        raise
    cache.set(place, told, DESCRIPTION_LIFE_S)
    return told


def _described(issuer: str) -> dict[str, Any]:
    told = _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", {})
    lacking = [name for name in NEEDED if not isinstance(told.get(name), str)]
    if lacking:
        raise SignInFailed(f"Its description lacks {', '.join(lacking)}.")
    if told["issuer"].rstrip("/") != issuer.rstrip("/"):
        raise SignInFailed(f"It calls itself {told['issuer'][:200]}.")
    return told


def _place(issuer: str) -> str:
    """Under which name a description is kept."""
    return f"sign_in_description_{_hash(issuer)}"


def public_keys(issuer: str, *, anew: bool = False) -> list[dict[str, Any]]:
    """The keys that the provider signs by (RFC 7517). Raises SignInFailed."""
    place = f"sign_in_keys_{_hash(issuer)}"
    known = cache.get(place)
    if isinstance(known, list) and not (anew and cache.add(f"{place}_again", 1, KEYS_AGAIN_S)):
        return known
    told = _asked("GET", description(issuer)["jwks_uri"], {}).get("keys")
    keys = [key for key in told if isinstance(key, dict)] if isinstance(told, list) else []
    if not keys:
        raise SignInFailed("It tells no keys.")
    cache.set(place, keys, KEYS_LIFE_S)
    return keys


def address_to_ask(client: Client, question: Question, *, redirect_uri: str) -> str:
    """Where the browser goes to log in. Raises SignInFailed."""
    known = description(client.issuer)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(question.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": client.scopes,
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    beginning = str(known["authorization_endpoint"])
    if urlsplit(beginning).scheme not in ("http", "https"):
        raise SignInFailed("It names no address to log in at.")
    return f"{beginning}{'&' if '?' in beginning else '?'}{urlencode(asked)}"


def address_to_leave(client: Client, *, back: str) -> str:
    """Where the browser logs out at the provider as well (RP-Initiated Logout 1.0); empty where it has no such page.

    The provider is not asked: its description has to be known already.
    """
    known = cache.get(_place(client.issuer))
    beginning = known.get("end_session_endpoint") if isinstance(known, dict) else None
    if not isinstance(beginning, str) or urlsplit(beginning).scheme not in ("http", "https"):
        return ""
    told = urlencode({"client_id": client.client_id, "post_logout_redirect_uri": back})
    return f"{beginning}{'&' if '?' in beginning else '?'}{told}"


def claims_for(client: Client, question: Question, *, code: str, redirect_uri: str, at: datetime) -> Claims:
    """What the provider says of whoever brought the code. Raises SignInFailed, and ClaimsUnfit for another's token."""
    known = description(client.issuer)
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": question.verifier,
    }
    headers, body = _proof(client, known)
    answer = _asked("POST", known["token_endpoint"], headers, given | body)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise SignInFailed(f"It gives no token: {str(answer.get('error', 'without a reason'))[:100]}.")
    claims = verified(client.issuer, token)
    check_claims(claims, issuer=known["issuer"], client_id=client.client_id, nonce=question.nonce, at=at)
    wanted = ("email", *([client.groups_claim] if client.groups_claim else []))
    if all(has_claim(claims, name) for name in wanted):
        return claims
    return _completed(claims, known.get("userinfo_endpoint"), answer.get("access_token"))


def verified(issuer: str, token: str) -> Claims:
    """The claims of a token that the provider has signed. Raises SignInFailed for any other."""
    for anew in (False, True):
        for key in public_keys(issuer, anew=anew):
            if key.get("kty") == "oct" or key.get("use") == "enc":
                continue
            try:
                signed = jws.deserialize_compact(token, JWKRegistry.import_key(key), algorithms=ALGORITHMS)
            except (JoseError, ValueError, KeyError, TypeError):
                continue  # another key, or another kind of key, may have signed it
            return http.told(signed.payload)
    raise SignInFailed("Its token is not signed by one of its keys.")


def _completed(claims: Claims, address: object, access: object) -> Claims:
    """The claims with those that the provider tells of the same person when it is asked (section 5.3)."""
    if not isinstance(address, str) or not isinstance(access, str):
        return claims
    more = _asked("GET", address, {"Authorization": f"Bearer {access}"})
    return {**more, **claims} if more.get("sub") == claims.get("sub") else claims


def _proof(client: Client, known: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """How we show that we are the client: headers and fields (RFC 6749 section 2.3.1)."""
    if not client.secret:
        return {}, {"client_id": client.client_id}
    ways = known.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if "client_secret_basic" not in ways and "client_secret_post" in ways:
        return {}, {"client_id": client.client_id, "client_secret": client.secret}
    words = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"
    return {"Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}, {}


def _asked(method: str, url: str, headers: dict[str, str], fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that comes back."""
    _check_protected(url)
    body = urlencode(fields).encode() if fields is not None else None
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if fields is not None else {}
    try:
        status, content = http.ask(method, url, body=body, headers={"Accept": "application/json", **kind, **headers})
    except NotReached as problem:
        raise SignInFailed(str(problem)) from None
    told = http.told(content)
    if status != 200 and "error" not in told:
        raise SignInFailed(f"{urlsplit(url).hostname} answers with {status}.")
    return told


def _check_protected(url: str) -> None:
    """What is told there must not be read or changed on the way: TLS, but for an address inside that is wanted."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SignInFailed("It names an address that is none.") from None
    if parts.scheme == "https" and parts.hostname:
        return
    try:
        found = reachable(parts.hostname or "", port or 80) if parts.scheme == "http" else []
    except Unreachable as problem:
        raise SignInFailed(str(problem)) from None
    if not found or not all(is_inside(ip_address(address.partition("%")[0])) for address in found):
        raise SignInFailed("It names an address without https.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
