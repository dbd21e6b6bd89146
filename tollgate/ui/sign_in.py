"""Login by a provider, as both faces do it: to the provider with a question, and back with its answer.

    return begin(request, provider, back=reverse(...), wanted="/customers/", at=at)   # a redirect
    person, wanted = finish(request, provider, back=reverse(...), at=at)   # raises SignInFailed, NotBegun, ClaimsUnfit

The question waits in a cookie that only we can read, for ten minutes and for the one address that `back` is: whoever
brings an answer without it did not begin this login here.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import astuple
from datetime import datetime
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from tollgate.actions.sign_in import client_of
from tollgate.core.sign_in import Person, person_of
from tollgate.gateways.sign_in import Question, SignInFailed, address_to_ask, claims_for, description, new_question
from tollgate.store.models import SignInProvider
from tollgate.store.secrets import CannotUnseal, seal, unseal

COOKIE: Final = "tollgate_sign_in"
LIFE_S: Final = 600
_OTHER_SIGNS: Final = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
"""What no code of an error holds (RFC 6749, section 4.1.2.1); anybody can write one into the address."""
BEGIN_AGAIN: Final = "This took too long, or was begun elsewhere: begin again."


class NotBegun(SignInFailed):
    """Somebody came back whom we never sent there; anybody can, so that nobody notes it."""


def begin(request: HttpRequest, provider: SignInProvider, *, back: str, wanted: str, at: datetime) -> HttpResponse:
    """Sends the browser to the provider. Raises SignInFailed."""
    question = new_question()
    address = address_to_ask(client_of(provider), question, redirect_uri=request.build_absolute_uri(back))
    kept = seal(json.dumps([provider.pk, int(at.timestamp()), wanted[:1000], *astuple(question)]))
    answer = redirect(address)
    answer.set_cookie(
        COOKIE, kept, LIFE_S, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, path=back
    )
    return answer


def finish(request: HttpRequest, provider: SignInProvider, *, back: str, at: datetime) -> tuple[Person, str]:
    """Who came back, and the page that was wanted. Raises SignInFailed, NotBegun, ClaimsUnfit."""
    question, wanted = _kept(request, provider, at)
    given = request.GET
    if not hmac.compare_digest(given.get("state", "").encode(), question.state.encode()):
        raise SignInFailed(BEGIN_AGAIN)
    if given.get("error"):
        raise SignInFailed(f"The provider says no: {''.join(_OTHER_SIGNS.split(given['error']))[:100]}.")
    if given.get("iss", description(provider.issuer)["issuer"]) != description(provider.issuer)["issuer"]:
        raise SignInFailed("Another provider answered.")  # RFC 9207
    claims = claims_for(
        client_of(provider),
        question,
        code=given.get("code", ""),
        redirect_uri=request.build_absolute_uri(back),
        at=at,
    )
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return person_of(claims, groups_claim=provider.groups_claim), wanted if ours else ""


def name_of(provider: SignInProvider, person: Person) -> str:
    """Somebody whom nobody here knows yet, for the audit log: an email may be anybody's, a subject is its owner's."""
    return f"{provider.title}: {person.subject}"


def _kept(request: HttpRequest, provider: SignInProvider, at: datetime) -> tuple[Question, str]:
    """The question of this browser."""
    try:
        provider_id, begun_s, wanted, *words = json.loads(unseal(request.COOKIES.get(COOKIE, "")) or "[0, 0, 0]")
    except CannotUnseal:
        raise NotBegun(BEGIN_AGAIN) from None
    if provider_id != provider.pk or at.timestamp() - begun_s > LIFE_S:
        raise NotBegun(BEGIN_AGAIN)
    return Question(*words), wanted
