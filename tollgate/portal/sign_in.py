"""The way of contacts into the portal by a provider of OpenID Connect; all that holds for a password holds here."""

from datetime import UTC, datetime
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.audit import note_event
from tollgate.actions.portal_access import NeedsCode, Opened, Refused, log_in_by_provider
from tollgate.actions.sign_in import NotAdmitted, admit_contact, providers_of
from tollgate.core.sign_in import ClaimsUnfit, Person
from tollgate.gateways.sign_in import SignInFailed
from tollgate.portal.access import domain, place
from tollgate.portal.entrance import ask_for_code, opened
from tollgate.store.models import Contact, SignInProvider
from tollgate.ui.requests import client_ip
from tollgate.ui.sign_in import COOKIE, NotBegun, begin, finish, name_of

FAILED: Final = "The login by {} did not work: {}"


@never_cache
@require_safe
def sign_in(request: HttpRequest, provider_id: int) -> HttpResponse:
    """To the provider."""
    provider = _provider(request, provider_id)
    try:
        return begin(request, provider, back=_back(provider), wanted=request.GET.get("next", ""), at=datetime.now(UTC))
    except SignInFailed as problem:
        return _told(request, provider, str(problem))


@never_cache
@require_safe
def signed_in(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Back from the provider."""
    provider = _provider(request, provider_id)
    try:
        person, wanted = finish(request, provider, back=_back(provider), at=datetime.now(UTC))
        contact = _admitted(request, provider, person)
    except NotBegun as problem:
        return _told(request, provider, str(problem))
    except (SignInFailed, ClaimsUnfit, Invalid) as problem:
        return _failed(request, provider, str(problem), str(problem))
    except NotAdmitted as problem:
        return _failed(request, provider, str(problem), problem.why, name=name_of(provider, person))
    match log_in_by_provider(contact=contact, place=place(request), at=datetime.now(UTC)):
        case Opened(key):
            answer = opened(request, key, wanted)
            answer.delete_cookie(COOKIE, path=_back(provider), samesite="Lax")
            return answer
        case NeedsCode(token):
            return ask_for_code(request, token, wanted)
        case Refused(why):
            return _told(request, provider, why)


def _admitted(request: HttpRequest, provider: SignInProvider, person: Person) -> Contact:
    name, why = admit_contact.__name__, f"login by {provider.title}"
    with acting(Actor(name_of(provider, person), frozenset({name}), why, "contact", ip=client_ip(request))):
        return admit_contact(
            provider_id=provider.pk,
            subject=person.subject,
            email=person.email,
            email_verified=person.email_verified,
        )


def _failed(request: HttpRequest, provider: SignInProvider, words: str, why: str, *, name: str = "") -> HttpResponse:
    actor = Actor(name, frozenset(), kind="contact", ip=client_ip(request))
    told = {"why": why, "provider": provider.title}
    note_event(actor=actor, verb="LOGIN_FAILED", table_name="contact", row_id=0, told=told)
    return _told(request, provider, words)


def _told(request: HttpRequest, provider: SignInProvider, words: str) -> HttpResponse:
    messages.error(request, FAILED.format(provider.title, words))
    return redirect("portal:login")


def _provider(request: HttpRequest, provider_id: int) -> SignInProvider:
    """A provider of the portal that was asked, and of no other."""
    here = domain(request)
    for provider in providers_of("contacts", here.pk if here else None):
        if provider.pk == provider_id:
            return provider
    raise Http404


def _back(provider: SignInProvider) -> str:
    return reverse("portal:signed_in", args=[provider.pk])


urlpatterns = [
    path("sign-in/<int:provider_id>/", sign_in, name="sign_in"),
    path("sign-in/<int:provider_id>/back/", signed_in, name="signed_in"),
]
